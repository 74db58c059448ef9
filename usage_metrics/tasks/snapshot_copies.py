"""The second copy of raw snapshots, which nobody can ask a platform for again."""

import datetime as dt
from typing import NamedTuple

import luigi

from usage_metrics import config
from usage_metrics.errors import (
    ConfigError,
    LoadError,
    PartitionError,
    StorageError,
    os_errors_as,
)
from usage_metrics.monitoring import permissions
from usage_metrics.parameters import Configured
from usage_metrics.partitions import listings, storage
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import STATE, Partition, list_partitions
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.snapshots import RAW, LoadSnapshots, TakeSnapshot, due
from usage_metrics.tasks.task import Reporting


class Copies(NamedTuple):
    """How the second copy of a platform's snapshots compares with the first."""

    behind: list[dt.date]
    """Days that it lacks, or has otherwise."""
    alone: list[dt.date]
    """Days that it alone has."""

    def __str__(self) -> str:
        """What is not in both, in words; nothing if all is."""
        parts = []
        if self.behind:
            parts.append(f"{len(self.behind):,} not copied yet")
        if self.alone:
            parts.append(f"{len(self.alone):,} in the copy alone: copy them back")
        return " · ".join(parts)


def copies(name: str) -> Copies:
    """Compare the copy of a platform's snapshots with what it is a copy of.

    Raises:
        ConfigError: if it is no second one.
        UnreachableError: if it cannot be listed.
    """
    root, copy = config.paths().root, config.snapshots().copy
    if copy.rstrip("/") == root.rstrip("/"):
        raise ConfigError(
            f"luigi.cfg: [snapshots] copy = {copy} is [paths] root itself: name a "
            "place elsewhere, best on another disk or in an object store"
        )
    first, second = (list_partitions(place, RAW, name) for place in (root, copy))
    newest = max(first, default=None)
    behind = [
        day
        for day, fingerprint in first.items()
        if day not in second
        or _size(fingerprint) != _size(second[day])
        # One that was taken again today may have the size that it had.
        or (day == newest and not _is_same(name, day))
    ]
    return Copies(behind, sorted(second.keys() - first.keys()))


def _size(fingerprint: str) -> str:
    return fingerprint.rpartition("-")[2]


def _is_same(name: str, day: dt.date) -> bool:
    """Whether both say the same of themselves, also when and from what parts."""
    one, other = _pair(name, day)
    try:
        return one.facts() == other.facts()
    except PartitionError:
        return False


def _pair(name: str, day: dt.date) -> tuple[Partition, Partition]:
    roots = (config.paths().root, config.snapshots().copy)
    return (Partition(roots[0], RAW, name, day), Partition(roots[1], RAW, name, day))


class CopySnapshots(Reporting):
    """Keep the second copy of a platform's snapshots equal to the first."""

    source: luigi.Parameter[str] = luigi.Parameter(description="the platform")

    def requires(self) -> list[TakeSnapshot]:
        """The snapshot of today."""
        return due(self.source)

    @listing_once()
    def is_done(self) -> bool:
        """Whether all snapshots are there, today's too, and in the copy."""
        is_taken = all(task.complete() for task in self.requires())
        return is_taken and not copies(self.source).behind

    def run(self) -> None:
        """Copy what is missing or was taken again; nothing is ever deleted.

        Raises:
            LoadError: naming the snapshots that are damaged; the copy of these stays.
            StorageError: if the copy cannot be written to.
        """
        behind = copies(self.source).behind
        failed: dict[dt.date, str] = {}
        for day in behind:
            try:
                _copy(*_pair(self.source, day))
            except PartitionError as error:
                failed[day] = str(error)
        if failed:
            raise LoadError(failed, of=len(behind))
        self.say(f"{len(behind):,} snapshots copied to {config.snapshots().copy}")


def _copy(one: Partition, other: Partition) -> None:
    """Copy a file, byte by byte, once every byte of it was checked."""
    one.verify()
    drafts = f"{other.root}/{STATE}/drafts"
    private = permissions.is_private(RAW)
    what = f"{other.path} cannot be written"
    with (
        os_errors_as(StorageError, what, "check [snapshots] copy and rerun"),
        storage.open_whole_file(one.path) as file,
        storage.whole_or_absent(other.path, drafts, private=private) as stream,
    ):
        stream.write(file.read())
    listings.forget()


class Snapshots(Configured, luigi.WrapperTask):
    """Snapshots of every platform that ``luigi.cfg`` names something of."""

    def requires(self) -> list[luigi.Task]:
        """The tables of each platform, and the second copy if there is to be one."""
        names = platforms_on()
        tables = [LoadSnapshots(source=name) for name in names]
        if not config.snapshots().copy:
            return [*tables]
        return [*tables, *(CopySnapshots(source=name) for name in names)]
