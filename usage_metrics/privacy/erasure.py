"""Makes some addresses be nowhere, in whatever this package has written.

Files are replaced one by one, each whole at any moment, and what has no address any
more is left alone. So an erasure that was interrupted is completed by the next one.
"""

import contextlib
import fcntl
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from usage_metrics import config
from usage_metrics.addresses.redaction import without
from usage_metrics.arrow import STRING
from usage_metrics.counting.tables import TABLES
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import storage
from usage_metrics.privacy.database_rows import erase_from_database
from usage_metrics.privacy.other_files import (
    Searched,
    erase_from_file,
    erase_from_object,
    files_in,
    files_in_store,
)
from usage_metrics.privacy.removal import Erased
from usage_metrics.privacy.rewriting import Rewriting
from usage_metrics.sources import SOURCES

LOCK = ".erasing"


class Erasure:
    """The erasure of some addresses."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """Name them.

        Args:
            addresses: and networks.

        Raises:
            ConfigError: naming what is neither.
        """
        self._erased = Erased(addresses)
        self._root = config.paths().root
        self._renamed: dict[str, str] = {}

    def run(self) -> Iterator[tuple[str, bool]]:
        """Erase.

        Yields:
            Where one was, and whether it is no more; if not, a person has to see to it.

        Raises:
            UsageMetricsError: if something cannot be read or written.
        """
        with _alone():
            storage.sweep(self._root)
            for source in sorted(SOURCES):
                rewriting = Rewriting(self._root, stages(), source)
                for partition in rewriting.run(self._erased):
                    yield partition.path, True
                self._renamed |= rewriting.renamed
            yield from self._from_database()
            yield from self._from_answers()
            for searched in self._from_other_files():
                yield searched.path, searched.is_erased

    def _from_database(self) -> Iterator[tuple[str, bool]]:
        settings = config.database()
        found = erase_from_database(
            Path(settings.path), settings.busy_seconds, self._erased, self._renamed
        )
        if found:
            yield f"{settings.path}: {found:,} different values", True

    def _from_answers(self) -> Iterator[tuple[str, bool]]:
        cache = Path(config.ipinfo().cache)
        shelf = LockedShelf(cache)
        if gone := shelf.forget(self._unwanted):
            yield f"{cache}: {gone:,} answers of ipinfo", True
        # Nobody can tell whose addresses are in a damaged file.
        if damaged := shelf.delete_set_aside():
            yield f"{cache}: {damaged:,} damaged files that were set aside", True

    def _unwanted(self, answers: dict[str, str]) -> set[str]:
        """Which answers are about one of the addresses, or name one."""
        found = {address for address in answers if self._erased.has(address)}
        texts = pa.array(answers.values(), STRING)
        left = without(texts, self._erased.wants)
        if left is not None:
            pairs = zip(answers, left.to_pylist(), strict=True)
            found |= {key for key, text in pairs if text != answers[key]}
        return found

    def _from_other_files(self) -> Iterator[Searched]:
        folder = run_log.local_folder()
        left_out = [
            Path(config.database().path),
            Path(config.ipinfo().cache),
            folder / LOCK,
        ]
        for source in SOURCES:
            left_out += local_logs(source)
        files = dict.fromkeys(files_in(folder, left_out))
        for log in run_log.files():
            files[log] = None
        logs = [config.source_section(source).logs or "-" for source in SOURCES]
        objects = files_in_store(self._root, logs)
        found = itertools.chain(
            (erase_from_file(path, self._erased) for path in files),
            (erase_from_object(uri, self._erased) for uri in objects),
        )
        yield from filter(None, found)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait for another erasure: it would put back what this one has taken out."""
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


def local_logs(source: str) -> list[Path]:
    """The folder of a source's logs, which are not ours to change, if it is local."""
    logs = config.source_section(source).logs
    return [Path(logs)] if logs and "://" not in logs else []
