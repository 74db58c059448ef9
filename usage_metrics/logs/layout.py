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
    is_excerpt: bool = False
    """Whether a file that is looked into may begin and end within a day."""
    is_delivery: bool = False
    """Whether the date is that of delivery: the file of a day is full of entries of the
    days before, and a day with few requests may have no file of its own."""
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
        if not self.date:
            return None
        folders, _, last = name.rpartition("/")
        matches = [
            *re.finditer(self.date, folders),
            *re.finditer(self.date, last),
        ]
        for match in reversed(matches):
            year, month, day = (int(match[part]) for part in ("year", "month", "day"))
            with contextlib.suppress(ValueError):  # no such day
                return dt.date(year, month, day)
        return None


def unpacked_name(name: str) -> str:
    """The name of a file in lower case, without the ending of its compression."""
    name = name.lower()
    packing = next((end for end in PACKED_ENDINGS if name.endswith(end)), "")
    return name.removesuffix(packing)
