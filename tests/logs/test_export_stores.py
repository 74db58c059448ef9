"""Exports in object stores: ``s3://`` and ``gs://``."""

import datetime as dt
import gzip
from pathlib import Path

import pytest
from export_folder import DAY, NEXT_DAY, as_lines, entry, ids
from s3_server import S3Server, start_s3_server  # noqa: F401
from strange_store import answering, refusal
from wire import Wire

from usage_metrics.errors import ConfigError, InputError
from usage_metrics.logs import ahead, listing
from usage_metrics.logs.cloud_logging.exports import EXPORTS
from usage_metrics.logs.folder import Folder
from usage_metrics.logs.reader import open_logs
from usage_metrics.partitions import storage


def put(server: S3Server, bucket: str, files: dict[str, bytes]) -> None:
    """Create a bucket with some files in it."""
    filesystem = server.create(bucket)
    for name, content in files.items():
        # As an object, whatever the ending of its name.
        with filesystem.open_output_stream(
            f"{bucket}/{name}", compression=None
        ) as file:
            file.write(content)


def lines(*names: str, day: dt.date = DAY) -> bytes:
    return as_lines([entry(name, f"{day}T12:00:00Z") for name in names])


@pytest.mark.parametrize("end", ["", "/"])
def test_a_day_is_read_from_a_bucket(s3_server: S3Server, end: str) -> None:
    bucket = f"days{len(end)}"
    hours = "logs/run.googleapis.com/requests"
    put(
        s3_server,
        bucket,
        {
            f"{hours}/2022/03/14/00:00:00_00:59:59_S0.json": b"\x1f\x8bdamaged",
            f"{hours}/2022/03/15/08:00:00_08:59:59_S0.json": lines("s0"),
            f"{hours}/2022/03/15/08:00:00_08:59:59_A0.json": lines("a0"),
            f"{hours}/2022/03/16/00:00:00_00:59:59_S0.json": lines("late"),
            "logs/2022-03-15.jsonl.gz": gzip.compress(lines("zipped")),
            "other/2022-03-15.json": lines("elsewhere"),
        },
    )
    reader = open_logs(s3_server.uri(f"{bucket}/logs{end}"), late_days=1)
    assert sorted(ids(reader)) == ["a0", "late", "s0", "zipped"]
    assert reader.unavailable(DAY) is None
    assert reader.unavailable(NEXT_DAY) is None
    assert reader.unavailable(NEXT_DAY + dt.timedelta(days=1))


def test_a_whole_bucket_can_be_the_folder(s3_server: S3Server) -> None:
    put(s3_server, "whole", {"2022/03/15/x.json": lines("a")})
    assert ids(open_logs(s3_server.uri("whole"), late_days=0)) == ["a"]


def test_a_file_larger_than_what_is_fetched_at_a_time_is_read_whole(
    s3_server: S3Server,
) -> None:
    names = [f"{number:0500}" for number in range(5000)]
    put(s3_server, "large", {"2022-03-15.json": lines(*names)})
    assert ids(open_logs(s3_server.uri("large"), late_days=0)) == names


def test_small_files_are_fetched_ahead_and_large_ones_when_their_turn_comes(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:02}" for number in range(20)]
    put(s3_server, "ahead", {f"2022-03-15-{name}.json": lines(name) for name in names})
    with Wire(s3_server.host, s3_server.port) as wire:
        folder = Folder(
            f"s3://ahead?{S3Server('127.0.0.1', wire.port).options}", EXPORTS
        )
        files = folder.listing(lambda _: None, "").holding(DAY, DAY)
        for most, whole in ((5, 1000), (5, 0)):
            monkeypatch.setattr(ahead, "MOST_AHEAD", most)
            monkeypatch.setattr(ahead, "PIECE_BYTES", whole)
            wire.mend()
            opened = folder.opened(files)
            first, opening = next(opened)
            got = {path for method, path in wire.requests if method == "GET"}
            assert len(got) <= most + 1 if whole else not got
            with opening as raw:
                assert raw.read() == lines("00")
            found = [first.name]
            for file, opening in opened:
                with opening as raw:
                    assert raw.read() == lines(file.name[11:13])
                found.append(file.name)
            assert found == [f"2022-03-15-{name}.json" for name in names]


