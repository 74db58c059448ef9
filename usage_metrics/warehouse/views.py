"""How views and ready-made questions are declared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usage_metrics.warehouse.table import described

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class View:
    """A view of one table."""

    name: str
    description: str
    reads: str
    """The table that it is made from."""
    columns: Callable[[], "pa.Schema"]
    """Gives its schema, as that of a table."""
    sql: str
    order: str
    """The column whose greatest value people want first."""
    facets: tuple[str, ...] = ()

    @property
    def described(self) -> Iterator[tuple[str, ...]]:
        """Its rows of ``usage_metrics_columns``."""
        return described(self.name, self.columns())

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        return f'CREATE VIEW "{self.name}" AS {self.sql}'


@dataclass(frozen=True)
class Question:
    """A question and the SQL that answers it, which Datasette shows beside the tables.

    What a person may fill in stands in the SQL as ``:name``; left empty, it restricts
    nothing.
    """

    name: str
    title: str
    description: str
    reads: tuple[str, ...]
    """The tables and views that it needs."""
    sql: str
