"""The stages of a day: Extract, Clean, Geocode. Read this first.

One task is one stage of one source for one UTC day. It reads the file of the stage
before it and writes its own, and is done when that file exists. So any run can be
repeated, interrupted, resumed, or started by two people at once. ``RangeDaily`` runs a
stage for a range of days; ``LoadSQLite`` keeps a database equal to its files.

    Extract ──▶ raw ──▶ Clean ──▶ cleaned ──▶ Geocode ──▶ geocoded ──▶ LoadSQLite
"""

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from usage_metrics import config
from usage_metrics.errors import (
    FewerEntriesError,
    InputError,
    NotYetError,
    PartitionError,
    RejectedShareError,
    UnreachableError,
)
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.row_groups import (
    made_from,
    naming_damage,
    row_groups,
)
from usage_metrics.sources import Source, get_source
from usage_metrics.sources.settings import EMPTY, source_section
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.preflight import check_provider
from usage_metrics.tasks.settling import until_settled
from usage_metrics.tasks.task import LogsOfDay, Stage
from usage_metrics.units import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq

    from usage_metrics.partitions.writer import PartitionWriter

log = logging.getLogger("luigi-interface")

LINE_COUNTS = ("rows_in", "duplicates", "rejected", "not_requests", "other_logs")
"""What the footer of a cleaned file says about the log lines of the day."""


class Extract(Stage):
    """Fetch a day's log entries as the service gives them.

    When a day is fetched again and is the same, its file stays, and with it everything
    that was made from it.
    """

    stage = "raw"

    def requires(self) -> list[LogsOfDay]:
        """The logs, if the day is not over or not exported; else nothing."""
        if unavailable_reason(self.source, self.date) is None:
            return []
        return [LogsOfDay(date=self.date, source=self.source)]

    def run(self) -> None:
        """Write the entries as they come; start again if their file changes meanwhile.

        Raises:
            NotYetError: if there are no logs of the day.
            FewerEntriesError: if the logs have fewer entries than before.
            ChangingError: if a file changes each time it is read.
        """
        if (why := unavailable_reason(self.source, self.date)) is not None:
            raise NotYetError(why)
        if self.date in source_section(self.source).lost_days:
            log.warning(
                "%s is in [%s] lost_days, but there are logs of it, which are taken; "
                "remove it from lost_days in luigi.cfg",
                *(self.date, self.source),
            )
        until_settled(self, self._extract)

    def _extract(self) -> None:
        import pyarrow as pa

        source = get_source(self.source)
        settings = source_section(self.source)
        with self.output().writing(
            source.raw, source.raw_dictionaries, keep=self._is_unchanged
        ) as entries:
            logs = source.open_logs(settings)
            for batch in logs.read(self.date):
                entries.write(pa.Table.from_batches([batch]))
                self.show(f"{number_of(entries.rows, 'entry')} so far")
            entries.facts |= {"logs": settings.logs, "exported": True}
            if settings.quiet_days == EMPTY and not entries.rows:
                entries.facts["quiet"] = True
            if unread := logs.unread(self.date):
                entries.facts["unread"] = unread
        self.say(number_of(entries.rows, "log entry"), entries.rows)

    def _is_unchanged(self, entries: "PartitionWriter") -> bool:
        """Whether the present file holds the same entries, and says the same."""
        raw = self.output()
        if not raw.exists():
            return False
        try:
            before = raw.facts()
        except UnreachableError:  # it may hold more than the new one
            raise
        except PartitionError:  # it is damaged: the new one takes its place
            return False
        if before["content_id"] == entries.content_id:
            if before.get("unread") != entries.facts.get("unread"):
                return False
            raw.mark_checked()
            return True
        if entries.rows < before["rows"]:
            raise FewerEntriesError(
                f"{self.source} {self.date}: the logs have {entries.rows:,} entries "
                f"now, and had {before['rows']:,}; the file is kept. If the logs are "
                f"right, delete {raw.path} and rerun"
            )
        return False


