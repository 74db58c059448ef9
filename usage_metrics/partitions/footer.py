"""How the footer of a partition is read, and its seal and the hash of the rest checked.

A footer that was damaged may still be one: of fewer rows, or of times in another unit.
So its seal is checked before anything in it is believed.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FOOTER_KEY = b"usage_metrics"
CONTENT_ID_BYTES = 16

SEAL = b"usage_metrics seal"
SEAL_BYTES = len(SEAL) + CONTENT_ID_BYTES

TAIL_BYTES = 8
"""At the end of a Parquet file: the length of the footer before it, and ``PAR1``."""

USUAL_BYTES = 64 << 10
"""Read from the end at once; few footers are longer."""

PIECE_BYTES = 1 << 20

NOT_WHAT_WAS_WRITTEN = "it does not hold what was written to it"


class Footer(NamedTuple):
    """What stands at the end of a partition."""

    metadata: "pq.FileMetaData"
    content_bytes: int
    """Of what stands before it and its seal."""


def read_footer(file: "pa.NativeFile") -> Footer:
    """Read a footer, in one piece as a rule, and check its seal if it has one.

    Raises:
        pa.ArrowInvalid: if it is none, or not the one that was written.
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
    # Parquet's reader looks for the magic that a file begins with, and at nothing else.
    metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + footer))
    is_sealed = seal.startswith(SEAL)
    # Files of the first version have no seal, and do not say that they have.
    if seal != seal_of(footer) if is_sealed else facts_of(metadata).get("is_sealed"):
        raise pa.ArrowInvalid(NOT_WHAT_WAS_WRITTEN)
    return Footer(metadata, size - length - (SEAL_BYTES if is_sealed else 0))


def check_content(file: "pa.NativeFile", footer: Footer) -> None:
    """Compare what stands before a footer with the hash that it holds.

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


def facts_of(metadata: "pq.FileMetaData") -> dict[str, Any]:
    """What a footer says about how the file was made; empty if it is not ours."""
    text = (metadata.metadata or {}).get(FOOTER_KEY, b"{}")
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def seal_of(footer: bytes) -> bytes:
    """What stands before a footer, which with its length and magic ends the file."""
    return SEAL + hashlib.blake2b(footer, digest_size=CONTENT_ID_BYTES).digest()


def _end_of(file: "pa.NativeFile", size: int, length: int) -> bytes:
    length = min(size, length)
    return bytes(file.read_at(length, size - length))
