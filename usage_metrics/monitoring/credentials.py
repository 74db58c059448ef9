"""Takes credentials out of whatever is logged, printed or posted.

The user and password of a URL are recognised by their place. Of some secrets, such as
the path of a webhook, only whoever uses them knows what they look like in a log.
"""

import re

HIDDEN = "***"

_IN_URL = re.compile(r"(?<=://)[^\s/?#]*@")
"""User and password, up to the last at sign before the path."""

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Have a text hidden wherever it occurs, for as long as the process lives."""
    if secret.strip("/"):
        _secrets.add(secret)


def without_credentials(text: str) -> str:
    """The text with each credential replaced by asterisks."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _IN_URL.sub(f"{HIDDEN}@", text)
