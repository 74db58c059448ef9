"""Usage logs of Google Cloud Storage become rows."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from usage_metrics.errors import InputError
from usage_metrics.logs.gcs_usage import GcsUsage

HEADER = (
    "time_micros,c_ip,c_ip_type,c_ip_region,cs_method,cs_uri,sc_status,cs_bytes,"
    "sc_bytes,time_taken_micros,cs_host,cs_referer,cs_user_agent,s_request_id,"
    "cs_operation,cs_bucket,cs_object"
)
VALUES = {
    "time_micros": "1714694400500000", "c_ip": "192.0.2.7", "c_ip_type": "1",
    "cs_method": "GET",
    "cs_uri": "/download/storage/v1/b/our-data/o/a%2Fb.csv?alt=media",
    "sc_status": "200", "cs_bytes": "0", "sc_bytes": "5120",
    "time_taken_micros": "750000", "cs_host": "storage.googleapis.com",
    "cs_user_agent": 'say "x",gzip(gfe)', "s_request_id": "AAANsUkm",
    "cs_operation": "storage.objects.get", "cs_bucket": "our-data",
    "cs_object": "a/b.csv",
}  # fmt: skip
SAID = VALUES | {
    "timestamp": dt.datetime(2024, 5, 2, 23, 59, 59, 750_000, dt.UTC),
    "ended": dt.datetime(2024, 5, 3, 0, 0, 0, 500_000, dt.UTC),
    "sc_status": 200, "cs_bytes": 0, "sc_bytes": 5120, "time_taken_micros": 750_000,
}  # fmt: skip
del SAID["time_micros"]


def log_of(*changes: dict[str, str], header: str = HEADER) -> bytes:
    rows = [
        [(VALUES | change).get(name, "") for name in header.split(",")]
        for change in changes
    ]
    quoted = [
        ",".join('"' + value.replace('"', '""') + '"' for value in row)
        for row in [header.split(","), *rows]
    ]
    return "\n".join([*quoted, ""]).encode()


def read(content: bytes) -> list[dict[str, Any]]:
    log = GcsUsage()
    blocks = log.blocks(pa.BufferReader(content), "ours_usage_v0")
    table = pa.concat_tables([log.schema.empty_table(), *map(log.read, blocks)])
    table.validate(full=True)
    return [
        {k: v for k, v in row.items() if v is not None} for row in table.to_pylist()
    ]


def test_the_request_came_before_it_was_completed_which_is_the_time_in_the_log() -> (
    None
):
    assert read(log_of({})) == [SAID]


def test_a_header_within_a_file_is_no_request_and_may_have_other_fields() -> None:
    other = "time_micros,s_request_id,colour"
    rows = read(log_of({}) + log_of({}) + log_of({"colour": "red"}, header=other))
    assert [row["s_request_id"] for row in rows] == ["AAANsUkm"] * 3
    assert rows[2]["other_fields"] == '{"colour":"red"}'


def test_an_entry_of_lifecycle_management_has_neither_address_nor_numbers() -> None:
    nothing = dict.fromkeys(["c_ip", "c_ip_type", "cs_uri", "sc_bytes"], "")
    (row,) = read(log_of({**nothing, "time_taken_micros": "", "cs_bytes": ""}))
    assert row["timestamp"] == row["ended"]
    assert not row.keys() & {"c_ip", "c_ip_type", "cs_uri", "sc_bytes", "cs_bytes"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time_micros": ""}, "has no time_micros"),
        ({"time_micros": "9" * 17}, f"has time_micros = '{'9' * 17}', which is not a"),
        ({"sc_status": "OK"}, "has sc_status = 'OK', which is not a whole number"),
    ],
)
def test_a_line_that_cannot_be_is_rejected_with_the_reason(
    change: dict[str, str], reason: str
) -> None:
    _, row = read(log_of({}, change))
    assert row["unreadableReason"].startswith(f"line 3 of ours_usage_v0 {reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'"bucket","storage_byte_hours"\n"a","1"\n', "is a storage log"),
        (b"#Version: 1.0\n", "does not begin with the header of a usage log"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(
    content: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=f"^ours_usage_v0 {reason}"):
        read(content)
