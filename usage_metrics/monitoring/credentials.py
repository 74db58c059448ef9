"""Takes credentials out of whatever is logged, printed or posted.

The user and password of a URL are recognised by their place. Of some secrets, such as
the path of a webhook, only whoever uses them knows what they look like in a log.
"""

import functools
import logging
import re
from collections.abc import Callable

HIDDEN = "***"

_IN_URL = re.compile(r"(?<=://)[^\s/?#]*@")
"""User and password, up to the last at sign before the path."""

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Have a text hidden wherever it occurs, for as long as the process lives."""
    if secret.strip("/"):
        _secrets.add(secret)


def without_credentials(text: str) -> str:
    """The text with each credential replaced by asterisks."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _IN_URL.sub(f"{HIDDEN}@", text)


def keep_out_of_logs() -> None:
    """Have everything that is logged, by whatever library, lose its credentials.

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
    if (clean := without_credentials(text)) != text:
        record.msg, record.args = clean, None
    if record.exc_info:
        traceback = logging.Formatter().formatException(record.exc_info)
        if (clean := without_credentials(traceback)) != traceback:
            record.exc_text = clean  # which formatters prefer
    return record
