"""Says what other versions of the lists of robots would change.

    pip install --no-deps --target FOLDER crawlerdetect crawler-user-agents
    python -m usage_metrics.maintenance.agent_lists FOLDER [AGENTS]

FOLDER holds the other versions, AGENTS tables of user agents as
:mod:`~usage_metrics.maintenance.agents_accuracy` reads them. The command prints how
many patterns each list lost and gained, the new ones that match a person's browser or
app, and every user agent of AGENTS, of our rules and of people that would get another
class. Read them. If they are right, write the versions into ``setup.cfg`` and
``usage_metrics/agents/lists.py``, and patterns that match people into
``set_aside.tsv``.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents import lists
from usage_metrics.agents.classifier import NO_SETTINGS, Classifier
from usage_metrics.agents.normalize import normalised
from usage_metrics.agents.rules import own_rules
from usage_metrics.errors import InputError, UsageMetricsError
from usage_metrics.maintenance.agents_accuracy import labelled
from usage_metrics.maintenance.people_agents import people

SAID = "--said"
"""How the command calls itself, with the lists that the environment has."""


def said(agents: list[str]) -> dict[str, Any]:
    """What the installed lists are, and which classes they give, reviewed or not."""
    texts = normalised(pa.array(agents, pa.string())).to_pylist()
    verdicts = Classifier(NO_SETTINGS).verdicts(texts)
    patterns = {
        lists.CRAWLER_USER_AGENTS: lists.crawler_user_agents(),
        lists.CRAWLERDETECT: lists.crawlerdetect(),
        lists.COUNTER: lists.counter_robots(),
    }
    return {
        "versions": {robots.package: robots.version() for robots in patterns},
        "patterns": {
            robots.package: [rule.pattern for rule in rules]
            for robots, rules in patterns.items()
        },
        "classes": [verdict.agent_class for verdict in verdicts],
        "rules": [verdict.agent_rule for verdict in verdicts],
    }


def differences(
    agents: list[str], old: dict[str, Any], new: dict[str, Any]
) -> Iterator[str]:
    """The lines that the command prints."""
    persons = pa.array(people())
    for package, before in old["patterns"].items():
        after = new["patterns"][package]
        gained = [pattern for pattern in after if pattern not in set(before)]
        lost = len(set(before) - set(after))
        versions = f"{old['versions'][package]} -> {new['versions'][package]}"
        yield f"{package} {versions}: {lost} patterns fewer, {len(gained)} more"
        for pattern in gained:
            matched = pc.match_substring_regex(persons, pattern, ignore_case=True)
            count = pc.sum(matched).as_py()
            if count:
                yield f"  a person's: {pattern} matches {count} of {len(persons)}"
    columns = (old["classes"], new["classes"], new["rules"])
    for agent, before, after, rule in zip(agents, *columns, strict=True):
        if before != after:
            yield f"{before} -> {after}: {_shown(agent)}  ({_shown(rule)})"


def _shown(text: str) -> str:
    """A text without what a terminal would obey."""
    return re.sub(r"[^\x20-\x7e]", "?", text)


def _said_with(folder: Path | None, agents: list[str]) -> dict[str, Any]:
    """What a process of its own says, with the packages of a folder first."""
    path = [str(folder.resolve())] if folder else []
    path += [place for place in sys.path if place]
    asked = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "usage_metrics.maintenance.agent_lists", SAID],
        input=json.dumps(agents),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        check=False,
    )
    if asked.returncode:
        raise InputError(f"the lists in {folder} cannot be read: {asked.stderr[-500:]}")
    answer: dict[str, Any] = json.loads(asked.stdout)
    return answer


def main(arguments: list[str]) -> None:
    """Compare and print."""
    if arguments == [SAID]:
        json.dump(said(json.load(sys.stdin)), sys.stdout)
        return
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.agent_lists",
        description="Say what other versions of the lists of robots would change.",
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("agents", type=Path, nargs="?")
    options = parser.parse_args(arguments)
    if not any(options.folder.glob("*.dist-info")):
        raise InputError(f"{options.folder} holds no package: pip install --target it")
    rows = labelled(options.agents) if options.agents else iter(())
    ours = [rule.example for rules in own_rules().values() for rule in rules]
    agents = list(dict.fromkeys([*people(), *ours, *(agent for agent, _, _ in rows)]))
    old, new = _said_with(None, agents), _said_with(options.folder, agents)
    sys.stdout.writelines(f"{line}\n" for line in differences(agents, old, new))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UsageMetricsError as error:
        sys.exit(str(error))
