"""The provider ipinfo.io: the service behind a cache that keeps every answer.

No address is paid for twice: an answer is in the cache before anything else happens,
and the cache stays locked from the first look to the last answer, so that two runs
never ask for the same address. The cache keeps the service's own reply, and the columns
are derived from it each time; so a change to this code does not ask again.
"""

import datetime as dt
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from usage_metrics import config
from usage_metrics.dates import utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.geocode.cache import LockedShelf, StableShelf
from usage_metrics.geocode.ipinfo_replies import Reply, is_empty, normalise
from usage_metrics.geocode.ipinfo_service import (
    PLANS,
    IpinfoService,
    chunks,
    may_be_sent,
)
from usage_metrics.geocode.locations import Location
from usage_metrics.refusals import Refusal

logger = logging.getLogger("luigi-interface")

ATTRIBUTION = "IP address data powered by IPinfo (https://ipinfo.io)"
"""The attribution that the terms of the free plan require."""

VERSION = 1
"""Of the format of a cached answer: ``v``, ``provider``, ``fetched_at``, ``raw``."""

EMPTY_DAYS = 1
"""Days after which an address is asked for again if nothing was known about it."""

_PLAN_NAMES = {plan.provider: plan.name for plan in PLANS.values()}


class Cached(NamedTuple):
    """A cached answer."""

    provider: str
    fetched_at: str
    """In ISO 8601, UTC: such times sort as text."""
    is_empty: bool
    location: Location


@dataclass
class IpinfoProvider:
    """Locates addresses through ipinfo.io and a cache of its answers."""

    service: IpinfoService
    """Answers what the cache does not hold."""
    shelf: LockedShelf
    """The cache."""
    cache_days: int = 90
    """Days after which an address is asked for again."""
    leave_null: bool = False
    """Leave addresses unlocated that the service refuses to answer, do not fail."""
    now: Callable[[], dt.datetime] = utc_now
    unanswered: int = field(default=0, init=False)
    """The number of those addresses."""

    @classmethod
    def from_config(cls) -> Self:
        """Make the provider that ``[ipinfo]`` and ``IPINFO_TOKEN`` describe.

        Raises:
            ConfigError: if the token is missing or the endpoint is invalid.
        """
        settings = config.ipinfo()
        url = settings.endpoint
        if url and not url.startswith(("https://", "http://")):
            raise ConfigError(
                f"luigi.cfg: [ipinfo] endpoint = {url!r} must be a URL that begins "
                "with https:// or http://, or empty"
            )
        token, plan = config.ipinfo_token(), PLANS[settings.plan]
        return cls(
            IpinfoService(token, plan, settings.timeout, settings.attempts, url),
            LockedShelf(Path(settings.cache)),
            settings.cache_days,
            leave_null=settings.when_refused == "leave_null",
        )

    def locate(self, addresses: Sequence[str]) -> list[Location | None]:
        """Locate addresses, asking the service for those missing from the cache.

        Raises:
            ServiceError: if the service did not answer all of them and
                ``when_refused`` is fail. The answers it gave are cached.
            ConfigError: if it refuses the token.
            StorageError: if the cache cannot be read or written.
        """
        oldest = _days_before(self.now(), self.cache_days)
        with self.shelf.open(partial(_is_older, oldest)) as answers:
            located = self._cached(addresses, answers)
            missing = [a for a, location in located.items() if location is None]
            if missing:
                located.update(self._ask(missing, answers))
        return [located[address] for address in addresses]

    def facts(self) -> dict[str, str]:
        """Provider, plan, attribution, and the number of unanswered addresses."""
        return {
            "provider": "ipinfo",
            "plan": self.service.plan.name,
            "attribution": ATTRIBUTION,
            "unanswered": str(self.unanswered),
        }

    def _cached(
        self, addresses: Sequence[str], answers: StableShelf
    ) -> dict[str, Location | None]:
        """The cached locations that are not too old; None for the other addresses."""
        oldest = _days_before(self.now(), self.cache_days)
        oldest_empty = _days_before(self.now(), EMPTY_DAYS)
        # An answer of the full plan has everything that one of the lite plan has.
        accepted = {PLANS["full"].provider, self.service.plan.provider}
        located: dict[str, Location | None] = dict.fromkeys(addresses)
        for address in located:
            cached = _read(answers.get(address, "null"))
            if cached is None or cached.provider not in accepted:
                continue
            if cached.fetched_at >= (oldest_empty if cached.is_empty else oldest):
                located[address] = cached.location
        return located

    def _ask(
        self, missing: list[str], answers: StableShelf
    ) -> dict[str, Location | None]:
        """Ask window by window and cache the answers, until the first refusal."""
        plan = self.service.plan
        unknown = Location(located_by=f"ipinfo {plan.name} {self.now().date()}")
        wanted = [address for address in missing if may_be_sent(address)]
        located: dict[str, Location | None] = dict.fromkeys(missing, Location())
        located.update(dict.fromkeys(wanted))
        for window in chunks(wanted, plan.window):
            replies = self.service.ask(window, partial(self._keep, answers))
            answers.sync()
            located.update(self._cached(list(replies.known), answers))
            located.update(dict.fromkeys(replies.unknown, unknown))
            if replies.refusal is not None:
                left = sum(located[address] is None for address in wanted)
                self._give_up(replies.refusal, left, len(wanted) - left)
                break
        return located

    def _keep(self, answers: StableShelf, replies: dict[str, Reply]) -> None:
        answer: dict[str, Any] = {
            "v": VERSION,
            "provider": self.service.plan.provider,
            "fetched_at": _iso(self.now()),
        }
        texts = {}
        for address, reply in replies.items():
            # The address is the key; without it, equal replies are equal texts.
            raw = {key: value for key, value in reply.items() if key != "ip"}
            texts[address] = json.dumps(answer | {"raw": raw})
        answers.keep(texts)

    def _give_up(self, refusal: Refusal, left: int, done: int) -> None:
        """Fail, or go on without the addresses that are left."""
        self.unanswered += left
        happened = (
            f"{refusal.reason}. {done:,} addresses were answered and are kept in the "
            f"cache, {left:,} are left"
        )
        if self.leave_null:
            logger.warning("%s: these stay without location this time", happened)
            return
        raise refusal.error(
            f"{happened}. {refusal.remedy[0].upper()}{refusal.remedy[1:]}, then run "
            "again: only those are requested. Or set [ipinfo] when_refused = "
            "leave_null to go on without them, or [geocode] provider = mmdb"
        ) from refusal


