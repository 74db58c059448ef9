"""The figures as the page carries them: small, and enough to filter by.

A fact is a line of whole numbers: which period, dataset, class and name, how many
requests, and how many of them count. The page adds them up for whatever is chosen. A
long span is cut into weeks or months, and the names with the fewest requests become
``All others``, until it fits.
"""

import datetime as dt
import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from usage_metrics.report import figures, wording
from usage_metrics.report.charts import CLASSES
from usage_metrics.report.database import Span
from usage_metrics.report.figures import ALL, NUMBERS
from usage_metrics.report.rankings import OTHERS, Ranking, rankings

if TYPE_CHECKING:
    import pandas as pd

ROOM = 800_000
"""Bytes of figures; with the charts' programs, a page stays below two million."""

DAYS_AS_DAYS = 120
DAYS_AS_WEEKS = 1_000
NAMES = (60, 30, 15, 8)
"""How many names of a kind are kept, at most; as many again for each dataset."""


@dataclass(frozen=True)
class Facts:
    """Figures by name, in numbers."""

    names: list[tuple[str, ...]]
    rows: "pd.DataFrame"
    """``period``, ``dataset``, ``agent_class``, ``name`` as numbers; and counts."""


@dataclass(frozen=True)
class Payload:
    """All that the page can be filtered by."""

    span: Span
    periods: "pd.DataFrame"
    """Those of the span, and as many before it as there are figures of."""
    before: int
    """How many of the periods are before the span."""
    datasets: list[str]
    """``all`` is the first."""
    classes: list[str]
    by_class: "pd.DataFrame"
    weeks: "pd.DataFrame"
    by_week: "pd.DataFrame"
    loyalty: "pd.DataFrame"
    reach: "pd.DataFrame"
    facts: dict[str, Facts]

    @functools.cached_property
    def labels(self) -> dict[str, list[list[Any]]]:
        """Of periods and weeks: first day, day after the last, name, days, counted."""
        return {
            "periods": _labelled(self.periods, self.span.grain),
            "weeks": _labelled(self.weeks, "week"),
        }

    def as_json(self) -> dict[str, Any]:
        """For the page; every table as columns of whole numbers."""
        return {
            "before": self.before,
            **self.labels,
            "datasets": self.datasets,
            "classes": self.classes,
            "by_class": _columns(self.by_class),
            "by_week": _columns(self.by_week),
            "loyalty": _columns(self.loyalty),
            "reach": _columns(self.reach),
            "facts": {
                name: {"names": facts.names, "rows": _columns(facts.rows)}
                for name, facts in self.facts.items()
            },
        }

    def size(self) -> int:
        """How many bytes it takes on the page."""
        return len(compact(self.as_json()))


