"""An object store that answers what moto never would: refusals, broken connections."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from local_server import LocalServer

Answer = tuple[int, str, bytes]
"""The status, a further header, and the content."""


class StrangeStore(LocalServer):
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(_Handler)
        self.answers = list(answers)
        self.asked: list[str] = []

    @property
    def options(self) -> str:
        """What follows the question mark of a URI."""
        where = f"127.0.0.1:{self.server_port}"
        return f"endpoint_override={where}&scheme=http&region=us-east-1"


class _Handler(BaseHTTPRequestHandler):
    server: StrangeStore

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers
        status, header, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        name, _, value = header.partition(": ")
        if name:
            self.send_header(name, value)
        if name != "Content-Length":  # else it says more than there is
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the name that the library looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def answering(*answers: Answer) -> Iterator[StrangeStore]:
    """A store that is there for as long as the block."""
    with pytest.MonkeyPatch.context() as patch, StrangeStore(*answers) as store:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield store


def refusal(status: int, code: str, message: str, header: str = "") -> Answer:
    """How S3 refuses."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, header, error.encode()


def listing(*names: str, more: str = "") -> Answer:
    """A page of names, and a token if there are more."""
    objects = "".join(
        f"<Contents><Key>{name}</Key><Size>9</Size><ETag>e</ETag>"
        "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
        for name in names
    )
    rest = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    is_more = str(bool(more)).lower()
    page = f"<IsTruncated>{is_more}</IsTruncated>{rest}{objects}"
    return 200, "", f"<ListBucketResult>{page}</ListBucketResult>".encode()
