"""The first lines of some files of a log, by which its kind is recognised."""

import contextlib
from collections.abc import Iterator
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


class Beginning(NamedTuple):
    """The beginning of a file."""

    name: str
    text: bytes
    """Whole lines, unpacked; the last may be cut if the file has no short lines."""

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
    """Look into the newest files of a folder.

    Raises:
        ConfigError: if the setting is empty or cannot be opened.
    """
    filesystem, folder = open_folder(uri)
    with contextlib.suppress(OSError):  # what cannot be listed, the reader will say
        found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
        files = [info for info in found if _is_of_log(info)]
        files.sort(key=lambda info: info.mtime_ns or 0)
        for info in files[-FILES:]:
            with contextlib.suppress(OSError, InputError):
                yield Beginning(info.base_name, _first_lines(filesystem, info.path))


def _is_of_log(info: pafs.FileInfo) -> bool:
    is_hidden = info.base_name.startswith((".", "_"))
    return info.type == pafs.FileType.File and bool(info.size) and not is_hidden


def _first_lines(filesystem: pafs.FileSystem, path: str) -> bytes:
    text = b""
    with filesystem.open_input_stream(path, compression=None) as raw:
        for chunk in as_utf8(unpacked(raw, path, BYTES)):
            text += chunk
            if len(text) >= BYTES:
                return text[: text.rfind(b"\n") + 1] or text
    return text
