"""A second source that can be counted, whose requests stay out of the database.

Its logs are those of a Datasette, so that a test can say of both what they hold.
"""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from usage_metrics.cleaning.who_asked import SETTINGS
from usage_metrics.logs.reader import open_logs
from usage_metrics.sources import Cleaned, Registered, datasette


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Clean as for a Datasette; the settings are the common ones."""
    common = {name: getattr(settings, name) for name in SETTINGS}
    return datasette.clean(entries, SimpleNamespace(data_request_patterns="", **common))


SOURCE = dataclasses.replace(
    datasette.SOURCE,
    name="bucket",
    open_logs=lambda settings: open_logs(settings.logs, settings.late_days),
    clean=clean,
    recipe_settings=SETTINGS,
)
REGISTERED = Registered(__name__, "our bucket")
