"""Whatever is logged can be shown in a terminal, and holds no credentials.

Names of files, texts of a log, parameters and errors of libraries may hold characters
that clear a screen, move its cursor, or turn the direction of writing.
"""

import functools
import logging
from collections.abc import Callable

from usage_metrics.monitoring.credentials import without_credentials


def printable(text: str) -> str:
    """Escape control characters, which a log line may bring in; hide credentials."""
    text = without_credentials(text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable_lines(text: str) -> str:
    """The same for a text that may have lines."""
    return "\n".join(map(printable, text.split("\n")))


def keep_logs_printable() -> None:
    """Have everything that is logged, by whatever library, be printable.

    A filter of a logger or handler would not see the records of others.
    """
    make = logging.getLogRecordFactory()
    logging.setLogRecordFactory(functools.partial(_record, make))


def _record(
    make: Callable[..., logging.LogRecord], *args: object, **options: object
) -> logging.LogRecord:
    record = make(*args, **options)
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        return record  # the handler reports that arguments and format do not match
    if (clean := printable_lines(text)) != text:
        record.msg, record.args = clean, None
    if record.exc_info:
        traceback = logging.Formatter().formatException(record.exc_info)
        if (clean := printable_lines(traceback)) != traceback:
            record.exc_text = clean  # which formatters prefer
    return record
