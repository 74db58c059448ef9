"""What is left of an ipinfo account's quota; no address is sent."""

import requests
from ipinfo.handler_utils import API_URL

from usage_metrics.errors import ConfigError, ServiceError
from usage_metrics.geocode.ipinfo_replies import TOKEN_PAGE, TOKEN_REFUSED
from usage_metrics.geocode.ipinfo_service import token_auth


def quota(token: str, endpoint: str, timeout: float) -> str:
    """Say in a few words what is left this month.

    Args:
        token: the account's secret.
        endpoint: URL to use instead of ipinfo's; empty for ipinfo's.
        timeout: seconds to wait.

    Raises:
        ConfigError: if the token is refused.
        ServiceError: if the service does not answer, or nothing is left.
    """
    try:
        reply = requests.get(
            f"{(endpoint or API_URL).rstrip('/')}/me",
            auth=token_auth(token),
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise ServiceError(
            f"ipinfo did not answer ({type(error).__name__}); check the network, or "
            "set [geocode] provider = mmdb"
        ) from None
    if reply.status_code in TOKEN_REFUSED:
        raise ConfigError(
            f"ipinfo refuses the token in IPINFO_TOKEN: copy it again from {TOKEN_PAGE}"
        )
    try:
        usage = reply.json()["requests"]
        left, limit = int(usage["remaining"]), int(usage["limit"])
    except (ValueError, KeyError, TypeError):
        return "the token is accepted; ipinfo does not say what is left"
    if left <= 0:
        raise ServiceError(
            f"none of the {limit:,} requests of this month are left; wait for the "
            "next, or set [ipinfo] when_refused = leave_null"
        )
    return f"{left:,} of {limit:,} requests are left this month"
