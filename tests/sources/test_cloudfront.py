"""CloudFront's logs as a source; the golden pair has the rows."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from project import ROOT
from s3_server import S3Server, start_s3_server  # noqa: F401

from usage_metrics.logs.beginnings import Beginning, beginnings
from usage_metrics.sources import cloudfront, recognised
from usage_metrics.sources.kinds import kind_of

LOGS = ROOT / "tests" / "golden" / "cloudfront" / "logs"
OF_IIS = b"""#Software: Microsoft Internet Information Services 10.0
#Fields: date time cs-method cs-uri-stem c-ip sc-status
2024-05-03 14:00:01 GET / 192.0.2.7 200
"""


def test_the_logs_are_recognised_by_their_first_lines() -> None:
    found = [recognised(each) for each in beginnings(str(LOGS))]
    assert found == [("cloudfront", {})] * 2


def parquet_of(row: dict[str, str]) -> pa.Table:
    """Rows for more than the part of a file that is looked at."""
    return pa.Table.from_pylist([row | {"id": f"é{n:0200}"} for n in range(2_000)])


@pytest.mark.parametrize(
    ("row", "source"),
    [
        ({"date": "2024-05-03", "time": "00:00:02", "c_ip": "192.0.2.7"}, "cloudfront"),
        ({"bucket": "b", "key": "a.csv"}, None),
    ],
)
def test_parquet_is_recognised_by_its_columns_whoever_is_asked_first(
    tmp_path: Path, row: dict[str, str], source: str | None
) -> None:
    path = tmp_path / "E2.2024-05-03-14.1a.parquet"
    pq.write_table(parquet_of(row), path, compression="none")
    for asked_first in (None, "s3", "web"):
        kind = kind_of(str(tmp_path), asked_first)
        assert (kind and kind.source) == source


def test_parquet_in_a_bucket_is_fetched_whole(s3_server: S3Server) -> None:
    path = "parquet-logs/E2.2024-05-03-14.1a.parquet"
    rows = parquet_of({"date": "2024-05-03", "time": "00:00:02"})
    filesystem = s3_server.create("parquet-logs")
    pq.write_table(rows, path, filesystem=filesystem, compression="none")
    (found,) = beginnings(s3_server.uri("parquet-logs"))
    assert recognised(found) == ("cloudfront", {})


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
