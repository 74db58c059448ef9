"""The whole sizes of objects of which only ranges were read."""

from typing import Any

import numpy as np

from usage_metrics.counting.aside import NewFile, Records
from usage_metrics.counting.grouping import firsts


class WholeSizes:
    """Finds the size of the day's largest complete response for a URL.

    It holds sixteen bytes for each URL that was both read whole and in ranges.
    """

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a URL."""
        self._found = Records(new_file)
        self._urls = np.empty(0, np.uint64)  # sorted
        self._sizes = np.empty(0, np.int64)

    def add(self, hashes: Any, codes: Any, wanted: Any, sizes: Any) -> None:
        """Add requests.

        Args:
            hashes: of distinct URLs.
            codes: which of them each request is for.
            wanted: for which requests the size is wanted.
            sizes: of the complete responses; 0 for others.
        """
        largest = np.zeros(len(hashes), np.int64)
        np.maximum.at(largest, codes, sizes)
        is_wanted = np.bincount(codes[wanted], minlength=len(hashes)) > 0
        some = np.flatnonzero((largest > 0) | is_wanted)
        self._found.add(url=hashes[some], size=largest[some], wanted=is_wanted[some])

    def compare(self) -> None:
        """Find the largest of all requests that were added."""
        urls, sizes = [self._urls], [self._sizes]
        for part in self._found.parts():
            order = np.argsort(part["url"])
            of_part = part["url"][order]
            if len(first := firsts(of_part)):
                largest = np.maximum.reduceat(part["size"][order], first)
                wanted = np.logical_or.reduceat(part["wanted"][order], first)
                both = wanted & (largest > 0)
                urls.append(of_part[first][both])
                sizes.append(largest[both])
        order = np.argsort(np.concatenate(urls))
        self._urls = np.concatenate(urls)[order]
        self._sizes = np.concatenate(sizes)[order]

    def of(self, urls: Any, wanted: Any) -> Any:
        """The size for the URL of each request; 0 where it is not known.

        Args:
            urls: a hash of each one's URL.
            wanted: for which requests the size is wanted.
        """
        sizes = np.zeros(len(urls), np.int64)
        if len(self._urls):
            rows = np.flatnonzero(wanted)
            places = np.searchsorted(self._urls, urls[rows])
            places = np.minimum(places, len(self._urls) - 1)
            known = self._urls[places] == urls[rows]
            sizes[rows] = np.where(known, self._sizes[places], 0)
        return sizes
