"""Where addresses are: the same columns every day, whoever the provider is.

Only an address of the public internet is ever looked up. What is absent, malformed or
of a private or reserved network (a bogon) stays here and goes to no provider.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_metrics import config
from usage_metrics.agents import NETWORK, network_class
from usage_metrics.agents.requests import suspects
from usage_metrics.cleaning import dictionary, filled, spread
from usage_metrics.geocode.locations import LOCATION, Location, Provider
from usage_metrics.geocode.public import public_addresses
from usage_metrics.partitions import naming_damage

_UNKNOWN = Location()


@contextmanager
def open_provider() -> Iterator[Provider]:
    """Open the provider that ``[geocode] provider`` names.

    Opened where it is used and closed at once after: a database reader or a cache must
    not be carried over a fork.
    """
    if config.geocode().provider == "ipinfo":
        from usage_metrics.geocode.ipinfo import IpinfoProvider

        yield IpinfoProvider.from_config()
    else:
        from usage_metrics.geocode.mmdb import MMDBProvider

        with MMDBProvider.from_config() as provider:
            yield provider


def with_location(cleaned: pa.Schema, address: str | None) -> pa.Schema:
    """A schema and behind it, if it has an address, where that is and whose network."""
    if address is None:
        return cleaned
    located = [field.with_name(f"{address}_{field.name}") for field in LOCATION]
    return pa.schema([*cleaned, *located, *NETWORK])


def recipe(facts: dict[str, Any]) -> dict[str, Any]:
    """What of a provider's facts decides where it says that an address is."""
    return {key: facts[key] for key in ("provider", "database", "plan") if key in facts}


@dataclass(frozen=True)
class Located:
    """Distinct addresses and where they are."""

    column: str | None
    """The column that the addresses stand in."""
    addresses: pa.Array
    """The distinct values of that column, null not among them."""
    locations: pa.Table
    """Of schema ``LOCATION``, a row per address."""
    facts: dict[str, Any]
    """For the footer: the provider's, and how many addresses were of which kind."""

    @property
    def unanswered(self) -> int:
        """How many addresses the provider could not be asked about this time."""
        return int(self.facts.get("unanswered", 0))

    def beside(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """Rows with the location columns beside them, named as in ``schema``."""
        if self.column is None:
            return rows
        address = dictionary(rows[self.column])
        codes = pc.index_in(address.dictionary, self.addresses).take(address.indices)
        *places, network = [spread(column, codes) for column in self._columns]
        network = filled(network, "unknown")
        arrays = [*rows.columns, *places, network, suspects(rows, network)]
        return pa.Table.from_arrays(arrays, names=schema.names)

    @cached_property
    def _columns(self) -> list[pa.Array]:
        table = self.locations.combine_chunks()
        columns = {name: table[name].chunk(0) for name in table.column_names}
        network = network_class(columns["asn"], columns["org"])
        return [*columns.values(), network]

    def __str__(self) -> str:
        """Say it in a few words, for people."""
        if self.column is None:
            return "no addresses"
        text = f"{len(self.addresses):,} addresses"
        return f"{text} · {self.unanswered:,} unanswered" if self.unanswered else text


NOWHERE = Located(
    None,
    pa.nulls(0, pa.string()),
    # Schema.empty_table() would import pandas, which takes longer than all the rest.
    pa.Table.from_arrays([pa.nulls(0, f.type) for f in LOCATION], schema=LOCATION),
    {},
)
"""Of a source without addresses."""


def locate_column(
    file: pq.ParquetFile, column: str | None, provider: Provider
) -> Located:
    """Locate the distinct addresses in a column of a partition."""
    if column is None:
        return NOWHERE
    with naming_damage(file):
        found = [pa.array([], pa.string())]
        for group in range(file.num_row_groups):
            rows = dictionary(file.read_row_group(group, [column])[column])
            # A dictionary may hold what no row does: the address of a rejected entry.
            found.append(rows.dictionary.take(rows.indices.unique().drop_null()))
    addresses = pa.chunked_array(found).unique()
    locations, counts = locate(addresses, provider)
    return Located(column, addresses, locations, provider.facts() | counts)


def locate(addresses: pa.Array, provider: Provider) -> tuple[pa.Table, dict[str, int]]:
    """Locate distinct addresses.

    Args:
        addresses: text as it stood in the log; nonsense is allowed.
        provider: who is asked about the public ones, each of them once.

    Returns:
        A table of schema ``LOCATION`` with a row per address, in their order; and how
        many were ``public``, ``bogon``, ``malformed`` and, of the public ones,
        ``unanswered``.
    """
    asked, is_public = public_addresses(addresses)
    distinct = list(dict.fromkeys(asked))
    answers = dict(zip(distinct, provider.locate(distinct), strict=True))
    found = [answers[address] for address in asked]
    # Most addresses share their location with others: it is written down once.
    places = {id(place): place for place in found if place is not None}
    number = {key: index for index, key in enumerate(places)}
    codes = np.full(len(addresses), len(places))
    codes[is_public.fill_null(False).to_numpy(zero_copy_only=False)] = [
        number.get(id(place), len(places)) for place in found
    ]
    table = _as_table([*places.values(), _UNKNOWN]).take(pa.array(codes))
    is_bogon = LOCATION.get_field_index("is_bogon")
    table = table.set_column(is_bogon, LOCATION.field(is_bogon), pc.invert(is_public))
    return table, {
        "addresses": len(addresses),
        "public": is_public.true_count,
        "bogon": is_public.false_count,
        "malformed": is_public.null_count,
        "unanswered": found.count(None),
    }


def _as_table(places: list[Location]) -> pa.Table:
    columns = dict(zip(Location._fields, zip(*places, strict=True), strict=True))
    nothing = [None] * len(places)
    return pa.Table.from_arrays(
        [pa.array(columns.get(field.name, nothing), field.type) for field in LOCATION],
        schema=LOCATION,
    )
