"""The Datasette source: log entries in; requests, rejects and counts out."""

import datetime as dt
import io
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_metrics.cleaning.rejects import REJECTED
from usage_metrics.errors import ConfigError
from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.partitions.row_groups import row_groups
from usage_metrics.sources import Cleaned
from usage_metrics.sources.datasette import CLEANED, SOURCE, clean

NOON = dt.datetime(2022, 3, 15, 12, tzinfo=dt.UTC)
LOG = "projects/example/logs/run.googleapis.com%2Frequests"
SITE = "https://data.example.org"
SETTINGS = SimpleNamespace(
    data_request_patterns="/pudl, /ferc1, pudl.db, ferc1.db, .json, .csv",
    request_logs="run.googleapis.com/requests",
)
PAGES = {
    *("index", "database", "table", "row", "query", "download"),
    *("static", "internal", "other"),
}

Row = dict[str, Any]


def entry(url: str | None = f"{SITE}/", **fields: Any) -> Row:
    """A log entry of a request, as a row of ``ENTRY``."""
    return {
        "insertId": "62309f36",
        "timestamp": NOON,
        "receiveTimestamp": NOON,
        "logName": LOG,
        "httpRequest": {"requestMethod": "GET", "requestUrl": url},
        **fields,
    }


def table(*entries: Row) -> pa.Table:
    return pa.Table.from_pylist(entries, schema=ENTRY)


def cleaned(*entries: Row) -> list[Row]:
    requests: list[Row] = clean(table(*entries), SETTINGS).requests.to_pylist()
    return requests


def asked_for(url: str | None, settings: Any = SETTINGS) -> Row:
    request: Row
    (request,) = clean(table(entry(url)), settings).requests.to_pylist()
    return request


def stored(
    entries: pa.Table, row_group_size: int = 10, dictionaries: Sequence[str] = ()
) -> pq.ParquetFile:
    """Entries as the stage before leaves them and the stage behind reads them."""
    file = io.BytesIO()
    pq.write_table(entries, file, row_group_size=row_group_size)
    return pq.ParquetFile(file, read_dictionary=list(dictionaries))


def same_rows(first: Cleaned, second: Cleaned) -> bool:
    return (
        first.requests.cast(CLEANED).equals(second.requests.cast(CLEANED))
        and first.rejected.equals(second.rejected)
        and first.not_requests == second.not_requests
        and first.other_logs == second.other_logs
    )


# --- what Datasette says in its paths ----------------------------------------------

