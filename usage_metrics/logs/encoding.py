"""Turns text in UTF-16, as Windows writes it, into UTF-8.

PowerShell's ``>`` writes UTF-16. JSON begins with a bracket, so its encoding is known
from the first two bytes, with a byte order mark or without one.
"""

import codecs
from collections.abc import Iterator

_BEGINNINGS = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"{\0": "utf-16-le",
    b"[\0": "utf-16-le",
    b"\0{": "utf-16-be",
    b"\0[": "utf-16-be",
}


def as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The text in pieces of UTF-8, without a byte order mark.

    What is invalid in UTF-16 becomes a replacement character.
    """
    first = next(chunks, b"")
    encoding = _BEGINNINGS.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first).removeprefix("\ufeff").encode()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()
