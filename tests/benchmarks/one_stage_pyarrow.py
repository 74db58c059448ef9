"""The rival: what a good pyarrow script does in one stage, without a pipeline.

``python -m tests.benchmarks.one_stage_pyarrow RAW OUT MMDB [whole]`` reads the raw
partitions a day at a time, or the whole of them at once, and writes one located Parquet
file for each reading and one SQLite database. It checks nothing, explains nothing,
keeps nothing apart and starts from nothing each time; that is what the pipeline's own
time is to be compared with.
"""

import sys
from pathlib import Path
from typing import Any, cast

import maxminddb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from adbc_driver_sqlite import dbapi

KEY = ["logName", "timestamp", "insertId"]
URL = (
    r"^(?P<scheme>[^:/?#]+)://(?P<netloc>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
)
DATASETTE = (
    r"^/(?P<database>pudl|ferc1)(?:/(?P<table>[a-z0-9_]+))?(?:/[^.]*)?"
    r"(?:\.(?P<format>[a-z]+))?$"
)
MISSING = 404
DATA = r"/pudl|/ferc1|pudl\.db|ferc1\.db|\.json|\.csv"
INDEXES = (
    '"timestamp"',
    '"database", "table"',
    "remote_ip_country_code",
    "remote_ip_as_name",
)
LOCATION = ("country_code", "country", "asn", "as_name")
HTTP = "requestMethod requestUrl userAgent remoteIp serverIp referer protocol"
SERVICE = "service_name revision_name location project_id configuration_name"
REPEATED = [
    *("logName", "severity", "labels.instanceId", "resource.type"),
    *(f"httpRequest.{name}" for name in HTTP.split()),
    *(f"resource.labels.{name}" for name in SERVICE.split()),
]
"""Columns worth reading as dictionaries."""
Located = dict[str, dict[str, Any]]


def read(file: Path) -> pa.Table:
    """Read the leaves of a partition that a request log fills, as columns."""
    table = pq.ParquetFile(file, read_dictionary=REPEATED).read()
    table = table.drop_columns(["errorGroups", "operation", "sourceLocation", "split"])
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table.rename_columns(
        [name.removeprefix("httpRequest.") for name in table.column_names]
    )


def deduplicate(table: pa.Table) -> pa.Table:
    """Keep the entry of each key that was received last."""
    order = pc.sort_indices(table["receiveTimestamp"])
    rows = table.select(KEY).take(order).append_column("row", order)
    last = rows.group_by(KEY, use_threads=False).aggregate([("row", "last")])
    return table.take(last["row_last"])


def split_urls(table: pa.Table) -> pa.Table:
    """Add the parts of the URL, and what they mean to Datasette."""
    urls = encoded(table["requestUrl"])
    parts = pc.extract_regex(urls.dictionary, URL)
    path = pc.struct_field(parts, "path")
    for struct in (parts, pc.extract_regex(path, DATASETTE)):
        for field in struct.type:
            values = pc.struct_field(struct, field.name)
            values = pc.if_else(pc.equal(values, ""), None, values)
            table = table.append_column(field.name, values.take(urls.indices))
    is_data = pc.match_substring_regex(path, DATA).take(urls.indices)
    is_data = pc.and_(is_data, pc.not_equal(table["status"], MISSING))
    return table.append_column("is_data_request", is_data)


def encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Give a column's distinct values and a code for each row."""
    return column.unify_dictionaries().combine_chunks()


def locate(table: pa.Table, reader: maxminddb.Reader, known: Located) -> pa.Table:
    """Add where each address is; ask once for each."""
    addresses = encoded(table["remoteIp"])
    distinct = addresses.dictionary.to_pylist()
    for address in distinct:
        if address not in known:
            known[address] = cast("dict[str, Any]", reader.get(address) or {})
    for name in LOCATION:
        values = pa.array([known[it].get(name) for it in distinct], pa.string())
        table = table.append_column(f"remote_ip_{name}", values.take(addresses.indices))
    return table


def main(raw: Path, out: Path, mmdb: Path, *, whole: bool = False) -> None:
    """Do it all, a day at a time or at once."""
    known: Located = {}
    files = sorted(raw.glob("date=*/part-0.parquet"))
    readings = [files] if whole else [[file] for file in files]
    out.mkdir(parents=True)
    with (
        maxminddb.open_database(mmdb) as reader,
        dbapi.connect(str(out / "requests.db")) as database,
        database.cursor() as cursor,
    ):
        for number, reading in enumerate(readings):
            rows = pa.concat_tables(map(read, reading)).unify_dictionaries()
            table = locate(split_urls(deduplicate(rows)), reader, known)
            pq.write_table(table, out / f"part-{number}.parquet", compression="zstd")
            if number == 0:
                create(cursor, table.schema)
            data = table.filter(table["is_data_request"])
            cursor.adbc_ingest("requests", times_as_text(data), mode="append")
            database.commit()


def times_as_text(table: pa.Table) -> pa.Table:
    """Have Arrow write times as text: the driver does it slower, row by row."""
    for name in ("timestamp", "receiveTimestamp"):
        index = table.column_names.index(name)
        table = table.set_column(index, name, table[name].cast(pa.string()))
    return table


def create(cursor: dbapi.Cursor, schema: pa.Schema) -> None:
    """Make the table with such a key and indexes as the pipeline's has."""
    types = {pa.int64(): "INTEGER", pa.bool_(): "INTEGER", pa.float64(): "REAL"}
    columns = [f'"{field.name}" {types.get(field.type, "TEXT")}' for field in schema]
    key = 'PRIMARY KEY ("insertId", "timestamp")'
    cursor.execute(f"CREATE TABLE requests ({', '.join(columns)}, {key})")
    for number, index in enumerate(INDEXES):
        cursor.execute(f"CREATE INDEX index_{number} ON requests ({index})")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), whole="whole" in sys.argv[4:])
