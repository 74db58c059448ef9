"""Writes the requests of raw files as a web server's log, for programs that read one.

``python -m tests.benchmarks.combined_log RAW LOG``
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

LINE = '{} - - [{}] "{} {} HTTP/1.1" {} {} "-" "{}"\n'


def main(raw: Path, target: Path) -> None:
    """Write the days in order."""
    with target.open("wb") as log:
        for file in sorted(raw.glob("date=*/part-0.parquet")):
            entries = pq.ParquetFile(file).read().combine_chunks()
            log.write(lines(entries))


def lines(entries: pa.Table) -> pa.Buffer:
    """The entries in the combined format, without a loop over rows."""
    http = entries["httpRequest"].chunk(0)
    seconds = entries["timestamp"].chunk(0).cast(pa.timestamp("s", "UTC"), safe=False)
    values = [
        http.field("remoteIp"),
        pc.strftime(seconds, "%d/%b/%Y:%H:%M:%S +0000"),
        http.field("requestMethod"),
        pc.replace_substring_regex(http.field("requestUrl"), "^.*?//[^/]*", ""),
        http.field("status"),
        http.field("responseSize"),
        http.field("userAgent"),
    ]
    texts = [pc.fill_null(value.cast(pa.string()), "-") for value in values]
    opening, *between = LINE.split("{}")
    parts = [part for pair in zip(texts, between, strict=True) for part in pair]
    joined = pc.binary_join_element_wise(opening, *parts, "")
    return joined.cast(pa.binary()).buffers()[2]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
