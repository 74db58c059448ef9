"""What each place counted of each dataset: our logs by the standard, platforms theirs.

A place is a source or a platform. Each counts in its own way, so nothing here is added
up over places. Of a dataset in a place, a :class:`Line` holds one number for each day.
"""

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.platforms import TOTAL
from usage_metrics.platforms.qualities import MISSING
from usage_metrics.report import numbered
from usage_metrics.report.formatting import number
from usage_metrics.report.usage_database import Database, Span, much_used
from usage_metrics.units import rounded, size
from usage_metrics.warehouse.reading import TableReader

if TYPE_CHECKING:
    import pandas as pd

COUNTED_HERE = "Counted here by the COUNTER rules: without robots and ourselves"


class Measure(NamedTuple):
    """A kind of number, and its unit."""

    id: str
    name: str
    what: str
    write: Callable[[float], str] = number
    is_stock: bool = False
    """Whether people ask how many there are, rather than how many came."""


REQUESTS = "total_dataset_requests"
INVESTIGATIONS = "total_dataset_investigations"
RANGE_DOWNLOADS = "range_downloads"

OF_LOGS = (
    Measure(REQUESTS, "Requests", "Answers with the data themselves: files, results."),
    Measure(
        INVESTIGATIONS,
        "Investigations",
        "All uses of the dataset, requests and pages about it: the counted uses.",
    ),
    Measure(
        "unique_dataset_investigations",
        "Sessions",
        "Visitors' hours in which the dataset was used.",
    ),
    Measure("volume", "Data sent", "The sizes of the counted answers.", size),
    Measure(
        RANGE_DOWNLOADS,
        "Whole downloads",
        "What reads of parts of files amount to: their bytes over the size of the "
        "file, where that is known.",
        rounded,
    ),
)
"""What a log is asked for; the columns of ``usage_counter``."""

OF_PLATFORMS = {
    "downloads": "Downloads",
    "release_downloads": "Release downloads",
    "views": "Views",
    "clones": "Clones",
    "stars": "Stars",
    "likes": "Likes",
    "votes": "Votes",
    "citations": "Citations",
}
"""The metrics of platforms that are shown; how each is called."""

STOCKS = ("stars", "likes", "votes", "citations")


@dataclass(frozen=True)
class Days:
    """Which days a place has."""

    there: Sequence[dt.date]
    missing: Sequence[dt.date] = ()
    """Days between the first and the last that are not there, and may still come."""
    filled: Sequence[dt.date] = ()
    """Days that were missed, and filled from what was said later."""
    lost: Sequence[dt.date] = ()


@dataclass(frozen=True)
class Place:
    """A source or a platform."""

    name: str
    title: str
    days: Days
    robots: str = COUNTED_HERE
    """Who counts, and who takes robots out."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """What each metric of a platform is; a log has none."""
    report: str = ""
    """The file of the source's own report, if there is one."""
    hosts: frozenset[str] = frozenset()
    """The hosts that a log has most requests to, as far as it names them."""

    @property
    def is_log(self) -> bool:
        """Whether it is a log of ours."""
        return not self.metrics

    def within(self, span: Span) -> "Place":
        """The same, with the days of a span."""
        kinds = (self.days.there, self.days.missing, self.days.filled, self.days.lost)
        parts = ([d for d in of if span.start <= d < span.stop] for of in kinds)
        return replace(self, days=Days(*parts))


class Subject(NamedTuple):
    """The dataset of what a platform counts."""

    dataset: str
    is_shared: bool


def subjects_by_name(
    rows: Iterable[Sequence[Any]],
) -> dict[str, dict[str, list[Subject]]]:
    """The datasets of what platforms count, by platform and by name in small letters.

    If a platform counts several things of a dataset, each is a row of the page: they
    are not added up.

    Args:
        rows: those of the table ``dataset_subjects``.
    """
    of = {(row[0], row[1], row[2]): bool(row[4]) for row in rows}
    number = Counter((source, dataset) for source, _, dataset in of)
    found: dict[str, dict[str, list[Subject]]] = {}
    for (source, subject, dataset), is_shared in of.items():
        name = dataset if number[source, dataset] == 1 else f"{dataset}: {subject}"
        by_name = found.setdefault(source, {})
        by_name.setdefault(subject.lower(), []).append(Subject(name, is_shared))
    return found


@dataclass(frozen=True)
class Line:
    """One number for each day of a span: of a dataset, in a place."""

    dataset: str
    place: Place
    measure: Measure
    added: Any
    """What each day added; NaN: unknown, or no data."""
    level: Any = None
    """Of a running total, what it was; NaN: unknown. None: it is no running total."""
    quality: Any = None
    """What each day's number is worth, as in ``snapshot_series``."""
    days: Any = None
    """Of how many days up to this one each number is."""
    is_shared: bool = False
    """Whether it is of several datasets, so that none of it is this one's alone."""

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.dataset} {self.place.name} {self.measure.id}"

    @functools.cached_property
    def known(self) -> Any:
        """On which days something is known."""
        return ~np.isnan(self.added)

    @property
    def total(self) -> float | None:
        """What all days together added; None if nothing is known."""
        return float(np.nansum(self.added)) if self.known.any() else None

    @property
    def last_level(self) -> float | None:
        """The newest running total."""
        known = [] if self.level is None else self.level[~np.isnan(self.level)]
        return float(known[-1]) if len(known) else None

    def change(self, length: int) -> float | None:
        """The average day of the last days, against that of as many days before.

        Returns:
            The ratio less one; None if fewer than half of the days are known.
        """
        now, then = self.added[-length:], self.added[-2 * length : -length]
        return None if len(then) < length else change_of_days(now, then)


