"""Files with full addresses are their owner's; nothing is opened wider than it was."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from github_replies import serve
from ipinfo_server import TOKEN, IpinfoServer
from platform_server import PlatformServer
from project import SAMPLE_REGISTRY, Settings
from webhook_server import serving

from usage_metrics.commands import main
from usage_metrics.dates import utc_now
from usage_metrics.partitions import storage

NEXT = DAY + ONE_DAY
COMMANDS = [
    ("counter", "--month", "2026-03"),
    ("digest", "--month", "2026-03", "--send"),
    ("refresh",),
    ("rebuild", "--from", "extract", "--start", str(DAY)),
    ("erase", "--yes", "--address", "192.0.2.7"),
    ("retain",),
]

PUBLISHED = (
    *("report", "counter", "counted", "geocoded", "usage_", "observations", "series"),
)
"""What holds no full address, unless addresses are kept."""
SENT = "report/digest/sent"
"""What is kept of sending digests."""


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def lived_in(
    flow: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    quick_reports: None,
) -> Iterator[Flow]:
    """A place for all kinds of files, with ipinfo, a platform and two days of logs."""
    monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
    settings("counting", datasets=SAMPLE_REGISTRY)
    settings("geocode", provider="ipinfo")
    settings("database", path=flow.root / "usage_metrics.db")
    settings("run_log", path=flow.root / "runs.jsonl")
    settings("datasette", start=DAY, stop=NEXT + ONE_DAY, maximum_rejected_share=1)
    settings("privacy", raw_days=1)
    settings("snapshots", copy=flow.root / "copy")
    for day in (DAY, NEXT):
        flow.export(day, request("a", day, remoteIp="192.0.2.7"), "no JSON")
    with IpinfoServer() as server, PlatformServer() as github, serving() as chat:
        settings("ipinfo", endpoint=server.url, cache=flow.root / "cache" / "ipinfo")
        settings("github", repositories="example/data", endpoint=github.url)
        serve(github, utc_now().date(), {})
        settings("digest", webhook=chat.url)
        settings("notify", timeout=60)
        yield flow


def _use(flow: Flow, name: str) -> None:
    def fill(flow: Flow) -> None:
        assert main(["run"]) == 0

    fill_once(flow, f"permissions-{name}", fill)
    for command in COMMANDS:
        assert main([*command, "--patience", "0"]) == 0, command


def _modes(root: Path) -> dict[str, int]:
    found = sorted(path for path in root.rglob("*") if path.exists())
    return {str(p.relative_to(root)): p.stat().st_mode & 0o777 for p in found}


def _is_published(name: str, *, kept: bool) -> bool:
    if name.startswith(SENT):
        return False
    if name.startswith("usage_metrics"):
        return name.endswith(".json") or not kept
    return name.startswith(PUBLISHED[:2] if kept else PUBLISHED)


@pytest.mark.parametrize("addresses", ["truncate", "keep"])
def test_what_holds_addresses_is_readable_by_its_owner_alone(
    lived_in: Flow, settings: Settings, addresses: str
) -> None:
    settings("privacy", addresses=addresses)
    _use(lived_in, addresses)
    found = _modes(lived_in.root)
    for name in ("raw", "cleaned", "rejected", "cache", ".state", ".run.lock"):
        assert name in found
    for name in ("raw/github", "copy/raw", "series", f"{SENT}/2026-03-chat.json"):
        assert name in found
    wide = {name for name, mode in found.items() if mode & 0o077}
    kept = addresses == "keep"
    assert wide == {name for name in found if _is_published(name, kept=kept)}


def test_a_setting_lets_the_group_read(lived_in: Flow, settings: Settings) -> None:
    settings("privacy", addresses="keep", readable_by="group")
    _use(lived_in, "group")
    for name, mode in _modes(lived_in.root).items():
        folder = (lived_in.root / name).is_dir()
        if not _is_published(name, kept=True):
            assert mode == (0o750 if folder else 0o640), name


def test_no_command_opens_a_file_wider_than_it_was(
    lived_in: Flow, settings: Settings
) -> None:
    settings("privacy", readable_by="all")
    fill_once(lived_in, "permissions-all", lambda flow: _assert_run())
    for path in lived_in.root.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    before = _modes(lived_in.root)
    for command in COMMANDS:
        assert main([*command, "--patience", "0"]) == 0, command
    after = _modes(lived_in.root)
    for name in before.keys() & after.keys():
        assert not after[name] & ~before[name], name


def _assert_run() -> None:
    assert main(["run"]) == 0


def test_a_database_is_closed_to_others_before_full_addresses_come_into_it(
    lived_in: Flow, settings: Settings
) -> None:
    fill_once(lived_in, "permissions-truncate-only", lambda flow: _assert_run())
    database = lived_in.root / "usage_metrics.db"
    assert database.stat().st_mode & 0o777 == 0o644
    settings("privacy", addresses="keep")
    assert main(["rebuild", "--stale", "--start", str(DAY)]) == 0
    assert database.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(0o600)
    os.chown(file, 1234, 1234)
    with storage.whole_or_absent(str(file)) as stream:
        stream.write(b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1234)
    assert file.read_bytes() == b"new"
