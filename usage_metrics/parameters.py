"""Parameters and settings that refuse mistakes with a sentence.

Luigi takes values from the command line and from ``luigi.cfg``. By itself it ignores
unknown keys, and shows a traceback for a value that it cannot read.
"""

import datetime as dt
import difflib
import functools
import operator
import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from configparser import InterpolationError
from typing import Any, ClassVar, TypeVar

import luigi
from luigi.cmdline_parser import CmdlineParser

from usage_metrics.accepted import check_value
from usage_metrics.dates import ONE_DAY, consecutive
from usage_metrics.errors import ConfigError

Number = TypeVar("Number", int, float)


class Day(luigi.DateParameter):
    """A UTC day, with a clear error for anything else."""

    def parse(self, text: str) -> dt.date:
        """Read ``YYYY-MM-DD``.

        Raises:
            ConfigError: if ``text`` is not such a date.
        """
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise ConfigError(
                f"{self._attribute_name or 'date'} = {text!r} is not a date; write it "
                "as YYYY-MM-DD"
            ) from None


class OptionalDay(Day):
    """A day that may be left out, and is by default."""

    def __init__(self, description: str) -> None:
        """Describe it, for people."""
        super().__init__(default=None, description=description)  # type: ignore[arg-type]

    def parse(self, text: str) -> dt.date | None:  # type: ignore[override]
        """Read ``YYYY-MM-DD``; the empty text is None."""
        return super().parse(text) if text else None

    def serialize(self, value: dt.date | None) -> str:
        """Write it as it is read."""
        return value.isoformat() if value else ""


class BoundDay(OptionalDay):
    """The first day of the source ``datasette``, or the day after its last.

    Both stood in ``[LoadSQLite]`` when there was no other source, and are still read
    there.
    """

    FORMER = "LoadSQLite"

    def __init__(self, name: str, description: str) -> None:
        """Name its setting, and describe it for people."""
        super().__init__(description)
        self._config_path = {"section": self.FORMER, "name": name}


class Month(luigi.MonthParameter):
    """A UTC month, with a clear error for anything else."""

    def parse(self, text: str) -> dt.date:
        """Read ``YYYY-MM``.

        Raises:
            ConfigError: if ``text`` is not such a month.
        """
        try:
            month: dt.date = super().parse(text)
        except ValueError:
            raise ConfigError(
                f"month = {text!r} is not a month; write it as YYYY-MM, such as 2026-03"
            ) from None
        return month


class Place(luigi.Parameter[str]):
    """A required path or URI: an empty one would be the root of the disk."""

    def parse(self, text: str) -> str:
        """Read a path.

        Raises:
            ValueError: if it is empty.
        """
        if not text.strip():
            raise ValueError("it is empty; give a path, or leave the setting out")
        return text


class PathOfUrl(luigi.Parameter[str]):
    """The beginning of the paths of a site's URLs; empty for all of them."""

    def parse(self, text: str) -> str:
        """Read a path.

        Raises:
            ValueError: if it is a whole URL, or has what no path has.
        """
        if "//" in text or any(sign in text for sign in "?#, "):
            raise ValueError("it is not a path; write the path alone, such as /data/")
        return text


class Verbatim(luigi.Parameter[str]):
    """A text in which a percent sign may stand alone, and means itself."""


