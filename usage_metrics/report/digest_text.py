"""A month in a text: short enough for a chat, made of the figures of the pages.

Every number is the one that the publisher's page on that month has; sessions and
countries are those of the report of each source.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from usage_metrics.dates import consecutive, days_between
from usage_metrics.platforms.qualities import PROVISIONAL
from usage_metrics.report import formatting, overview
from usage_metrics.report.few import LEAST
from usage_metrics.report.figures import by_class
from usage_metrics.report.formatting import harmless, listed, number
from usage_metrics.report.labels import NEVER_COUNTED
from usage_metrics.report.place_lines import (
    INVESTIGATIONS,
    REQUESTS,
    Line,
    Place,
    change_of_days,
)
from usage_metrics.report.public_listings import counted_uses, without_few
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.quotable import Sum, sentences, sum_of_requests
from usage_metrics.report.rankings import rankings
from usage_metrics.report.static_tables import NONE
from usage_metrics.report.usage_database import ALL, Database, Span

ROOM = 2_900
"""Characters: chats cut longer messages."""
DATASETS = 5
COUNTRIES = 5
RUNS = 4
"""The most datasets, countries and gaps that are named."""

Find = Callable[[Publisher], Line | None]
"""Finds the line of another month that one is compared with."""

OF_LOGS = (REQUESTS, INVESTIGATIONS, "unique_dataset_investigations")
"""What is said of a dataset in a log."""


class Visitors(NamedTuple):
    """Who used what a log is of."""

    place: str
    sessions: int
    countries: list[tuple[str, int]]
    """With their counted uses, the most first."""


def visitors(
    place: Place, database: Database, span: Span, *, is_public: bool
) -> Visitors:
    """The sessions of a log, as the view ``use_per_month`` has them, and the countries.

    Args:
        place: the log.
        database: where the figures are.
        span: the month.
        is_public: whether names with few uses are among all others.
    """
    whole = Span(place.name, span.start, span.stop, "month")
    used = by_class(database, whole)
    is_use = ~used["agent_class"].isin(NEVER_COUNTED)
    sessions = used[is_use & (used["dataset"] == ALL)]["unique_sessions"].sum()
    (ranking,) = (r for r in rankings(database, whole, {}) if r.id == "countries")
    sums = counted_uses(ranking, ranking.ask(database, whole))
    shown = without_few(sums) if is_public else sums.most_common()
    names = [(name[0], counted) for name, counted in shown if counted]
    return Visitors(place.title, int(sessions), names[:COUNTRIES])


@dataclass(frozen=True)
class Digest:
    """What a digest is made of."""

    month: dt.date
    now: Publisher
    then: Mapping[str, tuple[dt.date, Publisher]]
    """What it is compared with: ``month``, the one before, and ``year``."""
    visitors: Sequence[Visitors]
    is_over: bool = True

    @property
    def title(self) -> str:
        """The first line, which is the subject of an e-mail, too."""
        so_far = "" if self.is_over else " so far"
        return f"{harmless(self.now.title)}: {self.month:%B %Y}{so_far}"


def text_of(digest: Digest, room: int = ROOM) -> str:
    """Write the digest, with as many datasets as there is room for."""
    total = sum_of_requests(digest.now)
    above = [digest.title, "", *sentences(digest.now, total)]
    if total and (changed := _sum_changes(digest, total)):
        above.append(f"Requests in all our logs: {changed}.")
    below = [*_used(digest), *_coverage(digest.now), *_notes(digest)]
    names = digest.now.datasets
    blocks = [_dataset(digest, name) for name in names[:DATASETS]]
    while True:
        more = len(names) - len(blocks)
        rest = [f"{more:,} more datasets are in the report."] if blocks and more else []
        head = ["", "Most used:"] if blocks else []
        lines = [*above, *head, *(line for of in blocks for line in of), *rest]
        text = "\n".join([*lines, "", *below])
        if len(text) <= room or not blocks:
            return text
        blocks.pop()


def _dataset(digest: Digest, name: str) -> list[str]:
    """A dataset, and what each place says of it."""
    now, groups = digest.now, list(overview.groups_of(digest.now))
    lines = [now.name_of(name)]
    for group, cells in zip(
        groups, overview.row_of(now, groups, name).cells, strict=True
    ):
        of = {line.measure.id: line for line in now.of(name, group.place)}
        said = [
            f"{cell.text} {cell.name}{_beside(digest, of[measure.id], cell.below)}"
            for measure, cell in zip(group.measures, cells, strict=True)
            if cell.id and cell.text != NONE
            if not group.place.is_log or measure.id in OF_LOGS
        ]
        if said:
            lines.append(f"• {group.place.title}: {', '.join(said)}")
    return lines


def _beside(digest: Digest, line: Line, added: str) -> str:
    """What is said of a number in brackets: what a month added, or how it changed."""
    said = [added] if added and line.level is not None else []
    if not line.measure.is_stock:
        said += [_changes(digest, line, lambda then: then.known.get(line.id))]
    text = "; ".join(filter(None, said))
    return f" ({text})" if text else ""


def _sum_changes(digest: Digest, total: Sum) -> str:
    """How the sum changed; against months in which it was one of the same logs."""

    def same(then: Publisher) -> Line | None:
        found = sum_of_requests(then)
        return found.line if found and found.places == total.places else None

    return _changes(digest, total.line, same)


def _changes(digest: Digest, line: Line, find: Find) -> str:
    said = []
    for name, (_, then) in digest.then.items():
        if before := find(then):
            ratio = change_of_days(line.added, before.added)
            text = digest.now.writing.ratio(ratio, line.added, before.added)
            said += [f"{name} {text}"] if text else []
    return ", ".join(said)


def _used(digest: Digest) -> Iterator[str]:
    """Sessions and countries, of each log by itself."""
    writing = digest.now.writing
    sessions = [f"{of.place} {writing.number(of.sessions)}" for of in digest.visitors]
    if sessions:
        yield f"Sessions: {', '.join(sessions)}."
    for of in digest.visitors:
        if of.countries:
            said = (f"{name} {number(counted)}" for name, counted in of.countries)
            yield f"Counted uses by country, {of.place}: {', '.join(said)}."


def _coverage(now: Publisher) -> Iterator[str]:
    """What the figures do not cover."""
    for place in now.places:
        days = days_between(now.span.start, now.span.stop)
        gone = {*days} - {*place.days.there}
        if gone:
            lost = gone & {*place.days.lost}
            said = _runs({"": gone - lost, " (lost)": lost})
            more = f" and {len(said) - RUNS} more times" if len(said) > RUNS else ""
            there = f"{len(days) - len(gone)} of {len(days)} days"
            runs = ", ".join(said[:RUNS]) if more else listed(said)
            yield f"{place.title} has {there}; without data: {runs}{more}."
        if open_days := _open_days(now, place):
            days_are = "1 day" if open_days == 1 else f"{open_days} days"
            yield f"{place.title}: {days_are} may still change."


def _runs(days: Mapping[str, set[dt.date]]) -> list[str]:
    """Days that follow each other, in order, each with what is said of them."""
    runs = (
        (first, last, why)
        for why, of in days.items()
        for first, last in consecutive(sorted(of))
    )
    return [f"{formatting.days(first, last)}{why}" for first, last, why in sorted(runs)]


def _open_days(now: Publisher, place: Place) -> int:
    """Of how many days a platform may still say something else."""
    lines = (line for line in now.lines if line.place is place)
    marked = [line.quality for line in lines if line.quality is not None]
    return max((list(quality).count(PROVISIONAL) for quality in marked), default=0)


def _notes(digest: Digest) -> Iterator[str]:
    """How the figures are to be read."""
    said = [f"{name}: with {day:%B %Y}" for name, (day, _) in digest.then.items()]
    if said:
        yield f"Percentages compare the average day ({', '.join(said)})."
    few = f" Numbers under {LEAST} are hidden." if digest.now.is_public else ""
    yield f"Each place counts in its own way: its numbers are not added to others.{few}"
