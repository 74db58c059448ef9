"""Which files are open to more people than ``[privacy] readable_by`` says."""

from collections.abc import Iterator
from pathlib import Path

from usage_metrics import config
from usage_metrics.monitoring import luigi_log, permissions, run_log
from usage_metrics.partitions.partition import STATE


def too_open() -> list[Path]:
    """The files and top folders that earlier versions or other programs opened."""
    mode = permissions.private_mode()
    allowed = mode | (mode & 0o444) >> 2
    private = [path for path in _private() if path.exists()]
    return [path for path in private if path.stat().st_mode & 0o777 & ~allowed]


def _private() -> Iterator[Path]:
    folder = run_log.local_folder()
    stages = [*permissions.FULL_ADDRESSES, "geocoded", "counted"]
    yield from (folder / s for s in sorted(stages) if permissions.is_private(s))
    yield folder / STATE
    cache = Path(config.ipinfo().cache)
    yield from sorted(cache.parent.glob(f"{cache.name}.*"))
    if permissions.is_private("database"):
        yield Path(config.database().path)
    yield from run_log.files()
    if log := luigi_log.path():
        yield log
