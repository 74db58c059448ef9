"""The page: one file that loads nothing from anywhere.

Whatever a log line holds is text to the template, which escapes it, and to the script,
which puts it into text nodes; the data for the script are JSON without a ``<``. Should
that ever fail, the page's content security policy runs no script but the page's own
two, by their hashes, and blocks every request.
"""

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypedDict

import pyarrow as pa

from usage_metrics.counting.combined import IN_ALL
from usage_metrics.dates import ONE_DAY
from usage_metrics.report import earlier, formatting, static_tables, time_tables
from usage_metrics.report.concentrated import Concentrated
from usage_metrics.report.glossary import GLOSSARY
from usage_metrics.report.labels import (
    CLASSES,
    DATASETS,
    NEVER_COUNTED,
    OTHERS,
    SHADES,
    UNKNOWN,
)
from usage_metrics.report.named_days import named_days
from usage_metrics.report.payload import Payload
from usage_metrics.report.quality import Version
from usage_metrics.report.quality_section import (
    in_short,
    quality_section,
    versions_table,
)
from usage_metrics.report.rankings import NETWORK
from usage_metrics.report.recipe import part
from usage_metrics.report.usage_database import ALL, columns_of

if TYPE_CHECKING:
    from jinja2 import Template


SERVING = "serving"
"""The section that needs what else a log says."""
SECTIONS = (
    ("headline", "Headline figures"),
    ("time", "Over time"),
    ("datasets-section", "What is used"),
    ("countries-section", "Where"),
    ("organizations-section", "Who"),
    ("referrers-section", "Referring sites"),
    ("loyalty-section", "New and returning"),
    (SERVING, "How it is served"),
    ("quality", "Data quality"),
    ("glossary", "Glossary"),
)

SCRIPTS = (
    "writing",
    "buttons",
    "named_days",
    "choice",
    "tables",
    "earlier",
    "adding_up",
    "combined",
    "chips",
    "charts",
    "downloads",
    "page_data",
    "copying",
    "queries",
    "pictures",
    "chart_pictures",
    "paper",
    "page",
)
"""The parts of the page's script, in the order in which they run."""


@dataclass(frozen=True)
class Material:
    """What a report is made of."""

    site: str
    """What the title calls the site: "the PUDL Data Service" or "data.example.org"."""
    logs_of: str
    """What wrote the logs, as in ``Source.title``."""
    titles: Mapping[str, str]
    """Titles of the datasets, by id."""
    payload: Payload
    concentration: Sequence[Concentrated]
    reconciled: pa.Table
    versions: Sequence[Version]
    attributions: list[str]
    made_on: dt.date
    lost: Collection[dt.date] = ()
    """The days of which there will never be logs."""

    def dataset_name(self, dataset: str) -> str:
        """What the page calls a dataset."""
        names = {ALL: "All datasets", **DATASETS, **self.titles}
        return formatting.harmless(names.get(dataset, dataset))


class Parts(TypedDict):
    """What is the same on every page, as long as what makes it is the same."""

    documents: dict[str, Any]
    """The Vega-Lite document of each kind of chart."""
    library: str
    """Vega, Vega-Lite and Vega-Embed, as one script."""


def parts() -> Parts:
    """Make them, which takes longer than all the rest of a page."""
    from usage_metrics.report.charts import documents

    return {"documents": documents(), "library": _library()}


def render(material: Material, made_from: str, kept: Parts | None = None) -> str:
    """Write the page.

    Args:
        material: what it shows.
        made_from: a hash of that, which tells later whether the page is up to date.
        kept: what :func:`parts` returns, if that is at hand.
    """
    code = _code(kept or parts())
    shown = _content(material)
    return template("page.html").render(made_from=made_from, **code, **shown)


