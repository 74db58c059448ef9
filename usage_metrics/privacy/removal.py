"""Takes addresses out of tables, wherever in them they stand.

A value that is nothing but the address becomes null, and in a longer text the address
is replaced. The row stays: what was asked for, and how often, is true without it, and
so every count stays what it was.
"""

import ipaddress
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import Address, Network, parse_address
from usage_metrics.addresses.redaction import remove, without
from usage_metrics.arrow import STRING
from usage_metrics.errors import ConfigError

NEAR = ("hostname", "loc", "latitude", "longitude", "postal")
"""What of a location leads near an address. It goes with it."""


class Erased:
    """The addresses that are to be nowhere."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Read addresses and networks.

        Raises:
            ConfigError: naming what is neither.
        """
        self._networks = [_network(text) for text in texts]

    def remove(self, text: str) -> str:
        """Take them out of a text."""
        return remove(text, self.wants)

    def has(self, text: str) -> bool:
        """Whether a text is one of them, and nothing else."""
        address = parse_address(text.strip())
        return address is not None and self.wants(address)

    def wants(self, address: Address) -> bool:
        """Whether it is one of them."""
        return any(address in network for network in self._networks)

    def out_of(self, table: pa.Table, column: str | None = None) -> pa.Table | None:
        """Take them out of a table.

        Args:
            table: of any schema.
            column: that of the visitors' addresses, if it is located in the table.

        Returns:
            The table without them, or None if it has none.
        """
        columns = {}
        for name in table.column_names:
            chunks = [self._out_of_array(chunk) for chunk in table[name].chunks]
            if any(chunk is not None for chunk in chunks):
                columns[name] = _joined(table[name].chunks, chunks)
        if not columns:
            return None
        if column in columns:
            theirs = self._rows(table[column])
            for name in (f"{column}_{near}" for near in NEAR):
                if name in table.column_names:
                    old = columns.get(name, table[name])
                    columns[name] = pc.if_else(theirs, pa.scalar(None, old.type), old)
        for name, new in columns.items():
            index = table.column_names.index(name)
            table = table.set_column(index, name, new)
        return table

    def _rows(self, addresses: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which rows are theirs."""
        texts = addresses.cast(STRING)
        theirs = [
            text for text in texts.unique().drop_null().to_pylist() if self.has(text)
        ]
        return pc.is_in(texts, pa.array(theirs, STRING))

    def _out_of_array(self, array: pa.Array) -> pa.Array | None:
        """The array without them; None if it has none."""
        if pa.types.is_list(array.type):
            return self._out_of_list(array)
        if pa.types.is_struct(array.type):
            return self._out_of_record(array)
        is_text = STRING in (array.type, getattr(array.type, "value_type", None))
        return without(array, self.wants) if is_text else None

    def _out_of_list(self, array: pa.ListArray) -> pa.Array | None:
        new = self._out_of_array(array.values)
        if new is None:
            return None
        return pa.ListArray.from_arrays(array.offsets, new, mask=array.is_null())

    def _out_of_record(self, array: pa.StructArray) -> pa.Array | None:
        old = array.flatten()
        found = [self._out_of_array(child) for child in old]
        if all(child is None for child in found):
            return None
        new = [a if b is None else b for a, b in zip(old, found, strict=True)]
        names = [field.name for field in array.type]
        return pa.StructArray.from_arrays(new, names, mask=array.is_null())


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no address and no network: {error}; write 192.0.2.7, "
            "2001:db8::1 or 192.0.2.0/24"
        ) from error
    mapped = getattr(network[0], "ipv4_mapped", None)
    if mapped is None:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")


def _joined(
    before: Sequence[pa.Array], after: Sequence[pa.Array | None]
) -> pa.ChunkedArray:
    pairs = zip(before, after, strict=True)
    return pa.chunked_array([old if new is None else new for old, new in pairs])
