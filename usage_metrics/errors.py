"""The errors that this package raises on purpose.

Every message is a sentence that names what is wrong (the setting, the file, the
line, the column) and the remedy. Any other exception is a bug.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

from usage_metrics.units import number_of


class UsageMetricsError(Exception):
    """Something that a person can fix; the message says how.

    An error that several mistakes cause is given a sentence for each.
    """

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is wrong, mistake by mistake."""
        return tuple(map(str, self.args))

    def __str__(self) -> str:
        """All of it in one line."""
        return "; ".join(self.sentences)


@contextlib.contextmanager
def os_errors_as(
    kind: type[UsageMetricsError], what: str, remedy: str
) -> Iterator[None]:
    """Raise the system's errors as one of ours: what failed, why, and the remedy."""
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {error}; {remedy}") from error


class ConfigError(UsageMetricsError):
    """A setting is missing or unusable."""


class InputError(UsageMetricsError):
    """A log export, log table or address database cannot be read."""


class ChangingError(InputError):
    """A log export changed while it was read."""


class AccessError(InputError):
    """A file cannot be read, whatever is in it."""


class FetchError(InputError):
    """An object cannot be fetched, nor can those after it."""


class ServiceError(UsageMetricsError):
    """A service refused, failed or did not answer."""


class ReplyError(UsageMetricsError):
    """A platform's reply is not what it should be."""


class RejectedShareError(UsageMetricsError):
    """Too many lines of a day were rejected to trust the rest."""


class StorageError(UsageMetricsError):
    """A partition, cache or database of ours is damaged, locked or out of date."""


class BusyError(StorageError):
    """Another process holds what only one may hold at a time."""


class PartitionError(StorageError):
    """The file of a partition is missing, damaged, foreign or of another version."""


class UnreachableError(PartitionError):
    """A disk or store cannot be reached, so a partition may or may not exist."""


class NotYetError(UsageMetricsError):
    """The log entries of a day are not available yet."""


class LoadError(UsageMetricsError):
    """Some partitions could not be read; the others are loaded."""

    def __init__(self, failed: dict[dt.date, str], of: int) -> None:
        """List the failed days with their reasons."""
        self.failed = failed
        super().__init__(
            f"{len(failed):,} of {of:,} days could not be loaded, and stay in the "
            "database as they were; " + "; ".join(failed.values())
        )


class FewerEntriesError(UsageMetricsError):
    """The logs of a day have fewer entries than its raw file."""


class BackfillError(UsageMetricsError):
    """Some of many days failed; the others are done."""

    def __init__(
        self, failed: dict[dt.date, str], how_to_retry: Callable[[dt.date], str]
    ) -> None:
        """List the failed days with their reasons, and how to retry each."""
        self.failed = failed
        lines = [
            f"{day}: {why} (retry: {how_to_retry(day)})" for day, why in failed.items()
        ]
        super().__init__(f"{number_of(len(failed), 'day')} failed; " + "; ".join(lines))
