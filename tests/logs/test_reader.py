"""Which reader a ``logs`` setting gets."""

import sys

import pytest

from usage_metrics.errors import ConfigError
from usage_metrics.logs.reader import open_logs


def test_without_the_bigquery_extra_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(sys.modules):
        if name.startswith("usage_metrics.logs.bigquery"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    with pytest.raises(ConfigError, match=r"pip install 'usage_metrics\[bigquery\]'"):
        open_logs("bigquery://project.dataset.table", late_days=1)
