"""The provider ipinfo.io: the service, with every answer kept.

An address is asked about once, ever: what the service answered is in the cache before
anything else happens, and the lock of the cache is held from the first look to the
last answer, so that two runs never pay for the same address. What is kept is the
service's own reply; the columns are made from it anew each time, so a change of this
code asks for nothing.
"""

import datetime as dt
import json
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.geocode.cache import LockedShelf, StableShelf
from usage_metrics.geocode.ipinfo_replies import Refusal, Reply, is_empty, normalise
from usage_metrics.geocode.ipinfo_service import (
    PLANS,
    IpinfoService,
    chunks,
    may_be_sent,
)
from usage_metrics.geocode.locations import Location

logger = logging.getLogger("luigi-interface")

ATTRIBUTION = "IP address data powered by IPinfo (https://ipinfo.io)"
"""What the terms of the free plan ask to be shown with the data."""

VERSION = 1
"""Of the shape of a kept answer: ``v``, ``provider``, ``fetched_at``, ``raw``."""

DAYS_NOT_KNOWN = 1
"""Days after which an address is asked for again of which nothing was known."""

_PLAN_NAMES = {plan.provider: plan.name for plan in PLANS.values()}


class Kept(NamedTuple):
    """An answer of the cache."""

    provider: str
    fetched_at: str
    """In ISO 8601, UTC: such times sort as text."""
    is_empty: bool
    location: Location


