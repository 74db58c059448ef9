"""What a person may quote of a publisher's use, and the one sum that may be made."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import formatting
from usage_metrics.report.few import LEAST
from usage_metrics.report.formatting import harmless, listed, number
from usage_metrics.report.place_lines import REQUESTS, Line, Place
from usage_metrics.report.publisher import Publisher

QUOTED = 3
"""The most platforms in the sentences to quote."""


class Sum(NamedTuple):
    """The one sum that may be made."""

    requests: str
    change: str
    line: Line
    """The requests of each day."""
    places: list[str]
    again: list[str]
    """Logs that have the same requests once more; they are not in it."""


def sum_of_requests(publisher: Publisher) -> Sum | None:
    """The standard's requests over our own logs, each request once.

    What a CDN has asked a bucket for is not use in the bucket's log, if that of the CDN
    is read. A number that is hidden is not in the sum, so that nobody finds it by
    subtraction.
    """
    logs, again = _different_logs(publisher)
    lines = [
        line
        for line in publisher.lines
        if line.measure.id == REQUESTS and line.place in logs
    ]
    shown = [line for line in lines if not publisher.writing.hides(line.total)]
    if not shown:
        return None
    added = np.nansum([line.added for line in shown], axis=0)
    added[np.all([~line.known for line in shown], axis=0)] = np.nan
    together = replace(shown[0], added=added)
    change = publisher.writing.change(together, publisher.window)
    titles = [[place.title for place in of] for of in (logs, again)]
    return Sum(number(together.total or 0), change, together, *titles)


def _different_logs(publisher: Publisher) -> tuple[list[Place], list[Place]]:
    """The logs of different requests, and those that have the same ones once more.

    A load balancer and the server behind it both log a request. Of logs that name the
    same host, and are about the same dataset, the one with most requests is taken.
    """
    used: dict[str, float] = {}
    datasets: dict[str, set[str]] = {}
    for line in publisher.lines:
        if line.measure.id == REQUESTS:
            name = line.place.name
            used[name] = used.get(name, 0) + (line.total or 0)
            datasets.setdefault(name, set()).add(line.dataset)
    logs = [place for place in publisher.places if place.name in used]
    taken: list[Place] = []
    for place in sorted(logs, key=lambda place: -used[place.name]):
        same = (
            place.hosts & other.hosts and datasets[place.name] & datasets[other.name]
            for other in taken
        )
        if not any(same):
            taken.append(place)
    return [p for p in logs if p in taken], [p for p in logs if p not in taken]


def sentences(publisher: Publisher, total: Sum | None) -> list[str]:
    """What a person may quote: the figures, the period, and what was left out."""
    span = publisher.span
    period = formatting.days(span.start, span.stop - ONE_DAY)
    said = []
    if total:
        logs = listed([harmless(title) for title in total.places])
        said.append(
            f"{period}: {publisher.subject} requested {total.requests} times from our "
            f"own servers ({logs}), as counted by the COUNTER Code of Practice for "
            f"Research Data; requests of robots, our own requests, repeated clicks "
            f"and failures are left out{_days_left_out(publisher)}."
            f"{_said_again(total)}"
        )
    if told := [_quoted(publisher, line) for line in most_of_platforms(publisher)]:
        when = "In the same period" if total else period
        joint = ", " if total else ": "
        said.append(
            f"{when}{joint}{listed(told)}; each counts in its own way, so these "
            "numbers are not added up."
        )
    return said or [f"Nothing was counted in {period}."]


def _said_again(total: Sum) -> str:
    """Which logs are not in the sum."""
    if not total.again:
        return ""
    return (
        f" The sum is without the log of {listed(total.again)}, which has requests to "
        "the same host for the same data."
    )


def _days_left_out(publisher: Publisher) -> str:
    gone = {
        place.title: len(place.days.missing) + len(place.days.lost)
        for place in publisher.places
        if place.is_log
    }
    said = [
        f"{days:,} {'day' if days == 1 else 'days'} of {title}"
        for title, days in gone.items()
        if days
    ]
    verb = "is" if sum(gone.values()) == 1 else "are"
    return f", and so {verb} {listed(said)} without logs" if said else ""


def most_of_platforms(publisher: Publisher) -> list[Line]:
    """What each of the first platforms added most of, as far as that is known."""
    most: dict[str, Line] = {}
    for line in publisher.lines:
        is_told = (line.total or 0) >= LEAST and not line.measure.is_stock
        if is_told and not line.place.is_log:
            best = most.setdefault(line.place.name, line)
            if (line.total or 0) > (best.total or 0):
                most[line.place.name] = line
    named = (most.get(place.name) for place in publisher.places)
    return [line for line in named if line][:QUOTED]


def _quoted(publisher: Publisher, line: Line) -> str:
    """What a platform added, in words."""
    what = f"{number(line.total or 0)} {line.measure.name.lower()}"
    return f"{line.place.title} counted {what} of {publisher.name_of(line.dataset)}"
