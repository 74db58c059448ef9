"""Parses the TOML text of a registry of datasets, and finds all mistakes in it."""

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.counting.datasets import (
    ID,
    INVESTIGATION,
    REQUEST,
    RESERVED,
    Dataset,
    Pattern,
    Registry,
    targets_of,
)
from usage_metrics.errors import ConfigError

PUBLISHER_ID_TYPES = ("isni", "orcid", "grid", "urn", "client-id")
"""The identifiers of publishers that a usage report may contain."""

_NOT_DATA = ""
"""Stands among the datasets for the patterns of what is no data."""

_Reader = Callable[["_Section", str, Any], Any]


class _MistakeError(Exception):
    """A value cannot be used; its section has noted why."""


@functools.lru_cache(maxsize=4)
def parse_registry(
    file: str, text: str, not_data: tuple[Pattern, ...] = ()
) -> Registry:
    """Parse and check a registry; cached, since every counted day asks for it.

    Args:
        file: the name of the file, for errors.
        text: its content.
        not_data: what is no data if the file does not say it.

    Raises:
        ConfigError: naming the file and, of each mistake, the line and the remedy.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a date or number too large
        raise ConfigError(f"{file} is not TOML: {error}") from error
    top = _Section(text.splitlines(), 0, content)
    registry = _registry(top, not_data)
    if top.mistakes:
        ordered = sorted(top.mistakes)
        raise ConfigError(*(f"{file}, line {m.line}: {m.sentence}" for m in ordered))
    return registry


@dataclass(frozen=True, order=True)
class _Mistake:
    """Something wrong in the file."""

    line: int
    sentence: str


@dataclass(frozen=True)
class _Section:
    """A table of the file, with its place there."""

    lines: list[str]
    start: int
    """The number of its first line, from zero."""
    content: Mapping[str, Any]
    mistakes: list[_Mistake] = field(default_factory=list)
    """Those found so far in the whole file."""

    def note(self, sentence: str, key: str = "", text: str = "") -> None:
        """Note a mistake with the line where a text or a key stands."""
        self.mistakes.append(_Mistake(self._line(key, text), sentence))

    def refuse(self, sentence: str, key: str = "", text: str = "") -> NoReturn:
        """Note a mistake and give up the value."""
        self.note(sentence, key, text)
        raise _MistakeError

    def holds(self, mistake: _Mistake) -> bool:
        """Whether a mistake stands in this section."""
        return mistake.line - 1 in self._own_lines

    @functools.cached_property
    def _own_lines(self) -> range:
        following = range(self.start + 1, len(self.lines))
        headers = (n for n in following if self.lines[n].lstrip().startswith("[["))
        return range(self.start, next(headers, len(self.lines)))

    def _line(self, key: str, text: str) -> int:
        own = [n for n in self._own_lines if not self.lines[n].lstrip().startswith("#")]
        assigned = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        found = [n for n in own if text and text in self.lines[n]]
        found += [n for n in own if key and assigned.match(self.lines[n])]
        return (found[0] if found else self.start) + 1

    def read(
        self, required: Mapping[str, _Reader], optional: Mapping[str, _Reader]
    ) -> dict[str, Any]:
        """Read the values of all keys that can be read; note what is wrong."""
        readers = {**required, **optional}
        for key in self.content.keys() - readers.keys():
            known = ", ".join(readers)
            self.note(f"unknown key {key!r}; the keys are {known}", key)
        for key in required.keys() - self.content.keys():
            self.note(f"{key} is missing")
        found: dict[str, Any] = {}
        for key in self.content.keys() & readers.keys():
            try:
                found[key] = readers[key](self, key, self.content[key])
            except _MistakeError:
                continue
        return found


def _registry(top: _Section, not_data: tuple[Pattern, ...]) -> Registry:
    values = {"not_data": not_data, **top.read({}, _TOP)}
    read: list[tuple[_Section, Dataset]] = values.pop("dataset", [])
    registry = Registry(datasets=tuple(dataset for _, dataset in read), **values)
    _check_unique(read)
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


def _datasets(top: _Section, key: str, value: Any) -> list[tuple[_Section, Dataset]]:
    """The datasets that can be read, each with its section of the file."""
    header = re.compile(rf"\s*\[\[\s*{key}\s*\]\]")
    starts = [n for n, line in enumerate(top.lines) if header.match(line)]
    if not isinstance(value, list) or len(value) != len(starts):
        top.refuse(f"each dataset should be a table that begins with [[{key}]]", key)
    sections = [
        _Section(top.lines, start, content, top.mistakes)
        for start, content in zip(starts, value, strict=True)
    ]
    found = ((section, _dataset(section)) for section in sections)
    return [(section, dataset) for section, dataset in found if dataset is not None]


def _dataset(section: _Section) -> Dataset | None:
    """A dataset, as far as it can be read; None without an id."""
    values = section.read(_REQUIRED, _OPTIONAL)
    if "id" not in values:
        return None
    dataset = Dataset(**{"title": values["id"], **values})
    if dataset.version and not (
        section.content.keys() & {"requests", "investigations"}
    ):
        section.note(
            f"{dataset.name} is a version without patterns, so nothing would be "
            "counted for it; add requests and investigations",
            "version",
        )
    return dataset


def _check_unique(read: Iterable[tuple[_Section, Dataset]]) -> None:
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
    section: _Section
    dataset: Dataset
    kind: str
    url: str


def _check_examples(registry: Registry, examples: list[_Example]) -> None:
    """Match each pattern against all examples at once: there may be thousands."""
    if not examples:
        return
    targets = targets_of(pa.array([example.url for example in examples], STRING))
    kinds: list[dict[str, str]] = [{} for _ in examples]
    for dataset in registry.datasets:
        for kind, pattern in dataset.patterns():
            for row in pc.indices_nonzero(pattern.matches(targets)).to_pylist():
                kinds[row].setdefault(dataset.name, kind)
    for pattern in registry.not_data:
        for row in pc.indices_nonzero(pattern.matches(targets)).to_pylist():
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


def _id(section: _Section, key: str, value: Any) -> str:
    form = "of lower-case letters, digits, dots, hyphens and underscores"
    text: str = _matching(ID, form)(section, key, value)
    if text in RESERVED:
        section.refuse(f"the id {text!r} is reserved; choose another", key)
    return text


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
    """The patterns of a key; each that cannot be used is a mistake of its own."""
    patterns = [Pattern(text) for text in _texts(section, key, value)]
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
        # Unlike Python, Arrow knows neither lookaround nor backreferences.
        re.compile(pattern.expression)
        pattern.matches(pa.nulls(1, pa.string()))
    except (re.error, pa.ArrowInvalid) as error:
        return str(error)
    return ""


_TOP: dict[str, _Reader] = {
    "platform": _text,
    "created_by": _matching(
        r"[-._;()/:a-zA-Z0-9*~$=]+(?: [-._;()/:a-zA-Z0-9*~$=]+)*",
        "words of the characters a-z A-Z 0-9 - . _ ; ( ) / : * ~ $ =",
    ),
    "not_data": _patterns,
    "dataset": _datasets,
}
_REQUIRED: dict[str, _Reader] = {"id": _id}
_OPTIONAL: dict[str, _Reader] = {
    "title": _text,
    "investigations": _patterns,
    "requests": _patterns,
    "version": _text,
    "publisher": _text,
    "publisher_id": _publisher_id,
    "doi": _matching(r"10\.\d{4,}/\S+", "a DOI such as 10.5281/zenodo.3653158"),
    "uri": _matching(r"https?://\S+", "an address that begins with https://"),
    "yop": _matching(r"\d{4}", "a year of four digits, in quotes"),
    "published": _matching(r"\d{4}-\d\d-\d\d", "a date such as 2022-02-01, in quotes"),
    "creators": _texts,
    "investigation_examples": _texts,
    "request_examples": _texts,
}
