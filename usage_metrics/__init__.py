"""Turns request logs of open data into usage figures, day by day.

``luigi --module usage_metrics`` finds the tasks here: ``Extract``, ``Clean``,
``Geocode`` and ``CountUsage`` for one day, ``RangeDaily`` for a range of them,
``LoadSQLite`` for the database, ``CountMonth`` and ``CounterReport`` for a month,
``Report`` for people.
:mod:`usage_metrics.tasks.stages` is the place to start reading.

Luigi takes most of a second to import. So the tasks are imported at once only if Luigi
is there already, as it is in its own program; otherwise when one of them is used.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usage_metrics.tasks import *  # noqa: F403

# numpy's library for matrices starts a thread for each processor, and these spin for a
# tenth of a second in every process; nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Of Arrow's pools, jemalloc gives memory back soonest: with it a stage takes two thirds
# of the usual one's. Arrow has it on Linux with glibc, and reads this when imported.
if getattr(sys.implementation, "_multiarch", "").endswith("-linux-gnu"):
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")


def __getattr__(name: str) -> Any:
    """Import the tasks for whoever uses one of them by name, or all by ``*``."""
    if name != "__all__" and not name[0].isupper():
        raise AttributeError(f"usage_metrics has no attribute {name!r}")
    return getattr(importlib.import_module("usage_metrics.tasks"), name)


if "luigi" in sys.modules:
    import usage_metrics.tasks  # noqa: F401
