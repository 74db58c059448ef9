"""The same number wherever it stands, after every kind of filter and pairs of them.

A reader walks from filter to filter in one browser. Each figure, and each cell of each
table, is compared with the sums that SQL gives for the same filter. The queries share
nothing with the report: filters by one name read the table of that name, all others
that of all names together.
"""

import contextlib
import datetime as dt
import itertools
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from chromium import Page, needs_browser

from usage_metrics.report.formatting import change, day, days, number, percent
from usage_metrics.report.labels import CLASSES
from usage_metrics.units import rounded, size

pytestmark = needs_browser

FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 15)
DASH = "–"
Use = Mapping[str, int]
"""By class of agents."""


class Kind(NamedTuple):
    """A kind of filter, an example of it, and the table that knows it alone."""

    address: str
    where: str
    table: str

    @property
    def is_name(self) -> bool:
        """Whether it is a name of a ranking."""
        return self.address.split("=")[0] not in ("", *FIELDS)


FIELDS = ("dataset", "who", "from", "to", "measure")

KINDS = (
    Kind("dataset=pudl", "dataset = 'pudl'", "usage_daily"),
    Kind("who=human", "agent_class = 'human'", "usage_daily"),
    Kind("from=2026-03-05", "date >= '2026-03-05'", "usage_daily"),
    Kind("to=2026-03-12", "date <= '2026-03-12'", "usage_daily"),
    Kind("measure=requests", "1", "usage_daily"),
    Kind("table=fuel_ferc1", "\"table\" = 'fuel_ferc1'", "usage_daily"),
    Kind("format=JSON", "format = 'json'", "usage_daily"),
    Kind("page=Row", "page = 'row'", "usage_daily"),
    Kind("country=Germany", "country = 'DE'", "usage_by_city"),
    Kind(
        "country=Switzerland&country=Japan", "country IN ('CH', 'JP')", "usage_by_city"
    ),
    Kind(
        "organization=Jisc Services Limited",
        "organization = 'AS786 Jisc Services Limited'",
        "usage_by_organization",
    ),
    Kind("program=Safari", "agent_name = 'Safari'", "usage_by_agent"),
    Kind("path=/pudl", "path = '/pudl'", "usage_by_path"),
    Kind(
        "referrer=data.example.org",
        "referrer = 'data.example.org'",
        "usage_by_referrer",
    ),
)

EVERYTHING = Kind("", "1", "usage_daily")
STEP = 4
"""Each kind is tried with the fourth after it: its neighbours are much the same."""

WALK: list[tuple[Kind, ...]] = [
    (EVERYTHING,),
    *((kind,) for kind in KINDS),
    *((kind, KINDS[(at + STEP) % len(KINDS)]) for at, kind in enumerate(KINDS)),
]

LISTINGS = {
    "datasets": ("dataset",),
    "tables": ('"table"', "dataset"),
    "formats": ("format",),
    "pages": ("page",),
    "countries": ("country",),
    "top_organizations": ("organization", "network_class"),
    "agents": ("agent_name", "agent_kind"),
    "referrers": ("referrer",),
}
NETWORKS = {
    "academic": ("education",),
    "government": ("government",),
    "hosting": ("hosting",),
    "others": ("business", "residential/isp", "relay", "unknown"),
}
"""Tables of organisations in networks of some kinds."""


