"""Splits URLs into their parts, many at once."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, empty_as_null

URL_PARTS = ("scheme", "netloc", "path", "query")

_PLAIN_URL = (
    r"^(?:(?P<scheme>https?)://(?P<netloc>[!-\"$-.0-9:;<=>@A-Z^_`a-z{|}~]*))?"
    r"(?P<path>(?:/[^?#\x00-\x20\x7f]*)?)"
    r"(?:\?(?P<query>[^#\x00-\x20\x7f]*))?"
    r"(?:#[^\x00-\x20\x7f]*)?$"
)
"""URLs that a regular expression splits correctly; others go to ``urlsplit``."""


def split_urls(urls: pa.Array) -> dict[str, pa.Array]:
    """Split URLs as :func:`urllib.parse.urlsplit` does, but for paths without a host.

    What begins with a slash is a path, as servers log it that do not log the host.
    ``//a/b`` has no host ``a``: else a client could name one.

    Args:
        urls: text, best distinct.

    Returns:
        Scheme, netloc, path and query; a missing part is null. For null and for an
        invalid URL, such as ``http://[::1``, all are null.
    """
    parts = pc.extract_regex(urls, _PLAIN_URL)
    arrays = {
        part: pc.struct_field(parts, [parts.type.get_field_index(part)])
        for part in URL_PARTS
    }
    rest = pc.and_(urls.is_valid(), parts.is_null())
    if pc.any(rest).as_py():
        split = [_split_one(url) for url in urls.filter(rest).to_pylist()]
        for index, part in enumerate(URL_PARTS):
            found = pa.array([parts[index] for parts in split], STRING)
            arrays[part] = pc.replace_with_mask(arrays[part], rest, found)
    return {part: empty_as_null(array) for part, array in arrays.items()}


def _split_one(url: str) -> Sequence[str | None]:
    if url.startswith("/"):
        return [None, None, *urlsplit(f"https://host{url}")[2 : len(URL_PARTS)]]
    try:
        return urlsplit(url)[: len(URL_PARTS)]
    except ValueError:
        return [None] * len(URL_PARTS)
