"""A run of two sources that is killed at any moment, and run again to its end."""

import datetime as dt
import random
import signal
import time
from pathlib import Path

from faults import contents
from faults.kills import LAST_LINE, SIGNALS, count_lines
from faults.place import DONE, PATIENCE, PROGRAMS, Place, end, write_logs

RUN = (f"{PROGRAMS}/usage-metrics", "run")
DAYS = 2
KILLS = 3

LINE = (
    "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be open-data "
    "[{day:%d/%b/%Y}:12:00:{second:02} +0000] 192.0.2.{second} - 3E57427F3EXAMPLE "
    'REST.GET.OBJECT rivers.parquet "GET /rivers.parquet HTTP/1.1" 200 - 4096 4096 70 '
    '10 "-" "curl/8.10.1" - id= SigV4 TLS - open-data.s3.amazonaws.com TLSv1.3\n'
)


def _place(folder: Path, logs: Path, bucket: Path) -> Place:
    place = Place(folder, days=DAYS)
    section = f"[s3]\nlogs = {bucket}\nstart = {place.start}\nstop = {place.stop}\n"
    place.extra = f"\n{section}settle_hours = 0\n"
    furnished = place.furnish(logs)
    # Without a luigid, which the kills of luigi itself have.
    cfg = folder / "luigi.cfg"
    text = cfg.read_text().replace("scheduler_host = localhost\n", "")
    cfg.write_text(text.replace("scheduler_port = 8082\n", ""))
    return furnished


def _fill(bucket: Path) -> Path:
    bucket.mkdir()
    for number in range(DAYS):
        day = Place.start + number * dt.timedelta(1)
        name = f"{day}-13-00-00-ABCDEF0123456789"
        lines = [LINE.format(day=day, second=second) for second in range(9)]
        (bucket / name).write_text("".join(lines))
    return bucket


def _kill(place: Place, chance: random.Random) -> None:
    """Start a run, and kill it with its children after some line of its output."""
    with place.launch("--verbose", program=RUN) as process:
        lines = count_lines(process)
        wanted = chance.randint(1, 4 * LAST_LINE)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and len(lines) < wanted:
            assert time.monotonic() < deadline, lines[-20:]
            time.sleep(0.01)
        end(process, chance.choice(SIGNALS))
        end(process, signal.SIGKILL)


def test_both_sources_are_as_one_run_would_have_left_them(tmp_path: Path) -> None:
    chance = random.Random()
    logs, bucket = write_logs(tmp_path / "logs", DAYS, 20), _fill(tmp_path / "bucket")
    undisturbed = _place(tmp_path / "undisturbed", logs, bucket)
    code, screen = undisturbed.command("run")
    assert code == DONE, screen
    expected = contents.of_database(undisturbed.database)
    sources = {row[1] for row in expected["usage_metrics_partitions"]}
    assert sources == {"datasette", "s3"}
    place = _place(tmp_path / "killed", logs, bucket)
    for _ in range(KILLS):
        _kill(place, chance)
    code, screen = place.command("run")
    assert code == DONE, screen
    files = contents.of_files(undisturbed.root)
    assert not contents.differences(contents.of_files(place.root), files)
    assert not contents.differences(contents.of_database(place.database), expected)
    assert sorted(path.name for path in place.root.glob("report/*.html")) == [
        "datasette.html",
        "index.html",
        "s3.html",
    ]
    code, screen = place.command("check")
    assert code == DONE, screen
