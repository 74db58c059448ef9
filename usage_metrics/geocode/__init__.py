"""Where addresses are: the same columns every day, whoever the provider is.

Only an address of the public internet is ever looked up. What is absent, malformed or
of a private or reserved network (a bogon) stays here and goes to no provider.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_metrics import config
from usage_metrics.agents import NETWORK, network_class
from usage_metrics.agents.addresses import Address, parse_address
from usage_metrics.agents.requests import suspects
from usage_metrics.cleaning import dictionary, filled, spread
from usage_metrics.geocode.locations import LOCATION, Location, Provider

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


NOWHERE = Located(None, pa.array([], pa.string()), LOCATION.empty_table(), {})
"""Of a source without addresses."""


def locate_column(
    file: pq.ParquetFile, column: str | None, provider: Provider
) -> Located:
    """Locate the distinct addresses in a column of a partition."""
    if column is None:
        return NOWHERE
    rows = dictionary(file.read([column])[column])
    # A dictionary may hold what no row does, such as the address of a rejected entry.
    addresses = rows.dictionary.take(rows.indices.unique().drop_null())
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
    parsed = [parse_address((text or "").strip()) for text in addresses.to_pylist()]
    is_public = [_is_public(address) for address in parsed]
    public = dict.fromkeys(
        str(address) for address, yes in zip(parsed, is_public, strict=True) if yes
    )
    answers = dict(zip(public, provider.locate(list(public)), strict=True))
    located = [
        (answers[str(address)] if yes else None) or _UNKNOWN
        for address, yes in zip(parsed, is_public, strict=True)
    ]
    columns = dict(
        zip(Location._fields, zip(*located, strict=True), strict=True)
        if located
        else ()
    )
    columns["is_bogon"] = tuple(
        None if address is None else not yes
        for address, yes in zip(parsed, is_public, strict=True)
    )
    table = pa.Table.from_arrays(
        [pa.array(columns.get(field.name, ()), field.type) for field in LOCATION],
        schema=LOCATION,
    )
    counts = {
        "addresses": len(parsed),
        "public": sum(is_public),
        "bogon": columns["is_bogon"].count(True),
        "malformed": columns["is_bogon"].count(None),
        "unanswered": sum(
            yes and answers[str(address)] is None
            for address, yes in zip(parsed, is_public, strict=True)
        ),
    }
    return table, counts


def _is_public(address: Address | None) -> bool:
    if address is None or getattr(address, "scope_id", None):
        return False  # An address with a zone (``%eth0``) is of one link only.
    return address.is_global and not address.is_multicast
