"""What would be wrong with every day, found before any is made."""

import contextlib

from usage_metrics import config
from usage_metrics.errors import ConfigError, PartitionError
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.sources import get_source

SAMPLE_LOGS = "data/sample_logs"
"""The logs that the luigi.cfg of the repository names; they are made up."""


def check_provider(source: str) -> None:
    """Try the settings of who says where addresses are, before there is one to ask for.

    Raises:
        UsageMetricsError: if the database or the token cannot be used.
    """
    if get_source(source).address is not None:
        from usage_metrics.geocode import locate

        with locate.open_provider():
            pass


def check_no_sample(source: str, stage: str) -> None:
    """Refuse to put the days of one's own logs beside those of the sample.

    Args:
        source: the kind of log.
        stage: whose files say which logs they were made from.

    Raises:
        ConfigError: naming what to delete.
    """
    logs, root = config.source_section(source).logs, config.paths().root
    days = list_partitions(root, stage, source)
    if not days or logs == SAMPLE_LOGS:
        return
    with contextlib.suppress(PartitionError):  # who reads it says what is wrong
        if Partition(root, stage, source, min(days)).facts().get("logs") == SAMPLE_LOGS:
            raise ConfigError(
                f"[{source}] logs = {logs}, but {root} holds days of {SAMPLE_LOGS}, "
                "which are made up and would count as yours: delete everything in "
                f"{root} but sample_logs, and {config.database().path}, then rerun"
            )
