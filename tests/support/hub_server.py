"""DataCite's hub for usage reports, its rules restated in a local server.

What it takes and refuses, and in which words, follows the code of the hub (sashimi), of
what reads the reports there (levriero), and of the API that shows the sums (lupo).
"""

import gzip
import hashlib
import json
import re
import threading
import uuid
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema
from local_server import LocalServer

from usage_metrics.counting.counter_report import ISO_COUNTRIES

CLIENT = "example.office"

_CLAIM = b64encode(json.dumps({"uid": CLIENT}).encode()).decode().rstrip("=")
TOKEN = f"header.{_CLAIM}.signature"
"""A JSON web token of the client."""

MOST_DATASETS, MOST_BYTES = 50_000, 10_000_000

_PAIR = {"type": None, "value": None}
_NAMED = {"name": None, "value": None}
_HEADER: dict[str, Any] = {
    **dict.fromkeys(("report-name", "report-id", "release", "created", "created-by")),
    "report-attributes": _NAMED,
    "report-filters": _NAMED,
    "reporting-period": dict.fromkeys(("begin-date", "end-date")),
    "exceptions": dict.fromkeys(("message", "severity", "data", "code", "help-url")),
}
_DATASET: dict[str, Any] = {
    **dict.fromkeys(("dataset-title", "yop", "uri", "platform", "data-type")),
    "publisher": None,
    **dict.fromkeys(("publisher-id", "dataset-dates", "dataset-contributors"), _PAIR),
    **dict.fromkeys(("dataset-attributes", "dataset-id"), _PAIR),
    "performance": {
        "period": dict.fromkeys(("begin-date", "end-date")),
        "instance": {
            **dict.fromkeys(("access-method", "metric-type", "count")),
            "country-counts": dict.fromkeys(map(str.lower, ISO_COUNTRIES)),
        },
    },
}
"""The parameters that the hub permits."""

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "counting/dataset_report.schema.json").read_text()
)


def unpermitted(value: Any, known: dict[str, Any] | None) -> Iterator[str]:
    """The parameters that the hub does not permit."""
    if isinstance(value, list):
        for item in value:
            yield from unpermitted(item, known)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if known is None or key not in known:
                yield key
            else:
                yield from unpermitted(inner, known[key])


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        if isinstance(body, str):
            body = {"errors": [{"status": str(status), "title": body}]}
        self.body = body


@dataclass
class Held:
    """A report that the hub holds."""

    id: str
    client: str
    header: dict[str, Any]
    subsets: list[bytes] = field(default_factory=list)
    """Each a whole report, compressed."""

    @property
    def datasets(self) -> list[dict[str, Any]]:
        """The datasets of all subsets."""
        documents = [json.loads(gzip.decompress(subset)) for subset in self.subsets]
        return [item for report in documents for item in report["report-datasets"]]

    @property
    def key(self) -> tuple[str, str]:
        """What the hub has once."""
        return self.header["created-by"], self.header["reporting-period"]["begin-date"]

    def data(self, *, whole: bool) -> dict[str, Any]:
        """As the hub shows it."""
        about = {"client-id": self.client} if whole else {}
        shown: dict[str, Any] = {"id": self.id, "report-header": self.header | about}
        if whole:
            shown["report-datasets"] = []
            shown["report-subsets"] = [
                {
                    "gzip": b64encode(subset).decode(),
                    "checksum": hashlib.sha256(subset).hexdigest(),
                }
                for subset in self.subsets
            ]
        return shown


