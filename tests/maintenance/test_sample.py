"""The sample logs: the tracked files are what the generator makes, flaws included."""

import datetime as dt
import gzip
import ipaddress
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from project import ROOT, SAMPLE_REGISTRY

from usage_metrics.maintenance.sample import Sample, lines_of, write
from usage_metrics.maintenance.sample.days import (
    DUPLICATES,
    GARBLED_DAY,
    NOT_REQUESTS,
)
from usage_metrics.maintenance.sample.population import DOMINATING
from usage_metrics.sources.datasette import SOURCE
from usage_metrics.tasks.datasets_registry import read_registry

FOLDER = ROOT / "data" / "sample_logs"
SAMPLE = Sample()
SMALL = Sample(days=12, requests=40)
NOBODY = dt.date(2026, 3, 8)


Lines = dict[dt.date, list[str]]
Entry = dict[str, Any]


def facts(sample: Sample, date: dt.date) -> dict[str, int]:
    """What a day's file should hold, and the requests of that day in all files."""
    if date not in sample.dates():
        return dict.fromkeys(
            [*("lines", "duplicates", "late"), *("not_requests", "garbled", "of_day")],
            0,
        )
    requests, late = sample.requests_in_file(date), sample.late_in_file(date)
    garbled = int((date - sample.start).days == GARBLED_DAY)
    return {
        "lines": requests + DUPLICATES + NOT_REQUESTS + garbled,
        "duplicates": DUPLICATES,
        "late": late,
        "not_requests": NOT_REQUESTS,
        "garbled": garbled,
        "of_day": requests - late + sample.late_in_file(date + dt.timedelta(1)),
    }


def read(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def parse(lines: list[str]) -> list[Entry]:
    """The distinct log entries among lines, without lines that are not JSON."""
    entries = []
    for line in dict.fromkeys(lines):
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return entries


@pytest.fixture(scope="module")
def tracked() -> Lines:
    """The lines of each tracked file."""
    return {
        dt.date.fromisoformat(path.name[:10]): read(path)
        for path in sorted(FOLDER.glob("*.jsonl.gz"))
    }


@pytest.fixture(scope="module")
def entries(tracked: Lines) -> dict[dt.date, list[Entry]]:
    """The distinct entries of each tracked file."""
    return {date: parse(lines) for date, lines in tracked.items()}


@pytest.fixture(scope="module")
def requests(entries: dict[dt.date, list[Entry]]) -> list[Entry]:
    """Every distinct request of the tracked files: its httpRequest and its entry."""
    return [
        {**entry["httpRequest"], "entry": entry}
        for found in entries.values()
        for entry in found
        if "httpRequest" in entry
    ]


def test_the_tracked_files_hold_what_the_generator_makes(tracked: Lines) -> None:
    assert tracked == {date: lines_of(SAMPLE, date) for date in SAMPLE.dates()}


def test_the_tracked_files_are_small_enough_for_a_repository() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


def test_it_is_fourteen_days_of_about_1_500_requests_with_one_empty_day(
    tracked: Lines,
) -> None:
    assert len(tracked) == 13
    assert min(tracked) == dt.date(2026, 3, 2)
    assert max(tracked) == dt.date(2026, 3, 15)
    assert NOBODY not in tracked
    assert 1_350 < sum(map(len, tracked.values())) / len(tracked) < 1_650


@pytest.mark.parametrize("date", [SAMPLE.start + dt.timedelta(d) for d in range(14)])
def test_each_file_has_its_flaws_and_each_day_its_requests(
    tracked: Lines,
    entries: dict[dt.date, list[Entry]],
    requests: list[Entry],
    date: dt.date,
) -> None:
    lines = tracked.get(date, [])
    found = entries.get(date, [])
    times = [entry["timestamp"][:10] for entry in found if "httpRequest" in entry]
    of_all = [request["entry"]["timestamp"][:10] for request in requests]
    assert facts(SAMPLE, date) == {
        "lines": len(lines),
        "duplicates": len(lines) - len(set(lines)),
        "late": len(times) - times.count(str(date)),
        "not_requests": len(found) - len(times),
        "garbled": len(set(lines)) - len(found),
        "of_day": of_all.count(str(date)),
    }


def test_exactly_one_line_is_garbled(tracked: Lines) -> None:
    assert sum(facts(SAMPLE, date)["garbled"] for date in tracked) == 1


def test_a_late_line_belongs_to_the_day_before_and_was_received_after_midnight(
    entries: dict[dt.date, list[Entry]],
) -> None:
    late = [
        (date, entry)
        for date, found in entries.items()
        for entry in found
        if not entry["timestamp"].startswith(str(date))
    ]
    assert len(late) == 33
    for date, entry in late:
        assert entry["timestamp"].startswith(str(date - dt.timedelta(days=1)))
        assert entry["receiveTimestamp"].startswith(f"{date}T00:00:")


def test_an_entry_has_the_shape_that_cloud_logging_writes(
    requests: list[Entry],
) -> None:
    (plain,) = [
        request
        for request in requests
        if request["entry"]["insertId"] == "69a62475000873b29ed6bbaa"
    ]
    entry = plain["entry"]
    assert list(entry) == [
        "insertId",
        "httpRequest",
        "resource",
        "timestamp",
        "severity",
        "labels",
        "logName",
        "receiveTimestamp",
    ]
    assert entry["timestamp"] == "2026-03-02T23:59:49.553906Z"
    assert entry["receiveTimestamp"] == "2026-03-03T00:00:18.080766683Z"
    assert entry["httpRequest"]["responseSize"] == "24411"
    assert entry["httpRequest"]["latency"] == "0.136317s"


def test_an_insert_id_begins_with_its_time_and_is_unique(
    requests: list[Entry],
) -> None:
    ids = [request["entry"]["insertId"] for request in requests]
    assert len(set(ids)) == len(ids)
    for request in requests:
        insert_id = request["entry"]["insertId"]
        seconds, micros = int(insert_id[:8], 16), int(insert_id[8:16], 16)
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=micros)
        assert dt.datetime.fromisoformat(request["entry"]["timestamp"]) == moment


