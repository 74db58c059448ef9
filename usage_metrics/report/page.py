"""The page: everything in one file that asks for nothing.

Whatever stood in a log line is text to the template, which escapes it, and to the
script, which puts it into text nodes; the data for the script are JSON without a ``<``.
Should that fail one day, the page's policy runs no script but its own two, by their
hashes, and lets nothing out.
"""

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

from usage_metrics.report import formatting, quality, static_tables
from usage_metrics.report.charts import CLASSES, SHADES, documents
from usage_metrics.report.figures import ALL
from usage_metrics.report.glossary import GLOSSARY
from usage_metrics.report.payload import Payload
from usage_metrics.report.rankings import DATASETS, LISTINGS, OTHERS, Ranking
from usage_metrics.report.static_tables import Table
from usage_metrics.report.usage_database import Span

if TYPE_CHECKING:
    import pandas as pd

SECTIONS = (
    ("headline", "Headline figures"),
    ("time", "Over time"),
    ("datasets-section", "What is used"),
    ("countries-section", "Where"),
    ("organizations-section", "Who"),
    ("referrers-section", "Where from"),
    ("loyalty-section", "New and returning"),
    ("quality", "Data quality"),
    ("glossary", "Glossary"),
)

PARTS = ("page.html", "page.css", "page.js")
LIBRARIES = ("altair", "vl-convert-python")


@dataclass(frozen=True)
class Material:
    """What a report is made of."""

    platform: str
    """What the site is called."""
    titles: Mapping[str, str]
    """Of the datasets, by id."""
    payload: Payload
    rankings: tuple[Ranking, ...]
    concentration: "pd.DataFrame"
    reconciled: "pd.DataFrame"
    versions: "pd.DataFrame"
    attributions: list[str]

    @property
    def span(self) -> Span:
        """Of which days it is."""
        return self.payload.span