class Days(luigi.Parameter[frozenset[dt.date]]):
    """Days and ranges of days, separated by commas; none by default."""

    def __init__(self, description: str) -> None:
        """Describe it, for people."""
        super().__init__(default=frozenset(), description=description)

    def parse(self, text: str) -> frozenset[dt.date]:
        """Read ``2026-03-08, 2026-04-01..2026-04-03``; both ends are included.

        Raises:
            ValueError: naming the part that is neither a day nor a range.
        """
        parts = filter(None, map(str.strip, text.split(",")))
        return frozenset(day for part in parts for day in self._range(part))

    def serialize(self, value: Collection[dt.date]) -> str:
        """Write them as they are read."""
        ranges = consecutive(sorted(value))
        return ", ".join(f"{a}" if a == b else f"{a}..{b}" for a, b in ranges)

    def _range(self, part: str) -> list[dt.date]:
        first, _, last = map(str.strip, part.partition(".."))
        try:
            start = dt.date.fromisoformat(first)
            end = dt.date.fromisoformat(last if ".." in part else first)
        except ValueError:
            raise ValueError(
                f"{part!r} is neither a day nor a range of days; write days as "
                "2026-03-08, ranges as 2026-04-01..2026-04-03, and commas between them"
            ) from None
        if end < start:
            raise ValueError(f"{part!r} ends before it begins; swap the two days")
        return [start + number * ONE_DAY for number in range((end - start).days + 1)]


class Names(luigi.Parameter[tuple[str, ...]]):
    """Names, separated by commas; none by default."""

    def __init__(self, description: str, pattern: str) -> None:
        """Describe it, for people, and say what a name looks like."""
        super().__init__(default=(), description=description)
        self._pattern = pattern

    def parse(self, text: str) -> tuple[str, ...]:
        """Read ``one, another``; each name is taken once.

        Raises:
            ValueError: naming the part that is not such a name.
        """
        names = dict.fromkeys(filter(None, map(str.strip, text.split(","))))
        for name in names:
            if not re.fullmatch(self._pattern, name):
                raise ValueError(f"{name!r} is not such a name; see docs/platforms.md")
        return tuple(names)

    def serialize(self, value: Collection[str]) -> str:
        """Write them as they are read."""
        return ", ".join(value)


class Moment(luigi.Parameter[dt.datetime]):
    """A time in UTC."""

    def parse(self, text: str) -> dt.datetime:
        """Read what :meth:`serialize` writes."""
        return dt.datetime.fromisoformat(text)

    def serialize(self, value: dt.datetime) -> str:
        """Write it in ISO 8601, to the millisecond."""
        utc = value.astimezone(dt.UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='milliseconds')}Z"


