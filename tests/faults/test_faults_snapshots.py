"""Snapshots that are killed at any moment, and two runs at once.

A run is a process of its own that dies, as by SIGKILL, at some of its system calls:
when it opens a file to write, renames or removes one, connects to the platform or the
database. The next run must leave what an undisturbed one would have left.
"""

import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flow import Flow
from platform_replies import PLAYED, day_of
from platform_server import PlatformServer
from project import Settings
from snapshot_flow import Days

from usage_metrics.commands import main

# The server's thread is no reason not to: it does nothing at that moment.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

CALLS = {"os.rename", "os.remove", "os.mkdir", "socket.connect", "sqlite3.connect"}
KILLED = 9
MOMENTS = 5

Work = Callable[[], Any]


def is_call(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an audit event is a call at which a run may die."""
    opens_to_write = event == "open" and arguments[2] & os.O_WRONLY
    return event in CALLS or bool(opens_to_write)


def in_process(work: Work, dies_at: int = 0, calls: Path | None = None) -> int:
    """Do work in a process that dies at a call, by its number; its process id.

    Args:
        work: what to do.
        dies_at: the call; 0 for none.
        calls: a file to write the number of calls to.
    """
    process = os.fork()
    if process:
        return process
    left = dies_at

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if is_call(event, arguments):
            left -= 1
            if left == 0:
                os._exit(KILLED)

    try:
        sys.addaudithook(count)
        work()
        if calls:
            calls.write_text(str(-left))
    finally:
        os._exit(0)  # whatever pytest would do at the end, the parent does


def exit_code(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.fixture
def days(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """Two platforms, with a second copy of what they reply."""
    settings("datasette", logs="")
    settings("snapshots", copy=str(flow.folder / "copy"))
    monkeypatch.setenv("GITHUB_TOKEN", "token-for-tests")
    with PlatformServer() as server:
        for name in ("github", "zenodo"):
            section = PLAYED[name].section
            settings(name, **section, endpoint=server.url, attempts=1)
            PLAYED[name].serve(server, 0)
        found = Days(flow, server, monkeypatch)
        found.on(day_of(0))
        yield found


def left_in(flow: Flow) -> list[Any]:
    """Everything that a run leaves, except when it was done."""
    tables = ("snapshot_observations", "snapshot_series")
    rows = [sorted(flow.query(f"SELECT * FROM {t}"), key=repr) for t in tables]
    names = sorted(
        str(file.relative_to(flow.folder)) for file in flow.folder.rglob("*.parquet")
    )
    loaded = flow.query(
        'SELECT "table", source, date, content_id, loaded '
        "FROM usage_metrics_partitions ORDER BY 1, 2, 3"
    )
    return [*rows, names, loaded]


def clear(flow: Flow) -> None:
    for folder in (flow.root, flow.folder / "copy"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in flow.folder.glob("usage.db*"):
        file.unlink()


def kill_at_moments(flow: Flow, work: Work, chance: random.Random) -> None:
    """Kill work at some moments; do it again each time, and compare what is left."""
    calls = flow.folder / "calls"
    exit_code(in_process(work, calls=calls))
    wanted, last = left_in(flow), int(calls.read_text())
    assert wanted[0], "there is something to lose"
    ends = []
    for moment in chance.sample(range(1, last), MOMENTS):
        clear(flow)
        ends.append(exit_code(in_process(work, dies_at=moment)))
        exit_code(in_process(work))
        assert left_in(flow) == wanted, f"after call {moment} of {last}"
    assert KILLED in ends  # the last calls are not as many each time


def test_killed_at_any_moment_and_run_again_it_leaves_what_one_run_would_have_left(
    days: Days,
) -> None:
    kill_at_moments(days.flow, days.run, random.Random())


def test_an_import_that_is_killed_is_done_again(days: Days) -> None:
    archive = days.flow.folder / "archive" / "kaggle"
    archive.mkdir(parents=True)
    for day in (1, 2, 3):
        told = {"totalDownloads": 17 + day, "totalViews": 152, "totalVotes": 3}
        (archive / f"2025-10-0{day}.json").write_text(json.dumps(told))
    command = ["import", "kaggle", str(archive), "--subject", "example/data"]
    kill_at_moments(days.flow, lambda: main(command), random.Random())


def test_two_runs_at_once_leave_what_one_would_have_left(days: Days) -> None:
    assert exit_code(in_process(days.run)) == 0
    wanted = left_in(days.flow)
    clear(days.flow)
    days.server.asked.clear()
    both = [in_process(days.run) for _ in range(2)]
    assert [exit_code(process) for process in both] == [0, 0]
    assert left_in(days.flow) == wanted
    parts = sum(PLAYED[name].replies for name in ("github", "zenodo"))
    assert len(days.server.asked) == parts, "each part is asked for once"
