"""A report as it is sent: compressed, and in parts that the hub takes.

Plain JSON fails in many cases, of large reports in all. The hub knows a compressed
report by exception 69. Its parts are whole reports with the same header; the hub calls
them subsets.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from usage_metrics.hub.findings import Report

COMPRESSED = {
    "code": 69,
    "severity": "warning",
    "message": "Report is compressed using gzip",
    "help-url": "https://github.com/datacite/sashimi",
    "data": "usage data needs to be uncompressed",
}

MOST_DATASETS = 50_000
MOST_BYTES = 10_000_000
"""Of a part, before it is compressed."""


@dataclass(frozen=True)
class Subset:
    """A part of a report."""

    body: bytes
    """Compressed."""
    datasets: int

    @property
    def digest(self) -> str:
        """As the hub calls its checksum."""
        return hashlib.sha256(self.body).hexdigest()


def subsets_of(report: Report) -> list[Subset]:
    """The parts of a report. The same report always gives the same bytes."""
    header = report["report-header"]
    header = header | {"exceptions": [COMPRESSED, *header["exceptions"]]}
    datasets = [_in_json(dataset) for dataset in report["report-datasets"]]
    head = f'{{"report-header":{_in_json(header)},"report-datasets":['
    return [
        Subset(_compressed(f"{head}{','.join(part)}]}}"), len(part))
        for part in _parts(datasets, MOST_BYTES - len(head.encode()) - 2)
    ]


def _compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _parts(datasets: Sequence[str], most_bytes: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for dataset in datasets:
        length = len(dataset.encode()) + 1
        if part and (size + length > most_bytes or len(part) == MOST_DATASETS):
            yield part
            part, size = [], 0
        part.append(dataset)
        size += length
    yield part


def read_subsets(bodies: Sequence[bytes]) -> Report:
    """The report that was sent in parts."""
    documents = [json.loads(gzip.decompress(body)) for body in bodies]
    header = documents[0]["report-header"]
    others = [e for e in header["exceptions"] if e["code"] != COMPRESSED["code"]]
    return {
        "report-header": header | {"exceptions": others},
        "report-datasets": [d for part in documents for d in part["report-datasets"]],
    }


def _in_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
