"""Golden pairs: some logs of each source, and what the real stages make of them.

A pair is a folder named after its source:

    logs/           whatever the source reads
    luigi.cfg       where the logs are (``logs = logs``), the days to compare (``start``
                    and ``stop`` in the source's section), and any other setting
    expected.json   for each day its requests, rejected rows and counts

Adding a pair needs no code. This writes ``expected.json``, the first time and after an
intended change; read its diff before you commit it:

    pytest tests/golden --rewrite-golden -k SOURCE

A request lacks the columns that are null. ``every_request`` holds what most requests of
the day have in common; one that differs says so, with null where it has no value.
``about`` says what a row is there for, and stays when the file is rewritten.
"""

import configparser
import datetime as dt
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from flow import Flow, days
from project import Settings

from usage_metrics.geocode.locate import with_location
from usage_metrics.partitions.partition import Partition
from usage_metrics.sources import SOURCES, get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.stages import LINE_COUNTS, Geocode

HERE = Path(__file__).parent
PAIRS = sorted(file.parent.name for file in HERE.glob("*/luigi.cfg"))
NAME_VERSIONS = ("agent_rule", "located_by")
"""The ends of columns that name the versions of lists and databases."""

Row = dict[str, Any]


def test_every_source_has_a_golden_pair() -> None:
    assert set(SOURCES) == set(PAIRS)


@pytest.mark.parametrize("source", PAIRS)
def test_the_stages_make_what_is_expected(
    source: str,
    flow: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    monkeypatch.chdir(HERE / source)
    cfg = configparser.RawConfigParser()
    cfg.read("luigi.cfg")
    for section in cfg.sections():
        settings(section, **cfg[section])
    found = _run(source, flow)
    file = HERE / source / "expected.json"
    if pytestconfig.getoption("--rewrite-golden"):
        before = json.loads(file.read_text("utf-8")) if file.exists() else {}
        text = json.dumps(_rewritten(found, before), indent=2, ensure_ascii=False)
        file.write_text(f"{text}\n", "utf-8")
        pytest.skip(f"{file} is rewritten")
    expected = json.loads(file.read_text("utf-8"))
    wrong = [*_unknown_columns(source, expected), *_differences(found, _full(expected))]
    assert not wrong, "\n".join([str(file), *wrong])


def _run(source: str, flow: Flow) -> Row:
    """Run the stages for every day of the range, and read what they made."""
    section = source_section(source)
    wanted = days((section.stop - section.start).days, section.start)
    missing = {day: unavailable_reason(source, day) for day in wanted}
    tasks = [Geocode(date=day, source=source) for day in wanted if missing[day] is None]
    assert flow.build(*tasks).scheduling_succeeded
    return {
        str(day): {"unavailable": missing[day]}
        if missing[day]
        else _read(flow, source, day)
        for day in wanted
    }


def _read(flow: Flow, source: str, day: dt.date) -> Row:
    counts = Partition(str(flow.root), "cleaned", source, day).facts()
    return {
        "requests": [
            {k: v for k, v in row.items() if not k.endswith(NAME_VERSIONS)}
            for row in _rows(flow, "geocoded", source, day)
        ],
        "rejected": _rows(flow, "rejected", source, day),
        "counts": {name: counts[name] for name in LINE_COUNTS},
    }


def _rows(flow: Flow, stage: str, source: str, day: dt.date) -> list[Row]:
    """The rows of a partition as JSON has them, without nulls."""
    table = pq.ParquetFile(Partition(str(flow.root), stage, source, day).path).read()
    return [
        {
            name: value.isoformat() if isinstance(value, dt.datetime) else value
            for name, value in row.items()
            if value is not None
        }
        for row in table.to_pylist()
    ]


def _unknown_columns(source: str, expected: Row) -> Iterator[str]:
    """Columns that no request has, which a null would hide."""
    declared = get_source(source)
    columns = with_location(declared.cleaned, declared.address).names
    known = {"about", *columns}
    for day, content in expected.items():
        for row in [content.get("every_request", {}), *content.get("requests", [])]:
            for name in sorted(row.keys() - known):
                yield f"{day}: there is no column {name}"


def _full(expected: Row) -> Row:
    """What is expected, each request with all its columns."""
    return {day: _full_day(content) for day, content in expected.items()}


def _full_day(content: Row) -> Row:
    shared = content.get("every_request", {})
    requests = [
        {name: v for name, v in (shared | row).items() if v is not None}
        for row in content.get("requests", [])
    ]
    rest = {name: v for name, v in content.items() if name != "every_request"}
    return rest | ({"requests": requests} if "requests" in content else {})


def _differences(found: Any, expected: Any, at: str = "") -> Iterator[str]:
    """Say, a line each, where two values differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        at += f" ({expected['about']})" if "about" in expected else ""
        for name in dict.fromkeys([*expected, *found]):
            if name != "about":
                yield from _differences(
                    found.get(name), expected.get(name), f"{at} {name}"
                )
    elif isinstance(found, list) and isinstance(expected, list):
        pairs = itertools.zip_longest(found, expected)
        for number, (one, other) in enumerate(pairs, 1):
            yield from _differences(one, other, f"{at} {number}")
    elif found != expected or type(found) is not type(expected):
        yield f"{at.strip()}: {_said(found)}, expected {_said(expected)}"


def _said(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _rewritten(found: Row, before: Row) -> Row:
    """What was found, as ``expected.json`` has it, with what it says of the rows."""
    return {
        day: _rewritten_day(content, _full_day(before.get(day, {})))
        for day, content in found.items()
    }


def _rewritten_day(content: Row, before: Row) -> Row:
    if "requests" not in content:
        return content
    requests = content["requests"]
    shared = {
        name: value
        for name in dict.fromkeys(itertools.chain.from_iterable(requests))
        for value, times in Counter(r.get(name) for r in requests).most_common(1)
        if value is not None and times > len(requests) * 2 / 3
    }
    return {
        "every_request": shared,
        "requests": [
            {name: v for name, v in row.items() if v != shared.get(name)}
            | {name: None for name in shared if name not in row}
            for row in _with_about(requests, before.get("requests", []))
        ],
        "rejected": _with_about(content["rejected"], before.get("rejected", [])),
        "counts": content["counts"],
    }


def _with_about(rows: list[Row], before: list[Row]) -> list[Row]:
    """Rows, each with what was said of the one most like it, if one was alike."""
    left = [row for row in before if "about" in row]
    named = []
    for row in rows:
        alike = max(left, key=lambda old: _likeness(row, old), default={})
        if alike and _likeness(row, alike) >= 0.5:
            left.remove(alike)
            row = {"about": alike["about"], **row}
        named.append(row)
    return named


def _likeness(row: Row, other: Row) -> float:
    """The share of their columns in which two rows agree."""
    names = (row.keys() | other.keys()) - {"about"}
    alike = [name for name in names if row.get(name) == other.get(name)]
    return len(alike) / len(names)
