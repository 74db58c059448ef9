"""The wire to a server, which notes what is asked for and can be cut."""

import contextlib
import re
import selectors
import socket
import threading
from typing import Self

_REQUEST = re.compile(rb"(?:^|\n)([A-Z]+) (\S+) HTTP/1\.[01]\r\n")


class Wire:
    """Passes bytes on to a server, both ways.

    Attributes:
        requests: method and path of each HTTP request that went over it.
        cut_after: the bytes to the server that it lets pass before it breaks, and
            stays broken; None for all.
        delay: seconds that each piece takes on its way to the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self.requests: list[tuple[str, str]] = []
        self.cut_after: int | None = None
        self.delay = 0.0
        self.sent = 0

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def listings(self) -> list[str]:
        """The requests to an object store that list what is in it."""
        return [
            path
            for method, path in self.requests
            if method == "GET" and ("list-type" in path or "prefix=" in path)
        ]

    def mend(self) -> None:
        """Let all pass again, and forget what did."""
        self.cut_after = None
        self.sent = 0
        self.requests = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stopped.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(self._target) as server,
            selectors.DefaultSelector() as ready,
        ):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while not self._stopped.is_set():
                for key, _ in ready.select(timeout=0.5):
                    if not self._pass_piece(key.fileobj, key.data, key.data is server):
                        return

    def _pass_piece(self, source: object, sink: socket.socket, to_server: bool) -> bool:
        assert isinstance(source, socket.socket)
        piece = source.recv(1 << 16)
        if to_server:
            found = _REQUEST.findall(piece)
            self.requests += [(m.decode(), path.decode()) for m, path in found]
            self.sent += len(piece)
            if self.cut_after is not None and self.sent > self.cut_after:
                return False
            self._stopped.wait(self.delay)
        sink.sendall(piece)
        return bool(piece)
