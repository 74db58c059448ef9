"""Google's load balancers: entries of Cloud Logging, as rows of a web server's log."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.line_ids import line_ids
from usage_metrics.logs.web.parts import table_of
from usage_metrics.logs.web.schema import LOG

_OF_BALANCER = r"load_balancer|_lb_"
"""Types of resources that are load balancers, such as ``http_load_balancer``."""

_HOST = r"^[a-z]+://(?P<host>\[[^\]]*\]|[^/?#:]*)"

_TAKEN = {
    "remote_addr": "remoteIp",
    "method": "requestMethod",
    "target": "requestUrl",
    "protocol": "protocol",
    "status": "status",
    "bytes": "responseSize",
    "referer": "referer",
    "user_agent": "userAgent",
    "latency": "latency",
}
"""Fields of an entry's ``httpRequest``, by column."""


class GoogleLoadBalancer:
    """Entries of load balancers as JSON; those of other resources are no requests."""

    title = "Cloud Logging's entries of load balancers"
    schema = LOG
    time = "time"

    def __init__(self) -> None:
        """Start without knowing which fields to expect."""
        self._entries = JsonEntries()

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file into lines, each with an entry."""
        return self._entries.blocks(raw, name)

    def read(self, block: Block) -> pa.Table:
        """Read the entries of a block."""
        entries = self._entries.read(block).combine_chunks()
        types = pc.struct_field(entries["resource"], "type")
        is_ours = pc.fill_null(pc.match_substring_regex(types, _OF_BALANCER), False)
        request = entries["httpRequest"]
        columns = {
            name: pc.if_else(is_ours, field, pa.scalar(None, field.type))
            for name, path in _TAKEN.items()
            for field in [pc.struct_field(request, path)]
        }
        hosts = pc.extract_regex(columns["target"], _HOST)
        columns["host"] = pc.struct_field(hosts, "host")
        columns["time"] = entries["timestamp"]
        columns["line_id"] = _ids(entries, block)
        columns |= {name: entries[name] for name in ("unreadable", "unreadableReason")}
        return table_of(columns)

    def mention(self, day: dt.date) -> bytes | None:
        """The date as each entry of the day has it in its time."""
        return self._entries.mention(day)


def _ids(entries: pa.Table, block: Block) -> pa.Array:
    """A hash of what tells entries apart: where two sinks overlap, lines differ."""
    keys = pc.binary_join_element_wise(
        pc.fill_null(entries["logName"], ""), entries["insertId"], "\n"
    )
    hashes = [key and xxhash.xxh3_64_intdigest(key) for key in _bytes(keys)]
    return pc.coalesce(pa.array(hashes, pa.uint64()), line_ids(block))


def _bytes(texts: pa.ChunkedArray) -> list[bytes | None]:
    found: list[bytes | None] = texts.cast(pa.binary()).to_pylist()
    return found
