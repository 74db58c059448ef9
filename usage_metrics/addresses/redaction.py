"""Finds and removes addresses in texts, in every spelling that logs have of them.

A visitor's address is not only in its own column. It is in the query of a URL
(``?ip=192.0.2.7``), in a referer, in a message, in a line that could not be parsed.
There it may be percent-encoded, encoded as Datasette does it (``192~2E0~2E2~2E7``), or
hyphenated as in a host name. IPv6 has many more spellings: compressed or not, in upper
case, with leading zeros, with an embedded IPv4 address. What only a person would
recognise is not found: other separators, reversed or as one number, encoded digits.

Much that looks like an address is not one: ``Chrome/147.0.0.0``. So the caller says
which addresses to look for, and only those are found.
"""

import functools
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import Address, address_of
from usage_metrics.arrow import STRING, dictionary, take_encoded

REMOVED = "address-removed"
"""Replaces an address in a text. It needs no escaping in any syntax."""

Wanted = Callable[[Address], bool]
"""Says whether to look for an address."""

REMEMBERED = 1 << 14
REMEMBERED_LENGTH = 1 << 10
REMEMBERED_CANDIDATES = 8
"""How many texts are remembered with their candidates, except long ones and those
stuffed with what looks like addresses.
"""

_ESCAPE = "(?:%(?:25)*|~)"
"""Percent signs may be encoded again; the tilde is Datasette's."""
_DOT = rf"(?:[.-]|{_ESCAPE}2[Ee])"
_COLON = rf"(?::|{_ESCAPE}3[Aa])"
SEPARATORS = (b".", b"-", b":", b"%", b"~")
"""Every dot and colon, encoded or not, contains one of these."""
_BYTE = "[0-9]{1,3}"
_WORD = "[0-9A-Fa-f]{1,4}"
_QUAD = rf"{_BYTE}{_DOT}{_BYTE}{_DOT}{_BYTE}{_DOT}{_BYTE}"

# The digits of an escape before an address do not belong to it. Lookbehinds must have a
# fixed length.
_ESCAPES = ("[%~]..", "%25..", "%2525..", r"\\u....")
_AFTER_ESCAPE = "|".join(f"(?<={e})" for e in _ESCAPES).replace(".", "[0-9A-Fa-f]")
# In a lookahead, so that overlapping candidates are all tried.
_V4 = re.compile(rf"(?:(?<![0-9])|{_AFTER_ESCAPE})(?=({_QUAD})(?![0-9]))")
# Eight words, or fewer around one double colon. After that, an address may end behind
# any word: what follows may be a port.
_V6 = re.compile(
    rf"(?:(?<![0-9A-Fa-f])|{_AFTER_ESCAPE})"
    rf"(?=((?:{_WORD}{_COLON}){{6}}(?:{_WORD}{_COLON}{_WORD}|{_QUAD})"
    rf"|(?P<head>(?:(?:{_WORD}{_COLON}){{1,7}}|{_COLON}){_COLON})"
    rf"(?:{_WORD}{_COLON}){{0,6}}(?:{_QUAD}|{_WORD})?))"
)
_SEPARATOR = re.compile(f"({_COLON}|{_DOT})")

_LOOKS_LIKE_ONE = (
    rf"{_QUAD}|{_COLON}{_COLON}|(?:{_WORD}{_COLON}){{6}}"  # for RE2: no lookarounds
)


class Candidate(NamedTuple):
    """What may be an address in a text, and its span."""

    address: Address
    start: int
    end: int


def without(texts: pa.Array | pa.ChunkedArray, wanted: Wanted) -> pa.Array | None:
    """Replace addresses in a column by ``REMOVED``; a bare address becomes null.

    Args:
        texts: a column of text, best a dictionary.
        wanted: which addresses.

    Returns:
        The changed column, or None if it has no such address.
    """
    if pa.types.is_dictionary(texts.type):
        encoded = dictionary(texts)
        found = without(encoded.dictionary.cast(STRING), wanted)
        return None if found is None else take_encoded(found, encoded.indices)
    plain = pa.chunked_array([texts]) if isinstance(texts, pa.Array) else texts
    if not _has_separators(plain):
        return None
    candidates = pc.match_substring_regex(plain, _LOOKS_LIKE_ONE)
    if not pc.any(candidates).as_py():
        return None
    before = plain.filter(candidates).to_pylist()
    left = [remove(text, wanted) for text in before]
    if before == left:
        return None
    after = [None if text == REMOVED else text for text in left]
    mask = pc.fill_null(candidates, fill_value=False).combine_chunks()
    column = plain.combine_chunks()
    return pc.replace_with_mask(column, mask, pa.array(after, STRING))


