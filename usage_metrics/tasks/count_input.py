"""What counting reads of a day: its requests, and their full addresses.

Geocoded files hold what ``[privacy] addresses`` leaves of an address, and of a network
many visitors may be. So counting takes that one column from the cleaned file, whose
rows are those of the geocoded file, in their order. Where that file has to be gone
already, counting makes do with what the geocoded file has, and says so in its footer.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import PartitionError
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.row_groups import naming_damage
from usage_metrics.tasks.stages import Geocode

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


ADDRESS = "remote_ip"

FULL = "full"
AS_GEOCODED = "as geocoded"
"""What a footer says of the addresses that visitors were told apart by."""


def cleaned_of(geocoded: Partition) -> Partition:
    """The file on the left of a geocoded one."""
    return Partition(geocoded.root, "cleaned", geocoded.source, geocoded.date)


def kind_of(geocoded: Partition) -> str:
    """What addresses of a day's requests are to be had."""
    facts, cleaned = geocoded.facts(), cleaned_of(geocoded)
    if facts.get("recipe", {}).get("addresses") == "keep":
        return FULL
    if cleaned.exists() and cleaned.facts()["content_id"] == facts["made_from"]:
        return FULL
    return AS_GEOCODED


def addresses_of(geocoded: Partition, kind: str) -> "pa.ChunkedArray":
    """The addresses of a day's requests, as dictionaries."""
    from usage_metrics.counting.grouping import compact

    as_kept = geocoded.facts().get("recipe", {}).get("addresses") == "keep"
    is_left = kind == FULL and not as_kept
    with (cleaned_of(geocoded) if is_left else geocoded).open() as file:
        return compact(file.read([ADDRESS])[ADDRESS])


def facts_or_none(partition: Partition) -> dict[str, Any]:
    """What a footer says; nothing if the file is missing or damaged: make it anew."""
    try:
        return partition.facts()
    except PartitionError:
        return {}


def read_columns(partition: Partition, columns: Collection[str]) -> "pa.Table":
    """Read those of some columns that a partition has, texts as dictionaries."""
    import pyarrow as pa

    with partition.open() as file, naming_damage(file):
        names = [name for name in file.schema_arrow.names if name in columns]
        # One after the other: a column takes much more room while it is read.
        found = [_read_column(file, name) for name in names]
    return pa.table(found, names=names)


ROW_GROUPS_AT_ONCE = 16
"""A million rows: each row group has a dictionary of its own, of URLs a large one."""


def _read_column(file: "pq.ParquetFile", name: str) -> "pa.ChunkedArray":
    """Read a column, of text the distinct values and a code for each row."""
    import pyarrow as pa

    from usage_metrics.arrow import dictionary
    from usage_metrics.counting.grouping import compact

    groups = list(range(file.num_row_groups))
    if name == "insert_id" or not groups:
        whole = file.read([name])[name]
        return whole if name == "insert_id" else compact(whole)
    pieces: list[pa.Array] = []
    for start in groups[::ROW_GROUPS_AT_ONCE]:
        some = groups[start : start + ROW_GROUPS_AT_ONCE]
        column = file.read_row_groups(some, [name])[name]
        is_text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        pieces += [dictionary(column)] if is_text else column.chunks
    return compact(pa.chunked_array(pieces))


def geocoded_of(counted: Partition) -> Partition:
    """The requests that a count was made from."""
    return Partition(counted.root, Geocode.stage, counted.source, counted.date)


def kind_of_all(*days: Partition) -> str:
    """What addresses all of some days have: only like ones can be compared."""
    kinds = {kind_of(day) for day in days if day.exists()}
    return FULL if kinds <= {FULL} else AS_GEOCODED


def read_day(geocoded: Partition, addresses: str) -> "pa.Table":
    """Read what counting needs of a day; nothing if it is not there."""
    import pyarrow as pa

    from usage_metrics.counting.breakdowns import AGENTS, PLACES
    from usage_metrics.counting.events import NEEDED

    if not geocoded.exists():
        return pa.table({})
    requests = read_columns(geocoded, [*NEEDED, *PLACES, *AGENTS])
    index = requests.column_names.index(ADDRESS)
    return requests.set_column(index, ADDRESS, addresses_of(geocoded, addresses))
