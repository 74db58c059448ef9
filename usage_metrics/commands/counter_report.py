"""Write the COUNTER report of a month, and print its paths."""

import datetime as dt

import click

from usage_metrics.commands import options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.tasks.counter_report import CounterReport


@click.command(epilog=options.example("usage-metrics counter --month 2026-03"))
@options.month
@options.one_source
@options.workers
@patience_option
@options.verbose
def command(
    month: dt.date, source: str, workers: int, patience: float, verbose: bool
) -> int:
    """Write the COUNTER report of a month, as JSON and as TSV, and print their paths.

    The days of the month are made and counted first, where they are not yet. The JSON
    file is what DataCite takes.
    """
    options.check_settings()
    report = CounterReport(month=month, source=source)
    report.check_month()
    retry = f"usage-metrics counter --month {month:%Y-%m} --source {source}"
    with alone(patience):
        return running.make(report, retry, workers, verbose)
