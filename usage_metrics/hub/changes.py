"""What a report says otherwise than one that was sent before."""

from collections import Counter

from usage_metrics.counting.counter_names import METRICS
from usage_metrics.hub.findings import Report, doi_of, instances_of

_CREATED = {"created": None}


def changes(old: Report, new: Report) -> list[str]:
    """What a report says otherwise than an earlier one, a sentence each.

    The day on which it was made is no difference.
    """
    if _without_day(old) == _without_day(new):
        return []
    before, after = totals(old), totals(new)
    found = [
        f"{metric.replace('_', ' ')} {before[name]:,} → {after[name]:,} "
        f"({after[name] - before[name]:+,})"
        for metric in METRICS
        if before[name := metric.replace("_", "-")] != after[name]
    ]
    then, now = _by_name(old), _by_name(new)
    numbers = {
        "new": len(now.keys() - then.keys()),
        "gone": len(then.keys() - now.keys()),
        "changed": sum(then[name] != now[name] for name in then.keys() & now.keys()),
    }
    parts = [f"{number:,} {what}" for what, number in numbers.items() if number]
    if parts:
        found.append(f"datasets: {', '.join(parts)}")
    return found or ["the header"]


def totals(report: Report) -> Counter[str]:
    """The sum of each metric over datasets and access methods."""
    sums: Counter[str] = Counter()
    for dataset in report["report-datasets"]:
        for instance in instances_of(dataset):
            sums[instance["metric-type"]] += instance["count"]
    return sums


def _without_day(report: Report) -> Report:
    return report | {"report-header": report["report-header"] | _CREATED}


def _by_name(report: Report) -> dict[str, Report]:
    return {
        doi_of(item) or str(item["dataset-id"]): item
        for item in report["report-datasets"]
    }
