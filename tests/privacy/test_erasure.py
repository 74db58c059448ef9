"""An erased address is nowhere, and everything else is unchanged."""

import contextlib
import datetime as dt
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.fs as pafs
import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from forensics import places_of
from ipinfo_server import TOKEN, IpinfoServer
from project import SAMPLE_REGISTRY, Settings
from s3_server import S3Server, start_s3_server  # noqa: F401

from usage_metrics import config
from usage_metrics.commands import main
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import kept
from usage_metrics.partitions.footer_index import MADE_BY, FooterIndex
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.platforms import Reply, archive, get_platform
from usage_metrics.privacy.erasure import erase_addresses, stages
from usage_metrics.privacy.removal import AddressRemover
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.snapshots import LoadSnapshots
from usage_metrics.tasks.staleness import Staleness

VICTIMS = ("192.0.2.7", "8.8.4.4", "2001:db8::ab:cd", "2001:4860:4860::8844")
NEIGHBOURS = ("192.0.2.99", "8.8.8.8", "2001:db8::ff")
MONTH = DAY.replace(day=1)


def traces(address: str, number: int) -> list[dict[str, Any] | str]:
    """Log lines that hold an address in every possible way."""
    mapped = f"::ffff:{address}" if "." in address else address.upper()
    escaped = quote(address, safe="").replace(".", "%2E")
    tilded = escaped.replace("%", "~")
    host = address.replace(".", "-") if "." in address else "host"
    entry = request(
        f"a{number}",
        clock=f"12:00:0{number}",
        remoteIp=address,
        serverIp="198.51.100.1",
        requestUrl=f"https://data.example/pudl/plants.json?ip={escaped}&n=1",
        referer=f"https://{host}.example/?from={mapped}",
        userAgent=f"curl/8.0 ({address})",
    )
    by_other = request(
        f"b{number}",
        clock=f"13:00:0{number}",
        remoteIp="8.8.8.8",
        requestUrl=f"https://data.example/ferc1/x.csv?about={tilded}",
        referer=f"http://{address if '.' in address else f'[{address}]'}/page",
    )
    return [
        entry | {"textPayload": f"{address} left", "trace": f"t/{address}/1"},
        by_other | {"labels": {"instanceId": address, "seenFrom": mapped}},
        request(f"c{number}", clock=f"14:00:0{number}", remoteIp=mapped),
        {key: value for key, value in entry.items() if key != "insertId"},
        f"no JSON, but {address}",
    ]


@pytest.fixture
def server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IpinfoServer]:
    monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
    with IpinfoServer() as found:
        for victim in VICTIMS:
            host = victim.replace(".", "-").replace(":", "-")
            found.replies[victim] = {
                "ip": victim,
                "hostname": f"{host}.example",
                "country": "US",
                "loc": "1.2345,6.7890",
                "org": "AS64500 Example",
            }
        yield found


@pytest.fixture
def lived_in(
    flow: Flow, settings: Settings, server: IpinfoServer, quick_reports: None
) -> Flow:
    """A folder after many kinds of runs."""
    settings("counting", datasets=SAMPLE_REGISTRY)
    settings("datasette", maximum_rejected_share=1)
    settings("geocode", provider="ipinfo")
    settings(
        "ipinfo", plan="full", endpoint=server.url, cache=flow.root / "cache/ipinfo"
    )
    settings("database", path=flow.root / "usage.db", busy_seconds=5)
    settings("run_log", path=flow.root / "runs.jsonl")
    settings("datasette", start=DAY, stop=DAY + 2 * ONE_DAY)
    return flow


def fill(flow: Flow) -> None:
    """Do many kinds of runs in a folder."""
    fill_once(flow, f"much-{config.privacy().addresses}", _fill)


