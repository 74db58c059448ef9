"""The task that writes the report."""

import datetime as dt
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.errors import ConfigError, StorageError
from usage_metrics.parameters import OptionalDay
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.stages import Clean, Geocode
from usage_metrics.tasks.task import Reporting

if TYPE_CHECKING:
    from usage_metrics.report.page import Material
    from usage_metrics.report.usage_database import Span

READERS = 16
"""Footers read at once: in an object store, each takes its time to come."""

MARK_BYTES = 4_096
"""The mark of what a report was made from is near its beginning."""

_MARK = re.compile(rb'<meta name="usage-metrics-made-from" content="(\w+)">')


class Report(Reporting):
    """Write the report: one HTML file, for anybody to open."""

    start: OptionalDay = OptionalDay(
        description="the first UTC day, YYYY-MM-DD; without it, the database's"
    )
    stop: OptionalDay = OptionalDay(
        description="the day after the last; without it, all that is over"
    )
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )

    def requires(self) -> LoadUsage:
        """The figures."""
        return LoadUsage(source=self.source)

    def output(self) -> "PageFile":
        """The file; of the whole database, it has a name that stays."""
        stem = f"{config.paths().root}/report/{self.source}"
        if self.start or self.stop:
            span = self._span()
            stem += f"_{span.start}_{span.stop - ONE_DAY}"
        return PageFile(f"{stem}.html")

    def complete(self) -> bool:
        """Whether it was made from what the database holds now, in the present way."""
        if not self.requires().complete():
            return False
        return self.output().made_from() == self._made_from()

    def run(self) -> None:
        """Gather the figures, and write the page."""
        from usage_metrics.report import page

        made_from = self._made_from()
        text = page.render(self._material(), made_from)
        self.output().write(text)
        self.say(f"open {self.output().path} · {len(text.encode()) / 1e6:.1f} MB")

    def _span(self) -> "Span":
        """The days of the report.

        Raises:
            ConfigError: if the database is not to hold them.
        """
        from usage_metrics.report.usage_database import Span

        loaded = source_range(self.source, task="Report")
        start = self.start or loaded.start
        stop = min(self.stop or loaded.end, loaded.end)
        if start < loaded.start:
            raise ConfigError(
                f"Report start = {start} is before [{self.source}] start = "
                f"{loaded.start}, so the database does not hold those days; change one "
                "of the two"
            )
        if start >= stop:
            raise ConfigError(
                f"Report start = {start}, stop = {stop}: there is no day in it; stop "
                "is the day after the last, and the database ends before "
                f"{loaded.end}"
            )
        return Span(self.source, start, stop)

    def _made_from(self) -> str:
        from usage_metrics.counting.tables import TABLES
        from usage_metrics.report import page

        span = self._span()
        warehouse = open_warehouse()
        content = {
            table.name: sorted(
                (day.isoformat(), loaded.content_id)
                for day, loaded in warehouse.loaded(table.name, self.source).items()
                # Also of the days before: figures are compared with theirs.
                if day < span.stop
            )
            for table in TABLES.values()
        }
        facts = [str(span), page.recipe(), config.counting().datasets, content]
        text = json.dumps(facts, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _material(self) -> "Material":
        from usage_metrics.report import figures, page, payload, quality, rankings
        from usage_metrics.report.usage_database import open_database

        span = self._span()
        registry = datasets_registry()
        titles = {dataset.id: dataset.title for dataset in registry.datasets}
        facts, attributions = self._footers(span)
        with open_database(open_warehouse().path) as database:
            return page.Material(
                platform=registry.platform,
                titles=titles,
                payload=payload.gather(database, span, titles),
                rankings=rankings.rankings(database, span, titles),
                concentration=figures.concentration(database, span),
                reconciled=quality.reconciliation(database, span),
                versions=quality.versions(facts),
                attributions=attributions,
            )

    def _footers(self, span: "Span") -> tuple[dict[dt.date, dict[str, Any]], list[str]]:
        """What the files of each day were made with, and who is to be named."""
        root = config.paths().root
        wanted = days_between(span.start, span.stop)
        facts: dict[dt.date, dict[str, Any]] = {}
        attributions: dict[str, None] = {}
        with ThreadPoolExecutor(READERS) as readers:
            for stage in (Clean.stage, Geocode.stage):
                there = list_partitions(root, stage, self.source)
                days = [day for day in wanted if day in there]
                files = [Partition(root, stage, self.source, day) for day in days]
                found = readers.map(Partition.facts, files)
                for day, footer in zip(days, found, strict=True):
                    facts.setdefault(day, {}).update(_told(footer))
                    if text := footer.get("attribution"):
                        attributions[str(text)] = None
        return facts, list(attributions)


TOLD = {
    "version": "Rules of cleaning",
    "counter-robots": "List of robots: counter-robots",
    "crawler-user-agents": "List of robots: crawler-user-agents",
    "crawlerdetect": "List of robots: crawlerdetect",
    "database": "Address database",
    "provider": "Provider of locations",
    "plan": "Plan of the provider",
}
"""What the recipes of the files say that a reader of the report wants to know."""


def _told(footer: dict[str, Any]) -> dict[str, Any]:
    recipe = footer.get("recipe", {})
    return {text: recipe[name] for name, text in TOLD.items() if name in recipe}


@dataclass(frozen=True)
class PageFile(luigi.Target):
    """A report, where the partitions are."""

    path: str

    def exists(self) -> bool:
        """Whether there is one."""
        return self.made_from() is not None

    def made_from(self) -> str | None:
        """The hash of what it was made from; None if there is none, or it has none."""
        try:
            with storage.open_file(self.path) as file:
                found = _MARK.search(bytes(file.read(MARK_BYTES)))
        except FileNotFoundError:
            return None
        return found[1].decode() if found else None

    def write(self, text: str) -> None:
        """Write it; it appears, whole, at the end.

        Raises:
            StorageError: if the place cannot be written to.
        """
        try:
            with storage.whole_or_absent(self.path) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise StorageError(
                f"{self.path} cannot be written: {error}; see to [paths] root and rerun"
            ) from error
