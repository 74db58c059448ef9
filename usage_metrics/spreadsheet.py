"""Texts that a spreadsheet takes as text, whatever they begin with."""

import re

_FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20](?=.)")
"""How formulas begin, also with the wide signs of East Asia."""


def as_text(text: str) -> str:
    """The text with a quotation mark before it if it could be a formula.

    Spreadsheets take what begins with a quotation mark as text.
    """
    return f"'{text}" if _FORMULA.match(text) else text
