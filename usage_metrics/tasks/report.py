"""The task that writes the report."""

import contextlib
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between, utc_now
from usage_metrics.errors import ConfigError, NotYetError, UsageMetricsError
from usage_metrics.parameters import OptionalDay
from usage_metrics.partitions import kept
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.partitions.listings import listing_once
from usage_metrics.sources import registered
from usage_metrics.sources.settings import sources_on
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.missing import Awaiting, available_parameter, lost
from usage_metrics.tasks.ranges import DayRange, source_range
from usage_metrics.tasks.source_parameter import ALL, SourceParameter
from usage_metrics.tasks.stages import Clean, Geocode
from usage_metrics.tasks.text_file import TextFile

if TYPE_CHECKING:
    from usage_metrics.report.kept_sums import KeptSums
    from usage_metrics.report.page import Material, Parts
    from usage_metrics.report.usage_database import Span

MARK_BYTES = 4_096
"""The mark that says what a report was made from is near its beginning."""

_MARK = re.compile(r'<meta name="usage-metrics-made-from" content="(\w+)">')


class Report(Awaiting):
    """Write the report: one HTML file that anybody can open.

    Each source has its own. With ``all``, those of all sources that are on are written,
    and one that fails keeps no other from being so.
    """

    start: OptionalDay = OptionalDay(
        description="the first UTC day, YYYY-MM-DD; without it, the database's"
    )
    stop: OptionalDay = OptionalDay(
        description="the day after the last; without it, the database's"
    )
    source: luigi.Parameter[str] = SourceParameter(or_all=True)
    available: luigi.BoolParameter = available_parameter()

    @listing_once()
    def requires(self) -> list[luigi.Task]:
        """The figures; of all sources, the report of each."""
        if self.source == ALL:
            return [self.clone(source=name) for name in sources_on()]
        return self.waiting() or [LoadUsage(source=self.source).of_what_is_there()]

    def wanted(self) -> list[dt.date]:
        """The days of the report."""
        return days_between(*self._days())

    def output(self) -> list[TextFile]:
        """The files; a report on the whole range has a fixed name."""
        if self.source == ALL:
            return [file for report in self.requires() for file in report.output()]
        return [self._file()]

    def _file(self) -> TextFile:
        stem = f"{config.paths().root}/report/{self.source}"
        if self.start or self.stop:
            start, end = self._days()
            stem += f"_{start}_{end - ONE_DAY}"
        return TextFile(f"{stem}.html")

    @listing_once()
    def is_done(self) -> bool:
        """Whether the file was made from what the database holds, by this version."""
        if self.source == ALL:
            with contextlib.suppress(UsageMetricsError):  # that report says what it is
                return all(report.complete() for report in self.requires())
            return False
        if self.gaps() or not all(task.complete() for task in self.requires()):
            return False
        return made_from_mark(self._file()) == self._made_from()

    def run(self) -> None:
        """Gather the figures and write the page.

        Raises:
            NotYetError: if there is no figure.
        """
        from usage_metrics.report import page

        if self.source == ALL:
            self.say(f"{len(self.output())} reports are written")
            return
        made_from, material = self._made_from(), self._material()
        if not len(material.reconciled):
            first, last = self.wanted()[0], self.wanted()[-1]
            raise NotYetError(
                f"no day from {first} to {last} is counted, so there is nothing to "
                "report; usage-metrics status says why"
            )
        text = page.render(material, made_from, _parts())
        self._file().write(text)
        self.say(f"open {self._file().path} · {len(text.encode()) / 1e6:.1f} MB")

    def _days(self) -> DayRange:
        """The days of the report.

        Raises:
            ConfigError: if they are not in the range of the source.
        """
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
                f"Report start = {start}, stop = {stop} holds no day; stop is the day "
                f"after the last, and the database ends before {loaded.end}"
            )
        return DayRange(start, stop)

    def _made_from(self) -> str:
        from usage_metrics.counting.tables import TABLES
        from usage_metrics.report.recipe import recipe

        days = self._days()
        loaded = open_warehouse().loaded_of(source=self.source)
        content = {
            name: [
                f"{day.isoformat()} {content_id}"
                for day, (_, content_id) in loaded.get((name, self.source), {}).items()
                # Earlier days too: figures are compared with theirs.
                if day < days.end
            ]
            for name in TABLES
        }
        given_up = sorted(map(str, lost(self.source, self.wanted())))
        made_by = [recipe(), repr(datasets_registry())]
        facts = [self.source, str(days), *made_by, content, given_up]
        text = json.dumps(facts, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _material(self) -> "Material":
        from usage_metrics.report import figures, page, payload, quality
        from usage_metrics.report.usage_database import Database, Span
        from usage_metrics.warehouse.reading import open_tables

        span = Span(self.source, *self._days())
        titles = titles_of(self.source)
        facts, attributions = self._footers(span)
        opened = open_tables(config.database().path, config.database().busy_seconds)
        keep = not (self.start or self.stop)
        with opened as tables, kept_sums(self.source, keep=keep) as sums:
            database = Database(tables, sums)
            gathered = payload.gather(database, span, titles)
            return page.Material(
                site=site_name(figures.host_of_site(database, gathered.span)),
                logs_of=registered(self.source).title,
                titles=titles,
                payload=gathered,
                concentration=figures.concentration_of(database, gathered.span),
                reconciled=quality.reconciled(database, span),
                versions=quality.versions(facts),
                attributions=attributions,
                # Not in the mark: a report is not made again for the date alone.
                made_on=utc_now().date(),
                lost=lost(self.source, days_between(span.start, span.stop)),
            )

    def _footers(self, span: "Span") -> tuple[dict[dt.date, dict[str, Any]], list[str]]:
        """What the files of each day were made with, and the attributions due."""
        footers = FooterIndex()
        facts: dict[dt.date, dict[str, Any]] = {}
        located: dict[str, dt.date] = {}
        for stage in (Clean.stage, Geocode.stage):
            for day, footer in footers.of_stage(stage, self.source).items():
                if span.start <= day < span.stop:
                    facts.setdefault(day, {}).update(_versions(footer))
                    if stage == Geocode.stage:
                        located.setdefault(json.dumps(footer.get("recipe")), day)
        footers.keep()
        # What located the addresses says whose data they are: one day of each tells.
        days = located.values()
        named = (self.partition_of(Geocode.stage, d).fact("attribution") for d in days)
        return facts, list(dict.fromkeys(filter(None, named)))


def made_from_mark(file: TextFile) -> str | None:
    """What a page was made from, as it says itself; None if there is no page."""
    found = _MARK.search(file.read(MARK_BYTES) or "")
    return found and found[1]


@contextlib.contextmanager
def kept_sums(of: str, *, keep: bool) -> Iterator["KeptSums"]:
    """The sums of earlier pages; those of the whole range are kept afterwards."""
    from usage_metrics.report.kept_sums import KeptSums
    from usage_metrics.report.recipe import SUMS, recipe

    name, made_by = f"{kept.SUMS}-{of}", recipe(*SUMS)
    sums = KeptSums.parse(kept.read(name, made_by))
    yield sums
    if keep:
        kept.keep(name, made_by, sums.content())


def titles_of(source: str) -> dict[str, str]:
    """The titles of datasets by id: as in the registry, or the database's name."""
    counts = FooterIndex().of_stage(CountUsage.stage, source).values()
    titles: dict[str, str] = {}
    for facts in counts:
        titles |= facts.get("databases", {})
    registry = datasets_registry()
    return titles | {dataset.id: dataset.title for dataset in registry.datasets}


def _parts() -> "Parts":
    """What is the same in every report."""
    from usage_metrics.report import page
    from usage_metrics.report.recipe import PARTS, recipe

    if text := kept.read(kept.PARTS, recipe(*PARTS)):
        found: Parts = json.loads(text)
        return found
    made = page.parts()
    kept.keep(kept.PARTS, recipe(*PARTS), json.dumps(made).encode())
    return made


VERSIONS = {
    "version": "Rules of cleaning",
    "counter-robots": "List of robots: counter-robots",
    "crawler-user-agents": "List of robots: crawler-user-agents",
    "crawlerdetect": "List of robots: crawlerdetect",
    "database": "Address database",
    "provider": "Provider of locations",
    "plan": "Plan of the provider",
}
"""What the report shows of the recipes of files, under these names."""


def site_name(host: str | None) -> str:
    """What the report calls the site: as in the registry, or its host."""
    if platform := datasets_registry().platform:
        return f"the {platform}" if " " in platform else platform  # as of Zenodo
    return host or "this site"


def _versions(footer: dict[str, Any]) -> dict[str, Any]:
    recipe = footer.get("recipe", {})
    return {text: recipe[name] for name, text in VERSIONS.items() if name in recipe}
