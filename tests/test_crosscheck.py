"""The comparison with GoAccess, on a made-up log and report."""

from collections import Counter

from crosscheck.compare import (
    day_of,
    days_in,
    missing,
    path_of,
    paths_in,
    read_combined,
    status_of,
    statuses_in,
)

LINE = (
    '192.0.2.1 - - [17/May/2015:23:30:00 {zone}] "GET {path} HTTP/1.1" 200 5 "-" "x"\n'
)
LOG = [LINE.format(zone="+0000", path="/a"), LINE.format(zone="+0000", path="/b"), "?"]
REPORT = {
    "visitors": {"data": [{"data": "20150517", "hits": {"count": 2}}]},
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
