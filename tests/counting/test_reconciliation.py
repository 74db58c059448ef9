"""Every log line of a day is accounted for."""

import pytest
from little_log import LOG, events_of, figures

from usage_metrics.errors import StorageError

FACTS = {"duplicates": 2, "rejected": 1, "not_requests": 1, "other_logs": 5}
FACTS["rows_in"] = 6 + sum(FACTS.values())


def test_every_log_line_is_accounted_for() -> None:
    (row,) = figures("usage_reconciliation", events_of(LOG), FACTS).to_pylist()
    apart = (
        row["duplicates"] + row["rejected"] + row["not_requests"] + row["other_logs"]
    )
    assert row["lines"] == row["requests"] + apart == 15
    assert row["requests"] == 6
    reasons = {k: v for k, v in row.items() if k.startswith("not_counted") and v}
    assert reasons == {
        "not_counted_status": 1,
        "not_counted_double_click": 1,
        "not_counted_robot": 1,
    }
    assert row["counted"] + sum(reasons.values()) == row["requests"]


def test_a_missing_line_is_an_error_that_says_how_many() -> None:
    with pytest.raises(
        StorageError, match="16 log lines do not add up to 6 requests, 2"
    ):
        figures("usage_reconciliation", events_of(LOG), FACTS | {"rows_in": 16})


def test_a_day_cleaned_before_other_logs_were_told_apart_has_none() -> None:
    facts = FACTS | {"rows_in": 10}
    del facts["other_logs"]
    (row,) = figures("usage_reconciliation", events_of(LOG), facts).to_pylist()
    assert (row["lines"], row["other_logs"]) == (10, 0)
