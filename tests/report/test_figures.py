"""The figures of the report, on a little log that a person can add up."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import run_luigi
from flow import DAY, ONE_DAY, Flow, days, request

from usage_metrics.dates import consecutive
from usage_metrics.errors import StorageError
from usage_metrics.report import figures, quality
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
CURL = "curl/8.15.0"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BERKELEY, HETZNER, CERN = "128.32.1.1", "88.198.1.1", "137.138.1.1"
STOP = DAY + 10 * ONE_DAY
"""The log has two days of the first week and one of the second."""
CONFIG = f"""\
[datasette]
logs = logs
start = {DAY}
stop = {STOP}
[database]
path = usage.db
"""


def entries() -> dict[dt.date, list[dict[str, Any]]]:
    """Who asked for what, when."""

    def ask(
        number: int, day: dt.date, agent: str, ip: str, path: str, **more: Any
    ) -> dict[str, Any]:
        return request(
            f"{day}-{number}",
            day,
            f"12:{number:02}:00",
            userAgent=agent,
            remoteIp=ip,
            requestUrl=f"https://data.example{path}",
            **more,
        )

    first, second, later = DAY, DAY + ONE_DAY, DAY + 8 * ONE_DAY
    return {
        first: [
            ask(1, first, FIREFOX, BERKELEY, "/pudl/plants", responseSize="100"),
            ask(2, first, FIREFOX, BERKELEY, "/ferc1/f1_fuel", responseSize="100"),
            ask(3, first, CURL, HETZNER, "/pudl/plants.json"),
            ask(4, first, CURL, HETZNER, "/pudl/plants.json?_next=2"),
            ask(5, first, CURL, HETZNER, "/pudl/plants.json?_next=3"),
            ask(6, first, CURL, HETZNER, "/pudl/plants.json?_next=4", status=500),
            ask(7, first, BOT, "66.249.66.1", "/pudl/plants"),
        ],
        second: [
            ask(
                *(1, second, FIREFOX, BERKELEY, "/pudl/plants"),
                referer="https://www.berkeley.edu/energy?who=me",
            ),
        ],
        later: [
            ask(
                *(1, later, FIREFOX, CERN, "/pudl/utilities"),
                referer="https://data.example/pudl",
            ),
            ask(2, later, FIREFOX, BERKELEY, "/pudl/plants"),
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log, counted and loaded."""
    folder = tmp_path_factory.mktemp("little")
    (folder / "luigi.cfg").write_text(CONFIG)
    flow = Flow(folder)
    flow.logs.mkdir()
    asked = entries()
    for day in days(10):
        flow.export(day, *asked.get(day, []))
    task = ["--module", "usage_metrics", "LoadUsage", "--local-scheduler"]
    done = run_luigi(task, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    with open_tables(folder / "usage.db") as tables:
        yield Database(tables)


def span(grain: str = "day", start: dt.date = DAY) -> Span:
    return Span("datasette", start, STOP, grain)


def test_use_by_class_is_there_for_each_dataset_and_for_all(
    database: Database,
) -> None:
    rows = figures.by_class(database, span("week"))
    first = rows[rows["period"] == DAY.isoformat()]
    shown = ["dataset", "agent_class", "requests", "counted", "visitor_days", "errors"]
    assert first[shown].to_numpy().tolist() == [
        ["all", "human", 3, 3, 2, 0],
        ["all", "machine", 4, 3, 1, 1],
        ["all", "robot", 1, 0, 1, 0],
        ["ferc1", "human", 1, 1, 1, 0],
        ["pudl", "human", 2, 2, 2, 0],
        ["pudl", "machine", 4, 3, 1, 1],
        ["pudl", "robot", 1, 0, 1, 0],
    ]


@pytest.mark.parametrize(
    "question",
    [
        *(figures.by_dataset, figures.by_table, figures.by_format, figures.by_page),
        *(figures.by_country, figures.by_city, figures.by_organization),
        *(figures.by_referrer, figures.by_agent, figures.by_path),
    ],
)
def test_each_question_accounts_for_every_request(
    database: Database, question: object
) -> None:
    for grain in ("day", "week", "month"):
        rows = question(database, span(grain))  # type: ignore[operator]
        assert rows[["requests", "counted"]].sum().tolist() == [10, 8]


def test_a_ranking_says_the_share_of_each(database: Database) -> None:
    ranked = figures.ranking(
        figures.by_organization(database, span()), ["organization"], by="requests"
    )
    assert [name.split(" ")[0] for name in ranked["organization"]] == [
        "AS24940",
        "AS25",
        "AS15169",
        "AS513",
    ]
    assert ranked["share"].tolist() == [0.4, 0.4, 0.1, 0.1]


def test_weeks_begin_on_monday(database: Database) -> None:
    weeks = figures.requests_per_week(database, span())
    assert weeks.to_dict("index") == {
        "2026-03-02": {"human": 3, "machine": 4, "robot": 1},
        "2026-03-09": {"human": 2, "machine": 0, "robot": 0},
    }


def test_an_organisation_is_new_once_and_returns_ever_after(
    database: Database,
) -> None:
    rows = figures.new_and_returning(database, span("week"))
    rows = rows[(rows["dataset"] == "all") & (rows["agent_class"] == "all")]
    shown = ["period", "organizations", "new", "returning", "is_first"]
    assert rows[shown].to_numpy().tolist() == [
        ["2026-03-02", 2, 2, 0, True],
        ["2026-03-09", 2, 1, 1, False],
    ]


def test_what_was_before_the_span_is_remembered_of_organisations(
    database: Database,
) -> None:
    rows = figures.new_and_returning(database, span("day", DAY + 8 * ONE_DAY))
    rows = rows[(rows["dataset"] == "all") & (rows["agent_class"] == "human")]
    assert rows[["new", "returning"]].to_numpy().tolist() == [[1, 1]]


def test_reach_counts_an_organisation_once_however_many_datasets_it_used(
    database: Database,
) -> None:
    rows = figures.reach(database, span()).set_index(["dataset", "agent_class"])
    assert rows.loc[("all", "all"), "organizations_counted"] == 3
    assert rows.loc[("all", "human"), "organizations_counted"] == 2
    assert rows.loc[("ferc1", "human"), "organizations_counted"] == 1
    assert rows.loc[("all", "robot"), "organizations_counted"] == 0
    assert rows.loc[("all", "robot"), "organizations_requests"] == 1


def test_concentration_stands_beside_what_is_left_without_the_largest(
    database: Database,
) -> None:
    rows = figures.concentration(database, span()).set_index("dataset")
    everything = rows.loc["all"]
    assert everything["organization"].startswith("AS24940")
    assert everything["largest_share"] == 0.4
    assert everything["requests_without_largest"] == 6
    assert everything["counted_without_largest"] == 5
    assert rows.index[0] == "all"


def test_our_own_hosts_are_those_that_were_asked(
    database: Database,
) -> None:
    assert figures.own_hosts(database, span()) == ["data.example"]


def test_a_period_says_of_how_many_days_there_are_figures(
    database: Database,
) -> None:
    longer = Span("datasette", DAY - 3 * ONE_DAY, STOP, "week")
    rows = figures.periods(database, longer)
    assert rows.to_numpy().tolist() == [
        ["2026-02-23", "2026-02-27", "2026-03-01", 3, 0],
        ["2026-03-02", "2026-03-02", "2026-03-08", 7, 7],
        ["2026-03-09", "2026-03-09", "2026-03-11", 3, 3],
    ]


def test_what_was_filtered_is_a_share_of_lines_or_of_requests(
    database: Database,
) -> None:
    found = quality.what_was_filtered(quality.reconciliation(database, span()))
    rows = found[found["number"] > 0].set_index("reason")
    assert rows.loc["A request of a robot", ["of", "number"]].tolist() == [
        "requests",
        1,
    ]
    assert rows["share"].sum() == pytest.approx(0.2)  # the robot, and the failure


def test_missing_days_are_named_as_ranges(database: Database) -> None:
    longer = Span("datasette", DAY - 2 * ONE_DAY, STOP + ONE_DAY)
    days = quality.reconciliation(database, longer)["date"]
    missing = quality.missing_days(days, longer)
    assert consecutive(missing) == [
        (DAY - 2 * ONE_DAY, DAY - ONE_DAY),
        (STOP, STOP),
    ]


def test_versions_say_from_when_to_when() -> None:
    facts = {
        DAY: {"list": "1"},
        DAY + ONE_DAY: {"list": "1"},
        DAY + 2 * ONE_DAY: {"list": "2"},
    }
    assert quality.versions(facts) == [
        ("list", "1", DAY, DAY + ONE_DAY, 2),
        ("list", "2", DAY + 2 * ONE_DAY, DAY + 2 * ONE_DAY, 1),
    ]


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"none\.db.*LoadUsage"),
        open_tables(tmp_path / "none.db") as tables,
    ):
        figures.by_class(Database(tables), span())


def test_a_database_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear database, " * 1000)
    with (
        pytest.raises(StorageError, match="not a database"),
        open_tables(file) as tables,
    ):
        figures.by_class(Database(tables), span())