class Clean(Stage):
    """Turn log entries into requests, each once, and set aside what cannot be read."""

    stage = "cleaned"
    before = (Extract,)

    def requires(self) -> Extract:
        """The raw entries of the day."""
        return Extract(date=self.date, source=self.source)

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """The version of the source's cleaning, its settings, the lists of agents."""
        from usage_metrics.agents.lists import list_versions

        declared = get_source(source)
        settings = source_section(source)
        heeded = {name: getattr(settings, name) for name in declared.recipe_settings}
        return {"version": declared.version, **heeded, **list_versions()}

    def run(self) -> None:
        """Clean a row group at a time.

        Raises:
            RejectedShareError: if too many lines of the day could not be read.
        """
        from usage_metrics.cleaning.long_texts import shortened
        from usage_metrics.cleaning.rejects import REJECTED

        source = get_source(self.source)
        settings = source_section(self.source)
        duplicates, not_requests, other_logs = 0, 0, Counter[str]()
        with (
            self.input().open() as raw,
            self.output().writing(source.cleaned) as requests,
        ):
            rows = raw.metadata.num_rows
            with self.partition("rejected").writing(REJECTED) as rejected:
                for start, entries, dropped in _once(raw, source):
                    found = source.clean(entries, settings)
                    requests.write(shortened(found.requests))
                    rejected.write(found.rejected)
                    duplicates += dropped
                    not_requests += found.not_requests
                    other_logs.update(found.other_logs)
                    self.show_progress(start, rows)
            self._check_share(rejected.rows, rows)
            self._check_logs(requests.rows, other_logs)
            requests.facts |= made_from(raw) | {
                "recipe": self.recipe(self.source),
                "duplicates": duplicates,
                "rejected": rejected.rows,
                "not_requests": not_requests,
                "other_logs": other_logs.total(),
            }
        self.say(
            f"{number_of(requests.rows, 'request')} · {rejected.rows:,} rejected · "
            f"{number_of(duplicates, 'duplicate')} · {not_requests:,} not requests"
            + (f" · {other_logs.total():,} of other logs" if other_logs else ""),
            requests.rows,
        )

    def _check_share(self, rejected: int, lines: int) -> None:
        maximum = source_section(self.source).maximum_rejected_share
        if lines and rejected / lines > maximum:
            raise RejectedShareError(
                f"{self.source} {self.date}: {rejected:,} of {lines:,} lines could not "
                f"be understood, which is more than [{self.source}] "
                f"maximum_rejected_share = {maximum}. The first: "
                f"{self._first_reason()}. All of them, with their reasons, are in "
                f"{self.partition('rejected').path}. Once the logs are fixed, delete "
                f"{self.input().path} and rerun: they are read again"
            )

    def _check_logs(self, requests: int, other_logs: Counter[str]) -> None:
        if requests or not other_logs:
            return
        settings = source_section(self.source)
        if reason := get_source(self.source).nothing_meant(other_logs, settings):
            raise InputError(
                f"{self.source} {self.date}: {reason} ([{self.source}] in luigi.cfg)"
            )
        log.warning(
            "%s %s: none of %d requests is of the services and hosts that [%s] in "
            "luigi.cfg names",
            *(self.source, self.date, other_logs.total(), self.source),
        )

    def _first_reason(self) -> str:
        from usage_metrics.cleaning.rejects import without_value

        with self.partition("rejected").open() as file:
            reasons = file.read_row_group(0, columns=["reason"])["reason"]
        return without_value(reasons[0].as_py())


def _once(
    raw: "pq.ParquetFile", source: Source
) -> "Iterator[tuple[int, pa.Table, int]]":
    """Read raw entries, each once or, where equal ones are real, numbered.

    Yields:
        The number of the first row, entries, and how many duplicates are left out.
    """
    import pyarrow as pa

    from usage_metrics.cleaning.duplicates import REPEAT, repeats, superseded

    with naming_damage(raw):
        if source.equals_are_real:
            numbers = repeats(raw, source.time, source.key)
        else:
            drop = superseded(raw, source.time, source.key, source.order_column)
    for start, entries in row_groups(raw):
        rows = slice(start, start + entries.num_rows)
        if source.equals_are_real:
            yield start, entries.append_column(REPEAT, pa.array(numbers[rows])), 0
        else:
            once = entries.filter(~drop[rows])
            yield start, once, entries.num_rows - once.num_rows


class Geocode(Stage):
    """Add to each request of a day the location of its address."""

    stage = "geocoded"
    before = (*Clean.before, Clean)

    def requires(self) -> Clean:
        """The requests of the day, if the provider of locations can be used."""
        check_provider(self.source)
        return Clean(date=self.date, source=self.source)

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """The provider of locations, its data, and what is kept of addresses."""
        from usage_metrics.geocode import locate

        if get_source(source).address is None:
            return {}
        with locate.open_provider() as provider:
            return _geocoded_by(provider.facts())

    def run(self) -> None:
        """Locate the day's distinct addresses, then give each request its location.

        From here on there are no full addresses, unless the settings keep them.
        """
        from usage_metrics.geocode import locate
        from usage_metrics.privacy.anonymization import Anonymization

        source = get_source(self.source)
        schema = locate.with_location(source.cleaned, source.address)
        cleaned = self.input()
        with cleaned.open(source.cleaned) as requests:
            if source.address is None:
                located = locate.nowhere()
            else:
                with locate.open_provider() as provider:
                    located = locate.locate_column(requests, source.address, provider)
            # Marked before the file is written, and unmarked after it: a kill between
            # the two loses no address.
            if located.unanswered:
                self.output().ask_again(wanted=True)
            anonymization = Anonymization(
                config.privacy().addresses, source.address, located.addresses
            )
            located = anonymization.coarsen(located)
            with self.output().writing(schema) as geocoded:
                for start, rows in row_groups(requests):
                    rows = located.beside(rows, schema)
                    geocoded.write(anonymization.anonymize(rows))
                    self.show_progress(start, requests.metadata.num_rows)
                geocoded.facts |= made_from(requests) | located.facts
                geocoded.facts["cleaning"] = _line_counts(requests)
                if source.address is not None:
                    geocoded.facts["recipe"] = _geocoded_by(located.facts)
            if not located.unanswered:
                self.output().ask_again(wanted=False)
        self.say(f"{number_of(geocoded.rows, 'request')} · {located}", geocoded.rows)


STAGES: tuple[type[Stage], ...] = (Extract, Clean, Geocode)
"""In the order of the pipeline."""


def _geocoded_by(facts: dict[str, Any]) -> dict[str, Any]:
    from usage_metrics.geocode import locate

    return locate.recipe(facts) | {"addresses": config.privacy().addresses}


def _line_counts(cleaned: "pq.ParquetFile") -> dict[str, Any]:
    """What became of the log lines of a day, for when its cleaned file is removed."""
    facts = facts_of(cleaned.metadata)
    return {name: facts.get(name) for name in LINE_COUNTS}
