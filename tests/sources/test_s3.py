"""Requests to buckets: what becomes of the entries of S3 server access logs."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from project import Settings

from usage_metrics.arrow import STRING
from usage_metrics.logs.s3.entry import ENTRY
from usage_metrics.sources import s3
from usage_metrics.sources.settings import source_section

OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
ENTRY_OF_OBJECT = {
    "bucket_owner": OWNER,
    "bucket": "open-data",
    "time": dt.datetime(2026, 2, 7, tzinfo=dt.UTC),
    "remote_ip": "192.0.2.7",
    "operation": "REST.GET.OBJECT",
    "key": "eia/plants.parquet",
    "request_uri": "GET /eia/plants.parquet HTTP/1.1",
    "http_status": 200,
    "bytes_sent": 100,
    "object_size": 100,
    "user_agent": "curl/8.5.0",
    "line_id": 1,
}
ROLE = "arn:aws:sts::123456789012:assumed-role/roda-checker-prod/jane@example.org"


def section(**values: Any) -> Any:
    values = {"internal_requesters": "", "cloudfront_is_read": False} | values
    return SimpleNamespace(**values)


def requests(*entries: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    rows = [ENTRY_OF_OBJECT | entry for entry in entries]
    table = pa.Table.from_pylist(rows, schema=ENTRY)
    cleaned = s3.clean(table, section(**values))
    assert cleaned.requests.schema.names == s3.CLEANED.names
    assert cleaned.requests.num_rows == len(entries)
    found: list[dict[str, Any]] = cleaned.requests.to_pylist()
    return found


def request(**entry: Any) -> dict[str, Any]:
    (found,) = requests(entry)
    return found


@pytest.mark.parametrize(
    ("operation", "page", "asks_for_data"),
    [
        ("REST.GET.OBJECT", "object", True),
        ("WEBSITE.GET.OBJECT", "website", True),
        ("REST.COPY.OBJECT_GET", "copy", True),
        ("REST.COPY.PART_GET", "copy", True),
        ("REST.HEAD.OBJECT", "head", False),
        ("REST.HEAD.BUCKET", "head", False),
        ("WEBSITE.HEAD.OBJECT", "head", False),
        ("REST.GET.BUCKET", "list", False),
        ("REST.GET.BUCKETPOLICY", "other", False),
        ("REST.GET.OBJECT_TAGGING", "other", False),
        ("REST.PUT.OBJECT", "other", False),
        ("REST.COPY.OBJECT", "other", False),
        ("SOAP.CreateBucket", "other", False),
    ],
)
def test_the_operation_says_what_a_request_did(
    operation: str, page: str, asks_for_data: bool
) -> None:
    found = request(operation=operation)
    assert (found["page"], found["is_data_request"]) == (page, asks_for_data)


@pytest.mark.parametrize("operation", ["S3.EXPIRE.OBJECT", "BATCH.DELETE.OBJECT"])
def test_what_amazon_does_by_itself_is_no_request(operation: str) -> None:
    table = pa.Table.from_pylist(
        [ENTRY_OF_OBJECT, ENTRY_OF_OBJECT | {"operation": operation}], schema=ENTRY
    )
    cleaned = s3.clean(table, section())
    assert (cleaned.requests.num_rows, cleaned.not_requests) == (1, 1)


@pytest.mark.parametrize(
    ("key", "name", "path", "format_"),
    [
        ("a/b.parquet", "a/b.parquet", "/a/b.parquet", "parquet"),
        ("a%2520b%253D1.csv.gz", "a b=1.csv.gz", "/a%20b=1.csv.gz", "csv"),
        ("100%2525.txt", "100%.txt", "/100%25.txt", "txt"),
        ("a%252Bb.TSV", "a+b.TSV", "/a%2Bb.TSV", "tsv"),
        ("%25D0%25BF", "п", "/%D0%BF", None),
        ("*.fastq*", "*.fastq*", "/*.fastq*", None),
        ("a%2523b%253Fc", "a#b?c", "/a%23b%3Fc", None),
        ("/", "/", "//", None),
        (None, None, "/", None),
    ],
)
def test_a_key_is_encoded_twice_in_the_log_and_once_in_a_url(
    key: str | None, name: str | None, path: str, format_: str | None
) -> None:
    found = request(key=key)
    assert (found["key"], found["table"], found["format"]) == (key, name, format_)
    assert found["request_url"] == f"https://open-data.s3.amazonaws.com{path}"
    assert found["request_url_path"] == path


def test_an_object_has_one_url_in_whichever_way_it_is_asked_for() -> None:
    lines = [
        "GET /eia/plants.parquet HTTP/1.1",
        "GET /open-data/eia/plants.parquet HTTP/1.1",
        "GET /eia/plants.parquet?x-id=GetObject HTTP/1.1",
        "GET /eia/plants.parquet?X-Amz-Date=20260207T000000Z&X-Amz-Signature=0a&"
        'response-content-disposition=attachment;%20filename="a b.csv" HTTP/1.1',
        "GET /eia/plants.parquet?AWSAccessKeyId=A&Expires=1&Signature=a%2Fb HTTP/1.1",
        "GET http://open-data.s3.amazonaws.com/eia/plants.parquet HTTP/1.1",
        "GET",
        None,
    ]
    found = requests(*({"request_uri": line} for line in lines))
    assert {row["request_url"] for row in found} == {
        "https://open-data.s3.amazonaws.com/eia/plants.parquet"
    }
    (version,) = requests(
        {"request_uri": "GET /k?X-Amz-Expires=1&versionId=a&X-Amz-Foo HTTP/2"}
    )
    assert version["request_url_query"] == "versionId=a"
    assert (version["request_method"], version["protocol"]) == ("GET", "HTTP/2")


def test_a_copy_within_amazon_is_a_use_of_the_object_without_a_status() -> None:
    nothing = dict.fromkeys(("request_uri", "http_status", "bytes_sent", "user_agent"))
    copy, part, refused = requests(
        {**nothing, "operation": "REST.COPY.OBJECT_GET"},
        {**nothing, "operation": "REST.COPY.PART_GET"},
        {**nothing, "operation": "REST.COPY.OBJECT_GET", "error_code": "AccessDenied"},
    )
    assert (copy["status"], copy["request_method"]) == (200, None)
    assert (copy["object_size"], copy["response_size"]) == (100, None)
    assert part["status"] == 206
    assert refused["status"] is None
    assert not refused["is_data_request"]


def test_a_response_that_was_broken_off_has_fewer_bytes_than_the_object() -> None:
    found = request(bytes_sent=10)
    assert (found["status"], found["is_data_request"]) == (200, True)
    assert found["response_size"] < found["object_size"]
    assert request(http_status=206, bytes_sent=None)["response_size"] is None


@pytest.mark.parametrize(
    ("requester", "kept"),
    [
        (None, None),
        (OWNER[::-1], OWNER[::-1]),
        ("arn:aws:iam::1:user/jane.doe@example.org", "arn:aws:iam::1:user"),
        (ROLE, "arn:aws:sts::123456789012:assumed-role"),
        ("arn:aws:iam::cloudfront:user/CloudFront", "arn:aws:iam::cloudfront:user"),
        ("AmazonS3", "AmazonS3"),
        ("svc:cloudfront.amazonaws.com", "svc:cloudfront.amazonaws.com"),
        ("jane@example.org", "other"),
        ("12345/jane", "other"),
        ("svc:jane@example.org/x", "other"),
    ],
)
def test_no_name_of_a_person_is_kept_of_who_signed(
    requester: str | None, kept: str | None
) -> None:
    assert request(requester=requester)["requester"] == kept


def test_nothing_secret_or_personal_is_in_any_column() -> None:
    found = request(
        requester=ROLE,
        request_uri="GET /k?X-Amz-Security-Token=SECRET&X-Amz-Credential=SECRET "
        "HTTP/1.1",
        referer="https://example.org/?X-Amz-Signature=SECRET&Signature=SECRET",
    )
    assert "SECRET" not in str(found)
    assert "jane" not in str(found)


def test_our_own_requesters_are_internal() -> None:
    found = requests(
        {"requester": ROLE},
        {"requester": "arn:aws:iam::1:user/other"},
        {"requester": OWNER},
        {"requester": None},
        internal_requesters="RODA-checker, backup",
    )
    assert [row["agent_class"] for row in found] == [
        *("internal", "machine", "internal", "machine"),
    ]
    assert [row["agent_rule"] for row in found][::2] == [
        *("setting internal_requesters", "the bucket's owner"),
    ]
    assert "roda-checker" in source_section("s3").internal_requesters  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "entry",
    [
        {"user_agent": "Amazon CloudFront"},
        {"requester": "svc:cloudfront.amazonaws.com", "user_agent": None},
        {"requester": "arn:aws:iam::cloudfront:user/CloudFront%20Identity%20E1"},
    ],
)
def test_a_miss_of_the_cdn_is_internal_where_the_log_of_that_has_the_request(
    entry: dict[str, Any],
) -> None:
    (read,) = requests(entry, cloudfront_is_read=True)
    assert (read["agent_class"], read["agent_rule"]) == ("internal", s3.CDN_MISS)
    (alone,) = requests(entry)
    assert (alone["agent_class"], alone["agent_rule"]) == ("unknown", s3.CDN_MISS)


def test_the_log_of_the_cdn_is_read_once_its_section_names_it(
    settings: Settings,
) -> None:
    settings("cloudfront", logs="")
    assert not source_section("s3").cloudfront_is_read  # type: ignore[attr-defined]
    settings("cloudfront", logs="logs")
    assert source_section("s3").cloudfront_is_read  # type: ignore[attr-defined]


def test_a_cdn_may_be_named_as_our_own() -> None:
    (found,) = requests(
        {"user_agent": "Amazon CloudFront"}, internal_agents="Amazon CloudFront"
    )
    assert found["agent_class"] == "internal"


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2026-02-07-01-15-00-0123456789ABCDEF", "2026-02-07"),
        ("2026-02-07-01-15-00-3C20240115FA0B1E", "2026-02-07"),
        ("logs/my.logs-v22026-02-07-01-15-00-0123456789ABCDEF", "2026-02-07"),
        (
            "123456789012/us-west-2/b/2026/02/07/2026-02-07-00-00-00-0123456789ABCDEF",
            "2026-02-07",
        ),
        ("AWSLogs/123456789012/2026/02/07/00/entries.json.gz", "2026-02-07"),
        ("2026-02-07.log.zst", "2026-02-07"),
        ("2026-02-07", "2026-02-07"),
        ("2026-02-30-01-15-00-0123456789ABCDEF", "None"),
    ],
)
def test_both_ways_in_which_amazon_names_the_files_are_read(
    name: str, day: str
) -> None:
    assert s3.LAYOUT.is_log(name.rpartition("/")[2])
    assert str(s3.LAYOUT.day_of(name)) == day


@pytest.mark.parametrize(
    "name", ["E1ABC.2026-02-07-01.d111abcd.gz", "2026-02-07.parquet", "2026-02-07.zip"]
)
def test_files_of_other_kinds_are_not_read(name: str) -> None:
    assert not s3.LAYOUT.is_log(name)


def test_a_bucket_takes_a_day_to_deliver_and_files_hold_entries_of_days_ago() -> None:
    section = source_section("s3")
    assert (section.settle_hours, section.late_days) == (24.0, 2)


def test_every_text_that_repeats_is_read_as_a_dictionary_and_gives_the_same() -> None:
    table = pa.Table.from_pylist([ENTRY_OF_OBJECT] * 3, schema=ENTRY)
    encoded = pa.table(
        [
            column.dictionary_encode() if column.type == STRING else column
            for column in table.columns
        ],
        names=table.column_names,
    )
    one, other = (s3.clean(t, section()).requests.to_pylist() for t in (table, encoded))
    assert one == other
