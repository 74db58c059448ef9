"""Under ``luigid``, with the luigi.cfg that is shipped and two workers."""

import contextlib
import datetime as dt
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, needs_browser
from faults.place import Place, free_port, luigid, wait_for
from flow import DAY, ONE_DAY, Flow, days
from project import ROOT

from usage_metrics.tasks.stages import Extract

ROWS = "[...document.querySelectorAll('tbody tr')]"


class Site:
    """A scheduler, and a folder with the shipped luigi.cfg in which runs use it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.flow = Flow(folder)
        self.port = port

    def load(self, day: dt.date = DAY, number: int = 3) -> tuple[int, str]:
        """Load some days with two workers: the exit code, and what stood there."""
        days = ["--start", str(day), "--stop", str(day + number * ONE_DAY)]
        where = ["--scheduler-port", str(self.port), "--workers", "2", "--no-lock"]
        return Place(self.flow.folder).run("LoadSQLite", *days, *where)

    def ask(self, method: str, **parameters: str) -> Any:
        """Ask the scheduler, as the visualiser does."""
        query = urllib.parse.urlencode({"data": json.dumps(parameters)})
        return json.loads(self.get(f"/api/{method}?{query}"))["response"]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as reply:
            text: str = reply.read().decode()
        return text

    def tasks(self, status: str) -> dict[str, str]:
        """The names of the tasks of some status, and their ids."""
        found = self.ask("task_list", status=status, upstream_status="")
        return {task["display_name"]: id_ for id_, task in found.items()}

    def message(self, task_id: str) -> str:
        reply = self.ask("get_task_status_message", task_id=task_id)
        return str(reply["statusMessage"])


@contextlib.contextmanager
def _site(folder: Path) -> Iterator[Site]:
    cfg = (ROOT / "luigi.cfg").read_text()
    head = "[scheduler]\n"
    (folder / "luigi.cfg").write_text(
        cfg.replace(head, f"{head}metrics_collector = prometheus\n")
    )
    (folder / "data").mkdir()
    (folder / "logs").mkdir()
    (folder / "data/sample_logs").symlink_to(folder / "logs")
    with luigid(Place(folder)) as port:
        yield Site(folder, port)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three days were loaded; tests only look at what came of it."""
    with _site(tmp_path_factory.mktemp("loaded")) as site:
        site.flow.export_days(3)
        code, screen = site.load()
        assert code == 0, screen
        assert "Traceback" not in screen
        yield site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A scheduler for tests that run something, each on days of its own."""
    with _site(tmp_path_factory.mktemp("site")) as site:
        yield site


def test_two_workers_make_everything_and_the_visualiser_shows_what_came_of_it(
    loaded: Site,
) -> None:
    done = loaded.tasks("DONE")
    families = [name.partition("(")[0] for name in done]
    assert sorted(families) == sorted(
        ["Extract", "Clean", "Geocode"] * 3 + ["LoadSQLite"]
    )
    messages = {
        name.partition("(")[0]: loaded.message(task_id)
        for name, task_id in done.items()
    }
    assert messages["Extract"] == "2 log entries"
    assert messages["Clean"].startswith("2 requests · 0 rejected")
    assert messages["Geocode"] == "2 requests · 1 address"
    assert messages["LoadSQLite"].startswith("6 requests of 3 days loaded into")
    for name, task_id in done.items():
        progress = loaded.ask("get_task_progress_percentage", task_id=task_id)
        assert progress["progressPercentage"] == 100, name


def test_days_are_made_in_their_order(loaded: Site) -> None:
    done = loaded.ask("task_list", status="DONE", upstream_status="")
    extracts = [task for task in done.values() if task["name"] == "Extract"]
    began = sorted(extracts, key=lambda task: float(task["time_running"]))
    dates = [task["params"]["date"] for task in began]
    assert dates == sorted(dates)


@needs_browser
def test_the_visualiser_in_a_browser_says_what_came_of_each_day(
    loaded: Site, browser: Page
) -> None:
    page = f"http://127.0.0.1:{loaded.port}/static/visualiser/index.html"
    browser.driver.get(page)
    # All of them, on one page.
    browser.wait_for(f"return {ROWS}.length === 10")
    by_priority = "document.querySelectorAll('th')[3]"
    browser.run(f"{by_priority}.click()")
    browser.run(f"{by_priority}.click()")  # the highest first
    rows = f"{ROWS}.map((row) => row.innerText.split(/\\s+/))"
    browser.wait_for(f"return {rows}[0].includes('source=datasette')")
    shown = [" ".join(row) for row in browser.run(f"return {rows}")[:9]]
    assert all("DONE" in row and "source=datasette" in row for row in shown)
    dates = [row.partition("date=")[2][:10] for row in shown]
    assert dates == [str(day) for day in days(3) for _ in range(3)]
    browser.run(f"""
        {ROWS}.find((row) => row.innerText.includes("Extract"))
            .querySelector(".statusMessage").click()
    """)
    message = "document.querySelector('#statusMessageModal pre')"
    said = browser.wait_for(f"return {message} && {message}.textContent")
    assert said == "2 log entries"


def test_what_the_visualiser_shows_as_html_is_escaped() -> None:
    shown: list[str] = []
    task = Extract(date=DAY)
    task.set_status_message = shown.append
    task.show("<script>alert(1)</script> & 2 log entries")
    task.set_status_message = None
    assert shown == ["&lt;script&gt;alert(1)&lt;/script&gt; &amp; 2 log entries"]


def test_prometheus_is_told_how_many_tasks_of_each_family_ran_and_failed(
    loaded: Site,
) -> None:
    metrics = loaded.get("/metrics")
    assert 'luigi_task_done_total{family="Geocode"} 3.0' in metrics
    assert 'luigi_task_failed_total{family="Geocode"}' not in metrics
    assert 'luigi_task_execution_time_seconds{family="LoadSQLite"}' in metrics


def test_what_is_deleted_can_be_asked_for_again_at_once(site: Site) -> None:
    day = DAY + 10 * ONE_DAY
    site.flow.export_days(1, day)
    code, screen = site.load(day, 1)
    assert code == 0, screen
    for stage in ("cleaned", "geocoded"):
        site.flow.delete(stage, day)
    time.sleep(1.1)  # stable_done_cooldown_secs; Luigi's own default is ten
    code, screen = site.load(day, 1)
    assert code == 0, screen
    assert site.flow.partition("geocoded", day).exists()


def test_a_failed_day_shows_as_a_sentence(site: Site) -> None:
    day = DAY + 20 * ONE_DAY
    site.flow.export(day, "nonsense")
    code, screen = site.load(day, 1)
    assert code == 30, screen
    ((name, task_id),) = site.tasks("FAILED").items()
    assert name.startswith("Clean(")
    error = site.ask("fetch_error", task_id=task_id)["error"]
    assert json.loads(error).startswith(f"datasette {day}: 1 of 1 lines could not be")
    assert "Traceback" not in error


def test_a_task_that_waits_for_logs_says_for_which(site: Site) -> None:
    day = DAY + 30 * ONE_DAY
    site.flow.export_days(1, day)
    code, screen = site.load(day, 2)
    assert code == 20, screen
    pending = site.ask("task_list", status="PENDING", upstream_status="")
    (logs,) = [task for task in pending.values() if task["name"] == "LogsOfDays"]
    why = f"{day + ONE_DAY} is not exported yet"
    assert logs["params"]["waits_because"].startswith(why)
    assert why in logs["display_name"]


def test_luigid_as_the_docs_start_it_keeps_what_it_knows_and_stops_without_a_traceback(
    tmp_path: Path,
) -> None:
    shutil.copy(ROOT / "luigi.cfg", tmp_path)
    (tmp_path / "data").mkdir()
    docs = (ROOT / "docs/nightly.md").read_text()
    (command,) = re.findall(r"^\.venv/bin/(luigid .*)$", docs, re.MULTILINE)
    port = free_port()
    arguments = command.replace("8082", str(port)).split()
    program = Path(sys.executable).with_name(arguments[0])
    for remembers in ("Starting with empty state", "Attempting to load state from"):
        with subprocess.Popen(
            [program, *arguments[1:]],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            wait_for("127.0.0.1", port)
            daemon.send_signal(signal.SIGINT)
            _, log = daemon.communicate(timeout=60)
        assert remembers in log
        assert "Saved state in data/luigid.pickle" in log
        assert "Traceback" not in log


def test_without_a_scheduler_it_fails_after_two_attempts_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    shutil.copy(ROOT / "luigi.cfg", tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        code, screen = Site(tmp_path, closed.getsockname()[1]).load()
    assert code == 40, screen
    assert "Errors (2 attempts) when connecting to remote scheduler" in screen
    assert "start luigid, or do without: luigi with --local" in screen
