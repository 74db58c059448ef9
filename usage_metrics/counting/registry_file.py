"""Parses the TOML text of a registry of datasets, and finds mistakes in it."""

import functools
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import pyarrow as pa

from usage_metrics.counting.datasets import (
    ALL,
    INVESTIGATION,
    NONE,
    REQUEST,
    UNMAPPED,
    Dataset,
    Pattern,
    Registry,
)
from usage_metrics.errors import ConfigError

PUBLISHER_ID_TYPES = ("isni", "orcid", "grid", "urn", "client-id")
"""The identifiers of publishers that a usage report may contain."""

_Reader = Callable[["_Section", str, Any], Any]


@functools.lru_cache(maxsize=4)
def parse_registry(file: str, text: str) -> Registry:
    """Parse and check a registry; cached, since every counted day asks for it.

    Args:
        file: the name of the file, for errors.
        text: its content.

    Raises:
        ConfigError: naming the file, the line, the mistake and the remedy.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    return _registry(_Section(file, text.splitlines(), 0, content))


def check_dois(registry: Registry) -> None:
    """Refuse a DOI that would stand twice in a report: DataCite keeps one of the two.

    Only reports need this; counting does not look at DOIs.

    Raises:
        ConfigError: naming the DOI, both entries and the remedy.
    """
    names: dict[str, str] = {}
    for dataset in registry.datasets:
        if dataset.doi is None:
            continue
        doi = dataset.doi.lower()  # upper and lower case are the same DOI
        if doi in names:
            raise ConfigError(
                f"in the registry of datasets, {names[doi]} and {dataset.name} have "
                f"the same doi {dataset.doi}, of which a report may hold one; give "
                "each its own doi, or a uri instead"
            )
        names[doi] = dataset.name


@dataclass(frozen=True)
class _Section:
    """A table of the file, with its place there."""

    file: str
    lines: list[str]
    start: int
    """The number of its first line, from zero."""
    content: Mapping[str, Any]

    def refuse(self, sentence: str, *sought: str) -> NoReturn:
        """Raise an error that names the line where one of some texts stands."""
        raise ConfigError(f"{self.file}, line {self._line(sought)}: {sentence}")

    def _line(self, sought: tuple[str, ...]) -> int:
        following = range(self.start + 1, len(self.lines))
        headers = (n for n in following if self.lines[n].startswith("[["))
        own = range(self.start, next(headers, len(self.lines)))
        found = (n for text in sought for n in own if text in self.lines[n])
        return next(found, self.start) + 1

    def read(
        self, required: Mapping[str, _Reader], optional: Mapping[str, _Reader]
    ) -> dict[str, Any]:
        """Read the values of all keys; refuse unknown and missing keys."""
        readers = {**required, **optional}
        for key in self.content:
            if key not in readers:
                known = ", ".join(readers)
                self.refuse(f"unknown key {key!r}; the keys are {known}", key)
        if missing := [key for key in required if key not in self.content]:
            self.refuse(f"{missing[0]} is missing")
        return {
            key: read(self, key, self.content[key])
            for key, read in readers.items()
            if key in self.content
        }


def _registry(top: _Section) -> Registry:
    values = top.read(_TOP_REQUIRED, {"not_data": _patterns})
    sections: list[_Section] = values.pop("dataset")
    datasets = tuple(_dataset(section) for section in sections)
    registry = Registry(datasets=datasets, **values)
    _check_unique(datasets, sections)
    for dataset, section in zip(datasets, sections, strict=True):
        for url in dataset.investigation_examples:
            _check_example(registry, dataset, section, url, INVESTIGATION)
        for url in dataset.request_examples:
            _check_example(registry, dataset, section, url, REQUEST)
    return registry


def _sections(top: _Section, key: str, value: Any) -> list[_Section]:
    """The tables of the datasets, each with its place in the file."""
    header = re.compile(rf"\s*\[\[\s*{key}\s*\]\]")
    starts = [n for n, line in enumerate(top.lines) if header.match(line)]
    if not isinstance(value, list) or len(value) != len(starts):
        top.refuse(f"each dataset should be a table that begins with [[{key}]]")
    return [
        _Section(top.file, top.lines, start, content)
        for start, content in zip(starts, value, strict=True)
    ]


def _dataset(section: _Section) -> Dataset:
    dataset = Dataset(**section.read(_REQUIRED, _OPTIONAL))
    if dataset.doi is None and dataset.uri is None:
        section.refuse(f"{dataset.id} has neither doi nor uri; add one of them")
    if dataset.id in (UNMAPPED, NONE, ALL):
        section.refuse(f"the id {dataset.id!r} is reserved; choose another", "id")
    return dataset


def _check_unique(datasets: Sequence[Dataset], sections: list[_Section]) -> None:
    names = [dataset.name for dataset in datasets]
    for number, (name, section) in enumerate(zip(names, sections, strict=True)):
        if name in names[:number]:
            section.refuse(
                f"duplicate dataset id {name}; merge them, or give each its version",
                "id",
            )


def _check_example(
    registry: Registry, dataset: Dataset, section: _Section, url: str, kind: str
) -> None:
    about = [other for other in registry.datasets if other.kind_of(url)]
    found = dataset.kind_of(url)
    if about != [dataset]:
        names = ", ".join(other.name for other in about) or "no dataset"
        mistake = f"should match {dataset.name} only, but matches {names}"
    elif found != kind:
        mistake = f"should be of kind {kind}, but is of kind {found}"
    elif any(p.matches(pa.array([url]))[0].as_py() for p in registry.not_data):
        mistake = "also matches a pattern of not_data"
    else:
        return
    section.refuse(f"the example {url} {mistake}; change the patterns", url)


def _text(section: _Section, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        section.refuse(f"{key} = {value!r} should be a string", key)
    return str(value)


def _texts(section: _Section, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        section.refuse(f"{key} should be a list of strings in brackets", key)
    return tuple(_text(section, key, item) for item in value)


def _matching(expression: str, form: str) -> _Reader:
    def read(section: _Section, key: str, value: Any) -> str:
        text = _text(section, key, value)
        if not re.fullmatch(expression, text):
            section.refuse(f"{key} = {text!r} should be {form}", key)
        return text

    return read


def _publisher_id(section: _Section, key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"type", "value"}:
        section.refuse(f'{key} should be {{ type = "…", value = "…" }}', key)
    if value["type"] not in PUBLISHER_ID_TYPES:
        kinds = ", ".join(PUBLISHER_ID_TYPES)
        section.refuse(
            f"{key} has the unknown type {value['type']!r}; use one of {kinds}", key
        )
    return {"type": value["type"], "value": _text(section, key, value["value"])}


def _patterns(section: _Section, key: str, value: Any) -> tuple[Pattern, ...]:
    texts = _texts(section, key, value)
    return tuple(_pattern(section, key, text) for text in texts)


def _pattern(section: _Section, key: str, text: str) -> Pattern:
    pattern = Pattern(text)
    try:
        # Unlike Python, Arrow knows neither lookaround nor backreferences.
        re.compile(pattern.expression)
        pattern.matches(pa.array([""]))
    except (re.error, pa.ArrowInvalid) as error:
        section.refuse(f"{text!r} in {key} is not a usable pattern: {error}", text, key)
    return pattern


_TOP_REQUIRED: dict[str, _Reader] = {
    "platform": _text,
    "created_by": _matching(
        r"[-._;()/:a-zA-Z0-9*~$=]+(?: [-._;()/:a-zA-Z0-9*~$=]+)*",
        "words of the characters a-z A-Z 0-9 - . _ ; ( ) / : * ~ $ =",
    ),
    "dataset": _sections,
}
_REQUIRED: dict[str, _Reader] = {
    "id": _matching(
        "[a-z0-9][a-z0-9_.-]*",
        "of lower-case letters, digits, dots, hyphens and underscores",
    ),
    "title": _text,
    "publisher": _text,
    "publisher_id": _publisher_id,
    "investigations": _patterns,
    "requests": _patterns,
}
_OPTIONAL: dict[str, _Reader] = {
    "version": _text,
    "doi": _matching(r"10\.\d{4,}/\S+", "a DOI such as 10.5281/zenodo.3653158"),
    "uri": _matching(r"https?://\S+", "an address that begins with https://"),
    "yop": _matching(r"\d{4}", "a year of four digits, in quotes"),
    "published": _matching(r"\d{4}-\d\d-\d\d", "a date such as 2022-02-01, in quotes"),
    "creators": _texts,
    "investigation_examples": _texts,
    "request_examples": _texts,
}
