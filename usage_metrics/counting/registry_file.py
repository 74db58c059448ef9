"""Parses the TOML text of a registry of datasets, and finds the mistakes in it."""

import functools
import re
import tomllib
from collections.abc import Callable, Mapping
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
"""The identifiers of publishers that a usage report may have."""

_ID = "[a-z0-9][a-z0-9_.-]*"
_YEAR = r"\d{4}"
_DATE = r"\d{4}-\d\d-\d\d"
_DOI = r"10\.\d{4,}/\S+"
_URI = r"https?://\S+"
_CREATED_BY = r"[-._;()/:a-zA-Z0-9*~$=]+"

_Reader = Callable[["_Section", str, Any], Any]


@functools.lru_cache(maxsize=4)
def parse_registry(file: str, text: str) -> Registry:
    """Parse and check a registry, once for each text: every counted day asks for it.

    Args:
        file: the name of the file, for errors.
        text: its content.

    Raises:
        ConfigError: naming the file, the line, what is wrong there and the remedy.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    return _registry(_Section(file, text.splitlines(), 0, content))


@dataclass(frozen=True)
class _Section:
    """A table of the file, with where it stands."""

    file: str
    lines: list[str]
    start: int
    """The number of its first line, from zero."""
    content: Mapping[str, Any]

    def refuse(self, sentence: str, *sought: str) -> NoReturn:
        """Say what is wrong at the line where one of some texts stands."""
        raise ConfigError(f"{self.file}, line {self._line(sought)}: {sentence}")

    def _line(self, sought: tuple[str, ...]) -> int:
        rest = self.lines[self.start + 1 :]
        headers = (n for n, line in enumerate(rest) if line.startswith("[["))
        end = self.start + 1 + next(headers, len(rest))
        for text in sought:
            for number in range(self.start, end):
                if text in self.lines[number]:
                    return number + 1
        return self.start + 1

    def get(self, key: str, read: _Reader, default: Any = ...) -> Any:
        """Read the value of a key."""
        if key in self.content:
            return read(self, key, self.content[key])
        if default is ...:
            self.refuse(f"{key} is missing")
        return default

    def check_keys(self, known: tuple[str, ...]) -> None:
        """Refuse a key that means nothing."""
        for key in self.content:
            if key not in known:
                self.refuse(
                    f"there is no key {key!r}; there is {', '.join(known)}", key
                )


def _registry(top: _Section) -> Registry:
    top.check_keys(("platform", "created_by", "not_data", "dataset"))
    headers = [
        number
        for number, line in enumerate(top.lines)
        if re.match(r"\s*\[\[\s*dataset\s*\]\]", line)
    ]
    found = top.content.get("dataset")
    if not isinstance(found, list) or len(found) != len(headers):
        top.refuse("datasets are to be written as tables that begin with [[dataset]]")
    sections = [
        _Section(top.file, top.lines, start, content)
        for start, content in zip(headers, found, strict=True)
    ]
    registry = Registry(
        platform=top.get("platform", _text),
        created_by=top.get("created_by", _matching(_CREATED_BY, "without spaces")),
        not_data=top.get("not_data", _patterns, ()),
        datasets=tuple(_dataset(section) for section in sections),
    )
    _check_unique(registry, sections)
    _check_examples(registry, sections)
    return registry


def _dataset(section: _Section) -> Dataset:
    section.check_keys(tuple(_KEYS))
    values = {key: section.get(key, read) for key, read in _REQUIRED.items()}
    optional = {key: read for key, read in _KEYS.items() if key in section.content}
    dataset = Dataset(
        **values | {key: section.get(key, read) for key, read in optional.items()}
    )
    if dataset.doi is None and dataset.uri is None:
        section.refuse(f"{dataset.id} has neither doi nor uri; give it one of them")
    if dataset.id in (UNMAPPED, NONE, ALL):
        section.refuse(f"{dataset.id!r} has a meaning already; choose another id", "id")
    return dataset


def _check_unique(registry: Registry, sections: list[_Section]) -> None:
    seen = set()
    for dataset, section in zip(registry.datasets, sections, strict=True):
        if (dataset.id, dataset.version) in seen:
            version = f" version {dataset.version}" if dataset.version else ""
            section.refuse(
                f"there are two of {dataset.id}{version}; make one of them, or give "
                "each its version",
                "id",
            )
        seen.add((dataset.id, dataset.version))


def _check_examples(registry: Registry, sections: list[_Section]) -> None:
    for dataset, section in zip(registry.datasets, sections, strict=True):
        expected = dict.fromkeys(dataset.investigation_examples, INVESTIGATION)
        expected |= dict.fromkeys(dataset.request_examples, REQUEST)
        for url, kind in expected.items():
            _check_example(registry, dataset, section, url, kind)


def _check_example(
    registry: Registry, dataset: Dataset, section: _Section, url: str, kind: str
) -> None:
    about = [other for other in registry.datasets if other.kind_of(url)]
    if about != [dataset]:
        names = ", ".join(_name(other) for other in about) or "no dataset"
        section.refuse(
            f"the example {url} should be about {_name(dataset)} alone and is about "
            f"{names}; change the patterns",
            url,
        )
    if (found := dataset.kind_of(url)) != kind:
        section.refuse(
            f"the example {url} should be of the kind {kind} and is of the kind "
            f"{found}; change the patterns",
            url,
        )
    if any(p.matches(pa.array([url]))[0].as_py() for p in registry.not_data):
        section.refuse(f"the example {url} matches a pattern of not_data, too", url)


def _name(dataset: Dataset) -> str:
    return f"{dataset.id} {dataset.version}" if dataset.version else dataset.id


def _text(section: _Section, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        section.refuse(f"{key} = {value!r} should be a text", key)
    return str(value)


def _texts(section: _Section, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        section.refuse(f"{key} should be a list of texts in brackets", key)
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
        section.refuse(f"{key} has the type {value['type']!r}; there is {kinds}", key)
    return {"type": value["type"], "value": _text(section, key, value["value"])}


def _patterns(section: _Section, key: str, value: Any) -> tuple[Pattern, ...]:
    texts = _texts(section, key, value)
    return tuple(_pattern(section, key, text) for text in texts)


def _pattern(section: _Section, key: str, text: str) -> Pattern:
    pattern = Pattern(text)
    try:
        # Arrow's expressions have no lookaround and no backreference; Python's have.
        re.compile(pattern.expression)
        pattern.matches(pa.array([""]))
    except (re.error, pa.ArrowInvalid) as error:
        section.refuse(f"{text!r} in {key} is no usable pattern: {error}", text, key)
    return pattern


_REQUIRED: dict[str, _Reader] = {
    "id": _matching(_ID, "of small letters, digits, dots, hyphens and underscores"),
    "title": _text,
    "publisher": _text,
    "publisher_id": _publisher_id,
    "investigations": _patterns,
    "requests": _patterns,
}
_KEYS: dict[str, _Reader] = _REQUIRED | {
    "version": _text,
    "doi": _matching(_DOI, "a DOI such as 10.5281/zenodo.3653158"),
    "uri": _matching(_URI, "an address that begins with https://"),
    "yop": _matching(_YEAR, "a year of four digits, in quotes"),
    "published": _matching(_DATE, "a date such as 2022-02-01, in quotes"),
    "creators": _texts,
    "investigation_examples": _texts,
    "request_examples": _texts,
}
