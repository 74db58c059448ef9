"""Under ``luigid``, with the luigi.cfg that is shipped and two workers."""

import json
import os
import shutil
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
from chromium import Page, chromium, needs_browser
from flow import DAY, ONE_DAY, Flow, days
from project import ROOT

from usage_metrics.tasks.stages import Extract

PROGRAMS = Path(sys.executable).parent
ROWS = "[...document.querySelectorAll('tbody tr')]"

SHIPPED = ROOT / "luigi.cfg"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """A folder with the shipped luigi.cfg, and the logs of three days."""
    folder = tmp_path_factory.mktemp("luigid")
    found = Flow(folder)
    shutil.copy(SHIPPED, folder)
    with (folder / "luigi.cfg").open("a") as cfg:  # of its last section, [scheduler]
        cfg.write("metrics_collector = prometheus\n")
    (folder / "data").mkdir()
    (folder / "logs").mkdir()
    (folder / "data/sample_logs").symlink_to(folder / "logs")
    found.export_days(3)
    return found


@pytest.fixture(scope="module")
def port(here: Flow) -> Iterator[int]:
    """The port of a scheduler of our own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    command = [f"{PROGRAMS}/luigid", "--address", "127.0.0.1", "--port", str(number)]
    command += ["--state-path", f"{here.folder}/luigid.pickle"]
    with subprocess.Popen(
        command, cwd=here.folder, stderr=subprocess.DEVNULL
    ) as daemon:
        try:
            _wait_for(number, daemon)
            yield number
        finally:
            daemon.terminate()
            daemon.wait()


def _wait_for(port: int, daemon: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert daemon.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("luigid does not listen")


def _load(here: Flow, port: int, *arguments: str) -> tuple[int, str]:
    command = [f"{PROGRAMS}/luigi", "--module", "usage_metrics", "LoadSQLite"]
    stop = ["--stop", str(DAY + 3 * ONE_DAY), "--workers", "2"]
    process = subprocess.run(
        [*command, *stop, "--scheduler-port", str(port), *arguments],
        cwd=here.folder,
        env={k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return process.returncode, process.stdout


def _ask(port: int, method: str, **parameters: str) -> Any:
    """Ask the scheduler, as the visualiser does."""
    query = urllib.parse.urlencode({"data": json.dumps(parameters)})
    url = f"http://127.0.0.1:{port}/api/{method}?{query}"
    with urllib.request.urlopen(url) as reply:
        return json.load(reply)["response"]


def _tasks(port: int, status: str) -> dict[str, str]:
    """The names of the tasks of some status, and their ids."""
    found = _ask(port, "task_list", status=status, upstream_status="")
    return {task["display_name"]: id_ for id_, task in found.items()}


def _message(port: int, task_id: str) -> str:
    reply = _ask(port, "get_task_status_message", task_id=task_id)
    return str(reply["statusMessage"])


def test_two_workers_make_everything_and_the_visualiser_shows_what_came_of_it(
    here: Flow, port: int
) -> None:
    code, screen = _load(here, port)
    assert code == 0, screen
    assert "Traceback" not in screen
    done = _tasks(port, "DONE")
    families = [name.partition("(")[0] for name in done]
    assert sorted(families) == sorted(
        ["Extract", "Clean", "Geocode"] * 3 + ["LoadSQLite", "RangeDaily"]
    )
    messages = {
        name.partition("(")[0]: _message(port, task_id)
        for name, task_id in done.items()
    }
    assert messages["Extract"] == "2 log entries"
    assert messages["Clean"].startswith("2 requests · 0 rejected")
    assert messages["Geocode"] == "2 requests · 1 addresses"
    assert messages["LoadSQLite"].startswith("6 requests of 3 days loaded into")
    for name, task_id in done.items():
        if not name.startswith("RangeDaily"):
            progress = _ask(port, "get_task_progress_percentage", task_id=task_id)
            assert progress["progressPercentage"] == 100, name


def test_days_are_made_in_their_order(here: Flow, port: int) -> None:
    done = _ask(port, "task_list", status="DONE", upstream_status="")
    extracts = [task for task in done.values() if task["name"] == "Extract"]
    began = sorted(extracts, key=lambda task: float(task["time_running"]))
    dates = [task["params"]["date"] for task in began]
    assert dates == sorted(dates)


@needs_browser
def test_the_visualiser_in_a_browser_says_what_came_of_each_day(
    here: Flow, port: int, tmp_path: Path
) -> None:
    with chromium(tmp_path) as page:
        page.driver.get(f"http://127.0.0.1:{port}/static/visualiser/index.html")
        assert _until(page, f"return {ROWS}.length") == 10, "of eleven, a page"
        page.run("document.querySelectorAll('th')[3].click()")  # by priority
        page.run("document.querySelectorAll('th')[3].click()")  # the highest first
        rows = page.run(f"return {ROWS}.map((row) => row.innerText.split(/\\s+/))")
        shown = [" ".join(row) for row in rows[:9]]
        assert all("DONE" in row and "source=datasette" in row for row in shown)
        dates = [row[row.index("date=") + 5 :][:10] for row in shown]
        assert dates == [str(day) for day in days(3) for _ in range(3)]
        page.run(f"""
            {ROWS}.find((row) => row.innerText.includes("Extract"))
                .querySelector(".statusMessage").click()
        """)
        message = "document.querySelector('#statusMessageModal pre')"
        said = _until(page, f"return {message} && {message}.textContent")
        assert said == "2 log entries"


def test_what_the_visualiser_shows_as_html_is_escaped() -> None:
    shown: list[str] = []
    task = Extract(date=DAY)
    task.set_status_message = shown.append
    task.show("<script>alert(1)</script> & 2 log entries")
    task.set_status_message = None
    assert shown == ["&lt;script&gt;alert(1)&lt;/script&gt; &amp; 2 log entries"]


def _until(page: Page, script: str) -> Any:
    """What a script gives as soon as that is something."""
    for _ in range(200):
        if found := page.run(script):
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came of {script}")


def test_prometheus_is_told_how_many_tasks_of_each_family_ran_and_failed(
    here: Flow, port: int
) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        metrics = reply.read().decode()
    assert 'luigi_task_done_total{family="Geocode"} 3.0' in metrics
    assert 'luigi_task_failed_total{family="Geocode"}' not in metrics
    assert 'luigi_task_execution_time_seconds{family="LoadSQLite"}' in metrics


def test_what_is_deleted_can_be_asked_for_again_at_once(here: Flow, port: int) -> None:
    for stage in ("cleaned", "geocoded"):
        here.delete(stage)
    time.sleep(1.1)  # stable_done_cooldown_secs; Luigi's own default is ten
    code, screen = _load(here, port)
    assert code == 0, screen
    assert here.partition("geocoded").exists()


def test_a_failed_day_shows_as_a_sentence(here: Flow, port: int) -> None:
    here.export(DAY, "nonsense")
    for stage in ("raw", "cleaned", "geocoded"):
        if here.partition(stage).exists():
            here.delete(stage)
    time.sleep(1.1)
    code, screen = _load(here, port)
    assert code == 30, screen
    ((name, task_id),) = _tasks(port, "FAILED").items()
    assert name.startswith("Clean(")
    error = _ask(port, "fetch_error", task_id=task_id)["error"]
    assert json.loads(error).startswith(f"datasette {DAY}: 1 of 1 lines could not be")
    assert "Traceback" not in error


def test_without_a_scheduler_it_fails_after_two_attempts_and_says_what_to_do(
    here: Flow,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        code, screen = _load(here, closed.getsockname()[1])
    assert code == 40, screen
    assert "Errors (2 attempts) when connecting to remote scheduler" in screen
    assert "start luigid, or add --local-scheduler" in screen
