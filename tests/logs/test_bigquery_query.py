"""From a table's columns to the query of a day, and from its rows to log entries."""

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from bigquery_server import NEWER_COLUMNS, SINK_SCHEMA, record, strings
from google.cloud.bigquery import SchemaField, Table, TimePartitioning
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.errors import ConfigError, InputError
from usage_metrics.logs.bigquery.entries import entries
from usage_metrics.logs.bigquery.query import (
    LogTable,
    day_query,
    examine,
    flat_name,
    prunes,
)
from usage_metrics.logs.cloud_logging.entry import ENTRY, EXPECTED

DAY = dt.date(2024, 1, 1)
NEEDED = [
    SchemaField("timestamp", "TIMESTAMP"),
    *strings("insertId"),
    record("httpRequest", *strings("requestUrl")),
]


def table(
    *columns: SchemaField,
    name: str = "requests",
    partitioning: TimePartitioning | None = None,
) -> Table:
    """A table as the service describes it."""
    found = Table(f"p-1.logs.{name}", schema=columns or NEEDED)
    found.time_partitioning = partitioning
    return found


def sql(*tables: Table) -> str:
    """The query of a day over tables."""
    return day_query([examine(one) for one in tables], DAY).sql


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("bigquery://my-proj.logs.requests", ("my-proj", "logs", "requests", False)),
        (
            "bigquery://example.com:proj-1.logs.requests",
            ("example.com:proj-1", "logs", "requests", False),
        ),
        ("bigquery://proj.logs.requests_*", ("proj", "logs", "requests", True)),
        (
            "bigquery://proj.a_1.run_googleapis_com_requests",
            ("proj", "a_1", "run_googleapis_com_requests", False),
        ),
    ],
)
def test_a_table_is_named_by_project_dataset_and_table(
    uri: str, parts: tuple[str, str, str, bool]
) -> None:
    assert LogTable.from_uri(uri) == parts
    assert f"bigquery://{LogTable.from_uri(uri)}" == uri


@pytest.mark.parametrize(
    "uri",
    [
        "bigquery://",
        "bigquery://dataset.table",
        "bigquery://proj/logs/requests",
        "bigquery://proj.logs.requests.more",
        "bigquery://Proj.logs.requests",
        "bigquery://proj.my-logs.requests",
        "bigquery://proj.logs.requests`; DROP TABLE x --",
        "bigquery://proj.logs.requests\n",
        "bigquery://proj.logs.*",
        "bigquery://proj.logs.req*",
        "proj.logs.requests",
    ],
)
def test_what_names_no_table_is_refused_with_the_form_to_use(uri: str) -> None:
    with pytest.raises(
        ConfigError, match=r"bigquery://PROJECT\.DATASET\.TABLE"
    ) as refused:
        LogTable.from_uri(uri)
    assert repr(uri) in str(refused.value)


def test_a_shard_has_the_table_name_and_eight_digits() -> None:
    tables = [
        "requests",
        "requests_20220316",
        "requests_20220315",
        "requests_2022031",
        "requests_202203151",
        "requests_old_20220315",
        "my_requests_20220315",
        "requests_20220315_copy",
        "requests_٢٠٢٢٠٣١٥",
    ]
    shards = LogTable.from_uri("bigquery://proj.logs.requests").shard_days(tables)
    assert shards == ["20220315", "20220316"]


# --- columns --------------------------------------------------------------------------


def test_flat_names_tell_all_columns_apart() -> None:
    assert len({flat_name(path) for path in EXPECTED}) == len(EXPECTED)


def test_only_columns_that_are_there_are_named() -> None:
    assert sql(table()) == (
        "SELECT\n"
        "  `insertId` AS `insertId`,\n"
        "  `timestamp` AS `timestamp`,\n"
        "  `httpRequest` IS NOT NULL AS `httpRequest`,\n"
        "  `httpRequest`.`requestUrl` AS `httpRequest_requestUrl`\n"
        "FROM `p-1.logs.requests`\n"
        "WHERE `timestamp` >= @start AND `timestamp` < @end"
    )


