"""How fast lines of S3 server access logs are read, next to GoAccess.

``python -m tests.benchmarks.s3_lines`` makes a file of 300,000 lines and reads it into
raw columns, ids of lines included: by the fast path, and a part of it by the rule
alone. In turns with them, GoAccess analyses the same file, where it is installed. It
prints lines a CPU second and ratios, the median of several turns. With ``--write``, it
only writes the lines, as the logs of a day, into a folder.
"""

import argparse
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.logs.blocks import read_blocks
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.s3.rule import entries_singly
from usage_metrics.maintenance.sample.population import BROWSERS, SCRIPTS

from .run import START, measure, say

SEED = 20_260_101
OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
ODD = 0.003
"""The share of lines with a quote in the user agent."""
WHOLE = 0.6
"""The share of objects that are read whole."""
A_FILE = 250_000
SINGLY = 20_000
"""Lines that the rule reads alone."""
TURNS = 5


def lines(number: int) -> list[str]:
    """Lines of a day of ten million, as varied as those of a bucket of open data."""
    rng = np.random.default_rng(SEED)
    seconds = np.sort(rng.integers(0, number * 86_400 // 10**7, number)).tolist()
    agents = list(_agents())
    chosen = rng.integers(0, len(agents), number).tolist()
    keys = (rng.zipf(1.3, number) % 50_000).tolist()
    sizes = rng.integers(1_000, 2_000_000_000, number).tolist()
    kinds = rng.random(number).tolist()
    ids = rng.integers(0, 2**63, (number, 2)).tolist()
    return [
        line(seconds[n], agents[chosen[n]], keys[n], sizes[n], kinds[n], ids[n])
        for n in range(number)
    ]


def line(
    second: int, agent: str, key: int, size: int, kind: float, ids: list[int]
) -> str:
    """A line of 27 fields."""
    hour, minute = divmod(second // 60, 60)
    path = f"stable/2026-01/core_eia__table-{key:05d}.parquet"
    status, sent = (200, size) if kind < WHOLE else (206, size // 8)
    agent = f'{agent}"' if kind < ODD else agent
    host = "example-open-data.s3.us-west-2.amazonaws.com"
    return (
        f"{OWNER} example-open-data [07/Feb/2026:{hour:02}:{minute:02}:{second % 60:02}"
        f" +0000] 198.51.{key % 256}.{ids[0] % 256} - {ids[0]:016X} REST.GET.OBJECT "
        f'{path} "GET /{path} HTTP/1.1" {status} - {sent} {size} {key % 900 + 9} '
        f'{key % 90 + 5} "-" "{agent}" - {ids[0]:024x}{ids[1]:024x}= - '
        f"TLS_AES_128_GCM_SHA256 - {host} TLSv1.3 - - us-west-2\n"
    )


def write_day(number: int, folder: Path) -> None:
    """Write the logs of a day, in files of ``A_FILE`` lines."""
    folder.mkdir()
    rng = np.random.default_rng(SEED)
    agents = pa.array(list(_agents()))
    for index in range(0, number, A_FILE):
        some = min(A_FILE, number - index)
        first, end = (86_400 * n // number for n in (index, index + some))
        seconds = np.sort(rng.integers(first, max(end, first + 1), some))
        name = f"{START}-{seconds[0] // 3600:02}-00-00-{index:016X}"
        (folder / name).write_bytes(_joined_lines(rng, agents, seconds))


def _joined_lines(
    rng: np.random.Generator, agents: pa.Array, seconds: np.ndarray[Any, Any]
) -> pa.Buffer:
    """Lines as :func:`line` makes them, by columns: ten million are many."""
    number = len(seconds)
    times = pc.strftime(
        pa.array(seconds).cast(pa.timestamp("s")), format="%H:%M:%S +0000"
    )
    keys = rng.zipf(1.3, number) % 50_000
    sizes = rng.integers(1_000, 2_000_000_000, number)
    kinds = rng.random(number)
    key, size = _texts(keys), _texts(sizes)
    key = pc.utf8_lpad(key, 5, "0")
    path = pc.binary_join_element_wise("stable/table-", key, ".parquet", "")
    agent = agents.take(pa.array(rng.integers(0, len(agents), number)))
    quote = pc.if_else(pa.array(kinds < ODD), '"', "")
    is_whole = pa.array(kinds < WHOLE)
    answer = pc.if_else(is_whole, '" 200 - ', '" 206 - ')
    sent = pc.if_else(is_whole, size, _texts(sizes // 8))
    ids = _texts(rng.integers(10**17, 10**18, number))
    host = "example-open-data.s3.us-west-2.amazonaws.com"
    lines = pc.binary_join_element_wise(
        f"{OWNER} example-open-data [{START:%d/%b/%Y}:",
        *(times, "] 198.51.", _texts(keys % 256), ".", _texts(sizes % 256), " - "),
        *(ids, " REST.GET.OBJECT ", path, ' "GET /', path, " HTTP/1.1", answer, sent),
        *(" ", size, " ", _texts(keys % 900 + 9), " ", _texts(keys % 90 + 5)),
        *(' "-" "', agent, quote, '" - ', ids, "="),
        f" - TLS_AES_128_GCM_SHA256 - {host} TLSv1.3 - - us-west-2\n",
        "",
    )
    return lines.cast(pa.binary()).buffers()[2]


def _texts(numbers: np.ndarray[Any, Any]) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _agents() -> Iterator[str]:
    for agent, build in itertools.product((*BROWSERS, *SCRIPTS), range(60)):
        yield f"{agent} build/{build}"


def rate(task: Callable[[], int]) -> float:
    """The lines a task reads in a CPU second of this process."""
    started = time.process_time()
    number = task()
    return number / (time.process_time() - started)


def goaccess(path: Path, number: int) -> float:
    """The lines GoAccess analyses in a CPU second."""
    output = path.with_suffix(".json")
    command = ["goaccess", str(path), "--log-format=AWSS3", f"--output={output}"]
    cost = measure([*command, "--no-global-config"], path.parent)
    return number / cost.cpu_seconds


def compare(path: Path, number: int) -> None:
    """Print what each reader takes."""
    raw = path.read_bytes()
    beginning = b"".join(raw.splitlines(keepends=True)[:SINGLY])

    def fast() -> int:
        with pa.BufferReader(raw) as file:
            blocks = S3_ACCESS_LOG.blocks(file, path.name)
            return sum(S3_ACCESS_LOG.read(block).num_rows for block in blocks)

    def rule() -> int:
        with pa.BufferReader(beginning) as file:
            blocks = read_blocks(file, path.name)
            return sum(entries_singly(block).num_rows for block in blocks)

    rates: dict[str, list[float]] = {"fast path": [], "rule alone": [], "GoAccess": []}
    for _ in range(TURNS):
        rates["fast path"].append(rate(fast))
        rates["rule alone"].append(rate(rule))
        if shutil.which("goaccess"):
            rates["GoAccess"].append(goaccess(path, number))
    for name, found in rates.items():
        if not found:
            say("GoAccess is not installed: apt-get install goaccess")
            continue
        ratios = [a / b for a, b in zip(rates["fast path"], found, strict=True)]
        say(
            f"{name:12}{statistics.median(found):10,.0f} lines a CPU second"
            f"{statistics.median(ratios):8.1f} x"
        )


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.s3_lines")
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    number = options.lines
    if options.write:
        write_day(number, options.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2026-02-07-01-00-00-0123456789ABCDEF"
        path.write_text("".join(lines(number)))
        say(f"{number:,} lines of {path.stat().st_size / number:,.0f} bytes")
        compare(path, number)


if __name__ == "__main__":
    main()