@pytest.mark.parametrize(
    "what",
    [
        "/robots.txt",
        "/favicon.ico",
        "/-/versions.json",
        "/-/static/app.css",
        "/pudl.db",
        "/ferc1.db",
        "/pudl",
        "/ferc1/f1_steam",
        "/pudl/-/query",
        "/pudl/generation_eia923.json",
        "/pudl/fuel_receipts_costs_eia923.csv",
        "/wp-login.php",
    ],
)
def test_people_and_programs_ask_for(requests: list[Entry], what: str) -> None:
    assert any(urlsplit(request["requestUrl"]).path == what for request in requests)


@pytest.mark.parametrize("status", [200, 204, 206, 302, 304, 400, 404, 500, 503])
def test_the_site_answers(requests: list[Entry], status: int) -> None:
    assert any(request["status"] == status for request in requests)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_they_ask_with(requests: list[Entry], method: str) -> None:
    assert any(request["requestMethod"] == method for request in requests)


@pytest.mark.parametrize(
    "agent", ["Firefox", "python-requests", "curl", "Googlebot", "GPTBot", "GoogleHC"]
)
def test_browsers_scripts_crawlers_and_monitors_come(
    requests: list[Entry], agent: str
) -> None:
    assert any(agent in request.get("userAgent", "") for request in requests)


@pytest.mark.parametrize("field", ["remoteIp", "userAgent", "responseSize", "referer"])
def test_a_field_is_absent_in_some(requests: list[Entry], field: str) -> None:
    assert 0 < sum(field not in request for request in requests) < len(requests)


@pytest.mark.parametrize(
    "field", ["apphub", "errorGroups", "spanId", "textPayload", "trace", "traceSampled"]
)
def test_some_entries_have_more(requests: list[Entry], field: str) -> None:
    assert 0 < sum(field in request["entry"] for request in requests) < len(requests)


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("requestUrl", "<script>"),
        ("requestUrl", "é"),
        ("requestUrl", "%00%ZZ"),
        ("requestUrl", "..%2f"),
        ("userAgent", "DROP TABLE"),
        ("userAgent", "\x1b[31m"),
        ("userAgent", '"quoted", \\'),
    ],
)
def test_some_of_it_is_hostile(requests: list[Entry], field: str, what: str) -> None:
    assert any(what in request.get(field, "") for request in requests)


def test_a_query_may_be_long(requests: list[Entry]) -> None:
    assert max(len(request["requestUrl"]) for request in requests) > 2_000


def test_one_address_makes_most_of_the_data_requests(requests: list[Entry]) -> None:
    data = [
        request.get("remoteIp")
        for request in requests
        if any(
            part in urlsplit(request["requestUrl"]).path
            for part in ("/pudl", "/ferc1", ".json", ".csv")
        )
    ]
    address, count = Counter(data).most_common(1)[0]
    assert address in DOMINATING.addresses
    assert 0.6 < count / len(data) < 0.9


def test_addresses_are_of_both_versions_some_nobody_has_and_every_one_is_valid(
    requests: list[Entry],
) -> None:
    addresses = {
        ipaddress.ip_address(request["remoteIp"])
        for request in requests
        if "remoteIp" in request
    }
    assert {address.version for address in addresses} == {4, 6}
    assert {address.is_global for address in addresses} == {True, False}


def test_a_written_file_is_the_same_bytes_whenever_and_under_any_hash_seed(
    tmp_path: Path,
) -> None:
    for seed in ("1", "2"):
        subprocess.run(
            [
                sys.executable,
                *("-m", "usage_metrics.maintenance.sample", tmp_path / seed),
                *("--days", "1", "--requests", "40"),
            ],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=True,
        )
    name = "2026-03-02.jsonl.gz"
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_the_registry_of_its_datasets_is_written_with_the_logs(tmp_path: Path) -> None:
    write(SMALL, tmp_path)
    written = (tmp_path / "datasets.toml").read_text()
    assert written == SAMPLE_REGISTRY.read_text()
    registry = read_registry(tmp_path / "datasets.toml")
    assert [dataset.id for dataset in registry.datasets] == ["pudl", "ferc1"]


def test_the_registry_is_no_log() -> None:
    reader = SOURCE.open_logs(SimpleNamespace(logs=str(FOLDER), late_days=1))
    assert "13" in reader.describe()


def test_another_seed_makes_other_lines() -> None:
    other = SMALL._replace(seed="other")
    assert lines_of(other, other.start) != lines_of(SMALL, SMALL.start)


def test_a_day_is_the_same_in_a_longer_sample() -> None:
    longer = SMALL._replace(days=14)
    date = SMALL.start + dt.timedelta(days=9)
    assert lines_of(longer, date) == lines_of(SMALL, date)


def test_a_small_sample_can_be_written_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write(SMALL, folder)
    assert len(list(folder.glob("*.jsonl.gz"))) == 11
    lines = read(folder / "2026-03-11.jsonl.gz")
    assert len(lines) == facts(SMALL, dt.date(2026, 3, 11))["lines"]


def test_too_few_requests_are_refused(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "usage_metrics.maintenance.sample",
            tmp_path,
            "--requests",
            "3",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "--requests must be at least 20" in run.stderr
    assert not list(tmp_path.iterdir())
