"""Reduces user agents to what the rules are tried on.

The model of a phone is a name that its maker chose: CUBOT, Panasonic and Radar 4G are
not robots. The versions of a browser say nothing. Without both, a thousand user agents
are a few dozen texts, and the lists mistake fewer people for robots.
"""

import functools

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents import lists
from usage_metrics.arrow import STRING

LONGEST = 2000
"""Characters of a user agent that are used; the longest of a browser have 1,000."""

_APPENDED = r"(?i)(?:\s*[,;]\s*gzip\(gfe\))+$"
"""What Google's front end appends, sometimes twice."""

_DEVICE = r"(?i)\((?:Linux|Android)[^()]*Android(?:[^()]|\([^()]*\))*\)"
"""The system, model and build of a phone."""

_ROBOT_IN_DEVICE = (
    r"\((?:Linux|Android)[^()]*Android[^()]*(?:compatible|https?:|bot/|-Google/)"
)
"""Robots with their name where phones have their model."""

_VERSION = (
    r"(?i)\b((?:AppleWebKit|Chrome|CriOS|Edg|EdgA|EdgiOS|Firefox|FxiOS|Gecko|Mobile|"
    r"OPR|Safari|SamsungBrowser|Version)/|OS X |OS |Windows NT |rv:)[\w.]+"
)


def normalised(agents: pa.Array) -> pa.Array:
    """Strip blanks, quotes and what a proxy appended; null becomes empty."""
    texts = pc.fill_null(agents.cast(STRING), "")
    texts = pc.utf8_trim(texts, " \t\r\n\"'")
    texts = pc.replace_substring_regex(texts, _APPENDED, "")
    return pc.utf8_slice_codeunits(texts, 0, LONGEST)


def whole(texts: pa.Array) -> pa.Array:
    """User agents as they are."""
    return texts


def without_device(texts: pa.Array) -> pa.Array:
    """User agents without browser versions and phone models."""
    shorter = pc.replace_substring_regex(texts, _DEVICE, "(Android)")
    robots = pc.match_substring_regex(texts, _ROBOT_IN_DEVICE, ignore_case=True)
    texts = pc.if_else(robots, texts, shorter)
    return pc.replace_substring_regex(texts, _VERSION, r"\1")


def without_browser_words(texts: pa.Array) -> pa.Array:
    """User agents as crawlerdetect searches them."""
    return pc.replace_substring_regex(without_device(texts), _browser_words(), "")


@functools.cache
def _browser_words() -> str:
    return f"(?i){'|'.join(lists.crawlerdetect_exclusions())}"
