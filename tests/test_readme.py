"""What the README shows is what happens."""

import configparser
import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command import run_luigi, run_usage_metrics
from project import Settings

from usage_metrics import config
from usage_metrics.commands import COMMANDS, cli
from usage_metrics.maintenance.documentation import renewed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SHOWN = re.findall(
    r"(?ms)^```(python|sql)\n((?:(?!```).)*)```\n\n```text\n(.*?)```", README
)
PYTHON = [(code, output) for kind, code, output in SHOWN if kind == "python"]
COUNTED = [
    shown
    for shown in PYTHON
    if re.search(r"data/counted|usage_metrics\.report", shown[0])
]
EXAMPLES = [shown for shown in PYTHON if shown not in COUNTED]
QUERIES = [(code, output) for kind, code, output in SHOWN if kind == "sql"]
RANGE = re.findall(r"^luigi (--module usage_metrics RangeDaily .*)$", README, re.M)


@pytest.fixture(scope="module")
def after_the_main_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "luigi.cfg", folder)
    shutil.copytree(ROOT / "data" / "sample_logs", folder / "data" / "sample_logs")
    [command] = re.findall(r"/luigi (--module .* LoadSQLite.*)$", README, re.M)
    done = run_luigi(command.split(), folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def after_counting(after_the_main_job: Path) -> Path:
    [command] = re.findall(
        r"^luigi (--module usage_metrics LoadUsage .*)$", README, re.M
    )
    done = run_luigi(command.split(), after_the_main_job)
    assert done.returncode == 0, done.stderr
    return after_the_main_job


@pytest.mark.parametrize(("sql", "output"), QUERIES)
def test_the_sql_that_is_shown_answers_what_stands_below_it(
    after_counting: Path, sql: str, output: str
) -> None:
    with contextlib.closing(
        sqlite3.connect(after_counting / "data" / "usage_metrics.db")
    ) as database:
        lines = ["|".join(map(str, row)) for row in database.execute(sql)]
    assert "".join(f"{line}\n" for line in lines) == output


@pytest.mark.parametrize(("code", "output"), COUNTED)
def test_what_is_asked_of_the_counts_is_answered_so(
    after_counting: Path, code: str, output: str
) -> None:
    test_an_example_prints_what_stands_below_it(after_counting, code, output)


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_prints_what_stands_below_it(
    after_the_main_job: Path, code: str, output: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=after_the_main_job,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == output, done.stderr


def test_the_readme_has_examples() -> None:
    assert len(PYTHON) == README.count("```python") >= 5
    assert len(QUERIES) == README.count("```sql") >= 1
    assert COUNTED


def test_the_range_that_is_shown_is_done_after_the_main_job(
    after_the_main_job: Path,
) -> None:
    [command] = RANGE
    done = run_luigi(command.split(), after_the_main_job)
    assert done.returncode == 0
    assert "Did not run any tasks" in done.stderr


def test_own_logs_begin_without_the_days_of_the_sample(
    after_counting: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(after_counting, clone)
    shutil.copy(ROOT / ".gitignore", clone)
    logs = "logs = data/sample_logs\n"
    cfg = (clone / "luigi.cfg").read_text()
    shutil.copytree(clone / "data" / "sample_logs", clone / "ours")
    (clone / "luigi.cfg").write_text(cfg.replace(logs, "logs = ours\n"))
    load = ["--module", "usage_metrics", "LoadSQLite", "--local-scheduler"]
    days = ["--start", "2026-03-10", "--stop", "2026-03-17"]
    done = run_luigi([*load, *days], clone)
    assert done.returncode == 35
    assert done.stderr.count("data holds days of data/sample_logs, which are") == 1

    [delete] = re.findall(r"^git clean .*$", README, re.M)
    for command in ("git init --quiet", "git add data/sample_logs", delete):
        subprocess.run(command.split(), cwd=clone, check=True)
    assert [path.name for path in (clone / "data").iterdir()] == ["sample_logs"]
    done = run_luigi([*load, "--stop", "2026-03-04"], clone)
    assert done.returncode == 0, done.stderr


def test_the_status_that_is_shown_is_that_after_counting(after_counting: Path) -> None:
    [output] = re.findall(r"(?ms)^\$ usage-metrics status\n(.*?)```", README)
    done = run_usage_metrics("status", folder=after_counting)
    assert done.stdout == output, done.stderr


def test_every_command_is_in_the_table_and_takes_the_options_that_are_shown() -> None:
    shown = [
        words.split()
        for words in re.findall(r"usage-metrics ([a-z]+[-\w ./]*)(?=[`\n;>])", README)
    ]
    assert {words[0] for words in shown} == set(COMMANDS)
    for name, *options in shown:
        command = cli.get_command(click.Context(cli), name)
        # It refuses what it does not know; what it would do is not done.
        command.make_context(name, options)


def test_the_settings_that_are_shown_are_settings(settings: Settings) -> None:
    for text in re.findall(r"(?ms)^```ini\n(.*?)```", README):
        shown = configparser.ConfigParser(interpolation=None)
        shown.optionxform = str  # type: ignore[assignment,method-assign]
        shown.read_string(text)
        if "Unit" in shown:
            continue  # of systemd
        for section in shown.sections():
            settings(section, **dict(shown[section]))
    config.check_sections()


def test_settings_and_columns_are_those_of_the_code() -> None:
    assert renewed(README) == README, (
        "run python -m usage_metrics.maintenance.documentation README.md luigi.cfg"
    )


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:usage_metrics|tests|\.ci)/[\w./]+)`", README))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
