"""The rule: what a line of text of an S3 server access log is, as one expression.

Texts that a client chooses stand in quotes, and quotes within them are not escaped. But
no request target has a blank, so the first quote that the numbers follow ends the
request; a referer can only take a piece of the user agent; and behind the user agent
there is no quote. So no client can forge a number or somebody else's entry.

:mod:`usage_metrics.logs.s3.fast_path` reads many lines at once with the same result.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import re2

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import REST, Block
from usage_metrics.logs.line_ids import LINE_ID
from usage_metrics.logs.lines import CUT, LONGEST_LINE
from usage_metrics.logs.moments import common_times
from usage_metrics.logs.s3.entry import (
    ENTRY,
    FIRST,
    FURTHER,
    LATER,
    NUMBERS,
)

OPERATION = r"[A-Z0-9]+\.[A-Za-z0-9_.]+"
LONGEST_NUMBER = 18
"""Digits; so many always fit into 64 bits."""

FEW = 100
"""The most lines that are matched one by one."""

WORD = r'[^\x00-\x20"]+'
_TIME = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"

_FORMS = {
    **{field.name: WORD for field in (*FIRST, *LATER)},
    "time": rf"{_TIME} \+0000",
    "operation": OPERATION,
    "key": r"[^\x00-\x20]+",
    **dict.fromkeys(NUMBERS, rf"[0-9]{{1,{LONGEST_NUMBER}}}|-"),
    "http_status": r"[1-9][0-9]{2}|-",
    **dict.fromkeys(("request_uri", "referer"), r'-|".*?"'),
    "user_agent": r'-|".*"',
}
_IN_QUOTES = ("request_uri", "referer", "user_agent")


def _parts() -> Iterator[tuple[str, str]]:
    """Each field, and its expression with what separates it from the one before."""
    for field in FIRST:
        before, behind = (r"\[", r"\]") if field.name == "time" else ("", "")
        blank = "" if field is FIRST[0] else " "
        group = f"(?P<{field.name}>{_FORMS[field.name]})"
        yield field.name, f"{blank}{before}{group}{behind}"
    for field in LATER:
        yield field.name, f"(?: (?P<{field.name}>{_FORMS[field.name]}))?"
    yield FURTHER.name, f"(?P<{FURTHER.name}>(?: {WORD})*)"


_PARTS = dict(_parts())
_LINE = "^" + "".join(_PARTS.values()) + " ?$"
"""The last field may be missing, and the blank before it still be there."""

_WANTED = {
    "time": "time in UTC such as [07/Feb/2026:00:00:01 +0000]",
    "operation": "operation such as REST.GET.OBJECT",
    **dict.fromkeys(_IN_QUOTES, "text in quotes"),
    **dict.fromkeys(NUMBERS, "number"),
    "http_status": "status of three digits",
}
"""What a field is, if it is not just a text without blanks."""

_WITHOUT = [
    *(
        f"has no {_WANTED.get(name, 'text without blanks')} where its {name} belongs"
        for name in [field.name for field in FIRST]
    ),
    "has a quote, or two blanks in a row, behind its version_id",
]
"""What is wrong with a line of which so many fields are right."""

_REFUSED = {
    CUT.decode(): f"is longer than {LONGEST_LINE >> 20} MB; its beginning is kept",
    REST.decode(): "and all lines after it were not read: no log unpacks to so much, "
    "or has an entry so long",
}
"""Why lines are rejected that end so."""


def entries_singly(block: Block) -> pa.Table:
    """Read lines; one that is not an entry becomes a row that says why.

    Returns:
        A table of schema ``ENTRY`` without ids of lines.
    """
    texts = [block.line(row).removesuffix(b"\r") for row in range(len(block))]
    lines = pa.array(texts, pa.binary()).cast(STRING)
    found = _found(lines)
    matches = found["time"].is_valid()
    columns = _values(found)
    reasons = _reasons(block, lines, matches, columns["time"].is_valid())
    columns["unreadable"] = pa.nulls(len(lines), STRING)
    if reasons.null_count < len(lines):
        is_entry = reasons.is_null()
        columns = {n: pc.if_else(is_entry, c, None) for n, c in columns.items()}
        columns["unreadable"] = pc.if_else(is_entry, None, lines)
    columns["unreadableReason"] = reasons
    columns[LINE_ID.name] = pa.nulls(len(lines), LINE_ID.type)
    return pa.table([columns[field.name] for field in ENTRY], schema=ENTRY)


def _found(lines: pa.Array) -> dict[str, pa.Array]:
    """The texts of the fields; empty for one that is missing, null in other lines."""
    if len(lines) > FEW:
        found = pc.extract_regex(lines, _LINE).flatten()
    else:  # Arrow would compile the expression again
        matches = map(_line().match, lines.cast(pa.binary()).to_pylist())
        rows = [_texts_of(match) for match in matches]
        found = [pa.array(texts, STRING) for texts in zip(*rows, strict=True)]
    return dict(zip(_PARTS, found, strict=True))


@functools.cache
def _line() -> Any:
    return re2.compile(_LINE.encode())


def _texts_of(match: Any) -> list[bytes | None]:
    if match is None:
        return [None] * len(_PARTS)
    return [text or b"" for text in match.groups()]


def _values(texts: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """What the fields say; null for ``-``, bare or in quotes, and if one is missing."""
    times = _times(texts.pop("time"))
    further = texts.pop(FURTHER.name)
    quoted = {name: texts.pop(name) for name in _IN_QUOTES}
    values = _null_for(texts, ["-", ""]) | _null_for(quoted, ["-", '"-"'], 1)
    values |= {name: values[name].cast(INTEGER) for name in NUMBERS}
    values |= _null_for({FURTHER.name: pc.utf8_slice_codeunits(further, 1)}, [""])
    return values | {"time": times}


def _null_for(
    columns: dict[str, pa.Array], nothing: list[str], quotes: int = 0
) -> dict[str, pa.Array]:
    """Columns with nulls for some texts, and without so many quotes around the others.

    All at once: most calls are for a few lines.
    """
    texts = pa.concat_arrays(columns.values())
    is_nothing = pc.is_in(texts, pa.array(nothing))
    if quotes:
        texts = pc.utf8_slice_codeunits(texts, quotes, -quotes)
    texts = pc.if_else(is_nothing, None, texts)
    rows = len(texts) // len(columns)
    return {name: texts.slice(n * rows, rows) for n, name in enumerate(columns)}


def _times(texts: pa.Array) -> pa.Array:
    """The times; null where there is no text, or no such time."""
    known = common_times(texts.drop_null())
    return pc.replace_with_mask(
        pa.nulls(len(texts), TIMESTAMP), texts.is_valid(), known
    )


def _reasons(
    block: Block, lines: pa.Array, matches: pa.Array, has_time: pa.Array
) -> pa.Array:
    """Why each line is no entry; null for entries."""
    found: dict[int, str] = {}
    if matches.false_count:
        others = pc.indices_nonzero(pc.invert(matches))
        found = {row: _missing(lines[row].as_py()) for row in others.to_pylist()}
    timeless = pc.indices_nonzero(pc.and_not(matches, has_time)).to_pylist()
    found |= dict.fromkeys(timeless, "has a time that does not exist")
    suspects = pc.indices_nonzero(pc.greater(pc.count_substring(lines, " ["), 1))
    torn = [row for row in suspects.to_pylist() if _is_torn(lines[row].as_py())]
    found |= dict.fromkeys(torn, "is broken off, and another entry follows in it")
    reasons: list[str | None] = [None] * len(lines)
    for row, reason in found.items():
        reasons[row] = f"{block.place(row)} {reason}"
    return pa.array(reasons, STRING)


def _missing(line: str) -> str:
    """What a line should have and has not, of the first field where that is so."""
    for end, why in _REFUSED.items():
        if line.endswith(end):
            return why
    found = _beginning().match(line)
    if found is None:
        return _WITHOUT[0]
    right = sum(group is not None for group in found.groups())
    goes_on = line[found.end() : found.end() + 1] not in ("", " ")
    return _WITHOUT[right - goes_on]


@functools.cache
def _beginning() -> Any:
    """Matches as many fields as are right."""
    pattern = ""
    for field in reversed(FIRST):
        # A request with quotes in it would reach up to those of the user agent.
        part = re.sub(r'"\.\*\??"', '"[^"]*"', _PARTS[field.name])
        pattern = f"{part}(?:{pattern})?" if pattern else part
    return re2.compile(f"^{pattern}")


def _is_torn(line: str) -> bool:
    """Whether an entry of the same owner begins within a line."""
    owner = line.partition(" ")[0]
    again = re.compile(rf"{re.escape(owner)} [^ ]+ \[{_TIME} ")
    return owner != "" and again.search(line, len(owner)) is not None
