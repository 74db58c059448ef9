"""A local server that plays the platforms, and all the ways in which they can fail."""

import json
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from local_server import LocalServer


@dataclass
class Answer:
    """What the server sends."""

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    packed: bytes = b""
    """The body, if it is sent by gzip."""
    cut: bool = False
    """Whether the connection ends before the body does."""
    slow: bool = False
    """Whether nothing comes until the server is closed."""
    in_drops: bool = False
    """Whether a byte comes now and then, without end."""


def json_of(body: Any, **other: Any) -> Answer:
    """An answer in JSON."""
    return Answer(json.dumps(body), **other)


class PlatformServer(LocalServer):
    """Answers what it was given answers for; anything else is 404.

    Attributes:
        answers: by path and query.
        next: what the next requests are answered, by path and query, before that.
        tokens: if there are any, the accepted tokens, or headers that send them.
        asked: the path and query of each request that came in, in order.
        conditional: those that asked for changes only.
        tells_etags: whether answers can be asked for again as such.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.answers: dict[str, Answer] = {}
        self.next: dict[str, deque[Answer]] = {}
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        self.conditional: list[str] = []
        self.tells_etags = True

    def give(self, path: str, body: Any, **other: Any) -> None:
        """Answer a path with JSON from now on."""
        self.answers[path] = json_of(body, **other)

    def once(self, path: str, *answers: Answer) -> None:
        """Answer a path in other ways first."""
        self.next.setdefault(path, deque()).extend(answers)


class _Handler(BaseHTTPRequestHandler):
    server: PlatformServer

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.server.asked.append(path)
        sent = self.headers.get("Authorization", "")
        tokens = self.server.tokens
        if tokens and not tokens & {sent, sent.split(" ")[-1]}:
            self._send(json_of({"message": f"Bad credentials: {sent}"}, status=401))
            return
        waiting = self.server.next.get(path)
        if waiting:
            self._send(waiting.popleft())
            return
        self._send(self._usual(path))

    def _usual(self, path: str) -> Answer:
        answer = self.server.answers.get(path)
        if answer is None:
            return json_of({"message": "Not Found"}, status=404)
        if answer.status != 200:
            return answer
        if not self.server.tells_etags:
            return answer
        etag = f'"{hash(answer.body):x}"'
        known = self.headers.get("If-None-Match")
        if known:
            self.server.conditional.append(path)
        if known == etag:
            return Answer(status=304, headers={"ETag": etag})
        return Answer(answer.body, 200, {"ETag": etag, **answer.headers})

    def _send(self, answer: Answer) -> None:
        if answer.slow:
            self.server.closed.wait()
            return
        if answer.in_drops:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.server.closed.wait(0.01):
                self.wfile.write(b"x")
            return
        body = answer.packed or answer.body.encode()
        self.send_response(answer.status)
        if answer.packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(body) + 100 * answer.cut))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""
