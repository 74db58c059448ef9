"""Numbers for people: rounded, sizes in bytes, and with what they count."""

import re
from decimal import ROUND_HALF_UP, Decimal

SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size(bytes_: float) -> str:
    """A number of bytes, as 1.2 GB."""
    value, step = float(bytes_), 0
    while value >= 1000 and step < len(SIZES) - 1:
        value, step = value / 1000, step + 1
    return f"{rounded(value, 0 if step == 0 else 1)} {SIZES[step]}"


def rounded(value: float, places: int = 1) -> str:
    """Round half up, as the page's script does."""
    unit = Decimal(1).scaleb(-places)
    return f"{Decimal(float(value)).quantize(unit, ROUND_HALF_UP):,}"


def number_of(number: int, noun: str) -> str:
    """A number and what it counts: 1 day, 2,000 days, 3 log entries."""
    if number != 1:
        noun = re.sub("(?<![aeiou])y$", "ie", noun)
        noun += "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}"
