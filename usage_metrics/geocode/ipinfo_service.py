"""Sends addresses to ipinfo.io; nothing else in the package does.

The official SDK contributes the URLs, the headers and its list of bogon networks. It
does not send the requests, because it would (version 5.6.0) lose the Retry-After of a
429, fail on a country that is null, add fields of its own to a reply, not tell a
refused address from a located one, and look up *our own* address when given an empty
text. Like the SDK, this sends the ``lite`` plan one address per request, ten at a time.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import tenacity
from ipinfo.bogon import BOGON_NETWORKS
from ipinfo.handler_utils import API_URL, LITE_API_URL, get_headers

from usage_metrics.errors import ConfigError, ServiceError
from usage_metrics.geocode.ipinfo_replies import (
    OUTAGE_REMEDY,
    TOKEN_PAGE,
    TOKEN_REFUSED,
    Answers,
    Reply,
    read,
    sort,
    unexpected,
)
from usage_metrics.refusals import (
    CONNECTION_ERRORS,
    Refusal,
    TemporaryRefusal,
    body_of,
    log_retry,
    wait,
)

Keep = Callable[[dict[str, Reply]], None]
"""Stores the replies about some addresses."""


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
    """Addresses to ask for before their answers become a page of the cache."""


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


@dataclass(frozen=True)
class IpinfoService:
    """The service, as one account may use it."""

    token: str = field(repr=False)
    """The account's secret."""
    plan: Plan
    timeout: float = 30.0
    """Seconds to wait for an answer."""
    attempts: int = 5
    """How often a request is tried before giving up."""
    endpoint: str = ""
    """URL to use instead of ipinfo's."""
    sleep: Callable[[float], None] | None = None
    """Waits between two attempts; for tests."""

    def ask(self, addresses: Sequence[str], keep: Keep) -> Answers:
        """Ask about addresses that :func:`may_be_sent`; stop at the first refusal.

        Args:
            addresses: the addresses, each once.
            keep: is given the replies of each request before the next is made, by one
                thread at a time.
        """
        answers = Answers()
        stop, one_at_a_time = threading.Event(), threading.Lock()

        def ask(batch: Sequence[str]) -> Answers:
            found = self._try(batch, stop)
            with one_at_a_time:
                keep(found.known)
            return found

        with ThreadPoolExecutor(self.plan.in_flight) as pool:
            try:
                for more in pool.map(ask, chunks(addresses, self.plan.batch)):
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
            stop=tenacity.stop_after_attempt(self.attempts)
            | tenacity.stop_when_event_set(stop),
            wait=wait,
            before_sleep=log_retry,
            sleep=self.sleep or tenacity.sleep_using_event(stop),
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
            if is_batch:
                response, body = self._request("POST", self.plan.url, addresses)
            else:
                url = f"{self.plan.url}/{addresses[0]}"
                response, body = self._request("GET", url)
        except requests.Timeout as error:
            reason = f"ipinfo did not answer within {self.timeout:g} s"
            raise TemporaryRefusal(reason, OUTAGE_REMEDY) from error
        except CONNECTION_ERRORS as error:
            reason = f"the connection to ipinfo failed ({type(error).__name__})"
            raise TemporaryRefusal(reason, OUTAGE_REMEDY) from error
        except requests.RequestException as error:
            what = f"something other than HTTP ({type(error).__name__})"
            raise unexpected(what) from error
        said = read(response, body, self.token)
        return sort(said if is_batch else {addresses[0]: said}, addresses)

    def quota(self) -> str:
        """Say in a few words what is left this month; no address is sent.

        Raises:
            ConfigError: if the token is refused.
            ServiceError: if the service does not answer, or nothing is left.
        """
        try:
            reply, body = self._request("GET", f"{API_URL}/me")
        except requests.RequestException as error:
            raise ServiceError(
                f"ipinfo did not answer ({type(error).__name__}); check the network, "
                "or set [geocode] provider = mmdb"
            ) from None
        except Refusal as refusal:
            raise refusal.as_error() from None
        if reply.status_code in TOKEN_REFUSED:
            raise ConfigError(
                "ipinfo refuses the token in IPINFO_TOKEN: copy it again from "
                f"{TOKEN_PAGE}"
            )
        try:
            usage = json.loads(body)["requests"]
            left, limit = int(usage["remaining"]), int(usage["limit"])
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            return "the token is accepted; ipinfo does not say what is left"
        if left <= 0:
            raise ServiceError(
                f"none of the {limit:,} requests of this month are left; wait for the "
                "next, or set [ipinfo] when_refused = leave_null"
            )
        return f"{left:,} of {limit:,} requests are left this month"

    def _request(
        self, method: str, url: str, addresses: Sequence[str] | None = None
    ) -> tuple[requests.Response, bytes]:
        """A reply and its body."""
        if self.endpoint:
            url = self.endpoint.rstrip("/") + urlsplit(url).path
        with requests.request(
            method,
            url,
            json=addresses,
            auth=self._authenticate,
            timeout=self.timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            return response, body_of(response, "ipinfo", "check [ipinfo] endpoint")

    def _authenticate(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        """Put the token into a request such that no ``.netrc`` can replace it."""
        request.headers.update(get_headers(self.token, None))
        return request


def chunks(addresses: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Split addresses into chunks of at most ``size``."""
    return (addresses[at : at + size] for at in range(0, len(addresses), size))
