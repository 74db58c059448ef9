"""Notifications of failed runs: a chat's webhook, and Luigi's e-mails.

The URL of a webhook is a secret, since anybody who has it can post to the chat; it is
never printed, logged, nor any error text that contains it. Nothing here can fail a run.
"""

import logging
import re
import threading
import warnings
from typing import Any
from urllib.parse import urlsplit

import luigi.notifications

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import credentials
from usage_metrics.monitoring.printable import printable

log = logging.getLogger("luigi-interface")

MAX_LENGTH = 3000
"""Characters that chats accept in one message."""

ATTEMPTS = 2

_LOOK_ALIKES = str.maketrans({"<": "\u2039", ">": "\u203a"})
_MENTION = re.compile(r"(?<![\w*])@(?=\w)")
"""Not the at sign of an e-mail address or of a URL with hidden credentials."""


def tolerate_email_errors() -> None:
    """Have Luigi continue when an e-mail cannot be sent.

    By itself it does so only if the server cannot be reached; a wrong setting or a
    missing package would end the run.
    """
    send = luigi.notifications.send_error_email
    if getattr(send, "is_guarded", False):
        return

    def send_if_possible(*args: Any, **kwargs: Any) -> None:
        try:
            with warnings.catch_warnings():
                # Luigi warns about its own defaults.
                warnings.simplefilter("ignore", UserWarning)
                send(*map(_cleaned, args), **kwargs)
        except (OSError, ValueError, ImportError) as error:
            log.warning("the e-mail could not be sent: %s; see [smtp]", error)

    send_if_possible.is_guarded = True  # type: ignore[attr-defined]
    luigi.notifications.send_error_email = send_if_possible


def _cleaned(value: Any) -> Any:
    return credentials.without_credentials(value) if isinstance(value, str) else value


def notify(text: str) -> bool:
    """Send a message to the webhook, if one is configured.

    Returns:
        Whether it was accepted.
    """
    try:
        url = config.webhook()
    except ConfigError as error:
        log.warning("no notification was sent: %s", error)
        return False
    if not url:
        return False
    # An HTTP client's timeout does not end a reply that arrives byte by byte; so the
    # request is made in a thread that is abandoned.
    problems: list[str | None] = []
    timeout = config.notify().timeout
    sender = threading.Thread(
        target=lambda: problems.append(_send(url, text, timeout)), daemon=True
    )
    sender.start()
    sender.join(ATTEMPTS * timeout + 1)
    problem = problems[0] if problems else "it did not answer in time"
    if problem is not None:
        log.warning("the webhook could not be notified: %s", problem)
    return problem is None


def _send(url: str, text: str, timeout: float) -> str | None:
    """POST the message; return what went wrong, without the URL, or None."""
    import requests

    problem = None
    _hide(url)
    for _ in range(ATTEMPTS):
        try:
            with requests.post(
                url,
                json={"text": _disarmed(text)[:MAX_LENGTH]},
                timeout=timeout,
                stream=True,  # the reply is not read
                allow_redirects=False,
            ) as reply:
                if reply.ok and not reply.is_redirect:
                    return None
                problem = f"it answered {reply.status_code}"
                if reply.status_code < 500:
                    return problem
        except (requests.RequestException, ValueError) as error:
            problem = type(error).__name__  # its text contains the URL
    return problem


def _disarmed(text: str) -> str:
    """The text without credentials, control characters and commands to a chat.

    A log may bring in ``<!channel>`` or ``@everyone``, which call people, or a link
    under another name. Signs that look alike call nobody.
    """
    lines = map(printable, text.split("\n"))
    return _MENTION.sub("\uff20", "\n".join(lines).translate(_LOOK_ALIKES))


def _hide(url: str) -> None:
    """Keep the URL out of logs, also as the HTTP client logs it: without the host."""
    from requests.utils import requote_uri

    target = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
    for text in (url, target, requote_uri(target)):
        credentials.hide(text)
