"""CloudFront's logs as a source; the golden pair has the rows."""

import datetime as dt

import pytest
from project import ROOT

from usage_metrics.logs.beginnings import Beginning, beginnings
from usage_metrics.sources import cloudfront, recognised

LOGS = ROOT / "tests" / "golden" / "cloudfront" / "logs"
OF_IIS = b"""#Software: Microsoft Internet Information Services 10.0
#Fields: date time cs-method cs-uri-stem c-ip sc-status
2024-05-03 14:00:01 GET / 192.0.2.7 200
"""


def test_the_logs_are_recognised_by_their_first_lines() -> None:
    found = [recognised(each) for each in beginnings(str(LOGS))]
    assert found == [("cloudfront", {})] * 2


def test_logs_of_iis_which_are_alike_are_those_of_a_web_server() -> None:
    found = recognised(Beginning("u_ex240503.log", OF_IIS))
    assert found == ("web", {"format": "iis"})


@pytest.mark.parametrize(
    "name",
    [
        "E2EXAMPLE.2024-05-03-14.1a2b3c4d.gz",
        "prefix/E2EXAMPLE.2024-05-03-14.1a2b3c4d.parquet",
        "AWSLogs/123456789012/CloudFront/E2EXAMPLE/2024/05/03/14/1a2b3c4d.gz",
        "E2EXAMPLE/year=2024/month=05/day=03/hour=14/1a2b3c4d.gz",
    ],
)
def test_the_date_is_in_the_name_or_in_the_folders(name: str) -> None:
    assert cloudfront.LAYOUT.day_of(name) == dt.date(2024, 5, 3)
    assert cloudfront.LAYOUT.is_log(name.rpartition("/")[2])
