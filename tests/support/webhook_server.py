"""A chat's webhook: an HTTP server that keeps what is posted to it."""

import contextlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from local_server import LocalServer


class Chat(LocalServer):
    """What came, and how it is answered."""

    def __init__(self, status: int = 200, trickle: bool = False) -> None:
        super().__init__(_Handler)
        self.status = status
        self.trickle = trickle
        self.posts: list[dict[str, Any]] = []
        self.kinds: list[str] = []

    @property
    def url(self) -> str:
        return f"{super().url}/hooks/T0P-SECRET"


class _Handler(BaseHTTPRequestHandler):
    server: Chat
    answer: ClassVar[bytes] = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(json.loads(body))
        self.server.kinds.append(self.headers["Content-Type"])
        if self.server.trickle:
            for byte in self.answer:  # never silent for long, and never done
                with contextlib.suppress(OSError):
                    self.wfile.write(bytes([byte]))
                time.sleep(0.15)
            return
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(status: int = 200, *, trickle: bool = False) -> Iterator[Chat]:
    """A chat that is there for as long as the block."""
    with Chat(status, trickle) as chat:
        yield chat
