"""The columns that several tables of figures share, each declared once."""

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column

DATE = column("date", STRING, "UTC day, YYYY-MM-DD")
MONTH = column("month", STRING, "UTC month, YYYY-MM")
SOURCE = column("source", STRING, "Kind of log")
DATASET = column(
    "dataset",
    STRING,
    "Dataset id from the registry; unmapped: no pattern matches; none: a page that "
    "belongs to no dataset",
)
DATASET_OR_ALL = column(
    "dataset",
    STRING,
    "Dataset id from the registry, unmapped or none; all: every request, so these rows "
    "may not be summed with the others",
)
FORMAT = column("format", STRING, "html, json, csv, db, …")
PAGE = column("page", STRING, "Kind of page, as in the cleaned file")
AGENT_CLASS = column(
    "agent_class", STRING, "human, machine, robot, internal or unknown"
)
NETWORK_CLASS = column("network_class", STRING, "hosting, education, government, …")
COUNTRY = column(
    "country", STRING, "Country of the address, ISO 3166-1 alpha-2; null: unknown"
)
ORGANIZATION = column(
    "organization",
    STRING,
    "AS number and name of the organisation that routes the address; null: unknown",
)
REFERRER = column(
    "referrer", STRING, "Host of the referring page, without www; null: none was sent"
)

REQUESTS = column("requests", INTEGER, "All requests, whoever made them")
COUNTED_REQUESTS = column(
    "counted",
    INTEGER,
    "Requests that count under the COUNTER rules; usage_reconciliation gives the "
    "reasons for the others",
)
SUSPECT = column(
    "suspect",
    INTEGER,
    "Requests of browsers in hosting networks and of addresses that sent more than "
    "half of the day's requests; also included in the other figures",
)
SESSIONS = column(
    "unique_sessions",
    INTEGER,
    "Unique sessions (visitor and UTC hour). May be summed over days, agent classes, "
    "countries and organisations, since a session has one of each; not over datasets, "
    "tables, formats, pages and referrers",
)
VISITORS = column(
    "unique_visitors",
    INTEGER,
    "Unique visitors of the day (address and user agent). May be summed over agent "
    "classes, countries and organisations; not over days, datasets or tables, since "
    "one visitor may appear under several",
)
BYTES = column("bytes", INTEGER, "Sizes of the responses, headers included", "bytes")
ERRORS = column("errors", INTEGER, "Responses with status 400 or above")
FIGURES = (
    *(REQUESTS, COUNTED_REQUESTS, SUSPECT, SESSIONS, BYTES, ERRORS),
    column("latency_p50", NUMBER, "Median response time", "seconds"),
    column("latency_p95", NUMBER, "95th percentile of the response time", "seconds"),
)
"""The figures of the most detailed tables, in their order."""
