"""Writes the Parquet file of a partition: row group by row group, then the footer.

The footer says what made the file, as JSON under ``usage_metrics``. Its ``content_id``
is a hash of everything before the footer: equal rows, equal id, whenever made. Between
the two is a *seal*, a hash of the footer: Parquet has checksums only for its pages, and
its readers ignore bytes that the footer does not point to.
"""

import base64
import datetime as dt
import functools
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from usage_metrics.partitions.footer import CONTENT_ID_BYTES, FOOTER_KEY, seal_of
from usage_metrics.partitions.purpose import purpose

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP_ROWS = 1 << 16
"""Rows that are read and kept in memory at a time."""

ROW_GROUP_BYTES = 96 << 20
"""Limits a row group if somebody sends long URLs; usually it has 50 MB."""


@dataclass
class PartitionWriter:
    """Writes batches as row groups, and finally the footer."""

    stream: BinaryIO
    schema: "pa.Schema"
    repeating: Sequence[str]
    facts: dict[str, Any]
    rows: int = 0
    content_id: str | None = None
    """The hash of what was written, once closed."""
    _pending: list["pa.Table"] = field(default_factory=list)
    _pending_rows: int = 0
    _pending_bytes: int = 0
    _parquet: "pq.ParquetWriter | None" = None

    def __post_init__(self) -> None:
        self._hashing = _HashingStream(self.stream)

    def write(self, table: "pa.Table") -> None:
        """Add rows; they are written a row group at a time."""
        if not table.num_rows:
            return
        self.rows += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self._pending_bytes += table.nbytes
        if (
            self._pending_rows >= ROW_GROUP_ROWS
            or self._pending_bytes >= ROW_GROUP_BYTES
        ):
            self._flush()

    def close(self) -> None:
        """Write the remaining rows and the footer."""
        import pyarrow as pa

        if self._pending or self._parquet is None:
            self._pending = self._pending or [self.schema.empty_table()]
            self._flush()
        parquet = cast("pq.ParquetWriter", self._parquet)
        self.content_id = self._hashing.digest()
        made_for = purpose()
        facts = self.facts | ({"made_for": made_for} if made_for else {})
        facts |= {
            "rows": self.rows,
            "content_id": self.content_id,
            "is_sealed": True,
            "made_by": f"usage_metrics {_our_version()}, pyarrow {pa.__version__}",
            "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        plain = base64.b64encode(self.schema.serialize().to_pybytes()).decode()
        parquet.add_key_value_metadata(
            {"ARROW:schema": plain, FOOTER_KEY.decode(): json.dumps(facts)}
        )
        footer = self._hashing.stream = io.BytesIO()
        parquet.close()
        self.stream.write(seal_of(footer.getvalue()) + footer.getvalue())

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._pending).unify_dictionaries()
        if self._parquet is None:
            # Readers see `schema`, not the dictionaries that made writing fast. Minima
            # and maxima of text are not written: that would take a third of the time.
            self._parquet = pq.ParquetWriter(
                self._hashing,
                table.schema,
                compression="zstd",
                store_schema=False,
                use_dictionary=[*self.repeating, *_dictionaries(table.schema)] or False,
                write_statistics=_measures(table.schema) or False,
                write_page_checksum=True,
            )
        self._parquet.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0


@functools.cache
def _our_version() -> str:
    from importlib.metadata import version  # which takes a hundredth of a second

    return version("usage_metrics")  # each time it parses the package's metadata


def _dictionaries(schema: "pa.Schema") -> list[str]:
    import pyarrow as pa

    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


def _measures(schema: "pa.Schema") -> list[str]:
    """The numbers and times, whose statistics let readers skip row groups."""
    import pyarrow as pa

    return [
        field.name
        for field in schema
        if pa.types.is_primitive(field.type) and not pa.types.is_boolean(field.type)
    ]


class _HashingStream:
    """A file for Parquet's writer that hashes what is written."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self._hash = hashlib.blake2b(digest_size=CONTENT_ID_BYTES)
        self._position = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.stream.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self.stream.flush()

    def digest(self) -> str:
        return self._hash.hexdigest()
