"""Hostile lines by the million, found by looking at which code they reach.

``python -m tests.faults.fuzz --seconds 600`` needs Atheris, which is in no extra since
it has no wheel for every Python: ``pip install atheris``. Every input is a file: bytes
as they are, or a line among plain ones, or a value in a field of an entry. A file must
add up (see ``hostile.py``); what does not is kept, and named, and can be tried again
with ``python -m tests.faults.fuzz FILE``.
"""

import argparse
import copy
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    sys.exit("Atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["usage_metrics"]):
    from . import hostile

FIELDS = (
    *("insertId", "timestamp", "receiveTimestamp", "logName", "severity", "trace"),
    *("textPayload", "labels", "httpRequest", "resource", "unknown"),
)
HTTP_FIELDS = (*hostile.PLAIN["httpRequest"], "cacheHit", "protocol", "serverIp")


def made_of(data: bytes) -> bytes:
    """The file that an input stands for; its first byte says how."""
    how, rest = data[:1], data[1:]
    match how[0] % 4 if how else 0:
        case 0:
            return rest
        case 1:
            return hostile.among_others(rest, number=34)
        case 2:
            return _with_a_value(rest, FIELDS, lambda entry: entry)
        case _:
            return _with_a_value(rest, HTTP_FIELDS, lambda entry: entry["httpRequest"])


def _with_a_value(data: bytes, names: tuple[str, ...], record: Any) -> bytes:
    """A line with a value in one of some fields: JSON if it is, and text if not."""
    name = names[data[0] % len(names)] if data else names[0]
    text = data[1:].decode("utf-8", "surrogateescape")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    entry = copy.deepcopy(hostile.PLAIN)
    record(entry)[name] = value
    try:
        return hostile.among_others(json.dumps(entry).encode(), number=34)
    except RecursionError:
        return data


def seeds(folder: Path) -> None:
    """Inputs to begin with: plain files, and one for each way and field."""
    plain = hostile.neighbours(3)
    files = [b"\x00" + plain, b"\x00[" + b",".join(plain.splitlines()) + b"]"]
    files += [b"\x01" + plain.splitlines()[0]]
    for way, names in ((b"\x02", FIELDS), (b"\x03", HTTP_FIELDS)):
        for number in range(len(names)):
            for value in (b'"2026-03-02T12:00:00.5Z"', b"1.5e3", b'{"a":[null]}'):
                files.append(way + bytes([number]) + value)
    for number, content in enumerate(files):
        (folder / f"{number:03d}").write_bytes(content)


def try_one(data: bytes) -> None:
    """Follow what an input stands for."""
    hostile.follow(made_of(data))


def main() -> None:
    """Fuzz for some time, or try one file again."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.fuzz", description=__doc__
    )
    parser.add_argument("file", nargs="?", type=Path, help="try only this input")
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    warnings.simplefilter("error")
    if options.file is not None:
        try_one(options.file.read_bytes())
        print("it adds up")
        return
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-"))
    seeds(corpus)
    print(f"inputs that reached new code are kept in {corpus}", flush=True)
    arguments = [f"-max_total_time={options.seconds}", "-max_len=4096", "-timeout=60"]
    arguments += [f"-artifact_prefix={os.curdir}/", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], try_one)
    began = time.monotonic()
    atheris.Fuzz()
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
