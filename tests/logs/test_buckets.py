"""Buckets of many small files: a day is listed by how the names of its files begin."""

import datetime as dt
import gzip
import itertools
import os
import random
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from export_folder import as_lines, entry, ids
from project import ROOT
from s3_server import S3Server, start_s3_server  # noqa: F401
from strange_store import Answer, answering, listing, refusal
from wire import Wire

from usage_metrics.errors import ChangingError, ConfigError, InputError
from usage_metrics.logs import ahead, fetching
from usage_metrics.logs import bucket as bucket_module
from usage_metrics.logs.beginnings import beginnings
from usage_metrics.logs.bucket import Bucket
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.cloudfront import CloudFront
from usage_metrics.logs.day_prefixes import DayPrefixes
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.format import Format
from usage_metrics.logs.gcs_usage import GcsUsage
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.unpacking import unpacked
from usage_metrics.sources import cloudfront, gcs, load_balancer, s3

FIRST = dt.date(2023, 12, 10)
"""The first of 40 days, so that two years have some."""
DAY = dt.date(2024, 1, 15)
ONE_DAY = dt.timedelta(days=1)

SIMPLE = Layout(
    file="access log",
    named="the name of an access log begins with its time",
    date=r"^(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?=-\d\d-\d\d-\d\d-)",
    is_together=True,
)
"""``2024-01-15-00-03-12-3C20240115FA0B1E``, whose last digits are no date."""

ANY = Layout(
    file="log",
    named="the name of a log ends in .log",
    names=r"\.log$",
    other_names="_storage_",
    date=r"(?<!\d)(?P<year>\d{4})([-_/]?)(?P<month>\d\d)\2(?P<day>\d\d)(?!\d)",
    is_together=True,
)
"""Names with the date in the name or its folders."""


HIVE = replace(
    ANY,
    date=r"(?<!\d)(?P<year>\d{4})(?:-|/|/month=)(?P<month>\d\d)(?:-|/|/day=)"
    r"(?P<day>\d\d)(?!\d)",
)
"""With folders as Hive names them."""


class Place:
    """A bucket of its own for each test, and the wire to it."""

    def __init__(self, server: S3Server, wire: Wire) -> None:
        self.wire, self.name = wire, f"bucket-{uuid.uuid4().hex}"
        self._server, self._filesystem = server, server.create(self.name)

    def put(self, key: str, content: bytes = b"") -> None:
        self._server.put(self.name, key, content)

    def delete(self, key: str) -> None:
        self._filesystem.delete_file(f"{self.name}/{key}")

    def uri(self, path: str = "") -> str:
        return S3Server("127.0.0.1", self.wire.port).uri(f"{self.name}/{path}")

    def logs(self, path: str = "", layout: Layout = SIMPLE, late: int = 1) -> LogFiles:
        return LogFiles(self.uri(path), late, layout, JsonEntries())

    def asked(self) -> tuple[int, int]:
        """How many listings and how many objects were asked for; forget them."""
        listings = len(self.wire.listings)
        others = len(self.wire.requests) - listings
        self.wire.mend()
        return listings, others


@pytest.fixture(scope="module", name="wire")
def lay_wire(s3_server: S3Server) -> Iterator[Wire]:
    with Wire(s3_server.host, s3_server.port) as wire:
        yield wire


@pytest.fixture
def place(s3_server: S3Server, wire: Wire) -> Place:
    return Place(s3_server, wire)


