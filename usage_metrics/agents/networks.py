"""What kind of network a request came from: by AS number, then by name.

No free list classifies networks, so the table ``networks.tsv`` is ours: well-known AS
numbers, then words in the names of organisations. An AS number always decides before a
word: "Aruba" is an Italian hosting company and an island with an Internet provider. If
the name says nothing, the class is ``unknown``; the network of a small company may
serve its office or its customers, and often nothing says which.

A ``relay`` carries the traffic of people elsewhere: VPNs for everybody, Apple's Private
Relay, filters of companies. A browser from there is not suspect.
"""

import functools
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents.matching import PatternSet
from usage_metrics.agents.rules import lines_of, own_table
from usage_metrics.arrow import BOOLEAN, STRING, column, dictionary, each_distinct
from usage_metrics.errors import StorageError

NETWORK_CLASSES = (
    "hosting",
    "education",
    "government",
    "business",
    "residential/isp",
    "relay",
    "unknown",
)
"""Every value of ``network_class``."""

NETWORK = pa.schema(
    [
        column(
            "network_class",
            STRING,
            "What the network's operator is, from its AS number and name: "
            f"{', '.join(NETWORK_CLASSES)}",
        ),
        column(
            "is_suspect",
            BOOLEAN,
            "Whether a person's browser came from a hosting network, as robots in "
            "disguise do, and people behind a VPN",
        ),
    ]
)
"""The columns about the network of a request."""

REMEMBERED = 1 << 16
"""How many names of networks are remembered, of about 100,000 in the world."""

_AS_NUMBER = r"^AS\d+\s+(-\s+)?"
"""The prefix of the name in the ``org`` column of a location."""


class NetworkRule(NamedTuple):
    """A line of ``networks.tsv``."""

    network_class: str
    by: str
    pattern: str
    example: str


@functools.cache
def network_rules() -> tuple[NetworkRule, ...]:
    """Read the rules from the package."""
    return parse_network_rules(own_table("networks.tsv"))


def parse_network_rules(text: str) -> tuple[NetworkRule, ...]:
    """Read a table of rules.

    Raises:
        StorageError: naming the line that is invalid.
    """
    rules = []
    for number, line in lines_of(text, "class\t"):
        match line.split("\t"):
            case [kind, "asn" | "words" as by, pattern, example] if (
                kind in NETWORK_CLASSES
            ):
                rules.append(NetworkRule(kind, by, pattern, example))
            case _:
                raise StorageError(
                    f"networks.tsv, line {number}: {line!r} is not a rule; it needs a "
                    f"class ({', '.join(NETWORK_CLASSES)}), asn or words, a pattern "
                    "and an example"
                )
    return tuple(rules)


def network_class(asn: pa.Array, org: pa.Array) -> pa.Array:
    """Classify networks by their AS numbers and organisations.

    Args:
        asn: the AS numbers, as ``AS123``; null if unknown.
        org: the organisations, with or without the AS number before the name.
    """
    known = {
        rule.pattern: rule.network_class for rule in network_rules() if rule.by == "asn"
    }
    numbers = pc.index_in(_filled(asn), pa.array(list(known)))
    by_number = pa.array(list(known.values()), STRING).take(numbers)
    names = pc.replace_substring_regex(_filled(org), _AS_NUMBER, "")
    by_name = each_distinct(names, _class_of_name)
    return pc.coalesce(by_number, by_name, pa.scalar("unknown"))


def _filled(texts: pa.Array) -> pa.Array:
    return pc.fill_null(texts.cast(STRING), "")


@functools.lru_cache(maxsize=REMEMBERED)
def _class_of_name(name: str) -> str | None:
    """The class that a name implies; most names recur from one day to the next."""
    words, classes = _words()
    position = next(iter(words.matches(name)), None)
    return None if position is None else classes[position]


@functools.cache
def _words() -> tuple[PatternSet, list[str]]:
    """The patterns of names, and the class of each."""
    rules = [rule for rule in network_rules() if rule.by == "words"]
    patterns = [rf"\b(?:{rule.pattern})(?:\W|$)" for rule in rules]
    classes = [rule.network_class for rule in rules]
    return PatternSet(patterns), classes


def is_suspect(
    agent_class: pa.Array, agent_kind: pa.Array, network: pa.Array
) -> pa.Array:
    """Say where a person's browser came from a hosting network.

    Args:
        agent_class: who asked; best a dictionary, as are the others.
        agent_kind: what with.
        network: the class of the network.
    """
    person = _equals(agent_class, "human")
    browser = pc.and_(person, _equals(agent_kind, "browser"))
    suspect = pc.and_(browser, _equals(network, "hosting"))
    return pc.fill_null(suspect, fill_value=False)


def _equals(column: pa.Array | pa.ChunkedArray, value: str) -> pa.Array:
    encoded = dictionary(column)
    return pc.equal(encoded.dictionary, value).take(encoded.indices)
