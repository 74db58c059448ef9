"""Lines of S3 server access logs: by the rule, and many at once by the fast path."""

import datetime as dt
import json
import os
import random
from typing import Any

import pyarrow as pa
import pytest

from usage_metrics.logs.blocks import REST, Block
from usage_metrics.logs.lines import CUT
from usage_metrics.logs.s3 import fast_path, rule
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.s3.rule import entries_singly

OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
FIELDS = {
    "bucket_owner": OWNER,
    "bucket": "open-data",
    "time": "[07/Feb/2026:00:00:01 +0000]",
    "remote_ip": "192.0.2.7",
    "requester": "-",
    "request_id": "J42N2W7ET0EC03CV",
    "operation": "REST.GET.OBJECT",
    "key": "eia/plants.parquet",
    "request_uri": '"GET /eia/plants.parquet HTTP/1.1"',
    "http_status": "200",
    "error_code": "-",
    "bytes_sent": "1024",
    "object_size": "171408",
    "total_time": "53",
    "turn_around_time": "52",
    "referer": '"-"',
    "user_agent": '"curl/8.5.0"',
    "version_id": "-",
    "host_id": "DX8oFoKQx0o5V3lwEuWBxF5p2fSXrwINj0rnxmas0YgjWuPqYLK/vnW60TI=",
    "signature_version": "-",
    "cipher_suite": "TLS_AES_128_GCM_SHA256",
    "authentication_type": "-",
    "host_header": "open-data.s3.us-west-2.amazonaws.com",
    "tls_version": "TLSv1.3",
    "access_point_arn": "-",
    "acl_required": "-",
    "source_region": "us-west-2",
}


def line_of(number: int = 27, /, **fields: str) -> str:
    """A line of so many fields, some of them changed."""
    return " ".join([*(FIELDS | fields).values()][:number])


def block_of(*lines: str | bytes) -> Block:
    texts = [x.encode() if isinstance(x, str) else x for x in lines]
    return Block(b"".join(x + b"\n" for x in texts), 1, "2026-02-07-01-00-00-0A")


def read(*lines: str | bytes) -> list[dict[str, Any]]:
    """Read lines; the rule alone and the fast path give the same."""
    table = S3_ACCESS_LOG.read(block_of(*lines))
    table.validate(full=True)
    assert table.schema == S3_ACCESS_LOG.schema
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def read_one(line: str | bytes) -> dict[str, Any]:
    """Read a line among others, which it does not change."""
    before, row, behind = read(line_of(), line, line_of(18))
    assert before["unreadable"] is behind["unreadable"] is None
    return row


def test_a_line_has_the_fields_that_amazon_documents() -> None:
    row = read_one(line_of())
    assert row["time"] == dt.datetime(2026, 2, 7, 0, 0, 1, tzinfo=dt.UTC)
    assert row["http_status"] == 200
    assert (row["bytes_sent"], row["object_size"]) == (1024, 171408)
    assert (row["total_time"], row["turn_around_time"]) == (53, 52)
    assert row["request_uri"] == "GET /eia/plants.parquet HTTP/1.1"
    assert row["source_region"] == "us-west-2"
    nothing = [name for name, value in FIELDS.items() if value.strip('"') == "-"]
    assert [row[name] for name in nothing] == [None] * len(nothing)


@pytest.mark.parametrize("number", [18, 24, 25, 26, 27])
def test_a_line_may_have_as_many_fields_as_the_log_had_at_its_time(number: int) -> None:
    row = read_one(line_of(number))
    assert row["user_agent"] == "curl/8.5.0"
    assert (row["tls_version"] is None) == (number < 24)
    assert (row["source_region"] is None) == (number < 27)


def test_fields_that_are_new_in_the_log_are_taken_as_they_come() -> None:
    assert read_one(line_of())["further"] is None
    assert read_one(f"{line_of()} new - newer")["further"] == "new - newer"
    many = " ".join(map(str, range(200)))
    assert read_one(f"{line_of()} {many}")["further"] == many


def test_the_last_field_may_be_missing_and_its_blank_still_be_there() -> None:
    row = read_one(f"{line_of(23)} ")
    assert row["host_header"] == FIELDS["host_header"]
    assert row["tls_version"] is None
    assert read_one(f"{line_of()} new ")["further"] == "new"


@pytest.mark.parametrize("dash", ["-", '"-"'])
@pytest.mark.parametrize("field", ["request_uri", "referer", "user_agent"])
def test_a_text_in_quotes_may_be_a_dash_with_or_without_them(
    field: str, dash: str
) -> None:
    row = read_one(line_of(**{field: dash}))
    assert row["unreadable"] is None
    assert row[field] is None
    assert row["source_region"] == "us-west-2"


