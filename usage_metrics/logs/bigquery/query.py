"""Writes the query that reads a day, from the columns of the log tables; all pure.

A Cloud Logging sink adds a column when the first entry has the field, so no two tables
have the same columns, and only existing ones can be named. Nested columns are read
under flat names (``httpRequest_requestUrl``), because the REST client decodes those
several times faster than nested rows; :mod:`usage_metrics.logs.bigquery.entries` nests
them again. :mod:`usage_metrics.logs.bigquery.log_analytics` knows the other layout.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from google.cloud.bigquery import SchemaField, Table

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ConfigError, InputError
from usage_metrics.logs.bigquery import log_analytics
from usage_metrics.logs.cloud_logging.entry import EXPECTED, Path

OTHER_FIELDS = "otherFields"

_SCHEME = "bigquery://"
# A project may start with the domain of its organisation: example.com:project.
_NAME = re.compile(
    r"(?P<project>(?:[a-z0-9][a-z0-9.-]{0,253}:)?[a-z][a-z0-9-]{0,61}[a-z0-9])"
    r"\.(?P<dataset>[A-Za-z0-9_]{1,1024})"
    r"\.(?P<table>[A-Za-z0-9_-]{1,1000}?)(?P<shards>_\*)?"
)
_SQL_TYPES = {
    STRING: "STRING",
    INTEGER: "INT64",
    NUMBER: "FLOAT64",
    BOOLEAN: "BOOL",
    TIMESTAMP: "TIMESTAMP",
}
_OLD_TYPE_NAMES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
}
_OF_LOGS = "SPLIT(`log_name`, '/logs/')[SAFE_OFFSET(1)] IN UNNEST(@logs)"
_HAS_REQUEST = "`http_request` IS NOT NULL"
_NEEDED: tuple[Path, ...] = (("timestamp",), ("insertId",), ("httpRequest",))


class LogTable(NamedTuple):
    """The table, or tables, that ``logs = bigquery://…`` names."""

    project: str
    dataset: str
    table: str
    sharded: bool
    """Whether it was written as ``TABLE_*``: a table a day for certain."""

    @classmethod
    def from_uri(cls, uri: str) -> "LogTable":
        """Read ``bigquery://PROJECT.DATASET.TABLE``.

        A table's name cannot be a query parameter, so only what is safe between
        backticks is accepted.

        Raises:
            ConfigError: if ``uri`` is not of that form.
        """
        found = _NAME.fullmatch(uri.removeprefix(_SCHEME))
        if found is None or not uri.startswith(_SCHEME):
            raise ConfigError(
                f"logs = {uri!r} does not name a BigQuery table; write it as "
                "bigquery://PROJECT.DATASET.TABLE, or ….TABLE_* for a table a day"
            )
        project, dataset, table, shards = found.groups()
        return cls(project, dataset, table, sharded=shards is not None)

    @property
    def dataset_name(self) -> str:
        """The dataset, as the client expects it."""
        return f"{self.project}.{self.dataset}"

    def __str__(self) -> str:
        """The name as people write it."""
        return f"{self.dataset_name}.{self.table}{'_*' if self.sharded else ''}"

    def shard(self, day: str) -> str:
        """The name of the table of a day, written ``YYYYMMDD``."""
        return f"{self.dataset_name}.{self.table}_{day}"

    def shard_days(self, tables: Iterable[str]) -> list[str]:
        """The days, as ``YYYYMMDD``, of the shards of this table among ``tables``."""
        shard = re.compile(re.escape(self.table) + r"_([0-9]{8})")
        return sorted(found[1] for name in tables if (found := shard.fullmatch(name)))


class Part(NamedTuple):
    """A table to read from, and which of its columns are declared."""

    name: str
    known: dict[Path, str]
    """The declared fields, and the SQL of each."""
    unknown: str | None
    """A SQL expression for all other columns, or None if there are none."""
    by_ingestion: str | None
    """The granularity of its partitions by ingestion time, or None without."""
    holds_all_logs: bool = False
    """Whether it is a view of Log Analytics, which holds every log of a bucket."""


class Query(NamedTuple):
    """A query and its parameters: times, and lists of texts."""

    sql: str
    parameters: dict[str, dt.datetime | tuple[str, ...]]


def flat_name(path: Path) -> str:
    """The name of a column or sub-field in the result of a query."""
    return "_".join(path)


def examine(table: Table) -> Part:
    """Sort a table's columns into those that ``ENTRY`` declares and others.

    Raises:
        InputError: if a required column is missing or one has an unexpected type.
    """
    name = f"{table.project}.{table.dataset_id}.{table.table_id}"
    known: dict[Path, str] = {}
    holds_all_logs = log_analytics.is_log_analytics(table.schema)
    if holds_all_logs:
        known, plain, unknown = log_analytics.columns(table.schema)
        for field, path in plain:
            _check_type(field, path, name)
    else:
        unknown = _sort_columns(table.schema, (), name, known)
    missing = [".".join(path) for path in _NEEDED if path not in known]
    if missing:
        raise InputError(
            f"the BigQuery table {name} has no column {', '.join(missing)}; logs must "
            "name the table of a Cloud Logging sink with request logs "
            "(run_googleapis_com_requests)"
        )
    partitioning = table.time_partitioning
    by_ingestion = partitioning and partitioning.field is None
    return Part(
        name,
        known,
        f"TO_JSON_STRING(STRUCT({', '.join(unknown)}))" if unknown else None,
        partitioning.type_ if by_ingestion else None,
        holds_all_logs,
    )


