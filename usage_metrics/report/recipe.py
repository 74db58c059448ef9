"""What makes a page, besides its data.

It stands apart from the page: whether one is current is asked each night, and all that
makes a page takes long to import.
"""

import functools
import hashlib
from collections.abc import Iterator
from importlib import metadata, resources

LIBRARIES = ("altair", "vl-convert-python")


SUMS = (
    *("combined.py", "concentrated.py", "figures.py", "formatting.py", "kept_sums.py"),
    *("labels.py", "neutral.py", "numbered.py", "packing.py", "periods.py"),
    *("rankings.py", "reached.py", "usage_database.py"),
)
"""The files that make the sums that are kept from one report to the next."""

PARTS = ("charts.py", "labels.py", "neutral.py", "page.py", "world_map.json")
"""Those that make what is the same in every report."""


@functools.cache
def recipe(*files: str) -> str:
    """A hash of libraries and of files: without any, of all that makes the page."""
    digest = hashlib.blake2b(digest_size=8)
    for name in files or _all():
        digest.update(part(name).encode())
    for library in (*LIBRARIES, "usage_metrics"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()


def _all() -> Iterator[str]:
    for folder in ("", "script/"):
        entries = resources.files(__package__).joinpath(folder).iterdir()
        for name in sorted(entry.name for entry in entries if entry.is_file()):
            yield f"{folder}{name}"


@functools.cache
def part(name: str) -> str:
    """A file of this wing."""
    return resources.files(__package__).joinpath(name).read_text()
