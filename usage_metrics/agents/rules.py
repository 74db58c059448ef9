"""Our own table of rules, ``rules.tsv``, and how each of its steps matches.

Each line is a rule: its step, the class, kind and name it gives, an RE2 pattern, and an
example that a test classifies. All patterns ignore case. The steps:

* ``empty``: matches the whole user agent.
* ``client``: matches at the start, unless something typical of robots
  (:data:`ROBOT_WORDS`) follows: ``python-requests/2.32`` is a client,
  ``python-requests/2.32 (+https://example.org/bot)`` is not.
* ``app``: matches anywhere. Before the lists of robots, which contain these.
* ``robot``: matches whole words. Before the lists, which know few kinds of AI.
* ``sign``: matches anywhere. After the lists, which know names.
* ``browser`` and ``rest``: match anywhere, after all rules for robots.
"""

import functools
import hashlib
import importlib.resources
import re
from collections.abc import Iterator
from typing import NamedTuple

from usage_metrics.errors import StorageError

CLASSES = ("human", "machine", "robot", "internal", "unknown")
"""Every value of ``agent_class``."""

STEPS = ("empty", "client", "app", "robot", "sign", "browser", "rest")
"""The steps of the table."""

ROBOT_WORDS = (
    r"(?i)bots?(?:\b|_)|crawl|spider|spyder|slurp|scraper|https?:|\bwww\.|"
    r"[\w.+-]@[\w-]+\.[a-z]{2}"
)
"""Words that mark a robot even after the name of a client."""

_FRAMES = {"empty": "^(?:{})$", "client": "^(?:{})", "robot": r"\b(?:{})\b"}


class Rule(NamedTuple):
    """A rule of ours or of a list: how it classifies which user agents."""

    step: str
    agent_class: str
    kind: str | None
    name: str | None
    pattern: str
    list: str
    """Name and version of the list that the rule comes from."""
    example: str = ""
    label: str = ""
    """A short form of one of our patterns, which may be long."""

    @property
    def source(self) -> str:
        """The rule as ``agent_rule`` names it."""
        return f"{self.list}: {self.label or self.pattern}"

    @property
    def framed(self) -> str:
        """The pattern as its step matches it."""
        frame = _FRAMES.get(self.step, "(?:{})")
        return frame.format(self.pattern.replace("(?P<name>", "(?:"))


@functools.cache
def own_rules() -> dict[str, tuple[Rule, ...]]:
    """Read the rules of each step from the package."""
    rules = parse_rules(own_table())
    return {step: tuple(rule for rule in rules if rule.step == step) for step in STEPS}


def own_table(name: str = "rules.tsv") -> str:
    """The text of a table in this package."""
    table = importlib.resources.files("usage_metrics.agents") / name
    return table.read_text(encoding="utf-8")


def version_of(table: str) -> str:
    """A short hash of a table, so that nobody has to maintain a version number."""
    return hashlib.blake2b(table.encode(), digest_size=6).hexdigest()


def lines_of(table: str, header: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a table, without comments, blank lines and the header."""
    for number, line in enumerate(table.splitlines(), start=1):
        if line.strip() and not line.startswith(("#", header)):
            yield number, line


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read a table of rules.

    Raises:
        StorageError: naming the line that is invalid.
    """
    version = re.search(r"^# version: (.*)$", text, re.MULTILINE)
    source = f"usage_metrics {version[1]}" if version else "usage_metrics"
    return tuple(
        _parse_rule(line, f"rules.tsv, line {number}", source)
        for number, line in lines_of(text, "step\t")
    )


def _parse_rule(line: str, where: str, source: str) -> Rule:
    fields = line.split("\t")
    if len(fields) != 6:
        raise StorageError(f"{where}: {len(fields)} columns instead of 6: {line!r}")
    step, agent_class, kind, name, pattern, example = fields
    for what, value, known in ("step", step, STEPS), ("class", agent_class, CLASSES):
        if value not in known:
            raise StorageError(
                f"{where}: unknown {what} {value!r}; use one of {', '.join(known)}"
            )
    label = f"{step} {name or kind or pattern[:40]}"
    return Rule(
        step, agent_class, kind or None, name or None, pattern, source, example, label
    )
