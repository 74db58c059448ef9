"""Tell a month in a text and a picture."""

import datetime as dt

import click

from usage_metrics.commands import options
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.monitoring.printable import printable_lines
from usage_metrics.tasks.digest_figures import first_of_month
from usage_metrics.tasks.digest_files import make_digest


@click.command(
    epilog=options.example(
        "usage-metrics digest", "usage-metrics digest --month 2026-03 --to march.png"
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
def command(month: dt.date | None, to: str) -> int:
    """Tell a month in a text and a picture, as far as it is counted.

    The figures are those of the publisher's page on that month; numbers under ten are
    hidden, unless [digest] few = show. The text is printed, and both are written.
    """
    options.check_settings(())
    found = make_digest(month or last_month())
    click.echo(printable_lines(found.text))
    for path in found.write(to):
        click.echo(f"Written: {path}", err=True)
    return 0


def last_month() -> dt.date:
    """The first day of the month before this one."""
    return first_of_month(first_of_month(utc_now().date()) - ONE_DAY)
