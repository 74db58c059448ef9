"""What the log says: our lines, our errors as the sentences they are, and no more.

Luigi logs every failure with a traceback. For an expected error the traceback says
nothing that its message does not, and hides it; so it is left out. What is a bug keeps
its traceback. And of the five lines that Luigi writes for a task that went well, the
first is kept, since the task says itself what came of it.
"""

import logging
import re
import sys
from typing import NoReturn

from luigi.parameter import ParameterException
from luigi.rpc import RPCError
from luigi.task_register import TaskClassException

from usage_metrics.errors import UsageMetricsError

UNHANDLED = 40
"""The exit code for what is wrong before Luigi begins; as in the package's defaults."""

EXPECTED = (UsageMetricsError, ParameterException, TaskClassException)
"""Errors of ours, and Luigi's own about what it was asked for."""

SAID_ALREADY = frozenset(
    {
        "Informed scheduler that task   %s   has status   %s",
        "[pid %s] Worker %s done      %s",
        "Data for %s does not exist (yet?). The task is an external data dependency, "
        "so it cannot be run from this luigi process.",
    }
)
"""Luigi's lines that say what a line of ours, or the summary, says too."""

_SCHEDULING = re.compile(
    r"(?P<what>Will not run .*) due to error in \w+\(\) method:\n.*\n"
    r"(?:usage_metrics\.errors|luigi\.parameter|luigi\.task_register)\.\w+: "
    r"(?P<sentence>(?:(?!\nTraceback \().)*)",
    re.DOTALL,
)
"""An error while scheduling, which Luigi logs as text."""


class SentenceFilter(logging.Filter):
    """Puts the message of an expected error in place of its traceback."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, or leave it out."""
        if record.msg in SAID_ALREADY:
            return False
        error = record.exc_info[1] if record.exc_info else None
        sentence = sentence_of(error)
        if sentence is not None:
            record.msg = f"{record.getMessage()}: {sentence}"
            record.args = record.exc_info = record.exc_text = None
        elif found := _SCHEDULING.fullmatch(str(record.msg)):
            return self._say_once(record, found)
        elif record.msg == "Done scheduling tasks":
            self._said.clear()
        return True

    def _say_once(self, record: logging.LogRecord, found: re.Match[str]) -> bool:
        """What is wrong with the settings is so for each of a thousand days."""
        sentence = printable(found["sentence"].strip())
        record.msg = f"{found['what']}: {sentence}"
        is_news = sentence not in self._said
        self._said.add(sentence)
        return is_news


def say_errors_in_sentences() -> None:
    """Have Luigi's log say our errors in one line each."""
    logger = logging.getLogger("luigi-interface")
    if not any(isinstance(known, SentenceFilter) for known in logger.filters):
        logger.addFilter(SentenceFilter())


def give_up(error: UsageMetricsError) -> NoReturn:
    """Say an error and end the program, where Luigi could not say it yet."""
    sys.stderr.write(f"ERROR: {printable(str(error))}\n")
    raise SystemExit(UNHANDLED)


def sentence_of(error: BaseException | None) -> str | None:
    """The message of an expected error, in one line; None for anything else."""
    if isinstance(error, RuntimeError) and "Unfulfilled depend" in str(error):
        return printable(
            f"{str(error).partition(':')[0]}: what it needs was there when luigid was "
            "told so, and is not now; rerun in a minute"
        )
    if isinstance(error, RPCError):
        return printable(f"{error}; start luigid, or add --local-scheduler")
    cause = error.__cause__ if isinstance(error, ValueError) else None
    if cause is not None and "Error when parsing the default value" in str(error):
        return printable(f"{error}: {cause}")  # so Luigi says what a setting holds
    return printable(str(error)) if isinstance(error, EXPECTED) else None


def printable(text: str) -> str:
    """Text without control characters: parts of it may come from a log line."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
