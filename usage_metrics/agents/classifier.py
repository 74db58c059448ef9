"""The cascade that gives each user agent the first rule that holds."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from usage_metrics.agents import lists
from usage_metrics.agents.matching import PatternSet, compiled
from usage_metrics.agents.names import name_in
from usage_metrics.agents.normalize import whole, without_browser_words, without_device
from usage_metrics.agents.rules import ROBOT_WORDS, Rule, own_rules
from usage_metrics.agents.settings import AgentSettings

REMEMBERED = 100_000
"""How many user agents a process remembers; days that follow have much the same."""

NO_RULE = Rule("rest", "unknown", None, None, "no rule holds", "usage_metrics")
"""What is said of a user agent for which no rule holds."""


class Verdict(NamedTuple):
    """What is said of a user agent."""

    agent_class: str
    agent_name: str | None
    agent_kind: str | None
    agent_rule: str


class Step:
    """Rules that are tried together, on some part of the user agents."""

    def __init__(
        self, subject: Callable[[pa.Array], pa.Array], *groups: Sequence[Rule]
    ) -> None:
        """Compile groups of rules, the first to decide first."""
        self._subject = subject
        self._rules = [rule for group in groups for rule in group]
        self._patterns = PatternSet([rule.framed for rule in self._rules])

    def decide(self, texts: pa.Array) -> list[Rule | None]:
        """The rule that holds for each user agent, if one does."""
        subjects = self._subject(texts).dictionary_encode()
        found = [self._first(subject) for subject in subjects.dictionary.to_pylist()]
        return [found[index] for index in subjects.indices.to_pylist()]

    def _first(self, subject: str) -> Rule | None:
        for position in self._patterns.matches(subject):
            rule = self._rules[position]
            if rule.step != "client" or not _says_robot(subject, rule.framed):
                return rule
        return None


def _says_robot(text: str, client: str) -> bool:
    """Whether something of a robot follows the name of a client."""
    name = compiled(client).match(text)
    return compiled(ROBOT_WORDS).search(text, name.end()) is not None


class Classifier:
    """Says what user agents are, and remembers it."""

    def __init__(self, settings: AgentSettings) -> None:
        """Read every list.

        Raises:
            ConfigError: if the package of a list is missing or too old.
        """
        self._steps = cascade(settings)
        self._known: dict[str, Verdict] = {}

    def verdicts(self, texts: list[str]) -> list[Verdict]:
        """The verdict on each user agent, normalised."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            verdicts = map(_verdict, new, self._decide(new))
            self._known.update(zip(new, verdicts, strict=True))
        return [self._known[text] for text in texts]

    def _decide(self, texts: list[str]) -> list[Rule]:
        rules: list[Rule | None] = [None] * len(texts)
        for step in self._steps:
            undecided = [row for row, rule in enumerate(rules) if rule is None]
            found = step.decide(
                pa.array([texts[row] for row in undecided], pa.string())
            )
            for row, rule in zip(undecided, found, strict=True):
                rules[row] = rule
        return [rule or NO_RULE for rule in rules]


def _verdict(text: str, rule: Rule) -> Verdict:
    name = rule.name
    if name is None and rule.agent_class != "unknown":
        name = name_in(text, rule)
    return Verdict(rule.agent_class, name, rule.kind, rule.source)


@functools.lru_cache(maxsize=8)
def classifier(settings: AgentSettings) -> Classifier:
    """The classifier of this process for some settings."""
    return Classifier(settings)


def cascade(settings: AgentSettings) -> tuple[Step, ...]:
    """Every step, in the order of decision."""
    own = own_rules()
    return (
        Step(
            whole,
            own["empty"],
            _internal(settings),
            _data_clients(settings),
            own["client"],
            lists.counter_machines(),
            own["app"],
        ),
        Step(without_device, own["robot"], lists.crawler_user_agents()),
        Step(without_browser_words, lists.crawlerdetect()),
        Step(without_device, own["sign"], lists.counter_robots()),
        Step(whole, own["browser"], own["rest"]),
    )


def _internal(settings: AgentSettings) -> list[Rule]:
    source = "setting internal_agents"
    return [
        Rule("robot", "internal", None, word, re.escape(word), source, label=word)
        for word in settings.internal_agents
    ]


def _data_clients(settings: AgentSettings) -> list[Rule]:
    source = "setting data_clients"
    return [
        Rule(
            "client", "machine", "data client", word, re.escape(word), source, "", word
        )
        for word in settings.data_clients
    ]
