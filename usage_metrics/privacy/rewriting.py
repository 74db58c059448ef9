"""Writes partitions anew without some addresses, and keeps the chain of them whole.

A file's footer names the content of the file that it was made from. A file that is
written anew has other content, so those to the right of it would seem to be made from
something else, and be stale. So their footers are written anew as well. A new file says
which contents it took the place of: whoever is killed on the way finds from that, next
time, what is left to do.
"""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import FILE_NAME, Partition, days_with
from usage_metrics.partitions.row_groups import dictionaries_of, row_groups
from usage_metrics.privacy.removal import Erased
from usage_metrics.sources import get_source

if TYPE_CHECKING:
    import pyarrow as pa

REPLACES = "replaces"
"""In a footer: the ids of the contents that this one took the place of."""

_OF_THE_WRITER = ("rows", "content_id", "is_sealed", "made_by", "made_at")

Facts = dict[str, Any]


class Rewriting:
    """Every file of some stages of a source, from left to right."""

    def __init__(self, root: str, stages: list[str], source: str) -> None:
        """Read every footer: some may tell of an earlier, interrupted erasure."""
        self._address = get_source(source).address
        self._partitions = [
            Partition(root, stage, source, day)
            for stage in stages
            for day in days_with(FILE_NAME, root, stage, source)
        ]
        self.renamed: dict[str, str] = {}
        """The present id of contents that were replaced."""
        for partition in self._partitions:
            self._note(partition.facts())

    def run(self, erased: Erased) -> Iterator[Partition]:
        """Erase, a file at a time.

        Yields:
            Each file that had something to erase.
        """
        for partition in self._partitions:
            before = partition.facts()
            facts = self._follow(before)
            holds = self._holds(partition, erased)
            if holds or facts != before:
                self._write(partition, facts, erased)
                self._note(partition.facts())
            if holds:
                yield partition

    def _holds(self, partition: Partition, erased: Erased) -> bool:
        with partition.open() as file:
            return any(erased.out_of(rows) is not None for _, rows in row_groups(file))

    def _write(self, partition: Partition, facts: Facts, erased: Erased) -> None:
        with partition.open() as file, storage.open_file(partition.path) as source:
            # Without dictionaries, which may hold what no row does.
            schema: pa.Schema = pq.read_schema(source)
            repeating = dictionaries_of(file.metadata)
            with partition.writing(schema, repeating) as new:
                for _, rows in row_groups(file):
                    left = erased.out_of(rows, self._address)
                    new.write((rows if left is None else left).cast(schema))
                new.facts |= {
                    **{k: v for k, v in facts.items() if k not in _OF_THE_WRITER},
                    REPLACES: [*facts.get(REPLACES, ()), facts["content_id"]],
                    "erased_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                }

    def _note(self, facts: Facts) -> None:
        """Note which contents a file took the place of."""
        for former in facts.get(REPLACES, ()):
            self.renamed[former] = facts["content_id"]

    def _follow(self, facts: Facts) -> Facts:
        """The facts of a file, with the present ids of what it was made from."""
        return {
            key: self._present(value) if key in ("made_from", "counted_from") else value
            for key, value in facts.items()
        }

    def _present(self, ids: Any) -> Any:
        if isinstance(ids, dict):
            return {key: self._present(value) for key, value in ids.items()}
        return self.renamed.get(ids, ids)
