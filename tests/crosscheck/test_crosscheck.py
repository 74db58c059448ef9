"""The comparison with GoAccess, on a made-up log and report."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crosscheck import goaccess
from crosscheck.compare import (
    bytes_in,
    day_of,
    days_in,
    explain,
    missing,
    other_bytes,
    other_visitors,
    path_of,
    paths_in,
    read_combined,
    status_of,
    statuses_in,
    visitors,
    visitors_in,
)
from flow import DAY, request

LINE = (
    '192.0.2.1 - - [17/May/2015:23:30:00 {zone}] "GET {path} HTTP/1.1" 200 5 "-" "x"\n'
)
LOG = [LINE.format(zone="+0000", path="/a"), LINE.format(zone="+0000", path="/b"), "?"]
REPORT = {
    "visitors": {
        "data": [
            {
                "data": "20150517",
                "hits": {"count": 2},
                "bytes": {"count": 10},
                "visitors": {"count": 1},
            }
        ]
    },
    "status_codes": {"data": [{"items": [{"data": "200 - OK", "hits": {"count": 2}}]}]},
    "requests": {
        "data": [{"method": "GET", "data": "/a", "hits": {"count": 1}}],
    },
    "static_requests": {
        "data": [{"method": "GET", "data": "/b", "hits": {"count": 1}}],
    },
}


def test_a_log_and_its_report_say_the_same_of_days_statuses_and_paths() -> None:
    requests = [line.request for line in read_combined(LOG)]
    assert Counter(map(day_of, requests)) == days_in(REPORT) == {"2015-05-17": 2}
    assert Counter(map(status_of, requests)) == statuses_in(REPORT) == {"200": 2}
    assert Counter(map(path_of, requests)) == paths_in(REPORT)


def test_a_day_is_the_utc_day() -> None:
    (line,) = read_combined([LINE.format(zone="-0300", path="/a")])
    assert day_of(line.request) == "2015-05-18"


def test_a_line_that_we_lack_is_found_as_often_as_we_lack_it() -> None:
    lines = list(read_combined([LOG[0], LOG[0], LOG[1]]))
    ours = Counter([lines[0].request])
    assert [line.number for line in missing(lines, ours)] == [2, 3]


def test_a_log_and_its_report_say_the_same_of_bytes_and_visitors() -> None:
    lines = list(read_combined(LOG))
    assert bytes_in(REPORT) == {"2015-05-17": sum(line.size for line in lines)}
    assert visitors_in(REPORT) == visitors(lines, lambda line: line.written_day)


def test_bytes_and_visitors_are_explained_to_the_last_one() -> None:
    broken = LINE.format(zone="+0000", path="/c").replace(" 5 ", " 7 ")
    later = LINE.format(zone="-0300", path="/d").replace("192.0.2.1", "192.0.2.2")
    lost = LINE.format(zone="+0000", path="/e").replace("192.0.2.1", "192.0.2.3")
    texts = [*LOG[:2], broken.rstrip('"\n'), later, lost.replace(" 200 ", " 404 ")]
    lines = list(read_combined(texts))
    lacking = [line for line in lines if not line.is_complete]

    sizes = explain(
        {"2015-05-17": 15, "2015-05-18": 5},
        {"2015-05-17": 27},
        other_bytes(lines, lacking),
    )
    people = explain(
        {"2015-05-17": 2, "2015-05-18": 1},
        {"2015-05-17": 3},
        other_visitors(lines, lacking),
    )
    assert all(difference.reasons for difference in [*sizes, *people])
    assert len(sizes) == len(people) == 2


ENTRIES = [
    # path, status, address, user agent
    ("/pudl/plants.json", 200, "8.8.8.8", "curl/8.10.1"),
    ("/pudl/plants.json", 200, "8.8.8.8", "curl/8.10.1"),
    ("/pudl/a%20b?_next=1", 200, "128.32.0.1", "Mozilla/5.0 (X11; Linux) Firefox/147"),
    ("/pudl", 304, "128.32.0.1", "Mozilla/5.0 (X11; Linux) Firefox/147"),
    ("/nothing", 404, "1.1.1.1", "Mozilla/5.0 (Windows NT 10.0) Firefox/147.0"),
    ("/pudl.db", 206, "2001:4860:4860::8888", "duckdb/v1.4.1(linux_amd64) python"),
    ("/", 200, "66.249.66.1", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://x.com)"),
    ("/ferc1.csv", 500, "9.9.9.9", None),
]


@pytest.mark.skipif(
    shutil.which("goaccess") is None, reason="goaccess, a Debian package, is missing"
)
def test_goaccess_itself_counts_the_same_or_the_reason_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exports, combined = tmp_path / "exports", tmp_path / "combined.log"
    exports.mkdir()
    entries, lines = [], []
    for number, (path, status, address, agent) in enumerate(ENTRIES):
        clock = f"12:00:{number:02}"
        url = f"https://data.example{path}"
        seen: dict[str, Any] = {
            "requestUrl": url,
            "status": status,
            "remoteIp": address,
        }
        sized = {"responseSize": str(1000 + number)}
        named = {"userAgent": agent} if agent else {}
        entries.append(request(f"{number}", clock=clock, **seen | sized | named))
        lines.append(
            f'{address} - - [{DAY:%d/%b/%Y}:{clock} +0000] "GET {path} HTTP/1.1" '
            f'{status} {1000 + number} "-" "{agent or "-"}"\n'
        )
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    (exports / f"{DAY}.jsonl").write_text(text)
    (exports / "2026-03-03.jsonl").write_text("")
    combined.write_text("".join(lines))

    code = goaccess.main(["--exports", f"{exports}", "--combined", f"{combined}"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "8 requests to us" in said
    assert "bytes of each day: 1, of which 1 agree" in said
    assert "all explained" in said
    combined.write_text("".join(lines[1:]))
    assert goaccess.main(["--exports", f"{exports}", "--combined", f"{combined}"]) == 1
    assert "unexplained: 2026-03-02" in capsys.readouterr().out
