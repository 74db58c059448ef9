"""The footers of a whole stage, without opening every file every time.

A footer can only change with its file, and a listing tells when a file was replaced. So
footers are cached, by fingerprint, in one small file beside the partitions, which is
rebuilt if it was deleted.
"""

import datetime as dt
import json
from typing import Any

from usage_metrics import config
from usage_metrics.errors import StorageError
from usage_metrics.partitions import kept
from usage_metrics.partitions.partition import Partition, list_partitions, written_at

Facts = dict[str, Any]

MADE_BY = "footers"

LEFT_OUT = frozenset({"stage", "source", "date", "columns", "made_by", "attribution"})
"""Long facts that are much the same in every footer, and not cached."""

DAMAGED: Facts = {"damaged": True}
"""The facts of a file whose footer cannot be read."""


class FooterIndex:
    """The facts of the files of every stage that was asked for."""

    def __init__(self) -> None:
        """Read the cache."""
        self._root = config.paths().root
        self._known = dict(_known(kept.read(kept.FOOTERS, MADE_BY) or b"{}"))
        self._is_changed = False

    def of_stage(self, stage: str, source: str) -> dict[dt.date, Facts]:
        """The days of a stage, oldest first, each with the facts in its footer."""
        name = f"{self._root} {stage} {source}"
        known = self._known.get(name, {})
        now: dict[str, Any] = {}
        for day, fingerprint in list_partitions(self._root, stage, source).items():
            entry = known.get(day.isoformat())
            if not (isinstance(entry, list) and entry[:1] == [fingerprint]):
                entry = [fingerprint, self._facts(stage, source, day)]
                self._is_changed = True
            now[day.isoformat()] = entry
        self._known[name] = now
        return {dt.date.fromisoformat(day): entry[1] for day, entry in now.items()}

    def written_at(self, stage: str, source: str, day: dt.date) -> float:
        """When a file was written, in seconds; 0 if it is missing."""
        known = self._known.get(f"{self._root} {stage} {source}", {})
        entry = known.get(day.isoformat())
        return written_at(entry[0]) if entry else 0.0

    def keep(self) -> None:
        """Save the cache if it changed; if that fails, the next run reads again."""
        if self._is_changed:
            content = json.dumps(self._known, separators=(",", ":")).encode()
            kept.keep(kept.FOOTERS, MADE_BY, content)
            _remember(content, dict(self._known))

    def _facts(self, stage: str, source: str, day: dt.date) -> Facts:
        try:
            facts = Partition(self._root, stage, source, day).facts()
        except StorageError:
            return DAMAGED
        return {key: fact for key, fact in facts.items() if key not in LEFT_OUT}


Known = dict[str, dict[str, Any]]
"""What a cache says, by the name of a stage; who changes it changes a copy."""

_last: dict[bytes, Known] = {}
"""What this process read or wrote last, so that it is not parsed again."""


def _known(content: bytes) -> Known:
    if content not in _last:
        _remember(content, _parse(content))
    return _last[content]


def _remember(content: bytes, known: Known) -> None:
    _last.clear()
    _last[content] = known


def _parse(content: bytes) -> Known:
    known: Known = json.loads(content)
    return known
