"""Requests to a bucket of Google Cloud Storage, from its usage logs.

Cloud Audit Logs do not record who reads public objects; usage logs do. The objects of
a bucket are its tables. An object is named in two ways: by the JSON API
(``storage.objects.get``, which reads the object only with ``alt=media``, and what is
known of it otherwise) and by the XML API (``GET_Object``).
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import NUMBER, STRING, column
from usage_metrics.cleaning import objects
from usage_metrics.cleaning.rejects import unreadable_lines
from usage_metrics.cleaning.signatures import without_signatures
from usage_metrics.cleaning.who_asked import SETTINGS
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.gcs_usage import GcsUsage
from usage_metrics.logs.layout import Layout
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.request_log import (
    REQUEST,
    requests_from,
    url_parts,
)

LAYOUT = Layout(
    file="usage log",
    named="the name of a usage log is PREFIX_usage_2024_05_03_14_00_00_ID_v0",
    dated="the name",
    nothing_happened="an empty file that is named like a usage log of it says so, or "
    "quiet_days = empty, for all such days",
    names="_usage_",
    other_names=r"_storage_\d{4}_",
    date=r"_usage_(?P<year>\d{4})_(?P<month>\d{2})_(?P<day>\d{2})_",
    undated_by_entries=True,
    is_together=True,
)

CLEANED = pa.schema(
    [
        *REQUEST,
        column(
            "operation", STRING, "Google's name of the operation, such as GET_Object"
        ),
    ]
)

_METADATA = "storage.objects.get"
_READS = ("GET_Object",)
_LISTS = ("GET_Bucket", "storage.objects.list")
_COPIES = ("storage.objects.copy", "storage.objects.rewrite")

_OF_OBJECT = r"^/(?:download/)?storage/v1/b/[^/?]+/o/[^/?]+(?:\?|$)"
_OF_LIST = r"^/storage/v1/b/[^/?]+/o/?(?:\?|$)"
"""URLs of the JSON API whose operation is empty now and then."""
_WITH_DATA = r"^/download/|[?&]alt=media(?:&|$)"

_LIFECYCLE = "GCS Lifecycle Management"
_COMPRESSED = r"(?:,gzip\(gfe\))+$"
"""What Google's front end adds to the user agent."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn entries into requests; what a lifecycle rule did is none.

    Args:
        entries: with the columns of ``GcsUsage``; their strings may be dictionaries.
        settings: the source's section.
    """
    understood = entries["unreadable"].is_null()
    is_ours = pc.fill_null(pc.equal(entries["cs_user_agent"], _LIFECYCLE), False)
    is_request = pc.and_not(understood, pc.and_(is_ours, entries["c_ip"].is_null()))
    requests = arrow.kept(entries, is_request)
    return Cleaned(
        requests=_requests(requests, settings),
        rejected=unreadable_lines(entries),
        not_requests=arrow.count(understood) - requests.num_rows,
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    text = {
        name: entries[name].combine_chunks().cast(STRING)
        for name in ("cs_host", "cs_uri", "cs_referer", "cs_user_agent", "cs_object")
    }
    urls = without_signatures(text["cs_uri"])
    pages = _pages(entries, text["cs_uri"])
    said = {
        "insert_id": entries["s_request_id"],
        "timestamp": entries["timestamp"],
        "request_method": entries["cs_method"],
        # The log does not say whether it was https.
        "request_url": pc.binary_join_element_wise(
            "https://", text["cs_host"], urls, ""
        ),
        "status": entries["sc_status"],
        "response_size": entries["sc_bytes"],
        "user_agent": pc.replace_substring_regex(
            text["cs_user_agent"], _COMPRESSED, ""
        ),
        "remote_ip": entries["c_ip"],
        "referer": without_signatures(text["cs_referer"]),
        "latency": pc.divide(entries["time_taken_micros"].cast(NUMBER), 1e6),
        "database": entries["cs_bucket"],
        "table": text["cs_object"],
        "format": objects.formats(text["cs_object"]),
        "page": pages,
        "is_data_request": objects.are_read(pages, entries["sc_status"]),
        "operation": entries["cs_operation"],
    }
    return requests_from(said, url_parts, settings, CLEANED)


def _pages(entries: pa.Table, uris: pa.Array) -> pa.Array:
    """What was done, by the name of the operation or, if there is none, the URL."""
    operations = entries["cs_operation"].combine_chunks().cast(STRING)
    is_unnamed = operations.is_null()

    def named(*names: str) -> pa.Array:
        return pc.is_in(operations, pa.array(names))

    def unnamed(pattern: str) -> pa.Array:
        return pc.and_(is_unnamed, pc.match_substring_regex(uris, pattern))

    of_object = pc.or_(named(_METADATA), unnamed(_OF_OBJECT))
    with_data = pc.and_(of_object, pc.match_substring_regex(uris, _WITH_DATA))
    is_head = pc.equal(entries["cs_method"].combine_chunks().cast(STRING), "HEAD")
    cases = [
        (is_head, objects.HEAD),
        (pc.or_(named(*_READS), with_data), objects.OBJECT),
        (of_object, objects.HEAD),
        (pc.or_(named(*_LISTS), unnamed(_OF_LIST)), objects.LIST),
        (named(*_COPIES), objects.COPY),
    ]
    masks = [pc.fill_null(mask, False) for mask, _ in cases]
    names = [pa.scalar(name) for _, name in cases]
    return pc.case_when(pc.make_struct(*masks), *names, pa.scalar(objects.OTHER))


SOURCE = Source(
    name="gcs",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        LAYOUT,
        GcsUsage(),
        none_if_quiet=settings.quiet_days == "empty",
    ),
    raw=GcsUsage.schema,
    raw_dictionaries=arrow.texts_in(GcsUsage.schema, "s_request_id"),
    time=GcsUsage.time,
    key=("s_request_id",),
    order_column="ended",
    clean=clean,
    cleaned=CLEANED,
    recipe_settings=SETTINGS,
    address="remote_ip",
    places="buckets",
    recognises=lambda beginning: {} if beginning.is_read_by(GcsUsage()) else None,
)