def prunes(table: Table) -> bool:
    """Whether BigQuery reads and bills only the day that a query selects.

    The tables behind the views of Log Analytics are partitioned.
    """
    partitioning = table.time_partitioning
    if log_analytics.is_log_analytics(table.schema):
        return True
    return partitioning is not None and partitioning.field in (None, "timestamp")


def _sort_columns(
    fields: Sequence[SchemaField], above: Path, table: str, known: dict[Path, str]
) -> list[str]:
    """Add declared columns to ``known``; return the others as parts of a STRUCT."""
    unknown = []
    for field in fields:
        path = (*above, field.name)
        if path not in EXPECTED:
            unknown.append(f"{_quoted(path)} AS `{field.name}`")
            continue
        _check_type(field, path, table)
        known[path] = _quoted(path)
        if pa.types.is_struct(EXPECTED[path]):
            inner = _sort_columns(field.fields, path, table, known)
            if inner:
                unknown.append(f"STRUCT({', '.join(inner)}) AS `{field.name}`")
        elif {inner.name for inner in field.fields} - {"id"}:
            # errorGroups with new fields: the declared ones are read, all are kept.
            unknown.append(f"{_quoted(path)} AS `{field.name}`")
    return unknown


def _check_type(field: SchemaField, path: Path, table: str) -> None:
    type_ = EXPECTED[path]
    repeated = pa.types.is_list(type_)
    wanted = "STRUCT" if pa.types.is_nested(type_) else _SQL_TYPES[type_]
    actual = _OLD_TYPE_NAMES.get(field.field_type, field.field_type)
    if actual != wanted or (field.mode == "REPEATED") != repeated:
        raise InputError(
            f"the column {'.'.join(path)} of the BigQuery table {table} is "
            f"{field.mode} {field.field_type}, not {wanted}; logs must name the table "
            "of a Cloud Logging sink, or a view with the same types"
        )


def day_query(parts: Sequence[Part], day: dt.date, logs: tuple[str, ...] = ()) -> Query:
    """Write the query for one UTC day.

    Of a view of every log, only some logs are read, which ``logs`` names by their ids
    as they stand in ``log_name``; without any, what has an ``httpRequest``.

    The tables are combined by UNION rather than read through a wildcard: a wildcard
    table has only the columns of its newest table, and fails on any view whose name
    matches.
    """
    columns = [path for path in EXPECTED if any(path in part.known for part in parts)]
    keep_others = any(part.unknown for part in parts)
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    parameters: dict[str, Any] = {"start": start, "end": start + ONE_DAY}
    if logs and any(part.holds_all_logs for part in parts):
        parameters["logs"] = logs
    for part in parts:
        if part.by_ingestion:
            first, last = _ingestion_window(start, part.by_ingestion)
            parameters |= {"ingested_from": first, "ingested_until": last}
    selects = [_select(part, columns, keep_others, bool(logs)) for part in parts]
    return Query("\nUNION ALL\n".join(selects), parameters)


def _ingestion_window(
    start: dt.datetime, granularity: str
) -> tuple[dt.datetime, dt.datetime]:
    """The range of ``_PARTITIONTIME`` of a day's entries: a day more on either side.

    Partitions of months or years carry the time at which they start.
    """
    first = start - ONE_DAY
    if granularity in ("MONTH", "YEAR"):
        first = first.replace(day=1)
    if granularity == "YEAR":
        first = first.replace(month=1)
    return first, start + 2 * ONE_DAY


def _select(
    part: Part, columns: Sequence[Path], keep_others: bool, only_logs: bool
) -> str:
    selected = [f"{_expression(path, part)} AS `{flat_name(path)}`" for path in columns]
    if keep_others:
        others = part.unknown or "CAST(NULL AS STRING)"
        selected.append(f"{others} AS `{OTHER_FIELDS}`")
    lines = ",\n  ".join(selected)
    where = "`timestamp` >= @start AND `timestamp` < @end"
    if part.by_ingestion:
        # Rows in the streaming buffer have no _PARTITIONTIME yet. Partitions are still
        # pruned because the comparison names no other column: only the window and the
        # buffer are billed. If that ever changes, the dry run shows it.
        where += (
            "\n  AND (_PARTITIONTIME >= @ingested_from"
            " AND _PARTITIONTIME < @ingested_until OR _PARTITIONTIME IS NULL)"
        )
    if part.holds_all_logs:
        where += f"\n  AND {_OF_LOGS if only_logs else _HAS_REQUEST}"
    return f"SELECT\n  {lines}\nFROM `{part.name}`\nWHERE {where}"


def _expression(path: Path, part: Part) -> str:
    type_ = EXPECTED[path]
    sql = part.known.get(path)
    if pa.types.is_struct(type_):
        # A record is read field by field; only whether it is null remains.
        return f"{sql} IS NOT NULL" if sql else "FALSE"
    if pa.types.is_list(type_):
        return f"TO_JSON_STRING({sql})" if sql else "CAST(NULL AS STRING)"
    return sql or f"CAST(NULL AS {_SQL_TYPES[type_]})"


def _quoted(path: Path) -> str:
    """Quote a column, whose name cannot contain a backtick."""
    return ".".join(f"`{name}`" for name in path)
