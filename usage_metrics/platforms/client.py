"""Asks a platform over HTTP; nothing else in this wing does.

A request is repeated while that makes sense, after as long as the platform asks for. A
redirect is followed, as of a renamed repository, and the token is sent to no other
host. The token is in no reply, message or file.
"""

import base64
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from multiprocessing.pool import ThreadPool
from time import sleep
from typing import NamedTuple, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
from urllib3.exceptions import NewConnectionError

from usage_metrics import config
from usage_metrics.addresses.redaction import anonymous
from usage_metrics.dates import utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.platforms import Platform
from usage_metrics.platforms.settings import PlatformSection
from usage_metrics.refusals import (
    CONNECTION_ERRORS,
    LONGEST_WAIT,
    Refusal,
    TemporaryRefusal,
    body_of,
    log_retry,
    retry_after_of,
    wait,
)

LONGEST_REQUEST = 600.0
"""Seconds that a request may take in all: of one that comes byte by byte, every byte
comes in time."""

NEXT_RUN = "the next run asks for what is missing"

QUOTED = 200
"""Characters of a refusal that a message quotes."""


Result = TypeVar("Result")


class Answer(NamedTuple):
    """What a platform replied to one request."""

    status: int
    etag: str | None
    body: str
    next_url: str | None
    """The URL of the next page, if a header names it."""


class EndError(Refusal):
    """A refusal that holds for whatever else the platform would be asked for."""


class NotReachedError(TemporaryRefusal):
    """No connection came about."""


