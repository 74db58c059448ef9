"""Erases addresses from everything that this package has written.

Files are replaced one by one, each complete at any moment, and files without an address
are left alone. So the next erasure completes one that was interrupted.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from usage_metrics import config
from usage_metrics.arrow import STRING
from usage_metrics.counting.tables import TABLES
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import kept, storage
from usage_metrics.platforms import PLATFORMS, archive
from usage_metrics.platforms.snapshot_tables import STAGES
from usage_metrics.privacy.database_rows import erase_from_database, rows_to_erase
from usage_metrics.privacy.other_files import (
    Place,
    erase_from_file,
    erase_from_object,
    files_in,
    files_in_store,
    linked,
)
from usage_metrics.privacy.removal import AddressRemover
from usage_metrics.privacy.rewriting import Rewriting
from usage_metrics.sources import SOURCES
from usage_metrics.sources.settings import source_section
from usage_metrics.units import number_of


def find_addresses(remover: AddressRemover) -> Iterator[Place]:
    """Find the places that an erasure would rewrite, and rewrite none.

    Yields:
        The files of each stage together, the tables of the database, other files.
    """
    root = config.paths().root
    for place, stages_there, source in _partitions():
        where = "" if place == root else f" in {place}"
        for stage in stages_there:
            those = Rewriting(place, [stage], source).find(remover)
            if days := [file.date for file in those]:
                files = number_of(len(days), "file")
                span = " … ".join(map(str, dict.fromkeys((days[0], days[-1]))))
                yield Place(f"{stage} of {source}{where}: {files}, {span}")
    for table in rows_to_erase(remover):
        yield Place(f"{config.database().path}, {table}")
    cache = LockedShelf(Path(config.ipinfo().cache))
    if cache.exists():
        with cache.open() as answers:
            found = len(_unwanted(dict(answers), remover))
        if found:
            yield Place(
                f"{config.ipinfo().cache}: {number_of(found, 'answer')} of ipinfo"
            )
    yield from _erase_from_other_files(remover, root, dry_run=True)


def erase_addresses(remover: AddressRemover) -> Iterator[Place]:
    """Erase addresses and networks; nothing else may change files meanwhile.

    Yields:
        Each place that held an address.

    Raises:
        UsageMetricsError: if something cannot be read or written.
    """
    root = config.paths().root
    storage.sweep(root)
    renamed: dict[str, str] = {}
    for place, stages_there, source in _partitions():
        rewriting = Rewriting(place, stages_there, source)
        for partition in rewriting.run(remover):
            yield Place(linked(partition.path))
        renamed |= rewriting.renamed
    if found := erase_from_database(remover, renamed):
        database = linked(config.database().path)
        yield Place(f"{database}: {number_of(found, 'different value')}")
    kept.forget(kept.SUMS)  # the next reports make them again
    yield from _erase_from_cache(remover)
    yield from _erase_from_other_files(remover, root, dry_run=False)


def _unwanted(answers: dict[str, str], remover: AddressRemover) -> set[str]:
    """The keys of the answers of ipinfo that are about an address or contain one."""
    found = {address for address in answers if remover.is_match(address)}
    left = remover.from_column(pa.array(answers.values(), STRING))
    if left is not None:
        pairs = zip(answers.items(), left.to_pylist(), strict=True)
        found |= {address for (address, old), new in pairs if old != new}
    return found


def _erase_from_cache(remover: AddressRemover) -> Iterator[Place]:
    cache = Path(config.ipinfo().cache)
    shelf = LockedShelf(cache)
    if gone := shelf.forget(lambda answers: _unwanted(answers, remover)):
        yield Place(f"{cache}: {number_of(gone, 'answer')} of ipinfo")
    # Nobody can tell whose addresses are in a damaged file.
    if damaged := shelf.delete_set_aside():
        yield Place(f"{cache}: {number_of(damaged, 'damaged file')} set aside")


def _erase_from_other_files(
    remover: AddressRemover, root: str, *, dry_run: bool
) -> Iterator[Place]:
    folder = run_log.local_folder()
    settings = [source_section(source).logs for source in SOURCES]
    logs = [place for place in settings if place]  # not ours to change
    left_out = [
        *(Path(place) for place in logs if "://" not in place),
        Path(config.database().path),
        Path(config.ipinfo().cache),
    ]
    for path in dict.fromkeys([*files_in(folder, left_out), *run_log.files()]):
        if place := erase_from_file(path, remover, dry_run=dry_run):
            yield place
    for uri in files_in_store(root, logs):
        if place := erase_from_object(uri, remover, dry_run=dry_run):
            yield place


def _partitions() -> Iterator[tuple[str, list[str], str]]:
    """Where there may be files: the root, stages, and the source or platform."""
    root, copy = config.paths().root, config.snapshots().copy
    for source in sorted(SOURCES):
        yield root, stages(), source
    for platform in sorted(PLATFORMS):
        yield root, [archive.STAGE, *STAGES], platform
        if copy:
            yield copy, [archive.STAGE], platform


def stages() -> list[str]:
    """Every stage that a file of a log is of, from left to right."""
    return ["raw", "cleaned", "geocoded", "counted", "rejected", *TABLES]