class Chosen:
    """What SQL says of a filter."""

    def __init__(self, database: sqlite3.Connection, kinds: Sequence[Kind]) -> None:
        self._database = database
        self.kinds = kinds
        self.where = " AND ".join(f"({kind.where})" for kind in kinds)
        said = "&".join(kind.address for kind in kinds if kind.address)
        self.address = "#" + quote(said, safe="=&")
        self.by_name = any(kind.is_name for kind in kinds)
        self.measure = "requests" if "measure" in said else "counted"
        self.who = "human" if "who=human" in said else None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._database.execute(sql).fetchall()

    def one(self, sql: str) -> tuple[Any, ...]:
        (row,) = self.rows(sql)
        return tuple(value or 0 for value in row)

    def use(self, table: str = "usage_combined") -> dict[str, tuple[Any, ...]]:
        """Requests and counted uses by class."""
        sums = "sum(requests), sum(counted)"
        asked = f"SELECT agent_class, {sums} FROM {table} WHERE {self.where} GROUP BY 1"
        return {name: tuple(of) for name, *of in self.rows(asked)}

    def sums(self, also: str) -> tuple[Any, ...]:
        """Requests, counted uses, bytes and errors of some of it."""
        return self.one(
            "SELECT sum(requests), sum(counted), sum(bytes), sum(errors) "
            f"FROM usage_combined WHERE {self.where} AND {also}"
        )

    def people(self, also: str) -> tuple[Any, ...]:
        """Sessions and visitors of some of it, which nobody knows of names."""
        if self.by_name:
            return (0, 0)
        whose = "" if "dataset" in self.where else " AND dataset = 'all'"
        return self.one(
            "SELECT sum(unique_sessions), sum(unique_visitors) FROM usage_by_class "
            f"WHERE {self.where} AND {also}{whose}"
        )

    def ranked(self, names: Sequence[str], measure: str) -> dict[Any, dict[str, int]]:
        """The use of each name, by class."""
        keys = ", ".join(names)
        found: dict[Any, dict[str, int]] = defaultdict(dict)
        for *name, who, amount in self.rows(
            f"SELECT {keys}, agent_class, sum({measure}) FROM usage_combined "
            f"WHERE {self.where} GROUP BY {keys}, agent_class HAVING sum({measure}) > 0"
        ):
            found[tuple(name)][who] = amount
        return found

    @property
    def span(self) -> list[dt.date]:
        """The chosen days."""
        ends = self.one(
            "SELECT min(date), max(date) FROM (SELECT date FROM usage_combined "
            f"UNION SELECT '{FIRST}' UNION SELECT '{LAST}') WHERE {self._when}"
        )
        first, last = map(dt.date.fromisoformat, ends)
        return [first + dt.timedelta(n) for n in range((last - first).days + 1)]

    @property
    def _when(self) -> str:
        """The part of the filter that is about days."""
        dates = [k.where for k in self.kinds if k.where.startswith("date")]
        return " AND ".join(dates) or "1"

    @property
    def halves(self) -> tuple[list[dt.date], list[dt.date]]:
        """Two spans of equally many days, which are compared."""
        half = len(self.span) // 2
        return self.span[-2 * half : -half], self.span[-half:]

    @property
    def with_data(self) -> set[dt.date]:
        """Those of which there are logs."""
        asked = f"SELECT DISTINCT date FROM usage_reconciliation WHERE {self._when}"
        return {dt.date.fromisoformat(date) for (date,) in self.rows(asked)}


@pytest.fixture(scope="module")
def asked(sample: Path) -> Iterator[sqlite3.Connection]:
    file = sample / "data" / "usage_metrics.db"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as found:
        yield found


def test_every_number_is_that_of_the_filter(
    page: Page, asked: sqlite3.Connection
) -> None:
    for kinds in WALK:
        chosen = Chosen(asked, kinds)
        if chosen.address != "#":
            page.go("location.hash = arguments[0]", chosen.address)
        of_tables = tables(chosen)
        said = headline(chosen) | of_tables
        found = shown(page, said)
        assert found == {name: said[name] for name in found}, chosen.address
        assert {"all.requests", "human.sessions", *of_tables} <= found.keys()
    assert page.console() == []


def test_the_tables_of_one_name_and_of_all_names_agree(
    asked: sqlite3.Connection,
) -> None:
    for kind in KINDS:
        chosen = Chosen(asked, [kind])
        assert chosen.use() == chosen.use(kind.table), kind.address


# --- what SQL says --------------------------------------------------------------------


def headline(chosen: Chosen) -> dict[str, Any]:
    """The figures on top and on the cards, by their names on the page."""
    counted_days = len(chosen.with_data)
    said: dict[str, Any] = {
        "all.days": f"{counted_days} of {len(chosen.span)}",
        **{f"all.{name}": text for name, text in reach(chosen).items()},
    }
    for who in ("all", *CLASSES):
        if who != "all" and chosen.who not in (None, who):
            continue
        of = "1" if who == "all" else f"agent_class = '{who}'"
        requests, counted, sent, errors = chosen.sums(of)
        sessions, visitors = chosen.people(of)
        daily = rounded(visitors / max(1, counted_days))
        share = percent(errors / requests) if requests else DASH
        said |= {
            f"{who}.requests": number(requests),
            f"{who}.counted": number(counted),
            f"{who}.bytes": size(sent),
            f"{who}.errors": share,
            f"{who}.sessions": DASH if chosen.by_name else number(sessions),
            f"{who}.visitors": DASH if chosen.by_name else daily,
            **changes(chosen, who, of),
        }
    return said


