"""Requests to a site behind a load balancer or a CDN that logs them in its own way.

These are Google's load balancers (by Cloud Logging), Amazon's, and Cloudflare. What
they log is turned into the columns of a web server's log, so that what a request is,
is the same as in source ``web``; but equal lines are duplicates: each has an id, or a
time in microseconds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics import arrow
from usage_metrics.cleaning.duplicates import REPEAT
from usage_metrics.cleaning.who_asked import SETTINGS
from usage_metrics.logs.beginnings import Beginning
from usage_metrics.logs.cloud_logging.load_balancer import GoogleLoadBalancer
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.format import Format
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.web.aws_balancer import AwsLoadBalancer
from usage_metrics.logs.web.presets import open_format
from usage_metrics.logs.web.schema import LOG
from usage_metrics.sources import Cleaned, Source, web
from usage_metrics.sources.hosts import none_meant
from usage_metrics.sources.request_log import REQUEST

FORMATS: dict[str, Callable[[], Format]] = {
    "aws": AwsLoadBalancer,
    "google": GoogleLoadBalancer,
    "cloudflare": lambda: open_format("cloudflare"),
}
"""What makes the format of each kind of log, by its name in the settings."""

LAYOUT = Layout(
    file="log file",
    named="any name will do that has the date, such as "
    "…_elasticloadbalancing_…_20240503T1405Z_….log.gz",
    dated="the name or the folders (2024/05/03/, or 20240503)",
    nothing_happened="an empty file named by the day says so, or "
    "quiet_days = empty, for all such days",
    other_names="^elbaccesslogtestfile$",
    date=r"(?<!\d)(?P<year>\d{4})([-_/.]?)(?P<month>\d{2})\2(?P<day>\d{2})(?!\d)",
    undated_by_entries=True,
    is_together=True,
)
"""Amazon and Cloudflare name a file by when it ends, Google by its hour."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn entries into requests.

    Args:
        entries: a table of schema ``LOG``; its strings may be dictionaries.
        settings: the source's section.
    """
    numbers = pa.array(np.zeros(entries.num_rows, dtype=np.int32))
    return web.clean(entries.append_column(REPEAT, numbers), settings)


def _recognises(beginning: Beginning) -> dict[str, str] | None:
    for name, format_ in FORMATS.items():
        if beginning.is_read_by(format_()):
            return {"format": name}
    return None


SOURCE = Source(
    name="load_balancer",
    open_logs=lambda settings: LogFiles(
        settings.logs,
        settings.late_days,
        LAYOUT,
        FORMATS[settings.format](),
        none_if_quiet=settings.quiet_days == "empty",
    ),
    raw=LOG,
    raw_dictionaries=arrow.texts_in(LOG),
    time="time",
    key=("line_id",),
    order_column="time",
    clean=clean,
    cleaned=REQUEST,
    recipe_settings=("site", "hosts", "base_url", *SETTINGS),
    address="remote_ip",
    places="hosts",
    recognises=_recognises,
    nothing_meant=none_meant,
)
