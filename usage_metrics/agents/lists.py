"""Other people's lists of robots, from their Python packages.

* crawler-user-agents (MIT): names, most with a kind, kept up to date.
* crawlerdetect (MIT): the widest list; it is searched in what remains of a user agent
  without the words of every browser.
* counter-robots (MIT): the list of the COUNTER Code of Practice, unchanged since April
  2024. The Code requires excluding what is on it, so it is applied last: a user agent
  that it decides is one that nothing else calls a robot.

The functions of these packages are not used: they match one user agent at a time, and
those of the last two use Python's regular expressions, which a hostile text can slow
down.
"""

import functools
import importlib
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from types import ModuleType
from typing import NamedTuple

from usage_metrics.agents.rules import Rule, lines_of, own_table, version_of
from usage_metrics.errors import ConfigError


class RobotList(NamedTuple):
    """A package with a list of robots."""

    package: str
    reviewed: str
    """The version whose changes somebody has looked at, as in ``setup.cfg``."""

    def version(self) -> str:
        """The installed version.

        Raises:
            ConfigError: if the package is missing.
        """
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            raise ConfigError(
                f"the package {self.package}, a list of robots, is missing: "
                f"{self._remedy}"
            ) from None

    def require_reviewed(self) -> None:
        """Refuse a version whose changes nobody has looked at.

        Raises:
            ConfigError: if the package is missing, or has another version.
        """
        if self.version() != self.reviewed:
            raise ConfigError(
                f"{self.package} {self.version()}, a list of robots, is not the "
                f"version that was reviewed, {self.reviewed}: {self._remedy}"
            )

    @property
    def _remedy(self) -> str:
        return f"install it with: pip install '{self.package}=={self.reviewed}'"

    def module(self, name: str) -> ModuleType:
        """Import a module of the package, once it is known to be there."""
        self.version()
        return importlib.import_module(name)

    @property
    def set_aside(self) -> dict[str, str]:
        """Unused patterns, each with a person's user agent that it matches."""
        lines = lines_of(own_table("set_aside.tsv"), "list\t")
        rows = [line.split("\t") for _, line in lines]
        return {pattern: agent for name, pattern, agent in rows if name == self.package}

    def rules(self, patterns: Iterable[tuple[str, str | None]]) -> tuple[Rule, ...]:
        """Turn patterns and kinds into rules, without those set aside."""
        source, set_aside = f"{self.package} {self.version()}", self.set_aside
        return tuple(
            Rule("list", "robot", kind, _plain_name(pattern), pattern, source)
            for pattern, kind in patterns
            if pattern not in set_aside and not _BEYOND_RE2.search(pattern)
        )


CRAWLER_USER_AGENTS = RobotList("crawler-user-agents", "1.67.0")
CRAWLERDETECT = RobotList("crawlerdetect", "0.4.2")
COUNTER = RobotList("counter-robots", "2025.11")
OWN = "rules of usage_metrics"
"""The name of our own table among the lists."""

LISTS = (CRAWLER_USER_AGENTS, CRAWLERDETECT, COUNTER)
"""The lists, in the order in which they are tried."""

KINDS = {
    "academic": "academic",
    "advertising": "advertising",
    "ai-crawler": "AI",
    "archiver": "archive",
    "browser-automation": "automated browser",
    "feed-reader": "feed",
    "http-library": "library",
    "monitoring": "monitor",
    "scanner": "scanner",
    "search-engine": "search",
    "seo": "SEO",
    "social-preview": "preview",
}
"""The tags of crawler-user-agents as ``agent_kind`` names them."""

_BEYOND_RE2 = re.compile(r"\(\?(=|!|<=|<!)|\\[1-9]")
"""Lookaround and back-references, which one pattern of the 3,000 uses."""


def crawler_user_agents() -> tuple[Rule, ...]:
    """The rules of crawler-user-agents."""
    entries = CRAWLER_USER_AGENTS.module("crawleruseragents").CRAWLER_USER_AGENTS_DATA
    return CRAWLER_USER_AGENTS.rules(
        (entry["pattern"], KINDS.get(next(iter(entry.get("tags", ())), "")))
        for entry in entries
    )


def crawlerdetect() -> tuple[Rule, ...]:
    """The rules of crawlerdetect."""
    patterns = CRAWLERDETECT.module("crawlerdetect.providers.crawlers").data
    return CRAWLERDETECT.rules((pattern, None) for pattern in patterns)


def crawlerdetect_exclusions() -> tuple[str, ...]:
    """Patterns that crawlerdetect removes from a user agent before it searches."""
    return tuple(CRAWLERDETECT.module("crawlerdetect.providers.exclusions").data)


def counter_robots() -> tuple[Rule, ...]:
    """The rules of COUNTER's list of robots."""
    return COUNTER.rules((pattern, None) for pattern in _counter_patterns("robot.txt"))


def counter_machines() -> tuple[Rule, ...]:
    """The rules of COUNTER's list of machines; it lists nearly all as robots, too."""
    patterns = _counter_patterns("machine.txt")
    rules = COUNTER.rules((pattern, "library") for pattern in patterns)
    return tuple(rule._replace(step="machine", agent_class="machine") for rule in rules)


@functools.cache
def list_versions() -> Mapping[str, str]:
    """The version of each list, including ours, for file footers.

    Raises:
        ConfigError: if a list is missing.
    """
    versions = {robots.package: robots.version() for robots in LISTS}
    return {**versions, OWN: version_of(own_table())}


def _counter_patterns(name: str) -> list[str]:
    folder = importlib.resources.files(COUNTER.module("counter_robots")) / "data"
    return (folder / name).read_text(encoding="utf-8").splitlines()


def _plain_name(pattern: str) -> str | None:
    """The name that a pattern spells out, if it does."""
    text = re.sub(r"\\([^\w])", r"\1", pattern.strip("^$"))
    if re.search(r"[\\\[\](){}*+?|^$]", text):
        return None
    return text.strip(" /-_;:,.") or None
