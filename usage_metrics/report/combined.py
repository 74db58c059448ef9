"""Use by all that the page ranks, together: what is left when a name is chosen.

The page carries the rows as columns of small numbers, compressed. If they need too much
room, the rare combinations lose the names that vary most, and then are left out: the
page says of how many requests it does not know what is chosen.
"""

import base64
import functools
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, dictionary
from usage_metrics.counting.combined import BEYOND, IN_ALL, SUMS
from usage_metrics.report import numbered
from usage_metrics.report.kept_sums import digest, encoded
from usage_metrics.report.numbered import Columns
from usage_metrics.report.packing import packed
from usage_metrics.report.rankings import Ranking
from usage_metrics.report.usage_database import Database, Span

Known = Mapping[tuple[str | None, ...], int]

KEYS = ("period", "dataset", "agent_class")
LEAST_BYTES = 3
"""A row takes more than that, compressed."""
MOST_USED = 2 / 3
"""How much of the room for rows is for combinations with all names."""


class Names(NamedTuple):
    """The names of a ranking that the page has."""

    known: Known
    """Their numbers, by what the database calls them."""
    rest: int
    """The number of all others."""
    unknown: int
    """Stands for a name that is not kept; the largest number."""

    def none(self, rows: int) -> numbered.Numbers:
        """For each row, that its name is not kept."""
        return np.full(rows, self.unknown, np.min_scalar_type(self.unknown))

    def all_rest(self, rows: int) -> numbered.Numbers:
        """For each row, that it has another name."""
        return np.full(rows, self.rest, np.min_scalar_type(self.unknown))

    def in_own_order(self) -> tuple["Names", numbered.Numbers]:
        """The names, numbered whatever use they have, and the numbers of the page."""
        rows = sorted(self.known, key=repr)
        others = (self.rest, self.unknown)
        numbers = [*dict.fromkeys([*(self.known[row] for row in rows), *others])]
        places = {number: place for place, number in enumerate(numbers)}
        known = {row: places[self.known[row]] for row in rows}
        own = Names(known, places[self.rest], places[self.unknown])
        return own, np.array(numbers, np.min_scalar_type(self.unknown))


class Vocabulary(NamedTuple):
    """What the numbers of the page mean."""

    codes: Mapping[str, Sequence[str]]
    """The texts that are numbers, by column."""
    names: Mapping[str, Names]
    """The names, by the id of their ranking."""
    ranked: Sequence[Ranking]

    def of_key(self, key: str) -> Names:
        """The numbers of the periods, the datasets or the classes."""
        codes = zip(self.codes[key], strict=True)
        known: Known = {code: number for number, code in enumerate(codes)}
        return Names(known, len(known), len(known))

    def in_own_order(self) -> tuple["Vocabulary", dict[str, numbered.Numbers]]:
        """The same for all reports that have these names, and the page's numbers."""
        found = {id_: names.in_own_order() for id_, names in self.names.items()}
        own = {id_: names for id_, (names, _) in found.items()}
        on_page = {ranking.id: found[ranking.id][1] for ranking in self.ranked}
        return self._replace(names=own), on_page

    def digest(self) -> str:
        """What rows are numbered by, but for their periods."""
        told: dict[str, Any] = {key: self.codes[key] for key in KEYS if key != "period"}
        for ranking in self.ranked:
            names = self.names[ranking.id]
            told[ranking.id] = [names.rest, *names.known.items()]
        return digest((name, json.dumps(of)) for name, of in told.items())

    def varying(self) -> list[str]:
        """The rankings whose names rare combinations lose."""
        return [r.id for r in self.ranked if not set(r.ask.names) <= set(IN_ALL)]

    def unnamed(self, rows: Columns) -> Columns:
        """The rows without these names."""
        size = len(rows["period"])
        return {**rows, **{id_: self.names[id_].none(size) for id_ in self.varying()}}


@dataclass(frozen=True)
class Combined:
    """Use by period, dataset, class and the names of each ranking."""

    columns: Columns
    """Whole numbers, one for each row."""

    @functools.cached_property
    def as_json(self) -> dict[str, Any]:
        """For the page's script: the names of the columns, and their numbers packed."""
        rows = len(self.columns["period"])
        numbers = b"".join(map(packed, self.columns.values()))
        text = base64.b64encode(zlib.compress(numbers)).decode()
        return {"columns": list(self.columns), "rows": rows, "packed": text}

    @property
    def size(self) -> int:
        """Its length on the page."""
        return len(self.as_json["packed"])


