"""Whether a request counts and, if not, why not.

The rules are those of the COUNTER Code of Practice for Research Data, and where it
leaves something open, ours:

* Only responses with status 200 and 304 count, before anything else is asked: a 500
  does not swallow the 200 before it. So do those with 206, under the rule below.
* A double click is two requests of one visitor for one URL, its query included, within
  30 seconds; 30 seconds exactly are within. Only the last of a chain counts. Since it
  is the last, it is enough to look from each request to its successor: no chain needs
  to be followed, however long, and of the neighbouring days nothing is needed but the
  first 30 seconds of the next. The edge of an hour or a day makes no difference; the
  click that is left belongs to its own hour and day.
* Range reads (206) of one object, that is of one path, count once a session, the last
  of them; a double click of theirs is one for the path. Pieces are not downloads.
* Of equal times, the greater ``insert_id`` is the later.

Every request gets exactly one outcome, the first in the list that applies.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, only_chunk
from usage_metrics.counting.datasets import NONE, UNMAPPED
from usage_metrics.counting.grouping import codes_of, combine, in_order_of_appearance
from usage_metrics.counting.visitors import hours

WINDOW = 30_000_000
"""Microseconds within which a second click on the same thing is a double click."""

COUNTED = "counted"
OUTCOMES = {
    "status": "the response had another status than 200, 304 and 206",
    "method": "neither GET nor POST: nothing was asked for but headers",
    "not_data": "a page about no dataset, such as a style sheet or /-/versions",
    "unmapped": "no pattern in the registry of datasets matches the path",
    "internal": "our own monitors, checkers and addresses",
    "robot": "a robot's request",
    "double_click": "the same visitor asked for the same URL within 30 seconds after",
    "range_repeat": "a later range of the same object counts for the session",
    COUNTED: "it counts",
}
"""What can become of a request and what that means, in the order of the decision."""

_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}
_WHOLE = [200, 304]
_PART = 206
_METHODS = ["GET", "POST"]
# Lists, because making an Arrow array imports pandas, and views import this module.


def outcomes(requests: pa.Table, visitors: Any) -> pa.Array:
    """Decide about each request.

    Args:
        requests: with ``timestamp``, ``insert_id``, ``request_method``,
            ``request_url``, ``status``, ``agent_class``, and ``dataset`` as the
            registry gives it.
        visitors: the key of the visitor of each.

    Returns:
        A text per request, one of ``OUTCOMES``.
    """
    is_part = _mask(pc.equal(requests["status"], _PART))
    decided = np.full(requests.num_rows, _NUMBER[COUNTED])
    for outcome, applies in _at_first_sight(requests, is_part):
        decided[applies & (decided == _NUMBER[COUNTED])] = _NUMBER[outcome]
    rest = np.flatnonzero(decided == _NUMBER[COUNTED])
    targets = combine(
        [_dense(visitors), _targets(requests["request_url"], is_part)],
        requests.num_rows,
    )
    rest = _in_order(requests, targets, rest)
    repeated = _repeated(requests, targets, rest)
    clicks, parts = rest[repeated & ~is_part[rest]], rest[repeated & is_part[rest]]
    decided[clicks] = _NUMBER["double_click"]
    decided[parts] = _NUMBER["range_repeat"]
    left = rest[~repeated & is_part[rest]]
    decided[_earlier_of_session(requests, targets, left)] = _NUMBER["range_repeat"]
    return pa.DictionaryArray.from_arrays(
        pa.array(decided, pa.int8()), pa.array(list(OUTCOMES), STRING)
    )


def _at_first_sight(requests: pa.Table, is_part: Any) -> list[tuple[str, Any]]:
    """What a request shows by itself, in the order in which it is asked."""
    agents, datasets = requests["agent_class"], requests["dataset"]
    is_whole = pc.is_in(requests["status"], pa.array(_WHOLE, pa.int64()))
    method = requests["request_method"]
    asks = pc.or_kleene(pc.is_in(method, pa.array(_METHODS)), method.is_null())
    return [
        ("status", ~(is_part | _mask(is_whole))),
        ("method", ~_mask(asks)),
        ("not_data", _mask(pc.equal(datasets, NONE))),
        ("unmapped", _mask(pc.equal(datasets, UNMAPPED))),
        ("internal", _mask(pc.equal(agents, "internal"))),
        ("robot", _mask(pc.equal(agents, "robot"))),
    ]


def _mask(values: pa.ChunkedArray) -> Any:
    return pc.fill_null(values, False).to_numpy().astype(bool)


def _dense(keys: Any) -> tuple[Any, int]:
    codes = in_order_of_appearance(keys)
    return codes, int(codes.max(initial=-1)) + 1


def _targets(urls: pa.ChunkedArray, is_part: Any) -> tuple[Any, int]:
    """What is asked for, numbered: the URL; of ranges the object, without its query."""
    codes, count = codes_of(urls)
    texts = only_chunk(urls).dictionary
    objects = pc.replace_substring_regex(texts, r"[?#].*", "")
    # A URL without a query is the object of its ranges, too. The last is null.
    both = pa.concat_arrays([texts, objects]).dictionary_encode()
    numbers = both.indices.to_numpy()
    unknown = len(both.dictionary)
    of_url = np.append(numbers[: count - 1], unknown)
    of_range = np.append(numbers[count - 1 :], unknown)
    return np.where(is_part, of_range[codes], of_url[codes]), unknown + 1


def _in_order(requests: pa.Table, targets: Any, rows: Any) -> Any:
    """Some rows by visitor and target, then time, then id."""
    times = requests["timestamp"].cast(pa.int64()).to_numpy()
    rows = rows[np.lexsort((times[rows], targets[rows]))]
    same = (np.diff(targets[rows]) == 0) & (np.diff(times[rows]) == 0)
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows[tied] = _by_id(requests, targets, rows[tied])
    return rows


def _by_id(requests: pa.Table, targets: Any, rows: Any) -> Any:
    """Some rows by target, time and id: few, so that ids need not be held of all."""
    taken = requests.select(["timestamp", "insert_id"]).take(pa.array(rows))
    taken = taken.append_column("target", pa.array(targets[rows]))
    keys = [(name, "ascending") for name in ("target", "timestamp", "insert_id")]
    return rows[pc.sort_indices(taken, sort_keys=keys).to_numpy()]


def _repeated(requests: pa.Table, targets: Any, rows: Any) -> Any:
    """Of rows in order, whether the next is for the same target and soon after."""
    times = requests["timestamp"].cast(pa.int64()).to_numpy()[rows]
    same, soon = np.diff(targets[rows]) == 0, np.diff(times) <= WINDOW
    return np.append(same & soon, False)[: len(rows)]


def _earlier_of_session(requests: pa.Table, targets: Any, rows: Any) -> Any:
    """Of rows in order, those after which the session has another for the target."""
    hour = hours(requests["timestamp"])[rows]
    same = (np.diff(targets[rows]) == 0) & (np.diff(hour) == 0)
    return rows[np.append(same, False)[: len(rows)]]
