"""E-mails with a picture, by the server that ``[smtp]`` names, as Luigi's own.

Luigi's function says nothing of an e-mail that was not sent, and knows no alternative
text of a picture.
"""

import contextlib
import logging
import re
import smtplib
import warnings
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape

from luigi import notifications

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import credentials
from usage_metrics.monitoring.notify import Problem

log = logging.getLogger("luigi-interface")

Picture = tuple[bytes, str]
"""A PNG, and what stands in its place for those who do not see it."""

_ADDRESS = re.compile(r"(?<![^\s<>(),;:'\"])[^\s<>(),;:'\"]+@[^\s<>(),;:'\"]+")
"""The lookbehind keeps the search from beginning again at each character."""

REFUSALS = (
    smtplib.SMTPResponseException,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
)
"""After these, nothing was sent."""


def receivers() -> list[str]:
    """Who gets digests; nobody if e-mail is switched off.

    Raises:
        ConfigError: if e-mails are not to be sent by SMTP.
    """
    luigis = notifications.email()
    named = config.digest().receiver or luigis.receiver
    found = [name.strip() for name in named.split(",") if name.strip()]
    if not found or luigis.format == "none":
        return []
    if luigis.method != "smtp":
        raise ConfigError(
            f"[email] method = {luigis.method} is for failures only: a digest goes by "
            "SMTP; set method = smtp and [smtp] host, or format = none for no e-mail"
        )
    return found


def send(
    to: list[str], subject: str, text: str, picture: Picture | None
) -> Problem | None:
    """Send a text and a picture; return what went wrong, or None."""
    is_begun = False
    try:
        message = _message(to, subject, text, picture)
        with _server() as server:
            is_begun = True
            if refused := server.send_message(message):
                what = f"{len(refused)} of {len(to)} receivers were refused"
                log.warning("an e-mail was sent, but %s", what)
    except (*REFUSALS, ValueError) as error:
        return Problem(_said(error))
    except OSError as error:
        return Problem(_said(error), may_be_there=is_begun)
    return None


def _said(error: Exception) -> str:
    """What a server said, without the addresses to which it said it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({str(code) for code, _ in error.recipients.values()})
        return f"it refuses every receiver: {', '.join(codes)}"
    text = credentials.without_credentials(str(error))
    return f"{type(error).__name__}: {_ADDRESS.sub(credentials.HIDDEN, text)}"


@contextlib.contextmanager
def _server() -> Iterator[smtplib.SMTP]:
    """A connection, made as Luigi makes its own."""
    with warnings.catch_warnings():
        # Luigi warns about its own defaults.
        warnings.simplefilter("ignore", UserWarning)
        settings = notifications.smtp()
    make = smtplib.SMTP_SSL if settings.ssl else smtplib.SMTP
    server = make(
        settings.host, settings.port, settings.local_hostname, timeout=settings.timeout
    )
    try:
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls") and not settings.no_tls:
            server.starttls()
        if settings.username and settings.password:
            credentials.hide(settings.password)
            server.login(settings.username, settings.password)
        yield server
        with contextlib.suppress(OSError):  # it has taken the message
            server.quit()
    finally:
        server.close()


def _message(
    to: list[str], subject: str, text: str, picture: Picture | None
) -> EmailMessage:
    message, luigis = EmailMessage(), notifications.email()
    message["Subject"] = f"{luigis.prefix} {subject}".strip()
    message["From"], message["To"] = luigis.sender, ", ".join(to)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid("usage-metrics")
    png, alternative = picture or (b"", "")
    message.set_content(f"{text}\n\n{alternative}".rstrip() + "\n")
    if picture:
        cid = make_msgid("picture")
        message.add_alternative(
            '<div style="font-family: sans-serif">'
            f'<p><img src="cid:{cid[1:-1]}" width="640" style="max-width: 100%" '
            f'alt="{escape(alternative)}"></p>'
            f'<div style="white-space: pre-wrap">{escape(text)}</div></div>',
            subtype="html",
        )
        _, html = message.iter_parts()
        html.add_related(png, "image", "png", cid=cid, filename="digest.png")
    return message
