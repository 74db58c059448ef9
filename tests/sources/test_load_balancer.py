"""Logs of load balancers as a source; the golden pair has the rows of Amazon's."""

import datetime as dt
import json
from collections.abc import Mapping
from types import SimpleNamespace

import pyarrow as pa
import pytest
from project import ROOT

from usage_metrics.logs.beginnings import Beginning, beginnings
from usage_metrics.sources import Cleaned, load_balancer, recognised

LOGS = ROOT / "tests" / "golden" / "load_balancer" / "logs"
DAY = dt.date(2024, 5, 3)
GOOGLE = {
    "timestamp": "2024-05-03T14:00:01.250Z",
    "receiveTimestamp": "2024-05-03T14:00:02Z",
    "insertId": "1a2b3c",
    "logName": "projects/ours/logs/requests",
    "resource": {"type": "http_load_balancer"},
    "httpRequest": {
        "requestMethod": "GET",
        "requestUrl": "https://data.example.org/core/plants.csv?v=1",
        "status": 200,
        "responseSize": "5120",
        "userAgent": "curl/8.5.0",
        "remoteIp": "198.51.100.7",
    },
}
CLOUDFLARE = {
    "ClientIP": "198.51.100.7",
    "ClientRequestHost": "data.example.org",
    "ClientRequestMethod": "GET",
    "ClientRequestURI": "/core/plants.csv?v=1",
    "ClientRequestUserAgent": "curl/8.5.0",
    "ClientRequestReferer": "",
    "EdgeResponseStatus": 200,
    "EdgeResponseBytes": 5120,
    "EdgeStartTimestamp": 1714744801250000000,
}
RAN = GOOGLE | {"resource": {"type": "cloud_run_revision"}, "insertId": "2"}


def lines(*entries: Mapping[str, object]) -> bytes:
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()


def test_amazons_logs_are_recognised_by_their_lines() -> None:
    found = [recognised(each) for each in beginnings(str(LOGS))]
    assert found == [("load_balancer", {"format": "aws"})] * 2


def test_cloudflares_logs_are_recognised_by_their_fields() -> None:
    found = recognised(Beginning("20240503/a.log", lines(CLOUDFLARE, CLOUDFLARE)))
    assert found == ("load_balancer", {"format": "cloudflare"})


def cleaned(format_: str, *entries: Mapping[str, object]) -> Cleaned:
    """What becomes of entries."""
    log = load_balancer.FORMATS[format_]()
    blocks = log.blocks(pa.BufferReader(lines(*entries)), "a.log")
    settings = SimpleNamespace(trusted_proxies=0, site="files", hosts="", base_url="")
    return load_balancer.clean(pa.concat_tables(map(log.read, blocks)), settings)


@pytest.mark.parametrize(
    ("format_", "entry"), [("google", GOOGLE), ("cloudflare", CLOUDFLARE)]
)
def test_a_request_is_the_same_whoever_logs_it(
    format_: str, entry: Mapping[str, object]
) -> None:
    (row,) = cleaned(format_, entry).requests.to_pylist()
    expected = {
        "timestamp": dt.datetime(2024, 5, 3, 14, 0, 1, 250_000, dt.UTC),
        "request_method": "GET",
        "request_url": "https://data.example.org/core/plants.csv?v=1",
        "request_url_netloc": "data.example.org",
        "status": 200,
        "response_size": 5120,
        "user_agent": "curl/8.5.0",
        "remote_ip": "198.51.100.7",
        "table": "plants.csv",
        "page": "file",
        "is_data_request": True,
    }
    assert {name: row[name] for name in expected} == expected


def test_entries_of_other_resources_than_load_balancers_are_no_requests() -> None:
    found = cleaned("google", GOOGLE, RAN)
    assert (found.requests.num_rows, found.not_requests) == (1, 1)


@pytest.mark.parametrize(
    "name",
    [
        "AWSLogs/123456789012/elasticloadbalancing/us-east-2/2024/05/03/123456789012_"
        "elasticloadbalancing_us-east-2_app.ours.50dc_20240503T1405Z_10.0.0.9_1x2y.log.gz",
        "requests/2024/05/03/14:00:00_14:59:59_S0.json",
        "20240503/20240503T140000Z_20240503T140500Z_0a1b2c3d.log.gz",
    ],
)
def test_the_date_is_in_the_name_or_in_the_folders(name: str) -> None:
    assert load_balancer.LAYOUT.day_of(name) == DAY
    assert load_balancer.LAYOUT.is_log(name.rpartition("/")[2])


def test_the_file_that_amazon_tries_with_is_none() -> None:
    assert not load_balancer.LAYOUT.is_log("ELBAccessLogTestFile")
