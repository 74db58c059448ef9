"""The cache of answers: nothing paid for is lost, whatever happens to the file."""

import contextlib
import gc
import logging
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage_metrics.errors import StorageError
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.geocode.page_file import KINDS, PageFile, best_kind, has_kind
from usage_metrics.partitions import storage

AVAILABLE = [kind for kind in KINDS if has_kind(kind)]
ANSWER = '{"city": "Zürich", "nested": {"numbers": [1, 2.5, null]}}'

Run = Callable[..., subprocess.Popen[str]]

each_kind = pytest.mark.parametrize("kind", AVAILABLE)


# dbm.sqlite3 of Python 3.13 does not close a file that it finds damaged; see
# the fixture ``closed``.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*unclosed database:ResourceWarning",
    "ignore:.*sqlite3.Connection:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(autouse="sqlite3" in AVAILABLE)
def closed() -> Iterator[None]:
    """Close what dbm.sqlite3 left open, within the test that caused it."""
    yield
    gc.collect()


@pytest.fixture(params=AVAILABLE)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> LockedShelf:
    return LockedShelf(tmp_path / "cache" / "ipinfo", request.param)


def fill(shelf: LockedShelf, *batches: list[str]) -> None:
    with shelf.open() as answers:
        for batch in batches:
            answers.update(dict.fromkeys(batch, ANSWER))
            answers.sync()


def content(shelf: LockedShelf) -> dict[str, str]:
    with shelf.open() as answers:
        return dict(answers)


def files(shelf: LockedShelf) -> list[Path]:
    return sorted(shelf.path.parent.iterdir())


