"""The rankings: what is ranked, how names are shown, and in which charts and tables."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from usage_metrics.geocode.countries import COUNTRIES
from usage_metrics.report import figures
from usage_metrics.report.figures import Question
from usage_metrics.report.formatting import harmless, is_unknown
from usage_metrics.report.labels import (
    DATASETS,
    FORMATS,
    NETWORKS,
    OTHERS,
    PAGES,
    UNKNOWN,
)
from usage_metrics.report.usage_database import Database, Span

Named = tuple[str, ...]
"""A name as shown: a text for each column of a table, the first for the chart."""


@dataclass(frozen=True)
class Ranking:
    """Use by name, and how the names are shown."""

    id: str
    ask: Question
    shown: Callable[..., Named]
    """Turns the values of its columns into the texts that are shown."""
    columns: tuple[str, ...]
    """The heads of these texts."""
    word: str
    """What the address of the page calls a name: ``#country=Germany``."""


@dataclass(frozen=True)
class Listing:
    """A table of a ranking, and usually a chart."""

    id: str
    ranking: str
    title: str
    chart: str | None = "ranked"
    """The kind of chart; None for a table alone."""
    kinds: tuple[str, ...] = ()
    """Of organisations, list only those in networks of these kinds."""
    networks: tuple[str, ...] = ()
    """What the page calls these kinds."""


NETWORK = 2
"""The column of an organisation that holds the kind of its network."""


def _text(value: object, otherwise: str) -> str:
    return otherwise if is_unknown(value) else harmless(str(value))


def _labelled(labels: Mapping[str, str], otherwise: str, value: object) -> Named:
    return (labels.get(str(value), _text(value, otherwise)),)


def _dataset(titles: Mapping[str, str], id_: object) -> Named:
    return harmless(titles.get(str(id_), str(id_))), harmless(str(id_))


def _table(dataset: object, table: object) -> Named:
    return _text(table, "(no table)"), _text(dataset, UNKNOWN)


def _organization(name: object, network_class: object) -> Named:
    network = NETWORKS.get(str(network_class), UNKNOWN)
    found = re.fullmatch(r"(AS\d+) (.+)", str(name), re.DOTALL)
    number, rest = found.groups() if found else ("", name)
    return _text(rest, UNKNOWN), number, network


def _agent(name: object, kind: object) -> Named:
    return _text(name, UNKNOWN), _text(kind, UNKNOWN)


def _country(code: object) -> Named:
    name, _ = COUNTRIES.get(str(code), (code, ""))
    return _text(name, UNKNOWN), _text(code, "")


def _city(city: object, region: object, country: object) -> Named:
    return _text(city, UNKNOWN), _text(region, ""), _country(country)[0]


def _referrer(own: frozenset[str], referrer: object) -> Named:
    if is_unknown(referrer):
        return "No referrer (typed address, script, or withheld)", "None"
    kind = "This site" if str(referrer) in own else "Another site"
    return harmless(str(referrer)), kind


def rankings(
    database: Database, span: Span, titles: Mapping[str, str]
) -> tuple[Ranking, ...]:
    """All rankings of the page.

    Args:
        database: tells the site's own hosts from those that refer to it.
        span: the days.
        titles: titles of the datasets, by id.
    """
    dataset = functools.partial(_dataset, {**DATASETS, **titles})
    own = frozenset(figures.own_hosts(database, span))
    referrer = functools.partial(_referrer, own)
    return (
        Ranking("datasets", _DATASETS, dataset, ("Dataset", "Id"), "dataset"),
        *_FIXED,
        Ranking(
            "referrers", figures.by_referrer, referrer, ("Site", "Kind"), "referrer"
        ),
    )


_DATASETS = Question("usage_daily", ("dataset",))

_format = functools.partial(_labelled, FORMATS, "Not a data page")
_page = functools.partial(_labelled, PAGES, UNKNOWN)
_path = functools.partial(_labelled, {}, OTHERS)

_FIXED = (
    Ranking("tables", figures.by_table, _table, ("Table", "Dataset"), "table"),
    Ranking("formats", figures.by_format, _format, ("Format",), "format"),
    Ranking("pages", figures.by_page, _page, ("Page type",), "page"),
    Ranking("countries", figures.by_country, _country, ("Country", "Code"), "country"),
    Ranking("cities", figures.by_city, _city, ("City", "Region", "Country"), "city"),
    Ranking(
        *("organizations", figures.by_organization, _organization),
        columns=("Organisation", "AS number", "Network"),
        word="organization",
    ),
    Ranking("agents", figures.by_agent, _agent, ("Program", "Kind"), "program"),
    Ranking("paths", figures.by_path, _path, ("Path",), "path"),
)
"""The rankings that are the same for every site."""


_BY_NETWORK = (
    ("academic", "Universities and research", ("education",)),
    ("government", "Government and agencies", ("government",)),
    ("hosting", "Hosting companies", ("hosting",)),
    ("others", "Other networks", ("business", "residential/isp", "relay", "unknown")),
)

LISTINGS = (
    Listing("datasets", "datasets", "Datasets"),
    Listing("tables", "tables", "Most used tables"),
    Listing("formats", "formats", "Formats"),
    Listing("pages", "pages", "Page types"),
    Listing("countries", "countries", "Countries", chart="world"),
    Listing("cities", "cities", "Cities", chart=None),
    *(
        Listing(
            *(id_, "organizations", title),
            kinds=kinds,
            networks=tuple(NETWORKS[kind] for kind in kinds),
        )
        for id_, title, kinds in _BY_NETWORK
    ),
    Listing("top_organizations", "organizations", "Top organisations", chart=None),
    Listing("agents", "agents", "Programs"),
    Listing("referrers", "referrers", "Referring sites"),
    Listing("paths", "paths", "Top paths", chart=None),
)
"""The charts and tables of the page, by id; the template places them."""
