"""``usage-metrics digest``: what is printed, written, and sent once."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flow import Flow, fill_once, request
from mail_server import free_port, mailbox
from project import Settings
from webhook_server import Chat, serving

from usage_metrics.commands import digest, digest_by_itself, main
from usage_metrics.monitoring import notify
from usage_metrics.tasks import digest_delivery, digest_figures, sent_digests
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.sent_digests import SENDING, SentDigest

pytestmark = pytest.mark.usefixtures("quick_reports")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def march(flow: Flow, settings: Settings) -> Flow:
    """The last days of March, each with a counted request; the 31st is missing."""
    settings("datasette", start="2026-03-20", stop="2026-04-03")
    fill_once(flow, "march", _count)
    return flow


def _count(flow: Flow) -> None:
    flow.export_days(11, dt.date(2026, 3, 20))
    flow.build(LoadUsage().of_what_is_there())


def test_a_month_is_printed_and_written(
    march: Flow, settings: Settings, capsys: Output
) -> None:
    settings("digest", few="show")
    assert main(["digest", "--month", "2026-03"]) == 0
    out, err = capsys.readouterr()
    assert "were requested 11 times from our own servers (Datasette)" in out
    assert "• Datasette: 11 requests, 11 investigations, 11 sessions\n" in out
    assert "\nSessions: Datasette 11.\n" in out
    assert "has 11 of 31 days; without data: 1–19 March 2026 and 31 March 2026" in out
    folder = march.root / "report" / "digest"
    assert (folder / "2026-03.txt").read_text() == out
    assert (folder / "2026-03.png").read_bytes().startswith(b"\x89PNG")
    assert err.splitlines() == [
        f"Written: {folder}/2026-03.{e}" for e in ("txt", "png")
    ]


def test_a_digest_is_written_where_one_says(
    march: Flow, tmp_path: Path, capsys: Output
) -> None:
    to = tmp_path / "elsewhere"
    for path in ("both", "march.png", "march.txt"):
        assert main(["digest", "--month", "2026-03", "--to", str(to / path)]) == 0
    found = sorted(str(f.relative_to(to)) for f in to.rglob("*.*"))
    assert found == ["both/2026-03.png", "both/2026-03.txt", "march.png", "march.txt"]
    (tmp_path / "file").touch()
    capsys.readouterr()
    assert main(["digest", "--month", "2026-03", "--to", str(tmp_path / "file/x")]) == 2
    assert "cannot be written" in (said := capsys.readouterr().err)
    assert "what --to says" in said


def test_a_month_of_which_nothing_is_counted_is_told_in_a_sentence(
    march: Flow, capsys: Output
) -> None:
    assert main(["digest", "--month", "2025-11"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("no day of 2025-11 is counted, so there is nothing to tell;")


# --- sent -----------------------------------------------------------------------------

LAST = dt.date(2026, 3, 31)
MARCH = dt.date(2026, 3, 1)


@pytest.fixture
def on(march: Flow, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have it be some day of April."""
    modules = (digest, digest_by_itself, digest_delivery, digest_figures, sent_digests)

    def set_clock(day: int) -> None:
        now = dt.datetime(2026, 4, day, 4, 15, tzinfo=dt.UTC)
        for module in modules:
            monkeypatch.setattr(module, "utc_now", lambda: now)

    set_clock(1)
    return set_clock


@pytest.fixture
def chat(march: Flow, settings: Settings) -> Iterator[Chat]:
    """A chat that is sent digests, on the first of April."""
    settings("datasette", stop="2026-04-01")
    with serving() as found:
        settings("digest", send="yes", webhook=found.url)
        settings("notify", timeout=60)
        yield found


@pytest.fixture
def whole(march: Flow, chat: Chat, on: Any, capsys: Output) -> Chat:
    """The chat, after a run on the first of April by which March is counted."""
    march.export(LAST, request("a", LAST))
    chat.status = 200
    assert main(["run"]) == 0
    assert len(chat.posts) == 1
    return chat


def records(flow: Flow) -> dict[str, str]:
    """They are of no concern to those who may fetch the pictures beside them."""
    folder = flow.root / "report" / "digest" / "sent"
    assert not any(f.stat().st_mode & 0o077 for f in folder.glob("*"))
    return {f.name: f.read_text() for f in folder.glob("*")}


def test_a_run_sends_a_month_once_when_its_last_day_is_counted(
    march: Flow, settings: Settings, chat: Chat, on: Any, capsys: Output
) -> None:
    with mailbox() as box:
        settings("email", receiver="a@example.org, b@example.org", format="plain")
        settings("smtp", host="127.0.0.1", port=box.port)
        assert main(["run"]) == 20
        assert (chat.posts, box.messages) == ([], [])
        march.export(LAST, request("a", LAST))
        assert main(["run"]) == 0
        for _ in range(2):
            assert main(["run"]) == 0
    (post,), (message,) = chat.posts, box.messages
    text = (march.root / "report" / "digest" / "2026-03.txt").read_text()
    assert post == {"text": text.rstrip()}
    assert message["Subject"] == text.splitlines()[0]
    assert message["To"] == "a@example.org, b@example.org"
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    shown = [part for part in message.walk() if part.get_content_type() == "image/png"]
    png = (march.root / "report" / "digest" / "2026-03.png").read_bytes()
    assert [part.get_content() for part in shown] == [png]
    assert shown[0]["Content-ID"].strip("<>") in html.get_content()
    said = "each day from "
    assert said in plain.get_content()
    assert 'alt="' in html.get_content()
    assert said in html.get_content()
    assert capsys.readouterr().out.count("digest of 2026-03: sent") == 2


