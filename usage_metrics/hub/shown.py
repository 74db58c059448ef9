"""Compares what we count of a month with what DataCite shows at each DOI."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from usage_metrics.dates import utc_now
from usage_metrics.errors import ReplyError
from usage_metrics.hub.findings import Report, doi_of, instances_of
from usage_metrics.platforms import datacite
from usage_metrics.platforms.client import Client, said_by
from usage_metrics.platforms.shapes import items
from usage_metrics.refusals import Refusal

SHOWN = {
    "views": "unique-dataset-investigations",
    "downloads": "unique-dataset-requests",
}
"""What DataCite shows of a DOI, and the metric that it is; by people only."""

LAG = dt.timedelta(days=14)
"""Within which DataCite usually counts a report."""

Counts = dict[str, dict[str, int]]
"""Views and downloads, by DOI."""


class Sent(NamedTuple):
    """A report that DataCite accepted."""

    at: dt.datetime
    counts: Counts


class Row(NamedTuple):
    """A figure of a DOI, as we and as DataCite have it."""

    doi: str
    title: str
    figure: str
    """``views`` or ``downloads``."""
    ours: int
    theirs: int | None
    """None if DataCite does not know the DOI."""
    reason: str
    """Why they differ; empty if they do not."""

    @property
    def difference(self) -> int:
        """Ours less theirs."""
        return self.ours - (self.theirs or 0)


def shown_counts(report: Report) -> Counts:
    """What DataCite would show of each DOI of a report."""
    found: Counts = {}
    for dataset in report["report-datasets"]:
        if doi := doi_of(dataset):
            found[doi] = {figure: _count(dataset, m) for figure, m in SHOWN.items()}
    return found


def _count(dataset: Report, metric: str) -> int:
    return sum(
        int(instance["count"])
        for instance in instances_of(dataset)
        if (instance["metric-type"], instance["access-method"]) == (metric, "regular")
    )


def shown_by_datacite(
    client: Client, doi: str, month: dt.date
) -> dict[str, int] | None:
    """What DataCite shows of a DOI; None if it does not know it.

    Raises:
        Refusal: if it does not say.
    """
    path = f"/dois/{quote(doi, safe='')}"
    answer = client.retried(lambda: client.ask("GET", path))
    if answer.status == 404:
        return None
    try:
        page = json.loads(answer.body) if answer.status == 200 else None
        for name in SHOWN:
            items(page, "data", "attributes", f"{name}OverTime")  # without it: not zero
        figures = [*datacite.read("doi", [page], utc_now().date())]
    except (ValueError, ReplyError) as error:
        why = f"DataCite says of {doi} what cannot be read: {said_by(answer)}"
        raise Refusal(why, "try again later", ReplyError) from error
    wanted = f"{month:%Y-%m}"
    return {
        name: sum(
            figure.value
            for figure in figures
            if (figure.metric, figure.about) == (f"{name}_by_month", wanted)
        )
        for name in SHOWN
    }


class Comparison:
    """Tells why figures of a month differ."""

    def __init__(
        self,
        report: Report,
        sent: Sequence[Sent],
        versions: Mapping[str, Iterable[str]],
        now: dt.datetime,
    ) -> None:
        """Compare with what was sent.

        Args:
            report: what would be sent now.
            sent: what was accepted, the last one last.
            versions: the DOIs of the versions of a dataset, by the dataset's.
            now: the moment.
        """
        self.ours = shown_counts(report)
        self._titles = {
            doi_of(d): d["dataset-title"] for d in report["report-datasets"]
        }
        self._sent, self._versions, self._now = sent, versions, now

    def rows(self, doi: str, theirs: Mapping[str, int] | None) -> Iterator[Row]:
        """The figures of a DOI."""
        for figure, ours in self.ours[doi].items():
            shown = None if theirs is None else theirs[figure]
            reason = "" if shown == ours else self._reason(doi, figure, shown)
            yield Row(doi, self._titles[doi], figure, ours, shown, reason)

    def _reason(self, doi: str, figure: str, theirs: int | None) -> str:
        if theirs is None:
            return "DataCite does not know the DOI"
        if not self._sent:
            return "not sent"
        *earlier, last = [s.counts.get(doi, {}).get(figure, 0) for s in self._sent]
        at = self._sent[-1].at
        is_new = self._now - at < LAG
        if theirs == last:
            return "counted again since it was sent: submit corrects it"
        if theirs in (0, *earlier) and is_new:
            return f"sent on {at:%Y-%m-%d}, and not counted by DataCite yet"
        if theirs in earlier:
            return "DataCite has what was sent before the correction"
        if theirs and theirs == self._sum_of_versions(doi, figure):
            return "the sum of the versions, in which a visitor of two counts twice"
        if theirs > last:
            return "another report counts this DOI, too"
        return f"sent on {at:%Y-%m-%d}, and not counted: ask support@datacite.org"

    def _sum_of_versions(self, doi: str, figure: str) -> int:
        versions = self._versions.get(doi, ())
        return sum(self.ours.get(v, {}).get(figure, 0) for v in versions)
