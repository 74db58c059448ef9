"""The columns of views that their tables do not have."""

from collections.abc import Iterable

import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.columns import SHARED

_COLUMNS = (
    column("week", STRING, "Monday that begins the week, YYYY-MM-DD"),
    SHARED["month"],
    column("days", INTEGER, "Days that are there; no sum has a missing day", "days"),
    column("human", INTEGER, "Requests of people's browsers and apps"),
    column("machine", INTEGER, "Requests of scripts and data clients"),
    column("robot", INTEGER, "Requests of crawlers, monitors and scrapers"),
    SHARED["assistants"],
    column("internal", INTEGER, "Requests of our own monitors and networks"),
    column("unknown", INTEGER, "Requests of unknown agents"),
    column("counted_human", INTEGER, "Counted requests of people"),
    column("counted_machine", INTEGER, "Counted requests of scripts"),
    column("counted_unknown", INTEGER, "Counted requests of unknown agents"),
    column(
        "sessions",
        INTEGER,
        "Unique sessions (visitor and UTC hour), without robots and ourselves",
    ),
    column(
        "visitors",
        INTEGER,
        "Unique visitors of the day, without robots and ourselves; may not be "
        "summed over days",
    ),
    column("first_date", STRING, "First day with requests"),
    column("last_date", STRING, "Last day with requests"),
    column("rejected_percent", NUMBER, "Share of the lines rejected", "percent"),
    column("unexplained", INTEGER, "Lines not accounted for; always 0"),
)
_NEW = {field.name: field for field in _COLUMNS}


def schema_of_view(table: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """The columns of a view by their names: new ones, or those of its table."""
    return pa.schema([_NEW[n] if n in _NEW else table.field(n) for n in names])
