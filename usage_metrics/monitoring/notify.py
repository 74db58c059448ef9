"""Telling somebody that a run failed: a chat's webhook, and Luigi's e-mails.

The URL of a webhook is a secret: whoever has it can write into the chat. So it is never
printed, and an error says everything but it. Nothing here can fail the run.
"""

import logging
import threading
import warnings
from typing import Any

import luigi.notifications

from usage_metrics import config
from usage_metrics.errors import ConfigError

log = logging.getLogger("luigi-interface")

LONGEST_TEXT = 3000
"""What chats take in one message."""

ATTEMPTS = 2


def let_no_mail_stop_a_run() -> None:
    """Have Luigi go on when an e-mail cannot be sent.

    Of itself it does so only where the server cannot be reached; a wrong setting, or a
    package that is not installed, would end the run in the middle.
    """
    send = luigi.notifications.send_error_email
    if getattr(send, "is_guarded", False):
        return

    def send_if_possible(*args: Any, **kwargs: Any) -> None:
        try:
            with warnings.catch_warnings():
                # Luigi warns of its own defaults.
                warnings.simplefilter("ignore", UserWarning)
                send(*args, **kwargs)
        except (OSError, ValueError, ImportError) as error:
            log.warning("no e-mail could be sent: %s", error)

    send_if_possible.is_guarded = True  # type: ignore[attr-defined]
    luigi.notifications.send_error_email = send_if_possible


def notify(text: str) -> bool:
    """Send a message to the webhook, if there is one.

    Returns:
        Whether it was taken.
    """
    try:
        url = config.webhook()
    except ConfigError as error:
        log.warning("nobody was told: %s", error)
        return False
    if not url:
        return False
    # In a thread, because no time limit of an HTTP client ends a server that answers
    # a byte at a time.
    outcome: list[str | None] = []
    patience = config.notify().timeout
    sender = threading.Thread(
        target=lambda: outcome.append(_send(url, text, patience)), daemon=True
    )
    sender.start()
    sender.join(ATTEMPTS * patience + 1)
    problem = outcome[0] if outcome else "it did not answer in time"
    if problem is not None:
        log.warning("the webhook was not told: %s", problem)
    return problem is None


def _send(url: str, text: str, patience: float) -> str | None:
    """POST it; what went wrong, without the URL, or None."""
    import requests

    message: dict[str, Any] = {"text": text[:LONGEST_TEXT]}
    problem = "it was not tried"
    for _ in range(ATTEMPTS):
        try:
            with requests.post(
                url,
                json=message,
                timeout=patience,
                stream=True,  # the answer is of no interest
                allow_redirects=False,
            ) as reply:
                if reply.ok and not reply.is_redirect:
                    return None
                problem = f"it answered {reply.status_code}"
                if reply.status_code < 500:
                    return problem
        except (requests.RequestException, ValueError) as error:
            problem = f"{type(error).__name__}"  # its text has the URL in it
    return problem
