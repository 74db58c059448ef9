"""The COUNTER dataset report of a month, in DataCite's JSON.

The standard reports whole months and omits zeros. A month with missing days is reported
with exception 3040 and replaced when they are there. DataCite wants names in lower case
with hyphens.
"""

import calendar
import datetime as dt
import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usage_metrics.counting.counter_names import MACHINE, METRICS, REGULAR
from usage_metrics.geocode.countries import COUNTRIES

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.counting.datasets import Dataset, Registry

PARTIAL_DATA = (3040, "Partial Data Returned")
"""The exception of a month with missing days, in the words of the standard."""

FORM = "2026-11-30"
"""Change it with what a report says of the same counts: those sent become stale."""

ISO_COUNTRIES = COUNTRIES.keys() - {"XK"}
"""The codes of ISO 3166-1. DataCite refuses a whole report that has any other."""

ASSISTANTS = "ai-assistant-requests"
"""The name of an attribute of ours: the standard has no access method for them yet."""

Instances = dict[tuple[str, str], dict[str | None, int]]
"""The count of each country, by access method and metric."""


@dataclass(frozen=True)
class Month:
    """A month and those of its days that are counted."""

    first: dt.date
    counted: Collection[dt.date]

    @property
    def days(self) -> list[dt.date]:
        """All its days."""
        length = calendar.monthrange(self.first.year, self.first.month)[1]
        return [self.first.replace(day=number + 1) for number in range(length)]

    @property
    def period(self) -> dict[str, str]:
        """The reporting period in JSON."""
        return {"begin-date": f"{self.days[0]}", "end-date": f"{self.days[-1]}"}

    @property
    def missing(self) -> str:
        """Which days are not counted, consecutive ones as one span; empty if none."""
        spans: list[list[dt.date]] = []
        for day in self.days:
            if day in self.counted:
                continue
            if spans and (day - spans[-1][-1]).days == 1:
                spans[-1].append(day)
            else:
                spans.append([day])
        names = [f"{s[0]} to {s[-1]}" if len(s) > 1 else f"{s[0]}" for s in spans]
        return f"not counted: {', '.join(names)}" if names else ""


@dataclass(frozen=True)
class Usage:
    """The use of a dataset, or of one version of it, in a month."""

    dataset: "Dataset"
    version: str | None
    instances: Instances
    assistants: int = 0
    """Requests of AI assistants; known of a dataset, not of its versions."""


def month_usage(
    registry: "Registry",
    by_dataset: "pa.Table",
    by_version: "pa.Table",
    assistants: Mapping[str, int] | None = None,
) -> list[Usage]:
    """Add up the days of a month.

    Args:
        registry: the datasets, in the order of the report.
        by_dataset: the ``usage_counter`` tables of the days, concatenated.
        by_version: their ``usage_counter_versions``.
        assistants: the requests of AI assistants, by dataset.

    Returns:
        The use of each entry of the registry: of one version or, for an entry without
        a version, of all versions of its dataset; then of each dataset that nobody has
        named. Entries without use are omitted.
    """
    whole = _instances(by_dataset, "dataset")
    versions = _instances(by_version, "dataset", "version")
    named = {dataset.id for dataset in registry.datasets}
    others = sorted(id_ for (id_,) in whole if id_ not in named)
    found = []
    for dataset in (*registry.datasets, *map(registry.unnamed, others)):
        id_, version = dataset.id, dataset.version
        used = whole.get((id_,)) if version is None else versions.get((id_, version))
        asked = (assistants or {}).get(id_, 0) if version is None else 0
        found.append(Usage(dataset, version, used or {}, asked))
    return [usage for usage in found if usage.instances]


