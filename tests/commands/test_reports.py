"""``usage-metrics report`` and ``counter``: a report of some days, or of a month."""

import json
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow
from project import SAMPLE_REGISTRY, Settings

from usage_metrics.commands import main

pytestmark = pytest.mark.usefixtures("quick_reports")

NEXT = DAY + ONE_DAY
STOP = DAY + 2 * ONE_DAY


@pytest.fixture
def exported(flow: Flow, settings: Settings) -> Flow:
    """Two days of logs, of which nothing is made yet."""
    settings("datasette", start=DAY, stop=STOP)
    settings("counting", datasets=SAMPLE_REGISTRY)
    flow.export_days(2)
    return flow


def _paths(capsys: pytest.CaptureFixture[str]) -> list[Path]:
    return [Path(line) for line in capsys.readouterr().out.splitlines()]


# --- report ---------------------------------------------------------------------------


def test_the_report_is_made_with_what_it_needs_and_its_path_is_printed(
    exported: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in ("it is made", "it is there"):
        assert main(["report"]) == 0
        names = ("datasette.html", "index.html")
        assert _paths(capsys) == [exported.root / "report" / name for name in names]
    assert "</html>" in (exported.root / "report/datasette.html").read_text()
    assert main(["report", "--public"]) == 0
    public = exported.root / "report/public/index.html"
    assert _paths(capsys)[-1] == public
    assert "datasette.html" not in public.read_text()
    assert "fewer than 10" in public.read_text()


def test_a_report_on_some_days_has_them_in_its_name(
    exported: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--start", str(NEXT)]) == 0
    path, of_all = _paths(capsys)
    assert path == exported.root / f"report/datasette_{NEXT}_{NEXT}.html"
    assert path.exists()
    assert of_all == exported.root / f"report/index_from_{NEXT}.html"
    assert of_all.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--start", "soon"), "'soon' is not a date; write it as YYYY-MM-DD"),
        (("--start", "2026-01-01"), "is before [datasette] start = 2026-03-02"),
        (("--stop", "2026-03-02"), "stop = 2026-03-02 holds no day"),
    ],
)
def test_days_that_make_no_report_are_refused_before_any_is_made(
    exported: Flow,
    arguments: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", *arguments]) == 2
    said = capsys.readouterr()
    assert " ".join(said.err.split()).count(sentence) == 1
    assert said.out == ""
    assert not exported.root.exists(), "nothing was made"


def test_a_day_that_fails_is_named_with_its_reason_and_how_to_retry(
    exported: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.export(DAY, "nonsense")
    assert main(["report"]) == 30
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 1 lines could not be understood" in said
    assert said.endswith("To retry: usage-metrics report --source datasette")


def test_a_report_that_is_current_is_named_even_if_days_are_not_exported(
    exported: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=STOP + ONE_DAY)
    for _ in ("it is made", "it is there"):
        assert main(["report"]) == 20
        said = capsys.readouterr()
        names = ("datasette.html", "index.html")
        assert said.out.splitlines() == [
            str(exported.root / "report" / n) for n in names
        ]
        assert said.err.startswith("Not everything is in it: days are missing")


def test_no_report_is_named_if_all_its_days_are_not_exported(
    exported: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=STOP + ONE_DAY)
    assert main(["report", "--start", str(STOP)]) == 20
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("No report was written: days are missing")


# --- counter --------------------------------------------------------------------------


def test_the_report_of_a_month_is_made_and_its_paths_are_printed(
    exported: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in ("it is made", "it is there"):
        assert main(["counter", "--month", "2026-03"]) == 0
        as_json, as_tsv = _paths(capsys)
    assert as_tsv == exported.root / "counter/datasette/2026-03.tsv"
    header = json.loads(as_json.read_text())["report-header"]
    assert header["reporting-period"]["begin-date"] == "2026-03-01"


def test_the_report_of_a_period_is_made_of_those_of_its_months(
    exported: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    period = ("counter", "--month", "2026-02", "--to", "2026-03")
    assert main([*period]) == 0
    of_month, _, as_json, as_tsv = _paths(capsys)
    month, found = (json.loads(path.read_text()) for path in (of_month, as_json))
    assert of_month.name == "2026-03.json"
    assert found["report-datasets"] == month["report-datasets"]
    about = [e.get("data") for e in found["report-header"]["exceptions"]]
    assert about[-1] == "no report of 2026-02"
    assert as_tsv.name == "2026-02_to_2026-03.tsv"
    assert "Reporting_Period_Total\tFeb-2026\tMar-2026\n" in as_tsv.read_text()
    assert main([*period, "--without-months"]) == 0
    *_, as_tsv = _paths(capsys)
    assert as_tsv.name == "2026-02_to_2026-03_without_months.tsv"
    assert "\tReporting_Period_Total\n" in as_tsv.read_text()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--to", "2026-02"], "--to is a month after --month"),
        (["--to", "2036-03"], "120 months at most"),
        (["--without-months"], "--without-months needs --to"),
    ],
)
def test_a_period_that_is_none_is_refused(
    exported: Flow, asked: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["counter", "--month", "2026-03", *asked]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("month", ["March", "2026-13", "2026-03-02", ""])
def test_what_is_no_month_is_refused_in_a_sentence(
    exported: Flow, month: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["counter", "--month", month]) == 2
    said = capsys.readouterr().err
    assert f"month = {month!r} is not a month; write it as YYYY-MM" in said


@pytest.mark.parametrize("month", ["2025-01", "2099-01"])
def test_a_month_without_a_counted_day_is_refused_before_anything_is_made(
    exported: Flow, month: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["counter", "--month", month]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.count(f"no day of {month} is counted; name a month within start") == 1
    assert "retry" not in said, "nothing changes if it is asked again"


def test_a_month_that_fails_is_retried_by_the_same_command(
    exported: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("counting", datasets="")
    assert main(["counter", "--month", "2026-03"]) == 30
    said = " ".join(capsys.readouterr().err.split())
    again = "usage-metrics counter --month 2026-03 --source datasette"
    assert said.endswith(f"To retry: {again}")
