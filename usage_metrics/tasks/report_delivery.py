"""COUNTER reports at DataCite: what is wrong with one, sending it, and what was sent.

DataCite keeps one report of a month, so a report that is sent is of all sources.
"""

import datetime as dt
from typing import NamedTuple

from usage_metrics.dates import utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.hub.changes import changes
from usage_metrics.hub.delivery import Delivery, deliver, hub_client
from usage_metrics.hub.findings import Finding, Report, findings_of
from usage_metrics.hub.hub_settings import endpoint
from usage_metrics.hub.sent import Record, SentReports
from usage_metrics.hub.subsets import Subset, subsets_of
from usage_metrics.refusals import Refusal
from usage_metrics.tasks.counter_inputs import CounterInputs
from usage_metrics.tasks.counter_report import CounterReport


def report_of(month: dt.date) -> CounterReport:
    """The task that makes the report of a month, of all sources."""
    task = CounterReport(month=month, source="")
    task.check_month()
    return task


def is_sent(month: dt.date) -> bool:
    """Whether what DataCite took last was made of the present counts."""
    sent = SentReports(month)
    last = sent.accepted(endpoint())
    if last is None or sent.unanswered():
        return False
    return report_of(month).made_of(CounterInputs()) == last.made_of


def findings(month: dt.date) -> tuple[list[Finding], Report]:
    """What is wrong with the report of a month as it is counted now, and the report.

    Raises:
        ConfigError: if no day of the month is counted.
    """
    task = report_of(month)
    report = task.report()
    if unknown := task.unknown():
        return [Finding(unknown, True)], report
    return findings_of(report), report


class Plan(NamedTuple):
    """What is to be sent of a month."""

    month: dt.date
    report: Report
    subsets: list[Subset]
    made_of: str
    before: Record | None
    """What was accepted before."""
    differs: list[str]
    """What it says otherwise than that, a sentence each."""


def plan(month: dt.date) -> Plan:
    """See what is to be sent of a month.

    Raises:
        ConfigError: if the report must not be sent, with a sentence for each reason.
    """
    found, report = findings(month)
    if fatal := [finding.sentence for finding in found if finding.is_fatal]:
        raise ConfigError(*(f"{month:%Y-%m}: {sentence}" for sentence in fatal))
    sent = SentReports(month)
    before = sent.accepted(endpoint())
    differs = changes(sent.report(before), report) if before else []
    inputs = CounterInputs()
    made_of = report_of(month).made_of(inputs)
    inputs.keep()
    return Plan(month, report, subsets_of(report), made_of, before, differs)


def send(what: Plan) -> Record:
    """Send the report of a month, and keep what was sent and what came of it.

    Raises:
        UsageMetricsError: if DataCite does not take it, with its words.
    """
    client, sent = hub_client(may_send=True), SentReports(what.month)
    header = what.report["report-header"]
    number = sent.begin(what.subsets)
    known = what.before.id if what.before else None
    refused: Refusal | None = None
    try:
        made: Delivery | None = deliver(client, header, what.subsets, known)
    except Refusal as refusal:
        made, refused = None, refusal
    record = Record(
        number=number,
        at=utc_now().isoformat(timespec="seconds"),
        endpoint=endpoint(),
        created_by=header["created-by"],
        id=made.id if made else known,
        is_accepted=made is not None,
        answer=made.answer if made else str(refused),
        digests=tuple(subset.digest for subset in what.subsets),
        datasets=len(what.report["report-datasets"]),
        made_of=what.made_of,
    )
    sent.end(record)
    if refused:
        raise refused.as_error() from refused
    return record
