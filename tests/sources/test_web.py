"""Requests from the log of a web server: who asked, for what, at which of our hosts."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks import combined_log
from little_log import count_requests
from project import ROOT, Settings
from web_lines import batch

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.logs.beginnings import Beginning
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.web.presets import open_format
from usage_metrics.sources import Cleaned, datasette
from usage_metrics.sources.settings import source_section
from usage_metrics.sources.web import SOURCE, clean
from usage_metrics.tasks.datasets_registry import read_registry

LINE = (
    '{ip} - - [29/Mar/2026:01:00:00 +0000] "{request}" {status} 15 "-" "curl/8.5.0" '
    '"{forwarded}"'
)
FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"'
)


def line(
    request: str = "GET /census/a.csv HTTP/1.1",
    status: int = 200,
    forwarded: str = "-",
    ip: str = "192.0.2.7",
) -> str:
    return LINE.format(ip=ip, request=request, status=status, forwarded=forwarded)


def cleaned(*lines: str, format: str = FORMAT, **settings: Any) -> Cleaned:
    """What becomes of lines with some settings of the source."""
    values = {"trusted_proxies": 0, "site": "files", "hosts": "", "base_url": ""}
    entries = open_format(format).read(batch([one.encode() for one in lines]))
    repeat = pa.array(np.zeros(len(entries), dtype=np.int32))
    return clean(
        entries.append_column("repeat", repeat),
        SimpleNamespace(**values | settings),
    )


def requests(*lines: str, **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = cleaned(*lines, **settings).requests.to_pylist()
    return rows


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, "198.51.100.1", "192.0.2.7"),
        (1, "-", "192.0.2.7"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.66, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.66, 198.51.100.1,10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (1, "[2001:DB8::0:1]:4711", "2001:db8::1"),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "198.51.100.1, ", "192.0.2.7"),
    ],
)
def test_the_client_is_who_the_first_of_our_proxies_saw(
    proxies: int, forwarded: str, client: str
) -> None:
    """What a client itself writes into X-Forwarded-For stands further to the left."""
    [request] = requests(line(forwarded=forwarded), trusted_proxies=proxies)
    assert request["remote_ip"] == client


def test_caddy_says_who_the_client_is() -> None:
    entry = (
        '{"ts":1774746000.5,"msg":"handled request","request":{"remote_ip":"10.0.0.1",'
        '"client_ip":"198.51.100.7","method":"GET","host":"Data.Example.org:8443",'
        '"proto":"HTTP/2.0","uri":"/census/a.csv?x=1","headers":{}},"status":200,'
        '"size":5,"duration":0.25}'
    )
    [request] = requests(entry, format="caddy")
    assert request["remote_ip"] == "198.51.100.7"
    assert request["request_url"] == "https://data.example.org:8443/census/a.csv?x=1"
    assert request["database"] == "data.example.org/census"
    assert (request["protocol"], request["latency"]) == ("HTTP/2.0", 0.25)


@pytest.mark.parametrize(
    ("request_line", "method", "url"),
    [
        ("GET /a?b=c HTTP/1.1", "GET", "/a?b=c"),
        ("GET /a b HTTP/1.1", "GET", "/a b"),
        ("GET /a", "GET", "/a"),
        ("get /a http/1.1", "get", "/a"),
        ("GET http://www.example.org/a HTTP/1.1", "GET", "http://www.example.org/a"),
        ("OPTIONS * HTTP/1.1", "OPTIONS", None),
        ("CONNECT www.example.org:443 HTTP/1.1", "CONNECT", None),
        ("GET", None, None),
        (r"\x16\x03\x01\xF5", None, None),
    ],
)
def test_a_request_line_is_a_method_and_a_url_as_far_as_it_is_one(
    request_line: str, method: str | None, url: str | None
) -> None:
    [request] = requests(line(request_line))
    assert (request["request_method"], request["request_url"]) == (method, url)


def test_signatures_tokens_and_keys_stay_in_the_raw_file() -> None:
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    [request] = requests(line(f"GET /a/b.csv?key={uuid}&key=b&Signature=c HTTP/1.1"))
    assert request["request_url"] == "/a/b.csv?key=&key=b&Signature="


def test_where_nothing_was_asked_for_there_is_no_request() -> None:
    found = cleaned(line("-", 408), line("", 400), line(), "x")
    assert found.requests.num_rows == 1
    assert found.not_requests == 2
    assert found.rejected.num_rows == 1


def test_the_host_is_the_one_of_the_settings_where_the_log_has_none() -> None:
    [request] = requests(line(), hosts="data.example.org")
    assert request["request_url"] == "https://data.example.org/census/a.csv"
    assert request["database"] == "census"


def test_a_path_of_two_slashes_names_no_host() -> None:
    [request] = requests(line("GET //census/a.csv HTTP/1.1"))
    assert request["request_url_netloc"] is None
    assert request["request_url_path"] == "//census/a.csv"


def test_of_several_hosts_in_one_log_those_are_meant_that_the_settings_name() -> None:
    lines = [
        f"{host} {line()}"
        for host in ("a.example.org:443", "B.example.org:80", "c.example.org:443")
    ]
    hosts = "a.example.org, b.example.org"
    found = cleaned(*lines, format="vhost_combined", hosts=hosts)
    assert found.requests["database"].to_pylist() == [
        "a.example.org/census",
        "b.example.org/census",
    ]
    assert found.requests["request_url_scheme"].to_pylist() == ["https", "http"]
    assert found.other_logs == {"c.example.org": 1}


def test_a_day_of_other_hosts_only_gets_a_sentence() -> None:
    said = SOURCE.nothing_meant(
        {"c.org": 2, "b.org": 1}, SimpleNamespace(hosts="a.org")
    )
    assert said is not None
    assert "none of 3 requests is to a host that hosts = a.org names" in said
    assert "'c.org', 'b.org'" in said


def test_what_is_not_there_is_no_data() -> None:
    found = requests(line(), line(status=404), line("GET /index.html HTTP/1.1"))
    assert [one["is_data_request"] for one in found] == [True, False, False]


def test_a_site_below_a_path_is_read_without_it() -> None:
    request = "GET /open/db/table.csv HTTP/1.1"
    [found] = requests(line(request), site="datasette", base_url="/open/")
    assert (found["database"], found["table"], found["page"]) == (
        "db",
        "table",
        "table",
    )
    [found] = requests(line(request), site="files", base_url="/open/")
    assert (found["database"], found["table"]) == ("db", "table.csv")


OF_SITES = [
    ("files", "/census/a.csv", "census", "request"),
    ("files", "/census/", "none", None),
    ("files", "/a.csv", "website", "request"),
    ("files", "/about.html", "none", None),
    ("files", "/wp-login.php", "unmapped", None),
    ("ckan", "/dataset/trees", "trees", "investigation"),
    ("ckan", "/dataset/5d1c/resource/9e07/download/a.csv", "5d1c", "request"),
    ("ckan", "/api/3/action/package_show?id=trees", "trees", "investigation"),
    ("ckan", "/dataset", "none", None),
    ("erddap", "/erddap/tabledap/buoys.csv?time", "buoys", "request"),
    ("erddap", "/erddap/tabledap/buoys.html", "buoys", "investigation"),
    ("erddap", "/erddap/tabledap/buoys.das", "buoys", "investigation"),
    ("thredds", "/thredds/fileServer/sst/a.nc", "sst", "request"),
    ("thredds", "/thredds/dodsC/sst/a.nc.dds", "sst", "investigation"),
    ("thredds", "/thredds/catalog/sst/catalog.html", "none", None),
]


@pytest.mark.parametrize(("site", "path", "dataset", "kind"), OF_SITES)
def test_datasets_are_known_on_every_site_without_a_registry(
    site: str, path: str, dataset: str, kind: str | None
) -> None:
    found = cleaned(line(f"GET {path} HTTP/1.1"), site=site).requests
    events = count_requests(found, pa.table({}), read_registry())
    assert events["dataset"].to_pylist() == [dataset]
    assert events["kind"].to_pylist() == [kind]


def test_a_dataset_of_dataverse_is_its_doi() -> None:
    query = "persistentId=doi:10.5072/FK2/J8SJZB"
    lines = [
        line(f"GET /dataset.xhtml?{query} HTTP/1.1"),
        line(f"GET /api/access/dataset/:persistentId/?{query} HTTP/1.1"),
    ]
    found = cleaned(*lines, site="dataverse").requests
    assert set(found["database"].to_pylist()) == {"doi:10.5072/FK2/J8SJZB"}
    events = count_requests(found, pa.table({}), read_registry())
    assert len(set(events["dataset"].to_pylist())) == 1
    assert events["kind"].to_pylist() == ["investigation", "request"]


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (line(), FORMAT),
        (line().rpartition(" ")[0], "combined"),
        (f"www.example.org:80 {line()}", "vhost_combined"),
        (line().rpartition(" ")[0].rpartition(' "-"')[0], "common"),
        ('{"ts":1774746000.5,"msg":"handled request","request":{}}', "caddy"),
        ("what is this", None),
        ("", None),
    ],
)
def test_a_log_is_recognised_by_its_lines(text: str, format_: str | None) -> None:
    beginning = Beginning("access.log", f"{text}\n".encode())
    assert SOURCE.recognises(beginning) == ({"format": format_} if format_ else None)


@pytest.mark.parametrize(
    "written", ['%h %l %u %t "%r" %>s %b', '%%h %%l %%u %%t "%%r" %%>s %%b']
)
def test_a_format_stands_in_the_settings_as_in_the_servers(
    written: str, settings: Settings
) -> None:
    """Elsewhere in luigi.cfg a percent sign is doubled; here it may be, too."""
    settings("web", format=written)
    for _ in range(2):
        assert vars(source_section("web"))["format"] == '%h %l %u %t "%r" %>s %b'


SAME = (
    *("timestamp", "request_method", "request_url", "status", "response_size"),
    *("user_agent", "remote_ip", "database", "table", "format", "page"),
    *("is_data_request", "agent_class", "agent_rule"),
)


def test_the_same_requests_are_the_same_in_either_log() -> None:
    """The sample's day as Cloud Logging has it, and as a web server's log."""
    file = min((ROOT / "data" / "sample_logs").glob("*.jsonl.gz"))
    exports = JsonEntries()
    with pa.OSFile(str(file)) as raw:
        blocks = exports.blocks(raw, file.name)
        entries = pa.concat_tables([exports.read(block) for block in blocks])
    entries = entries.filter(entries["httpRequest"].is_valid()).combine_chunks()
    settings = source_section("datasette")
    expected = datasette.clean(entries, settings).requests
    log = combined_log.lines(entries).to_pybytes().decode().splitlines()
    host = expected["request_url_netloc"][0].as_py()
    ours = {"hosts": host, "internal_agents": settings.internal_agents}
    found = cleaned(*log, format="combined", site="datasette", **ours)
    assert found.rejected.num_rows == 0
    seconds = pa.timestamp("s", "UTC")
    times = expected["timestamp"].cast(seconds, safe=False).cast(TIMESTAMP)
    expected = expected.set_column(1, "timestamp", times)
    assert set(expected["agent_class"].to_pylist()) > {"human", "robot"}
    for name in SAME:
        values = [
            None if value == "-" else value for value in expected[name].to_pylist()
        ]
        assert found.requests[name].to_pylist() == values, name
