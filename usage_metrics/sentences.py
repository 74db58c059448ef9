"""Expected errors, logged as the sentence they are.

Luigi logs every failure with a traceback. For an error of ours the traceback says
nothing that its message does not, and hides it; so it is left out. What is a bug keeps
its traceback.
"""

import logging
from configparser import InterpolationError

from usage_metrics.errors import UsageMetricsError


class SentenceFilter(logging.Filter):
    """Puts the message of an expected error in place of its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; every record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, UsageMetricsError):
            sentence = str(error)
        elif isinstance(error, InterpolationError):
            sentence = (
                f"luigi.cfg: the value of [{error.section}] {error.option} cannot be "
                "read; write %% for a percent sign, and set every ${VARIABLE} it names"
            )
        else:
            return True
        record.msg = f"{record.getMessage()}: {_printable(sentence)}"
        record.args = None
        record.exc_info = None
        record.exc_text = None
        return True


def say_errors_in_sentences() -> None:
    """Have Luigi's log say our errors in one line each."""
    logger = logging.getLogger("luigi-interface")
    if not any(isinstance(known, SentenceFilter) for known in logger.filters):
        logger.addFilter(SentenceFilter())


def _printable(text: str) -> str:
    """Text without control characters: parts of it may come from a log line."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
