"""The figures as the page carries them: small, and enough to filter by.

A fact is a line of whole numbers: which period, dataset, class and name, how many
requests, and how many of them count. The page adds them up for whatever is chosen. A
long span is cut into weeks or months, and the names with the fewest requests become
``All others``, until it fits.
"""

import datetime as dt
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.report import figures, formatting
from usage_metrics.report.charts import CLASSES
from usage_metrics.report.figures import ALL, NUMBERS
from usage_metrics.report.rankings import OTHERS, Ranking, rankings
from usage_metrics.report.usage_database import GRAINS, Database, Span

if TYPE_CHECKING:
    import pandas as pd

ROOM = 680_000
"""Bytes of figures; with the charts' programs, a page stays below two million."""

DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
LONGEST = {"day": 120, "week": 1_000}
"""How many days a span may have to be cut into periods so short; any, into longer."""
NAMES = (60, 30, 12, 5)
"""How many names of a kind are kept; a quarter as many for each dataset."""


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
    names: int
    """How many of a kind are kept."""
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
                name: {"names": facts.names, "rows": _series(facts.rows)}
                for name, facts in self.facts.items()
            },
        }

    @functools.cached_property
    def size(self) -> int:
        """How many bytes it takes on the page."""
        return len(compact(self.as_json()))


def compact(value: Any) -> str:
    """JSON without a blank."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def gather(
    database: Database,
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
    ranked = rankings(database, span, titles)
    first, *others = _details(span)
    found = _gather(database, first, ranked)
    for detail in others:
        if found.size <= room:
            break
        if _expected(found, detail) <= room or detail is others[-1]:
            found = _gather(database, detail, ranked)
    return found


class Detail(NamedTuple):
    """A span with its grain, and how many names of a kind are kept."""

    span: Span
    names: int

    def periods(self) -> int:
        """About how many there are."""
        return max(1, self.span.length.days // DAYS[self.span.grain])


def _details(span: Span) -> Iterator[Detail]:
    """From the finest that may be on."""
    for grain in GRAINS:
        if span.length.days <= LONGEST.get(grain, span.length.days):
            for names in NAMES:
                yield Detail(replace(span, grain=grain), names)


def _expected(found: "Payload", detail: Detail) -> float:
    """About how many bytes it will take in another detail; rather less than more.

    Half the names take more than half the room, since they are the frequent ones; so do
    half the periods, in more of which something was asked for.
    """
    before = Detail(found.span, found.names)
    names = detail.names / before.names
    periods = detail.periods() / before.periods()
    return 0.9 * found.size * float(names**0.4 * periods**0.65)


def _gather(database: Database, detail: Detail, ranked: Sequence[Ranking]) -> Payload:
    span, names = detail
    periods = figures.periods(database, span)
    before = span.before()
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
        names=names,
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
            for ranking in ranked
        },
    )


def _earlier(database: Database, before: Span, first_of_span: str) -> "pd.DataFrame":
    """The whole periods of a span, those from the first on that has figures."""
    found = figures.periods(database, before)
    found = found[found["period"] < first_of_span]
    return found[found["days_counted"].cumsum() > 0]


def _facts(
    ranking: Ranking, frame: "pd.DataFrame", codes: dict[str, list[str]], most: int
) -> Facts:
    """Number the names as they are shown, the most frequent first."""
    names = list(ranking.names)
    groups = frame.groupby(names, dropna=False, sort=False)
    frame["name"] = groups.ngroup()
    order = _most_frequent(frame, most)
    first = frame.drop_duplicates("name").set_index("name")[names].loc[order]
    shown = [ranking.shown(*row) for row in first.itertuples(index=False)]
    rest = (OTHERS, *([""] * (len(ranking.columns) - 1)))
    # Two names may look the same, and one like all others.
    kept = {name: number for number, name in enumerate(dict.fromkeys([*shown, rest]))}
    numbers = dict(zip(order, (kept[name] for name in shown), strict=True))
    frame["name"] = frame["name"].map(numbers).fillna(kept[rest]).astype(int)
    keys = ["name", "dataset", "agent_class", "period"]
    rows = frame.groupby(keys, as_index=False)[NUMBERS].sum()
    return Facts(list(kept), _coded(rows, codes))


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


def _series(rows: "pd.DataFrame") -> dict[str, list[int]]:
    """Rows in the order of name, dataset and class, with each three said once.

    ``series`` has name, dataset, class and number of rows of each three; of a row,
    ``step`` is by how many periods it is later than the one before, or than none.
    """
    keys = ["name", "dataset", "agent_class"]
    series = rows.groupby(keys, sort=False, as_index=False).size()
    step = rows.groupby(keys)["period"].diff().fillna(rows["period"]).astype(int)
    return {
        "series": series.to_numpy().ravel().tolist(),
        "step": step.tolist(),
        **_columns(rows[NUMBERS]),
    }


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
            formatting.period(
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
