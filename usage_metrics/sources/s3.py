"""Requests to buckets of Amazon S3, from their server access logs.

A bucket is the database, an object of it the table, named by its key. What a request
did, its operation says: an object may be asked for in several ways, and copied within
Amazon without a request over HTTP.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import BOOLEAN, NUMBER, STRING, column
from usage_metrics.cleaning import objects
from usage_metrics.cleaning.entry_ids import insert_ids
from usage_metrics.cleaning.percent import decoded
from usage_metrics.cleaning.rejects import unreadable_lines
from usage_metrics.cleaning.signatures import without_signatures
from usage_metrics.cleaning.who_asked import SETTINGS, comma_separated, judged
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.s3.entry import ENTRY
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.request_log import REQUEST, requests_from, url_parts

LAYOUT = Layout(
    file="access log",
    named="the name of an access log ends in a time and an id, as S3 writes it "
    "(2026-02-07-01-23-45-0123456789ABCDEF), or in .log, .txt, .json or .jsonl",
    dated="the name or the folders (2026/02/07/)",
    nothing_happened="quiet_days = empty says so, for all such days",
    names=r"\d{4}(?:-\d{2}){5}-[0-9a-z]+$|\.(?:log|txt|json|jsonl)$|^[^.]*$",
    date=r"(?P<year>\d{4})([-/])(?P<month>\d{2})\2(?P<day>\d{2})(?!\d)",
    is_delivery=True,
    undated_by_entries=True,
    is_together=True,
)
"""Both namings: by the time of delivery, and in folders by account, region, bucket and
day. The 16 digits at the end may look like a date, too, but have no hyphens."""

CLEANED = pa.schema(
    [
        *REQUEST,
        column("bucket", STRING, "The bucket, as in database"),
        column("key", STRING, "The object's key, encoded as in the log"),
        column("operation", STRING, "What was done, such as REST.GET.OBJECT"),
        column(
            "requester",
            STRING,
            "Who signed the request, without names: an account's canonical id, the "
            "beginning of an ARN, or a service of Amazon; null: not signed",
        ),
        column("error_code", STRING, "S3's name of the error"),
        column("version_id", STRING, "The version of the object that was asked for"),
        column("host_header", STRING, "The host that was asked"),
        column(
            "authentication_type",
            STRING,
            "How the request was signed: AuthHeader, or QueryString in the URL",
        ),
        column("tls_version", STRING, "Version of TLS; null: not encrypted"),
        column("source_region", STRING, "Amazon's region that the request came from"),
    ]
)

_PAGES = {
    r"^REST\.GET\.OBJECT$": objects.OBJECT,
    r"^WEBSITE\.GET\.OBJECT$": objects.WEBSITE,
    r"^REST\.COPY\.(?:OBJECT|PART)_GET$": objects.COPY,
    r"^[A-Z]+\.HEAD\.": objects.HEAD,
    r"^REST\.GET\.BUCKET(?:VERSIONS)?$": objects.LIST,
}
_COPY_OF_PART = "REST.COPY.PART_GET"
_BY_AMAZON = r"^(?:S3|BATCH)\."
"""Operations that are no requests: of a lifecycle, or parts of a request in a batch."""

_READING = (objects.OBJECT, objects.WEBSITE, objects.COPY)
_OK, _PARTIAL, _NOT_MODIFIED = 200, 206, 304
_SUCCESS = (_OK, _PARTIAL, _NOT_MODIFIED)

_HOST = ".s3.amazonaws.com/"

_REQUEST_LINE = (
    r"^(?P<method>\S+) [^?]*?(?:\?(?P<query>.*?))?(?: (?P<protocol>HTTP/[0-9.]+))?$"
)
_SIGNING = (
    r"(?i)(^|&)(?:x-amz-[^=&]*|awsaccesskeyid|signature|expires|response-[a-z-]+|x-id)"
    r"(?:=[^&]*)?"
)
"""Parameters that say by whom and how an object is asked for, and not which."""

_ENCODED = 2
"""How often keys are percent-encoded in the log."""
_SAFE = "!$'()*,-./:;=@_~"
"""Punctuation that a path may have as it is."""
_PLAIN = r"^[A-Za-z0-9!$'()*,\-./:;=@_~]*$"

_WITHOUT_NAMES = (
    r"^(?P<kept>[0-9a-f]{64}$|arn:[^/@]*|AmazonS3$|"
    r"(?:svc:)?[a-z0-9.-]+\.amazonaws\.com$)"
)
_OTHER_REQUESTER = "other"

CDN_MISS = "misses of Amazon CloudFront"
"""The rule by which a request is one of a CDN."""
_CDN_AGENT, _CDN_REQUESTER = "Amazon CloudFront", "cloudfront"
"""The user agent of Amazon's CDN, and a word in its names as a requester."""


