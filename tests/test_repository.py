"""What may be in the repository."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
LARGEST = 300_000
LARGE_ON_PURPOSE = {"usage_metrics/geocode/country_asn.mmdb"}
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "data",
    "docs",
    "luigi.cfg",
    "pyproject.toml",
    "setup.cfg",
    "tests",
    "usage_metrics",
}


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def test_no_tracked_file_is_large(tracked: list[str]) -> None:
    large = {name for name in tracked if (ROOT / name).stat().st_size > LARGEST}
    assert large <= LARGE_ON_PURPOSE


def test_no_notebook_keeps_its_outputs(tracked: list[str]) -> None:
    for name in tracked:
        if name.endswith(".ipynb"):
            cells = json.loads((ROOT / name).read_text())["cells"]
            assert not any(cell.get("outputs") for cell in cells), name


def test_the_top_level_is_the_one_that_was_agreed(tracked: list[str]) -> None:
    names = {name.partition("/")[0] for name in tracked}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_of_data_only_the_sample_is_tracked(tracked: list[str]) -> None:
    data = [name for name in tracked if name.startswith("data/")]
    assert data
    assert all(name.startswith("data/sample_logs/") for name in data)


def test_a_wheel_holds_every_data_file_of_the_package(tracked: list[str]) -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    patterns = settings["options.package_data"]["usage_metrics"].split()
    data = [
        name.removeprefix("usage_metrics/")
        for name in tracked
        if name.startswith("usage_metrics/") and not name.endswith(".py")
    ]
    assert data
    for name in data:
        assert any(PurePosixPath(name).match(each) for each in patterns), name


def test_every_command_that_ci_runs_is_there() -> None:
    """Those of the README, and the programs of the environment that they make."""
    script = (ROOT / ".ci" / "run").read_text()
    [pattern] = re.findall(r'grep -E "(.*?)" README\.md', script)
    readme = (ROOT / "README.md").read_text().splitlines()
    commands = [line for line in readme if re.search(pattern, line)]
    assert len(commands) == 2
    programs = re.findall(r"\.venv/bin/([\w-]+)", "\n".join([script, *commands]))
    assert {"pip", "luigi", "pytest", "ruff", "mypy"} <= set(programs)
    for program in programs:
        assert Path(sys.executable).with_name(program).exists(), program
    run_once = subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False)
    assert run_once.returncode == 0
