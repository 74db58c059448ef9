"""What makes a page, besides its data.

It stands apart from the page: whether one is current is asked each night, and all that
makes a page takes long to import.
"""

import functools
import hashlib
from importlib import metadata, resources

LIBRARIES = ("altair", "vl-convert-python")


@functools.cache
def recipe() -> str:
    """A hash of this wing and its libraries: all that makes the page but its data."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in ("", "script/"):
        entries = resources.files(__package__).joinpath(folder).iterdir()
        for name in sorted(entry.name for entry in entries if entry.is_file()):
            digest.update(part(f"{folder}{name}").encode())
    for library in (*LIBRARIES, "usage_metrics"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()


@functools.cache
def part(name: str) -> str:
    """A file of this wing."""
    return resources.files(__package__).joinpath(name).read_text()
