"""The columns of replies, of what they say, and of the series made of that."""

import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, INTEGER, STRING, TIMESTAMP, column

RAW = pa.schema(
    [
        column("taken_at", TIMESTAMP, "When the snapshot was taken", "UTC"),
        column("subject", STRING, "What was asked about, as in the settings"),
        column("kind", STRING, "Which part of the snapshot it is"),
        column("url", STRING, "What was asked for, without secrets"),
        column("status", INTEGER, "Status of the reply"),
        column("etag", STRING, "What the platform calls this state of the reply"),
        column("body", STRING, "The reply as received; without accounts of people"),
        column("complete", BOOLEAN, "Whether the part was answered in full"),
    ]
)

_SUBJECT = (
    column("source", STRING, "The platform"),
    column("subject", STRING, "What was counted: repository, record, package"),
)
_METRIC = (
    column("metric", STRING, "What was counted"),
    column("measure", STRING, "total, or unique: people as the platform tells them"),
)

OBSERVATIONS = pa.schema(
    [
        *_SUBJECT,
        column("version", STRING, "Version of the subject; null: all of it"),
        *_METRIC,
        column("name", STRING, "Referrer, path or file; null: all of them"),
        column("about", STRING, "What day, month or year it is of; null: see reading"),
        column(
            "reading",
            STRING,
            "day, month, year or event: of what is in about; window: of the days up "
            "to the snapshot; level: as it was then; cumulative: since the beginning",
        ),
        column("value", INTEGER, "What the platform said"),
        column("taken_at", TIMESTAMP, "When the snapshot was taken", "UTC"),
    ]
)

SERIES = pa.schema(
    [
        column("date", STRING, "UTC day, or first day of a month or year, YYYY-MM-DD"),
        *_SUBJECT,
        *_METRIC,
        column("value", INTEGER, "What the platform says of the day; null: unknown"),
        column(
            "increment",
            INTEGER,
            "What the days in days added; null where a counter fell, where nothing "
            "may be added up (uniques of days, windows), and where it is unknown",
        ),
        column("days", INTEGER, "The days that the increment is of", "days"),
        column(
            "quality",
            STRING,
            "final; provisional: may still grow; spread: an increment of several days; "
            "frozen: stood still while another counter moved; fell; reset: fell to "
            "nearly nothing; missing",
        ),
    ]
)

USE_BY_SOURCE = pa.schema(
    [
        column("date", STRING, "UTC day, YYYY-MM-DD"),
        column("source", STRING, "The kind of log, or the platform"),
        column(
            "dataset",
            STRING,
            "The dataset; of a platform, as the registry says; unmapped: of none there",
        ),
        column(
            "version",
            STRING,
            "Version; null: all of them, so these rows may not be added to "
            "those of versions",
        ),
        column("metric", STRING, "What was counted"),
        column("unit", STRING, "What the value is a number of"),
        column("basis", STRING, "log: counted here; platform: told by it"),
        column("value", INTEGER, "What the day added; null: unknown"),
        column("quality", STRING, "As in snapshot_series; of logs, final"),
        column("subject", STRING, "What the platform counts; of logs, null"),
        column(
            "is_shared",
            INTEGER,
            "1: the value is of several datasets, and stands with each of "
            "them, so it is never to be added up over datasets",
        ),
    ]
)
"""Of the view ``usage_by_source_daily``."""
