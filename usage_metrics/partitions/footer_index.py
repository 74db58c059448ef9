"""The footers of a whole stage, without opening every file every time.

A footer can only change with its file, and a listing tells when a file was replaced. So
footers are cached, by fingerprint, in one small file beside the partitions, which is
rebuilt if it was deleted.
"""

import datetime as dt
import json
from collections.abc import Hashable
from typing import Any, NamedTuple

from usage_metrics import config
from usage_metrics.errors import StorageError
from usage_metrics.partitions import kept
from usage_metrics.partitions.partition import Partition, list_partitions, written_at

Facts = dict[str, Any]

Days = dict[str, tuple[str, Facts] | list[Any]]
"""By day, the fingerprint of a file and the facts in its footer."""

MADE_BY = "footers, a line for each stage"

LEFT_OUT = frozenset({"stage", "source", "date", "columns", "made_by", "attribution"})
"""Long facts that are much the same in every footer, and not cached."""

DAMAGED: Facts = {"damaged": True}
"""The facts of a file whose footer cannot be read."""


class Known(NamedTuple):
    """What a cache says, by the name of a stage; who changes it makes another."""

    texts: dict[str, bytes]
    """As it says it."""
    days: dict[str, Days]
    """What was parsed of that."""

    def of_stage(self, name: str) -> Days:
        """The days of a stage, parsed once."""
        if name not in self.days:
            self.days[name] = _parse(self.texts[name]) if name in self.texts else {}
        return self.days[name]


class FooterIndex:
    """The facts of the files of every stage that was asked for."""

    def __init__(self) -> None:
        """Read the cache, of which a stage is parsed when it is asked for."""
        self._root = config.paths().root
        self._known = _known()
        self._now: dict[str, Days] = {}
        self._changed: set[str] = set()

    def of_stage(self, stage: str, source: str) -> dict[dt.date, Facts]:
        """The days of a stage, oldest first, each with the facts in its footer."""
        name = f"{self._root} {stage} {source}"
        known = self._now.get(name) or self._known.of_stage(name)
        now: Days = {}
        found: dict[dt.date, Facts] = {}
        for day, fingerprint in list_partitions(self._root, stage, source).items():
            written = day.isoformat()
            entry = known.get(written)
            if entry is None or entry[0] != fingerprint:
                entry = (fingerprint, self._facts(stage, source, day))
                self._changed.add(name)
            now[written], found[day] = entry, entry[1]
        self._now[name] = now
        return found

    def written_at(self, stage: str, source: str, day: dt.date) -> float:
        """When a file was written, in seconds; 0 if it is missing."""
        known = self._now.get(f"{self._root} {stage} {source}", {})
        entry = known.get(day.isoformat())
        return written_at(entry[0]) if entry else 0.0

    def keep(self) -> None:
        """Save the cache if it changed; if that fails, the next run reads again."""
        if not self._changed:
            return
        days = {name: self._now[name] for name in self._changed}
        texts = {name: _text(of_stage) for name, of_stage in days.items()}
        self._changed.clear()
        self._known = Known(self._known.texts | texts, self._known.days | days)
        lines = (b"%b\t%b" % (_text(n), t) for n, t in self._known.texts.items())
        kept.keep(kept.FOOTERS, MADE_BY, b"\n".join(lines))
        _remember(kept.state(kept.FOOTERS), self._known)

    def _facts(self, stage: str, source: str, day: dt.date) -> Facts:
        try:
            facts = Partition(self._root, stage, source, day).facts()
        except StorageError:
            return DAMAGED
        return {key: fact for key, fact in facts.items() if key not in LEFT_OUT}


_last: dict[Hashable, Known] = {}
"""What this process read or wrote last, by the state of the file."""


def _known() -> Known:
    """What the cache says; a file that did not change is read once."""
    state = kept.state(kept.FOOTERS)
    if state not in _last:
        content = kept.read(kept.FOOTERS, MADE_BY) or b""
        lines = (line.partition(b"\t") for line in content.split(b"\n") if line)
        _remember(state, Known({json.loads(n): text for n, _, text in lines}, {}))
    return _last[state]


def _remember(state: Hashable, known: Known) -> None:
    _last.clear()
    _last[state] = known


def _parse(text: bytes) -> Days:
    days: Days = json.loads(text)
    return days


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
