"""Write the COUNTER report of a month, and print its paths."""

import datetime as dt

import click

from usage_metrics.commands import options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.source_parameter import ALL


@click.command(epilog=options.example("usage-metrics counter --month 2026-03"))
@options.month
@options.each_source
@options.workers
@patience_option
@options.verbose
def command(
    month: dt.date, source: str | None, workers: int, patience: float, verbose: bool
) -> int:
    """Write the COUNTER report of a month, as JSON and as TSV, and print their paths.

    It is one of all sources that are on, or of the one that is named. The days of the
    month are made and counted first, where they are not yet. The JSON file is what
    DataCite takes.
    """
    options.check_settings(options.chosen(source))
    report = CounterReport(month=month, source=source or "")
    report.check_month()
    retry = f"usage-metrics counter --month {month:%Y-%m}"
    if report.source != ALL:
        retry += f" --source {report.source}"
    with alone(patience):
        return running.make(report, retry, workers, verbose)
