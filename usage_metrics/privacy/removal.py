"""Removes addresses from tables and texts.

A value that is only an address becomes null; in a longer text the address is replaced.
Rows stay: what was requested, and how often, is true without the address, so no count
changes.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import (
    Address,
    Network,
    parse_address,
    parse_network,
)
from usage_metrics.addresses.redaction import remove, without
from usage_metrics.arrow import STRING
from usage_metrics.errors import ConfigError

WIDEST = {4: 16, 6: 32}
"""Prefix lengths; whoever means a wider network has to say so."""

REVEALING = ("hostname", "loc", "latitude", "longitude", "postal")
"""The parts of a location that may reveal an address; they are removed with it."""


class AddressRemover:
    """Removes chosen addresses and all addresses of chosen networks."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Read addresses and networks.

        Raises:
            ConfigError: naming a text that is neither.
        """
        self._networks = [_network(text) for text in texts]

    def too_wide(self) -> Network | None:
        """The first network that is so wide that it may be a mistake."""
        wide = (n for n in self._networks if n.prefixlen < WIDEST[n.version])
        return next(wide, None)

    def matches(self, address: Address) -> bool:
        """Whether an address is to be removed."""
        return any(address in network for network in self._networks)

    def is_match(self, text: str) -> bool:
        """Whether a text is an address to be removed, and nothing else."""
        address = parse_address(text.strip())
        return address is not None and self.matches(address)

    def from_text(self, text: str) -> str:
        """Remove the addresses from a text."""
        return remove(text, self.matches)

    def from_column(self, texts: pa.Array) -> pa.Array | None:
        """Remove the addresses from a column of text; None if it has none."""
        return without(texts, self.matches)

    def from_table(self, table: pa.Table, column: str | None = None) -> pa.Table | None:
        """Remove the addresses from a table of any schema.

        Args:
            table: the rows.
            column: the column of the visitors' addresses, if the table locates them.

        Returns:
            The table without the addresses, or None if it has none.
        """
        columns = {}
        for name in table.column_names:
            before = table[name].chunks
            after = [self._from_array(chunk) for chunk in before]
            if any(chunk is not None for chunk in after):
                columns[name] = pa.chunked_array(_merged(before, after))
        if not columns:
            return None
        if column in columns:
            is_match = self._is_match(table[column])
            for name in (f"{column}_{part}" for part in REVEALING):
                if name in table.column_names:
                    old = columns.get(name, table[name])
                    columns[name] = pc.if_else(is_match, pa.scalar(None, old.type), old)
        for name, new in columns.items():
            table = table.set_column(table.column_names.index(name), name, new)
        return table

    def _is_match(self, addresses: pa.ChunkedArray) -> pa.ChunkedArray:
        texts = addresses.cast(STRING)
        distinct = texts.unique().drop_null().to_pylist()
        return pc.is_in(texts, pa.array(filter(self.is_match, distinct), STRING))

    def _from_array(self, array: pa.Array) -> pa.Array | None:
        """The array without the addresses; None if it has none."""
        if pa.types.is_list(array.type):
            return self._from_list(array)
        if pa.types.is_struct(array.type):
            return self._from_struct(array)
        is_text = STRING in (array.type, getattr(array.type, "value_type", None))
        return self.from_column(array) if is_text else None

    def _from_list(self, array: pa.ListArray) -> pa.Array | None:
        new = self._from_array(array.values)
        if new is None:
            return None
        return pa.ListArray.from_arrays(array.offsets, new, mask=array.is_null())

    def _from_struct(self, array: pa.StructArray) -> pa.Array | None:
        before = array.flatten()
        after = [self._from_array(child) for child in before]
        if all(child is None for child in after):
            return None
        names = [field.name for field in array.type]
        new = _merged(before, after)
        return pa.StructArray.from_arrays(new, names, mask=array.is_null())


def _merged(
    before: Sequence[pa.Array], after: Sequence[pa.Array | None]
) -> list[pa.Array]:
    """The new arrays, and the old ones where nothing changed."""
    pairs = zip(before, after, strict=True)
    return [old if new is None else new for old, new in pairs]


def _network(text: str) -> Network:
    try:
        network = parse_network(text, strict=False)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no address and no network; write 192.0.2.7, 2001:db8::1 or "
            "192.0.2.0/24"
        ) from None
    address = parse_address(text.partition("/")[0].strip())
    if address != network.network_address:
        raise ConfigError(
            f"{text!r} is an address within a network; write {address} to mean it "
            f"alone, or {network} for the whole network"
        )
    return network
