"""How fast lines of web servers, CloudFront, Google Cloud Storage and others are read.

``python -m tests.benchmarks.log_formats`` makes a file of each format and reads it into
raw columns, ids included, by the fast path where there is one, and by the rule alone.
In the same run, GoAccess analyses the same file, where it is installed and knows the
format. Printed are lines a CPU second, the median of pairs, and the ratios.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from usage_metrics.logs import delimited
from usage_metrics.logs.blocks import Block, Mask
from usage_metrics.logs.cloudfront import CloudFront
from usage_metrics.logs.delimited import Delimiters, Spans
from usage_metrics.logs.format import Format
from usage_metrics.logs.gcs_usage import GcsUsage
from usage_metrics.logs.shape import Marks
from usage_metrics.logs.web.aws_balancer import AwsLoadBalancer
from usage_metrics.logs.web.presets import open_format
from usage_metrics.maintenance.sample.population import BROWSERS, SCRIPTS

from .run import measure, say

SEED = 20_240_503
SINGLY = 20_000
"""Lines that the rule reads alone."""
PAIRS = 5


class Request(NamedTuple):
    """What a line says."""

    second: int
    address: str
    path: str
    status: int
    size: int
    milliseconds: int
    agent: str
    id: str

    @property
    def clock(self) -> str:
        """The time of day."""
        minute, second = divmod(self.second, 60)
        return f"{minute // 60:02}:{minute % 60:02}:{second:02}"


def requests(number: int) -> list[Request]:
    """Requests of one day, as varied as those for open data."""
    rng = np.random.default_rng(SEED)
    agents = [f"{agent} b/{n}" for agent in (*BROWSERS, *SCRIPTS) for n in range(60)]
    columns = zip(
        np.sort(rng.integers(0, 86_400, number)).tolist(),
        (rng.zipf(1.3, number) % 50_000).tolist(),
        rng.integers(0, len(agents), number).tolist(),
        rng.integers(1_000, 2_000_000_000, number).tolist(),
        rng.integers(0, 2**63, (number, 2)).tolist(),
        strict=True,
    )
    return [
        Request(
            second,
            f"198.51.{key % 256}.{one % 256}",
            f"/core/v2024.{key % 9}/out_eia__table_{key}.parquet",
            (200, 206, 304, 404)[one % 4],
            size,
            one % 60_000,
            agents[agent],
            f"{one:016x}{other:016x}",
        )
        for second, key, agent, size, (one, other) in columns
    ]


FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
    "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for "
    "ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version "
    "fle-status fle-encrypted-fields c-port time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start "
    "sc-range-end"
)
CLOUDFRONT = f"#Version: 1.0\n#Fields: {FIELDS}\n"
GCS = (
    '"time_micros","c_ip","c_ip_type","c_ip_region","cs_method","cs_uri","sc_status",'
    '"cs_bytes","sc_bytes","time_taken_micros","cs_host","cs_referer","cs_user_agent",'
    '"s_request_id","cs_operation","cs_bucket","cs_object"\n'
)
IIS = (
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username "
    "c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status "
    "sc-bytes time-taken\n"
)
_DAY = 1_714_694_400


def cloudfront(it: Request) -> str:
    """A line of 33 fields."""
    agent = quote(it.agent, safe="/();:,+")
    return (
        f"2024-05-03\t{it.clock}\tFRA56-P1\t{it.size}\t{it.address}\tGET\t"
        f"d111111abcdef8.cloudfront.net\t{it.path}\t{it.status}\t-\t{agent}\t-\t-\tHit\t"
        f"{it.id}{it.id[:22]}==\tdata.example.org\thttps\t231\t"
        f"{it.milliseconds / 1000:.3f}\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\t"
        f"HTTP/2.0\t-\t-\t{it.size % 60_000}\t0.012\tHit\tapplication/octet-stream\t"
        f"{it.size}\t-\t-\n"
    )


def gcs(it: Request) -> str:
    """A line of 17 values."""
    agent = it.agent.replace('"', '""')
    name = it.path[1:]
    values = (
        f"{(_DAY + it.second) * 1_000_000 + it.size % 1_000_000}",
        *(it.address, "1", "", "GET"),
        f"/download/storage/v1/b/our-data/o/{quote(name, safe='')}?alt=media",
        *(f"{it.status}", "0", f"{it.size}", f"{it.milliseconds * 1000}"),
        *("storage.googleapis.com", "", f"{agent},gzip(gfe)"),
        *(f"AAANs{it.id}{it.id}", "storage.objects.get", "our-data", name),
    )
    return ",".join(f'"{value}"' for value in values) + "\n"


def iis(it: Request) -> str:
    """A line with the fields that IIS chooses, and sizes."""
    agent = it.agent.replace(" ", "+")
    return (
        f"2024-05-03 {it.clock} 192.0.2.1 GET {it.path} - 443 - {it.address} {agent} - "
        f"{it.status} 0 0 {it.size} {it.milliseconds}\n"
    )


def aws(it: Request) -> str:
    """A line of an application load balancer."""
    time_ = f"2024-05-03T{it.clock}.{it.size % 1_000_000:06}Z"
    return (
        f"h2 {time_} app/ours/50dc6c495c0c9188 {it.address}:44325 10.0.0.1:80 0.013 "
        f"0.164 0.001 {it.status} {it.status} 391 {it.size} "
        f'"GET https://data.example.org:443{it.path} HTTP/2.0" "{it.agent}" '
        "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:"
        f'123456789012:targetgroup/ours/13ff1ec1f13456f1 "Root=1-{it.id}" '
        f'"data.example.org" "arn:aws:acm:us-east-2:123456789012:certificate/a2" 2 '
        f'{time_} "forward" "-" "-" "10.0.0.1:80" "{it.status}" "-" "-"\n'
    )


def logpush(it: Request) -> str:
    """A JSON object of Cloudflare's."""
    entry = {
        "ClientIP": it.address,
        "ClientRequestHost": "data.example.org",
        "ClientRequestMethod": "GET",
        "ClientRequestURI": it.path,
        "ClientRequestUserAgent": it.agent,
        "ClientRequestReferer": "",
        "EdgeEndTimestamp": (_DAY + it.second) * 1_000_000_000,
        "EdgeResponseBytes": it.size,
        "EdgeResponseStatus": it.status,
        "EdgeStartTimestamp": (_DAY + it.second) * 1_000_000_000,
        "RayID": it.id[:16],
        "CacheCacheStatus": "hit",
        "ClientRequestProtocol": "HTTP/2",
        "EdgeColoCode": "FRA",
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"


def combined(it: Request) -> str:
    """A line of nginx or Apache."""
    return (
        f"{it.address} - - [03/May/2024:{it.clock} +0000] "
        f'"GET {it.path} HTTP/1.1" {it.status} {it.size} '
        f'"https://data.example.org/{it.id[:2]}" "{it.agent}"\n'
    )


def caddy(it: Request) -> str:
    """A JSON object of Caddy's."""
    request = {
        "remote_ip": it.address,
        "remote_port": "38574",
        "client_ip": it.address,
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "data.example.org",
        "uri": it.path,
        "headers": {"User-Agent": [it.agent], "Accept": ["*/*"]},
    }
    entry = {
        "level": "info",
        "ts": _DAY + it.second + it.size % 1_000_000 / 1e6,
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": request,
        "bytes_read": 0,
        "user_id": "",
        "duration": it.milliseconds / 1000,
        "size": it.size,
        "status": it.status,
        "resp_headers": {"Server": ["Caddy"], "Content-Type": ["text/csv"]},
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"


class Case(NamedTuple):
    """A format to measure."""

    format: Format
    header: str
    line: Callable[[Request], str]
    has_rule: bool = False
    """Whether lines can be split by the rule alone, too."""
    goaccess: str | None = None
    """GoAccess's name of the format."""


CASES = {
    "combined": Case(open_format("combined"), "", combined, True, "COMBINED"),
    "caddy": Case(open_format("caddy"), "", caddy, goaccess="CADDY"),
    "cloudfront": Case(CloudFront(), CLOUDFRONT, cloudfront, True, "CLOUDFRONT"),
    "gcs": Case(GcsUsage(), GCS, gcs, True, "CLOUDSTORAGE"),
    "iis": Case(open_format("iis"), IIS, iis, True, "W3C"),
    "aws": Case(AwsLoadBalancer(), "", aws, goaccess="AWSALB"),
    "cloudflare": Case(open_format("cloudflare"), "", logpush),
}


def rate(case: Case, content: bytes, number: int) -> float:
    """The lines that are read in a CPU second of this process."""
    started = time.process_time()
    entries = 0
    with pa.BufferReader(content) as file:
        for block in case.format.blocks(file, "a log"):
            times = case.format.read(block)[case.format.time]
            entries += len(times) - times.null_count
    if entries != number:
        raise ValueError(f"{entries} of {number} lines are read")
    return number / (time.process_time() - started)


def by_rule(case: Case, content: bytes, number: int) -> float:
    """The same without the fast path."""

    def at_once(block: Block, fields: int, _: Delimiters) -> tuple[Spans, Mask]:
        nothing = np.empty((fields, 0), np.int32)
        return (nothing, nothing), np.zeros(len(block), bool)

    none_split = mock.patch.object(delimited, "_at_once", at_once)

    def of(block: Block) -> Marks:
        nothing = np.empty(0, np.int64)
        at, kinds = nothing.astype(np.int32), nothing.astype(np.uint8)
        ends = np.zeros(len(block) + 1, np.int64)
        return Marks(at, kinds, ends, nothing, at)

    none_plain = mock.patch.object(Marks, "of", of)
    with none_split, none_plain:
        return rate(case, content, number)


def goaccess(case: Case, path: Path, number: int) -> float | None:
    """The lines GoAccess analyses in a CPU second; None if it is not installed."""
    if not shutil.which("goaccess"):
        return None
    options = [f"--log-format={case.goaccess}", f"--output={path}.json"]
    cost = measure(["goaccess", str(path), *options, "--no-global-config"], path.parent)
    return number / cost.cpu_seconds


def compare(name: str, case: Case, lines: list[str], folder: Path) -> None:
    """Print what each reader takes."""
    content = (case.header + "".join(lines)).encode()
    say(f"{name}: {len(lines):,} lines of {len(content) / len(lines):,.0f} bytes")
    beginning = (case.header + "".join(lines[:SINGLY])).encode()
    rate(case, beginning, len(lines[:SINGLY]))  # imports what is needed
    ours, ratios = [], []
    for _ in range(PAIRS):
        ours.append(rate(case, content, len(lines)))
        if case.has_rule:
            ratios.append(ours[-1] / by_rule(case, beginning, len(lines[:SINGLY])))
    fast = statistics.median(ours)
    say(f"{'':4}{fast:12,.0f} lines a CPU second")
    if ratios:
        say(f"{'':4}{statistics.median(ratios):12.1f} x the rule alone")
    if case.goaccess:
        path = folder / name
        path.write_bytes(content)
        theirs = goaccess(case, path, len(lines))
        if theirs is None:
            say(f"{'':4}GoAccess is not installed: apt-get install goaccess")
        else:
            say(f"{'':4}{fast / theirs:12.1f} x GoAccess, which analyses them, too")


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.log_formats")
    parser.add_argument("formats", nargs="*", default=list(CASES), help="which")
    parser.add_argument("--lines", type=int, default=300_000)
    options = parser.parse_args()
    said = requests(options.lines)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats:
            lines = list(map(CASES[name].line, said))
            compare(name, CASES[name], lines, Path(folder))


if __name__ == "__main__":
    main()
