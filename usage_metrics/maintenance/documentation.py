"""Updates the parts of docs/ and luigi.cfg that are generated from the code.

Usage: ``python -m usage_metrics.maintenance.documentation docs luigi.cfg``

In the Markdown pages of a folder they are the tables of settings and columns, each
between two markers; in luigi.cfg, the default of each setting that a section leaves
out, as a comment. Tests fail if one of them is out of date.
"""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from usage_metrics import arrow
from usage_metrics.cleaning import rejects
from usage_metrics.geocode.locate import with_location
from usage_metrics.platforms import schemas
from usage_metrics.platforms.snapshot_tables import STAGES
from usage_metrics.sources import SOURCES, get_source, registered
from usage_metrics.sources.settings import SECTIONS


def settings_table() -> str:
    """Every setting with its default, as Markdown."""
    rows = [
        (
            f"`[{section.__name__}]`",
            f"`{name}`",
            f"`{_default(parameter)}`" if _default(parameter) else "",
            _about(parameter),
        )
        for section in SECTIONS
        for name, parameter in section.get_params()
    ]
    return _markdown(("section", "setting", "default", "meaning"), rows)


def data_dictionary() -> str:
    """Every column of every source, as Markdown."""
    parts = []
    for name in sorted(SOURCES):
        source, requests = get_source(name), registered(name).table
        parts += [
            f"### {name}: `cleaned`, `geocoded` (with `{source.address}_…`) and "
            + (f"the table `{requests.name}`" if requests else "no table"),
            _columns(with_location(source.cleaned, source.address)),
        ]
    parts += ["### `rejected`, of every source", _columns(rejects.REJECTED)]
    parts += ["### `raw`, of every platform", _columns(schemas.RAW)]
    for stage, table in STAGES.items():
        parts += [
            f"### `{stage}`, of every platform, and the table `{table.name}`",
            _columns(table.schema),
        ]
    return "\n\n".join(parts)


def _columns(schema: pa.Schema) -> str:
    rows = [
        (f"`{f.name}`", str(f.type), arrow.unit(f), arrow.description(f))
        for f in schema
    ]
    return _markdown(("column", "type", "unit", "meaning"), rows)


def _default(parameter: Any) -> str:
    """The default as it would be written in luigi.cfg."""
    default = parameter._default
    return "" if default is None else str(parameter.serialize(default))


_ADDED_BY_LUIGI = re.compile(r";?\s*(?:Choices: \{.*\}|permitted values: .*)?$")
"""Choices, in random order, and limits, in mathematical notation."""


def _about(parameter: Any) -> str:
    """The description, with limits only if both ends are informative."""
    about = str(parameter.description)
    is_share = about.endswith("float in [0.0, 1.0]")
    return _ADDED_BY_LUIGI.sub("", about) + ("; from 0 to 1" if is_share else "")


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def renewed(text: str) -> str:
    """Update the generated parts of a page."""
    parts = {"settings": settings_table(), "columns": data_dictionary()}
    for name, part in parts.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        new = f"{begin}\n{part}\n{end}".replace("\\", "\\\\")
        text = re.sub(pattern, new, text, flags=re.DOTALL)
    return text


def renewed_settings(text: str) -> str:
    """Update a luigi.cfg to list every setting: set, or its default as a comment."""
    for section in SECTIONS:
        head = f"\n[{section.__name__}]\n"
        if head not in text:
            about = str(section.__doc__).replace("``", "")
            text += f"{head}# {about}\n"
        before, _, rest = text.partition(head)
        body, next_head, after = rest.partition("\n[")
        lines = [line for line in body.splitlines() if not _NOT_SET.fullmatch(line)]
        is_set = {line.partition("=")[0].strip() for line in lines}
        lines = [line for line in lines if line] + [
            f"# {name} = {_default(parameter)}".rstrip()
            for name, parameter in section.get_params()
            if name not in is_set
        ]
        body = "\n".join(lines) + "\n"
        text = f"{before}{head}{body}{next_head}{after}"
    return text


_NOT_SET = re.compile(r"# [a-z_]+ =.*")
"""The comment for a setting that is left out."""


def main() -> None:
    """Update files in place."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.documentation",
        description="Update the generated parts of docs/ and luigi.cfg.",
    )
    parser.add_argument("paths", type=Path, nargs="+", help="docs, luigi.cfg")
    for path in parser.parse_args().paths:
        renew = renewed_settings if path.suffix == ".cfg" else renewed
        for file in sorted(path.glob("*.md")) if path.is_dir() else [path]:
            file.write_text(renew(file.read_text()))


if __name__ == "__main__":
    main()
