"""Two runs at the same time: equal results, and no address is paid for twice."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from ipinfo_server import TOKEN, IpinfoServer

from faults import contents
from faults.place import ASK_AGAIN, DONE, PATIENCE, Place, luigid, write_logs

DAYS = 3
LOAD = ("LoadSQLite", "--no-lock")


@pytest.fixture
def ipinfo() -> Iterator[IpinfoServer]:
    with IpinfoServer() as server:
        server.delay = 0.02
        yield server


def _place(folder: Path, logs: Path, server: IpinfoServer) -> Place:
    return Place(
        folder,
        days=DAYS,
        extra=f"\n[geocode]\nprovider = ipinfo\n\n[ipinfo]\nendpoint = {server.url}\n",
        environment={"IPINFO_TOKEN": TOKEN},
    ).furnish(logs)


def _range(place: Place, first: int, last: int) -> list[str]:
    """The arguments for some of the days."""
    days = [f"{place.start.replace(day=place.start.day + n)}" for n in (first, last)]
    return ["RangeDaily", "--of", "Geocode", "--start", days[0], "--stop", days[1]]


@pytest.mark.parametrize(
    ("scheduler", "beside"),
    [
        ("local", "the same"),
        ("local", "an overlapping range"),
        ("luigid", "an overlapping range"),
    ],
)
def test_two_at_once_leave_what_one_leaves_and_ask_about_each_address_once(
    tmp_path: Path, ipinfo: IpinfoServer, scheduler: str, beside: str
) -> None:
    logs = write_logs(tmp_path / "logs", DAYS, requests=60)
    place = _place(tmp_path / "both", logs, ipinfo)
    other = LOAD if beside == "the same" else [*_range(place, 1, 4), "--no-lock"]
    with luigid(place) if scheduler == "luigid" else nullcontext() as port:
        where = ["--scheduler-port", str(port)] if port else ["--local-scheduler"]
        with place.launch(*LOAD, *where) as first, place.launch(*other, *where) as two:
            screens = [p.communicate(timeout=PATIENCE)[0] for p in (first, two)]
        codes = {first.returncode, two.returncode}
        assert codes <= ({DONE} if port is None else {DONE, *ASK_AGAIN}), screens
        for screen in screens:
            assert "Traceback" not in screen
            assert "ERROR" not in screen
        for command in (LOAD, other):
            code, screen = place.run_to_the_end(*command, *where)
            assert code == DONE, screen

    assert ipinfo.asked
    assert set(ipinfo.asked.values()) == {1}

    alone = _place(tmp_path / "alone", logs, ipinfo)
    for command in (LOAD, other):
        assert alone.run(*command, "--local-scheduler")[0] == DONE
    found, expected = contents.of_files(place.root), contents.of_files(alone.root)
    assert contents.differences(found, expected) == []
    held = contents.of_database(place.database)
    assert contents.differences(held, contents.of_database(alone.database)) == []
