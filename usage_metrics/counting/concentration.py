"""How much of the use comes from one place, and what is left without it.

If one company's script makes nearly all requests, no list will or should call it a
robot. So nothing is left out here: each figure stands beside the same figure without
the largest organisation, and a row says when that one has more than half. Addresses are
never named; only the share of the largest is.

A tally holds addresses and stays in memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, column, dictionary
from usage_metrics.counting.columns import DATASET_OR_ALL, schema_of
from usage_metrics.counting.grouping import Groups, codes_of, group_rows, numbers_of
from usage_metrics.counting.usage import (
    CountedDay,
    CountedMonth,
    add_up,
    over_all_datasets,
)
from usage_metrics.counting.visitors import one_spelling

CONCENTRATED = 0.5
"""A larger share than this is marked."""

_SUMS = {
    "requests": "All requests",
    "counted": "Requests that count under the COUNTER rules",
    "unique_sessions": "Unique sessions",
    "bytes": "Sizes of the responses",
}

USAGE_CONCENTRATION = schema_of(
    column("period", STRING, "UTC day, YYYY-MM-DD, or month, YYYY-MM"),
    *("source", DATASET_OR_ALL),
    *(column(name, INTEGER, text) for name, text in _SUMS.items()),
    column("organizations", INTEGER, "Known organisations, each counted once"),
    column("addresses", INTEGER, "Distinct addresses"),
    column(
        "largest_organization",
        STRING,
        "The known organisation with the most requests",
    ),
    column("largest_organization_share", NUMBER, "Its share of the requests"),
    column(
        "largest_address_share",
        NUMBER,
        "Share of the requests from the address with the most requests",
    ),
    column(
        "is_concentrated",
        BOOLEAN,
        "Whether one organisation or one address has more than half",
    ),
    *(
        column(
            f"{name}_without_largest",
            INTEGER,
            f"{text}, without the largest organisation",
        )
        for name, text in _SUMS.items()
    ),
)

_KEYS = ("dataset", "organization", "address")
_TALLY = pa.schema(
    [*((name, STRING) for name in _KEYS), *((name, INTEGER) for name in _SUMS)]
)


def tally(events: pa.Table, addresses: pa.ChunkedArray) -> pa.Table:
    """Add up a day's events by dataset, organisation and address.

    Args:
        events: of schema ``EVENTS``.
        addresses: of the same requests, in the same order, encoded.

    Returns:
        A table for :func:`concentration`; it holds addresses, so do not write it.
    """
    rows = events.append_column("address", one_spelling(addresses))
    return pa.concat_tables(map(_tallied, (rows, over_all_datasets(rows))))


def _tallied(events: pa.Table) -> pa.Table:
    groups, figures = add_up(events, _TALLY)
    # Not sorted: there may be as many rows as requests, and nobody reads them.
    return groups.rows(_TALLY, **figures)


def usage_concentration(day: CountedDay) -> pa.Table:
    """Measure the concentration of a day; of schema ``USAGE_CONCENTRATION``."""
    tallied = tally(day.events, day.requests["remote_ip"])
    return concentration([tallied], day.date, day.source)


def usage_concentration_monthly(month: CountedMonth) -> pa.Table:
    """Measure the concentration of a month; of schema ``USAGE_CONCENTRATION``."""
    return concentration(month.tallies, month.month, month.source)


def concentration(tallies: Sequence[pa.Table], period: str, source: str) -> pa.Table:
    """Measure the concentration of some days; of schema ``USAGE_CONCENTRATION``.

    Args:
        tallies: one for each day.
        period: what the days are together, such as ``2022-02``.
        source: the kind of log.
    """
    rows = pa.concat_tables(tallies) if tallies else _TALLY.empty_table()
    groups = group_rows(rows, ["dataset"])
    values = {name: numbers_of(rows[name]) for name in _SUMS}
    sums = {name: groups.total(numbers) for name, numbers in values.items()}
    organizations = dictionary(rows["organization"])
    addresses = dictionary(rows["address"])
    largest, most = _largest(groups, organizations, values["requests"])
    _, most_of_address = _largest(groups, addresses, values["requests"])
    elsewhere = codes_of(organizations)[0] != largest[groups.codes]
    without = {
        f"{name}_without_largest": groups.total(np.where(elsewhere, numbers, 0))
        for name, numbers in values.items()
    }
    all_requests = np.maximum(sums["requests"], 1)
    figures = {
        "organizations": _distinct(groups, organizations),
        "addresses": _distinct(groups, addresses),
        "largest_organization": organizations.dictionary.take(
            pa.array(largest, mask=largest < 0)
        ),
        "largest_organization_share": most / all_requests,
        "largest_address_share": most_of_address / all_requests,
        "is_concentrated": (
            np.maximum(most, most_of_address) / all_requests > CONCENTRATED
        ),
    }
    constants = {"period": period, "source": source}
    return groups.table(USAGE_CONCENTRATION, **constants, **sums, **without, **figures)


def _distinct(groups: Groups, names: pa.DictionaryArray) -> Any:
    codes, possible = codes_of(names)
    return groups.distinct(codes, codes < possible - 1)  # the last code is null


def _largest(
    groups: Groups, names: pa.DictionaryArray, requests: Any
) -> tuple[Any, Any]:
    """The largest member of each group, as a code or -1, and its requests.

    Ties go to the first by name, so that every run names the same.
    """
    columns = {"group": groups.codes, "code": names.indices, "requests": requests}
    found = (
        pa.table(columns).group_by(["group", "code"]).aggregate([("requests", "sum")])
    )
    found = found.filter(found["code"].is_valid())
    group, sums = found["group"].to_numpy(), found["requests_sum"].to_numpy()
    most = np.zeros(groups.keys.num_rows, dtype=np.int64)
    np.maximum.at(most, group, sums)
    found = found.filter(pa.array(sums == most[group]))
    found = found.append_column("name", names.dictionary.take(found["code"]))
    found = found.sort_by([("name", "descending")])
    largest = np.full(groups.keys.num_rows, -1)
    # The last assignment to an element wins: that of the first name.
    largest[found["group"].to_numpy()] = found["code"].to_numpy()
    return largest, most
