"""Parses the TOML text of a registry of datasets, and finds all mistakes in it."""

import functools
import re
import tomllib
from collections.abc import Iterable
from typing import Any, NamedTuple

import re2

from usage_metrics.counting.datasets import (
    CAPTURED,
    ID,
    INVESTIGATION,
    REQUEST,
    RESERVED,
    Dataset,
    Pattern,
    Place,
    Registry,
    Subject,
)
from usage_metrics.counting.registry_places import (
    KindOf,
    check_overlaps,
    whereabouts,
)
from usage_metrics.counting.toml_section import (
    Reader,
    Section,
    matching,
    string,
    strings,
)
from usage_metrics.errors import ConfigError

PUBLISHER_ID_TYPES = ("isni", "orcid", "grid", "urn", "client-id")
"""The identifiers of publishers that a usage report may contain."""

_QUIET = re2.Options()
_QUIET.log_errors = False  # which are said with their lines

_NOT_DATA = ""
"""Stands among the datasets for the patterns of what is no data."""


@functools.lru_cache(maxsize=4)
def parse_registry(
    file: str,
    text: str,
    not_data: tuple[Pattern, ...] = (),
    kind_of: KindOf = lambda _: "databases",
) -> Registry:
    """Parse and check a registry; cached, since every counted day asks for it.

    Args:
        file: the name of the file, for errors.
        text: its content.
        not_data: what is no data if the file does not say it.
        kind_of: says what kind of places a source has.

    Raises:
        ConfigError: naming the file and, of each mistake, the line and the remedy.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a date or number too large
        raise ConfigError(f"{file} is not TOML: {error}") from error
    top = Section(text.splitlines(), 0, content)
    registry = _registry(top, not_data, kind_of)
    if top.mistakes:
        ordered = sorted(top.mistakes)
        raise ConfigError(*(f"{file}, line {m.line}: {m.sentence}" for m in ordered))
    return registry


def _registry(top: Section, not_data: tuple[Pattern, ...], kind_of: KindOf) -> Registry:
    values = {"not_data": not_data, **top.read({}, _TOP)}
    read: list[tuple[Section, Dataset]] = values.pop("dataset", [])
    found = [at for pair in read for at in whereabouts(*pair, kind_of)]
    about = dict.fromkeys(at.about for at in found)
    registry = Registry(
        datasets=tuple(dataset for _, dataset in read if CAPTURED not in dataset.id),
        many=tuple(dataset for _, dataset in read if CAPTURED in dataset.id),
        is_general="not_data" not in top.content,
        places=tuple(each for each in about if isinstance(each, Place)),
        subjects=tuple(each for each in about if isinstance(each, Subject)),
        **values,
    )
    _check_unique(read)
    check_overlaps(found)
    # The examples of a section with mistakes may be right once those are mended.
    _check_examples(
        registry,
        [
            _Example(section, dataset, kind, url)
            for section, dataset in read
            if not any(map(section.holds, top.mistakes))
            for kind, urls in (
                (INVESTIGATION, dataset.investigation_examples),
                (REQUEST, dataset.request_examples),
            )
            for url in urls
        ],
    )
    return registry


def _datasets(top: Section, key: str, value: Any) -> list[tuple[Section, Dataset]]:
    """The datasets that can be read, each with its section of the file."""
    header = re.compile(rf"\s*\[\[\s*{key}\s*\]\]")
    starts = [n for n, line in enumerate(top.lines) if header.match(line)]
    if not isinstance(value, list) or len(value) != len(starts):
        top.refuse(f"each dataset should be a table that begins with [[{key}]]", key)
    sections = [
        Section(top.lines, start, content, top.mistakes)
        for start, content in zip(starts, value, strict=True)
    ]
    found = ((section, _dataset(section)) for section in sections)
    return [(section, dataset) for section, dataset in found if dataset is not None]


def _dataset(section: Section) -> Dataset | None:
    """A dataset, as far as it can be read; None without an id."""
    values = section.read(_REQUIRED, _OPTIONAL)
    values.pop("at", None)
    if "id" not in values:
        return None
    dataset = Dataset(**{"title": values["id"], **values})
    said = section.content.keys() & {"requests", "investigations", "at"}
    if dataset.version and not said:
        section.note(
            f"{dataset.name} is a version without patterns, so nothing would be "
            "counted for it; add requests and investigations, or where it is",
            "version",
        )
    if CAPTURED in dataset.id and (said != {"at"} or dataset.version):
        section.note(
            f"an entry for many datasets, as {dataset.id} is, needs places that "
            "capture {dataset}, and no requests, investigations and version",
            "id",
        )
    return dataset


def _check_unique(read: Iterable[tuple[Section, Dataset]]) -> None:
    names: set[str] = set()
    for section, dataset in read:
        if dataset.name in names:
            section.note(
                f"duplicate dataset id {dataset.name}; merge them, or give each its "
                "version",
                "id",
            )
        names.add(dataset.name)


class _Example(NamedTuple):
    section: Section
    dataset: Dataset
    kind: str
    url: str


def _check_examples(registry: Registry, examples: list[_Example]) -> None:
    """Match each pattern against all examples at once: there may be thousands."""
    if not examples:
        return
    from usage_metrics.counting.attribution import rows_matching

    rows = rows_matching([example.url for example in examples])
    kinds: list[dict[str, str]] = [{} for _ in examples]
    for dataset in registry.datasets:
        for kind, pattern in dataset.patterns():
            for row in rows(pattern):
                kinds[row].setdefault(dataset.name, kind)
    for pattern in registry.not_data:
        for row in rows(pattern):
            kinds[row].setdefault(_NOT_DATA, _NOT_DATA)
    for example, found in zip(examples, kinds, strict=True):
        _check_example(example, found)


def _check_example(example: _Example, found: dict[str, str]) -> None:
    """Compare an example with the kind of use that each dataset takes it for."""
    name = example.dataset.name
    about = [other for other in found if other != _NOT_DATA]
    if about != [name]:
        names = ", ".join(about) or "no dataset"
        mistake = f"should match {name} only, but matches {names}"
    elif found[name] != example.kind:
        mistake = f"should be of kind {example.kind}, but is of kind {found[name]}"
    elif _NOT_DATA in found:
        mistake = "also matches a pattern of not_data"
    else:
        return
    url = example.url
    example.section.note(f"the example {url} {mistake}; change the patterns", text=url)


def _id(section: Section, key: str, value: Any) -> str:
    form = "of lower-case letters, digits, dots, hyphens and underscores"
    many = f"(?:{ID})?{re.escape(CAPTURED)}[a-z0-9_.-]*"
    text: str = matching(f"{ID}|{many}", form)(section, key, value)
    if text in RESERVED:
        section.refuse(f"the id {text!r} is reserved; choose another", key)
    return text


def _publisher_id(section: Section, key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"type", "value"}:
        section.refuse(f'{key} should be {{ type = "…", value = "…" }}', key)
    if value["type"] not in PUBLISHER_ID_TYPES:
        kinds = ", ".join(PUBLISHER_ID_TYPES)
        section.refuse(
            f"{key} has the unknown type {value['type']!r}; use one of {kinds}", key
        )
    return {"type": value["type"], "value": string(section, key, value["value"])}


def _patterns(section: Section, key: str, value: Any) -> tuple[Pattern, ...]:
    """The patterns of a key; each that cannot be used is a mistake of its own."""
    patterns = [Pattern(text) for text in strings(section, key, value)]
    mistakes = [(pattern, _unusable(pattern)) for pattern in patterns]
    for pattern, why in mistakes:
        if why:
            section.note(
                f"{pattern.text!r} in {key} is not a usable pattern: {why}",
                key,
                pattern.text,
            )
    return tuple(pattern for pattern, why in mistakes if not why)


def _unusable(pattern: Pattern) -> str:
    """Why a pattern cannot be used; empty if it can."""
    try:
        re.compile(pattern.expression)
    except re.error as error:
        return str(error)
    try:
        # Arrow matches with RE2, which has neither lookaround nor backreferences.
        re2.compile(pattern.expression, _QUIET)
    except re2.error as error:
        return str(error.args[0], errors="replace")
    return ""


_TOP: dict[str, Reader] = {
    "platform": string,
    "created_by": matching(
        r"[-._;()/:a-zA-Z0-9*~$=]+(?: [-._;()/:a-zA-Z0-9*~$=]+)*",
        "words of the characters a-z A-Z 0-9 - . _ ; ( ) / : * ~ $ =",
    ),
    "not_data": _patterns,
    "dataset": _datasets,
}
_REQUIRED: dict[str, Reader] = {"id": _id}
_OPTIONAL: dict[str, Reader] = {
    "title": string,
    "investigations": _patterns,
    "requests": _patterns,
    "version": string,
    "publisher": string,
    "publisher_id": _publisher_id,
    "doi": matching(r"10\.\d{4,}/\S+", "a DOI such as 10.5281/zenodo.3653158"),
    "uri": matching(r"https?://\S+", "an address that begins with https://"),
    "yop": matching(r"\d{4}", "a year of four digits, in quotes"),
    "published": matching(r"\d{4}-\d\d-\d\d", "a date such as 2022-02-01, in quotes"),
    "creators": strings,
    "investigation_examples": strings,
    "request_examples": strings,
    "at": lambda _section, _key, value: value,  # read once the dataset is known
}