def compact(value: Any) -> str:
    """JSON without a blank."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def gather(
    database: sqlite3.Connection,
    span: Span,
    titles: Mapping[str, str],
    room: int = ROOM,
) -> Payload:
    """Ask for all figures, in as much detail as there is room for.

    Args:
        database: to ask.
        span: which days; its grain is chosen here.
        titles: of the datasets, by id.
        room: how many bytes the figures may take on the page.
    """
    for grain, names in _details(span):
        found = _gather(database, replace(span, grain=grain), titles, names)
        if found.size() <= room:
            break
    return found


def _details(span: Span) -> Iterator[tuple[str, int]]:
    if span.length.days <= DAYS_AS_DAYS:
        yield "day", NAMES[0]
    if span.length.days <= DAYS_AS_WEEKS:
        yield "week", NAMES[0]
    yield from (("month", names) for names in NAMES)


def _gather(
    database: sqlite3.Connection, span: Span, titles: Mapping[str, str], names: int
) -> Payload:
    periods = figures.periods(database, span)
    before = replace(span, start=span.start - span.length, stop=span.start)
    first = periods["period"].min()
    earlier = _earlier(database, before, first)
    used_before = figures.by_class(database, before)
    used_before = used_before[used_before["period"] < first]
    by_class = _concat([used_before, figures.by_class(database, span)])
    datasets = [ALL, *sorted(set(by_class["dataset"]) - {ALL})]
    all_periods = _concat([earlier, periods])
    codes = {
        "dataset": datasets,
        "agent_class": [*CLASSES, ALL],
        "period": list(all_periods["period"]),
    }
    weekly = replace(span, grain="week")
    weeks = figures.periods(database, weekly)
    by_week = figures.by_class(database, weekly)[
        ["period", "dataset", "agent_class", *NUMBERS]
    ]
    loyalty = figures.new_and_returning(database, span)
    columns = ["period", "dataset", "agent_class", "new", "returning", "is_first"]
    return Payload(
        span=span,
        periods=all_periods,
        before=len(earlier),
        datasets=datasets,
        classes=list(CLASSES),
        by_class=_coded(by_class, codes),
        weeks=weeks,
        by_week=_coded(by_week, {**codes, "period": list(weeks["period"])}),
        loyalty=_coded(loyalty[columns], codes),
        reach=_coded(figures.reach(database, span), codes),
        facts={
            ranking.id: _facts(ranking, ranking.ask(database, span), codes, names)
            for ranking in rankings(database, span, titles)
        },
    )


def _earlier(
    database: sqlite3.Connection, before: Span, first_of_span: str
) -> "pd.DataFrame":
    """The whole periods of a span, those from the first on that has figures."""
    found = figures.periods(database, before)
    found = found[found["period"] < first_of_span]
    return found[found["days_counted"].cumsum() > 0]


def _facts(
    ranking: Ranking, frame: "pd.DataFrame", codes: dict[str, list[str]], most: int
) -> Facts:
    """Number the names as they are shown, the most frequent first."""
    import pandas as pd

    names = list(ranking.names)
    distinct = frame[names].drop_duplicates().reset_index(drop=True)
    shown = [ranking.shown(*row) for row in distinct.itertuples(index=False)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(shown))}
    distinct["name"] = [numbers[name] for name in shown]
    keys = frame[names].merge(distinct, on=names, how="left")["name"]
    frame = frame.assign(name=keys.to_numpy())
    order = _most_frequent(frame, most)
    rank = {name: position for position, name in enumerate(order)}
    kept = [name for name, _ in sorted(numbers.items(), key=lambda item: item[1])]
    frame["name"] = frame["name"].map(rank).fillna(len(order)).astype(int)
    rest = (OTHERS, *([""] * (len(ranking.columns) - 1)))
    rows = frame.groupby(["name", "dataset", "agent_class", "period"], as_index=False)[
        NUMBERS
    ].sum()
    named = [kept[number] for number in order]
    if (rows["name"] == len(order)).any():
        named.append(rest)
    return Facts(named, _coded(pd.DataFrame(rows), codes))


def _most_frequent(frame: "pd.DataFrame", most: int) -> list[int]:
    """The names with most requests or most counted uses, of all and of each dataset."""
    chosen: dict[int, None] = {}
    groups = [frame, *(rows for _, rows in frame.groupby("dataset"))]
    for position, rows in enumerate(groups):
        sums = rows.groupby("name")[NUMBERS].sum()
        for by in ("counted", "requests"):
            first = sums.sort_values(by, ascending=False, kind="stable").index
            limit = most if position == 0 else max(1, most // 4)
            chosen |= dict.fromkeys(int(name) for name in first[:limit])
    return list(chosen)


def _coded(frame: "pd.DataFrame", codes: dict[str, list[str]]) -> "pd.DataFrame":
    """Put numbers for periods, datasets and classes."""
    frame = frame.copy()
    for name, values in codes.items():
        if name in frame:
            numbers = {value: number for number, value in enumerate(values)}
            frame[name] = frame[name].map(numbers).astype("Int64")
    return frame.dropna().astype(int)


def _columns(frame: "pd.DataFrame") -> dict[str, list[int]]:
    return {name: frame[name].tolist() for name in frame}


def _concat(frames: list["pd.DataFrame"]) -> "pd.DataFrame":
    import pandas as pd

    found = [frame for frame in frames if len(frame)]
    return pd.concat(found, ignore_index=True) if found else frames[-1]


def _labelled(periods: "pd.DataFrame", grain: str) -> list[list[Any]]:
    """First day, day after the last, name, days, and of how many there are figures."""
    return [
        [
            row.first,
            (dt.date.fromisoformat(row.last) + dt.timedelta(days=1)).isoformat(),
            wording.period(
                grain,
                dt.date.fromisoformat(row.first),
                dt.date.fromisoformat(row.last),
                row.days_counted,
            ),
            row.days,
            row.days_counted,
        ]
        for row in periods.itertuples()
    ]
