"""What a service's refusal to answer means: whether, and when, to ask it again."""

import datetime as dt
import email.utils
import logging
from dataclasses import dataclass

import requests
import tenacity

from usage_metrics.dates import utc_now
from usage_metrics.errors import ServiceError, UsageMetricsError

logger = logging.getLogger("luigi-interface")

LONGEST_WAIT = 60.0
"""Seconds; if the service asks for a longer wait, retrying is left to the next run."""

LONGEST_BODY = 64 << 20
"""Bytes; a hundred releases with their notes have some hundred thousand."""

PIECE_BYTES = 1 << 16

CONNECTION_ERRORS = (
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""What a reply that was cut off, or never came, raises."""

_BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=30)


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818  becomes an error of the type that it names
    """The service did not answer, and retrying now would not help."""

    reason: str
    remedy: str
    error: type[UsageMetricsError] = ServiceError
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.reason

    def as_error(self) -> UsageMetricsError:
        """What the user is told: the reason and the remedy."""
        return self.error(f"{self.reason}; {self.remedy}")


class TemporaryRefusal(Refusal):
    """A refusal that is worth retrying."""


def wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as the service asks for, else longer after each attempt."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Refusal) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)


def log_retry(state: tenacity.RetryCallState) -> None:
    """Say that a request is made again, and why."""
    error = state.outcome.exception() if state.outcome else None
    logger.warning("%s; retrying in %.0f s", error, state.upcoming_sleep)


def body_of(response: requests.Response, service: str, remedy: str) -> bytes:
    """The body of a reply that is streamed.

    Raises:
        Refusal: if it is longer than any that makes sense.
    """
    content = bytearray()
    for piece in response.iter_content(PIECE_BYTES):
        content += piece
        if len(content) > LONGEST_BODY:
            reason = f"{service} answered with more than {LONGEST_BODY >> 20} MB"
            raise Refusal(reason, remedy)
    return bytes(content)


def retry_after_of(response: requests.Response) -> float | None:
    """The seconds to wait that a reply asks for, as a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or dt.UTC)
    return max(0.0, (moment - utc_now()).total_seconds())
