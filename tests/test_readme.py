"""What the README shows is what happens."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import run_luigi

from usage_metrics.documentation import renewed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)
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
    assert len(EXAMPLES) == README.count("```python") >= 4


def test_the_range_that_is_shown_is_done_after_the_main_job(
    after_the_main_job: Path,
) -> None:
    [command] = RANGE
    done = run_luigi(command.split(), after_the_main_job)
    assert done.returncode == 0
    assert "Did not run any tasks" in done.stderr


def test_settings_and_columns_are_those_of_the_code() -> None:
    assert renewed(README) == README, (
        "run python -m usage_metrics.documentation README.md"
    )


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:usage_metrics|tests|\.ci)/[\w./]+)`", README))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
