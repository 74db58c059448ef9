"""Lists and reads the objects of an S3 bucket by the beginning of their names.

Arrow lists a folder only, and all of it: not the objects whose names begin with a day,
and not those after a name. boto3 does both. It finds credentials wherever AWS's own
programs do (profiles, single sign-on, roles), it follows a bucket into its region, and
it still works in a worker that was forked after it had been used.
"""

import functools
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import tenacity
from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from usage_metrics.errors import ChangingError, ConfigError, FetchError
from usage_metrics.logs.aws import VENDOR_ERRORS, new_client, refusal
from usage_metrics.partitions.storage import refuse_key

PAGE = 1000
"""How many names a request lists; S3 gives no more."""

_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)

OPTIONS = ("region", "scheme", "endpoint_override", "tls_ca_file_path")
"""What may follow the question mark of a URI; Arrow takes it, too."""

_NOT_FOR_READING = {
    *("allow_bucket_creation", "allow_bucket_deletion", "allow_delayed_open"),
    "check_directory_existence_before_creation",
}


@dataclass(frozen=True)
class StoredObject:
    """An object of a bucket."""

    key: str
    size: int
    changed: int
    """When it was last modified, in nanoseconds."""
    version: str
    """What changes with the content."""

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Bucket:
    """The objects below a ``logs`` setting, ``s3://BUCKET/BEGINNING?OPTIONS``."""

    uri: str

    @cached_property
    def name(self) -> str:
        """The name of the bucket."""
        return self._path[0]

    @cached_property
    def beginning(self) -> str:
        """How the names of the objects begin.

        The path of the URI is a folder or, if no folder has that name, the beginning of
        the names: so AWS takes a prefix, too.
        """
        path = self._path[1]
        if not path or path.endswith("/"):
            return path
        return f"{path}/" if self._page(f"{path}/", most=1)[0] else path

    @property
    def place(self) -> str:
        """The place without the options, for messages."""
        return self.uri.partition("?")[0]

    def key_of(self, path: str) -> str:
        """The name of an object within the bucket, of a path that begins with that."""
        return path.removeprefix(f"{self.name}/")

    def page(self, prefix: str, after: str = "") -> tuple[list[StoredObject], bool]:
        """List the first objects after a name, with one request.

        Args:
            prefix: how the names begin.
            after: a name, of an object or not.

        Returns:
            At most ``PAGE`` objects in the order of their names, and whether there are
            more.

        Raises:
            UsageMetricsError: if the bucket cannot be listed.
        """
        return self._page(prefix, after, PAGE)

    def objects(self, prefix: str) -> list[StoredObject]:
        """List all objects whose names begin in a certain way.

        Raises:
            UsageMetricsError: if the bucket cannot be listed.
        """
        found, is_more = self.page(prefix)
        while is_more:
            more, is_more = self.page(prefix, found[-1].key)
            found += more
        return found

    def read(self, stored: StoredObject, start: int, end: int) -> bytes:
        """Read a piece of an object, of the version that was listed.

        Raises:
            ChangingError: if the object was replaced or deleted.
            UsageMetricsError: if it cannot be read.
        """
        # A small object takes one request and is of one version anyhow.
        piece = {} if (start, end) == (0, stored.size) else _piece(stored, start, end)
        try:
            return self._get(stored.key, piece)
        except VENDOR_ERRORS as error:
            if isinstance(error, ClientError) and _is_gone(error):
                raise ChangingError(
                    f"{self.name}/{stored.key} was replaced or deleted after it was "
                    "listed; rerun"
                ) from error
            what = f"{self.name}/{stored.key} cannot be read"
            why = refusal(error, what, self.name, "s3:GetObject")
            raise FetchError(str(why)) from error

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(_BROKEN_OFF),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_random_exponential(max=10),
        reraise=True,
    )
    def _get(self, key: str, piece: dict[str, str]) -> bytes:
        """Get an object, again if the connection breaks while its content is sent."""
        reply = self._client.get_object(Bucket=self.name, Key=key, **piece)
        content: bytes = reply["Body"].read()
        return content

    def _page(
        self, prefix: str, after: str = "", most: int = PAGE
    ) -> tuple[list[StoredObject], bool]:
        request = {"Prefix": prefix, "StartAfter": after, "MaxKeys": most}
        while True:
            try:
                reply = self._client.list_objects_v2(Bucket=self.name, **request)
            except VENDOR_ERRORS as error:
                what = f"logs = {self.place} cannot be listed"
                raise refusal(error, what, self.name, "s3:ListBucket") from error
            listed = map(_stored, reply.get("Contents", ()))
            # A store that knows no StartAfter begins at the first name. An object in
            # place of a folder, as AWS's console makes them, is no log.
            found = [each for each in listed if each.key > after and each.name]
            if found or not reply["IsTruncated"]:
                return found, reply["IsTruncated"]
            # Where much was deleted, a page may be empty and not the last.
            request["ContinuationToken"] = reply["NextContinuationToken"]

    @property
    def _client(self) -> Any:
        return _client(self.uri.partition("?")[2], os.getpid())

    @cached_property
    def _path(self) -> tuple[str, str]:
        refuse_key(self.uri)
        name, _, path = self.place.partition("://")[2].partition("/")
        return name, path


@functools.lru_cache(maxsize=16)
def _client(options: str, process: int) -> Any:
    """The client for the options of a URI, in a process.

    A forked worker makes connections of its own.

    Raises:
        ConfigError: if there is an unknown option.
    """
    known = {key: values[-1] for key, values in parse_qs(options).items()}
    if unknown := sorted(known.keys() - {*OPTIONS, *_NOT_FOR_READING}):
        raise ConfigError(
            f"the s3:// URI of logs has the option {unknown[0]!r}, and it takes "
            f"{', '.join(OPTIONS)} only; correct it in luigi.cfg"
        )
    endpoint = known.get("endpoint_override")
    return new_client(
        region=known.get("region"),
        endpoint=f"{known.get('scheme', 'https')}://{endpoint}" if endpoint else None,
        certificates=known.get("tls_ca_file_path"),
    )


def _stored(listed: dict[str, Any]) -> StoredObject:
    changed = int(listed["LastModified"].timestamp()) * 10**9
    return StoredObject(listed["Key"], listed["Size"], changed, listed["ETag"])


def _piece(stored: StoredObject, start: int, end: int) -> dict[str, str]:
    return {"Range": f"bytes={start}-{end - 1}", "IfMatch": stored.version}


def _is_gone(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in (404, 412, 416)
