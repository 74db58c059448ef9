"""Takes snapshots of served platforms, on days of the test's choice."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import luigi
import pytest
from flow import Flow
from platform_server import PlatformServer

from usage_metrics.partitions.partition import Partition
from usage_metrics.platforms import archive
from usage_metrics.tasks.snapshot_copies import Snapshots
from usage_metrics.tasks.snapshots import LoadSnapshots


@dataclass
class Days:
    """A flow, a server that plays a platform, and the date."""

    flow: Flow
    server: PlatformServer
    patch: pytest.MonkeyPatch
    source: str = "github"

    def on(self, day: dt.date, clock: str = "20:00") -> None:
        """Have it be some day."""
        now = dt.datetime.fromisoformat(f"{day}T{clock}+00:00")
        self.patch.setattr("usage_metrics.tasks.snapshots.utc_now", lambda: now)

    def run(self, task: luigi.Task | None = None) -> Any:
        """Take, read and load what there is, as a new process would."""
        return self.flow.build(task or Snapshots())

    def load_what_is_there(self) -> None:
        """Read and load, although a part of the snapshot failed."""
        load = LoadSnapshots(source=self.source)
        load.requires().run_within()
        load.run_within()

    def raw(self, day: dt.date) -> Partition:
        return Partition(str(self.flow.root), "raw", self.source, day)

    def replies(self, day: dt.date) -> dict[tuple[str, str], Any]:
        """The replies of a day by subject and kind; of several pages, the last."""
        rows = archive.replies_of(self.raw(day))
        return {(row.subject, row.kind): row for row in rows}

    def series(self, metric: str, measure: str = "total") -> dict[str, tuple[Any, ...]]:
        """By day: value, increment, days and quality."""
        rows = self.flow.query(
            "SELECT date, value, increment, days, quality FROM snapshot_series "
            "WHERE source = ? AND metric = ? AND measure = ? ORDER BY date",
            *(self.source, metric, measure),
        )
        return {row[0]: row[1:] for row in rows}
