"""Fixtures that several test modules share."""

import contextlib
import functools
import ipaddress
import logging
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import luigi
import pytest
from command import run_luigi, run_usage_metrics
from cpu_by_folder import CpuByFolder
from flow import Flow
from luigi.setup_logging import InterfaceLogging
from luigi.task_register import Register
from once import Once
from project import EVERY_PLACE, ROOT, Settings

from usage_metrics.monitoring import luigi_log
from usage_metrics.partitions.partition import left_over
from usage_metrics.tasks import availability

if TYPE_CHECKING:
    from chromium import Page

# A property is no less true on a busy machine.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail a test that resolves a name or connects to another machine."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    with contextlib.suppress(ValueError, TypeError):
        if ipaddress.ip_address(host).is_loopback or host in ("0.0.0.0", "::"):  # noqa: S104
            return
    if host not in (None, "", "localhost", b"localhost"):
        raise AssertionError(f"a test tries to reach {host!r}")


sys.addaudithook(_stay_on_this_machine)

# A shell has its background jobs ignore Ctrl-C, and so would the programs that tests
# start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that ``test_golden.py`` and ``cpu_by_folder.py`` explain."""
    parser.addoption(
        "--rewrite-golden", action="store_true", help="rewrite expected.json"
    )
    parser.addoption(
        "--cpu-by-folder", action="store_true", help="print what each folder takes"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Measure, if asked to."""
    if config.getoption("--cpu-by-folder"):
        config.pluginmanager.register(CpuByFolder())


@pytest.fixture(autouse=True)
def luigi_afresh() -> Iterator[None]:
    """Clear what Luigi and the package cache for the life of a process."""
    yield
    Register.clear_instance_cache()
    availability._open_reader.cache_clear()
    availability._read_otherwise.cache_clear()
    left_over.cache_clear()
    # Luigi's first run of a process prints to the stderr of that moment: a test's own.
    InterfaceLogging._configured = False
    luigi_log.log.handlers.clear()
    luigi_log.log.setLevel(logging.NOTSET)


@pytest.fixture
def settings(luigi_afresh: None) -> Iterator[Settings]:
    """Change settings for one test: ``settings("paths", root="data")``."""
    config = luigi.configuration.get_config()
    before: list[tuple[str, str, str | None]] = []

    def set_all(section: str, **values: object) -> None:
        for key, value in values.items():
            known = config.has_option(section, key)
            old = config.get(section, key, raw=True) if known else None
            before.append((section, key, old))
            # As if read from a file; set() would refuse a lone percent sign.
            lines = str(value).replace("\n", "\n    ")
            config.read_string(f"[{section}]\n{key} = {lines}\n")
        Register.clear_instance_cache()

    sections = set(config.sections())
    yield set_all
    for section, key, old in reversed(before):
        if old is None:
            config.remove_option(section, key)
        else:
            config.read_string(f"[{section}]\n{key} = {old}\n")
    for section in set(config.sections()) - sections:
        config.remove_section(section)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Fills a folder once for all workers."""
    return Once(tmp_path_factory)


@pytest.fixture(scope="session")
def sample(once: Once) -> Path:
    """A folder in which the report on the sample logs was written, as users do."""

    def fill(folder: Path) -> None:
        shutil.copy(ROOT / "luigi.cfg", folder)
        (folder / "data").mkdir()
        (folder / "data" / "sample_logs").symlink_to(ROOT / "data" / "sample_logs")
        command = ("--module", "usage_metrics", "Report", "--local-scheduler")
        done = run_luigi([*command], folder)
        assert done.returncode == 0, done.stderr

    return once.fill("sample", fill)


@pytest.fixture(scope="session")
def every_place(once: Once) -> Path:
    """A folder with the sample of every place, made and run as users do."""

    def fill(folder: Path) -> None:
        for words in EVERY_PLACE:
            done = run_usage_metrics(*words, folder=folder)
            assert done.returncode == 0, done.stderr

    return once.fill("every_place", fill)


@pytest.fixture(scope="session")
def quick_reports() -> Iterator[None]:
    """Build once what all reports share: Vega's script and the chart definitions.

    They take more than half of a report's time.
    """
    import vl_convert

    from usage_metrics.report import charts

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((vl_convert, "javascript_bundle"), (charts, "documents")):
            patch.setattr(module, name, functools.cache(getattr(module, name)))
        yield


@pytest.fixture(scope="session")
def shared_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Page"]:
    """The browser that the tests of a worker share."""
    from chromium import chromium

    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def browser(shared_browser: "Page") -> "Page":
    """The browser, showing nothing, without messages of earlier pages."""
    shared_browser.forget()
    return shared_browser


@pytest.fixture
def flow(tmp_path: Path, settings: Settings) -> Flow:
    """The pipeline in a folder of its own, without logs yet."""
    found = Flow(tmp_path)
    found.logs.mkdir()
    settings("datasette", logs=found.logs, lost_days="")
    settings("counting", datasets="")
    settings("paths", root=found.root)
    settings("database", path=found.database, busy_seconds=0.2)
    return found