def gather(database: Database, span: Span, words: Vocabulary, room: int) -> Combined:
    """Ask for all combinations, as many as there is room for.

    Args:
        database: where the figures are.
        span: the days, and the grain of the periods.
        words: what the numbers of the page mean.
        room: how many bytes they may take.
    """
    rows = _asked(database, span, words)
    places = _places(rows)
    most = min(len(places), max(0, room) // LEAST_BYTES)
    found = Combined(_most_used(rows, places, words, most))
    while found.size > room and most:
        most = int(most * min(0.8, 0.9 * room / found.size))
        found = Combined(_most_used(rows, places, words, most))
    return found


def _asked(database: Database, span: Span, words: Vocabulary) -> Columns:
    """The rows of each combination, and those of what is in none of them."""
    own, on_page = words.in_own_order()
    asked = {"usage_combined": [*IN_ALL, *BEYOND], "usage_daily": [*IN_ALL]}
    make = functools.partial(_with_others, words=own)
    parts = database.made_of_sums(own.digest(), asked, SUMS, span, make)
    return _concatenated(*(_on_page(part, words, on_page) for part in parts))


def _with_others(kept: pa.Table, of_all: pa.Table, words: Vocabulary) -> pa.Table:
    """The combinations of some periods, and what there is beyond their sums."""
    rows = _numbered(kept, words)
    less = _added_up(words.unnamed(rows))
    less |= {name: -less[name] for name in SUMS}
    others = _added_up(_concatenated(_numbered(of_all, words), less))
    found = _concatenated(rows, _filtered(others, others["requests"] > 0))
    numbers, periods = pa.array(found["period"]), pa.array(words.codes["period"])
    texts = pa.DictionaryArray.from_arrays(numbers, periods)
    return encoded(pa.table({**found, "period": texts}))


def _on_page(
    rows: pa.Table, words: Vocabulary, on_page: Mapping[str, numbered.Numbers]
) -> Columns:
    """The rows with the numbers of the page."""
    found = {name: rows[name].to_numpy() for name in rows.column_names[1:]}
    found |= {id_: numbers[found[id_]] for id_, numbers in on_page.items()}
    return {"period": _numbers(rows, ["period"], words.of_key("period")), **found}


def _numbered(rows: pa.Table, words: Vocabulary) -> Columns:
    """The numbers of periods, datasets, classes and names, with their sums."""
    found: Columns = {}
    for key in KEYS:
        found[key] = _numbers(rows, [key], words.of_key(key))
    for ranking in words.ranked:
        asked, names = list(ranking.ask.names), words.names[ranking.id]
        if set(asked) <= set(rows.column_names):
            found[ranking.id] = _numbers(rows, asked, names)
        else:
            found[ranking.id] = names.none(len(rows))
    found |= {name: rows[name].to_numpy() for name in SUMS}
    is_shown = np.all([found[key] < len(words.codes[key]) for key in KEYS], axis=0)
    return _added_up(_filtered(found, is_shown))


def _numbers(rows: pa.Table, asked: Sequence[str], names: Names) -> numbered.Numbers:
    """The number of the name of each row, in as few bytes as it fits in."""
    known = names.known
    if not known:
        return names.all_rest(len(rows))
    at, at_known, size = np.zeros(len(rows), np.int32), np.zeros(len(known), int), 1
    for name, of_known in zip(asked, zip(*known, strict=True), strict=True):
        values = [*dict.fromkeys(of_known)]
        more = len(values) + 1  # the last stands for all other texts
        texts = dictionary(rows[name])
        place = pc.index_in(texts.dictionary, pa.array(values, STRING))
        of_null = values.index(None) if None in values else len(values)
        places = [*pc.fill_null(place, len(values)).to_numpy(), of_null]
        codes = pc.fill_null(texts.indices, len(places) - 1).to_numpy()
        at = at * more + np.array(places, np.int32)[codes]
        at_known = at_known * more + [values.index(value) for value in of_known]
        size *= more
    number = names.all_rest(size)
    number[at_known] = [*known.values()]
    return number[at]


def _added_up(rows: Columns) -> Columns:
    """The rows with equal keys as one, those of a combination together."""
    keys = [name for name in rows if name not in SUMS]
    groups = numbered.groups(*(rows[name] for name in [*keys[1:], keys[0]]))
    return {
        **{name: rows[name][groups.first] for name in keys},
        **{name: groups.sums(rows[name]) for name in SUMS},
    }


def _most_used(
    rows: Columns, places: numbered.Numbers, words: Vocabulary, most: int
) -> Columns:
    """At most as many rows, of the combinations with most use over all periods."""
    if most >= len(places):
        return _added_up(rows)
    is_kept = places < int(most * MOST_USED)
    others = _added_up(words.unnamed(_filtered(rows, ~is_kept)))
    left = most - int(is_kept.sum())
    also = _filtered(others, _places(others) < left)
    return _added_up(_concatenated(_filtered(rows, is_kept), also))


def _places(rows: Columns) -> numbered.Numbers:
    """The place of each row, if all of the most used combination come first.

    It is that of the last row of its combination.
    """
    keys = [name for name in rows if name not in ("period", *SUMS)]
    series = numbered.groups(*(rows[name] for name in keys))
    use = series.sums(rows["requests"]) + series.sums(rows["counted"])
    order = np.argsort(-use, kind="stable")
    of_series = np.bincount(series.of_row, minlength=len(use))
    last = np.empty(len(use), dtype=np.int64)
    last[order] = np.cumsum(of_series[order]) - 1
    return last[series.of_row]


def _filtered(rows: Columns, mask: Any) -> Columns:
    return {name: column[mask] for name, column in rows.items()}


def _concatenated(*parts: Columns) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
