"""Classifies user agents: the first rule that matches decides.

The rules are tried in this order:

1. no user agent: unknown, never a person;
2. our own monitors, and data clients that the settings name: those who run a site know;
3. attacks, whoever they claim to be;
4. data clients, from our table and from COUNTER's list of machines: before any list of
   robots, because those lists contain every one of them; then apps of people;
5. robots of our table, and scripts, by the shape of what they say: the Code of Practice
   forbids to leave out a script because it names its language, a project or a contact;
6. robots: crawler-user-agents, crawlerdetect, what robots say of themselves, and last
   COUNTER's list, so that its share can be counted. All of them see no more of a
   browser's user agent than what is unusual in it;
7. browsers and other programs of people; the rest is unknown.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from usage_metrics.agents import lists
from usage_metrics.agents.matching import PatternSet, compiled
from usage_metrics.agents.names import name_in
from usage_metrics.agents.normalize import (
    normalised,
    not_browsers,
    only_unusual,
    unknown_ending,
    unusual,
    whole,
    without_browser_words,
)
from usage_metrics.agents.rules import CLASSES, GUARDS, Rule, own_rules
from usage_metrics.arrow import STRING, column

AGENT = pa.schema(
    [
        column(
            "agent_class",
            STRING,
            f"Who asked, from the user agent: {', '.join(CLASSES)}. A machine is a "
            "script or data client that a person runs",
        ),
        column("agent_name", STRING, "What asked: curl, DuckDB, Googlebot, Chrome"),
        column(
            "agent_kind",
            STRING,
            "What it is for: browser, app, library, data client, search, AI training, "
            "AI assistant (fetches what a person has just asked for), monitor, attack "
            "and others",
        ),
        column(
            "agent_rule",
            STRING,
            "The rule that decided: the list, its version, and the pattern",
        ),
    ]
)
"""The columns that say who asked."""

REMEMBERED = 100_000
"""How many user agents a process remembers; most recur from one day to the next."""

NO_RULE = Rule("rest", "unknown", None, None, "no rule holds", "usage_metrics")
"""For a user agent that no rule matches."""


class AgentSettings(NamedTuple):
    """What the maintainers of a site know about its clients."""

    internal_agents: tuple[str, ...] = ()
    """Words in the user agents of our own monitors and checkers."""
    data_clients: tuple[str, ...] = ()
    """How the user agents of further data clients start."""
    internal_networks: tuple[str, ...] = ()
    """Our own addresses and networks."""


NO_SETTINGS = AgentSettings()


class Verdict(NamedTuple):
    """The classification of a user agent, in the columns of :data:`AGENT`."""

    agent_class: str
    agent_name: str | None
    agent_kind: str | None
    agent_rule: str


def classify(agents: pa.Array, settings: AgentSettings = NO_SETTINGS) -> pa.Table:
    """Say who each user agent is, in the columns of :data:`AGENT`.

    Args:
        agents: the distinct user agents of a day; null if missing.
        settings: what the site's maintainers know.

    Raises:
        ConfigError: if the package of a list is missing, or not as reviewed.
    """
    verdicts = classifier(settings).verdicts(normalised(agents).to_pylist())
    columns = zip(*verdicts, strict=True) if verdicts else ([] for _ in AGENT)
    return pa.table([pa.array(values, STRING) for values in columns], schema=AGENT)


Subject = Callable[[pa.Array, pa.Array], pa.Array]
"""What rules look at, of user agents and what is unusual in them."""


class Step:
    """Rules that are tried together, on some part of the user agents."""

    def __init__(self, subject: Subject, *groups: Sequence[Rule]) -> None:
        """Compile groups of rules; earlier ones take precedence."""
        self._subject = subject
        self._rules = [rule for group in groups for rule in group]
        self._patterns = PatternSet([rule.framed for rule in self._rules])

    def decide(self, texts: pa.Array, rest: pa.Array) -> list[Rule | None]:
        """The first matching rule for each user agent."""
        subjects = self._subject(texts, rest).dictionary_encode()
        found = [self._first(subject) for subject in subjects.dictionary.to_pylist()]
        return [found[index] for index in subjects.indices.to_pylist()]

    def _first(self, subject: str) -> Rule | None:
        for position in self._patterns.matches(subject):
            rule = self._rules[position]
            guard = GUARDS.get(rule.step)
            if guard is None or not compiled(guard).search(subject):
                return rule
        return None


class Classifier:
    """Classifies user agents and remembers the verdicts."""

    def __init__(self, settings: AgentSettings) -> None:
        """Read every list."""
        self._steps = cascade(settings)
        self._known: dict[str, Verdict] = {}

    def verdicts(self, texts: list[str]) -> list[Verdict]:
        """The verdict on each normalised user agent."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            verdicts = map(_verdict, new, self._decide(new))
            self._known.update(zip(new, verdicts, strict=True))
        return [self._known[text] for text in texts]

    def _decide(self, texts: list[str]) -> list[Rule]:
        whole_texts = pa.array(texts, STRING)
        # Found once, not by each step: each time, Arrow compiles the long expression.
        rest = unusual(whole_texts)
        rules: list[Rule | None] = [None] * len(texts)
        for step in self._steps:
            undecided = [number for number, rule in enumerate(rules) if rule is None]
            if not undecided:
                break
            rows = pa.array(undecided)
            found = step.decide(whole_texts.take(rows), rest.take(rows))
            for number, rule in zip(undecided, found, strict=True):
                rules[number] = rule
        return [rule or NO_RULE for rule in rules]


def _verdict(text: str, rule: Rule) -> Verdict:
    name = rule.name
    if name is None and rule.agent_class != "unknown":
        name = name_in(text, rule)
    return Verdict(rule.agent_class, name, rule.kind, rule.source)


@functools.lru_cache(maxsize=8)
def classifier(settings: AgentSettings) -> Classifier:
    """The classifier of this process for some settings.

    Raises:
        ConfigError: if a list is missing, or not the version that was reviewed.
    """
    for robots in lists.LISTS:
        robots.require_reviewed()
    return Classifier(settings)


def cascade(settings: AgentSettings) -> tuple[Step, ...]:
    """Every step, in order of precedence."""
    own = own_rules()
    return (
        Step(
            whole,
            own["empty"],
            _of_setting("internal_agents", settings, "robot", "internal", None),
            _of_setting("data_clients", settings, "site", "machine", "data client"),
            own["attack"],
            own["client"],
            lists.counter_machines(),
            own["app"],
        ),
        Step(only_unusual, own["robot"]),
        Step(not_browsers, own["script"]),
        Step(only_unusual, lists.crawler_user_agents()),
        Step(without_browser_words, lists.crawlerdetect()),
        Step(only_unusual, own["sign"], lists.counter_robots()),
        Step(unknown_ending, own["ending"]),
        Step(whole, own["browser"], own["rest"]),
    )


def _of_setting(
    name: str, settings: AgentSettings, step: str, agent_class: str, kind: str | None
) -> list[Rule]:
    """A rule for each word in a setting."""
    source = f"setting {name}"
    return [
        Rule(step, agent_class, kind, word, re.escape(word), source, label=word)
        for word in getattr(settings, name)
    ]
