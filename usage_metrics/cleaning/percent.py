"""Undoes percent-encoding, once or as often as a service has added it."""

import string
from urllib.parse import quote, unquote, unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct

_ESCAPE = "%[0-9A-F]{2}"
_NOT_ASCII = "%[89A-Fa-f][0-9A-Fa-f]"
_IN_URLS = "".join(set(string.punctuation) - set('"<>'))
"""What stands in URLs as it is, an escape's percent sign included."""

_NO_DIGIT = 255
_DIGITS = np.full(256, _NO_DIGIT, np.uint8)
"""The value of each byte as a hexadecimal digit."""
for _value, _digit in enumerate("0123456789abcdef"):
    _DIGITS[[ord(_digit), ord(_digit.upper())]] = _value


def decoded(texts: pa.Array, times: int = 1) -> pa.Array:
    """Decode texts until no escape is left, at most some number of times."""
    for _ in range(times):
        has_any = pc.match_substring_regex(texts, _ESCAPE)
        if not pc.any(has_any).as_py():
            return texts
        found = unquoted(texts.filter(has_any))
        texts = pc.replace_with_mask(texts, pc.fill_null(has_any, False), found)
    return texts


def unquoted(texts: pa.Array) -> pa.Array:
    """Decode texts once, as :func:`urllib.parse.unquote` does; null stays null.

    Escapes of ASCII are decoded in all texts at once, the others text by text.
    """
    is_other = pc.fill_null(pc.match_substring_regex(texts, _NOT_ASCII), False)
    plain = _ascii_decoded(pc.if_else(is_other, None, texts))
    others = each_distinct(texts.filter(is_other), unquote)
    return pc.replace_with_mask(plain, is_other, others)


def _ascii_decoded(texts: pa.Array) -> pa.Array:
    """Decode texts whose escapes are all of ASCII, which leaves any text a text."""
    _, ends, data = texts.buffers()
    edges = np.frombuffer(ends, np.int32)[texts.offset :][: len(texts) + 1]
    sent = np.frombuffer(data or b"", np.uint8)[edges[0] : edges[-1]].copy()
    edges = edges - edges[0]
    marks = np.flatnonzero(sent == ord("%"))
    left = edges[np.searchsorted(edges, marks, "right")] - marks
    marks = marks[left > len("%4")]
    high, low = (_DIGITS[sent[marks + place]] for place in (1, 2))
    is_escape = np.maximum(high, low) != _NO_DIGIT
    marks = marks[is_escape]
    sent[marks] = (high << 4 | low)[is_escape]
    is_left = np.ones(len(sent), bool)
    is_left[marks + 1] = is_left[marks + 2] = False
    edges = (edges - 2 * np.searchsorted(marks, edges)).astype(np.int32)
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(sent[is_left])]
    decoded = pa.Array.from_buffers(STRING, len(texts), buffers)
    return pc.if_else(texts.is_valid(), decoded, None)


def as_sent(targets: pa.Array) -> pa.Array:
    """Paths or queries that a service has encoded once more, as the client sent them.

    What cannot stand in a URL is encoded, whoever did it.
    """
    return each_distinct(targets, _resent)


def _resent(text: str | None) -> str | None:
    return None if text is None else quote(unquote_to_bytes(text), safe=_IN_URLS)
