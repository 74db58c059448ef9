"""What a text in a log costs: time in proportion to its length, whoever wrote it.

Any visitor chooses the texts of his requests. A function whose time grows faster than
a text lets him stall the pipeline with a few requests. So each that looks into texts of
a log is given texts of many shapes, and four times as long must not take more than a
generous multiple of four times as long.
"""

import datetime as dt
import itertools
import json
import logging
import random
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import little_log
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hostile_logs import LOGS, in_json

from usage_metrics.addresses.parsing import canonical_addresses, public_addresses
from usage_metrics.addresses.redaction import addresses_in, remove, without
from usage_metrics.agents.classifier import classify
from usage_metrics.agents.devices import devices_of
from usage_metrics.agents.names import name_in
from usage_metrics.agents.normalize import LONGEST, normalised
from usage_metrics.agents.rules import Rule
from usage_metrics.arrow import STRING, Distinct
from usage_metrics.cleaning.long_texts import shortened
from usage_metrics.cleaning.objects import formats
from usage_metrics.cleaning.pages import is_public
from usage_metrics.cleaning.percent import as_sent, decoded
from usage_metrics.cleaning.rejects import without_value
from usage_metrics.cleaning.signatures import without_signatures
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.counting import (
    asked_texts,
    breakdowns,
    counter_tsv,
    events,
    places,
    suggestions,
)
from usage_metrics.counting.attribution import (
    hosts_of,
    tables_in,
    targets_of,
    without_query,
)
from usage_metrics.counting.datasets import (
    URL,
    Pattern,
    Place,
    Registry,
)
from usage_metrics.counting.derived import dataset_id
from usage_metrics.counting.globs import Glob
from usage_metrics.counting.tables import DAILY, MONTHLY
from usage_metrics.counting.visitors import one_spelling, visitor_keys
from usage_metrics.errors import InputError
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.cloud_logging import witnesses
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.logs.cloud_logging.rule import entries_singly
from usage_metrics.logs.delimited import Delimiters, text_columns
from usage_metrics.logs.format import Format
from usage_metrics.logs.json_objects import json_columns
from usage_metrics.logs.lines import whole_lines
from usage_metrics.logs.web.presets import open_format
from usage_metrics.monitoring import mail, notify
from usage_metrics.monitoring.credentials import without_credentials
from usage_metrics.monitoring.error_messages import ErrorFilter
from usage_metrics.monitoring.printable import printable
from usage_metrics.platforms import get_platform
from usage_metrics.platforms.client import Answer, said_by
from usage_metrics.platforms.shapes import quoted, without_people
from usage_metrics.privacy.anonymization import Anonymization
from usage_metrics.report import neutral, rankings
from usage_metrics.report.dataset_pages import file_name
from usage_metrics.report.formatting import harmless
from usage_metrics.report.raw_names import unless_personal
from usage_metrics.sources import SOURCES
from usage_metrics.sources.datasette_pages import asked_for, base_url_of
from usage_metrics.sources.hosts import none_meant
from usage_metrics.sources.sites import TABLES, asked_of

Look = Callable[[str], object]

LENGTHS = (1_500, 6_000, 24_000)
"""Characters. The shortest is longer than any text whose answer is remembered."""
MEASURABLE = 0.004
"""CPU seconds; a look that takes less at every length needs no closer look."""
SUSPICIOUS = 10
"""Four times the text takes four times as long if time is linear, and sixteen times
if it is quadratic."""
TOO_STEEP = 64
"""Between the shortest and the longest: 16 if linear, 256 if quadratic. In between are
regular expressions whose engine changes to a slower one for long texts."""
ATTEMPTS = 3

PIECES = (
    *(":", ":1", "1:", "::", "f:", "1::2:3:", "::ffff:1.2.3.4", "%3a", "~3A", "%253A"),
    *("1.", "1-", "1.1.1.1-", "1.1.1.1, ", "1", "a", " ", "\t", "\n", "é", "\u202e"),
    *("%", "%25", "~", "~7E", "%2E", ".", "-", "/", "//", "?", "#", "&a=", "+", ","),
    *("(", "()", "[", "{", '"', '\\"', "\\u00e9", " = ", "<", "http://", "a@", "a-"),
    *("bot", "(Linux; Android ", ", gzip(gfe)", "compatible; ", "sql=&", "\x00"),
)
SHAPES = (
    *(("", piece, "") for piece in PIECES),
    ("a", "-", "bot"),
    ("(Linux; Android", " ", ")"),
    ("AS", "1", " x"),
    ("1", ":", "1"),
)
"""What a text begins with, what is repeated in it, and what it ends with."""


