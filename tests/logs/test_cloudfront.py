"""CloudFront's standard logs, of both versions and in all forms, become rows."""

import datetime as dt
import gzip
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usage_metrics.errors import InputError
from usage_metrics.logs.cloudfront import CloudFront

OF_2016 = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
    "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
)
LATER = (
    " x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type "
    "cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start "
    "sc-range-end"
)
VALUES = {
    "date": "2024-05-03", "time": "00:00:02", "x-edge-location": "FRA56-P1",
    "sc-bytes": "5120", "c-ip": "192.0.2.7", "cs-method": "GET",
    "cs(Host)": "d111111abcdef8.cloudfront.net", "cs-uri-stem": "/core/plants.parquet",
    "sc-status": "206", "cs(Referer)": "-", "cs(User-Agent)": "DuckDB%2520v1.0%09x",
    "cs-uri-query": "-", "cs(Cookie)": "-", "x-edge-result-type": "Hit",
    "x-edge-request-id": "SOX4xwn4XV6Q==", "x-host-header": "data.example.org",
    "cs-protocol": "https", "cs-bytes": "231", "time-taken": "3.250",
    "sc-range-start": "100", "sc-range-end": "5119",
}  # fmt: skip
SAID = {
    "timestamp": dt.datetime(2024, 5, 2, 23, 59, 58, 750_000, dt.UTC),
    "ended": dt.datetime(2024, 5, 3, 0, 0, 2, tzinfo=dt.UTC),
    "x_edge_location": "FRA56-P1", "sc_bytes": 5120, "c_ip": "192.0.2.7",
    "cs_method": "GET", "cs_host": "d111111abcdef8.cloudfront.net",
    "cs_uri_stem": "/core/plants.parquet", "sc_status": 206,
    "cs_user_agent": "DuckDB%2520v1.0%09x", "x_edge_result_type": "Hit",
    "x_edge_request_id": "SOX4xwn4XV6Q==", "x_host_header": "data.example.org",
    "cs_protocol": "https", "cs_bytes": 231, "time_taken": 3.25,
}  # fmt: skip


def log_of(fields: str, *changes: dict[str, str], between: str = "\t") -> bytes:
    """A log with the fields, and for each of the changes a line."""
    names = fields.split()
    lines = [
        between.join((VALUES | change).get(name, "-") for name in names)
        for change in changes
    ]
    return "\n".join(["#Version: 1.0", f"#Fields: {fields}", *lines, ""]).encode()


def read(content: bytes) -> list[dict[str, Any]]:
    """The rows of a file, without nulls."""
    log = CloudFront()
    tables = [
        log.read(block) for block in log.blocks(pa.BufferReader(content), "E1.gz")
    ]
    table = pa.concat_tables([log.schema.empty_table(), *tables])
    table.validate(full=True)
    return [
        {k: v for k, v in row.items() if v is not None} for row in table.to_pylist()
    ]


@pytest.mark.parametrize(
    ("fields", "more"),
    [(OF_2016, {}), (OF_2016 + LATER, {"sc_range_start": 100, "sc_range_end": 5119})],
)
def test_the_fields_are_those_that_the_log_names(
    fields: str, more: dict[str, int]
) -> None:
    assert read(gzip.compress(log_of(fields, {}))) == [SAID | more]


def test_the_names_of_the_fields_may_stand_between_tabs() -> None:
    log = (
        log_of(OF_2016, {})
        .replace(b" cs", b"\tcs")
        .replace(b"#Fields: ", b"#Fields:\t")
    )
    assert read(log) == [SAID]


def test_the_request_came_before_the_response_ended_which_is_the_time_in_the_log() -> (
    None
):
    first, second = read(log_of(OF_2016, {}, {"time-taken": "-"}))
    assert first["ended"] - first["timestamp"] == dt.timedelta(seconds=3.25)
    assert second["timestamp"] == second["ended"]


def test_a_file_that_is_joined_of_several_is_read_by_the_fields_above_each_line() -> (
    None
):
    other = "c-ip date time sc-status"
    rows = read(log_of(OF_2016, {}) + log_of(other, {"sc-status": "404"}))
    assert [row["sc_status"] for row in rows] == [206, 404]
    assert [row["c_ip"] for row in rows] == ["192.0.2.7"] * 2


def test_the_viewer_who_went_away_has_the_status_000() -> None:
    (row,) = read(log_of(OF_2016, {"sc-status": "000"}))
    assert row["sc_status"] == 0


