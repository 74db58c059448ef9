"""What was found in files whose names do not say their days, until they change.

To find the first and the last entry of a file, all of it is read: entries are written
when a request ends, so they are out of order. A server keeps many files for long, and
none but the newest changes.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow.compute as pc

from usage_metrics.errors import ChangingError, InputError
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.format import Format
from usage_metrics.logs.line_ids import line_ids
from usage_metrics.partitions import kept

LINES = 8
"""By how many of its first lines a file is recognised as one that is there twice."""


class Found(NamedTuple):
    """What a file holds."""

    first: dt.date
    last: dt.date
    lines: int
    begins: tuple[int, ...]
    """The hashes of its first lines; of all, if it has fewer."""

    def is_in(self, other: "Found") -> bool:
        """Whether another file begins in the same way, and holds at least as much."""
        return (
            self.lines <= other.lines
            and self.begins == other.begins[: len(self.begins)]
        )


Key = tuple[str, int, int]
"""A file's path, size and time of change."""


class Look:
    """Gathers what is in a file, block by block."""

    def __init__(self, format_: Format) -> None:
        """Know what the lines mean."""
        self._format = format_
        self._days = set[dt.date]()
        self._lines = 0
        self._begins: tuple[int, ...] = ()
        self._reason = ""

    def at(self, block: Block) -> None:
        """See the next lines."""
        table = self._format.read(block)
        times = pc.min_max(table[self._format.time]).as_py().values()
        self._days |= {time.date() for time in times if time}
        self._lines += len(block)
        if len(self._begins) < LINES:
            ids = line_ids(block.only(block.numbers < block.numbers[0] + LINES))
            self._begins = (*self._begins, *ids.to_pylist())[:LINES]
        if not self._days and not self._reason:
            reasons = table["unreadableReason"].drop_null()
            self._reason = reasons[0].as_py() if len(reasons) else ""

    def found(self) -> Found | None:
        """What the file holds; None if it has no line.

        Raises:
            InputError: if it has lines, and none of them is an entry.
        """
        if self._days:
            days = min(self._days), max(self._days)
            return Found(*days, self._lines, self._begins)
        if self._reason:
            raise InputError(
                f"none of its lines can be read as {self._format.title}: {self._reason}"
            )
        return None


_SEEN: dict[tuple[str, Key], Found | InputError | None] = {}
"""What this process has found, by format and file."""


class Memory:
    """What was found in the files of a folder."""

    def __init__(self, format_: Format, folder: str) -> None:
        """Know of which folder, and as what its files are read."""
        self._format = format_.title
        self._folder = folder
        title = hashlib.blake2b(self._format.encode(), digest_size=6).hexdigest()
        self._name = f"{kept.DAYS_OF_FILES}-{title}"
        self._used = set[Key]()

    @cached_property
    def _kept(self) -> dict[Key, Found]:
        """What earlier runs found."""
        return _read(self._name, self._format)

    def of(self, key: Key, look: Callable[[], Found | None]) -> Found | None:
        """What is in a file: as it was found earlier, or as a look finds now.

        Raises:
            InputError: if it was, or is, no file of the format.
        """
        place = self._format, key
        self._used.add(key)
        if place not in _SEEN:
            _SEEN[place] = self._kept.get(key) or _looked(look)
        found = _SEEN[place]
        if isinstance(found, InputError):
            raise found
        return found

    def keep(self) -> None:
        """Keep what is new for the next run, and forget the files that are gone."""
        if not self._used:
            return
        found = {key: _SEEN[self._format, key] for key in self._used}
        ours = {key: value for key, value in found.items() if isinstance(value, Found)}
        others = {k: v for k, v in self._kept.items() if not self._is_here(k)}
        if (now := others | ours) != self._kept:
            kept.keep(self._name, self._format, _written(now))
            self._kept = now
        self._used.clear()

    def _is_here(self, key: Key) -> bool:
        return key[0].startswith(f"{self._folder.rstrip('/')}/")


def _looked(look: Callable[[], Found | None]) -> Found | InputError | None:
    try:
        return look()
    except ChangingError:  # look again next time
        raise
    except InputError as error:
        return error


def _read(name: str, made_by: str) -> dict[Key, Found]:
    content = kept.read(name, made_by)
    rows: list[Any] = json.loads(content) if content else []
    days = dt.date.fromisoformat
    return {
        (path, size, changed): Found(days(first), days(last), lines, tuple(begins))
        for path, size, changed, first, last, lines, begins in rows
    }


def _written(known: Mapping[Key, Found]) -> bytes:
    rows = [
        [*key, str(found.first), str(found.last), found.lines, found.begins]
        for key, found in known.items()
    ]
    return json.dumps(rows).encode()
