"""Erases addresses from everything that this package has written.

Files are replaced one by one, each complete at any moment, and files without an address
are left alone. So the next erasure completes one that was interrupted.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from usage_metrics import config
from usage_metrics.arrow import STRING
from usage_metrics.counting.tables import TABLES
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import storage
from usage_metrics.privacy.database_rows import erase_from_database
from usage_metrics.privacy.other_files import (
    Place,
    erase_from_file,
    erase_from_object,
    files_in,
    files_in_store,
)
from usage_metrics.privacy.removal import AddressRemover
from usage_metrics.privacy.rewriting import Rewriting
from usage_metrics.sources import SOURCES

LOCK = ".erasing"


def erase_addresses(addresses: Sequence[str]) -> Iterator[Place]:
    """Erase addresses and networks.

    Yields:
        Each place that held an address.

    Raises:
        ConfigError: naming a text that is neither.
        UsageMetricsError: if something cannot be read or written.
    """
    remover = AddressRemover(addresses)
    root = config.paths().root
    with _locked():
        storage.sweep(root)
        renamed: dict[str, str] = {}
        for source in sorted(SOURCES):
            rewriting = Rewriting(root, stages(), source)
            for partition in rewriting.run(remover):
                yield Place(partition.path)
            renamed |= rewriting.renamed
        if found := erase_from_database(remover, renamed):
            yield Place(f"{config.database().path}: {found:,} different values")
        yield from _erase_from_cache(remover)
        yield from _erase_from_other_files(remover, root)


def _erase_from_cache(remover: AddressRemover) -> Iterator[Place]:
    def unwanted(answers: dict[str, str]) -> set[str]:
        """The keys of the answers that are about an address or contain one."""
        found = {address for address in answers if remover.is_match(address)}
        left = remover.from_column(pa.array(answers.values(), STRING))
        if left is not None:
            pairs = zip(answers.items(), left.to_pylist(), strict=True)
            found |= {address for (address, old), new in pairs if old != new}
        return found

    cache = Path(config.ipinfo().cache)
    shelf = LockedShelf(cache)
    if gone := shelf.forget(unwanted):
        yield Place(f"{cache}: {gone:,} answers of ipinfo")
    # Nobody can tell whose addresses are in a damaged file.
    if damaged := shelf.delete_set_aside():
        yield Place(f"{cache}: {damaged:,} damaged files that were set aside")


def _erase_from_other_files(remover: AddressRemover, root: str) -> Iterator[Place]:
    folder = run_log.local_folder()
    settings = [config.source_section(source).logs for source in SOURCES]
    logs = [place for place in settings if place]  # not ours to change
    left_out = [
        *(Path(place) for place in logs if "://" not in place),
        Path(config.database().path),
        Path(config.ipinfo().cache),
        folder / LOCK,
    ]
    for path in dict.fromkeys([*files_in(folder, left_out), *run_log.files()]):
        if place := erase_from_file(path, remover):
            yield place
    for uri in files_in_store(root, logs):
        if place := erase_from_object(uri, remover):
            yield place


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Wait for another erasure: it would put back what this one removes."""
    folder = run_log.local_folder()
    if not folder.is_dir():
        yield
        return
    with storage.lock_file(folder / LOCK) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stages() -> list[str]:
    """Every stage that a file is of, from left to right."""
    return ["raw", "cleaned", "geocoded", "counted", "rejected", *TABLES]
