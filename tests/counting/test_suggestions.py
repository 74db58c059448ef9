"""Which datasets logs and platforms seem to have."""

import tomllib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.counting.datasets import Registry
from usage_metrics.counting.inventory import Found
from usage_metrics.counting.registry_file import parse_registry
from usage_metrics.counting.suggestions import (
    At,
    as_toml,
    joined,
    of_logs,
    of_platforms,
    quoted,
)
from usage_metrics.platforms import Description
from usage_metrics.tasks.datasets_registry import kind_of_place

BUCKETS = {
    "folders are datasets": (
        ["rivers/a/", "rivers/", "lakes/"],
        {"rivers": ["rivers/"], "lakes": ["lakes/"]},
    ),
    "folders that are versions are one": (
        ["v2026.1.0/", "nightly/", "v1/a/", "index.html"],
        {"open-data": ["{version}/**", "index.html"]},
    ),
    "versions below a folder": (
        ["rivers/2025/", "rivers/2026/", "rivers/"],
        {"rivers": ["rivers/{version}/**", "rivers/"]},
    ),
    "many folders": ([f"d{n}/" for n in range(60)], {"{dataset}": ["{dataset}"]}),
    "many folders below one": (
        [f"all/d{n}/" for n in range(60)],
        {"{dataset}": ["all/{dataset}"]},
    ),
    "many files": ([f"{n}.csv" for n in range(60)], {"open-data": None}),
}


def found(parts: list[str], container: str = "open-data") -> Counter[Found]:
    return Counter(Found(container, part, "unmapped", False) for part in parts)


def suggested(
    source: str, kind: str, parts: list[str], container: str
) -> dict[str, At]:
    entries = joined(of_logs(source, kind, found(parts, container)), Registry())
    text = as_toml(entries)
    parse_registry("suggested", text, (), kind_of_place)
    return {each["id"]: each["at"] for each in tomllib.loads(text)["dataset"]}


@pytest.mark.parametrize(("parts", "keys"), BUCKETS.values(), ids=BUCKETS)
def test_a_bucket_has_datasets_by_its_folders(
    parts: list[str], keys: dict[str, list[str] | None]
) -> None:
    at = suggested("s3", "buckets", parts, "open-data")
    assert {id_: each["s3"].get("keys") for id_, each in at.items()} == keys
    assert {tuple(each["s3"]["buckets"]) for each in at.values()} == {("open-data",)}


def test_a_site_has_datasets_by_its_folders_whatever_its_host() -> None:
    for host, hosts in (("data.example.org", ["data.example.org"]), ("", None)):
        at = suggested("web", "hosts", ["/rivers/a/", "/all.zip"], host)
        assert {tuple(each["web"]["paths"]) for each in at.values()} == {
            ("/rivers/",),
            ("/all.zip",),
        }
        assert {"rivers", host or "site"} == at.keys()
        assert at["rivers"]["web"].get("hosts") == hosts


def test_what_belongs_together_is_an_entry() -> None:
    told = [
        Description("1", "Rivers", "10.5281/zenodo.1", ("https://github.com/a/both",)),
        Description("2", "Lakes", None, ("https://GitHub.com/A/Both.git",)),
        Description("10.7910/DVN/X", "Ice", "10.7910/DVN/X", ("github.com/a/ice#x",)),
    ]
    subjects = [
        *(("datacite", "10.5281/ZENODO.1"), ("github", "a/both"), ("pypi", "sea")),
        *(("datacite", "10.7910/dvn/x"), ("github", "a/ice")),
        *(("zenodo", "1"), ("zenodo", "2")),
    ]
    entries = joined(of_platforms(subjects, told), Registry())
    text = as_toml(entries)
    parse_registry("suggested", text, (), kind_of_place)
    at = {each["id"]: each["at"] for each in tomllib.loads(text)["dataset"]}
    both = {"repositories": ["a/both"], "shared": True}
    assert at == {
        "rivers": {
            "zenodo": {"concepts": ["1"]},
            "datacite": {"dois": ["10.5281/ZENODO.1"]},
            "github": both,
        },
        "lakes": {"zenodo": {"concepts": ["2"]}, "github": both},
        "ice": {
            "datacite": {"dois": ["10.7910/dvn/x"]},
            "github": {"repositories": ["a/ice"]},
        },
        "sea": {"pypi": {"packages": ["sea"]}},
    }


def test_an_id_is_free_and_what_a_pattern_takes_in_part_is_only_said() -> None:
    text = (
        "[[dataset]]\nid = 'rivers'\n[dataset.at.s3]\nbuckets = ['open-data']\n"
        "keys = ['{version}/rivers/**']\n"
    )
    registry = parse_registry("datasets.toml", text, (), kind_of_place)
    parts = found(["lakes/a.csv/", "rivers/"]) + found(["rivers/"], "another")
    entries = joined(of_logs("s3", "buckets", parts), registry)
    suggestion = as_toml(entries)
    assert 'id = "rivers-2"' in suggestion
    assert '# 1 request at s3, beside patterns of others: "lakes"' in suggestion
    parse_registry("datasets.toml", text + suggestion, (), kind_of_place)


@given(st.text(max_size=8))
def test_any_text_is_quoted_so_that_toml_gives_it_back(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert tomllib.loads(f"text = {shown}")["text"] == text
