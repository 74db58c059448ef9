"""Days that need a look before their figures are trusted.

Each finding names the day, the measurement, and the setting with the limit.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.dates import ONE_DAY
from usage_metrics.partitions.footer_index import Facts
from usage_metrics.partitions.partition import Partition
from usage_metrics.sources import get_source

USUAL_DAYS = 28
"""The usual number of requests is the median of this many days before."""

FEWEST_DAYS = 7
FEWEST_REQUESTS = 50
"""With fewer days or requests than these, a share says little."""


class Finding(NamedTuple):
    """A problem with a day."""

    kind: str
    """What was measured."""
    day: dt.date
    text: str

    def __str__(self) -> str:
        """The finding in one line."""
        return f"{self.day}: {self.text}"


def rejected(cleaned: Mapping[dt.date, Facts]) -> Iterator[Finding]:
    """Days with many rejected lines, by the footers of the cleaned files."""
    maximum = config.quality().maximum_rejected_share
    for day, facts in cleaned.items():
        lines, number = facts.get("rows_in") or 0, facts.get("rejected") or 0
        if lines and number / lines > maximum:
            yield Finding(
                "rejected",
                day,
                f"{number:,} of {lines:,} lines rejected ({number / lines:.1%}; "
                f"[quality] maximum_rejected_share = {maximum:g})",
            )


def unusual(cleaned: Mapping[dt.date, Facts]) -> Iterator[Finding]:
    """Days with far fewer requests than the days before them."""
    import statistics  # with fractions and decimals, which nothing else needs

    minimum = config.quality().minimum_share_of_usual
    before: list[int] = []
    for day, facts in cleaned.items():
        rows = facts.get("rows") or 0
        if len(before) >= FEWEST_DAYS:
            usual = statistics.median(before[-USUAL_DAYS:])
            if usual >= FEWEST_REQUESTS and rows < minimum * usual:
                yield Finding(
                    "unusual",
                    day,
                    f"{rows:,} requests, where {usual:,.0f} are usual "
                    f"([quality] minimum_share_of_usual = {minimum:g})",
                )
        before.append(rows)


def missing(
    days: Sequence[dt.date], unexported: Mapping[dt.date, str]
) -> Iterator[Finding]:
    """Missing days, if there are more than allowed.

    Args:
        days: those that the next run makes.
        unexported: those of which there are no logs, each with the reason.
    """
    maximum = config.quality().maximum_missing_days
    if len(days) + len(unexported) > maximum:
        for day in days:
            yield Finding("missing", day, "missing; usage-metrics run makes it")
        for day, why in unexported.items():
            yield Finding("missing", day, why.removeprefix(f"{day} is "))


def raw_gone(days: Sequence[dt.date], source: str) -> Iterator[Finding]:
    """Days whose raw file is gone, which nothing but logs or a backup can replace."""
    for day in days:
        what = "its raw file is gone, and no other file holds what it did; restore it "
        yield Finding("raw gone", day, what + raw_gone_remedy(day, day, source))


def raw_gone_remedy(first: dt.date, last: dt.date, source: str) -> str:
    """How to have raw files again; follows "restore it" or "restore them"."""
    return (
        "from a backup or, while there are logs, read these again: usage-metrics "
        f"rebuild --from extract --start {first} --stop {last + ONE_DAY} "
        f"--source {source}"
    )


def passed_over(days: Mapping[dt.date, str]) -> Iterator[Finding]:
    """Days with files in the logs that are not read."""
    for day, sentence in days.items():
        yield Finding("not read", day, sentence)


def not_known(geocoded: Partition) -> Iterator[Finding]:
    """A day with many requests from unknown agents, or from unknown countries.

    Those of agents on which the source remarks are named however few they are.

    Raises:
        StorageError: if the file cannot be read.
    """
    import pyarrow.compute as pc

    source = get_source(geocoded.source)
    agent, country, bogon = (
        "agent_class",
        f"{source.address}_country",
        f"{source.address}_is_bogon",
    )
    rule = "agent_rule" if source.remarks else agent
    with geocoded.open() as file:
        there = set(file.schema_arrow.names)
        wanted = dict.fromkeys((agent, rule, country, bogon))
        rows = file.read([name for name in wanted if name in there])
    settings = config.quality()
    for judged, remark in source.remarks.items():
        is_such = pc.and_(
            pc.equal(rows[rule], judged), pc.equal(rows[agent], "unknown")
        )
        if number := pc.sum(is_such).as_py():
            text = f"{number:,} of {rows.num_rows:,} requests are {judged}; {remark}"
            yield Finding(judged, geocoded.date, text)
    if agent in there:
        unknown = pc.sum(pc.equal(rows[agent], "unknown")).as_py() or 0
        yield from _share(
            geocoded.date,
            unknown,
            rows.num_rows,
            "requests from unknown agents",
            "maximum_unknown_share",
            settings.maximum_unknown_share,
        )
    if {country, bogon} <= there:
        public = rows.filter(pc.equal(rows[bogon], False))
        yield from _share(
            geocoded.date,
            public[country].null_count,
            public.num_rows,
            "requests from public addresses are of no known country",
            "maximum_unlocated_share",
            settings.maximum_unlocated_share,
        )


def _share(
    day: dt.date, number: int, of: int, what: str, setting: str, maximum: float
) -> Iterator[Finding]:
    if of >= FEWEST_REQUESTS and number / of > maximum:
        yield Finding(
            setting,
            day,
            f"{number:,} of {of:,} {what} ({number / of:.1%}; "
            f"[quality] {setting} = {maximum:g})",
        )
