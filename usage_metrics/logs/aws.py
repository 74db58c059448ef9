"""Access to AWS: credentials, and its errors turned into sentences."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    LoginTokenLoadError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from usage_metrics.errors import ConfigError, InputError, UsageMetricsError

VENDOR_ERRORS = (BotoCoreError, ClientError)
"""Everything that AWS's libraries raise."""

CONNECTIONS = 32
"""How many requests may be under way at a time."""

_WITHOUT_CREDENTIALS = (
    *(NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
    *(ProfileNotFound, SSOError, NoAuthTokenError, TokenRetrievalError),
    LoginTokenLoadError,
)
_REFUSED_CREDENTIALS = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
    *("ExpiredTokenException", "UnrecognizedClientException"),
}
_ELSEWHERE = {
    *("PermanentRedirect", "AuthorizationHeaderMalformed", "301"),
    *("IllegalLocationConstraintException", "TemporaryRedirect"),
}
_REMEDY = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with single "
    "sign-on, run aws sso login)"
)


def new_client(
    region: str | None, endpoint: str | None, certificates: str | None
) -> Any:
    """A client for S3.

    Args:
        region: where the bucket is; none: where AWS says that it is.
        endpoint: the URL of another service that speaks S3's protocol.
        certificates: a file with those of the authorities to trust; none: the usual.

    Raises:
        ConfigError: if a profile is missing, or the endpoint is no URL.
    """
    try:
        return boto3.Session().client(
            "s3",
            region_name=region,
            endpoint_url=endpoint,
            verify=certificates,
            config=Config(
                retries={"mode": "standard", "max_attempts": 5},
                max_pool_connections=CONNECTIONS,
                connect_timeout=20,
                # Other services do not all know checksums; TLS protects what is read.
                response_checksum_validation="when_required",
            ),
        )
    except VENDOR_ERRORS as error:
        raise ConfigError(f"S3 cannot be reached: {error}; {_REMEDY}") from error
    except ValueError as error:
        raise ConfigError(f"S3 cannot be reached: {error}; correct the URI") from error


def refusal(
    error: Exception, what: str, bucket: str, permission: str
) -> UsageMetricsError:
    """What AWS's error means, and the remedy.

    Args:
        error: one of ``VENDOR_ERRORS``.
        what: what failed, as the beginning of the sentence.
        bucket: the name of the bucket.
        permission: what the request needs, such as "s3:ListBucket".
    """
    if isinstance(error, _WITHOUT_CREDENTIALS):
        return InputError(f"{what}: {_first_line(error)}; {_REMEDY}")
    if not isinstance(error, ClientError):
        return InputError(f"{what}: {_first_line(error)}; rerun when it can be reached")
    code, message = (
        error.response["Error"].get(key, "") for key in ("Code", "Message")
    )
    if code in {"AccessDenied", "403", "AllAccessDisabled", "Forbidden"}:
        return InputError(
            f"{what}: access is denied ({message}): the permission {permission} is "
            f"missing; to read logs takes s3:ListBucket on the bucket {bucket} and "
            "s3:GetObject on its objects"
        )
    if code == "NoSuchBucket":
        return InputError(
            f"{what}: the bucket {bucket} does not exist; correct its name in luigi.cfg"
        )
    if code in _ELSEWHERE:
        return InputError(f"{what}: {_elsewhere(error, bucket)}")
    if code in _REFUSED_CREDENTIALS:
        return InputError(f"{what}: AWS refuses the credentials ({message}); {_REMEDY}")
    return InputError(f"{what}: {code} ({message})")


def _elsewhere(error: ClientError, bucket: str) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or error.response["Error"].get("Region")
    where = f"the region {region}" if region else "another region"
    return (
        f"the bucket {bucket} is in {where}; write ?region={region or 'REGION'} behind "
        "the URI in luigi.cfg"
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
