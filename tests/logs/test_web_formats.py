"""What the lines of web servers say, by preset or by the server's own format."""

import datetime as dt
from typing import Any

import pytest
from web_lines import batch

from usage_metrics.errors import ConfigError
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.web.format_string import read_format
from usage_metrics.logs.web.presets import open_format

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/125.0"
REQUEST = '[29/Mar/2026:03:00:01 +0330] "GET /a.csv?b=c HTTP/1.1" 200 5120'
COMMON = f"192.0.2.7 - - {REQUEST}"
COMBINED = f'{COMMON} "https://example.org/" "{AGENT}"'
NGINX_MAIN = """
    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';
"""


def rows(setting: str, *lines: str | bytes, fields: str = "") -> list[dict[str, Any]]:
    """What a format makes of lines, without what they do not say."""
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    table = open_format(setting, fields).read(batch(raw))
    assert len(table) == len(lines)
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in table.to_pylist()
    ]


def row(setting: str, line: str | bytes, fields: str = "") -> dict[str, Any]:
    [found] = rows(setting, line, fields=fields)
    return found


def reason(setting: str, line: str | bytes, fields: str = "") -> str:
    found = row(setting, line, fields)
    assert found["unreadable"] == (line if isinstance(line, str) else line.decode())
    assert found.keys() == {"line_id", "unreadable", "unreadableReason"}
    return str(found["unreadableReason"])


def test_a_line_of_the_combined_format_says_all_this() -> None:
    found = row("combined", COMBINED)
    assert found.pop("line_id") > 0
    assert found == {
        "remote_addr": "192.0.2.7",
        "time": dt.datetime(2026, 3, 28, 23, 30, 1, tzinfo=dt.UTC),
        "request": "GET /a.csv?b=c HTTP/1.1",
        "status": 200,
        "bytes": 5120,
        "referer": "https://example.org/",
        "user_agent": AGENT,
    }


@pytest.mark.parametrize(
    ("setting", "line", "more"),
    [
        ("common", COMMON, {}),
        ("vhost_combined", f"data.example.org:443 {COMBINED}", {
            "host": "data.example.org", "port": 443,
        }),
        ("nginx_ingress", f"{COMBINED} 512 0.034 [site-80] [] 10.0.0.1:80, 10.0.0.2:80 "
         "0, 5120 0.001, 0.033 502, 200 0123abcd", {"latency": 0.034}),
        (NGINX_MAIN, f'{COMBINED} "203.0.113.9, 192.0.2.1"', {
            "forwarded_for": "203.0.113.9, 192.0.2.1",
        }),
        (r'LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" '
         r'\"%{User-agent}i\" %D" combinedio', f"{COMBINED} 34000", {
            "latency": pytest.approx(0.034),
        }),
        ("%h %l %u %t \"%r\" %>s %b %{ms}T", f"{COMMON} 34", {
            "latency": pytest.approx(0.034),
        }),
    ],
)  # fmt: skip
def test_a_preset_or_the_servers_own_format_is_read(
    setting: str, line: str, more: dict[str, Any]
) -> None:
    found = row(setting, line)
    assert found["request"] == "GET /a.csv?b=c HTTP/1.1"
    assert (found["status"], found["bytes"]) == (200, 5120)
    assert found.items() >= more.items()


def test_a_format_that_writes_json_undoes_the_escapes_of_json() -> None:
    setting = """
        log_format j escape=json '{"time":"$time_iso8601","ip":"$remote_addr",'
            '"method":"$request_method","uri":"$request_uri","status":$status,'
            '"agent":"$http_user_agent","took":"$request_time"}';
    """
    line = (
        '{"time":"2026-03-29T03:00:01+03:30","ip":"192.0.2.7","method":"GET",'
        r'"uri":"/a","status":200,"agent":"\u043f \"x\"","took":""}'
    )
    found = row(setting, line)
    del found["line_id"]
    assert found == {
        "remote_addr": "192.0.2.7",
        "time": dt.datetime(2026, 3, 28, 23, 30, 1, tzinfo=dt.UTC),
        "method": "GET",
        "target": "/a",
        "status": 200,
        "user_agent": 'п "x"',
    }


