"""Reads partitions and a database to compare what two runs left."""

import contextlib
import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

DRAWN = ("visitor", "session")
"""Columns whose values are random, different in each run on purpose."""

OF_THE_RUN = {"usage_metrics_partitions": ("path", "fingerprint", "loaded_at")}
"""Columns that say when and from where a day was loaded."""

Tables = dict[str, Any]


def of_files(
    root: str | Path, filesystem: pafs.FileSystem | None = None
) -> dict[str, pa.Table]:
    """The rows of each partition, by its path below the root."""
    filesystem = filesystem or pafs.LocalFileSystem()
    selector = pafs.FileSelector(str(root), recursive=True, allow_not_found=True)
    found = {}
    for info in filesystem.get_file_info(selector):
        if info.base_name == "part-0.parquet":
            with filesystem.open_input_file(info.path) as file:
                table = pq.ParquetFile(file).read()
            name = info.path.removeprefix(str(root)).lstrip("/")
            found[name] = table.drop_columns(
                [column for column in DRAWN if column in table.column_names]
            )
    return found


def of_database(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table, sorted."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        # SQLite's own are statistics, taken whenever some of it was loaded.
        names = db.execute(
            "SELECT name FROM sqlite_master "
            "WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        )
        return {name: _rows(db, name) for (name,) in names.fetchall()}


def _rows(db: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
    kept = [c for c in columns if c not in (*DRAWN, *OF_THE_RUN.get(table, ()))]
    wanted = ", ".join(f'"{column}"' for column in kept)
    rows = db.execute(f'SELECT {wanted} FROM "{table}"').fetchall()
    return sorted(rows, key=repr)


def differences(found: Tables, expected: Tables) -> list[str]:
    """Describe, a line each, where two of the above differ."""
    said = [f"{name} is missing" for name in expected.keys() - found.keys()]
    said += [f"{name} is unexpected" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        one, other = found[name], expected[name]
        if not (one.equals(other) if isinstance(one, pa.Table) else one == other):
            said.append(f"{name} has other rows ({len(one)}, not {len(other)})")
    return sorted(said)


def days_of(files: dict[str, pa.Table], stage: str) -> dict[str, int]:
    """The number of rows of a stage per day."""
    return {
        name.split("date=")[1][: len(dt.date.min.isoformat())]: len(table)
        for name, table in files.items()
        if name.startswith(f"{stage}/")
    }
