"""Counts the requests of a day, which come in batches, in bounded memory.

A request's figures depend on others: on those of its visitor, on the largest response
for its URL, on which databases answered anybody that day. So the day is gone through
three times. The first time shows the databases. The second time each batch becomes
events as far as they are known, which wait outside memory with what has to be compared.
Then the third time completes them, in the order of the geocoded file.

In memory are a batch, a byte for each request, 12 for each visitor, 41 for a session,
20 for an address, a row for each group of each table, and a 64th of what waits to be
compared. Made-up days of one to ten million requests took 0.5 GB, and 27 bytes each;
ten million lines of S3's logs, of nearly as many visitors, 0.8 GB.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import TIMESTAMP, only_chunk
from usage_metrics.counting.aside import NewFile, Tables
from usage_metrics.counting.attributes import ASKED, seen_of_attributes
from usage_metrics.counting.attribution import attribute_targets, targets_of
from usage_metrics.counting.breakdowns import AGENTS, PLACES, hosts_and_paths
from usage_metrics.counting.clicks import OK, PARTIAL, WINDOW, Clicks
from usage_metrics.counting.datasets import Registry
from usage_metrics.counting.derived import SHOWING, Databases, with_derived
from usage_metrics.counting.distinct import Numbering
from usage_metrics.counting.events import EVENTS, NEEDED, needed, seen_at_once
from usage_metrics.counting.grouping import Rows, codes_of, mask_of, numbers_of
from usage_metrics.counting.hashes import fresh_key, hashes_by_code
from usage_metrics.counting.naming import Named
from usage_metrics.counting.places import with_places
from usage_metrics.counting.visitors import (
    WHOLE_ADDRESS,
    Addresses,
    hours_of,
    one_spelling,
    visitor_keys,
)
from usage_metrics.counting.whole_sizes import WholeSizes

Read = Callable[[Collection[str]], Iterable[pa.Table]]
"""Reads some columns of the requests of a day in batches, as often as wanted."""

READ = (*NEEDED, *(set(PLACES) | set(AGENTS)) - set(NEEDED))
"""The geocoded columns that are read."""
COMPARED = (
    *("insert_id", "timestamp", "request_method", "request_url", "status"),
    *("user_agent", "remote_ip", "agent_class", "database", "table", "page"),
    "format",
)
"""Those by which a click is compared with others."""

BESIDE = ("address", "host", "path", "city", "region", *AGENTS, "database", *ASKED)
"""The further columns of events from which figures are made."""


def count_requests(
    read: Read,
    following: pa.Table,
    registry: Registry,
    new_file: NewFile,
    ipv6_bits: int = WHOLE_ADDRESS,
) -> "CountedRequests":
    """Decide what became of each request of a day.

    Args:
        read: reads the geocoded requests of one UTC day, in the order of the file.
        following: those of the next day, or the first of them, with the columns
            ``COMPARED``; only the first half minute is looked at. Empty if that day is
            not available yet.
        registry: the datasets.
        new_file: makes a file for what is not held in memory.
        ipv6_bits: how much of an IPv6 address tells visitors apart.

    Returns:
        The events. The same requests always give the same, in whatever batches.
    """
    databases = Databases()
    for batch in read(SHOWING):
        databases.add(needed(batch, SHOWING))
    ids = databases.ids(registry)
    counted = CountedRequests(ids, registry, new_file, ipv6_bits)
    for batch in read(READ):
        counted.add(needed(batch, READ))
    edge = first_half_minute(following)
    counted.compare(needed(edge, COMPARED) if edge.num_rows else None)
    return counted


def first_half_minute(following: pa.Table) -> pa.Table:
    """The requests that can be second clicks on those of the day before."""
    if not following.num_rows:
        return following
    first = pc.min(following["timestamp"]).as_py()
    midnight = dt.datetime.combine(first.date(), dt.time(), dt.UTC)
    end = pa.scalar(midnight + dt.timedelta(microseconds=WINDOW), TIMESTAMP)
    rows = following.filter(pc.less_equal(following["timestamp"], end))
    # Written out, since dictionaries still hold the texts of all the others.
    return rows.cast(pa.schema(map(_plain, rows.schema)))


def _plain(field: pa.Field) -> pa.Field:
    is_encoded = pa.types.is_dictionary(field.type)
    return field.with_type(field.type.value_type) if is_encoded else field


class _Seen(NamedTuple):
    """What is known of the requests of a batch by themselves."""

    about: dict[str, pa.Array]
    requests: pa.Table
    """With what the registry captures."""
    addresses: pa.DictionaryArray
    visitors: Any
    urls: Any
    """Codes of distinct URLs."""
    hashes: Any
    """Of distinct URLs, by their codes."""
    targets: pa.Array
    """Of distinct URLs."""


class CountedRequests:
    """The events of a day, once all requests have been added and compared."""

    def __init__(
        self,
        databases: Mapping[str, str],
        registry: Registry,
        new_file: NewFile,
        ipv6_bits: int,
    ) -> None:
        """Begin without a request."""
        self._databases, self._registry, self._bits = databases, registry, ipv6_bits
        self._key = fresh_key()
        self._known = Tables(new_file)
        self._clicks = Clicks(new_file)
        self._sizes = WholeSizes(new_file)
        self._visitors, self._sessions = Numbering(), Numbering()
        self._addresses = Addresses()
        self._named = Named(new_file)
        self._rows = 0
        self._outcomes = self._clicks.outcomes(0)

    def add(self, requests: pa.Table) -> None:
        """Add the next requests of the day, with the columns ``READ``."""
        seen = self._look_at(requests)
        requests = seen.requests
        status = numbers_of(requests["status"])
        sizes = numbers_of(requests["response_size"])
        # A response with several ranges may be longer; it is one download, too.
        said = numbers_of(requests["object_size"])
        said = np.where(said > 0, np.maximum(said, sizes), 0)
        wanted = (status == PARTIAL) & (said == 0)
        self._sizes.add(
            seen.hashes, seen.urls, wanted, np.where(status == OK, sizes, 0)
        )
        sessions = seen.visitors * 24 + hours_of(requests["timestamp"])
        columns = {
            **seen_at_once(requests, seen.about),
            **hosts_and_paths(only_chunk(requests["request_url"]), seen.targets),
            **{name: requests[name] for name in ("database", *AGENTS)},
            **{name: requests[f"remote_ip_{name}"] for name in ("city", "region")},
            "visitor": pa.array(seen.visitors),
            "session": pa.array(self._sessions.of(sessions)),
            "address": self._addresses.numbers(seen.addresses),
            "object_bytes": pa.array(said),
            "url": pa.array(np.where(wanted, seen.hashes[seen.urls], 0)),
        }
        columns |= seen_of_attributes(pa.table(columns), requests, seen.targets)
        known = pa.table(columns)
        self._named.add(known)
        self._known.add(known)
        self._rows += requests.num_rows

    def compare(self, following: pa.Table | None) -> None:
        """Compare all requests, and these with the first of the next day."""
        if following is not None:
            self._look_at(following)
        self._outcomes = self._clicks.outcomes(self._rows)
        self._sizes.compare()

    def _look_at(self, requests: pa.Table) -> "_Seen":
        """Find out what is known of each request by itself, and note its click."""
        urls = only_chunk(requests["request_url"])
        targets = targets_of(urls.dictionary)
        about = attribute_targets(self._registry, targets, urls.indices)
        about, requests = with_places(about, requests, self._registry)
        about = with_derived(about, requests, self._databases)
        addresses = of_visitors = one_spelling(requests["remote_ip"])
        if self._bits != WHOLE_ADDRESS:
            of_visitors = one_spelling(requests["remote_ip"], self._bits)
        keys = visitor_keys(of_visitors, requests["user_agent"], self._key)
        visitors = self._visitors.of(keys)
        hashes, (codes, _) = hashes_by_code(urls, self._key), codes_of(urls)
        asked = requests.append_column("dataset", about["dataset"])
        self._clicks.add(asked, visitors, hashes[codes])
        return _Seen(about, requests, addresses, visitors, codes, hashes, targets)

    def named(self) -> dict[str, pa.Array]:
        """The texts that the tables of figures name, by column."""
        return self._named.found()

    def rows(self) -> Iterator[Rows]:
        """The events in batches, in the order of the requests, with further columns."""
        start, dominant = 0, self._addresses.dominant()
        for known in self._known:
            suspect = mask_of(known["is_suspect"])
            if dominant is not None:
                suspect |= numbers_of(known["address"], -1) == dominant
            is_range = numbers_of(known["status"]) == PARTIAL
            whole = known["object_bytes"].to_numpy()
            largest = self._sizes.of(known["url"].to_numpy(), is_range)
            whole = np.where(whole > 0, whole, largest)
            found = {
                **dict(zip(known.column_names, known.columns, strict=True)),
                "outcome": self._outcomes.slice(start, known.num_rows),
                "is_suspect": pa.array(suspect),
                "object_bytes": pa.array(whole, mask=~is_range | (whole == 0)),
            }
            yield Rows(pa.table(found).select([*EVENTS.names, *BESIDE]))
            start += known.num_rows