def test_one_second_is_one_second_in_winter_and_in_summer() -> None:
    """Clocks go forward from 2 to 3 on that day: the zone says which hour it is."""
    lines = [
        COMMON.replace("03:00:01 +0330", stamp)
        for stamp in ("01:59:59 +0100", "03:00:00 +0200", "00:59:60 +0000")
    ]
    times = [found["time"] for found in rows("common", *lines)]
    assert [f"{time:%H:%M:%S}" for time in times] == [
        "00:59:59",
        "01:00:00",
        "01:00:00",
    ]


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("", ""),
        ("-", None),
        ("GET", "GET"),
        ("GET / ", "GET / "),
        ("get /a b HTTP/3.14", "get /a b HTTP/3.14"),
        (r"\x16\x03\x01\x00\xF5", r"\x16\x03\x01\x00\xF5"),
        (r"GET /\xD0\xBF?q=\x22\x5C HTTP/1.1", 'GET /п?q="\\ HTTP/1.1'),
        (r"GET /?q=\"a\\b\" HTTP/1.1", r'GET /?q="a\b" HTTP/1.1'),
        (r"GET /a\tb\nc HTTP/1.1", "GET /a\tb\nc HTTP/1.1"),
        (r"GET /\x2d\q HTTP/1.1", r"GET /-\q HTTP/1.1"),
        ('GET /?q=alert("x") HTTP/1.1', 'GET /?q=alert("x") HTTP/1.1'),
    ],
)
def test_a_request_is_what_the_client_sent(
    request_text: str, expected: str | None
) -> None:
    line = COMBINED.replace("GET /a.csv?b=c HTTP/1.1", request_text)
    assert row("combined", line).get("request") == expected


def test_text_that_is_no_utf8_is_kept_as_far_as_it_is_text() -> None:
    line = COMBINED.encode().replace(b"Firefox", b"F\xffr")
    assert row("combined", line)["user_agent"] == AGENT.replace("Firefox", "F�r")


@pytest.mark.parametrize(
    ("written", "user"),
    [
        ("- -", None),
        ("- ada", "ada"),
        ("- Ada King", "Ada King"),
        (r"- DOM\\ada", r"DOM\ada"),
        (r"- DOM\Jane", r"DOM\Jane"),
        ('- ""', None),
    ],
)
def test_a_name_may_have_blanks_and_backslashes(written: str, user: str | None) -> None:
    found = row("combined", COMBINED.replace("- -", written))
    assert (found.get("user") or "").replace('""', "") == (user or "")


def test_nothing_in_place_of_a_value_is_null_and_empty_is_empty() -> None:
    line = f"2001:db8::7 - - {REQUEST}".replace("200 5120", "- -")
    found = row("combined", f'{line} "" "-"')
    assert found["remote_addr"] == "2001:db8::7"
    assert found["referer"] == ""
    assert not found.keys() & {"status", "bytes", "user_agent"}


def test_lines_of_several_formats_are_each_read_in_their_own() -> None:
    lines = [COMMON, COMBINED, f"www.example.org:80 {COMBINED}"]
    found = rows("combined, common, vhost_combined", *lines)
    assert [one["remote_addr"] for one in found] == ["192.0.2.7"] * 3
    assert [one.get("host") for one in found] == [None, None, "www.example.org"]
    assert [one.get("user_agent") for one in found] == [None, AGENT, AGENT]


def test_equal_lines_have_equal_hashes_and_others_have_others() -> None:
    found = rows("combined", COMBINED, COMBINED + "\r", COMBINED + " ")
    first, second, third = (one["line_id"] for one in found)
    assert first == second != third


TORN = [COMBINED[:length] + COMBINED for length in (40, 60, 80, 110)]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (COMBINED[:-1], "has no '\"' in 'Mozilla/5.0 (X11;"),
        (COMBINED[:-60], "has no '\" \"' in 'https://e'"),
        (COMMON, "ends before"),
        *((line, "has ") for line in TORN),
        (
            COMBINED.replace("29/Mar", "30/Feb"),
            "has %t = '30/Feb/2026:03:00:01 +0330', which is no time",
        ),
        (COMBINED.replace("200", "2xx"), "has %s = '2xx 5120"),
        ("nonsense", "ends before"),
        ("\x00" * 9, "ends before"),
    ],
)
def test_a_line_that_is_no_entry_is_kept_with_the_reason(line: str, what: str) -> None:
    found = reason("combined", line)
    assert found.startswith("line 1 of access.log ")
    assert what in found


def test_entries_and_other_lines_stay_in_their_order() -> None:
    lines = [COMBINED, "x", COMBINED.replace("- -", "- a b"), "y", COMBINED]
    block = Block("".join(f"{line}\n" for line in lines).encode(), 41, "a.log")
    table = open_format("combined").read(block)
    assert table["unreadable"].to_pylist() == [None, "x", None, "y", None]
    assert str(table["unreadableReason"][3]).startswith("line 44 of a.log ")


CADDY = (
    '{"level":"info","ts":1774746000.1234567,"msg":"handled request","request":{'
    '"remote_ip":"192.0.2.7","client_ip":"198.51.100.7","proto":"HTTP/2.0",'
    '"method":"GET","host":"data.example.org","uri":"/a?b=c","headers":{'
    '"User-Agent":["curl/8.5.0"],"X-Forwarded-For":["203.0.113.9","198.51.100.7"]}},'
    '"duration":0.0175,"size":3768,"status":200}'
)


