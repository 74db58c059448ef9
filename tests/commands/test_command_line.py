"""``luigi --module usage_metrics …`` as people type it, in a new folder."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from command import run_usage_metrics
from flow import DAY, ONE_DAY, Flow, days, request

LUIGI = str(Path(sys.executable).with_name("luigi"))

CFG = """
[datasette]
logs = logs
start = 2026-03-02
stop = 2026-03-05
"""

MANY = 15
"""Days of which a run does some before it is stopped."""

NOT_PASSED_ON = {"LUIGI_CONFIG_PATH", "IPINFO_TOKEN"}

LOAD = ("LoadSQLite", "--local-scheduler")
RANGE = ("RangeDaily", "--local-scheduler", "--of", "Geocode")


@pytest.fixture
def here(tmp_path: Path) -> Flow:
    """A folder with a luigi.cfg and the logs of three days."""
    found = Flow(tmp_path)
    (tmp_path / "luigi.cfg").write_text(CFG)
    found.logs.mkdir()
    found.export_days(3)
    return found


def _start(folder: Path, *arguments: str, **env: str) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if k not in NOT_PASSED_ON}
    # Luigi's lock is there, so that a test beside this one may give the same command.
    environment["TMPDIR"] = str(folder)
    return subprocess.Popen(
        [LUIGI, "--module", "usage_metrics", *arguments],
        cwd=folder,
        env=environment | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _run(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Run to the end: the exit code, and what stood on the screen."""
    with _start(folder, *arguments, **env) as process:
        screen, _ = process.communicate(timeout=300)
        return process.returncode, screen


def _count(flow: Flow) -> int:
    """The requests that a reader of the geocoded folder finds."""
    return len(pd.read_parquet(flow.root / "geocoded/datasette"))


# --- a run that succeeds --------------------------------------------------------------


def test_one_command_makes_everything_and_the_second_has_nothing_to_do(
    here: Flow,
) -> None:
    code, screen = _run(here.folder, *LOAD)
    assert code == 0, screen
    assert _count(here) == 6
    assert (here.root / "usage_metrics.db").exists()
    assert "Warning" not in screen
    assert "Traceback" not in screen
    assert "* 10 ran successfully" in screen
    assert screen.rstrip().endswith("===== Luigi Execution Summary =====")
    log = screen[: screen.index("===== Luigi")].splitlines()
    for task in ("Extract", "Clean", "Geocode"):
        assert sum(f"{task}(date=2026-03-03" in line for line in log) == 2
    assert len(log) < 3 * 10

    code, screen = _run(here.folder, *LOAD)
    assert code == 0, screen
    assert "Did not run any tasks" in screen


