"""A page is made without pandas, which takes a third of a second and 35 MB."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """\
import datetime as dt, sys
from report_html import rendered
from usage_metrics.report import payload, place_lines
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables

span = Span("datasette", dt.date(2026, 3, 2), dt.date(2026, 3, 16))
days = place_lines.Days([span.start])
place = place_lines.Place("datasette", "Datasette", days)
with open_tables(sys.argv[1]) as tables:
    database = Database(tables)
    page = rendered(database, payload.gather(database, span, {}))
    place = place_lines.with_hosts(place, database)
    lines = [*place_lines.of_log(place, database, span)]
assert "Headline" in page and lines
assert "pandas" not in sys.modules
"""


def test_a_page_of_a_source_and_its_lines_on_all_places_import_no_pandas(
    sample: Path,
) -> None:
    database = sample / "data" / "usage_metrics.db"
    script = [sys.executable, "-W", "error", "-c", SCRIPT, str(database)]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(script, check=True, env={**os.environ, **path})
