"""Logs of Microsoft's IIS, in the extended format of the W3C."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.text_columns import TextColumns
from usage_metrics.logs.w3c import directives, w3c_blocks, w3c_columns
from usage_metrics.logs.web.parts import with_faults
from usage_metrics.logs.web.schema import LOG

_TEXTS = {
    "remote_addr": "c_ip",
    "forwarded_for": "x_forwarded_for",
    "user": "cs_username",
    "method": "cs_method",
    "target": "cs_uri_stem",
    "query": "cs_uri_query",
    "protocol": "cs_version",
    "referer": "cs_referer",
    "host": "cs_host",
}
_INTEGERS = {"status": "sc_status", "bytes": "sc_bytes", "port": "s_port"}
"""IIS's fields, by column."""

_EARLY = dt.timedelta(hours=1)
"""How much earlier than its ``#Date`` an entry may be."""


class IisLog:
    """Lines of IIS, whose fields a ``#Fields`` line names."""

    title = "access logs of IIS"
    schema = LOG
    time = "time"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file into blocks of lines, each under the ``#`` lines before it."""
        return w3c_blocks(read_blocks(raw, name))

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block."""
        fields = w3c_columns(block, " ")
        columns = {"time": _times(fields, block)}
        columns |= {name: fields.text(field) for name, field in _TEXTS.items()}
        columns |= {name: fields.integer(field) for name, field in _INTEGERS.items()}
        agents = fields.text("cs_user_agent")
        columns["user_agent"] = pc.replace_substring(agents, "+", " ")
        columns["latency"] = pc.divide(fields.number("time_taken"), 1000.0)
        return with_faults(columns, fields.faults, block)

    def mention(self, day: dt.date) -> bytes | None:
        """Nothing: the day may stand in ``#Date`` only."""
        return None


def _times(fields: TextColumns, block: Block) -> pa.Array:
    """When each line was written, in UTC."""
    since = directives(block.header).get("#Date", "")
    dates = fields.text("date")
    if dates.null_count < len(block):
        found = fields.moment(dates, "time")
    elif since:
        found = _since(since, fields.moment(since[:10], "time"))
    else:
        found = pa.nulls(len(block), TIMESTAMP)
    fields.require(found, "has no date and time, and no #Date stands above it")
    return found


def _since(start: str, times: pa.Array) -> pa.Array:
    """Times of a day, or of the next one where they are before the start."""
    try:
        first = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC) - _EARLY
    except ValueError:
        return times
    is_next = pc.less(times, pa.scalar(first, TIMESTAMP))
    next_day = pc.add(times, pa.scalar(dt.timedelta(days=1), pa.duration("us")))
    return pc.if_else(is_next, next_day, times)
