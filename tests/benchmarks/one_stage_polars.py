"""The rival in Polars: the same as :mod:`tests.benchmarks.one_stage_pyarrow`, at once.

``python -m tests.benchmarks.one_stage_polars RAW OUT MMDB``
"""

import sys
from pathlib import Path

import maxminddb
import polars as pl
from adbc_driver_sqlite import dbapi

from .one_stage_pyarrow import (
    DATA,
    DATASETTE,
    KEY,
    LOCATION,
    MISSING,
    URL,
    create,
    times_as_text,
)


def read(raw: Path) -> pl.DataFrame:
    """Read every raw partition, the leaves as columns, each entry once."""
    files = pl.scan_parquet(raw / "date=*" / "part-0.parquet", hive_partitioning=False)
    rows = files.drop("errorGroups", "operation", "sourceLocation", "split")
    labels = pl.col("resource").struct.field("labels").alias("resource_labels")
    rows = rows.with_columns(labels, pl.col("resource").struct.field("type"))
    rows = rows.drop("resource").unnest("httpRequest", "resource_labels", "labels")
    return rows.sort("receiveTimestamp").unique(KEY, keep="last").collect()


def split_urls(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the parts of the URL, and what they mean to Datasette."""
    url = pl.col("requestUrl")
    urls = rows.select(url.unique()).with_columns(
        url.str.extract_groups(URL).alias("u")
    )
    urls = urls.unnest("u")
    path = pl.col("path")
    urls = urls.with_columns(
        path.str.extract_groups(DATASETTE).alias("page"),
        path.str.contains(DATA).alias("is_data_request"),
    )
    return rows.join(urls.unnest("page"), on="requestUrl", how="left", nulls_equal=True)


def locate(rows: pl.DataFrame, mmdb: Path) -> pl.DataFrame:
    """Add where each address is; ask once for each."""
    addresses = rows["remoteIp"].drop_nulls().unique().to_list()
    with maxminddb.open_database(mmdb) as reader:
        known = [reader.get(address) for address in addresses]
    records = [record if isinstance(record, dict) else {} for record in known]
    places = {
        f"remote_ip_{name}": [record.get(name) for record in records]
        for name in LOCATION
    }
    located = pl.DataFrame({"remoteIp": addresses, **places}, strict=False)
    return rows.join(located, on="remoteIp", how="left")


def main(raw: Path, out: Path, mmdb: Path) -> None:
    """Do it all at once."""
    out.mkdir(parents=True)
    rows = locate(split_urls(read(raw)), mmdb)
    rows.write_parquet(out / "part-0.parquet", compression="zstd", compression_level=1)
    data = rows.filter("is_data_request", pl.col("status") != MISSING)
    data = times_as_text(data.to_arrow(compat_level=pl.CompatLevel.oldest()))
    with (
        dbapi.connect(str(out / "requests.db")) as database,
        database.cursor() as cursor,
    ):
        create(cursor, data.schema)
        cursor.adbc_ingest("requests", data, mode="append")
        database.commit()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
