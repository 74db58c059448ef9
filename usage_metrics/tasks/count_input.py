"""What counting reads of a day: its requests, and their full addresses.

Geocoded files hold what ``[privacy] addresses`` leaves of an address, and many visitors
may share a network. So counting takes that one column from the cleaned file, whose rows
are those of the geocoded file, in the same order. When that file has been removed,
counting uses what the geocoded file has, and says so in its footer.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from usage_metrics.errors import ConfigError
from usage_metrics.partitions.footer import facts_of, is_or_replaces
from usage_metrics.partitions.footer_index import Facts
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.row_groups import naming_damage
from usage_metrics.tasks.stages import Clean, Geocode

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usage_metrics.counting.grouping import Rows

ADDRESS = "remote_ip"

FULL = "full"
AS_GEOCODED = "as geocoded"
"""What a footer says of the addresses by which visitors were told apart."""

BATCH_ROWS = 1 << 18
"""Requests that are in memory at a time; four full row groups."""
BATCH_BYTES = 96 << 20
"""… or fewer, if somebody sends long texts: as many as have this many bytes."""

Read = Callable[[Collection[str]], Iterable["pa.Table"]]
"""Reads some columns of a day, those that it has, in batches, as often as wanted."""


@contextlib.contextmanager
def requests_of(geocoded: Partition, addresses: str) -> Iterator[Read]:
    """Open the requests of a day, for what counting needs of them.

    Args:
        geocoded: the day.
        addresses: which to use, as :func:`kind_of_all` says.

    Raises:
        ConfigError: if the source lacks a column that counting needs.
    """
    with geocoded.open() as file, _with_addresses(geocoded, addresses, file) as full:
        _check_columns(file, geocoded.source)

        def read(names: Collection[str]) -> Iterator["pa.Table"]:
            if ADDRESS in names and full is not file:
                return _joined(batches(file, {*names} - {ADDRESS}), full)
            return batches(file, names)

        yield read


def first_requests_of(geocoded: Partition, addresses: str) -> "pa.Table":
    """Read the requests that may be of a day's first half minute, and some others.

    An empty table if the day is missing.
    """
    import pyarrow as pa

    from usage_metrics.counting.day import COMPARED

    if not geocoded.exists():
        return pa.table({})
    found: list[pa.Table] = []
    with geocoded.open() as file, _with_addresses(geocoded, addresses, file) as full:
        _check_columns(file, geocoded.source)
        for start, stop in _first_row_groups(file, geocoded.date):
            rows = _rows_between(file, {*COMPARED} - {ADDRESS}, start, stop)
            others = _rows_between(full, [ADDRESS], start, stop)
            found.append(rows.append_column(ADDRESS, others[ADDRESS]))
    return pa.concat_tables(found) if found else pa.table({})


def read_columns(partition: Partition, columns: Collection[str]) -> "pa.Table":
    """Read some columns, those that a partition has."""
    with partition.open() as file, naming_damage(file):
        return file.read([n for n in file.schema_arrow.names if n in columns])


def batches(file: "pq.ParquetFile", columns: Collection[str]) -> Iterator["pa.Table"]:
    """Read some columns, those that a file has, in batches.

    Each has ``BATCH_ROWS``, or fewer once it has ``BATCH_BYTES``; so batches of other
    columns may end elsewhere.
    """
    import pyarrow as pa

    names = [name for name in file.schema_arrow.names if name in columns]
    held: list[pa.Table] = []
    for group in range(file.num_row_groups):
        if sum(table.nbytes for table in held) >= BATCH_BYTES:
            yield pa.concat_tables(held)
            held = []
        with naming_damage(file):
            held.append(file.read_row_group(group, names))
        while sum(table.num_rows for table in held) >= BATCH_ROWS:
            rows = pa.concat_tables(held)
            yield rows.slice(0, BATCH_ROWS)
            held = [rows.slice(BATCH_ROWS)]
    if any(table.num_rows for table in held):
        yield pa.concat_tables(held)


def events_of_month(counted: Iterable[Partition], addresses: str) -> Iterator["Rows"]:
    """Read the events of some days, without addresses where these are gone.

    Small days come together: each batch takes time, however small it is.
    """
    from usage_metrics.counting.monthly import NEEDED, OfMonth, together

    month = OfMonth()
    held: list[pa.Table] = []
    for day in counted:
        month.begin_day()
        with day.open() as file, _addresses_of(geocoded_of(day), addresses) as texts:
            for rows in batches(file, NEEDED):
                held.append(month.events(rows, texts(rows.num_rows)))
                if sum(table.num_rows for table in held) >= BATCH_ROWS:
                    yield together(held)
                    held = []
    if held:
        yield together(held)


@contextlib.contextmanager
def _addresses_of(
    geocoded: Partition, kind: str
) -> "Iterator[Callable[[int], pa.ChunkedArray | None]]":
    """Gives the addresses of as many further requests as asked; None: they are gone."""
    if not geocoded.exists():
        yield lambda _: None
        return
    is_there = kind != FULL or _keeps_addresses(geocoded.facts())
    with (geocoded if is_there else _cleaned_of(geocoded)).open() as file:
        yield _Addresses(file).of


class _Addresses:
    """The addresses of a file's requests, in their order."""

    def __init__(self, file: "pq.ParquetFile") -> None:
        self._rest = batches(file, [ADDRESS])
        self._held: pa.Table | None = None

    def of(self, rows: int) -> "pa.ChunkedArray":
        """Those of the next requests."""
        import pyarrow as pa

        held = [] if self._held is None else [self._held]
        while sum(table.num_rows for table in held) < rows:
            held.append(next(self._rest))
        table = pa.concat_tables(held)
        self._held = table.slice(rows)
        return table[ADDRESS].slice(0, rows)


