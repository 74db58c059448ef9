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

from usage_metrics.agents.rules import Rule, own_table, version_of
from usage_metrics.errors import ConfigError


class RobotList(NamedTuple):
    """A package with a list of robots, and the patterns of it that are not used."""

    package: str
    oldest: tuple[int, ...]
    """The version that was measured; older ones find fewer robots."""
    set_aside: dict[str, str]
    """Patterns that are not used, each with a person's user agent that it matches."""

    @property
    def version(self) -> str:
        """The installed version."""
        return metadata.version(self.package)

    def check(self) -> None:
        """Check the installed version.

        Raises:
            ConfigError: if the package is missing, or older than was measured.
        """
        wanted = ".".join(map(str, self.oldest))
        remedy = f"install it with: pip install '{self.package}>={wanted}'"
        try:
            version = self.version
        except metadata.PackageNotFoundError:
            raise ConfigError(
                f"the package {self.package}, a list of robots, is missing: {remedy}"
            ) from None
        if tuple(map(int, re.findall(r"\d+", version)))[:3] < self.oldest:
            raise ConfigError(
                f"{self.package} {version}, a list of robots, is older than {wanted}, "
                f"the oldest version supported: {remedy}"
            )

    def rules(self, patterns: Iterable[tuple[str, str | None]]) -> tuple[Rule, ...]:
        """Turn patterns and kinds into rules, without those set aside."""
        source = f"{self.package} {self.version}"
        return tuple(
            Rule("list", "robot", kind, _plain_name(pattern), pattern, source)
            for pattern, kind in patterns
            if pattern not in self.set_aside and not _BEYOND_RE2.search(pattern)
        )


CRAWLER_USER_AGENTS = RobotList(
    "crawler-user-agents",
    (1, 67),
    {
        "Blackboard": "Mozilla/5.0 (iPhone; CPU iPhone OS 11_2_6 like Mac OS X) "
        "AppleWebKit/604.5.6 (KHTML, like Gecko) Mobile/15D100 Blackboard/3.6.0",
        "Fluid": "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5_6; en-us) "
        "AppleWebKit/528.16 (KHTML, like Gecko) Fluid/0.9.6 Safari/528.16",
        r"NING\/": "Mozilla/5.0 (X11; Linux x86_64; rv:31.0) Gecko/20100101 "
        "Thunderbird/31.7.0 Lightning/3.3.3",
        "Sogou": "Mozilla/5.0 (Linux; Android 9; SM-G950F) AppleWebKit/537.36 (KHTML, "
        "like Gecko) Chrome/89.0.4389.105 Mobile Safari/537.36 SogouMobileBrowser/6.5",
        "Sonic": "Opera/9.80 (Linux mips; ) Presto/2.12.407 Version/12.51 "
        "(PANASONIC, Mxl661LG32, wired) SmartTvA/3.0.0",
    },
)
CRAWLERDETECT = RobotList("crawlerdetect", (0, 4, 2), {})
COUNTER = RobotList(
    "counter-robots",
    (2025, 11),
    {
        "^.?$": "-",
        "[^a]fish": "Mozilla/5.0 (Maemo; Linux; U; Jolla; Sailfish; Mobile; rv:26.0) "
        "Gecko/26.0 Firefox/26.0 SailfishBrowser/1.0 like Safari/538.1",
        "baidu": "Mozilla/5.0 (iPhone; CPU iPhone OS 10_0_1 like Mac OS X) "
        "AppleWebKit/602.1.50 (KHTML, like Gecko) Mobile/14A403 baiduboxapp/11.0.0.12",
        "bot": "Mozilla/5.0 (Linux; Android 9; X20 PRO) AppleWebKit/537.36 (KHTML, "
        "like Gecko) Chrome/101.0 Mobile Safari/537.36 Instagram 237.0 (28/9; CUBOT)",
        "cfnetwork": "MobileSafari/9537.53 CFNetwork/672.0.2 Darwin/14.0.0",
        "core": "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/53.0.2785.104 Safari/537.36 Core/1.53.3226.400 QQBrowser/9.6",
        "docomo": "DoCoMo/2.0 P903i(c100;TB;W24H12)",
        "google": "Mozilla/5.0 (Windows; U; Windows NT 5.1; cs-CZ) AppleWebKit/532.4 "
        "(KHTML, like Gecko) Google Earth/5.2.1.1329 Safari/532.4",
        "lwp": "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.2; Trident/3.1; "
        "XBLWP7; ZuneWP7; Nokia 820)",
        "motor": "Motorola-V3m Obigo/Q03 MMP/2.0 Profile/MIDP-2.0",
        r"ng\/2\.": "Mozilla/5.0 (Windows NT 6.1; rv:24.0) Gecko/20100101 "
        "Thunderbird/24.5.0 Lightning/2.6.5",
        "pioneer": "Opera/9.80 (Linux armv6l; Opera TV Store/5581) Presto/2.12.362 "
        "Version/12.11 Blu-ray Player/v00.17 (Pioneer, BDP-160, wired)",
        "rss": "Mozilla/5.0 (Linux armv8l) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/55.0.2883.91 Safari/537.36 FVC/6.0 (ANDERSSON; MB185; )",
        "sogou": "Mozilla/5.0 (Linux; Android 9; SM-G950F) AppleWebKit/537.36 (KHTML, "
        "like Gecko) Chrome/89.0.4389.105 Mobile Safari/537.36 SogouMobileBrowser/6.5",
        "sunrise": "Mozilla/5.0 (Macintosh; U; Intel Mac OS X; en) AppleWebKit/418.9.1 "
        "(KHTML, like Gecko) Sunrise/1.6.5 like Safari/419.3",
        "titan": "UCWEB/2.0(Linux; U; Opera Mini/7.1.32052/30.3697; en-US; Titanium "
        "S202 Build/KOT49H) U2/1.0.0 UCBrowser/10.8.8.730 Mobile",
        "yahoo": "Mozilla/5.0 (Linux; U; Android 4.2.2; ja-jp; SHL22 Build/S8202) "
        "AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30 "
        "YJApp-ANDROID jp.co.yahoo.android.yjtop/3.15.1",
        "yandex": "Mozilla/5.0 (Linux; Android 13; Infinix X6710) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/108.0.5359.128 Mobile Safari/537.36 "
        "YandexSearch/7.53 YandexSearchBrowser/7.53",
    },
)
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
    entries = _module(CRAWLER_USER_AGENTS, "crawleruseragents").CRAWLER_USER_AGENTS_DATA
    return CRAWLER_USER_AGENTS.rules(
        (entry["pattern"], KINDS.get(next(iter(entry.get("tags", ())), "")))
        for entry in entries
    )