# The routes are those of Datasette 0.65 and 1.0a, tried there, and where noted of
# versions before 0.61. The last column says whether it is a data request.
LAYOUT = [
    # the site
    ("/", "index", None, None, "html", False),
    ("", "index", None, None, "html", False),
    ("/.json", "index", None, None, "json", True),
    ("/.jsono", "index", None, None, "jsono", True),
    ("/-/", "index", None, None, "html", False),
    ("/?sql=select+1", "index", None, None, "html", False),
    # a database
    ("/pudl", "database", "pudl", None, "html", True),
    ("/pudl/", "database", "pudl", None, "html", True),
    ("/pudl//", "database", "pudl", None, "html", True),
    ("/other", "database", "other", None, "html", False),
    ("/other.json", "database", "other", None, "json", True),
    ("/pudl.json", "database", "pudl", None, "json", True),
    ("/pudl.jsono", "database", "pudl", None, "jsono", True),
    ("/:memory:", "database", ":memory:", None, "html", False),
    ("/_internal", "database", "_internal", None, "html", False),
    ("/my-data", "database", "my-data", None, "html", False),
    ("/pudl?_sort=id", "database", "pudl", None, "html", True),
    # all of it
    ("/pudl.db", "download", "pudl", None, "db", True),
    ("/pudl.db/", "download", "pudl", None, "db", True),
    ("/pudl.db?sql=select+1", "download", "pudl", None, "db", True),
    ("/other.db", "download", "other", None, "db", False),
    # a query, before 1.0 and since; one without SQL is the database's page
    ("/pudl?sql=select+1", "query", "pudl", None, "html", True),
    ("/pudl?_shape=array&sql=select+1", "query", "pudl", None, "html", True),
    ("/pudl.json?sql=select+1", "query", "pudl", None, "json", True),
    ("/pudl.csv?sql=select+1", "query", "pudl", None, "csv", True),
    ("/pudl.blob?sql=select+1&_blob_hash=f3", "query", "pudl", None, "blob", True),
    ("/pudl?sql=", "database", "pudl", None, "html", True),
    ("/pudl?mysql=1", "database", "pudl", None, "html", True),
    ("/pudl/-/query?sql=select+1", "query", "pudl", None, "html", True),
    ("/pudl/-/query", "query", "pudl", None, "html", True),
    ("/pudl/-/query.json?sql=select+1", "query", "pudl", None, "json", True),
    # a table, a view or a stored query: the path does not tell them apart
    ("/pudl/plants", "table", "pudl", "plants", "html", True),
    ("/pudl/plants/", "table", "pudl", "plants", "html", True),
    ("/pudl/plants?sql=select+1", "table", "pudl", "plants", "html", True),
    ("/pudl/plants.json?x=1", "table", "pudl", "plants", "json", True),
    ("/pudl/plants.jsono", "table", "pudl", "plants", "jsono", True),
    ("/pudl/plants.csv?_stream=on", "table", "pudl", "plants", "csv", True),
    ("/pudl/plants.geojson", "table", "pudl", "plants", "geojson", True),
    ("/pudl/plants.Notebook", "table", "pudl", "plants", "Notebook", True),
    ("/other/plants", "table", "other", "plants", "html", False),
    # ?_format= is what versions before 0.61 went by
    ("/pudl/plants?_format=json", "table", "pudl", "plants", "json", True),
    ("/pudl/plants?_labels=on&_format=csv", "table", "pudl", "plants", "csv", True),
    ("/pudl/plants.json?_format=csv", "table", "pudl", "plants", "json", True),
    ("/pudl/plants?_format=exe", "table", "pudl", "plants", "html", True),
    ("/pudl/plants?my_format=json", "table", "pudl", "plants", "html", True),
    # names with other than letters: tilde encoding since 0.61, percent before
    ("/pudl/a~2Fb+c~2Ed", "table", "pudl", "a/b c.d", "html", True),
    ("/pudl/a~2Fb~20c~2Ed.json", "table", "pudl", "a/b c.d", "json", True),
    ("/pudl/a%2Fb%20c", "table", "pudl", "a/b c", "html", True),
    ("/my+data/caf~C3~A9", "table", "my data", "café", "html", False),
    ("/my%20data/caf%C3%A9", "table", "my data", "café", "html", False),
    ("/pudl/100~25", "table", "pudl", "100%", "html", True),
    ("/pudl/a%7E2F", "table", "pudl", "a~2F", "html", True),
    ("/pudl/a~7E2F", "table", "pudl", "a~2F", "html", True),
    ("/pudl/a~b%", "table", "pudl", "a~b%", "html", True),
    ("/pudl/%FF", "table", "pudl", "\ufffd", "html", True),
    ("/pudl~2Ejson", "database", "pudl.json", None, "html", True),
    ("/pudl/plants~2Ev2", "table", "pudl", "plants.v2", "html", True),
    ("/pudl/plants%2Ejson", "table", "pudl", "plants.json", "html", True),
    ("/pudl/plants.v2.json", "table", "pudl", "plants.v2", "json", True),
    # any extension of the last segment is a format: sites have plugins
    ("/pudl.html", "database", "pudl", None, "html", True),
    ("/pudl.html?sql=select+1", "query", "pudl", None, "html", True),
    ("/pudl.xyz", "database", "pudl", None, "xyz", True),
    ("/pudl/plants.html", "table", "pudl", "plants", "html", True),
    ("/pudl/plants.parquet", "table", "pudl", "plants", "parquet", True),
    ("/pudl/plants.db", "table", "pudl", "plants", "db", True),
    ("/pudl/plants.v2", "table", "pudl", "plants", "v2", True),
    ("/pudl/plants/1.xyz", "row", "pudl", "plants", "xyz", True),
    ("/pudl/-/query.xlsx?sql=select+1", "query", "pudl", None, "xlsx", True),
    # a hash of the database, as before 0.61
    ("/pudl-2aa3f4c", "database", "pudl", None, "html", True),
    ("/pudl-2aa3f4c.db", "download", "pudl", None, "db", True),
    ("/pudl-2aa3f4c.json?sql=select+1", "query", "pudl", None, "json", True),
    ("/pudl-2aa3f4c/plants.json", "table", "pudl", "plants", "json", True),
    ("/my+data-0123456/plants/1", "row", "my data", "plants", "html", False),
    ("/pudl-2AA3F4C/plants", "table", "pudl-2AA3F4C", "plants", "html", True),
    ("/pudl-2aa3f4c5/plants", "table", "pudl-2aa3f4c5", "plants", "html", True),
    ("/pudl/plants-2aa3f4c", "table", "pudl", "plants-2aa3f4c", "html", True),
    ("/-2aa3f4c", "database", "-2aa3f4c", None, "html", False),
    # a row
    ("/pudl/plants/1", "row", "pudl", "plants", "html", True),
    ("/pudl/plants/1/", "row", "pudl", "plants", "html", True),
    ("/pudl/plants/1.json", "row", "pudl", "plants", "json", True),
    ("/pudl/plants/1,2001~2D01.json", "row", "pudl", "plants", "json", True),
    ("/pudl/plants/1~2E5", "row", "pudl", "plants", "html", True),
    ("/pudl/plants/1.blob?_blob_column=b", "row", "pudl", "plants", "blob", True),
    ("/pudl/plants.json/1", "row", "pudl", "plants.json", "html", True),
    ("/pudl/plants/-", "row", "pudl", "plants", "html", True),
    ("/pudl/plants/-.json", "row", "pudl", "plants", "json", True),
    # files of the site, and pages about it
    ("/static/pudl.js", "static", None, None, None, False),
    ("/static/pudl.json", "static", None, None, None, False),
    ("/-/static/app.css", "static", None, None, None, False),
    ("/-/static-plugins/datasette_vega/main.js", "static", None, None, None, False),
    ("/favicon.ico", "static", None, None, None, False),
    ("/apple-touch-icon.png", "static", None, None, None, False),
    ("/assets/app.css", "static", None, None, None, False),
    ("/assets/js/app.min.js", "static", None, None, None, False),
    ("/-", "internal", None, None, None, False),
    ("/-/versions.json", "internal", None, None, None, False),
    ("/-/databases", "internal", None, None, None, False),
    ("/-/pudl.db", "internal", None, None, None, False),
    # about a database, a table, a stored query or a row, since 1.0
    ("/pudl/-/schema.json", "internal", "pudl", None, None, False),
    ("/pudl/-/queries", "internal", "pudl", None, None, False),
    ("/pudl/-/create", "internal", "pudl", None, None, False),
    ("/pudl/-/query/parameters?sql=select+:a", "internal", "pudl", None, None, False),
    ("/pudl-2aa3f4c/-/schema", "internal", "pudl", None, None, False),
    ("/pudl/-", "internal", "pudl", None, None, False),
    ("/pudl/-.json", "internal", "pudl", None, None, False),
    ("/pudl/-/1", "internal", "pudl", None, None, False),
    ("/pudl/plants/-/schema.md", "internal", "pudl", "plants", None, False),
    ("/pudl/plants/-/autocomplete?q=b", "internal", "pudl", "plants", None, False),
    ("/pudl/plants/-/fragment?_row=1", "internal", "pudl", "plants", None, False),
    ("/pudl/a~2Fb/-/insert", "internal", "pudl", "a/b", None, False),
    ("/pudl/top/-/definition", "internal", "pudl", "top", None, False),
    ("/pudl/plants/1/-/delete", "internal", "pudl", "plants", None, False),
    ("/pudl/plants/1,2/-/update", "internal", "pudl", "plants", None, False),
    # what is no page of data, whether Datasette answers or not
    ("/pudl//plants", "other", None, None, None, True),
    ("/pudl/.json", "other", None, None, None, True),
    ("/pudl.json/plants", "other", None, None, None, True),
    ("//pudl", "other", None, None, None, True),
    ("/.csv", "other", None, None, None, True),
    ("/robots.txt", "other", None, None, None, False),
    ("/sitemap.xml", "other", None, None, None, False),
    ("/wp-login.php", "other", None, None, None, False),
    ("/.git/config", "other", None, None, None, False),
    ("/a/b/c/d", "other", None, None, None, False),
]


