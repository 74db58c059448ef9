"""What is ranked on the page: which names, how they are shown, in which tables."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from usage_metrics.geocode.countries import COUNTRIES
from usage_metrics.report import figures
from usage_metrics.report.formatting import harmless, is_unknown
from usage_metrics.report.usage_database import Database, Span

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "Not known"
OTHERS = "All others"
"""What is not named together, last in every table."""

DATASETS = {
    "none": "(no dataset: start page, style sheets)",
    "unmapped": "(not in the registry)",
}
"""How the datasets that are none are called."""

NETWORKS = {
    "education": "University or research",
    "government": "Government",
    "business": "Business",
    "residential/isp": "Internet provider",
    "hosting": "Hosting company",
    "unknown": UNKNOWN,
}
"""How the classes of networks are called."""

PAGES = {
    "index": "Start page",
    "database": "Page of a database",
    "table": "Table",
    "row": "Row",
    "query": "Query",
    "download": "Download of a database",
    "static": "Style sheet or script",
    "internal": "Settings and versions (/-/…)",
    "other": "Other",
}
"""How the kinds of page are called."""

FORMATS = {
    "html": "Web page (html)",
    "json": "JSON",
    "csv": "CSV",
    "db": "SQLite database (db)",
}

Named = tuple[str, ...]
"""How something is shown: a name for each column of a table, the first in the chart."""


@dataclass(frozen=True)
class Ranking:
    """Figures of one kind by name, and how they are shown."""

    id: str
    ask: Callable[..., "pd.DataFrame"]
    names: tuple[str, ...]
    """The columns of its frame that name something."""
    shown: Callable[..., Named]
    """What is shown of their values."""
    columns: tuple[str, ...]
    """The heads of the columns that are shown."""


@dataclass(frozen=True)
class Listing:
    """A chart with its table, or a table, of one ranking or a part of it."""

    id: str
    ranking: str
    title: str
    chart: str | None = "ranked"
    """Of what kind; None for a table alone."""
    among: dict[int, list[str]] = field(default_factory=dict)
    """Which names: for a column by number, what may stand in it."""
    bars: int = 12
    """So many are drawn."""


def _dataset(titles: Mapping[str, str], id_: object) -> Named:
    title = titles.get(str(id_), str(id_))
    return harmless(title), harmless(str(id_))


def _table(dataset: object, table: object) -> Named:
    return _said(table, "(no table)"), _said(dataset, UNKNOWN)


def _organization(name: object, network_class: object) -> Named:
    network = NETWORKS.get(str(network_class), UNKNOWN)
    if is_unknown(name):
        return UNKNOWN, "", network
    number, _, rest = str(name).partition(" ")
    if not re.fullmatch(r"AS\d+", number) or not rest:
        return harmless(str(name)), "", network
    return harmless(rest), number, network


def _agent(name: object, kind: object) -> Named:
    return _said(name, UNKNOWN), _said(kind, UNKNOWN)


def _country(code: object) -> Named:
    if is_unknown(code):
        return UNKNOWN, ""
    name, _ = COUNTRIES.get(str(code), (str(code), ""))
    return harmless(name), harmless(str(code))


def _city(city: object, region: object, country: object) -> Named:
    return _said(city, UNKNOWN), _said(region, ""), _country(country)[0]


def _from_page(own: frozenset[str], referrer: object) -> Named:
    if is_unknown(referrer):
        return "None named (typed, from a script, or not told)", "Not named"
    kind = "This site" if str(referrer) in own else "Another site"
    return harmless(str(referrer)), kind


def _said(value: object, otherwise: str) -> str:
    return otherwise if is_unknown(value) else harmless(str(value))


def _called(names: dict[str, str], otherwise: str, value: object) -> Named:
    return (names.get(str(value), _said(value, otherwise)),)


def rankings(
    database: Database, span: Span, titles: Mapping[str, str]
) -> tuple[Ranking, ...]:
    """All of them.

    Args:
        database: says what the site is called, whose own links are no visitors' way in.
        span: which days.
        titles: of the datasets, by id.
    """
    own = frozenset(figures.own_hosts(database, span))
    return (
        Ranking(
            *("datasets", figures.by_dataset, ("dataset",)),
            shown=functools.partial(_dataset, {**DATASETS, **titles}),
            columns=("Dataset", "Id"),
        ),
        Ranking(
            *("tables", figures.by_table, ("dataset", "table"), _table),
            columns=("Table", "Dataset"),
        ),
        Ranking(
            *("formats", figures.by_format, ("format",)),
            shown=functools.partial(_called, FORMATS, "No data page"),
            columns=("Format",),
        ),
        Ranking(
            *("pages", figures.by_page, ("page",)),
            shown=functools.partial(_called, PAGES, UNKNOWN),
            columns=("Kind of page",),
        ),
        Ranking(
            *("countries", figures.by_country, ("country",), _country),
            columns=("Country", "Code"),
        ),
        Ranking(
            *("cities", figures.by_city, ("city", "region", "country"), _city),
            columns=("City", "Region", "Country"),
        ),
        Ranking(
            *("organizations", figures.by_organization),
            names=("organization", "network_class"),
            shown=_organization,
            columns=("Organisation", "AS number", "Network"),
        ),
        Ranking(
            *("agents", figures.by_agent, ("agent_name", "agent_kind"), _agent),
            columns=("Program", "Kind"),
        ),
        Ranking(
            *("referrers", figures.by_referrer, ("referrer",)),
            shown=functools.partial(_from_page, own),
            columns=("Site", "Kind"),
        ),
        Ranking(
            *("paths", figures.by_path, ("path",)),
            shown=lambda path: (_said(path, OTHERS),),
            columns=("Path",),
        ),
    )


_NETWORK = 2
"""The column of an organisation that says what kind of network it is."""

LISTINGS = (
    Listing("datasets", "datasets", "Datasets"),
    Listing("tables", "tables", "Tables most used"),
    Listing("formats", "formats", "Formats"),
    Listing("pages", "pages", "Kinds of page"),
    Listing("countries", "countries", "Countries", chart="world"),
    Listing("cities", "cities", "Cities", chart=None),
    Listing(
        *("academic", "organizations", "Universities and research"),
        among={_NETWORK: [NETWORKS["education"]]},
    ),
    Listing(
        *("government", "organizations", "Government and agencies"),
        among={_NETWORK: [NETWORKS["government"]]},
    ),
    Listing(
        *("hosting", "organizations", "Hosting companies"),
        among={_NETWORK: [NETWORKS["hosting"]]},
    ),
    Listing(
        *("others", "organizations", "All other networks"),
        among={
            _NETWORK: [
                NETWORKS[name] for name in ("business", "residential/isp", "unknown")
            ]
        },
    ),
    Listing("top_organizations", "organizations", "Top organisations", chart=None),
    Listing("agents", "agents", "With which program"),
    Listing("referrers", "referrers", "Where visitors come from"),
    Listing("paths", "paths", "Top paths", chart=None),
)
"""The charts and tables that follow from the rankings, by id."""
