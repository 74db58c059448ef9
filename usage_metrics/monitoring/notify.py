"""Notifications of failed runs: a chat's webhook, and Luigi's e-mails.

The URL of a webhook is a secret, since anybody who has it can post to the chat; it is
never printed, logged, nor any error text that contains it. Nothing here can fail a run.
"""

import logging
import re
import threading
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import luigi.notifications

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import credentials
from usage_metrics.monitoring.printable import printable_lines

log = logging.getLogger("luigi-interface")

MAX_LENGTH = 3000
"""Characters that chats accept in one message."""

ATTEMPTS = 2

_LOOK_ALIKES = str.maketrans({"<": "\u2039", ">": "\u203a"})
_MENTION = re.compile(r"(?<![^\W_])@(?=\w)")
"""Not the at sign of an e-mail address. Chats call people in bold or italics, too."""


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
    if problem := post(url, {"text": text}):
        log.warning("the webhook could not be notified: %s", problem.why)
    return problem is None


class Problem(NamedTuple):
    """Why a message was not accepted."""

    why: str
    """Without the URL."""
    may_be_there: bool = False
    """Whether it may have arrived all the same."""


def post(url: str, message: Mapping[str, Any], *, once: bool = False) -> Problem | None:
    """POST a message, disarmed, to a chat.

    Args:
        url: that of the webhook.
        message: what is said, as JSON has it.
        once: whether it must not arrive twice: it is then not sent again unless the
            chat said that it does not take it, or could not be reached.

    Returns:
        What went wrong; None if it was accepted.
    """
    # An HTTP client's timeout does not end a reply that arrives byte by byte; so the
    # request is made in a thread that is abandoned.
    problems: list[Problem | None] = []
    timeout = config.notify().timeout
    sender = threading.Thread(
        target=lambda: problems.append(_send(url, message, timeout, once)), daemon=True
    )
    sender.start()
    sender.join(ATTEMPTS * timeout + 1)
    return problems[0] if problems else Problem("it did not answer in time", True)


def _send(
    url: str, message: Mapping[str, Any], timeout: float, once: bool
) -> Problem | None:
    import requests

    problem = None
    _hide(url)
    for _ in range(ATTEMPTS):
        try:
            with requests.post(
                url,
                json=_disarmed(message),
                timeout=timeout,
                stream=True,  # the reply is not read
                allow_redirects=False,
            ) as reply:
                if reply.ok and not reply.is_redirect:
                    return None
                problem = Problem(f"it answered {reply.status_code}")
                if reply.status_code < 500:
                    return problem
        except (requests.RequestException, ValueError) as error:
            # Its text contains the URL.
            problem = Problem(type(error).__name__, _may_be_there(error))
        if once and problem.may_be_there:
            break
    return problem


def _may_be_there(error: Exception) -> bool:
    """Whether a request that failed may have been taken: the connection was made."""
    import requests
    from urllib3.exceptions import MaxRetryError

    if not isinstance(error, requests.ConnectionError | requests.Timeout):
        return False
    return not (error.args and isinstance(error.args[0], MaxRetryError))


def _disarmed(value: Any) -> Any:
    """Texts without credentials, control characters and commands to a chat.

    A log may bring in ``<!channel>`` or ``@everyone``, which call people, or a link
    under another name. Signs that look alike call nobody.
    """
    if isinstance(value, Mapping):
        return {key: _disarmed(of) for key, of in value.items()}
    if isinstance(value, list):
        return [*map(_disarmed, value)]
    text = printable_lines(value).translate(_LOOK_ALIKES).replace("](", "] (")
    return _MENTION.sub("\uff20", text)[:MAX_LENGTH]


def _hide(url: str) -> None:
    """Keep the URL out of logs, also as the HTTP client logs it: without the host."""
    from requests.utils import requote_uri

    target = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
    for text in (url, target, requote_uri(target)):
        credentials.hide(text)
