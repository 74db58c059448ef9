"""Compares our counts with GoAccess's and explains each difference from the lines.

An explanation is an :class:`Effect`: how many requests a known peculiarity moves to or
from each key of a view, counted on the lines themselves. A difference is explained if
the effects on its key add up to it exactly; that a peculiarity exists is not enough.

What is odd about GoAccess: it counts by the date as written, whatever its zone; it
decodes and trims paths; a path is in one of three panels; a line that is cut off in its
last field is a valid request to it; and it writes bytes into its JSON that no UTF-8 is.
"""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

_TEXT = r"(?:[^\"\\]|\\.)*"
_COMBINED = re.compile(
    rf'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) ({_TEXT}?)(?: HTTP/[\d.]+)?" (\d+) (\S+)'
    rf' "{_TEXT}" "({_TEXT})("?)$'
)
PATH_PANELS = ("requests", "static_requests", "not_found")
"""Where GoAccess has the paths: each in one of them, by its status and ending."""


class Request(NamedTuple):
    """What both kinds of log say of a request."""

    time: dt.datetime
    address: str
    method: str
    path: str
    status: int
    agent: str | None


class Line(NamedTuple):
    """A line of the combined log."""

    number: int
    request: Request
    written_day: str
    is_complete: bool
    size: int
    """Bytes of the response; zero where the log has a hyphen."""


@dataclass
class Effect:
    """A peculiarity, and by how much it makes GoAccess's count of a key differ."""

    reason: str
    change: Counter[str] = field(default_factory=Counter)


class Difference(NamedTuple):
    """A key that is counted differently; without reasons it is unexplained."""

    key: str
    ours: int
    theirs: int
    reasons: tuple[str, ...]


class Verdict(NamedTuple):
    """What both say of a user agent."""

    agent_class: str
    agent_rule: str
    is_crawler: bool
    browser: str
    """GoAccess's group and name; empty where it is not asked."""


def day_of(request: Request) -> str:
    """The UTC day."""
    return str(request.time.date())


def status_of(request: Request) -> str:
    return str(request.status)


def path_of(request: Request) -> str:
    """Method and path, with the query, as sent."""
    return f"{request.method} {request.path}"


def spelled_by_goaccess(request: Request) -> str:
    path = unquote(request.path, errors="surrogateescape").strip()
    return f"{request.method} {path}"


def read_combined(lines: Iterable[str]) -> Iterator[Line]:
    """The lines that hold a request; GoAccess calls the others failed."""
    for number, text in enumerate(lines, start=1):
        match = _COMBINED.match(text.rstrip("\n"))
        if match is None:
            continue
        address, written, method, path, status, size, agent, quote = match.groups()
        time = dt.datetime.strptime(written, "%d/%b/%Y:%H:%M:%S %z")
        yield Line(
            number,
            Request(
                time.astimezone(dt.UTC),
                address,
                method,
                path,
                int(status),
                None if agent == "-" else agent,
            ),
            str(time.date()),
            bool(quote),
            int(size) if size.isdigit() else 0,
        )


def load_json(content: bytes) -> dict[str, Any]:
    """Read GoAccess's JSON, which has the bytes of decoded paths as they come."""
    report: dict[str, Any] = json.loads(content.decode("utf-8", "surrogateescape"))
    return report


def days_in(report: Mapping[str, Any]) -> Counter[str]:
    return Counter(
        {
            str(dt.datetime.strptime(item["data"], "%Y%m%d").date()): _hits(item)
            for item in report["visitors"]["data"]
        }
    )


def bytes_in(report: Mapping[str, Any]) -> Counter[str]:
    """The bytes of each day."""
    return _of_days(report, "bytes")


def visitors_in(report: Mapping[str, Any]) -> Counter[str]:
    """The visitors of each day."""
    return _of_days(report, "visitors")


def _of_days(report: Mapping[str, Any], what: str) -> Counter[str]:
    return Counter(
        {
            str(dt.datetime.strptime(item["data"], "%Y%m%d").date()): int(
                item[what]["count"]
            )
            for item in report["visitors"]["data"]
        }
    )


def statuses_in(report: Mapping[str, Any]) -> Counter[str]:
    return Counter(
        {
            item["data"].split()[0]: _hits(item)
            for group in report["status_codes"]["data"]
            for item in group["items"]
        }
    )


def paths_in(report: Mapping[str, Any]) -> Counter[str]:
    """The paths of all three panels, which have to be added up."""
    paths: Counter[str] = Counter()
    for panel in PATH_PANELS:
        for item in report.get(panel, {"data": []})["data"]:
            paths[f"{item['method']} {item['data']}"] += _hits(item)
    return paths


def _hits(item: Mapping[str, Any]) -> int:
    return int(item["hits"]["count"])


def missing(lines: Iterable[Line], ours: Counter[Request]) -> list[Line]:
    """The lines that we have no request for, as often as we lack it."""
    left = ours.copy()
    found = []
    for line in lines:
        if left[line.request] > 0:
            left[line.request] -= 1
        else:
            found.append(line)
    return found