def recipe() -> str:
    """A hash of what the page is made with, the data apart."""
    digest = hashlib.blake2b(digest_size=8)
    for name in PARTS:
        digest.update(_part(name).encode())
    for library in (*LIBRARIES, "usage_metrics"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()


def render(material: Material, made_from: str) -> str:
    """Write the page.

    Args:
        material: what it says.
        made_from: a hash of that, by which to see later whether it still holds.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    style, script, library = _part("page.css"), _part("page.js"), _library()
    span = material.span
    last = span.stop - dt.timedelta(days=1)
    return environment.from_string(_part("page.html")).render(
        policy=_policy(style, library, script),
        # Ours, and not from any log; all else is escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        library=Markup(library),  # noqa: S704
        made_from=made_from,
        title=f"Use of the {material.platform}",
        span_label=formatting.days(span.start, last),
        first=span.start.isoformat(),
        last=last.isoformat(),
        sections=SECTIONS,
        in_short=_in_short(material),
        dataset_choices=_dataset_choices(material),
        class_choices=[(ALL, "Everybody"), *CLASSES.items()],
        shades=SHADES,
        main_classes=static_tables.COLUMNS,
        time_classes=_time_classes(material.payload),
        listings=static_tables.listing_tables(material.payload, material.rankings),
        tables=static_tables.time_tables(material.payload),
        headline=static_tables.headline(material.payload),
        has_cities=_has_cities(material.payload),
        quality=_quality(material),
        glossary=GLOSSARY,
        colophon=f"Made by usage_metrics {metadata.version('usage_metrics')}, "
        "from the request log alone, without cookies or scripts on the site.",
        figures=_figures(material),
        documents=documents(),
    )


def _figures(material: Material) -> dict[str, Any]:
    """What the script needs."""
    found = material.payload.as_json()
    for ranking in material.rankings:
        found["facts"][ranking.id]["columns"] = len(ranking.columns)
    return {
        **found,
        "class_names": list(CLASSES.values()),
        "listings": [asdict(listing) for listing in LISTINGS],
        "lines": static_tables.LINES,
        "others": OTHERS,
        "unit": material.span.grain,
        "texts": static_tables.TEXTS,
    }


def _dataset_choices(material: Material) -> list[tuple[str, str]]:
    names = {ALL: "All datasets", **DATASETS, **material.titles}
    return [
        (dataset, formatting.harmless(names.get(dataset, dataset)))
        for dataset in material.payload.datasets
    ]


def _time_classes(payload: Payload) -> list[tuple[str, str]]:
    """The classes that have requests, and in any case the three that everybody asks."""
    there = set(payload.by_class["agent_class"])
    return [
        (name, text)
        for number, (name, text) in enumerate(CLASSES.items())
        if number in there or name in static_tables.COLUMNS
    ]


def _has_cities(payload: Payload) -> bool:
    return any(
        name[0] not in (OTHERS, "Not known") for name in payload.facts["cities"].names
    )


_BY_WHOM = (
    "by people in a browser",
    "by scripts and data clients",
    "by robots",
)
"""The first classes of agents, in a sentence."""


def _in_short(material: Material) -> list[str]:
    """The whole in a few sentences."""
    totals = material.concentration.set_index("dataset")
    if ALL not in totals.index:
        return ["There is not a single request in these days."]
    everything = totals.loc[ALL]
    requests, counted = int(everything["requests"]), int(everything["counted"])
    by_class = material.payload.by_class
    chosen = (by_class["dataset"] == 0) & (
        by_class["period"] >= material.payload.before
    )
    used = by_class[chosen].groupby("agent_class")["requests"].sum()
    counts = {text: int(used.get(number, 0)) for number, text in enumerate(_BY_WHOM)}
    counts["by others"] = requests - sum(counts.values())
    parts = [
        f"{formatting.percent(count / max(1, requests))} {text}"
        for text, count in counts.items()
        if count
    ]
    sentences = [
        f"{formatting.number(requests)} requests: {formatting.listed(parts)}.",
        f"{formatting.number(counted)} of them count as use by the international "
        "standard for research data (COUNTER).",
    ]
    if everything["largest_share"] > quality.WORTH_SAYING:
        sentences.append(_largest(everything))
    return sentences


def _largest(figures: "pd.Series") -> str:
    name = formatting.harmless(str(figures["organization"]))
    share = formatting.percent(figures["largest_share"])
    rest = formatting.number(figures["counted_without_largest"])
    return (
        f"One organisation, {name}, made {share} of all requests. Without it, "
        f"{rest} requests count as use."
    )


def _quality(material: Material) -> dict[str, Any]:
    reconciled, span = material.reconciled, material.span
    lines, requests = (int(reconciled[name].sum()) for name in ("lines", "requests"))
    unknown = list(CLASSES).index("unknown")
    by_class = material.payload.by_class
    chosen = (by_class["dataset"] == 0) & (
        by_class["period"] >= material.payload.before
    )
    chosen &= by_class["agent_class"] == unknown
    share = int(by_class.loc[chosen, "requests"].sum()) / max(1, requests)
    return {
        "lines": f"{formatting.number(lines)} lines of the log are "
        f"{formatting.number(requests)} requests, of which "
        f"{formatting.number(int(reconciled['counted'].sum()))} count. Of "
        f"{formatting.percent(share)} of the requests no list says who asked.",
        "concentrated": _concentrated(material),
        "concentration": _concentration(material),
        "filtered": _filtered(reconciled),
        "days": _days(quality.missing_days(reconciled, span), span),
        "incomplete": _incomplete(reconciled),
        "versions": _versions(material.versions),
        "attributions": material.attributions,
    }


def _concentrated(material: Material) -> list[str]:
    rows = material.concentration
    return [
        _largest(row)
        for _, row in rows[rows["dataset"] == ALL].iterrows()
        if row["largest_share"] > quality.WORTH_SAYING
    ]


def _concentration(material: Material) -> Table:
    names = {ALL: "All datasets", **DATASETS, **material.titles}
    rows = [
        (
            formatting.harmless(names.get(row.dataset, row.dataset)),
            "–"
            if formatting.is_unknown(row.organization)
            else formatting.harmless(row.organization),
            formatting.percent(row.largest_share),
            *(
                formatting.number(value)
                for value in (
                    *(row.requests, row.requests_without_largest),
                    *(row.counted, row.counted_without_largest),
                    row.days_concentrated,
                )
            ),
        )
        for row in material.concentration.itertuples()
    ]
    heads = (
        *("Dataset", "Largest organisation", "Its share"),
        *("Requests", "without it", "Counted uses", "without it", "Days concentrated"),
    )
    return Table("concentration", heads, rows, texts=2)


def _filtered(reconciled: "pd.DataFrame") -> Table:
    rows = [
        (
            row.reason,
            row.of,
            formatting.number(row.number),
            formatting.percent(row.share),
        )
        for row in quality.what_was_filtered(reconciled).itertuples()
        if row.number
    ]
    return Table("filtered", ("Reason", "Of", "How many", "Share"), rows, texts=2)


def _days(missing: list[dt.date], span: Span) -> list[str]:
    total = span.length.days
    if not missing:
        return [f"None of the {total:,} days is missing."]
    ranges = quality.ranges(missing)
    named = [formatting.days(*found) for found in ranges[: quality.RANGES]]
    if len(ranges) > quality.RANGES:
        named.append(f"{len(ranges) - quality.RANGES:,} more")
    return [
        f"{len(missing):,} of {total:,} days are missing, and in no figure: "
        f"{formatting.listed(named)}."
    ]


def _incomplete(reconciled: "pd.DataFrame") -> Table:
    found = reconciled[(reconciled["rejected"] > 0) | (reconciled["requests"] == 0)]
    if len(found) > quality.DAYS:
        found = found.nlargest(quality.DAYS, "rejected").sort_values("date")
    rows = [
        (
            formatting.day(dt.date.fromisoformat(row.date)),
            *map(
                formatting.number, (row.lines, row.rejected, row.requests, row.counted)
            ),
        )
        for row in found.itertuples()
    ]
    heads = ("Day", "Lines", "Rejected", "Requests", "Counted uses")
    return Table("incomplete", heads, rows)


def _versions(found: "pd.DataFrame") -> Table:
    rows = [
        (
            row.what,
            formatting.harmless(row.value) or "–",
            formatting.days(row.first, row.last),
            formatting.number(row.days),
        )
        for row in found.itertuples()
    ]
    return Table("versions", ("What", "Version", "From – to", "Days"), rows, texts=3)


def _policy(style: str, *scripts: str) -> str:
    """What the page may do: run its own scripts, and nothing else."""
    allowed = " ".join(_hashed(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hashed(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed, as one script."""
    import vl_convert

    # Its stub does not know that the snippet may be left out.
    found: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    # The only way out of a script element.
    return found.replace("</script", "<\\/script")


@functools.cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text()
