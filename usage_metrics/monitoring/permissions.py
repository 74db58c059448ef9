"""Who may read which files: what ``[privacy] readable_by`` says."""

from usage_metrics import config

MODES = {"owner": 0o600, "group": 0o640, "all": 0o644}
"""The modes of a file that certain people may read."""

FULL_ADDRESSES = frozenset({"raw", "rejected", "cleaned"})
"""The stages that hold full addresses whatever the settings."""


def is_private(stage: str) -> bool:
    """Whether files of a stage, or the database, may hold full addresses."""
    return stage in FULL_ADDRESSES or config.privacy().addresses == "keep"


def private_mode() -> int:
    """The mode of files that the setting is about, before the umask."""
    return MODES[config.privacy().readable_by]
