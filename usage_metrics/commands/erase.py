"""Erase an address from everything that is kept."""

import sys
from typing import TYPE_CHECKING

import click

from usage_metrics.commands import options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.monitoring.printable import printable
from usage_metrics.sources import SOURCES
from usage_metrics.sources.settings import source_section

if TYPE_CHECKING:
    from usage_metrics.privacy.removal import AddressRemover


@click.command(
    epilog=options.example(
        "usage-metrics erase --address 192.0.2.7 --address 2001:db8::1",
        "usage-metrics erase --address 192.0.2.0/24 --dry-run",
    )
)
@click.option(
    "--address",
    "addresses",
    required=True,
    multiple=True,
    help="address, or network with all its addresses",
)
@click.option("--dry-run", is_flag=True, help="print what would be rewritten, and end")
@click.option(
    "--yes",
    is_flag=True,
    help="do not ask: for scripts, and for networks wider than /16 or, in IPv6, /32",
)
@patience_option
def command(
    addresses: tuple[str, ...], *, dry_run: bool, yes: bool, patience: float
) -> int:
    """Erase an address from everything that is kept.

    It is removed from the files of every stage, the ipinfo cache, the database, reports
    and the run log: from its column and from every text that contains it. Rows, and so
    all counts, stay. Before that, what would be rewritten is shown, and you are asked.

    It waits for other commands, and for the task that a luigi beside it is at; at the
    end it looks once more. Links are followed. If it is interrupted, run it again.
    Exits with 1 if a file contains the address that only you can change, if anything
    was found at the end, or if you say no.
    """
    from usage_metrics.privacy.removal import AddressRemover

    options.check_settings()
    remover = AddressRemover(addresses)
    if dry_run:
        _show(remover)
        return 0
    if not yes and not _is_agreed(remover):
        click.echo("Nothing was erased.")
        return 1
    with alone(patience, between_tasks=True):
        return _erase(remover)


def _is_agreed(remover: "AddressRemover") -> bool:
    """Show what would be rewritten, if anything, and ask whether to do so.

    Raises:
        UsageError: if a network looks like a mistake, or there is nobody to ask.
    """
    if network := remover.too_wide():
        raise click.UsageError(
            f"{network} has {network.num_addresses:,} addresses; if you mean them all, "
            "add --yes, after a look at what --dry-run says"
        )
    if not sys.stdin.isatty():
        raise click.UsageError(
            "erase asks before it rewrites anything, and this is no terminal: add --yes"
        )
    # If nothing is found, an erasure that was interrupted may still have to be ended.
    return not _show(remover) or click.confirm(
        "Rewrite them all? What is erased cannot be brought back"
    )


def _show(remover: "AddressRemover") -> int:
    """Print what an erasure would rewrite; return the number of places."""
    from usage_metrics.privacy.erasure import find_addresses

    number = 0
    for place in find_addresses(remover):
        number += 1
        what = "rewrite" if place.is_erased else "leave"
        click.echo(printable(f"would {what} {place.name}"))
    if not number:
        click.echo("No file and no table contains it.")
    return number


def _erase(remover: "AddressRemover") -> int:
    from usage_metrics.privacy.erasure import erase_addresses

    erased = left = 0
    for place, is_erased in erase_addresses(remover):
        erased += is_erased
        left += not is_erased
        todo = ": contains the address but is not ours to rewrite; edit or delete it"
        click.echo(printable(place if is_erased else place + todo))
    click.echo(f"erased from {erased:,} places")
    missed = _look_again(remover)
    places = [source_section(source).logs for source in sorted(SOURCES)]
    for logs in filter(None, places):
        click.echo(
            f"The logs in {logs} are yours and were not searched. While they contain "
            "the address, reading a day from them again brings it back."
        )
    return 1 if left or missed else 0


def _look_again(remover: "AddressRemover") -> int:
    """Search everything once more; return the number of places that were missed."""
    from usage_metrics.privacy.erasure import find_addresses

    missed = [place.name for place in find_addresses(remover) if place.is_erased]
    if not missed:
        click.echo("Looked again: no file and no table of ours contains it.")
    for place in missed:
        click.echo(printable(f"still in {place}: erase once more"), err=True)
    return len(missed)
