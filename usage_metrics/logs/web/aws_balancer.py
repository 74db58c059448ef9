r"""Access logs of Amazon's load balancers: application and classic ones.

Fields stand between blanks, the request and the user agent in quotes; bytes that are
not printable, and quotes, are written as ``\xHH``. A classic load balancer writes no
type and less.
"""

import datetime as dt
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from usage_metrics.arrow import INTEGER, NUMBER, STRING
from usage_metrics.logs.blocks import Block, Mask, cleaned, read_blocks
from usage_metrics.logs.cutting import whole_lines
from usage_metrics.logs.web.fast_path import Plan
from usage_metrics.logs.web.format_string import Element, LineLayout
from usage_metrics.logs.web.parts import with_faults
from usage_metrics.logs.web.schema import LOG
from usage_metrics.logs.web.values import times, unescaped
from usage_metrics.logs.web.variables import (
    ISO_TIME,
    STATUS,
    TEXT,
    WORD,
    Kind,
    Variable,
)

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

_KEPT = tuple(re2.compile(_RULE).groupindex)

_KINDS = {
    **dict.fromkeys(("balancer", "client", "target", "group"), WORD),
    "type": Kind("(?:http|https|h2|grpcs|ws|wss)", "a type"),
    **dict.fromkeys(("time", "created"), Kind(_TIME, "a time")),
    **dict.fromkeys(("before", "behind", "after"), Kind(_SECONDS, "seconds")),
    **dict.fromkeys(("status", "target_status"), STATUS),
    **dict.fromkeys(("received", "sent"), Kind("-?[0-9]{1,15}", "a size")),
    "cipher": Kind("[A-Za-z0-9_-]+", "a cipher"),
    "tls": Kind("(?:TLSv[0-9.]+|SSLv[0-9]|-)", "a version of TLS"),
    "priority": Kind("[0-9-]+", "a number"),
}
"""Of fields that are not in quotes, what the rule takes."""


def _plan(fields: str, *, takes_more: bool = False) -> Plan:
    """The fast path for lines of these fields."""
    elements: list[Element] = []
    for piece in re.findall(r"\w+|\W+", fields):
        column, kind = piece if piece in _KEPT else None, _KINDS.get(piece, TEXT)
        is_name = piece[0].isalpha()
        elements.append(Variable(piece, column, kind) if is_name else piece)
    return Plan(LineLayout(tuple(elements), takes_more=takes_more))


_COMMON = (
    "time balancer client target before behind after status target_status received "
    'sent "request" "user_agent" cipher tls'
)
_OF_APPLICATION = 'group "trace" "domain" "certificate" priority created "actions"'
PLANS = (_plan(f"type {_COMMON} {_OF_APPLICATION}", takes_more=True), _plan(_COMMON))
"""Application load balancers, of which further fields may follow; classic ones."""

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
        columns = _columns(_said(cleaned(block)))
        faults = {
            row: _fault(block.line(row))
            for row in np.flatnonzero(columns["time"].is_null()).tolist()
        }
        return with_faults(columns, faults, block)

    def mention(self, day: dt.date) -> bytes | None:
        """The date of the time when the request came, as each line has it."""
        return day.isoformat().encode()


def _said(block: Block) -> dict[str, pa.Array]:
    """The texts of the fields that are kept; nulls in lines that are no entries."""
    parts, order = [], []
    rows, rest = np.arange(len(block)), block
    for read in (*(plan.read for plan in PLANS), _by_rule):
        texts, found = read(rest)
        if found.any():
            nothing = pa.repeat("", int(found.sum()))
            parts.append(pa.table([texts.get(n, nothing) for n in _KEPT], _KEPT))
            order.append(rows[found])
        if found.all():
            break
        rows, rest = rows[~found], rest.only(~found)
    said = pa.concat_tables(parts)
    if len(parts) > 1:
        said = said.take(pa.array(np.argsort(np.concatenate(order))))
    return {name: said[name].combine_chunks() for name in _KEPT}


def _by_rule(block: Block) -> tuple[dict[str, pa.Array], Mask]:
    """Read all lines; nulls for those that are no entries."""
    found = pc.extract_regex(whole_lines(block), _RULE)
    texts = dict(zip(found.type.names, found.flatten(), strict=True))
    return texts, np.ones(len(block), dtype=bool)


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