def change_of_days(now: Any, then: Any) -> float | None:
    """The average of some days against that of others.

    Returns:
        The ratio less one; None if fewer than half of the days are known.
    """
    for days in (now, then):
        if 2 * np.count_nonzero(~np.isnan(days)) < max(1, len(days)):
            return None
    return float(np.nanmean(now) / np.nanmean(then)) - 1 if np.nansum(then) else None


def with_hosts(place: Place, database: Database) -> Place:
    """A log with the hosts of its newest day.

    A client may claim any host, so one needs more than 1 % of the requests.
    """
    day = place.days.there[-1]
    rows = database.rows("usage_by_path", Span(place.name, day, day + ONE_DAY))
    return replace(place, hosts=frozenset(much_used(rows, "host", "requests")))


def of_log(place: Place, database: Database, span: Span) -> Iterator[Line]:
    """What a log says of each dataset on each day of a span."""
    columns = [measure.id for measure in OF_LOGS]
    of_source = replace(span, source=place.name)
    daily = database.encoded_sums("usage_counter", ["dataset"], columns, of_source)
    days = [day.isoformat() for day in days_between(span.start, span.stop)]
    is_there = np.isin(days, [day.isoformat() for day in place.days.there])
    for measure in OF_LOGS:
        for dataset, values in _by_day(daily, measure.id, days):
            # A day that is there, and has no row, is a day without use.
            added = np.where(is_there, np.nan_to_num(values), np.nan)
            if measure.id != RANGE_DOWNLOADS or np.nansum(added):
                yield Line(dataset, place, measure, added)


def series_of(platform: str, tables: TableReader) -> "pd.DataFrame":
    """What a platform says day by day, of the metrics that are shown."""
    names = ("date", "subject", "metric", "measure", "value", "increment")
    columns = [*names, "days", "quality"]
    ever = (dt.date.min, dt.date.max)
    rows = tables.rows("snapshot_series", columns, platform, *ever).to_pandas()
    is_shown = (rows["measure"] == TOTAL) & rows["metric"].isin(OF_PLATFORMS)
    return rows[is_shown]


def days_of(series: "pd.DataFrame") -> list[dt.date]:
    """The days of which something is known."""
    known = series[series["quality"] != MISSING]
    return sorted(map(dt.date.fromisoformat, known["date"].unique()))


def of_platform(
    place: Place,
    series: "pd.DataFrame",
    span: Span,
    subjects: Mapping[str, Sequence[Subject]],
) -> Iterator[Line]:
    """What a platform says of each of its subjects on each day of a span.

    Args:
        place: the platform.
        series: what :func:`series_of` gives.
        span: the days.
        subjects: the datasets of a subject, by its name in small letters; one that is
            not there is a dataset by itself.
    """
    days = [day.isoformat() for day in days_between(span.start, span.stop)]
    for metric, title in OF_PLATFORMS.items():
        what = place.metrics.get(metric, "")
        measure = Measure(metric, title, what, is_stock=metric in STOCKS)
        for subject, rows in series[series["metric"] == metric].groupby("subject"):
            line = _platform_line(str(subject), place, measure, rows, days)
            if line.known.any() or line.last_level is not None:
                alone = [Subject(str(subject), is_shared=False)]
                for of in subjects.get(str(subject).lower(), alone):
                    yield replace(line, dataset=of.dataset, is_shared=of.is_shared)


def _platform_line(
    dataset: str,
    place: Place,
    measure: Measure,
    rows: "pd.DataFrame",
    days: Sequence[str],
) -> Line:
    """A line of the rows of a subject and metric, from its first day on."""
    # Only the first value of a running total adds an unknown number.
    is_running = (rows["value"].notna() & rows["increment"].isna()).any()
    daily = rows.set_index("date").reindex(days)
    quality = daily["quality"].fillna(MISSING).to_numpy(object)
    quality[daily["quality"].isna()] = ""
    return Line(
        *(dataset, place, measure),
        added=daily["increment"].to_numpy(float),
        level=daily["value"].to_numpy(float) if is_running else None,
        quality=quality,
        days=daily["days"].fillna(1).to_numpy(int),
    )


def _by_day(
    rows: pa.Table, value: str, days: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """The values of each dataset, one for each day; NaN where there is no row."""
    datasets = numbered.column(rows["dataset"])
    at = pc.index_in(rows["period"].cast(STRING), pa.array(days, STRING))
    values = np.full((len(datasets.values), len(days)), np.nan)
    values[datasets.numbers, at.to_numpy()] = rows[value].to_numpy()
    yield from zip(datasets.values, values, strict=True)
