"""Requests to a site of ours, as the web server before it logs them.

The server is nginx, Apache, Caddy, Traefik or any that logs JSON: what its lines say is
read by :mod:`usage_metrics.logs.web`. What a path means is another thing, a *site*
(:mod:`usage_metrics.sources.sites`): a Datasette, a CKAN, a folder of files and others.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.cleaning.entry_ids import insert_ids
from usage_metrics.cleaning.rejects import unreadable_lines
from usage_metrics.cleaning.who_asked import SETTINGS, comma_separated
from usage_metrics.logs.beginnings import Beginning
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.web.presets import open_format, recognised_format
from usage_metrics.logs.web.schema import LOG
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.hosts import none_meant, per_host
from usage_metrics.sources.request_log import (
    REQUEST,
    requests_from,
    without_missing,
)
from usage_metrics.sources.sites import asked_of
from usage_metrics.sources.web_requests import said_by

LAYOUT = Layout(
    file="access log",
    named="any name will do but that of an error log, such as access.log, "
    "access.log.2.gz or access.log-20260207.gz",
    other_names=r"(?:^|[._-])error(?:[._-]|$)",
    looked_into=r".",
    grows=True,
)
"""Servers name files by when they are rotated, or by a number: the days of a file are
those of its entries."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn lines of the log into requests.

    Args:
        entries: a table of schema ``LOG``, and ``repeat``; its strings may be
            dictionaries.
        settings: the source's section.
    """
    understood = entries["unreadableReason"].is_null()
    said = said_by(entries, settings)
    is_request = pc.and_(understood, said["is_request"])
    others = pc.and_(is_request, said["is_elsewhere"])
    meant = pc.and_not(is_request, others)
    columns = {
        name: pc.filter(said[name], meant) for name in said if name in REQUEST.names
    }
    columns["insert_id"] = insert_ids(
        entries["line_id"].filter(meant), entries["repeat"].filter(meant)
    )
    hosts = comma_separated(settings.hosts)
    asked = asked_of(settings.site, hosts, settings.base_url)
    return Cleaned(
        requests=without_missing(requests_from(columns, asked, settings)),
        rejected=unreadable_lines(entries),
        not_requests=arrow.count(pc.and_not(understood, is_request)),
        other_logs=per_host(said["host"].filter(others)),
    )


def _recognises(beginning: Beginning) -> dict[str, str] | None:
    found = recognised_format(beginning.is_read_by)
    return {"format": found} if found else None


SOURCE = Source(
    name="web",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        LAYOUT,
        open_format(settings.format, settings.fields),
    ),
    raw=LOG,
    raw_dictionaries=arrow.texts_in(LOG),
    time="time",
    key=("line_id",),
    order_column="time",
    equals_are_real=True,
    clean=clean,
    cleaned=REQUEST,
    recipe_settings=("trusted_proxies", "site", "hosts", "base_url", *SETTINGS),
    address="remote_ip",
    places="hosts",
    recognises=_recognises,
    nothing_meant=none_meant,
)
