"""The part of a run that sends the digest of last month."""

import click

from usage_metrics import config
from usage_metrics.dates import month_before, utc_now
from usage_metrics.errors import NotYetError, UsageMetricsError
from usage_metrics.monitoring.printable import printable


def send_last_month() -> list[str]:
    """Send the digest of last month, when its last day is counted.

    Returns:
        What was not sent, or may not have been, a sentence each. A month of which
        nothing is counted is passed over.
    """
    if config.digest().send != "yes":
        return []
    from usage_metrics.tasks.digest_delivery import deliver, is_pending, is_settled

    month = month_before(utc_now().date())
    problems: list[str] = []
    try:
        if is_pending(month) and is_settled(month):
            for said in deliver(month):
                click.echo(printable(said.sentence), err=said.is_problem)
                problems += [said.sentence] if said.is_problem else []
    except NotYetError:
        return []
    except UsageMetricsError as error:
        problems = [*error.sentences]
        click.echo("\n".join(map(printable, problems)), err=True)
    return problems
