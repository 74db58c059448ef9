"""What was sent of a month, when, under which id, and the answer: kept, never replaced.

A folder a month, beside the reports. What is sent is written first, as the parts that
go over the line; the record is written after the answer. If a program dies between the
two, parts without a record are left, and whoever sends next asks the hub what it holds.
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from usage_metrics import config
from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.hub.findings import Report
from usage_metrics.hub.subsets import Subset, read_subsets
from usage_metrics.partitions import storage

_NAME = re.compile(r"(?P<number>\d{4,})(?:-(?P<part>\d+)\.json\.gz|\.json)")


@dataclass(frozen=True)
class Record:
    """What became of a report that was sent."""

    number: int
    """Of the attempt, counted from 1 in each month."""
    at: str
    """When the answer came, or what came instead of one."""
    endpoint: str
    created_by: str
    id: str | None
    """The hub's, of the report; None if there was no answer with one."""
    is_accepted: bool
    answer: str
    """What the hub said."""
    digests: tuple[str, ...]
    """SHA-256 of each part."""
    datasets: int
    made_of: str
    """A digest of the counts and the registry that the report was made of."""


def is_anything_sent() -> bool:
    """Whether a report was ever sent, or was to be."""
    return bool(_names_in(f"{config.paths().root}/counter/sent"))


class SentReports:
    """The reports of a month that were sent, or were to be."""

    def __init__(self, month: dt.date) -> None:
        """Name the folder."""
        self._folder = f"{config.paths().root}/counter/sent/{month:%Y-%m}"

    def records(self) -> list[Record]:
        """What is known of each attempt, the first one first.

        Raises:
            StorageError: if a record cannot be read.
        """
        names = sorted(name for name in self._names() if name.endswith(".json"))
        return [self._record(f"{self._folder}/{name}") for name in names]

    def accepted(self, endpoint: str) -> Record | None:
        """The last report that a hub took; None if it took none."""
        found = [r for r in self.records() if r.is_accepted and r.endpoint == endpoint]
        return found[-1] if found else None

    def unanswered(self) -> bool:
        """Whether something was to be sent last, and nobody knows whether it was."""
        numbers = self._numbers()
        return bool(numbers) and f"{max(numbers):04}.json" not in self._names()

    def report(self, record: Record) -> Report:
        """The report that was sent.

        Raises:
            StorageError: if a part of it is missing.
        """
        paths = [self._part(record.number, n) for n in range(len(record.digests))]
        try:
            return read_subsets([storage.read_file(path) for path in paths])
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise StorageError(
                f"{paths[0]}, what was sent, cannot be read: {error}; restore it from "
                "a backup"
            ) from error

    def begin(self, subsets: Sequence[Subset]) -> int:
        """Keep what is going to be sent; return the number of the attempt."""
        number = max(self._numbers(), default=0) + 1
        for part, subset in enumerate(subsets):
            _write(self._part(number, part), subset.body)
        return number

    def end(self, record: Record) -> None:
        """Keep what became of it."""
        text = json.dumps(asdict(record), indent=2, ensure_ascii=False) + "\n"
        _write(f"{self._folder}/{record.number:04}.json", text.encode())

    def _part(self, number: int, part: int) -> str:
        return f"{self._folder}/{number:04}-{part + 1}.json.gz"

    def _numbers(self) -> list[int]:
        found = map(_NAME.fullmatch, self._names())
        return [int(match["number"]) for match in found if match]

    def _names(self) -> list[str]:
        return [name for name in _names_in(self._folder) if _NAME.fullmatch(name)]

    def _record(self, path: str) -> Record:
        try:
            fields: dict[str, Any] = json.loads(storage.read_file(path))
            return Record(**fields | {"digests": tuple(fields["digests"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"{path}, the record of a report that was sent, cannot be read: "
                f"{error}; restore it from a backup"
            ) from error


def _names_in(folder: str) -> list[str]:
    import pyarrow.fs as pafs

    what, remedy = f"{folder} cannot be listed", "check [paths] root and rerun"
    with os_errors_as(StorageError, what, remedy):
        filesystem, inside = storage.filesystem_of(folder)
        selector = pafs.FileSelector(inside, allow_not_found=True)
        return [info.base_name for info in filesystem.get_file_info(selector)]


def _write(path: str, content: bytes) -> None:
    with (
        storage.naming_unwritable(path),
        storage.whole_or_absent(path, private=False) as stream,
    ):
        stream.write(content)
