"""Keeps libraries from importing others that they look for and can do without."""

import contextlib
import sys
from collections.abc import Collection, Iterator


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
