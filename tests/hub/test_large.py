"""60,000 datasets: reported, sent, corrected, compared and fetched back equal."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pytest
from counter_documents import dataset
from counter_documents import report as small
from hub_server import TOKEN, HubServer
from project import Settings

from usage_metrics.counting.counter import USAGE_COUNTER, USAGE_COUNTER_VERSIONS
from usage_metrics.counting.counter_names import METRICS
from usage_metrics.counting.counter_report import Month, as_json, month_usage
from usage_metrics.counting.datasets import Dataset, Registry
from usage_metrics.hub.changes import changes
from usage_metrics.hub.delivery import deliver, hub_client
from usage_metrics.hub.findings import Report, findings_of
from usage_metrics.hub.shown import shown_by_datacite, shown_counts
from usage_metrics.hub.subsets import MOST_DATASETS, read_subsets, subsets_of
from usage_metrics.platforms.client import Client

NUMBER = 60_000
MARCH = Month(dt.date(2026, 3, 1), [dt.date(2026, 3, day) for day in range(1, 32)])


@pytest.fixture
def hub(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setenv("DATACITE_TOKEN", TOKEN)
    with HubServer() as server:
        settings("datacite", hub=server.url, attempts=3)
        yield server


def test_each_month_of_a_year_is_a_report_of_its_own(hub: HubServer) -> None:
    client = hub_client(may_send=True)
    year = []
    for number in range(1, 13):
        day = f"2026-{number:02}-01"
        period = {"begin-date": day, "end-date": day}
        year.append(small(dataset(), **{"reporting-period": period}))
    ids = [_send(client, month, None) for month in year]
    assert len(set(ids)) == 12
    for month, id_ in zip(year, ids, strict=True):
        month["report-datasets"].append(dataset("10.5072/lakes"))
        assert _send(client, month, id_) == id_
    assert hub.sent == ["POST"] * 12 + ["PUT"] * 12
    assert [read_subsets(hub.held[id_].subsets) for id_ in ids] == year


def _send(client: Client, month: Report, known: str | None) -> str:
    return deliver(client, month["report-header"], subsets_of(month), known).id


def registry() -> Registry:
    """The datasets."""
    publisher = {"type": "urn", "value": "https://data.example.org"}
    datasets = tuple(
        Dataset(
            f"rivers-{n}",
            title=f"Rivers of region {n}",
            doi=f"10.5072/rivers.{n}",
            publisher="Our office",
            publisher_id=publisher,
        )
        for n in range(NUMBER)
    )
    return Registry(datasets, platform="Our data", created_by="Our office")


def usage(of_each: int) -> pa.Table:
    """Each dataset's use by people, from one country."""
    columns = {
        "dataset": [f"rivers-{n}" for n in range(NUMBER)],
        "access_method": ["regular"] * NUMBER,
        "country": ["KE"] * NUMBER,
        **{metric: [of_each] * NUMBER for metric in METRICS[:2]},
        **{metric: [1] * 10 + [0] * (NUMBER - 10) for metric in METRICS[2:]},
    }
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(NUMBER, field.type)
        for field in USAGE_COUNTER
    ]
    return pa.table(arrays, schema=USAGE_COUNTER)


def report(known: Registry, of_each: int) -> Report:
    """The report of March."""
    versions = USAGE_COUNTER_VERSIONS.empty_table()
    found = month_usage(known, usage(of_each), versions)
    return as_json(found, known, MARCH, dt.date(2026, 4, 2))


def test_60_000_datasets_are_sent_corrected_compared_and_fetched_back(
    hub: HubServer,
) -> None:
    known = registry()
    first, second = report(known, 3), report(known, 4)
    assert findings_of(first) == []
    subsets = subsets_of(first)
    assert max(subset.datasets for subset in subsets) <= MOST_DATASETS
    assert sum(subset.datasets for subset in subsets) == NUMBER
    client, header = hub_client(may_send=True), first["report-header"]

    sent = deliver(client, header, subsets, None)
    assert hub.sent == ["POST"] * len(subsets)

    corrected = deliver(client, header, subsets_of(second), sent.id)
    assert corrected.id == sent.id
    assert hub.sent.count("PUT") == 1
    assert read_subsets(hub.held[sent.id].subsets) == second
    assert changes(first, second)[-1] == f"datasets: {NUMBER:,} changed"

    hub.process()
    doi = f"10.5072/rivers.{NUMBER - 1}"
    assert shown_by_datacite(client, doi, MARCH.first) == shown_counts(second)[doi]
    assert hub.complaints == []
