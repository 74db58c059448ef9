"""List what there is, and which dataset it is; suggest entries for the rest."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from usage_metrics.commands import options
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks import inventory_days
from usage_metrics.tasks.datasets_registry import datasets_registry, kind_of_place
from usage_metrics.tasks.inventory_days import Counted
from usage_metrics.units import number_of

if TYPE_CHECKING:
    from usage_metrics.counting.inventory import Found

SHOWN = 40
"""Lines of a source; JSON has all."""


@click.command(
    epilog=options.example(
        "usage-metrics datasets",
        "usage-metrics datasets --suggest >> datasets.toml",
    )
)
@options.each_source
@click.option(
    "--days",
    type=click.IntRange(1, 3_660),
    default=30,
    show_default=True,
    help="how many days to look at: the newest that are there",
)
@click.option(
    "--suggest", is_flag=True, help="write entries of a registry for what it leaves out"
)
@options.as_json
def command(source: str | None, days: int, suggest: bool, as_json: bool) -> int:
    """List what there is, and which dataset it is; suggest entries for the rest.

    Of logs: databases, and the folders at the top of buckets and sites, with the
    requests that were answered. Of platforms: what they count, with what the days
    added. It is listed by the registry as it is now, before anything is counted again.
    What is in no entry is marked with an asterisk; of logs it may be a dataset
    nevertheless, as its database or bucket is.

    Nobody is asked for anything. What is suggested by titles and DOIs is in replies of
    Zenodo and DataCite that were taken.
    """
    logs = {
        name: inventory_days.of_logs(name, days)
        for name in options.chosen(source, or_none=True)
    }
    platforms = [] if source else inventory_days.of_platforms(days)
    if suggest:
        click.echo(
            _suggested({name: found for name, (_, found) in logs.items()}, platforms)
        )
    elif as_json:
        click.echo(json.dumps(_as_json(logs, platforms), indent=2))
    else:
        for name, (about, found) in logs.items():
            click.echo("\n".join(_of_logs(name, about, found)))
        if lines := list(_of_platforms(platforms)):
            click.echo("\n".join(lines))
    return 0


def _suggested(logs: dict[str, "Counter[Found]"], platforms: list[Counted]) -> str:
    """Entries for what the registry says nothing of."""
    from usage_metrics.counting import suggestions
    from usage_metrics.counting.inventory import unnamed

    entries = [
        entry
        for source, found in logs.items()
        for entry in suggestions.of_logs(
            source,
            kind_of_place(source),
            {e: found[e] for e in unnamed(found) if suggestions.is_writable(e)},
        )
    ]
    subjects = [(c.source, c.subject) for c in platforms if not c.datasets]
    told = inventory_days.descriptions()
    entries += suggestions.of_platforms(subjects, told)
    joined = suggestions.joined(entries, datasets_registry())
    return suggestions.as_toml(joined) or "# the registry names everything"


def _of_logs(
    source: str, about: inventory_days.Days | None, found: "Counter[Found]"
) -> Iterator[str]:
    """What there is in the logs of a source."""
    from usage_metrics.counting.inventory import by_top

    if about is None:
        yield f"{source}: no days"
        return
    days = f"{number_of(about.number, 'day')}, {about.first} to {about.last}"
    yield f"{source}: {number_of(found.total(), 'request')}, {days}"
    rows = by_top(found).most_common()
    names = [printable(_name(each.container, each.part)) for each, _ in rows]
    width = min(max(map(len, names), default=0), 60)
    for name, (each, requests) in zip(names[:SHOWN], rows[:SHOWN], strict=True):
        mark = "" if each.is_named else " *"
        dataset = f"{each.dataset}{mark}"
        yield options.one_line(f"  {name:{width}}  {requests:>9,}  {dataset}")
    if len(rows) > SHOWN:
        rest = sum(requests for _, requests in rows[SHOWN:])
        yield f"  and {len(rows) - SHOWN:,} more with {rest:,} requests"


def _name(container: str, part: str) -> str:
    return f"{container}{'' if part[:1] in ('', '/') else '/'}{part}"


def _of_platforms(platforms: list[Counted]) -> Iterator[str]:
    """What platforms count."""
    source = None
    for each in platforms:
        if each.source != source:
            source = each.source
            yield f"{source}:"
        added = ", ".join(f"{n:,} {metric}" for metric, n in each.added.items())
        dataset = ", ".join(each.datasets) or "unmapped *"
        yield options.one_line(f"  {printable(each.subject)}  {added}  {dataset}")


def _as_json(
    logs: dict[str, tuple[inventory_days.Days | None, "Counter[Found]"]],
    platforms: list[Counted],
) -> dict[str, Any]:
    return {
        "logs": {
            name: {
                "first": _iso(about and about.first),
                "last": _iso(about and about.last),
                "days": about.number if about else 0,
                "found": [
                    {**each._asdict(), "requests": requests}
                    for each, requests in found.most_common()
                ],
            }
            for name, (about, found) in logs.items()
        },
        "platforms": [each._asdict() for each in platforms],
    }


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
