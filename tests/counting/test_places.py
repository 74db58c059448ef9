"""Where a registry says that datasets are: buckets, databases, hosts."""

import datetime as dt
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_log import DAY, count_requests, requests_of

from usage_metrics.counting import inventory, places
from usage_metrics.counting.globs import BETWEEN, Glob, overlaps
from usage_metrics.counting.registry_file import parse_registry
from usage_metrics.errors import ConfigError
from usage_metrics.tasks.datasets_registry import kind_of_place, read_registry

BUCKET = """
[[dataset]]
id = "rivers"
[dataset.at.s3]
buckets = ["open-data"]
keys = ["rivers/{version}/{table}.parquet", "rivers/"]

[[dataset]]
id = "lakes"
version = "2026"
[dataset.at.s3]
buckets = ["open-data", "lakes-*"]
keys = ["lakes"]

[[dataset]]
id = "sea-{dataset}"
[dataset.at.s3]
buckets = ["seas"]
keys = ["by-name/{dataset}"]
"""
WEB = """
[[dataset]]
id = "rivers"
[dataset.at.web]
hosts = ["data.example.org"]
paths = ["/rivers/{version}", "/static/rivers.csv"]

[[dataset]]
id = "lakes"
[dataset.at.web]
sites = ["*.lakes.example", "data.example.org/Lakes & ponds/"]
"""
GITHUB = """
[[dataset]]
id = "{id}"
[dataset.at.github]
repositories = ["example/{repository}"]
"""

Row = tuple[str, str | None, str | None, str]


def requests_for(*rows: Row, page: str = "object") -> tuple[pa.Table, pa.Table]:
    """Requests with URL, database, table and format, and none on the next day."""
    log = "\n".join("00:00 ann 200 /" for _ in rows)
    requests, following = requests_of(log)
    urls, databases, tables, formats = map(list, zip(*rows, strict=True))
    columns = {
        "request_url": urls,
        "database": databases,
        "table": tables,
        "format": formats,
        "page": [page] * len(rows),
    }
    for name, values in columns.items():
        column = pa.chunked_array([pa.array(values, pa.string())])
        if name in requests.column_names:
            index = requests.column_names.index(name)
            requests = requests.set_column(index, name, column)
        else:
            requests = requests.append_column(name, column)
    return requests, following


def about(
    text: str, source: str, *rows: Row, pages: str = "object"
) -> list[tuple[Any, ...]]:
    """Dataset, version, table and kind of requests: URL, database, table and format."""
    general = read_registry().not_data
    registry = parse_registry("datasets.toml", text, general, kind_of_place).at(source)
    events = count_requests(*requests_for(*rows, page=pages), registry)
    names = ("dataset", "version", "table", "kind")
    return list(zip(*(events[name].to_pylist() for name in names), strict=True))


def of_bucket(*keys: str, bucket: str = "open-data") -> list[tuple[Any, ...]]:
    rows = [(f"https://{bucket}.s3.amazonaws.com/{k}", bucket, k, "csv") for k in keys]
    return about(BUCKET, "s3", *rows)


def test_a_key_says_dataset_version_and_table() -> None:
    assert of_bucket("rivers/v1/levels.parquet", "rivers/v2/a b.parquet") == [
        ("rivers", "v1", "levels", "request"),
        ("rivers", "v2", "a b", "request"),
    ]


def test_a_second_click_after_midnight_is_about_the_same_place() -> None:
    key = "lakes/a.csv"
    row = (f"https://open-data.s3.amazonaws.com/{key}", "open-data", key, "csv")
    requests, _ = requests_for(row)
    midnight = dt.datetime.combine(DAY + dt.timedelta(days=1), dt.time(), dt.UTC)

    def at(moment: dt.datetime) -> pa.Table:
        index = requests.column_names.index("timestamp")
        return requests.set_column(index, "timestamp", pa.array([moment]))

    registry = parse_registry("datasets.toml", BUCKET, kind_of=kind_of_place)
    before = at(midnight - dt.timedelta(seconds=10))
    events = count_requests(before, at(midnight), registry.at("s3"))
    assert events["dataset"].to_pylist() == ["lakes"]
    assert events["outcome"].to_pylist() == ["double_click"]


def test_what_a_pattern_does_not_capture_stays_as_it_was() -> None:
    assert of_bucket("rivers/index.csv") == [
        ("rivers", None, "rivers/index.csv", "request")
    ]


def test_a_folder_is_all_that_is_in_it_and_nothing_that_begins_like_it() -> None:
    assert of_bucket("lakes/a/b.csv", "lakes", "lakesides/a.csv") == [
        ("lakes", "2026", "lakes/a/b.csv", "request"),
        ("lakes", "2026", "lakes", "request"),
        ("unmapped", None, "lakesides/a.csv", None),
    ]