def test_a_later_file_that_is_gone_when_it_is_fetched_is_no_error_of_the_day(
    s3_server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    put(s3_server, "gone", {"2022-03-15.json": lines("a"), "2022-03-16.json": b"[]"})
    logs = open_logs(s3_server.uri("gone"), late_days=1)
    assert ids(logs) == ["a"]
    s3_server.create("gone").delete_file("gone/2022-03-16.json")
    assert ids(logs) == ["a"]
    assert "late entries of that day in '2022-03-16.json', if there are" in caplog.text


def test_the_listing_of_a_bucket_is_good_for_a_minute(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3_server, "growing", {"2022-03-15.json": lines("a")})
    uri = s3_server.uri("growing")
    assert open_logs(uri, late_days=0).unavailable(NEXT_DAY)
    put(s3_server, "growing", {"2022-03-16.json": lines("b", day=NEXT_DAY)})
    assert open_logs(uri, late_days=0).unavailable(NEXT_DAY)
    monkeypatch.setattr(listing, "LISTING_SECONDS", 0)
    assert open_logs(uri, late_days=0).unavailable(NEXT_DAY) is None


def test_a_folder_that_is_not_in_the_bucket_is_named(s3_server: S3Server) -> None:
    put(s3_server, "empty", {})
    with pytest.raises(
        ConfigError, match=r"s3://empty/logs.* is not a folder that exist"
    ):
        open_logs(s3_server.uri("empty/logs"), late_days=0).unavailable(DAY)


def test_a_bucket_that_does_not_exist_is_named(s3_server: S3Server) -> None:
    with pytest.raises(
        InputError, match=r"s3://nobody.* cannot be listed: .*not exist"
    ):
        open_logs(s3_server.uri("nobody/logs"), late_days=0).unavailable(DAY)


def test_the_permissions_for_a_bucket_that_may_not_be_listed_are_named() -> None:
    with (
        answering(refusal(403, "AccessDenied", "Access Denied")) as store,
        pytest.raises(
            InputError,
            match=r"cannot be listed: .*Access Denied.* permissions s3:ListBucket and",
        ),
    ):
        open_logs(f"s3://ours/logs?{store.options}", late_days=0).unavailable(DAY)


def test_a_cut_off_file_in_a_bucket_is_named(s3_server: S3Server) -> None:
    put(s3_server, "cut", {"2022-03-15.json.gz": gzip.compress(lines("a"))[:-1]})
    with pytest.raises(InputError, match=r"^2022-03-15\.json\.gz is a damaged or tr"):
        ids(open_logs(s3_server.uri("cut"), late_days=0))


def test_an_option_that_no_store_has_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"s3://bucket/x cannot be opened: .*'regoin'"
    ):
        open_logs("s3://bucket/x?regoin=y", late_days=0).unavailable(DAY)


@pytest.mark.parametrize("scheme", ["gs", "gcs"])
def test_without_credentials_google_storage_is_given_up_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setitem(storage.STORE_OPTIONS, f"{scheme}://", "retry_limit_seconds=1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_ROOT", "127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(
        InputError, match=r"cannot be listed: .*access token"
    ) as refusal:
        open_logs(f"{scheme}://bucket/logs", late_days=0).unavailable(DAY)
    assert "run gcloud auth application-default login" in str(refusal.value)
    assert "retry-policy" not in str(refusal.value)


def test_google_storage_takes_the_options_of_its_uri() -> None:
    uri = (
        "gs://anonymous@bucket/logs?endpoint_override=127.0.0.1:1&scheme=http"
        "&retry_limit_seconds=1"
    )
    with pytest.raises(InputError, match=r"cannot be listed: .*connect to server"):
        open_logs(uri, late_days=0).unavailable(DAY)
