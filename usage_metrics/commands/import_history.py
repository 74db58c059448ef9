"""Take over what others have archived of a platform."""

import datetime as dt
from pathlib import Path

import click

from usage_metrics import config
from usage_metrics.commands import options, platform_snapshots
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.dates import utc_now
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions.partition import Partition
from usage_metrics.platforms import Reply, get_platform
from usage_metrics.platforms.history import PATTERNS, by_day, history
from usage_metrics.tasks.platform_subjects import subjects_of
from usage_metrics.units import number_of

SHOWN = 10
"""Files that are named at most."""


@click.command(
    epilog=options.example(
        "usage-metrics import github archive/github --subject example/data"
    )
)
@click.argument("platform", type=click.Choice(sorted(PATTERNS)))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--subject",
    help="what the files are about, where their names do not say it; by default what "
    "luigi.cfg names, if it names one",
)
@patience_option
def command(platform: str, folder: Path, subject: str | None, patience: float) -> int:
    """Take over what others have archived of a platform.

    Files are known by their names: views/2021-11-05.json and the like as
    pudl-usage-metrics has them, 2026-04-16-RECORD.json of Zenodo, 2025-09-14.json of
    Kaggle, and the CSV files of github-repo-stats. Each becomes the reply of the day
    in its name, unless there is one. Nothing is asked for over the network.

    Exits with 1 if a file cannot be taken; the others are.
    """
    options.check_settings(())
    if not folder.is_dir():
        raise click.UsageError(f"{folder} is no folder: name the one with the archive")
    found = history(platform, folder, subject or _only_subject(platform))
    with alone(patience):
        days = [day for day, r in by_day(found.replies) if _keep(platform, day, r)]
        if found.replies:  # also if a run before this one kept them and no more
            platform_snapshots.load(platform)
    for sentence in found.refused[:SHOWN]:
        click.echo(printable(sentence), err=True)
    if len(found.refused) > SHOWN:
        click.echo(f"and {len(found.refused) - SHOWN:,} more", err=True)
    if found.passed_over:
        names = ", ".join(found.passed_over[:SHOWN])
        click.echo(printable(f"not read, by their names: {names}"), err=True)
    new = number_of(len(days), "new or fuller day")
    click.echo(f"{number_of(len(found.replies), 'reply')}; {new}")
    return int(bool(found.refused))


def _only_subject(platform: str) -> str:
    """What luigi.cfg names, if it names one.

    Raises:
        UsageError: if it names none or several, and files do not say what they are of.
    """
    subjects = subjects_of(platform)
    if len(subjects) != 1 and platform != "zenodo":
        raise click.UsageError("say what the files are about: --subject OWNER/NAME")
    return subjects[0] if subjects else ""


def _keep(platform: str, day: dt.date, replies: list[Reply]) -> bool:
    """Keep the replies of a day beside those that are there; whether that is news.

    What was taken by this program stays, and today is left to it.
    """
    from usage_metrics.platforms import archive
    from usage_metrics.platforms.taking import merged

    if day >= utc_now().date():
        return False
    file = Partition(config.paths().root, archive.STAGE, platform, day)
    there = archive.replies_of(file) if file.exists() else []
    before = file.content_id()
    unanswered = file.fact("unanswered") or 0
    archive.keep(file, get_platform(platform), merged(replies, there), unanswered)
    return file.content_id() != before
