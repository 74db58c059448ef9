"""Checks before a run: mistakes that would fail every day, or spoil the figures."""

import contextlib

from usage_metrics import config
from usage_metrics.errors import ConfigError, PartitionError
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.datasets_registry import SAMPLE_LOGS, datasets_registry


def check_provider(source: str) -> None:
    """Open the provider of locations, to fail before the first day does.

    Raises:
        UsageMetricsError: if the database or the token cannot be used.
    """
    if get_source(source).address is not None:
        from usage_metrics.geocode import locate

        with locate.open_provider():
            pass


def check_registry() -> None:
    """Read the registry of datasets, to fail before the first day does.

    Raises:
        ConfigError: if it cannot be read; of a wrong one, with each mistake and line.
    """
    datasets_registry()


def check_no_sample(source: str, stage: str) -> None:
    """Refuse to mix one's own days with those of the sample.

    Raises:
        ConfigError: naming what to delete.
    """
    logs, root = source_section(source).logs, config.paths().root
    days = list_partitions(root, stage, source)
    if not days or logs == SAMPLE_LOGS:
        return
    with contextlib.suppress(PartitionError):  # who reads it says what is wrong
        if Partition(root, stage, source, min(days)).facts().get("logs") == SAMPLE_LOGS:
            raise ConfigError(
                f"[{source}] logs = {logs}, but {root} holds days of {SAMPLE_LOGS}, "
                "which are made up and would be counted as yours: delete everything "
                f"in {root} except sample_logs, and {config.database().path}, then "
                "rerun"
            )