def column(text: str) -> pa.Array:
    return pa.array([text, f"http://h/{text}", f"http://h/db/{text}?{text}"], STRING)


def anonymized(text: str) -> object:
    visitors = Distinct(pa.array(["192.0.2.7", "2001:db8::1", text], STRING))
    urls = [text, None, None]
    requests = pa.table({"remote_ip": visitors.values, "request_url": urls})
    return Anonymization("truncate", "remote_ip", visitors).anonymize(requests)


def block_of(text: str) -> Block:
    entry = {
        "timestamp": "2026-03-01T00:00:00Z",
        "insertId": text,
        "httpRequest": {"requestUrl": text, "status": text, "latency": text},
    }
    lines = [json.dumps(entry), f'{{"insertId": "{text}'.replace("\n", " ")]
    return Block("\n".join([*lines, ""]).encode(), np.arange(2), "a file")


def lines_of(text: str) -> object:
    around = (b"%s", b"[%s", b'[{"a": "%s"}]', b'{\n"a": "%s"\n}\n', b"{%s")
    return [_lines_or_none(before % text.encode()) for before in around]


def _lines_or_none(content: bytes) -> object:
    try:
        return list(whole_lines(iter([content]), "a file"))
    except InputError:
        return None


def netlocs(text: str) -> object:
    urls = pa.chunked_array([pa.array([f"http://{text}/", text], STRING)])
    referers = urls.combine_chunks().dictionary_encode()
    found = hosts_of(referers.dictionary)
    return witnesses._hosts(urls), events._hosts(referers), found


def visits(text: str) -> object:
    encoded = pa.chunked_array([column(text).dictionary_encode()])
    return visitor_keys(one_spelling(encoded), encoded, key=1)


def by_path(text: str) -> pa.Table:
    numbers = [1, 2, 3]
    return pa.table({"host": column(text), "counted": numbers, "requests": numbers})


def figures_of_day(text: str) -> object:
    """All figures of a few requests, with the text wherever it may be."""
    texts = dict.fromkeys(FROM_A_CLIENT, text)
    rows = little_log.table([row | texts | {"page": page} for row, page in ROWS])
    events = little_log.count_requests(rows, rows.slice(0, 0), Registry())
    lines = {"rows_in": len(rows)}
    days = [little_log.figures(daily.name, events, lines) for daily in DAILY]
    return days, [little_log.figures_of_month(m.name, [events]) for m in MONTHLY]


FROM_A_CLIENT = (
    *("request_url", "user_agent", "remote_ip", "referer", "database", "table"),
    *("format", "agent_name", "remote_ip_org", "remote_ip_city"),
)
"""Columns of requests in which a client has a say, or the registries of addresses."""
ROWS = [
    (row, page)
    for page in ("table", "query", "index")
    for row in little_log.requests_of("12:00:00 ann 200 /")[0].to_pylist()
]


def names_in_rankings(text: str) -> object:
    found = [r.shown(*[text] * len(r.ask.names)) for r in rankings._FIXED]
    return found, rankings._dataset({}, text), rankings._referrer(frozenset(), text)


def reply_of_platform(text: str) -> object:
    github = get_platform("github")
    pages = [[{"referrer": f"a{text}", "count": 1, "uniques": 1, "owner": text}]]
    figures = list(github.read("referrers", pages, dt.date(2026, 3, 1)))
    refusal = quoted(text), said_by(Answer(500, None, text, None))
    bodies = json.dumps(pages), f'[{{"owner": "{text}'
    return figures, refusal, [without_people(body, github.people) for body in bodies]


def fields_of(text: str) -> object:
    lines = f"{text}\t{text}", f'"{text}","{text}"'
    text = "".join(line.replace("\n", " ") + "\n" for line in lines)
    block = Block(text.encode(), 1, "a file")
    by_quotes = Delimiters((), is_quoted=True)
    return [
        text_columns(block, "ab", by).others(frozenset())
        for by in (by_quotes, Delimiters((), "\t"))
    ]


def json_block(text: str) -> Block:
    entries = [{"a": text}, {text: "a"}]
    lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    return Block(lines.encode(), 1, "a file")


def read_at_once(format_: Format, entry: dict[str, Any], text: str) -> list[pa.Table]:
    """One of many lines has the text; so few that none is read by itself."""
    line, usual = (json.dumps(entry).replace("TEXT", t) for t in (in_json(text), "a"))
    lines = [*[usual] * MANY, line, *[usual] * MANY, ""]
    content = pa.BufferReader("\n".join(lines).encode())
    return [format_.read(block) for block in format_.blocks(content, "a file")]


