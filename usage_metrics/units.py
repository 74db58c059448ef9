"""Numbers for people: rounded, and sizes in bytes."""

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
