"""Say what is wrong with the COUNTER report of a month before it is sent."""

import datetime as dt
import json

import click

from usage_metrics.commands import options
from usage_metrics.hub.subsets import subsets_of
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.report_delivery import findings
from usage_metrics.units import size


@click.command(epilog=options.example("usage-metrics counter check --month 2026-03"))
@options.month
@options.as_json
def command(month: dt.date, as_json: bool) -> int:
    """Say what is wrong with the COUNTER report of a month before it is sent.

    The report is that of all sources that are on, of what is counted now. What the hub
    of DataCite would refuse or lose is marked with ✗; what it takes, but you should
    know, with !.

    Exits with 1 if the report must not be sent.
    """
    options.check_settings()
    found, report = findings(month)
    is_fatal = any(finding.is_fatal for finding in found)
    if as_json:
        click.echo(json.dumps([f._asdict() for f in found], indent=2))
        return int(is_fatal)
    for finding in found:
        mark = "✗" if finding.is_fatal else "!"
        click.echo(options.wrapped(printable(f"{mark} {finding.sentence}"), ""))
    if not is_fatal:
        subsets = subsets_of(report)
        parts = f" in {len(subsets)} parts" if len(subsets) > 1 else ""
        click.echo(
            f"{month:%Y-%m}: {len(report['report-datasets']):,} datasets, "
            f"{size(sum(len(subset.body) for subset in subsets))}{parts}; DataCite "
            "should take the report"
        )
    return int(is_fatal)
