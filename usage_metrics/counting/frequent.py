"""The most frequent texts of a day, exactly, without holding all texts."""

from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.counting.aside import Columns, NewFile, Records, Tables
from usage_metrics.counting.grouping import counted, mask_of, summed
from usage_metrics.counting.hashes import fresh_key, hashes_of


class MostFrequent:
    """Finds the texts that most rows have; of equally frequent ones the first by name.

    The texts, and their hashes with how often each comes, wait outside memory.
    """

    def __init__(self, new_file: NewFile, number: int) -> None:
        """Begin without a text.

        Args:
            new_file: makes a file for what is not held in memory.
            number: how many texts to find.
        """
        self._number = number
        self._key = fresh_key()
        self._counts = Records(new_file)
        self._texts = Tables(new_file)

    def add(self, texts: pa.DictionaryArray) -> None:
        """Count the texts of some rows."""
        codes = texts.indices.drop_null().to_numpy()
        rows = np.bincount(codes, minlength=len(texts.dictionary))
        hashes = hashes_of(texts.dictionary, self._key).view(np.int64)
        self._counts.add(hash=hashes[rows > 0], rows=rows[rows > 0])
        self._texts.add(pa.table({"text": texts.dictionary, "hash": hashes}))

    def found(self) -> pa.Array:
        """The most frequent of all texts that were added."""
        surely, ties = self._chosen()
        places = self._number - len(surely)
        sure: set[str] = set()
        first: list[str] = []
        for table in self._texts:
            some, hashes = table["text"], table["hash"].to_numpy()
            sure |= set(_where(some, np.isin(hashes, surely)))
            tied = _where(some, np.isin(hashes, ties))
            first = sorted({*first, *tied})[:places]
        return pa.array(sorted({*sure, *first}), STRING)

    def _chosen(self) -> tuple[Any, Any]:
        """The hashes of the texts that are among the first, and of those that may be.

        The latter are the equally frequent ones that compete for the last places.
        """
        hashes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
        least = 0
        for part in self._counts.parts():
            of_part, rows = self._summed(part)
            hashes, counts = np.append(hashes, of_part), np.append(counts, rows)
            if len(counts) > self._number:
                least = np.partition(counts, -self._number)[-self._number]
                hashes, counts = hashes[counts >= least], counts[counts >= least]
        return hashes[counts > least], hashes[counts == least]

    def _summed(self, part: Columns) -> tuple[Any, Any]:
        """The distinct hashes of a part, and how frequent each is."""
        return summed(part["hash"], part["rows"])


class SeenByMost(MostFrequent):
    """Finds the texts that most visitors have, if these are not too few."""

    def __init__(self, new_file: NewFile, number: int, least: int) -> None:
        """Begin without a text.

        Args:
            new_file: makes a file for what is not held in memory.
            number: how many texts to find at most.
            least: how many visitors a text has to have.
        """
        super().__init__(new_file, number)
        self._least = least

    def add_of(self, texts: pa.DictionaryArray, visitors: Any, among: Any) -> None:
        """Note the visitor of each text, in the rows for which a mask is true."""
        rows = np.flatnonzero(among & mask_of(texts.is_valid()))
        codes = texts.indices.take(pa.array(rows)).to_numpy()
        hashes = hashes_of(texts.dictionary, self._key).view(np.int64)
        self._counts.add(**_distinct(hashes[codes], visitors[rows]))
        self._texts.add(pa.table({"text": texts.dictionary, "hash": hashes}))

    def _summed(self, part: Columns) -> tuple[Any, Any]:
        hashes = _distinct(part["hash"], part["visitor"])["hash"]
        found, visitors = counted(hashes)
        enough = visitors >= self._least
        return found[enough], visitors[enough]


def _distinct(hashes: Any, visitors: Any) -> Columns:
    """Each pair of a text and a visitor once."""
    order = np.lexsort((visitors, hashes))
    hashes, visitors = hashes[order], visitors[order]
    new = (np.diff(hashes, prepend=0) != 0) | (np.diff(visitors, prepend=-1) != 0)
    return {"hash": hashes[new], "visitor": visitors[new]}


def _where(texts: pa.ChunkedArray, mask: Any) -> list[str]:
    """The texts for which a mask is true, without null."""
    found: list[str] = texts.filter(pa.array(mask)).drop_null().to_pylist()
    return found
