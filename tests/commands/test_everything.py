"""One run of everything: a Datasette, a bucket, and all platforms, in one database."""

import datetime as dt
from collections.abc import Iterator

import pytest
from flow import Flow, request
from platform_replies import PLAYED, day_of
from platform_server import PlatformServer, json_of
from project import Settings
from s3_server import S3Server, start_s3_server  # noqa: F401
from snapshot_flow import Days

from usage_metrics.commands import main
from usage_metrics.platforms import client, get_platform

pytestmark = pytest.mark.usefixtures("quick_reports")

REQUESTS = sum(played.replies for played in PLAYED.values())

OBJECT = (
    "8787a3c41bf7ce0d54359d9348ad5b08 open-data [02/Mar/2026:12:00:00 +0000] "
    "192.0.2.7 - A1 REST.GET.OBJECT eia/plants.parquet "
    '"GET /eia/plants.parquet HTTP/1.1" 200 - 1000 1000 5 4 "-" "curl/8.5.0" - '
    "c2FtcGxl - - - open-data.s3.amazonaws.com TLSv1.3 - -\n"
)

Output = pytest.CaptureFixture[str]


@pytest.fixture
def everything(
    flow: Flow,
    settings: Settings,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Days]:
    """A day of logs of two sources, and a dataset on each platform."""
    today = day_of(0)
    flow.export(today, request("a", today), request("b", today))
    settings("datasette", start=today, stop=day_of(1))
    with s3_server.create("everything").open_output_stream(
        "everything/2026-03-02-13-00-00-0123456789ABCDEF"
    ) as file:
        file.write(OBJECT.encode())
    settings("s3", logs=s3_server.uri("everything"), start=today, stop=day_of(1))
    monkeypatch.setattr(client, "sleep", lambda _: None)
    with PlatformServer() as server:
        for name, played in PLAYED.items():
            settings(name, **played.section, endpoint=server.url, attempts=1)
            if token := get_platform(name).token:
                monkeypatch.setenv(token, "token-for-tests")
        yield Days(flow, server, monkeypatch)


def run(days: Days, number: int) -> int:
    """Run on a day, by its number; the exit code."""
    for played in PLAYED.values():
        played.serve(days.server, number)
    days.server.asked.clear()
    days.server.conditional.clear()
    days.on(day_of(number))
    later = dt.datetime.combine(day_of(number), dt.time(21), dt.UTC)
    days.patch.setattr("usage_metrics.tasks.snapshot_days.utc_now", lambda: later)
    return main(["run"])


def qualities(days: Days, source: str, metric: str) -> list[str]:
    """Of the days from the first on."""
    days.source = source
    found = days.series(metric).items()
    return [row[3] for day, row in found if day >= str(day_of(0))]


def test_a_week_of_everything_ends_in_one_database(
    everything: Days, settings: Settings, capsys: Output
) -> None:
    assert run(everything, 0) == 0
    assert len(everything.server.asked) == REQUESTS
    places = everything.flow.query(
        "SELECT source, basis FROM usage_by_source_daily GROUP BY 1, 2 ORDER BY 1"
    )
    bases = dict.fromkeys(PLAYED, "platform") | {"datasette": "log", "s3": "log"}
    assert dict(places) == bases

    capsys.readouterr()
    assert run(everything, 0) == 0
    assert everything.server.asked == [], "the second run of a day asks for nothing"
    assert capsys.readouterr().out.count("Nothing to do") == 2

    for source in ("datasette", "s3"):
        settings(source, logs="")  # no more of them
    assert run(everything, 1) == 0
    assert len(everything.server.asked) == REQUESTS
    assert everything.server.conditional == everything.server.asked
    assert everything.series("downloads") == {}

    # Nobody runs it on days 2 and 3; on day 4 one platform is out of order.
    path = PLAYED["kaggle"].path
    everything.server.once(path, json_of({"message": "sorry"}, status=500))
    assert run(everything, 4) == 30
    said = capsys.readouterr().err
    assert "example/data dataset: Kaggle answered HTTP 500" in said
    assert run(everything, 4) == 0
    assert everything.server.asked == [path]

    assert qualities(everything, "github", "views") == [
        *("final", "final", "final", "provisional", "provisional"),
    ]
    assert qualities(everything, "pypi", "downloads")[:3] == ["final"] * 3
    for name in ("zenodo", "kaggle", "huggingface", "datacite", "dataverse"):
        assert qualities(everything, name, "downloads") == [
            *("final", "final", "missing", "missing", "spread"),
        ]
        assert everything.series("downloads")[str(day_of(4))] == (112, 9, 3, "spread")
    twice = everything.flow.query(
        "SELECT count(*) FROM snapshot_observations GROUP BY source, subject, "
        "version, metric, measure, name, about, taken_at HAVING count(*) > 1"
    )
    assert twice == []

    capsys.readouterr()
    assert main(["status"]) == 0
    lines = " ".join(capsys.readouterr().out.split())
    assert "github: 3 snapshots, 2026-03-02 to 2026-03-06 · 2 filled from" in lines
    assert "zenodo: 3 snapshots, 2026-03-02 to 2026-03-06 · 2 without one" in lines
