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

Every request gets exactly one outcome, the first in the list that applies. The requests
may come in any order. What is compared of them waits outside memory until all are
there; in memory is a byte a request, its outcome.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.counting.aside import NewFile, Records
from usage_metrics.counting.datasets import NONE, UNMAPPED
from usage_metrics.counting.grouping import any_of, holds, mask_of
from usage_metrics.counting.hashes import fresh_key
from usage_metrics.counting.outcomes import COUNTED, OUTCOMES
from usage_metrics.counting.visitors import HOUR

WINDOW = 30_000_000
"""Microseconds within which a second click on the same thing is a double click."""

OK, PARTIAL, NOT_MODIFIED = 200, 206, 304

_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}


class Clicks:
    """Decides about each request of a day, which come in batches."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a request."""
        self._left = Records(new_file)
        self._decided: list[Any] = []
        self._rows = 0
        self._factor = np.uint64(fresh_key() | 1)

    def add(self, requests: pa.Table, visitors: Any, urls: Any) -> None:
        """Add the next requests.

        Args:
            requests: with ``timestamp``, ``insert_id``, ``request_method``, ``status``,
                ``agent_class``, and ``dataset`` from the registry.
            visitors: the number of each one's visitor.
            urls: a hash of each one's URL.
        """
        is_part = mask_of(pc.equal(requests["status"], PARTIAL))
        decided = np.full(requests.num_rows, _NUMBER[COUNTED], dtype=np.int8)
        for outcome, applies in _at_first_sight(requests, is_part):
            decided[applies & (decided == _NUMBER[COUNTED])] = _NUMBER[outcome]
        rows = np.flatnonzero(decided == _NUMBER[COUNTED])
        times = requests["timestamp"].cast(pa.int64()).to_numpy()
        self._left.add(
            # Of two different targets, the sums are equal as rarely as two hashes.
            target=urls[rows] + visitors[rows].astype(np.uint64) * self._factor,
            time=times[rows],
            row=self._rows + rows,
            is_part=is_part[rows],
            id=_bytes_of(requests["insert_id"].take(pa.array(rows))),
        )
        self._decided.append(decided)
        self._rows += len(decided)

    def outcomes(self, rows: int) -> pa.DictionaryArray:
        """The outcome of each of the first requests, one of ``OUTCOMES``."""
        decided = np.concatenate([np.empty(0, np.int8), *self._decided])
        self._decided = [decided]
        for left in self._left.parts():
            _settle(left, decided)
        return pa.DictionaryArray.from_arrays(
            pa.array(decided[:rows]), pa.array(list(OUTCOMES), STRING)
        )


def _settle(left: Any, decided: Any) -> None:
    """Find the repetitions among all requests for some targets."""
    order = _in_order(left)
    targets, times = left["target"][order], left["time"][order]
    is_part, rows = left["is_part"][order], left["row"][order]
    repeated = _is_repeated(targets, np.diff(times) <= WINDOW)
    decided[rows[repeated & ~is_part]] = _NUMBER["double_click"]
    decided[rows[repeated & is_part]] = _NUMBER["range_repeat"]
    ranges = np.flatnonzero(~repeated & is_part)
    same_hour = np.diff(times[ranges] // HOUR) == 0
    in_session = _is_repeated(targets[ranges], same_hour)
    decided[rows[ranges[in_session]]] = _NUMBER["range_repeat"]


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


def _in_order(left: Any) -> Any:
    """The order of requests by target, then time, then id.

    Those whose target has no other request are left out: they repeat nothing.
    """
    order = np.argsort(left["target"])
    order = order[_tied(left["target"][order])]
    if not len(order):
        return order
    targets, times = left["target"][order], left["time"][order]
    numbers = np.cumsum(np.diff(targets, prepend=targets[0]) != 0)
    since = times - times.min()
    # To sort by one number takes a tenth of the time of sorting by two columns.
    order = order[np.argsort(numbers << int(since.max()).bit_length() | since)]
    targets, times = left["target"][order], left["time"][order]
    tied = _tied(targets, times)
    by_id = np.lexsort((left["id"][order[tied]], times[tied], targets[tied]))
    order[tied] = order[tied][by_id]
    return order


def _tied(*ordered: Any) -> Any:
    """Which rows of sorted columns have a neighbour that is the same in all."""
    same = np.logical_and.reduce([column[1:] == column[:-1] for column in ordered])
    return np.flatnonzero(np.append(same, False) | np.append(False, same))


def _bytes_of(ids: pa.ChunkedArray) -> Any:
    """Texts as bytes of one width, which are in the same order."""
    if not len(ids):
        return np.empty(0, "S1")
    width = max(pc.max(pc.binary_length(ids)).as_py() or 0, 1)
    padded = pc.ascii_rpad(pc.fill_null(ids, ""), width, padding="\0")
    whole = padded.combine_chunks()
    return np.frombuffer(
        whole.buffers()[2], f"S{width}", len(whole), whole.offset * width
    )


def _is_repeated(targets: Any, near: Any) -> Any:
    """Whether the next request is for the same target and near; the last has none."""
    return np.append((np.diff(targets) == 0) & near, False)[: len(targets)]
