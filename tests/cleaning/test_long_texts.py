"""Long texts of requests: shown by their beginning, told apart by a digest."""

import pyarrow as pa
import pytest

from usage_metrics.addresses.redaction import without
from usage_metrics.arrow import STRING
from usage_metrics.cleaning.long_texts import LONGEST, MARK, shortened

DIGEST = 24


def short(*texts: str | None) -> list[str | None]:
    [column] = shortened(pa.table({"text": pa.array(texts, STRING)})).columns
    found: list[str | None] = column.to_pylist()
    return found


def test_a_text_of_the_documented_length_stays_as_it_is() -> None:
    texts = ["a" * LONGEST, "é" * LONGEST, "", None]
    assert short(*texts) == texts


def test_a_longer_text_is_its_beginning_and_a_digest() -> None:
    (text,) = short("/x?sql=" + "select+" * LONGEST)
    assert text is not None
    beginning, mark, digest = text.partition(MARK)
    assert ("/x?sql=" + "select+" * LONGEST).startswith(beginning)
    assert mark
    assert len(digest) == DIGEST
    assert LONGEST - DIGEST < len(beginning) <= LONGEST


def test_texts_that_differ_behind_the_beginning_stay_different() -> None:
    one, other, again = short(*("x" * 8_000 + end for end in ("1", "2", "1")))
    assert one == again != other


def test_columns_of_distinct_values_are_shortened_once_per_value() -> None:
    values = pa.array(["x" * 5_000, "short", "y" * 5_000])
    codes = pa.array([0, 1, 0, None, 2], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, values)
    [found] = shortened(pa.table({"text": column})).columns
    assert pa.types.is_dictionary(found.type)
    assert found.to_pylist() == short(
        "x" * 5_000, "short", "x" * 5_000, None, "y" * 5_000
    )


def test_a_text_that_looks_shortened_makes_no_second_value() -> None:
    long = "x" * 1_000 + "1" * 5_000
    (made,) = short(long)
    forged = pa.array([made, long]).dictionary_encode()
    [found] = shortened(pa.table({"text": forged})).columns
    assert found.to_pylist() == [made, made]
    assert len(found.unique()) == 1


def test_columns_without_long_texts_and_others_are_the_same_objects() -> None:
    requests = pa.table({"text": ["a", None], "status": [200, 404]})
    assert shortened(requests) is requests


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.2.177", "192%2E0%2E2%2E177", "192~2E0~2E2~2E177", "192-0-2-177"),
        *("2001:db8::1:77", "2001%3Adb8%3A%3A1%3A77", "[2001:DB8::1:77]:8080"),
        *("::ffff:192.0.2.177", "2001%253Adb8%253A%253A1%253A77"),
    ],
)
def test_no_part_of_an_address_is_left_at_the_cut(address: str) -> None:
    # Wherever the address lies, it is there whole, and removed, or not at all.
    for before in range(LONGEST - len(address), LONGEST + 1):
        (text,) = short("x" * (before - 1) + "=" + address + "&" + "y" * 3_000)
        removed = without(pa.array([text], STRING), lambda _: True)
        left: str = (pa.array([text]) if removed is None else removed)[0].as_py()
        rest = left.partition(MARK)[0].replace("address-removed", "").lstrip("x")
        assert set(rest) <= set("=&y[]:80"), before


def test_no_character_is_cut_in_half() -> None:
    (text,) = short("é😀" * LONGEST)
    assert text is not None
    assert set(text.partition(MARK)[0]) == {"é", "😀"}
