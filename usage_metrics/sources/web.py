"""Requests to a site, from the access log of its web server: nginx, Apache, Caddy.

What a line says, its format knows, and what a path means, the site: see
:mod:`usage_metrics.sources.sites`.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import STRING
from usage_metrics.cleaning.duplicates import REPEAT
from usage_metrics.cleaning.entry_ids import insert_ids
from usage_metrics.cleaning.rejects import REJECTED
from usage_metrics.cleaning.who_asked import SETTINGS, comma_separated
from usage_metrics.logs.beginnings import Beginning
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.web.presets import NAMES, open_format
from usage_metrics.logs.web.schema import LOG
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.request_log import REQUEST, requests_from
from usage_metrics.sources.sites import asked_of

FILES = Layout(
    file="log file",
    named="every file is read but archives and those with error in their names",
    other_names=r"(?:^|[._-])error",
    looked_into="",  # every one: a date in a name is that of the rotation
    grows=True,
)

_LINE = (
    r"^(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<target>\S.*?)"
    r"(?: (?P<protocol>HTTP/[0-9.]+))?$"
)
_NOT_FOUND = 404


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn lines into requests, each of which is one."""
    lines = entries.filter(entries["unreadableReason"].is_valid())
    found = arrow.kept(entries, entries["unreadableReason"].is_null())
    return Cleaned(
        requests=_requests(found, settings),
        rejected=pa.table(
            [lines["unreadableReason"], lines["unreadable"]], schema=REJECTED
        ),
        not_requests=0,
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    line = pc.extract_regex(entries["request"].combine_chunks().cast(STRING), _LINE)
    parts = {
        name: pc.coalesce(entries[name].cast(STRING), pc.struct_field(line, name))
        for name in ("method", "target", "protocol")
    }
    requests = requests_from(
        {
            "insert_id": insert_ids(entries["line_id"], entries[REPEAT]),
            "timestamp": entries["time"],
            "request_method": parts["method"],
            "request_url": _urls(entries, parts["target"], settings),
            "status": entries["status"],
            "response_size": entries["bytes"],
            "user_agent": entries["user_agent"],
            "remote_ip": pc.coalesce(
                entries["client_addr"].cast(STRING), entries["remote_addr"].cast(STRING)
            ),
            "referer": entries["referer"],
            "latency": entries["latency"],
            "protocol": parts["protocol"],
        },
        asked_of(settings.site),
        settings,
    )
    is_missing = pc.fill_null(pc.equal(requests["status"], _NOT_FOUND), False)
    number = requests.column_names.index("is_data_request")
    is_data = pc.and_not(requests["is_data_request"], is_missing)
    return requests.set_column(number, "is_data_request", is_data)


def _urls(entries: pa.Table, targets: pa.ChunkedArray, settings: Any) -> pa.Array:
    """Whole URLs where the host is known, by the log or because there is but one."""
    hosts = comma_separated(settings.hosts)
    host = entries["host"].cast(STRING)
    if len(hosts) == 1:
        host = pc.fill_null(host, hosts[0])
    scheme = pc.fill_null(entries["scheme"].cast(STRING), "https")
    whole = pc.binary_join_element_wise(scheme, "://", host, targets, "")
    is_path = pc.fill_null(pc.starts_with(targets, "/"), False)
    return pc.if_else(pc.and_(is_path, host.is_valid()), whole, targets)


def _recognises(beginning: Beginning) -> dict[str, str] | None:
    for name in NAMES:
        if name != "json" and beginning.is_read_by(open_format(name)):
            return {"format": name}
    return None


SOURCE = Source(
    name="web",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        FILES,
        open_format(settings.format, settings.fields),
    ),
    raw=LOG,
    raw_dictionaries=tuple(field.name for field in LOG if field.type == STRING),
    time="time",
    key=("line_id",),
    order_column="time",
    equals_are_real=True,
    clean=clean,
    cleaned=REQUEST,
    recipe_settings=("format", "fields", "hosts", "site", *SETTINGS),
    address="remote_ip",
    table="web_request_logs",
    partition_column="timestamp",
    load_filter="is_data_request",
    primary_key=("timestamp", "insert_id"),
    indexes=(("database", "table"), ("remote_ip_country",), ("remote_ip_org",)),
    description="Requests for data by anyone, one row each; the usage tables say which "
    "of them count as use",
    facets=("agent_class", "database", "format"),
    recognises=_recognises,
)
