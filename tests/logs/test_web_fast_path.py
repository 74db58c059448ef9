"""What the fast path reads of a web server's log is what the rule reads.

``WEB_LOG_BATCHES=100000 pytest tests/logs/test_web_fast_path.py`` is the long form.
"""

import os
import random

import numpy as np
import pyarrow as pa
import pytest
from web_lines import SEED, batch, mutated

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.web.fast_path import Plan
from usage_metrics.logs.web.presets import line_layouts
from usage_metrics.logs.web.rule import Rule

BATCHES = int(os.environ.get("WEB_LOG_BATCHES", "600"))

COMMON = (
    '198.51.100.7 - - [29/Mar/2026:01:59:59 +0100] "GET /a/b.csv?x=1 HTTP/1.1" 200 15',
    '2001:db8::7 - ada [01/Jan/2026:00:00:00 -1130] "HEAD / HTTP/2.0" 304 -',
    'host.example.org id "" [31/Dec/2025:23:59:60 +0000] "-" 408 -',
    'unix: - a b [01/Jan/2026:00:00:00 +0000] "" 400 0',
    r'192.0.2.1 - x\[y [01/Jan/2026:00:00:00 +0000] "\x16\x03\x01" 400 166',
    r'192.0.2.1 - DOM\ada [01/Feb/2026:00:00:00 +0000] "GET /\"\\ HTTP/1.1" 404 99',
    '192.0.2.1 - x[y [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5',
    '192.0.2.1 - - [30/Feb/2026:00:00:00 +0000] "GET /a "b" c HTTP/1.1" 200 5',
)
AGENTS = (
    '"-" "-"',
    '"" ""',
    '"https://example.org/?q=a b" "Mozilla/5.0 (X11; Linux x86_64) Firefox/125.0"',
    r'"http://example.org/\xd0\xbf" "\"quoted\" \\ \x22agent\x22"',
    '"-" "уа"',
    '"-" "says "hello" to you"',
)
FORWARDED = ('"-"', '"203.0.113.9, 198.51.100.2"', '"unknown"')
MAIN = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" "$http_x_forwarded_for" rt=$request_time'
)
JSON = (
    '{"at":"$time_iso8601","from":"$remote_addr","asked":"$request_method $request_uri"'
    ',"status":$status, "took":"$request_time"}'
)
LINES_OF_JSON = (
    '{"at":"2026-03-29T01:59:59+01:00","from":"192.0.2.1","asked":"GET /a?b=c",'
    '"status":200, "took":"0.123"}',
    r'{"at":"2026-03-29T01:59:59Z","from":"","asked":"GET \"\\","status":-, "took":""}',
)
SAMPLES = {
    "common": COMMON,
    "combined": [f"{c} {a}" for c in COMMON for a in AGENTS]
    + [f"{COMMON[0]} {AGENTS[2]} {f}" for f in FORWARDED],
    "vhost_combined": [f"www.example.org:443 {c} {AGENTS[2]}" for c in COMMON],
    MAIN: [
        f"{c} {a} {f} rt=0.{n}"
        for n, c in enumerate(COMMON)
        for a in AGENTS[:3]
        for f in FORWARDED
    ],
    JSON: LINES_OF_JSON,
}
"""The lines of some formats; not all of them are read."""


def read_both_ways(name: str, block: Block) -> None:
    """Read a block by the fast path and by the rule, which must agree."""
    [layout] = line_layouts(name)
    texts, plain = Plan(layout).read(block)
    expected, known = Rule(layout).read(block)
    assert not np.any(plain & ~known), block.only(plain & ~known).text
    among = pa.array(plain[known])
    assert texts.keys() == expected.keys()
    for column, found in texts.items():
        assert found.to_pylist() == expected[column].filter(among).to_pylist(), column


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_read_fast_is_what_the_rule_reads(name: str) -> None:
    read_both_ways(name, batch([line.encode() for line in SAMPLES[name]]))


@pytest.mark.parametrize("name", SAMPLES)
def test_ordinary_lines_are_all_read_fast(name: str) -> None:
    ordinary = [line.encode() for line in SAMPLES[name][:1]] * 3
    [layout] = line_layouts(name)
    assert Plan(layout).read(batch(ordinary))[1].all()


@pytest.mark.parametrize("name", SAMPLES)
def test_no_change_of_a_few_bytes_makes_a_difference(name: str) -> None:
    rng = random.Random(SEED)
    lines = [line.encode() for line in SAMPLES[name]]
    for _ in range(BATCHES // len(SAMPLES)):
        some = rng.choices(lines, k=12)
        changed = [mutated(line, rng) if rng.random() < 0.7 else line for line in some]
        read_both_ways(name, batch(changed))
