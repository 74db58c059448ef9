"""The section on concentration and data quality, and the summary at the top.

The filter does not change them: they cover the whole span, everybody, all datasets.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.dates import consecutive
from usage_metrics.report import formatting, numbered, quality
from usage_metrics.report.concentrated import Concentrated
from usage_metrics.report.formatting import harmless, listed, number, percent
from usage_metrics.report.labels import CLASSES
from usage_metrics.report.payload import Payload
from usage_metrics.report.quality import Version
from usage_metrics.report.static_tables import NONE, Cell, Table, without_zeros
from usage_metrics.report.usage_database import ALL

WORTH_SAYING = 0.2
"""The largest organisation is pointed out from this share of all requests."""
RANGES = 12
"""The most ranges of missing days that are named."""
DAYS = 40
"""The most days that are listed, those with most rejected lines."""

BY_WHOM = ("by people in a browser", "by scripts and data clients", "by robots")
"""The first classes of agents, in a sentence."""


def in_short(
    payload: Payload,
    concentration: Sequence[Concentrated],
    reconciled: pa.Table,
    lost: Collection[dt.date],
) -> list[str]:
    """The report in a few sentences."""
    missing = quality.missing_days(reconciled["date"].to_pylist(), payload.span)
    gaps = [_missing(missing, lost, payload.span.length.days)] if missing else []
    used = _by_class(payload)
    total, counted = (int(used[name].sum()) for name in ("requests", "counted"))
    if not total:
        return ["There are no requests in this period.", *gaps]
    counts = dict(zip(BY_WHOM, used["requests"], strict=False))
    counts["by others"] = total - sum(counts.values())
    parts = [f"{percent(n / total)} {text}" for text, n in counts.items() if n]
    return [
        f"{number(total)} requests: {listed(parts)}.",
        f"{number(counted)} of them count as use under the international standard, "
        "the COUNTER Code of Practice for Research Data.",
        *_concentrated(concentration),
        *gaps,
    ]


def quality_section(
    payload: Payload,
    concentration: Sequence[Concentrated],
    reconciled: pa.Table,
    dataset_name: Callable[[str], str],
    lost: Collection[dt.date] = (),
) -> dict[str, Any]:
    """The sentences and tables of the section."""
    sums = sums_of(reconciled)
    lines, requests, counted = (sums[name] for name in ("lines", "requests", "counted"))
    unknown = _by_class(payload)["requests"][list(CLASSES).index("unknown")]
    missing = quality.missing_days(reconciled["date"].to_pylist(), payload.span)
    return {
        "lines": f"{number(lines)} log lines gave {number(requests)} requests, "
        f"{number(counted)} of which count as use. The agent is unknown for "
        f"{percent(unknown / max(1, requests))} of requests.",
        "concentrated": _concentrated(concentration),
        "concentration": _concentration(concentration, dataset_name),
        "filtered": _filtered(sums),
        "days": _missing(missing, lost, payload.span.length.days),
        "incomplete": _incomplete(reconciled),
    }


def sums_of(reconciled: pa.Table) -> dict[str, int]:
    """The sum of each number over all days."""
    names = reconciled.column_names[1:]
    return {name: pc.sum(reconciled[name]).as_py() or 0 for name in names}


def _by_class(payload: Payload) -> numbered.Columns:
    """The use of the whole span, a number for each class of agents."""
    return payload.classes(payload.before, len(payload.periods) - 1)


def _concentrated(rows: Sequence[Concentrated]) -> list[str]:
    """A sentence on the largest organisation, if its share is worth one."""
    return [
        f"One organisation, {harmless(str(row.organization))}, made "
        f"{percent(row.largest_share)} of all requests and "
        f"{percent(row.counted_of_largest / max(1, row.counted))} of the counted uses. "
        f"Without it, {number(row.requests_without_largest)} requests are left, and "
        f"{number(row.counted_without_largest)} of them count as use."
        for row in rows
        if row.dataset == ALL and row.largest_share > WORTH_SAYING
    ]


def _concentration(
    found: Sequence[Concentrated], dataset_name: Callable[[str], str]
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in found:
        name = row.organization
        largest = NONE if name is None else harmless(name)
        rows.append(
            (
                (dataset_name(row.dataset), largest),
                percent(row.largest_share),
                *map(number, (row.requests, row.requests_without_largest)),
                percent(row.counted_of_largest / max(1, row.counted)),
                *map(number, (row.counted, row.counted_without_largest)),
                number(row.days_concentrated),
            )
        )
    heads = (
        ("Dataset", "Organisation with most requests"),
        *("Its share of requests", "Requests", "Requests without it"),
        *("Its share of counted uses", "Counted uses", "Counted uses without it"),
        "Days concentrated",
    )
    return without_zeros(Table("concentration", heads, rows))


def _filtered(sums: Mapping[str, int]) -> Table:
    rows = [
        (row.reason, number(row.number), f"{percent(row.share)} of {row.of}")
        for row in quality.filtered(sums)
        if row.number
    ]
    return Table("filtered", ("Reason", "Number", "Share"), rows)


def _missing(missing: list[dt.date], lost: Collection[dt.date], total: int) -> str:
    """Say which days are missing, and of which there will never be logs."""
    if not missing:
        return f"None of the {total:,} days is missing."
    are, their = ("is", "Its") if len(missing) == 1 else ("are", "Their")
    said = (
        f"{len(missing):,} of {total:,} days {are} missing and not in any figure: "
        f"{_ranges(missing)}."
    )
    gone = [day for day in missing if day in lost]
    if not gone:
        return said
    whose = their if gone == missing else f"For {_ranges(gone)}, the"
    return f"{said} {whose} logs are lost."


def _ranges(days: list[dt.date]) -> str:
    ranges = consecutive(days)
    named = [formatting.days(*found) for found in ranges[:RANGES]]
    if len(ranges) > RANGES:
        named.append(f"{len(ranges) - RANGES:,} more")
    return listed(named)


def _incomplete(reconciled: pa.Table) -> Table:
    names = ("date", "lines", "rejected", "requests", "counted")
    columns = (reconciled[name].to_pylist() for name in names)
    found = [row for row in zip(*columns, strict=True) if row[2] or not row[3]]
    if len(found) > DAYS:
        found = sorted(sorted(found, key=lambda row: -row[2])[:DAYS])
    rows = [
        (formatting.day(dt.date.fromisoformat(date)), *map(number, numbers))
        for date, *numbers in found
    ]
    heads = ("Day", "Lines", "Rejected", "Requests", "Counted uses")
    return Table("incomplete", heads, rows)


def versions_table(found: Sequence[Version]) -> Table:
    """The lists, settings and databases that the days were made with."""
    rows = [
        (
            (row.what, formatting.days(row.first, row.last)),
            harmless(row.value) or NONE,
            number(row.days),
        )
        for row in found
    ]
    return Table("versions", (("Item", "Period"), "Version", "Days"), rows, texts=2)
