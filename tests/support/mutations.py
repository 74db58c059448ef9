"""Lines that differ a little from good ones, to compare a fast path with its rule."""

import random
from collections.abc import Sequence

import numpy as np

from usage_metrics.logs.blocks import Block


def mutated_block(
    lines: Sequence[bytes], likely: bytes, seed: int, header: bytes = b""
) -> Block:
    """A block of the lines, of which some have one to three bytes more, less or others.

    Args:
        lines: good ones.
        likely: bytes that mean something in the format, and are tried often.
        seed: of the random numbers.
        header: the block's.
    """
    chance = random.Random(seed)
    chosen = [chance.choice(lines) for _ in range(chance.randrange(1, 12))]
    mutated = [_mutated(line, likely, chance) for line in chosen]
    # A block has no blank lines, and a newline ends a line.
    kept = [line.replace(b"\n", b" ") for line in mutated if line.strip(b" \t\r\n")]
    text = b"".join(line + b"\n" for line in kept)
    return Block(text, np.arange(1, len(kept) + 1), "a.log", header)


def _mutated(line: bytes, likely: bytes, chance: random.Random) -> bytes:
    text = bytearray(line)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(text) + 1)
        code = chance.choice(likely) if chance.random() < 0.7 else chance.randrange(256)
        match chance.choice(("insert", "replace", "remove")):
            case "insert":
                text.insert(at, code)
            case "replace":
                text[at : at + 1] = bytes([code])
            case "remove":
                del text[at : at + 1]
    return bytes(text)