def test_what_is_left_of_a_named_bucket_is_unmapped_and_another_bucket_a_dataset() -> (
    None
):
    assert of_bucket("other/a.csv")[0][0] == "unmapped"
    assert of_bucket("other/a.csv", bucket="lakes-old")[0][0] == "unmapped"
    assert of_bucket("other/a.csv", bucket="weather")[0][0] == "weather"


def test_a_pattern_may_capture_the_id() -> None:
    found = of_bucket("by-name/North Sea/a.csv", "by-name/baltic", bucket="seas")
    assert [row[0] for row in found] == ["sea-north-sea", "sea-baltic"]


def test_an_entry_for_many_says_what_a_report_needs_of_each() -> None:
    text = BUCKET.replace(
        'id = "sea-{dataset}"', 'id = "sea-{dataset}"\ndoi = "10.5072/{dataset}"'
    )
    registry = parse_registry("datasets.toml", text, (), kind_of_place)
    assert registry.unnamed("sea-baltic").doi == "10.5072/baltic"
    assert registry.unnamed("lake").doi is None
    assert [dataset.id for dataset in registry.datasets] == ["rivers", "lakes"]


def test_a_web_server_is_known_by_host_and_decoded_path_whatever_the_port() -> None:
    rows: list[Row] = [
        ("https://DATA.example.org:443/rivers/2026/a.csv?x=1", None, None, "csv"),
        ("https://data.example.org/Lakes%20%26%20ponds/a.csv", None, None, "csv"),
        ("https://old.lakes.example/", None, None, "html"),
        ("https://lakes.example/", None, None, "html"),
        ("https://data.example.org/static/rivers.csv", None, None, "csv"),
        ("https://data.example.org/static/app.css", None, None, "css"),
        ("/rivers/2026/a.csv", None, None, "csv"),
    ]
    assert [row[:2] + row[3:] for row in about(WEB, "web", *rows, pages="file")] == [
        ("rivers", "2026", "request"),
        ("lakes", None, "request"),
        ("lakes", None, "investigation"),
        ("none", None, None),
        ("rivers", None, "request"),
        ("none", None, None),
        ("none", None, None),
    ]


def test_pages_and_folders_of_a_named_place_are_investigations() -> None:
    row = ("https://data.example.org/rivers/2026/", None, None, "html")
    for page, kind in (("folder", "investigation"), ("static", None)):
        assert about(WEB, "web", row, pages=page)[0][3] == kind


def test_the_places_of_one_source_are_none_of_another() -> None:
    row = ("https://b.example/rivers/a", "open-data", "rivers/a", "csv")
    assert about(BUCKET, "gcs", row)[0][0] == "open-data"
    digests = [
        parse_registry("a", text, (), kind_of_place).at("datasette").digest()
        for text in ("[[dataset]]\nid = 'rivers'", BUCKET)
    ]
    assert digests[0] == digests[1]


# --- patterns -------------------------------------------------------------------------

PIECES = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "{table}"]), max_size=5)


@given(PIECES, PIECES, st.lists(st.text("ab/", max_size=6), max_size=8))
def test_two_patterns_overlap_if_a_text_matches_both(
    one: list[str], other: list[str], texts: list[str]
) -> None:
    globs = [Glob("".join(one) or "a", "x"), Glob("".join(other) or "a", "*")]
    if any(glob.captures.count("table") > 1 for glob in globs):
        return
    expressions = [re.compile(glob.expression.replace(r"\z", r"\Z")) for glob in globs]
    meeting = [
        text
        for text in texts
        if all(e.search(f"x{BETWEEN}{text}") for e in expressions)
    ]
    for glob, expression in zip(globs, expressions, strict=True):
        assert all(
            f"x{BETWEEN}{text}".startswith(glob.prefix)
            for text in texts
            if expression.search(f"x{BETWEEN}{text}")
        )
    if meeting:
        assert list(overlaps([(globs[0], 0), (globs[1], 1)])) == [(0, 1)]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a/", "a/b/", True),
        ("a/", "ab/", False),
        ("a", "a/b.csv", True),
        ("*.csv", "*.zip", False),
        ("*.csv", "a*", True),
        ("{version}/a/", "{version}/b/", False),
        ("{version}/a/", "v1/*", True),
        ("**/a", "b/c", True),
        ("**.csv", "b/c.zip", True),
        ("a{table}", "a", False),
    ],
)
def test_overlaps_are_found_whatever_the_patterns(
    one: str, other: str, *, meet: bool
) -> None:
    globs = [(Glob(one, "bucket"), 1), (Glob(other, "bucket"), 2)]
    assert bool(list(overlaps(globs))) == meet
    assert bool(list(overlaps(reversed(globs)))) == meet
    assert not list(overlaps([globs[0], (Glob(other, "another"), 2)]))


