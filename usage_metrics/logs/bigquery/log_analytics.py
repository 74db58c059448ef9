"""The layout of Log Analytics' linked datasets, told in the terms of a sink's table.

A log bucket that is upgraded to Log Analytics can be read in BigQuery through views
such as ``_AllLogs``: one table with every log of the bucket. Names are in snake case,
labels and payloads are JSON, and latency is seconds and nanoseconds.
"""

import re
from collections.abc import Iterable, Sequence

from google.cloud.bigquery import SchemaField

from usage_metrics.arrow import STRING
from usage_metrics.logs.cloud_logging.entry import EXPECTED, Path, snake_case

LOG_NAME = "log_name"

_MARKS = {LOG_NAME, "insert_id", "http_request"}

_SAID_ELSEWHERE = {
    *("log_id", "severity_number"),
    *("timestamp_unix_nanos", "receive_timestamp_unix_nanos"),
}
"""Columns that repeat others."""

_LABELS = (("labels",), ("resource", "labels"))
_LATENCY = ("httpRequest", "latency")


def is_log_analytics(schema: Iterable[SchemaField]) -> bool:
    """Whether columns are those of Log Analytics."""
    return {field.name for field in schema} >= _MARKS


_NAMES = {tuple(map(snake_case, path)): path for path in EXPECTED}


def columns(
    fields: Sequence[SchemaField], above: Path = ()
) -> tuple[dict[Path, str], list[tuple[SchemaField, Path]], list[str]]:
    """Translate columns.

    Returns:
        The SQL of each declared field; the columns whose type is to be that of a field;
        and the other columns, as parts of a STRUCT.
    """
    known: dict[Path, str] = {}
    plain: list[tuple[SchemaField, Path]] = []
    unknown: list[str] = []
    for field in fields:
        sql = _quoted((*above, field.name))
        path = _NAMES.get((*above, field.name))
        if path is None:
            if field.name not in _SAID_ELSEWHERE:
                unknown.append(f"{sql} AS `{_camel_case(field.name)}`")
        elif field.field_type == "JSON" and path in _LABELS:
            known |= {path: sql, **_labels(path, sql)}
            unknown.append(f"{sql} AS `{path[-1]}`")
        elif path == _LATENCY and field.fields:
            known[path] = (
                f"IF({sql} IS NULL, NULL, COALESCE({sql}.`seconds`, 0) "
                f"+ COALESCE({sql}.`nanos`, 0) / 1000000000)"
            )
        else:
            known[path] = sql
            plain.append((field, path))
            if field.fields and field.mode != "REPEATED":
                inside = columns(field.fields, (*above, field.name))
                known |= inside[0]
                plain += inside[1]
                if inside[2]:
                    unknown.append(f"STRUCT({', '.join(inside[2])}) AS `{path[-1]}`")
    return known, plain, unknown


def _labels(above: Path, sql: str) -> dict[Path, str]:
    """The declared fields in a column of JSON; all of them are text."""
    return {
        path: f"JSON_VALUE({sql}, '$.{path[-1]}')"
        for path, type_ in EXPECTED.items()
        if path[:-1] == above and type_ == STRING
    }


def _camel_case(name: str) -> str:
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), name)


def _quoted(path: Path) -> str:
    return ".".join(f"`{name}`" for name in path)
