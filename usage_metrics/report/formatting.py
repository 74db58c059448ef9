"""How numbers, days and names from the logs are written.

Names from a log line are hostile. The page escapes markup in them; here they lose what
escaping leaves: characters that reverse the direction of text, other invisible ones,
endless length, and IP addresses.
"""

import bisect
import contextlib
import datetime as dt
import ipaddress
import math
import re
from collections.abc import Sequence

from usage_metrics.report.neutral import visible
from usage_metrics.units import rounded

LONGEST = 120
"""The most characters of a name that are shown."""
ADDRESS = "(an IP address)"
"""Replaces an address, which may be a person's."""

_QUARTETS = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
# The lookbehind keeps the search from beginning again at each character of a long run.
_COLONS = re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_LONGEST_ADDRESS = len("0000:0000:0000:0000:0000:0000:255.255.255.255")


def without_address(text: str) -> str:
    """The text with no IP address in it."""
    return _QUARTETS.sub(_masked, _COLONS.sub(_masked, text))


def harmless(text: str) -> str:
    """A name that is safe to show: short, visible throughout, without an address."""
    text = visible(without_address(text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def number(value: float) -> str:
    """A whole number, with thousands separators."""
    return rounded(value, 0)


def percent(share: float) -> str:
    """A share, as 12.3 %."""
    return f"{rounded(100 * share)} %"


def change(ratio: float | None) -> str:
    """An increase or decrease; a dash if it is unknown."""
    if ratio is None:
        return "–"
    if abs(ratio) >= 10:
        return f"× {number(ratio + 1)}"
    points = rounded(abs(100 * ratio), 0)
    sign = "±" if points == "0" else "+" if ratio > 0 else "−"
    return f"{sign}{points} %"


def day(date: dt.date) -> str:
    """A day, as 2 March 2026."""
    return f"{date.day} {date:%B %Y}"


def days(first: dt.date, last: dt.date) -> str:
    """A range of days, without repeating the month or year."""
    if first == last:
        return day(first)
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} – {day(last)}"
    return f"{first.day}–{day(last)}"


def period(grain: str, first: dt.date, last: dt.date, counted: int) -> str:
    """The name of a period, saying how many of its days have data unless all do.

    Its first and last day are those in the report.
    """
    names = {"month": f"{first:%B %Y}", "year": f"{first:%Y}"}
    names["quarter"] = f"Q{(first.month + 2) // 3} {first:%Y}"
    name = names.get(grain) or days(first, last)
    total = (last - first).days + 1
    if counted == total:
        return name
    return f"{name} ({counted} of {total} days)" if counted else f"{name} (no data)"


def listed(parts: Sequence[str]) -> str:
    """Parts joined as in a sentence: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def is_unknown(value: object) -> bool:
    """Whether a value of a frame is null."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _masked(found: re.Match[str]) -> str:
    """Replace an address by ``ADDRESS``, keeping what is before it, such as a host."""
    text = found[0]
    latest = len(text.rstrip(".")) - _LONGEST_ADDRESS
    starts = [0, *(colon.end() for colon in re.finditer(":", text))]
    for start in starts[bisect.bisect_left(starts, latest) :]:
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(text[start:].strip("."))
            return text[:start] + ADDRESS
    return text
