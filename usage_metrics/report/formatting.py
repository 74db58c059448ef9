"""How numbers, days and names from the logs are written on the page.

A name that comes from a log line is hostile. Markup in it is escaped where it is put
into the page; here it loses what escaping leaves as it is: signs that turn the
direction of text, other invisible signs, endless length, and addresses of persons.
"""

import contextlib
import datetime as dt
import ipaddress
import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

LONGEST = 120
"""Signs of a name that are shown."""
ADDRESS = "(an IP address)"
"""Stands in place of one: it may be a person's."""

_QUARTETS = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_COLONS = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")

SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def harmless(text: str) -> str:
    """A name as it may be shown: short, visible throughout, without an address."""
    text = _QUARTETS.sub(_masked, _COLONS.sub(_masked, text))
    text = "".join(sign if sign.isprintable() else _visible(sign) for sign in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def number(value: float) -> str:
    """A whole number, thousands apart."""
    return rounded(value, 0)


def percent(share: float) -> str:
    """A share, as 12.3 %."""
    return f"{rounded(100 * share)} %"


def change(ratio: float | None) -> str:
    """By how much something rose or fell; a dash if that cannot be said."""
    if ratio is None:
        return "–"
    if abs(ratio) >= 10:
        return f"× {number(ratio + 1)}"
    points = rounded(abs(100 * ratio), 0)
    sign = "±" if points == "0" else "+" if ratio > 0 else "−"
    return f"{sign}{points} %"


def size(bytes_: float) -> str:
    """A number of bytes, as 1.2 GB."""
    value, step = float(bytes_), 0
    while value >= 1000 and step < len(SIZES) - 1:
        value, step = value / 1000, step + 1
    return f"{rounded(value, 0 if step == 0 else 1)} {SIZES[step]}"


def rounded(value: float, places: int = 1) -> str:
    """Round half up, as JavaScript does, so that page and script say the same."""
    unit = Decimal(1).scaleb(-places)
    return f"{Decimal(float(value)).quantize(unit, ROUND_HALF_UP):,}"


def day(date: dt.date) -> str:
    """A day, as 2 March 2026."""
    return f"{date.day} {date:%B %Y}"


def days(first: dt.date, last: dt.date) -> str:
    """A range of days, without saying a month or year twice."""
    if first == last:
        return day(first)
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} – {day(last)}"
    return f"{first.day}–{day(last)}"


def period(grain: str, first: dt.date, last: dt.date, counted: int) -> str:
    """The name of a period, with what is missing of it.

    Args:
        grain: day, week, month, quarter or year.
        first: its first day, of those that are reported on.
        last: its last day.
        counted: of how many days there are figures.
    """
    months = {"month": f"{first:%B %Y}", "year": f"{first:%Y}"}
    months["quarter"] = f"Q{(first.month + 2) // 3} {first:%Y}"
    whole = months.get(grain) or days(first, last)
    total = (last - first).days + 1
    if counted == total:
        return whole
    return f"{whole} (no data)" if not counted else f"{whole} ({counted} of {total} d)"


def listed(parts: Sequence[str]) -> str:
    """Parts as in a sentence: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def is_unknown(value: object) -> bool:
    """Whether a value of a frame is none."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _masked(found: re.Match[str]) -> str:
    """What looks like an address without it, and with what stands before it."""
    text = found[0]
    for start in (0, *(colon.end() for colon in re.finditer(":", text))):
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(text[start:].strip("."))
            return text[:start] + ADDRESS
    return text


def _visible(sign: str) -> str:
    """A sign that cannot be seen, as its number; one that cannot be encoded, too."""
    return f"\\u{ord(sign):04x}"
