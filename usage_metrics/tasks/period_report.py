"""The COUNTER reports that are written, and one of several months made of them."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from usage_metrics import config
from usage_metrics.counting.counter_period import joined
from usage_metrics.dates import utc_now
from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.tasks.counter_report import CounterReport, texts_of
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.text_file import TextFile

Report = dict[str, Any]


def read(month: dt.date, source: str = "") -> Report | None:
    """The report of a month that was written; None if none was.

    Args:
        month: its first day.
        source: the kind of log; by default, all that are on.

    Raises:
        StorageError: if it cannot be read.
    """
    file = CounterReport(month=month, source=source).output()[0]
    with os_errors_as(StorageError, f"{file.path} cannot be read", "check that file"):
        text = file.read()
    if text is None:
        return None
    try:
        report: Report = json.loads(text)
    except ValueError as error:
        raise StorageError(
            f"{file.path} is damaged; usage-metrics counter --month {month:%Y-%m} "
            "writes it again"
        ) from error
    return report


def write_period(
    months: Sequence[dt.date], source: str, *, without_months: bool
) -> list[str]:
    """Write one report of the reports of several months, as JSON and as TSV.

    Args:
        months: their first days, in order.
        source: that of the reports, as :class:`CounterReport` names it.
        without_months: whether the counts of all months are added up.

    Returns:
        The paths of both files.
    """
    report = joined(
        {month: found for month in months if (found := read(month, source))},
        months,
        utc_now().date(),
        datasets_registry().created_by,
        {},
        without_months=without_months,
    )
    name = f"{months[0]:%Y-%m}_to_{months[-1]:%Y-%m}"
    name += "_without_months" if without_months else ""
    stem = f"{config.paths().root}/counter/{source}/{name}"
    files = [TextFile(f"{stem}.json"), TextFile(f"{stem}.tsv")]
    for file, text in zip(files, texts_of(report), strict=True):
        file.write(text)
    return [file.path for file in files]