class Configured:
    """Makes a task or section refuse mistakes in its settings."""

    _found: ClassVar[tuple[Hashable, list[tuple[str, Any]]]]
    """The values without arguments, after all that decides them."""

    @classmethod
    @functools.cache
    def get_params(cls) -> list[tuple[str, luigi.Parameter[Any]]]:
        """Its parameters, which Luigi looks for in all of its attributes, once."""
        found: list[tuple[str, luigi.Parameter[Any]]]
        found = super().get_params()  # type: ignore[misc]
        return found

    @classmethod
    def get_param_values(
        cls,
        params: Sequence[tuple[str, luigi.Parameter[Any]]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> list[tuple[str, Any]]:
        """Find the values as Luigi does, after checking its section.

        A run asks for its settings hundreds of times: they are found again only if the
        section says something else. A task's may depend on other sections.

        Raises:
            ConfigError: naming the section, the key and the remedy.
        """
        name: str = cls.get_task_family()  # type: ignore[attr-defined]
        if args or kwargs or not issubclass(cls, luigi.Config):
            return cls._find_values(name, params, args, kwargs)
        if "_found" not in vars(cls) or cls._found[0] != _said_of(name):
            values = cls._find_values(name, params, args, kwargs)
            cls._found = _said_of(name), values
        return cls._found[1]

    @classmethod
    def _find_values(
        cls,
        name: str,
        params: Sequence[tuple[str, luigi.Parameter[Any]]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> list[tuple[str, Any]]:
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


def _said_of(section: str) -> Hashable:
    """All that decides the values of a section; equal to nothing if it is not clear."""
    settings = luigi.configuration.get_config()
    sections = filter(settings.has_section, (section, BoundDay.FORMER))
    try:
        said = [tuple(settings.items(name)) for name in sections]
    except InterpolationError:  # what reads the value says what is wrong
        return object()
    return id(settings), CmdlineParser.get_instance(), *said


def check_section(name: str, parameters: Mapping[str, luigi.Parameter[Any]]) -> None:
    """Refuse unknown keys of a section, and values that cannot be read.

    Raises:
        ConfigError: naming the section, the key and the remedy.
    """
    for problem in section_problems(name, parameters):
        raise problem


def section_problems(
    name: str, parameters: Mapping[str, luigi.Parameter[Any]]
) -> Iterator[ConfigError]:
    """What is wrong in a section, key by key."""
    settings = luigi.configuration.get_config()
    if not settings.has_section(name):
        return
    _keep_percent_signs(name, parameters)
    for key in settings.options(name):
        if key in settings.defaults() and key not in parameters:
            continue
        try:
            _check_key(name, key, parameters)
        except ConfigError as error:
            yield error


def _keep_percent_signs(
    name: str, parameters: Mapping[str, luigi.Parameter[Any]]
) -> None:
    """Double the percent signs of texts in which they may stand alone, as if read so.

    Luigi reads every value of a section again, and takes a lone one for a mistake.
    """
    settings = luigi.configuration.get_config()
    for key, parameter in parameters.items():
        if isinstance(parameter, Verbatim) and settings.has_option(name, key):
            written = settings.get(name, key, raw=True)
            if "%" in written.replace("%%", ""):
                settings.set(name, key, written.replace("%", "%%"))


def _check_key(
    name: str, key: str, parameters: Mapping[str, luigi.Parameter[Any]]
) -> None:
    if key not in parameters:
        raise ConfigError(
            f"luigi.cfg: [{name}] has no setting {key!r}"
            f"{did_you_mean(key, parameters)}; it has "
            f"{', '.join(sorted(parameters))}"
        )
    value = read(name, key)
    check_value(parameters[key], value, name, key)
    former = BoundDay.FORMER
    if isinstance(parameters[key], BoundDay) and (
        luigi.configuration.get_config().get(former, key, value) != value
    ):
        raise ConfigError(
            f"luigi.cfg: [{name}] {key} = {value} is not the {key} in [{former}], "
            "where it stood in former versions; delete that one"
        )


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.75) -> str:
    """The known word that one resembles, but for case, in brackets; or nothing."""
    cased = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), cased, n=1, cutoff=likeness)
    return f" (did you mean {cased[close[0]]}?)" if close else ""


def read(section: str, key: str) -> str:
    """The value of a setting, as it stands in ``luigi.cfg``.

    Raises:
        ConfigError: if it holds a lone percent sign or an unset variable.
    """
    try:
        value: str = luigi.configuration.get_config().get(section, key)
    except InterpolationError as error:
        raise ConfigError(
            f"luigi.cfg: the value of [{section}] {key} cannot be read: {error}; "
            "write %% for a percent sign and set every ${VARIABLE} it names"
        ) from None
    return value


def number(
    default: Number, most: Number, description: str, least: Number | None = None
) -> luigi.NumericalParameter[Number]:
    """A setting that is a number between two others, both allowed.

    Args:
        default: the value when it is not set; its type is that of the setting.
        most: the greatest allowed value.
        description: what it means.
        least: the smallest allowed value; by default 0.
    """
    return luigi.NumericalParameter(
        default=default,
        var_type=type(default),
        min_value=type(default)(0) if least is None else least,
        max_value=most,
        right_op=operator.le,
        description=description,
    )


def text(description: str, default: str = "") -> luigi.Parameter[str]:
    """A setting that is a text, empty unless it says otherwise."""
    return luigi.Parameter(default=default, description=description)


def choice(choices: list[str], description: str) -> luigi.ChoiceParameter[str]:
    """A setting that is one of a few words, by default the first."""
    return luigi.ChoiceParameter(
        choices=choices, default=choices[0], description=description
    )


def share(default: float, description: str) -> luigi.NumericalParameter[float]:
    """A setting from 0 to 1, both allowed."""
    return number(default, 1.0, description)
