"""The counts of a month beside what DataCite shows of them."""

import datetime as dt
from collections.abc import Iterable

from usage_metrics.dates import utc_now
from usage_metrics.hub.delivery import hub_client
from usage_metrics.hub.hub_settings import endpoint
from usage_metrics.hub.sent import SentReports
from usage_metrics.hub.shown import (
    Comparison,
    Row,
    Sent,
    shown_by_datacite,
    shown_counts,
)
from usage_metrics.refusals import Refusal
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.report_delivery import report_of


def begin(month: dt.date) -> Comparison:
    """What is counted and what was sent of a month.

    Raises:
        ConfigError: if no day of the month is counted.
    """
    sent = SentReports(month)
    accepted = [
        Sent(dt.datetime.fromisoformat(r.at), shown_counts(sent.report(r)))
        for r in sent.records()
        if r.is_accepted and r.endpoint == endpoint()
    ]
    return Comparison(report_of(month).report(), accepted, _versions(), utc_now())


def rows_of(comparison: Comparison, dois: Iterable[str], month: dt.date) -> list[Row]:
    """Ask DataCite about some DOIs, and compare.

    Raises:
        UsageMetricsError: if it does not answer.
    """
    client = hub_client(may_send=False)
    try:
        return [
            row
            for doi in dois
            for row in comparison.rows(doi, shown_by_datacite(client, doi, month))
        ]
    except Refusal as refusal:
        raise refusal.as_error() from refusal


def _versions() -> dict[str, list[str]]:
    """The DOIs of the versions of each dataset, by its own DOI."""
    datasets = [d for d in datasets_registry().datasets if d.doi]
    of_id: dict[str, list[str]] = {}
    for dataset in datasets:
        if dataset.version and dataset.doi:
            of_id.setdefault(dataset.id, []).append(dataset.doi.lower())
    return {
        dataset.doi.lower(): of_id[dataset.id]
        for dataset in datasets
        if dataset.doi and dataset.version is None and dataset.id in of_id
    }
