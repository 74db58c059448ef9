"""Which requests count, by the COUNTER Code of Practice for Research Data."""

import datetime as dt
from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_log import (
    DAY,
    Row,
    count_requests,
    events_of,
    outcomes_of,
    requests_of,
    sample_registry,
    table,
)

from usage_metrics.counting.outcomes import OUTCOMES

REGISTRY = sample_registry()
HALF_A_MINUTE = dt.timedelta(seconds=30)

LOGS = {
    "a chain of clicks is one, the last": """
        12:00:00  ann  200  /pudl/plants    double_click
        12:00:20  ann  200  /pudl/plants    double_click
        12:00:40  ann  200  /pudl/plants    double_click
        12:01:00  ann  200  /pudl/plants    counted
    """,
    "clicks further apart than 30 seconds are two": """
        12:00:00  ann  200  /pudl/plants    counted
        12:00:35  ann  200  /pudl/plants    counted
    """,
    "exactly 30 seconds are within": """
        12:00:00  ann  200  /pudl/plants    double_click
        12:00:30  ann  200  /pudl/plants    counted
    """,
    "a microsecond more is not": """
        12:00:00         ann  200  /pudl/plants    counted
        12:00:30.000001  ann  200  /pudl/plants    counted
    """,
    "a chain may end and the next begin": """
        12:00:00  ann  200  /pudl/plants    double_click
        12:00:20  ann  200  /pudl/plants    counted
        12:00:55  ann  200  /pudl/plants    counted
    """,
    "another URL, address or user agent is no double click": """
        12:00:00  ann           200  /pudl/plants         counted
        12:00:01  ann           200  /pudl/utilities      counted
        12:00:02  ann-at-work   200  /pudl/plants         counted
        12:00:03  ann-on-phone  200  /pudl/plants         counted
        12:00:04  bob           200  /pudl/plants         counted
    """,
    "the query is part of the URL": """
        12:00:00  ann  200  /pudl/plants?_next=1    counted
        12:00:01  ann  200  /pudl/plants?_next=2    counted
    """,
    "what a proxy adds to the user agent makes no other visitor": """
        12:00:00  ann           200  /pudl/plants    double_click
        12:00:10  ann-by-proxy  200  /pudl/plants    counted
    """,
    "a failure swallows nothing": """
        12:00:00  ann  200  /pudl/plants    counted
        12:00:10  ann  500  /pudl/plants    status
        12:00:20  bob  500  /pudl/plants    status
        12:00:25  bob  200  /pudl/plants    counted
    """,
    "not modified counts, redirects and refusals do not": """
        12:00:00  ann  304  /pudl/plants    counted
        12:01:00  ann  302  /pudl/plants    status
        12:02:00  ann  404  /pudl/plants    status
        12:03:00  ann  204  /pudl/plants    status
    """,
    "the edge of an hour separates no double click": """
        12:59:50  ann  200  /pudl/plants    double_click
        13:00:10  ann  200  /pudl/plants    counted
    """,
    "nor does that of a day": """
        23:59:20   ann  200  /pudl/plants    counted
        23:59:55   ann  200  /pudl/plants    double_click
        23:59:59   bob  200  /pudl/plants    counted
        +00:00:25  ann  200  /pudl/plants    -
    """,
    "a chain over midnight counts on the next day, however long it is": """
        23:59:10   ann  200  /pudl/plants    double_click
        23:59:35   ann  200  /pudl/plants    double_click
        +00:00:00  ann  200  /pudl/plants    -
        +00:00:25  ann  200  /pudl/plants    -
        +00:00:50  ann  200  /pudl/plants    -
    """,
    "a failure on the next day does not": """
        23:59:55   ann  200  /pudl/plants    counted
        +00:00:05  ann  503  /pudl/plants    -
    """,
    "of equal times the greater id is the later": """
        12:00:00  ann  200  /pudl/plants    double_click
        12:00:00  ann  200  /pudl/plants    counted
    """,
    "the order of the lines is of no account": """
        12:00:10  ann  200  /pudl/plants    counted
        12:00:00  ann  200  /pudl/plants    double_click
    """,
    "ranges of one object are one request a session, the last": """
        12:00:00  script  206  /pudl.db    range_repeat
        12:20:00  script  206  /pudl.db    range_repeat
        12:40:00  script  206  /pudl.db    counted
        13:30:00  script  206  /pudl.db    counted
        12:30:00  bob     206  /pudl.db    counted
    """,
    "objects whose queries differ are two": """
        12:00:00  script  206  /pudl/plants.csv?year=2001    range_repeat
        12:00:05  script  206  /pudl/plants.csv?year=2002    counted
        12:00:10  script  206  /pudl/plants.csv?year=2001    counted
        12:00:15  script  206  /pudl/plants.csv              counted
    """,
    "a whole response and a range soon after are one": """
        12:00:00  script  200  /pudl.db    double_click
        12:00:05  script  206  /pudl.db    counted
    """,
    "with a query as without": """
        12:00:00  script  200  /pudl/plants.csv?_size=max    double_click
        12:00:05  script  206  /pudl/plants.csv?_size=max    range_repeat
        12:00:09  script  206  /pudl/plants.csv?_size=max    counted
    """,
    "ranges read over the edge of an hour are one": """
        12:30:00  script  206  /pudl.db    counted
        12:59:50  script  206  /pudl.db    range_repeat
        13:00:10  script  206  /pudl.db    counted
    """,
    "scripts and unknown agents count, robots and our own do not": """
        12:00:00  script   200  /pudl/plants.json    counted
        12:00:00  nobody   200  /pudl/plants.json    counted
        12:00:00  bot      200  /pudl/plants.json    robot
        12:00:00  monitor  200  /pudl/plants.json    internal
    """,
    "pages about no dataset are told from those about unknown ones": """
        12:00:00  ann  200  /                     not_data
        12:00:01  ann  200  /-/versions.json      not_data
        12:00:02  ann  200  /-/static/app.css     not_data
        12:00:03  ann  200  /robots.txt           not_data
        12:00:04  ann  200  /censusdp1tract/x     unmapped
    """,
}


