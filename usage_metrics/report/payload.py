"""The figures as the page carries them: small, and enough to filter by.

A fact is a row of whole numbers: period, dataset, class and name, and how many requests
and counted uses. The page adds up those that the filter selects. To fit, a long span is
cut into weeks or months, and the names with the fewest requests become ``All others``.
"""

import datetime as dt
import functools
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.report import combined, figures, numbered
from usage_metrics.report.combined import Combined
from usage_metrics.report.figures import Question
from usage_metrics.report.labels import CLASSES, OTHERS
from usage_metrics.report.packing import packed_rows
from usage_metrics.report.periods import Period, periods
from usage_metrics.report.rankings import (
    LISTINGS,
    OF_ATTRIBUTES,
    Listing,
    Ranking,
    rankings,
)
from usage_metrics.report.raw_names import Row, raw_datasets, raw_values
from usage_metrics.report.usage_database import (
    ALL,
    GRAINS,
    KEYS,
    NUMBERS,
    Database,
    Span,
)

ROOM = 680_000
"""Bytes of figures: with the chart library, a page stays below two million."""
ROOM_COMBINED = 120_000
"""Those of the figures by all names together; they may have what others leave, too."""

DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
LONGEST = {"day": 120, "week": 1_000}
"""The longest span, in days, that is cut into such short periods."""
NAMES = (60, 30, 12, 5)
"""How many names of a ranking are kept; of each dataset and class, a quarter."""


@dataclass(frozen=True)
class Facts:
    """Figures of a ranking."""

    names: list[tuple[str, ...]]
    rows: numbered.Columns
    """``period``, ``dataset``, ``agent_class`` and ``name`` as numbers, and counts."""
    columns: tuple[str, ...]
    """The heads of the texts of a name."""
    word: str
    """What the address of the page calls a name."""
    known: Mapping[tuple[str | None, ...], int]
    """The number of each name, by what the database calls it."""
    asked: Question
    """What asks for the figures."""
    values: Sequence[Sequence[Row] | None] = ()
    """Of each name, the values of its columns in the database, unless personal."""

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not len(self.rows["name"])

    def numbers(self) -> combined.Names:
        """The numbers of its names."""
        rest = self.names.index(rest_of(self.columns))
        return combined.Names(self.known, rest, len(self.names))


@dataclass(frozen=True)
class Payload:
    """All figures of the page; keys are numbers."""

    span: Span
    names: int
    """How many names of a ranking are kept."""
    periods: list[Period]
    """Those of the span and, if they have data, as many before it and a year before."""
    before: int
    """How many of the periods are before the span."""
    datasets: list[str]
    """The first is ``all``."""
    by_class: numbered.Columns
    loyalty: numbered.Columns
    reach: numbered.Columns
    facts: dict[str, Facts]
    combined: Combined | None = None
    raw_datasets: Mapping[str, Row | None] = field(default_factory=dict)
    """What the database calls each dataset that the page calls otherwise."""
    attributes_since: dt.date | None = None
    """The first day whose attributes are known, unless that is the first of all."""

    def listings(self) -> list[Listing]:
        """The listings of the page: not of what the log does not say."""
        left_out = {r.id for r in OF_ATTRIBUTES if self.facts[r.id].is_empty}
        return [found for found in LISTINGS if found.ranking not in left_out]

    def classes(self, first: int, last: int) -> numbered.Columns:
        """The use of all datasets in some periods, a number for each class."""
        used = self.by_class
        is_chosen = (first <= used["period"]) & (used["period"] <= last)
        is_chosen &= used["dataset"] == 0
        sums = {
            name: np.zeros(len(CLASSES), np.int64) for name in used if name not in KEYS
        }
        for name, sum_ in sums.items():
            np.add.at(sum_, used["agent_class"][is_chosen], used[name][is_chosen])
        return sums

    @functools.cached_property
    def labels(self) -> list[list[Any]]:
        """Of each period: first day, day after the last, name, days, with data."""
        return [
            [of.first, of.stop, of.label(self.span.grain), of.days, of.days_counted]
            for of in self.periods
        ]

    @property
    def codes(self) -> dict[str, Sequence[str]]:
        """The texts that are numbers in its columns, by column."""
        return _codes(self.datasets, self.periods)

    @functools.cached_property
    def as_json(self) -> dict[str, Any]:
        """For the page's script: every table as columns of whole numbers."""
        return {
            "before": self.before,
            "periods": self.labels,
            "datasets": self.datasets,
            "raw_datasets": self.raw_datasets,
            "source": self.span.source,
            "whole_start": self.span.period(self.span.start),
            "classes": list(CLASSES),
            "by_class": _lists(self.by_class),
            "loyalty": _lists(self.loyalty),
            "reach": _lists(self.reach),
            "facts": {
                name: {
                    "names": facts.names,
                    "rows": packed_rows(facts.rows),
                    "columns": facts.columns,
                    "word": facts.word,
                    "table": facts.asked.table,
                    "keys": facts.asked.names,
                    "attribute": facts.asked.attribute,
                    "values": facts.values,
                }
                for name, facts in self.facts.items()
            },
            "combined": self.combined and self.combined.as_json,
        }

    @functools.cached_property
    def size(self) -> int:
        """Its length on the page."""
        text = json.dumps(self.as_json, separators=(",", ":"), ensure_ascii=False)
        return len(text)


