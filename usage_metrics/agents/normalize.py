"""What of a user agent the rules are tried on.

The model of a phone is a name that its maker chose, and CUBOT, Panasonic and
Radar 4G are no robots; the versions of a browser say nothing. Without both, a
thousand user agents are a few dozen texts, and the lists find fewer people.
"""

import functools

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents import lists

LONGEST = 2000
"""Characters of a user agent that are looked at: the longest of browsers have 1,000."""

_APPENDED = r"(?i)(?:\s*[,;]\s*gzip\(gfe\))+$"
"""What Google's front end adds for itself, sometimes twice."""

_DEVICE = r"(?i)\((?:Linux|Android)[^()]*Android(?:[^()]|\([^()]*\))*\)"
"""A phone's system, model and build."""

_ROBOT_IN_DEVICE = (
    r"\((?:Linux|Android)[^()]*Android[^()]*(?:compatible|https?:|bot/|-Google/)"
)
"""Robots that say their name where phones say theirs."""

_VERSION = (
    r"(?i)\b((?:AppleWebKit|Chrome|CriOS|Edg|EdgA|EdgiOS|Firefox|FxiOS|Gecko|Mobile|"
    r"OPR|Safari|SamsungBrowser|Version)/|OS X |OS |Windows NT |rv:)[\w.]+"
)


def normalised(agents: pa.Array) -> pa.Array:
    """The user agents without blanks, quotes and what a proxy appended.

    Null is the empty text.
    """
    texts = pc.fill_null(agents.cast(pa.string()), "")
    texts = pc.utf8_trim(texts, " \t\r\n\"'")
    texts = pc.replace_substring_regex(texts, _APPENDED, "")
    return pc.utf8_slice_codeunits(texts, 0, LONGEST)


def whole(texts: pa.Array) -> pa.Array:
    """The user agents as they are."""
    return texts


def without_device(texts: pa.Array) -> pa.Array:
    """The user agents without versions of browsers and models of phones."""
    shorter = pc.replace_substring_regex(texts, _DEVICE, "(Android)")
    robots = pc.match_substring_regex(texts, _ROBOT_IN_DEVICE, ignore_case=True)
    texts = pc.if_else(robots, texts, shorter)
    return pc.replace_substring_regex(texts, _VERSION, r"\1")


def without_browser_words(texts: pa.Array) -> pa.Array:
    """The user agents as crawlerdetect searches them."""
    return pc.replace_substring_regex(without_device(texts), _browser_words(), "")


@functools.cache
def _browser_words() -> str:
    return f"(?i){'|'.join(lists.crawlerdetect_exclusions())}"
