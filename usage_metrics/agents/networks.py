"""What kind of network a request came from: by AS number, then by the name.

There is no free list of the kinds of networks, so the table ``networks.tsv`` is ours:
well-known AS numbers of hosting companies, then words that organisations have in
their names. A name that says nothing is ``unknown``; a small company's network may be
that of an office or of a provider, and often nothing says which.
"""

import functools
import importlib.resources
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents.matching import PatternSet
from usage_metrics.arrow import BOOLEAN, STRING, column, dictionary
from usage_metrics.errors import StorageError

NETWORK_CLASSES = (
    "hosting",
    "education",
    "government",
    "business",
    "residential/isp",
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
"""The columns that say from what network a request came."""

REMEMBERED = 1 << 16
"""So many names of networks; there are about 100,000, and a site meets some."""

_AS_NUMBER = r"^AS\d+\s+(-\s+)?"
"""What precedes the name in the ``org`` column of a location."""


class NetworkRule(NamedTuple):
    """A line of the table."""

    network_class: str
    by: str
    pattern: str
    example: str


@functools.cache
def network_rules() -> tuple[NetworkRule, ...]:
    """Read the rules from the package."""
    table = importlib.resources.files("usage_metrics.agents") / "networks.tsv"
    return parse_network_rules(table.read_text(encoding="utf-8"))


def parse_network_rules(text: str) -> tuple[NetworkRule, ...]:
    """Read a table of rules.

    Raises:
        StorageError: naming the line that is no rule.
    """
    rules = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(("#", "class\t")):
            continue
        fields = line.split("\t")
        if (
            len(fields) != len(NetworkRule._fields)
            or fields[0] not in NETWORK_CLASSES
            or fields[1] not in ("asn", "words")
        ):
            raise StorageError(
                f"networks.tsv, line {number}: {line!r} is no rule; it needs a "
                f"class ({', '.join(NETWORK_CLASSES)}), asn or words, a pattern and "
                "an example"
            )
        rules.append(NetworkRule(*fields))
    return tuple(rules)


def network_class(asn: pa.Array, org: pa.Array) -> pa.Array:
    """Say what kind of network each is; a row is an AS number and its organisation.

    Args:
        asn: the AS numbers, as ``AS123``; null where there is none.
        org: the organisations, with or without the AS number before the name.
    """
    by_number = {rule.pattern: rule for rule in network_rules() if rule.by == "asn"}
    numbers = pc.index_in(_text(asn), pa.array(by_number))
    known = pa.array([rule.network_class for rule in by_number.values()], STRING)
    names = pc.replace_substring_regex(_text(org), _AS_NUMBER, "").dictionary_encode()
    said = pa.array([_said_by(name) for name in names.dictionary.to_pylist()], STRING)
    said = said.take(names.indices)
    return pc.coalesce(known.take(numbers), said, pa.scalar("unknown"))


@functools.lru_cache(maxsize=REMEMBERED)
def _said_by(name: str) -> str | None:
    """What the words of a name say; most of a day's were there the day before."""
    words, classes = _words()
    position = next(iter(words.matches(name)), None)
    return None if position is None else classes[position]


@functools.cache
def _words() -> tuple[PatternSet, list[str]]:
    """The patterns of names, and what each says."""
    rules = [rule for rule in network_rules() if rule.by == "words"]
    patterns = [rf"\b(?:{rule.pattern})(?:\W|$)" for rule in rules]
    classes = [rule.network_class for rule in rules]
    return PatternSet(patterns), classes


def is_suspect(
    agent_class: pa.Array, agent_kind: pa.Array, network: pa.Array
) -> pa.Array:
    """Say where a person's browser came from a hosting network.

    Args:
        agent_class: who asked, best as a dictionary, like the others.
        agent_kind: with what.
        network: the kind of network.
    """
    person = _holds(agent_class, "human")
    browser = pc.and_(person, _holds(agent_kind, "browser"))
    suspect = pc.and_(browser, _holds(network, "hosting"))
    return pc.fill_null(suspect, fill_value=False)


def _holds(column: pa.Array | pa.ChunkedArray, value: str) -> pa.Array:
    encoded = dictionary(column)
    return pc.equal(encoded.dictionary, value).take(encoded.indices)


def _text(texts: pa.Array) -> pa.Array:
    return pc.fill_null(texts.cast(pa.string()), "")
