"""What a reply of ipinfo.io means: a location, a passing trouble, or a refusal.

The plans reply in two shapes: in ``lite``, ``country`` is the name and
``country_code`` the code; in ``full``, ``country`` is the code. A request may be
refused as a whole, by its status, and a batch may hold the refusal of a single address
among its answers. What a refused reply says is quoted in errors, but for the token,
should the service repeat that.
"""

import datetime as dt
import email.utils
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.errors import ConfigError, ServiceError, UsageMetricsError
from usage_metrics.geocode.countries import COUNTRIES
from usage_metrics.geocode.locations import Location

Reply = dict[str, Any]
"""What ipinfo says about one address."""

LONGEST_WAIT = 60.0
"""Seconds; a service that wants us to wait longer is asked again by the next run."""

TOKEN_PAGE = "https://ipinfo.io/dashboard/token"  # noqa: S105
OUTAGE_REMEDY = "see https://status.ipinfo.io and try again later"
QUOTA_REMEDY = "wait, or raise the plan at https://ipinfo.io/pricing"

_AS_NUMBER = re.compile(r"AS\d+\b")
_NOT_KNOWN = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)


class Refusal(Exception):  # noqa: N818
    """The service did not answer, and asking again now would not help."""

    def __init__(
        self,
        reason: str,
        remedy: str,
        error: type[UsageMetricsError] = ServiceError,
        retry_after: float | None = None,
    ) -> None:
        """Say what happened and what a person can do about it."""
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.error = error
        self.retry_after = retry_after


class Passing(Refusal):
    """A refusal that may be over in a moment."""


@dataclass
class Answers:
    """What became of some addresses; those that are in neither were not answered."""

    known: dict[str, Reply] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """Addresses about which the service has nothing to say, now or later."""
    refusal: Refusal | None = None
    """Why the others were not answered."""


def read(response: requests.Response, token: str) -> Any:
    """The JSON of a reply.

    Raises:
        Refusal: if it is an error, or no JSON.
    """
    if response.status_code == HTTPStatus.OK:
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "something unnamed")
            raise nonsense(f"{kind} instead of JSON") from error
    text = " ".join(response.text.replace(token, "***").split())
    said = anonymous(text[:200])
    raise _refusal(response.status_code, f"({said})", _retry_after(response))


def sort(body: Any, addresses: Sequence[str]) -> Answers:
    """Tell answers from errors; a batch may hold both.

    Raises:
        Refusal: if the body does not say which address is which.
    """
    if not isinstance(body, dict):
        raise nonsense("JSON of another shape")
    answers = Answers()
    for address in addresses:
        reply = body.get(address)
        if not isinstance(reply, dict):
            answers.refusal = nonsense("nothing about an address")
        elif "error" in reply:
            _sort_error(answers, address, reply)
        elif reply.get("bogon"):
            answers.unknown.add(address)
        elif "ip" in reply:
            answers.known[address] = reply
        else:
            answers.refusal = nonsense("something else about an address")
    return answers


def _sort_error(answers: Answers, address: str, reply: Reply) -> None:
    status = reply.get("status")
    if status in _NOT_KNOWN:
        answers.unknown.add(address)
    else:
        answers.refusal = _refusal(status, "about an address")


def nonsense(what: str) -> Refusal:
    """Someone answered, but hardly ipinfo."""
    return Refusal(
        f"ipinfo answered with {what}",
        "check that no proxy or login page stands between, and [ipinfo] endpoint",
    )


def normalise(reply: Reply, located_by: str | None = None) -> Location:
    """Make the columns of a reply of either plan; fields it has beyond are ignored."""
    if "country_code" in reply:
        country, name = _text(reply["country_code"]), _text(reply.get("country"))
    else:
        country, name = _text(reply.get("country")), None
    if country and not name:
        name, _ = COUNTRIES.get(country, (None, None))
    city, region = _text(reply.get("city")), _text(reply.get("region"))
    loc, latitude, longitude = _coordinates(_text(reply.get("loc")))
    org, asn = _network(reply)
    return Location(
        hostname=_text(reply.get("hostname")),
        city=city,
        region=region,
        country=country,
        country_name=name,
        full_location=", ".join(filter(None, (city, region, name))) or None,
        loc=loc,
        latitude=latitude,
        longitude=longitude,
        org=org,
        asn=asn,
        postal=_text(reply.get("postal")),
        timezone=_text(reply.get("timezone")),
        located_by=located_by,
    )


def is_empty(reply: Reply) -> bool:
    """Whether a reply says neither in which country nor in whose network."""
    return not any(map(reply.get, ("country", "country_code", "asn", "org")))


def _coordinates(
    loc: str | None,
) -> tuple[str | None, float | None, float | None]:
    """``"37.4,-122.1"`` and its two numbers, or nothing where it is no place."""
    latitude, _, longitude = (loc or "").partition(",")
    try:
        place = float(latitude), float(longitude)
    except ValueError:
        return None, None, None
    if abs(place[0]) <= 90 and abs(place[1]) <= 180:  # also tells NaN
        return loc, *place
    return None, None, None


def _network(reply: Reply) -> tuple[str | None, str | None]:
    """The organisation and the AS number, which replies spread over several fields."""
    network = reply.get("asn")
    if not isinstance(network, dict):
        network = {"asn": network, "name": reply.get("as_name")}
    number, name = _text(network.get("asn")), _text(network.get("name"))
    org = _text(reply.get("org"))
    if org is None:
        return " ".join(filter(None, (number, name))) or None, number
    if number is None and (match := _AS_NUMBER.match(org)):
        number = match[0]
    return org, number


def _text(value: Any) -> str | None:
    """A text that has something in it and that can be written as UTF-8."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    return value.strip() or None


def _refusal(status: Any, said: str, retry_after: float | None = None) -> Refusal:
    """What a status that is not 200 means."""
    what = f"HTTP {status}" if isinstance(status, int) else "an error"
    reason = f"ipinfo answered {what} {said}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Refusal(
            f"{reason}: it refuses the token in IPINFO_TOKEN, or the plan does not "
            "include this",
            f"copy the token from {TOKEN_PAGE} and check [ipinfo] plan",
            ConfigError,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        reason += ": too many requests, or the quota is used up"
        remedy = QUOTA_REMEDY
    elif isinstance(status, int) and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal(reason, "check [ipinfo] plan and endpoint")
    else:
        remedy = OUTAGE_REMEDY
    if retry_after is not None and retry_after > LONGEST_WAIT:
        return Refusal(f"{reason}; it asks to wait {retry_after:,.0f} s", remedy)
    return Passing(reason, remedy, retry_after=retry_after)


def _retry_after(response: requests.Response) -> float | None:
    """The seconds that a reply asks to wait, given as a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
