"""The database that the settings name, and the table of a source's requests in it."""

from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.sources import get_source

if TYPE_CHECKING:
    from usage_metrics.warehouse.sqlite import Warehouse
    from usage_metrics.warehouse.tables import Table


def open_warehouse() -> "Warehouse":
    """The database that ``[database]`` names."""
    from usage_metrics.warehouse.sqlite import Warehouse

    settings = config.database()
    return Warehouse(settings.path, settings.busy_seconds)


def requests_table(name: str) -> "Table":
    """The table of the requests of a source."""
    from usage_metrics import geocode
    from usage_metrics.warehouse.tables import Table

    source = get_source(name)
    return Table(
        name=source.table,
        schema=geocode.with_location(source.cleaned, source.address),
        primary_key=source.primary_key,
        indexes=source.indexes,
        time=source.loaded_time,
        loaded=source.loaded,
        description=source.description,
        facets=source.facets,
    )
