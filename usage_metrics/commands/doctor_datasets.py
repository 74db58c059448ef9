"""What the doctor says of datasets, and of the reports on them."""

from collections.abc import Iterator

from usage_metrics import config
from usage_metrics.commands.doctor_findings import Note
from usage_metrics.counting.reportable import check_dois, check_reportable
from usage_metrics.hub.hub_settings import endpoint, sends_by_itself
from usage_metrics.tasks.datasets_registry import datasets_registry, is_unused
from usage_metrics.tasks.load import open_warehouse


def registered() -> Iterator[str]:
    """Which registry of datasets is used."""
    registry, path = datasets_registry(), config.counting().datasets
    if not path:
        yield "no registry, so each database is a dataset"
    elif is_unused(path):
        yield Note(
            f"{path} is the registry of the sample logs and not used for others, so "
            "each database is a dataset; delete that line, or name a registry of yours"
        )
    else:
        number = len(registry.datasets)
        yield f"{path} names {number:,} datasets; any other database is one"


UNMAPPED = """
SELECT sum(not_counted_unmapped),
       sum(requests - not_counted_status - not_counted_method - not_counted_not_data)
FROM usage_reconciliation WHERE source = ?
"""
"""Successful requests for data: those of no dataset, and all."""

UNMAPPED_PATH = """
SELECT path FROM usage_by_path
WHERE source = ? AND dataset = 'unmapped' AND path IS NOT NULL
GROUP BY path ORDER BY sum(requests) DESC LIMIT 1
"""


def mapped(name: str) -> Iterator[str]:
    """Whether most requests of the days that are counted are about a dataset."""
    warehouse = open_warehouse()
    if not warehouse.loaded("usage_by_path", name):
        return
    ((unmapped, of),) = warehouse.rows(UNMAPPED, [name])
    text = f"{unmapped:,} of {of:,} requests for data match no dataset"
    if 2 * unmapped <= of:
        yield text
        return
    path = next((path for (path,) in warehouse.rows(UNMAPPED_PATH, [name])), None)
    yield Note(
        f"{text}{f', such as {path}' if path else ''}, so they count as nobody's use: "
        "add them to the registry that [counting] datasets names, which "
        "usage-metrics datasets --suggest does; the next run counts all days again"
    )


def described() -> Iterator[str]:
    """Whether the registry says all that a report does, if a run sends reports."""
    if sends_by_itself():
        registry = datasets_registry()
        check_reportable(registry, ())
        check_dois(registry)
        yield "the registry says of its datasets what DataCite wants to know"


def sent() -> Iterator[str]:
    """Whether there is a token, if a run sends reports."""
    if sends_by_itself():
        from usage_metrics.hub.delivery import hub_client

        hub_client(may_send=True)
        yield f"runs send COUNTER reports to {endpoint()}"