Texts: TypeAlias = pa.Array | pa.ChunkedArray


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn entries into requests; what Amazon did by itself is none.

    Args:
        entries: a table of schema ``ENTRY``; its strings may be dictionaries.
        settings: the source's section.
    """
    understood = entries["unreadable"].is_null()
    operations = arrow.dictionary(entries["operation"])
    by_amazon = pc.match_substring_regex(operations.dictionary, _BY_AMAZON)
    by_amazon = pc.fill_null(by_amazon.take(operations.indices), fill_value=False)
    requests = arrow.kept(entries, pc.and_not(understood, by_amazon))
    return Cleaned(
        requests=_requests(requests, settings),
        rejected=unreadable_lines(entries),
        not_requests=arrow.count(understood) - requests.num_rows,
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    page, line = _pages(entries), _request_line(entries["request_uri"])
    names = _changed(entries["key"], lambda keys: decoded(keys, _ENCODED))
    said = {name: entries[name] for name in set(CLEANED.names) & set(ENTRY.names)}
    said |= {
        "insert_id": insert_ids(entries["line_id"]),
        "timestamp": entries["time"],
        "request_method": line["method"],
        "request_url": _urls(entries["bucket"], names, line["query"]),
        "status": _status(entries, page),
        "response_size": entries["bytes_sent"],
        "referer": _changed(entries["referer"], without_signatures),
        "latency": pc.divide(entries["total_time"].cast(NUMBER), 1_000),
        "protocol": line["protocol"],
        "database": entries["bucket"],
        "table": names,
        "format": _changed(names, objects.formats),
        "page": page,
        "requester": _changed(entries["requester"], _without_names),
    }
    said["is_data_request"] = _is_read(page, said["status"])
    requests = requests_from(said, url_parts, settings, CLEANED)
    return _with_known(requests, entries, settings)


def _changed(texts: Texts, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Texts, each distinct one changed."""
    encoded = arrow.dictionary(texts)
    found = change(encoded.dictionary.cast(STRING))
    return arrow.take_encoded(found, encoded.indices)


def _pages(entries: pa.Table) -> pa.DictionaryArray:
    """The kind of each operation."""
    operations = arrow.dictionary(entries["operation"])
    found = pa.array([objects.OTHER] * len(operations.dictionary), STRING)
    for pattern, page in _PAGES.items():
        is_such = pc.match_substring_regex(operations.dictionary, pattern)
        found = pc.if_else(is_such, page, found)
    return arrow.take_encoded(found, operations.indices)


def _request_line(lines: Texts) -> dict[str, pa.DictionaryArray]:
    """Method, query without what signs it, and protocol of each request."""
    encoded = arrow.dictionary(lines)
    found = pc.extract_regex(encoded.dictionary, _REQUEST_LINE)
    parts = {
        name: arrow.empty_as_null(pc.struct_field(found, name))
        for name in ("method", "query", "protocol")
    }
    bare = pc.replace_substring_regex(parts["query"], _SIGNING, "")
    parts["query"] = arrow.empty_as_null(pc.utf8_ltrim(bare, "&"))
    return {n: arrow.take_encoded(part, encoded.indices) for n, part in parts.items()}


def _paths(names: pa.Array) -> pa.Array:
    """The path of each object in a URL."""
    is_plain = pc.match_substring_regex(names, _PLAIN)
    if pc.all(is_plain, min_count=0).as_py():
        return names
    return arrow.each_distinct(names, lambda name: quote(name, safe=_SAFE))


def _urls(buckets: Texts, names: Texts, queries: Texts) -> pa.DictionaryArray:
    """The URL of each object, the same in whichever way it was asked for."""
    keys = _changed(names, _paths)
    parts = [arrow.filled(arrow.dictionary(x), "") for x in (buckets, keys, queries)]
    codes = pc.cast(parts[0].indices, pa.int64())
    for part in parts[1:]:
        codes = pc.add(pc.multiply(codes, len(part.dictionary)), part.indices)
    distinct = codes.dictionary_encode()
    _, rows = np.unique(distinct.indices, return_index=True)
    bucket, path, query = (part.take(pa.array(rows)).cast(STRING) for part in parts)
    mark = pc.if_else(pc.equal(query, ""), "", "?")
    urls = pc.binary_join_element_wise("https://", bucket, _HOST, path, mark, query, "")
    return pa.DictionaryArray.from_arrays(distinct.indices, urls)