@pytest.mark.parametrize("case", LOGS)
def test_outcomes_are_those_of_the_standard(case: str) -> None:
    lines = [line.split() for line in LOGS[case].strip().splitlines()]
    log = "\n".join(" ".join(words[:-1]) for words in lines)
    expected = [words[-1] for words in lines if words[-1] != "-"]
    assert outcomes_of(log) == expected


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_request_for_headers_does_not_count_and_swallows_nothing(method: str) -> None:
    today, following = requests_of(
        """
        12:00:00  script  200  /pudl.db
        12:00:01  script  200  /pudl.db
        """
    )
    index = today.column_names.index("request_method")
    today = today.set_column(index, "request_method", pa.array(["GET", method]))
    events = count_requests(today, following, REGISTRY)
    assert events["outcome"].to_pylist() == ["counted", "method"]


def test_each_outcome_occurs_and_says_what_it_means() -> None:
    lines = [
        line.split()[-1] for log in LOGS.values() for line in log.splitlines()[1:-1]
    ]
    assert set(OUTCOMES) - {"method"} <= set(lines)
    assert all(OUTCOMES.values())


def test_a_day_without_requests_has_no_events() -> None:
    assert events_of("").num_rows == 0


def test_requests_of_the_next_day_have_no_events() -> None:
    assert events_of("+00:00:05 ann 200 /pudl/plants").num_rows == 0


def test_counting_again_gives_the_same_whatever_the_salt() -> None:
    log = "\n".join(
        line.rsplit(maxsplit=1)[0]
        for line in LOGS["the edge of an hour separates no double click"]
        .strip()
        .splitlines()
    )
    assert events_of(log).equals(events_of(log))


CLICKS = st.lists(
    st.tuples(
        st.integers(0, 400),  # seconds
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["/pudl/plants", "/pudl/plants?x=1", "/pudl.db"]),
        st.sampled_from([200, 206, 304, 500]),
    ),
    max_size=40,
)


@given(CLICKS, st.integers(0, 400))
def test_counting_agrees_with_a_plain_model(
    clicks: list[tuple[int, str, str, int]], start: int
) -> None:
    """Clicks around midnight: those before it are of the day, the others follow."""
    midnight = dt.datetime.combine(DAY, dt.time(), dt.UTC) + dt.timedelta(days=1)
    rows = []
    for number, (second, who, path, status) in enumerate(clicks):
        (row,) = requests_of(f"12:00:00 {who} {status} {path}")[0].to_pylist()
        row["insert_id"] = f"{number:04d}"
        row["timestamp"] = midnight + dt.timedelta(seconds=second - start)
        rows.append(row)
    today = [row for row in rows if row["timestamp"] < midnight]
    following = [row for row in rows if row["timestamp"] >= midnight]
    events = count_requests(table(today), table(following), REGISTRY)
    assert events["outcome"].to_pylist() == modelled(rows, midnight)


def modelled(rows: list[Row], midnight: dt.datetime) -> list[str]:
    """The rules a click at a time, as one would explain them."""
    chains: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    outcome = {}
    for row in sorted(rows, key=lambda r: (r["timestamp"], r["insert_id"])):
        if row["status"] == 500:
            outcome[row["insert_id"]] = "status"
            continue
        chains[row["remote_ip"], row["user_agent"], row["request_url"]].append(row)
    for chain in chains.values():
        counts = set()
        for number in reversed(range(len(chain))):
            row = chain[number]
            later = chain[number + 1] if number + 1 < len(chain) else None
            hour = row["timestamp"].replace(minute=0, second=0, microsecond=0)
            is_part = row["status"] == 206
            name = "range_repeat" if is_part else "double_click"
            soon = later and later["timestamp"] - row["timestamp"] <= HALF_A_MINUTE
            if soon or (is_part and hour in counts):
                outcome[row["insert_id"]] = name
            else:
                outcome[row["insert_id"]] = "counted"
                counts |= {hour} if is_part else set()
    return [outcome[r["insert_id"]] for r in rows if r["timestamp"] < midnight]
