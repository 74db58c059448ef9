"""Cloud Logging's JSON exports: how the files are named, and what is in them.

A Cloud Storage sink writes to ``run.googleapis.com/requests/2022/03/15/``, a file an
hour, and late entries to addenda beside them; people write a file a day and put the
date in its name. Both are found at any depth. A file holds JSON lines or, from
``gcloud logging read``, a JSON array; it may be packed. A file may also hold Pub/Sub
messages or replies of the API (:mod:`~usage_metrics.logs.cloud_logging.envelopes`).

Logs Explorer names a download by the hour of downloading
(``downloaded-logs-20240320-205148.json``), which says nothing of its entries.
"""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa

from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.logs.cloud_logging.envelopes import entries_in
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.unpacking import PACKED_ENDINGS

_ENDINGS = (".json", ".jsonl", ".ndjson")

EXPORTS = Layout(
    file="export",
    named=f"the name of an export ends in {', '.join(_ENDINGS)}, packed "
    f"({', '.join(PACKED_ENDINGS)}) or not",
    dated="the name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)",
    nothing_happened="an empty file named by the day says so",
    names=r"\.(?:json|jsonl|ndjson)$",
    date=r"(?<!\d)(?P<year>\d{4})([-_/.]?)(?P<month>\d{2})\2(?P<day>\d{2})(?!\d)",
    looked_into=r"downloaded-logs-(?:\d{8}-)*\d{8}-\d{6}(?!\d)",
    is_excerpt=True,
)


class JsonEntries:
    """Cloud Logging's entries as JSON."""

    title = "Cloud Logging's entries as JSON"
    schema = ENTRY
    time = "timestamp"

    def __init__(self) -> None:
        """Start without knowing which fields to expect; each block adds to them."""
        self._reader = EntryReader()

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file into lines, each with an entry."""
        return entries_in(read_blocks(raw, name))

    def read(self, block: Block) -> pa.Table:
        """Read the entries of a block."""
        return self._reader.read(block)

    def mention(self, day: dt.date) -> bytes | None:
        """The date as each entry of the day has it in its time."""
        return day.isoformat().encode()
