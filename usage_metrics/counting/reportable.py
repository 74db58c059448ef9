"""What a COUNTER report says of datasets that counting does not need to know."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    from usage_metrics.counting.counter_report import Usage
    from usage_metrics.counting.datasets import Dataset, Registry


def check_reportable(registry: "Registry", usage: "Iterable[Usage]") -> None:
    """Refuse a report of datasets of which not all is known that it says.

    Args:
        registry: the datasets that somebody has named.
        usage: the use of the month, also of datasets that nobody has named.

    Raises:
        ConfigError: naming everything that is missing.
    """
    datasets = (*registry.datasets, *(item.dataset for item in usage))
    wanted = {dataset.name: _missing(dataset) for dataset in datasets}
    wanted = {name: keys for name, keys in wanted.items() if keys}
    parts = [f"{', '.join(keys)} to {name}" for name, keys in wanted.items()]
    if registry.created_by is None:
        parts.insert(0, "created_by at the top")
    if parts:
        raise ConfigError(
            "a COUNTER report needs to know more of the datasets: in the registry of "
            f"datasets, which [counting] datasets names, add {'; '.join(parts)}. Each "
            'dataset has an entry [[dataset]] with its id there, as id = "rivers"; '
            "what is no dataset belongs to not_data"
        )


def _missing(dataset: "Dataset") -> list[str]:
    """The keys that a report needs and that the dataset lacks."""
    known = {
        "publisher": dataset.publisher,
        "publisher_id": dataset.publisher_id,
        "doi or uri": dataset.doi or dataset.uri,
    }
    return [name for name, value in known.items() if value is None]


def check_dois(registry: "Registry") -> None:
    """Refuse a DOI that would stand twice in a report: DataCite keeps one of the two.

    Raises:
        ConfigError: naming the DOI, both entries and the remedy.
    """
    names: dict[str, str] = {}
    for dataset in registry.datasets:
        if dataset.doi is None:
            continue
        doi = dataset.doi.lower()  # upper and lower case are the same DOI
        if doi in names:
            raise ConfigError(
                f"in the registry of datasets, {names[doi]} and {dataset.name} have "
                f"the same doi {dataset.doi}, of which a report may hold one; give "
                "each its own doi, or a uri instead"
            )
        names[doi] = dataset.name