@dataclass(frozen=True)
class Client:
    """A platform, as one account may ask it."""

    title: str
    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    """Those of every request; one of them may hold the token."""
    token: str = field(repr=False)
    """The token or key; empty if there is none."""
    variable: str
    """The environment variable of the token, or those of name and key."""
    timeout: float
    attempts: int
    pause: float = 0.0
    page: str = "docs/platforms.md"
    """The page that says which token it takes."""

    @classmethod
    def of(cls, platform: Platform, settings: PlatformSection) -> Self:
        """The client of a platform, as its section describes it.

        Raises:
            ConfigError: if its token cannot be one, or of name and key one is missing.
        """
        token, variable, authorization = _credentials(platform)
        headers = {"User-Agent": "usage-metrics", **platform.headers}
        if token:
            headers["Authorization"] = authorization
        return cls(
            title=platform.title,
            endpoint=(settings.endpoint or platform.endpoint).rstrip("/"),
            headers=headers,
            token=token,
            variable=variable,
            timeout=settings.timeout,
            attempts=settings.attempts,
            # A server of one's own has no limits to keep.
            pause=0.0 if settings.endpoint else platform.pause,
        )

    def url(self, path: str) -> str:
        """The URL of a path, or of a page that a reply names, below the endpoint.

        Raises:
            Refusal: if a reply names a page of another host.
        """
        if path.startswith("/"):
            return f"{self.endpoint}{path}"
        try:
            url = urljoin(f"{self.endpoint}/", path)
            host = urlsplit(url).netloc
        except ValueError:
            url, host = "", "what is no URL"
        if host != urlsplit(self.endpoint).netloc:
            raise Refusal(
                f"{self.title} names a next page at {host.rpartition('@')[2]}",
                "check its endpoint in luigi.cfg",
            )
        return url

    def get(self, url: str, accept: str = "", etag: str | None = None) -> Answer:
        """Make a request, and repeat it while that makes sense.

        Args:
            url: what to ask for.
            accept: the media type, if it is not the usual one.
            etag: of the reply that is there; if nothing changed, the status is 304.

        Raises:
            Refusal: if there is no answer; the reason says why.
        """
        if self.pause:
            sleep(self.pause)
        asked = {"Accept": accept, "If-None-Match": etag or ""}
        headers = {name: value for name, value in asked.items() if value}
        return self.retried(lambda: self._in_time("GET", url, headers))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request once; who does repeats it together with others.

        Raises:
            Refusal: if there is no answer; the reason says why.
        """
        return self._in_time(method, self.url(path), headers or {}, body)

    def retried(self, act: Callable[[], Result]) -> Result:
        """What ``act`` returns; what is worth retrying is done again.

        Raises:
            Refusal: if it was not done; the reason says why.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TemporaryRefusal),
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=wait,
            before_sleep=log_retry,
            sleep=sleep,
            reraise=True,
        )
        try:
            return retrying(act)
        except NotReachedError as refusal:
            raise EndError(refusal.reason, NEXT_RUN) from refusal

    def _in_time(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """Make a request, and give it up if it takes too long in all.

        The thread that waits for it ends with this process at the latest.
        """
        with ThreadPool(1) as other_thread:
            asked = other_thread.apply_async(self._send, (method, url, headers, body))
            try:
                return asked.get(LONGEST_REQUEST)
            except multiprocessing.TimeoutError:
                raise Refusal(
                    f"{self.title} did not answer in full within {LONGEST_REQUEST:g} s",
                    "the next run asks for it again",
                ) from None

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        again = "try again later; finished parts are kept"
        try:
            with requests.request(
                method,
                url,
                data=body,
                headers={**self.headers, **headers},
                auth=_as_it_is,
                timeout=self.timeout,
                stream=True,
                # A redirected POST would become a GET, and what is sent be lost.
                allow_redirects=method == "GET",
            ) as response:
                return self._answer(response)
        except requests.Timeout as error:
            reason = f"{self.title} did not answer within {self.timeout:g} s"
            raise TemporaryRefusal(reason, again) from error
        except CONNECTION_ERRORS as error:
            what = type(error).__name__
            reason = f"the connection to {self.title} failed ({what})"
            kind = NotReachedError if _is_unreached(error) else TemporaryRefusal
            raise kind(reason, again) from error
        except (requests.RequestException, ValueError) as error:
            # The latter of a redirect to what is no URL.
            what = type(error).__name__
            reason = f"{self.title} answered with something other than HTTP ({what})"
            raise Refusal(reason, "check its endpoint in luigi.cfg") from error

    def _answer(self, response: requests.Response) -> Answer:
        """What a reply says, unless it is worth asking again.

        Raises:
            Refusal: if the platform is busy, out of order or refuses the token.
        """
        body = self._body(response)
        said = f"{self.title} answered {_in_words(response.status_code, body)}"
        if is_busy(response):
            delay = _delay(response)
            if delay is not None and delay > LONGEST_WAIT:
                why = f"{said}; it asks to wait {delay:,.0f} s"
                raise EndError(why, NEXT_RUN)
            remedy = "the next run asks for it again"
            raise TemporaryRefusal(said, remedy, retry_after=delay)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            does = "refuses the token" if self.token else "wants a token"
            where = f" in {self.variable}" if self.variable else ""
            raise EndError(
                f"{said}: it {does}{where}",
                f"see {self.page} for the token that it takes",
                ConfigError,
            )
        following = response.links.get("next", {}).get("url")
        etag = response.headers.get("ETag")
        return Answer(response.status_code, etag, body, following)

    def _body(self, response: requests.Response) -> str:
        content = body_of(response, self.title, "check its endpoint in luigi.cfg")
        text = content.decode("utf-8", "replace")
        # As it is sent, a key is encoded together with its name.
        sent = self.headers.get("Authorization", "").rpartition(" ")[2]
        for secret in filter(None, (self.token, sent)):
            text = text.replace(secret, "***")
        return text


def _credentials(platform: Platform) -> tuple[str, str, str]:
    """The token or key, the variables that hold it, and the header that sends it.

    Raises:
        ConfigError: if it cannot be one, or of name and key one is missing.
    """
    token = config.secret(platform.token, platform.title) if platform.token else ""
    if token or platform.login is None:
        return token, platform.token, platform.authorization.format(token=token)
    name, key = (config.secret(each, platform.title) for each in platform.login)
    if bool(name) != bool(key):
        there, missing = platform.login if name else reversed(platform.login)
        raise ConfigError(
            f"{there} is set and {missing} is not: {platform.title} takes both together"
        )
    if not key:
        return "", platform.token, ""
    pair = base64.b64encode(f"{name}:{key}".encode()).decode()
    return key, str(platform.login), f"Basic {pair}"


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request alone; a request without this would take a token from .netrc."""
    return request


def said_by(answer: Answer) -> str:
    """What a reply that is no success says, in a few words."""
    return _in_words(answer.status, answer.body)


def _in_words(status: int, body: str) -> str:
    text = " ".join(body.split())[:QUOTED]
    return f"HTTP {status}" + (f" ({anonymous(text)})" if text else "")


def is_busy(response: requests.Response) -> bool:
    """Whether a reply says to ask later: out of order, or too many requests.

    For the latter, GitHub's status may be 403.
    """
    status = response.status_code
    return (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status == HTTPStatus.TOO_MANY_REQUESTS
        or (status == HTTPStatus.FORBIDDEN and _delay(response) is not None)
    )


def _is_unreached(error: requests.RequestException) -> bool:
    """Whether there is no network, no such host, or nobody that listens there."""
    why = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(why, NewConnectionError)


def _delay(response: requests.Response) -> float | None:
    """The seconds to wait that a reply asks for, also by when its limit is reset."""
    asked = retry_after_of(response)
    reset = response.headers.get("X-RateLimit-Reset", "")
    is_used_up = response.headers.get("X-RateLimit-Remaining") == "0"
    if asked is None and is_used_up and reset.isdecimal():
        return max(0.0, float(reset) - utc_now().timestamp())
    return asked
