"""The registry of datasets: what a URL is about, and what is wrong with the file."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from little_log import sample_registry

from usage_metrics.counting import attribution
from usage_metrics.counting.attribution import attribute
from usage_metrics.counting.datasets import Pattern
from usage_metrics.counting.reportable import check_dois
from usage_metrics.errors import ConfigError
from usage_metrics.tasks.datasets_registry import read_registry

GOOD = """\
platform = "Example"
created_by = "example"
not_data = ['/-/.*']

[[dataset]]
id = "trees"
title = "Trees"
publisher = "Example"
publisher_id = { type = "urn", value = "urn:example" }
doi = "10.5072/trees"
investigations = ['/trees', '/trees/{table}']
requests = ['/trees/{table}\\.csv', '/trees\\?sql=.*']
investigation_examples = ['/trees/oaks']
request_examples = ['/trees/oaks.csv']
"""

URLS = {
    "https://data.example.org/pudl": ("pudl", "investigation", None),
    "https://data.example.org/pudl/": ("pudl", "investigation", None),
    "http://data.example.org:80/pudl?x=1#top": ("pudl", "investigation", None),
    "/pudl/plants_eia860": ("pudl", "investigation", "plants_eia860"),
    "/pudl/plants_eia860?_sort=x": ("pudl", "investigation", "plants_eia860"),
    "/pudl/plants_eia860/3,2020": ("pudl", "investigation", "plants_eia860"),
    "/pudl-2aa3f4c/plants_eia860": ("pudl", "investigation", "plants_eia860"),
    "/pudl/caf%C3%A9": ("pudl", "investigation", "café"),
    "/pudl/plants_eia860.json": ("pudl", "request", "plants_eia860"),
    "/pudl/plants_eia860.csv?_size=max": ("pudl", "request", "plants_eia860"),
    "/pudl/plants_eia860?_format=csv": ("pudl", "request", "plants_eia860"),
    "/pudl/plants_eia860/3.json": ("pudl", "request", "plants_eia860"),
    "/pudl.db": ("pudl", "request", None),
    "/pudl?sql=select+1": ("pudl", "request", None),
    "/pudl?_facet=a&sql=select+1": ("pudl", "request", None),
    "/pudl/-/query?sql=select+1": ("pudl", "request", None),
    "/pudl/-/query": ("pudl", "investigation", None),
    "/pudl/-/query/parameters?sql=select+:a": ("none", None, None),
    "/pudl/-/schema.json": ("unmapped", None, None),
    "/pudl/-": ("unmapped", None, None),
    "/pudl/a": ("pudl", "investigation", "a"),
    "/pudl/-a": ("pudl", "investigation", "-a"),
    "/pudl/plants/-/autocomplete?q=b": ("none", None, None),
    "/pudl/plants/1/-/update": ("none", None, None),
    "/pudl/plants/-": ("pudl", "investigation", "plants"),
    "/ferc1/f1_steam.json": ("ferc1", "request", "f1_steam"),
    "/pudlish": ("unmapped", None, None),
    "/x/pudl/plants": ("unmapped", None, None),
    "/wp-login.php": ("unmapped", None, None),
    "https://data.example.org": ("none", None, None),
    "/": ("none", None, None),
    "/-/static/app.css?1": ("none", None, None),
    "/favicon.ico": ("none", None, None),
    None: ("unmapped", None, None),
}


@pytest.mark.parametrize(("url", "about"), URLS.items())
def test_a_url_is_about_one_dataset(
    url: str | None, about: tuple[str, str | None, str | None]
) -> None:
    urls = pa.array([url], pa.string()).dictionary_encode()
    found = attribute(sample_registry(), urls)
    names = ("dataset", "kind", "table")
    assert tuple(found[name][0].as_py() for name in names) == about


def test_of_two_datasets_the_first_in_the_file_has_the_url(tmp_path: Path) -> None:
    other = GOOD[GOOD.index("[[") :].replace('"trees"', '"woods"')
    other = re.sub(".*_examples.*\n", "", other)
    file = tmp_path / "datasets.toml"
    file.write_text(re.sub(".*_examples.*\n", "", GOOD) + other)
    urls = pa.array(["/trees/oaks"]).dictionary_encode()
    assert attribute(read_registry(file), urls)["dataset"].to_pylist() == ["trees"]


def line_of(text: str, sought: str) -> int:
    return text[: text.index(sought)].count("\n") + 1


MISTAKES = {
    "a pattern that is no expression": (
        "'/trees'",
        "'/tr(ees'",
        "'/tr(ees'",
        "not a usable pattern",
    ),
    "a pattern that RE2 does not know": (
        "'/trees'",
        "'/trees(?!/x)'",
        "'/trees(?!/x)'",
        "not a usable pattern",
    ),
    "no id": ('id = "trees"\n', "", "[[dataset]]", "id is missing"),
    "an unknown key": ("title =", "titel =", "titel", "'titel'"),
    "a wrong type": ('"Trees"', "7", "title = 7", "should be a string"),
    "a string in place of a list": (
        "['/trees', '/trees/{table}']",
        "'/trees'",
        "investigations =",
        "a list",
    ),
    "a publisher id of unknown type": ('"urn",', '"ror",', "publisher_id", "'ror'"),
    "a DOI that is an address": (
        '"10.5072/trees"',
        '"https://doi.org/10.5072/trees"',
        "doi =",
        "a DOI",
    ),
    "a version without patterns": (
        "investigations = ['/trees', '/trees/{table}']\nrequests = "
        "['/trees/{table}\\.csv', '/trees\\?sql=.*']\n"
        "investigation_examples = ['/trees/oaks']\n"
        "request_examples = ['/trees/oaks.csv']\n",
        'version = "2"\n',
        "version =",
        "a version without patterns",
    ),
    "a reserved id": ('id = "trees"', 'id = "unmapped"', "id =", "is reserved"),
    "an example of the wrong kind": (
        "request_examples = ['/trees/oaks.csv']",
        "request_examples = ['/trees/elms']",
        "'/trees/elms'",
        "should be of kind request, but is of kind investigation",
    ),
    "an example of no dataset": (
        "['/trees/oaks']",
        "['/bushes']",
        "'/bushes'",
        "matches no dataset",
    ),
    "an example that matches not_data": (
        "['/-/.*']",
        "['/trees/oa.*']",
        "'/trees/oaks'",
        "not_data",
    ),
    "a created_by with a comma": (
        'created_by = "example"',
        'created_by = "example, an"',
        "created_by",
        "words of the characters a-z",
    ),
    "a created_by that ends in a space": (
        'created_by = "example"',
        'created_by = "example "',
        "created_by",
        "words of the characters a-z",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_file_and_line(mistake: str, tmp_path: Path) -> None:
    before, after, sought, said = MISTAKES[mistake]
    assert before in GOOD
    text = GOOD.replace(before, after)
    file = tmp_path / "datasets.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        read_registry(file)
    assert f"{file}, line {line_of(text, sought)}: " in str(refused.value)


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines(
    tmp_path: Path,
) -> None:
    file = tmp_path / "datasets.toml"
    text = GOOD.replace('"Example"\n', "7\n", 1).replace("'/-/.*'", "'/-/(.*'")
    text = text.replace("'/trees/{table}'", "'/trees/{table', '/{2,1}'")
    text = text.replace("title =", "# titel =\ntitel =").replace("10.5072", "5072")
    text += """