def reach(chosen: Chosen) -> dict[str, str]:
    """Organisations and countries, of all days."""
    if chosen.by_name:
        return {"organizations": DASH, "countries": DASH}
    where = [k.where for k in chosen.kinds if not k.where.startswith("date")]
    said = " AND ".join(where) or "1"
    found = {}
    for name, table in (
        ("organization", "usage_by_organization"),
        ("country", "usage_by_city"),
    ):
        (value,) = chosen.one(
            f"SELECT count(DISTINCT {name}) FROM {table} "
            f"WHERE {said} AND {chosen.measure} > 0"
        )
        plural = "countries" if name == "country" else f"{name}s"
        found[plural] = number(value)
    return found


def tables(chosen: Chosen) -> dict[str, Any]:
    """The cells of each table, by its name; of rankings, without the names."""
    organizations = chosen.ranked(("organization", "network_class"), chosen.measure)
    total = sum(sum(by.values()) for by in organizations.values())
    said: dict[str, Any] = {
        table: listing(chosen.ranked(names, chosen.measure).values())
        for table, names in LISTINGS.items()
    }
    for table, kinds in NETWORKS.items():
        some = [by for (_, kind), by in organizations.items() if kind in kinds]
        said[table] = listing(some, total)
    paths = chosen.ranked(("path",), chosen.measure)
    said |= {"paths": added(paths.values()), "loyalty": loyalty(chosen)}
    return said | over_time(chosen)


def listing(found: Any, total: int | None = None) -> list[list[str]]:
    """The lines of a ranking: in all, share, and by class where there is any."""
    lines: list[Use] = [*found]
    total = sum(sum(by.values()) for by in lines) if total is None else total
    columns = [name for name in CLASSES if any(by.get(name) for by in lines)]
    return sorted(
        [
            number(sum(by.values())),
            percent(sum(by.values()) / max(1, total)),
            *(number(by.get(name, 0)) for name in columns),
        ]
        for by in lines
    )


def loyalty(chosen: Chosen) -> list[list[str]]:
    """Organisations with counted uses on each day; no names change it."""
    kinds = [kind for kind in chosen.kinds if not kind.is_name]
    where = [kind.where for kind in kinds if not kind.where.startswith("date")]
    used: dict[dt.date, set[str]] = defaultdict(set)
    for date, name in chosen.rows(
        "SELECT DISTINCT date, organization FROM usage_by_organization "
        "WHERE counted > 0 AND organization IS NOT NULL "
        f"AND {' AND '.join(where) or '1'}"
    ):
        used[dt.date.fromisoformat(date)].add(name)
    before: set[str] = set()
    found = {}
    for date in sorted(used):
        fresh, total = len(used[date] - before), len(used[date])
        split = [number(fresh), number(total - fresh), percent(1 - fresh / total)]
        found[date] = [number(total), *(split if before else [DASH] * 3)]
        before |= used[date]
    there = chosen.with_data
    nothing = {True: ["0", *[DASH] * 3], False: [DASH] * 4}
    return [found.get(date, nothing[date in there]) for date in chosen.span]


def added(found: Any) -> str:
    """Of a ranking that has too many names for the page: what they add up to."""
    return number(sum(sum(by.values()) for by in found))


