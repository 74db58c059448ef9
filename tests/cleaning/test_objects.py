"""What is known of an object by its name."""

import pyarrow as pa
import pytest

from usage_metrics.cleaning.objects import formats


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("core/v2024.5/plants.parquet", "parquet"),
        ("core/plants.csv.gz", "csv"),
        ("core/plants.tar.bz2", "tar"),
        ("a.GZ", "gz"),
        ("v2024.5/README", None),
        ("a/b.1", None),
        ("a.csv/", None),
        (None, None),
    ],
)
def test_the_format_of_an_object_is_the_ending_of_its_name(
    name: str | None, format_: str | None
) -> None:
    assert formats(pa.array([name], pa.string())).to_pylist() == [format_]
