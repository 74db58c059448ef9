"""What counting reads of a day: its requests, and their full addresses.

Geocoded files hold what ``[privacy] addresses`` leaves of an address, and many visitors
may share a network. So counting takes that one column from the cleaned file, whose rows
are those of the geocoded file, in the same order. When that file has been removed,
counting uses what the geocoded file has, and says so in its footer.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from usage_metrics.errors import ConfigError
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.row_groups import naming_damage
from usage_metrics.tasks.stages import Clean, Geocode

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ADDRESS = "remote_ip"

FULL = "full"
AS_GEOCODED = "as geocoded"
"""What a footer says of the addresses by which visitors were told apart."""

ROW_GROUPS_AT_ONCE = 16
"""A million rows. Each row group has its own dictionary, a large one for URLs."""


def read_day(geocoded: Partition, addresses: str) -> "pa.Table":
    """Read what counting needs of a day; an empty table if the day is missing.

    Args:
        geocoded: the day.
        addresses: which to use, as :func:`kind_of_all` says.

    Returns:
        The requests, with texts dictionary-encoded in one chunk each.

    Raises:
        ConfigError: if the source lacks a column that counting needs.
    """
    import pyarrow as pa

    from usage_metrics.counting.breakdowns import AGENTS, PLACES
    from usage_metrics.counting.events import NEEDED, OPTIONAL

    if not geocoded.exists():
        return pa.table({})
    requests = read_columns(geocoded, {*NEEDED, *PLACES, *AGENTS})
    missing = set(NEEDED) - set(OPTIONAL) - set(requests.column_names)
    if missing:
        raise ConfigError(
            f"the source {geocoded.source} cannot be counted: its cleaned files have "
            f"no column {', '.join(sorted(missing))}; add it to the source"
        )
    index = requests.column_names.index(ADDRESS)
    return requests.set_column(index, ADDRESS, _addresses_of(geocoded, addresses))


def read_columns(partition: Partition, columns: Collection[str]) -> "pa.Table":
    """Read some columns, those that a partition has, with texts encoded."""
    import pyarrow as pa

    with partition.open() as file, naming_damage(file):
        names = [name for name in file.schema_arrow.names if name in columns]
        # One at a time: a column takes much more memory while it is read.
        found = [_read_column(file, name) for name in names]
    return pa.table(found, names=names)


def tally_of(counted: Partition, addresses: str) -> "pa.Table":
    """Add up a day by organisation and address; without addresses if they are gone."""
    import pyarrow as pa

    from usage_metrics.counting import concentration

    columns = ["dataset", "organization", "outcome", "session", "bytes"]
    events, geocoded = read_columns(counted, columns), geocoded_of(counted)
    if geocoded.exists():
        return concentration.tally(events, _addresses_of(geocoded, addresses))
    unknown = pa.nulls(events.num_rows, pa.string()).dictionary_encode()
    return concentration.tally(events, pa.chunked_array([unknown]))


def geocoded_of(day: Partition) -> Partition:
    """The requests of a day, from its partition of another stage."""
    return replace(day, stage=Geocode.stage)


def kind_of_all(*geocoded: Partition) -> str:
    """Which addresses all of some days have: only equal kinds can be compared."""
    has_full = all(_has_full_addresses(day) for day in geocoded if day.exists())
    return FULL if has_full else AS_GEOCODED


def _has_full_addresses(geocoded: Partition) -> bool:
    facts, cleaned = geocoded.facts(), replace(geocoded, stage=Clean.stage)
    if _keeps_addresses(geocoded):
        return True
    return cleaned.exists() and cleaned.content_id() == facts["made_from"]


def _keeps_addresses(geocoded: Partition) -> bool:
    """Whether the settings of its time left the addresses whole."""
    recipe: dict[str, str] = geocoded.facts().get("recipe", {})
    return recipe.get("addresses") == "keep"


def _addresses_of(geocoded: Partition, kind: str) -> "pa.ChunkedArray":
    """The addresses of a day's requests, encoded."""
    from usage_metrics.counting.grouping import compact

    in_cleaned = kind == FULL and not _keeps_addresses(geocoded)
    stage = Clean.stage if in_cleaned else Geocode.stage
    with replace(geocoded, stage=stage).open() as file:
        return compact(file.read([ADDRESS])[ADDRESS])


def _read_column(file: "pq.ParquetFile", name: str) -> "pa.ChunkedArray":
    """Read a column; a text as its distinct values and a code for each row."""
    import pyarrow as pa

    from usage_metrics.arrow import dictionary
    from usage_metrics.counting.grouping import compact

    groups = list(range(file.num_row_groups))
    if name == "insert_id" or not groups:
        whole = file.read([name])[name]
        return whole if name == "insert_id" else compact(whole)
    pieces: list[pa.Array] = []
    for start in groups[::ROW_GROUPS_AT_ONCE]:
        numbers = groups[start : start + ROW_GROUPS_AT_ONCE]
        column = file.read_row_groups(numbers, [name])[name]
        is_text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        pieces += [dictionary(column)] if is_text else column.chunks
    return compact(pa.chunked_array(pieces))
