"""Where addresses are: the same columns every day, whoever the provider is.

Only an address of the public internet is ever looked up. What is absent, malformed or
of a private or reserved network (a bogon) stays here and goes to no provider.
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
from usage_metrics.agents import NETWORK, network_class
from usage_metrics.arrow import Distinct, dictionary, filled, take_encoded
from usage_metrics.cleaning.who_asked import suspects
from usage_metrics.geocode.locations import LOCATION, Location, Provider
from usage_metrics.partitions.row_groups import naming_damage


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


class Places(NamedTuple):
    """Where some addresses are; what many of them share is held once."""

    table: pa.Table
    """Of schema ``LOCATION``, a row per place; of the last nothing is known."""
    of_address: pa.Array
    """The number of the place of each address."""
    is_bogon: pa.Array
    """Of each address; null where it is none."""

    @classmethod
    def of(cls, located: list[Location | None], is_public: pa.Array) -> Self:
        """Put together what is known of addresses.

        Args:
            located: the locations of the public ones, None where nothing is known.
            is_public: for each address; null for what is no address.
        """
        ids = np.fromiter(map(id, located), np.int64, len(located))
        _, firsts, numbers = np.unique(ids, return_index=True, return_inverse=True)
        # In the order in which they come: a file made twice should be the same file.
        order = np.argsort(firsts)
        numbers = np.argsort(order)[numbers]
        found = [located[first] or Location() for first in firsts[order]]
        codes = np.full(len(is_public), len(found), dtype=np.int32)
        codes[is_public.fill_null(False).to_numpy(zero_copy_only=False)] = numbers
        table = _as_table([*found, Location()])
        return cls(table, pa.array(codes), pc.invert(is_public))


@dataclass(frozen=True)
class Located:
    """Distinct addresses and where they are."""

    column: str | None
    """The column that the addresses stand in."""
    addresses: Distinct
    """The distinct values of that column, null not among them."""
    places: Places
    """Theirs."""
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
        """Say it in a few words, for people."""
        if self.column is None:
            return "no addresses"
        text = f"{len(self.addresses.values):,} addresses"
        return f"{text} · {self.unanswered:,} unanswered" if self.unanswered else text


_NETWORK = NETWORK.names[0]


def nowhere() -> Located:
    """The addresses of a source that has none."""
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
            # A dictionary may hold what no row does: the address of a rejected entry.
            found.append(rows.dictionary.take(rows.indices.unique().drop_null()))
    addresses = pa.chunked_array(found).unique()
    places, counts = locate(addresses, provider)
    return Located(column, Distinct(addresses), places, provider.facts() | counts)


def locate(addresses: pa.Array, provider: Provider) -> tuple[Places, dict[str, int]]:
    """Locate distinct addresses.

    Args:
        addresses: text as it stood in the log; nonsense is allowed.
        provider: who is asked about the public ones, each of them once.

    Returns:
        Where each of them is; and how many were ``public``, ``bogon``, ``malformed``
        and, of the public ones, ``unanswered``.
    """
    asked, is_public = public_addresses(addresses)
    distinct = list(dict.fromkeys(asked))
    located = provider.locate(distinct)
    if len(distinct) < len(asked):  # some are there in several spellings
        answers = dict(zip(distinct, located, strict=True))
        located = [answers[address] for address in asked]
    return Places.of(located, is_public), {
        "addresses": len(addresses),
        "public": is_public.true_count,
        "bogon": is_public.false_count,
        "malformed": is_public.null_count,
        "unanswered": located.count(None),
    }


def _as_table(places: list[Location]) -> pa.Table:
    columns = dict(zip(Location._fields, zip(*places, strict=True), strict=True))
    nothing = [None] * len(places)
    return pa.Table.from_arrays(
        [pa.array(columns.get(field.name, nothing), field.type) for field in LOCATION],
        schema=LOCATION,
    )
