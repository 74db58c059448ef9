"""The rankings: what is ranked, how names are shown, and in which charts and tables."""

import contextlib
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from usage_metrics.counting.attributes import HOURS, LATENCIES, WEEKDAYS
from usage_metrics.geocode.countries import COUNTRIES
from usage_metrics.report import figures
from usage_metrics.report.figures import Question
from usage_metrics.report.formatting import harmless, is_unknown
from usage_metrics.report.labels import (
    DATASETS,
    DEVICES,
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
    word: str = ""
    """What the address of the page calls a name: ``#country=Germany``; empty: it cannot
    be chosen, and is not filtered by names that are."""
    order: tuple[str, ...] = ()
    """The values in their own order, where they have one."""


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
    measure: str = ""
    """What is listed, whatever is chosen: ``requests``, where most of them fail."""
    nouns: Mapping[str, str] = field(default_factory=dict)
    """What each measure counts, if it is not what it says."""
    in_order: bool = False
    """Whether names stand in their own order, with those of which there are none."""


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


def _status(value: object) -> Named:
    with contextlib.suppress(ValueError):
        return str(value), HTTPStatus(int(str(value))).phrase
    return _text(value, UNKNOWN), ""


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
_device = functools.partial(_labelled, DEVICES, UNKNOWN)
_path = functools.partial(_labelled, {}, OTHERS)


def _of_attribute(
    attribute: str, head: str, shown: Callable[..., Named] = _path, *order: str
) -> Ranking:
    ask = figures.by_attribute(attribute)
    return Ranking(attribute, ask, shown, (head,), order=order)


OF_ATTRIBUTES = (
    _of_attribute("search", "Search"),
    _of_attribute("sql", "SQL"),
    _of_attribute("entry", "First page"),
    _of_attribute("exit", "Last page"),
    _of_attribute("operating_system", "Operating system"),
    _of_attribute("device", "Device", _device),
    _of_attribute("referrer_page", "Page"),
    _of_attribute("not_found", "Path"),
    Ranking("status", figures.by_attribute("status"), _status, ("Status", "Meaning")),
    _of_attribute("hour", "Hour (UTC)", _path, *HOURS),
    _of_attribute("weekday", "Weekday (UTC)", _path, *WEEKDAYS),
    _of_attribute("latency", "Latency", _path, *LATENCIES),
)
"""The rankings that are left out where the log does not say the attribute."""

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
    *OF_ATTRIBUTES,
)
"""The rankings that are the same for every site."""


_BY_NETWORK = (
    ("academic", "Universities and research", ("education",)),
    ("government", "Government and agencies", ("government",)),
    ("hosting", "Hosting companies", ("hosting",)),
    ("others", "Other networks", ("business", "residential/isp", "relay", "unknown")),
)

_SESSIONS = {"counted": "sessions with counted uses", "requests": "sessions"}

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
    Listing("search", "search", "Searches", chart=None),
    Listing("sql", "sql", "SQL", chart=None),
    Listing("entry", "entry", "First pages of sessions", nouns=_SESSIONS),
    Listing("exit", "exit", "Last pages of sessions", nouns=_SESSIONS),
    Listing("operating_system", "operating_system", "Operating systems"),
    Listing("device", "device", "Devices"),
    Listing("referrer_page", "referrer_page", "Referring pages", chart=None),
    Listing("hour", "hour", "Hours of the day", "in_order", in_order=True),
    Listing("weekday", "weekday", "Weekdays", "in_order", in_order=True),
    Listing(
        *("latency", "latency", "Latency", "in_order"),
        measure="requests",
        in_order=True,
    ),
    Listing("status", "status", "Status codes", measure="requests"),
    Listing("not_found", "not_found", "Paths not found", None, measure="requests"),
)
"""The charts and tables of the page, by id; the template places them."""
