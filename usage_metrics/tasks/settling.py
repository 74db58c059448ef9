"""Doing again what reads files that another process replaces meanwhile."""

import logging
from collections.abc import Callable

import luigi
import tenacity

from usage_metrics.errors import ChangingError, UsageMetricsError

log = logging.getLogger("luigi-interface")

READINGS = 3
"""How often what changes while it is read is read again."""

CHANGES_SETTLE = tenacity.wait_exponential(2, max=30) + tenacity.wait_random(0, 2)


def until_settled(task: luigi.Task, work: Callable[[], None]) -> None:
    """Do some work of a task again while it raises a ChangingError.

    Raises:
        ChangingError: if it does each time.
    """
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(ChangingError),
        stop=tenacity.stop_after_attempt(READINGS),
        wait=CHANGES_SETTLE,
        before_sleep=lambda state: log.warning("%s: reading it again", task),
        reraise=True,
    )
    attempts(work)


def noticing_changes(
    work: Callable[[], None], read: Callable[[], object]
) -> Callable[[], None]:
    """Have work that fails say so, if that is because what it reads was replaced.

    Args:
        work: the work.
        read: what tells the files apart that it reads.
    """

    def noticing() -> None:
        before = read()
        try:
            work()
        except (UsageMetricsError, ValueError) as error:  # Arrow's are ValueErrors
            if read() == before:
                raise
            raise ChangingError(
                "the files that it reads were replaced meanwhile, by another command; "
                f"rerun when that has ended ({error})"
            ) from error

    return noticing
