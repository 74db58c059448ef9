"""Say what became of a day, stage by stage."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.errors import StorageError, UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.error_messages import printable
from usage_metrics.partitions.partition import Partition
from usage_metrics.sources import get_source
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.stages import Clean
from usage_metrics.tasks.staleness import CHAIN

SAMPLES = 5
LONGEST_SAMPLE = 300
TOP = 8
LATEST = 12
"""Of the run log so many lines are shown."""

AGENT = ("agent_class", "agent_name")

NOT_SHOWN = frozenset(
    {"stage", "source", "date", "columns", "attribution", "is_sealed", "counted_from"}
)


@click.command(epilog=options.example("usage-metrics inspect 2026-03-11"))
@click.argument("day", type=options.DAY)
@options.one_source
@options.as_json
def command(day: dt.date, source: str, as_json: bool) -> int:
    """Say what became of a day, stage by stage.

    How many rows each stage had; duplicates; what was rejected, with samples, in which
    control characters are written out; how many addresses there were; who asked most;
    what the footers and the run log say.

    Exits with 1 if there is nothing of that day.
    """
    config.check_sections()
    check_place()
    data = look_at(source, day)
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        for line in describe(data):
            click.echo(line)
    return 0 if any(data["stages"].values()) else 1


def look_at(source: str, day: dt.date) -> dict[str, Any]:
    """Everything that is known of a day."""
    problems: list[str] = []
    stages = {
        stage.stage: _facts(_partition(stage.stage, source, day), problems)
        for stage in CHAIN
    }
    try:
        is_loaded = day in open_warehouse().loaded(get_source(source).table, source)
    except StorageError as error:
        problems.append(str(error))
        is_loaded = False
    try:
        not_yet = None if any(stages.values()) else unavailable_reason(source, day)
    except UsageMetricsError as error:
        not_yet = str(error)
    return {
        "source": source,
        "date": day.isoformat(),
        "stages": stages,
        "in_database": is_loaded,
        "rejects": _rejects(_partition("rejected", source, day), problems),
        "agents": _agents(_partition(Clean.stage, source, day), problems),
        "log": _log(source, day),
        "not_yet": not_yet,
        "problems": problems,
    }


def _partition(stage: str, source: str, day: dt.date) -> Partition:
    return Partition(config.paths().root, stage, source, day)


def _facts(partition: Partition, problems: list[str]) -> dict[str, Any]:
    if not partition.exists():
        return {}
    try:
        facts = partition.facts()
    except StorageError as error:
        problems.append(str(error))
        return {}
    return {key: facts[key] for key in facts if key not in NOT_SHOWN}


def _rejects(partition: Partition, problems: list[str]) -> dict[str, Any]:
    """Why entries were rejected, how often, and some of them, fit for a terminal."""
    if not partition.exists():
        return {"reasons": {}, "samples": []}
    try:
        with partition.open() as file:
            reasons = file.read(["reason"])["reason"]
            rows = next(file.iter_batches(SAMPLES, columns=["entry"]), None)
    except StorageError as error:
        problems.append(str(error))
        return {"reasons": {}, "samples": []}
    entries = rows["entry"].to_pylist() if rows is not None else []
    samples = [printable(str(entry)[:LONGEST_SAMPLE]) for entry in entries]
    return {"reasons": _counts(reasons), "samples": samples}


def _agents(partition: Partition, problems: list[str]) -> dict[str, dict[str, int]]:
    """Who asked most, by class and by name."""
    if not partition.exists():
        return {}
    try:
        with partition.open() as file:
            there = [name for name in AGENT if name in file.schema_arrow.names]
            table = file.read(there)
    except StorageError as error:
        problems.append(str(error))
        return {}
    return {name: _counts(table[name]) for name in there}


def _counts(column: Any) -> dict[str, int]:
    """The most frequent values of a column."""
    counted = [
        (str(pair["values"]), int(pair["counts"]))
        for pair in column.value_counts().to_pylist()
    ]
    counted.sort(key=lambda pair: (-pair[1], pair[0]))
    return {printable(value): number for value, number in counted[:TOP]}


def _log(source: str, day: dt.date) -> list[dict[str, Any]]:
    lines = [
        entry
        for entry in run_log.read(containing=day.isoformat())
        if entry["parameters"].get("date") == day.isoformat()
        and entry["parameters"].get("source") == source
    ]
    return lines[-LATEST:]


def describe(data: dict[str, Any]) -> Iterator[str]:
    """Everything, for a terminal."""
    yield click.style(f"{data['source']} {data['date']}", bold=True)
    if not any(data["stages"].values()):
        yield "  There is nothing of this day."
        if data["not_yet"]:
            yield options.in_lines(data["not_yet"], indent="  ")
    for stage, facts in data["stages"].items():
        yield f"  {stage:9} {_came_to(facts)}"
    yield f"  {'database':9} {'loaded' if data['in_database'] else '-'}"
    for problem in data["problems"]:
        yield options.in_lines(click.style(problem, fg="red"), indent="  ")
    yield from _described_rejects(data["rejects"])
    for name, counts in data["agents"].items():
        yield _heading(name.replace("_", " "))
        for value, number in counts.items():
            yield f"  {number:>9,}  {value}"
    yield from _described_footers(data["stages"])
    if data["log"]:
        yield _heading("run log")
    for entry in data["log"]:
        what = entry.get("said") or entry.get("reason") or ""
        when = str(entry["at"])[:19].replace("T", " ")
        text = f"{when}  {entry['task']} {entry['outcome']}: {what}"
        yield options.in_lines(printable(text), indent="  ")


def _came_to(facts: dict[str, Any]) -> str:
    if not facts:
        return "-"
    parts = [f"{facts['rows']:,} rows"]
    parts += [
        f"{facts[key]:,} {key.replace('_', ' ')}"
        for key in ("duplicates", "rejected", "not_requests", "addresses", "bogon")
        if isinstance(facts.get(key), int) and facts[key]
    ]
    return " · ".join(parts)


def _described_rejects(rejects: dict[str, Any]) -> Iterator[str]:
    if rejects["reasons"]:
        yield _heading("rejected")
    for reason, number in rejects["reasons"].items():
        yield f"  {number:>9,}  {reason}"
    for sample in rejects["samples"]:
        yield options.cut(f"    e.g. {sample}")


def _described_footers(stages: dict[str, dict[str, Any]]) -> Iterator[str]:
    for stage, facts in stages.items():
        if facts:
            yield _heading(f"footer of {stage}")
            shown = (f"{key} = {json.dumps(value)}" for key, value in facts.items())
            yield options.in_lines(printable(", ".join(shown)), indent="  ")


def _heading(text: str) -> str:
    return "\n" + click.style(text, bold=True)
