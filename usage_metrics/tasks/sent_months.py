"""Which months DataCite was told of, which have changed since, and the others."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from usage_metrics.dates import month_after, utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.hub.changes import changes
from usage_metrics.hub.hub_settings import endpoint, sends_by_itself
from usage_metrics.hub.sent import Record, SentReports, is_anything_sent
from usage_metrics.partitions.listings import listing_once
from usage_metrics.sources.settings import sources_on
from usage_metrics.tasks.counter_inputs import CounterInputs
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.ranges import source_range

SENT, STALE, NEVER, UNKNOWN = "sent", "stale", "never sent", "sending was interrupted"


@dataclass(frozen=True)
class SentMonth:
    """A month, and what DataCite was told of it."""

    month: dt.date
    state: str
    sent_at: str | None = None
    id: str | None = None
    stale_since: str | None = None
    """When a day of it was counted again, if that is why it is stale."""
    differs: list[str] = field(default_factory=list)
    """What it would say otherwise now, a sentence each."""


@listing_once()
def sent_months() -> list[SentMonth]:
    """The months that are over, oldest first; none if reports are not sent."""
    if not (is_anything_sent() or sends_by_itself()):
        return []
    inputs = CounterInputs()
    found = [_state(month, inputs) for month in _months()]
    inputs.keep()
    return found


def _months() -> Iterator[dt.date]:
    """The months of which a source has days, and that are over."""
    ranges = []
    for source in sources_on():
        try:
            ranges.append(source_range(source))
        except ConfigError:  # what is wrong with its days is said elsewhere
            continue
    if not ranges:
        return
    month = min(start for start, _ in ranges).replace(day=1)
    today, end = utc_now().date(), max(end for _, end in ranges)
    while month < end:
        following = month_after(month)
        if following <= today:
            yield month
        month = following


def _state(month: dt.date, inputs: CounterInputs) -> SentMonth:
    sent = SentReports(month)
    last = sent.accepted(endpoint())
    if sent.unanswered():
        return SentMonth(month, UNKNOWN)
    if last is None:
        return SentMonth(month, NEVER)
    about = SentMonth(month, SENT, last.at, last.id)
    task = CounterReport(month=month, source="")
    if task.made_of(inputs) == last.made_of:
        return about
    return _compared(about, task, last, inputs)


def _compared(
    about: SentMonth, task: CounterReport, last: Record, inputs: CounterInputs
) -> SentMonth:
    """Whether a month that is made of other counts also says something else."""
    differs = changes(SentReports(about.month).report(last), task.report())
    if not differs:
        return about
    counted = task.counted_at(inputs)
    at = counted.isoformat(timespec="seconds") if counted else None
    since = at if at and at >= last.at else None
    return SentMonth(about.month, STALE, last.at, last.id, since, differs)