def _fill(flow: Flow) -> None:
    lines = [line for n, a in enumerate(VICTIMS) for line in traces(a, n)]
    others = [
        request(f"z{n}", clock=f"15:00:0{n}", remoteIp=address)
        for n, address in enumerate(NEIGHBOURS)
    ]
    flow.export(DAY, *lines, *others)
    flow.export(DAY + ONE_DAY, request("y", DAY + ONE_DAY, remoteIp=VICTIMS[0]))
    flow.export(DAY + 2 * ONE_DAY)
    made = flow.build(LoadUsage(), CounterReport(month=MONTH), Report())
    assert made.scheduling_succeeded
    for victim in VICTIMS:
        run_log.append({"task": "Geocode", "reason": f"{victim} was odd"})


def everything(flow: Flow) -> dict[str, Any]:
    """All counts, of files and tables."""
    with contextlib.closing(sqlite3.connect(flow.root / "usage.db")) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        ]
        counts = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in tables
        }
        sums = connection.execute(
            "SELECT sum(requests), sum(counted), sum(unique_visitors) FROM usage_daily"
        ).fetchone()
    rows = {
        (stage, day): flow.facts(stage, day)["rows"]
        for stage in stages()
        for day in list_partitions(str(flow.root), stage, "datasette")
    }
    return {"tables": counts, "sums": sums, "rows": rows}


def erase(*addresses: str) -> list[str]:
    return [place for place, _ in erase_addresses(AddressRemover(addresses))]


