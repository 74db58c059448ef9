"""Our counts beside what DataCite shows, with the reason where they differ."""

import datetime as dt
from typing import Any

import pytest
from counter_documents import dataset, report
from hub_flow import HubFlow

from usage_metrics.hub.shown import Comparison, Sent, shown_counts

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
LAST_WEEK, LONG_AGO = NOW - dt.timedelta(days=7), NOW - dt.timedelta(days=25)

RIVERS = "10.5072/rivers"


def with_views(count: int, doi: str = RIVERS) -> dict[str, Any]:
    """A dataset that people looked at."""
    about = dataset(doi)
    (instance,) = about["performance"][0]["instance"]
    instance |= {"metric-type": "unique-dataset-investigations", "count": count}
    machine = instance | {"access-method": "machine", "count": 1_000}
    about["performance"][0]["instance"].append(machine)
    return about


def sent(at: dt.datetime, views: int) -> Sent:
    """A report that was accepted."""
    return Sent(at, shown_counts(report(with_views(views))))


@pytest.mark.parametrize(
    ("history", "theirs", "reason"),
    [
        ([sent(LONG_AGO, 20)], 20, ""),
        ([], 0, "not sent"),
        ([sent(LONG_AGO, 20)], None, "DataCite does not know the DOI"),
        ([sent(LONG_AGO, 18)], 18, "counted again since it was sent: submit corrects"),
        (
            [sent(LAST_WEEK, 20)],
            0,
            "sent on 2026-04-24, and not counted by DataCite yet",
        ),
        ([sent(LONG_AGO, 18), sent(LAST_WEEK, 20)], 18, "sent on 2026-04-24, and not"),
        (
            [sent(LONG_AGO, 18), sent(LONG_AGO, 20)],
            18,
            "DataCite has what was sent before the correction",
        ),
        ([sent(LONG_AGO, 20)], 25, "another report counts this DOI, too"),
        ([sent(LONG_AGO, 20)], 22, "the sum of the versions"),
        ([sent(LONG_AGO, 20)], 0, "sent on 2026-04-06, and not counted: ask"),
    ],
)
def test_the_reason_of_a_difference_is_told(
    history: list[Sent], theirs: int | None, reason: str
) -> None:
    now = report(
        with_views(20), with_views(12, "10.5072/1"), with_views(10, "10.5072/2")
    )
    versions = {RIVERS: ["10.5072/1", "10.5072/2"]}
    comparison = Comparison(now, history, versions, NOW)
    shown = None if theirs is None else {"views": theirs, "downloads": 0}
    views, _ = comparison.rows(RIVERS, shown)
    assert (views.ours, views.theirs, views.title) == (20, theirs, "Rivers")
    assert views.reason.startswith(reason) if reason else views.reason == ""


def test_a_month_is_compared_before_and_after_datacite_has_counted_it(
    office: HubFlow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office.command("compare") == 1
    assert capsys.readouterr().out.count("DataCite does not know the DOI") == 4
    assert office.command("submit") == 0
    office.hub.process()
    capsys.readouterr()
    assert office.command("compare") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["10.5072/pudl", "views", "2", "2"],
        ["10.5072/pudl", "downloads", "1", "1"],
        ["10.5072/ferc1", "views", "1", "1"],
        ["10.5072/ferc1", "downloads", "0", "0"],
    ]
