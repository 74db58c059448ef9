"""How much of the use comes from one place, and what is left without it.

If one company's script makes nearly all requests, no list will or should call it a
robot. So nothing is left out here: each figure stands beside the same without the
largest organisation, and where that has more than half, the row says so. An address is
never named; only its share is.

A tally knows addresses. It stays in memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, column, dictionary
from usage_metrics.counting.grouping import (
    as_table,
    codes_of,
    group_rows,
)
from usage_metrics.counting.usage import (
    SOURCE,
    CountedDay,
    CountedMonth,
    is_counted,
    numbers,
    over_all_datasets,
)

CONCENTRATED = 0.5
"""A share above this is marked."""

_SUMS = {
    "requests": "All requests",
    "counted": "Those that count by the COUNTER rules",
    "unique_sessions": "Different sessions",
    "bytes": "Sizes of the responses",
}

USAGE_CONCENTRATION = pa.schema(
    [
        column("period", STRING, "The UTC day, YYYY-MM-DD, or month, YYYY-MM"),
        SOURCE,
        column(
            "dataset",
            STRING,
            "Id in the registry, unmapped or none; all: whatever was asked for, which "
            "is not to be added to the others",
        ),
        *(column(name, INTEGER, text) for name, text in _SUMS.items()),
        column("organizations", INTEGER, "Different organisations, those known"),
        column("addresses", INTEGER, "Different addresses"),
        column(
            "largest_organization", STRING, "The known organisation with most requests"
        ),
        column("largest_organization_share", NUMBER, "Its share of the requests"),
        column(
            "largest_address_share",
            NUMBER,
            "Share of the requests of the address that has most",
        ),
        column(
            "is_concentrated",
            BOOLEAN,
            "Whether one organisation, or one address, has more than half",
        ),
        *(
            column(
                f"{name}_without_largest",
                INTEGER,
                f"{text}, without the largest organisation's",
            )
            for name, text in _SUMS.items()
        ),
    ]
)
"""Concentration in a day or a month."""

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
    rows = events.append_column("address", addresses)
    return pa.concat_tables([_tally(rows), _tally(over_all_datasets(rows))])


def usage_concentration(day: CountedDay) -> pa.Table:
    """Say how the use of a day is concentrated; of schema ``USAGE_CONCENTRATION``."""
    tallied = tally(day.events, day.requests["remote_ip"])
    return concentration([tallied], day.date, day.source)


def usage_concentration_monthly(month: CountedMonth) -> pa.Table:
    """Say how the use of a month is concentrated; of schema ``USAGE_CONCENTRATION``."""
    return concentration(month.tallies, month.month, month.source)


def concentration(tallies: Sequence[pa.Table], period: str, source: str) -> pa.Table:
    """Say how the use of some days is concentrated; of schema ``USAGE_CONCENTRATION``.

    Args:
        tallies: of each day.
        period: what the days are together, such as ``2022-02``.
        source: the kind of log.
    """
    rows = pa.concat_tables(tallies) if tallies else _TALLY.empty_table()
    by_dataset = group_rows(rows, ["dataset"])
    count = by_dataset.keys.num_rows
    sums = {name: by_dataset.total(numbers(rows[name])) for name in _SUMS}
    organization, _ = codes_of(rows["organization"])
    known = rows["organization"].is_valid().to_numpy().astype(bool)
    largest, most = _largest(rows, by_dataset.codes, count, "organization")
    _, most_of_address = _largest(rows, by_dataset.codes, count, "address")
    of_largest = known & (organization == largest[by_dataset.codes])
    names = dictionary(rows["organization"]).dictionary
    without = {
        f"{name}_without_largest": total
        - by_dataset.total(np.where(of_largest, numbers(rows[name]), 0))
        for name, total in sums.items()
    }
    shares = [
        found / np.maximum(sums["requests"], 1) for found in (most, most_of_address)
    ]
    columns: dict[str, Any] = {
        "period": np.full(count, period),
        "source": np.full(count, source),
        "dataset": by_dataset.keys["dataset"],
        **sums,
        **without,
        "organizations": by_dataset.distinct(organization, known),
        "addresses": by_dataset.distinct(*_known(rows["address"])),
        "largest_organization": names.take(pa.array(largest, mask=largest < 0)),
        "largest_organization_share": shares[0],
        "largest_address_share": shares[1],
        "is_concentrated": np.maximum(*shares) > CONCENTRATED,
    }
    return as_table(USAGE_CONCENTRATION, columns)


def _tally(rows: pa.Table) -> pa.Table:
    groups = group_rows(rows, _KEYS)
    columns = {
        **{name: groups.keys[name] for name in _KEYS},
        "requests": groups.count(),
        "counted": groups.count(is_counted(rows)),
        "unique_sessions": groups.distinct(rows["session"].to_numpy()),
        "bytes": groups.total(numbers(rows["bytes"])),
    }
    return as_table(_TALLY, columns)


def _known(column_: pa.ChunkedArray) -> tuple[Any, Any]:
    codes, _ = codes_of(column_)
    return codes, column_.is_valid().to_numpy().astype(bool)


def _largest(rows: pa.Table, datasets: Any, count: int, name: str) -> tuple[Any, Any]:
    """Who has most requests for each dataset, as a code or -1, and how many.

    Of equals, the first by name, so that every run names the same.
    """
    largest = np.full(count, -1)
    most = np.zeros(count, dtype=np.int64)
    codes, known = _known(rows[name])
    candidates = rows.append_column("code", pa.array(codes)).append_column(
        "of", pa.array(datasets)
    )
    candidates = candidates.select(["of", name, "code", "requests"]).filter(
        pa.array(known)
    )
    found = candidates.group_by(["of", name, "code"]).aggregate([("requests", "sum")])
    found = found.sort_by([("requests_sum", "ascending"), (name, "descending")])
    of = found["of"].to_numpy()
    # The last assignment to an element is the one that stays: that of the largest.
    largest[of] = found["code"].to_numpy()
    most[of] = found["requests_sum"].to_numpy()
    return largest, most
