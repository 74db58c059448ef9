"""Send the COUNTER report of a month to DataCite, or correct the one that was sent."""

import datetime as dt

import click

from usage_metrics.commands import options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.hub.hub_settings import endpoint
from usage_metrics.hub.sent import Record
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.report_delivery import Plan, plan, send
from usage_metrics.units import size


@click.command(epilog=options.example("usage-metrics counter submit --month 2026-03"))
@options.month
@click.option(
    "--dry-run", is_flag=True, help="say what would be sent, and send nothing"
)
@patience_option
def command(month: dt.date, dry_run: bool, patience: float) -> int:
    """Send the COUNTER report of a month to DataCite, or correct the one that was sent.

    The report is that of all sources that are on, of what is counted now. A month that
    was sent before is replaced under the id that DataCite gave it, unless nothing has
    changed.

    The token is read from the environment variable DATACITE_TOKEN. [datacite] hub in
    luigi.cfg is the API that it goes to. What was sent, and the answer, are kept under
    counter/sent in the folder of the data.
    """
    options.check_settings()
    with alone(patience):
        what = plan(month)
        click.echo(_about(what))
        if what.before and not what.differs:
            click.echo(
                f"Nothing to do: that is what was sent on {what.before.at[:10]}."
            )
        elif dry_run:
            click.echo("Nothing was sent: --dry-run.")
        else:
            click.echo(_said(send(what), what))
    return 0


def _about(what: Plan) -> str:
    """What is to be sent, and where, in lines."""
    number = len(what.report["report-datasets"])
    body = size(sum(len(subset.body) for subset in what.subsets))
    parts = f" in {len(what.subsets)} parts" if len(what.subsets) > 1 else ""
    how = (
        f"in place of {what.before.id}, sent on {what.before.at[:10]}"
        if what.before
        else "for the first time"
    )
    lines = [
        f"{what.month:%Y-%m} to {endpoint()}, {how}: {number:,} datasets, {body}{parts}"
    ]
    lines += [f"  {difference}" for difference in what.differs]
    return "\n".join(map(printable, lines))


def _said(record: Record, what: Plan) -> str:
    verb = "corrected" if what.before else "accepted"
    return printable(
        f"{what.month:%Y-%m} is {verb}: {record.endpoint}/reports/{record.id}"
    )
