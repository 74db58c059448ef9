"""Compare the counts of a month with what DataCite shows at each DOI."""

import datetime as dt
import heapq
import json
from collections.abc import Sequence

import click

from usage_metrics.commands import options
from usage_metrics.hub.shown import Row
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.report_comparison import begin, rows_of

MOST = 25
"""Datasets that are compared unless all are; DataCite is asked about each."""


@click.command(epilog=options.example("usage-metrics counter compare --month 2026-03"))
@options.month
@click.option("--all", "every", is_flag=True, help=f"not only the {MOST} most used")
@options.as_json
def command(month: dt.date, every: bool, as_json: bool) -> int:
    """Compare the counts of a month with what DataCite shows at each DOI.

    DataCite shows as views the unique investigations by people, and as downloads the
    unique requests. Where the two differ, the reason is said if it can be told. The
    most used datasets are compared, since DataCite is asked about each DOI.

    Exits with 1 if anything differs.
    """
    options.check_settings()
    comparison = begin(month)
    dois = comparison.ours
    most = heapq.nlargest(MOST, dois, key=lambda doi: sum(dois[doi].values()))
    rows = rows_of(comparison, [*dois] if every else most, month)
    if as_json:
        data = [row._asdict() | {"difference": row.difference} for row in rows]
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo("\n".join(_lines(rows)))
        if len(dois) > len(most) and not every:
            rest = len(dois) - len(most)
            click.echo(f"{rest:,} more datasets are compared by --all", err=True)
    return int(any(row.reason for row in rows))


def _lines(rows: Sequence[Row]) -> list[str]:
    """A table: each figure of each DOI, and why the two differ."""
    lines = [f"{'DOI':<30} {'figure':<9} {'ours':>9} {'DataCite':>9} {'differ':>8}"]
    for row in rows:
        theirs = "-" if row.theirs is None else f"{row.theirs:,}"
        differ = f"{row.difference:+,}" if row.reason else ""
        numbers = f"{row.ours:>9,} {theirs:>9} {differ:>8}"
        text = f"{printable(row.doi):<30} {row.figure:<9} {numbers}  {row.reason}"
        lines.append(text.rstrip())
    return lines