def crawlerdetect() -> tuple[Rule, ...]:
    """The rules of crawlerdetect."""
    patterns = _module(CRAWLERDETECT, "crawlerdetect.providers.crawlers").data
    return CRAWLERDETECT.rules((pattern, None) for pattern in patterns)


def crawlerdetect_exclusions() -> tuple[str, ...]:
    """Patterns that crawlerdetect removes from a user agent before it searches."""
    return tuple(_module(CRAWLERDETECT, "crawlerdetect.providers.exclusions").data)


def counter_robots() -> tuple[Rule, ...]:
    """The rules of COUNTER's list of robots."""
    return COUNTER.rules((pattern, None) for pattern in _counter_patterns("robot.txt"))


def counter_machines() -> tuple[Rule, ...]:
    """The rules of COUNTER's list of machines; it lists nearly all as robots, too."""
    patterns = _counter_patterns("machine.txt")
    rules = COUNTER.rules((pattern, "library") for pattern in patterns)
    return tuple(rule._replace(step="client", agent_class="machine") for rule in rules)


@functools.cache
def list_versions() -> Mapping[str, str]:
    """The version of each list, including ours, for file footers.

    Raises:
        ConfigError: if a list is missing or too old.
    """
    for robots in LISTS:
        robots.check()
    versions = {robots.package: robots.version for robots in LISTS}
    return {**versions, OWN: version_of(own_table())}


def _module(robots: RobotList, name: str) -> ModuleType:
    robots.check()
    return importlib.import_module(name)


def _counter_patterns(name: str) -> list[str]:
    folder = importlib.resources.files(_module(COUNTER, "counter_robots")) / "data"
    return (folder / name).read_text(encoding="utf-8").splitlines()


def _plain_name(pattern: str) -> str | None:
    """The name that a pattern spells out, if it does."""
    text = re.sub(r"\\([^\w])", r"\1", pattern.strip("^$"))
    if re.search(r"[\\\[\](){}*+?|^$]", text):
        return None
    return text.strip(" /-_;:,.") or None
