"""Finds addresses in texts, in the spellings that logs have of them.

A visitor's address does not stand in its own column alone. It is in the query of a URL
(``?ip=192.0.2.7``), in a referer, in a message, in a line that is no log entry. There
it may be percent-encoded, or encoded as Datasette does it (``192~2E0~2E2~2E7``), have
hyphens as in a host name, and one of IPv6 has many spellings besides: compressed or
not, in capitals, with leading zeros, with an IPv4 address in it. What only a person
would take for the address is not found: its numbers with other signs between, in
reverse, as one number, or with their digits encoded.

What looks like an address often is none: ``Chrome/147.0.0.0``. So the caller says which
addresses are looked for, and only those are found.
"""

import contextlib
import functools
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import Address, parse_address
from usage_metrics.arrow import STRING, dictionary, take_encoded

REMOVED = "address-removed"
"""What stands in a text in place of an address. It needs no escape in any syntax."""

Wanted = Callable[[Address], bool]
"""Says whether an address is one of those looked for."""

REMEMBERED = 1 << 14
REMEMBERED_LENGTH = 1 << 10
REMEMBERED_CANDIDATES = 8
"""So many texts are remembered with what is in them: none that is longer, or that
somebody filled with what looks like addresses.
"""

_ESCAPE = "(?:%(?:25)*|~)"
"""Percent signs may be encoded in turn; the tilde is Datasette's."""
_DOT = rf"(?:[.-]|{_ESCAPE}2[Ee])"
_COLON = rf"(?::|{_ESCAPE}3[Aa])"
SEPARATORS = (b".", b"-", b":", b"%", b"~")
"""Each of the two has one of these in it."""
_BYTE = "[0-9]{1,3}"
_WORD = "[0-9A-Fa-f]{1,4}"
_QUAD = rf"{_BYTE}{_DOT}{_BYTE}{_DOT}{_BYTE}{_DOT}{_BYTE}"

# The digits of an escape before an address are none of its own. What is looked for
# behind has to be of a fixed length.
_ESCAPES = ("[%~]..", "%25..", "%2525..", r"\\u....")
_AFTER_ESCAPE = "|".join(f"(?<={e})" for e in _ESCAPES).replace(".", "[0-9A-Fa-f]")
# Within a lookahead, so that of overlapping candidates each is tried.
_V4 = re.compile(rf"(?:(?<![0-9])|{_AFTER_ESCAPE})(?=({_QUAD})(?![0-9]))")
_V6 = re.compile(
    rf"(?:(?<![0-9A-Fa-f])|{_AFTER_ESCAPE})"
    rf"(?=((?:{_WORD})?(?:{_COLON}(?:{_WORD})?){{2,9}}(?:(?<=[0-9]){_DOT}{_BYTE}"
    rf"{_DOT}{_BYTE}{_DOT}{_BYTE})?))"
)
_SEPARATOR = re.compile(f"({_COLON}|{_DOT})")

_LOOKS_LIKE_ONE = (
    rf"{_QUAD}|{_COLON}{_COLON}|(?:{_WORD}{_COLON}){{6}}"  # for RE2: no lookarounds
)


class Candidate(NamedTuple):
    """What may be an address in a text, and where it stands."""

    address: Address
    start: int
    end: int


def without(texts: pa.Array | pa.ChunkedArray, wanted: Wanted) -> pa.Array | None:
    """Put ``REMOVED`` in the place of addresses in a column.

    A text that is nothing but an address becomes null.

    Args:
        texts: a column of text, best a dictionary.
        wanted: which addresses.

    Returns:
        The column as it is to be, or None if it has no such address.
    """
    encoded = texts if pa.types.is_dictionary(texts.type) else None
    if encoded is not None:
        encoded = dictionary(encoded)
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
    """Whether an address may be in any text of a column, by a look at all its bytes.

    In a column of ids that are digits and letters there is none, and looking for one in
    each of them takes fifty times as long.
    """
    for chunk in texts.chunks:
        data = chunk.buffers()[2]
        if data is not None and any(map(bytes(data).__contains__, SEPARATORS)):
            return True
    return False


