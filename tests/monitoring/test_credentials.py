"""No password of a URL is logged, printed or posted, by whatever library."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults.place import free_port
from project import Settings
from webhook_server import serving

from usage_metrics.monitoring import credentials, notify
from usage_metrics.monitoring.credentials import HIDDEN, without_credentials
from usage_metrics.monitoring.printable import printable


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET https://usage:S3CRET@example.org/a?b", "GET https://***@example.org/a?b"),
        (
            "'http://S3CRET@h:1' and s3://k:S3CRET@b/",
            "'http://***@h:1' and s3://***@b/",
        ),
        ("https://usage:S3C@RET@example.org", "https://***@example.org"),
        ("https://u:S3CRET@a https://v:S3CRET@b", "https://***@a https://***@b"),
        ("mail to a@example.org", "mail to a@example.org"),
        ("http://h/by/a@example.org", "http://h/by/a@example.org"),
        ("http://h?by=a@example.org", "http://h?by=a@example.org"),
        ("no URL at all: 100%", "no URL at all: 100%"),
    ],
)
def test_user_and_password_of_a_url_are_hidden(text: str, clean: str) -> None:
    assert without_credentials(text) == clean
    assert printable(text) == clean


def test_messages_arguments_and_tracebacks_of_any_logger_are_clean(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("of.another.library")
    try:
        raise ValueError("cannot parse https://usage:S3CRET@example.org")
    except ValueError:
        log.exception("%r of %d failed", "http://usage:S3CRET@h/", 2)
    log.warning("%d%% of %s", 3, "everything")
    assert "S3CRET" not in caplog.text
    assert f"'http://{HIDDEN}@h/' of 2 failed" in caplog.text
    assert f"ValueError: cannot parse https://{HIDDEN}@example.org" in caplog.text
    assert "3% of everything" in caplog.text


def test_the_url_of_a_webhook_is_not_in_what_the_http_client_logs(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as chat:
        settings("notify", webhook=f"{chat.url}?key=A 1&token=T0KEN", timeout=60)
        assert notify.notify("it failed at https://usage:S3CRET@example.org")
    assert chat.posts == [{"text": f"it failed at https://{HIDDEN}\uff20example.org"}]
    assert f"POST {HIDDEN} HTTP" in caplog.text
    assert "T0P-SECRET" not in caplog.text
    assert "T0KEN" not in caplog.text


def test_a_root_that_is_all_of_a_webhook_hides_no_slashes() -> None:
    credentials.hide("/")
    assert without_credentials("a/b") == "a/b"


def test_a_luigid_that_is_down_puts_its_password_nowhere(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "luigi.cfg").write_text(
        "[datasette]\nlogs = logs\nstart = 2026-03-01\n[core]\n"
        "rpc_retry_attempts = 1\nlog_level = DEBUG\nscheduler_url = "
        f"http://usage:${{LUIGID_PASSWORD}}@127.0.0.1:{free_port()}\n"
    )
    with serving() as chat:
        environment = {
            **os.environ,
            "LUIGID_PASSWORD": "S3CRET",
            "USAGE_METRICS_WEBHOOK": chat.url,
        }
        program = Path(sys.executable).with_name("usage-metrics")
        done = subprocess.run(
            [program, "run", "--verbose"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    (post,) = chat.posts
    log = (tmp_path / "data" / "luigi.log").read_text()
    assert done.returncode == 40, said
    for text in (said, post["text"].replace("\uff20", "@"), log):
        assert f"http://{HIDDEN}@127.0.0.1:" in text
        assert "S3CRET" not in text
    assert "T0P-SECRET" not in said + log
