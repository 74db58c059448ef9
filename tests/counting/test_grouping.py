"""Groups of rows and their figures."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.counting.grouping import group_rows

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