@pytest.mark.parametrize(
    ("path", "page", "database", "table", "format_", "is_data"), LAYOUT
)
def test_a_path_says_what_was_asked_for(
    path: str,
    page: str,
    database: str | None,
    table: str | None,
    format_: str | None,
    is_data: bool,
) -> None:
    request = asked_for(SITE + path)
    assert (request["page"], request["database"], request["table"]) == (
        page,
        database,
        table,
    )
    assert request["format"] == format_
    assert request["is_data_request"] is is_data


def test_the_layout_covers_every_kind_of_page() -> None:
    assert {page for _, page, *_ in LAYOUT} == PAGES


@pytest.mark.parametrize(
    "url",
    [None, "", "*", "?sql=select+1", "pudl/plants.js", "http://[::1", "mailto:me"],
)
def test_what_is_no_url_of_a_site_is_another_page_and_no_data(url: str | None) -> None:
    request = asked_for(url)
    assert request["request_url"] == url
    assert request["page"] == "other"
    assert request["is_data_request"] is False
    assert request["database"] is request["table"] is request["format"] is None


def tilde_encoded(name: str) -> str:
    """Encode a name as Datasette's documentation says it does in its URLs."""
    safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(
        chr(byte) if byte in safe else "+" if byte == 0x20 else f"~{byte:02X}"
        for byte in name.encode()
    )


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in ("-", "static", "static-plugins")
)


