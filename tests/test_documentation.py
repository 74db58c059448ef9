"""What the README and docs/ show is what happens.

Every fenced block is of a kind that a test here takes: commands and queries are run on
the sample, and what they print is compared with what stands below them; settings are
read; addresses of files and pages lead somewhere.
"""

import configparser
import contextlib
import importlib.util
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from command import run_luigi, run_usage_metrics
from hub_server import TOKEN, HubServer
from project import EVERY_PLACE, ROOT, Settings

from usage_metrics.commands import COMMANDS, cli
from usage_metrics.counting.registry_file import parse_registry
from usage_metrics.maintenance import documentation
from usage_metrics.tasks.datasets_registry import kind_of_place
from usage_metrics.tasks.settings_check import check_sections

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/*.md")))
}
README = PAGES["README.md"]
README_LINES = 220


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    kind: str
    text: str
    output: str | None
    """What stands in a block of text just below it."""


def _blocks() -> Iterable[Block]:
    fenced = r"(?ms)^```(\w*)\n((?:(?!^```).)*)^```$(?:\n\n```text\n(.*?)^```$)?"
    for page, text in PAGES.items():
        for kind, shown, output in re.findall(fenced, text):
            yield Block(page, kind, shown, output or None)


BLOCKS = list(_blocks())


def of_kind(*kinds: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind in kinds]


def named(block: object) -> str | None:
    return block.page if isinstance(block, Block) else None


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    kinds = {"console", "crontab", "ini", "python", "sh", "sql", "text", "toml"}
    assert {block.kind for block in BLOCKS} == kinds
    fences = sum(len(re.findall("(?m)^```", text)) for text in PAGES.values())
    outputs = sum(block.output is not None for block in BLOCKS)
    assert 2 * (len(BLOCKS) + outputs) == fences
    assert all(block.output for block in of_kind("python", "sql"))
    assert len(of_kind("python")) >= 5


# --- what is run ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def after_a_run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the sample in the database and in the report, and ``.venv``."""
    clone = tmp_path_factory.mktemp("clone") / "usage_metrics"
    _copy(sample, clone)
    return clone


def _copy(clone: Path, to: Path) -> None:
    shutil.copytree(clone, to, symlinks=True)
    venv = to / ".venv"
    if not venv.is_symlink():
        venv.symlink_to(sys.prefix)


@pytest.mark.parametrize("block", of_kind("sql"), ids=named)
def test_a_query_answers_what_stands_below_it(after_a_run: Path, block: Block) -> None:
    file = after_a_run / "data" / "usage_metrics.db"
    with contextlib.closing(sqlite3.connect(file)) as database:
        lines = ["|".join(map(str, row)) for row in database.execute(block.text)]
    assert "".join(f"{line}\n" for line in lines) == block.output


@pytest.mark.parametrize("block", of_kind("python"), ids=named)
def test_an_example_prints_what_stands_below_it(
    after_a_run: Path, block: Block
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", block.text],
        cwd=after_a_run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == block.output, done.stderr


@pytest.mark.parametrize("block", of_kind("console"), ids=named)
def test_a_command_prints_what_stands_below_it(after_a_run: Path, block: Block) -> None:
    command, _, output = block.text.partition("\n")
    done = run_usage_metrics(
        *command.removeprefix("$ usage-metrics ").split(), folder=after_a_run
    )
    assert done.stdout == output, done.stderr


NOT_RUN = (
    # They need the internet, or replace the environment that the tests run in.
    *("git clone", "python3 -m venv", ".venv/bin/pip install", "cd usage_metrics"),
    # They do not end, or open a browser. Luigi's and Datasette's have tests of their
    # own.
    *(".venv/bin/luigid", ".venv/bin/datasette", ".venv/bin/jupyter", "cp "),
    # CI runs them.
    *(".venv/bin/pytest", ".venv/bin/ruff", ".venv/bin/mypy"),
    # Below, or in tests of their modules.
    *(
        ".venv/bin/usage-metrics init",
        ".venv/bin/usage-metrics counter submit",
        ".venv/bin/usage-metrics counter compare",
        ".venv/bin/usage-metrics counter serve",
        "curl ",
        "read ",
        "git clean",
        "mkdir data/example",
        "cd data/example",
        "../../.venv/bin/usage-metrics",
        "python -m tests.",
        ".venv/bin/python -m usage_metrics.maintenance",
    ),
)


def commands(block: Block) -> list[str]:
    lines = [line for line in block.text.splitlines() if not line.startswith("#")]
    return [command for line in lines for command in line.split(" && ")]


def run_here(page: str) -> list[str]:
    return [
        command
        for block in of_kind("sh")
        for command in commands(block)
        if block.page == page and not command.startswith(NOT_RUN)
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if run_here(page)])
def test_the_commands_of_a_page_run_one_after_the_other(
    after_a_run: Path, tmp_path: Path, page: str
) -> None:
    _copy(after_a_run, tmp_path / "clone")
    for command in run_here(page):
        _run(command, tmp_path / "clone")


def _run(script: str, folder: Path, typed: str = "") -> str:
    """Run a script; what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"}
    environment["TMPDIR"] = str(folder)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        input=typed + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


def test_the_first_report_goes_to_the_hub_as_the_page_says(
    after_a_run: Path, tmp_path: Path
) -> None:
    page = PAGES["docs/counter.md"]
    first, _, _ = page.partition("## The report")
    script = "".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", first))
    (shown,) = re.findall(r"(?ms)^```text\n(.*?)^```$", first)
    clone = tmp_path / "clone"
    _copy(after_a_run, clone)
    with HubServer() as hub:
        cfg = (clone / "luigi.cfg").read_text()
        setting = f"\n[datacite]\nhub = {hub.url}\n"
        (clone / "luigi.cfg").write_text(cfg.replace("\n[datacite]\n", setting))
        said = _run(script, clone, typed=TOKEN)
        (held,) = hub.held
    said = said.replace(hub.url, "https://api.test.datacite.org")
    said = said.replace(held, "0f8372ff-9bbb-44d0-80ff-a03f308f5889")
    assert [re.sub(r"\d+ bytes", "", line) for line in said.splitlines()[-2:]] == [
        re.sub(r"\d+ bytes", "", line) for line in shown.splitlines()
    ]
    assert "https://api.test.datacite.org\n" in first, "where the page sends it"


def test_the_sample_of_every_place_is_made_as_the_readme_says(
    every_place: Path,
) -> None:
    [text] = [block.text for block in of_kind("sh") if "init --sample" in block.text]
    done = [tuple(words.split()) for words in re.findall(r"usage-metrics (.+)", text)]
    assert done == [*EVERY_PLACE]
    assert text.splitlines()[-1] == "# Now open data/report/index.html in this folder."
    assert (every_place / "data/report/index.html").exists()


def test_every_command_that_is_not_run_here_is_there() -> None:
    extras = configparser.ConfigParser()
    extras.read(ROOT / "setup.cfg")
    for command in [command for block in of_kind("sh") for command in commands(block)]:
        program, *arguments = shlex.split(command)
        if ".venv/bin/pip" in program:
            wanted = re.findall(r"\.\[(\w+)\]", command)
            assert all(name in extras["options.extras_require"] for name in wanted)
        elif "-m" in arguments and "venv" not in arguments:
            module = arguments[arguments.index("-m") + 1]
            assert importlib.util.find_spec(module), module
        elif program.startswith(".venv/bin/") and not program.endswith("jupyter"):
            assert Path(sys.executable).with_name(Path(program).name).exists(), program


@pytest.mark.parametrize(
    "line",
    [
        line
        for block in of_kind("crontab")
        for line in block.text.splitlines()
        if line[0].isdigit()
    ],
)
def test_a_line_for_cron_runs(after_a_run: Path, tmp_path: Path, line: str) -> None:
    when, _, command = line.partition("  ")
    assert re.fullmatch(r"([\d*]+ ){4}[\d*]+", when)
    folder, _, command = command.removeprefix("cd ").partition(" && ")
    assert folder == "/srv/usage"
    _copy(after_a_run, tmp_path / "usage")
    if "luigi " in command:  # luigid, which these have, has tests of its own
        command = command.replace("RangeDaily", "--local-scheduler RangeDaily")
        command = command.replace("2026-01-01", "2026-03-02 --stop 2026-03-16")
    _run(command, tmp_path / "usage")


def test_own_logs_begin_without_the_days_of_the_sample(
    after_a_run: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    _copy(after_a_run, clone)
    shutil.copy(ROOT / ".gitignore", clone)
    logs = "logs = data/sample_logs\n"
    cfg = (clone / "luigi.cfg").read_text()
    shutil.copytree(clone / "data" / "sample_logs", clone / "ours")
    (clone / "data" / "sample_logs").unlink()
    shutil.copytree(clone / "ours", clone / "data" / "sample_logs")
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


# --- what is read ---------------------------------------------------------------------


@pytest.mark.parametrize("block", of_kind("ini"), ids=named)
def test_the_settings_that_are_shown_are_settings(
    settings: Settings, block: Block
) -> None:
    shown = configparser.ConfigParser(interpolation=None)
    shown.optionxform = str  # type: ignore[assignment,method-assign]
    shown.read_string(block.text)
    if "Unit" in shown:
        for command in _of_unit(shown.get("Service", "ExecStart", fallback="")):
            assert _program(command) in ("usage-metrics", "luigid")
        return
    for section in shown.sections():
        settings(section, **dict(shown[section]))
    check_sections()


def _of_unit(command: str) -> list[str]:
    """The commands that a unit starts."""
    if not command.startswith("/bin/sh -c "):
        return [command] if command else []
    _, _, script = shlex.split(command)
    return [f"/srv/usage/{command}" for command in script.split(" && ")]


NIGHTLY = [
    *(
        re.sub(".*?/srv/usage && ", "", line)
        for b in of_kind("crontab")
        for line in b.text.splitlines()
    ),
    *(line for b in of_kind("ini") for line in re.findall("ExecStart=(.*)", b.text)),
]


@pytest.mark.parametrize("code", [0, 2, 20, 30])
@pytest.mark.parametrize("script", [text for text in NIGHTLY if "retain" in text])
def test_nothing_is_removed_after_a_run_that_failed(
    tmp_path: Path, script: str, code: int
) -> None:
    program = tmp_path / ".venv" / "bin" / "usage-metrics"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\necho $1 >>commands\ntest $1 = retain || exit {code}\n"
    )
    program.chmod(0o755)
    subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, check=False)
    done = (tmp_path / "commands").read_text().split()
    assert done == (["run"] if code else ["run", "retain"])


def _program(command: str) -> str:
    """The program of a unit's command, once its arguments are known to be taken."""
    path, *arguments = command.split()
    assert path.startswith("/srv/usage/.venv/bin/")
    name = Path(path).name
    if name == "usage-metrics":
        _parse(arguments)
    return name


@pytest.mark.parametrize("block", of_kind("toml"), ids=named)
def test_the_registry_that_is_shown_is_one(block: Block) -> None:
    found = parse_registry(block.page, block.text, (), kind_of_place)
    assert found.datasets or found.places


def test_every_command_is_in_the_table_and_takes_the_options_that_are_shown() -> None:
    table = re.findall(r"^\| `usage-metrics (\w+)", PAGES["docs/nightly.md"], re.M)
    assert set(table) == set(COMMANDS)
    shown = [
        words.split()
        for text in PAGES.values()
        for words in re.findall(r"usage-metrics ([a-z]+[-\w ./]*)(?=[`\n;>])", text)
    ]
    for words in shown:
        _parse(words)


def _parse(words: list[str]) -> None:
    """Refuse what the command does not know; what it would do is not done."""
    name, *options = words
    command = cli.get_command(click.Context(cli), name)
    assert command, name
    command.make_context(name, options)


def test_the_readme_is_short_and_begins_with_a_picture_and_a_report() -> None:
    assert len(README.splitlines()) <= README_LINES
    first = next(block for block in BLOCKS if block.page == "README.md")
    assert first.text.startswith("git clone https://")
    assert "data/report/datasette.html" in first.text.splitlines()[-1]
    assert README.index("docs/index.png") < README.index("```")


def test_settings_and_columns_are_those_of_the_code() -> None:
    assert {name for name, text in PAGES.items() if ": generated -->" in text} == {
        "docs/data-dictionary.md",
        "docs/settings.md",
    }
    for name, text in PAGES.items():
        assert documentation.renewed(text) == text, (
            f"{name} is behind: run python -m usage_metrics.maintenance.documentation "
            "docs luigi.cfg"
        )


def test_the_command_renews_the_pages_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs, cfg = tmp_path / "docs", tmp_path / "luigi.cfg"
    shutil.copytree(ROOT / "docs", docs)
    cfg.write_text((ROOT / "luigi.cfg").read_text().replace("# late_days = 1\n", ""))
    page = docs / "settings.md"
    page.write_text(re.sub(r"(?m)^\| `.*\n", "", page.read_text()))
    monkeypatch.setattr(sys, "argv", ["documentation", str(docs), str(cfg)])
    documentation.main()
    assert page.read_text() == PAGES["docs/settings.md"]
    assert cfg.read_text() == (ROOT / "luigi.cfg").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_heading_that_is_named_is_there(page: str) -> None:
    text = PAGES[page]
    paths = re.findall(r"`((?:usage_metrics|tests|docs|\.ci)/[\w./]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, heading = link.partition("#")
        if path.startswith("http"):
            continue
        target = (ROOT / page).parent / path
        assert target.exists(), link
        slugs = (
            [
                re.sub(r"[^\w -]", "", title).replace(" ", "-").lower()
                for title in re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
            ]
            if heading
            else []
        )
        assert not heading or heading in slugs, link


def test_every_page_is_on_the_readmes_list() -> None:
    assert [page for page in PAGES if f"({page})" not in README] == ["README.md"]
