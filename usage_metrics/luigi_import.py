"""Imports Luigi without what only others of its users need.

More than half of the time that Luigi takes to import goes into libraries that it works
without. A program that imports Luigi first, as ``luigi`` does, has them all.
"""

import functools
import importlib.util
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from usage_metrics.hiding import hiding

UNUSED = ("jsonschema", "tornado")
"""If these are installed, Luigi has parameters with a schema and retries coroutines;
nothing here has either."""

LATER = {
    "requests_unixsocket": (),
    "requests": (),
    "urllib.request": ("Request", "urlopen"),
}
"""What Luigi talks to luigid with, the first that is installed; and which functions it
imports from each."""


class _Later(ModuleType):
    """Stands in for a library, which is imported when it is used."""

    def __init__(self, name: str, functions: Iterable[str]) -> None:
        super().__init__(name)
        for function in functions:
            setattr(self, function, functools.partial(self._call, function))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # such as __path__, for which an import looks
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)

    def _call(self, function: str, *args: Any, **options: Any) -> Any:
        return self.__getattr__(function)(*args, **options)


def import_luigi() -> None:
    """Import Luigi, which reads ``luigi.cfg``, unless it is there already."""
    if "luigi" in sys.modules:
        return
    absent = [name for name in LATER if name not in sys.modules]
    absent = [name for name in absent if importlib.util.find_spec(name)]
    sys.modules |= {name: _Later(name, LATER[name]) for name in absent}
    try:
        with hiding(*UNUSED):
            importlib.import_module("luigi")
    finally:
        for name in absent:
            del sys.modules[name]
