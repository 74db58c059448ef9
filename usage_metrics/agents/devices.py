"""The operating system and the kind of device that a user agent names.

It is what the client says, and robots say what they like. An iPad's Safari says that it
is a Mac.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents.normalize import LONGEST
from usage_metrics.arrow import STRING

SYSTEMS = (
    ("Windows", r"windows"),
    ("Android", r"android"),
    ("iOS", r"iphone|ipad|ipod|\bios\b"),
    ("ChromeOS", r"\bcros\b"),
    ("macOS", r"mac ?os|macintosh"),
    ("Linux", r"linux|\bx11\b|ubuntu|bsd\b"),
)
"""RE2, tried in this order on small letters: an Android names Linux, too."""

DEVICES = (
    (
        "television or console",
        r"smart-?tv|hbbtv|apple ?tv|googletv|bravia|web0s|playstation|xbox|nintendo",
    ),
    ("desktop", r"windows nt|macintosh|\bcros\b|\bx11\b"),
    ("tablet", r"ipad|\btablet\b|kindle"),
    ("phone", r"iphone|ipod|\bmobile\b|phone"),
    ("tablet", r"android"),
)
"""An Android that does not say ``Mobile`` is a tablet."""


def devices_of(agents: pa.Array) -> dict[str, pa.Array]:
    """The ``operating_system`` and ``device`` of each user agent, if it says them."""
    texts = pc.utf8_slice_codeunits(pc.fill_null(agents.cast(STRING), ""), 0, LONGEST)
    texts = pc.utf8_lower(texts)
    return {
        "operating_system": _first(texts, SYSTEMS),
        "device": _first(texts, DEVICES),
    }


def _first(texts: pa.Array, patterns: Sequence[tuple[str, str]]) -> pa.Array:
    """The name of the first pattern that each text has; null: of none."""
    found = pa.nulls(len(texts), STRING)
    for name, pattern in reversed(patterns):
        found = pc.if_else(pc.match_substring_regex(texts, pattern), name, found)
    return found
