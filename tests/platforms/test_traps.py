"""What can go wrong when a platform is asked: each trap, on every platform."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flow import Flow
from local_server import BOMB
from luigi.task_register import Register
from platform_replies import PLAYED, Played, day_of
from platform_server import Answer, PlatformServer, json_of
from project import Settings
from snapshot_flow import Days

from usage_metrics.errors import UsageMetricsError
from usage_metrics.platforms import PLATFORMS, client, get_platform, github
from usage_metrics.platforms.taking import bodies
from usage_metrics.tasks.snapshots import TakeSnapshot

TOKEN = "token-for-tests-0123456789"

WITH_TOKENS = [name for name in PLAYED if get_platform(name).token]


@dataclass
class Playing:
    """A platform that is asked on some days."""

    name: str
    days: Days
    waited: list[float]
    """The seconds between requests, which no test waits for."""

    @property
    def played(self) -> Played:
        return PLAYED[self.name]

    @property
    def server(self) -> PlatformServer:
        return self.days.server

    def take(self, number: int = 0) -> str:
        """Take the snapshot of a day; what is said to be missing."""
        self.played.serve(self.server, number)
        return self.take_again(number)

    def take_again(self, number: int) -> str:
        """Take it while the platform says what it said before."""
        self.days.on(day_of(number))
        Register.clear_instance_cache()
        try:
            TakeSnapshot(date=day_of(number), source=self.name).run()
        except UsageMetricsError as error:
            return "\n".join(error.sentences)
        return ""

    def files_with(self, secret: str) -> list[Path]:
        """The files that hold a secret, of those that a snapshot has written."""
        files = [f for f in self.days.flow.folder.rglob("*") if f.is_file()]
        assert files
        return [f for f in files if secret.encode() in f.read_bytes()]

    def replies(self, number: int = 0) -> list[Any]:
        """The replies of a day."""
        file = self.days.raw(day_of(number))
        return [*self.days.replies(day_of(number)).values()] if file.exists() else []


@pytest.fixture(params=PLAYED)
def playing(
    request: pytest.FixtureRequest,
    flow: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Playing]:
    name = request.param
    platform = get_platform(name)
    for variable in platform.login or ():
        monkeypatch.delenv(variable, raising=False)
    if platform.token:
        monkeypatch.setenv(platform.token, TOKEN)
    waited: list[float] = []
    monkeypatch.setattr(client, "sleep", waited.append)
    with PlatformServer() as server:
        section = PLAYED[name].section
        settings(name, **section, endpoint=server.url, attempts=2)
        yield Playing(name, Days(flow, server, monkeypatch, name), waited)


def test_every_platform_is_played() -> None:
    assert PLAYED.keys() == PLATFORMS.keys()


def refused(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return json_of({"message": "No"}, status=status, headers=named)


def moved(to: str) -> Answer:
    return Answer(status=302, headers={"Location": to})


NO_FULL_REPLY = {
    "not allowed": (refused(403), 'HTTP 403 ({"message": "No"}); the token may not'),
    "not found": (refused(404), 'HTTP 404 ({"message": "No"}); it is misspelt'),
    "deleted": (
        refused(410),
        "it was deleted: take it out of luigi.cfg and the registry",
    ),
    "too many requests": (refused(429, Retry_After="0"), "answered HTTP 429"),
    "too many, as 403": (refused(403, Retry_After="0"), "answered HTTP 403"),
    "out of order": (refused(500), "answered HTTP 500"),
    "out of service": (Answer("<h1>503</h1>", status=503), "answered HTTP 503"),
    "cut off": (Answer('{"count": 1, "un', cut=True), "the connection to"),
    "torn": (Answer('{"count": 1, "un'), "something else: it is not JSON"),
    "empty": (Answer(""), "something else: it is not JSON"),
    "a page to log in": (Answer("<html>log in</html>"), "it is not JSON"),
    "null": (Answer("null"), "it is not JSON"),
    "no end of brackets": (Answer("[" * 100_000), "it is not JSON"),
    "nothing in it": (json_of({}), "something else: it"),
    "another shape": (json_of([1, 2]), "something else: it"),
    "deep": (Answer("[" * 300 + "]" * 300), "something else: it"),
    "moved to no URL": (moved("http://["), "something other than HTTP (ValueError)"),
    "moved to no host": (moved("http://..example"), "something other than HTTP (Loc"),
    "a next page that is no URL": (
        json_of({}, headers={"Link": '<http://[>; rel="next"'}),
        "names a next page at what is no URL; check its endpoint",
    ),
    "a next page elsewhere": (
        json_of({}, headers={"Link": '<https://a:b@c.example/>; rel="next"'}),
        "names a next page at c.example; check its endpoint",
    ),
    "a bomb": (
        Answer(packed=BOMB),
        "answered with more than 64 MB; check its endpoint",
    ),
}
"""Answers that are no reply to what was asked, and what is said of them."""


@pytest.mark.parametrize("trap", NO_FULL_REPLY)
def test_what_is_no_full_reply_fails_its_part_in_a_sentence_and_is_asked_for_again(
    playing: Playing, trap: str
) -> None:
    answer, sentence = NO_FULL_REPLY[trap]
    path, others = playing.played.path, playing.played.replies - 1
    playing.server.once(path, answer, answer)
    assert sentence in playing.take()
    assert sum(reply.complete for reply in playing.replies()) == others
    playing.server.next.clear()
    playing.server.asked.clear()
    assert not playing.take()
    assert playing.server.asked == [path], "no part that is there is asked for"
    assert len(playing.replies()) == others + 1


def test_an_error_that_comes_as_a_success_is_quoted_and_kept_aside(
    playing: Playing,
) -> None:
    playing.server.once(playing.played.path, json_of(playing.played.error))
    problem = playing.take()
    assert "answered with something else: it" in problem
    assert f"it says {playing.played.says!r}" in problem
    (aside,) = [reply for reply in playing.replies() if not reply.complete]
    assert aside.body == json_of(playing.played.error).body


def test_what_is_temporary_is_asked_for_again_after_as_long_as_the_platform_says(
    playing: Playing,
) -> None:
    playing.server.once(playing.played.path, refused(429, Retry_After="7"))
    assert not playing.take()
    assert playing.server.asked.count(playing.played.path) == 2
    assert 7 in playing.waited


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "3600"},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "99999999999"},
    ],
    ids=["Retry-After", "X-RateLimit-Reset"],
)
def test_a_long_wait_is_left_to_the_next_run(
    playing: Playing, headers: dict[str, str]
) -> None:
    playing.server.once(playing.played.path, refused(429, **headers))
    problem = playing.take()
    assert "it asks to wait" in problem
    assert "the next run asks for what is missing" in problem
    assert playing.server.asked[-1] == playing.played.path, "no further part"


def test_an_answer_that_never_comes_is_given_up(
    playing: Playing, settings: Settings
) -> None:
    settings(playing.name, timeout=0.05, attempts=1)
    playing.server.once(playing.played.path, Answer(slow=True))
    assert "did not answer within 0.05 s" in playing.take()


def test_an_answer_that_comes_byte_by_byte_is_given_up(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_REQUEST", 0.2)
    playing.server.once(playing.played.path, Answer(in_drops=True))
    assert "did not answer in full within 0.2 s" in playing.take()
    # A busy machine may take as long to ask.
    assert playing.server.asked.count(playing.played.path) <= 1, "once is enough"


def test_nobody_listens(playing: Playing, settings: Settings) -> None:
    settings(playing.name, endpoint="http://127.0.0.1:9", attempts=1)
    told = playing.take()
    assert told.count("the connection to") == 1, "no further part is asked for"
    assert " and all that follows: the connection to" in told


@pytest.mark.parametrize("playing", WITH_TOKENS, indirect=True)
def test_a_token_that_is_refused_is_named_by_its_variable_and_not_shown(
    playing: Playing, caplog: pytest.LogCaptureFixture
) -> None:
    playing.server.tokens = {"another-token"}
    problem = playing.take()
    assert f"it refuses the token in {get_platform(playing.name).token}" in problem
    assert TOKEN not in problem + caplog.text
    assert len(playing.server.asked) == 1, "no further request with it"


def test_a_token_that_is_wanted_is_named_by_its_variable(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = get_platform(playing.name).token
    monkeypatch.delenv(variable or "NONE", raising=False)
    playing.server.tokens = {"some-token"}
    where = f" in {variable}" if variable else ""
    assert f"it wants a token{where};" in playing.take()


@pytest.mark.parametrize("playing", WITH_TOKENS, indirect=True)
def test_a_token_is_in_no_file_and_sent_to_no_other_host(playing: Playing) -> None:
    with PlatformServer() as elsewhere:
        elsewhere.tokens = {TOKEN}
        there = {"Location": f"{elsewhere.url}/there"}
        moved = Answer(status=302, headers=there)
        playing.server.once(playing.played.path, moved)
        assert "HTTP 401" in playing.take()
        assert elsewhere.asked == ["/there"]
    echo = json_of({"message": f"Bad credentials: {TOKEN}"}, status=404)
    playing.server.once(playing.played.path, echo)
    playing.take()
    assert not playing.files_with(TOKEN)


@pytest.mark.parametrize("playing", ["kaggle"], indirect=True)
def test_a_name_and_a_key_are_sent_together_and_the_key_is_in_no_file_or_message(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    one = "KAGGLE_KEY is set and KAGGLE_USERNAME is not: Kaggle takes both together"
    assert one in playing.take()
    assert not playing.server.asked
    monkeypatch.setenv("KAGGLE_USERNAME", "example")
    pair = base64.b64encode(f"example:{TOKEN}".encode()).decode()
    echo = json_of({"message": f"Bad credentials: {pair} {TOKEN}"}, status=404)
    playing.server.once(playing.played.path, echo)
    told = playing.take()
    assert "Bad credentials: *** ***" in told
    playing.server.tokens = {"of-somebody-else"}
    told += playing.take()
    assert "it refuses the token in KAGGLE_USERNAME and KAGGLE_KEY" in told
    for secret in (pair, TOKEN):
        assert secret not in told
        assert not playing.files_with(secret)
    playing.server.tokens = {f"Basic {pair}"}
    assert not playing.take()
    monkeypatch.setenv("KAGGLE_API_TOKEN", "the-newer-one")
    playing.server.tokens = {"Bearer the-newer-one"}
    assert not playing.take(1)


def test_the_next_day_asks_for_changes_only_and_gets_what_did_not_change(
    playing: Playing,
) -> None:
    assert not playing.take()
    asked = [*playing.server.asked]
    assert not playing.take_again(1)
    assert playing.server.conditional == asked
    before, after = playing.replies(), playing.replies(1)
    assert {reply.status for reply in after} == {304}
    assert [reply.body for reply in after] == [reply.body for reply in before]
    assert all(reply.complete for reply in after)


def test_every_figure_is_of_a_metric_that_the_platform_describes(
    playing: Playing,
) -> None:
    assert not playing.take()
    platform = get_platform(playing.name)
    told = {
        figure.metric
        for reply in playing.replies()
        for figure in platform.read(reply.kind, bodies([reply]), day_of(0))
    }
    assert playing.played.metric in told
    assert told <= platform.metrics.keys()


def test_without_etags_everything_is_asked_for_again(playing: Playing) -> None:
    playing.server.tells_etags = False
    assert not playing.take()
    assert not playing.take(1)
    assert not playing.server.conditional
    assert {reply.status for reply in playing.replies(1)} == {200}


@pytest.mark.parametrize("playing", ["github"], indirect=True)
def test_pages_of_stars_are_asked_for_as_far_as_github_tells_them(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses the pages after, and they are no reason to fail."""
    monkeypatch.setattr(github, "PAGES_OF_STARS", 2)
    of = "/repos/example/data/stargazers?per_page=100"
    pages = [of, f"{of}&page=2", f"{of}&page=3"]
    for page, following in pairwise(pages):
        link = {"Link": f'<{playing.server.url}{following}>; rel="next"'}
        star = {"starred_at": "2021-03-05T12:00:00Z", "user": {"login": "somebody"}}
        playing.server.once(page, json_of([star], headers=link))
    assert not playing.take()
    asked = [path for path in playing.server.asked if path in pages]
    assert asked == pages[:2]
    assert "somebody" not in "".join(reply.body for reply in playing.replies())


def test_no_password_may_stand_in_an_endpoint(
    playing: Playing, settings: Settings
) -> None:
    settings(playing.name, endpoint="https://somebody:secret@zenodo.example")
    problem = playing.take()
    assert "endpoint has a name or password in it" in problem
    assert "secret" not in problem
