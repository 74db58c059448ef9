"""The parameter that names the source of a task."""

import luigi

from usage_metrics.errors import ConfigError
from usage_metrics.sources.settings import sources_on

ALL = "all"
"""In place of a source: every one that is on."""


class SourceParameter(luigi.Parameter[str]):
    """A source; without one, the only one that is on.

    Each task declares its own: Luigi orders parameters by when they were made, and the
    source comes after the date.
    """

    def __init__(self, *, or_all: bool = False) -> None:
        """Name no source.

        Args:
            or_all: whether the task can be about all sources, and is where several are
                on and none is named.
        """
        what = f"kind of log, or {ALL}" if or_all else "kind of log"
        super().__init__(
            default="", description=f"{what}; not needed if only one source is on"
        )
        self._or_all = or_all

    def normalize(self, x: str) -> str:
        """The source that is named or meant.

        Raises:
            ConfigError: if none is named, and not just one is on.
        """
        if x:
            return x
        first, *others = sources_on()
        if not others:
            return first
        if self._or_all:
            return ALL
        raise ConfigError(
            f"several sources are on: {', '.join([first, *others])}; say which: "
            f"--source {first}, or for RangeDaily --of-params "
            f'\'{{"source": "{first}"}}\''
        )
