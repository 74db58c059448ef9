"""``usage-metrics digest``: what is printed and written."""

import datetime as dt
from pathlib import Path

import pytest
from flow import Flow, fill_once
from project import Settings

from usage_metrics.commands import main
from usage_metrics.tasks.load_usage import LoadUsage

pytestmark = pytest.mark.usefixtures("quick_reports")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def march(flow: Flow, settings: Settings) -> Flow:
    """The last days of March, each with a counted request; the 31st is missing."""
    settings("datasette", start="2026-03-20", stop="2026-04-03")
    fill_once(flow, "march", _count)
    return flow


def _count(flow: Flow) -> None:
    flow.export_days(11, dt.date(2026, 3, 20))
    flow.build(LoadUsage().of_what_is_there())


def test_a_month_is_printed_and_written(
    march: Flow, settings: Settings, capsys: Output
) -> None:
    settings("digest", few="show")
    assert main(["digest", "--month", "2026-03"]) == 0
    out, err = capsys.readouterr()
    assert "were requested 11 times from our own servers (Datasette)" in out
    assert "• Datasette: 11 requests, 11 investigations, 11 sessions\n" in out
    assert "\nSessions: Datasette 11.\n" in out
    assert "has 11 of 31 days; without data: 1–19 March 2026 and 31 March 2026" in out
    folder = march.root / "report" / "digest"
    assert (folder / "2026-03.txt").read_text() == out
    assert (folder / "2026-03.png").read_bytes().startswith(b"\x89PNG")
    assert err.splitlines() == [
        f"Written: {folder}/2026-03.{e}" for e in ("txt", "png")
    ]


def test_a_digest_is_written_where_one_says(
    march: Flow, tmp_path: Path, capsys: Output
) -> None:
    to = tmp_path / "elsewhere"
    for path in ("both", "march.png", "march.txt"):
        assert main(["digest", "--month", "2026-03", "--to", str(to / path)]) == 0
    found = sorted(str(f.relative_to(to)) for f in to.rglob("*.*"))
    assert found == ["both/2026-03.png", "both/2026-03.txt", "march.png", "march.txt"]
    (tmp_path / "file").touch()
    capsys.readouterr()
    assert main(["digest", "--month", "2026-03", "--to", str(tmp_path / "file/x")]) == 2
    assert "cannot be written" in (said := capsys.readouterr().err)
    assert "what --to says" in said


def test_a_month_of_which_nothing_is_counted_is_told_in_a_sentence(
    march: Flow, capsys: Output
) -> None:
    assert main(["digest", "--month", "2025-11"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("no day of 2025-11 is counted, so there is nothing to tell;")