def _status(entries: pa.Table, page: pa.DictionaryArray) -> pa.ChunkedArray:
    """The status; a copy within Amazon has none, and succeeded if it is logged."""
    is_copy = pc.equal(page.cast(STRING), objects.COPY)
    is_part = pc.equal(entries["operation"].cast(STRING), _COPY_OF_PART)
    copied = pc.if_else(is_part, _PARTIAL, _OK)
    is_copy = pc.and_(is_copy, entries["error_code"].is_null())
    return pc.coalesce(entries["http_status"], pc.if_else(is_copy, copied, None))


def _is_read(page: pa.DictionaryArray, status: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether an object was given."""
    reads = pc.is_in(page.cast(STRING), pa.array(_READING))
    return pc.and_(reads, pc.is_in(status, pa.array(_SUCCESS)))


def _without_names(requesters: pa.Array) -> pa.Array:
    """What a requester is, without the names of users, roles and sessions."""
    found = pc.struct_field(pc.extract_regex(requesters, _WITHOUT_NAMES), [0])
    return pc.if_else(requesters.is_valid(), pc.coalesce(found, _OTHER_REQUESTER), None)


def _with_known(requests: pa.Table, entries: pa.Table, settings: Any) -> pa.Table:
    """Requests of which the requester says whose they are.

    A CDN asks for what it has no copy of. If its own log is read, that has the request;
    if not, nobody knows who asked.
    """
    requester, words = (
        entries["requester"],
        comma_separated(settings.internal_requesters),
    )
    is_cdn = pc.or_(
        _where(requester, lambda texts: _has_any(texts, (_CDN_REQUESTER,))),
        _where(entries["user_agent"], lambda texts: pc.equal(texts, _CDN_AGENT)),
    )
    is_internal = pc.equal(requests["agent_class"].cast(STRING), "internal")
    is_owner = pc.equal(requester.cast(STRING), entries["bucket_owner"].cast(STRING))
    of_cdn = "internal" if settings.cloudfront_is_read else "unknown"
    is_ours = _where(requester, lambda texts: _has_any(texts, words))
    for rows, class_, rule in (
        (pc.and_not(is_cdn, is_internal), of_cdn, CDN_MISS),
        (pc.fill_null(is_owner, False), "internal", "the bucket's owner"),
        (is_ours, "internal", "setting internal_requesters"),
    ):
        if pc.any(rows).as_py():
            for name, column in judged(requests, rows, class_, rule).items():
                index = requests.column_names.index(name)
                requests = requests.set_column(index, name, column)
    return requests


def _where(texts: Texts, test: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Of which rows the text passes a test of distinct texts."""
    encoded = arrow.dictionary(texts)
    found = test(encoded.dictionary.cast(STRING))
    return pc.fill_null(found.take(encoded.indices), fill_value=False)


def _has_any(texts: pa.Array, words: Sequence[str]) -> pa.Array:
    """Which texts contain one of some words, in any case."""
    found = pa.array([False] * len(texts), BOOLEAN)
    for word in words:
        found = pc.or_(found, pc.match_substring(texts, word, ignore_case=True))
    return found


SOURCE = Source(
    name="s3",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        LAYOUT,
        S3_ACCESS_LOG,
        none_if_quiet=settings.quiet_days == "empty",
    ),
    raw=ENTRY,
    raw_dictionaries=arrow.texts_in(ENTRY, "request_id", "host_id"),
    time="time",
    key=("line_id",),
    order_column="time",
    clean=clean,
    cleaned=CLEANED,
    recipe_settings=("internal_requesters", "cloudfront_is_read", *SETTINGS),
    address="remote_ip",
    places="buckets",
    recognises=lambda beginning: {} if beginning.is_read_by(S3_ACCESS_LOG) else None,
    remarks={
        CDN_MISS: "CloudFront's own log says who asked: have it delivered, and name "
        "it in [cloudfront] logs; or add Amazon CloudFront to [s3] internal_agents"
    },
)
