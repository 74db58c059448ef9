"""tasks.counter_report."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import luigi

from usage_metrics import config
from usage_metrics.dates import utc_now
from usage_metrics.partitions import storage
from usage_metrics.partitions.row_groups import with_day
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.datasets_registry import datasets_registry

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.counting.counter_report import Month
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_input import read_columns
from usage_metrics.tasks.count_month import OfMonth


class CounterReport(OfMonth):
    """Write the COUNTER dataset report of a month, as JSON and as CSV."""

    def output(self) -> list["ReportFile"]:
        """The two files."""
        stem = f"{config.paths().root}/counter/{self.source}/{self.month:%Y-%m}"
        return [ReportFile(f"{stem}.json"), ReportFile(f"{stem}.csv")]

    def complete(self) -> bool:
        """Whether the report says what would be said now."""
        if not self.days_are_counted(Counts(self.source)):
            return False
        as_json, as_csv = self.output()
        created = as_json.created()
        if created is None or as_csv.read() is None:
            return False
        return [as_json.read(), as_csv.read()] == self._texts(created)

    def run(self) -> None:
        """Write both files."""
        for file, text in zip(
            self.output(), self._texts(utc_now().date()), strict=True
        ):
            file.write(text)
        self.say(f"{self._month().first:%Y-%m} is in {self.output()[0].path}")

    def _texts(self, created: dt.date) -> list[str]:
        from usage_metrics.counting import counter_report as report
        from usage_metrics.counting.counter import USAGE_COUNTER, USAGE_COUNTER_VERSIONS

        registry, month = datasets_registry(), self._month()
        usage = report.month_usage(
            registry,
            self._all("usage_counter", USAGE_COUNTER),
            self._all("usage_counter_versions", USAGE_COUNTER_VERSIONS),
        )
        document = report.as_json(usage, registry, month, created)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        return [text, report.as_csv(usage, registry, month, created)]

    def _month(self) -> "Month":
        from usage_metrics.counting.counter_report import Month

        counted = {day.date for day in self.counted(CountUsage.stage)}
        return Month(self.month, counted)

    def _all(self, stage: str, schema: "pa.Schema") -> "pa.Table":
        import pyarrow as pa

        tables = [
            with_day(read_columns(day, schema.names), day.date.isoformat())
            for day in self.counted(stage)
        ]
        found = [table.select(schema.names).cast(schema) for table in tables]
        return pa.concat_tables([schema.empty_table(), *found])


@dataclass(frozen=True)
class ReportFile(luigi.Target):
    """A report, where the partitions are."""

    path: str

    def exists(self) -> bool:
        """Whether it was written."""
        return self.read() is not None

    def read(self) -> str | None:
        """What it says; None if it is not there."""
        try:
            with storage.open_file(self.path) as file:
                return bytes(file.read()).decode()
        except FileNotFoundError:
            return None

    def created(self) -> dt.date | None:
        """The day on which a report in JSON says it was made, if it can be read."""
        try:
            header = json.loads(self.read() or "")["report-header"]
            return dt.date.fromisoformat(header["created"])
        except (ValueError, KeyError, TypeError):
            return None

    def write(self, text: str) -> None:
        """Write it; it appears, whole, at the end."""
        with storage.whole_or_absent(self.path) as stream:
            stream.write(text.encode())