def own_lines(text: str) -> object:
    """In the format of a user's server, of which no preset knows."""
    text = text.replace("\n", " ")
    lines = f"192.0.2.7|2026-03-01T00:00:00Z|/{text}|200|{text}\n{text}\n"
    blocks = OWN.blocks(pa.BufferReader(lines.encode()), "a file")
    return [OWN.read(block) for block in blocks]


def in_places(text: str) -> object:
    pairs = column(f"b\0{text}")
    return places._found(pairs, PLACES), places._Index(pairs)._by_segment(3)


def on_pages(text: str) -> object:
    name = file_name(text), unless_personal((text,)), neutral.may_be_changed(text)
    return name, neutral.neutral(text)


MANY = 40
"""More lines than JSON is read line by line."""
ENTRY: dict[str, Any] = {
    "timestamp": "2026-03-01T00:00:00Z",
    "insertId": "TEXT",
    "httpRequest": {"requestUrl": "https://h/TEXT", "userAgent": "TEXT"},
    "jsonPayload": {"message": "TEXT", "TEXT": ["TEXT"]},
}
CADDY: dict[str, Any] = {
    "ts": 1,
    "msg": "handled request",
    "status": 200,
    "request": {"uri": "/TEXT", "remote_ip": "TEXT", "headers": {"Referer": ["TEXT"]}},
    "TEXT": "TEXT",
}
OWN = open_format("$remote_addr|$time_iso8601|$request_uri|$status|$http_user_agent")
GLOBS = (Glob("{dataset}/**/{version}/*.{table}", "*"), Glob("**a**a**", "{version}"))
PLACES = [Place("web", URL, glob, "a-{dataset}", None) for glob in GLOBS]
HOSTS = SimpleNamespace(hosts="data.example.org")
ROBOT = Rule("list", "robot", None, None, "bot", "a list")

LOOKS: dict[str, Look] = {
    "addresses that are looked for": lambda text: remove(text, lambda _: False),
    "addresses that are removed": lambda text: remove(text, lambda _: True),
    "addresses in a text": lambda text: list(addresses_in(text)),
    "addresses in a column": lambda text: without(
        pa.array([text], STRING), lambda _: False
    ),
    "addresses of a day's visitors": anonymized,
    "one spelling of an address": lambda text: canonical_addresses(column(text)),
    "public addresses": lambda text: public_addresses(column(text)),
    "user agents": lambda text: normalised(column(text)),
    "classes of user agents": lambda text: classify(column(text)),
    "names in user agents": lambda text: name_in(f"a{text}bot"[: 3 * LONGEST], ROBOT),
    "long texts": lambda text: shortened(pa.table({"text": column(text)})),
    "parts of URLs": lambda text: split_urls(column(text)),
    "signatures": lambda text: without_signatures(column(text)),
    "encodings": lambda text: (decoded(column(text), 2), as_sent(column(text))),
    "formats of objects": lambda text: formats(column(text)),
    "fields between delimiters": fields_of,
    "fields of JSON": lambda text: json_columns(json_block(text), ("-",)),
    "hosts": netlocs,
    "Datasette's pages": lambda text: asked_for(column(text), ()),
    "pages of other sites": lambda text: [
        asked_of(site)(column(text)) for site in TABLES
    ],
    "Datasette's base URL": lambda text: base_url_of(pa.array([f"/{text}"], STRING)),
    "targets": lambda text: without_query(targets_of(column(text))),
    "tables": lambda text: tables_in(Pattern("/.*/{table}/.*"), column(text)),
    "places of datasets": lambda text: [
        pc.extract_regex(column(f"b\0{text}"), glob.expression) for glob in GLOBS
    ],
    "places of a registry": in_places,
    "ids of datasets": dataset_id,
    "databases for the public": lambda text: is_public(column(text)),
    "visitors": visits,
    "devices": lambda text: devices_of(column(text)),
    "searches": lambda text: asked_texts.searches(column(f"/a?_search={text}")),
    "statements": lambda text: asked_texts.statements(column(f"/a?sql={text}")),
    "referring pages": lambda text: asked_texts.pages(column(f"https://a.b/{text}")),
    "the site's host": lambda text: breakdowns.host_of_site(by_path(text)),
    "cells of a COUNTER report": counter_tsv._cell,
    "replies of a platform": reply_of_platform,
    "entries one by one": lambda text: entries_singly(block_of(text)),
    "entries": lambda text: EntryReader().read(block_of(text)),
    "entries at once": lambda text: read_at_once(JsonEntries(), ENTRY, text),
    "JSON of web servers at once": lambda text: read_at_once(
        open_format("caddy"), CADDY, text
    ),
    "lines of one's own format": own_lines,
    "lines of a file": lines_of,
    "reasons": lambda text: without_value(f"has a = {text}"),
    "messages": printable,
    "messages without credentials": without_credentials,
    "Luigi's messages": lambda text: ErrorFilter().filter(logged(text)),
    "names in figures": lambda text: neutral.encoded(column(text)),
    "names on the page": harmless,
    "names in queries and of pages": on_pages,
    "what names of places are like": lambda text: [
        like.search(text)
        for like in (suggestions._VERSION, suggestions._REPOSITORY, suggestions._DOI)
    ],
    "what a mail server says": lambda text: mail._said(OSError(text)),
    "names in charts": lambda text: neutral.for_chart(pd.DataFrame({"a": [text]})),
    "messages to a chat": notify._disarmed,
    "hosts that are not meant": lambda text: none_meant({text: 1}, HOSTS),
}

