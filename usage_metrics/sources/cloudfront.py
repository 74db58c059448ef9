"""Requests to a site behind Amazon CloudFront, from its standard logs.

What a path means is a *site* (:mod:`usage_metrics.sources.sites`), as behind any web
server.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import STRING, column
from usage_metrics.cleaning.percent import as_sent, decoded
from usage_metrics.cleaning.rejects import unreadable_lines
from usage_metrics.cleaning.signatures import without_signatures
from usage_metrics.cleaning.who_asked import SETTINGS, comma_separated
from usage_metrics.logs.cloudfront import CloudFront
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.layout import Layout
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.hosts import are_elsewhere, none_meant, per_host
from usage_metrics.sources.request_log import (
    REQUEST,
    requests_from,
    without_missing,
)
from usage_metrics.sources.sites import asked_of

LAYOUT = Layout(
    file="log file",
    named="CloudFront names a log file DISTRIBUTION.2024-05-03-14.ID.gz",
    dated="the name or the folders (2024/05/03/14, or year=2024/month=05/day=03)",
    nothing_happened="an empty file that is named like a log file of it says so, or "
    "quiet_days = empty, for all such days",
    date=r"(?<!\d)(?P<year>\d{4})(?:-|/|/month=)(?P<month>\d{2})(?:-|/|/day=)"
    r"(?P<day>\d{2})(?!\d)",
    undated_by_entries=True,
    is_together=True,
)

CLEANED = pa.schema(
    [
        *REQUEST,
        column("edge_result_type", STRING, "What the edge did: Hit, Miss, Error, …"),
        column("edge_location", STRING, "The edge that answered, such as FRA56-P1"),
    ]
)

AGENT_ENCODINGS = 2
"""How often user agents may be encoded: CloudFront did so twice from 2013 to 2019."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn entries into requests, each of which is one.

    Args:
        entries: with the columns of ``CloudFront``; their strings may be dictionaries.
        settings: the source's section.
    """
    hosts = _hosts(entries)
    understood = entries["unreadable"].is_null()
    elsewhere = are_elsewhere(hosts, comma_separated(settings.hosts))
    others = pc.and_(understood, elsewhere)
    meant = arrow.kept(entries, pc.and_not(understood, others))
    return Cleaned(
        requests=_requests(meant, settings),
        rejected=unreadable_lines(entries),
        not_requests=0,
        other_logs=per_host(hosts.filter(others)),
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    agents = arrow.dictionary(entries["cs_user_agent"])
    referers = arrow.dictionary(entries["cs_referer"])
    said = {
        "insert_id": entries["x_edge_request_id"],
        "timestamp": entries["timestamp"],
        "request_method": entries["cs_method"],
        "request_url": _urls(entries),
        "status": entries["sc_status"],
        "response_size": entries["sc_bytes"],
        "user_agent": arrow.take_encoded(
            decoded(agents.dictionary, AGENT_ENCODINGS), agents.indices
        ),
        "remote_ip": entries["c_ip"],
        "referer": arrow.take_encoded(
            without_signatures(as_sent(referers.dictionary)), referers.indices
        ),
        "latency": entries["time_taken"],
        "protocol": entries["cs_protocol_version"],
        "edge_result_type": entries["x_edge_result_type"],
        "edge_location": entries["x_edge_location"],
    }
    hosts = comma_separated(settings.hosts)
    asked = asked_of(settings.site, hosts, settings.base_url)
    return without_missing(requests_from(said, asked, settings, CLEANED))


def _urls(entries: pa.Table) -> pa.Array:
    """The URLs as the clients sent them, without what signs them."""
    scheme, stem, query = (
        arrow.dictionary(entries[name])
        for name in ("cs_protocol", "cs_uri_stem", "cs_uri_query")
    )
    marked = pc.binary_join_element_wise("?", query.dictionary, "")
    targets = [
        pc.fill_null(as_sent(stem.dictionary).take(stem.indices), "/"),
        pc.fill_null(without_signatures(as_sent(marked)).take(query.indices), ""),
    ]
    schemes = pc.fill_null(scheme.cast(STRING), "https")
    return pc.binary_join_element_wise(schemes, "://", _hosts(entries), *targets, "")


def _hosts(entries: pa.Table) -> pa.Array:
    """The public host of each request; the distribution's, where it is not logged."""
    public, distribution = (
        arrow.dictionary(entries[name]).cast(STRING)
        for name in ("x_host_header", "cs_host")
    )
    return pc.utf8_lower(pc.coalesce(public, distribution))


SOURCE = Source(
    name="cloudfront",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        LAYOUT,
        CloudFront(),
        none_if_quiet=settings.quiet_days == "empty",
    ),
    raw=CloudFront.schema,
    raw_dictionaries=arrow.texts_in(CloudFront.schema, "x_edge_request_id"),
    time=CloudFront.time,
    key=("x_edge_request_id",),
    order_column="ended",
    clean=clean,
    cleaned=CLEANED,
    recipe_settings=("site", "hosts", "base_url", *SETTINGS),
    address="remote_ip",
    places="hosts",
    nothing_meant=none_meant,
    recognises=lambda beginning: {} if beginning.is_read_by(CloudFront()) else None,
)