@given(
    database=NAMES,
    table=NAMES,
    format_=st.sampled_from(["html", "json", "csv", "jsono", "geojson"]),
)
def test_the_name_of_any_table_comes_back_from_the_url_datasette_gives_it(
    database: str, table: str, format_: str
) -> None:
    extension = "" if format_ == "html" else f".{format_}"
    path = f"/{tilde_encoded(database)}/{tilde_encoded(table)}{extension}"
    request = asked_for(SITE + path)
    assert (request["page"], request["database"], request["table"]) == (
        "table",
        database,
        table,
    )
    assert request["format"] == format_


@given(
    st.lists(
        st.sampled_from([*"/.-~%+?&=#[]:@\\ \t\n\0é", "//", "sql", "_format", ".json"])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    )
)
def test_whatever_was_asked_for_is_some_page(pieces: list[str]) -> None:
    for start in ("", SITE, f"{SITE}/"):
        request = asked_for(start + "".join(pieces))
        assert request["page"] in PAGES
        assert request["is_data_request"] in (True, False)
        if request["page"] in ("static", "internal"):
            assert not request["is_data_request"]
        if request["page"] in ("table", "row"):
            assert request["database"]
            assert request["table"]


@pytest.mark.parametrize(
    ("patterns", "path", "is_data"),
    [
        (".json", "/static.json", True),
        (".json", "/xjson", False),
        (".json", "/x?y=.json", False),
        (".*", "/pudl", False),
        ("/pudl,", "/other", False),
        ("/a , /b", "/b", True),
        ("(", "/pudl(1)", True),
        ("/pudl", "/PUDL", False),
    ],
)
def test_a_pattern_of_data_requests_is_literal_text_in_the_path(
    patterns: str, path: str, is_data: bool
) -> None:
    settings = SimpleNamespace(data_request_patterns=patterns)
    assert asked_for(SITE + path, settings)["is_data_request"] is is_data


