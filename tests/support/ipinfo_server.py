"""A local ipinfo.io: both plans, and all the ways in which it can fail."""

import json
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_server import LocalServer

TOKEN = "token-for-tests-0123456789"

LITE = {
    "asn": "AS15169",
    "as_name": "Google LLC",
    "as_domain": "google.com",
    "country_code": "US",
    "country": "United States",
    "continent_code": "NA",
    "continent": "North America",
}
FULL = {
    "hostname": "dns.google",
    "city": "Mountain View",
    "region": "California",
    "country": "US",
    "loc": "37.4056,-122.0775",
    "org": "AS15169 Google LLC",
    "postal": "94043",
    "timezone": "America/Los_Angeles",
    "anycast": True,
}


class Trouble:
    """What the server does instead of answering with JSON."""

    def __init__(
        self,
        status: int = 200,
        body: str | bytes = "",
        headers: dict[str, str] | None = None,
        cut: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.cut = cut


class IpinfoServer(LocalServer):
    """Answers any address, records requests, and fails on demand.

    Attributes:
        replies: what to reply about an address, instead of the default.
        trouble: how a request fails that holds an address; one in ``slow`` waits until
            the server is closed.
        delay: seconds to wait before every answer.
        next: how the next requests fail, whatever they ask for.
        tokens: the accepted tokens.
        requests: the addresses of each request that came in.
        left: how many of 1,000 requests the account may still make.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.replies: dict[str, Any] = {}
        self.trouble: dict[str, Trouble] = {}
        self.slow: set[str] = set()
        self.delay = 0.0
        self.next: deque[Trouble] = deque()
        self.tokens = {TOKEN}
        self.requests: list[list[str]] = []
        self.left = 990

    @property
    def asked(self) -> Counter[str]:
        """How often each address was asked about."""
        return Counter(address for request in self.requests for address in request)


class _Handler(BaseHTTPRequestHandler):
    server: IpinfoServer

    def do_GET(self) -> None:
        if self.path == "/me":
            used = {"limit": 1000, "remaining": self.server.left}
            answer = Trouble(body=json.dumps({"requests": used}))
            self._send(self._trouble([]) or answer)
            return
        lite, address = self.path.rsplit("/", 1)
        assert lite == "/lite", self.path
        self._serve([address], lambda: self._about(address, LITE))

    def do_POST(self) -> None:
        assert self.path == "/batch", self.path
        length = int(self.headers["Content-Length"])
        addresses = json.loads(self.rfile.read(length))
        self._serve(addresses, lambda: {a: self._about(a, FULL) for a in addresses})

    def _about(self, address: str, usual: dict[str, Any]) -> Any:
        return self.server.replies.get(address, {"ip": address, **usual})

    def _serve(self, addresses: list[str], answer: Any) -> None:
        self.server.requests.append(addresses)
        if not self.server.slow.isdisjoint(addresses):
            self.server.closed.wait()
            return
        self.server.closed.wait(self.server.delay)
        self._send(self._trouble(addresses) or Trouble(body=json.dumps(answer())))

    def _trouble(self, addresses: list[str]) -> Trouble | None:
        if self.headers["Authorization"].removeprefix("Bearer ") not in (
            self.server.tokens
        ):
            echo = json.dumps({"error": {"title": self.headers["Authorization"]}})
            return Trouble(403, echo)
        if self.server.next:
            return self.server.next.popleft()
        troubles = self.server.trouble
        return next((troubles[a] for a in addresses if a in troubles), None)

    def _send(self, trouble: Trouble) -> None:
        body = trouble.body
        body = body.encode() if isinstance(body, str) else body
        self.send_response(trouble.status)
        for name, value in trouble.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + 100 * trouble.cut))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""
