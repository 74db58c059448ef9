"""Rejected entries are kept whole, and reasons told without values."""

import datetime as dt
import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.arrow import STRING
from usage_metrics.cleaning.rejects import REJECTED, reject, without_value


def test_a_rejected_entry_is_one_json_object_with_its_nested_fields() -> None:
    moment = dt.datetime(2022, 3, 15, 14, 25, 58, 184967, tzinfo=dt.UTC)
    entry = {"b": {"c": 'é "quoted"\x00', "d": None}, "at": moment, "n": 2**40}
    rows = reject(pa.Table.from_pylist([entry]), pa.array(["has no id"]))
    assert rows.schema.equals(REJECTED)
    ((reason, text),) = (row.values() for row in rows.to_pylist())
    assert reason == "has no id"
    assert json.loads(text) == entry | {"at": "2022-03-15 14:25:58.184967+00:00"}


@given(st.text(), st.sampled_from(["text", "a duration such as 0.25s"]))
def test_a_reason_can_be_told_without_the_value_that_it_shows(
    value: str, kind: str
) -> None:
    reason = f"line 3 of a.json has httpRequest.remoteIp = {value!r}, which is not "
    told = "line 3 of a.json has httpRequest.remoteIp, which is not "
    assert without_value(reason + kind) == told + kind


def test_a_reason_without_a_value_is_told_as_it_is() -> None:
    for reason in ("has no insertId", "line 1 of a=b.json is no JSON object"):
        assert without_value(reason) == reason


def test_no_rejected_entries_are_an_empty_table() -> None:
    nothing = pa.table({"a": pa.array([], STRING)})
    assert reject(nothing, pa.array([], STRING)).equals(REJECTED.empty_table())
