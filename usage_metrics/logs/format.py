"""What a format of logs is: how bytes become rows.

Where the files are, and which days they hold, is another thing: a format knows no
names of files and no folders.
"""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from usage_metrics.arrow import STRING, column

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.logs.blocks import Block

UNREADABLE = [
    column("unreadable", STRING, "A line that could not be understood"),
    column("unreadableReason", STRING, "What is wrong with it"),
]
"""The last columns of every format; null in a row that is an entry."""


class Format(Protocol):
    """Turns the bytes of a file into rows.

    Blocks of many files are read side by side, in several threads.
    """

    title: str
    """What people call it, as in "S3 server access logs"."""
    schema: "pa.Schema"
    """The columns of an entry as the service writes it, then ``UNREADABLE``."""
    time: str
    """The column with the time of the request, in UTC."""

    def blocks(self, raw: "pa.NativeFile", name: str) -> "Iterator[Block]":
        """Unpack a file and cut it into blocks of whole lines, in order.

        What a line means may depend on lines before it, such as ``#Fields``: then the
        block carries them as its ``header``.

        Raises:
            InputError: if the file is damaged, or of another kind.
        """
        ...

    def read(self, block: "Block") -> "pa.Table":
        """Read the lines of a block, in order, with the columns of ``schema``.

        Every line is a row: an entry with a time, or ``unreadable`` and
        ``unreadableReason``, which begins with ``block.place(row)``, as the lines of
        several files may be in a block. An entry need not be a request.
        """
        ...

    def mention(self, day: dt.date) -> bytes | None:
        """What each line with an entry of a UTC day contains; None if nothing."""
        ...
