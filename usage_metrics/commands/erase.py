"""Take an address out of everything that is kept."""

import click

from usage_metrics import config
from usage_metrics.commands.options import check_place, example
from usage_metrics.sources import SOURCES


@click.command(
    epilog=example(
        "usage-metrics erase --address 192.0.2.7 --address 2001:db8::1",
        "usage-metrics erase --address 192.0.2.0/24",
    )
)
@click.option(
    "--address",
    "addresses",
    required=True,
    multiple=True,
    help="an address, or a network with all of its addresses",
)
def command(addresses: tuple[str, ...]) -> int:
    """Take an address out of everything that is kept.

    Out of the files of every stage, the ipinfo cache, the database, reports and the run
    log. Rows stay, so that all counts stay: only the address goes, from its column and
    from every text that holds it.

    Run it while no other run is at it. If it is interrupted, run it again. Exits with 1
    if a file holds the address that only you can change.
    """
    from usage_metrics.privacy.erasure import Erasure

    check_place()
    places = 0
    left = 0
    for place, is_erased in Erasure(addresses).run():
        places += 1
        left += not is_erased
        click.echo(place if is_erased else f"{place}: holds it, and is none of ours")
    click.echo(f"erased from {places - left:,} places")
    for source in sorted(SOURCES):
        logs = config.source_section(source).logs
        click.echo(
            f"The logs in {logs} are yours, and were not searched. As long as they "
            "hold it, a day that is read from them again brings it back."
        )
    return 1 if left else 0
