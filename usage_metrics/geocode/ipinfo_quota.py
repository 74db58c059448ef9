"""What an ipinfo token may still ask for. The SDK does not ask; no address is sent."""

from http import HTTPStatus

import requests

from usage_metrics.errors import ConfigError, ServiceError

IPINFO = "https://ipinfo.io"


def quota(token: str, endpoint: str, timeout: float) -> str:
    """Say, in a few words, what the account is left.

    Args:
        token: the account's secret.
        endpoint: URL to ask instead of ipinfo's; empty for ipinfo's.
        timeout: seconds to wait.

    Raises:
        ConfigError: if the token is refused.
        ServiceError: if the service does not answer.
    """
    try:
        reply = requests.get(
            f"{(endpoint or IPINFO).rstrip('/')}/me",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise ServiceError(
            f"ipinfo did not answer ({type(error).__name__}); see to the network, or "
            "set [geocode] provider = mmdb"
        ) from None
    if reply.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ConfigError(
            "ipinfo refuses the token in IPINFO_TOKEN: copy it again from "
            "https://ipinfo.io/dashboard/token"
        )
    return _in_words(reply)


def _in_words(reply: requests.Response) -> str:
    try:
        requests_ = reply.json()["requests"]
        left, limit = int(requests_["remaining"]), int(requests_["limit"])
    except (ValueError, KeyError, TypeError):
        return "the token is accepted; ipinfo does not say what is left"
    if left <= 0:
        raise ServiceError(
            f"none of the {limit:,} requests of this month are left; wait for the "
            "next, or set [ipinfo] when_refused = leave_null"
        )
    return f"{left:,} of {limit:,} requests are left this month"
