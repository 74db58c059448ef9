"""Files whose first lines say that they hold no lines of entries."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from export_folder import DAY, Folder, as_lines, entry, ids, read

from usage_metrics.errors import InputError
from usage_metrics.logs.reader import open_logs


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "exports")


def message(data: str) -> dict[str, Any]:
    return {"message": {"data": data, "messageId": "1"}, "subscription": "s"}


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


ENTRY = entry("a", "2022-03-15T12:00:00Z")
LATE = entry("late", "2022-03-15T23:59:59Z")

ENVELOPES: dict[str, Callable[[Any], Any]] = {
    "message": lambda each: message(encoded(each)),
    "reply": lambda each: {"entries": [each]},
    "pull": lambda each: {"receivedMessages": [message(encoded(each))]},
}


@pytest.mark.parametrize("kind", ENVELOPES)
def test_a_late_entry_is_found_in_its_envelope(folder: Folder, kind: str) -> None:
    folder.write("2022-03-15.json", ENTRY)
    folder.write("2022-03-16.json", ENVELOPES[kind](LATE))
    assert ids(folder.logs()) == ["a", "late"]


@pytest.mark.parametrize(
    "line",
    [
        message("no base64"),
        message(""),
        message(encoded([1])),
        message(base64.b64encode(b"\xff{").decode()),
        {"entries": 1},
        {"receivedMessages": {}},
        {},
    ],
    ids=json.dumps,
)
def test_what_holds_no_entry_is_one_line_that_cannot_be_read(
    folder: Folder, line: dict[str, Any]
) -> None:
    folder.write("2022-03-15.json", message(encoded(ENTRY)), line)
    found = read(folder.logs())
    assert found["insertId"].to_pylist() == ["a", None]
    assert found["unreadableReason"][1].as_py().startswith("line 2 of 2022-03-15.json ")


@pytest.mark.parametrize("name", ["message", "entries", "receivedMessages"])
def test_an_entry_with_such_a_field_is_an_entry(folder: Folder, name: str) -> None:
    folder.write("2022-03-15.json", ENTRY | {name: message(encoded(LATE))["message"]})
    assert ids(folder.logs()) == ["a"]


@pytest.mark.parametrize(
    "reply", [b"{}", b"{\n}\n", b'{"entries": []}', b'{"nextPageToken": "x"}']
)
def test_a_reply_without_entries_is_a_day_without_requests(
    folder: Folder, reply: bytes
) -> None:
    (folder.path / "2022-03-15.json").write_bytes(reply)
    assert ids(folder.logs()) == []


# --- what is no JSON of entries -------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\0\n\0", "a packed archive, not JSON; unpack it"),
        (b"7z\xbc\xaf\x27\x1c\n", "a packed archive"),
        (b"PAR1\x15\0\n", "a file of tables, not JSON; export the entries as JSON"),
        (b"Obj\x01\x04\x14avro.codec\n", "a file of tables"),
        (b"<!DOCTYPE html>\n<html>\n", "a web page or XML"),
        (b'<?xml version="1.0"?>\n<Error>', "a web page or XML"),
        (b"---\nhttpRequest:\n  latency: 0.1s\n", "YAML, not JSON; export with gcloud"),
        (b"httpRequest:\n  latency: 0.1s\n", "YAML"),
        (b"insertId,timestamp,httpRequest.status\na,b,200\n", "CSV, not JSON; export"),
        (b'"logName","timestamp"\r\n"a","b"\r\n', "CSV"),
        (b"ERROR: (gcloud.logging.read) refused\n", "an error message of gcloud"),
        (
            b'{"request": 1, "192.0.2.7\\u001b": 2}\n' * 3,
            r"they have the fields '[^']*\\x1b', 'request', and entries a timestamp",
        ),
    ],
)
@pytest.mark.parametrize(
    "pack", [bytes, lambda b: pa.compress(b, "zstd", asbytes=True)]
)
def test_a_file_of_something_else_is_refused_in_a_sentence(
    folder: Folder, content: bytes, words: str, pack: Callable[[bytes], bytes]
) -> None:
    (folder.path / "2022-03-15.json").write_bytes(pack(content))
    with pytest.raises(InputError, match=rf"^2022-03-15\.json .*{words}") as refusal:
        read(folder.logs())
    assert "192.0.2.7" not in str(refusal.value)


@pytest.mark.parametrize(
    "line",
    [
        b'4", "timestamp": "2022-03-15T12:00:00Z"}',
        b"oops, timestamp = 1",
        b"<script>",
        b'{"a": 1}',
        b"---- cut here ----",
    ],
)
def test_a_first_line_that_says_little_is_one_line_that_cannot_be_read(
    folder: Folder, line: bytes
) -> None:
    folder.write("2022-03-15.json", line, ENTRY, ENTRY)
    assert ids(folder.logs()) == [None, "a", "a"]


def test_a_file_over_the_bound_of_what_is_looked_at_is_read_on(folder: Folder) -> None:
    content = as_lines([{"entries": [ENTRY] * 700}] * 40)
    (folder.path / "2022-03-15.json").write_bytes(content)
    assert len(read(open_logs(str(folder.path), 0), DAY)) == 28_000
