"""Sends addresses to ipinfo.io; nothing else in the package does.

The official SDK contributes the URLs, the headers and its list of bogon networks. It
does not send the requests, because it would (version 5.6.0) lose the Retry-After of a
429, fail on a country that is null, add fields of its own to a reply, not tell a
refused address from a located one, and look up *our own* address when given an empty
text. Like the SDK, this sends the ``lite`` plan one address per request, ten at a time.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import tenacity
from ipinfo.bogon import BOGON_NETWORKS
from ipinfo.handler_utils import API_URL, LITE_API_URL, get_headers

from usage_metrics.geocode.ipinfo_replies import (
    OUTAGE_REMEDY,
    Answers,
    Refusal,
    TemporaryRefusal,
    read,
    sort,
    unexpected,
)

logger = logging.getLogger("luigi-interface")

_CONNECTION_ERRORS = (
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
_BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=30)


class Plan(NamedTuple):
    """How requests are made under a plan."""

    name: str
    provider: str
    """The name under which its answers are cached."""
    url: str
    batch: int
    """Addresses per request."""
    in_flight: int
    """Concurrent requests."""
    window: int
    """Addresses to ask for before the answers are written to the cache."""


PLANS = {
    "full": Plan("full", "ipinfo-legacy", f"{API_URL}/batch", 1000, 1, 1000),
    "lite": Plan("lite", "ipinfo-lite", LITE_API_URL, 1, 10, 500),
}


def may_be_sent(address: str) -> bool:
    """Whether a text is a public address in canonical form."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return (
        str(parsed) == address
        and "%" not in address
        and parsed.is_global
        # The service calls addresses bogons that Python does not.
        and not any(parsed in network for network in BOGON_NETWORKS)
    )


Authenticate = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def token_auth(token: str) -> Authenticate:
    """Put the token into a request such that no ``.netrc`` can replace it."""

    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(get_headers(token, None))
        return request

    return authenticate


class IpinfoService:
    """The service, as one account may use it."""

    def __init__(
        self,
        token: str,
        plan: str,
        timeout: float = 30.0,
        attempts: int = 5,
        endpoint: str = "",
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            token: the account's secret.
            plan: one of :data:`PLANS`.
            timeout: seconds to wait for an answer.
            attempts: how often a request is tried before giving up.
            endpoint: URL to use instead of ipinfo's.
            sleep: waits between two attempts; for tests.
        """
        self.plan = PLANS[plan]
        self._token = token
        self._timeout = timeout
        self._attempts = attempts
        path = urlsplit(self.plan.url).path
        self._url = endpoint.rstrip("/") + path if endpoint else self.plan.url
        self._sleep = sleep

    def ask(self, addresses: Sequence[str]) -> Answers:
        """Ask about addresses that :func:`may_be_sent`; stop at the first refusal."""
        answers = Answers()
        stop = threading.Event()
        with ThreadPoolExecutor(self.plan.in_flight) as pool:
            try:
                batches = chunks(addresses, self.plan.batch)
                for more in pool.map(lambda batch: self._try(batch, stop), batches):
                    answers.add(more)
            finally:
                stop.set()
        return answers

    def _try(self, addresses: Sequence[str], stop: threading.Event) -> Answers:
        """Make one request, and retry it while that makes sense."""
        if stop.is_set():
            return Answers()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TemporaryRefusal),
            stop=tenacity.stop_after_attempt(self._attempts)
            | tenacity.stop_when_event_set(stop),
            wait=_wait,
            before_sleep=_log_retry,
            sleep=self._sleep or tenacity.sleep_using_event(stop),
            reraise=True,
        )
        try:
            answers = retrying(self._send, addresses)
        except Refusal as refusal:
            answers = Answers(refusal=refusal)
        if answers.refusal is not None:
            stop.set()
        return answers

    def _send(self, addresses: Sequence[str]) -> Answers:
        is_batch = self.plan.batch > 1
        try:
            response = requests.request(
                "POST" if is_batch else "GET",
                self._url if is_batch else f"{self._url}/{addresses[0]}",
                json=addresses if is_batch else None,
                auth=token_auth(self._token),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            reason = f"ipinfo did not answer within {self._timeout:g} s"
            raise TemporaryRefusal(reason, OUTAGE_REMEDY) from error
        except _CONNECTION_ERRORS as error:
            reason = f"the connection to ipinfo failed ({type(error).__name__})"
            raise TemporaryRefusal(reason, OUTAGE_REMEDY) from error
        except requests.RequestException as error:
            what = f"something other than HTTP ({type(error).__name__})"
            raise unexpected(what) from error
        body = read(response, self._token)
        return sort(body if is_batch else {addresses[0]: body}, addresses)


def chunks(addresses: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Split addresses into chunks of at most ``size``."""
    return (addresses[at : at + size] for at in range(0, len(addresses), size))


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as the service asks for, else longer after each attempt."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Refusal) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("%s; retrying in %.0f s", error, state.upcoming_sleep)
