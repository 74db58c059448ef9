"""Groups of rows and their figures."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.counting.grouping import any_of, combine, group_rows, holds

VALUES = st.tuples(
    st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 5))
)


@given(st.lists(VALUES, max_size=30), st.sampled_from([0.5, 0.95]))
def test_groups_agree_with_a_plain_model(
    rows: list[tuple[str | None, int | None]], share: float
) -> None:
    keys, values = [r[0] for r in rows], [r[1] for r in rows]
    table = pa.table({"key": pa.array(keys, pa.string())})
    groups = group_rows(table, ["key"])
    floats = np.array([np.nan if v is None else v for v in values], dtype=float)
    distinct = groups.distinct(np.nan_to_num(floats, nan=9).astype(int)).tolist()
    found = groups.quantile(floats, share).to_pylist()
    for number, key in enumerate(groups.keys["key"].to_pylist()):
        members = [v for k, v in rows if k == key]
        known = sorted(v for v in members if v is not None)
        enough = (v for i, v in enumerate(known, 1) if i >= share * len(known))
        assert groups.count().tolist()[number] == len(members)
        assert distinct[number] == len(set(members))
        assert found[number] == next(enough, None)


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


@given(st.lists(VALUES, max_size=30), st.lists(st.booleans(), min_size=30))
def test_distinct_values_are_those_among_the_chosen_rows(
    rows: list[tuple[str | None, int | None]], chosen: list[bool]
) -> None:
    table = pa.table({"key": pa.array([key for key, _ in rows], pa.string())})
    values = np.array([9 if v is None else v for _, v in rows], dtype=np.int64)
    among = np.array(chosen[: len(rows)], dtype=bool)
    groups = group_rows(table, ["key"])
    found = dict(
        zip(
            groups.keys["key"].to_pylist(),
            groups.distinct(values, among).tolist(),
            strict=True,
        )
    )
    taken = [row for row, yes in zip(rows, chosen, strict=False) if yes]
    expected = {key: len({value for k, value in taken if k == key}) for key, _ in rows}
    assert found == expected


def test_a_null_passes_no_test_of_texts() -> None:
    texts = pa.array(["a", None, "b", "a"]).dictionary_encode()
    assert holds(texts, any_of("a")).tolist() == [True, False, False, True]