def test_fields_of_ones_own_are_kept_and_lines_without_an_id_get_a_hash() -> None:
    fields = "date time c-country sc-status new-thing"
    values = {"c-country": "FR", "new-thing": 'a"b\\'}
    rows = read(log_of(fields, values, {}, values))
    others = [json.loads(row.get("other_fields", "{}")) for row in rows]
    assert others == [{"c_country": "FR", "new_thing": 'a"b\\'}, {}, others[0]]
    ids = [row["x_edge_request_id"] for row in rows]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize("between", ["\t", " ", ",", "|"])
def test_version_2_has_a_delimiter_of_ones_own(between: str) -> None:
    assert read(log_of(OF_2016, {}, between=between)) == [SAID]


def test_version_2_may_be_json_lines() -> None:
    line = json.dumps({name: VALUES[name] for name in OF_2016.split()})
    (row,) = read(f"{line}\n".encode())
    assert {name: row[name] for name in SAID} == SAID


@pytest.mark.parametrize("capital", [str, str.lower])
def test_version_2_may_be_parquet_with_columns_of_text(capital: Any) -> None:
    names = [
        n.replace("(", "_").replace(")", "").replace("-", "_") for n in OF_2016.split()
    ]
    values = [VALUES[name] for name in OF_2016.split()]
    row = {
        capital(name): None if value == "-" else value
        for name, value in zip(names, values, strict=True)
    }
    content = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row] * 3), content)
    assert read(content.getvalue().to_pybytes()) == [SAID] * 3


def test_a_tab_or_newline_in_parquet_ends_no_field() -> None:
    row = {"date": "2024-05-03", "time": "00:00:02", "x_edge_request_id": "a\tb\nc"}
    content = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row]), content)
    assert read(content.getvalue().to_pybytes())[0]["x_edge_request_id"] == "a%09b%0Ac"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sc-status": "2x0"}, "has sc_status = '2x0', which is not a whole number"),
        ({"sc-bytes": "0x1F"}, "has sc_bytes = '0x1F', which is not a whole number"),
        ({"sc-bytes": "-5"}, "has sc_bytes = '-5', which is not a whole number"),
        ({"time-taken": "1e3"}, "has time_taken = '1e3', which is not a number"),
        (
            {"date": "2023-02-29"},
            "has time = '2023-02-29 00:00:02', which is not a day and time such as "
            "2024-05-03 23:59:59",
        ),
        (
            {"time": "24:00:00"},
            "has time = '2024-05-03 24:00:00', which is not a day and time such as "
            "2024-05-03 23:59:59",
        ),
        ({"date": "-"}, "has no date and time; choose both among the fields"),
        ({"c-ip": "a\tb"}, "has 20 fields, not 19 as its header"),
    ],
)
def test_a_line_that_cannot_be_is_rejected_with_the_reason(
    change: dict[str, str], reason: str
) -> None:
    good, bad, last = read(log_of(OF_2016, {}, change, {}))
    assert good == last == SAID
    assert bad.keys() == {"unreadable", "unreadableReason"}
    assert bad["unreadableReason"] == f"line 4 of E1.gz {reason}"


def test_two_lines_torn_into_one_are_rejected() -> None:
    log = log_of(OF_2016, {}, {})
    torn = log.replace(b"\t3.250\n2024", b"\t3.22024", 1)
    (row,) = read(torn)
    assert row["unreadableReason"].endswith("has 37 fields, not 19 as its header")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1714694402.123\t192.0.2.7\t0.01\t200\n", "is a real-time log of CloudFront"),
        (b'"time_micros","c_ip"\n', "is no standard log of CloudFront"),
        (
            b"#Software: Microsoft Internet Information Services 10.0\n#Fields: date\n",
            "is a log of IIS; source web reads it, with format = iis",
        ),
        (b"PAR1 and nothing else", "cannot be read as a Parquet file"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(
    content: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=f"^E1.gz {reason}"):
        read(content)


def test_a_line_before_its_fields_is_rejected() -> None:
    (row,) = read(b"#Version: 1.0\n2024-05-03\t00:00:02\n")
    assert row["unreadableReason"] == "line 2 of E1.gz comes before a line with #Fields"


def test_an_empty_log_says_that_nothing_happened() -> None:
    assert read(log_of(OF_2016)) == read(b"") == []
