"""Whether a request counts and, if not, why not.

The rules are those of the COUNTER Code of Practice for Research Data and, where it
leaves something open, ours:

* Only responses with status 200, 304 and (under the rule for range reads) 206 count.
  This is checked first: a 500 does not swallow the 200 before it.
* A double click is two requests of one visitor for one URL, query included, at most 30
  seconds apart. Only the last of a chain counts. So it is enough to compare each
  request with its successor: chains need not be followed, however long they are, and
  nothing is needed of the neighbouring days but the first 30 seconds of the next. Hour
  and day boundaries make no difference; the click that is left belongs to its own hour
  and day.
* Range reads (206) of one object, that is of one URL with its query, count once per
  session, the last of them. Pieces are not downloads. A whole response that was broken
  off and the range that goes on with it are a double click, as two whole ones are.
* Of requests at the same time, the one with the greater ``insert_id`` is the later.

Every request gets exactly one outcome, the first in the list that applies.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.counting.datasets import NONE, UNMAPPED
from usage_metrics.counting.grouping import (
    any_of,
    codes_of,
    combine,
    holds,
    in_order_of_appearance,
    mask_of,
)
from usage_metrics.counting.visitors import HOUR

WINDOW = 30_000_000
"""Microseconds within which a second click on the same thing is a double click."""

OK, PARTIAL, NOT_MODIFIED = 200, 206, 304

COUNTED = "counted"
OUTCOMES = {
    "status": "the status was not 200, 206 or 304",
    "method": "neither GET nor POST, such as HEAD, which retrieves no data",
    "not_data": "a page of no dataset, such as a style sheet or /-/versions",
    "unmapped": "about no dataset of the registry and no database of the site",
    "internal": "a request of our own monitors, checkers or addresses",
    "robot": "a request of a robot",
    "double_click": "the visitor requested the same URL again within 30 seconds",
    "range_repeat": "a later range read of the same object counts for the session",
    COUNTED: "the request counts",
}
"""Every outcome of a request and what it means, in the order of the decision."""

_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}


def outcomes(requests: pa.Table, visitors: Any) -> pa.DictionaryArray:
    """Decide about each request.

    Args:
        requests: with ``timestamp``, ``insert_id``, ``request_method``,
            ``request_url``, ``status``, ``agent_class``, and ``dataset`` from the
            registry.
        visitors: the key of each request's visitor.

    Returns:
        One of ``OUTCOMES`` per request.
    """
    is_part = mask_of(pc.equal(requests["status"], PARTIAL))
    decided = np.full(requests.num_rows, _NUMBER[COUNTED], dtype=np.int8)
    for outcome, applies in _at_first_sight(requests, is_part):
        decided[applies & (decided == _NUMBER[COUNTED])] = _NUMBER[outcome]
    visitor = in_order_of_appearance(visitors)
    visitors_and_urls = [
        (visitor, int(visitor.max(initial=-1)) + 1),
        codes_of(requests["request_url"]),
    ]
    targets = combine(visitors_and_urls)
    times = requests["timestamp"].cast(pa.int64()).to_numpy()
    rest = np.flatnonzero(decided == _NUMBER[COUNTED])
    rest = _in_order(requests, targets, times, rest)
    repeated = _is_repeated(targets[rest], np.diff(times[rest]) <= WINDOW)
    clicks, parts = rest[repeated & ~is_part[rest]], rest[repeated & is_part[rest]]
    decided[clicks] = _NUMBER["double_click"]
    decided[parts] = _NUMBER["range_repeat"]
    left = rest[~repeated & is_part[rest]]
    in_session = _is_repeated(targets[left], np.diff(times[left] // HOUR) == 0)
    decided[left[in_session]] = _NUMBER["range_repeat"]
    return pa.DictionaryArray.from_arrays(
        pa.array(decided), pa.array(list(OUTCOMES), STRING)
    )


def _at_first_sight(requests: pa.Table, is_part: Any) -> list[tuple[str, Any]]:
    """The outcomes that a request shows by itself, in the order of the decision."""
    agents, datasets = requests["agent_class"], requests["dataset"]
    method, status = requests["request_method"], requests["status"]
    is_whole = pc.is_in(status, pa.array([OK, NOT_MODIFIED], pa.int64()))
    asks = holds(method, any_of("GET", "POST")) | mask_of(method.is_null())
    return [
        ("status", ~(is_part | mask_of(is_whole))),
        ("method", ~asks),
        ("not_data", holds(datasets, any_of(NONE))),
        ("unmapped", holds(datasets, any_of(UNMAPPED))),
        ("internal", holds(agents, any_of("internal"))),
        ("robot", holds(agents, any_of("robot"))),
    ]


def _in_order(requests: pa.Table, targets: Any, times: Any, rows: Any) -> Any:
    """Sort some rows by visitor and target, then time, then id."""
    rows = rows[np.lexsort((times[rows], targets[rows]))]
    same = (np.diff(targets[rows]) == 0) & (np.diff(times[rows]) == 0)
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows[tied] = _by_id(requests, targets, rows[tied])
    return rows


def _by_id(requests: pa.Table, targets: Any, rows: Any) -> Any:
    """Sort a few rows by target, time and id, without holding the ids of all rows."""
    taken = requests.select(["timestamp", "insert_id"]).take(pa.array(rows))
    taken = taken.append_column("target", pa.array(targets[rows]))
    keys = [(name, "ascending") for name in ("target", "timestamp", "insert_id")]
    return rows[pc.sort_indices(taken, sort_keys=keys).to_numpy()]


def _is_repeated(targets: Any, near: Any) -> Any:
    """Whether the next request is for the same target and near; the last has none."""
    return np.append((np.diff(targets) == 0) & near, False)[: len(targets)]
