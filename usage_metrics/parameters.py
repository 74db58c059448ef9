"""How a setting or parameter is read, and refused in a sentence.

Luigi takes values from the command line and from ``luigi.cfg``. It does not mind a key
that no setting has, and meets a value that it cannot read with a traceback.
"""

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping, Sequence
from configparser import InterpolationError
from typing import Any

import luigi

from usage_metrics.errors import ConfigError


class Day(luigi.DateParameter):
    """A UTC day, with a clear error for what is no date."""

    def parse(self, text: str) -> dt.date:
        """Read ``YYYY-MM-DD``.

        Raises:
            ConfigError: if ``text`` is no such date.
        """
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise ConfigError(
                f"{self._attribute_name or 'date'} = {text!r} is not a date; write it "
                "as YYYY-MM-DD, on the command line or in luigi.cfg"
            ) from None


class OptionalDay(Day):
    """A day that may be left open, and is so by default."""

    def __init__(self, description: str) -> None:
        """Describe it, for people."""
        super().__init__(default=None, description=description)  # type: ignore[arg-type]

    def parse(self, text: str) -> dt.date | None:  # type: ignore[override]
        """Read ``YYYY-MM-DD``; nothing is None.

        Raises:
            ConfigError: if ``text`` is no such date.
        """
        return super().parse(text) if text else None

    def serialize(self, value: dt.date | None) -> str:
        """Write it as it is read."""
        return value.isoformat() if value else ""


class CommandLineDay(OptionalDay):
    """A day that stands on the command line; in ``luigi.cfg`` the source has it."""


class Place(luigi.Parameter[str]):
    """A path or URI that has to be named: an empty one would be the disk's root."""

    def parse(self, text: str) -> str:
        """Read it.

        Raises:
            ValueError: if there is none.
        """
        if not text.strip():
            raise ValueError("it is empty; name a place, or leave the setting out")
        return text


class Moment(luigi.Parameter[dt.datetime]):
    """A time in UTC."""

    def parse(self, text: str) -> dt.datetime:
        """Read what :meth:`serialize` writes."""
        return dt.datetime.fromisoformat(text)

    def serialize(self, value: dt.datetime) -> str:
        """Write it as ISO 8601 does, short."""
        utc = value.astimezone(dt.UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='milliseconds')}Z"


class Configured:
    """Has a task or section refuse what is wrong with its settings."""

    @classmethod
    def get_param_values(
        cls,
        params: Sequence[tuple[str, luigi.Parameter[Any]]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> list[tuple[str, Any]]:
        """Find the values as Luigi does, of settings that are known to be good.

        Raises:
            ConfigError: naming the section, the key and the remedy.
        """
        name: str = cls.get_task_family()  # type: ignore[attr-defined]
        check_section(name, dict(params))
        try:
            values: list[tuple[str, Any]]
            values = super().get_param_values(params, args, kwargs)  # type: ignore[misc]
        except luigi.parameter.MissingParameterException as error:
            requires = str(error).rpartition("]: ")[2]
            raise ConfigError(
                f"{name} {requires}, on the command line or in [{name}] of luigi.cfg"
            ) from None
        except ValueError as error:
            problem = str(error).rpartition("]: ")[2]
            raise ConfigError(f"{name}: {problem}: {error.__cause__}") from None
        return values


def check_section(name: str, parameters: Mapping[str, luigi.Parameter[Any]]) -> None:
    """Refuse keys of a section that are no settings, and values that cannot be read.

    Raises:
        ConfigError: naming the section, the key and the remedy.
    """
    settings = luigi.configuration.get_config()
    if not settings.has_section(name):
        return
    for key in settings.options(name):
        if key not in parameters and key not in settings.defaults():
            raise ConfigError(
                f"luigi.cfg: [{name}] has no setting {key!r}"
                f"{did_you_mean(key, parameters)}; it has "
                f"{', '.join(sorted(parameters))}"
            )
        value = read(name, key)
        if isinstance(parameters.get(key), CommandLineDay):
            raise ConfigError(
                f"luigi.cfg: [{name}] {key} has moved to the section of the source: "
                f"write {key} = {value} in [datasette]"
            )
        if key in parameters:
            _check_value(parameters[key], value, f"luigi.cfg: [{name}] {key}")


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.75) -> str:
    """Name, in brackets, the known word that one is much like; or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=likeness)
    return f" (did you mean {close[0]}?)" if close else ""


def read(section: str, key: str) -> str:
    """The value of a setting, as it stands in ``luigi.cfg``.

    Raises:
        ConfigError: if a percent sign or a variable in it makes no sense.
    """
    try:
        value: str = luigi.configuration.get_config().get(section, key)
    except InterpolationError as error:
        raise ConfigError(
            f"luigi.cfg: the value of [{section}] {key} cannot be read: {error}; "
            "write %% for a percent sign and set every ${VARIABLE} it names"
        ) from None
    return value


def _check_value(parameter: luigi.Parameter[Any], value: str, setting: str) -> None:
    try:
        parameter.parse(value)
    except ConfigError as error:
        raise ConfigError(f"{setting}: {error}") from None
    except ValueError as error:
        raise ConfigError(f"{setting} = {value!r} cannot be used: {error}") from None
