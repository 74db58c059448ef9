"""Files of JSON, cut into lines: as they stand, or the elements of an array."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.errors import InputError
from usage_metrics.logs import blocks, lines, unpacking
from usage_metrics.logs.blocks import Block, read_blocks

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
"""What unpacking is to undo."""

BOM = b"\xef\xbb\xbf"


def read(content: bytes, block_bytes: int = blocks.BLOCK_BYTES) -> list[Block]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", block_bytes)
        return list(read_blocks(pa.BufferReader(content), "2022/x.json"))


def numbered(content: bytes, block_bytes: int = blocks.BLOCK_BYTES) -> list[Any]:
    """All lines with their numbers."""
    return [
        (number, block.line(row))
        for block in read(content, block_bytes)
        for row, number in enumerate(block.numbers.tolist())
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\r\n \t \n", [], id="blank lines alone"),
        pytest.param(BOM, [], id="a byte order mark alone"),
        pytest.param(b"a\nb\n", [(1, b"a"), (2, b"b")], id="lines"),
        pytest.param(b"a\nb", [(1, b"a"), (2, b"b")], id="no newline at the end"),
        pytest.param(b"a\r\nb\r\n", [(1, b"a\r"), (2, b"b\r")], id="CRLF"),
        pytest.param(BOM + b"a\nb\n", [(1, b"a"), (2, b"b")], id="byte order mark"),
        pytest.param(b"\n\na\n \r\nb\n\n", [(3, b"a"), (5, b"b")], id="blank lines"),
        pytest.param(b" a\n\tb\n", [(1, b" a"), (2, b"\tb")], id="indented"),
        pytest.param(b"\0\n\x0c\n\xff\n", [(1, b"\0"), (2, b"\x0c"), (3, b"\xff")]),
        pytest.param(b"[]", [], id="an array of nothing"),
        pytest.param(b"[]\n", [], id="an array of nothing, and a newline"),
        pytest.param(b'[{"a":1},{"b":2}]', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        pytest.param(
            b'\r\n [ {"a":1}\r\n,\n{"b":2}]\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]
        ),
        pytest.param(BOM + b'[{"a":1}]', [(1, b'{"a":1}')], id="array behind a mark"),
        pytest.param(b'[{"a":\n1}]', [(1, b'{"a": 1}')], id="an element on two lines"),
        pytest.param(
            b"[{}][]\n[{}, 1]", [(1, b"{}"), (2, b"{}"), (3, b"1")], id="arrays"
        ),
        pytest.param(
            rb'[{"a":"],[\"}{\\"},{"b":[[1,2],{}]}]',
            [(1, rb'{"a":"],[\"}{\\"}'), (2, b'{"b":[[1,2],{}]}')],
            id="brackets and quotes inside",
        ),
        pytest.param(
            b'[{"a":1}, oops, "x", [1,2], {b}]',
            [(1, b'{"a":1}'), (2, b"oops"), (3, b'"x"'), (4, b"[1,2]"), (5, b"{b}")],
            id="garbage in an array",
        ),
        pytest.param(b"[1,2]\n{}\n", [(1, b"[1,2]"), (2, b"{}")], id="no log's array"),
        pytest.param(b"[ERROR] x\n{}\n", [(1, b"[ERROR] x"), (2, b"{}")]),
    ],
)
@pytest.mark.parametrize("block_bytes", [8, blocks.BLOCK_BYTES])
@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_lines_and_elements_keep_their_numbers(
    content: bytes, expected: list[Any], block_bytes: int, pack: Any
) -> None:
    assert numbered(pack(content), block_bytes) == expected


@given(st.binary(), st.integers(3, 20))
def test_whatever_the_bytes_are_each_line_that_is_not_blank_is_there(
    content: bytes, block_bytes: int
) -> None:
    content = b"{}\n" + content
    expected = [
        (number, line)
        for number, line in enumerate(content.split(b"\n"), start=1)
        if line.strip(b" \t\r")
    ]
    assert numbered(content, block_bytes) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a"\\,[]{}\n é'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('a"\\[', max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.text("ab", max_size=2), JSON, max_size=3), max_size=5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.integers(20, 200),
)
def test_an_array_holds_what_its_elements_hold(
    elements: list[Any], indent: int | None, ascii_only: bool, block_bytes: int
) -> None:
    content = json.dumps(elements, indent=indent, ensure_ascii=ascii_only).encode()
    found = numbered(content, block_bytes)
    assert [json.loads(line) for _, line in found] == elements
    assert [number for number, _ in found] == list(range(1, len(elements) + 1))


@given(
    st.lists(
        st.dictionaries(st.text("ab", min_size=1, max_size=2), JSON, max_size=3),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n", ",\n", "\n\n ", ""]),
    st.sampled_from([1, 4, "\t"]),
    st.booleans(),
    st.integers(20, 200),
)
def test_objects_over_several_lines_hold_what_they_hold(
    objects: list[Any],
    between: str,
    indent: int | str,
    ascii_only: bool,
    block_bytes: int,
) -> None:
    objects[0]["first"] = 1  # or else it is a line
    texts = [json.dumps(o, indent=indent, ensure_ascii=ascii_only) for o in objects]
    found = numbered(between.join(texts).encode(), block_bytes)
    assert [json.loads(line) for _, line in found] == objects
    assert [number for number, _ in found] == list(range(1, len(objects) + 1))


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (b'{"a": 1}', b'\n"b"\n'),
        (b'{"a": 1,', b'\n{"b": 2}\n'),
        (b"{", b"\nx\n"),
        (b'{"a": {', b"\n\n[1]\n"),
    ],
)
def test_a_line_that_is_cut_off_is_no_object_over_several_lines(
    first: bytes, rest: bytes
) -> None:
    assert numbered(first + rest)[0] == (1, first)


@pytest.mark.parametrize("end", [b'{\n"b": 2', b"}", b"oops"])
def test_a_file_that_ends_within_an_object_is_refused(end: bytes) -> None:
    with pytest.raises(InputError, match=r"^2022/x\.json ends within a JSON object: '"):
        read(b'{\n"a": 1\n}\n' + end)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("block_bytes", [8, 13, blocks.BLOCK_BYTES])
def test_utf_16_is_read_as_the_text_that_it_is(
    encoding: str, mark: str, block_bytes: int
) -> None:
    text = f'{mark}{{"a": "é😀"}}\r\n{{}}\r\n'
    found = numbered(text.encode(encoding), block_bytes)
    assert found == [(1, '{"a": "é😀"}\r'.encode()), (2, b"{}\r")]


def test_what_is_invalid_in_utf_16_is_replaced_and_the_rest_is_read() -> None:
    lone = b"\xff\xfe" + '{"a": "'.encode("utf-16-le") + b"\x00\xd8"
    found = numbered(lone + '"}\n{}\n'.encode("utf-16-le") + b"x")
    assert found[0] == (1, '{"a": "\ufffd"}'.encode())
    assert found[1] == (2, b"{}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[", "cut off"),
        (b'[{"a":1}', "cut off"),
        (b'[{"a":1},', "cut off"),
        (b'[{"a":"x}]', "cut off"),
        (b'[{"a":[}]', "cut off"),
        (b'[{"a":1}] {"b":2}', r"followed by something else: '\{\"b\":2\}'"),
        (b"[{}]\x1b[31m", r"followed by something else: '\\x1b\[31m'"),
    ],
)
def test_an_array_that_is_none_is_refused_by_the_name_of_its_file(
    content: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=rf"2022/x\.json is a JSON array .*{words}"):
        read(content)


def test_a_line_without_end_is_cut_and_the_lines_around_it_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 20)
    content = b"1\n{" + b"x" * (5 << 20) + b"\n3\n{" + b"y" * (2 << 20)
    found = numbered(content, block_bytes=1 << 18)
    assert [number for number, _ in found] == [1, 2, 3, 4]
    (_, first), (_, long), (_, third), (_, last) = found
    assert (first, third) == (b"1", b"3")
    assert long == b"{" + b"x" * (lines.BEGINNING - 1) + lines.CUT
    assert last == b"{" + b"y" * (lines.BEGINNING - 1) + lines.CUT


@pytest.mark.parametrize("start", [b'[{"a": 1}, {', b'{\n"a": 1\n}\n{\n'])
def test_an_entry_without_end_ends_the_file_and_what_was_before_it_counts(
    start: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 20)
    found = numbered(start + b"x" * (3 << 20), block_bytes=1 << 18)
    assert [line.replace(b" ", b"") for _, line in found] == [b'{"a":1}', b"\x1arest"]
    assert "2022/x.json has an entry of more than 1 MB" in caplog.text


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_is_known_by_its_content_and_may_have_parts(kind: str) -> None:
    content = PACKERS[kind](b"a\nb") + PACKERS[kind](b"c\n")
    assert numbered(content) == [(1, b"a"), (2, b"bc")]


def test_frames_to_skip_may_stand_anywhere_in_a_zstd_file() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"a\nb\n"
    pack = PACKERS["zstd"]
    content = skipped + pack(b"a\n") + skipped + pack(b"b\n")
    assert numbered(content) == [(1, b"a"), (2, b"b")]


LINES = b"".join(b"%d\n" % number for number in range(9999))


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:7],
        lambda packed: packed + b"more",
        lambda packed: packed[:6] + b"\xff" * 90 + packed[96:],
        lambda packed: packed[:-8] + b"\x00" * 8,
    ],
    ids=["cut off", "cut in its header", "garbage behind", "garbage in it", "checksum"],
)
@pytest.mark.parametrize("kind", PACKERS)
def test_a_damaged_file_is_no_shorter_file(
    kind: str, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(
        InputError, match=rf"^2022/x.json is a damaged or truncated {kind} file \(.+\)"
    ):
        read(damage(PACKERS[kind](LINES)))


def test_a_block_is_about_as_large_as_it_should_be() -> None:
    sizes = [len(block.text) for block in read(b"0123456789\n" * 1000, block_bytes=550)]
    assert sum(sizes) == 11_000
    assert max(sizes) <= 550 + 11


def test_lines_that_mention_a_word_keep_their_numbers() -> None:
    (block,) = read(b"\nx 1 1\n2\n\n1\nx\n11\n")
    found = block.mentioning(b"1")
    assert found.text == b"x 1 1\n1\n11\n"
    assert found.numbers.tolist() == [2, 5, 7]
    assert len(block.mentioning(b"3")) == 0


def test_halves_of_a_block_are_blocks() -> None:
    (block,) = read(b"a\n\nbb\nc\n")
    assert [(half.text, half.numbers.tolist()) for half in block.halves()] == [
        (b"a\n", [1]),
        (b"bb\nc\n", [3, 4]),
    ]


# --- bombs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", [b"\n", b'{"timestamp": "2022-03-15T12:00:00Z"}\n', b"x" * 99 + b"\n"]
)
def test_of_a_gzip_file_that_unpacks_without_end_the_rest_is_not_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    monkeypatch.setattr(unpacking, "HARMLESS_BYTES", 1 << 20)
    bomb = gzip.compress(line * ((100 << 20) // len(line)), compresslevel=6)
    monkeypatch.setattr(unpacking, "FETCHED_BYTES", 1 << 12)
    assert len(bomb) < (100 << 20) / unpacking.MOST_EXPANSION
    *before, rest = read_blocks(pa.BufferReader(bomb), "x.json")
    assert rest.text == b"\x1a rest\n"
    assert "x.json unpacks to more than 1 MB" in caplog.text
    read_before = sum(len(block.text) for block in before)
    assert read_before < 28 << 20, (
        "of a hundred; from Python 3.12 on, more is read ahead"
    )
    assert read_before or line == b"\n"


@pytest.mark.parametrize("kind", PACKERS)
def test_many_small_bombs_in_one_file_are_one_bomb(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(unpacking, "HARMLESS_BYTES", 1 << 18)
    bomb = PACKERS[kind](b"\n" * (1 << 17)) * 5
    (rest,) = read_blocks(pa.BufferReader(bomb), "x.json")
    assert rest.text == b"\x1a rest\n"


def test_requests_of_one_letter_by_the_thousand_are_no_bomb() -> None:
    line = (
        b'{"insertId": "%d", "httpRequest": {"requestUrl": "/'
        + b"a" * 27_000
        + b'"}}\n'
    )
    packed = gzip.compress(b"".join(line % number for number in range(12_000)))
    assert 12_000 * len(line) > unpacking.MOST_EXPANSION * len(packed)
    found = read_blocks(pa.BufferReader(packed), "x.json")
    assert sum(map(len, found)) == 12_000


def test_a_small_file_may_unpack_to_what_it_likes() -> None:
    content = gzip.compress(b"[" + b" " * (8 << 20) + b"]")
    assert list(read_blocks(pa.BufferReader(content), "x.json")) == []


def test_a_file_that_is_not_packed_is_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "HARMLESS_BYTES", 1 << 10)
    lines = b"{}\n" * (2 << 20)
    assert sum(map(len, read_blocks(pa.BufferReader(lines), "x.json"))) == 2 << 20
