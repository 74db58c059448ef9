"""Lines of a web server's log, and what becomes of them when bytes change."""

import random

from usage_metrics.logs.blocks import Block, cleaned

SEED = 20_260_314

SIGNS = b' "\\[]-:/0159,xX+.\tA\r\x00\xd0\xff{}'


def mutated(line: bytes, rng: random.Random) -> bytes:
    """A line with one to three bytes put in, replaced or taken out."""
    letters = bytearray(line)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(letters) + 1)
        kind = rng.randrange(3)
        letters[at : at + (kind > 0)] = bytes([rng.choice(SIGNS)][: kind != 1])
    return bytes(letters.replace(b"\n", b""))


def batch(lines: list[bytes]) -> Block:
    """A block of lines, as the readers are given them."""
    text = b"".join(line + b"\n" for line in lines)
    return cleaned(Block(text, 1, "access.log"))
