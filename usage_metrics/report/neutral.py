"""Texts from the logs without what could act where they are shown.

A frame of figures may end in a notebook's HTML, a saved chart, a CSV file or a
spreadsheet, and pandas and Altair do not escape in all of these. So no figure and no
chart holds a text with markup, control characters or a formula, whoever draws it. In
the database the texts are as they were.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.spreadsheet import as_text

_SUSPECT = r"[^ -;=-~]|^[=+\-@]"
"""In RE2: what is not plain ASCII, a ``<``, or the beginning of a formula."""
_INHERITED = frozenset(
    {
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
        *("toLocaleString", "toString", "valueOf", "__proto__"),
        *("__defineGetter__", "__defineSetter__"),
        *("__lookupGetter__", "__lookupSetter__"),
    }
)
"""What every object of JavaScript has: Vega, which looks names up in objects, draws no
chart with one of them."""


def visible(text: str) -> str:
    """The text with a code for each character that is not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _code(c) for c in text)


def neutral(text: str) -> str:
    """The text with a code for each ``<``, too, and no formula."""
    return as_text(visible(text).replace("<", _code("<")))


def may_be_changed(text: str) -> bool:
    """Whether a neutral text may stand for another one."""
    return "\\u" in text or text.startswith("'")


def encoded(texts: pa.Array) -> pa.DictionaryArray:
    """A column of neutral texts, each distinct one stated once."""
    found = texts.dictionary_encode()
    suspect = pc.match_substring_regex(found.dictionary, _SUSPECT)
    if not pc.any(suspect).as_py():
        return found
    plain = pa.array(map(neutral, found.dictionary.to_pylist()), pa.string())
    # Two texts may have become one.
    return plain.take(found.indices).dictionary_encode()


def for_chart(rows: Any) -> Any:
    """A pandas frame with neutral texts that Vega can draw; anything else as it is."""
    if not hasattr(rows, "select_dtypes"):
        return rows
    texts = rows.select_dtypes(["object", "string", "category"])
    texts = texts.astype(object).map(_neutral_value)
    return rows.assign(**{name: texts[name] for name in texts})


def _neutral_value(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"{value}\u00a0" if value in _INHERITED else neutral(value)


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}"
