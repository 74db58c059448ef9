"""The sample of every place: what ``init --sample`` writes, and a run makes of it."""

import contextlib
import re
import sqlite3
from pathlib import Path

from command import run_usage_metrics
from project import ROOT
from report_html import Standing

from usage_metrics.maintenance.sample import Sample
from usage_metrics.maintenance.sample.every_place import write_logs
from usage_metrics.platforms import PLATFORMS

LOGS = ("datasette", "s3", "web")


def test_every_dataset_and_every_place_is_on_the_page(every_place: Path) -> None:
    page = (every_place / "data/report/index.html").read_text()
    figures = Standing(page).figures
    assert figures["figure datasets"] == "3"
    assert figures["figure places"] == str(len(LOGS) + len(PLATFORMS))
    assert "<title>Use of the open data of Example Cooperative" in page
    for kind in ("No data", "May still change", "The counter stood still"):
        assert f"</i>{kind}" in page


def test_nobody_is_asked_and_a_second_run_does_nothing(every_place: Path) -> None:
    kept = {path.name for path in (every_place / "data/raw/zenodo").iterdir()}
    assert max(kept) == "date=2026-03-15"
    said = run_usage_metrics("run", folder=every_place)
    assert said.returncode == 0
    assert said.stdout.count("Nothing to do") == len(LOGS)
    assert run_usage_metrics("check", "--quiet", folder=every_place).stdout == ""


def test_the_datasette_counts_as_it_does_alone(every_place: Path, sample: Path) -> None:
    sql = """
        SELECT date, dataset, access_method, country, total_dataset_requests,
            total_dataset_investigations, volume
        FROM usage_counter WHERE source = 'datasette' ORDER BY 1, 2, 3, 4
    """
    found = []
    for folder in (every_place, sample):
        with contextlib.closing(
            sqlite3.connect(folder / "data/usage_metrics.db")
        ) as database:
            found.append(database.execute(sql).fetchall())
    assert found[0] == found[1]


def test_the_files_are_the_same_on_every_machine_and_name_nobody(
    every_place: Path, tmp_path: Path
) -> None:
    write_logs(Sample(), tmp_path)
    made = every_place / "data/sample_places"
    files = [path for path in made.rglob("*") if path.is_file()]
    assert len(files) == 14 + 2
    for path in files:
        assert (tmp_path / path.relative_to(made)).read_bytes() == path.read_bytes()
    # The addresses are those of the Datasette's logs.
    known = (ROOT / "usage_metrics/maintenance/sample/population.py").read_text()
    text = (made / "web/access.log").read_text()
    for address in {line.split()[1] for line in text.splitlines()}:
        prefix = re.split(r"[0-9a-f]*:*$", address)[0]
        assert f'"{prefix}' in known, address
