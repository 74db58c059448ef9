"""The columns that several tables of figures share, each declared once."""

import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column

_COLUMNS = (
    column("date", STRING, "UTC day, YYYY-MM-DD"),
    column("month", STRING, "UTC month, YYYY-MM"),
    column("source", STRING, "Kind of log"),
    column(
        "dataset",
        STRING,
        "Dataset id, from the registry or of the database; unmapped: of neither; none: "
        "a page that belongs to no dataset",
    ),
    column("format", STRING, "html, json, csv, db, …"),
    column("page", STRING, "Kind of page, as in the cleaned file"),
    column("agent_class", STRING, "human, machine, robot, internal or unknown"),
    column("network_class", STRING, "hosting, education, government, …"),
    column(
        "country",
        STRING,
        "Country of the address, ISO 3166-1 alpha-2; null: unknown",
    ),
    column(
        "organization",
        STRING,
        "AS number and name of the organisation that routes the address; null: unknown",
    ),
    column(
        "referrer",
        STRING,
        "Host of the referring page, without www; null: none was sent",
    ),
    column("requests", INTEGER, "All requests, whoever made them"),
    column(
        "counted",
        INTEGER,
        "Requests that count under the COUNTER rules; usage_reconciliation gives the "
        "reasons for the others",
    ),
    column(
        "suspect",
        INTEGER,
        "Requests of browsers in hosting networks and of addresses that sent more than "
        "half of the day's requests; also included in the other figures",
    ),
    column(
        "assistants",
        INTEGER,
        "Requests of AI assistants that fetch a page because a person has asked, such "
        "as ChatGPT-User; also included in requests, as robots, and not counted",
    ),
    column(
        "unique_sessions",
        INTEGER,
        "Unique sessions (visitor and UTC hour). May be summed over days, agent "
        "classes, countries and organisations, since a session has one of each; not "
        "over sources, datasets, tables, formats, pages and referrers",
    ),
    column("bytes", INTEGER, "Sizes of the responses, headers included", "bytes"),
    column("errors", INTEGER, "Responses with status 400 or above"),
    column("latency_p50", NUMBER, "Median response time", "seconds"),
    column("latency_p95", NUMBER, "95th percentile of the response time", "seconds"),
    column(
        "unique_visitors",
        INTEGER,
        "Unique visitors of the day (address and user agent). May be summed over agent "
        "classes, countries and organisations; not over days, sources, datasets or "
        "tables, since one visitor may appear under several",
    ),
)

SHARED = {field.name: field for field in _COLUMNS}
"""The columns by their names."""

DATASET_OR_ALL = column(
    "dataset",
    STRING,
    "Dataset id, unmapped or none; all: every request, so these rows may not be summed "
    "with the others",
)

FIGURES = (
    *("requests", "counted", "suspect", "assistants", "unique_sessions"),
    *("bytes", "errors", "latency_p50", "latency_p95"),
)
"""The figures of the most detailed tables."""


def schema_of(*columns: str | pa.Field) -> pa.Schema:
    """The schema of a table: shared columns by their names, and its own."""
    return pa.schema([SHARED[c] if isinstance(c, str) else c for c in columns])
