"""Every Luigi task, and what the tasks need to know of each other.

Read :mod:`.stages` first, then :mod:`.load`, :mod:`.count`, :mod:`.load_usage` and
:mod:`.report`; :mod:`.task` has the base classes.

Whoever imports one task imports all of them, since Luigi finds them by name, and gives
Luigi the settings and messages that this package needs.
"""

import configparser
import gc
import os
import sys
from pathlib import Path

from usage_metrics.luigi_import import import_luigi

if "toml" in (
    os.environ.get("LUIGI_CONFIG_PARSER"),
    os.environ.get("LUIGI_CONFIG_PATH", "").rpartition(".")[2],
):
    sys.stderr.write(
        "ERROR: LUIGI_CONFIG_PARSER or LUIGI_CONFIG_PATH asks for settings in TOML, in "
        "which Luigi lets misspelt ones pass, those of privacy too; write them to "
        "luigi.cfg, and unset the variable or have it name that file\n"
    )
    raise SystemExit(40)

if no_files := [
    path
    for path in map(Path, ("luigi.cfg", os.environ.get("LUIGI_CONFIG_PATH", "")))
    if path.name and path.exists() and not path.is_file()  # Luigi waits for a FIFO
]:
    sys.stderr.write(
        f"ERROR: {str(no_files[0])!r} is a folder, a FIFO or a device; settings are "
        "read from a file: move it away, then let usage-metrics init write one\n"
    )
    raise SystemExit(40)

try:
    import_luigi()
except (configparser.Error, UnicodeDecodeError) as error:
    raise SystemExit(
        f"ERROR: luigi.cfg cannot be read: {error}; settings stand in sections, such "
        "as [datasette], each once, as text in UTF-8"
    ) from None

from usage_metrics.errors import ConfigError
from usage_metrics.luigi_defaults import set_luigi_defaults
from usage_metrics.monitoring.error_messages import exit_with, shorten_errors
from usage_metrics.monitoring.notify import tolerate_email_errors
from usage_metrics.tasks.backfill import Backfill
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_month import CountDays, CountMonth
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.publisher_report import PublisherReport
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.rebuild import Rebuild
from usage_metrics.tasks.refresh import Refresh, RefreshDays
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.run_log_events import record_runs
from usage_metrics.tasks.snapshot_copies import CopySnapshots, Snapshots
from usage_metrics.tasks.snapshots import LoadSnapshots, ReadSnapshots, TakeSnapshot
from usage_metrics.tasks.stages import Clean, Extract, Geocode

__all__ = [
    "Backfill",
    "Clean",
    "CopySnapshots",
    "CountDays",
    "CountMonth",
    "CountUsage",
    "CounterReport",
    "Extract",
    "Geocode",
    "LoadSQLite",
    "LoadSnapshots",
    "LoadUsage",
    "PublisherReport",
    "RangeDaily",
    "ReadSnapshots",
    "Rebuild",
    "Refresh",
    "RefreshDays",
    "Report",
    "Snapshots",
    "TakeSnapshot",
]

try:
    set_luigi_defaults()
except ConfigError as error:  # Luigi would fail with tracebacks, whoever imports this
    exit_with(error)
shorten_errors()
record_runs()
tolerate_email_errors()
# Loaded modules are never garbage: freeze them, so that the collector skips them and
# forked workers share their pages.
gc.freeze()