# --- mistakes -------------------------------------------------------------------------

MISTAKES = {
    "an overlap": (
        'keys = ["lakes"]',
        'keys = ["rivers/v1"]',
        "'rivers/v1' of lakes 2026 and 'rivers/' of rivers in line 6 both match",
    ),
    "an unknown place": ("at.s3]", "at.s4]", "there is no source 's4'"),
    "an unknown key": ("keys = [", "key = [", "unknown key 'key'; the keys are"),
    "a capture of nothing known": ("{version}/", "{year}/", "captures {year}"),
    "a capture twice": ("{version}/", "{table}/", "captures {table} twice"),
    "a version twice": (
        'keys = ["lakes"]',
        'keys = ["lakes/{version}"]',
        "captures {version}, but the entry is of version 2026",
    ),
    "an id that is not captured": (
        "by-name/{dataset}",
        "by-name/",
        "has to capture {dataset}, as the id says",
    ),
    "a captured id for one dataset": (
        "lakes-*",
        "lakes-{dataset}",
        "captures {dataset}, so the entry needs id",
    ),
    "a text that is no list": ('["lakes"]', '"lakes"', "keys should be a list"),
    "a control character": (
        '["lakes"]',
        '["lakes\\u0000"]',
        "has a character that no name has",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line(mistake: str) -> None:
    before, after, said = MISTAKES[mistake]
    text = BUCKET.replace(before, after)
    assert text != BUCKET
    rows = zip(text.splitlines(), BUCKET.splitlines(), strict=True)
    line = next(n for n, (row, was) in enumerate(rows, 1) if row != was)
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        parse_registry("datasets.toml", text, (), kind_of_place)
    assert f"datasets.toml, line {line}: " in str(refused.value)


def test_what_a_platform_counts_is_of_one_dataset_unless_all_share_it() -> None:
    one = GITHUB.format(id="rivers", repository="data")
    other = GITHUB.format(id="lakes", repository="Data")
    with pytest.raises(ConfigError, match="line 10: .* in line 5 are the same"):
        parse_registry("datasets.toml", one + other, (), kind_of_place)
    shared = [f"{text}shared = true\n" for text in (one, other)]
    registry = parse_registry("datasets.toml", "".join(shared), (), kind_of_place)
    assert {(s.dataset, s.name, s.is_shared) for s in registry.subjects} == {
        ("rivers", "example/data", True),
        ("lakes", "example/Data", True),
    }


@pytest.mark.parametrize("name", ["data", "example/data/x", "example/da ta", ""])
def test_a_name_that_the_platform_does_not_know_is_refused(name: str) -> None:
    text = GITHUB.format(id="rivers", repository="data").replace("example/data", name)
    with pytest.raises(ConfigError, match="line 5: "):
        parse_registry("datasets.toml", text, (), kind_of_place)


# --- many -----------------------------------------------------------------------------


@pytest.mark.parametrize("datasets", [10, 1_000])
def test_a_pattern_is_tried_only_on_what_begins_like_it(
    datasets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(
        f"[[dataset]]\nid = 'd{n}'\n[dataset.at.s3]\nbuckets = ['b']\n"
        f"keys = ['all/d{n}/{{table}}.csv', '{{version}}/d{n}/']\n"
        for n in range(datasets)
    )
    tried: list[int] = []
    compared: list[Glob] = []
    matched, meets = places._matched, Glob.meets

    def trying(texts: pa.Array, glob: Glob) -> Any:
        tried.append(len(texts))
        return matched(texts, glob)

    def comparing(one: Glob, other: Glob) -> bool:
        compared.append(one)
        return meets(one, other)

    monkeypatch.setattr(places, "_matched", trying)
    monkeypatch.setattr(Glob, "meets", comparing)
    keys = [f"all/d{n % 10}/t{n}.csv" for n in range(200)]
    found = about(text, "s3", *((f"https://b/{k}", "b", k, "csv") for k in keys))
    assert found[11] == ("d1", None, "t11", "request")
    assert sum(tried) <= 2 * len(keys)
    assert len(compared) <= 2 * datasets


def test_a_bucket_of_countless_files_is_listed_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inventory, "MOST", 2)
    keys = ["a.csv", "b/c/d/e.csv", "b/c/f.csv", "g.csv", "h.csv"]
    requests, _ = requests_for(*((f"https://b/{k}", "b", k, "csv") for k in keys))
    found = inventory.Inventory(read_registry().at("s3"), "names", is_split=True)
    found.add([requests], {"b": "b"})
    assert {part.part: number for part, number in found.requests.items()} == {
        "a.csv": 1,
        "b/c/": 2,
        "": 2,
    }
