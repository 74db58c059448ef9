"""The sample's other places: a bucket, a web server, and what platforms replied.

They are of the days of the Datasette's logs and of the same publisher, so that the page
on all places has something to show. Everything is made up, the same on every machine.
"""

import datetime as dt
from importlib import resources
from pathlib import Path
from random import Random

from usage_metrics.errors import ConfigError
from usage_metrics.maintenance.sample import bucket_log, replies, web_log
from usage_metrics.maintenance.sample.days import REGISTRY, Sample
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.platforms import PLATFORMS, Reply, get_platform
from usage_metrics.platforms.archive import STAGE, keep, replies_of

SETTINGS = "every_place.cfg"


def settings() -> str:
    """The text of a luigi.cfg for all places, the Datasette too."""
    return _text(SETTINGS)


def write_logs(sample: Sample, folder: Path) -> None:
    """Write the registry of the datasets, and the logs of the bucket and the server."""
    for name in ("bucket", "web"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / REGISTRY).write_text(_text("every_place.toml"), "utf-8")
    lines: list[str] = []
    for date in _dates(sample):
        rng = Random(f"{sample.seed} places {date}")  # noqa: S311  not for secrets
        text = "".join(f"{line}\n" for line in bucket_log.lines_of(rng, date))
        (folder / "bucket" / bucket_log.file_name(date)).write_text(text, "utf-8")
        lines += web_log.lines_of(rng, date)
    text = "".join(f"{line}\n" for line in lines)
    (folder / "web" / "access.log").write_text(text, "utf-8")


def write_replies(sample: Sample, root: str) -> None:
    """Keep the replies of each platform, as a run of each day would have.

    Raises:
        ConfigError: if there are others, which nobody could ask for again.
    """
    made: dict[Partition, list[Reply]] = {}
    for name in PLATFORMS:
        for date in sample.dates():
            made[Partition(root, STAGE, name, date)] = replies.of(name, sample, date)
        _refuse_others(root, name, made)
    for file, found in made.items():
        keep(file, get_platform(file.source), found, unanswered=0)


def _refuse_others(root: str, name: str, made: dict[Partition, list[Reply]]) -> None:
    for day in list_partitions(root, STAGE, name):
        file = Partition(root, STAGE, name, day)
        if file not in made or replies_of(file) != made[file]:
            raise ConfigError(
                f"{root} holds replies of {get_platform(name).title} that nobody can "
                "ask for again: make the sample in another folder"
            )


def _dates(sample: Sample) -> list[dt.date]:
    return [sample.start + dt.timedelta(day) for day in range(sample.days)]


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
