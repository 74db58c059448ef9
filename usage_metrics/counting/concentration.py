"""How much of the use comes from one place, and what is left without it.

If one company's script makes nearly all requests, no list will or should call it a
robot. So nothing is left out here: each figure stands beside the same figure without
the largest organisation, and a row says when that one has more than half. Addresses are
never named; only the share of the largest is.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, column, dictionary
from usage_metrics.counting.aside import NewFile
from usage_metrics.counting.columns import DATASET_OR_ALL, schema_of
from usage_metrics.counting.distinct import Frequencies, Numbering
from usage_metrics.counting.grouping import (
    Groups,
    Rows,
    codes_of,
    group_rows,
    mask_of,
    table_of_groups,
)
from usage_metrics.counting.monthly import CountedMonth
from usage_metrics.counting.outcomes import COUNTED
from usage_metrics.counting.summary import Totals
from usage_metrics.counting.usage import CountedDay, OfEachAndAll

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

_UNKNOWN = -1
"""In place of the number of an address where there is none."""
_UNSET = -2
_ANOTHER = 1 << 31
"""Sessions of another address than their first are numbered from here."""


class Concentration:
    """Measures the concentration of some days; of schema ``USAGE_CONCENTRATION``."""

    def __init__(self, period: str, source: str, new_file: NewFile) -> None:
        """Begin without events.

        Args:
            period: what the days are together, such as ``2022-02``.
            source: the kind of log.
            new_file: makes a file for what is not held in memory.
        """
        of_each, of_all = (_Shares(period, source, new_file) for _ in range(2))
        self._figures = OfEachAndAll(of_each, of_all)
        self._sessions = _Sessions()

    def add(self, events: Rows) -> None:
        """Add up a batch of events, with the number of each one's ``address``."""
        addresses = events.numbers("address", _UNKNOWN)
        sessions = self._sessions.of(events.numbers("session"), addresses)
        self._figures.add(events.with_column("session", pa.array(sessions)))

    def table(self) -> pa.Table:
        """The rows."""
        return self._figures.table().sort_by("dataset")


def usage_concentration(day: CountedDay) -> Concentration:
    """Measures the concentration of a day."""
    return Concentration(day.date, day.source, day.new_file)


def usage_concentration_monthly(month: CountedMonth) -> Concentration:
    """Measures the concentration of a month."""
    return Concentration(month.month, month.source, month.new_file)


class _Sessions:
    """Numbers sessions such that each has one address.

    Neighbours in a network may be one visitor. It holds four bytes a session.
    """

    def __init__(self) -> None:
        self._first = np.empty(0, np.int32)  # address of each session
        self._others = Numbering()

    def of(self, sessions: Any, addresses: Any) -> Any:
        """The number for each session with an address."""
        more = int(sessions.max(initial=-1)) + 1 - len(self._first)
        if more > 0:
            self._first = np.append(self._first, np.full(more, _UNSET, np.int32))
        new = np.flatnonzero(self._first[sessions] == _UNSET)[::-1]
        # The last assignment to an element wins: that of the session's first row.
        self._first[sessions[new]] = addresses[new]
        others = np.flatnonzero(self._first[sessions] != addresses)
        if len(others):
            pairs = sessions[others] << 32 | (addresses[others] - _UNSET)
            sessions = sessions.copy()
            sessions[others] = _ANOTHER + self._others.of(pairs)
        return sessions


class _Shares:
    """The concentration of each dataset."""

    def __init__(self, period: str, source: str, new_file: NewFile) -> None:
        self._constants = {"period": period, "source": source}
        self._organizations = Totals(["dataset", "organization"], new_file)
        self._datasets = Totals(["dataset"], new_file)
        self._addresses = Frequencies(new_file)

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        totals = self._organizations
        totals.take(events)
        totals.count("requests")
        totals.count("counted", events.holds("outcome", COUNTED))
        totals.distinct("unique_sessions", events.numbers("session"))
        totals.add("bytes", events.numbers("bytes"))
        addresses = events.numbers("address", _UNKNOWN)
        known = addresses != _UNKNOWN
        self._datasets.take(events)
        self._addresses.add(self._datasets.groups[known], addresses[known])

    def table(self) -> pa.Table:
        """The rows."""
        totals = self._organizations
        rows = totals.keys
        values = {
            "requests": totals.counts("requests"),
            "counted": totals.counts("counted"),
            "unique_sessions": totals.values("unique_sessions"),
            "bytes": totals.whole("bytes"),
        }
        groups = group_rows(Rows(rows), ["dataset"])
        sums = {name: groups.total(numbers) for name, numbers in values.items()}
        organizations = dictionary(rows["organization"])
        largest, most = _largest(groups, organizations, values["requests"])
        elsewhere = codes_of(organizations)[0] != largest[groups.codes]
        without = {
            f"{name}_without_largest": groups.total(np.where(elsewhere, numbers, 0))
            for name, numbers in values.items()
        }
        known = mask_of(rows["organization"].is_valid())
        all_requests = np.maximum(sums["requests"], 1)
        addresses, most_of_address = self._of_addresses(groups)
        figures = {
            "organizations": groups.count(known),
            "addresses": addresses,
            "largest_organization": organizations.dictionary.take(
                pa.array(largest, mask=largest < 0)
            ),
            "largest_organization_share": most / all_requests,
            "largest_address_share": most_of_address / all_requests,
            "is_concentrated": (
                np.maximum(most, most_of_address) / all_requests > CONCENTRATED
            ),
        }
        every = {**self._constants, **sums, **without, **figures}
        return table_of_groups(groups.keys, USAGE_CONCENTRATION, **every)

    def _of_addresses(self, groups: Groups) -> tuple[Any, Any]:
        """How many addresses each dataset has, and the most requests of one."""
        datasets = self._datasets.keys["dataset"].combine_chunks()
        places = pc.index_in(groups.keys["dataset"], datasets).to_numpy()
        distinct, most = self._addresses.counts(len(datasets))
        return distinct[places], most[places]


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
    most = np.zeros(len(groups), dtype=np.int64)
    np.maximum.at(most, group, sums)
    found = found.filter(pa.array(sums == most[group]))
    found = found.append_column("name", names.dictionary.take(found["code"]))
    found = found.sort_by([("name", "descending")])
    largest = np.full(len(groups), -1)
    # The last assignment to an element wins: that of the first name.
    largest[found["group"].to_numpy()] = found["code"].to_numpy()
    return largest, most