@pytest.mark.parametrize("patterns", ["", " , "])
@pytest.mark.parametrize(
    ("path", "is_data"),
    [
        ("/rivers", True),
        ("/rivers.json", True),
        ("/rivers.db", True),
        ("/rivers?sql=select+1", True),
        ("/my+data/water~20levels", True),
        ("/my+data/water~20levels.csv", True),
        ("/rivers/levels/1.json", True),
        ("/_internal/databases.json", False),
        ("/_memory?sql=select+1", False),
        ("/:memory:?sql=select+1", False),
        ("/", False),
        ("/.json", False),
        ("/-/databases.json", False),
        ("/rivers/-/schema.json", False),
        ("/-/static/app.css", False),
        ("/favicon.ico", False),
    ],
)
def test_without_patterns_every_page_of_a_public_database_is_data(
    patterns: str, path: str, is_data: bool
) -> None:
    settings = SimpleNamespace(data_request_patterns=patterns)
    assert asked_for(SITE + path, settings)["is_data_request"] is is_data


@pytest.mark.parametrize(
    ("status", "is_data"),
    [(200, True), (304, True), (500, True), (None, True), (404, False)],
)
def test_a_page_that_the_site_does_not_have_is_no_data(
    status: int | None, is_data: bool
) -> None:
    http = {"requestUrl": f"{SITE}/wp-admin/setup.php", "status": status}
    settings = SimpleNamespace(data_request_patterns="")
    found = clean(table(entry(httpRequest=http)), settings).requests
    assert found["is_data_request"].to_pylist() == [is_data]


# --- columns -----------------------------------------------------------------------


def test_the_columns_are_these_in_snake_case() -> None:
    assert CLEANED.names == [
        *("insert_id", "timestamp", "receive_timestamp", "log_name", "severity"),
        *("text_payload", "trace", "span_id", "trace_sampled"),
        *("request_method", "request_url", "request_size", "status", "response_size"),
        *("user_agent", "remote_ip", "server_ip", "referer", "latency", "protocol"),
        *("cache_lookup", "cache_hit", "cache_validated_with_origin_server"),
        *("cache_fill_bytes", "service_name", "revision_name", "location"),
        *("project_id", "configuration_name", "instance_id"),
        *("request_url_scheme", "request_url_netloc", "request_url_path"),
        *("request_url_query", "database", "table", "format", "page"),
        "is_data_request",
        *("agent_class", "agent_name", "agent_kind", "agent_rule"),
    ]


def test_a_day_without_entries_is_an_empty_table_of_the_same_columns() -> None:
    found = clean(ENTRY.empty_table(), SETTINGS)
    assert found.requests.cast(CLEANED).equals(CLEANED.empty_table())
    assert found.rejected.equals(REJECTED.empty_table())
    assert found.not_requests == 0


def test_a_stored_day_without_entries_is_cleaned_as_well() -> None:
    raw = stored(ENTRY.empty_table(), dictionaries=SOURCE.raw_dictionaries)
    found = clean(raw.read(), SETTINGS)
    assert found.requests.cast(CLEANED).equals(CLEANED.empty_table())


def test_what_a_request_lacks_is_a_typed_null() -> None:
    bare = {"insertId": "1", "timestamp": NOON, "httpRequest": {}}
    requests = clean(table(bare), SETTINGS).requests.cast(CLEANED)
    assert requests.schema.equals(CLEANED, check_metadata=True)
    given = {"insert_id", "timestamp", "page", "is_data_request"}
    given |= {"agent_class", "agent_rule"}
    for name in set(CLEANED.names) - given:
        assert requests[name].to_pylist() == [None]


def test_a_size_stays_a_whole_number_where_others_have_none() -> None:
    sizes = [None, 8_123_456_789, None]
    entries = [entry(httpRequest={"responseSize": size}) for size in sizes]
    requests = clean(table(*entries), SETTINGS).requests
    assert requests["response_size"].type == pa.int64()
    assert requests["response_size"].to_pylist() == sizes


def test_a_time_keeps_its_microseconds_and_its_zone() -> None:
    time = dt.datetime(2022, 3, 15, 14, 25, 58, 184967, tzinfo=dt.UTC)
    (request,) = cleaned(entry(timestamp=time))
    assert request["timestamp"] == time
    assert CLEANED.field("timestamp").type == pa.timestamp("us", tz="UTC")


