"""The task that writes the COUNTER report of a month."""

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics import config
from usage_metrics.dates import utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.partitions.row_groups import with_day
from usage_metrics.sources.settings import sources_on
from usage_metrics.tasks.availability import first_running_day
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_input import read_columns
from usage_metrics.tasks.count_month import OfMonth
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.counter_inputs import CounterInputs
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.missing import Awaiting, available_parameter
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.source_parameter import ALL, SourceParameter
from usage_metrics.tasks.text_file import TextFile

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.counting.counter_report import Month, Usage
    from usage_metrics.counting.datasets import Registry


class CounterReport(OfMonth, Awaiting):
    """Write the COUNTER dataset report of a month, as JSON and as TSV.

    It is one of all sources that are on, since DataCite keeps one report of a month,
    in which a DOI stands once; a source that is named has one of its own.
    """

    source: luigi.Parameter[str] = SourceParameter(or_all=True)
    available: luigi.BoolParameter = available_parameter()

    def requires(self) -> list[luigi.Task]:
        """The logs that are missing or, without these, the days to be counted."""
        if self.source != ALL:
            return self.waiting() or super().requires()
        logs = [log for part in self._parts() for log in part.awaited_logs()]
        return [self.clone(available=True), *logs] if logs else super().requires()

    def uncounted(self) -> list[luigi.Task]:
        """The days that are to be counted, of each source."""
        parts = self._parts()
        return [day for part in parts for day in super(CounterReport, part).uncounted()]

    def _parts(self) -> "list[CounterReport]":
        """The reports of single sources that this one is about."""
        names = sources_on() if self.source == ALL else [self.source]
        return [self.clone(source=name) for name in names]

    def wanted(self) -> list[dt.date]:
        """The days of the month in the database's range, or in that of any source."""
        days: set[dt.date] = set()
        for part in self._parts():
            start, end = source_range(part.source)
            days |= {day for day in self.days() if start <= day < end}
        return sorted(days)

    def output(self) -> list[TextFile]:
        """The JSON file and the TSV file."""
        return [self._file("json"), self._file("tsv")]

    def _file(self, ending: str) -> TextFile:
        folder = f"{config.paths().root}/counter/{self.source}"
        return TextFile(f"{folder}/{self.month:%Y-%m}.{ending}")

    @property
    def _seal(self) -> TextFile:
        """Says what both files were made of, and what they are."""
        return self._file("made-of")

    def is_done(self) -> bool:
        """Whether both files are those that were made of the present counts."""
        for part in self._parts():
            if part.gaps() or part.missing(Counts(part.source)):
                return False
        if (seal := self._seal.read()) is None:
            return False
        texts = [file.read() for file in self.output()]
        return seal == _seal_of(self._made_of(), texts)

    def _made_of(self) -> str:
        inputs = CounterInputs()
        digest = self.made_of(inputs)
        inputs.keep()
        return digest

    def run(self) -> Iterator[list[luigi.Task]]:
        """Write both files.

        Yields:
            The days that are not counted. When they are, Luigi begins again.

        Raises:
            ConfigError: if there is nothing to report, the registry lacks something
                that a report says, or a DOI would stand twice.
        """
        if days := self.uncounted():
            yield days
        made_of = self._made_of()  # first: counts that change meanwhile are not sealed
        usage = self._usage()
        self._check(usage)
        texts = self._texts(usage, utc_now().date())
        for file, text in zip(self.output(), texts, strict=True):
            file.write(text)
        self._seal.write(_seal_of(made_of, texts))
        self.say(f"{self._month().first:%Y-%m} is in {self.output()[0].path}")

    def check_month(self) -> None:
        """Refuse a month of which no day is counted, or will be.

        Raises:
            ConfigError: if it is such a month.
        """
        if not self.has_days():
            self._check_counted()

    def has_days(self) -> bool:
        """Whether a day of the month is counted, or will be."""
        return bool(self.wanted() or self._month().counted)

    def _check_counted(self) -> None:
        if not self._month().counted:
            raise ConfigError(
                f"no day of {self.month:%Y-%m} is counted; name a month within start "
                f"and stop of {self._sections()} in luigi.cfg, or change these"
            )

    def _sections(self) -> str:
        return " or ".join(f"[{part.source}]" for part in self._parts())

    def report(self) -> dict[str, Any]:
        """The report of what is counted now, complete or not, as JSON has it.

        Raises:
            ConfigError: if no day of the month is counted.
        """
        from usage_metrics.counting.counter_report import as_json

        self._check_counted()
        today = utc_now().date()
        return as_json(self._usage(), self._registry(), self._month(), today)

    def unknown(self) -> str | None:
        """What the registry has to say of the datasets before they can be reported."""
        from usage_metrics.counting.reportable import check_reportable

        try:
            check_reportable(datasets_registry(), self._usage())
        except ConfigError as error:
            return str(error)
        return None

    def made_of(self, inputs: CounterInputs) -> str:
        """A digest of everything that decides what the report says."""
        return inputs.digest([(p.source, p.wanted()) for p in self._parts()])

    def counted_at(self, inputs: CounterInputs) -> dt.datetime | None:
        """When the last of its days was counted; None if none is."""
        days = self.days()
        times = [inputs.changed_at(part.source, days) for part in self._parts()]
        return max(filter(None, times), default=None)

    def is_final(self) -> bool:
        """Whether no more logs of the month are waited for."""
        days = self.days()
        is_over = all(days[-1] < first_running_day(p.source) for p in self._parts())
        return is_over and not any(part.gaps() for part in self._parts())

    def _usage(self) -> "list[Usage]":
        from usage_metrics.counting.counter_report import month_usage

        return month_usage(
            datasets_registry(),
            self._rows("usage_counter"),
            self._rows("usage_counter_versions"),
            self._assistants(),
        )

    def _assistants(self) -> dict[str, int]:
        """The requests of AI assistants, by dataset."""
        rows = self._rows("usage_daily", ("dataset", "assistants"))
        sums = rows.group_by("dataset").aggregate([("assistants", "sum")])
        columns = (sums[name].to_pylist() for name in ("dataset", "assistants_sum"))
        return dict(zip(*columns, strict=True))

    def _check(self, usage: "list[Usage]") -> None:
        """Refuse what DataCite does not accept: nothing, or datasets half described."""
        from usage_metrics.counting.reportable import check_dois, check_reportable

        check_dois(datasets_registry())
        self._check_counted()
        if not usage:
            raise ConfigError(
                f"no use of a dataset is counted in {self.month:%Y-%m}, and DataCite "
                "refuses an empty report; if there was use, correct the patterns in "
                "the registry of datasets, otherwise send no report for that month"
            )
        check_reportable(datasets_registry(), usage)

    def _texts(self, usage: "list[Usage]", created: dt.date) -> list[str]:
        from usage_metrics.counting.counter_report import as_json

        return texts_of(as_json(usage, self._registry(), self._month(), created))

    def _registry(self) -> "Registry":
        """The registry, with the site's host as the platform if it names none."""
        from usage_metrics.counting.breakdowns import host_of_site

        registry = datasets_registry()
        if registry.platform:
            return registry
        return replace(registry, platform=host_of_site(self._rows("usage_by_path")))

    def _month(self) -> "Month":
        from usage_metrics.counting.counter_report import Month

        counted, not_counted = set[dt.date](), set[dt.date]()
        for part in self._parts():
            there = {day.date for day in part.counted(CountUsage.stage)}
            counted |= there
            not_counted |= {*part.wanted()} - there
        return Month(self.month, counted - not_counted)

    def _rows(self, name: str, columns: Collection[str] = ()) -> "pa.Table":
        """The rows of a table of figures for the days of the month."""
        import pyarrow as pa

        from usage_metrics.counting.tables import TABLES

        whole = TABLES[name].schema
        schema = pa.schema([f for f in whole if not columns or f.name in columns])
        found = [schema.empty_table()]
        for day in (day for part in self._parts() for day in part.counted(name)):
            rows = with_day(read_columns(day, schema.names), day.date.isoformat())
            found.append(rows.select(schema.names).cast(schema))
        return pa.concat_tables(found)


def texts_of(report: dict[str, Any]) -> list[str]:
    """What stands in the JSON file and in the TSV file of a report."""
    from usage_metrics.counting.counter_tsv import as_tsv

    return [json.dumps(report, indent=2, ensure_ascii=False) + "\n", as_tsv(report)]


def _seal_of(made_of: str, texts: Sequence[str | None]) -> str:
    """What is kept of a report: digests of what it was made of and of its files."""
    from usage_metrics.counting.datasets import digest_of

    return "".join(
        f"{digest}\n" for digest in (made_of, *map(digest_of, map(str, texts)))
    )
