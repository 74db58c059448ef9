"""Reads a format of nginx or Apache, as it stands in the server's configuration.

It may be the string alone, or the whole directive: ``log_format main '…' '…';`` over
several lines, or ``LogFormat "…" combined`` with its quotes escaped.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from usage_metrics.errors import ConfigError
from usage_metrics.logs.web import variables
from usage_metrics.logs.web.variables import APACHE, NGINX, TEXT, Variable
from usage_metrics.parameters import did_you_mean

_LOG_FORMAT = re.compile(
    r"(log_format\s+\S+\s+)?(?:escape=(\w+)\s+)?(.*?)\s*;?", re.DOTALL
)
_APACHE_DIRECTIVE = re.compile(
    r'(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"(?:\s+\S+)*', re.DOTALL
)
_NGINX_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_APACHE_VARIABLE = re.compile(
    r"%(?:!?[0-9,]+)?[<>]?((?:\{[^}]*\})?(?:\^\w\w|[A-Za-z])|%)?"
)

ESCAPES = ("default", "json", "none")

Element = str | Variable
"""A text that stands in every line, or a variable."""


@dataclass(frozen=True)
class LineLayout:
    """What a line consists of."""

    elements: tuple[Element, ...]
    is_json: bool = False
    """Whether texts are escaped as in JSON; else as nginx and Apache do by default."""
    takes_more: bool = False
    """Whether further fields may follow, behind a blank."""

    @property
    def variables(self) -> list[Variable]:
        """The variables, in order."""
        return [one for one in self.elements if isinstance(one, Variable)]


def read_format(text: str) -> LineLayout:
    """Read a format string or directive.

    Raises:
        ConfigError: if a variable is unknown, or there is no address, no time, or
            nothing that was asked for.
    """
    escape, string = _string_of(text.strip())
    if escape not in ESCAPES:
        raise ConfigError(
            f"format has escape={escape}, which nginx does not know; it is one of "
            f"{', '.join(ESCAPES)}"
        )
    if _NGINX_VARIABLE.search(string):
        elements = list(_pieces(string, _NGINX_VARIABLE, _of_nginx))
    else:
        elements = list(_pieces(string, _APACHE_VARIABLE, _of_apache))
    _check({one.column for one in elements if isinstance(one, Variable)})
    return LineLayout(tuple(_in_quotes(_best(elements))), escape == "json")


def _string_of(text: str) -> tuple[str, str]:
    """The escaping of a format, and the format itself on one line."""
    if found := _APACHE_DIRECTIVE.fullmatch(text):
        return "default", re.sub(r"\\(.)", r"\1", found[1])
    found = _LOG_FORMAT.fullmatch(text)
    directive, escape, string = found.groups() if found else ("", "", text)
    # A format that begins and ends with double quotes is not a quoted one.
    if directive or string.startswith("'"):
        parts = _NGINX_STRING.findall(string)
        string = "".join(re.sub(r"\\(.)", r"\1", a or b) for a, b in parts) or string
    return escape or "default", re.sub(r"\s*\n\s*", " ", string)


def _pieces(
    string: str, variable: re.Pattern[str], read: Callable[[re.Match[str]], Element]
) -> Iterator[Element]:
    end = 0
    for match in variable.finditer(string):
        yield string[end : match.start()]
        found = read(match)
        is_bracketed = found == APACHE["t"]
        yield from ("[", found, "]") if is_bracketed else (found,)
        end = match.end()
    yield string[end:]


def _of_nginx(match: re.Match[str]) -> Element:
    name = match[1] or match[2]
    if name in NGINX:
        return NGINX[name]
    if re.fullmatch(variables.NGINX_OTHERS, name):
        return Variable(f"${name}", None, TEXT)
    raise ConfigError(
        f"format has ${name}, which nginx does not know"
        f"{did_you_mean(f'${name}', [f'${known}' for known in NGINX])}; "
        "if it is a variable of your own, write $_ in its place"
    )


def _of_apache(match: re.Match[str]) -> Element:
    name: str = match[1] or ""
    if name == "%":
        return "%"
    is_header = name.endswith("}i")
    known = APACHE.get(name.lower() if is_header else name)
    if known is not None:
        return known
    if name.endswith("}t"):
        raise ConfigError(
            f"format has {match[0]}, a time that is not read; log %t, %{{sec}}t, "
            "%{msec}t or %{usec}t instead"
        )
    if re.fullmatch(variables.APACHE_OTHERS, name):
        return Variable(match[0], None, TEXT)
    raise ConfigError(
        f"format has {match[0]!r}, which Apache does not know; write the format as it "
        "stands in LogFormat"
    )


def _check(columns: set[str | None]) -> None:
    """Refuse a format whose lines do not say who asked for what, and when.

    Raises:
        ConfigError: naming what is missing.
    """
    wanted = {
        "address": ({"remote_addr", "forwarded_for"}, "$remote_addr or %h"),
        "time": ({"time"}, "$time_local or %t"),
        "request": ({"request", "target"}, "$request or %r"),
    }
    for what, (any_of, such_as) in wanted.items():
        if not any_of & columns:
            raise ConfigError(
                f"format has no {what}, such as {such_as}; write the name of a preset, "
                "or the format as it stands in the configuration of nginx or Apache"
            )


def _best(elements: list[Element]) -> Iterator[Element]:
    """The elements; of several variables of a column, only the best keeps it."""
    best: dict[str | None, Variable] = {}
    for one in elements:
        if isinstance(one, Variable):
            known = best.setdefault(one.column, one)
            best[one.column] = min(known, one, key=lambda variable: variable.rank)
    if "request" in best or ((target := best.get("target")) and target.holds_query):
        best.pop("query", None)
    taken: set[str] = set()
    for one in elements:
        if isinstance(one, Variable) and one.column is not None:
            is_best = best.get(one.column) == one and one.column not in taken
            if is_best:
                taken.add(one.column)
            yield one if is_best else replace(one, column=None)
        else:
            yield one


def _in_quotes(elements: Iterator[Element]) -> Iterator[Element]:
    """The elements; a value in quotes may be empty, and a text may have blanks."""
    quotes = 0
    for one in elements:
        if isinstance(one, str):
            quotes += one.count('"')
            yield one
        else:
            yield replace(one, kind=one.kind.in_quotes) if quotes % 2 else one