def remove(text: str, wanted: Wanted) -> str:
    """Put ``REMOVED`` in the place of the addresses in a text."""
    found = sorted(spans(text, wanted))
    if not found:
        return text
    pieces = []
    position = 0
    for span in _merged(found):
        start, end = _with_brackets(text, *span)
        pieces += [text[position:start], REMOVED]
        position = end
    return "".join([*pieces, text[position:]])


def anonymous(text: str) -> str:
    """A text for a message, without what looks like an address."""
    return remove(text, lambda _: True)


def addresses_in(text: str) -> Iterator[Address]:
    """What may be addresses in a text."""
    for readings in _candidates(text):
        for address, _, _ in readings:
            yield address


def spans(text: str, wanted: Wanted) -> Iterator[tuple[int, int]]:
    """Where in a text an address stands, from where to where; some may overlap."""
    remembered = _few_candidates(text) if len(text) <= REMEMBERED_LENGTH else None
    for readings in _candidates(text) if remembered is None else remembered:
        for address, start, end in readings:
            if wanted(address):
                yield start, end
                break


@functools.lru_cache(maxsize=REMEMBERED)
def _few_candidates(text: str) -> tuple[tuple[Candidate, ...], ...] | None:
    """The candidates in a text, if they are few: browsers' versions look like some."""
    found: list[tuple[Candidate, ...]] = []
    for readings in _candidates(text):
        found.append(tuple(readings))
        if sum(map(len, found)) > REMEMBERED_CANDIDATES:
            return None
    return tuple(found)


def _candidates(text: str) -> Iterator[Iterable[Candidate]]:
    """The candidates in a text; those that begin at one place together."""
    for match in _V4.finditer(text):
        address = parse_address(".".join(_bytes(match[1])))
        if address is not None:
            yield (Candidate(address, *match.span(1)),)
    for match in _V6.finditer(text):
        yield _readings(match[1], match.start(1))


def _readings(text: str, start: int) -> Iterator[Candidate]:
    for plain, length in reversed(_beginnings(text)):
        # The operating system says no much sooner than ``ipaddress``.
        address = parse_address(plain) if _is_ipv6(plain) else None
        if address is not None:
            yield Candidate(address, start, start + length)


def _is_ipv6(text: str) -> bool:
    with contextlib.suppress(OSError):
        socket.inet_pton(socket.AF_INET6, text)
        return True
    return False


def _beginnings(text: str) -> list[tuple[str, int]]:
    """A candidate of IPv6 and its beginnings, shortest first: a port may follow it.

    Each without escapes, and with its length in the text. Where one has become what no
    address begins with, the longer ones are none either.
    """
    found: list[tuple[str, int]] = []
    plain, position = "", 0
    for separator in _SEPARATOR.finditer(text):
        plain += text[position : separator.start()]
        found.append((plain, separator.start()))
        plain += ":" if _is_colon(separator[0]) else "."
        position = separator.end()
        if ":::" in plain or plain.count("::") > 1:
            return found
        found.append((plain, position))
    return [*found, (plain + text[position:], len(text))]


def _is_colon(separator: str) -> bool:
    return separator[-1] in ":Aa"


def _bytes(text: str) -> list[str]:
    """The four numbers of an address of IPv4, without leading zeros."""
    return [str(int(number)) for number in _SEPARATOR.split(text)[::2]]


def _with_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """A span with the brackets around it: in them nothing but an address may stand."""
    if text[max(0, start - 1) : start] + text[end : end + 1] == "[]":
        return start - 1, end + 1
    return start, end


def _merged(found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for next_start, next_end in found:
        if next_start > end:
            if end >= 0:
                yield start, end
            start, end = next_start, next_end
        end = max(end, next_end)
    if end >= 0:
        yield start, end
