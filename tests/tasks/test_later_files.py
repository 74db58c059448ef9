"""A day is made without a later file that is damaged, and again once it is not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, request
from luigi.execution_summary import LuigiStatusCode
from project import Settings

from usage_metrics.monitoring import run_log
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.refresh import refreshes

NEXT = DAY + ONE_DAY
LATE = request("late", DAY, "23:59:59")


@pytest.fixture
def damaged(flow: Flow, settings: Settings) -> Path:
    """Two days, with a late entry of the first in the damaged file of the second."""
    settings("datasette", start=DAY, stop=NEXT + ONE_DAY)
    flow.export_days(1)
    entries = [LATE, *(request(f"n{n}", NEXT) for n in range(2000))]
    lines = "".join(f"{json.dumps(entry)}\n" for entry in reversed(entries))
    file = flow.logs / f"{NEXT}.jsonl.gz"
    file.write_bytes(gzip.compress(lines.encode())[:-30])
    return file


def _ids(flow: Flow) -> list[str]:
    return sorted(flow.table("raw")["insertId"].to_pylist())


def _failed() -> list[tuple[str, str]]:
    return [
        (entry["task"], entry["parameters"].get("date", ""))
        for entry in run_log.read()
        if entry["outcome"] == run_log.FAILED
    ]


def _mend(file: Path) -> None:
    lines = [json.dumps(entry) for entry in (LATE, request("n", NEXT))]
    file.unlink()
    file.write_bytes(gzip.compress("\n".join(lines).encode()))


def _replace(file: Path) -> None:
    file.unlink()
    plain = file.with_suffix("")
    plain.write_text(f"{json.dumps(LATE)}\n{json.dumps(request('n', NEXT))}\n")


def test_only_the_day_of_a_damaged_file_fails_and_the_day_before_names_the_file(
    flow: Flow, damaged: Path
) -> None:
    flow.build(LoadUsage())
    assert _failed() == [("Extract", str(NEXT))]
    assert _ids(flow) == ["a", "b"]
    (unread,) = flow.facts("raw")["unread"]
    assert unread["file"] == damaged.name
    assert "damaged or truncated gzip" in unread["why"]


@pytest.mark.parametrize("mend", [_mend, _replace])
def test_a_day_is_read_again_once_the_damaged_file_is_mended_or_replaced(
    flow: Flow, damaged: Path, mend: Callable[[Path], None]
) -> None:
    flow.build(LoadUsage())
    assert refreshes("datasette") == [], "not before"
    mend(damaged)
    assert flow.build(LoadUsage()).status == LuigiStatusCode.SUCCESS
    assert _ids(flow) == ["a", "b", "late"]
    assert flow.loaded_days() == {str(DAY): 3, str(NEXT): 1}
    assert "unread" not in flow.facts("raw")
    assert refreshes("datasette") == [], "once"
    assert LoadUsage().complete()


def test_a_day_whose_entries_stay_the_same_no_longer_names_a_file_that_is_gone(
    flow: Flow, damaged: Path
) -> None:
    flow.build(LoadUsage())
    before = flow.facts("raw")["content_id"]
    flow.export(NEXT, request("n", NEXT))
    damaged.unlink()
    assert flow.build(LoadUsage()).status == LuigiStatusCode.SUCCESS
    assert flow.facts("raw")["content_id"] == before
    assert "unread" not in flow.facts("raw")


def test_a_day_whose_own_logs_are_gone_as_well_is_left_as_it_is(
    flow: Flow, damaged: Path
) -> None:
    flow.build(LoadUsage())
    damaged.unlink()
    (flow.logs / f"{DAY}.jsonl").unlink()
    flow.export(NEXT + ONE_DAY)
    assert refreshes("datasette") == []
    assert _ids(flow) == ["a", "b"]