def test_columns_that_nobody_declared_are_left_aside() -> None:
    entries = table(entry()).append_column("jsonPayload", pa.array(['{"a":1}']))
    assert same_rows(clean(entries, SETTINGS), clean(table(entry()), SETTINGS))


@pytest.mark.parametrize(
    "absent", ["spanId", "traceSampled", "textPayload", "resource", "labels", "trace"]
)
def test_an_entry_stored_before_a_field_was_declared_is_cleaned(absent: str) -> None:
    entries = table(entry()).drop_columns([absent])
    assert same_rows(clean(entries, SETTINGS), clean(table(entry()), SETTINGS))


def test_nor_need_every_field_of_the_request_have_been_declared() -> None:
    field = ENTRY.field("httpRequest")
    older = pa.field(
        "httpRequest", pa.struct([f for f in field.type if f.name != "cacheHit"])
    )
    schema = ENTRY.set(ENTRY.get_field_index("httpRequest"), older)
    entries = pa.Table.from_pylist([entry()], schema=schema)
    assert same_rows(clean(entries, SETTINGS), clean(table(entry()), SETTINGS))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:51234", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:db8::7:443", "2001:db8::7:443"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:DB8:0:0::0007", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::FFFF:C000:0207]:443", "192.0.2.7"),
        ("-", "-"),
        ("", ""),
        ("host:80", "host:80"),
        (None, None),
    ],
)
def test_an_address_has_one_spelling_and_no_port_as_google_may_give_it(
    given: str | None, address: str | None
) -> None:
    (request,) = cleaned(entry(httpRequest={"remoteIp": given, "serverIp": given}))
    assert request["remote_ip"] == request["server_ip"] == address


# --- every entry in exactly one place ----------------------------------------------

TEXT = st.none() | st.sampled_from(["", "-", "a", "b", "é\0"])
ENTRIES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "insertId": TEXT,
                "timestamp": st.sampled_from([None, NOON]),
                "logName": TEXT | st.just(LOG),
                "otherFields": TEXT,
                "httpRequest": st.none()
                | st.fixed_dictionaries(
                    {
                        "requestUrl": st.none()
                        | st.sampled_from([SITE, f"{SITE}/pudl?sql=x", "http://[", ""]),
                        "userAgent": TEXT,
                        "remoteIp": TEXT,
                        "status": st.none() | st.integers(0, 999),
                    }
                ),
                "labels": st.none() | st.fixed_dictionaries({"instanceId": TEXT}),
            }
        ),
        st.builds(
            lambda text: {"unreadable": text, "unreadableReason": "line 1 is no entry"},
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
    ),
    max_size=12,
)


FEWER = settings(max_examples=40)


def place(row: Row) -> str:
    """Where an entry belongs, said plainly."""
    if "unreadableReason" in row or row["timestamp"] is None or row["insertId"] is None:
        return "rejected"
    if row["httpRequest"] is None:
        return "not a request"
    return "request" if row["logName"] in (None, "", LOG) else "other log"


@FEWER
@given(ENTRIES)
def test_every_entry_is_a_request_or_rejected_or_counted_as_no_request(
    entries: list[Row],
) -> None:
    found = clean(table(*entries), SETTINGS)
    places = [place(row) for row in entries]
    requests = [row for row, at in zip(entries, places, strict=True) if at == "request"]
    assert found.requests["insert_id"].to_pylist() == [r["insertId"] for r in requests]
    assert found.requests["status"].to_pylist() == [
        row["httpRequest"]["status"] for row in requests
    ]
    assert found.rejected.num_rows == places.count("rejected")
    assert found.not_requests == places.count("not a request")
    assert sum(found.other_logs.values()) == places.count("other log")


@FEWER
@given(ENTRIES)
def test_requests_have_the_declared_columns_whatever_came(entries: list[Row]) -> None:
    found = clean(table(*entries), SETTINGS)
    decoded = found.requests.cast(CLEANED)
    decoded.validate(full=True)
    assert found.requests.column_names == CLEANED.names
    assert found.rejected.schema.equals(REJECTED)
    for name in ("page", "is_data_request"):
        assert decoded[name].null_count == 0


