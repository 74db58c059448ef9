"""What the footers of a whole stage say, without opening each file each time.

A footer can only change with its file, and a listing tells when a file was replaced. So
what was read once is kept, by fingerprint, in one small file beside the partitions. It
can be deleted at any time, and is then read anew.
"""

import contextlib
import datetime as dt
import json
from pathlib import Path
from typing import Any

from usage_metrics import config
from usage_metrics.errors import StorageError
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import (
    Partition,
    list_partitions,
    written_at,
)

Facts = dict[str, Any]

FILE_NAME = ".footers.json"

LEFT_OUT = frozenset({"stage", "source", "date", "columns", "made_by", "attribution"})
"""What is in each footer alike, and long."""

DAMAGED: Facts = {"damaged": True}
"""In place of the facts of a file whose footer cannot be read."""


class Footers:
    """The facts of every file of every stage, as far as they were asked for."""

    def __init__(self) -> None:
        """Take what is known from the file."""
        self._root = config.paths().root
        self._file = run_log.local_folder() / FILE_NAME
        self._known = self._read()
        self._is_news = False

    def of_stage(self, stage: str, source: str) -> dict[dt.date, Facts]:
        """The days of a stage, oldest first, with what their footers say."""
        name = f"{self._root} {stage} {source}"
        known = self._known.get(name, {})
        now: dict[str, Any] = {}
        for day, fingerprint in list_partitions(self._root, stage, source).items():
            entry = known.get(day.isoformat())
            if not (isinstance(entry, list) and entry[:1] == [fingerprint]):
                entry = [fingerprint, self._facts(stage, source, day)]
                self._is_news = True
            now[day.isoformat()] = entry
        self._known[name] = now
        return {dt.date.fromisoformat(day): entry[1] for day, entry in now.items()}

    def written_at(self, stage: str, source: str, day: dt.date) -> float:
        """When a file was written, in seconds; before all time if it is not there."""
        known = self._known.get(f"{self._root} {stage} {source}", {})
        entry = known.get(day.isoformat())
        return written_at(entry[0]) if entry else 0.0

    def keep(self) -> None:
        """Write down what is new; if that cannot be, the next one reads it again."""
        if self._is_news and self._file.parent.is_dir():
            text = json.dumps(self._known, separators=(",", ":"))
            with (
                contextlib.suppress(OSError),
                storage.whole_or_absent(str(self._file.absolute())) as stream,
            ):
                stream.write(text.encode())

    def _facts(self, stage: str, source: str, day: dt.date) -> Facts:
        try:
            facts = Partition(self._root, stage, source, day).facts()
        except StorageError:
            return DAMAGED
        return {key: fact for key, fact in facts.items() if key not in LEFT_OUT}

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            known = json.loads(Path(self._file).read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
