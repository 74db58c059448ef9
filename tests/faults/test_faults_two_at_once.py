"""Two runs at the same time: equal results, and no address is paid for twice."""

import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterator
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
    with _ipinfo() as server:
        yield server


@contextlib.contextmanager
def _ipinfo() -> Iterator[IpinfoServer]:
    with IpinfoServer() as server:
        server.delay = 0.02
        yield server


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_logs(tmp_path_factory.mktemp("two") / "logs", DAYS, requests=60)


@pytest.fixture(scope="module")
def alone(logs: Path) -> Callable[[str], Place]:
    """What one run leaves that is alone, and then another, if it is not the same."""

    @functools.cache
    def run(beside: str) -> Place:
        with _ipinfo() as server:
            place = _place(logs.with_name(beside), logs, server)
            for command in dict.fromkeys([LOAD, _other(place, beside)]):
                assert place.run(*command, "--local-scheduler")[0] == DONE
        return place

    return run


def _place(folder: Path, logs: Path, server: IpinfoServer) -> Place:
    return Place(
        folder,
        days=DAYS,
        extra=f"\n[geocode]\nprovider = ipinfo\n\n[ipinfo]\nendpoint = {server.url}\n",
        environment={"IPINFO_TOKEN": TOKEN},
    ).furnish(logs)


def _other(place: Place, beside: str) -> tuple[str, ...]:
    """What runs beside the first one."""
    if beside == "the same":
        return LOAD
    start, stop = (place.start + n * dt.timedelta(days=1) for n in (1, 4))
    days = ("--start", str(start), "--stop", str(stop))
    return ("RangeDaily", "--of", "Geocode", *days, "--no-lock")


@pytest.mark.parametrize(
    ("scheduler", "beside"),
    [
        ("local", "the same"),
        ("local", "an overlapping range"),
        ("luigid", "an overlapping range"),
    ],
)
def test_two_at_once_leave_what_one_leaves_and_ask_about_each_address_once(
    tmp_path: Path,
    logs: Path,
    alone: Callable[[str], Place],
    ipinfo: IpinfoServer,
    scheduler: str,
    beside: str,
) -> None:
    place = _place(tmp_path / "both", logs, ipinfo)
    other = _other(place, beside)
    with luigid(place) if scheduler == "luigid" else nullcontext() as port:
        where = ["--scheduler-port", str(port)] if port else ["--local-scheduler"]
        with place.launch(*LOAD, *where) as first, place.launch(*other, *where) as two:
            screens = [p.communicate(timeout=PATIENCE)[0] for p in (first, two)]
        codes = {first.returncode, two.returncode}
        assert codes <= ({DONE} if port is None else {DONE, *ASK_AGAIN}), screens
        for screen in screens:
            assert "Traceback" not in screen
            assert "ERROR" not in screen
        for command, process in ((LOAD, first), (other, two)):
            if process.returncode != DONE:
                code, screen = place.run_to_the_end(*command, *where)
                assert code == DONE, screen

    assert ipinfo.asked
    assert set(ipinfo.asked.values()) == {1}

    expected = alone(beside)
    found = contents.of_files(place.root)
    assert contents.differences(found, contents.of_files(expected.root)) == []
    held = contents.of_database(place.database)
    assert contents.differences(held, contents.of_database(expected.database)) == []