class HubServer(LocalServer):
    """Holds reports and counts what they say.

    Attributes:
        held: the reports, by id.
        asked: method and path of each request that came in, in order.
        next: what befalls the next requests that send something: a status, with which
            they are answered at once; ``lost``, for a report that is taken while the
            answer is lost; ``held``, for one whose answer never comes, and ``taken`` is
            set; or None, for nothing.
        complaints: what the hub finds wrong later, and tells nobody.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.held: dict[str, Held] = {}
        self.asked: list[tuple[str, str]] = []
        self.next: deque[int | str | None] = deque()
        self.complaints: list[str] = []
        self.taken = threading.Event()
        self.clients = {TOKEN: CLIENT}
        self.dois: dict[str, dict[str, dict[str, int]]] = {}

    @property
    def sent(self) -> list[str]:
        """The methods of the requests that sent something."""
        return [method for method, _ in self.asked if method != "GET"]

    def the_report(self) -> Held:
        """The only report that it holds."""
        (report,) = self.held.values()
        return report

    def process(self) -> None:
        """Count what the reports say: in reality, that takes days.

        Of a DOI, report, metric and access method, one number is kept: the last. More
        than eight numbers of a dataset are an error of which nobody is told.
        """
        events: dict[tuple[str, str, str, str], int] = {}
        for report in self.held.values():
            month = report.header["reporting-period"]["begin-date"][:7]
            for dataset in report.datasets:
                first = dataset["dataset-id"][0]["value"]
                found = re.search(r"10\.\d{4,5}/.+", first)
                instances = dataset["performance"][0]["instance"]
                if not found or len(instances) > 8:
                    continue
                for item in instances:
                    kind = f"{item['metric-type']}-{item['access-method']}"
                    doi = found[0].lower()
                    events[report.id, doi, kind, month] = item["count"]
        self.dois = {}
        for (_, doi, kind, month), count in events.items():
            sums = self.dois.setdefault(doi, {}).setdefault(kind, {})
            sums[month] = sums.get(month, 0) + count

    # --- what is sent ---------------------------------------------------------------

    def create(self, client: str, body: bytes, *, is_gzip: bool) -> tuple[int, Held]:
        """POST: of a month that is there, plain JSON changes nothing, gzip adds."""
        header, subset = self._read(body, is_gzip=is_gzip)
        known = self._of_month(header)
        if known and known.client == client:
            if is_gzip:
                known.subsets.append(subset)
            return 201, known
        return 201, self._new(str(uuid.uuid4()), client, header, subset)

    def update(
        self, name: str, client: str, body: bytes, *, is_gzip: bool
    ) -> tuple[int, Held]:
        """PUT: replace a report, or create one of that id."""
        if not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", name):
            raise RefusedError(422, "Record invalid")
        header, subset = self._read(body, is_gzip=is_gzip)
        report = self.held.get(name)
        if report is None:
            return 201, self._new(name, client, header, subset)
        fixed = {"created-by": report.key[0]}  # read-only once it is there
        report.header, report.subsets = header | fixed, [subset]
        return 200, report

    def _new(
        self, name: str, client: str, header: dict[str, Any], subset: bytes
    ) -> Held:
        if self._of_month(header):
            raise RefusedError(409, "The resource already exists.")
        if not re.search(r"[-._;()/:a-zA-Z0-9*~$=]+\Z", header.get("created-by") or ""):
            raise RefusedError(422, {"created_by": ["is invalid"]})
        self.held[name] = Held(name, client, header, [subset])
        return self.held[name]

    def _of_month(self, header: dict[str, Any]) -> Held | None:
        key = Held("", "", header).key
        return next((held for held in self.held.values() if held.key == key), None)

    def _read(self, body: bytes, *, is_gzip: bool) -> tuple[dict[str, Any], bytes]:
        """The header of a report, and the report as a compressed subset."""
        text = gzip.decompress(body) if is_gzip else body
        document = json.loads(text)
        header, datasets = document.get("report-header"), document["report-datasets"]
        if len(datasets) > MOST_DATASETS or len(text) > MOST_BYTES:
            raise RefusedError(413, "Request Entity Too Large")
        if not header:
            raise RefusedError(
                422, "You need to provide a payload following the SUSHI specification"
            )
        if header.get("release") != "rd1" or not (datasets or is_gzip):
            raise RefusedError(422, "Report protocol is incorrect")
        period = header["reporting-period"]
        if period["begin-date"][:7] != period["end-date"][:7]:
            raise RefusedError(
                422,
                "Reports are monthly, reporting dates need to be within the same month",
            )
        wrong = [*unpermitted(header, _HEADER), *unpermitted(datasets, _DATASET)]
        if is_gzip:
            if 69 not in [exception["code"] for exception in header["exceptions"]]:
                raise RefusedError(422, {"report_datasets": ["can't be blank"]})
            self._examine(document, wrong)
            return header, body
        for name in wrong:
            raise RefusedError(422, f"found unpermitted parameter: :{name}")
        for error in self._schema.iter_errors(document):
            raise RefusedError(422, {"base": [error.message]})
        return header, gzip.compress(body)

    @cached_property
    def _schema(self) -> Any:
        return jsonschema.Draft7Validator(SCHEMA)

    def _examine(self, document: dict[str, Any], wrong: list[str]) -> None:
        """What the hub does with a compressed report later, without a word."""
        self.complaints += wrong
        part = document | {"report-datasets": document["report-datasets"][:20]}
        self.complaints += [e.message for e in self._schema.iter_errors(part)]
        if not document["report-datasets"]:
            self.complaints.append("no datasets")


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path))
        url = urlsplit(self.path)
        what, _, name = url.path.strip("/").partition("/")
        if what == "dois":
            self._doi(unquote(name).lower())
        elif what == "reports" and name:
            report = self.server.held.get(name)
            missing = {"errors": [{"status": "404", "title": "It doesn't exist."}]}
            found = {"report": report.data(whole=True)} if report else missing
            self._send(200 if report else 404, found)
        else:
            self._list({k: v[0] for k, v in parse_qs(url.query).items()})

    def _list(self, query: dict[str, str]) -> None:
        author = query.get("created-by")
        found = [r for r in self.server.held.values() if author in (None, r.key[0])]
        number, size = (int(query.get(f"page[{n}]", 0)) for n in ("number", "size"))
        first = (max(number, 1) - 1) * (size or 25)
        page = [r.data(whole=False) for r in found[first : first + (size or 25)]]
        meta = {
            "total": len(found),
            "total-pages": -(-len(found) // (size or 25)),
            "page": max(number, 1),
        }
        self._send(200, {"reports": page, "meta": meta})

    def _doi(self, doi: str) -> None:
        kinds = self.server.dois.get(doi)
        if kinds is None:
            self._send(404, {"errors": [{"status": "404", "title": "Not found"}]})
            return
        attributes: dict[str, Any] = {"doi": doi, "citationCount": 0}
        attributes["citationsOverTime"] = []
        for name, metric in (("view", "investigations"), ("download", "requests")):
            months = kinds.get(f"unique-dataset-{metric}-regular", {})
            attributes[f"{name}Count"] = sum(months.values())
            attributes[f"{name}sOverTime"] = [
                {"yearMonth": month, "total": count}
                for month, count in sorted(months.items())
            ]
        self._send(200, {"data": {"attributes": attributes}})

    def do_POST(self) -> None:
        self._take(self.server.create)

    def do_PUT(self) -> None:
        name = self.path.strip("/").partition("/")[2]
        self._take(lambda *a, **b: self.server.update(name, *a, **b))

    def _take(self, take: Any) -> None:
        self.server.asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fate = self.server.next.popleft() if self.server.next else None
        if isinstance(fate, int):
            self._send(fate, {"errors": [{"status": str(fate), "title": "Later"}]})
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            client = self.server.clients.get(token)
            if client is None:
                raise RefusedError(
                    401, "You are not authorized to access this resource."
                )
            is_gzip = self.headers.get("Content-Encoding") == "gzip"
            status, report = take(client, body, is_gzip=is_gzip)
        except RefusedError as refused:
            self._send(refused.status, refused.body)
            return
        if fate == "held":
            self.server.taken.set()
            self.server.closed.wait()
        elif fate != "lost":
            self._send(status, {"report": report.data(whole=True)})

    def _send(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""
