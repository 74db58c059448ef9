"""The metadata file for Datasette: what the database holds, where people look.

``datasette data/usage_metrics.db --metadata data/usage_metrics.metadata.json`` shows
it. It is made from the database's own descriptions, written beside the database after
each load, and names only tables that exist. Nothing in it comes from a log.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from usage_metrics.partitions import storage
from usage_metrics.warehouse.views import Question

TITLE = "Use of our open data"
DESCRIPTION = (
    "Who used the data, and how much, by the COUNTER Code of Practice for Research "
    "Data. Times are UTC. Start with the view use_per_day, or with a question below "
    "the tables. The wheel in a column's heading shows its description."
)
LOCATIONS = {
    "source": "request logs; locations as remote_ip_located_by says, from the package: "
    "IP Geolocation by DB-IP",
    "source_url": "https://db-ip.com",
}

OWN_TABLES: dict[str, dict[str, Any]] = {
    "usage_metrics_tables": {"description": "What every table and view holds"},
    "usage_metrics_columns": {
        "description": "What every column of every table and view holds",
        "facets": ["table"],
        "size": 100,
    },
    "usage_metrics_partitions": {
        "description": "What was loaded: which day into which table, from which file, "
        "and when",
        "facets": ["table"],
        "sort_desc": "date",
    },
}


def path_of(database: str) -> Path:
    """The metadata file of a database, beside it."""
    return Path(database).with_suffix(".metadata.json")


def is_current(database: str, questions: Sequence[Question]) -> bool:
    """Whether the metadata file exists and is up to date."""
    path = path_of(database)
    return path.exists() and path.read_bytes() == _content(database, questions)


def write(database: str, questions: Sequence[Question]) -> None:
    """Write the metadata file, unless it is up to date.

    Raises:
        OSError: if it cannot be written.
    """
    if not is_current(database, questions):
        path = str(path_of(database).absolute())
        with storage.whole_or_absent(path) as stream:
            stream.write(_content(database, questions))


def _content(database: str, questions: Sequence[Question]) -> bytes:
    metadata = of_database(database, questions)
    return json.dumps(metadata, indent=2, ensure_ascii=False).encode()


def of_database(database: str, questions: Sequence[Question]) -> dict[str, Any]:
    """The metadata of a database as it is now."""
    uri = f"{Path(database).absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        there = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            )
        }
        tables = dict(_tables(connection))
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        **LOCATIONS,
        "databases": {
            Path(database).stem: {
                "description": DESCRIPTION,
                "tables": {
                    name: about for name, about in tables.items() if name in there
                },
                "queries": {
                    question.name: {
                        "title": question.title,
                        "description": question.description,
                        "sql": question.sql,
                    }
                    for question in questions
                    if there.issuperset(question.reads)
                },
            }
        },
    }


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    columns = _columns(connection)
    yield from OWN_TABLES.items()
    for name, description, sort, facets in connection.execute(
        'SELECT "table", description, sort, facets FROM usage_metrics_tables'
    ):
        about = {
            "description": description,
            "sort_desc": sort,
            "facets": facets.split(",") if facets else [],
            "columns": columns.get(name, {}),
        }
        yield name, about


def _columns(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The description of each column, with its unit."""
    found: dict[str, dict[str, str]] = {}
    for table, name, unit, description in connection.execute(
        'SELECT "table", name, unit, description FROM usage_metrics_columns'
    ):
        in_unit = f" ({unit})" if unit else ""
        found.setdefault(table, {})[name] = f"{description}{in_unit}"
    return found
