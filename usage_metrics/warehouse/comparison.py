"""Compares the rows of the database with the files that were loaded.

SQLite's own checks find a broken page, but not a value within one that another program,
or a flipped bit, has changed.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from usage_metrics.errors import PartitionError
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.partition import Partition
from usage_metrics.warehouse.rows import rows_to_load
from usage_metrics.warehouse.sqlite import Warehouse
from usage_metrics.warehouse.table import Table, of_partition, quoted

HASH = (1 << 64) - 1


def damaged_days(
    warehouse: Warehouse,
    table: Table,
    source: str,
    partition_of: Callable[[dt.date], Partition],
) -> Iterator[str]:
    """Name the days of a table that differ from their files.

    A day whose file is missing, damaged or replaced is skipped.

    Raises:
        StorageError: if the database cannot be read.
    """
    for day, loaded in warehouse.loaded(table.name, source).items():
        try:
            with partition_of(day).open(schema=table.stored) as file:
                if facts_of(file.metadata)["content_id"] != loaded.content_id:
                    continue
                expected = _summary(_as_tuples(table, rows_to_load(file, table)))
        except PartitionError:
            continue
        found = _summary(_rows(warehouse, table, source, day))
        loaded_rows = _loaded_rows(warehouse, table, source, day)
        if loaded_rows is None:  # the day was dropped meanwhile
            continue
        # Of requests with equal time and id, only the first is loaded.
        all_loaded = loaded_rows == expected[0]
        if found != expected if all_loaded else found[0] != loaded_rows:
            yield (
                f"{warehouse.path}: {table.name} does not hold what was loaded of {day}"
                f" ({found[0]:,} rows, of {loaded_rows:,}); delete the database and "
                "rerun: it is rebuilt from the Parquet files"
            )


def _rows(
    warehouse: Warehouse, table: Table, source: str, day: dt.date
) -> Iterator[tuple[Any, ...]]:
    where, values = of_partition(table, source, day)
    columns = ", ".join(map(quoted, table.schema.names))
    query = f"SELECT {columns} FROM {quoted(table.name)} {where}"  # noqa: S608
    return warehouse.rows(query, values)


def _loaded_rows(
    warehouse: Warehouse, table: Table, source: str, day: dt.date
) -> int | None:
    """How many rows of a day were loaded, as the database says."""
    query = (
        "SELECT loaded FROM usage_metrics_partitions "
        'WHERE "table" = ? AND source = ? AND date = ?'
    )
    rows = list(warehouse.rows(query, (table.name, source, day.isoformat())))
    return int(rows[0][0]) if rows else None


def _summary(rows: Iterable[tuple[Any, ...]]) -> tuple[int, int]:
    """The number of rows, and a hash that does not depend on their order."""
    count = total = 0
    for row in rows:
        count += 1
        total += hash(row)
    return count, total & HASH


def _as_tuples(table: Table, batches: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for rows in batches:
        there = set(rows.column_names)
        nothing = [None] * rows.num_rows
        yield from zip(
            *(
                rows[name].to_pylist() if name in there else nothing
                for name in table.schema.names
            ),
            strict=True,
        )
