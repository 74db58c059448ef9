"""Says whether the requests of a source are in the logs that are meant.

The newest day that was read is looked at, for the doctor.
"""

import itertools
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.errors import InputError
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.partitions.row_groups import row_groups
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.stages import Extract
from usage_metrics.units import number_of

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUPS = 16
"""How much of a day is looked at: up to a million entries."""

COLUMNS = ("logName", "trace", "resource", "httpRequest")


def requests_in_logs(source: str) -> tuple[str, bool] | None:
    """Say where the requests of the newest day are, and which entries repeat them.

    Returns:
        A sentence, and whether it needs a look; None if that day has no entries, or
        every log is meant.

    Raises:
        InputError: if no log that is meant holds any.
        StorageError: if the day's file cannot be read.
    """
    from usage_metrics.logs.cloud_logging.witnesses import look_at, named

    section, root = source_section(source), config.paths().root
    days = list_partitions(root, Extract.stage, source)
    if not days or not getattr(section, "request_logs", ""):
        return None
    day = max(days)
    entries = _entries(Partition(root, Extract.stage, source, day))
    if entries is None:
        return None
    found = look_at(entries, section)
    if not found.requests and (
        reason := get_source(source).nothing_meant(found.others, section)
    ):
        raise InputError(f"{day}: {reason}")
    text = f"{day}: {number_of(found.requests, 'request')}"
    others = found.others.total()
    if not others:
        return f"{text}, all in the logs that are meant", False
    text += (
        f"; {others:,} entries of other logs, services or hosts are not counted: "
        f"{named(found.others)}. {found.repeated:,} have the trace of a request, and "
        "are that request once more"
    )
    if found.repeated == others:
        return text, False
    return (
        f"{text}; if others are requests, name their log in request_logs, or see "
        "services and hosts"
    ), True


def _entries(raw: Partition) -> "pa.Table | None":
    import pyarrow as pa

    with raw.open() as file:
        first = itertools.islice(row_groups(file), ROW_GROUPS)
        groups = [group.select(COLUMNS) for _, group in first]
    return pa.concat_tables(groups) if groups else None