def test_a_real_sink_has_nothing_unknown() -> None:
    part = examine(table(*SINK_SCHEMA, *NEWER_COLUMNS))
    assert part.unknown is None
    assert part.known.keys() == set(EXPECTED)


def test_unknown_columns_go_into_one_column_as_they_are_nested() -> None:
    columns = [
        *NEEDED,
        record("labels", *strings("instanceId", "foo")),
        record("resource", record("labels", *strings("zone"))),
        record("jsonPayload", *strings("a")),
    ]
    assert examine(table(*columns)).unknown == (
        "TO_JSON_STRING(STRUCT("
        "STRUCT(`labels`.`foo` AS `foo`) AS `labels`, "
        "STRUCT(STRUCT(`resource`.`labels`.`zone` AS `zone`) AS `labels`) "
        "AS `resource`, "
        "`jsonPayload` AS `jsonPayload`))"
    )


def test_what_error_groups_gain_is_kept() -> None:
    groups = record("errorGroups", *strings("id", "more"), mode="REPEATED")
    part = examine(table(*NEEDED, groups))
    assert part.unknown == "TO_JSON_STRING(STRUCT(`errorGroups` AS `errorGroups`))"


@pytest.mark.parametrize("missing", ["timestamp", "insertId", "httpRequest"])
def test_a_needed_column_that_is_missing_is_named(missing: str) -> None:
    columns = [column for column in NEEDED if column.name != missing]
    with pytest.raises(
        InputError, match=rf"p-1\.logs\.requests has no column {missing}"
    ):
        examine(table(*columns))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (
            record("httpRequest", *strings("latency")),
            r"httpRequest\.latency .* is NULLABLE STRING, not FLOAT64",
        ),
        (SchemaField("httpRequest", "STRING"), "httpRequest .* STRING, not STRUCT"),
        (SchemaField("spanId", "STRING", mode="REPEATED"), "spanId .* is REPEATED"),
        (record("errorGroups", *strings("id")), "errorGroups .* is NULLABLE"),
        (SchemaField("receiveTimestamp", "DATETIME"), "not TIMESTAMP"),
    ],
)
def test_a_column_of_another_type_is_named(column: SchemaField, words: str) -> None:
    columns = [one for one in NEEDED if one.name != column.name]
    with pytest.raises(InputError, match=words):
        examine(table(*columns, column))


@pytest.mark.parametrize("old", [True, False])
def test_both_spellings_of_a_type_are_known(old: bool) -> None:
    integer, number, boolean, nested = (
        ("INTEGER", "FLOAT", "BOOLEAN", "RECORD")
        if old
        else ("INT64", "FLOAT64", "BOOL", "STRUCT")
    )
    fields = [
        SchemaField("status", integer),
        SchemaField("latency", number),
        SchemaField("cacheHit", boolean),
    ]
    part = examine(
        table(*NEEDED[:2], SchemaField("httpRequest", nested, fields=fields))
    )
    assert ("httpRequest", "cacheHit") in part.known


# --- layouts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partitioning", "pruned"),
    [
        (TimePartitioning(field="timestamp"), True),
        (TimePartitioning(), True),
        (TimePartitioning(field="receiveTimestamp"), False),
        (None, False),  # also a view
    ],
)
def test_it_is_known_whether_the_whole_table_is_billed(
    partitioning: TimePartitioning | None, pruned: bool
) -> None:
    assert prunes(table(partitioning=partitioning)) is pruned


