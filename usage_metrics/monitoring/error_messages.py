"""Luigi's log for people: expected errors in one line each, nothing said twice.

Luigi logs every failure with a traceback. For an expected error the traceback hides the
message and adds nothing, so it is removed; a bug keeps its traceback. Of the five lines
that Luigi writes for a task that succeeds, only the first is kept, since the task logs
its own result.
"""

import argparse
import functools
import logging
import re
import sys
from collections.abc import Callable
from traceback import format_exception
from types import TracebackType
from typing import NoReturn

from luigi import Config
from luigi.parameter import ParameterException
from luigi.rpc import RPCError
from luigi.task_register import (
    Register,
    TaskClassException,
    TaskClassNotFoundException,
)

from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring.printable import (
    keep_logs_printable,
    printable,
    printable_lines,
)
from usage_metrics.parameters import did_you_mean

UNHANDLED = 40
"""The exit code for an error before Luigi starts, as in the package's defaults."""

EXPECTED = (UsageMetricsError, ParameterException, TaskClassException)
"""Our errors, and Luigi's about its parameters and task names."""

REDUNDANT = frozenset(
    {
        "Informed scheduler that task   %s   has status   %s",
        "[pid %s] Worker %s done      %s",
        "Data for %s does not exist (yet?). The task is an external data dependency, "
        "so it cannot be run from this luigi process.",
    }
)
"""Luigi's lines that repeat one of ours, or the summary."""

UNCAUGHT = "Uncaught exception in luigi"
"""What Luigi says of an error in its command line."""

_SCHEDULING_ERROR = re.compile(
    r"(?P<what>Will not run .*) due to error in \w+\(\) method:\n.*\n"
    r"(?:usage_metrics\.errors|luigi\.parameter|luigi\.task_register)\.\w+: "
    r"(?P<sentence>(?:(?!\nTraceback \().)*)",
    re.DOTALL,
)
"""An expected error while scheduling, which Luigi logs as text."""


class ErrorFilter(logging.Filter):
    """Replaces the traceback of an expected error by its message."""

    def __init__(self) -> None:
        """Start with no scheduling error seen."""
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, or drop it."""
        if record.msg in REDUNDANT:
            return False
        sentence = sentence_of(record.exc_info[1] if record.exc_info else None)
        if sentence is not None:
            is_known = record.msg == UNCAUGHT
            record.msg = sentence if is_known else f"{record.getMessage()}: {sentence}"
            record.args = record.exc_info = record.exc_text = None
            record.sentence = sentence
        elif found := _SCHEDULING_ERROR.fullmatch(str(record.msg)):
            return self._is_new(record, found)
        elif record.msg == "Done scheduling tasks":
            self._seen.clear()
        return True

    def _is_new(self, record: logging.LogRecord, found: re.Match[str]) -> bool:
        """Keep an error once: a wrong setting is logged for each of a thousand days.

        It is no warning, and whoever did not name the tasks reads the sentence alone.
        """
        sentence = printable(found["sentence"].strip())
        record.msg = f"{found['what']}: {sentence}"
        record.levelno, record.levelname = logging.ERROR, "ERROR"
        record.sentence = sentence
        is_new = sentence not in self._seen
        self._seen.add(sentence)
        return is_new


def shorten_errors() -> None:
    """Have Luigi log expected errors in one line each, and nothing unprintable."""
    logger = logging.getLogger("luigi-interface")
    if not any(isinstance(known, ErrorFilter) for known in logger.filters):
        logger.addFilter(ErrorFilter())
        keep_logs_printable()
        sys.excepthook = functools.partial(_print_uncaught, sys.excepthook)
        _keep_refusals_printable()


def _keep_refusals_printable() -> None:
    """Have Python's parser of command lines, which repeats them, print no escapes."""
    exit_with_message = argparse.ArgumentParser.exit

    def exit_printable(
        parser: argparse.ArgumentParser, status: int = 0, message: str | None = None
    ) -> NoReturn:
        exit_with_message(parser, status, message and printable_lines(message))

    argparse.ArgumentParser.exit = exit_printable  # type: ignore


def _print_uncaught(
    otherwise: Callable[..., object],
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    """Print what ends Python; of a misspelt task, which Luigi lets through, a line."""
    if isinstance(error, TaskClassException):
        sys.stderr.write(f"ERROR: {sentence_of(error)}\n")
    elif otherwise is sys.__excepthook__:
        lines = format_exception(kind, error, traceback)
        sys.stderr.write(printable_lines("".join(lines)))
    else:
        otherwise(kind, error, traceback)


def exit_with(error: UsageMetricsError) -> NoReturn:
    """Print an error and exit, before Luigi's log exists."""
    sys.stderr.write(f"ERROR: {printable(str(error))}\n")
    raise SystemExit(UNHANDLED)


def sentence_of(error: BaseException | None) -> str | None:
    """The message of an expected error in one line; None for anything else."""
    if isinstance(error, RuntimeError) and "Unfulfilled depend" in str(error):
        return printable(
            f"{str(error).partition(':')[0]}: luigid remembers that the input existed, "
            "and it is missing now; rerun in a minute"
        )
    if isinstance(error, RPCError):
        return printable(
            f"{error}; start luigid, or do without: luigi with --local-scheduler, "
            "usage-metrics with no scheduler_… in [core] of luigi.cfg"
        )
    if isinstance(error, TaskClassNotFoundException):
        return printable(_no_such_task(str(error)))
    cause = error.__cause__ if isinstance(error, ValueError) else None
    if cause is not None and "Error when parsing the default value" in str(error):
        return printable(f"{error}: {cause}")  # Luigi's report of a wrong setting
    return printable(str(error)) if isinstance(error, EXPECTED) else None


def _no_such_task(message: str) -> str:
    """Luigi's sentence, but proposing no section of luigi.cfg."""
    name = message.removeprefix("No task ").partition(". ")[0]
    families = Register.task_names()
    tasks = [f for f in families if not issubclass(Register.get_task_cls(f), Config)]
    return f"there is no task {name}{did_you_mean(name, tasks)}"
