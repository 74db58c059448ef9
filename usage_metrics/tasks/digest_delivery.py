"""Sends the digest of a month to a chat and by e-mail, each once."""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, month_after, utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import mail
from usage_metrics.monitoring.notify import Problem, post
from usage_metrics.sources.settings import logs_named, source_section
from usage_metrics.tasks.digest_files import DigestFiles, make_digest
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.sent_digests import (
    REFUSED,
    SENDING,
    SENT,
    UNKNOWN,
    Sent,
    SentDigest,
)

DAYS_TO_WAIT = 10
"""From then on, a month is told although a log of its last day is not there."""

Send = Callable[[DigestFiles], Problem | None]


class Said(NamedTuple):
    """What came of sending a digest, in a sentence."""

    sentence: str
    is_problem: bool = False


def recipients() -> dict[str, Send]:
    """Who gets digests: ``chat``, ``e-mail``, both or neither.

    Raises:
        ConfigError: if a setting is wrong.
    """
    found: dict[str, Send] = {}
    if url := config.webhook("digest"):
        found["chat"] = functools.partial(_to_chat, url, _folder_of_pictures())
    if to := mail.receivers():
        found["e-mail"] = functools.partial(_by_mail, to)
    return found


def checked_recipients() -> dict[str, Send]:
    """The same.

    Raises:
        ConfigError: if there is nobody.
    """
    if found := recipients():
        return found
    raise ConfigError(
        "there is nobody to send a digest to: set the environment variable "
        "USAGE_METRICS_DIGEST_WEBHOOK to the URL of a chat, or [digest] receiver to an "
        "e-mail address"
    )


def is_pending(month: dt.date) -> bool:
    """Whether something of a month is to be sent, or to be said of it."""
    found = (SentDigest(month, to).read() for to in checked_recipients())
    return any(sent is None or sent.state in (SENDING, REFUSED) for sent in found)


def is_settled(month: dt.date) -> bool:
    """Whether the last day of a month is counted, or is waited for no longer."""
    if utc_now().date().day > DAYS_TO_WAIT:
        return True
    warehouse = open_warehouse()
    for source in logs_named():
        try:
            section = source_section(source)
        except ConfigError:  # that has been said
            return False
        last = min(section.stop or dt.date.max, month_after(month)) - ONE_DAY
        is_wanted = max(section.start or month, month) <= last
        is_there = is_wanted and last in warehouse.loaded("usage_counter", source)
        if is_wanted and not is_there and last not in section.lost_days:
            return False
    return True


def deliver(month: dt.date, *, again: bool = False) -> Iterator[Said]:
    """Send the digest of a month to all who have not got it.

    Args:
        month: its first day.
        again: whether to send it also to those who have got it, or may have.

    Yields:
        What came of it, for each of them.

    Raises:
        ConfigError: if there is nobody to send it to.
        NotYetError: if no day of the month is counted.
    """
    found = checked_recipients()
    digest = functools.cache(lambda: _written(month))
    for to, send in found.items():
        record = SentDigest(month, to)
        before = None if again else record.read()
        if before and before.state != REFUSED:
            yield _said_before(month, to, before)
            if before.state == SENDING:
                record.write(UNKNOWN, "sending it was interrupted")
        else:
            made = digest()
            record.write(SENDING)
            problem = send(made)
            yield _kept(month, to, record, problem)


def _written(month: dt.date) -> DigestFiles:
    digest = make_digest(month)
    digest.write()  # before chats are told where the picture is
    return digest


def _kept(month: dt.date, to: str, record: SentDigest, problem: Problem | None) -> Said:
    """Keep what came of sending, and say it."""
    if problem is None:
        record.write(SENT)
        return Said(f"digest of {month:%Y-%m}: sent, {to}")
    if problem.may_be_there:
        record.write(UNKNOWN, problem.why)
        return _unknown(month, to, problem.why)
    record.write(REFUSED, problem.why)
    return Said(
        f"digest of {month:%Y-%m}: not sent, {to}: {problem.why}; the next run tries "
        "again",
        is_problem=True,
    )


def _said_before(month: dt.date, to: str, before: Sent) -> Said:
    if before.state == SENT:
        return Said(
            f"digest of {month:%Y-%m}: was sent on {before.at[:10]}, {to}; --again "
            "sends it once more"
        )
    return _unknown(month, to, before.why or "sending it was interrupted")


def _unknown(month: dt.date, to: str, why: str) -> Said:
    return Said(
        f"digest of {month:%Y-%m}: nobody knows whether it arrived, {to}: {why}; look "
        f"there, and if not: usage-metrics digest --month {month:%Y-%m} --send --again",
        is_problem=True,
    )


def _to_chat(url: str, pictures: str, digest: DigestFiles) -> Problem | None:
    message: Mapping[str, Any] = {"text": digest.text}
    if pictures and digest.picture:
        shown = {
            "fallback": digest.picture.alternative,
            "image_url": f"{pictures}/{digest.month:%Y-%m}.png",
        }
        message = {**message, "attachments": [shown]}
    return post(url, message, once=True)


def _by_mail(to: list[str], digest: DigestFiles) -> Problem | None:
    return mail.send(to, digest.title, digest.text, digest.picture)


def _folder_of_pictures() -> str:
    """Where chats find pictures; empty if they cannot.

    Raises:
        ConfigError: if it is no URL.
    """
    url = config.digest().pictures
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError(
            f"luigi.cfg: [digest] pictures = {url!r} must be a URL that begins with "
            "https://, or empty"
        )
    return url.rstrip("/")
