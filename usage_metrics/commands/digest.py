"""Tell a month in a text and a picture, and send both."""

import datetime as dt

import click

from usage_metrics.commands import options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.dates import month_after, month_before, utc_now
from usage_metrics.monitoring.printable import printable_lines
from usage_metrics.tasks.digest_delivery import deliver
from usage_metrics.tasks.digest_files import make_digest


@click.command(
    epilog=options.example(
        "usage-metrics digest", "usage-metrics digest --month 2026-03 --send"
    )
)
@click.option(
    "--month",
    type=options.MonthType(),
    metavar="YYYY-MM",
    help="UTC month; the last one if not given",
)
@click.option(
    "--to",
    default="",
    metavar="PATH",
    help="a folder for both, a .txt file for the text or a .png file for the picture; "
    "the folder report/digest of the data if not given",
)
@click.option("--send", is_flag=True, help="send both to the chat and by e-mail, once")
@click.option("--again", is_flag=True, help="with --send: also to who has got it")
@patience_option
def command(
    month: dt.date | None, to: str, send: bool, again: bool, patience: float
) -> int:
    """Tell a month in a text and a picture, as far as it is counted.

    The figures are those of the publisher's page on that month; numbers under ten are
    hidden, unless [digest] few = show. The text is printed, and both are written.

    With --send, both go to the webhook in the environment variable
    USAGE_METRICS_DIGEST_WEBHOOK or USAGE_METRICS_WEBHOOK, and to [digest] receiver or
    [email] receiver. What was sent is kept, so that nobody gets a month twice.
    """
    options.check_settings(())
    month = month or month_before(utc_now().date())
    with alone(patience):
        return _send(month, again) if send else _write(month, to)


def _write(month: dt.date, to: str) -> int:
    found = make_digest(month)
    click.echo(printable_lines(found.text))
    for path in found.write(to):
        click.echo(f"Written: {path}", err=True)
    return 0


def _send(month: dt.date, again: bool) -> int:
    if month_after(month) > utc_now().date():
        raise click.UsageError(f"{month:%Y-%m} is not over: without --send it is shown")
    found = list(deliver(month, again=again))
    for said in found:
        click.echo(printable_lines(said.sentence), err=said.is_problem)
    return int(any(said.is_problem for said in found))
