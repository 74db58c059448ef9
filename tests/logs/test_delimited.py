"""Lines split into fields: by the rule, and many at once with the same result."""

import os

import numpy as np
import pyarrow as pa
import pytest
from mutations import mutated_block

from usage_metrics.logs import delimited
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.delimited import Delimiters, Spans, text_columns

BATCHES = int(os.environ.get("FUZZ_BATCHES", "300"))
"""The long form has 100,000."""

TABS = Delimiters(("-", ""), "\t")
BLANKS = Delimiters(("-", ""), " ")
QUOTES = Delimiters(("",), is_quoted=True)


def block_of(*lines: bytes) -> Block:
    text = b"".join(line + b"\n" for line in lines)
    return Block(text, np.arange(1, len(lines) + 1), "a.log")


def split(block: Block, names: str, by: Delimiters) -> tuple[pa.Table, dict[int, str]]:
    """The fields of a block, and what is wrong with which line."""
    fields = text_columns(block, names, by)
    return pa.table({name: fields.text(name) for name in names}), fields.faults


def rows(names: str, by: Delimiters, *lines: bytes) -> list[list[str | None]]:
    table, faults = split(block_of(*lines), names, by)
    assert not faults
    return [list(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("by", [TABS, BLANKS])
def test_what_is_between_delimiters_is_taken_as_it_is(by: Delimiters) -> None:
    mark = by.delimiter.encode()
    lines = [mark.join(line) for line in ([b'"a', b"", b"0x1F"], [b"-", b"\\", b"b"])]
    assert rows("abc", by, *lines) == [['"a', None, "0x1F"], [None, "\\", "b"]]


def test_a_delimiter_too_many_at_the_end_of_a_line_is_passed_over() -> None:
    assert rows("ab", TABS, b"1\t2\t", b"3\t4") == [["1", "2"], ["3", "4"]]


def test_a_doubled_quote_is_a_quote() -> None:
    lines = b'"a ""b"", c","2"', b'"1",""""', b'"",""'
    assert rows("ab", QUOTES, *lines) == [['a "b", c', "2"], ["1", '"'], [None, None]]


@pytest.mark.parametrize("end", [b"", b"\r"])
def test_lines_of_windows_are_the_same(end: bytes) -> None:
    assert rows("ab", QUOTES, b'"1","2"' + end) == [["1", "2"]]
    assert rows("ab", TABS, b"1\t2" + end) == [["1", "2"]]


@pytest.mark.parametrize(
    ("line", "by", "fault"),
    [
        (b"1\t2\t3", TABS, "has 3 fields, not 2 as its header"),
        (b"1", TABS, "has 1 fields, not 2 as its header"),
        (b"1  2", BLANKS, "has 3 fields, not 2 as its header"),
        (b'"1","2', QUOTES, "has quotes that do not enclose each of its fields"),
        (b'"1",2', QUOTES, "has quotes that do not enclose each of its fields"),
        (b'"1"x,"2"', QUOTES, "has quotes that do not enclose each of its fields"),
        (b'"1"', QUOTES, "has 1 fields, not 2 as its header"),
    ],
)
def test_a_line_with_other_fields_is_at_fault_and_the_others_are_read(
    line: bytes, by: Delimiters, fault: str
) -> None:
    good = b'"3","4"' if by.is_quoted else by.delimiter.encode().join([b"3", b"4"])
    table, faults = split(block_of(good, line, good), "ab", by)
    assert faults == {1: fault}
    assert table["a"].to_pylist() == ["3", None, "3"]


def test_what_is_not_utf8_becomes_a_replacement_character() -> None:
    assert rows("ab", TABS, b"\xff\t\xc3", b"\xc3\xbc\t2") == [
        ["\ufffd", "\ufffd"],
        ["ü", "2"],
    ]


LINES = {
    TABS: [b"a\t-\tb\xc3\xbc", b"\t\tx", b'"q"\t\'\t1', b"1\t2\t3\t"],
    BLANKS: [b"a - b", b"0 1 2", b"x+y - %20"],
    QUOTES: [b'"a","-","b"', b'"","",""', b'"x""y","1","z,w"', b'"\xc3\xbc","\\","2"'],
}


@pytest.mark.parametrize("by", LINES, ids=repr)
def test_many_lines_at_once_are_split_as_each_by_the_rule(
    by: Delimiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    likely = b'"",\t -\r\\\x00\xef\xbb\xbf' + by.delimiter.encode() * 3
    for seed in range(BATCHES):
        block = mutated_block(LINES[by], likely, seed)
        if not len(block):
            continue
        at_once = split(block, "abc", by)
        with monkeypatch.context() as patch:
            patch.setattr(delimited, "_at_once", _nothing)
            by_the_rule = split(block, "abc", by)
        assert at_once == by_the_rule, (seed, block.text)


def _nothing(block: Block, fields: int, _: Delimiters) -> tuple[Spans, np.ndarray]:
    none = np.empty((fields, 0), np.int32)
    return (none, none), np.zeros(len(block), bool)
