"""What a line of a web server's log says of a request: its URL, and who sent it."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import STRING, empty_as_null
from usage_metrics.cleaning.signatures import without_signatures
from usage_metrics.cleaning.who_asked import comma_separated
from usage_metrics.sources.hosts import are_elsewhere

_REQUEST_LINE = (
    r"^(?P<method>[A-Za-z]{1,20}) +(?P<target>\S.*?)"
    r"(?: (?P<protocol>(?i:http)/[0-9.]*))? *$"
)
_WHOLE_URL = r"^(?i:https?)://"
_PORT = r":[0-9]*$"
_HTTP, _HTTPS = 80, 443


def said_by(entries: pa.Table, settings: Any) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The columns of requests that the lines say.

    Returns:
        By the names of :data:`usage_metrics.sources.request_log.SAID`, and ``host``,
        ``is_request`` and ``is_elsewhere``: whether anything was asked for, and of a
        host that is not ours.
    """
    line = _parts_of(entries["request"])
    target = _first(_text(entries["target"]), line["target"])
    hosts = comma_separated(settings.hosts)
    host = arrow.each_distinct(_text(entries["host"]), str.lower)
    bare = pc.replace_substring_regex(host, _PORT, "")
    if len(hosts) == 1:
        host = pc.fill_null(host, hosts[0])
    with_query = _with_query(target, _text(entries["query"]))
    return {
        "timestamp": entries["time"],
        "request_method": _first(_text(entries["method"]), line["method"]),
        "request_url": without_secrets(_urls(_scheme(entries), host, with_query)),
        "status": entries["status"],
        "response_size": entries["bytes"],
        "user_agent": entries["user_agent"],
        "remote_ip": client_of(entries, settings.trusted_proxies),
        "referer": without_secrets(entries["referer"]),
        "latency": entries["latency"],
        "protocol": _first(_text(entries["protocol"]), line["protocol"]),
        "host": bare,
        "is_request": pc.or_(target.is_valid(), _is_said(entries["request"])),
        "is_elsewhere": are_elsewhere(bare, hosts),
    }


def without_secrets(texts: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """URLs without what proves to a service who may see something."""
    encoded = arrow.dictionary(texts)
    urls = without_signatures(encoded.dictionary.cast(STRING))
    return arrow.take_encoded(urls, encoded.indices)


def client_of(entries: pa.Table, proxies: int) -> pa.DictionaryArray:
    """The address of the client.

    Args:
        entries: with ``remote_addr``, ``client_addr`` and ``forwarded_for``.
        proxies: through how many proxies of ours a request comes. Each adds to
            ``forwarded_for`` the address that it saw; what stands before those is the
            client's own word.
    """
    seen = _first(_text(entries["client_addr"]), _text(entries["remote_addr"]))
    if not proxies:
        return seen.dictionary_encode()
    encoded = arrow.dictionary(entries["forwarded_for"])
    found = [
        text and _from_the_right(text, proxies)
        for text in encoded.dictionary.to_pylist()
    ]
    forwarded = pa.array(found, STRING).take(encoded.indices)
    return _first(forwarded, seen).dictionary_encode()


def _from_the_right(forwarded_for: str, number: int) -> str | None:
    addresses = [part.strip() for part in forwarded_for.split(",")]
    return addresses[-number:][0] or None


def _parts_of(requests: pa.Array | pa.ChunkedArray) -> dict[str, pa.Array]:
    """Method, target and protocol of each request line."""
    encoded = arrow.dictionary(requests)
    found = pc.extract_regex(encoded.dictionary, _REQUEST_LINE)
    return {
        field.name: empty_as_null(found.field(field.name)).take(encoded.indices)
        for field in found.type
    }


def _urls(scheme: pa.Array, host: pa.Array, target: pa.Array) -> pa.Array:
    """URLs; without a host, as far as they are known. What is no path gives none."""
    is_path = pc.starts_with(target, "/")
    is_whole = pc.match_substring_regex(target, _WHOLE_URL)
    path = pc.if_else(is_path, target, pa.scalar(None, STRING))
    url = pc.coalesce(pc.binary_join_element_wise(scheme, "://", host, path, ""), path)
    return pc.if_else(is_whole, target, url)


def _scheme(entries: pa.Table) -> pa.Array:
    """The scheme, as it is said or by the port; HTTPS if nothing says it."""
    by_port = pc.if_else(pc.equal(entries["port"], _HTTP), "http", "https")
    said = _first(_text(entries["scheme"]), by_port)
    return pc.fill_null(said, "https")


def _with_query(target: pa.Array, query: pa.Array) -> pa.Array:
    bare = pc.replace_substring_regex(query, r"^\?", "")
    joined = pc.binary_join_element_wise(target, empty_as_null(bare), "?")
    return pc.coalesce(joined, target)


def _is_said(requests: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pc.fill_null(pc.not_equal(_text(requests), ""), False)


def _text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column of texts as one array."""
    encoded = arrow.dictionary(column)
    return encoded.dictionary.cast(STRING).take(encoded.indices)


def _first(
    one: pa.Array | pa.ChunkedArray, other: pa.Array | pa.ChunkedArray
) -> pa.Array:
    return pc.coalesce(empty_as_null(one), other)
