"""Who used what of a source, as far as the public may know: no name has few uses.

A report of a source can be filtered down to single requests, so the public gets these
listings instead, of the whole period and of all datasets that are shown.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from usage_metrics.report.few import LEAST
from usage_metrics.report.figures import by_dataset
from usage_metrics.report.labels import OTHERS
from usage_metrics.report.rankings import Named, Ranking, rankings
from usage_metrics.report.static_tables import LINES
from usage_metrics.report.usage_database import Database, Span

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "countries": "Countries",
    "organizations": "Organisations",
    "tables": "Tables",
    "formats": "Formats",
    "agents": "Programs",
    "referrers": "Referring sites",
}
"""What is listed, in this order."""


class PublicListing(NamedTuple):
    """Names with their counted uses."""

    place: str
    title: str
    rows: list[tuple[Named, int]]


def public_listings(
    place: str, title: str, database: Database, span: Span, titles: Mapping[str, str]
) -> Iterator[PublicListing]:
    """The listings of a source.

    Args:
        place: its name.
        title: what it is called.
        database: where the figures are.
        span: the days.
        titles: titles of the datasets, by id.
    """
    whole = replace(span, source=place, grain="year")
    used = by_dataset(database, whole).groupby("dataset")["counted"].sum()
    datasets = set(used[used >= LEAST].index)
    ranked = {r.id: r for r in rankings(database, whole, titles)}
    for id_, heading in TITLES.items():
        rows = ranked[id_].ask(database, whole)
        sums = counted_uses(ranked[id_], rows[rows["dataset"].isin(datasets)])
        if found := without_few(sums):
            yield PublicListing(title, heading, found)


def counted_uses(ranking: Ranking, rows: "pd.DataFrame") -> Counter[Named]:
    """The counted uses by name."""
    sums: Counter[Named] = Counter()
    names = rows[[*ranking.ask.names]].astype(object)
    names = names.where(names.notna(), None)
    of_names = zip(names.itertuples(index=False), rows["counted"], strict=True)
    for name, counted in of_names:
        sums[ranking.shown(*name)] += int(counted)
    return sums


def without_few(sums: Mapping[Named, int]) -> list[tuple[Named, int]]:
    """The most frequent names, and all others together, none of them with few.

    If all others were few, they would be told by the sum of everything, so that the
    last name joins them.
    """
    order = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    listed = [(name, number) for name, number in order if number >= LEAST][:LINES]
    rest = sum(sums.values()) - sum(number for _, number in listed)
    while 0 < rest < LEAST and listed:
        rest += listed.pop()[1]
    return [*listed, *([((OTHERS,), rest)] if rest >= LEAST else [])]
