"""Groups of rows and their figures."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.counting.grouping import any_of, combine, holds


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=30),
    st.sampled_from([4, 1 << 21, 1 << 40]),
)
def test_equal_rows_and_no_others_have_equal_numbers_however_many_are_possible(
    rows: list[tuple[int, int, int]], possible: int
) -> None:
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    numbers = combine((codes, possible) for codes in columns).tolist()
    assert len(set(numbers)) == len(set(rows))
    assert len(set(zip(numbers, rows, strict=True))) == len(set(rows))


def test_a_null_passes_no_test_of_texts() -> None:
    texts = pa.array(["a", None, "b", "a"]).dictionary_encode()
    assert holds(texts, any_of("a")).tolist() == [True, False, False, True]
