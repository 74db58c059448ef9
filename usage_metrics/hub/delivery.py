"""Sends a report to the hub: new, or in place of the one of that month.

A second POST for a month is answered with success: plain JSON changes nothing then, and
a compressed part is added to those that are there. So a month that the hub holds is
replaced by PUT, and the parts after the first are added by POST. Whatever fails on the
way is begun again from its beginning, which gives the same end.
"""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from usage_metrics import config
from usage_metrics.errors import ConfigError, ReplyError
from usage_metrics.hub.hub_settings import endpoint, hub_settings
from usage_metrics.hub.subsets import Subset
from usage_metrics.platforms.client import Answer, Client, said_by
from usage_metrics.refusals import Refusal, TemporaryRefusal

TOKEN = "DATACITE_TOKEN"  # noqa: S105  the name of a variable

HEADERS = {
    "User-Agent": "usage-metrics",
    "Accept": "application/json",
}
COMPRESSED = {"Content-Type": "application/gzip", "Content-Encoding": "gzip"}

PAGE = 200
"""Reports in an answer of the hub."""

_AGAIN = "usage-metrics counter submit sends it again"


def hub_client(*, may_send: bool) -> Client:
    """The client of the hub.

    Args:
        may_send: whether it is to have the token, without which it can only look.

    Raises:
        ConfigError: if there should be a token, and is none.
    """
    token = config.secret(TOKEN, "DataCite") if may_send else ""
    if may_send and not token:
        raise ConfigError(
            f"to send a report, set the environment variable {TOKEN} to the token that "
            "DataCite gave you for usage reports; docs/counter.md says how to get one"
        )
    settings = hub_settings()
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(
        title="DataCite",
        endpoint=endpoint(),
        headers=HEADERS | authorization,
        token=token,
        variable=TOKEN,
        timeout=settings.timeout,
        attempts=settings.attempts,
        page="docs/counter.md",
    )


@dataclass(frozen=True)
class Delivery:
    """What the hub made of a report."""

    id: str
    answer: str


def deliver(
    client: Client,
    header: Mapping[str, Any],
    subsets: Sequence[Subset],
    known: str | None,
) -> Delivery:
    """Have the hub hold exactly these parts of a report.

    Args:
        client: the client of the hub.
        header: that of the report.
        subsets: the parts.
        known: the id under which the month was sent before, if it was.

    Raises:
        Refusal: if the hub does not take it; the reason holds its words.
    """
    return client.retried(lambda: _deliver(client, header, subsets, known))


def _deliver(
    client: Client,
    header: Mapping[str, Any],
    subsets: Sequence[Subset],
    known: str | None,
) -> Delivery:
    first, *others = subsets
    if there := found(client, header) or known:
        if there != known:
            _check_owner(client, there)
        answer = _send(client, "PUT", f"/reports/{there}", first)
    else:
        answer = _send(client, "POST", "/reports", first)
    for subset in others:
        answer = _send(client, "POST", "/reports", subset)
    report = _report(answer)
    name = report.get("id")
    if not isinstance(name, str) or not name:
        raise Refusal("DataCite answers with a report without an id", _AGAIN)
    _check_parts(report, subsets)
    return Delivery(name, f"HTTP {answer.status}: {_in_brief(report)}")


def _in_brief(report: Mapping[str, Any]) -> str:
    """What the hub says of a report, without the report."""
    subsets = report.get("report-subsets")
    brief: dict[str, Any] = {n: report.get(n) for n in ("id", "report-header")}
    if isinstance(subsets, list):
        brief["checksums"] = [s.get("checksum") for s in subsets if isinstance(s, dict)]
    return json.dumps(brief, ensure_ascii=False)


def found(client: Client, header: Mapping[str, Any]) -> str | None:
    """The id of the report that the hub holds of a month; None if it holds none.

    Raises:
        Refusal: if the hub does not say.
    """
    author, first = header["created-by"], header["reporting-period"]["begin-date"]
    number, pages = 0, 1
    while number < pages:
        number += 1
        query = {"created-by": author, "page[number]": number, "page[size]": PAGE}
        answer = client.ask("GET", f"/reports?{urlencode(query)}")
        try:
            listed = json.loads(answer.body) if answer.status == 200 else {}
            pages = int(listed["meta"]["total-pages"])
            for report in listed["reports"]:
                about = report["report-header"]
                begin = about["reporting-period"]["begin-date"]
                if about["created-by"] == author and _month(begin) == _month(first):
                    return str(report["id"])
        except (ValueError, KeyError, TypeError) as error:
            why = f"DataCite does not list its reports: {said_by(answer)}"
            raise Refusal(why, _AGAIN, ReplyError) from error
    return None


def _month(day: str) -> str:
    return f"{dt.date.fromisoformat(day):%Y-%m}"


def _check_owner(client: Client, name: str) -> None:
    """Refuse to replace the report of somebody else with the same ``created_by``."""
    ours = account_of(client.token)
    answer = client.ask("GET", f"/reports/{name}")
    header = _report(answer).get("report-header")
    owner = header.get("client-id") if isinstance(header, dict) else None
    if ours and owner and ours.lower() != str(owner).lower():
        raise Refusal(
            f"DataCite holds a report of that month and that created_by, {name}, which "
            f"is {owner}'s, and the token is {ours}'s",
            "change created_by in the registry of datasets",
            ConfigError,
        )


def account_of(token: str) -> str | None:
    """The account that a JSON web token is for; None if it does not say."""
    payload = [*token.split("."), ""][1]
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None
    name = said.get("uid") if isinstance(said, dict) else None
    return name if isinstance(name, str) else None


def _send(client: Client, method: str, path: str, subset: Subset) -> Answer:
    answer = client.ask(method, path, subset.body, COMPRESSED)
    if not 200 <= answer.status < 300:
        raise Refusal(
            f"DataCite refuses the report: {said_by(answer)}",
            "usage-metrics counter check says what is wrong with a report",
        )
    return answer


def _report(answer: Answer) -> dict[str, Any]:
    try:
        report = json.loads(answer.body)["report"]
    except (ValueError, KeyError, TypeError):
        report = None
    if not isinstance(report, dict):
        why = f"DataCite answers with something other than a report: {said_by(answer)}"
        raise Refusal(why, _AGAIN, ReplyError)
    return report


def _check_parts(report: Mapping[str, Any], subsets: Sequence[Subset]) -> None:
    """Have it sent again if the hub holds other parts than were sent."""
    if not isinstance(there := report.get("report-subsets"), list):
        return  # it does not say
    held = sorted(str(s.get("checksum")) for s in there if isinstance(s, dict))
    if held != sorted(subset.digest for subset in subsets):
        raise TemporaryRefusal(
            f"DataCite holds {len(held)} parts of the report, and other ones than the "
            f"{len(subsets)} that were sent",
            _AGAIN,
        )
