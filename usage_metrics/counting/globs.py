"""Patterns as people write them for names of files: ``pudl/{version}/{table}.parquet``.

``*`` stands for any part of a name between two slashes, ``**`` for any part at all, and
``{table}`` for such a part, of at least one character, that is captured. All else
stands for itself, and so do these after a backslash. A pattern matches what it says,
and all that is below it as below a folder. It becomes RE2, which takes time in
proportion to the text.

Here a text is that of two names with ``BETWEEN``: a bucket and a key, a host and a
path.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

BETWEEN = "\0"
"""Between the two names."""

CAPTURES = ("dataset", "version", "table")
"""What a pattern may capture."""

_TOKEN = re.compile(r"\\[*{}\\]|\*\*|\*|\{(?P<name>[^{}]*)\}|.", re.DOTALL)
_ANY, _PART = f"[^{BETWEEN}]", f"[^/{BETWEEN}]"

Item = TypeVar("Item")


class _Token(NamedTuple):
    """A character, or a class of characters that may be repeated."""

    text: str
    """The character, ``_ANY`` or ``_PART``."""
    is_repeated: bool = False

    def meets(self, other: "_Token") -> bool:
        """Whether some character is one of both."""
        if self.text == other.text:
            return True
        one, them = sorted((self.text, other.text), key=len)
        return len(one) > 1 or (len(them) > 1 and one not in them[2:-1])


@dataclass(frozen=True)
class Glob:
    """A pattern for the whole of a text."""

    text: str = "**"
    within: str = "**"
    """For the name before ``BETWEEN``, in which a slash is a character like any."""

    @property
    def captures(self) -> list[str]:
        """The names of what it captures."""
        found = (_TOKEN.finditer(part) for part in (self.within, self.text))
        return [m["name"] for tokens in found for m in tokens if m["name"] is not None]

    @cached_property
    def expression(self) -> str:
        """The regular expression."""
        within = "".join(_expressions(self.within, _ANY))
        rest = "".join(_expressions(self.text, _PART))
        below = f"{_ANY}*" if self.text.endswith("/") else f"(?:/{_ANY}*)?"
        return rf"\A{within}\x00{rest}{below}\z"

    @cached_property
    def prefix(self) -> str:
        """The characters with which every text that it matches begins."""
        found = ""
        for token in _tokens(self.within, _ANY, BETWEEN, self.text):
            if len(token.text) > 1:
                break
            found += token.text
        return found

    @property
    def is_prefix(self) -> bool:
        """Whether it matches all that begins with its prefix."""
        whole = f"{self.within}{BETWEEN}{self.text}"
        return whole == (self.prefix if whole.endswith("/") else f"{self.prefix}**")

    @cached_property
    def _readings(self) -> list[list[_Token]]:
        """What it matches: the thing itself, and what is below it."""
        below = "**" if self.text.endswith("/") else "/**"
        ends = ("", below) if below == "/**" else (below,)
        return [_tokens(self.within, _ANY, BETWEEN, self.text + e) for e in ends]

    @property
    def telling(self) -> tuple[int, str] | None:
        """Where after ``BETWEEN`` a plain segment is, if the first one is none."""
        found = [s for s in enumerate(self.segments[1:]) if not _is_wild(s[1])]
        return found[-1] if found and found[0][0] else None

    @property
    def segments(self) -> list[str]:
        """Its parts between slashes, up to one that may have slashes itself."""
        parts = self.text.rstrip("/").split("/")
        end = next((n for n, part in enumerate(parts) if "**" in part), len(parts))
        return [self.within, *parts[:end]]

    def meets(self, other: "Glob") -> bool:
        """Whether there is a text that both match."""
        return any(_meet(a, b) for a in self._readings for b in other._readings)


def _expressions(text: str, part: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        if found["name"] is not None:
            yield f"(?P<{found['name']}>{part}+)"
        elif found[0] in ("*", "**"):
            yield f"{part if found[0] == '*' else _ANY}*"
        else:
            yield re.escape(found[0][-1])


def _tokens(within: str, part: str, between: str, text: str) -> list[_Token]:
    of_within = _tokens_of(within, part)
    return [*of_within, _Token(between), *_tokens_of(text, _PART)]


def _tokens_of(text: str, part: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        if found["name"] is not None:
            yield _Token(part)
            yield _Token(part, is_repeated=True)
        elif found[0] in ("*", "**"):
            yield _Token(part if found[0] == "*" else _ANY, is_repeated=True)
        else:
            yield _Token(found[0][-1])


def _meet(ours: Sequence[_Token], theirs: Sequence[_Token]) -> bool:
    """Whether two lists of tokens have a text in common."""
    seen, ahead = {(0, 0)}, [(0, 0)]
    while ahead:
        i, j = ahead.pop()
        if i == len(ours) and j == len(theirs):
            return True
        new = set(_steps(ours, theirs, i, j)) - seen
        seen |= new
        ahead += new
    return False


def _steps(
    ours: Sequence[_Token], theirs: Sequence[_Token], i: int, j: int
) -> Iterator[tuple[int, int]]:
    """Where two patterns may stand after one step more."""
    one = ours[i] if i < len(ours) else None
    other = theirs[j] if j < len(theirs) else None
    if one and one.is_repeated:
        yield i + 1, j
    if other and other.is_repeated:
        yield i, j + 1
    if one and other and one.meets(other):
        yield i + (not one.is_repeated), j + (not other.is_repeated)


@dataclass
class _Node(Generic[Item]):
    """The patterns that begin with the same segments."""

    ending: list[tuple[Glob, Item]] = field(default_factory=list)
    plain: dict[str, "_Node[Item]"] = field(default_factory=dict)
    wild: dict[str, "_Node[Item]"] = field(default_factory=dict)

    def near(self, segments: Sequence[str]) -> Iterator[tuple[Glob, Item]]:
        """The patterns below that may match what one of some segments matches."""
        yield from self.ending
        if not segments or _is_wild(segments[0]):
            nodes = [*self.plain.values(), *self.wild.values()]
        else:
            same = self.plain.get(segments[0])
            nodes = [*([same] if same else []), *self.wild.values()]
        for node in nodes:
            yield from node.near(segments[1:])

    def add(self, glob: Glob, item: Item) -> None:
        """Add a pattern."""
        node = self
        for segment in glob.segments:
            children = node.wild if _is_wild(segment) else node.plain
            node = children.setdefault(segment, _Node())
        node.ending.append((glob, item))


def _is_wild(segment: str) -> bool:
    return any(mark in segment for mark in "*{\\")


def plain(text: str) -> str:
    """The pattern that matches a text."""
    return re.sub(r"[*{}\\]", r"\\\g<0>", text)


def overlaps(globs: Iterable[tuple[Glob, Item]]) -> Iterator[tuple[Item, Item]]:
    """The pairs of patterns that both match some text.

    They are compared by their segments first: there may be thousands.
    """
    seen: _Node[Item] = _Node()
    for glob, item in globs:
        near = seen.near(glob.segments)
        yield from ((other, item) for them, other in near if them.meets(glob))
        seen.add(glob, item)


def divided(names: Sequence[str], withins: Iterable[str]) -> set[str]:
    """The names of which a pattern for the name before ``BETWEEN`` matches one."""
    expressions = [re.compile("".join(_expressions(w, _ANY))) for w in set(withins)]
    return {name for name in names if any(e.fullmatch(name) for e in expressions)}