@functools.cache
def template(name: str) -> "Template":
    """One of our templates, which escapes what it is given."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    loader = FunctionLoader(part)
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=loader)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return environment.get_template(name)


def code(styles: Sequence[str], scripts: Sequence[str]) -> dict[str, str]:
    """The style sheet and the script of a page, and what they are allowed to do."""
    from markupsafe import Markup

    text, program = "".join(map(part, styles)), _program(scripts)
    return {
        "policy": _policy(text, program),
        "style": Markup(text),  # noqa: S704  our own, as the script
        "script": Markup(program),  # noqa: S704
    }


def _code(made: Parts) -> dict[str, Any]:
    """The style sheet, the scripts and what they are allowed to do."""
    from markupsafe import Markup

    style, library = part("page.css") + part("summary.css"), made["library"]
    script = _program(f"script/{name}.js" for name in SCRIPTS)
    return {
        "policy": _policy(style, library, script),
        # These are ours, not from a log; everything else is escaped.
        "style": Markup(style),  # noqa: S704
        "script": Markup(script),  # noqa: S704
        "library": Markup(library),  # noqa: S704
        "documents": made["documents"],
        "shades": [(name, f"from {least:,}") for name, least in SHADES.items()],
    }


def _program(scripts: Iterable[str]) -> str:
    """Scripts as one: they share one scope, which a library's names are not in."""
    return f'"use strict";\n(() => {{\n{"".join(map(part, scripts))}}})();\n'


def _content(material: Material) -> dict[str, Any]:
    """What the template shows."""
    payload, span = material.payload, material.payload.span
    last = span.stop - ONE_DAY
    since = payload.attributes_since
    has_attributes = not payload.facts["hour"].is_empty
    cities = (name[0] for name in payload.facts["cities"].names)
    return {
        "title": f"Use of {formatting.harmless(material.site)}",
        "logs_of": material.logs_of,
        "span_label": formatting.days(span.start, last),
        "first": span.start.isoformat(),
        "last": last.isoformat(),
        "named_days": named_days(span),
        "made_on": formatting.day(material.made_on),
        "unit": time_tables.coarse(span.grain),
        "sections": [
            (id_, name) for id_, name in SECTIONS if id_ != SERVING or has_attributes
        ],
        "has_attributes": has_attributes,
        "attributes_since": since and formatting.day(since),
        "in_short": in_short(
            payload, material.concentration, material.reconciled, material.lost
        ),
        "dataset_choices": [
            (dataset, material.dataset_name(dataset)) for dataset in payload.datasets
        ],
        "class_choices": [(ALL, "Everybody"), *CLASSES.items()],
        "classes": list(CLASSES.items()),
        "compare_choices": earlier.choices(payload),
        "listings": static_tables.listing_tables(payload),
        "tables": time_tables.time_tables(payload),
        "headline": static_tables.headline(payload),
        "has_cities": any(city not in (OTHERS, UNKNOWN) for city in cities),
        "quality": quality_section(
            *(payload, material.concentration, material.reconciled),
            dataset_name=material.dataset_name,
            lost=material.lost,
        ),
        "versions": versions_table(material.versions),
        "attributions": material.attributions,
        "glossary": GLOSSARY,
        "version": metadata.version("usage_metrics"),
        "figures": _figures(material),
    }


def _figures(material: Material) -> dict[str, Any]:
    """What the script needs."""
    payload = material.payload
    return {
        **payload.as_json,
        "class_names": list(CLASSES.values()),
        "main": [list(CLASSES).index(name) for name in static_tables.MAIN],
        "never_counted": NEVER_COUNTED,
        "nouns": static_tables.NOUNS,
        "none": static_tables.NONE,
        "heads_before": earlier.HEADS,
        "shades": list(SHADES.items()),
        "measures": [
            # The script has functions of the same names.
            {**measure._asdict(), "write": measure.write.__name__}
            for measure in static_tables.MEASURES
        ],
        "listings": [asdict(listing) for listing in payload.listings()],
        "network": NETWORK,
        "lines": static_tables.LINES,
        "bars": static_tables.BARS,
        "others": OTHERS,
        "unit": payload.span.grain,
        "reconciled": columns_of("usage_reconciliation")[1:],
        "in_daily": IN_ALL,
        "loyalty_heads": time_tables.LOYALTY,
        "texts": static_tables.TEXTS,
    }


def _policy(style: str, *scripts: str) -> str:
    """The content security policy: run the page's own scripts, nothing else."""

    def hashed(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; script-src {' '.join(map(hashed, scripts))}; "
        f"style-src {hashed(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _library() -> str:
    import vl_convert

    # Its stub does not know that the snippet is optional.
    found: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    # Nothing else can end a script element.
    return found.replace("</script", "<\\/script")
