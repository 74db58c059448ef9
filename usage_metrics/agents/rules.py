"""The table of our own rules, ``rules.tsv``, and how each of its steps matches.

One line is one rule: the step it belongs to, the class, kind and name it gives, a
pattern in the syntax of RE2, and an example that a test classifies. All patterns
ignore case. The steps:

* ``empty``: the pattern is the whole user agent.
* ``client``: at the start. Holds only where nothing of a robot (:data:`ROBOT_WORDS`)
  follows, so ``python-requests/2.32`` is a client and
  ``python-requests/2.32 (+https://example.org/bot)`` is not.
* ``app``: anywhere. Before the lists, because lists of robots name these.
* ``robot``: anywhere, as whole words. Before the lists, which know few kinds of AI.
* ``sign``: anywhere. After the lists, which know names.
* ``browser`` and ``rest``: anywhere, after everything that makes a robot.
"""

import functools
import hashlib
import importlib.resources
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
"""What a client that a person runs does not say beside its name."""

_FRAMES = {"empty": "^(?:{})$", "client": "^(?:{})", "robot": r"\b(?:{})\b"}


class Rule(NamedTuple):
    """A rule of ours or of somebody's list: what it says of which user agents."""

    step: str
    agent_class: str
    kind: str | None
    name: str | None
    pattern: str
    list: str
    """Name and version of the list that the rule is from."""
    example: str = ""
    label: str = ""
    """What stands for a pattern of ours, which may be long."""

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


def own_table() -> str:
    """The text of our table."""
    table = importlib.resources.files("usage_metrics.agents") / "rules.tsv"
    return table.read_text(encoding="utf-8")


def version_of(table: str) -> str:
    """A short hash of a table: who adds a rule need not think of a number."""
    return hashlib.blake2b(table.encode(), digest_size=6).hexdigest()


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read a table of rules.

    Raises:
        StorageError: naming the line that is no rule.
    """
    rules = []
    version = "usage_metrics"
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("# version: "):
            version = f"usage_metrics {line.removeprefix('# version: ')}"
        if line.strip() and not line.startswith(("#", "step\t")):
            rules.append(_parse_rule(line, f"rules.tsv, line {number}", version))
    return tuple(rules)


def _parse_rule(line: str, where: str, version: str) -> Rule:
    fields = line.split("\t")
    if len(fields) != 6:
        raise StorageError(f"{where}: {len(fields)} columns where 6 belong: {line!r}")
    step, agent_class, kind, name, pattern, example = fields
    if step not in STEPS:
        raise StorageError(f"{where}: no step {step!r}; there are {', '.join(STEPS)}")
    if agent_class not in CLASSES:
        raise StorageError(
            f"{where}: no class {agent_class!r}; there are {', '.join(CLASSES)}"
        )
    label = f"{step} {name or kind or pattern[:40]}"
    return Rule(
        step, agent_class, kind or None, name or None, pattern, version, example, label
    )
