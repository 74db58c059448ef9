"""What the commands print: characters that can be shown, and colours of our own.

A text may come from a log or the name of a file, and no call has to remember that: the
streams escape whatever a terminal would obey. Colours pass because ``style`` marks them
in a way that no text can know beforehand.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

import click

from usage_metrics.monitoring.printable import printable_lines

_MARK = f"\x1b{os.urandom(8).hex()}"

_STYLE = re.compile(rf"{_MARK}(\[[\d;]*m)")


def style(text: str, **look: Any) -> str:
    """The text in a colour or weight; see ``click.style``."""
    return click.style(printable_lines(text), **look).replace("\x1b", _MARK)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within the block, what is printed is printable."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Guard(stream)) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def drawing(stream: TextIO) -> TextIO:
    """The stream for bars, which move the cursor."""
    return stream._stream if isinstance(stream, _Guard) else stream


class _Guard:
    """Passes text on, without what a terminal would obey."""

    encoding = "utf-8"
    """Click would write around us if it were ASCII."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        parts = _STYLE.split(text)
        parts[::2] = map(printable_lines, parts[::2])
        is_terminal = self._stream.isatty()
        parts[1::2] = (f"\x1b{code}" * is_terminal for code in parts[1::2])
        encoding = self._stream.encoding or "utf-8"
        shown = "".join(parts).encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))
