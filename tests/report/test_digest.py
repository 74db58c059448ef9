"""The month in a text and a picture, on the made-up database of many places."""

import contextlib
import datetime as dt
import re
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest
from attacks import ATTACKS, VISITOR
from everywhere import fill, publisher
from report_html import Standing

from usage_metrics.report import formatting, overview
from usage_metrics.report.digest_picture import picture_of
from usage_metrics.report.digest_text import ROOM, Digest, text_of
from usage_metrics.report.place_lines import OF_LOGS
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.usage_database import Span

JANUARY, FEBRUARY, MARCH = (dt.date(2026, month, 1) for month in (1, 2, 3))
DAYS = 62


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digest") / "usage.db"
    fill(path, DAYS)
    return path


def month(database: Path, first: dt.date, stop: dt.date, **other: Any) -> Publisher:
    return publisher(database, Span("", first, stop), **other)


def february(database: Path, **other: Any) -> Digest:
    """A digest of February, compared with January."""
    now = month(database, FEBRUARY, MARCH, **other)
    before = month(database, JANUARY, FEBRUARY, **other)
    return Digest(FEBRUARY, now, {"month": (JANUARY, before)}, [])


def said(text: str) -> dict[tuple[str, str], str]:
    """What is said of the first dataset, by place."""
    lines = text[text.index("Most used:") :].splitlines()[2:]
    found = {}
    for line in lines:
        if not line.startswith("• "):
            break
        place, _, numbers = line[2:].partition(": ")
        for part in re.split(r", (?=[\d×f])", numbers):
            number, name = re.findall(
                r"^(fewer than \d+|\S+) ([\w ]+?)(?: \(|$)", part
            )[0]
            found[place, name] = number
    return found


def test_every_number_is_the_one_of_the_page_on_that_month(database: Path) -> None:
    digest = february(database)
    text = text_of(digest)
    figures = Standing(overview.render(digest.now, "0")).figures
    told = said(text)
    assert len(told) == 3 * 3 + 3 + 1 + 2 + 2 + 3 + 1
    ids = {measure.name.lower(): measure.id for measure in OF_LOGS}
    names = {place.title: place.name for place in digest.now.places}
    assert told == {
        (place, name): figures[f"figure pudl {names[place]} {ids.get(name, name)}"]
        for place, name in told
    }
    assert f"were requested {figures['figure sum']} times" in text


def test_changes_compare_the_average_day_of_two_months(database: Path) -> None:
    sql = (
        "SELECT 1.0 * sum(total_dataset_requests) / count(DISTINCT date) "
        "FROM usage_counter WHERE date BETWEEN ? AND ?"
    )
    with contextlib.closing(sqlite3.connect(database)) as connection:
        then, now = (
            connection.execute(sql, days).fetchone()[0]
            for days in (("2026-01", "2026-02"), ("2026-02", "2026-03"))
        )
    text = text_of(february(database))
    changed = formatting.change(now / then - 1)
    assert f"Requests in all our logs: month {changed}." in text
    assert "the average day (month: with January 2026)" in text


def test_logs_that_are_new_have_no_change(database: Path) -> None:
    digest = february(database)
    day, before = digest.then["month"]
    lines = [line for line in before.lines if line.place.name != "s3"]
    places = [place for place in before.places if place.name != "s3"]
    less = Publisher("", before.span, places, lines, {}, before.made_on)
    text = text_of(Digest(FEBRUARY, digest.now, {"month": (day, less)}, []))
    assert "Requests in all our logs" not in text
    assert re.search(r"Amazon S3: [\d,]+ requests, ", text)
    assert re.search(r"Datasette: [\d,]+ requests \(month ", text)


def test_days_without_data_and_days_that_may_change_are_named(database: Path) -> None:
    text = text_of(february(database))
    assert "Amazon S3 has 27 of 28 days; without data: 19 February 2026." in text
    march = month(database, MARCH, MARCH.replace(day=6))
    found = text_of(Digest(MARCH, march, {}, [], is_over=False))
    assert found.startswith("Use of our open data: March 2026 so far\n")
    assert "Datasette has 3 of 5 days; without data: 4–5 March 2026.\n" in found
    assert "GitHub: 2 days may still change." in found


def test_few_are_hidden_from_a_chat(database: Path, tmp_path: Path) -> None:
    """Neither the text nor the picture tells one number under ten from another."""

    def told(few: int) -> tuple[str, bytes, str]:
        path = tmp_path / f"{few}.db"
        path.write_bytes(database.read_bytes())
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "UPDATE usage_counter SET total_dataset_requests = "
                "iif(date = '2026-02-03' AND access_method = 'regular', ?, 0) "
                "WHERE source = 'web' AND dataset = 'pudl'",
                [few],
            )
        digest = february(path, is_public=True)
        picture = picture_of(digest)
        assert picture is not None
        return text_of(digest), picture.png, picture.alternative

    assert told(3) == told(7)
    assert said(told(3)[0])["Web server", "requests"] == "fewer than 10"


def test_a_text_fits_a_chat_and_names_in_it_are_text(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    names = [attack + VISITOR + "x" * 200 for attack in ATTACKS]
    fill(path, 3, names)
    now = publisher(path, title=f"Use of\n{ATTACKS[0]}")
    digest = Digest(JANUARY, now, {}, [])
    text = text_of(digest)
    assert len(text) <= ROOM
    assert re.search(r"\d+ more datasets are in the report\.", text)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert VISITOR not in text
    picture = picture_of(digest)
    assert picture is not None
    assert VISITOR not in picture.alternative


def test_the_picture_is_small_and_said_in_words(database: Path) -> None:
    digest = february(database)
    picture = picture_of(digest)
    assert picture is not None
    assert picture.png.startswith(b"\x89PNG")
    wide, high = struct.unpack(">II", picture.png[16:24])
    assert (wide, high) == (1280, 1080)
    assert len(picture.png) < 500_000
    figures = Standing(overview.render(digest.now, "0")).figures
    total = figures["figure sum"]
    assert f"Requests in all our logs, {total}: each day from " in picture.alternative


def test_without_a_number_for_each_day_there_is_no_picture(database: Path) -> None:
    now = month(database, FEBRUARY, MARCH)
    stars = [line for line in now.lines if line.measure.is_stock]
    alone = Publisher("Use", now.span, [stars[0].place], stars[:1], {}, now.made_on)
    digest = Digest(FEBRUARY, alone, {}, [])
    assert picture_of(digest) is None
    assert "Nothing was counted" in text_of(digest)
