"""What the tables of sites say of their examples, and of URLs as a whole."""

import pyarrow as pa
import pytest

from usage_metrics.sources.sites import TABLES
from usage_metrics.sources.sites.page_patterns import Page, pages_of

EXAMPLES = [(site, page) for site, table in TABLES.items() for page in table]


@pytest.mark.parametrize(
    ("site", "page"), EXAMPLES, ids=[f"{s} {p.example}" for s, p in EXAMPLES]
)
def test_each_pattern_says_what_its_example_is(site: str, page: Page) -> None:
    found = {
        k: v[0].as_py()
        for k, v in pages_of(TABLES[site], pa.array([page.example])).items()
    }
    expected = [
        None if word == "-" else word for word in (page.gives or "- - -").split()
    ]
    assert found["page"] == page.page
    said = [found[name] for name in ("database", "table", "format")]
    assert [text and text.replace(" ", "_") for text in said] == expected