def gather(
    database: Database, span: Span, titles: Mapping[str, str], room: int = ROOM
) -> Payload:
    """Ask for all figures, in as much detail as there is room for.

    Args:
        database: where the figures are.
        span: the days; their grain is chosen here.
        titles: titles of the datasets, by id.
        room: how many bytes the figures may take on the page.
    """
    first, *others = _details(span)
    ranked = rankings(database, first.span, titles)
    found = _with_facts(_of_span(database, first.span), database, first, ranked)
    room_of_each = room - min(room // 3, ROOM_COMBINED)
    for detail in others:
        if found.size <= room_of_each:
            break
        if _expected(found, detail) <= room_of_each or detail is others[-1]:
            if detail.span != found.span:
                found = _of_span(database, detail.span)
            found = _with_facts(found, database, detail, ranked)
    database.forget()  # the combinations need the room
    return _with_combined(found, database, ranked, room - found.size)


def _with_combined(
    found: Payload, database: Database, ranked: Sequence[Ranking], room: int
) -> Payload:
    names = {name: facts.numbers() for name, facts in found.facts.items()}
    chosen = [ranking for ranking in ranked if ranking.word]
    words = combined.Vocabulary(found.codes, names, chosen)
    return replace(found, combined=combined.gather(database, found.span, words, room))


class Detail(NamedTuple):
    """The grain of the span, and how many names of a ranking are kept."""

    span: Span
    names: int

    def periods(self) -> int:
        """Roughly how many there are."""
        return max(1, self.span.length.days // DAYS[self.span.grain])


def _details(span: Span) -> Iterator[Detail]:
    """From the finest that suits the span to the coarsest."""
    for grain in GRAINS:
        if span.length.days <= LONGEST.get(grain, span.length.days):
            for names in NAMES:
                yield Detail(replace(span, grain=grain), names)


def _expected(found: Payload, detail: Detail) -> float:
    """Estimate the bytes at another detail, rather too low than too high.

    Half the names take more than half the room, since they are the frequent ones; half
    the periods do too, since fewer of them are without requests.
    """
    names = detail.names / found.names
    periods = detail.periods() / Detail(found.span, found.names).periods()
    return 0.9 * found.size * float(names**0.4 * periods**0.65)


def _of_span(database: Database, span: Span) -> Payload:
    """What does not depend on how many names are kept."""
    periods, by_class, before = _with_earlier(database, span)
    names = set(by_class["dataset"].cast(STRING).to_pylist())
    datasets = [ALL, *sorted(names - {ALL})]
    codes = _codes(datasets, periods)
    loyalty = figures.loyalty(database, span).drop_columns("organizations")
    return Payload(
        span=span,
        names=0,
        periods=periods,
        before=before,
        datasets=datasets,
        by_class=numbered.coded(by_class, codes),
        loyalty=numbered.coded(loyalty, codes),
        reach=numbered.coded(figures.reach_of(database, span), codes),
        facts={},
        raw_datasets=raw_datasets(database, span, names),
        attributes_since=figures.attributes_since(database, span),
    )


def _with_facts(
    found: Payload, database: Database, detail: Detail, ranked: Sequence[Ranking]
) -> Payload:
    facts = {
        ranking.id: _facts(
            ranking,
            ranking.ask.encoded(database, detail.span),
            found.codes,
            detail.names,
        )
        for ranking in ranked
    }
    for id_, of in facts.items():
        if not of.word:  # its names cannot be chosen
            continue
        values = raw_values(of.known, of.asked, database, found.span)
        facts[id_] = replace(of, values=values)
    return replace(found, names=detail.names, facts=facts)


def _with_earlier(database: Database, span: Span) -> tuple[list[Period], pa.Table, int]:
    """The periods of a span, and those with data that it may be compared with.

    Returns:
        The periods, the use by class, and how many of the periods are before the span.
    """
    found, used = periods(database, span), figures.class_sums(database, span)
    number = len(found)
    for earlier in _earlier(span):
        # A span may begin within a period, which is then no earlier one.
        first = found[0].period
        of_earlier = itertools.dropwhile(
            lambda of: not of.days_counted, periods(database, earlier)
        )
        found = [*(of for of in of_earlier if of.period < first), *found]
        used_earlier = figures.class_sums(database, earlier)
        is_earlier = pc.less(used_earlier["period"].cast(STRING), first)
        used = pa.concat_tables([used_earlier.filter(is_earlier), used])
    return found, used.drop_null(), len(found) - number


def _earlier(span: Span) -> list[Span]:
    """As many days before a span, and those a year before it, the nearest first."""
    before, year = span.before(), span.year_before()
    if year.period(year.stop) < before.period(before.start):
        return [before, year]
    return [replace(before, start=min(before.start, year.start))]


def _facts(
    ranking: Ranking, rows: pa.Table, codes: Mapping[str, Sequence[str]], most: int
) -> Facts:
    """Number the names as they are shown, the most frequent first."""
    by = {name: numbered.column(rows[name]) for name in [*KEYS, "period"]}
    amounts = {name: rows[name].to_numpy() for name in NUMBERS}
    names = [numbered.codes(rows[name]) for name in ranking.ask.names]
    # Of names with equally much, the one that came first is kept.
    found = numbered.in_order_of_rows(numbered.groups(*names))
    most = max(most, len(ranking.order))
    order = _most_frequent(found.of_row, by, amounts, most)
    first = rows.select(ranking.ask.names).take(found.first[order]).to_pylist()
    shown = [ranking.shown(*row.values()) for row in first]
    rest = rest_of(ranking.columns)
    # Two names may look alike, or like "All others".
    texts = dict.fromkeys([*map(ranking.shown, ranking.order), *shown, rest])
    kept = {name: number for number, name in enumerate(texts)}
    numbers = np.full(len(found.first), kept[rest])
    numbers[order] = [kept[name] for name in shown]
    name = numbers[found.of_row]
    values = [tuple(row.values()) for row in first]
    known = dict(zip(values, numbers[order].tolist(), strict=True))
    facts = _added_up(name, by, amounts, codes), ranking.columns, ranking.word
    return Facts([*kept], *facts, known, ranking.ask)


def rest_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """What stands for all names that are not kept."""
    return (OTHERS, *[""] * (len(columns) - 1))


def _most_frequent(
    names: numbered.Numbers,
    by: Mapping[str, numbered.Column],
    amounts: Mapping[str, numbered.Numbers],
    most: int,
) -> list[int]:
    """The names with most counted uses or most requests.

    They are those of all, of each dataset and of each class.
    """
    wanted = [amounts["counted"], amounts["requests"]]
    chosen = numbered.most(np.zeros_like(names), names, wanted, most)
    for key in KEYS:
        chosen += numbered.most(by[key].numbers, names, wanted, max(1, most // 4))
    return list(dict.fromkeys(chosen))


def _added_up(
    name: numbered.Numbers,
    by: Mapping[str, numbered.Column],
    amounts: Mapping[str, numbered.Numbers],
    codes: Mapping[str, Sequence[str]],
) -> numbered.Columns:
    """Add up by name, dataset, class and period, and give these as numbers."""
    found = numbered.groups(name, *(column.numbers for column in by.values()))
    rows = {"name": name[found.first]}
    for key, column in by.items():
        number = {value: number for number, value in enumerate(codes[key])}
        known = np.array([number.get(value, -1) for value in column.values] + [-1])
        rows[key] = known[column.numbers[found.first]]
    rows |= {key: found.sums(amount) for key, amount in amounts.items()}
    is_shown = np.all([rows[key] >= 0 for key in by], axis=0)
    return {key: numbers[is_shown] for key, numbers in rows.items()}


def _codes(
    datasets: Sequence[str], found: Sequence[Period]
) -> dict[str, Sequence[str]]:
    """The texts that are numbers, by column."""
    return {
        "dataset": datasets,
        "agent_class": [*CLASSES, ALL],
        "period": [of.period for of in found],
    }


def _lists(columns: numbered.Columns) -> dict[str, list[int]]:
    return {name: numbers.tolist() for name, numbers in columns.items()}