def over_time(chosen: Chosen) -> dict[str, Any]:
    """Use by day and by week."""
    by_day: dict[dt.date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for date, who, requests, counted in chosen.rows(
        "SELECT date, agent_class, sum(requests), sum(counted) FROM usage_combined "
        f"WHERE {chosen.where} GROUP BY 1, 2"
    ):
        for name, value in (("Requests", requests), ("Counted uses", counted)):
            by_day[dt.date.fromisoformat(date)][name] += value
        by_day[dt.date.fromisoformat(date)][CLASSES[who]] += requests
    weeks = itertools.groupby(chosen.span, key=monday)
    return {
        "periods": with_before(
            chosen, by_day, lines_of(chosen, by_day, [[date] for date in chosen.span])
        ),
        "weeks": lines_of(chosen, by_day, [[*of] for _, of in weeks]),
    }


def monday(date: dt.date) -> dt.date:
    """The first day of the week."""
    return date - dt.timedelta(days=date.weekday())


def with_before(
    chosen: Chosen,
    by_day: Mapping[dt.date, Mapping[str, int]],
    lines: Sequence[dict[str, str]],
) -> list[dict[str, str]]:
    """The lines of days, with what was on the day that each is compared with."""
    then, now = chosen.halves
    text, found = days(then[0], then[-1]), [dict(line) for line in lines]
    for head in ("Requests", "Counted uses"):
        before = {
            later: by_day.get(date, {}).get(head, 0)
            for date, later in zip(then, now, strict=True)
            if date in chosen.with_data
        }
        if head == "Requests" or any(before.values()):
            for date, line in zip(chosen.span, found, strict=True):
                value = number(before[date]) if date in before else DASH
                line[f"{head} before {text}"] = value
    return found


def changes(chosen: Chosen, who: str, of: str) -> dict[str, str]:
    """How an average day of the second half differs from one of the first."""
    then, now = (averages(chosen, half, of) for half in chosen.halves)
    return {
        f"change of {who}.{name}": change(
            now[name] / then[name] - 1 if then[name] else None
        )
        for name in now
    }


def averages(chosen: Chosen, half: Sequence[dt.date], of: str) -> dict[str, float]:
    """What is on an average day, and how many requests of it fail."""
    when = f"{of} AND date BETWEEN '{half[0]}' AND '{half[-1]}'"
    requests, counted, sent, errors = chosen.sums(when)
    sessions, visitors = chosen.people(when)
    there = len(chosen.with_data.intersection(half))
    return {
        "requests": requests / there,
        "counted": counted / there,
        "bytes": sent / there,
        "sessions": sessions / there,
        "visitors": visitors / there,
        "errors": errors / max(1, requests),
    }


def lines_of(
    chosen: Chosen,
    by_day: Mapping[dt.date, Mapping[str, int]],
    periods: Sequence[Sequence[dt.date]],
) -> list[dict[str, str]]:
    """A line for each period, without columns that are zero throughout."""
    heads = {name for of in by_day.values() for name, value in of.items() if value}
    there = chosen.with_data
    found = []
    for period in periods:
        counted = len([date for date in period if date in there])
        name = days(period[0], period[-1]) if len(period) > 1 else day(period[0])
        if counted < len(period):
            of = f"{counted} of {len(period)} days" if counted else "no data"
            name = f"{name} ({of})"
        sums = {
            head: sum(by_day[date][head] for date in period if date in by_day)
            for head in heads | {"Requests"}
        }
        texts = {
            head: number(value) if counted else DASH for head, value in sums.items()
        }
        found.append({"Period": name, **texts})
    return found


# --- what the page says ---------------------------------------------------------------

READ = """
const text = (cell) => cell.textContent.trim();
const shown = [...document.querySelectorAll("[data-figure], [data-change]")]
    .filter((place) => !place.closest("[hidden]"));
const figures = Object.fromEntries(shown.map((place) =>
    [place.dataset.figure ?? `change of ${place.dataset.change}`, text(place)]));
const tables = Object.fromEntries([...document.querySelectorAll("[data-table]")]
    .map((table) => {
        const more = () => table.querySelector("tfoot button:not(.pick)");
        while (more()) more().click();
        const heads = [...table.tHead.rows[0].cells].map(
            (cell) => text(cell).replace(/[▲▼\\s]+$/, ""));
        const rows = [...table.tBodies, ...[table.tFoot].filter(Boolean)].flatMap(
            (part) => [...part.rows]).map((row) => [...row.cells].map(text));
        return [table.dataset.table, [heads, rows]];
    }));
return [figures, tables];
"""


def shown(page: Page, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of what is wanted, and all else that it calls a figure."""
    figures, read = page.run(READ)
    said: dict[str, Any] = {**figures}
    for table in wanted.keys() & read.keys():
        heads, rows = read[table]
        said[table] = _cells(table, heads, rows)
    return said


def _cells(table: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """The cells of a table, in the form of :func:`tables`."""
    if table == "paths":
        return number(sum(int(row[1].replace(",", "")) for row in rows))
    if table == "loyalty":
        return [row[1:] for row in rows]
    if table == "periods":
        return [dict(zip(heads, row, strict=True)) for row in rows]
    if table == "weeks":  # test_earlier.py looks at what a week is compared with
        kept = [head for head in heads if " before " not in head]
        return [dict(zip(kept, row, strict=False)) for row in rows]
    return sorted(row[1:] for row in rows)