def test_a_last_day_that_does_not_come_is_waited_for_until_the_tenth(
    march: Flow, chat: Chat, on: Any
) -> None:
    on(10)
    assert main(["run"]) == 20
    assert chat.posts == []
    on(11)
    assert main(["run"]) == 20
    assert "without data: 1–19 March 2026 and 31 March" in chat.posts[0]["text"]


def test_who_has_it_gets_it_again_only_if_a_person_says_so(
    whole: Chat, capsys: Output
) -> None:
    send = ["digest", "--send"]
    assert main(send) == 0
    assert "was sent on 2026-04-01, chat" in capsys.readouterr().out
    assert len(whole.posts) == 1
    assert main([*send, "--again"]) == 0
    assert len(whole.posts) == 2
    assert main([*send, "--month", "2026-04"]) == 2
    assert "2026-04 is not over" in capsys.readouterr().err


def test_a_chat_that_refuses_is_asked_again_by_the_next_run(
    march: Flow, whole: Chat, settings: Settings, capsys: Output
) -> None:
    settings("email", receiver="a@example.org", format="plain")
    settings("smtp", host="127.0.0.1", port=free_port())
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert "not sent, e-mail: ConnectionRefusedError: " in said
    with mailbox() as box:
        settings("smtp", port=box.port)
        box.answer = "554 not today, <a@example.org>"
        assert main(["run"]) == 2
        said = capsys.readouterr().err
        assert "not sent, e-mail: SMTPDataError" in said
        assert "not today, <***>" in said
        assert "a@example.org" not in str(records(march))
        box.answer = "250 OK"
        assert [main(["run"]) for _ in range(2)] == [0, 0]
    assert len(box.messages) == 2
    assert len(whole.posts) == 1


def test_nobody_is_told_twice_after_a_kill_between_sending_and_recording(
    march: Flow, chat: Chat, on: Any, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    march.export(LAST, request("a", LAST))

    def killed(*arguments: Any, **options: Any) -> None:
        notify.post(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(digest_delivery, "post", killed)
        assert main(["run"]) == 130
    assert len(chat.posts) == 1
    sent = SentDigest(MARCH, "chat").read()
    assert sent is not None
    assert sent.state == SENDING
    assert main(["run"]) == 2
    assert "nobody knows whether it arrived, chat" in (err := capsys.readouterr().err)
    assert "usage-metrics digest --month 2026-03 --send --again" in err
    assert main(["run"]) == 0
    assert len(chat.posts) == 1


def test_a_chat_that_does_not_answer_may_have_it_and_gets_it_once(
    march: Flow, settings: Settings, on: Any, capsys: Output
) -> None:
    settings("datasette", stop="2026-04-01")
    settings("notify", timeout=0.3)
    with serving(trickle=True) as slow:
        settings("digest", webhook=slow.url)
        assert main(["digest", "--send"]) == 1
        assert "nobody knows whether it arrived, chat" in capsys.readouterr().err
        assert main(["digest", "--send"]) == 1
    assert len(slow.posts) == 1
    settings("digest", webhook=f"http://127.0.0.1:{free_port()}/hooks/T0P-SECRET")
    assert main(["digest", "--send", "--again"]) == 1
    assert "not sent, chat: ConnectionError; the next run" in (
        said := capsys.readouterr().err
    )
    assert "T0P-SECRET" not in said + str(records(march))


def test_what_is_wrongly_set_is_told_in_a_sentence(
    march: Flow, settings: Settings, on: Any, capsys: Output
) -> None:
    for section, key, value, said in (
        ("digest", "webhook", "", "there is nobody to send a digest to: set the"),
        ("digest", "webhook", "chat T0P", "USAGE_METRICS_DIGEST_WEBHOOK, or [digest]"),
        ("digest", "webhook", "http://127.0.0.1:1", ""),
        ("digest", "pictures", "www.example.org", "[digest] pictures = 'www.example"),
        ("digest", "pictures", "", ""),
        ("email", "receiver", "a@example.org", ""),
        ("email", "method", "ses", "[email] method = ses is for failures only"),
    ):
        settings(section, **{key: value})
        if said:
            assert main(["digest", "--send"]) == 2
            assert said in (err := capsys.readouterr().err)
            assert "T0P" not in err
    assert records(march) == {}
    settings("digest", send="yes")
    assert main(["doctor"]) == 1
    assert "[digest]: [email] method = ses is" in capsys.readouterr().out


def test_a_chat_shows_the_picture_from_where_others_can_fetch_it(
    march: Flow, settings: Settings, on: Any
) -> None:
    with serving() as chat:
        settings("digest", webhook=chat.url, pictures="https://data.example.org/d/")
        assert main(["digest", "--send"]) == 0
    (shown,) = chat.posts[0]["attachments"]
    assert shown["image_url"] == "https://data.example.org/d/2026-03.png"
    assert "each day from" in shown["fallback"]
