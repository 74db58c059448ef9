"""Buckets' logs through the stages: delivery, counts, and what a check says."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from flow import Flow
from project import Settings

from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks import data_quality
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.stages import Geocode

OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
DAY = dt.date(2026, 2, 7)


def line_of(
    time: str,
    *,
    day: str = "07",
    key: str = "eia/plants.parquet",
    operation: str = "REST.GET.OBJECT",
    status: str = "200",
    sent: str = "1000",
    agent: str = "curl/8.5.0",
) -> str:
    return (
        f"{OWNER} open-data [{day}/Feb/2026:{time} +0000] 192.0.2.7 - A1 {operation} "
        f'{key} "GET /{key} HTTP/1.1" {status} - {sent} 1000 5 4 "-" "{agent}" - '
        f"{time}= - - - open-data.s3.amazonaws.com TLSv1.3 - -\n"
    )


@pytest.fixture
def bucket(flow: Flow, settings: Settings) -> Flow:
    settings("s3", logs=flow.logs, start=DAY)
    return flow


def deliver(flow: Flow, time: str, *lines: str) -> None:
    (flow.logs / f"{time}-0123456789ABCDEF").write_text("".join(lines))


def rows(flow: Flow, stage: str, day: dt.date = DAY) -> list[dict[str, Any]]:
    path = Path(Partition(str(flow.root), stage, "s3", day).path)
    found: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return found


def test_a_day_is_read_from_the_files_that_were_delivered_until_two_days_later(
    bucket: Flow,
) -> None:
    deliver(bucket, "2026-02-07-01-00-00", line_of("00:30:00"))
    deliver(bucket, "2026-02-08-01-00-00", line_of("23:30:00"), line_of("00:30:00"))
    deliver(bucket, "2026-02-09-23-00-00", line_of("12:00:00"))
    deliver(bucket, "2026-02-10-00-00-00", line_of("13:00:00"))
    assert bucket.build(Geocode(date=DAY, source="s3")).scheduling_succeeded
    times = [row["timestamp"].time() for row in rows(bucket, "geocoded")]
    assert sorted(times) == [dt.time(0, 30), dt.time(12), dt.time(23, 30)]
    assert Partition(str(bucket.root), "cleaned", "s3", DAY).facts()["duplicates"] == 1


def test_a_day_with_few_requests_may_have_no_file_of_its_own(bucket: Flow) -> None:
    deliver(bucket, "2026-02-06-01-00-00", line_of("00:30:00", day="06"))
    deliver(bucket, "2026-02-08-01-00-00", line_of("23:30:00"))
    assert unavailable_reason("s3", DAY) is None
    assert bucket.build(Geocode(date=DAY, source="s3")).scheduling_succeeded
    assert len(rows(bucket, "geocoded")) == 1


def test_a_bucket_is_a_dataset_and_its_objects_and_copies_are_used(
    bucket: Flow,
) -> None:
    deliver(
        bucket,
        "2026-02-07-01-00-00",
        line_of("01:00:00"),
        line_of("01:00:10"),
        line_of("02:00:00", status="206", sent="250"),
        line_of("03:00:00", operation="REST.COPY.OBJECT_GET", status="-", sent="-"),
        line_of("04:00:00", operation="REST.HEAD.OBJECT").replace("GET /", "HEAD /"),
        line_of("05:00:00", operation="REST.GET.BUCKET", key="-"),
        line_of("06:00:00", key="index.html", operation="WEBSITE.GET.OBJECT"),
    )
    assert bucket.build(CountUsage(date=DAY, source="s3")).scheduling_succeeded
    outcomes = {row["timestamp"].hour: row for row in rows(bucket, "counted")}
    assert {hour: row["outcome"] for hour, row in outcomes.items()} == {
        **dict.fromkeys((1, 2, 3, 6), "counted"),
        4: "method",
        5: "not_data",
    }
    assert {row["dataset"] for row in outcomes.values()} == {"open-data", "none"}
    assert [outcomes[hour]["kind"] for hour in (1, 2, 3, 6)] == [
        *("request", "request", "request", "investigation")
    ]
    (counter,) = rows(bucket, "usage_counter")
    assert (counter["range_bytes"], counter["range_downloads"]) == (250, 0.25)


def test_a_check_names_the_days_on_which_a_cdn_asked(
    bucket: Flow, settings: Settings
) -> None:
    deliver(
        bucket,
        "2026-02-07-01-00-00",
        line_of("00:30:00", agent="Amazon CloudFront"),
        line_of("00:31:00"),
    )
    bucket.build(Geocode(date=DAY, source="s3"))
    geocoded = Partition(str(bucket.root), "geocoded", "s3", DAY)
    (finding,) = data_quality.not_known(geocoded)
    assert str(finding).startswith(
        "2026-02-07: 1 of 2 requests are misses of Amazon CloudFront; CloudFront's own"
    )
    settings("s3", internal_agents="Amazon CloudFront")
    Path(geocoded.path).unlink()
    Path(Partition(str(bucket.root), "cleaned", "s3", DAY).path).unlink()
    bucket.build(Geocode(date=DAY, source="s3"))
    assert not [*data_quality.not_known(geocoded)]
