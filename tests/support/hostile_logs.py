"""A log of each kind whose client chose every text in it."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from usage_metrics.cleaning.duplicates import REPEAT
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.cloud_logging.load_balancer import GoogleLoadBalancer
from usage_metrics.logs.cloudfront import CloudFront
from usage_metrics.logs.format import Format
from usage_metrics.logs.gcs_usage import GcsUsage
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.web.aws_balancer import AwsLoadBalancer
from usage_metrics.logs.web.presets import open_format
from usage_metrics.sources import Cleaned, get_source

SETTINGS = SimpleNamespace(
    site="files",
    hosts="",
    base_url="",
    trusted_proxies=1,
    internal_requesters="a",
    cloudfront_is_read=False,
    request_logs="run.googleapis.com/requests",
    services="",
    data_request_patterns="",
)


class HostileLog(NamedTuple):
    """A log in which ``TEXT`` stands for what a client wrote."""

    source: str
    format: Callable[[], Format]
    lines: str
    written: Callable[[str], str] = str
    """The text as the service writes it into a line."""

    def cleaned(self, text: str) -> list[Cleaned]:
        """What reading and cleaning make of it, a block at a time."""
        text = self.written(text.replace("\n", " "))
        content = self.lines.replace("TEXT", text).encode()
        format_, source = self.format(), get_source(self.source)
        found = []
        for block in format_.blocks(pa.BufferReader(content), "a file"):
            entries = format_.read(block)
            if source.equals_are_real:
                repeats = np.zeros(entries.num_rows, dtype=np.int32)
                entries = entries.append_column(REPEAT, pa.array(repeats))
            found.append(source.clean(entries, SETTINGS))
        return found


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_csv(text: str) -> str:
    return text.replace('"', '""')


def _between_tabs(text: str) -> str:
    return text.replace("\t", "%09")


def _without_blanks(text: str) -> str:
    return text.replace(" ", "+")


_ENTRY = """\
{"insertId": "TEXT", "timestamp": "2026-03-01T00:00:00Z", "logName": \
"projects/p/logs/run.googleapis.com%2Frequests", "resource": {"type": \
"http_load_balancer", "labels": {"service_name": "TEXT"}}, "httpRequest": \
{"requestUrl": "https://h/TEXT?TEXT", "requestMethod": "GET", "status": 200, \
"userAgent": "TEXT", "remoteIp": "TEXT", "referer": "TEXT"}}
{"timestamp": "TEXT", "httpRequest": {"status": "TEXT", "latency": "TEXT"}}
{"insertId": "TEXT
"""
_BALANCED = (
    "http 2026-03-01T00:00:00.000000Z app/a 192.0.2.7:1 10.0.0.1:80 0.0 0.0 0.0 200 "
    '200 1 1 "GET http://h:80/TEXT?TEXT HTTP/1.1" "TEXT" - - arn:x "Root=TEXT" "TEXT" '
    '"-" 0 2026-03-01T00:00:00.000000Z "forward" "-" "-"\n'
)
_COMBINED = (
    '192.0.2.7 - TEXT [29/Mar/2026:03:00:01 +0000] "GET /TEXT?TEXT HTTP/1.1" 200 5 '
    '"TEXT" "TEXT"\n192.0.2.7 - - [29/Mar/2026:03:00:01 +0000] "TEXT" 200 5 "-" "-"\n'
    "TEXT\n"
)
_CADDY = (
    '{"ts": 1, "msg": "handled request", "status": 200, "request": {"uri": "/TEXT", '
    '"host": "TEXT", "remote_ip": "192.0.2.7", "headers": {"User-Agent": ["TEXT"], '
    '"Referer": ["TEXT"], "X-Forwarded-For": ["TEXT"]}}}\n{"TEXT": "TEXT"}\n'
)
_IIS = (
    "#Fields: date time c-ip cs-username cs-method cs-uri-stem cs-uri-query sc-status "
    "cs(User-Agent) cs(Referer) X-Forwarded-For TEXT\n"
    "2026-03-01 00:00:00 192.0.2.7 - GET /TEXT TEXT 200 TEXT TEXT TEXT TEXT\n"
)
_CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time c-ip cs-method cs(Host) cs-uri-stem "
    "cs-uri-query sc-status cs(Referer) cs(User-Agent) cs(Cookie) x-forwarded-for\n"
    + "\t".join(("2026-03-01", "00:00:00", "192.0.2.7", "GET", "h", "/TEXT", "TEXT"))
    + "\t200\tTEXT\tTEXT\tTEXT\tTEXT\nTEXT\n"
)
_CLOUDFLARE = (
    '{"EdgeStartTimestamp": 1772323200, "ClientRequestURI": "/TEXT", '
    '"ClientRequestHost": "TEXT", "ClientIP": "192.0.2.7", "EdgeResponseStatus": 200, '
    '"ClientRequestUserAgent": "TEXT", "ClientRequestReferer": "TEXT", "TEXT": 1}\n'
)
_GCS = (
    '"time_micros","c_ip","cs_method","cs_uri","sc_status","cs_host","cs_referer",'
    '"cs_user_agent","s_request_id","cs_operation","cs_bucket","cs_object"\n'
    '"1772323200000000","192.0.2.7","GET","/b/TEXT?TEXT","200","h","TEXT","TEXT",'
    '"TEXT","GET_Object","b","TEXT"\n'
    '"1772323200000000","TEXT","GET","/storage/v1/b/TEXT","200","h","","TEXT","i","",'
    '"b","TEXT"\n'
)
_S3 = (
    f"{'0' * 64} b [07/Feb/2026:00:00:01 +0000] 192.0.2.7 TEXT A1 REST.GET.OBJECT TEXT "
    '"GET /TEXT?TEXT HTTP/1.1" 200 - 1 1 1 1 "TEXT" "TEXT" TEXT\nTEXT\n'
)
_S3_JSON = (
    '{"bucket_name": "b", "bucket_owner": "o", "request_id": "TEXT", "operation": '
    '"REST.GET.OBJECT", "request_time": "2026-02-07T00:00:01Z", "key": "TEXT", '
    '"requester": "TEXT", "request_uri": "GET /TEXT HTTP/1.1", "referer": "TEXT", '
    '"user_agent": "TEXT", "new": "TEXT"}\n{"request_time": "TEXT"}\n'
)

LOGS = {
    "Datasette": HostileLog("datasette", JsonEntries, _ENTRY, in_json),
    "combined": HostileLog("web", lambda: open_format("combined"), _COMBINED),
    "Caddy": HostileLog("web", lambda: open_format("caddy"), _CADDY, in_json),
    "IIS": HostileLog("web", lambda: open_format("iis"), _IIS, _without_blanks),
    "S3": HostileLog("s3", lambda: S3_ACCESS_LOG, _S3),
    "S3 by CloudWatch": HostileLog("s3", lambda: S3_ACCESS_LOG, _S3_JSON, in_json),
    "CloudFront": HostileLog("cloudfront", CloudFront, _CLOUDFRONT, _between_tabs),
    "Cloud Storage": HostileLog("gcs", GcsUsage, _GCS, _in_csv),
    "Google's balancer": HostileLog(
        "load_balancer", GoogleLoadBalancer, _ENTRY, in_json
    ),
    "Amazon's balancer": HostileLog("load_balancer", AwsLoadBalancer, _BALANCED),
    "Cloudflare": HostileLog(
        "load_balancer", lambda: open_format("cloudflare"), _CLOUDFLARE, in_json
    ),
}
