"""Erase an address from everything that is kept."""

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.sources import SOURCES


@click.command(
    epilog=options.example(
        "usage-metrics erase --address 192.0.2.7 --address 2001:db8::1",
        "usage-metrics erase --address 192.0.2.0/24",
    )
)
@click.option(
    "--address",
    "addresses",
    required=True,
    multiple=True,
    help="address, or network with all its addresses",
)
def command(addresses: tuple[str, ...]) -> int:
    """Erase an address from everything that is kept.

    It is removed from the files of every stage, the ipinfo cache, the database, reports
    and the run log: from its column and from every text that contains it. Rows, and so
    all counts, stay.

    Do not run it during another run. If it is interrupted, run it again. Exits with 1
    if a file contains the address that only you can change.
    """
    from usage_metrics.privacy.erasure import erase_addresses

    options.check_settings()
    erased = left = 0
    for place, is_erased in erase_addresses(addresses):
        erased += is_erased
        left += not is_erased
        todo = ": contains the address but is not ours to rewrite; edit or delete it"
        click.echo(place if is_erased else place + todo)
    click.echo(f"erased from {erased:,} places")
    for source in sorted(SOURCES):
        logs = config.source_section(source).logs
        click.echo(
            f"The logs in {logs} are yours and were not searched. While they contain "
            "the address, reading a day from them again brings it back."
        )
    return 1 if left else 0