def geocoded_of(day: Partition) -> Partition:
    """The requests of a day, from its partition of another stage."""
    return replace(day, stage=Geocode.stage)


def kind_of_all(*geocoded: Partition) -> str:
    """Which addresses all of some days have: only equal kinds can be compared."""
    has_full = all(_has_full_addresses(day) for day in geocoded if day.exists())
    return FULL if has_full else AS_GEOCODED


def _has_full_addresses(geocoded: Partition) -> bool:
    facts, cleaned = geocoded.facts(), _cleaned_of(geocoded)
    if _keeps_addresses(facts):
        return True
    return cleaned.exists() and is_or_replaces(cleaned.facts(), facts["made_from"])


def _keeps_addresses(geocoded: Facts) -> bool:
    """Whether the settings of its time left the addresses whole, as its footer says."""
    return bool(geocoded.get("recipe", {}).get("addresses") == "keep")


def _cleaned_of(geocoded: Partition) -> Partition:
    return replace(geocoded, stage=Clean.stage)


@contextlib.contextmanager
def _with_addresses(
    geocoded: Partition, kind: str, file: "pq.ParquetFile"
) -> Iterator["pq.ParquetFile"]:
    """The file that holds the addresses of a day's requests: theirs, or the cleaned."""
    if kind != FULL or _keeps_addresses(facts_of(file.metadata)):
        yield file
        return
    with _cleaned_of(geocoded).open() as cleaned:
        yield cleaned


def _check_columns(file: "pq.ParquetFile", source: str) -> None:
    from usage_metrics.counting.events import NEEDED, OPTIONAL

    missing = set(NEEDED) - set(OPTIONAL) - set(file.schema_arrow.names)
    if missing:
        raise ConfigError(
            f"the source {source} cannot be counted: its cleaned files have "
            f"no column {', '.join(sorted(missing))}; add it to the source"
        )


def _joined(
    requests: "Iterable[pa.Table]", full: "pq.ParquetFile"
) -> "Iterator[pa.Table]":
    """Requests, with their addresses from another file."""
    addresses = _Addresses(full)
    for rows in requests:
        yield rows.append_column(ADDRESS, addresses.of(rows.num_rows))


def _first_row_groups(
    file: "pq.ParquetFile", day: dt.date
) -> Iterator[tuple[int, int]]:
    """The first row and the end of each row group that may hold the first requests."""
    from usage_metrics.counting.clicks import WINDOW

    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    end = midnight + dt.timedelta(microseconds=WINDOW)
    column = file.schema_arrow.names.index("timestamp")
    stop = 0
    for group in range(file.num_row_groups):
        metadata = file.metadata.row_group(group)
        start, stop = stop, stop + metadata.num_rows
        measured = metadata.column(column).statistics
        is_known = measured is not None and measured.has_min_max
        if stop > start and not (is_known and measured.min > end):
            yield start, stop


def _rows_between(
    file: "pq.ParquetFile", columns: Collection[str], start: int, stop: int
) -> "pa.Table":
    """Some columns of some rows."""
    import pyarrow as pa

    names = [name for name in file.schema_arrow.names if name in columns]
    found = []
    first = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if first < stop and start < first + rows:
            with naming_damage(file):
                table = file.read_row_group(group, names)
            begin = max(start - first, 0)
            found.append(table.slice(begin, min(stop - first, rows) - begin))
        first += rows
    return pa.concat_tables(found)
