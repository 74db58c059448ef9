"""Fetches small things from a store side by side, and gives them in order.

To ask for one file after the other takes a hundredth of a second or more for each,
however small it is. So some are asked for ahead, as many as fit into a bounded memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

SIDE_BY_SIDE = 16
"""How many requests are sent at a time."""

MOST_AHEAD = 64
"""How many things are fetched before they are needed."""

AHEAD_BYTES = 64 << 20
"""Their bytes, at most."""

PIECE_BYTES = 8 << 20
"""Bytes requested at a time; of most files it is all."""

T = TypeVar("T")
U = TypeVar("U")


def fetched_ahead(
    fetch: Callable[[T], U], things: Iterable[tuple[T, int]]
) -> Iterator[tuple[T, U]]:
    """Fetch some things, and give each with what was fetched when its turn comes.

    Args:
        fetch: fetches one, in another thread.
        things: each with the bytes that it takes in memory.
    """
    waiting: deque[tuple[T, int, Future[U]]] = deque()
    held = 0
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        for thing, size in things:
            waiting.append((thing, size, pool.submit(fetch, thing)))
            held += size
            while len(waiting) > MOST_AHEAD or held > AHEAD_BYTES:
                first, its_size, content = waiting.popleft()
                held -= its_size
                yield first, content.result()
        while waiting:
            first, _, content = waiting.popleft()
            yield first, content.result()
    finally:
        pool.shutdown(cancel_futures=True)
