"""Lines that are JSON objects: by the rule, and many at once with the same result."""

import json
import os
from typing import Any

import numpy as np
import pytest
from mutations import mutated_block

from usage_metrics.logs import json_objects
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.json_objects import json_columns

BATCHES = int(os.environ.get("FUZZ_BATCHES", "300"))
"""The long form has 100,000."""

GOOD = b'{"a":"1","cs-b":"-","sc-b":"x y"}'


def read(*lines: bytes) -> tuple[dict[str, list[str | None]], dict[int, str]]:
    text = b"".join(line + b"\n" for line in lines)
    return columns_of(Block(text, np.arange(1, len(lines) + 1), "a.json"))


def columns_of(block: Block) -> tuple[dict[str, list[str | None]], dict[int, str]]:
    fields = json_columns(block, ("-", ""))
    columns = {
        name: values
        for name in fields.names
        for values in [fields.text(name).to_pylist()]
        if any(value is not None for value in values)
    }
    return columns, fields.faults


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        ("-", None),
        ("", None),
        (None, None),
        (1.5, "1.5"),
        (10**400, "1" + "0" * 400),
        (True, "true"),
        (["a", 1], '["a", "1"]'),
        ("\ud800", "\ufffd"),
    ],
)
def test_a_value_is_text(value: Any, text: str | None) -> None:
    columns, faults = read(GOOD, json.dumps({"a": value}).encode())
    assert columns["a"] == ["1", text]
    assert not faults


@pytest.mark.parametrize("line", [b"[1]", b"{", b'{"a": "1"} {"a": "2"}', b"nothing"])
def test_a_line_that_is_no_object_is_at_fault(line: bytes) -> None:
    columns, faults = read(GOOD, line, GOOD)
    assert columns["a"] == ["1", None, "1"]
    assert faults == {1: "is no JSON object"}


def test_many_lines_at_once_are_read_as_each_by_the_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [GOOD, b'{"a":null,"cs-b":"2","sc-b":""}', b'{ "sc-b": "3", "a": "1" }']
    at_once = 0
    for seed in range(BATCHES):
        block = mutated_block(lines, b'"":,{}[]\\u0d8 sc-b', seed)
        if not len(block):
            continue
        found = columns_of(block)
        at_once += json_objects._at_once(block, str) is not None
        with monkeypatch.context() as patch:
            patch.setattr(json_objects, "_at_once", lambda *_: None)
            assert found == columns_of(block), (seed, block.text)
    assert at_once > BATCHES / 50