def cut_off(lacking: Iterable[Line], key: Callable[[Request], str]) -> list[Effect]:
    """The lines that ended early: no reason to lack a line that did not."""
    return [
        Effect(
            f"line {line.number} is cut off in its last field: GoAccess counts it, "
            "the exports do not have it",
            Counter([key(line.request)]),
        )
        for line in lacking
        if not line.is_complete
    ]


def written_zone(lines: Iterable[Line]) -> list[Effect]:
    """Requests that the log's own zone puts into another day than UTC does."""
    effect = Effect("GoAccess takes the date as written, we take the day in UTC")
    for line in lines:
        effect.change[line.written_day] += 1
        effect.change[day_of(line.request)] -= 1
    return [effect]


def other_bytes(lines: list[Line], lacking: list[Line]) -> list[Effect]:
    """Why the bytes of a day may differ."""
    without = Effect("bytes of the lines that we do not have")
    zone = Effect("GoAccess takes the date as written, we take the day in UTC")
    for line in lacking:
        without.change[day_of(line.request)] += line.size
    for line in lines:
        zone.change[line.written_day] += line.size
        zone.change[day_of(line.request)] -= line.size
    return [without, zone]


def other_visitors(lines: list[Line], lacking: list[Line]) -> list[Effect]:
    """Why the visitors of a day may differ, one reason after the other."""
    absent = Counter(id(line) for line in lacking)
    steps = {
        "": [line for line in lines if id(line) not in absent],
        "visitors that only lines that we do not have name": lines,
    }
    counts = [visitors(of, lambda line: day_of(line.request)) for of in steps.values()]
    reasons = [reason for reason in steps if reason]
    counts.append(visitors(lines, lambda line: line.written_day))
    reasons.append("GoAccess takes the date as written, we take the day in UTC")
    served = [line for line in lines if not 400 <= line.request.status < 500]
    counts.append(visitors(served, lambda line: line.written_day))
    reasons.append("GoAccess leaves out visitors who met nothing but errors 400 to 499")
    effects = []
    for reason, before, after in zip(reasons, counts, counts[1:], strict=False):
        change = after.copy()
        change.subtract(before)
        effects.append(Effect(reason, change))
    return effects


def visitors(lines: Iterable[Line], day: Callable[[Line], str]) -> Counter[str]:
    """The different addresses with user agents of each day."""
    found = {
        (
            day(line),
            line.request.address,
            line.request.agent if line.is_complete else None,
        )
        for line in lines
    }
    return Counter(day for day, _, _ in found)


def spelling(ours: Counter[Request]) -> list[Effect]:
    """Paths that GoAccess writes otherwise, so that some become one."""
    effect = Effect(
        "GoAccess decodes %XX in paths and trims them, we keep what was sent"
    )
    for request, number in ours.items():
        effect.change[spelled_by_goaccess(request)] += number
        effect.change[path_of(request)] -= number
    return [effect]


def crawler_or_not(is_crawler: bool) -> str:
    return "crawler" if is_crawler else "no crawler"


def other_verdicts(
    ours: Counter[Request], verdicts: Mapping[str | None, Verdict]
) -> list[Effect]:
    """The user agents that one calls a robot and the other does not, by why."""
    effects: dict[str, Effect] = {}
    for request, number in ours.items():
        verdict = verdicts[request.agent]
        is_robot = verdict.agent_class == "robot"
        reason = why_not_the_same(verdict)
        if reason is None:
            continue
        effect = effects.setdefault(reason, Effect(reason))
        effect.change[crawler_or_not(verdict.is_crawler)] += number
        effect.change[crawler_or_not(is_robot)] -= number
    return list(effects.values())


def why_not_the_same(verdict: Verdict) -> str | None:
    """The kind of disagreement; none where they agree or nothing excuses it.

    Nothing does if we say human and GoAccess says crawler.
    """
    if verdict.agent_class == "robot" and not verdict.is_crawler:
        group = verdict.browser.partition(":")[0]
        if group == "Unknown":
            return "robots to us by a rule, of which GoAccess's list has nothing"
        if group == "Feeds":
            return "robots to us by a rule, which GoAccess counts as feed readers"
        return "robots to us by a rule, which GoAccess takes for the browser they name"
    if verdict.is_crawler and verdict.agent_class == "machine":
        return "machines to us; GoAccess has no class for scripts but crawler"
    if verdict.is_crawler and verdict.agent_class == "unknown":
        return "unknown to us as no rule holds; a crawler to GoAccess by a part of it"
    return None


def explain(
    ours: Mapping[str, int], theirs: Mapping[str, int], effects: Iterable[Effect]
) -> list[Difference]:
    """The keys counted differently, with the reasons that add up to the difference."""
    effects = list(effects)
    found = []
    for key in sorted({*ours, *theirs}):
        our, their = ours.get(key, 0), theirs.get(key, 0)
        if our == their:
            continue
        acting = [effect for effect in effects if effect.change[key]]
        adds_up = sum(effect.change[key] for effect in acting) == their - our
        reasons = tuple(effect.reason for effect in acting) if adds_up else ()
        found.append(Difference(key, our, their, reasons))
    return found


def total(requests: Counter[Request], key: Callable[[Request], str]) -> Counter[str]:
    """The number of requests for each key."""
    totals: Counter[str] = Counter()
    for request, number in requests.items():
        totals[key(request)] += number
    return totals
