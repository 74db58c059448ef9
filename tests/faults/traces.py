"""Records what a command asks of the disk, by ``strace``."""

import codecs
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAMING = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat")
SYNCING = ("fsync", "fdatasync")
WRITING = ("openat", "write", "pwrite64", "ftruncate")

_CALL = re.compile(r"(\w+)\((.*)\) += \d+", re.S)
_FILE = re.compile(r"(?:\d+|AT_FDCWD)<(.*?)>(?:\(deleted\))?$", re.S)
_ARGUMENT = re.compile(r'"(?:[^"\\]|\\.)*"|[^",]+', re.S)

IS_POSSIBLE = shutil.which("strace") is not None and not (
    subprocess.run(["strace", "true"], capture_output=True, check=False).returncode
)


class Call(NamedTuple):
    """A system call that succeeded."""

    thread: str
    name: str
    paths: list[Path]
    """Of the files and folders that it is about."""
    data: bytes
    """What it writes."""
    number: int
    """Where it writes, or the size that it sets."""
    flags: str
    """How it opens a file."""


def record(command: list[str], folder: Path, calls: tuple[str, ...]) -> list[Call]:
    """Run a command in a folder.

    Raises:
        RuntimeError: if it does not end with exit code 0.
    """
    trace = folder / "trace"
    how = ["strace", "-f", "-y", "-x", "-qq", "-s", "100000000", "-o", str(trace)]
    done = subprocess.run(
        [*how, "-e", f"trace={','.join(calls)}", "-e", "signal=none", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    found = list(_calls(trace.read_text(), folder))
    trace.unlink()
    return found


def _calls(trace: str, folder: Path) -> Iterator[Call]:
    # A call that another thread interrupted is in two parts.
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.lstrip()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>")
            continue
        if rest.startswith("<... "):
            rest = begun.pop(thread) + rest.partition("resumed>")[2]
        if call := _CALL.match(rest):
            yield _parsed(thread, call[1], call[2], folder)


def _parsed(thread: str, name: str, arguments: str, folder: Path) -> Call:
    texts, files, rest = [], [], []
    for argument in (part.strip() for part in _ARGUMENT.findall(arguments)):
        if argument.startswith('"'):
            texts.append(codecs.escape_decode(argument[1:-1])[0])
        elif file := _FILE.match(argument):
            files.append(Path(file[1]))
        elif argument:
            rest.append(argument)
    # Of all but these, a file is the folder that a path is relative to.
    if name in (*SYNCING, "write", "pwrite64", "ftruncate"):
        number = int(rest[-1]) if rest else 0
        return Call(thread, name, files, b"".join(texts), number, "")
    start = files[0] if files else folder
    paths = [start / text.decode() for text in texts]
    return Call(thread, name, paths, b"", 0, rest[0] if rest else "")