def _instances(rows: "pa.Table", *of: str) -> dict[tuple[str, ...], Instances]:
    """The counts of each dataset, or of each version."""
    sums = rows.group_by([*of, "access_method", "country"]).aggregate(
        [(metric, "sum") for metric in METRICS]
    )
    sums = sums.sort_by("country")
    keys = zip(*(sums[name].to_pylist() for name in of), strict=True)
    methods, countries = (sums[n].to_pylist() for n in ("access_method", "country"))
    counts = zip(
        *(sums[f"{metric}_sum"].to_pylist() for metric in METRICS), strict=True
    )
    found: dict[tuple[str, ...], Instances] = {}
    for key, method, country, row in zip(keys, methods, countries, counts, strict=True):
        instances = found.setdefault(key, {})
        for metric, count in zip(METRICS, row, strict=True):
            if count:
                instances.setdefault((method, metric), {})[country] = count
    order = [*itertools.product((REGULAR, MACHINE), METRICS)]
    return {
        key: {each: instances[each] for each in order if each in instances}
        for key, instances in found.items()
    }


def as_json(
    usage: list[Usage], registry: "Registry", month: Month, created: dt.date
) -> dict[str, Any]:
    """The report as DataCite accepts it: a header and the datasets."""
    code, message = PARTIAL_DATA
    partial = {
        "code": code,
        "severity": "warning",
        "message": message,
        "data": month.missing,
    }
    header = {
        "report-name": "dataset report",
        "report-id": "dsr",
        "release": "rd1",
        "created": created.isoformat(),
        "created-by": registry.created_by,
        "reporting-period": month.period,
        "report-filters": [],
        "report-attributes": [],
        "exceptions": [partial] if month.missing else [],
    }
    period = month.period
    datasets = [_dataset(item, registry.platform, period) for item in usage]
    return {"report-header": header, "report-datasets": datasets}


def _dataset(
    usage: Usage, platform: str | None, period: dict[str, str]
) -> dict[str, Any]:
    dataset = usage.dataset
    kind, value = ("doi", dataset.doi) if dataset.doi else ("uri", dataset.uri)
    about: dict[str, Any] = {
        "dataset-title": dataset.title,
        "dataset-id": [{"type": kind, "value": value}],
        "platform": platform,
        "publisher": dataset.publisher,
        "publisher-id": [dataset.publisher_id],
        "data-type": "dataset",
        "yop": dataset.yop,
    }
    lists: dict[str, list[tuple[str, str | int | None]]] = {
        "dataset-contributors": [("name", name) for name in dataset.creators],
        "dataset-dates": [("pub-date", dataset.published)],
        "dataset-attributes": [("dataset-version", usage.version)],
    }
    for name, pairs in lists.items():
        if known := [{"type": kind, "value": value} for kind, value in pairs if value]:
            about[name] = known
    if dataset.uri:
        about["uri"] = dataset.uri
    instances = [_instance(*item) for item in usage.instances.items()]
    about["performance"] = [{"period": period, "instance": instances}]
    return with_assistants(about, usage.assistants)


def with_assistants(dataset: dict[str, Any], requests: int) -> dict[str, Any]:
    """A dataset of a report with the requests of AI assistants, in place of others."""
    attributes = [a for a in dataset.get("dataset-attributes", ()) if not _of(a)]
    if requests:
        attributes.append({"type": "proprietary", "value": f"{ASSISTANTS}:{requests}"})
    others = {k: v for k, v in dataset.items() if k != "dataset-attributes"}
    return others | ({"dataset-attributes": attributes} if attributes else {})


def assistants_of(dataset: Mapping[str, Any]) -> int:
    """The requests of AI assistants that a dataset of a report has."""
    return sum(map(_of, dataset.get("dataset-attributes", ())))


def _of(attribute: Mapping[str, Any]) -> int:
    """The requests of AI assistants that an attribute tells; 0 if it is another."""
    name, _, number = str(attribute["value"]).partition(":")
    return int(number) if name == ASSISTANTS and number.isdecimal() else 0


def _instance(key: tuple[str, str], countries: dict[str | None, int]) -> dict[str, Any]:
    method, metric = key
    instance: dict[str, Any] = {
        "metric-type": metric.replace("_", "-"),
        "access-method": method,
        "count": sum(countries.values()),
    }
    known = {
        code.lower(): count
        for code, count in countries.items()
        if code in ISO_COUNTRIES
    }
    return instance | ({"country-counts": known} if known else {})