def _has_separators(texts: pa.ChunkedArray) -> bool:
    """Whether any text of a column may contain an address, judged by its bytes.

    A column of alphanumeric ids has none, and searching each id takes fifty times as
    long.
    """
    for chunk in texts.chunks:
        data = chunk.buffers()[2]
        if data is not None and any(map(bytes(data).__contains__, SEPARATORS)):
            return True
    return False


def remove(text: str, wanted: Wanted) -> str:
    """Replace the addresses in a text by ``REMOVED``."""
    found = list(_spans(text, wanted))
    if not found:
        return text
    covered = bytearray(len(text))
    for start, end in found:
        covered[start:end] = b"x" * (end - start)
    pieces, position = [], 0
    for match in re.finditer(b"x+", covered):
        start, end = match.span()
        if text[max(0, start - 1) : start] + text[end : end + 1] == "[]":
            start, end = start - 1, end + 1  # only an address may be in such brackets
        pieces += [text[position:start], REMOVED]
        position = end
    return "".join([*pieces, text[position:]])


def anonymous(text: str) -> str:
    """A text for a message, without anything that looks like an address."""
    return remove(text, lambda _: True)


def addresses_in(text: str) -> Iterator[Address]:
    """What may be addresses in a text."""
    for readings in _candidates(text):
        for candidate in readings:
            yield candidate.address


def _spans(text: str, wanted: Wanted) -> Iterator[tuple[int, int]]:
    """Find the start and end of each address in a text; spans may overlap."""
    remembered = _few_candidates(text) if len(text) <= REMEMBERED_LENGTH else None
    for readings in _candidates(text) if remembered is None else remembered:
        for address, start, end in readings:
            if wanted(address):
                yield start, end
                break


@functools.lru_cache(maxsize=REMEMBERED)
def _few_candidates(text: str) -> tuple[tuple[Candidate, ...], ...] | None:
    """The candidates in a text if there are few, such as a browser's versions."""
    found: list[tuple[Candidate, ...]] = []
    for readings in _candidates(text):
        found.append(tuple(readings))
        if sum(map(len, found)) > REMEMBERED_CANDIDATES:
            return None
    return tuple(found)


def _candidates(text: str) -> Iterator[Iterable[Candidate]]:
    """The candidates in a text, grouped by where they start."""
    for match in _V4.finditer(text):
        numbers = [int(number) for number in _SEPARATOR.split(match[1])[::2]]
        if max(numbers) < 256:
            address = address_of(bytes(numbers))
            yield (Candidate(address, *match.span(1)),)
    for match in _V6.finditer(text):
        yield _readings(match)


def _readings(found: re.Match[str]) -> Iterator[Candidate]:
    """The IPv6 addresses that a candidate starts with, longest first."""
    start = found.start(1)
    plain, ends = _decoded(found)
    for length, end in reversed(ends):
        try:  # rejects what only looks like an address, faster than ipaddress
            packed = socket.inet_pton(socket.AF_INET6, plain[:length])
        except OSError:
            continue
        yield Candidate(address_of(packed), start, end)


def _decoded(found: re.Match[str]) -> tuple[str, list[tuple[int, int]]]:
    """A candidate with its separators decoded, and where an address may end.

    An end is given in the decoded text and in that which was searched.
    """
    text, head = found.string, found.end("head")
    position, last = found.span(1)
    plain, ends = "", []
    for separator in _SEPARATOR.finditer(text, position, last):
        plain += text[position : separator.start()]
        if -1 < head < separator.end():
            ends.append((len(plain), separator.start()))
        plain += ":" if separator[0][-1] in ":Aa" else "."
        position = separator.end()
        if position == head < last:
            ends.append((len(plain), position))
    plain += text[position:last]
    return plain, [*ends, (len(plain), last)]
