"""How numbers are written and, for the public, which are hidden.

A number from one to nine may be about one person whom somebody knows. On a page for the
public it is *fewer than 10*, and so that it is not the difference of two others, a sum
is shown without it, or another number beside it is hidden, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from usage_metrics.report import formatting
from usage_metrics.report.formatting import number
from usage_metrics.units import size

if TYPE_CHECKING:
    from usage_metrics.report.place_lines import Line, Measure

LEAST = 10
"""The lowest number that is shown to the public."""
FEW = f"fewer than {LEAST}"
HIDDEN = "hidden"
"""In place of what would give away a number that is hidden."""


def is_few(value: float | None) -> bool:
    """Whether a number is one that is hidden."""
    return value is not None and 0 < abs(value) < LEAST


@dataclass(frozen=True)
class Writing:
    """How numbers are written."""

    is_public: bool = False

    def hides(self, value: float | None) -> bool:
        """Whether a number is not shown."""
        return self.is_public and is_few(value)

    def number(self, value: float) -> str:
        """A number of something."""
        return FEW if self.hides(value) else number(value)

    def of(self, measure: "Measure") -> Callable[[float], str]:
        """How numbers of a measure are written; sizes are no numbers of anything."""
        if measure.write is size:
            return measure.write
        return lambda value: FEW if self.hides(value) else measure.write(value)

    def change(self, line: "Line", length: int) -> str:
        """How a line changed; nothing if that is unknown."""
        return self.ratio(
            line.change(length), line.added[-length:], line.added[-2 * length : -length]
        )

    def ratio(self, ratio: float | None, now: Any, then: Any) -> str:
        """How some days changed against others; nothing if unknown or hidden."""
        if ratio is None or any(self.hides(float(np.nansum(d))) for d in (now, then)):
            return ""
        return formatting.change(ratio)

    def hidden(self, parts: Sequence[float | None]) -> list[str]:
        """Of the parts of a sum, what stands in place of each that is hidden."""
        few = [FEW if self.hides(part) else "" for part in parts]
        if few.count(FEW) == 1:
            others = [(p, n) for n, p in enumerate(parts) if p and not few[n]]
            if others:
                few[min(others)[1]] = HIDDEN
        return few
