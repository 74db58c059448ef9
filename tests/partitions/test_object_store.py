"""Partitions in an object store: whole or absent, and few questions asked of it."""

import datetime as dt
import gc
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pytest
from flow import DAY, ONE_DAY, Flow, days
from project import Settings
from s3_server import S3Server, start_s3_server  # noqa: F401
from wire import Wire

from usage_metrics.errors import PartitionError, StorageError
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.stages import Geocode

SCHEMA = pa.schema([("n", pa.int64())])
MANY = 1 << 20
"""Rows with enough bytes that an upload takes several parts."""

WRITER = """
import datetime as dt, sys
import pyarrow as pa
from usage_metrics.partitions.partition import Partition

rows = int(sys.argv[2])
with Partition(sys.argv[1], "raw", "toy", dt.date(2026, 3, 2)).writing(
    pa.schema([("n", pa.int64())])
) as file:
    file.write(pa.table({"n": pa.array([n * 7919 % 2**61 for n in range(rows)])}))
"""


class Bucket:
    """A bucket of its own for each test, and the wire to it."""

    def __init__(self, server: S3Server, wire: Wire) -> None:
        self.wire = wire
        self.name = f"bucket-{uuid.uuid4().hex}"
        self.filesystem = server.create(self.name)
        options = S3Server("127.0.0.1", wire.port).options
        self.root = f"s3://{self.name}?{options}&region=us-east-1"

    def partition(self, day: dt.date = DAY) -> Partition:
        return Partition(self.root, "raw", "toy", day)

    def write(self, rows: int, day: dt.date = DAY) -> None:
        with self.partition(day).writing(SCHEMA) as file:
            numbers = [n * 7919 % 2**61 for n in range(rows)]
            file.write(pa.table({"n": pa.array(numbers, pa.int64())}))

    def keys(self) -> list[str]:
        """All that a reader can see."""
        selector = pafs.FileSelector(self.name, recursive=True)
        found = self.filesystem.get_file_info(selector)
        return sorted(
            info.path.removeprefix(f"{self.name}/")
            for info in found
            if info.type == pafs.FileType.File
        )


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[Bucket]:
    with Wire(s3_server.host, s3_server.port) as wire:
        yield Bucket(s3_server, wire)


KEY = f"raw/toy/date={DAY}/part-0.parquet"


def test_what_is_written_is_there_under_its_name_and_nothing_else_ever_was(
    bucket: Bucket,
) -> None:
    assert not bucket.partition().exists()
    bucket.write(10)
    assert bucket.partition().exists()
    assert bucket.keys() == [KEY]
    writes = [path for method, path in bucket.wire.requests if method != "GET"]
    assert not [path for path in writes if ".tmp-" in path]
    with bucket.partition().open() as file:
        assert file.read().num_rows == 10


def test_an_error_in_mid_write_leaves_what_was_there(bucket: Bucket) -> None:
    bucket.write(10)
    with (  # noqa: PT012
        pytest.raises(KeyboardInterrupt),
        bucket.partition().writing(SCHEMA) as file,
    ):
        file.write(pa.table({"n": [1]}))
        raise KeyboardInterrupt
    assert bucket.partition().facts()["rows"] == 10
    assert bucket.keys() == [KEY]


@pytest.mark.parametrize(("rows", "old"), [(10, 5), (MANY, 0)])
def test_a_wire_cut_while_a_file_is_sent_leaves_what_was_there(
    bucket: Bucket, rows: int, old: int
) -> None:
    if old:
        bucket.write(old)
    bucket.wire.mend()
    bucket.wire.cut_after = rows // 2
    with pytest.raises(StorageError, match=f"{KEY} cannot be written: .*rerun"):
        bucket.write(rows)
    bucket.wire.mend()
    assert bucket.keys() == [KEY] * bool(old)
    assert bucket.partition().exists() == bool(old)
    if old:
        assert bucket.partition().facts()["rows"] == old
    bucket.write(rows)
    assert bucket.partition().facts()["rows"] == rows


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_writer_killed_while_a_file_is_sent_leaves_it_whole_or_absent(
    bucket: Bucket, by: signal.Signals
) -> None:
    bucket.wire.delay = 0.005
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, bucket.root, str(MANY)],
        stderr=subprocess.DEVNULL,
        env=os.environ,
    ) as process:
        while bucket.wire.sent < 1 << 20:
            assert process.poll() is None
            threading.Event().wait(0.01)
        process.send_signal(by)
        process.wait()
    assert process.returncode != 0
    assert bucket.keys() in ([], [KEY])
    if bucket.keys():
        bucket.partition().verify()


def test_a_store_that_does_not_answer_is_named_and_nobody_told_to_delete_a_file(
    bucket: Bucket,
) -> None:
    bucket.write(10)
    bucket.wire.cut_after = 0
    with pytest.raises(PartitionError, match="cannot be accessed: .*cause and rerun"):
        bucket.partition().open()


@pytest.mark.parametrize("number", [2, 6])
def test_the_stages_are_listed_and_not_their_days(
    bucket: Bucket, flow: Flow, settings: Settings, number: int
) -> None:
    settings("paths", root=bucket.root)
    flow.export_days(number)
    task = RangeDaily(of=Geocode, start=DAY, stop=DAY + number * ONE_DAY)
    bucket.wire.mend()
    assert flow.build(task).scheduling_succeeded
    made = list_partitions(bucket.root, "geocoded", "datasette")
    assert list(made) == days(number)
    prefixes = [path.partition("prefix=")[2] for path in bucket.wire.listings]
    assert not [prefix for prefix in prefixes if "date" in prefix]
    assert len(prefixes) <= 8


def test_what_was_fetched_is_there_until_it_is_read(bucket: Bucket) -> None:
    bucket.write(1000)
    with bucket.partition().open() as file:
        gc.collect()
        bucket.wire.cut_after = 0
        assert file.read()["n"].to_pylist()[-1] == 999 * 7919


def test_a_day_that_another_host_has_made_since_the_listing_is_seen(
    bucket: Bucket, settings: Settings
) -> None:
    settings("paths", root=bucket.root)
    task = Geocode(date=DAY)
    Geocode.prime_completeness([DAY], "datasette")
    assert not task.complete()
    with task.output().writing(SCHEMA):
        pass
    assert task.complete()


def test_keys_come_from_the_usual_places(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile in the AWS credentials file will do; the environment has none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    file.write_text("[here]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "here")
    bucket.write(10)
    assert bucket.keys() == [KEY]
    assert storage.exists(bucket.partition().path)