def test_an_empty_user_agent_is_not_a_missing_one() -> None:
    assert read_one(line_of(user_agent='""'))["user_agent"] == ""


def test_a_copy_inside_amazon_is_an_entry_without_request_and_status() -> None:
    nothing = dict.fromkeys(
        ("request_uri", "http_status", "bytes_sent", "referer", "user_agent"), "-"
    )
    row = read_one(line_of(operation="REST.COPY.OBJECT_GET", **nothing))
    assert row["unreadable"] is None
    assert row["http_status"] is row["bytes_sent"] is None
    assert row["object_size"] == 171408


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("user_agent", 'Mozilla/5.0 (iPad) Safari/604.1"'),
        ("user_agent", '"Mozilla/5.0'),
        ("user_agent", 'sra-toolkit "test (phid=1,libc=2.17)'),
        ("user_agent", 'a" - - "b'),
        ("user_agent", "two  blanks, a\ttab and a \\"),
        ("user_agent", "[FBAN/FBIOS] [FBAV/1]"),
        ("request_uri", 'GET /" HTTP/1.1'),
        ("request_uri", 'GET /?a="b";c(".") HTTP/1.1'),
        ("referer", 'foo "bar" 200 - 9 9 9 9 "x'),
        ("referer", "http://пример.рф/"),
        ("key", 'a"b'),
        ("key", "a!b"),
    ],
)
def test_quotes_are_not_escaped_and_still_every_text_is_whole(
    field: str, text: str
) -> None:
    quoted = text if field == "key" else f'"{text}"'
    row = read_one(line_of(**{field: quoted}))
    assert row[field] == text
    assert (row["http_status"], row["bytes_sent"]) == (200, 1024)
    assert row["source_region"] == "us-west-2"


def test_no_referer_forges_numbers_and_no_user_agent_an_entry() -> None:
    forged = f'x" "y" - {line_of()} "'
    row = read_one(line_of(referer=f'"{forged}"', http_status="403"))
    assert row["unreadable"] is not None or row["http_status"] == 403
    other = line_of().replace(OWNER, OWNER[::-1])
    row = read_one(line_of(user_agent=f'"{other}"'))
    assert row["user_agent"] == other


@pytest.mark.parametrize("at", [0, 20, 80, 150, 190, 210, 300, 330, 400])
def test_a_line_with_an_entry_broken_off_and_another_is_rejected(at: int) -> None:
    copy = dict.fromkeys(("request_uri", "http_status", "bytes_sent"), "-")
    copy |= dict.fromkeys(("referer", "user_agent"), "-")
    for second in (line_of(), line_of(operation="REST.COPY.OBJECT_GET", **copy)):
        row = read_one(line_of()[:at] + OWNER + second if at else OWNER[:20] + second)
        # Behind less than an owner nothing is lost: it may be a longer owner.
        assert (row["unreadable"] is None) == (at <= len(OWNER))


WRONG = {
    "bucket_owner": ("", "text without blanks where its bucket_owner"),
    "bucket": ("", "text without blanks where its bucket"),
    "time": ("[07/Feb/2026 00:00:01 +0000]", "time in UTC such as [07/Feb/2026:"),
    "operation": ("GET", "operation such as REST.GET.OBJECT where its operation"),
    "key": ("two words", "text in quotes where its request_uri"),
    "request_uri": ("GET", "text in quotes where its request_uri"),
    "http_status": ("99", "status of three digits where its http_status"),
    "bytes_sent": ("-5", "number where its bytes_sent"),
    "object_size": ("0x1F", "number where its object_size"),
    "total_time": ("0xFFFFFFFF", "number where its total_time"),
    "turn_around_time": ("1234567890123456789", "number where its turn_around_time"),
    "user_agent": ("curl", "text in quotes where its user_agent"),
    "host_header": ('a"b', "a quote, or two blanks in a row, behind its version_id"),
    "tls_version": ("", "a quote, or two blanks in a row, behind its version_id"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_line_with_something_else_in_a_field_is_rejected_and_says_which(
    field: str,
) -> None:
    value, reason = WRONG[field]
    line = line_of(**{field: value})
    row = read_one(line)
    assert row["unreadable"] == line
    assert row["unreadableReason"].startswith("line 2 of 2026-02-07-01-00-00-0A has ")
    assert reason in row["unreadableReason"]
    assert row["time"] is None


@pytest.mark.parametrize("status", ["20x", "099", "2000", "+20", "2.0"])
def test_a_status_has_three_digits(status: str) -> None:
    assert read_one(line_of(http_status=status))["unreadable"] is not None


def test_lines_may_all_be_wrong_in_what_is_looked_at_last() -> None:
    rows = read(line_of(operation="get.OBJECT"), line_of(operation="-"))
    assert all(
        row["unreadableReason"].endswith("where its operation belongs") for row in rows
    )


@pytest.mark.parametrize(
    "time",
    [
        *("30/Feb/2026:00:00:01", "07/Fab/2026:00:00:01", "00/Feb/2026:00:00:01"),
        *("07/Feb/2026:24:00:00", "07/Feb/2026:00:60:00", "07/Feb/0000:00:00:00"),
    ],
)
def test_a_time_that_does_not_exist_is_a_reason_to_reject(time: str) -> None:
    reason = read_one(line_of(time=f"[{time} +0000]"))["unreadableReason"]
    assert reason.endswith("has a time that does not exist")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (line_of().encode() + CUT, "is longer than 32 MB"),
        (REST, "all lines after it"),
        (b"{}", "text without blanks where its bucket belongs"),
        (b"\xff\xfe\x00", "has no text without blanks"),
    ],
)
def test_what_is_no_line_of_such_a_log_is_kept_with_its_reason(
    line: bytes, reason: str
) -> None:
    row = read_one(line)
    assert row["unreadable"] == line.decode("utf-8", "replace")
    assert reason in row["unreadableReason"]


