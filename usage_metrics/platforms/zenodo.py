"""Zenodo, and other repositories that run InvenioRDM: views and downloads of records.

Zenodo tells running totals of each version and of all versions, without robots and
double clicks; what it calls unique is a visitor in an hour. They stand still for days,
then jump. A page has at most 25 records, and the reply says how many there are in all.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import (
    CUMULATIVE,
    ID,
    TOTAL,
    UNIQUE,
    Description,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, found, items, member, name, texts

COMMUNITY = "community "
"""Begins a subject that is a community."""

CONCEPT = "concept "
"""Begins a subject that is the id of all versions of a record."""

PAGE = "size=25&page=1&sort=newest"

FIELDS = (
    ("downloads", TOTAL, "downloads"),
    ("downloads", UNIQUE, "unique_downloads"),
    ("views", TOTAL, "views"),
    ("views", UNIQUE, "unique_views"),
)
"""Metric, measure and field; where Zenodo says it of a version, with a prefix."""

METRICS = {
    "downloads": "Files of the record that were downloaded, since it was published; "
    "unique: counted once for a visitor and hour",
    "views": "How often its page was looked at; unique: once for a visitor and hour",
}


def subjects(settings: Any) -> list[str]:
    """The records and communities that the section names."""
    return [*settings.records, *(f"{COMMUNITY}{c}" for c in settings.communities)]


def requests(subject: str, day: dt.date) -> Iterator[Request]:
    """All versions of a record, or of all records of a community."""
    if subject.startswith(COMMUNITY):
        community = subject.removeprefix(COMMUNITY)
        path = f"/api/communities/{community}/records?{PAGE}&allversions=true"
    elif subject.startswith(CONCEPT):
        of = f"q=parent.id:{subject.removeprefix(CONCEPT)}"
        path = f"/api/records?{of}&{PAGE}&allversions=true"
    else:
        path = f"/api/records/{subject}/versions?{PAGE}"
    yield Request("versions", path)


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of each version, and of all versions of a record.

    Raises:
        ReplyError: if records are missing, or something is not what it should be.
    """
    hits = {
        name(hit, "id"): hit for page in pages for hit in items(page, "hits", "hits")
    }
    total = max(_total(page) for page in pages)
    if not hits:
        raise ReplyError("it has no records")
    if len(hits) != total:
        raise ReplyError(f"it has {len(hits):,} of {total:,} records")
    seen: set[str] = set()
    for version, hit in hits.items():
        concept = _concept(hit)
        of_all, of_version, prefix = _stats(hit)
        for metric, measure, field in FIELDS:
            value = count(of_version, f"{prefix}{field}")
            yield Figure(
                metric, value, CUMULATIVE, measure, version=version, subject=concept
            )
            if concept not in seen:  # each version repeats what is said of all
                value = count(of_all, field)
                yield Figure(metric, value, CUMULATIVE, measure, subject=concept)
        seen.add(concept)


def _total(page: Any) -> int:
    total = member(page, "hits", "total")
    return (
        count(total, "value")
        if isinstance(total, dict)
        else count(page, "hits", "total")
    )


def _concept(hit: Any) -> str:
    """The id of the record of which a hit is a version."""
    has_parent = found(hit, "parent") is not None
    return name(hit, "parent", "id") if has_parent else name(hit, "conceptrecid")


def _stats(hit: Any) -> tuple[Any, Any, str]:
    """What is said of all versions and of this one, and how its fields begin."""
    stats = member(hit, "stats")
    if isinstance(stats, dict) and "this_version" in stats:
        return member(stats, "all_versions"), member(stats, "this_version"), ""
    return stats, stats, "version_"


def next_page(body: Any) -> str | None:
    """The URL of the next page."""
    links = body.get("links") if isinstance(body, dict) else None
    found = links.get("next") if isinstance(links, dict) else None
    return found if isinstance(found, str) else None


def describe(pages: Sequence[Any]) -> Iterator[Description]:
    """The title and the DOI of each record, and what its newest version belongs to."""
    seen: set[str] = set()
    for hit in (hit for page in pages for hit in items(page, "hits", "hits")):
        concept = _concept(hit)
        if concept in seen:
            continue
        seen.add(concept)
        doi = found(hit, "conceptdoi") or found(hit, "doi")
        title = found(hit, "metadata", "title") or found(hit, "title")
        of = texts(hit, "metadata", "related_identifiers", of="identifier")
        yield Description(concept, str(title or concept), doi and str(doi), of)


PLATFORM = Platform(
    name="zenodo",
    title="Zenodo",
    endpoint="https://zenodo.org",
    subjects=subjects,
    requests=requests,
    read=read,
    metrics=METRICS,
    describe=describe,
    named=Named("concepts", ID, f"{CONCEPT}{{}}"),
    robots="Zenodo counts, without robots and double clicks",
    next_page=next_page,
    token="ZENODO_TOKEN",  # noqa: S106  a name, not a token
    headers={"Accept": "application/json"},
    pause=2.0,  # guests may search thirty times a minute
)
