"""Prints how much CPU time the tests of each folder took, with ``--cpu-by-folder``.

Programs that tests start count, too, once they have ended. What fixtures of a session
take counts for the test that needs them first.
"""

import os
from collections import defaultdict
from collections.abc import Generator

import pytest

PROPERTY = "cpu seconds"


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    return sum(os.times()[:4])


class CpuByFolder:
    """A plugin; with xdist, one in each worker, and one that adds up."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Note what a test has taken with its setup and teardown."""
        yield
        spent = cpu_seconds() - item.stash[STARTED]
        item.user_properties.append((PROPERTY, spent))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Note when a test starts."""
        item.stash[STARTED] = cpu_seconds()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up."""
        if report.when == "teardown":
            folder = report.nodeid.partition("::")[0].rpartition("/")[0]
            for name, value in report.user_properties:
                if name == PROPERTY and isinstance(value, float):
                    self.seconds[folder] += value

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print the folders, the most expensive first."""
        terminalreporter.section("CPU seconds by folder")
        costs = sorted(self.seconds.items(), key=lambda cost: -cost[1])
        for folder, seconds in [*costs, ("all", sum(self.seconds.values()))]:
            terminalreporter.line(f"{seconds:9.1f}  {folder}")


STARTED = pytest.StashKey[float]()