[[dataset]]
id = "Trees and shrubs"
requests = "/shrubs"

[[dataset]]
id = "woods"
investigations = ['/woods']
investigation_examples = ['/woods/oaks']
"""
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_registry(file)
    first, *mistakes = re.split(f"(?:; )?{file}, line ", str(refused.value))
    assert not first
    said = [
        ("platform = 7", "platform = 7 should be a string"),
        ("'/-/(.*'", "'/-/(.*' in not_data is not a usable pattern"),
        ("titel =", "unknown key 'titel'"),
        ("doi =", "doi = '5072/trees' should be a DOI"),
        ("'/{2,1}'", "'/{2,1}' in investigations is not a usable pattern"),
        ('id = "Trees and', "id = 'Trees and shrubs' should be of lower-case letters"),
        ('requests = "/shrubs"', "requests should be a list of strings"),
        ("'/woods/oaks'", "the example /woods/oaks should match woods only"),
    ]
    own_line = text.index("\ntitel =") + 1
    lines = [line_of(text, sought) for sought, _ in said]
    lines[2] = text[:own_line].count("\n") + 1
    assert [int(mistake.partition(":")[0]) for mistake in mistakes] == lines
    for mistake, (_, sentence) in zip(mistakes, said, strict=True):
        assert sentence in mistake


def test_id_and_patterns_are_enough(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text("[[dataset]]\nid = 'trees'\nrequests = ['/trees/.*']\n")
    registry = read_registry(file)
    assert [dataset.title for dataset in registry.datasets] == ["trees"]
    urls = pa.array(["/trees/oaks.csv"]).dictionary_encode()
    assert attribute(registry, urls)["dataset"].to_pylist() == ["trees"]


def test_a_file_may_name_nothing_but_the_platform(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text("platform = 'Our data'")
    registry = read_registry(file)
    assert (registry.platform, registry.datasets) == ("Our data", ())


@pytest.mark.parametrize(
    ("text", "dataset"),
    [("", "none"), ("not_data = []", "unmapped"), ("not_data = ['/']", "unmapped")],
)
def test_what_is_no_data_is_as_in_the_package_unless_the_file_says_it(
    text: str, dataset: str, tmp_path: Path
) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text(text)
    urls = pa.array(["/robots.txt"]).dictionary_encode()
    for path, expected in ((file, dataset), ("", "none")):
        assert attribute(read_registry(path), urls)["dataset"].to_pylist() == [expected]


def test_the_package_names_no_dataset_of_anybody() -> None:
    registry = read_registry()
    assert (registry.datasets, registry.platform) == ((), None)


def test_only_what_decides_about_counting_is_in_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"

    def digest(text: str) -> str:
        file.write_text(text)
        return read_registry(file).digest()

    before = digest(GOOD)
    assert digest(GOOD.replace('"Trees"', '"Our trees"  # a better title')) == before
    assert digest(GOOD.replace('"Example"', '"Another"')) == before
    assert digest(GOOD.replace("'/trees/{table}'", "'/trees/{table}/?'")) != before
    assert digest(GOOD.replace("'/-/.*'", "'/-/.+'")) != before
    assert digest(GOOD.replace('id = "trees"', 'id = "woods"')) != before


def test_created_by_may_hold_spaces(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text(GOOD.replace('by = "example"', 'by = "Catalyst Cooperative"'))
    assert read_registry(file).created_by == "Catalyst Cooperative"


def test_duplicate_ids_are_refused_but_versions_are_not(tmp_path: Path) -> None:
    second = re.sub("/trees", "/trees2", GOOD[GOOD.index("[[") :])
    second = second.replace("10.5072/trees2", "10.5072/trees")
    file = tmp_path / "datasets.toml"
    file.write_text(GOOD + second)
    with pytest.raises(ConfigError, match="line 16: duplicate dataset id trees"):
        read_registry(file)
    file.write_text(GOOD + second + 'version = "2"\n')
    assert [d.version for d in read_registry(file).datasets] == [None, "2"]


@pytest.mark.parametrize("doi", ["10.5072/trees", "10.5072/TREES"])
def test_a_doi_of_two_versions_is_refused_for_reports(doi: str, tmp_path: Path) -> None:
    second = GOOD[GOOD.index("[[") :].replace("/trees", "/trees2")
    second = second.replace("10.5072/trees2", doi) + 'version = "2"\n'
    file = tmp_path / "datasets.toml"
    file.write_text(GOOD + second)
    with pytest.raises(
        ConfigError, match=f"trees and trees 2 have the same doi {doi}, .* its own doi"
    ):
        check_dois(read_registry(file))
    file.write_text(GOOD + second.replace(doi, "10.5072/trees.2"))
    check_dois(read_registry(file))


def test_an_example_about_two_datasets_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text(GOOD + GOOD[GOOD.index("[[") :].replace('"trees"', '"woods"'))
    with pytest.raises(ConfigError, match=r"line 13: .* but matches trees, woods"):
        read_registry(file)


def test_invalid_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text(GOOD + "oops\n")
    with pytest.raises(ConfigError, match=r"is not TOML: .*line 15"):
        read_registry(file)


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml .*\[counting\] datasets"):
        read_registry(tmp_path / "none.toml")


def test_a_pattern_is_evaluated_once_for_all_examples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    evaluated: list[int] = []
    matches = attribution.matches

    def counted(pattern: Pattern, targets: pa.Array) -> pa.Array:
        evaluated.append(len(targets))
        return matches(pattern, targets)

    monkeypatch.setattr(attribution, "matches", counted)
    work = []
    for datasets in (10, 20):
        evaluated.clear()
        file = tmp_path / f"{datasets}.toml"
        file.write_text(
            "\n".join(
                f"[[dataset]]\nid = 'd{n}'\nrequests = ['/d{n}']\n"
                f"request_examples = ['/d{n}']"
                for n in range(datasets)
            )
        )
        assert len(read_registry(file).datasets) == datasets
        work.append(len(evaluated))
    assert work[1] - work[0] == 10


@pytest.mark.parametrize(
    "value",
    [
        "9" * 5000,
        "[" * 5000 + "]" * 5000,
        "{a = " * 5000 + "1" + "}" * 5000,
        "2022-02-30",
        "nan",
        "1e999",
        "2022-02-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("key", ["doi", "yop", "publisher_id", "requests", "unknown"])
def test_a_value_that_is_none_is_named(tmp_path: Path, key: str, value: str) -> None:
    file = tmp_path / "datasets.toml"
    file.write_text(f"[[dataset]]\nid = 'trees'\n{key} = {value}\n")
    with pytest.raises(ConfigError, match=r"datasets\.toml"):
        read_registry(file)
