"""Takes a snapshot: asks for every part that is not there yet, page by page.

A part is what a request and its further pages answer. It is complete if every page came
and says what it should. One that is not keeps no other from being asked for, and takes
the place of no complete one.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import Platform, Reply, Request
from usage_metrics.platforms.client import Answer, Client, EndError, said_by
from usage_metrics.platforms.shapes import parsed, without_people
from usage_metrics.refusals import Refusal

MOST_PAGES = 1_000

REMEDIES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "the token may not read this: see docs/platforms.md",
    HTTPStatus.NOT_FOUND: "it is misspelt in luigi.cfg or the registry of datasets, "
    "deleted, or hidden from the token",
    HTTPStatus.GONE: "it was deleted: take it out of luigi.cfg and the registry",
}
"""What helps against a status."""

Part = tuple[str, str]
"""A subject and a kind."""

NAMED = 3
"""How many of the records that have vanished a message names."""


def by_part(replies: Sequence[Reply]) -> dict[Part, list[Reply]]:
    """The pages of each part, in order."""
    parts: dict[Part, list[Reply]] = {}
    for reply in replies:
        parts.setdefault((reply.subject, reply.kind), []).append(reply)
    return parts


def is_complete(pages: Sequence[Reply]) -> bool:
    """Whether a part is there, and complete."""
    return bool(pages) and all(page.complete for page in pages)


def fuller(old: Sequence[Reply], new: Sequence[Reply]) -> list[Reply]:
    """The fuller of two replies to the same requests, or else the newer one."""
    if is_complete(new) or not is_complete(old):
        same = [page.body for page in old] == [page.body for page in new]
        return [*old] if same and is_complete(old) else [*(new or old)]
    return [*old]


def merged(old: Sequence[Reply], new: Sequence[Reply]) -> list[Reply]:
    """All parts of two snapshots of a day, of each the fuller one."""
    before, now = by_part(old), by_part(new)
    return [
        page
        for part in dict.fromkeys([*before, *now])
        for page in fuller(before.get(part, []), now.get(part, []))
    ]


def bodies(pages: Sequence[Reply]) -> list[Any]:
    """The JSON of the pages of a part.

    Raises:
        ReplyError: if one is none.
    """
    try:
        return [json.loads(page.body) for page in pages]
    except (ValueError, RecursionError):
        raise ReplyError("it is not JSON") from None


def told_by(platform: Platform, pages: Sequence[Reply]) -> set[str]:
    """What the pages of a part tell of, as the platform would be asked about it."""
    if platform.named is None:
        return set()
    try:
        told = [*platform.describe(bodies(pages))]
    except ReplyError:
        return set()
    return {platform.named.asked.format(each.subject) for each in told}


@dataclass
class Taken:
    """What came of a snapshot."""

    replies: list[Reply] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What is missing, and why, a sentence each."""
    told: set[str] = field(default_factory=set)
    """What need not be asked about, because replies about others tell of it."""


