"""Pages of single datasets, where a publisher has too many for one page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from attacks import ATTACKS
from everywhere import fill, publisher
from hypothesis import given
from hypothesis import strategies as st
from report_html import Standing

from usage_metrics.report import dataset_pages, overview
from usage_metrics.report.publisher import Publisher
from usage_metrics.tasks.pages_of_datasets import write_pages


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """A year of one dataset in every place."""
    path = tmp_path_factory.mktemp("year") / "usage.db"
    fill(path, 365, ["pudl"])
    return publisher(path)


def with_datasets(year: Publisher, *names: str) -> Publisher:
    """The same use of many datasets."""
    lines = [replace(line, dataset=name) for name in names for line in year.lines]
    del lines[len(year.lines) - 1]  # the first is not in the last place
    return replace(year, lines=lines)


def many(year: Publisher, number: int) -> Publisher:
    return with_datasets(year, *(f"set{n:03}" for n in range(number)))


def links(html: str) -> Iterator[str]:
    yield from re.findall(r'href="([^"#]+)"', html)


def test_a_year_of_many_datasets_is_small_and_links_to_each(year: Publisher) -> None:
    found = many(year, 600)
    assert overview.needs_pages(found)
    pages = dataset_pages.paths(found.datasets, "dataset")
    index = overview.render(replace(found, pages=pages), "0")
    assert len(index.encode()) < 2_000_000
    assert {*links(index)} >= {*pages.values()}
    assert len({*pages.values()}) == 600
    table = Standing(index)
    assert table.figures["figure datasets"] == "600"
    assert "None" not in {text for row in table.tables["everywhere"] for text in row}


def test_a_page_has_the_numbers_that_the_index_has(
    year: Publisher, tmp_path: Path
) -> None:
    for is_public in (False, True):
        path = tmp_path / str(is_public) / "index.html"
        found = replace(many(year, 12), is_public=is_public)
        written = write_pages(found, str(path))
        index = overview.render(written, "0")
        for name in found.datasets:
            page = (path.parent / written.pages[name]).read_text()
            of_page, of_all = Standing(page), Standing(index)
            figures = {
                id_: text
                for id_, text in of_all.figures.items()
                if id_.startswith((f"figure {name} ", f"below {name} "))
            }
            assert len(figures) > 20
            assert figures.items() <= of_page.figures.items()
            assert len(of_page.heads["over time 0"]) > 10
            assert f"{name} was requested {of_page.figures['figure sum']} times" in page
        assert "datasets" not in {id_.split()[-1] for id_ in of_page.figures}
        here = [link for link in links(page) if not link.startswith("../")]
        assert here == ["data:,"]
        assert "../index.html" in links(page)


def test_pages_are_written_when_they_say_something_else_and_others_removed(
    year: Publisher, tmp_path: Path
) -> None:
    index = str(tmp_path / "index_from_2026-03-01.html")
    folder = tmp_path / "dataset_from_2026-03-01"
    found = with_datasets(year, *ATTACKS)
    assert len({*write_pages(found, index).pages.values()}) == len(ATTACKS)
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert len(before) == len(ATTACKS)
    assert all(re.fullmatch(r"[a-z0-9_-]+\.html", name) for name in before)

    first, last = ATTACKS[0], ATTACKS[-1]
    lines = [
        replace(line, added=line.added + 1) if line.dataset == first else line
        for line in found.lines
        if line.dataset != last
    ]
    write_pages(replace(found, lines=lines), index)
    after = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert before.keys() - after.keys() == {dataset_pages.file_name(last)}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {dataset_pages.file_name(first)}

    assert write_pages(many(year, 2), index).pages == {}
    assert list(folder.iterdir()) == []


def test_of_datasets_without_end_only_those_that_are_linked_have_a_page(
    year: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "ROWS", 2)
    monkeypatch.setattr(overview, "LINKS", 1)
    written = write_pages(many(year, 5), str(tmp_path / "index.html"))
    assert [*written.pages] == written.datasets[:3]
    assert len([*(tmp_path / "dataset").iterdir()]) == 3
    index = overview.render(written, "0")
    assert {*links(index)} >= {*written.pages.values()}
    assert "of the others, 1 have a page, and the database has all" in index


IDS = st.text(max_size=100) | st.from_regex(r"[A-Za-z-]{1,3}(-[0-9a-f]{16})?")


@given(IDS, IDS)
def test_names_of_files_are_safe_and_tell_datasets_apart(one: str, other: str) -> None:
    names = [dataset_pages.file_name(dataset) for dataset in (one, other)]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,90}\.html", name) for name in names)
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize("address", ["192.0.2.7", "192-0-2-7", "2001:db8::1"])
def test_no_name_of_a_file_holds_an_address(address: str) -> None:
    names = [dataset_pages.file_name(f"{host}{address}") for host in ("", "ip-")]
    assert len({*names}) == 2
    assert not any(re.search("192.*2-7|2001.*db8", name) for name in names)
