"""Undoes percent-encoding, once or as often as a service has added it."""

import string
from urllib.parse import quote, unquote, unquote_to_bytes

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import each_distinct

_ESCAPE = "%[0-9A-F]{2}"
_IN_URLS = "".join(set(string.punctuation) - set('"<>'))
"""What stands in URLs as it is, an escape's percent sign included."""


def decoded(texts: pa.Array, times: int = 1) -> pa.Array:
    """Decode texts until no escape is left, at most some number of times."""
    for _ in range(times):
        has_any = pc.match_substring_regex(texts, _ESCAPE)
        if not pc.any(has_any).as_py():
            return texts
        found = each_distinct(texts.filter(has_any), _unquoted)
        texts = pc.replace_with_mask(texts, pc.fill_null(has_any, False), found)
    return texts


def as_sent(targets: pa.Array) -> pa.Array:
    """Paths or queries that a service has encoded once more, as the client sent them.

    What cannot stand in a URL is encoded, whoever did it.
    """
    return each_distinct(targets, _resent)


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text, errors="replace")


def _resent(text: str | None) -> str | None:
    return None if text is None else quote(unquote_to_bytes(text), safe=_IN_URLS)
