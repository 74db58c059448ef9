"""Rewrites partitions without some addresses, and keeps their lineage intact.

A file's footer names the content of the file that it was made from. A rewritten file
has a new content id, so the files made from it would look stale: their footers are
rewritten too. A rewritten file lists the content ids that it replaces, so that after an
interruption the next erasure knows what is left to do.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from usage_metrics.dates import utc_now
from usage_metrics.partitions import storage
from usage_metrics.partitions.footer import REPLACES
from usage_metrics.partitions.partition import Partition, list_present
from usage_metrics.partitions.row_groups import dictionaries_of, row_groups
from usage_metrics.privacy.removal import AddressRemover
from usage_metrics.sources import SOURCES, get_source

if TYPE_CHECKING:
    import pyarrow as pa

_OF_THE_WRITER = ("rows", "content_id", "is_sealed", "made_by", "made_at")
_UPSTREAM = ("made_from", "counted_from")

Facts = dict[str, Any]


class Rewriting:
    """Every file of some stages of a source or platform, upstream files first."""

    def __init__(self, root: str, stages: list[str], source: str) -> None:
        """Read every footer: some may tell of an earlier, interrupted erasure."""
        self._address = get_source(source).address if source in SOURCES else None
        self._partitions = [
            Partition(root, stage, source, day)
            for stage in stages
            for day in list_present(root, stage, source)
        ]
        self.renamed: dict[str, str] = {}
        """The current content id of each replaced one."""
        for partition in self._partitions:
            self._note_replaced(partition.facts())

    def find(self, remover: AddressRemover) -> Iterator[Partition]:
        """The files that hold an address."""
        return (file for file in self._partitions if _has_address(file, remover))

    def run(self, remover: AddressRemover) -> Iterator[Partition]:
        """Remove the addresses, file by file.

        Yields:
            Each file that held an address.
        """
        for partition in self._partitions:
            before = partition.facts()
            facts = before | {
                key: self._current(before[key]) for key in _UPSTREAM if key in before
            }
            has_address = _has_address(partition, remover)
            if has_address or facts != before:
                self._rewrite(partition, facts, remover)
                self._note_replaced(partition.facts())
            if has_address:
                yield partition

    def _rewrite(
        self, partition: Partition, facts: Facts, remover: AddressRemover
    ) -> None:
        with partition.open() as file, storage.open_file(partition.path) as source:
            # Without dictionaries, which may hold values that no row has.
            schema: pa.Schema = pq.read_schema(source)
            repeating = dictionaries_of(file.metadata)
            with partition.writing(schema, repeating) as new:
                for _, rows in row_groups(file):
                    left = remover.from_table(rows, self._address)
                    new.write((rows if left is None else left).cast(schema))
                new.facts |= {
                    **{k: v for k, v in facts.items() if k not in _OF_THE_WRITER},
                    REPLACES: [*facts.get(REPLACES, ()), facts["content_id"]],
                    "erased_at": utc_now().isoformat(timespec="seconds"),
                }

    def _note_replaced(self, facts: Facts) -> None:
        for former in facts.get(REPLACES, ()):
            self.renamed[former] = facts["content_id"]

    def _current(self, ids: Any) -> Any:
        """The current content ids in place of replaced ones, at any depth."""
        if isinstance(ids, dict):
            return {key: self._current(value) for key, value in ids.items()}
        return self.renamed.get(ids, ids)


def _has_address(partition: Partition, remover: AddressRemover) -> bool:
    with partition.open() as file:
        groups = (remover.from_table(rows) for _, rows in row_groups(file))
        return any(rows is not None for rows in groups)