WALKS: dict[str, Look] = {
    **{f"the log of {name}": log.cleaned for name, log in LOGS.items()},
    "figures": figures_of_day,
    "names in rankings": names_in_rankings,
}
"""Ways through many functions, for those that ``LOOKS`` lacks: slower, so that each
run takes some of the shapes."""
SOME = 10


def logged(text: str) -> logging.LogRecord:
    message = (
        "Will not run Report() due to error in complete() method:\nTraceback (\n"
        f"usage_metrics.errors.InputError: {text}"
    )
    return logging.LogRecord(
        "luigi-interface", logging.WARNING, "", 0, message, (), None
    )


def cpu_seconds(look: Look, text: str) -> float:
    """The time of this process, and of no other, in which a look is done."""
    start = time.process_time()
    look(text)
    return time.process_time() - start


def is_suspicious(look: Look, shape: Callable[[int], str]) -> bool:
    """Whether the time grew faster than the text where it first became measurable."""
    for shorter, longer in itertools.pairwise(LENGTHS):
        spent = cpu_seconds(look, shape(longer))
        if spent > MEASURABLE:
            return spent > SUSPICIOUS * cpu_seconds(look, shape(shorter))
    return False


def is_steep(look: Look, shape: Callable[[int], str]) -> bool:
    """Whether the time of a look grows much faster than the text."""
    return is_suspicious(look, shape) and grows(look, shape)


def grows(
    look: Look, shape: Callable[[int], str], fixed: float = 0.0, least: float = 0.0
) -> bool:
    """Whether the longest text takes much more time than is fair.

    A busy machine makes single measurements long, so a growth counts only if it is
    found in each of several attempts.

    Args:
        look: what is measured.
        shape: texts by their length.
        fixed: the seconds that any text takes.
        least: the seconds that the shortest text is granted beyond that.
    """
    return all(
        cpu_seconds(look, shape(LENGTHS[-1])) - fixed
        > TOO_STEEP * max(cpu_seconds(look, shape(LENGTHS[0])) - fixed, least)
        for _ in range(ATTEMPTS)
    )


def shape_of(beginning: str, piece: str, end: str) -> Callable[[int], str]:
    """Texts of one shape, by their length."""
    return lambda length: beginning + (piece * length)[:length] + end


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_text_takes_time_in_proportion_to_its_length(look: Look) -> None:
    steep = (shape for shape in SHAPES if is_steep(look, shape_of(*shape)))
    assert next(steep, None) is None


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_so_does_each_way_from_a_line_to_the_page(walk: Look) -> None:
    cpu_seconds(walk, "a")
    fixed = cpu_seconds(walk, "a")
    shapes = [(shape, shape_of(*shape)) for shape in random.sample(SHAPES, SOME)]
    steep = (s for s, of in shapes if grows(walk, of, fixed, MEASURABLE))
    assert next(steep, None) is None


def test_a_log_of_each_source_is_among_them() -> None:
    assert {log.source for log in LOGS.values()} == set(SOURCES)


def test_a_search_that_begins_again_at_each_character_is_noticed() -> None:
    again = re.compile("a*b")
    # On a busy machine a single measurement may hide it.
    assert any(is_steep(again.search, shape_of("", "a", "")) for _ in range(20))
    assert not is_steep(re.compile("(?<!a)a*b").search, shape_of("", "a", ""))


def test_of_a_user_agent_no_more_than_a_documented_length_is_looked_into() -> None:
    (text,) = normalised(pa.array(["a" * 100_000], STRING)).to_pylist()
    assert len(text) == LONGEST
