"""Looks for an address in a folder as somebody would who is looking for it.

No code of the package is used: the bytes of every file are searched as they are, and
again behind every compression that begins anywhere in them, whether or not anything
still points there.
"""

import functools
import gzip
import ipaddress
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import zstandard

GZIP, ZLIB, ZSTD = b"\x1f\x8b", b"\x78\x9c", b"\x28\xb5\x2f\xfd"


def places_of(address: str, folder: Path) -> list[str]:
    """The files in which an address stands, in whatever spelling."""
    forms = sorted(spellings(address))
    pattern = re.compile("|".join(map(re.escape, forms)).encode(), re.IGNORECASE)
    packed = ipaddress.ip_address(address).packed
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and any(
            pattern.search(data) or (len(packed) == 16 and packed in data)
            for data in contents(path.read_bytes())
        )
    ]


def spellings(text: str) -> set[str]:
    """How an address may be written."""
    address = ipaddress.ip_address(text)
    texts = {str(address), address.exploded}
    if address.version == 4:
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        high, low = divmod(int(address), 1 << 16)
        texts |= {mapped.exploded, f"::ffff:{high:x}:{low:x}", text.replace(".", "-")}
        texts |= {".".join(f"{int(n):03}" for n in text.split("."))}
    texts |= {quote(t.replace(".", "%2E"), safe="%") for t in texts}
    texts |= {quote(t, safe="") for t in texts}
    texts |= {t.replace("%", "~") for t in texts}
    return texts


@functools.lru_cache(maxsize=500)
def contents(data: bytes) -> tuple[bytes, ...]:
    """Some bytes, and what they are when decompressed from wherever that can be."""
    return tuple(_contents(data))


def _contents(data: bytes) -> Iterator[bytes]:
    yield data
    for place in _places(data, ZLIB):
        yield _unzipped(data[place:])
    for place in _places(data, ZSTD):
        yield _unstandardised(data[place:])
    for place in _places(data, GZIP):
        if place == 0:
            yield gzip.decompress(data)


def _places(data: bytes, magic: bytes) -> Iterator[int]:
    place = data.find(magic)
    while place >= 0:
        yield place
        place = data.find(magic, place + 1)


def _unzipped(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""


def _unstandardised(data: bytes) -> bytes:
    try:
        # What follows the frame is none of it.
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError:
        return b""
