"""What the hub would refuse, lose or credit to nobody, said before a report is sent.

A report that is sent compressed is checked by the hub later, and nobody is told.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from usage_metrics.counting.counter_report import ISO_COUNTRIES

Report = dict[str, Any]
"""A COUNTER report in DataCite's JSON."""

MOST_INSTANCES = 8
"""Counts of a dataset: four metrics by two access methods. With more, all are lost."""

MOST_NAMED = 3
"""Datasets that a sentence names."""

CREATED_BY = re.compile(r"[-._;()/:a-zA-Z0-9*~$=]\Z")
"""What the hub's pattern asks of ``created-by``: that its last sign is one of these."""

DOI = re.compile(r"10\.\d{4,9}/\S+")

_HEADER = ("report-name", "report-id", "release", "created", "created-by")
_DATASET = ("dataset-title", "platform", "publisher", "publisher-id", "data-type")


class Finding(NamedTuple):
    """Something that is wrong with a report, or that one should know of it."""

    sentence: str
    is_fatal: bool
    """Whether the hub would refuse the report, or lose a part of it."""


def findings_of(report: Report) -> list[Finding]:
    """What is wrong with a report, and what one should know of it, worst first."""
    datasets = report["report-datasets"]
    fatal = [*_of_header(report["report-header"]), *_of_datasets(datasets)]
    notes = [*_notes(report)]
    return [Finding(text, True) for text in fatal] + [Finding(t, False) for t in notes]


def _of_header(header: Report) -> Iterator[str]:
    missing = [name for name in _HEADER if not header.get(name)]
    if missing:
        yield f"the header lacks {', '.join(missing)}, which the hub asks for"
    author = header.get("created-by") or ""
    if author and not CREATED_BY.search(author):
        yield (
            f"created_by = {author!r} ends in {author[-1]!r}, and the hub refuses a "
            "report whose author ends in anything but a letter from a to z, a digit or "
            "one of -._;()/:*~$=; change created_by in the registry of datasets"
        )
    period = header.get("reporting-period") or {}
    begin, end = (str(period.get(f"{name}-date"))[:7] for name in ("begin", "end"))
    if begin != end:
        yield f"the report is on {begin} to {end}, and the hub takes single months"


def _of_datasets(datasets: Sequence[Report]) -> Iterator[str]:
    if not datasets:
        yield "the report has no datasets, and the hub refuses an empty report"
    for name in _DATASET:
        if lacking := [item for item in datasets if not item.get(name)]:
            yield f"{named(lacking)}: {name} is missing, which the hub asks for"
    dois = Counter(filter(None, map(doi_of, datasets)))
    for doi in (doi for doi, number in dois.items() if number > 1):
        twice = [item for item in datasets if doi_of(item) == doi]
        yield (
            f"{named(twice)}: the DOI {doi} stands twice, and the hub keeps one of the "
            "two; give each entry of the registry a DOI of its own"
        )
    if strange := [d for d in datasets if not DOI.search(doi_of(d) or "10.5072/none")]:
        yield (
            f"{named(strange)}: the DOI is none, so nobody is credited; a DOI begins "
            "with 10. and a number, as 10.5072/rivers"
        )
    if many := [d for d in datasets if len(instances_of(d)) > MOST_INSTANCES]:
        yield f"{named(many)}: more than {MOST_INSTANCES} counts, which are all lost"
    codes = sorted({code for d in datasets for code in _countries(d)} - _TAKEN)
    if codes:
        yield (
            f"the country codes {', '.join(codes)} are not in ISO 3166-1, and the hub "
            "refuses a whole report for one of them"
        )
    if wrong := [d for d in datasets if any(i["count"] < 1 for i in instances_of(d))]:
        yield f"{named(wrong)}: a count is not above zero, as the standard asks"


def _notes(report: Report) -> Iterator[str]:
    datasets = report["report-datasets"]
    if without := [item for item in datasets if not doi_of(item)]:
        yield (
            f"{named(without)}: there is a URI and no DOI, which the hub takes and "
            "credits to nobody; add doi to the entry in the registry of datasets"
        )
    for exception in report["report-header"].get("exceptions", []):
        about = exception.get("data", "")
        yield f"{exception['code']}: {exception['message']} ({about})"


_TAKEN = {code.lower() for code in ISO_COUNTRIES}


def doi_of(dataset: Report) -> str | None:
    """The DOI of a dataset in small letters; None if it has none.

    The hub looks at the first identifier only.
    """
    first: Report = next(iter(dataset.get("dataset-id") or []), {})
    if str(first.get("type")).lower() != "doi" or not first.get("value"):
        return None
    return str(first["value"]).lower()


def instances_of(dataset: Report) -> list[Report]:
    """The counts of a dataset, of all its metrics and access methods."""
    return [one for part in dataset["performance"] for one in part["instance"]]


def _countries(dataset: Report) -> Iterator[str]:
    for instance in instances_of(dataset):
        yield from instance.get("country-counts", ())


def named(datasets: Iterable[Report]) -> str:
    """The titles of a few datasets, and how many more there are."""
    titles = [str(item.get("dataset-title")) for item in datasets]
    shown, more = titles[:MOST_NAMED], len(titles) - MOST_NAMED
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
