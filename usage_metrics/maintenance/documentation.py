"""Renews what the code knows better than docs/ and luigi.cfg: settings and columns.

``python -m usage_metrics.maintenance.documentation docs luigi.cfg`` writes them: in the
pages of a folder between two markers each, in luigi.cfg, as comments, what a section
does not set. A test fails when one of them is behind.
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from usage_metrics import arrow, config
from usage_metrics.cleaning import rejects
from usage_metrics.geocode.locate import with_location
from usage_metrics.sources import SOURCES, get_source


def settings_table() -> str:
    """Every setting with its default, as Markdown."""
    rows = [
        (
            f"`[{section.__name__}]`",
            f"`{name}`",
            f"`{_default(parameter)}`" if _default(parameter) else "",
            _about(parameter),
        )
        for section in config.SECTIONS
        for name, parameter in section.get_params()
    ]
    return _markdown(("section", "setting", "default", "meaning"), rows)


def data_dictionary() -> str:
    """Every column of every source, as Markdown."""
    return "\n\n".join(_chapters())


def _chapters() -> Iterator[str]:
    for name in sorted(SOURCES):
        source = get_source(name)
        schema = with_location(source.cleaned, source.address)
        yield (
            f"### {name}: `cleaned`, `geocoded` (with `{source.address}_…`) and the "
            f"table `{source.table}`"
        )
        yield _columns(schema)
    yield "### `rejected`, of every source"
    yield _columns(rejects.REJECTED)


def _columns(schema: pa.Schema) -> str:
    rows = [
        (f"`{f.name}`", str(f.type), arrow.unit(f), arrow.description(f))
        for f in schema
    ]
    return _markdown(("column", "type", "unit", "meaning"), rows)


def _default(parameter: Any) -> str:
    """The default as it would be written in luigi.cfg."""
    return "" if parameter._default is None else str(parameter._default)


_ADDED_BY_LUIGI = re.compile(r";?\s*(?:Choices: \{.*\}|permitted values: .*)?$")
"""Choices, in no certain order, and limits, in the notation of mathematics."""


def _about(parameter: Any) -> str:
    """The description, with limits only where both ends say something."""
    about = str(parameter.description)
    is_share = about.endswith("float in [0.0, 1.0]")
    return _ADDED_BY_LUIGI.sub("", about) + ("; from 0 to 1" if is_share else "")


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def renewed(text: str) -> str:
    """A page with its generated parts written anew."""
    parts = {"settings": settings_table(), "columns": data_dictionary()}
    for name, part in parts.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        new = f"{begin}\n{part}\n{end}".replace("\\", "\\\\")
        text = re.sub(pattern, new, text, flags=re.DOTALL)
    return text


def renewed_settings(text: str) -> str:
    """A luigi.cfg in which every setting stands: set, or its default as a comment."""
    for section in config.SECTIONS:
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
"""The comment that stands for a setting that is left out."""


def main() -> None:
    """Renew files in place."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", type=Path, nargs="+", help="docs, luigi.cfg")
    for path in parser.parse_args().paths:
        renew = renewed_settings if path.suffix == ".cfg" else renewed
        for file in sorted(path.glob("*.md")) if path.is_dir() else [path]:
            file.write_text(renew(file.read_text()))


if __name__ == "__main__":
    main()
