r"""Access logs of Amazon's load balancers: application and classic ones.

Fields stand between blanks, the request and the user agent in quotes; bytes that are
not printable, and quotes, are written as ``\xHH``. A classic load balancer writes no
type and less.
"""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from usage_metrics.arrow import INTEGER, NUMBER, STRING
from usage_metrics.logs.blocks import Block, cleaned, read_blocks
from usage_metrics.logs.web.parts import with_faults
from usage_metrics.logs.web.schema import LOG
from usage_metrics.logs.web.values import times, unescaped
from usage_metrics.logs.web.variables import ISO_TIME

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"
_SECONDS = r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?"
_RULE = (
    rf"^(?:(?:http|https|h2|grpcs|ws|wss) )?(?P<time>{_TIME}) [^ ]+ "
    r"(?P<client>[^ ]+) [^ ]+ "
    rf"(?P<before>{_SECONDS}) (?P<behind>{_SECONDS}) (?P<after>{_SECONDS}) "
    r"(?P<status>[0-9]{3}|-) (?:[0-9]{3}|-) -?[0-9]{1,15} (?P<sent>-?[0-9]{1,15}) "
    r'"(?P<request>.*?)" "(?P<user_agent>.*?)" '
    r"[A-Za-z0-9_-]+ (?:TLSv[0-9.]+|SSLv[0-9]|-)"
    rf'(?: [^ ]+ "[^"]*" "[^"]*" "[^"]*" [0-9-]+ (?P<created>{_TIME}) .*)?$'
)
"""Times are those of the response of an application load balancer, which also says when
the request came, and those of the request of a classic one."""

_REQUEST = (
    r"^(?P<method>[^ ]+) (?P<scheme>[a-z]+)://(?P<host>\[[^\]]*\]|[^:/ ]*)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<target>/?[^?]*)(?:\?(?P<query>.*))? "
    r"(?P<protocol>[^ ]+)$"
)
_NO_REQUEST = "- - - "
"""Stands where a connection brought no request, or none in HTTP."""

_OF_NETWORK_BALANCER = re2.compile(r"tls [0-9.]+ ")


class AwsLoadBalancer:
    """Lines of an application or a classic load balancer, mixed or not."""

    title = "access logs of Amazon's load balancers"
    schema = LOG
    time = "time"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Unpack a file and cut it into blocks of whole lines."""
        return read_blocks(raw, name)

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block; a connection without a request has a time only."""
        lines = pa.array(cleaned(block).text.decode().split("\n")[:-1], STRING)
        found = pc.extract_regex(lines, _RULE)
        said = dict(zip(found.type.names, found.flatten(), strict=True))
        columns = _columns(said)
        faults = {
            row: _fault(block.line(row))
            for row in np.flatnonzero(columns["time"].is_null()).tolist()
        }
        return with_faults(columns, faults, block)

    def mention(self, day: dt.date) -> bytes | None:
        """The date of the time when the request came, as each line has it."""
        return day.isoformat().encode()


def _columns(said: dict[str, pa.Array]) -> dict[str, pa.Array]:
    came = pc.if_else(pc.equal(said["created"], ""), said["time"], said["created"])
    seconds = [said[name].cast(NUMBER) for name in ("before", "behind", "after")]
    is_known = pc.greater_equal(pc.min_element_wise(*seconds), 0.0)
    latency = pc.round(pc.add(pc.add(seconds[0], seconds[1]), seconds[2]), 6)
    request = unescaped(said["request"], is_json=False)
    parts = pc.extract_regex(request, _REQUEST)
    asked = dict(zip(parts.type.names, parts.flatten(), strict=True))
    port = _given(asked.pop("port")).cast(INTEGER)
    columns = {
        "remote_addr": said["client"],
        "request": pc.if_else(parts.is_null(), request, pa.scalar(None, STRING)),
        **{name: _given(texts) for name, texts in asked.items()},
        "port": port,
        "status": _given(said["status"]).cast(INTEGER),
        "bytes": _given(said["sent"], "-1").cast(INTEGER),
        "user_agent": _given(unescaped(said["user_agent"], is_json=False)),
        "latency": pc.if_else(is_known, latency, pa.scalar(None, NUMBER)),
    }
    is_request = pc.not_equal(said["request"], _NO_REQUEST)
    return {"time": times(came, ISO_TIME)} | {
        name: pc.if_else(is_request, values, pa.scalar(None, values.type))
        for name, values in columns.items()
    }


def _given(texts: pa.Array, *nothing: str) -> pa.Array:
    """Texts, or null where one says that there is no value."""
    is_given = pc.invert(pc.is_in(texts, pa.array(["", "-", *nothing])))
    return pc.if_else(is_given, texts, pa.scalar(None, STRING))


def _fault(line: bytes) -> str:
    if _OF_NETWORK_BALANCER.match(line):
        return "is of a network load balancer, which logs connections, not requests"
    return "is no line of an application or a classic load balancer"
