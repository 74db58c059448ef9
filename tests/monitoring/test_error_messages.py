"""Luigi's log: expected errors in one line, bugs with their traceback."""

import argparse
import logging
import sys
import traceback

import pytest
from luigi.rpc import RPCError

from usage_metrics.errors import ConfigError, StorageError
from usage_metrics.monitoring.error_messages import (
    REDUNDANT,
    ErrorFilter,
    sentence_of,
)


def _record(message: str, *args: object, error: BaseException | None = None) -> str:
    """What a record looks like in the log; empty when it is left out."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("n", logging.ERROR, "p", 1, message, args, info)
    if not ErrorFilter().filter(record):
        return ""
    return logging.Formatter("%(levelname)s: %(message)s").format(record)


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def _while_scheduling(error: BaseException) -> str:
    what = "Will not run T(a=1) or any dependencies due to error in deps() method:\n"
    return what + "".join(traceback.format_exception(error))


def test_an_error_of_ours_is_one_line_without_a_traceback() -> None:
    error = _raised(ConfigError("set x to 1"), KeyError("x"))
    assert _record("%s failed", "T", error=error) == "ERROR: T failed: set x to 1"


def test_a_bug_keeps_its_traceback() -> None:
    text = _record("%s failed", "T", error=_raised(KeyError("x")))
    assert text.startswith("ERROR: T failed\nTraceback (most recent call last)")


def test_an_error_of_ours_while_scheduling_is_one_line() -> None:
    error = _raised(StorageError("it is damaged"), OSError("x"))
    assert _record(_while_scheduling(error)) == (
        "ERROR: Will not run T(a=1) or any dependencies: it is damaged"
    )


def test_an_error_of_every_day_is_logged_once_in_a_run() -> None:
    known = ErrorFilter()
    texts = [_while_scheduling(_raised(ConfigError(e))) for e in "aaba"]
    said = [known.filter(logging.makeLogRecord({"msg": text})) for text in texts]
    assert said == [True, False, True, False]
    known.filter(logging.makeLogRecord({"msg": "Done scheduling tasks"}))
    assert known.filter(logging.makeLogRecord({"msg": texts[0]}))


def test_a_bug_while_scheduling_keeps_its_traceback() -> None:
    for error in (KeyError("x"), _raised(KeyError("x"), ConfigError("y"))):
        text = _while_scheduling(_raised(error))
        assert _record(text) == f"ERROR: {text}"


def test_what_luigi_finds_wrong_with_a_setting_of_its_own_is_one_line() -> None:
    problem = "worker[args=(), kwargs={}]: Error when parsing the default value of 'x'"
    error = _raised(ValueError(problem), ValueError("no number: 'y'"))
    assert sentence_of(error) == f"{problem}: no number: 'y'"


def test_a_scheduler_that_is_not_there_is_one_line_with_the_remedy() -> None:
    error = _raised(RPCError("Errors when connecting to http://localhost:8082"))
    assert _record("Uncaught exception in luigi", error=error) == (
        "ERROR: Errors when connecting to "
        "http://localhost:8082; start luigid, or do without: luigi with "
        "--local-scheduler, usage-metrics with no scheduler_… in [core] of luigi.cfg"
    )


def test_what_the_parser_of_command_lines_repeats_of_one_is_printable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        argparse.ArgumentParser().parse_args(["--x\x1b[2J\u202e"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.endswith("unrecognized arguments: --x\\x1b[2J\\u202e\n")
    assert said.count("\n") > 1, "what it takes stands in lines of its own"


def test_control_characters_from_a_log_line_do_not_reach_the_terminal() -> None:
    error = _raised(ConfigError("\x1b[2J and\na line\u202e"))
    assert sentence_of(error) == r"\x1b[2J and\na line\u202e"


def test_no_library_logs_what_a_terminal_would_obey(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("of.another.library")
    try:
        raise ValueError("\x1b]0;title\x07")
    except ValueError:
        log.exception("%s of\n%d lines", "\x1b[2J\u202e", 2)
    assert caplog.text.replace("\n", "").isprintable()
    assert "\\x1b[2J\\u202e of\n2 lines" in caplog.text
    assert "ValueError: \\x1b]0;title\\x07" in caplog.text


def test_a_bug_that_ends_python_is_printable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = _raised(KeyError("\u202e"), ValueError("\x1b[2J"))
    sys.excepthook(type(error), error, error.__traceback__)
    said = capsys.readouterr().err
    assert "Traceback (most recent call last):\n" in said
    assert "ValueError: \\x1b[2J\n" in said


@pytest.mark.parametrize("message", sorted(REDUNDANT))
def test_redundant_lines_are_dropped(message: str) -> None:
    args = ["x"] * message.count("%s")
    assert _record(message, *args) == ""


def test_a_missing_input_that_luigid_took_for_done_is_a_sentence() -> None:
    error = RuntimeError("Unfulfilled dependency at run time: Geocode_1 (Partition())")
    assert sentence_of(error) == (
        "Unfulfilled dependency at run time: luigid remembers that the input "
        "existed, and it is missing now; rerun in a minute"
    )
    assert sentence_of(RuntimeError("a bug")) is None
