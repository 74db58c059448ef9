"""The short form of the campaign with several machines: two workers on this one."""

import signal
from pathlib import Path

import pytest
from s3_server import S3Server, start_s3_server  # noqa: F401

from faults.machines import KEYS, Site, fill
from faults.place import DONE, Place, end, luigid
from usage_metrics.tasks.stages import STAGES


def test_a_backfill_splits_between_workers_and_one_that_is_killed_is_made_up_for(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    filesystem = s3_server.create("usage")
    keeper = Place(tmp_path / "scheduler").furnish("")
    with luigid(keeper) as port:
        store = f"{s3_server.host}:{s3_server.port}"
        site = Site(tmp_path, store, ("127.0.0.1", port), days=6, requests=30)
        fill(filesystem, site.logs)
        bob = site.add_worker("bob")
        site.wait_until(lambda: bob.done.total() >= 1)  # or ann may leave him nothing
        ann = site.add_worker("ann")
        site.wait_until(lambda: bob.done.total() >= 2, ann)
        assert bob.process is not None
        end(bob.process, signal.SIGKILL)
        bob.process.wait()
        site.wait_until(lambda: not ann.is_at_it(), ann)
        code, screen = site.load(ann)
    assert code == DONE, screen
    assert ann.done.total() < 6 * len(STAGES), "bob did some"
    assert site.faults(ann, filesystem) == []
