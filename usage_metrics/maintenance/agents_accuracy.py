"""Measures how well user agents are classified, on a folder of labelled ones.

Usage: ``python -m usage_metrics.maintenance.agents_accuracy FOLDER [--hosting FILE]``

FOLDER holds tables of labelled user agents, ``*.tsv``, tab-separated and without
quoting, with the columns ``ua``, ``source`` and ``class``. The command prints a
confusion matrix per source and the time it took. Lists that were built from a source
know its user agents by heart: judge by the sources that no list was built from.

With ``--hosting FILE``, a list of the AS numbers of hosting companies (``AS123 # name``
per line), it also prints how our network classes label them, by the names that the
address database in the package (or ``--database``) has for them.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import maxminddb
import pyarrow as pa

from usage_metrics.agents.classifier import classify
from usage_metrics.agents.lists import list_versions
from usage_metrics.agents.networks import network_class
from usage_metrics.agents.rules import CLASSES
from usage_metrics.errors import InputError, UsageMetricsError
from usage_metrics.geocode.mmdb import EMBEDDED

Labelled = tuple[str, str, str]
"""A user agent, its source, and the class that the source gives it."""


def labelled(folder: Path) -> Iterator[Labelled]:
    """Read every table in a folder.

    Raises:
        InputError: if there is no table, or one lacks a column.
    """
    paths = sorted(folder.glob("*.tsv"))
    if not paths:
        raise InputError(f"{folder} holds no *.tsv: name a folder of labelled agents")
    for path in paths:
        header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        columns = header.split("\t")
        if not {"ua", "source", "class"} <= set(columns):
            raise InputError(f"{path} needs the columns ua, source and class")
        for line in lines:
            row = dict(zip(columns, line.split("\t"), strict=False))
            yield row["ua"], row["source"], row["class"]


def confusion(rows: Iterable[Labelled]) -> dict[tuple[str, str], Counter[str]]:
    """Count our classes for each source and each of its classes."""
    agents, sources, classes = zip(*rows, strict=True)
    ours = classify(pa.array(agents))["agent_class"].to_pylist()
    matrix: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for source, theirs, our in zip(sources, classes, ours, strict=True):
        matrix[source, theirs][our] += 1
    return matrix


def table(matrix: dict[tuple[str, str], Counter[str]]) -> Iterator[str]:
    """Format the confusion matrix, largest sources first, then all together."""
    yield "".join(f"{name:>9}" for name in ("rows", *CLASSES)) + "  class    source"
    rows = sorted(matrix.items(), key=lambda item: (item[0][1], -item[1].total()))
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for (source, theirs), counts in rows:
        totals[theirs] += counts
        yield _line(counts, theirs, source)
    for theirs, counts in totals.items():
        yield _line(counts, theirs, "all sources")


def _line(counts: Counter[str], theirs: str, source: str) -> str:
    total = counts.total()
    shares = "".join(f"{counts[name] / total:>9.2%}" for name in CLASSES)
    return f"{total:>9,}{shares}  {theirs:8} {source}"


def hosting_agreement(path: Path, database: Path) -> str:
    """Summarise how our network classes label the AS numbers of a list.

    The database is an MMDB with the fields of IPinfo's Lite database.
    """
    words = path.read_text(encoding="utf-8").split()
    listed = {word for word in words if word.startswith("AS") and word[2:].isdigit()}
    names = {}
    with maxminddb.open_database(database) as networks:
        for _, found in networks:
            if isinstance(found, dict) and found.get("asn") in listed:
                names[found["asn"]] = found.get("as_name")
    classes = Counter(
        network_class(pa.array(names), pa.array(names.values())).to_pylist()
    )
    counts = ", ".join(f"{name} {count}" for name, count in classes.most_common())
    return f"of {len(listed)} AS numbers of {path}, {len(names)} have a name: {counts}"


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.agents_accuracy",
        description="Measure how well user agents are classified.",
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosting", type=Path)
    parser.add_argument("--database", type=Path, default=EMBEDDED)
    options = parser.parse_args(arguments)
    rows = list(labelled(options.folder))
    distinct = len({agent for agent, _, _ in rows})
    classify(pa.array([""]))  # reads the lists, once per process
    start = time.perf_counter()
    matrix = confusion(rows)
    seconds = time.perf_counter() - start
    lines = [
        *table(matrix),
        f"{distinct:,} user agents in {seconds:.2f} s, {seconds / distinct:.6f} s each",
        *(f"{package} {version}" for package, version in list_versions().items()),
    ]
    if options.hosting:
        lines.append(hosting_agreement(options.hosting, options.database))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UsageMetricsError as error:
        sys.exit(str(error))
