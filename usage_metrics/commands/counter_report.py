"""Write the COUNTER report of a month, and print its paths."""

import datetime as dt
from collections.abc import Sequence

import click

from usage_metrics.commands import Commands, options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.counting.counter_period import MOST_MONTHS, months_between
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.period_report import write_period
from usage_metrics.tasks.source_parameter import ALL

SUBCOMMANDS = {
    "check": "Say what is wrong with the report before it is sent.",
    "submit": "Send it to DataCite, or correct the one that was sent.",
    "compare": "Compare it with what DataCite shows at each DOI.",
    "serve": "Let aggregators fetch the written reports, by SUSHI.",
}

MODULES = {name: f"counter_{name}" for name in SUBCOMMANDS}


class CounterCommands(Commands):
    """What is done with such a report."""

    known = SUBCOMMANDS
    modules = MODULES


@click.group(
    cls=CounterCommands,
    invoke_without_command=True,
    epilog=options.example("usage-metrics counter --month 2026-03"),
)
@options.month_of_group
@options.to_month
@options.without_months
@options.each_source
@options.workers
@patience_option
@options.verbose
@click.pass_context
def command(
    context: click.Context,
    month: dt.date | None,
    last: dt.date | None,
    without_months: bool,
    source: str | None,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Write the COUNTER report of a month, as JSON and as TSV, and print their paths.

    It is one of all sources that are on, or of the one that is named. The days of the
    month are made and counted first, where they are not yet. The JSON file is what
    DataCite takes.

    With --to, so is each month from the one to the other, and then one report of them
    all, as counter serve gives it to aggregators. DataCite takes single months only.
    """
    if context.invoked_subcommand:
        return 0
    months = _months(context, month, last, without_months)
    options.check_settings(options.chosen(source))
    reports = _reports(months, source or "")
    with alone(patience):
        codes = [_make(report, workers, verbose) for report in reports]
        if last:
            name = reports[0].source
            files = write_period(months, name, without_months=without_months)
            click.echo("\n".join(files))
    return max(codes)


def _months(
    context: click.Context,
    month: dt.date | None,
    last: dt.date | None,
    without_months: bool,
) -> list[dt.date]:
    """The first days of the months that are asked for."""
    if month is None:
        raise click.UsageError("Missing option '--month'.", context)
    if without_months and last is None:
        raise click.UsageError("--without-months needs --to, the last month", context)
    if not (months := months_between(month, last or month)):
        raise click.UsageError(
            f"--to is a month after --month, and makes {MOST_MONTHS} months at most",
            context,
        )
    return months


def _reports(months: Sequence[dt.date], source: str) -> list[CounterReport]:
    """The reports of the months that have counted days, or will have.

    Raises:
        ConfigError: if none has.
    """
    reports = [CounterReport(month=month, source=source) for month in months]
    if found := [report for report in reports if report.has_days()]:
        return found
    reports[0].check_month()
    return reports


def _make(report: CounterReport, workers: int, verbose: bool) -> int:
    retry = f"usage-metrics counter --month {report.month:%Y-%m}"
    if report.source != ALL:
        retry += f" --source {report.source}"
    return running.make(report, retry, workers, verbose)
