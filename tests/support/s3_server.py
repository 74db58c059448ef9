"""An S3 server in this process."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs
import pytest


@dataclass(frozen=True)
class S3Server:
    """Where the server listens, and URIs that point there."""

    host: str
    port: int

    @property
    def options(self) -> str:
        return f"endpoint_override={self.host}:{self.port}&scheme=http&region=us-east-1"

    def uri(self, path: str) -> str:
        """The URI of a bucket or of an object."""
        return f"s3://{path}?{self.options}"

    def create(self, bucket: str) -> pafs.FileSystem:
        """Create a bucket and return a file system to fill it."""
        uri = f"{self.uri(bucket)}&allow_bucket_creation=true"
        filesystem, path = pafs.FileSystem.from_uri(uri)
        filesystem.create_dir(path)
        return filesystem

    def put(self, bucket: str, key: str, content: bytes = b"") -> None:
        """Put an object into a bucket, without a request: tests count those."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, content)


@pytest.fixture(scope="session", name="s3_server")
def start_s3_server() -> Iterator[S3Server]:
    """A server for all tests; each test needs a bucket name of its own."""
    moto = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield S3Server(host, port)
        server.stop()
