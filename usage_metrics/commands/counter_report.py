"""Write the COUNTER report of a month, and print its paths."""

import datetime as dt

import click

from usage_metrics.commands import Commands, options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.tasks.counter_report import CounterReport
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
@options.each_source
@options.workers
@patience_option
@options.verbose
@click.pass_context
def command(
    context: click.Context,
    month: dt.date | None,
    source: str | None,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Write the COUNTER report of a month, as JSON and as TSV, and print their paths.

    It is one of all sources that are on, or of the one that is named. The days of the
    month are made and counted first, where they are not yet. The JSON file is what
    DataCite takes.
    """
    if context.invoked_subcommand:
        return 0
    if month is None:
        raise click.UsageError("Missing option '--month'.", context)
    options.check_settings(options.chosen(source))
    report = CounterReport(month=month, source=source or "")
    report.check_month()
    retry = f"usage-metrics counter --month {month:%Y-%m}"
    if report.source != ALL:
        retry += f" --source {report.source}"
    with alone(patience):
        return running.make(report, retry, workers, verbose)
