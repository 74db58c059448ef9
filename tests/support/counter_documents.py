"""COUNTER reports of which nothing is wrong, in DataCite's JSON."""

from typing import Any


def dataset(doi: str = "10.5072/rivers", **other: Any) -> dict[str, Any]:
    """A dataset of which nothing is wrong."""
    instance = {
        "metric-type": "total-dataset-investigations",
        "access-method": "regular",
        "count": 3,
        "country-counts": {"de": 2},
    }
    period = {"begin-date": "2026-03-01", "end-date": "2026-03-31"}
    return {
        "dataset-title": "Rivers",
        "dataset-id": [{"type": "doi", "value": doi}],
        "platform": "Our data",
        "publisher": "Our office",
        "publisher-id": [{"type": "urn", "value": "https://data.example.org"}],
        "data-type": "dataset",
        "performance": [{"period": period, "instance": [instance]}],
        **other,
    }


def report(*datasets: dict[str, Any], **header: Any) -> dict[str, Any]:
    """A report of some datasets."""
    return {
        "report-header": {
            "report-name": "dataset report",
            "report-id": "dsr",
            "release": "rd1",
            "created": "2026-04-02",
            "created-by": "Our office",
            "reporting-period": {
                "begin-date": "2026-03-01",
                "end-date": "2026-03-31",
            },
            "exceptions": [],
            **header,
        },
        "report-datasets": list(datasets),
    }