@pytest.fixture
def of_40_days(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Some files each day, which fill several pages."""
    monkeypatch.setattr(bucket_module, "PAGE", 3)
    for day, number in itertools.product(range(40), range(8)):
        date = FIRST + day * ONE_DAY
        name = f"{date}-{number:02}-00-00-3C20240115FA0B1{number}"
        line = entry(f"{date}/{number}", f"{date}T{number:02}:00:00Z")
        place.put(f"logs/{name}", as_lines([line]))
    place.asked()
    return place


def test_a_day_is_listed_without_the_other_days_and_its_objects_are_read_once(
    of_40_days: Place,
) -> None:
    logs = of_40_days.logs("logs")
    assert ids(logs, DAY) == [f"{DAY}/{number}" for number in range(8)]
    # Two years of one series, then three pages for the day and for that of late files.
    listings, objects = of_40_days.asked()
    assert listings <= 4 + 2 * 3
    assert objects == 8 + 8
    assert ids(logs, DAY + ONE_DAY)[0] == f"{DAY + ONE_DAY}/0"
    assert of_40_days.asked() == (3, 16)  # only the further day is listed


def test_usage_logs_of_google_are_listed_by_the_day_by_way_of_s3s_protocol(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PAGE", 30)
    for day, hour in itertools.product(range(40), range(24)):
        date = f"{FIRST + day * ONE_DAY:%Y_%m_%d}"
        place.put(f"logs/ours_usage_{date}_{hour:02}_00_00_0f3a_v0")
        place.put(f"logs/ours_storage_{date}_08_00_00_0f3a_v0")
    place.asked()
    logs = LogFiles(place.uri("logs"), 1, gcs.LAYOUT, GcsUsage())
    assert logs.unavailable(DAY) is None
    assert list(logs.read(DAY)) == []
    listings, objects = place.asked()
    # Two pages of storage logs, the years, the last days, this one and the next.
    assert listings <= 12 < 40 * 25 / bucket_module.PAGE
    assert objects == 2 * 24


def test_the_days_are_found_with_a_request_or_so_for_each(of_40_days: Place) -> None:
    assert of_40_days.logs("logs").days() == [FIRST + n * ONE_DAY for n in range(40)]
    listings, objects = of_40_days.asked()
    assert listings < 40 + 20 < 40 * 8 / bucket_module.PAGE  # of all there are 107
    assert objects == 0


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (DAY, None),
        (FIRST - ONE_DAY, "2023-12-09 is not exported: the oldest access log"),
        (FIRST + 40 * ONE_DAY, "2024-01-19 is not exported yet: the newest access log"),
    ],
)
def test_whether_there_is_a_day_takes_few_requests(
    of_40_days: Place, day: dt.date, sentence: str | None
) -> None:
    why = of_40_days.logs("logs").unavailable(day)
    assert why is None if sentence is None else why and why.startswith(sentence)
    listings, _ = of_40_days.asked()
    assert listings < 40  # the newest month is gone through, at most


def test_a_day_without_files_between_others_is_missing(place: Place) -> None:
    for day in (DAY, DAY + 2 * ONE_DAY):
        place.put(f"{day}-00-00-00-A")
    why = place.logs().unavailable(DAY + ONE_DAY)
    assert why
    assert "holds access logs of days before and after, but none in between" in why


def test_the_bucket_is_summed_up_by_its_first_and_last_day(of_40_days: Place) -> None:
    said = of_40_days.logs("logs").describe()
    assert said.startswith("access logs in s3://")
    assert said.endswith("from 2023-12-10 to 2024-01-18")


def test_what_is_no_log_is_named_with_the_day_that_it_is_of(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.put(f"{DAY}.log")
    place.put(f"{DAY}.zip")
    logs = place.logs(layout=ANY)
    list(logs.read(DAY))
    assert f"'{DAY}.zip' in s3://{place.name}" in caplog.text
    assert list(logs.passed_over()) == [DAY]


def test_a_bucket_without_logs_is_named(place: Place) -> None:
    place.put("readme.txt")
    with pytest.raises(InputError, match=r"s3://.* holds no access logs: the name of"):
        place.logs().days()


def test_the_kind_of_logs_is_recognised_by_some_files_of_the_first_page(
    of_40_days: Place,
) -> None:
    found = list(beginnings(of_40_days.uri("logs")))
    assert [each.name[:10] for each in found] == [f"{FIRST}"] * 3
    assert all(each.is_read_by(JsonEntries()) for each in found)
    assert of_40_days.asked() == (2, 3)


def test_an_object_in_place_of_a_folder_is_no_log(place: Place) -> None:
    for key in ("logs/", "logs/2024/", "logs/2024/01/15/", "logs/2024/01/15/a.log"):
        place.put(key)
    logs = place.logs("logs", replace(ANY, names=""))
    assert logs.days() == [DAY]
    assert [each.name for each in Bucket(place.uri()).objects("")] == ["a.log"]


@pytest.mark.parametrize(
    ("source", "layout", "format_", "late_days"),
    [
        ("s3", s3.LAYOUT, S3_ACCESS_LOG, 2),
        ("cloudfront", cloudfront.LAYOUT, CloudFront(), 1),
        ("gcs", gcs.LAYOUT, GcsUsage(), 2),
        ("load_balancer", load_balancer.LAYOUT, load_balancer.FORMATS["aws"](), 1),
    ],
)
def test_a_bucket_gives_what_a_folder_of_the_same_files_gives(
    place: Place, source: str, layout: Layout, format_: Format, late_days: int
) -> None:
    folder = ROOT / "tests" / "golden" / source / "logs"
    for file in (file for file in folder.rglob("*") if file.is_file()):
        place.put(f"logs/{file.relative_to(folder)}", file.read_bytes())
    here, there = (
        LogFiles(uri, late_days, layout, format_)
        for uri in (str(folder), place.uri("logs"))
    )
    rows = 0
    assert there.days() == here.days()
    for day in here.days():
        expected, found = (
            pa.Table.from_batches(logs.read(day), format_.schema)
            for logs in (here, there)
        )
        rows += found.num_rows
        assert found.equals(expected)
    assert rows


# Which names belong together

SERIES: list[tuple[Layout, list[str]]] = [
    (SIMPLE, ["", "logs/", "a/b/"]),
    (ANY, ["111122223333/us-east-1/ours/{y}/{m}/{d}/{y}-{m}-{d}-", "x/{y}/{m}/{d}/"]),
    (HIVE, ["x/year={y}/month={m}/day={d}/hour=01/E1.{y}-{m}-{d}-01."]),
    (ANY, ["E1.{y}-{m}-{d}-", "E2.{y}-{m}-{d}-", "old/E1.{y}-{m}-{d}-"]),
    (ANY, ["a_usage_{y}_{m}_{d}_", "a_storage_{y}_{m}_{d}_", "b_usage_{y}_{m}_{d}_"]),
    (ANY, ["{y}{m}{d}/", "archive/{y}{m}{d}/", "911122223333/{y}/{m}/{d}/"]),
    (ANY, ["logs/{y}-{m}-{d}-", "logs/911122223333/{y}/{m}/{d}/", "logs/{y}/{m}/{d}/"]),
]


def some_names(layout: Layout, series: list[str], chance: random.Random) -> list[str]:
    names = []
    for beginning in series:
        for _ in range(chance.randint(1, 12)):
            day = dt.date(2023, 11, 1) + chance.randrange(80) * ONE_DAY
            y, m, d = day.isoformat().split("-")
            if layout is SIMPLE:
                number = chance.randrange(10**6)
                names.append(f"{beginning}{day}-00-00-00-{number:016}")
            else:
                number = chance.randrange(99)
                text = beginning.format(y=y, m=m, d=d)
                names.append(f"{text}{number:02}-x{chance.choice(['.log', '.txt'])}")
    return [*names, "readme", "logs/zzz"]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("layout", "series"), SERIES)
def test_the_files_of_each_day_are_those_that_have_it_in_their_name(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    layout: Layout,
    series: list[str],
    seed: int,
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(bucket_module, "PAGE", chance.randint(1, 4))
    names = some_names(layout, series, chance)
    for name in names:
        place.put(name)
    expected: dict[dt.date, set[str]] = {}
    for name in names:
        day = layout.day_of(name)
        if day is not None and layout.is_log(name.rpartition("/")[2]):
            expected.setdefault(day, set()).add(name)
    found = DayPrefixes(Bucket(place.uri()), layout)
    assert found.days == sorted(expected)
    assert (found.oldest, found.newest) == (min(expected), max(expected))
    for day in {day + n * ONE_DAY for day in expected for n in (0, 1)}:
        listed = {each.key for each in found.objects(day) if found.is_log(each)}
        assert listed == expected.get(day, set())
        assert found.has(day) == (day in expected)


def test_a_file_in_the_folder_of_the_day_before_is_of_the_day_in_its_name(
    place: Place,
) -> None:
    names = [
        "AWSLogs/1/eu/2023/12/31/1_20231231T2355Z_x.log",
        "AWSLogs/1/eu/2023/12/31/1_20240101T0000Z_x.log",
        "AWSLogs/1/eu/2024/01/01/1_20240101T0005Z_x.log",
        "AWSLogs/1/eu/2024/01/02/1_20240101T2355Z_x.log",
        "AWSLogs/1/eu/2024/01/02/1_20240102T0005Z_x.log",
    ]
    for name in names:
        place.put(name)
    found = DayPrefixes(Bucket(place.uri()), ANY)
    new_year = dt.date(2024, 1, 1)
    assert [each.key for each in found.objects(new_year)] == names[1:4]
    assert found.days == [new_year + n * ONE_DAY for n in (-1, 0, 1)]
    assert len(found.series) == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("logs", ["folder"]),
        ("logs/", ["folder"]),
        ("logs2", ["prefix"]),
        ("acc-", ["c"]),
        ("acc", ["c"]),
    ],
)
def test_the_path_of_a_uri_is_a_folder_or_the_beginning_of_names(
    place: Place, path: str, expected: list[str]
) -> None:
    for beginning, name in (("logs/", "folder"), ("logs2", "prefix"), ("acc-", "c")):
        line = as_lines([entry(name, f"{DAY}T00:00:00Z")])
        place.put(f"{beginning}{DAY}-00-00-00-A", line)
    layout = replace(SIMPLE, date=SIMPLE.date.replace("^", "^-?"))
    assert ids(place.logs(path, layout), DAY) == expected


# Reading many


def test_objects_are_fetched_side_by_side_and_come_in_order_within_bounds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "MOST_AHEAD", 10)
    for number in range(40):
        line = entry(f"{number:02}", f"{DAY}T00:00:00Z")
        place.put(f"{DAY}-00-00-{number:02}-A", as_lines([line]))
    bucket = Bucket(place.uri())
    objects = bucket.objects("")
    place.asked()
    files = fetching.fetched(bucket, objects)
    assert b'"00"' in next(files).read()
    assert place.asked()[1] <= 11
    assert [f'"{n:02}"'.encode() in file.read() for n, file in enumerate(files, 1)] == (
        [True] * 39
    )
    assert ids(place.logs(), DAY) == [f"{number:02}" for number in range(40)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_large_object_is_read_in_pieces(
    place: Place, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(ahead, "PIECE_BYTES", 1000)
    names = [f"{os.urandom(20).hex()}" for _ in range(100)]
    lines = as_lines([entry(name, f"{DAY}T00:00:00Z") for name in names])
    place.put(f"{DAY}-00-00-00-A", pack(lines))
    place.put(f"{DAY}-00-00-01-B", as_lines([entry("next", f"{DAY}T00:00:00Z")]))
    assert ids(place.logs(), DAY) == [*names, "next"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_large_object_that_is_replaced_while_it_is_read_is_known_to_change(
    place: Place, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(ahead, "PIECE_BYTES", 1000)
    monkeypatch.setattr(ahead, "MOST_AHEAD", 1)
    key, other = f"{DAY}-00-00-00-A", b'{"insertId": "other"}\n' * 10_000
    place.put(key, pack(os.urandom(500_000)))  # more than gzip reads ahead
    bucket = Bucket(place.uri())
    files = fetching.fetched(bucket, bucket.objects(""))
    file = next(files)
    text = unpacked(file, key, 500)
    next(text)
    place.put(key, pack(other))
    with pytest.raises(ChangingError, match=f"{key} was replaced or deleted after it"):
        list(text)


def test_an_object_that_is_deleted_before_it_is_read_is_known_to_change(
    place: Place,
) -> None:
    key = f"{DAY}-00-00-00-A"
    place.put(key, as_lines([entry("a", f"{DAY}T00:00:00Z")]))
    logs = place.logs()
    assert logs.unavailable(DAY) is None
    assert logs.days() == [DAY]
    list(logs.read(DAY))
    place.delete(key)
    with pytest.raises(ChangingError, match=f"{key} was replaced or deleted after it"):
        list(logs.read(DAY))


def test_a_connection_that_breaks_within_an_object_is_made_again() -> None:
    content = as_lines([entry("whole", f"{DAY}T00:00:00Z")])
    answers = [
        listing(f"{DAY}-00-00-00-A"),
        listing(f"{DAY}-00-00-00-A"),
        (200, f"Content-Length: {len(content)}", content[:20]),
        (200, "", content),
    ]
    with answering(*answers) as store:
        logs = LogFiles(f"s3://logs/?{store.options}", 0, SIMPLE, JsonEntries())
        assert ids(logs, DAY) == ["whole"]


def test_an_empty_page_that_is_not_the_last_ends_no_listing() -> None:
    pages = [listing(more="token"), listing(f"{DAY}-00-00-00-A")]
    with answering(*pages) as store:
        assert len(Bucket(f"s3://logs/?{store.options}").objects("")) == 1
        assert "continuation-token=token" in store.asked[1]


def test_a_store_that_knows_no_starting_name_is_listed_all_the_same() -> None:
    names = [f"{DAY + n * ONE_DAY}-00-00-00-A" for n in range(4)]
    pages = [listing(*names[:2], more="token"), listing(*names[2:])]
    with answering(*pages, *pages, *pages) as store:
        found = Bucket(f"s3://logs/?{store.options}").objects("")
        assert [each.key for each in found] == names


def test_a_worker_that_is_forked_after_a_bucket_was_used_can_use_it(
    place: Place,
) -> None:
    place.put(f"{DAY}-00-00-00-A", as_lines([entry("a", f"{DAY}T00:00:00Z")]))
    logs = place.logs()
    assert ids(logs, DAY) == ["a"]
    if (child := os.fork()) == 0:
        os._exit(0 if ids(logs, DAY) == ["a"] else 1)
    assert os.waitpid(child, 0)[1] == 0


# What is said

REFUSED: list[tuple[Answer, str]] = [
    (
        refusal(403, "AccessDenied", "Access Denied"),
        r"access is denied \(Access Denied\): the permission s3:ListBucket is missing",
    ),
    (
        refusal(404, "NoSuchBucket", "The specified bucket does not exist"),
        "the bucket logs does not exist; correct its name in luigi.cfg",
    ),
    (
        refusal(
            *(400, "IllegalLocationConstraintException", "unspecified location"),
            "x-amz-bucket-region: eu-west-1",
        ),
        r"the bucket logs is in the region eu-west-1; write \?region=eu-west-1 behind",
    ),
    (
        refusal(403, "InvalidAccessKeyId", "no such key"),
        r"AWS refuses the credentials \(no such key\); set AWS_PROFILE, or AWS_ACCESS",
    ),
    (refusal(418, "Teapot", "short and stout"), r"Teapot \(short and stout\)"),
]


@pytest.mark.parametrize(("answer", "why"), REFUSED)
def test_a_bucket_that_cannot_be_listed_is_a_sentence(answer: Answer, why: str) -> None:
    with answering(answer) as store:
        logs = LogFiles(f"s3://logs/x?{store.options}", 0, SIMPLE, JsonEntries())
        with pytest.raises(InputError, match=f"^logs = s3://logs/x cannot be .*{why}"):
            logs.describe()


def test_an_object_that_may_not_be_read_is_a_sentence() -> None:
    page = listing(f"{DAY}-00-00-00-A")
    with answering(page, page, refusal(403, "AccessDenied", "Access Denied")) as store:
        logs = LogFiles(f"s3://logs/?{store.options}", 0, SIMPLE, JsonEntries())
        with pytest.raises(InputError, match="A cannot be read: .* s3:GetObject is "):
            list(logs.read(DAY))


def test_missing_credentials_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    logs = LogFiles(
        "s3://logs/x?region=eu-west-1&endpoint_override=127.0.0.1:1",
        *(0, SIMPLE, JsonEntries()),
    )
    with pytest.raises(InputError, match=r"cannot be listed: .* AWS_PROFILE, or AWS"):
        logs.describe()
    monkeypatch.setenv("AWS_PROFILE", "nobody's")
    logs = LogFiles("s3://logs/x?region=eu-west-2", 0, SIMPLE, JsonEntries())
    with pytest.raises(ConfigError, match=r"profile \(nobody's\) could not be found; "):
        logs.describe()


def test_a_key_in_a_uri_is_refused_and_not_repeated() -> None:
    uri = "s3://AKIA123:hidden@logs/x?region=eu-west-1"
    logs = LogFiles(uri, 0, SIMPLE, JsonEntries())
    for look in (logs.describe, lambda: list(beginnings(uri))):
        with pytest.raises(ConfigError, match="contains a key, which") as refused:
            look()
        assert "hidden" not in str(refused.value)


def test_an_unknown_option_of_a_uri_is_a_sentence() -> None:
    logs = LogFiles("s3://logs/x?regoin=y", 0, SIMPLE, JsonEntries())
    with pytest.raises(ConfigError, match="the option 'regoin', and it takes region, "):
        logs.describe()


def test_without_the_library_of_aws_the_remedy_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("aws", "bucket", "bucket_days"):
        monkeypatch.delitem(sys.modules, f"usage_metrics.logs.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    logs = LogFiles("s3://logs/x", 0, SIMPLE, JsonEntries())
    with pytest.raises(ConfigError, match=r"run pip install 'usage_metrics\[s3\]'"):
        logs.describe()
