"""Opens the provider that the settings name, and locates a column of addresses.

The location columns are the same for every day and provider. Only addresses of the
public internet are looked up: a provider never sees malformed addresses, nor those of
private or reserved networks (bogons).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_metrics import config
from usage_metrics.addresses.parsing import public_addresses
from usage_metrics.agents.networks import NETWORK, network_class
from usage_metrics.arrow import Distinct, dictionary, filled, take_encoded
from usage_metrics.cleaning.who_asked import suspects
from usage_metrics.geocode.locations import LOCATION, Location, Provider
from usage_metrics.partitions.row_groups import naming_damage
from usage_metrics.units import number_of


@contextmanager
def open_provider() -> Iterator[Provider]:
    """Open the provider that ``[geocode] provider`` names.

    Open it where it is used and close it right after: a database reader or a cache
    must not survive a fork.
    """
    if config.geocode().provider == "ipinfo":
        from usage_metrics.geocode.ipinfo import IpinfoProvider

        yield IpinfoProvider.from_config()
    else:
        from usage_metrics.geocode.mmdb import MMDBProvider

        with MMDBProvider.from_config() as provider:
            yield provider


def with_location(cleaned: pa.Schema, address: str | None) -> pa.Schema:
    """Append the location and network columns of an address to a schema."""
    if address is None:
        return cleaned
    located = [field.with_name(f"{address}_{field.name}") for field in LOCATION]
    return pa.schema([*cleaned, *located, *NETWORK])


def recipe(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a provider that decide where it locates an address."""
    return {key: facts[key] for key in ("provider", "database", "plan") if key in facts}


class Places(NamedTuple):
    """Where some addresses are; shared locations are stored once."""

    table: pa.Table
    """Of schema ``LOCATION``, a row per place; the last row is all null."""
    of_address: pa.Array
    """For each address, the row of its place."""
    is_bogon: pa.Array
    """For each address; null if it is malformed."""

    @classmethod
    def of(cls, located: list[Location | None], is_public: pa.Array) -> Self:
        """Combine locations into places.

        Args:
            located: the location of each public address, None if nothing is known.
            is_public: for each address; null if it is malformed.
        """
        # In order of appearance: rebuilding a file should give the same file.
        numbers = pa.array(map(id, located), pa.int64()).dictionary_encode().indices
        found = [p or Location() for p in {id(p): p for p in located}.values()]
        codes = np.full(len(is_public), len(found), dtype=np.int32)
        codes[is_public.fill_null(False).to_numpy(zero_copy_only=False)] = numbers
        rows = zip(*found, Location(), strict=True)
        columns = dict(zip(Location._fields, rows, strict=True))
        columns["is_bogon"] = (None,) * (len(found) + 1)
        table = pa.Table.from_pydict(columns, LOCATION)
        return cls(table, pa.array(codes), pc.invert(is_public))


@dataclass(frozen=True)
class Located:
    """Distinct addresses and where they are."""

    column: str | None
    """The column that holds the addresses."""
    addresses: Distinct
    """The distinct values of that column, without null."""
    places: Places
    """The places of the addresses."""
    facts: dict[str, Any]
    """For the footer: the provider's facts, and the number of addresses per kind."""

    @property
    def unanswered(self) -> int:
        """The number of addresses that the provider did not answer this time."""
        return int(self.facts.get("unanswered", 0))

    def beside(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """Append the location columns to rows, with the names of ``schema``."""
        if self.column is None:
            return rows
        address = dictionary(rows[self.column])
        numbers = self.addresses.numbers(address.dictionary).take(address.indices)
        place = self.places.of_address.take(numbers)
        columns = {
            name: take_encoded(column, place) for name, column in self._columns.items()
        }
        columns["is_bogon"] = self.places.is_bogon.take(numbers)
        network = filled(columns.pop(_NETWORK), "unknown")
        arrays = [*rows.columns, *columns.values(), network, suspects(rows, network)]
        return pa.Table.from_arrays(arrays, names=schema.names)

    @cached_property
    def _columns(self) -> dict[str, pa.Array]:
        table = self.places.table.combine_chunks()
        columns = {name: table[name].chunk(0) for name in table.column_names}
        return columns | {_NETWORK: network_class(columns["asn"], columns["org"])}

    def __str__(self) -> str:
        """Summarise in a few words."""
        if self.column is None:
            return "no addresses"
        text = number_of(len(self.addresses.values), "address")
        return f"{text} · {self.unanswered:,} unanswered" if self.unanswered else text


_NETWORK = NETWORK.names[0]


def nowhere() -> Located:
    """The result for a source without addresses."""
    nothing = pa.nulls(0, pa.string())
    places = Places.of([], pa.nulls(0, pa.bool_()))
    return Located(None, Distinct(nothing), places, {})


def locate_column(
    file: pq.ParquetFile, column: str | None, provider: Provider
) -> Located:
    """Locate the distinct addresses in a column of a partition."""
    if column is None:
        return nowhere()
    with naming_damage(file):
        found = [pa.array([], pa.string())]
        for group in range(file.num_row_groups):
            rows = dictionary(file.read_row_group(group, [column])[column])
            # A dictionary may hold values that no row has, as of a rejected entry.
            found.append(rows.dictionary.take(rows.indices.unique().drop_null()))
    addresses = pa.chunked_array(found).unique()
    places, counts = locate(addresses, provider)
    return Located(column, Distinct(addresses), places, provider.facts() | counts)


def locate(addresses: pa.Array, provider: Provider) -> tuple[Places, dict[str, int]]:
    """Locate distinct addresses.

    Args:
        addresses: text as in the log, valid or not.
        provider: asked about each public address once.

    Returns:
        The place of each address; and how many were ``public``, ``bogon``,
        ``malformed`` and, of the public ones, ``unanswered``.
    """
    asked, is_public = public_addresses(addresses)
    distinct = list(dict.fromkeys(asked))
    located = provider.locate(distinct)
    if len(distinct) < len(asked):  # some occur in several spellings
        answers = dict(zip(distinct, located, strict=True))
        located = [answers[address] for address in asked]
    return Places.of(located, is_public), {
        "addresses": len(addresses),
        "public": is_public.true_count,
        "bogon": is_public.false_count,
        "malformed": is_public.null_count,
        "unanswered": located.count(None),
    }
