"""Usage logs of Google Cloud Storage as a source; the golden pair has the rows."""

from pathlib import Path

import pyarrow as pa
import pytest
from project import ROOT

from usage_metrics.cleaning.objects import COPY, HEAD, LIST, OBJECT, OTHER
from usage_metrics.logs.beginnings import beginnings
from usage_metrics.sources import gcs, recognised
from usage_metrics.sources.settings import source_section

LOGS = ROOT / "tests" / "golden" / "gcs" / "logs"
J = "/storage/v1/b/ours/o"


@pytest.mark.parametrize(
    ("method", "operation", "uri", "page"),
    [
        ("GET", "GET_Object", "/ours/a.csv", OBJECT),
        ("GET", "GET_Object", "/a.csv", OBJECT),
        ("HEAD", "HEAD_Object", "/ours/a.csv", HEAD),
        ("HEAD", "GET_Object", "/ours/a.csv", HEAD),
        ("GET", "storage.objects.get", f"{J}/a.csv?alt=media", OBJECT),
        ("GET", "storage.objects.get", f"/download{J}/a.csv?x=1&alt=media&y=2", OBJECT),
        ("GET", "storage.objects.get", f"{J}/a.csv?alt=json", HEAD),
        ("GET", "storage.objects.get", f"{J}/a.csv", HEAD),
        ("GET", None, f"{J}/a%2Fb.csv?alt=media", OBJECT),
        ("GET", None, f"{J}/a.csv", HEAD),
        ("GET", None, f"{J}?prefix=a", LIST),
        ("GET", "storage.objects.list", J, LIST),
        ("GET", "GET_Bucket", "/ours", LIST),
        ("POST", "storage.objects.rewrite", f"{J}/a/rewriteTo/b/theirs/o/a", COPY),
        ("PUT", "PUT_Object", "/ours/a.csv", OTHER),
        ("POST", "storage.objects.insert", f"/upload{J}?uploadType=media", OTHER),
        (None, None, None, OTHER),
    ],
)
def test_what_an_operation_is(
    method: str | None, operation: str | None, uri: str | None, page: str
) -> None:
    entries = pa.table(
        {"cs_method": [method], "cs_operation": [operation]},
        schema=pa.schema([("cs_method", pa.string()), ("cs_operation", pa.string())]),
    )
    assert gcs._pages(entries, pa.array([uri], pa.string())).to_pylist() == [page]


def test_the_logs_are_recognised_by_their_header() -> None:
    found = [
        recognised(each) for each in beginnings(str(LOGS)) if "_usage_" in each.name
    ]
    assert found == [("gcs", {})] * 2


def test_storage_logs_beside_them_are_passed_over(tmp_path: Path) -> None:
    section = source_section("gcs")
    section.logs = str(LOGS)
    reader = gcs.SOURCE.open_logs(section)
    assert [str(day) for day in reader.days()] == ["2024-05-02", "2024-05-03"]
    assert not reader.passed_over()
