"""Shortens the texts of requests that are longer than anybody reads.

A visitor chooses the texts of his requests, and may send URLs and user agents of many
kilobytes. The raw file keeps them whole. From the cleaned file on, a longer text than
``LONGEST`` is its beginning, ``MARK`` and a digest of all of it: texts that differ stay
different, equal ones stay equal, and a day takes no more room than its requests are.
"""

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, dictionary, take_encoded

LONGEST = 2_000
"""Characters that are kept of a text. Browsers' user agents have up to 1,000; longer
URLs are SQL."""

MARK = "…shortened_"
"""Stands between the beginning of a text and the digest of it. Nothing in it, nor in a
digest, can be a part of an address or divides the parts of a URL."""

_DIGEST_BYTES = 12

_OF_ADDRESSES = "0123456789abcdefABCDEF.:-%~"
"""What addresses are written with, encoded or not. A beginning does not end in these:
half an address would not be found when addresses are removed."""


def shortened(requests: pa.Table) -> pa.Table:
    """Requests with each text no longer than documented."""
    for index, name in enumerate(requests.column_names):
        column = requests[name]
        values = _texts(column)
        if values is not None and _has_long(values):
            requests = requests.set_column(index, name, _with_short_texts(column))
    return requests


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The texts of a column, each at least once; None if it holds others."""
    if pa.types.is_dictionary(column.type):
        return pa.chunked_array([c.dictionary for c in column.chunks], STRING)
    return column if column.type == STRING else None


def _has_long(texts: pa.ChunkedArray) -> bool:
    """Whether a text may be too long, judged by its bytes, which are known."""
    return (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST


def _with_short_texts(column: pa.ChunkedArray) -> pa.DictionaryArray:
    encoded = dictionary(column)
    texts = encoded.dictionary.cast(STRING)
    is_long = pc.greater(pc.utf8_length(texts), LONGEST)
    short = pc.replace_with_mask(texts, is_long, _short(texts.filter(is_long)))
    return take_encoded(short, encoded.indices)


def _short(texts: pa.Array) -> pa.Array:
    beginnings = pc.utf8_slice_codeunits(texts, 0, LONGEST)
    beginnings = pc.utf8_rtrim(beginnings, characters=_OF_ADDRESSES)
    digests = pa.array([_digest(text.as_buffer()) for text in texts], STRING)
    return pc.binary_join_element_wise(beginnings, digests, MARK)


def _digest(text: pa.Buffer) -> str:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()