@pytest.mark.parametrize("mode", ["keep", "truncate"])
def test_an_erased_address_is_nowhere_and_no_count_has_changed(
    lived_in: Flow,
    settings: Settings,
    mode: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings("privacy", addresses=mode)
    fill(lived_in)
    for victim in VICTIMS:
        found = places_of(victim, lived_in.root)
        stages_of = {place.partition("/")[0] for place in found}
        assert {"raw", "rejected", "cleaned", "runs.jsonl"} <= stages_of
        assert "usage.db" in stages_of or mode == "truncate"
        assert "report" in stages_of or mode == "truncate" or ":" in victim
    before = everything(lived_in)
    assert main(["erase", "--yes", *(f"--address={victim}" for victim in VICTIMS)]) == 0
    for victim in VICTIMS:
        assert places_of(victim, lived_in.root) == []
    for neighbour in NEIGHBOURS:
        assert places_of(neighbour, lived_in.root) != []
    assert everything(lived_in) == before
    capsys.readouterr()
    main(["check"])
    assert ", 0 damaged" in capsys.readouterr().out


def test_sums_that_a_report_has_kept_go_with_an_address(lived_in: Flow) -> None:
    fill(lived_in)
    sums = lived_in.root / f"{kept.SUMS}-datasette"
    assert sums.exists()
    erase(VICTIMS[0])
    assert not sums.exists()


@pytest.mark.parametrize("name", [kept.FOOTERS, f"{kept.DAYS_OF_FILES}-0123"])
def test_a_file_that_saves_work_is_ours_whatever_bytes_its_seal_has(
    lived_in: Flow, name: str
) -> None:
    fill(lived_in)
    file = lived_in.root / name
    for number in range(10_000):
        kept.keep(name, MADE_BY, f'{{"192.0.2.7 {number}": {{}}}}'.encode())
        if b"\0" in file.read_bytes():
            break
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    assert kept.read(name, MADE_BY) is None
    assert places_of("192.0.2.7", lived_in.root) == []


def test_what_platforms_told_of_an_address_is_erased_and_so_is_the_copy_of_it(
    flow: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = flow.folder / "copy"
    settings("snapshots", copy=copy)
    sites = [{"referrer": "192.0.2.7", "count": 2, "uniques": 1}]
    noon = dt.datetime.combine(DAY, dt.time(12), dt.UTC)
    about = (noon, "example/data", "referrers", "", 200, None, json.dumps(sites))
    for root in (flow.root, copy):
        raw = Partition(str(root), archive.STAGE, "github", DAY)
        archive.keep(raw, get_platform("github"), [Reply(*about, complete=True)], 0)
    kept.keep(f"{kept.SUMS}-index", MADE_BY, b"packed")

    def load() -> set[str]:
        task = LoadSnapshots(source="github")
        task.requires().run_within()
        task.run_within()
        return set(re.findall("raw|observations|usage.db|copy", str(found())))

    def found() -> list[str]:
        return places_of("192.0.2.7", flow.folder)

    assert load() == {"raw", "observations", "usage.db", "copy"}
    assert main(["erase", "--dry-run", "--address", "192.0.2.7"]) == 0
    assert f"raw of github in {copy}: 1 file, {DAY}" in capsys.readouterr().out
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    assert found() == []
    load()
    assert found() == [], "what is read again does not bring it back"
    assert flow.query("SELECT name FROM snapshot_observations LIMIT 1") == [(None,)]
    assert not [*flow.root.glob(f"{kept.SUMS}*")]


def test_after_an_erasure_all_is_complete_and_a_run_restores_nothing(
    lived_in: Flow,
) -> None:
    fill(lived_in)
    before = everything(lived_in)
    erase(*VICTIMS)
    assert LoadSQLite().complete()
    assert LoadUsage().complete()
    assert CounterReport(month=MONTH).complete()
    assert Report().complete()
    assert not any(Staleness("datasette", FooterIndex()).stale().values())
    assert lived_in.build(LoadUsage()).scheduling_succeeded
    assert everything(lived_in) == before
    for victim in VICTIMS:
        assert places_of(victim, lived_in.root) == []


@pytest.mark.parametrize("stage", ["cleaned", "geocoded", "counted"])
def test_a_file_rebuilt_from_an_erased_one_does_not_have_the_address(
    lived_in: Flow, stage: str
) -> None:
    fill(lived_in)
    erase(*VICTIMS)
    for made in ("cleaned", "geocoded", "counted")[
        ("cleaned", "geocoded", "counted").index(stage) :
    ]:
        lived_in.delete(made)
    assert lived_in.build(LoadUsage()).scheduling_succeeded
    assert LoadUsage().complete()
    for victim in VICTIMS:
        assert places_of(victim, lived_in.root) == []


def test_a_network_is_erased_with_all_of_its_addresses(lived_in: Flow) -> None:
    fill(lived_in)
    erase("192.0.2.0/24", "2001:db8::/32")
    for address in ("192.0.2.7", "192.0.2.99", "2001:db8::ab:cd", "2001:db8::ff"):
        assert places_of(address, lived_in.root / "raw") == []
        assert places_of(address, lived_in.root / "rejected") == []
    assert places_of("8.8.4.4", lived_in.root) != []


def test_erasing_again_finds_nothing_and_changes_nothing(lived_in: Flow) -> None:
    fill(lived_in)
    assert erase(*VICTIMS)
    before = {path: path.read_bytes() for path in lived_in.root.rglob("*.parquet")}
    assert erase(*VICTIMS) == []
    assert {p: p.read_bytes() for p in lived_in.root.rglob("*.parquet")} == before


def test_an_erasure_interrupted_at_every_file_is_completed_by_the_next(
    lived_in: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    fill(lived_in)
    before = everything(lived_in)
    interrupted = 0
    while next(erase_addresses(AddressRemover(VICTIMS)), None) is not None:
        interrupted += 1
        # A run that comes between makes nothing again without the addresses.
        assert CountUsage(date=DAY).complete()
        assert Counts("datasette").is_added_up(DAY)
        assert not any(Staleness("datasette", FooterIndex()).stale().values())
    assert interrupted > 10
    for victim in VICTIMS:
        assert places_of(victim, lived_in.root) == []
    assert LoadUsage().complete()
    assert everything(lived_in) == before


def test_an_erasure_looks_again_and_names_what_came_back(
    lived_in: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    assert "Looked again: no file and no table of ours contains it" in (
        capsys.readouterr().out
    )
    page = lived_in.root / "report" / "note.txt"

    def erasing(remover: AddressRemover) -> Iterator[Any]:
        yield from erase_addresses(remover)
        page.write_text("192.0.2.7")  # by a program that knows no lock of ours

    monkeypatch.setattr("usage_metrics.privacy.erasure.erase_addresses", erasing)
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 1
    assert f"still in {page}: erase once more" in capsys.readouterr().err


def test_what_is_behind_links_is_erased_and_the_links_are_named(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    elsewhere = lived_in.folder / "elsewhere"
    raw = Path(lived_in.partition("raw").path).relative_to(lived_in.root)
    moved = ["runs.jsonl", "report", "rejected", str(raw)]
    for number, name in enumerate(moved):
        target = elsewhere / str(number) / Path(name).name
        target.parent.mkdir(parents=True)
        shutil.move(lived_in.root / name, target)
        (lived_in.root / name).symlink_to(target)
    (lived_in.root / "again").symlink_to(lived_in.root, target_is_directory=True)
    (elsewhere / "1" / "report" / "note.txt").write_text("192.0.2.7")
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    said = capsys.readouterr().out
    assert places_of("192.0.2.7", elsewhere) == []
    assert places_of("192.0.2.7", lived_in.root) == []
    for number, name in enumerate(moved):
        assert (lived_in.root / name).is_symlink()
        assert f"by a link to {elsewhere / str(number)}" in said
    capsys.readouterr()
    main(["check"])
    assert ", 0 damaged" in capsys.readouterr().out


def test_what_reveals_an_address_is_erased_with_it(
    lived_in: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    fill(lived_in)
    erase("8.8.4.4")
    sql = (
        "SELECT remote_ip, remote_ip_hostname, remote_ip_latitude, remote_ip_org "
        "FROM datasette_request_logs WHERE insert_id = ?"
    )
    with contextlib.closing(sqlite3.connect(lived_in.root / "usage.db")) as connection:
        assert connection.execute(sql, ["a1"]).fetchall() == [
            (None, None, None, "AS64500 Example")
        ]
        (other,) = connection.execute(sql, ["z1"]).fetchall()
    (row,) = [
        r for r in lived_in.table("geocoded").to_pylist() if r["insert_id"] == "a1"
    ]
    assert row["remote_ip"] is row["remote_ip_hostname"] is None
    assert row["request_url"].startswith("https://data.example/pudl/plants.json?ip=")
    assert other[1:3] == ("dns.google", 37.4056)


def test_pages_that_were_freed_and_the_log_of_the_database_hold_nothing(
    lived_in: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    fill(lived_in)
    database = lived_in.root / "usage.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM datasette_request_logs")
        connection.execute("DELETE FROM usage_metrics_partitions")
        connection.commit()
        # A run that is killed leaves its log behind.
        shutil.copy(f"{database}-wal", lived_in.root / "copy-wal")
    (lived_in.root / "copy-wal").rename(f"{database}-wal")
    assert [p for p in places_of("192.0.2.7", lived_in.root) if "usage.db" in p]
    erase("192.0.2.7")
    assert [p for p in places_of("192.0.2.7", lived_in.root) if "usage.db" in p] == []


def test_a_database_in_use_is_reported_and_the_next_erasure_completes_it(
    lived_in: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("privacy", addresses="keep")
    fill(lived_in)
    settings("database", busy_seconds=0.1)
    reader = sqlite3.connect(lived_in.root / "usage.db", isolation_level=None)
    with contextlib.closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM usage_daily").fetchone()
        assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 2
        assert "close what uses it" in capsys.readouterr().err
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    assert places_of("192.0.2.7", lived_in.root) == []
    assert LoadUsage().complete()


def test_a_file_in_an_unknown_format_is_named_and_left_to_its_owner(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    notes, picture = lived_in.root / "notes.txt", lived_in.root / "picture.bin"
    notes.write_text("192.0.2.7 called")
    notes.chmod(0o600)
    picture.write_bytes(b"\0\1 192.0.2.7 \0")
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 1
    assert f"{picture}: contains the address but is not ours" in capsys.readouterr().out
    assert notes.read_text() == "address-removed called"
    assert notes.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_writer_left_goes_as_well(lived_in: Flow) -> None:
    fill(lived_in)
    raw = Path(lived_in.partition("raw").folder)
    (raw / ".part-0.parquet.tmp-0abc").write_bytes(b"192.0.2.7")
    shelf = lived_in.root / "cache"
    (shelf / "ipinfo.dumb.dat.corrupt-1").write_bytes(b"8.8.4.4")
    erase("192.0.2.7", "8.8.4.4")
    assert places_of("192.0.2.7", lived_in.root) == []
    assert places_of("8.8.4.4", lived_in.root) == []


def test_a_cache_that_cannot_be_read_is_deleted(lived_in: Flow) -> None:
    fill(lived_in)
    for file in (lived_in.root / "cache").glob("ipinfo.*.dir"):
        file.write_bytes(b"")
    for file in (lived_in.root / "cache").glob("ipinfo.sqlite3"):
        file.write_bytes(b"8.8.4.4 is no database")
    erase("8.8.4.4")
    assert places_of("8.8.4.4", lived_in.root) == []
    assert places_of("8.8.8.8", lived_in.root / "cache") == []


def test_the_last_answer_goes_with_its_file(lived_in: Flow) -> None:
    fill(lived_in)
    erase("0.0.0.0/0", "::/0")
    left = {file.suffix for file in (lived_in.root / "cache").iterdir()}
    assert left == {".lock"}


def test_the_answers_about_others_are_kept(
    lived_in: Flow, server: IpinfoServer
) -> None:
    fill(lived_in)
    erase("8.8.4.4")
    asked = server.asked.copy()
    for stage in ("cleaned", "geocoded"):
        lived_in.delete(stage)
    lived_in.build(LoadSQLite())
    assert server.asked == asked, "nobody is asked for twice"


def test_what_is_in_an_object_store_is_erased_there(
    lived_in: Flow,
    settings: Settings,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(lived_in.folder)  # what cannot be in a store is kept here
    filesystem = s3_server.create("erased")
    settings("paths", root=s3_server.uri("erased").replace("%", "%%"))
    lived_in.export(DAY, *traces("8.8.4.4", 0))
    stop = DAY + ONE_DAY
    assert lived_in.build(LoadSQLite(start=DAY, stop=stop)).scheduling_succeeded
    with filesystem.open_output_stream("erased/report/notes.html") as notes:
        notes.write(b"<p>8.8.4.4</p>")
    copy = lived_in.folder / "copy"

    def found() -> set[str]:
        shutil.rmtree(copy, ignore_errors=True)
        pafs.copy_files("erased", str(copy), source_filesystem=filesystem)
        return {place.partition("/")[0] for place in places_of("8.8.4.4", copy)}

    assert found() == {"raw", "rejected", "cleaned", "report"}
    erase("8.8.4.4")
    assert found() == set()
    assert LoadSQLite(start=DAY, stop=stop).complete()


@pytest.mark.parametrize("text", ["192.0.2", "::g", "localhost", ""])
def test_what_is_no_address_is_refused(
    lived_in: Flow, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--yes", "--address", text]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{text!r} is no address and no network; write ")
    assert said.count("network") == 1, "nothing is said twice"


def test_an_address_within_a_network_is_not_taken_for_either(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--yes", "--address", "192.0.2.7/24"]) == 2
    assert (
        "write 192.0.2.7 to mean it alone, or 192.0.2.0/24 for the whole network"
    ) in capsys.readouterr().err


def test_it_says_that_the_logs_themselves_were_not_searched(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    said = capsys.readouterr().out
    assert lived_in.partition("raw").path in said
    assert f"The logs in {lived_in.logs} are yours and were not searched" in said
    assert said.count("were not searched") == 1, "of the sources that have logs"
    assert places_of("192.0.2.7", lived_in.logs) != []


# --- what is asked before -------------------------------------------------------------


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody is at the terminal, and types an answer."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda answer: monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))


def test_what_would_be_rewritten_is_shown_and_nothing_done_without_a_yes(
    lived_in: Flow,
    settings: Settings,
    at_a_terminal: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings("privacy", addresses="keep")
    fill(lived_in)
    before = {path: path.read_bytes() for path in lived_in.root.rglob("*.parquet")}
    at_a_terminal("n")
    assert main(["erase", "--address", "192.0.2.7"]) == 1
    said = capsys.readouterr().out
    assert "would rewrite raw of datasette: 2 files, 2026-03-02 … 2026-03-03" in said
    database = lived_in.root / "usage.db"
    assert f"{database}, datasette_request_logs: 4 rows of 2 days" in said
    assert "would rewrite counted of datasette: 1 file, 2026-03-02\n" in said
    assert f"would rewrite {lived_in.root}/runs.jsonl" in said
    assert said.endswith("Nothing was erased.\n")
    assert {p: p.read_bytes() for p in lived_in.root.rglob("*.parquet")} == before
    at_a_terminal("y")
    assert main(["erase", "--address", "192.0.2.7"]) == 0
    assert places_of("192.0.2.7", lived_in.root) == []


def test_the_name_of_a_file_gives_a_terminal_no_commands(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    flow.root.mkdir(exist_ok=True)
    file = flow.root / "notes\x1b[2J\u202e.txt"
    file.write_text("8.8.4.4 was here")
    assert main(["erase", "--address", "8.8.4.4", "--dry-run"]) == 0
    assert main(["erase", "--address", "8.8.4.4", "--yes"]) == 0
    said = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(said)
    assert said.count("notes\\x1b[2J\\u202e.txt") == 2


def test_a_dry_run_shows_it_and_asks_nobody(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    assert main(["erase", "--address", "8.8.4.4", "--dry-run"]) == 0
    assert (
        f"{lived_in.root}/cache/ipinfo: 1 answer of ipinfo" in capsys.readouterr().out
    )
    assert places_of("8.8.4.4", lived_in.root) != []
    assert main(["erase", "--address", "203.0.113.7", "--dry-run"]) == 0
    assert capsys.readouterr().out == "No file and no table contains it.\n"


def test_a_script_has_to_say_yes(
    lived_in: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lived_in)
    assert main(["erase", "--address", "192.0.2.7"]) == 2
    assert "this is no terminal: add --yes" in capsys.readouterr().err
    assert places_of("192.0.2.7", lived_in.root) != []


@pytest.mark.parametrize(
    ("network", "number"),
    [
        ("0.0.0.0/0", "4,294,967,296"),
        ("10.0.0.0/15", "131,072"),
        ("::ffff:0:0/96", "4,294,967,296"),
        ("2001:da8::/31", f"{2**97:,}"),
    ],
)
def test_a_network_of_a_whole_provider_is_taken_for_a_mistake(
    flow: Flow,
    at_a_terminal: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    network: str,
    number: str,
) -> None:
    flow.root.mkdir()
    at_a_terminal("y")
    assert main(["erase", "--address", network]) == 2
    assert f"has {number} addresses; if you mean" in capsys.readouterr().err
    assert main(["erase", "--yes", "--address", network]) == 0


@pytest.mark.parametrize("network", ["10.1.0.0/16", "2001:db8::/32"])
def test_networks_that_one_organisation_has_are_none(
    flow: Flow, at_a_terminal: Callable[[str], None], network: str
) -> None:
    flow.root.mkdir()
    at_a_terminal("y")
    assert main(["erase", "--address", network]) == 0
