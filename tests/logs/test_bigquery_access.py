"""Credentials for BigQuery, and what is said when there are none."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.exceptions import NotFound, RetryError
from google.auth.exceptions import RefreshError, TransportError

from usage_metrics.errors import ConfigError, ServiceError
from usage_metrics.logs.bigquery.access import explain, find_credentials
from usage_metrics.logs.bigquery.query import LogTable
from usage_metrics.logs.bigquery.reader import BigQueryLogs

ACCOUNT = "reader@test-project.iam.gserviceaccount.com"
DAY = dt.date(2022, 3, 15)
TABLE = LogTable.from_uri("bigquery://test-project.logs.requests")


def test_no_credentials_say_where_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # ask no metadata server
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(ConfigError) as refused:
        BigQueryLogs(TABLE).unavailable(DAY)
    assert "gcloud auth application-default login" in str(refused.value)
    assert "[bigquery] service_account_key" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "is not a service-account key"),
        ("PK\x03\x04", "is not a service-account key"),
        ("[]", "is not a service-account key"),
        ("5", "is not a service-account key"),
        ('{"type": "authorized_user"}', "is not a service-account key"),
        (
            '{"client_email": "a@b", "token_uri": "t", "private_key": "s3cret"}',
            "is not a service-account key",
        ),
    ],
)
def test_a_key_file_that_is_none_is_named_and_not_shown(
    tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=words) as refused:
        BigQueryLogs(TABLE, service_account_key=str(path)).unavailable(DAY)
    assert f"[bigquery] service_account_key = {path}" in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A service-account key that opens nothing."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    content = {
        "type": "service_account",
        "project_id": "test-project",
        "client_email": ACCOUNT,
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": pem,
    }
    path = tmp_path / "key.json"
    path.write_text(json.dumps(content))
    return path


def test_a_key_file_is_taken(key_file: Path) -> None:
    credentials: Any = find_credentials(str(key_file))
    assert credentials.service_account_email == ACCOUNT


def test_without_a_key_file_the_default_credentials_are_taken(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    credentials: Any = find_credentials("")
    assert credentials.service_account_email == ACCOUNT


def test_a_default_key_file_that_is_gone_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = str(tmp_path / "gone.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gone)
    with pytest.raises(ConfigError, match=re.escape(gone)):
        find_credentials("")


def test_the_storage_api_is_asked_with_the_same_key(key_file: Path) -> None:
    logs = BigQueryLogs(TABLE, service_account_key=str(key_file))
    with logs._storage_client() as client:
        credentials = client.transport._credentials
    assert credentials.service_account_email == ACCOUNT


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RefreshError("invalid_grant: revoked"), ConfigError, "invalid_grant: revoked"),
        (TransportError("no route"), ServiceError, "could not be reached .*no route"),
        (TimeoutError(), ServiceError, "no answer in time; .*timeout"),
        (RetryError("gave up", NotFound("gone")), ServiceError, ": gone; try again"),
        (requests.ConnectionError("cut\nlong"), ServiceError, ": cut; try again"),
    ],
)
def test_what_the_libraries_raise_becomes_a_sentence(
    error: Exception, kind: type[Exception], words: str
) -> None:
    explained = explain(error, TABLE)
    assert type(explained) is kind
    assert re.search(words, str(explained))
