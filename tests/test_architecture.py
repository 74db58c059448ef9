"""The floor plan: imports go down or sideways, never up and never in a circle."""

import ast
import graphlib
import re
from collections import defaultdict
from pathlib import Path

import pytest
from project import ROOT

import usage_metrics
from usage_metrics.report import recipe

PACKAGE = Path(usage_metrics.__file__).parent

FLOORS = (
    ("__init__",),
    ("commands",),
    ("tasks",),
    ("report",),
    ("privacy",),
    ("maintenance",),
    ("hub",),
    ("counting",),
    ("geocode",),
    ("sources", "platforms"),
    ("warehouse",),
    ("logs",),
    ("partitions",),
    ("cleaning", "agents", "addresses", "monitoring"),
    (
        *("config", "luigi_import", "luigi_defaults", "parameters", "accepted"),
        *("refusals", "dates", "arrow", "units", "errors", "spreadsheet", "hiding"),
    ),
)
"""The wings, from the top floor down; ``docs/architecture.md`` shows the same."""

FLOOR = {wing: number for number, wings in enumerate(FLOORS) for wing in wings}

PURE = ("counting", "report")
"""Wings of functions of their arguments: no settings, no Luigi, no files."""

OPENS_FILES = re.compile(
    r"\bopen\(|\.read_text\(|\.write_|\.read_bytes\(|\bsqlite3\b|\bdbapi\b"
)


def module_name(file: Path) -> str:
    """The full name of the module in a file."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in PACKAGE.rglob("*.py")}


def imports_of(module: str) -> set[str]:
    """The modules of the package that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return (found & MODULES.keys()) - {module}


IMPORTS = {module: imports_of(module) for module in MODULES}


def wing(module: str) -> str:
    """The wing of a module."""
    return [*module.split("."), "__init__"][1]


def reached_from(module: str) -> set[str]:
    """The modules that a module imports, and those that they import."""
    found: set[str] = set()
    ahead = [module]
    while ahead:
        new = IMPORTS[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def uses(one: str, other: str) -> bool:
    """Whether one of two modules imports the other, or a part of it."""
    pairs = ((one, other), (other, one))
    return any(f"{b}.".startswith(f"{a}.") for a, c in pairs for b in IMPORTS[c])


def test_every_wing_has_its_floor() -> None:
    assert {wing(module) for module in MODULES} == FLOOR.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_or_sideways(module: str) -> None:
    up = {name for name in IMPORTS[module] if FLOOR[wing(name)] < FLOOR[wing(module)]}
    assert not up


def test_imports_run_in_no_circle() -> None:
    try:
        graphlib.TopologicalSorter(IMPORTS).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_two_modules_of_one_name_are_the_same_thing_in_two_wings() -> None:
    """Then each imports another one, or is imported by it, or is in the same wing."""
    named = defaultdict(set)
    for module in MODULES:
        named[module.rpartition(".")[2]].add(module)
    for alike in named.values():
        for one in alike if len(alike) > 1 else ():
            assert any(
                wing(one) == wing(other) or uses(one, other) for other in alike - {one}
            ), (one, alike)


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if wing(name) in PURE)
)
def test_counting_and_report_have_no_settings_and_open_no_files(module: str) -> None:
    assert "usage_metrics.config" not in reached_from(module)
    text = MODULES[module].read_text("utf-8")
    assert not re.search(r"^\s*(?:import|from) luigi\b", text, re.M)
    # Resources of the package itself are no files of a user's.
    code = "\n".join(line for line in text.splitlines() if "resources" not in line)
    assert not OPENS_FILES.search(code), OPENS_FILES.findall(code)


@pytest.mark.parametrize(
    ("files", "makes", "others"),
    [
        (recipe.SUMS, "made_of_sums", set()),
        (recipe.PARTS, "def world_map", {"page.py", "world_map.json"}),
    ],
)
def test_what_is_kept_for_reports_is_made_again_when_what_makes_it_changes(
    files: tuple[str, ...], makes: str, others: set[str]
) -> None:
    names = {name for name, file in MODULES.items() if makes in file.read_text("utf-8")}
    names |= {name for maker in names for name in reached_from(maker)}
    in_wing = {MODULES[name].name for name in names if wing(name) == "report"}
    assert set(files) == in_wing | others


def test_modules_are_short_and_imports_absolute() -> None:
    for module, file in MODULES.items():
        text = file.read_text("utf-8")
        assert len(text.splitlines()) < 400, module
        assert not re.search(r"^\s*from \.", text, re.M), module


def test_every_task_is_in_its_wing() -> None:
    """A module that defines a Luigi task is in ``tasks``."""
    for module, file in MODULES.items():
        text = file.read_text("utf-8")
        if re.search(
            r"^class \w+\(.*\b(?:luigi\.\w*Task|Stage|Reporting)\b", text, re.M
        ):
            assert wing(module) == "tasks", module


def test_the_architecture_page_shows_the_same_floors() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    shown = [
        tuple(re.findall(r"\w+", line.split("  ")[0]))
        for block in re.findall(r"```text\n(.*?)```", page, re.S)
        for line in block.splitlines()
        if line and re.findall(r"\w+", line.split("  ")[0])[0] in FLOOR
    ]
    assert tuple(shown) == FLOORS