@dataclass(frozen=True)
class Taking:
    """A snapshot that is being taken."""

    platform: Platform
    client: Client
    moment: dt.datetime
    before: Mapping[Part, Sequence[Reply]]
    """The newest snapshot of an earlier day."""

    def take(self, subjects: Sequence[str], there: Sequence[Reply]) -> Taken:
        """Ask about subjects for every part that is not complete.

        Args:
            subjects: what to ask about.
            there: what was received earlier on this day.
        """
        taken, parts = Taken(), by_part(there)
        for subject, request in wanted(self.platform, subjects, self.moment.date()):
            is_there = is_complete(parts.get((subject, request.kind), ()))
            if is_there or subject in taken.told:
                continue
            try:
                pages, problem = self._part(subject, request)
            except EndError as end:
                what = f"{subject} {request.kind} and all that follows: {end.reason}"
                taken.problems.append(f"{what}; {end.remedy}")
                break
            taken.replies += pages
            if problem:
                taken.problems.append(f"{subject} {request.kind}: {problem}")
            else:
                taken.told |= told_by(self.platform, pages) - {subject}
        return taken

    def _part(self, subject: str, request: Request) -> tuple[list[Reply], str | None]:
        """Ask for the pages of a part; what is wrong with it, if anything is."""
        pages: list[Reply] = []
        try:
            self._ask(subject, request, pages)
            self._check(request.kind, pages)
        except EndError:
            raise
        except Refusal as refusal:
            problem = f"{refusal.reason}; {refusal.remedy}"
        except ReplyError as error:
            problem = f"{self.platform.title} answered with something else: {error}"
        else:
            return pages, None
        return [page._replace(complete=False) for page in pages], problem

    def _ask(self, subject: str, request: Request, pages: list[Reply]) -> None:
        """Ask for one page after the other; what came before an error is there, too.

        Raises:
            Refusal: if a page is refused.
            ReplyError: if one is not a page, or they do not end.
        """
        old = self.before.get((subject, request.kind), ())
        known = {page.url: page for page in old if page.complete}
        after = {page.url: following.url for page, following in pairwise(old)}
        url: str | None = self.client.url(request.path)
        while url is not None:
            if len(pages) == request.most_pages:
                return
            if len(pages) == MOST_PAGES or url in {page.url for page in pages}:
                raise ReplyError(f"its pages do not end: {url}")
            etag = known[url].etag if url in known else None
            answer = self.client.get(url, request.accept, etag)
            if answer.status == HTTPStatus.NOT_MODIFIED and url in known:
                pages.append(known[url]._replace(taken_at=self.moment, status=304))
                url = after.get(url)  # a 304 need not name it
            else:
                pages.append(self._reply(subject, request.kind, url, answer))
                url = self._next(answer)

    def _reply(self, subject: str, kind: str, url: str, answer: Answer) -> Reply:
        body, people = answer.body, self.platform.people
        if people:
            body = without_people(body, people)
        about = (subject, kind, url, answer.status, answer.etag, body)
        return Reply(self.moment, *about, complete=True)

    def _next(self, answer: Answer) -> str | None:
        """The URL of the page after one.

        Raises:
            Refusal: if the answer is not a success.
            ReplyError: if it is not a page.
        """
        if answer.status != HTTPStatus.OK:
            remedy = REMEDIES.get(answer.status, "see docs/platforms.md")
            said = f"{self.platform.title} answered {said_by(answer)}"
            raise Refusal(said, remedy)
        body = parsed(answer.body)
        if body is None:
            raise ReplyError("it is not JSON")
        found = answer.next_url or self.platform.next_page(body)
        return self.client.url(found) if found else None

    def _check(self, kind: str, pages: Sequence[Reply]) -> None:
        """Read a part as it will be read, and compare it with the one before.

        Raises:
            ReplyError: if it cannot be read, or records of it have vanished.
        """
        now = self._records(kind, pages)
        try:
            before = self._records(kind, self.before.get((pages[0].subject, kind), ()))
        except ReplyError:
            return
        if gone := sorted(before - now):
            named = ", ".join(gone[:NAMED])
            raise ReplyError(
                f"{len(gone):,} of {len(before):,} records that the snapshot before "
                f"had are missing ({named}); if they are deleted, it is complete "
                "tomorrow"
            )

    def _records(self, kind: str, pages: Sequence[Reply]) -> set[str]:
        if not pages:
            return set()
        figures = self.platform.read(kind, bodies(pages), self.moment.date())
        return {figure.version for figure in figures if figure.version}


def wanted(
    platform: Platform, subjects: Sequence[str], day: dt.date
) -> Iterator[tuple[str, Request]]:
    """Every part of a snapshot of a day, with the request for its first page."""
    for subject in subjects:
        for request in platform.requests(subject, day):
            yield subject, request


def unanswered(
    platform: Platform,
    subjects: Sequence[str],
    day: dt.date,
    replies: Sequence[Reply],
) -> int:
    """How many parts of a snapshot of a day are not there, or not complete."""
    parts = by_part(replies)
    return sum(
        not is_complete(parts.get((subject, request.kind), ()))
        for subject, request in wanted(platform, subjects, day)
    )
