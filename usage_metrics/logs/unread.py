"""Files that a day was read without, as the footer of its raw file names them."""

from typing import TypedDict

from usage_metrics.logs.listing import LogFile


class Unread(TypedDict):
    """A file that may hold late entries of a day before its own, and is not read."""

    file: str
    """Its path relative to the folder of the log."""
    date: str
    size: int | None
    """None if it may become readable without a change, as by a permission."""
    changed: int | None
    version: str
    why: str


def noted_of(file: LogFile, why: str) -> Unread:
    """What is noted of a file."""
    return {
        "file": file.name,
        "date": file.date.isoformat(),
        "size": file.size,
        "changed": file.changed,
        "version": file.version,
        "why": why,
    }
