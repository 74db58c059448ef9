"""Columns and their distinct values."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.arrow import (
    STRING,
    column,
    count,
    description,
    dictionary,
    each_distinct,
    empty_as_null,
    take_encoded,
    unit,
)

Text = str | None


def test_a_column_says_what_it_holds_and_in_which_unit() -> None:
    size = column("size", pa.int64(), "Size of it", "bytes")
    assert (size.name, size.type) == ("size", pa.int64())
    assert (description(size), unit(size)) == ("Size of it", "bytes")
    assert unit(column("name", STRING, "Name of it")) == ""


def test_a_column_of_others_says_nothing() -> None:
    assert description(pa.field("a", STRING)) == unit(pa.field("a", STRING)) == ""


WORDS = st.lists(st.none() | st.sampled_from(["", "a", "b", "é"]), max_size=8)


@given(st.lists(WORDS, max_size=3), st.booleans())
def test_a_column_in_pieces_becomes_one_dictionary(
    pieces: list[list[Text]], encoded: bool
) -> None:
    chunks = [pa.array(piece, STRING) for piece in pieces]
    if encoded:
        chunks = [chunk.dictionary_encode() for chunk in chunks]
    type_ = pa.dictionary(pa.int32(), STRING) if encoded else STRING
    found = dictionary(pa.chunked_array(chunks, type_))
    assert found.to_pylist() == [word for piece in pieces for word in piece]
    distinct = found.dictionary.to_pylist()
    assert None not in distinct
    assert len(distinct) == len(set(distinct))


@given(WORDS)
def test_each_distinct_value_is_looked_at_once(words: list[Text]) -> None:
    seen: list[str] = []

    def shout(word: str) -> str | None:
        seen.append(word)
        return word.upper() or None

    found = each_distinct(pa.array(words, STRING), shout)
    assert found.type == STRING
    assert found.to_pylist() == [
        word.upper() or None if word else None for word in words
    ]
    assert sorted(seen) == sorted({word for word in words if word is not None})


@given(WORDS, st.lists(st.none() | st.integers(0, 7), max_size=8))
def test_each_row_gets_the_value_at_its_code(
    words: list[Text], codes: list[int | None]
) -> None:
    codes = [code if code is not None and code < len(words) else None for code in codes]
    rows = pa.array(codes, pa.int32())
    expected = [None if code is None else words[code] for code in codes]
    assert take_encoded(pa.array(words, STRING), rows).to_pylist() == expected
    lengths = [None if word is None else len(word) for word in words]
    assert take_encoded(pa.array(lengths, pa.int64()), rows).to_pylist() == [
        None if word is None else len(word) for word in expected
    ]


def test_text_is_spread_as_a_dictionary_that_names_each_value_once() -> None:
    words = take_encoded(pa.array(["a", "b", "a"]), pa.array([0, 1, 2, 2]))
    assert words.dictionary.to_pylist() == ["a", "b"]


def test_empty_text_is_null() -> None:
    words = empty_as_null(pa.array(["", "a", None, " "]))
    assert words.to_pylist() == [None, "a", None, " "]


@pytest.mark.parametrize(
    ("mask", "rows"), [([True, False, None, True], 2), ([], 0), ([None], 0)]
)
def test_rows_that_hold_true_are_counted(mask: list[bool | None], rows: int) -> None:
    assert count(pa.array(mask, pa.bool_())) == rows


def test_arrow_looks_at_lists_without_pandas_and_makes_frames_with_it() -> None:
    script = (
        "import sys; from usage_metrics.sources import get_source; "
        "get_source('web'); import pyarrow as pa; pa.array(['a', None]); "
        "assert 'pandas' not in sys.modules; "
        "import pandas; frame = pandas.DataFrame({'a': ['x', None]}); "
        "assert pa.Table.from_pandas(frame)['a'].to_pylist() == ['x', None]; "
        "assert pa.table({'a': [1.5]}).to_pandas()['a'].tolist() == [1.5]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(("chosen", "used"), [(None, "jemalloc"), ("system", "system")])
def test_arrow_s_memory_is_given_back_unless_a_user_has_chosen_another_pool(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, used: str
) -> None:
    if used not in pa.supported_memory_backends():
        pytest.skip(f"this build of Arrow has no {used}")
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    if chosen is not None:
        monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", chosen)
    script = (
        "import sys, usage_metrics, pyarrow; "
        "assert pyarrow.default_memory_pool().backend_name == sys.argv[1]"
    )
    subprocess.run([sys.executable, "-c", script, used], check=True)


def test_the_database_is_asked_without_arrow_and_loaded_without_polars(
    tmp_path: Path,
) -> None:
    script = (
        "import sys; from usage_metrics.warehouse import connection; "
        "file = connection.DatabaseFile(sys.argv[1], 1)\n"
        "with file.connect() as opened: opened.execute('SELECT 1')\n"
        "assert 'adbc_driver_manager' not in sys.modules; "
        "connection.arrow_driver(); assert 'polars' not in sys.modules; "
        "from importlib import import_module, util\n"
        "if util.find_spec('polars'): import_module('polars')"
    )
    file = str(tmp_path / "file")
    subprocess.run([sys.executable, "-c", script, file], check=True)
