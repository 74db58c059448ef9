"""A model of a disk: what it holds, and what a loss of power would leave of it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .traces import NAMING, SYNCING, Call


@dataclass(eq=False)
class File:
    """A file, whatever its name."""

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    def kept(self, chance: random.Random | None) -> bytes:
        """What a loss of power leaves: what was synced or, by chance, all."""
        is_lucky = chance is not None and chance.random() < 0.5
        return bytes(self.content) if is_lucky else self.synced


@dataclass(eq=False)
class Folder:
    """A folder, and the changes of its names since it was synced."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)
    synced: dict[str, "File | Folder"] = field(default_factory=dict)
    since: list[tuple[str, "File | Folder | None"]] = field(default_factory=list)

    def set(self, name: str, what: "File | Folder | None") -> None:
        """Give a name to something, or take it away."""
        _change(self.names, name, what)
        self.since.append((name, what))

    def sync(self) -> None:
        self.synced = dict(self.names)
        self.since.clear()

    def kept(self, chance: random.Random | None) -> dict[str, "File | Folder"]:
        """What a loss of power leaves: what was synced and, by chance, a bit more.

        Changes of a folder reach the disk in their order.
        """
        left = dict(self.synced)
        if chance is not None:
            for name, what in self.since[: chance.randint(0, len(self.since))]:
                _change(left, name, what)
        return left


class Disk:
    """What is below a folder, as system calls change it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.top = _read(folder)

    def does(self, call: Call) -> None:
        """Do what a system call did, if it was about something below the folder."""
        paths = [path for path in call.paths if path.is_relative_to(self.path)]
        if not paths:
            return
        path = paths[-1]
        if call.name in SYNCING:
            self._sync(path)
        elif call.name in NAMING:
            self._name(call, paths)
        elif call.name == "openat":
            self._open(path, call.flags)
        elif isinstance(file := self._at(path), File):
            _write(file, call)

    def leave(self, folder: Path, chance: random.Random | None = None) -> None:
        """Write what a loss of power at this moment would leave.

        Args:
            folder: where to.
            chance: says of what was not synced whether it is there; without it, all of
                that is lost.
        """
        _leave(self.top, folder, chance)

    def differences(self, other: "Disk") -> list[Path]:
        """Where two disks differ, but for memory that SQLite shares in a file."""
        found = _differ(self.top, other.top, self.path)
        return [path for path in found if not path.name.endswith("-shm")]

    def _at(self, path: Path) -> "File | Folder | None":
        found: File | Folder | None = self.top
        for part in path.relative_to(self.path).parts:
            found = found.names.get(part) if isinstance(found, Folder) else None
        return found

    def _parent(self, path: Path) -> Folder:
        found = self._at(path.parent)
        if not isinstance(found, Folder):
            raise TypeError(f"{path.parent} is not a folder")
        return found

    def _sync(self, path: Path) -> None:
        found = self._at(path)
        if isinstance(found, Folder):
            found.sync()
        elif found is not None:
            found.synced = bytes(found.content)

    def _name(self, call: Call, paths: list[Path]) -> None:
        what: File | Folder | None = None
        if call.name.startswith("mkdir"):
            what = Folder()
        elif call.name.startswith("rename"):
            what = self._at(paths[0])
            self._parent(paths[0]).set(paths[0].name, None)
        self._parent(paths[-1]).set(paths[-1].name, what)

    def _open(self, path: Path, flags: str) -> None:
        found = self._at(path)
        if found is None and "O_CREAT" in flags:
            self._parent(path).set(path.name, File())
        elif isinstance(found, File) and "O_TRUNC" in flags:
            found.content.clear()


def _change(
    names: dict[str, File | Folder], name: str, what: File | Folder | None
) -> None:
    if what is None:
        names.pop(name, None)
    else:
        names[name] = what


def _write(file: File, call: Call) -> None:
    """Write into a file: at a position, or at its end, as all do who name none."""
    if call.name == "ftruncate":
        del file.content[call.number :]
        file.content.extend(bytes(call.number - len(file.content)))
        return
    at = call.number if call.name == "pwrite64" else len(file.content)
    file.content.extend(bytes(max(0, at - len(file.content))))
    file.content[at : at + len(call.data)] = call.data


def _read(path: Path) -> Folder:
    """A folder as it is; all of it is taken to be synced."""
    names: dict[str, File | Folder] = {}
    for inside in sorted(path.iterdir()):
        if inside.is_dir():
            names[inside.name] = _read(inside)
        else:
            content = inside.read_bytes()
            names[inside.name] = File(bytearray(content), content)
    return Folder(names, dict(names))


def _leave(what: Folder, path: Path, chance: random.Random | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name, inside in what.kept(chance).items():
        if isinstance(inside, Folder):
            _leave(inside, path / name, chance)
        else:
            (path / name).write_bytes(inside.kept(chance))


def _differ(model: Folder, real: Folder, path: Path) -> Iterator[Path]:
    for name in sorted(model.names.keys() | real.names.keys()):
        one, other = model.names.get(name), real.names.get(name)
        if isinstance(one, Folder) and isinstance(other, Folder):
            yield from _differ(one, other, path / name)
        elif not (
            isinstance(one, File)
            and isinstance(other, File)
            and one.content == other.content
        ):
            yield path / name
