"""Keeps libraries from importing others that they can do without, or not yet need."""

import contextlib
import sys
import threading
from collections.abc import Collection, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Hidden:
    """Finds some libraries nowhere, wherever they are."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse them, and leave all else to other finders."""
        if name in self._names:
            raise ModuleNotFoundError(name, name=name)


@contextlib.contextmanager
def hiding(*names: str) -> Iterator[None]:
    """Have libraries not be found while the block runs, unless they are imported."""
    finder = _Hidden(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Later(ModuleType):
    """A module that is executed when something in it is first used.

    Unlike Python's own lazy loader, that of Python 3.11 at least, it has other threads
    wait that use it meanwhile.
    """

    _is_executed = False
    _lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        # Python asks for the former when it imports, and for the latter to import all.
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        self._execute()
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(name, name=name, obj=self) from None

    def __dir__(self) -> list[str]:
        self._execute()
        return sorted(vars(self))

    def _execute(self) -> None:
        with self._lock:
            if not self._is_executed and self.__spec__ is not None:
                self._is_executed = True
                self.__spec__.loader_state.exec_module(self)


class _Lazily:
    """Finds a library, and leaves its execution for later."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Any, _: object = None) -> ModuleSpec | None:
        """Find it, and leave all else to other finders."""
        found = PathFinder.find_spec(name, path) if name == self._name else None
        if found is not None:
            found.loader_state, found.loader = found.loader, self  # type: ignore[assignment]
        return found

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the module that will be executed."""
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave that for later."""


def import_later(name: str) -> None:
    """Have a module be executed when it is first used, not when it is imported."""
    if name not in sys.modules:
        sys.meta_path.insert(0, _Lazily(name))
