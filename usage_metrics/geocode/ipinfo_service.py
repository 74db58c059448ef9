"""Asks ipinfo.io about addresses; the only place that does.

The official SDK builds the requests. Its answers are not used, because it would
(version 5.6.0) lose the Retry-After of a 429, fail on a country that is null, mix its
own fields into a reply, and not tell a refused address from a located one. So every
reply is read in a hook of ``requests``, before the SDK sees it, and the SDK gets an
empty one. Two more oddities:

* asked about an empty address the SDK looks up *our own*, so nothing but canonical
  public addresses may come here: :func:`may_be_sent`;
* the ``lite`` plan has no batches in the SDK: one request an address, ten at a time.
"""

import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import ipinfo
import requests
import tenacity
from ipinfo.bogon import BOGON_NETWORKS
from requests.auth import AuthBase

from usage_metrics.geocode.ipinfo_replies import (
    OUTAGE_REMEDY,
    Answers,
    Passing,
    Refusal,
    nonsense,
    read,
    sort,
)

logger = logging.getLogger("luigi-interface")

_CONNECTION_ERRORS = (
    requests.Timeout,
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
_BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=30)


class Plan(NamedTuple):
    """How a plan is asked."""

    name: str
    provider: str
    """The name under which its answers are kept."""
    batch: int
    """Addresses a request."""
    in_flight: int
    """Requests at a time."""
    window: int
    """Addresses to ask for before the answers are written down."""


PLANS = {
    "full": Plan("full", "ipinfo-legacy", batch=1000, in_flight=1, window=1000),
    "lite": Plan("lite", "ipinfo-lite", batch=1, in_flight=10, window=500),
}


def may_be_sent(address: str) -> bool:
    """Whether a text is a public address in the form in which it may be sent."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return (
        str(parsed) == address
        and "%" not in address
        and parsed.is_global
        # The SDK answers these itself, and calls addresses bogons that Python does not.
        and not any(parsed in network for network in BOGON_NETWORKS)
    )


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
        """Describe how to ask; nothing is sent yet.

        Args:
            token: the account's secret.
            plan: one of :data:`PLANS`.
            timeout: seconds to wait for an answer.
            attempts: how often a request is tried before giving up.
            endpoint: URL to ask instead of ipinfo's.
            sleep: waits between two attempts; for tests.
        """
        self.plan = PLANS[plan]
        self._token = token
        self._timeout = timeout
        self._attempts = attempts
        self._endpoint = _Endpoint(endpoint)
        self._sleep = sleep

    def ask(self, addresses: Sequence[str]) -> Answers:
        """Ask about addresses that :func:`may_be_sent`; stop at the first refusal."""
        answers = Answers()
        stop = threading.Event()
        with ThreadPoolExecutor(self.plan.in_flight) as pool:
            try:
                requests_ = chunks(addresses, self.plan.batch)
                futures = [pool.submit(self._try, some, stop) for some in requests_]
                for future in futures:
                    _merge(answers, future.result())
            finally:
                stop.set()
        return answers

    def _try(self, addresses: Sequence[str], stop: threading.Event) -> Answers:
        """Make one request, as often as it takes or makes sense."""
        if stop.is_set():
            return Answers()
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Passing),
            stop=tenacity.stop_after_attempt(self._attempts)
            | tenacity.stop_when_event_set(stop),
            wait=_wait,
            before_sleep=_log_retry,
            sleep=self._sleep or tenacity.sleep_using_event(stop),
            reraise=True,
        )
        try:
            answers = attempts(self._send, addresses)
        except Refusal as refusal:
            answers = Answers(refusal=refusal)
        if answers.refusal is not None:
            stop.set()
        return answers

    def _send(self, addresses: Sequence[str]) -> Answers:
        bodies: list[Any] = []

        def receive(response: requests.Response, **_: Any) -> requests.Response:
            bodies.append(read(response, self._token))
            return _empty_reply()

        options = {
            "timeout": self._timeout,
            "auth": self._endpoint,
            "hooks": {"response": receive},
        }
        try:
            self._send_through_sdk(addresses, options)
        except _CONNECTION_ERRORS as error:
            if isinstance(error, requests.Timeout):
                reason = f"ipinfo did not answer within {self._timeout:g} s"
            else:
                reason = f"the connection to ipinfo failed ({type(error).__name__})"
            raise Passing(reason, OUTAGE_REMEDY) from error
        except requests.RequestException as error:
            raise nonsense(f"what is no HTTP ({type(error).__name__})") from error
        body = bodies[0] if self.plan.batch > 1 else {addresses[0]: bodies[0]}
        return sort(body, addresses)

    def _send_through_sdk(
        self, addresses: Sequence[str], options: dict[str, Any]
    ) -> None:
        if self.plan.batch == 1:
            lite = ipinfo.getHandlerLite(self._token, request_options=options)
            lite.getDetails(addresses[0])
        else:
            full = ipinfo.getHandler(self._token, request_options=options)
            full.getBatchDetails(
                addresses,
                batch_size=self.plan.batch,
                timeout_per_batch=self._timeout,
            )


class _Endpoint(AuthBase):
    """Points a request at another server than ipinfo's.

    The SDK has no setting for that; ``requests`` lets an authentication change a
    request. Having one also keeps a ``.netrc`` from replacing the token.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._url and request.url:
            request.url = self._url + urlsplit(request.url).path
        return request


def chunks(addresses: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut addresses into pieces of at most ``size``."""
    return (addresses[at : at + size] for at in range(0, len(addresses), size))


def _empty_reply() -> requests.Response:
    """What the SDK gets to see."""
    response = requests.Response()
    response.status_code = HTTPStatus.OK
    response.raw = io.BytesIO(b"{}")
    return response


def _merge(answers: Answers, more: Answers) -> None:
    answers.known.update(more.known)
    answers.unknown.update(more.unknown)
    answers.refusal = answers.refusal or more.refusal


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the service asks for, else longer after each attempt."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Passing) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("%s; asking again in %.0f s", error, state.upcoming_sleep)
