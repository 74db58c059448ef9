"""Reads an MMDB file without maxminddb's C reader, which a damaged file can crash.

The format is a binary tree over the bits of addresses; its leaves point to records. All
addresses of a day walk the tree together, a bit at a time: a walk ends after at most
128 steps, whatever the file says. Each record is decoded once, by maxminddb's decoder
in Python, which checks every size and pointer.
"""

import itertools
import mmap
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import maxminddb
import numpy as np
from maxminddb.decoder import Decoder
from maxminddb.reader import Metadata
from maxminddb.types import Record

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

NOWHERE = -1
"""The number of the record of an address that is not in the database."""

SAMPLED_NODES = 1 << 14
"""Nodes of the tree that are searched for records to sample."""

_GAP = 16
"""Zero bytes between the tree and the records."""

DAMAGE = (
    maxminddb.InvalidDatabaseError,
    UnicodeDecodeError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,
)
"""What reading a damaged file raises."""


class SearchTree:
    """An open MMDB file; where it is damaged, it raises one of :data:`DAMAGE`."""

    def __init__(self, path: Path) -> None:
        """Check the metadata and map the file into memory."""
        with maxminddb.open_database(path, maxminddb.MODE_MMAP) as reader:
            self.metadata: Metadata = reader.metadata()
        about = self.metadata
        if (
            not isinstance(about.description, dict)
            or not isinstance(about.node_count, int)
            or about.ip_version not in (4, 6)
        ):
            raise maxminddb.InvalidDatabaseError("its metadata are senseless")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = np.frombuffer(self._map, np.uint8)
        self._decoder = Decoder(self._map, about.search_tree_size + _GAP)

    def close(self) -> None:
        """Close the file."""
        del self._bytes
        self._map.close()

    def find(self, addresses: Sequence[str]) -> Numbers:
        """The number of the record of each address, or :data:`NOWHERE`."""
        found = np.full(len(addresses), NOWHERE, np.int64)
        is_6 = np.fromiter((":" in a for a in addresses), bool, len(addresses))
        found[~is_6] = self._walk(addresses, ~is_6, socket.AF_INET)
        if self.metadata.ip_version == 6:
            found[is_6] = self._walk(addresses, is_6, socket.AF_INET6)
        return found

    def record(self, number: int) -> Record | None:
        """Decode a record."""
        if number == NOWHERE:
            return None
        about = self.metadata
        place = number - about.node_count + about.search_tree_size
        if place >= len(self._map):
            raise maxminddb.InvalidDatabaseError("a record is beyond the end")
        return self._decoder.decode(place)[0]

    def sample(self, most: int) -> Iterator[Record | None]:
        """Decode records from all over the tree."""
        count = self.metadata.node_count
        nodes = np.arange(0, count, count // SAMPLED_NODES + 1)
        both = np.concatenate([self._children(nodes, nodes * 0 + n) for n in (0, 1)])
        found = np.sort(both[both > count])  # np.unique would import numpy.ma
        distinct = found[np.diff(found, prepend=-1) > 0]
        chosen = distinct[:: len(distinct) // most + 1]
        return map(self.record, chosen.tolist())

    def _walk(self, addresses: Sequence[str], chosen: Numbers, family: int) -> Numbers:
        """Follow the bits of the chosen addresses, which are of one family."""
        packed = b"".join(
            socket.inet_pton(family, address)
            for address in itertools.compress(addresses, chosen)
        )
        size, count = 4 if family == socket.AF_INET else 16, self.metadata.node_count
        bits = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(-1, size), axis=1)
        node = np.full(len(bits), self._ipv4_start() if size == 4 else 0, np.int64)
        for bit in bits.T.astype(np.int64):
            inner = np.flatnonzero(node < count)
            node[inner] = self._children(node[inner], bit[inner])
        if (node < count).any():
            raise maxminddb.InvalidDatabaseError("its tree has more levels than bits")
        return np.where(node == count, NOWHERE, node)

    def _ipv4_start(self) -> int:
        """The node where IPv4 begins: in a tree for IPv6, that of ``::/96``."""
        node: Numbers = np.zeros(1, np.int64)
        for _ in range(96 if self.metadata.ip_version == 6 else 0):
            if node[0] < self.metadata.node_count:
                node = self._children(node, np.zeros(1, np.int64))
        return int(node[0])

    def _children(self, nodes: Numbers, side: Numbers) -> Numbers:
        """What nodes have on their left (0) or right (1) side: nodes or records."""
        bits, size = self.metadata.record_size, self.metadata.node_byte_size
        start = nodes * size
        found = np.zeros(len(nodes), np.int64)
        if bits == 28:  # the byte in the middle has the highest four bits of both
            middle = self._bytes[start + 3].astype(np.int64)
            found = np.where(side, middle & 15, middle >> 4)
        start += side * (size - bits // 8)
        for offset in range(bits // 8):
            found = found << 8 | self._bytes[start + offset]
        return found
