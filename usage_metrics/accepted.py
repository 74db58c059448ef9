"""What a setting accepts, in words: Luigi says it in Python's."""

from typing import Any

import luigi

from usage_metrics.errors import ConfigError


def check_value(
    parameter: luigi.Parameter[Any], value: str, section: str, key: str
) -> None:
    """Try a value of ``luigi.cfg``.

    Raises:
        ConfigError: if it cannot be used, naming the setting and what can.
    """
    setting = f"luigi.cfg: [{section}]"
    try:
        parameter.parse(value)
    except ConfigError as error:
        names_it = str(error).startswith(f"{key} = ")
        what = str(error) if names_it else f"{key}: {error}"
        raise ConfigError(f"{setting} {what}") from None
    except ValueError as error:
        what = f"{key} = {value!r} cannot be used: {_accepted(parameter) or error}"
        raise ConfigError(f"{setting} {what}") from None


def _accepted(parameter: luigi.Parameter[Any]) -> str | None:
    """What to write, as far as it can be said for all parameters of a type."""
    if isinstance(parameter, luigi.NumericalParameter):
        kind = "whole number" if parameter._var_type is int else "number"
        ends = parameter._min_value, parameter._max_value
        least, most = (f"{end:,}".removesuffix(".0") for end in ends)
        return f"write a {kind} from {least} to {most}"
    if isinstance(parameter, luigi.ChoiceParameter):
        return f"write one of {', '.join(sorted(parameter._choices))}"
    if isinstance(parameter, luigi.IntParameter):
        return "write a whole number"
    return None
