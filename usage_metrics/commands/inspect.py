"""Show what happened to a day, stage by stage."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import click

from usage_metrics import config
from usage_metrics.commands import inspect_snapshots, options, terminal
from usage_metrics.errors import StorageError, UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.load import open_warehouse, shows_loaded
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.stages import Clean
from usage_metrics.tasks.staleness import CHAIN

MAX_SAMPLES = 5
MAX_SAMPLE_LENGTH = 300
MAX_COUNTS = 8
MAX_LOG_ENTRIES = 12

SHOWN_COUNTS = (
    "duplicates",
    "rejected",
    "not_requests",
    "other_logs",
    "addresses",
    "bogon",
)
"""What of a footer stands beside the number of rows."""

AGENT_COLUMNS = ("agent_class", "agent_name")

HIDDEN_FACTS = frozenset(
    {"stage", "source", "date", "columns", "attribution", "is_sealed", "counted_from"}
)
"""What is long, or the same in every footer of the day."""


@click.command(epilog=options.example("usage-metrics inspect 2026-03-11"))
@click.argument("day", type=options.DAY)
@options.one_source
@options.as_json
def command(day: dt.date, source: str | None, as_json: bool) -> int:
    """Show what happened to a day, stage by stage.

    The rows of each stage; duplicates; rejected lines, with samples in which control
    characters are escaped; the number of addresses; the most frequent agents; the
    footers and the run log. Where no logs are on, what each platform replied.

    Exits with 1 if there is no data for that day.
    """
    if not options.chosen(source, or_none=True) and platforms_on():
        data = inspect_snapshots.history(day)
        lines = inspect_snapshots.describe(data)
        is_found = any("replies" in each for each in data["snapshots"].values())
    else:
        data = history(options.only(source), day)
        lines, is_found = describe(data), any(data["stages"].values())
    click.echo(json.dumps(data, indent=2) if as_json else "\n".join(lines))
    return 0 if is_found else 1


def history(source: str, day: dt.date) -> dict[str, Any]:
    """Everything that is known about a day."""
    root = config.paths().root
    problems: list[str] = []

    def read(stage: str, what: Callable[[Partition], dict[str, Any]]) -> dict[str, Any]:
        """Read a partition; empty if it is missing or, which is a problem, damaged."""
        partition = Partition(root, stage, source, day)
        try:
            return what(partition) if partition.exists() else {}
        except StorageError as error:
            if str(error) not in problems:  # a file is read for several reasons
                problems.append(str(error))
            return {}

    stages = {stage.stage: read(stage.stage, _facts) for stage in CHAIN}
    try:
        is_loaded = day in open_warehouse().loaded(shows_loaded(source)[0], source)
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
        "rejects": read("rejected", _rejects) or {"reasons": {}, "samples": []},
        "agents": read(Clean.stage, _agents),
        "log": _log(source, day),
        "not_yet": not_yet,
        "problems": problems,
    }


def _facts(partition: Partition) -> dict[str, Any]:
    facts = partition.facts()
    return {key: facts[key] for key in facts if key not in HIDDEN_FACTS}


def _rejects(partition: Partition) -> dict[str, Any]:
    """The number of rejected lines by reason, and samples."""
    with partition.open() as file:
        reasons = file.read(["reason"])["reason"]
        rows = next(file.iter_batches(MAX_SAMPLES, columns=["entry"]), None)
    entries = rows["entry"].to_pylist() if rows is not None else []
    samples = [printable(str(entry)[:MAX_SAMPLE_LENGTH]) for entry in entries]
    return {"reasons": _counts(reasons), "samples": samples}


def _agents(partition: Partition) -> dict[str, dict[str, int]]:
    """The most frequent agents, by class and by name."""
    with partition.open() as file:
        names = [name for name in AGENT_COLUMNS if name in file.schema_arrow.names]
        table = file.read(names)
    return {name: _counts(table[name]) for name in names}


def _counts(column: Any) -> dict[str, int]:
    """The most frequent values of a column."""
    counts = [
        (-pair["counts"], "none" if pair["values"] is None else str(pair["values"]))
        for pair in column.value_counts().to_pylist()
    ]
    return {printable(value): -count for count, value in sorted(counts)[:MAX_COUNTS]}


def _log(source: str, day: dt.date) -> list[dict[str, Any]]:
    date = day.isoformat()
    entries = [
        entry
        for entry in run_log.read(containing=date)
        if entry["parameters"].get("date") == date
        and entry["parameters"].get("source") == source
    ]
    return entries[-MAX_LOG_ENTRIES:]


def describe(data: dict[str, Any]) -> Iterator[str]:
    """The history of a day as lines for a terminal."""
    yield terminal.style(f"{data['source']} {data['date']}", bold=True)
    if not any(data["stages"].values()):
        yield "  There is no data for this day."
        if data["not_yet"]:
            yield options.wrapped(data["not_yet"])
    for stage, facts in data["stages"].items():
        yield f"  {stage:9} {_numbers(facts)}"
    yield f"  {'database':9} {'loaded' if data['in_database'] else '-'}"
    for problem in data["problems"]:
        yield terminal.style(options.wrapped(problem), fg="red")
    yield from _count_lines("rejected", data["rejects"]["reasons"])
    for sample in data["rejects"]["samples"]:
        yield options.one_line(f"    e.g. {sample}")
    for name, counts in data["agents"].items():
        yield from _count_lines(name.replace("_", " "), counts)
    for stage, facts in data["stages"].items():
        if facts:
            yield _heading(f"footer of {stage}")
            shown = (f"{key} = {json.dumps(value)}" for key, value in facts.items())
            yield options.wrapped(printable(", ".join(shown)))
    if data["log"]:
        yield _heading("run log")
    for entry in data["log"]:
        result = entry.get("said") or entry.get("reason") or ""
        when = str(entry["at"])[:19].replace("T", " ")
        text = f"{when}  {entry['task']} {entry['outcome']}: {result}"
        yield options.wrapped(printable(text))


def _numbers(facts: dict[str, Any]) -> str:
    if not facts:
        return "-"
    parts = [f"{facts['rows']:,} rows"]
    parts += [
        f"{facts[key]:,} {key.replace('_', ' ')}"
        for key in SHOWN_COUNTS
        if isinstance(facts.get(key), int) and facts[key]
    ]
    return " · ".join(parts)


def _count_lines(heading: str, counts: dict[str, int]) -> Iterator[str]:
    if counts:
        yield _heading(heading)
    for value, number in counts.items():
        yield f"  {number:>9,}  {value}"


def _heading(text: str) -> str:
    return "\n" + terminal.style(text, bold=True)