def test_it_behaves_with_a_luigi_cfg_elsewhere_and_paths_are_from_the_current_folder(
    here: Flow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cfg = here.folder / "luigi.cfg"
    cfg.write_text(CFG.replace("= logs", f"= {here.logs}"))
    folder = tmp_path_factory.mktemp("elsewhere")
    code, screen = _run(folder, *LOAD, LUIGI_CONFIG_PATH=str(cfg))
    assert code == 0, screen
    assert _count(Flow(folder)) == 6
    assert not here.root.exists()


def test_without_a_luigi_cfg_our_defaults_hold_and_what_is_missing_is_named(
    tmp_path: Path,
) -> None:
    dates = ("--start", "2026-01-01", "--stop", "2026-04-01")
    code, screen = _run(tmp_path, *RANGE, *dates)
    assert code == 35, screen
    assert screen.count("set logs in a source's section of luigi.cfg") == 1
    assert "INFO" in screen
    assert "DEBUG" not in screen
    assert "Warning" not in screen
    assert "Traceback" not in screen


def test_the_parameters_explain_themselves(here: Flow) -> None:
    code, screen = _run(here.folder, "LoadSQLite", "--help")
    assert code == 0
    assert "the first UTC day; without it" in " ".join(screen.split())
    assert "load the days that exist" in " ".join(screen.split())


def test_scheduling_in_parallel_changes_nothing(here: Flow) -> None:
    with (here.folder / "luigi.cfg").open("a") as cfg:
        cfg.write("[core]\nparallel_scheduling = true\n")
    code, screen = _run(here.folder, "LoadUsage", "--local-scheduler")
    assert code == 0, screen
    assert "there were no failed tasks or missing dependencies" in screen
    assert "ERROR" not in screen
    code, screen = _run(here.folder, "LoadUsage", "--local-scheduler")
    assert "Did not run any tasks" in screen


# --- a run that fails -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            (*RANGE, "--start", "banana"),
            40,
            "start = 'banana' is not a date; write it as YYYY-MM-DD",
        ),
        (
            ("RangeDaily", "--local-scheduler", "--of", "Geocod"),
            40,
            "there is no task Geocod (did you mean Geocode?)",
        ),
        (
            ("LoadSqlite", "--local-scheduler"),
            1,
            "ERROR: there is no task LoadSqlite (did you mean LoadSQLite?)\n",
        ),
        (
            ("geocode", "--local-scheduler"),
            35,
            "geocode is a section of luigi.cfg, not a task (did you mean Geocode?)",
        ),
        (
            ("CounterReport", "--month", "March"),
            40,
            "month = 'March' is not a month; write it as YYYY-MM, such as 2026-03",
        ),
        (
            (*LOAD, "--start", "2026-03-09"),
            35,
            "stop = 2026-03-05 is not after start = 2026-03-09",
        ),
        (
            (*LOAD, "--datasette-late-days", "some"),
            35,
            "datasette: Error when parsing the default value of 'late_days': invalid",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    here: Flow, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    _check_refused(here, arguments, code, sentence)


@pytest.mark.parametrize(
    ("cfg", "code", "sentence"),
    [
        (
            "[datasette]\nlogz = logs\n",
            35,
            "[datasette] has no setting 'logz' (did you mean logs?)",
        ),
        (
            "[datasette]\nlogs = logs/100%\n",
            35,
            "the value of [datasette] logs cannot be read: ",
        ),
        (
            "[datasette]\nlogs = logs\n[geocode]\ndatabase = none.mmdb\n",
            35,
            "[geocode] database: the file none.mmdb cannot be opened (No such file",
        ),
        (
            "[datasette]\nlogs = logs\n[geocode]\nprovider = ipinfo\n",
            35,
            "[geocode] provider = ipinfo needs a token: set the environment variable",
        ),
        (
            "[datasette]\nlogs = logs\n[core]\ndefault_scheduler_url = http://a%40b/\n",
            40,
            "luigi.cfg: the value of [core] default_scheduler_url cannot be read: ",
        ),
        (
            "[datasette]\nlogs = logs\n[scheduler]\nstate_path = ${NOT_SET_ANYWHERE}\n",
            40,
            "luigi.cfg: the value of [scheduler] state_path cannot be read: ",
        ),
        (
            "[datasette]\nlogs = logs\n[worker]\nkeep_alive = perhaps\n",
            40,
            "Error when parsing the default value of 'keep_alive': ",
        ),
    ],
)
def test_a_mistake_in_luigi_cfg_is_one_sentence(
    here: Flow, cfg: str, code: int, sentence: str
) -> None:
    days = "[datasette]\nstart = 2026-03-02\nstop = 2026-03-05\n"
    with_days = cfg.replace("[datasette]\n", days)
    if with_days == cfg:
        with_days += days
    (here.folder / "luigi.cfg").write_text(with_days)
    _check_refused(here, LOAD, code, sentence)


TOML = """
[datasette]
logs = "logs"
start = "2026-03-02"
stop = "2026-03-05"
[privcy]
addresses = "drop"
"""


@pytest.mark.parametrize("how", ["LUIGI_CONFIG_PARSER", "LUIGI_CONFIG_PATH"])
def test_settings_in_toml_which_luigi_does_not_check_are_refused(
    here: Flow, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.folder / "luigi.toml").write_text(TOML)
    # As installed by Luigi's extra; without it, luigi fails before it imports anything.
    (here.folder / "toml.py").write_text(
        "import tomllib\nload = lambda path: tomllib.load(open(path, 'rb'))\n"
    )
    path = os.pathsep.join([str(here.folder), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    value = {"LUIGI_CONFIG_PARSER": "toml", "LUIGI_CONFIG_PATH": "luigi.toml"}[how]
    code, screen = _run(here.folder, *LOAD, **{how: value})
    assert code == 40, screen
    assert "ERROR: LUIGI_CONFIG_PARSER or LUIGI_CONFIG_PATH asks for" in screen
    assert "Traceback" not in screen
    assert not here.root.exists()


def test_no_command_goes_on_with_settings_in_toml(
    here: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.folder / "luigi.toml").write_text(TOML)
    monkeypatch.setenv("LUIGI_CONFIG_PARSER", "toml")
    done = run_usage_metrics("doctor", folder=here.folder)
    assert done.returncode == 40
    assert done.stderr.startswith("ERROR: LUIGI_CONFIG_PARSER or")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def _check_refused(
    here: Flow, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, screen = _run(here.folder, *arguments)
    assert found == code, screen
    assert screen.count(sentence) == 1, screen
    assert "Traceback" not in screen
    assert "Warning" not in screen
    assert not here.root.exists(), "nothing was written"


def test_a_day_that_fails_is_exit_code_30_and_one_sentence_from_any_worker(
    here: Flow,
) -> None:
    here.export(DAY, "nonsense")
    code, screen = _run(here.folder, *LOAD, "--workers", "2")
    assert code == 30, screen
    assert screen.count("1 of 1 lines could not be understood") == 1
    assert "Traceback" not in screen
    assert _count(here) == 4, "the other days are there"


def test_a_day_that_is_missing_is_exit_code_20_and_one_sentence(here: Flow) -> None:
    stop = str(DAY + 4 * ONE_DAY)
    code, screen = _run(here.folder, *RANGE, "--start", str(DAY), "--stop", stop)
    assert code == 20, screen
    assert screen.count("2026-03-05 is not exported yet") == 1
    assert _count(here) == 6, "the other days are there"


def test_a_bug_keeps_its_traceback(here: Flow) -> None:
    (here.folder / "broken.py").write_text(
        "from usage_metrics import *\n"
        "from usage_metrics.tasks.task import Stage\n"
        "Stage.say = lambda self, *said: 1 / 0\n"
    )
    code, screen = _run(
        here.folder, "--module", "broken", *LOAD, PYTHONPATH=str(here.folder)
    )
    assert code == 30, screen
    assert "Traceback" in screen
    assert "ZeroDivisionError" in screen


# --- interrupted and simultaneous runs ------------------------------------------------


@contextlib.contextmanager
def _underway(here: Flow) -> Iterator["subprocess.Popen[str]"]:
    """A run of many days that has done some of them."""
    stop = str(DAY + MANY * ONE_DAY)
    with _start(here.folder, *LOAD, "--stop", stop) as process:
        try:
            deadline = time.monotonic() + 120
            while len(list(here.root.glob("geocoded/*/*/part-0.parquet"))) < 3:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def _await_end(process: "subprocess.Popen[str]") -> None:
    """As a person does: who waits in vain after Ctrl-C presses it again.

    Python's queues are not made for an exception within a notification: once in a long
    while the thread behind Luigi's misses that it has to end.
    """
    try:
        process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


@pytest.fixture
def many(here: Flow) -> Flow:
    for day in days(MANY):
        here.export(day, *[request(str(n), day) for n in range(200)])
    return here


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_whole_days_and_the_next_goes_on(
    many: Flow, by: signal.Signals
) -> None:
    with _underway(many) as process:
        process.send_signal(signal.SIGSTOP)  # it is not to end while we look
        assert _count(many) % 200 == 0
        process.send_signal(by)
        process.send_signal(signal.SIGCONT)
        _await_end(process)
    done = _count(many)
    assert done % 200 == 0
    assert 0 < done < MANY * 200
    if by == signal.SIGKILL:  # as the next one does after any of them
        code, screen = _run(many.folder, *LOAD, "--stop", str(DAY + MANY * ONE_DAY))
        assert code == 0, screen
        assert _count(many) == MANY * 200
        again = re.search(r"(\d+) Extract\(", screen)
        assert again is not None
        assert int(again[1]) <= MANY - done // 200


def test_two_people_may_start_the_same_run_at_once(here: Flow) -> None:
    with _start(here.folder, *LOAD, "--no-lock") as first:
        code, screen = _run(here.folder, *LOAD, "--no-lock")
        first_screen, _ = first.communicate()
    assert (first.returncode, code) == (0, 0), first_screen + screen
    assert _count(here) == 6


# --- imports --------------------------------------------------------------------------


def _python(code: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={},  # nothing is read from the environment at import
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


HEAVY = "{'pandas', 'pyarrow', 'numpy', 'google.cloud', 'adbc_driver_manager'}"


def test_luigi_finds_the_tasks_without_their_heavy_dependencies() -> None:
    code = f"""
import sys, luigi.task_register, usage_metrics
print({HEAVY} & set(sys.modules))
print(luigi.task_register.Register.get_task_cls("LoadSQLite").__module__)
"""
    assert _python(code) == "set()\nusage_metrics.tasks.load\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_what_commands_there_are_is_said_without_luigi(arguments: list[str]) -> None:
    code = f"""
import sys
from usage_metrics.commands import main
main({arguments})
print(({HEAVY} | {{'luigi', 'requests'}}) & set(sys.modules))
"""
    assert _python(code).splitlines()[-1] == "set()"


def test_no_command_imports_what_its_help_does_not_need() -> None:
    code = f"""
import sys
from usage_metrics.commands import COMMANDS, main
for name in COMMANDS:
    main([name, "--help"])
print(({HEAVY} | {{'requests'}}) & set(sys.modules))
"""
    assert _python(code).splitlines()[-1] == "set()"


def test_a_command_imports_luigi_without_what_nothing_here_needs_of_it() -> None:
    code = """
import sys
from usage_metrics.commands import main
main(["run", "--help"])
unused = {"requests", "jsonschema", "tornado", "urllib.request", "http.client"}
print(unused & set(sys.modules))
import luigi.rpc
print(luigi.rpc.HAS_REQUESTS, luigi.rpc.RequestsFetcher().session)
print(luigi.rpc.Request("http://127.0.0.1/").host, luigi.rpc.urlopen("data:,it").read())
"""
    unused, luigid, fetched = _python(code).splitlines()[-3:]
    assert unused == "set()"
    assert luigid.startswith("True <requests.sessions.Session")
    assert fetched == "127.0.0.1 b'it'"


@pytest.mark.parametrize(
    "code",
    [
        "from usage_metrics import *",
        "from usage_metrics import LoadSQLite",
        "import usage_metrics; LoadSQLite = usage_metrics.LoadSQLite",
    ],
)
def test_a_task_is_found_in_the_package(code: str) -> None:
    assert _python(f"{code}; print(LoadSQLite.__name__)") == "LoadSQLite\n"


def test_what_the_package_does_not_have_is_an_attribute_error() -> None:
    code = "import usage_metrics; print(hasattr(usage_metrics, {!r}))"
    for name in ("nothing", "Nothing", "_nothing"):
        assert _python(code.format(name)) == "False\n"


def test_every_module_is_imported_without_any_setting() -> None:
    code = """
import importlib, pkgutil, usage_metrics
for module in pkgutil.walk_packages(usage_metrics.__path__, "usage_metrics."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("all")
"""
    assert _python(code) == "all\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"logs = x\n", "no section headers"),
        (b"[datasette]\n[datasette]\n", "already exists"),
        (b"[datasette]\nlogs = a\nlogs = b\n", "already exists"),
        (b"[datasette]\nlogs = \xff\n", "can't decode"),
    ],
)
def test_an_unreadable_luigi_cfg_is_one_sentence(
    tmp_path: Path, text: bytes, said: str
) -> None:
    (tmp_path / "luigi.cfg").write_bytes(text)
    done = run_usage_metrics("status", folder=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "ERROR: luigi.cfg cannot be read" in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["luigi.cfg", "datasets.toml"])
def test_what_stands_in_place_of_settings_is_named_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    (tmp_path / "luigi.cfg").write_text(
        "[datasette]\nlogs = logs\n[counting]\ndatasets = datasets.toml\n"
    )
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    done = run_usage_metrics("run", folder=tmp_path)
    assert done.returncode in (2, 40)
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
