"""Which texts of a day are named in its tables of figures; all others share a row.

So the tables stay short, whatever visitors make up. What may say something about a
person is named only if several visitors had it.
"""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import only_chunk
from usage_metrics.counting.aside import NewFile
from usage_metrics.counting.asked_texts import LEAST_VISITORS
from usage_metrics.counting.frequent import MostFrequent, SeenByMost
from usage_metrics.counting.grouping import any_of, holds, numbers_of

PATHS_A_DAY = 1_000
"""Paths named per day: more than a site has tables, and fewer than it has rows."""
AGENTS_A_DAY = 500
"""Agents named per day: robots invent names without end."""
VALUES_A_DAY = 200
"""Paths not found, searches, statements and referring pages named per day."""

FREQUENT = {
    "path": PATHS_A_DAY,
    "agent_name": AGENTS_A_DAY,
    "not_found": VALUES_A_DAY,
}
"""How many texts are named: those of most requests."""
SEEN_BY_MANY = dict.fromkeys(("search", "sql", "referrer_page"), VALUES_A_DAY)
"""How many texts are named: those of most visitors, robots and ourselves left out."""


class Named:
    """Finds the texts of a day that are named."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a text.

        Args:
            new_file: makes a file for what is not held in memory.
        """
        self._frequent = {
            name: MostFrequent(new_file, number) for name, number in FREQUENT.items()
        }
        self._seen = {
            name: SeenByMost(new_file, number, LEAST_VISITORS)
            for name, number in SEEN_BY_MANY.items()
        }

    def add(self, rows: pa.Table) -> None:
        """Add some rows of the day, with those columns, the agent class and visitor."""
        for name, frequent in self._frequent.items():
            frequent.add(only_chunk(rows[name]))
        is_visit = ~holds(rows["agent_class"], any_of("robot", "internal"))
        visitors = numbers_of(rows["visitor"])
        for name, seen in self._seen.items():
            seen.add_of(only_chunk(rows[name]), visitors, is_visit)

    def found(self) -> dict[str, pa.Array]:
        """The named texts, by column."""
        both = {**self._frequent, **self._seen}
        return {name: texts.found() for name, texts in both.items()}


def named_only(texts: pa.DictionaryArray, named: pa.Array) -> pa.DictionaryArray:
    """The texts that are named; null in place of all others."""
    numbers = pc.index_in(texts.dictionary, named)
    return pa.DictionaryArray.from_arrays(numbers.take(texts.indices), named)
