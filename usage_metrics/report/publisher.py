"""A publisher's datasets, and what was counted of them in each place."""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from usage_metrics.report.few import Writing
from usage_metrics.report.formatting import harmless
from usage_metrics.report.place_lines import INVESTIGATIONS, Line, Place
from usage_metrics.report.public_listings import PublicListing
from usage_metrics.report.usage_database import Span

WINDOWS = (365, 91, 30, 7)
"""How many last days may be compared with those before, the most that there are."""


@dataclass(frozen=True)
class Publisher:
    """What the page is made of."""

    title: str
    span: Span
    places: Sequence[Place]
    lines: Sequence[Line]
    titles: Mapping[str, str]
    """Titles of the datasets, by id."""
    made_on: dt.date
    releases: Mapping[str, Sequence[tuple[dt.date, str]]] = field(default_factory=dict)
    """Of each dataset, when which version was published."""
    is_public: bool = False
    listings: Sequence[PublicListing] = ()
    """Who used what of our logs; on a page for the public."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """The page of each dataset, where they do not fit on one: its path from here."""
    index: str = ""
    """On the page of a dataset, the path of the page on all."""
    subject: str = "our data were"
    """What was requested, in the sentences to quote."""

    @functools.cached_property
    def writing(self) -> Writing:
        """How its numbers are written."""
        return Writing(self.is_public)

    @functools.cached_property
    def known(self) -> dict[str, Line]:
        """The lines by id."""
        return {line.id: line for line in self.lines}

    @functools.cached_property
    def window(self) -> int:
        """How many last days are compared with those before; 0: there are too few."""
        length = self.span.length.days
        return next((days for days in WINDOWS if 2 * days <= length), 0)

    @functools.cached_property
    def datasets(self) -> list[str]:
        """The most used first: by investigations in our logs, then by name."""
        used: dict[str, float] = {line.dataset: 0 for line in self.lines}
        for line in self.lines:
            if line.measure.id == INVESTIGATIONS:
                used[line.dataset] += line.total or 0
        return sorted(used, key=lambda name: (-used[name], name))

    def of(self, dataset: str, place: Place) -> list[Line]:
        """The lines of a dataset in a place."""
        return self._of.get((dataset, place.name), [])

    @functools.cached_property
    def _of(self) -> dict[tuple[str, str], list[Line]]:
        found: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            found.setdefault((line.dataset, line.place.name), []).append(line)
        return found

    def alone(self, dataset: str, index: str) -> "Publisher":
        """What the page of a dataset is made of.

        Args:
            dataset: its id.
            index: the path, from there, of the page on all.
        """
        lines = [line for place in self.places for line in self.of(dataset, place)]
        used = {line.place.name for line in lines}
        name = self.name_of(dataset)
        return replace(
            self,
            title=f"{self.title}: {name}",
            places=[place for place in self.places if place.name in used],
            lines=lines,
            releases={dataset: of} if (of := self.releases.get(dataset)) else {},
            listings=(),
            pages={},
            index=index,
            subject=f"{name} was",
        )

    def name_of(self, dataset: str) -> str:
        """What the page calls a dataset."""
        return harmless(self.titles.get(dataset, dataset))
