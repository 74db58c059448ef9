"""House rules for sources: they declare, and no stage knows one of them by name."""

import ast
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import usage_metrics
from usage_metrics.arrow import STRING, description
from usage_metrics.errors import ConfigError
from usage_metrics.geocode.locate import with_location
from usage_metrics.sources import SOURCES, Source, get_source

PACKAGE = Path(usage_metrics.__file__).parent
SETTINGS = PACKAGE / "sources" / "settings.py"
DECLARATIONS = sorted({*(PACKAGE / "sources").glob("*.py")} - {SETTINGS})
FORBIDDEN = (
    *("luigi", "usage_metrics.config", "usage_metrics.tasks.stages"),
    "usage_metrics.sources.settings",
    *("google", "boto3", "botocore", "s3fs", "gcsfs", "pyarrow.fs", "requests"),
)
WINGS = ("cleaning", "counting", "geocode", "partitions", "warehouse")
STAGES = [
    *(PACKAGE / "arrow.py", PACKAGE / "tasks" / "stages.py"),
    *(file for wing in WINGS for file in sorted((PACKAGE / wing).glob("*.py"))),
]


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> Source:
    return get_source(request.param)


def imports(module: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, by full name."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    "module",
    [*DECLARATIONS, *sorted((PACKAGE / "cleaning").glob("*.py"))],
    ids=lambda path: path.stem,
)
def test_a_source_imports_neither_luigi_nor_settings_nor_a_vendor(module: Path) -> None:
    for name in imports(module):
        assert not any(f"{name}.".startswith(f"{vendor}.") for vendor in FORBIDDEN), (
            name
        )


def test_declaring_a_source_loads_no_vendor() -> None:
    code = (
        "import sys; from usage_metrics.sources import SOURCES, get_source; "
        "[get_source(name) for name in SOURCES]; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('google', 'boto3', 'botocore', 'ipinfo', 'maxminddb', 'sqlite3')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("module", STAGES, ids=lambda path: path.stem)
def test_no_stage_asks_which_source_it_works_for(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Compare | ast.match_case | ast.Dict | ast.Subscript):
            named = {
                part.value for part in ast.walk(node) if isinstance(part, ast.Constant)
            }
            assert named.isdisjoint(SOURCES), ast.unparse(node)


def test_no_stage_imports_a_source_by_name() -> None:
    modules = {source.module for source in SOURCES.values()}
    for module in STAGES:
        assert imports(module).isdisjoint(modules), module


def test_a_source_is_registered_under_its_own_name(source: Source) -> None:
    assert get_source(source.name) is source


def test_a_source_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no source 'datasete'; .*datasette"):
        get_source("datasete")


def test_a_source_names_columns_that_it_declares(source: Source) -> None:
    assert {source.time, source.order_column, *source.key} <= set(source.raw.names)
    assert (
        source.raw.field(source.time).type == source.raw.field(source.order_column).type
    )
    assert pa.types.is_timestamp(source.raw.field(source.time).type)
    cleaned = set(source.cleaned.names)
    assert {source.address} - {None} <= cleaned
    table = SOURCES[source.name].table
    if table is None:
        return
    assert {table.time, *table.primary_key} <= cleaned
    assert table.load_filter is None or pa.types.is_boolean(
        source.cleaned.field(table.load_filter).type
    )
    located = set(with_location(source.cleaned, source.address).names)
    for index in table.indexes:
        assert set(index) <= located


def test_what_a_source_has_read_as_dictionaries_is_text(source: Source) -> None:
    for path in source.raw_dictionaries:
        name, *rest = path.split(".")
        type_ = source.raw.field(name).type
        for child in rest:
            type_ = type_.field(child).type
        assert type_ == STRING


def test_every_column_says_what_it_holds(source: Source) -> None:
    for field in with_location(source.cleaned, source.address):
        assert description(field), field.name
