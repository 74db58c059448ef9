"""Entries for a registry of datasets, of what it does not name yet.

A database, or a folder at the top of a bucket or site, is taken for a dataset. Folders
that are called like versions are those of one dataset, and of many folders each is a
dataset that a pattern captures.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from usage_metrics.counting.datasets import CAPTURED, RESERVED, Place, Registry
from usage_metrics.counting.derived import dataset_id
from usage_metrics.counting.globs import BETWEEN, Glob, plain
from usage_metrics.counting.inventory import Found
from usage_metrics.platforms import Description, get_platform
from usage_metrics.units import number_of

MANY = 50
"""More folders than that are not listed, but captured."""

_VERSION = re.compile(
    r"v?\d+([._-]\d+)*([._-]?(?:rc|a|b|alpha|beta|post|dev)\d*)?"
    r"|latest|stable|nightly|current|main|dev",
    re.IGNORECASE,
)
_REPOSITORY = re.compile(r"(?i)github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?:[/#?]|$)")
_DOI = re.compile(r"(?i)10\.\d{4,9}/\S+")

_TELLING = {"zenodo": 0, "datacite": 1}
"""Platforms that tell what belongs together, in the order of asking."""

At = dict[str, dict[str, list[str]]]
"""The tables ``[dataset.at.…]`` of an entry."""


@dataclass
class Entry:
    """A dataset to name."""

    id: str
    title: str
    at: At = field(default_factory=dict)
    doi: str | None = None
    why: list[str] = field(default_factory=list)
    """What it is, a comment each."""
    is_beside: bool = False
    """Whether patterns of the registry take some of it, so that it cannot be named."""


def of_logs(source: str, kind: str, found: Mapping[Found, int]) -> Iterator[Entry]:
    """An entry for each dataset that the logs of a source seem to have."""
    containers: dict[str, Counter[str]] = defaultdict(Counter)
    for each, requests in found.items():
        containers[each.container][each.part] += requests
    for container, parts in sorted(containers.items()):
        requests = sum(parts.values())
        if kind == "databases":
            entry = Entry(dataset_id(container), container)
            entry.at[source] = {"databases": [plain(container)]}
            entry.why.append(f"{number_of(requests, 'request')} at {source}")
            yield entry
        else:
            of = "buckets" if kind == "buckets" else "hosts"
            within = {of: [plain(container)]} if container else {}
            rest = "keys" if kind == "buckets" else "paths"
            for entry, patterns, number in _of_folders(container, parts):
                table = within | ({rest: patterns} if patterns else {})
                entry.at[source] = table or {of: ["*"]}
                entry.why.append(f"{number_of(number, 'request')} at {source}")
                yield entry


def _of_folders(
    container: str, parts: Mapping[str, int]
) -> Iterator[tuple[Entry, list[str], int]]:
    """Entries, their patterns and requests, for what a bucket or host seems to have."""
    lead = "/" if any(part.startswith("/") for part in parts) else ""
    files: Counter[str] = Counter()
    folders: dict[str, Counter[str]] = defaultdict(Counter)
    for part, requests in parts.items():
        first, slash, rest = part.removeprefix(lead).partition("/")
        if slash and first:
            folders[first][rest.rstrip("/")] += requests
        else:
            files[part] += requests
    whole = Entry(dataset_id(container or "site"), container or "The site")
    plain_files = [plain(name) for name in sorted(files) if name]
    if len(files) > MANY or "" in files or (files and lead in files) or not folders:
        yield whole, [], sum(parts.values())
    elif all(map(_VERSION.fullmatch, folders)):
        yield whole, [f"{lead}{{version}}/**", *plain_files], sum(parts.values())
    elif len(folders) > MANY:
        many = Entry(CAPTURED, container)
        yield many, [f"{lead}{CAPTURED}"], sum(parts.values())
    else:
        for name, within in sorted(folders.items()):
            yield _of_folder(f"{lead}{plain(name)}", name, within)
        if files:
            yield whole, plain_files, sum(files.values())


def _of_folder(
    pattern: str, name: str, within: Counter[str]
) -> tuple[Entry, list[str], int]:
    """The entry for a folder, by the folders within."""
    inner = [part for part in within if part]
    if inner and all(map(_VERSION.fullmatch, inner)):
        patterns = [f"{pattern}/{{version}}/**", f"{pattern}/"]
        return Entry(dataset_id(name), name), patterns, sum(within.values())
    if len(inner) > MANY:
        many = Entry(CAPTURED, name)
        return many, [f"{pattern}/{CAPTURED}"], sum(within.values())
    return Entry(dataset_id(name), name), [f"{pattern}/"], sum(within.values())


def of_platforms(
    subjects: Sequence[tuple[str, str]], descriptions: Iterable[Description]
) -> Iterator[Entry]:
    """An entry for each subject of no dataset, or for those that belong together.

    Args:
        subjects: platforms, and what they count.
        descriptions: what platforms tell of records and DOIs.
    """
    about = {each.subject.lower(): each for each in descriptions}
    belongs: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for source, subject in sorted(subjects, key=lambda pair: _TELLING.get(pair[0], 2)):
        key = (source, subject.lower())
        told = about.get(subject.lower())
        for entry in belongs.get(key, ()):
            _put(entry, source, subject, is_shared=len(belongs[key]) > 1)
        if key in belongs:
            continue
        title = told.title if told else subject.rpartition("/")[-1]
        entry = Entry(dataset_id(title), title, doi=told.doi if told else None)
        _put(entry, source, subject)
        if told:
            for other in _related(told):
                belongs[other].append(entry)
        yield entry


def _related(told: Description) -> Iterator[tuple[str, str]]:
    """The subjects of other platforms that belong to a record or DOI."""
    if told.doi:
        yield "datacite", told.doi.lower()
    named = {m[1].lower() for text in told.related for m in _REPOSITORY.finditer(text)}
    yield from (("github", repository) for repository in sorted(named))


def _put(entry: Entry, source: str, subject: str, *, is_shared: bool = False) -> None:
    named = get_platform(source).named
    if named is not None:
        entry.at.setdefault(source, {}).setdefault(named.key, []).append(subject)
        if is_shared:
            entry.at[source]["shared"] = []


def joined(entries: Iterable[Entry], registry: Registry) -> list[Entry]:
    """Entries of one id as one, and none with an id that the registry has.

    One that would take what a pattern of the registry takes is marked.
    """
    taken = {*RESERVED, *(dataset.id for dataset in registry.datasets)}
    taken |= {place.dataset for place in registry.places}
    found: dict[str, Entry] = {}
    for entry in entries:
        entry.is_beside = _overlaps(entry, registry.places)
        same = found.get(entry.id)
        if same is not None and _are_one(same, entry):
            same.at |= entry.at
            same.why += entry.why
            same.doi = same.doi or entry.doi
        else:
            entry.id = _free(entry, {*taken, *found})
            found[entry.id] = entry
    return list(found.values())


def _are_one(one: Entry, other: Entry) -> bool:
    """Whether two entries of an id can be one."""
    is_plain = CAPTURED not in one.id and not (one.is_beside or other.is_beside)
    return is_plain and not one.at.keys() & other.at.keys()


def _free(entry: Entry, taken: set[str]) -> str:
    """An id that is not taken."""
    if entry.id not in taken:
        return entry.id
    base = entry.id
    if CAPTURED in base:
        base = f"{dataset_id(entry.title)}-{CAPTURED}"
    ends = ("", *(f"-{number}" for number in range(2, len(taken) + 3)))
    return next(f"{base}{end}" for end in ends if f"{base}{end}" not in taken)


def _overlaps(entry: Entry, places: Iterable[Place]) -> bool:
    """Whether some text would be of the entry and of a place."""
    globs = [
        (source, Glob(rest, within))
        for source, table in entry.at.items()
        for within in _first_of(table, "buckets", "hosts", "databases")
        for rest in _first_of(table, "keys", "paths")
    ]
    return any(
        place.source == source and place.glob.meets(glob)
        for place in places
        for source, glob in globs
    )


def _first_of(table: Mapping[str, list[str]], *keys: str) -> list[str]:
    return next((table[key] for key in keys if key in table), ["**"])


def as_toml(entries: Iterable[Entry]) -> str:
    """The text of entries, to be put into a registry."""
    return "\n".join("\n".join(_lines(entry)) + "\n" for entry in entries)


def _lines(entry: Entry) -> Iterator[str]:
    if entry.is_beside:
        for text in entry.why:
            yield f"# {text}, beside patterns of others: {quoted(entry.title)}"
        return
    yield from (f"# {text}" for text in entry.why)
    yield "[[dataset]]"
    yield f"id = {quoted(entry.id)}"
    if CAPTURED not in entry.id:
        yield f"title = {quoted(entry.title or entry.id)}"
    if entry.doi and _DOI.fullmatch(entry.doi):
        yield f"doi = {quoted(entry.doi)}"
    for source, table in entry.at.items():
        yield f"[dataset.at.{source}]"
        for key, texts in table.items():
            if key == "shared":
                yield "shared = true"
            else:
                yield f"{key} = [{', '.join(map(quoted, texts))}]"


def quoted(text: str) -> str:
    """A text as TOML has it, in which no character does anything in a terminal."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"


def is_writable(found: Found) -> bool:
    """Whether a pattern can stand for it: one cannot hold ``BETWEEN``."""
    return BETWEEN not in f"{found.container}{found.part}"
