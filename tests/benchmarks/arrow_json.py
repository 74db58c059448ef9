"""The rival of Extract: Arrow's JSON reader, told every field, and its Parquet writer.

``python -m tests.benchmarks.arrow_json OUT FILE…`` reads each export and writes a
Parquet file. It expects lines in order, with no field but those of the first file and
no late entry in the export of a later day, and rejects a file for one bad line.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import json

TIME = pa.timestamp("us", tz="UTC")
WHOLE = ("requestSize", "responseSize")


def main(out: Path, files: list[Path]) -> None:
    """Convert each file."""
    out.mkdir(parents=True)
    first = files[0].read_bytes()
    sample = first[: first.find(b"\n", 1 << 16) + 1]
    schema = timed(json.read_json(pa.BufferReader(sample)).schema)
    options = json.ParseOptions(explicit_schema=schema)
    for file in files:
        table = json.read_json(file, parse_options=options)
        index = table.column_names.index("httpRequest")
        table = table.set_column(index, "httpRequest", numbers(table["httpRequest"]))
        pq.write_table(table, out / f"{file.stem}.parquet", compression="zstd")


def timed(schema: pa.Schema) -> pa.Schema:
    """A schema whose times are read as such."""
    return pa.schema(
        [f.with_type(TIME) if f.name.endswith("imestamp") else f for f in schema]
    )


def numbers(requests: pa.ChunkedArray) -> pa.ChunkedArray:
    """Requests with numbers in place of the texts that JSON has for them."""
    chunks = []
    for chunk in requests.chunks:
        fields = {field.name: chunk.field(field.name) for field in chunk.type}
        fields |= {name: fields[name].cast(pa.int64()) for name in WHOLE}
        seconds = pc.utf8_slice_codeunits(fields["latency"], 0, -1)
        fields["latency"] = seconds.cast(pa.float64())
        chunks.append(pa.StructArray.from_arrays(fields.values(), list(fields)))
    return pa.chunked_array(chunks)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
