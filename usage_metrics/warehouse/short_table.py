"""Short tables that are replaced as a whole, since they are made from settings."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from usage_metrics.warehouse.table import quoted

Row = tuple[Any, ...]


class ShortColumn(NamedTuple):
    """A column of such a table; as it is in no file, Arrow has no part in it."""

    name: str
    description: str
    type: str = "TEXT"


@dataclass(frozen=True)
class ShortTable:
    """A short table."""

    name: str
    description: str
    """What a row is, for people."""
    columns: tuple[ShortColumn, ...]
    rows: Callable[[], Iterable[Row] | None]
    """What it should hold; None if that is not known now, and it stays as it is."""
    facets: tuple[str, ...] = ()

    @property
    def order(self) -> str:
        """The column whose greatest value people want first."""
        return self.columns[0].name

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in self.columns)
        return f"CREATE TABLE {quoted(self.name)} ({columns})"

    @property
    def described(self) -> Iterator[tuple[str, ...]]:
        """Its rows of ``usage_metrics_columns``."""
        for column in self.columns:
            yield self.name, column.name, column.type, "", column.description

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
        values = ", ".join("?" * len(self.columns))
        insert = f"INSERT INTO {quoted(self.name)} VALUES ({values})"  # noqa: S608 - our own name
        connection.executemany(insert, self.rows() or ())
