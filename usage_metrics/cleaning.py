"""Pure Arrow functions that two or more sources clean their entries with.

Nothing here opens anything. The work is done once per distinct value: a column is
dictionary-encoded, the few values of its dictionary are looked at, and the answer is
spread over the rows by their codes.
"""

import functools
import json
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.columns import STRING, column

REJECTED = pa.schema(
    [
        column("reason", STRING, "Why the entry could not be understood"),
        column("entry", STRING, "The entry as it was: the line, or the row as JSON"),
    ]
)
"""The columns of what is kept apart, the same for every source."""

URL_PARTS = ("scheme", "netloc", "path", "query")

_PLAIN_URL = (
    r"^(?P<scheme>https?)://(?P<netloc>[!-\"$-.0-9:;<=>@A-Z^_`a-z{|}~]*)"
    r"(?P<path>(?:/[^?#\x00-\x20\x7f]*)?)"
    r"(?:\?(?P<query>[^#\x00-\x20\x7f]*))?"
    r"(?:#[^\x00-\x20\x7f]*)?$"
)
"""URLs whose parts a regular expression finds; any other goes to ``urlsplit``."""


class Distinct:
    """Distinct texts, and a quick way from a text to its number among them."""

    def __init__(self, values: pa.Array) -> None:
        """Hold them.

        Args:
            values: texts, none of them twice.
        """
        self.values = values
        self._last = values, pa.array(range(len(values)), pa.int32())

    def __contains__(self, text: str) -> bool:
        """Whether a text is one of them."""
        return text in self._number

    def numbers(self, texts: pa.Array) -> pa.Array:
        """The number of each text, null for what is none of them.

        Of the last texts they are remembered: a row group is asked about several times.
        """
        if not texts.equals(self._last[0]):
            find = self._number.get
            found = [find(text) for text in texts.to_pylist()]
            self._last = texts, pa.array(found, pa.int32())
        return self._last[1]

    @functools.cached_property
    def _number(self) -> dict[str, int]:
        # Arrow's index_in would look at all of them again for each row group.
        return {text: number for number, text in enumerate(self.values.to_pylist())}


def count(mask: pa.Array | pa.ChunkedArray) -> int:
    """How many rows a boolean column is true for."""
    return int(pc.sum(mask, min_count=0).as_py())


def kept(rows: pa.Table, mask: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The rows that a mask is true for; the same table where that is all of them."""
    return rows if count(mask) == rows.num_rows else rows.filter(mask)


def dictionary(array: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """A column as one dictionary of distinct values and a code per row."""
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # no rows: no chunk to combine
            array = pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        return array
    return array.dictionary_encode()


def spread(values: pa.Array, codes: pa.Array) -> pa.Array:
    """Give each row the value at its code; strings as a dictionary again."""
    if values.type != STRING:
        return values.take(codes)
    encoded = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.take(codes), encoded.dictionary
    )


def filled(column: pa.DictionaryArray, value: str) -> pa.DictionaryArray:
    """A value in place of the nulls of a dictionary-encoded column."""
    values = pa.concat_arrays([column.dictionary, pa.array([value])])
    codes = pc.fill_null(column.indices, len(column.dictionary))
    return spread(values, codes)


def empty_as_null(array: pa.Array) -> pa.Array:
    """Null in place of empty text."""
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, STRING), array)


def each_distinct(array: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a Python function to the distinct values of a text column."""
    encoded = array.dictionary_encode()
    results = [function(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(results, STRING).take(encoded.indices)


def split_urls(urls: pa.Array) -> dict[str, pa.Array]:
    """Split URLs as :func:`urllib.parse.urlsplit` does.

    Args:
        urls: text, best distinct.

    Returns:
        Scheme, netloc, path and query, an absent part as null. All are null for what
        is null and for what does not parse, such as ``http://[::1``.
    """
    parts = pc.extract_regex(urls, _PLAIN_URL)
    arrays = {
        part: pc.struct_field(parts, [parts.type.get_field_index(part)])
        for part in URL_PARTS
    }
    rest = pc.and_(urls.is_valid(), parts.is_null())
    if pc.any(rest).as_py():
        split = [_split_one(url) for url in urls.filter(rest).to_pylist()]
        for index, part in enumerate(URL_PARTS):
            found = pa.array([parts[index] for parts in split], STRING)
            arrays[part] = pc.replace_with_mask(arrays[part], rest, found)
    return {part: empty_as_null(array) for part, array in arrays.items()}


def _split_one(url: str) -> Sequence[str | None]:
    try:
        return urlsplit(url)[: len(URL_PARTS)]
    except ValueError:
        return [None] * len(URL_PARTS)


def without_value(reason: str) -> str:
    """A reason without the value that it shows, which may be somebody's address."""
    return re.sub(r" = .*(?=, which is not )", "", reason, flags=re.DOTALL)


def reject(entries: pa.Table, reasons: pa.Array) -> pa.Table:
    """Keep entries apart, as JSON, with the reason for each."""
    text = [json.dumps(row, default=str, sort_keys=True) for row in entries.to_pylist()]
    return pa.table([reasons.cast(STRING), pa.array(text, STRING)], schema=REJECTED)