def test_bytes_that_are_no_utf_8_and_windows_line_ends_change_no_other_line() -> None:
    row = read_one(line_of(user_agent='"a"').encode().replace(b'"a"', b'"a\xff"'))
    assert row["user_agent"] == "a\ufffd"
    row = read_one(f"{line_of()}\r")
    assert row["source_region"] == "us-west-2"


def test_equal_lines_have_equal_ids_and_only_those() -> None:
    lines = [line_of(), line_of(request_id="0"), line_of(), f"{line_of()}\r"]
    ids = [row["line_id"] for row in read(*lines)]
    assert ids[0] == ids[2] == ids[3] != ids[1]
    assert None not in ids


def test_a_day_is_mentioned_by_each_of_its_lines_in_any_locale() -> None:
    mention = S3_ACCESS_LOG.mention(dt.date(2026, 2, 7))
    assert mention == b" [07/Feb/2026:"
    assert mention in line_of().encode()


def test_nearly_all_lines_are_read_by_the_fast_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    singly: list[Block] = []

    def counted(block: Block) -> pa.Table:
        singly.append(block)
        return entries_singly(block)

    monkeypatch.setattr(fast_path, "entries_singly", counted)
    read(*[line_of(number) for number in (18, 24, 25, 26, 27)], f"{line_of()} new")
    read(line_of(user_agent='"a"b"'), line_of(18, user_agent='"a" "b" c"'))
    read(line_of(user_agent='"[FBAN/FBIOS] [FBAV/1]"'), line_of(key="a[1]"))
    assert not singly
    read(line_of(), line_of(referer='"a"b"'))
    assert [len(block) for block in singly] == [1]


# --- the same as JSON, by way of CloudWatch -------------------------------------------

JSON = {
    "schema_version_id": "V_1_0",
    "bucket_arn": "arn:aws:s3:::open-data",
    "bucket_name": "open-data",
    "request_time": "2026-02-07T00:00:01.250Z",
    "bucket_owner_id": OWNER,
    "remote_ip": "192.0.2.7",
    "requester": None,
    "request_id": "J42N2W7ET0EC03CV",
    "operation": "REST.GET.OBJECT",
    "key_name": "eia/plants.parquet",
    "request_uri": "GET /eia/plants.parquet HTTP/1.1",
    "http_status": 200,
    "error_code": None,
    "bytes_sent": 1024,
    "object_size": "171408",
    "total_time": 53,
    "user_agent": "curl/8.5.0",
}


def read_file(content: bytes) -> list[dict[str, Any]]:
    blocks = S3_ACCESS_LOG.blocks(pa.BufferReader(content), "a.json")
    return [row for block in blocks for row in S3_ACCESS_LOG.read(block).to_pylist()]


def json_of(**members: Any) -> bytes:
    return json.dumps(JSON | members).encode() + b"\n"


def test_json_from_cloudwatch_has_the_columns_of_the_text() -> None:
    (row,) = read_file(json_of(new="x"))
    (text,) = read(line_of())
    assert row.pop("time") == dt.datetime(2026, 2, 7, 0, 0, 1, 250_000, tzinfo=dt.UTC)
    assert json.loads(row.pop("further")) == {
        "bucket_arn": "arn:aws:s3:::open-data",
        "schema_version_id": "V_1_0",
        "new": "x",
    }
    del row["line_id"]
    said = {name: value for name, value in row.items() if value is not None}
    assert said == {name: text[name] for name in said}