@FEWER
@given(ENTRIES, st.integers(1, 5))
def test_a_day_is_the_same_in_row_groups_of_any_size_with_text_as_dictionaries(
    entries: list[Row], row_group_size: int
) -> None:
    raw = stored(table(*entries), row_group_size, SOURCE.raw_dictionaries)
    pieces = [clean(group, SETTINGS) for _, group in row_groups(raw)]
    whole = clean(table(*entries), SETTINGS)
    assert whole.requests.to_pylist() == [
        row for piece in pieces for row in piece.requests.to_pylist()
    ]
    assert sorted(map(str, whole.rejected.to_pylist())) == sorted(
        str(row) for piece in pieces for row in piece.rejected.to_pylist()
    )
    assert whole.not_requests == sum(piece.not_requests for piece in pieces)


@FEWER
@given(ENTRIES)
def test_cleaning_leaves_the_entries_as_they_are_and_gives_the_same_again(
    entries: list[Row],
) -> None:
    raw, before = table(*entries), table(*entries)
    first = clean(raw, SETTINGS)
    assert raw.equals(before)
    assert same_rows(first, clean(raw, SETTINGS))


def test_a_rejected_line_is_kept_as_it_was() -> None:
    line = '{"insertId": "cut'
    row = {"unreadable": line, "unreadableReason": "line 7 of x.jsonl is not JSON"}
    rejected = clean(table(entry(), row), SETTINGS).rejected
    assert rejected.to_pylist() == [
        {"reason": "line 7 of x.jsonl is not JSON", "entry": line}
    ]


def test_a_rejected_entry_is_kept_with_every_field() -> None:
    row = entry(insertId=None, otherFields='{"apphub":1}', labels={"instanceId": "i"})
    ((reason, text),) = (
        row.values() for row in clean(table(row), SETTINGS).rejected.to_pylist()
    )
    kept = json.loads(text)
    assert reason == "has no insertId"
    assert kept["httpRequest"]["requestUrl"] == f"{SITE}/"
    assert kept["otherFields"] == '{"apphub":1}'
    assert kept["labels"] == {"instanceId": "i"}
    assert kept["timestamp"] == "2022-03-15 12:00:00+00:00"


def test_who_asked_is_said_of_every_request() -> None:
    agents = ["curl/8.5.0", None, "Mozilla/5.0 (compatible; GPTBot/1.2)", "curl/8.5.0"]
    entries = [entry(httpRequest={"userAgent": agent}) for agent in agents]
    requests = clean(table(*entries), SETTINGS).requests.cast(CLEANED)
    assert requests["agent_class"].to_pylist() == [
        *("machine", "unknown", "robot", "machine")
    ]


def test_our_own_networks_and_monitors_are_internal() -> None:
    settings = SimpleNamespace(
        data_request_patterns="/pudl",
        internal_networks="192.0.2.0/24, 2001:db8::/32",
        internal_agents="OurMonitor",
    )
    asked = [
        {"userAgent": "curl/8.5.0", "remoteIp": "192.0.2.7"},
        {"userAgent": "curl/8.5.0", "remoteIp": "198.51.100.7"},
        {"userAgent": "OurMonitor/1.0", "remoteIp": "198.51.100.7"},
        {"userAgent": "curl/8.5.0"},
    ]
    entries = [entry(httpRequest=request) for request in asked]
    requests = clean(table(*entries), settings).requests.cast(CLEANED)
    assert requests["agent_class"].to_pylist() == [
        *("internal", "machine", "internal", "machine")
    ]
    assert requests["agent_rule"][0].as_py() == "setting internal_networks"


def test_an_internal_network_that_is_none_is_refused() -> None:
    settings = SimpleNamespace(data_request_patterns="/", internal_networks="10.0.0/8x")
    with pytest.raises(ConfigError, match=r"10\.0\.0/8x"):
        clean(table(entry()), settings)
