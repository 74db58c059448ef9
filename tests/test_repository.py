"""What may be in the repository."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LARGEST = 300_000
LOCK = ".ci/requirements.txt"
LARGE_ON_PURPOSE = {"usage_metrics/geocode/country_asn.mmdb", LOCK}
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


def test_the_lock_file_has_every_requirement_with_hashes_and_names_no_place() -> None:
    text = (ROOT / LOCK).read_text()
    assert "://" not in text
    assert "/" not in re.sub(r"#.*", "", text)
    locked = {}
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        requirement, hashes = block.split("\\\n", 1)
        assert "--hash=sha256:" in hashes, requirement
        found = Requirement(requirement.strip())
        if found.marker is None or found.marker.evaluate():
            locked[canonicalize_name(found.name)] = found
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    wanted = setup["options"]["install_requires"] + extras["test"] + extras["bigquery"]
    for line in wanted.splitlines():
        if line and not line.startswith(("#", "usage_metrics")):
            requirement = Requirement(line)
            [pin] = locked[canonicalize_name(requirement.name)].specifier
            assert requirement.specifier.contains(pin.version), line


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
