"""The task that writes the publisher's page: all sources and platforms together."""

import contextlib
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between, utc_now
from usage_metrics.errors import NotYetError, UsageMetricsError
from usage_metrics.parameters import OptionalDay
from usage_metrics.partitions.listings import listing_once
from usage_metrics.platforms import PLATFORMS, get_platform
from usage_metrics.sources import SOURCES, registered
from usage_metrics.sources.settings import logs_named, source_section
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.pages_of_datasets import write_pages
from usage_metrics.tasks.platform_subjects import present_names
from usage_metrics.tasks.report import kept_sums, made_from_mark, site_name, titles_of
from usage_metrics.tasks.snapshot_days import snapshot_days
from usage_metrics.tasks.task import Reporting
from usage_metrics.tasks.text_file import TextFile

if TYPE_CHECKING:
    from usage_metrics.report.place_lines import Place, Subject
    from usage_metrics.report.publisher import Publisher
    from usage_metrics.report.usage_database import Span

LOGS, SERIES = "usage_counter", "snapshot_series"
"""The tables that the page is made of."""


class PublisherReport(Reporting):
    """Write the page on every dataset in every place, from what the database holds.

    It waits for nothing: a source or a platform of which there is nothing is not on it.
    """

    start: OptionalDay = OptionalDay(description="the first UTC day; without it, all")
    stop: OptionalDay = OptionalDay(description="the day after the last, likewise")
    public: luigi.BoolParameter = luigi.BoolParameter(
        default=False, description="for the web: hide numbers under ten"
    )

    def output(self) -> TextFile:
        """The file; a page on some days has the first and the last in its name."""
        first = f"_from_{self.start}" if self.start else ""
        last = f"_to_{self.stop - ONE_DAY}" if self.stop else ""
        folder = f"{config.paths().root}/report{'/public' if self.public else ''}"
        return TextFile(f"{folder}/index{first}{last}.html")

    @functools.cached_property
    def contents(self) -> dict[str, dict[str, dict[str, str]]]:
        """Of each table, the days of each place, with what they hold."""
        warehouse = open_warehouse()
        return {
            table: {
                name: {str(day): loaded.content_id for day, loaded in days.items()}
                for name in names
                if (days := there.get((table, name)))
            }
            for table, names in ((LOGS, SOURCES), (SERIES, PLATFORMS))
            for there in [warehouse.loaded_of(table=table)]
        }

    def has_figures(self) -> bool:
        """Whether there is anything to write about."""
        return any(self.contents.values())

    @listing_once()
    def is_done(self) -> bool:
        """Whether the file was made from what the database holds, by this version."""
        return made_from_mark(self.output()) == self._made_from()

    def run(self) -> None:
        """Gather the figures and write the page.

        Raises:
            NotYetError: if there is no figure.
        """
        from usage_metrics.report import overview

        if not self.has_figures():
            raise NotYetError("nothing is counted yet; usage-metrics status says why")
        path = self.output().path
        publisher = write_pages(self.publisher(), path)
        text = overview.render(publisher, self._made_from())
        self.output().write(text)
        beside = f" and {len(of)} beside it" if (of := publisher.pages) else ""
        self.say(f"open {path} · {len(text.encode()) / 1e6:.1f} MB{beside}")

    def _made_from(self) -> str:
        from usage_metrics.report.recipe import recipe

        days = {name: repr(snapshot_days(name)) for name in self.contents[SERIES]}
        lost = {name: sorted(map(str, _lost(name))) for name in self.contents[LOGS]}
        facts = [self.task_id, recipe(), repr(datasets_registry()), self.contents]
        text = json.dumps([*facts, days, lost], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def publisher(self) -> "Publisher":
        """The figures of the page.

        Raises:
            NotYetError: if no day is counted.
        """
        from usage_metrics.report import place_lines
        from usage_metrics.report.public_listings import public_listings
        from usage_metrics.report.publisher import Publisher
        from usage_metrics.report.usage_database import Database
        from usage_metrics.warehouse.reading import open_tables

        opened = open_tables(config.database().path, config.database().busy_seconds)
        keep = not (self.start or self.stop or self.public)
        with opened as tables, kept_sums("index", keep=keep) as sums:
            series = {
                n: place_lines.series_of(n, tables) for n in self.contents[SERIES]
            }
            found = [
                *(_log(name, days) for name, days in self.contents[LOGS].items()),
                *(_platform(n, place_lines.days_of(s)) for n, s in series.items()),
            ]
            span = self._span(found)
            within = (place.within(span) for place in found)
            found = [self._linked(place) for place in within if place.days.there]
            database, subjects = Database(tables, sums), _subjects()
            found = [
                place_lines.with_hosts(place, database) if place.is_log else place
                for place in found
            ]
            lines = [
                line
                for place in found
                for line in (
                    place_lines.of_log(place, database, span)
                    if place.is_log
                    else place_lines.of_platform(
                        place, series[place.name], span, subjects.get(place.name, {})
                    )
                )
            ]
            logs = [place for place in found if place.is_log]
            titles = dict(t for place in logs for t in titles_of(place.name).items())
            listings = [
                listing
                for place in logs
                if self.public
                for listing in public_listings(
                    *(place.name, place.title, Database(tables), span), titles
                )
            ]
        return Publisher(
            title=_title(),
            span=span,
            places=found,
            lines=lines,
            titles=titles,
            made_on=utc_now().date(),
            releases=_releases(),
            is_public=bool(self.public),
            listings=listings,
        )

    def _linked(self, place: "Place") -> "Place":
        """A source's report is not for the public."""
        return replace(place, report="") if self.public else place

    def _span(self, places: "list[Place]") -> "Span":
        """The days of the page.

        Raises:
            NotYetError: if there is none.
        """
        from usage_metrics.report.usage_database import Span

        there = [day for place in places for day in place.days.there]
        start = self.start or min(there, default=dt.date.max)
        stop = self.stop or max(there, default=dt.date.min) + ONE_DAY
        if not any(start <= day < stop for day in there):
            raise NotYetError(
                "nothing is counted of these days yet; usage-metrics status says why"
            )
        return Span("", start, stop)


def _log(source: str, contents: Mapping[str, str]) -> "Place":
    """A source of which there are figures."""
    from usage_metrics.report.labels import SOURCES as TITLES
    from usage_metrics.report.place_lines import Days, Place

    there = sorted(map(dt.date.fromisoformat, contents))
    lost = _lost(source)
    gone = set(days_between(there[0], there[-1])) - {*there}
    days = Days(there, sorted(gone - lost), lost=sorted(gone & lost))
    report = f"{source}.html" if source in logs_named() else ""
    title = registered(source).title
    title = TITLES.get(source, f"{title[:1].upper()}{title[1:]}")
    return Place(source, title, days, report=report)


def _lost(source: str) -> set[dt.date]:
    """The days of which there will never be logs, if the settings can be read."""
    with contextlib.suppress(UsageMetricsError):
        return {*source_section(source).lost_days}
    return set()


def _platform(name: str, there: list[dt.date]) -> "Place":
    """A platform that has been asked."""
    from usage_metrics.report.place_lines import Days, Place

    platform, found = get_platform(name), snapshot_days(name)
    days = Days(there, filled=found.filled, lost=found.lost)
    return Place(name, platform.title, days, platform.robots, platform.metrics)


def _subjects() -> "dict[str, dict[str, list[Subject]]]":
    """The datasets of what platforms count, by platform and name."""
    from usage_metrics.counting import registry_tables
    from usage_metrics.report.place_lines import subjects_by_name

    rows = registry_tables.subjects(datasets_registry(), present_names())
    return subjects_by_name(rows)


def _releases() -> dict[str, list[tuple[dt.date, str]]]:
    """When which version of a dataset was published, as the registry says."""
    found: dict[str, list[tuple[dt.date, str]]] = {}
    for dataset in datasets_registry().datasets:
        if dataset.version and dataset.published:
            with contextlib.suppress(ValueError):  # a year or a month is no day
                day = dt.date.fromisoformat(dataset.published)
                found.setdefault(dataset.id, []).append((day, dataset.version))
    return found


def _title() -> str:
    """What the page is about: the publisher's name, that of the site, or neither."""
    registry = datasets_registry()
    publishers = {dataset.publisher for dataset in registry.datasets}
    if len(publishers) == 1 and (name := publishers.pop()):
        return f"Use of the open data of {name}"
    return f"Use of {site_name(None)}" if registry.platform else "Use of our open data"
