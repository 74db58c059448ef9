"""A request as Cloud Run logs it: Cloud Logging's ``LogEntry`` in JSON.

Sizes are strings, the latency is text with an ``s``, and times have as many groups of
three decimals as they need. Unknown fields are absent. A request that was aborted for
lack of a container has a text that says so instead of the labels of one.
"""

import datetime as dt
from random import Random
from typing import Any, NamedTuple

from usage_metrics.maintenance.sample.population import SITE, Client, Hit

# Times are whole nanoseconds, because the service writes up to nine digits.
MICROSECOND = 1_000
SECOND = 1_000_000_000

TRACED = 0.05
"""The share of requests with a trace."""
ABORTED = "The request was aborted because there was no available instance."
READY = "Ready condition status changed to True for Service open-data."

Entry = dict[str, Any]


class Times(NamedTuple):
    """When a request was made and logged, and its latency, all in nanoseconds."""

    made: int
    received: int
    latency: int


def draw_container(rng: Random, is_new: bool) -> Entry:
    """The part of an entry that names the container and its revision."""
    resource_labels = {
        "service_name": "open-data",
        "configuration_name": "open-data",
        "revision_name": "open-data-00043-rab" if is_new else "open-data-00042-qix",
        "project_id": "example-project",
        "location": "us-central1",
    }
    return {
        "resource": {"type": "cloud_run_revision", "labels": resource_labels},
        "labels": {"instanceId": f"00{rng.getrandbits(464):0116x}"},
    }


def request_entry(
    rng: Random, times: Times, client: Client, hit: Hit, container: Entry
) -> Entry:
    """Make a request's log entry, its keys in the order that the service uses."""
    seconds, nanoseconds = divmod(times.made, SECOND)
    microseconds = nanoseconds // MICROSECOND
    insert_id = f"{seconds:08x}{microseconds:08x}{rng.getrandbits(32):08x}"
    entry = {
        "insertId": insert_id,
        "httpRequest": _http_request(times.latency, client, hit),
        "resource": container["resource"],
        "timestamp": _timestamp(times.made),
        "severity": _severity(hit.status),
        "labels": container["labels"],
        "logName": "projects/example-project/logs/run.googleapis.com%2Frequests",
        "receiveTimestamp": _timestamp(times.received),
    }
    if rng.random() < TRACED:
        trace = f"projects/example-project/traces/{rng.getrandbits(128):032x}"
        span = f"{rng.getrandbits(64):016x}"
        entry |= {"trace": trace, "spanId": span, "traceSampled": True}
    if hit.status == 503:
        del entry["labels"]
        return {"textPayload": ABORTED, **entry}
    if hit.status == 500:
        entry["errorGroups"] = [{"id": "CNrR7JnV5rWcYg"}]
    return entry


def _http_request(latency: int, client: Client, hit: Hit) -> Entry:
    url = SITE + hit.path
    fields = {
        "requestMethod": hit.method,
        "requestUrl": url,
        "requestSize": str(180 + len(url) + len(client.agent or "")),
        "status": hit.status,
        "responseSize": None if hit.size is None else str(hit.size),
        "userAgent": client.agent,
        "remoteIp": client.addresses[0],
        "serverIp": "216.239.36.53",
        "referer": hit.referer,
        "latency": f"{latency // SECOND}{_fraction(latency % SECOND)}s",
        "protocol": "HTTP/1.1",
    }
    return {name: value for name, value in fields.items() if value is not None}


def service_entry(entry: Entry) -> Entry:
    """Make a message of the service itself, at the time of a request."""
    kept = ("resource", "timestamp", "logName", "receiveTimestamp")
    return {
        "textPayload": READY,
        "insertId": entry["insertId"][::-1],
        **{name: entry[name] for name in kept},
        "severity": "NOTICE",
    }


def _severity(status: int) -> str:
    if status >= 500:
        return "ERROR"
    return "WARNING" if status >= 400 else "INFO"


def _timestamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, SECOND)
    time = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}{_fraction(rest)}Z"


def _fraction(nanoseconds: int) -> str:
    """Format three, six or nine decimals of a second, as many as needed, or none."""
    digits = f"{nanoseconds:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return digits and f".{digits}"
