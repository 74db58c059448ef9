"""Reads the footer of a partition and checks its seal and the hash of the content.

A damaged footer may still be valid: with fewer rows, or times in another unit. So its
seal is checked before anything in it is trusted.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FOOTER_KEY = b"usage_metrics"
CONTENT_ID_BYTES = 16

REPLACES = "replaces"
"""In a footer: the content ids of the files that an erasure replaced by this one."""

SEAL = b"usage_metrics seal"
SEAL_BYTES = len(SEAL) + CONTENT_ID_BYTES

TAIL_BYTES = 8
"""The end of a Parquet file: the length of the footer before it, and ``PAR1``."""

USUAL_BYTES = 64 << 10
"""Read from the end in one request; few footers are longer."""

PIECE_BYTES = 1 << 20

NOT_WHAT_WAS_WRITTEN = "it does not hold what was written to it"


class Footer(NamedTuple):
    """The footer of a partition."""

    metadata: "pq.FileMetaData"
    content_bytes: int
    """The size of everything before the footer and its seal."""


def read_footer(file: "pa.NativeFile") -> Footer:
    """Read a footer, usually in one request, and check its seal if it has one.

    Raises:
        pa.ArrowInvalid: if it is not a footer, or not the one that was written.
        OSError: if the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = file.size()
    end = _end_of(file, size, USUAL_BYTES)
    length = int.from_bytes(end[-TAIL_BYTES:-4], "little") + TAIL_BYTES
    if len(end) < length + SEAL_BYTES and length <= size:
        end = _end_of(file, size, length + SEAL_BYTES)
    footer, seal = end[-length:], end[-length - SEAL_BYTES : -length]
    if not end:
        raise pa.ArrowInvalid("it is empty")
    # Of the rest of the file, Parquet's reader only wants the magic at the start.
    metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + footer))
    is_sealed = seal.startswith(SEAL)
    # Files of the first version have no seal and do not claim to have one.
    if seal != seal_of(footer) if is_sealed else facts_of(metadata).get("is_sealed"):
        raise pa.ArrowInvalid(NOT_WHAT_WAS_WRITTEN)
    return Footer(metadata, size - length - (SEAL_BYTES if is_sealed else 0))


def check_content(file: "pa.NativeFile", footer: Footer) -> None:
    """Compare everything before a footer with the hash in it.

    Raises:
        pa.ArrowInvalid: if they differ.
        OSError: if the file cannot be read.
    """
    import pyarrow as pa

    digest = hashlib.blake2b(digest_size=CONTENT_ID_BYTES)
    file.seek(0)
    left = footer.content_bytes
    while left > 0:
        piece = file.read_buffer(min(left, PIECE_BYTES))
        digest.update(piece)
        left -= piece.size or left
    if digest.hexdigest() != facts_of(footer.metadata).get("content_id"):
        raise pa.ArrowInvalid(NOT_WHAT_WAS_WRITTEN)


def is_or_replaces(facts: dict[str, Any], content_id: Any) -> bool:
    """Whether a file has that content id, or is what an erasure left of such a file.

    An erasure that was interrupted has replaced some files, and the footers of what was
    made from them still name the former ones.
    """
    return content_id in (facts.get("content_id"), *(facts.get(REPLACES) or ()))


def facts_of(metadata: "pq.FileMetaData") -> dict[str, Any]:
    """What a footer says about how the file was made; empty if the file is not ours."""
    text = (metadata.metadata or {}).get(FOOTER_KEY, b"{}")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def seal_of(footer: bytes) -> bytes:
    """The seal of a footer, which is given with its length and magic."""
    return SEAL + hashlib.blake2b(footer, digest_size=CONTENT_ID_BYTES).digest()


def _end_of(file: "pa.NativeFile", size: int, length: int) -> bytes:
    length = min(size, length)
    return bytes(file.read_at(length, size - length))
