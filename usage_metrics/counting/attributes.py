"""Use of a day by what else a log says of a request, an attribute at a time.

One table holds them all, so that another attribute needs no other table. The rows of an
attribute cover the requests of which the log says it; those of different attributes
are about the same requests, and are not added up.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents.devices import devices_of
from usage_metrics.arrow import INTEGER, STRING, column, only_chunk, take_encoded, used
from usage_metrics.counting import asked_texts
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.derived import ANSWERED
from usage_metrics.counting.grouping import Rows, mask_of
from usage_metrics.counting.naming import VALUES_A_DAY, named_only
from usage_metrics.counting.session_pages import SessionPages
from usage_metrics.counting.usage import CountedDay, of_day
from usage_metrics.counting.visitors import HOUR, hours_of

USAGE_BY_ATTRIBUTE = schema_of(
    *("date", "source", "dataset", "agent_class"),
    column(
        "attribute",
        STRING,
        "What the value is: status, not_found (path answered with 404 or 410), hour "
        "(UTC), weekday, latency (time to the end of the response), operating_system "
        "and device (as the user agent says), referrer_page (of another site), search "
        "and sql (as a query says), entry and exit (first and last page of a session). "
        "May not be summed over attributes",
    ),
    column(
        "value",
        STRING,
        "The value; null: one beyond those named that day. Named are the "
        f"{VALUES_A_DAY} paths not found with most requests; the {VALUES_A_DAY} "
        "searches, statements and referring pages of most visitors, of at least "
        f"{asked_texts.LEAST_VISITORS}; of entry and exit, the paths that "
        "usage_by_path names",
    ),
    column(
        "requests",
        INTEGER,
        "All requests, whoever made them; of entry and exit, sessions",
    ),
    column(
        "counted",
        INTEGER,
        "Requests that count under the COUNTER rules; of entry and exit, sessions with "
        "such a request",
    ),
)

GONE = (404, 410)
"""The status of an answer that says that nothing is there."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour:02}" for hour in range(24))
_DAY = 24 * HOUR
_READ = ("dataset", "agent_class", "outcome")
_EDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
LATENCIES = (
    *("under 0.1 s", "0.1 to 0.3 s", "0.3 to 1 s", "1 to 3 s", "3 to 10 s"),
    "10 s and more",
)
"""Classes of latency, each without its upper end. Their requests may be added up."""

ASKED = (
    *("operating_system", "device", "not_found", "referrer_page", "search", "sql"),
)
"""The columns of events that are made of texts of the request."""


def seen_of_attributes(
    known: pa.Table, requests: pa.Table, targets: pa.Array
) -> Mapping[str, pa.DictionaryArray]:
    """The columns ``ASKED`` of some requests, which are null where nothing is said.

    Args:
        known: with the columns ``status``, ``path`` and ``host``.
        requests: the same, with ``request_url``, ``user_agent`` and ``referer``.
        targets: of the distinct URLs.
    """
    agents = only_chunk(requests["user_agent"])
    urls = only_chunk(requests["request_url"]).indices
    is_gone = pc.is_in(known["status"], pa.array(GONE, INTEGER))
    is_answered = pc.is_in(known["status"], pa.array(ANSWERED, INTEGER))
    devices = devices_of(agents.dictionary)
    typed = {
        "search": asked_texts.searches(targets),
        "sql": asked_texts.statements(targets),
    }
    return {
        **{
            name: take_encoded(found, agents.indices) for name, found in devices.items()
        },
        "not_found": _where(is_gone, only_chunk(known["path"])),
        "referrer_page": _pages(requests, only_chunk(known["host"])),
        **{
            name: _where(is_answered, take_encoded(found, urls))
            for name, found in typed.items()
        },
    }


def _where(condition: pa.ChunkedArray, texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """The texts of the rows for which a condition is true; else null."""
    codes = pc.if_else(pa.array(mask_of(condition)), texts.indices, None)
    return used(pa.DictionaryArray.from_arrays(codes, texts.dictionary))


def _pages(requests: pa.Table, hosts: pa.DictionaryArray) -> pa.DictionaryArray:
    """The pages of other sites that requests come from."""
    referers = only_chunk(requests["referer"])
    said = asked_texts.pages(referers.dictionary)
    ours = pc.replace_substring_regex(hosts.dictionary, r"^www\.|:[0-9]*$", "")
    # Numbers of hosts, since only rows can be compared: a site may have several hosts.
    host_of_page = pc.index_in(said["host"], ours.unique()).take(referers.indices)
    host = pc.index_in(ours, ours.unique()).take(hosts.indices)
    is_ours = pc.fill_null(pc.equal(host_of_page, host), False)
    return _where(pc.invert(is_ours), take_encoded(said["page"], referers.indices))


def _status(events: Rows) -> pa.DictionaryArray:
    status = events["status"].combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        status.indices, status.dictionary.cast(STRING)
    )


def _hour(events: Rows) -> pa.DictionaryArray:
    hours = hours_of(events["timestamp"]).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(hours), pa.array(HOURS))


def _weekday(events: Rows) -> pa.DictionaryArray:
    days = events["timestamp"].cast(pa.int64()).to_numpy() // _DAY
    # The first day of all was a Thursday.
    weekdays = ((days + 3) % 7).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(weekdays), pa.array(WEEKDAYS))


def _latency(events: Rows) -> pa.DictionaryArray:
    latency = events.numbers("latency", np.nan)
    classes = np.searchsorted(_EDGES, latency, side="right").astype(np.int32)
    codes = pa.array(classes, mask=np.isnan(latency))
    return pa.DictionaryArray.from_arrays(codes, pa.array(LATENCIES))


_VALUES: dict[str, Callable[[Rows], pa.DictionaryArray]] = {
    "hour": _hour,
    "latency": _latency,
    "status": _status,
    "weekday": _weekday,
}
"""The attributes that columns of numbers say."""


class UsageByAttribute:
    """Adds up the events of a day by each attribute; of ``USAGE_BY_ATTRIBUTE``."""

    def __init__(self, day: CountedDay) -> None:
        """Begin without events."""
        self._day = day
        self._summaries = {
            name: of_day(day, USAGE_BY_ATTRIBUTE, attribute=name)
            for name in sorted((*ASKED, *_VALUES))
        }
        self._sessions = SessionPages(day, USAGE_BY_ATTRIBUTE)

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        about = Rows(events.table.select(_READ))
        for name, summary in self._summaries.items():
            summary.add(self._with_value(about, events, name))
        self._sessions.add(events)

    def _with_value(self, about: Rows, events: Rows, name: str) -> Rows:
        """The events of which the log says the attribute, with its value."""
        read = _VALUES.get(name, lambda events: only_chunk(events[name]))
        values = read(events)
        is_named = name in self._day.named
        named = named_only(values, self._day.named[name]) if is_named else values
        rows = about.with_column("value", named)
        return Rows(rows.table.filter(values.is_valid())) if values.null_count else rows

    def table(self) -> pa.Table:
        """The rows."""
        tables = [summary.table() for summary in self._summaries.values()]
        return pa.concat_tables([*tables, *self._sessions.tables()])
