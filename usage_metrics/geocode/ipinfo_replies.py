"""What a reply of ipinfo.io means: locations, a temporary failure, or a refusal.

The plans reply in two shapes: in ``lite``, ``country`` is the name and
``country_code`` the code; in ``full``, ``country`` is the code. The status may refuse
a whole request, and a batch may contain an error about a single address. Errors quote
what a refused reply says, without the token, in case the service echoes it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.errors import ConfigError
from usage_metrics.geocode.countries import country_name
from usage_metrics.geocode.locations import Location
from usage_metrics.refusals import (
    LONGEST_WAIT,
    Refusal,
    TemporaryRefusal,
    retry_after_of,
)

Reply = dict[str, Any]
"""What ipinfo says about one address."""

TOKEN_PAGE = "https://ipinfo.io/dashboard/token"  # noqa: S105  a URL, not a password
OUTAGE_REMEDY = "see https://status.ipinfo.io and try again later"
QUOTA_REMEDY = "wait, or raise the plan at https://ipinfo.io/pricing"

_AS_NUMBER = re.compile(r"AS\d+\b")
_UNKNOWN_ADDRESS = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
TOKEN_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass
class Answers:
    """Replies about some addresses; those in neither collection were not answered."""

    known: dict[str, Reply] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """Addresses that the service knows nothing about."""
    refusal: Refusal | None = None
    """Why the others were not answered."""

    def add(self, more: "Answers") -> None:
        """Add the replies of another request; the first refusal stays."""
        self.known |= more.known
        self.unknown |= more.unknown
        self.refusal = self.refusal or more.refusal


def read(response: requests.Response, body: bytes, token: str) -> Any:
    """Parse the JSON of a reply.

    Raises:
        Refusal: if the reply is an error or not JSON.
    """
    if response.status_code == HTTPStatus.OK:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "an unknown type")
            raise unexpected(f"{kind} instead of JSON") from error
    text = " ".join(body.decode(errors="replace").replace(token, "***").split())
    detail = f"({anonymous(text[:200])})"
    raise _refusal(response.status_code, detail, retry_after_of(response))


def sort(body: Any, addresses: Sequence[str]) -> Answers:
    """Separate answers from errors; a batch may hold both.

    Raises:
        Refusal: if the body does not map addresses to replies.
    """
    if not isinstance(body, dict):
        raise unexpected("JSON of another shape")
    answers = Answers()
    for address in addresses:
        reply = body.get(address)
        if not isinstance(reply, dict):
            answers.refusal = unexpected("nothing about an address")
        elif "error" in reply and reply.get("status") not in _UNKNOWN_ADDRESS:
            answers.refusal = _refusal(reply.get("status"), "about an address")
        elif "error" in reply or reply.get("bogon"):
            answers.unknown.add(address)
        elif "ip" in reply:
            answers.known[address] = reply
        else:
            answers.refusal = unexpected("something else about an address")
    return answers


def unexpected(what: str) -> Refusal:
    """The refusal for a reply that is unlikely to come from ipinfo."""
    return Refusal(
        f"ipinfo answered with {what}",
        "check [ipinfo] endpoint, and that no proxy or login page intercepts requests",
    )


def normalise(reply: Reply, located_by: str | None = None) -> Location:
    """Turn a reply of either plan into the columns; other fields are ignored."""
    if "country_code" in reply:
        country, name = _text(reply["country_code"]), _text(reply.get("country"))
    else:
        country, name = _text(reply.get("country")), None
    name = name or country_name(country)
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
    """Whether a reply names neither a country nor a network."""
    return not any(map(reply.get, ("country", "country_code", "asn", "org")))


def _coordinates(
    loc: str | None,
) -> tuple[str | None, float | None, float | None]:
    """Give ``"37.4,-122.1"`` and its two numbers, or nothing if it is not a place."""
    latitude, _, longitude = (loc or "").partition(",")
    try:
        place = float(latitude), float(longitude)
    except ValueError:
        return None, None, None
    if abs(place[0]) <= 90 and abs(place[1]) <= 180:  # false for NaN as well
        return loc, *place
    return None, None, None


def _network(reply: Reply) -> tuple[str | None, str | None]:
    """Give the organisation and the AS number; each plan has them in other fields."""
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
    """A text that is not blank and can be encoded as UTF-8, else None."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().strip() or None


def _refusal(status: Any, detail: str, retry_after: float | None = None) -> Refusal:
    """The refusal that a status other than 200 stands for."""
    what = f"HTTP {status}" if isinstance(status, int) else "an error"
    reason = f"ipinfo answered {what} {detail}"
    if status in TOKEN_REFUSED:
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
    return TemporaryRefusal(reason, remedy, retry_after=retry_after)
