"""Our own table of rules, ``rules.tsv``, and how each of its steps matches.

Each line is a rule: its step, the class, kind and name it gives, an RE2 pattern, and an
example that a test classifies. All patterns ignore case. The steps:

* ``empty``: matches the whole user agent.
* ``attack``: matches anywhere.
* ``client``: matches at the start, unless the user agent says that it is a robot
  (:data:`ROBOT_WORDS`): ``python-requests/2.32`` is a client, and so is
  ``python-requests/2.32 (mailto:someone@example.org)``;
  ``python-requests/2.32 (+https://example.org/bot)`` is not.
* ``app``: matches anywhere. Before the lists of robots, which contain these.
* ``robot``: matches whole words of what is unusual. Before the lists, which know few
  kinds of AI.
* ``script``: matches anywhere, unless the user agent says that it is a robot. Before
  the lists, which contain the names of languages. Apps of phones and televisions come
  first, because they name the libraries within them.
* ``sign``: matches anywhere in what is unusual. After the lists, which know names.
* ``ending``: matches what a Chrome on a desktop says besides, if no browser or app
  that we know says it: a new app, or a robot that says who it is.
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

ASSISTANT = "AI assistant"
"""The kind of what fetches a page because somebody has just asked an AI for it."""

STEPS = (
    *("empty", "attack", "client", "app", "robot", "script", "sign"),
    *("ending", "browser", "rest"),
)
"""The steps of the table."""

ROBOT_WORDS = (
    r"(?i)bots?(?:\b|_)|crawl|spider|spyder|slurp|scrap(?:e|ing|y)|.Mozilla/\d\.\d \(|"
    r"mastodon|misskey|pleroma|akkoma"
)
"""Words that mark a robot even beside the name of a client, and a client's disguise."""

_CONTACT = r"https?:|\bwww\.|[\w.+-]@[\w-]+\.[a-z]{2}"

GUARDS = {
    "client": ROBOT_WORDS,
    "script": rf"{ROBOT_WORDS}|check|chk|validat|monitor|uptime|scan|sitemap|expander|"
    "watchdog|survey|proxy|probe|pinger|status|banner|detect|verif|index|harvest|archiv|"
    "screenshot|\\bseo|\\bcompatible;",
    "machine": f"{ROBOT_WORDS}|{_CONTACT}",
}
"""What keeps the rules of a step from a user agent. COUNTER's list of machines
(``machine``) has words like ``wordpress``, which say less than the name of a client.
"""

_FRAMES = {
    "empty": "^(?:{})$",
    "client": r"^\[?(?:{})",
    "machine": "^(?:{})",
    "site": "^(?:{})",
    "robot": r"\b(?:{})\b",
    "list": r"\b(?:{})",
}


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
        if self.step == "list" and not re.match(r"[a-zA-Z0-9]", self.pattern):
            frame = "(?:{})"
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
