"""Reads where a dataset is: the tables ``[dataset.at.…]`` of a registry.

In the logs of a source it is in places, named by patterns; of a platform, it is
subjects, named as the platform does.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from usage_metrics.counting.datasets import (
    CAPTURED,
    NAMES,
    URL,
    Dataset,
    Place,
    Subject,
)
from usage_metrics.counting.globs import CAPTURES, Glob, overlaps
from usage_metrics.counting.toml_section import Section, strings
from usage_metrics.errors import ConfigError
from usage_metrics.platforms import PLATFORMS, get_platform

_SITES = "sites"
"""Host and path in one."""
PAIRS: dict[str, tuple[tuple[str, ...], str]] = {
    "buckets": (("buckets", "keys"), NAMES),
    "databases": (("databases", "tables"), NAMES),
    "hosts": (("hosts", "paths", _SITES), URL),
}
"""The keys of each kind of place that sources have, and how such places are known."""
KindOf = Callable[[str], str]
"""Says what kind of places a source has; raises ConfigError if there is no such one."""

_NAME = r"(?s)[^\x00]+"


class At(NamedTuple):
    """Something that the file says of a dataset, with where it says so."""

    section: Section
    key: str
    text: str
    dataset: Dataset
    about: Place | Subject

    @property
    def line(self) -> int:
        """The number of the line."""
        return self.section.line(self.key, self.text)


def whereabouts(section: Section, dataset: Dataset, kind_of: KindOf) -> list[At]:
    """Where a dataset is, as far as its section can be read."""
    found: list[At] = []
    at = section.content.get("at", {})
    if not isinstance(at, dict) or not all(isinstance(v, dict) for v in at.values()):
        section.note("at should be tables, such as [dataset.at.s3]", "at")
        return []
    for name, content in at.items():
        own = section.within(f"dataset.at.{name}", content)
        if name in PLATFORMS:
            found += _subjects(own, name, dataset)
            continue
        try:
            found += _places(own, name, kind_of(name), dataset)
        except ConfigError as error:
            own.note(f"{error}; or a platform: {', '.join(PLATFORMS)}")
    return found


def _places(section: Section, source: str, kind: str, dataset: Dataset) -> Iterator[At]:
    """The places of a dataset in the logs of a source."""
    keys, by = PAIRS[kind]
    values = section.read({}, dict.fromkeys(keys, _globs))
    if not section.content:
        section.note(f"it names nothing; the keys are {', '.join(keys)}")
    if values.keys() != section.content.keys():
        return  # what cannot be read would be taken for everything
    for key, text, glob in _pairs(values, *keys[:2]):
        place = Place(source, by, glob, dataset.id, dataset.version)
        if mistake := _mistake(place):
            if "{" in glob.within:
                key, text = keys[0], glob.within
            section.note(f"{text!r} in {key} {mistake}", key, text)
        else:
            yield At(section, key, text, dataset, place)


def _pairs(
    values: dict[str, Any], first: str, second: str
) -> Iterator[tuple[str, str, Glob]]:
    """Each pattern with the key and the text that say it."""
    if values.keys() & {first, second}:
        key = second if second in values else first
        for within in values.get(first, ("**",)):
            for text in values.get(second, ("**",)):
                yield key, text if key == second else within, Glob(text, within)
    for site in values.get(_SITES, ()):
        host, slash, path = site.partition("/")
        yield _SITES, site, Glob(f"{slash}{path}" if path else "**", host.lower())


def _mistake(place: Place) -> str | None:
    """What is wrong with a pattern, if anything is."""
    captures = place.glob.captures
    if unknown := sorted({*captures} - {*CAPTURES}):
        known = ", ".join(f"{{{name}}}" for name in CAPTURES)
        return f"captures {{{unknown[0]}}}; a pattern may capture {known}"
    if twice := sorted({name for name in captures if captures.count(name) > 1}):
        return f"captures {{{twice[0]}}} twice"
    if place.version and "version" in captures:
        return f"captures {{version}}, but the entry is of version {place.version}"
    if ("dataset" in captures) != (CAPTURED in place.dataset):
        return (
            "has to capture {dataset}, as the id says"
            if CAPTURED in place.dataset
            else 'captures {dataset}, so the entry needs id = "{dataset}"'
        )
    if place.by == URL and not re.match(r"/|\*\*", place.glob.text):
        return "has to begin with /, as paths do"
    return None


def _subjects(section: Section, platform: str, dataset: Dataset) -> Iterator[At]:
    """What a platform counts of a dataset."""
    named = get_platform(platform).named
    if named is None or CAPTURED in dataset.id:
        section.note(
            f"{platform} counts nothing that a registry can name"
            if named is None
            else f"an entry for many datasets has none on {platform}: give each its own"
        )
        return
    readers = {named.key: strings, "shared": _truth}
    values = section.read({named.key: strings}, readers)
    for text in values.get(named.key, ()):
        if not re.fullmatch(named.expression, text):
            section.note(f"{text!r} in {named.key} is no name there", named.key, text)
            continue
        asked, is_shared = named.asked.format(text), values.get("shared", False)
        about = (asked, text, dataset.id, dataset.version, is_shared)
        yield At(section, named.key, text, dataset, Subject(platform, *about))


def check_overlaps(found: Iterable[At]) -> None:
    """Note what is in two datasets, with both lines."""
    places: dict[str, list[tuple[Glob, At]]] = {}
    subjects: dict[tuple[str, str], list[At]] = {}
    for at in found:
        if isinstance(at.about, Place):
            places.setdefault(at.about.source, []).append((at.about.glob, at))
        else:
            name = (at.about.source, at.about.name.lower())
            subjects.setdefault(name, []).append(at)
    for globs in places.values():
        for one, other in overlaps(globs):
            if one.dataset.name != other.dataset.name:
                _note_overlap(one, other, "both match some; change one")
    for named in subjects.values():
        for one, other in itertools.pairwise(named):
            if one.dataset.name != other.dataset.name and not _are_shared(
                one.about, other.about
            ):
                _note_overlap(one, other, "are the same; add shared = true to both")


def _are_shared(one: Any, other: Any) -> bool:
    return bool(one.is_shared and other.is_shared)


def _note_overlap(one: At, other: At, why: str) -> None:
    first, later = sorted((one, other), key=lambda at: at.line)
    sentence = (
        f"{later.text!r} of {later.dataset.name} and {first.text!r} of "
        f"{first.dataset.name} in line {first.line} {why}"
    )
    later.section.note(sentence, later.key, later.text)


def _globs(section: Section, key: str, value: Any) -> tuple[str, ...]:
    """Read patterns; of hosts, in small letters."""
    texts = strings(section, key, value)
    for text in texts:
        if not re.fullmatch(_NAME, text):
            section.refuse(f"{text!r} in {key} has a character that no name has", key)
    return tuple(map(str.lower, texts)) if key == "hosts" else texts


def _truth(section: Section, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        section.refuse(f"{key} = {value!r} should be true or false", key)
    return bool(value)
