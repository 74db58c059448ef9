"""The organisation with most requests of each dataset, and every figure without it."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from usage_metrics.report import numbered
from usage_metrics.report.usage_database import ALL, NUMBERS, grouped


class Concentrated(NamedTuple):
    """The concentration of a dataset, or of all together."""

    dataset: str
    requests: int
    counted: int
    organization: str | None
    """None if no request has one."""
    requests_of_largest: int
    counted_of_largest: int
    days_concentrated: int
    requests_without_largest: int
    counted_without_largest: int
    largest_share: float


def concentrated(rows: pa.Table, marked: pa.Table) -> list[Concentrated]:
    """All together first, then the datasets with most requests.

    Args:
        rows: use by dataset and organisation.
        marked: the datasets of each day, and whether they are concentrated.
    """
    days = dict(_rows(grouped(marked, ["dataset"], ["is_concentrated"])))
    found = _of_each(rows, days)
    return sorted(found, key=lambda of: (of.dataset != ALL, -of.requests, of.dataset))


def _of_each(rows: pa.Table, days: dict[str, int]) -> Iterator[Concentrated]:
    of_all = grouped(rows, ["organization"], NUMBERS)
    all_ = pa.array([ALL] * len(of_all), pa.string())
    used = grouped(rows, ["dataset", "organization"], NUMBERS)
    every = pa.concat_tables([used, of_all.add_column(0, "dataset", all_)])
    order = [("requests", "descending"), ("organization", "ascending")]
    known = every.filter(every["organization"].is_valid()).sort_by(order)
    first = numbered.groups(numbered.codes(known["dataset"])).first
    largest = {dataset: of_one for dataset, *of_one in _rows(known.take(first))}
    for dataset, requests, counted in _rows(grouped(every, ["dataset"], NUMBERS)):
        organization, most, most_counted = largest.get(dataset, (None, 0, 0))
        yield Concentrated(
            *(dataset, requests, counted, organization, most, most_counted),
            days_concentrated=days.get(dataset) or 0,
            requests_without_largest=requests - most,
            counted_without_largest=counted - most_counted,
            largest_share=most / requests if requests else math.nan,
        )


def _rows(table: pa.Table) -> Iterable[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