def test_an_entry_of_caddy_says_all_this() -> None:
    found = row("caddy", CADDY)
    del found["line_id"]
    assert found == {
        "remote_addr": "192.0.2.7",
        "client_addr": "198.51.100.7",
        "forwarded_for": "203.0.113.9, 198.51.100.7",
        "time": dt.datetime(2026, 3, 29, 1, 0, 0, 123457, tzinfo=dt.UTC),
        "method": "GET",
        "target": "/a?b=c",
        "protocol": "HTTP/2.0",
        "status": 200,
        "bytes": 3768,
        "user_agent": "curl/8.5.0",
        "host": "data.example.org",
        "latency": 0.0175,
    }


def test_caddys_other_entries_are_no_requests() -> None:
    error = CADDY.replace("handled request", "no such file").replace("info", "error")
    assert row("caddy", error).keys() == {"time", "line_id"}
    assert row("caddy", "caddy-1  | " + CADDY)["status"] == 200


def test_an_entry_of_traefik_has_its_latency_in_seconds() -> None:
    found = row(
        "traefik",
        '{"ClientHost":"192.0.2.7","DownstreamStatus":200,"DownstreamContentSize":5,'
        '"Duration":1234567,"RequestHost":"data.example.org","RequestMethod":"GET",'
        '"RequestPath":"/a","RequestPort":"-","StartUTC":"2026-03-29T01:00:00.123456Z",'
        '"request_User-Agent":"curl/8.5.0"}',
    )
    assert found["latency"] == pytest.approx(0.001234567)
    assert found["time"] == dt.datetime(2026, 3, 29, 1, 0, 0, 123456, tzinfo=dt.UTC)
    assert found["user_agent"] == "curl/8.5.0"
    assert "port" not in found


@pytest.mark.parametrize(
    "time",
    [
        *('"2026-03-29T03:00:00.5+02:00"', '"1774746000.5"'),
        *("1774746000.5", "1774746000500", "1774746000500000000"),
    ],
)
def test_json_of_any_making_is_read_by_a_table_of_names(time: str) -> None:
    found = row(
        "json",
        f'{{"at": {time}, "client.ip": "192.0.2.7", "req": {{"url": "/a"}}, '
        '"code": "404", "ms": 20}',
        fields='timestamp: at, remote_ip: "client.ip", request_url: req.url, '
        "status: code, latency_ms: ms",
    )
    del found["line_id"]
    assert found == {
        "time": dt.datetime(2026, 3, 29, 1, 0, 0, 500_000, tzinfo=dt.UTC),
        "remote_addr": "192.0.2.7",
        "target": "/a",
        "status": 404,
        "latency": pytest.approx(0.02),
    }


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (CADDY[:-2], "is not JSON: Expecting"),
        ("[1]", "is no JSON object"),
        (CADDY.replace("1774746000.1234567", "null"), "has no ts"),
        (CADDY.replace("1774746000.1234567", '"soon"'), 'ts = "soon", which is not a'),
        (CADDY.replace(":200", ':"2xx"'), 'has status = "2xx", which is not a whole'),
        (CADDY.replace('"GET"', "{}"), "has request.method = {}, which is not text"),
        ('{"a":' * 99_999, "is nested too deeply"),
    ],
)
def test_a_line_of_json_that_is_no_entry_is_kept_with_the_reason(
    line: str, what: str
) -> None:
    assert what in reason("caddy", line)


@pytest.mark.parametrize(
    ("setting", "fields", "what"),
    [
        ("combned", "", "(did you mean combined?)"),
        ("combined, traefik", "", "its log has no other lines"),
        ("combined", "a: b", "fields is for format = json"),
        ("json", "", "fields does not say which field is timestamp"),
        ("json", "timestamp: t, remote_ip: a", "which field is request_url"),
        ("json", "timestmp: x", "(did you mean timestamp?)"),
        ("json", "timestamp", "write timestamp, a colon"),
        ("json", "timestamp: t, remote_ip: t.a, request_url: u", "t and t.a"),
        ("$remote_addr [$time_local]", "", "has no request, such as $request or %r"),
        ('[$time_local] "$request"', "", "has no address, such as $remote_addr"),
        ('%h "%r"', "", "has no time, such as $time_local or %t"),
        ("$remote_adr", "", "(did you mean $remote_addr?)"),
        ("$mine", "", "write $_ in its place"),
        ("%h %{%s}t %r", "", "has %{%s}t, a time that is not read"),
        ("%h %y", "", "has '%y', which Apache does not know"),
        ("escape=xml $remote_addr", "", "default, json, none"),
    ],
)
def test_a_mistake_in_the_settings_gets_a_sentence(
    setting: str, fields: str, what: str
) -> None:
    with pytest.raises(ConfigError) as error:
        open_format(setting, fields)
    assert what in str(error.value)


def test_of_several_variables_of_a_column_the_best_is_taken() -> None:
    layout = read_format('%a %h %t "%r" %>s %O %b %T %D %U%q')
    taken = {v.column: v.name for v in layout.variables if v.column}
    assert taken == {
        "remote_addr": "%a",
        "time": "%t",
        "request": "%r",
        "status": "%s",
        "bytes": "%b",
        "latency": "%D",
        "target": "%U",
    }