def forget_expired(cache: str, cache_days: int, *, dry_run: bool) -> int:
    """Remove answers older than ``cache_days`` from a cache, or only count them.

    Raises:
        StorageError: if the cache cannot be read or written.
    """
    oldest = _days_before(utc_now(), cache_days)

    def expired(answers: dict[str, str]) -> set[str]:
        return {key for key, text in answers.items() if _is_older(oldest, text)}

    shelf = LockedShelf(Path(cache))
    if not dry_run:
        return shelf.forget(expired)
    if not shelf.exists():
        return 0
    with shelf.open() as answers:
        return len(expired(dict(answers)))


def _is_older(oldest: str, text: str) -> bool:
    cached = _read(text)
    return cached is not None and cached.fetched_at < oldest


def _days_before(now: dt.datetime, days: int) -> str:
    return _iso(now - dt.timedelta(days))


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="minutes")


@lru_cache(maxsize=2**17)
def _read(text: str) -> Cached | None:
    """Parse a cached answer; None if a later version of this code wrote it.

    Memoised because the days of a long range often have the same visitors.
    """
    answer = json.loads(text)
    if answer is None or answer["v"] != VERSION:
        return None
    provider, fetched_at, raw = answer["provider"], answer["fetched_at"], answer["raw"]
    located_by = f"ipinfo {_PLAN_NAMES[provider]} {fetched_at[:10]}"
    return Cached(provider, fetched_at, is_empty(raw), normalise(raw, located_by))
