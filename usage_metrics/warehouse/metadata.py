"""The metadata file for Datasette: what the database holds, where people look.

``datasette data/usage_metrics.db --metadata data/usage_metrics.metadata.json`` shows
it. It is made from the database's own descriptions, written beside the database after
each load, and names only tables that exist. Nothing in it comes from a log.
"""

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
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


def is_current(
    database: str, questions: Sequence[Question], names: Collection[str]
) -> bool:
    """Whether the metadata file is up to date for some tables and views."""
    now = of_database(database, questions)["databases"][Path(database).stem]
    try:
        file = json.loads(path_of(database).read_bytes())
        found = file["databases"][Path(database).stem]
        tables, queries = dict(found["tables"]), dict(found["queries"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    asked = [q.name for q in questions if set(names).issuperset(q.reads)]
    return all(tables.get(n) == now["tables"].get(n) for n in names) and all(
        queries.get(n) == now["queries"].get(n) for n in asked
    )


def write(database: str, questions: Sequence[Question]) -> None:
    """Write the metadata file, unless it is up to date.

    Raises:
        OSError: if it cannot be written.
    """
    path, content = path_of(database), _content(database, questions)
    if not path.exists() or path.read_bytes() != content:
        file = str(path.absolute())
        with storage.whole_or_absent(file, private=False) as stream:
            stream.write(content)


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
