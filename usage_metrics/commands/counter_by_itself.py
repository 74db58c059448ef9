"""The part of a run that is about the COUNTER report of last month."""

import datetime as dt

import click

from usage_metrics.dates import month_before, utc_now
from usage_metrics.errors import UsageMetricsError
from usage_metrics.hub.hub_settings import sends_by_itself
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.datasets_registry import datasets_registry

FIRST_DAYS = 10
"""The days of a month on which the last one is reported; late logs change it."""


def report_last_month() -> list[str]:
    """In the first days of a month, write and perhaps send the report of the last.

    Returns:
        Why it is not at DataCite although it should be, a sentence each. What keeps a
        report from being written that nobody wants sent is only said.
    """
    try:
        month = _due()
        problems = _report(month) if month else []
    except UsageMetricsError as error:
        problems = [*error.sentences]
    for problem in problems:
        click.echo(printable(f"COUNTER: {problem}"), err=True)
    return problems if sends_by_itself() else []


def _due() -> dt.date | None:
    """Last month, if it has days and the registry says who writes reports."""
    today = utc_now().date()
    if today.day > FIRST_DAYS:
        return None
    if not (datasets_registry().created_by or sends_by_itself()):
        return None
    month = month_before(today)
    return month if CounterReport(month=month, source="").wanted() else None


def _report(month: dt.date) -> list[str]:
    """Write the report of a month, and send it; say what is wrong with it.

    As long as nothing has changed since that was done, no report is made.
    """
    from usage_metrics.tasks.report_delivery import (
        findings,
        is_sent,
        plan,
        report_of,
        send,
    )

    task = report_of(month)
    whatever_is_there = task.clone(available=True)
    if not whatever_is_there.is_done():
        found, report = findings(month)
        if not report["report-datasets"]:
            return []
        if fatal := [finding.sentence for finding in found if finding.is_fatal]:
            return [f"{month:%Y-%m}: {sentence}" for sentence in fatal]
        whatever_is_there.run_within()
        click.echo(f"COUNTER report: {task.output()[0].path}")
    if not sends_by_itself() or is_sent(month):
        return []
    if not task.is_final():
        click.echo(f"COUNTER: {month:%Y-%m} will be sent when all its days are there")
        return []
    what = plan(month)
    if not what.before or what.differs:
        where = send(what)
        click.echo(f"COUNTER: {month:%Y-%m} is at {where.endpoint}/reports/{where.id}")
    return []
