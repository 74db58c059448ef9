"""How long the report on a year of days takes, and where the time goes.

``python -m tests.benchmarks.report`` fills a database with the usage tables of made-up
days, as many rows a day as the sample logs have or, with ``--times``, more, and prints
the CPU seconds of each part of the report, their share, and the size of the page.
Nothing is asserted: machines differ.
"""

import argparse
import datetime as dt
import importlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from adbc_driver_sqlite import dbapi

from usage_metrics.counting.tables import TABLES
from usage_metrics.report import figures, page, payload, quality
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables
from usage_metrics.warehouse.sqlite import Warehouse

START = dt.date(2025, 1, 1)
ROWS = {
    "usage_daily": 220,
    "usage_by_organization": 70,
    "usage_by_referrer": 15,
    "usage_by_path": 90,
    "usage_by_city": 35,
    "usage_by_agent": 60,
    "usage_combined": 400,
    "usage_by_attribute": 290,
    "usage_by_class": 20,
    "usage_concentration": 5,
    "usage_reconciliation": 1,
}
"""So many a day has in the sample logs, of 1,575 requests."""
FEW = ("usage_by_class", "usage_concentration", "usage_reconciliation")
"""Tables that do not grow with the requests."""
DIFFERENT: dict[str, list[str | None]] = {
    "dataset": ["pudl", "ferc1", "none", "unmapped"],
    "agent_class": ["human", "machine", "robot", "internal", "unknown"],
    "network_class": ["hosting", "education", "government", "business", "unknown"],
    "country": ["US", "DE", "FR", "GB", "CN", "IN", "BR", "CA", "JP", "AU", "SG"],
    "format": ["html", "json", "csv", "db", None],
    "page": ["table", "row", "query", "database", "static"],
    "table": [f"table_{number}" for number in range(200)],
    "organization": [f"AS{number} Organisation {number}" for number in range(3_000)],
    "referrer": [None, *(f"site{number}.example" for number in range(500))],
    "path": [f"/pudl/table_{number}.json" for number in range(5_000)],
    "host": ["data.example"],
    "city": [f"City {number}" for number in range(2_000)],
    "agent_name": [None, *(f"program {number}" for number in range(300))],
    "agent_kind": ["browser", "library", "search", "AI training", "monitor"],
    "attribute": ["hour", "entry", "exit", "latency", "status", "device", "not_found"],
    "value": [f"{number:02}" for number in range(200)],
    "region": [f"Region {number}" for number in range(100)],
}
"""What the columns hold; the first are the most frequent."""


def made_up(schema: pa.Schema, day: dt.date, rows: int, random: Any) -> pa.Table:
    """Rows of a day."""
    columns: dict[str, Any] = {}
    for field in schema:
        if field.name in ("date", "period"):
            columns[field.name] = [day.isoformat()] * rows
        elif field.name == "source":
            columns[field.name] = ["datasette"] * rows
        elif field.name in DIFFERENT:
            values = DIFFERENT[field.name]
            which = np.minimum(random.zipf(1.3, rows) - 1, len(values) - 1)
            columns[field.name] = [values[number] for number in which]
        elif pa.types.is_floating(field.type):
            columns[field.name] = random.random(rows)
        elif pa.types.is_boolean(field.type):
            columns[field.name] = random.random(rows) > 0.5
        elif pa.types.is_integer(field.type):
            columns[field.name] = random.integers(1, 1_000, rows)
        else:
            columns[field.name] = [None] * rows
    if "counted" in columns and "requests" in columns:
        columns["counted"] = np.minimum(columns["counted"], columns["requests"])
    return pa.table(columns, schema=schema)


def fill(path: Path, days: int, times: int) -> None:
    """Make the tables, and give each its rows of every day."""
    warehouse = Warehouse(str(path), busy_seconds=10)
    random = np.random.default_rng(1)
    for table in TABLES.values():
        warehouse.create(table)
    for table in TABLES.values():
        if table.name not in ROWS:
            continue
        rows = ROWS[table.name] * (1 if table.name in FEW else times)
        parts = [
            made_up(table.schema, START + dt.timedelta(days=n), rows, random)
            for n in range(days)
        ]
        if table.name == "usage_by_class":
            parts = [every_combination(part) for part in parts]
        with (
            dbapi.connect(str(path), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.adbc_ingest(table.name, pa.concat_tables(parts), mode="append")


def every_combination(rows: pa.Table) -> pa.Table:
    """The datasets and classes in turn, each pair once."""
    pairs = [
        (dataset, name)
        for dataset in ("all", *DIFFERENT["dataset"])
        for name in DIFFERENT["agent_class"]
    ]
    rows = pa.concat_tables([rows, rows]).slice(0, len(pairs))
    for index, name in enumerate(("dataset", "agent_class")):
        where = rows.column_names.index(name)
        values = pa.array([pair[index] for pair in pairs[: rows.num_rows]])
        rows = rows.set_column(where, rows.schema.field(name), values)
    return rows


def main() -> None:
    """Fill a database and report on it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument(
        "--times", type=int, default=1, help="multiply the rows of the sample"
    )
    options = parser.parse_args()
    days = options.days
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.db"
        fill(path, days, options.times)
        print(f"{days:,} days, {path.stat().st_size / 1e6:,.0f} MB of tables")
        report(path, Span("datasette", START, START + dt.timedelta(days=days)))


def report(path: Path, span: Span) -> None:
    """Make the report, and print what each part took."""
    costs: dict[str, float] = {}

    def timed(name: str, make: Callable[[], Any]) -> Any:
        before = time.process_time()
        made = make()
        costs[name] = time.process_time() - before
        return made

    timed("imports", charts_are_imported)
    with open_tables(path) as tables:
        database = Database(tables)
        gathered = timed("payload", lambda: payload.gather(database, span, {}))
        concentrated = timed(
            "concentration", lambda: figures.concentration_of(database, span)
        )
        reconciled = timed("quality", lambda: quality.reconciled(database, span))
    material = page.Material(
        site="data.example.org",
        logs_of="a Datasette",
        titles={},
        payload=gathered,
        concentration=concentrated,
        reconciled=reconciled,
        versions=quality.versions({}),
        attributions=[],
        made_on=span.stop,
    )
    text = timed("page", lambda: page.render(material, "0"))
    total = sum(costs.values())
    for name, cost in costs.items():
        print(f"{name:15}{cost:6.2f} CPU s {cost / total:6.0%}")
    print(f"{'all':15}{total:6.2f} CPU s; by {gathered.span.grain}")
    print(f"{len(text.encode()) / 1e6:.2f} MB, {gathered.size / 1e3:,.0f} kB figures")


def charts_are_imported() -> None:
    """What a process imports once, whatever is in the database."""
    for name in ("altair", "pandas", "vl_convert"):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
