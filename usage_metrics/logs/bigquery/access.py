"""Access to BigQuery: credentials, and Google's errors turned into sentences.

A refusal (403) may mean a missing role or an exhausted quota, which only its ``reason``
tells. A query over its limit of bytes has its own reason and comes with any status. And
a retry that gave up comes as a RetryError around its cause.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.auth
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.auth.credentials import Credentials
from google.oauth2 import service_account

from usage_metrics.errors import (
    ConfigError,
    InputError,
    ServiceError,
    UsageMetricsError,
)
from usage_metrics.logs.bigquery.query import LogTable

VendorError = (
    api.GoogleAPIError,
    auth.GoogleAuthError,
    requests.RequestException,
    TimeoutError,
    ConnectionError,
)
"""Everything that Google's libraries may raise."""

_SCOPES = ("https://www.googleapis.com/auth/bigquery",)
_REMEDY = (
    "run `gcloud auth application-default login`, or set [bigquery] "
    "service_account_key to the path of a service-account key file"
)
_USED_UP = {"quotaExceeded", "rateLimitExceeded", "billingNotEnabled", "blocked"}


def find_credentials(key_file: str) -> Credentials:
    """Read a service-account key file, or find application default credentials.

    Args:
        key_file: its path, or empty for the default credentials.

    Raises:
        ConfigError: if the file is not a key, or there are no credentials.
    """
    if key_file:
        return _key_file_credentials(key_file)
    try:
        found: Credentials = google.auth.default(scopes=_SCOPES)[0]
    except auth.DefaultCredentialsError as error:
        raise ConfigError(
            "logs are in BigQuery, but there are no Google credentials "
            f"({first_line(error)}); {_REMEDY}"
        ) from error
    return found


def _key_file_credentials(path: str) -> Credentials:
    where = f"[bigquery] service_account_key = {path}"
    try:
        key = dict(json.loads(Path(path).expanduser().read_text(encoding="utf-8")))
        credentials: Credentials = (
            service_account.Credentials.from_service_account_info(key, scopes=_SCOPES)
        )
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{where} is not a service-account key; create one in the Google Cloud "
            "console under IAM, Service accounts, Keys, as JSON"
        ) from error
    return credentials


@contextmanager
def clear_errors(table: LogTable) -> Iterator[None]:
    """Turn the errors of Google's libraries into ours."""
    try:
        yield
    except VendorError as error:
        raise explain(error, table) from error


def explain(error: Exception, table: LogTable) -> UsageMetricsError:
    """Explain what a library's error means for reading ``table``."""
    message = first_line(error)
    reasons = _reasons(error)
    if "bytesBilledLimitExceeded" in reasons or "limit for bytes billed" in message:
        return ConfigError(
            f"BigQuery stopped reading {table} at [bigquery] maximum_bytes_billed: "
            f"{message}; raise the limit to accept a higher cost"
        )
    if isinstance(error, api.Unauthorized) or (
        isinstance(error, auth.GoogleAuthError)
        and not isinstance(error, auth.TransportError)
    ):
        return ConfigError(f"Google refused the credentials ({message}); {_REMEDY}")
    if isinstance(error, api.Forbidden) and not reasons & _USED_UP:
        return ServiceError(
            f"no permission to read {table} in BigQuery: {message}; required are the "
            f"roles BigQuery Data Viewer on the dataset {table.dataset}, BigQuery Job "
            f"User on the project {table.project} and, with [bigquery] storage_api = "
            "on, BigQuery Read Session User"
        )
    if isinstance(error, api.NotFound):
        return InputError(
            f"logs names {table}, but BigQuery does not find it: {message}"
        )
    if isinstance(error, api.ClientError) and not isinstance(
        error, api.TooManyRequests
    ):
        return ServiceError(f"BigQuery refused to read {table}: {message}")
    return ServiceError(
        f"BigQuery could not be reached or failed while reading {table}: {message}; "
        "try again later, or raise [bigquery] timeout if it is only slow"
    )


def first_line(error: Exception) -> str:
    """The part of a library's message that is meant for people."""
    if isinstance(error, api.RetryError) and error.cause is not None:
        return first_line(error.cause)
    text = error.message if isinstance(error, api.GoogleAPICallError) else str(error)
    if text:
        return str(text).splitlines()[0].rstrip(".;")
    return "no answer in time" if isinstance(error, TimeoutError) else repr(error)


def _reasons(error: Exception) -> set[str]:
    """BigQuery's codes for what went wrong."""
    errors = getattr(error, "errors", None) or []
    return {str(item.get("reason")) for item in errors if isinstance(item, dict)}
