"""Short tables that are replaced as a whole, since they are made from settings."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usage_metrics.warehouse.table import column_definitions, quoted

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]


@dataclass(frozen=True)
class ShortTable:
    """A short table."""

    name: str
    description: str
    """What a row is, for people."""
    schema: "pa.Schema"
    rows: Callable[[], Iterable[Row] | None]
    """What it should hold; None if that is not known now, and it stays as it is."""
    facets: tuple[str, ...] = ()

    @property
    def order(self) -> str:
        """The column whose greatest value people want first."""
        return str(self.schema.names[0])

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        return f"CREATE TABLE {quoted(self.name)} ({column_definitions(self.schema)})"

    def is_current(self, connection: sqlite3.Connection) -> bool:
        """Whether it is there, and holds what it should."""
        made = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", [self.name]
        )
        if made.fetchone() != (self.statement,):
            return False
        wanted = self.rows()
        there = connection.execute(f"SELECT * FROM {quoted(self.name)}")  # noqa: S608 - our own name
        return wanted is None or there.fetchall() == [*wanted]

    def replace(self, connection: sqlite3.Connection) -> None:
        """Make it again, in the transaction that is open."""
        connection.execute(f"DROP TABLE IF EXISTS {quoted(self.name)}")
        connection.execute(self.statement)
        values = ", ".join("?" * len(self.schema))
        insert = f"INSERT INTO {quoted(self.name)} VALUES ({values})"  # noqa: S608 - our own name
        connection.executemany(insert, self.rows() or ())