@pytest.fixture
def run() -> Iterator[Run]:
    """Start Python processes, which end with the test at the latest."""
    with contextlib.ExitStack() as stack:

        def start(code: str, *args: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


# What is kept


def test_answers_are_there_for_the_next_run(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8", "2001:4860:4860::8888"])
    assert content(shelf) == {"8.8.8.8": ANSWER, "2001:4860:4860::8888": ANSWER}


def test_a_later_answer_replaces_an_earlier_one(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8", "9.9.9.9"])
    with shelf.open() as answers:
        answers["8.8.8.8"] = "newer"
    assert content(shelf) == {"8.8.8.8": "newer", "9.9.9.9": ANSWER}


def test_a_forgotten_address_is_gone_from_every_page(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8", "9.9.9.9"], ["8.8.8.8"])
    assert shelf.forget(lambda page: page.keys() & {"8.8.8.8"}) == 2
    assert content(shelf) == {"9.9.9.9": ANSWER}


def test_setting_a_default_does_not_replace_what_is_kept(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8"])
    with shelf.open() as answers:
        assert answers.setdefault("8.8.8.8", "other") == ANSWER


def test_expired_answers_are_not_seen(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8"])
    with shelf.open(is_expired=lambda answer: answer == ANSWER) as answers:
        assert list(answers) == []


def test_a_batch_leaves_the_file_when_all_of_it_has_expired(shelf: LockedShelf) -> None:
    fill(shelf, ["8.8.8.8", "9.9.9.9"])
    with shelf.open() as answers:
        answers["1.1.1.1"] = "newer"
    with shelf.open(is_expired=lambda answer: answer == ANSWER) as answers:
        assert len(answers) == 1
    assert content(shelf) == {"1.1.1.1": "newer"}


def test_an_exception_of_the_user_keeps_what_was_set_before_it(
    shelf: LockedShelf,
) -> None:
    def interrupted() -> None:
        with shelf.open() as answers:
            answers["8.8.8.8"] = ANSWER
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content(shelf) == {"8.8.8.8": ANSWER}


def test_files_are_for_the_owner_alone(shelf: LockedShelf) -> None:
    old = os.umask(0)
    try:
        fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    finally:
        os.umask(old)
    assert files(shelf)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(shelf)} == {0o600}


def test_the_name_says_the_kind_so_that_python_versions_never_share_a_file(
    tmp_path: Path,
) -> None:
    assert LockedShelf(tmp_path / "ipinfo", "dumb").path.name == "ipinfo.dumb"
    assert LockedShelf(tmp_path / "ipinfo").path.name == f"ipinfo.{best_kind()}"


@pytest.mark.skipif(len(AVAILABLE) < 2, reason="this Python has one kind of dbm only")
def test_a_python_with_a_better_dbm_takes_over_the_answers_of_the_older(
    tmp_path: Path,
) -> None:
    fill(LockedShelf(tmp_path / "ipinfo", AVAILABLE[-1]), ["8.8.8.8"])
    assert content(LockedShelf(tmp_path / "ipinfo")) == {"8.8.8.8": ANSWER}


# Damaged files


def damage(shelf: LockedShelf, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of every file that holds answers."""
    for file in files(shelf):
        if file.suffix != ".lock":
            file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: b"garbage " * 1000, id="garbage"),
        pytest.param(lambda data: b"\0" * len(data), id="zeros"),
        pytest.param(lambda data: data[: len(data) // 3], id="truncated"),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_next_run_is_persistent(
    shelf: LockedShelf,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[bytes], bytes],
) -> None:
    fill(shelf, [f"8.8.{n}.1" for n in range(50)], ["9.9.9.9"])
    damage(shelf, change)
    with caplog.at_level(logging.WARNING):
        assert "9.9.9.9" not in content(shelf)
    assert "damaged" in caplog.text
    assert any(".corrupt-" in file.name for file in files(shelf))
    fill(shelf, ["1.1.1.1"])
    assert "1.1.1.1" in content(shelf)


def test_what_is_set_aside_or_deleted_stays_so_if_the_power_is_lost(
    shelf: LockedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shelf, ["8.8.8.8"])
    synced: list[Path] = []
    monkeypatch.setattr(storage, "sync_folder", synced.append)
    file = PageFile(shelf.path, shelf.kind)
    folder = shelf.path.parent
    file.put_back(file.set_aside())
    assert synced == [folder] * 2, "nothing was started since"
    file.set_aside()
    assert file.delete_set_aside()
    assert synced == [folder] * 4
    assert not file.exists()


def test_empty_files_are_a_new_cache(shelf: LockedShelf) -> None:
    shelf.path.parent.mkdir()
    for suffix in ("", ".dat", ".dir") if shelf.kind == "dumb" else ("",):
        shelf.path.with_name(shelf.path.name + suffix).touch()
    fill(shelf, ["8.8.8.8"])
    assert content(shelf) == {"8.8.8.8": ANSWER}


def test_a_flipped_bit_costs_one_batch_and_not_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = LockedShelf(tmp_path / "ipinfo", "dumb")
    fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    data = tmp_path / "ipinfo.dumb.dat"
    data.write_bytes(data.read_bytes()[:20] + b"\xff" + data.read_bytes()[21:])
    assert content(shelf) == {"9.9.9.9": ANSWER}
    assert "1 answers that are in memory" in caplog.text
    assert content(shelf) == {"9.9.9.9": ANSWER}


def test_an_index_that_was_lost_is_not_taken_for_an_empty_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = LockedShelf(tmp_path / "ipinfo", "dumb")
    fill(shelf, ["8.8.8.8"])
    (tmp_path / "ipinfo.dumb.dir").write_bytes(b"")
    assert content(shelf) == {}
    assert "its index is empty" in caplog.text


@pytest.mark.parametrize("rest", [None, b"", b"'00000001', (0, 1"])
def test_an_index_cut_off_in_mid_commit_is_restored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rest: bytes | None
) -> None:
    shelf = LockedShelf(tmp_path / "ipinfo", "dumb")
    fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    index = tmp_path / "ipinfo.dumb.dir"
    index.rename(tmp_path / "ipinfo.dumb.bak")
    if rest is not None:
        index.write_bytes(rest)
    assert len(content(shelf)) == 2
    assert not caplog.text


def test_an_index_line_cut_off_by_a_full_disk_costs_that_batch_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = LockedShelf(tmp_path / "ipinfo", "dumb")
    fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    index = tmp_path / "ipinfo.dumb.dir"
    os.truncate(index, index.stat().st_size - 5)
    assert content(shelf) == {"8.8.8.8": ANSWER}
    assert "last page, half written" in caplog.text


@each_kind
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_damage_to_a_file_invents_an_answer_or_stops_a_run(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    shelf = LockedShelf(tmp_path / f"cache{os.urandom(8).hex()}" / "ipinfo", kind)
    fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    damaged = data.draw(st.sampled_from([f for f in files(shelf) if f.stat().st_size]))
    content_ = bytearray(damaged.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content_[data.draw(st.integers(0, len(content_) - 1))] = data.draw(
            st.integers(0, 255)
        )
    damaged.write_bytes(content_[: data.draw(st.integers(0, len(content_)))])
    assert content(shelf).items() <= {"8.8.8.8": ANSWER, "9.9.9.9": ANSWER}.items()
    fill(shelf, ["1.1.1.1"])
    assert content(shelf)["1.1.1.1"] == ANSWER


# Kills, full disks, forks, several processes

WRITER = """
    import itertools, sys
    from pathlib import Path
    from usage_metrics.geocode.cache import LockedShelf

    with LockedShelf(Path(sys.argv[1]), sys.argv[2]).open() as answers:
        for batch in itertools.count():
            answers.update({f"{batch}/{n}": "x" * 500 for n in range(50)})
            answers.sync()
            print(batch, flush=True)
"""


def test_a_kill_loses_no_batch_that_was_written(shelf: LockedShelf, run: Run) -> None:
    writer = run(WRITER, shelf.path.with_suffix(""), shelf.kind)
    written = [int(line(writer)) for _ in range(40)][-1]
    writer.send_signal(signal.SIGKILL)
    written = [written, *map(int, writer.communicate()[0].split())][-1]
    kept = content(shelf)
    assert {f"{b}/{n}" for b in range(written + 1) for n in range(50)} <= kept.keys()
    assert len(kept) % 50 == 0
    assert not any(".corrupt-" in file.name for file in files(shelf))


def test_a_full_disk_is_an_error_and_leaves_what_was_there(
    shelf: LockedShelf, run: Run
) -> None:
    fill(shelf, ["8.8.8.8"])
    size = max(file.stat().st_size for file in files(shelf))
    writer = run(
        """
        import random, resource, sys
        from pathlib import Path
        from usage_metrics.errors import StorageError
        from usage_metrics.geocode.cache import LockedShelf

        limit = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            with LockedShelf(Path(sys.argv[1]), sys.argv[2]).open() as answers:
                answers["9.9.9.9"] = random.randbytes(100_000).hex()
        except StorageError as error:
            print(error)
        """,
        shelf.path.with_suffix(""),
        shelf.kind,
        size + 2000,
    )
    said = writer.communicate()[0]
    assert said.startswith(f"the cache {shelf.path} cannot be used: ")
    assert "make room" in said
    assert content(shelf) == {"8.8.8.8": ANSWER}
    assert not any(".corrupt-" in file.name for file in files(shelf))


def test_a_damaged_file_stays_where_it_is_while_the_disk_is_full(
    shelf: LockedShelf, run: Run
) -> None:
    fill(shelf, ["8.8.8.8"], ["9.9.9.9"])
    with PageFile(shelf.path, shelf.kind).open() as pages:
        pages["00000002"] = b"garbage"
    reader = run(
        """
        import resource, sys
        from pathlib import Path
        from usage_metrics.errors import StorageError
        from usage_metrics.geocode.cache import LockedShelf

        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        try:
            with LockedShelf(Path(sys.argv[1]), sys.argv[2]).open() as answers:
                print(sorted(answers))
        except StorageError as error:
            print(error)
        """,
        shelf.path.with_suffix(""),
        shelf.kind,
    )
    assert "cannot be used" in reader.communicate()[0]
    assert not any(".corrupt-" in file.name for file in files(shelf))
    assert content(shelf) == {"8.8.8.8": ANSWER}


def test_a_forked_child_does_not_keep_the_cache_locked(
    shelf: LockedShelf, run: Run
) -> None:
    parent = run(
        """
        import os, signal, sys
        from pathlib import Path
        from usage_metrics.geocode.cache import LockedShelf

        signal.alarm(20)
        shelf = LockedShelf(Path(sys.argv[1]), sys.argv[2])
        with shelf.open() as answers:
            answers["8.8.8.8"] = "kept"
            answers.sync()
            if os.fork() == 0:
                os.close(1)
                sys.stdin.read()
                os._exit(0)
            answers["9.9.9.9"] = "kept"
        with shelf.open() as answers:
            print(sorted(answers), flush=True)
        """,
        shelf.path.with_suffix(""),
        shelf.kind,
    )
    assert line(parent) == "['8.8.8.8', '9.9.9.9']\n"
    parent.communicate()


def test_a_second_run_waits_for_the_first(shelf: LockedShelf, run: Run) -> None:
    with shelf.open() as answers:
        second = run(
            """
            import logging, sys
            from pathlib import Path
            from usage_metrics.geocode.cache import LockedShelf

            logging.basicConfig(stream=sys.stdout, level="INFO", format="%(message)s")
            with LockedShelf(Path(sys.argv[1]), sys.argv[2]).open() as answers:
                print(sorted(answers))
            """,
            shelf.path.with_suffix(""),
            shelf.kind,
        )
        assert "waiting for a run that uses ipinfo's cache (process" in line(second)
        answers["8.8.8.8"] = ANSWER
    assert second.communicate()[0] == "['8.8.8.8']\n"


def test_a_place_that_cannot_be_written_is_an_error_that_names_the_setting(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    shelf = LockedShelf(tmp_path / "file" / "ipinfo")
    with pytest.raises(StorageError, match=r"cannot be locked.*\[ipinfo\] cache"):
        fill(shelf, ["8.8.8.8"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error_and_sets_nothing_aside(
    shelf: LockedShelf,
) -> None:
    fill(shelf, ["8.8.8.8"])
    before = files(shelf)
    shelf.path.parent.chmod(0o500)
    for file in before:
        file.chmod(0o400)
    with pytest.raises(StorageError, match="cannot be"):
        fill(shelf, ["9.9.9.9"])
    shelf.path.parent.chmod(0o700)
    assert files(shelf) == before


def test_a_file_that_cannot_be_opened_is_an_error_and_not_damage(
    tmp_path: Path,
) -> None:
    for suffix in ("", ".dat"):
        (tmp_path / f"ipinfo.{best_kind()}{suffix}").mkdir()
    with pytest.raises(StorageError, match="give write permission"):
        content(LockedShelf(tmp_path / "ipinfo"))
    assert not any(".corrupt-" in file.name for file in tmp_path.iterdir())


def test_nothing_is_pickled(shelf: LockedShelf) -> None:
    """A cache file that somebody else wrote can run no code."""
    fill(shelf, ["8.8.8.8"])
    with (
        pytest.raises(TypeError, match="expected str"),
        shelf.open() as answers,
    ):
        answers["9.9.9.9"] = object()  # type: ignore[assignment]


def test_what_a_kill_left_in_the_journal_can_be_forgotten(shelf: LockedShelf) -> None:
    with shelf.open() as answers:
        answers.keep({"1.1.1.1": "one", "8.8.8.8": "eight"})
        assert shelf._journal.exists()
        left = shelf._journal.path.read_bytes()
    shelf._journal.path.write_bytes(left + b"0000 9.9.9.9 cut o")
    assert shelf.forget(lambda page: [a for a in page if a == "1.1.1.1"])
    assert not shelf._journal.exists()
    assert content(shelf) == {"8.8.8.8": "eight"}