@pytest.mark.parametrize(
    ("granularity", "first"),
    [
        ("HOUR", dt.datetime(2023, 12, 31)),
        ("DAY", dt.datetime(2023, 12, 31)),
        ("MONTH", dt.datetime(2023, 12, 1)),
        ("YEAR", dt.datetime(2023, 1, 1)),
    ],
)
def test_ingestion_partitions_are_sought_a_day_to_either_side(
    granularity: str, first: dt.datetime
) -> None:
    found = table(partitioning=TimePartitioning(type_=granularity))
    query = day_query([examine(found)], DAY)
    assert query.sql.endswith(
        "WHERE `timestamp` >= @start AND `timestamp` < @end\n"
        "  AND (_PARTITIONTIME >= @ingested_from AND _PARTITIONTIME < @ingested_until"
        " OR _PARTITIONTIME IS NULL)"
    )
    assert query.parameters == {
        "start": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "end": dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
        "ingested_from": first.replace(tzinfo=dt.UTC),
        "ingested_until": dt.datetime(2024, 1, 3, tzinfo=dt.UTC),
    }


def test_shards_are_united_column_by_column() -> None:
    older = table(*NEEDED, *strings("gone"), name="r_20240101")
    newer = table(
        *NEEDED[:2],
        record("httpRequest", SchemaField("latency", "FLOAT")),
        record("labels", *strings("instanceId")),
        NEWER_COLUMNS[1],
        name="r_20240102",
    )
    first, second = sql(older, newer).split("\nUNION ALL\n")
    assert "CAST(NULL AS FLOAT64) AS `httpRequest_latency`" in first
    assert "FALSE AS `labels`" in first
    assert "CAST(NULL AS STRING) AS `errorGroups`" in first
    assert "CAST(NULL AS STRING) AS `httpRequest_requestUrl`" in second
    assert "CAST(NULL AS STRING) AS `otherFields`" in second
    names = [
        [line.rpartition(" AS ")[2].strip(",") for line in select.splitlines()[1:-2]]
        for select in (first, second)
    ]
    assert names[0] == names[1]


# --- entries --------------------------------------------------------------------------


def flat(**columns: list[Any]) -> pa.RecordBatch:
    """Rows as a query gives them."""
    text = ("otherFields", "errorGroups")
    arrays = {
        name: pa.array(values, pa.string() if name in text else None)
        for name, values in columns.items()
    }
    return pa.RecordBatch.from_pydict(arrays)


def test_entries_have_the_schema_whatever_columns_there_are() -> None:
    found = entries(flat(insertId=["a", "b"]))
    assert found.schema == ENTRY
    assert found["insertId"].to_pylist() == ["a", "b"]
    assert found["httpRequest"].null_count == 2


def test_a_null_record_differs_from_a_record_of_nulls() -> None:
    found = entries(flat(httpRequest=[True, False], httpRequest_status=[None, None]))
    empty, none = found["httpRequest"].to_pylist()
    assert empty == dict.fromkeys(empty)
    assert none is None


def test_an_empty_repeated_field_is_an_absent_one() -> None:
    found = entries(flat(errorGroups=['[{"id":"e","more":1}]', "[]", None]))
    assert found["errorGroups"].to_pylist() == [[{"id": "e"}], None, None]


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (None, None),
        ("{}", None),
        ('{"a":null,"b":{"c":null},"d":[]}', None),
        ('{"b":1, "a":"ü"}', '{"a":"ü","b":1}'),
        ('{"a":[{"c":null}, 0, false, ""]}', '{"a":[null,0,false,""]}'),
    ],
)
def test_other_fields_are_written_one_way(given_: str | None, kept: str | None) -> None:
    assert entries(flat(otherFields=[given_]))["otherFields"].to_pylist() == [kept]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('aü"'),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abü"), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("xyz"), JSON))
def test_other_fields_do_not_depend_on_order_or_on_what_is_null(
    fields: dict[str, Any],
) -> None:
    backwards = dict(reversed(fields.items())) | {"w": None}
    texts = [json.dumps(fields), json.dumps(backwards, indent=1)]
    one, other = entries(flat(otherFields=texts))["otherFields"].to_pylist()
    assert one == other
    if one is not None:
        assert entries(flat(otherFields=[one]))["otherFields"].to_pylist() == [one]
