"""What a layout of log files is: their names, and what the dates in them mean."""

import contextlib
import datetime as dt
import re
from dataclasses import dataclass

from usage_metrics.logs.unpacking import PACKED_ENDINGS


@dataclass(frozen=True)
class Layout:
    """How the files of a log are named. What is in them is their format."""

    file: str
    """What one of them is called in messages, such as "export"."""
    named: str
    """How they are named, for messages: "the name of an export ends in .json"."""
    dated: str = ""
    """Where the date stands in a name, for messages; empty: it has none."""
    nothing_happened: str = "name it in lost_days"
    """What to do about a day between others of which there is no file."""
    names: str = ""
    """A pattern for the names that are read, in lower case and without the ending of a
    compression; empty: all."""
    other_names: str = "(?!)"
    """A pattern for the names, likewise, of files beside them that mean nothing."""
    date: str = ""
    """A pattern for the date in a name or in its folders, with the groups ``year``,
    ``month`` and ``day``; the last date counts, and one in the name before others."""
    looked_into: str = "(?!)"
    """A pattern for the names of files whose days are those of their entries, because
    the name has no date or one that does not say."""
    undated_by_entries: bool = False
    """Whether the days of a file without a date are those of its entries, too."""
    is_excerpt: bool = False
    """Whether a file that is looked into may begin and end within a day."""
    is_delivery: bool = False
    """Whether the date is that of delivery: the file of a day is full of entries of the
    days before, and a day with few requests may have no file of its own."""
    is_together: bool = False
    """Whether the names of a day's files begin alike, up to the date, in each series of
    files (those of a bucket, of a distribution): then a bucket lists a day of each."""
    grows: bool = False
    """Whether the newest file is written to while it is read."""

    def is_log(self, name: str) -> bool:
        """Whether a file, by the last part of its name, is to be read."""
        plain = unpacked_name(name)
        return re.search(self.names, plain) is not None and not self.is_other(name)

    def is_other(self, name: str) -> bool:
        """Whether a file, by the last part of its name, means nothing."""
        return re.search(self.other_names, unpacked_name(name)) is not None

    def is_looked_into(self, name: str) -> bool:
        """Whether the days of a file are those of its entries."""
        return re.match(self.looked_into, name) is not None

    def day_of(self, name: str) -> dt.date | None:
        """The date in a file's name or, if there is none, the last in its folders."""
        dates = self.dates_in(name)
        return dates[-1].day if dates else None

    def dates_in(self, name: str) -> list["DateInName"]:
        """The dates in a file's name behind those in its folders."""
        if not self.date:
            return []
        folders, slash, last = name.rpartition("/")
        matches = [(0, match) for match in re.finditer(self.date, folders)]
        start = len(folders) + len(slash)
        matches += [(start, match) for match in re.finditer(self.date, last)]
        dates = []
        for at, match in matches:
            year, month, day = (int(match[part]) for part in ("year", "month", "day"))
            with contextlib.suppress(ValueError):  # no such day
                dates.append(DateInName(dt.date(year, month, day), name, at, match))
        return dates


@dataclass(frozen=True)
class DateInName:
    """A date, and where it stands in a name."""

    day: dt.date
    name: str
    offset: int
    """Where the part begins that was searched."""
    match: re.Match[str]

    @property
    def before(self) -> str:
        """What stands before the year."""
        return self.name[: self.offset + self.match.start("year")]

    @property
    def marks(self) -> tuple[str, str]:
        """What stands between year and month, and between month and day."""
        found, text = self.match, self.match.string
        return (
            text[found.end("year") : found.start("month")],
            text[found.end("month") : found.start("day")],
        )

    @property
    def is_whole_folders(self) -> bool:
        """Whether it is one or more folders, such as ``year=2024/month=01/day=15``."""
        start, end = (at + self.offset for at in self.match.span())
        is_start = self.name[:start][-1:] in ("", "/", "=")
        return is_start and self.name[end:].startswith("/")


def unpacked_name(name: str) -> str:
    """The name of a file in lower case, without the ending of its compression."""
    name = name.lower()
    packing = next((end for end in PACKED_ENDINGS if name.endswith(end)), "")
    return name.removesuffix(packing)
