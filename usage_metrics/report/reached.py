"""Who was reached: organisations and countries, the new and the returning."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.report import numbered
from usage_metrics.report.usage_database import ALL, KEYS, NUMBERS


def new_and_returning(rows: pa.Table, name: str, first: str) -> pa.Table:
    """The names with counted uses in each period, for each pair of keys and for all.

    Args:
        rows: use by period, keys and name, of all periods that are known.
        name: the column that tells names apart.
        first: the first period that is wanted.

    Returns:
        Of each period, how many names were there, how many of them were new and how
        many were returning, and whether it is the first that is known.
    """
    seen = _Used.of(rows, name, "counted")
    parts: list[dict[str, Any]] = []
    for dataset, agent_class in seen.each_and_all():
        keys, names, periods = numbered.distinct(
            seen.pair(dataset, agent_class), seen.names, seen.periods
        )
        # Sorted by all three, the first row of a name is in its first period.
        new = np.zeros(len(keys), dtype=np.int64)
        new[numbered.groups(keys, names).first] = 1
        found = numbered.groups(periods, keys)
        parts.append(
            {
                "period": _texts(seen.all_periods, periods[found.first]),
                **seen.keys(keys[found.first]),
                "organizations": found.sums(np.ones(len(keys))),
                "new": found.sums(new),
            }
        )
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    columns["returning"] = columns["organizations"] - columns["new"]
    columns["is_first"] = columns["period"] == min(columns["period"], default="")
    texts = {key: pa.array(columns[key], pa.string()) for key in ("period", *KEYS)}
    made = pa.table({**columns, **texts})
    made = made.filter(pc.greater_equal(made["period"], first))
    return made.sort_by([(key, "ascending") for key in ("period", *KEYS)])


def reach(named: Mapping[str, tuple[pa.Table, str]]) -> pa.Table:
    """How many names there are, by requests and by counted uses.

    Args:
        named: by what is counted, its rows, and the column that tells names apart.
    """
    columns = [f"{name}_{number}" for name in named for number in NUMBERS]
    found: dict[tuple[str, str], dict[str, int]] = {}
    for name, (rows, column) in named.items():
        for number in NUMBERS:
            used = _Used.of(rows, column, number).ever()
            for pair in used.each_and_all():
                for keys, count in _how_many(used, *pair):
                    found.setdefault(keys, {})[f"{name}_{number}"] = count
    order = sorted(found)
    texts = {
        key: pa.array([of[place] for of in order], pa.string())
        for place, key in enumerate(KEYS)
    }
    counts = {
        name: pa.array([found[of].get(name, 0) for of in order], pa.int64())
        for name in columns
    }
    return pa.table({**texts, **counts})


class _Used(NamedTuple):
    """The names with counted uses or requests, by period, dataset and class."""

    datasets: numbered.Numbers
    all_datasets: list[str]
    """The last is for all together; likewise of classes."""
    classes: numbered.Numbers
    all_classes: list[str]
    names: numbered.Numbers
    periods: numbered.Numbers
    all_periods: list[str]

    @classmethod
    def of(cls, rows: pa.Table, name: str, number: str) -> "_Used":
        """Number the rows with at least one of a number."""
        used = pc.and_(pc.greater(rows[number], 0), pc.is_valid(rows[name]))
        rows = rows.filter(used)
        dataset, agent_class = (numbered.column(rows[key]) for key in KEYS)
        period = numbered.column(rows["period"])
        return cls(
            *(dataset.numbers, [*dataset.values, ALL]),
            *(agent_class.numbers, [*agent_class.values, ALL]),
            numbered.codes(rows[name]),
            *(period.numbers, period.values),
        )

    def ever(self) -> "_Used":
        """Each name of a dataset and class once, with one of its periods."""
        rows = numbered.groups(self.datasets, self.classes, self.names).first
        return self._replace(
            datasets=self.datasets[rows],
            classes=self.classes[rows],
            names=self.names[rows],
            periods=self.periods[rows],
        )

    def each_and_all(self) -> Iterator[tuple[numbered.Numbers, numbered.Numbers]]:
        """Datasets and classes; with all together in place of one, and of both."""
        for dataset in (self.datasets, np.full_like(self.datasets, -1)):
            for agent_class in (self.classes, np.full_like(self.classes, -1)):
                yield dataset, agent_class

    def pair(
        self, dataset: numbered.Numbers, agent_class: numbered.Numbers
    ) -> numbered.Numbers:
        """A number for each pair; -1 is the last dataset or class."""
        number = len(self.all_classes)
        return dataset % len(self.all_datasets) * number + agent_class % number

    def keys(self, pairs: numbered.Numbers) -> dict[str, Any]:
        """The dataset and the class of each pair."""
        datasets, classes = np.divmod(pairs, len(self.all_classes))
        found = (self.all_datasets, datasets), (self.all_classes, classes)
        return {key: _texts(*of_key) for key, of_key in zip(KEYS, found, strict=True)}


def _texts(values: list[str], numbers: numbered.Numbers) -> Any:
    """The text of each number; there may be no numbers."""
    return np.array(values, dtype=object)[numbers]


def _how_many(
    used: _Used, dataset: numbered.Numbers, agent_class: numbered.Numbers
) -> Iterator[tuple[tuple[str, str], int]]:
    """The number of names of each dataset and class."""
    pairs, _ = numbered.distinct(used.pair(dataset, agent_class), used.names)
    different, counts = np.unique(pairs, return_counts=True)
    keys = zip(*used.keys(different).values(), strict=True)
    yield from zip(keys, counts.tolist(), strict=True)
