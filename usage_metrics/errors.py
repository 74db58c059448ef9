"""The errors this package raises on purpose.

Every message is a sentence that names what is wrong (the setting, the file, the
line, the column) and what to do about it. Anything else that escapes is a bug.
"""

import datetime as dt
from collections.abc import Callable


class UsageMetricsError(Exception):
    """Something that a person can put right; the message says how."""


class ConfigError(UsageMetricsError):
    """A setting is missing or cannot be used as it is."""


class InputError(UsageMetricsError):
    """A log export, log table or address database cannot be read."""


class ChangingError(InputError):
    """A log export was written to while it was read."""


class ServiceError(UsageMetricsError):
    """A service refused, failed or did not answer."""


class RejectedShareError(UsageMetricsError):
    """Too much of a day could not be understood to trust the rest."""


class StorageError(UsageMetricsError):
    """A partition, cache or database of ours is damaged, locked or out of date."""


class PartitionError(StorageError):
    """The file of a partition is missing, damaged, foreign or of another version."""


class UnreachableError(PartitionError):
    """A disk or a store does not say whether a partition is there, or what it holds."""


class NotYetError(UsageMetricsError):
    """The log entries of a day cannot be had yet."""


class LoadError(UsageMetricsError):
    """Some partitions could not be read; the others are in the database."""

    def __init__(self, failed: dict[dt.date, str], of: int) -> None:
        """Say which, and why."""
        self.failed = failed
        super().__init__(
            f"{len(failed):,} of {of:,} days could not be loaded, and stay in the "
            "database as they were; " + "; ".join(failed.values())
        )


class FewerEntriesError(UsageMetricsError):
    """A day's logs have become fewer than what was kept of them."""


class BackfillError(UsageMetricsError):
    """Some of many days failed; the others are made."""

    def __init__(
        self, failed: dict[dt.date, str], how_to_retry: Callable[[dt.date], str]
    ) -> None:
        """Say which, why, and how to try each again."""
        self.failed = failed
        lines = [
            f"{day}: {why} (to try again: {how_to_retry(day)})"
            for day, why in failed.items()
        ]
        super().__init__(f"{len(failed)} days failed; " + "; ".join(lines))