class IpinfoProvider:
    """Locates addresses through ipinfo.io and a cache of its answers."""

    def __init__(
        self,
        service: IpinfoService,
        shelf: LockedShelf,
        cache_days: int = 90,
        leave_null: bool = False,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Put a service and a cache together.

        Args:
            service: who is asked.
            shelf: where the answers are kept.
            cache_days: days after which an address is asked for again.
            leave_null: leave addresses unlocated that the service refuses to
                answer, instead of failing.
            now: the time in UTC.
        """
        self._service = service
        self._shelf = shelf
        self._cache_days = cache_days
        self._leave_null = leave_null
        self._now = now
        self._unanswered = 0
        # An answer of the full plan has all that one of the lite plan has.
        self._accepted = {PLANS["full"].provider, service.plan.provider}

    @classmethod
    def from_config(cls) -> "IpinfoProvider":
        """Make the provider that ``[ipinfo]`` and ``IPINFO_TOKEN`` describe.

        Raises:
            ConfigError: if the token is missing or a setting cannot be used.
        """
        settings = config.ipinfo()
        _check(settings)
        service = IpinfoService(
            config.ipinfo_token(),
            settings.plan,
            settings.timeout,
            settings.attempts,
            settings.endpoint,
        )
        return cls(
            service,
            LockedShelf(Path(settings.cache)),
            settings.cache_days,
            leave_null=settings.when_refused == "leave_null",
        )

    def locate(self, addresses: Sequence[str]) -> list[Location | None]:
        """Locate addresses, asking the service for those that the cache has not.

        Raises:
            ServiceError: if the service did not answer all and ``when_refused`` is
                fail. What it did answer is kept.
            ConfigError: if it refuses the token.
            StorageError: if the cache cannot be read or written.
        """
        with self._shelf.open(self._is_expired) as answers:
            located = self._kept(addresses, answers)
            missing = [a for a, location in located.items() if location is None]
            if missing:
                located.update(self._ask(missing, answers))
        return [located[address] for address in addresses]

    def facts(self) -> dict[str, str]:
        """Provider, plan, attribution, and how many addresses were not answered."""
        return {
            "provider": "ipinfo",
            "plan": self._service.plan.name,
            "attribution": ATTRIBUTION,
            "unanswered": str(self._unanswered),
        }

    def _kept(
        self, addresses: Sequence[str], answers: StableShelf
    ) -> dict[str, Location | None]:
        """The locations that the cache holds and that are not too old."""
        now = self._now()
        oldest = _iso(now - dt.timedelta(self._cache_days))
        oldest_empty = _iso(now - dt.timedelta(DAYS_NOT_KNOWN))
        located: dict[str, Location | None] = dict.fromkeys(addresses)
        for address in located:
            kept = _read(answers.get(address, "null"))
            if kept is None or kept.provider not in self._accepted:
                continue
            if kept.fetched_at >= (oldest_empty if kept.is_empty else oldest):
                located[address] = kept.location
        return located

    def _is_expired(self, text: str) -> bool:
        kept = _read(text)
        oldest = _iso(self._now() - dt.timedelta(self._cache_days))
        return kept is not None and kept.fetched_at < oldest

    def _ask(
        self, missing: list[str], answers: StableShelf
    ) -> dict[str, Location | None]:
        """Ask window by window, and keep what is answered, until the first refusal."""
        wanted = [address for address in missing if may_be_sent(address)]
        located: dict[str, Location | None] = dict.fromkeys(missing, Location())
        located.update(dict.fromkeys(wanted))
        for window in chunks(wanted, self._service.plan.window):
            replies = self._service.ask(window)
            self._keep(replies.known, answers)
            located.update(self._kept(list(replies.known), answers))
            located.update(dict.fromkeys(replies.unknown, self._not_known()))
            if replies.refusal is not None:
                left = sum(located[address] is None for address in wanted)
                self._give_up(replies.refusal, left, len(wanted) - left)
                break
        return located

    def _keep(self, replies: dict[str, Reply], answers: StableShelf) -> None:
        answer: dict[str, Any] = {
            "v": VERSION,
            "provider": self._service.plan.provider,
            "fetched_at": _iso(self._now()),
        }
        for address, reply in replies.items():
            # The address is the key; without it, equal replies are equal texts.
            raw = {key: value for key, value in reply.items() if key != "ip"}
            answers[address] = json.dumps(answer | {"raw": raw})
        answers.sync()

    def _not_known(self) -> Location:
        plan = self._service.plan.name
        return Location(located_by=f"ipinfo {plan} {self._now().date()}")

    def _give_up(self, refusal: Refusal, left: int, done: int) -> None:
        """Fail, or go on without the addresses that are left.

        Raises:
            UsageMetricsError: when it is to fail, of the kind that fits the refusal.
        """
        self._unanswered += left
        happened = (
            f"{refusal.reason}. {done:,} addresses were answered and are kept in the "
            f"cache, {left:,} are left"
        )
        if self._leave_null:
            logger.warning("%s: these stay without location this time", happened)
            return
        raise refusal.error(
            f"{happened}. {refusal.remedy[0].upper()}{refusal.remedy[1:]}, then run "
            "again: only those are asked for. Or set [ipinfo] when_refused = "
            "leave_null to go on without them, or [geocode] provider = mmdb"
        ) from refusal


def forget_expired(cache: str, cache_days: int, *, dry_run: bool) -> int:
    """Take out of a cache what is too old to be used.

    Args:
        cache: path of its file.
        cache_days: days after which an address is asked for again.
        dry_run: leave all as it is, and only say how much it is.

    Returns:
        How many answers that is.

    Raises:
        StorageError: if it cannot be read or written.
    """
    oldest = _iso(dt.datetime.now(dt.UTC) - dt.timedelta(cache_days))

    def expired(answers: dict[str, str]) -> set[str]:
        kept = {address: _read(text) for address, text in answers.items()}
        return {
            a for a, answer in kept.items() if answer and answer.fetched_at < oldest
        }

    shelf = LockedShelf(Path(cache))
    if not dry_run:
        return shelf.forget(expired)
    if not shelf.exists():
        return 0
    with shelf.open() as answers:
        return len(expired(dict(answers)))


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="minutes")


@lru_cache(maxsize=2**17)
def _read(text: str) -> Kept | None:
    """Read an answer of the cache; None for what a later version of this code wrote.

    The memory is for the days of a long range, whose visitors are often the same.
    """
    answer = json.loads(text)
    if answer is None or answer["v"] != VERSION:
        return None
    provider, fetched_at, raw = answer["provider"], answer["fetched_at"], answer["raw"]
    located_by = f"ipinfo {_PLAN_NAMES[provider]} {fetched_at[:10]}"
    return Kept(provider, fetched_at, is_empty(raw), normalise(raw, located_by))


def _check(settings: config.ipinfo) -> None:
    """Refuse settings that cannot be used.

    Raises:
        ConfigError: naming the setting, its value and what it may be.
    """
    url = settings.endpoint
    for key, is_right, rule in (
        ("attempts", settings.attempts >= 1, "at least 1"),
        ("timeout", 0 < settings.timeout <= 3600, "between 0 and 3600 seconds"),
        ("cache_days", 1 <= settings.cache_days <= 36500, "between 1 and 36500"),
        (
            "endpoint",
            not url or url.startswith(("https://", "http://")),
            "a URL that begins with https:// or http://, or empty",
        ),
    ):
        if not is_right:
            value = getattr(settings, key)
            raise ConfigError(f"luigi.cfg: [ipinfo] {key} = {value!r} must be {rule}")
