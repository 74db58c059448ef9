"""The first lines of some files of a log, by which its kind is recognised."""

import contextlib
import functools
import importlib.util
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs

from usage_metrics.errors import InputError
from usage_metrics.logs.encoding import as_utf8
from usage_metrics.logs.folder import open_folder
from usage_metrics.logs.format import Format
from usage_metrics.logs.unpacking import unpacked

FILES = 8
"""How many files are looked into; a server's error logs may lie beside the others."""

BYTES = 1 << 16
"""How much of a file is looked at, unpacked."""

PARQUET = b"PAR1"
ROWS = 100
"""How many rows of a Parquet file are looked at."""
WHOLE_BYTES = 64 << 20
"""A Parquet file is known by its end, so it is fetched whole unless it is longer."""


class Beginning(NamedTuple):
    """The beginning of a file."""

    name: str
    text: bytes
    """Whole lines, unpacked; the last may be cut if the file has no short lines.

    Of a Parquet file, one with its first rows.
    """

    def is_read_by(self, format_: Format) -> bool:
        """Whether most of its lines are entries in a format."""
        entries = lines = 0
        with contextlib.suppress(InputError):  # it is cut off, or of another kind
            for block in format_.blocks(pa.BufferReader(self.text), self.name):
                table = format_.read(block)
                lines += table.num_rows
                entries += table.num_rows - table[format_.time].null_count
        return entries * 2 > lines


def beginnings(uri: str) -> Iterator[Beginning]:
    """Look into the newest files of a folder; of a bucket, of its first thousand.

    Raises:
        UsageMetricsError: if the setting is empty, or a bucket cannot be listed.
    """
    is_bucket = uri.startswith("s3://") and importlib.util.find_spec("boto3")
    for name, opened in _in_bucket(uri) if is_bucket else _in_folder(uri):
        with contextlib.suppress(OSError, InputError, pa.ArrowInvalid), opened() as raw:
            is_parquet = raw.read(len(PARQUET)) == PARQUET
            raw.seek(0)
            first = _first_rows(raw) if is_parquet else _first_lines(raw, name)
            yield Beginning(name, first)


_Opened = Callable[[], pa.NativeFile]


def _in_folder(uri: str) -> Iterator[tuple[str, _Opened]]:
    filesystem, folder = open_folder(uri)
    with contextlib.suppress(OSError):  # what cannot be listed, the reader will say
        found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
        files = [each for each in found if each.type == pafs.FileType.File]
        files = [each for each in files if each.size and not _is_hidden(each.base_name)]
        for info in sorted(files, key=lambda info: info.mtime_ns or 0)[-FILES:]:
            name, path = info.base_name, info.path
            yield name, functools.partial(filesystem.open_input_file, path)


def _in_bucket(uri: str) -> Iterator[tuple[str, _Opened]]:
    from usage_metrics.logs.bucket import Bucket, StoredObject

    bucket = Bucket(uri)

    def opened(stored: StoredObject) -> pa.NativeFile:
        content = bucket.read(stored, 0, min(stored.size, BYTES))
        if content.startswith(PARQUET) and stored.size <= WHOLE_BYTES:
            content = bucket.read(stored, 0, stored.size)
        return pa.BufferReader(content)

    found, _ = bucket.page(bucket.beginning)
    files = [each for each in found if each.size and not _is_hidden(each.name)]
    for stored in sorted(files, key=lambda stored: stored.changed)[-FILES:]:
        yield stored.name, functools.partial(opened, stored)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _first_lines(raw: pa.NativeFile, name: str) -> bytes:
    text = b""
    for chunk in as_utf8(unpacked(raw, name, BYTES)):
        text += chunk
        if len(text) >= BYTES:
            return text[: text.rfind(b"\n") + 1] or text
    return text


def _first_rows(raw: pa.NativeFile) -> bytes:
    """A Parquet file of the first rows of one."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(raw)
    first = itertools.islice(file.iter_batches(ROWS), 1)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches(first, file.schema_arrow), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