def test_an_array_and_an_export_task_of_cloudwatch_hold_the_same_entries() -> None:
    (plain,) = read_file(json_of())
    (element,) = read_file(b"[" + json_of().strip() + b"]")
    (exported,) = read_file(b"2026-02-07T00:00:01.250Z " + json_of())
    assert plain == element == exported


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"request_time": None}, "has no request_time"),
        ({"request_time": "2026-02-30T00:00:01Z"}, "which is not a time in UTC"),
        ({"request_time": "2026-02-07 00:00:01"}, "which is not a time in UTC"),
        ({"bucket_name": "-"}, "has no bucket_name"),
        ({"http_status": True}, "http_status = 'True', which is not a whole number"),
        ({"bytes_sent": -1}, "bytes_sent = '-1', which is not a whole number"),
        ({"key_name": 1}, "key_name = '1', which is not text"),
    ],
)
def test_json_that_is_no_entry_is_rejected_and_says_why(
    members: dict[str, Any], reason: str
) -> None:
    good, bad = read_file(json_of() + json_of(**members))
    assert good["unreadable"] is None
    assert bad["unreadableReason"].startswith("line 2 of a.json has ")
    assert bad["unreadableReason"].endswith(reason)


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"a": 1}', b"{" * 100_000])
def test_what_is_no_json_of_this_log_is_rejected(line: bytes) -> None:
    good, bad = read_file(json_of() + line + b"\n")
    assert good["unreadable"] is None
    assert bad["unreadable"] == line.decode()


def test_a_later_file_of_json_is_read_whole_since_it_mentions_days_otherwise() -> None:
    (block,) = S3_ACCESS_LOG.blocks(pa.BufferReader(json_of()), "a.json")
    assert len(block.mentioning(S3_ACCESS_LOG.mention(dt.date(2026, 2, 7)))) == 1


# --- the fast path gives what the rule gives ------------------------------------------

LINES = [
    *(line_of(number) for number in (18, 24, 25, 26, 27)),
    f"{line_of()} new - newer",
    f"{line_of(23)} ",
    line_of(user_agent='""', http_status="206", object_size="-"),
    line_of(user_agent='"a"b"', referer='"x" "'),
    line_of(user_agent='"a" "b" - c"'),
    line_of(request_uri='"GET /" HTTP/1.1"', http_status="-"),
    line_of(key="a!b%2520c", error_code="NoSuchKey", version_id="a.B"),
    line_of(request_uri="-", referer="-", user_agent="-"),
    line_of(user_agent='"[FB [AV] é\u2028"', requester="arn:aws:iam::1:user/x"),
]
PIECES = [
    *(bytes([code]) for code in (*range(33), *b'"[]-+0x9!\\.\x7f\xff')),
    *(b"  ", b'" "', b' "', b'" ', b" - ", b"\xef\xbb\xbf", b" [", b"0x", b"\xc3\xa9"),
    f"{OWNER} b [07/Feb/2026:00:00:01 +0000] ".encode(),
]
BATCHES = int(os.environ.get("S3_FUZZ_BATCHES", "200"))


def mutated(line: bytes, chance: random.Random) -> bytes:
    """A line with one to three changes; it may become several."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(line) + 1)
        until = at + chance.choice((0, 0, 1, 1, 2, 40))
        piece = chance.choice((b"", chance.choice(PIECES)))
        line = line[:at] + piece + line[until:]
    return line


@pytest.mark.parametrize("seed", range(max(1, BATCHES // 100)))
def test_the_fast_path_agrees_with_the_rule_on_mutated_lines(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``S3_FUZZ_BATCHES=100000 pytest tests/logs/test_s3.py -k mutated`` is long."""
    chance = random.Random(seed)
    for batch in range(100):
        lines = [chance.choice(LINES).encode() for _ in range(chance.randint(1, 20))]
        for at in range(0, len(lines), 2):
            lines[at] = mutated(lines[at], chance)
        text = b"".join(line + b"\n" for line in lines)
        texts = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
        block = Block(b"".join(line + b"\n" for line in texts), 1, "a")
        in_utf8 = block.text.decode("utf-8", "replace").encode()
        monkeypatch.setattr(rule, "FEW", 100 * (batch % 2))
        alone = entries_singly(Block(in_utf8, 1, "a")).drop_columns("line_id")
        monkeypatch.setattr(rule, "FEW", 100)
        found = S3_ACCESS_LOG.read(block).drop_columns("line_id")
        assert found.equals(alone), (seed, batch, text)
