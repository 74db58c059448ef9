"""What is wrong with a report, said in sentences before it is sent."""

import copy
from typing import Any

import pytest
from counter_documents import dataset, report

from usage_metrics.counting.counter_report import ISO_COUNTRIES
from usage_metrics.hub.findings import findings_of


def with_instances(*changes: dict[str, Any]) -> dict[str, Any]:
    """A dataset with these counts instead."""
    found = copy.deepcopy(dataset())
    performance = found["performance"][0]
    (usual,) = performance["instance"]
    performance["instance"] = [usual | change for change in changes]
    return found


def test_of_a_good_report_nothing_is_said() -> None:
    assert findings_of(report(dataset(), dataset("10.5072/lakes"))) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (report(), "the hub refuses an empty report"),
        (report(dataset(), dataset("10.5072/RIVERS")), "10.5072/rivers stands twice"),
        (report(dataset("rivers")), "Rivers: the DOI is none, so nobody is credited"),
        (report(dataset(platform=None)), "Rivers: platform is missing"),
        (
            report(dataset(), **{"created-by": ""}),
            "the header lacks created-by, which the hub asks for",
        ),
        (
            report(dataset(), **{"created-by": "Université"}),
            "'Université' ends in 'é', and the hub refuses",
        ),
        (
            report(
                dataset(),
                **{
                    "reporting-period": {
                        "begin-date": "2026-03-01",
                        "end-date": "2026-04-30",
                    }
                },
            ),
            "2026-03 to 2026-04, and the hub takes single months",
        ),
        (
            report(with_instances({"country-counts": {"de": 1, "xk": 1, "eu": 1}})),
            "the country codes eu, xk are not in ISO 3166-1",
        ),
        (report(with_instances(*[{}] * 9)), "more than 8 counts, which are all lost"),
        (report(with_instances({"count": 0})), "a count is not above zero"),
    ],
)
def test_what_the_hub_would_refuse_or_lose_is_said(
    wrong: dict[str, Any], sentence: str
) -> None:
    (finding,) = findings_of(wrong)
    assert finding.is_fatal
    assert sentence in finding.sentence


def test_a_uri_alone_is_taken_and_credits_nobody() -> None:
    by_uri = [{"type": "uri", "value": "https://data.example.org/rivers"}]
    many = [dataset() | {"dataset-id": by_uri, "dataset-title": t} for t in "abcde"]
    (finding,) = findings_of(report(*many))
    assert not finding.is_fatal
    assert finding.sentence.startswith(
        "a, b, c and 2 more: there is a URI and no DOI, which the hub takes and "
        "credits to nobody; add doi"
    )


def test_an_incomplete_month_is_sent_with_its_exception_and_said() -> None:
    partial = {"code": 3040, "message": "Partial Data Returned", "data": "not counted"}
    (finding,) = findings_of(report(dataset(), exceptions=[partial]))
    assert finding == ("3040: Partial Data Returned (not counted)", False)


def test_the_hub_takes_the_countries_of_iso_3166_and_no_other() -> None:
    assert len(ISO_COUNTRIES) == 249
