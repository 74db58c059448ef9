"""The queries that give the numbers of the publisher's page, to copy."""

from collections.abc import Sequence

from usage_metrics.dates import ONE_DAY
from usage_metrics.platforms import TOTAL
from usage_metrics.report.place_lines import REQUESTS, Measure, Place
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.quotable import Sum
from usage_metrics.report.usage_database import Span

Query = tuple[str, str]
"""What it is about, and its SQL."""


def queries(
    publisher: Publisher,
    groups: Sequence[tuple[Place, Sequence[Measure]]],
    total: Sum | None,
) -> list[Query]:
    """Those of the whole period: of the sum, and of each place."""
    found = [("Requests in all our logs", _sum(publisher, total))] if total else []
    for place, measures in groups:
        made = _of_log if place.is_log else _of_platform
        found.append((place.title, made(place, measures, publisher.span)))
    return found


def daily_queries(
    publisher: Publisher, groups: Sequence[tuple[Place, Sequence[Measure]]]
) -> list[Query]:
    """Those of each day, which the charts add up to periods."""
    return [
        (
            f"{place.title}, day by day",
            _days_of_log(place, measures, publisher.span)
            if place.is_log
            else _days_of_platform(place, measures, publisher.span),
        )
        for place, measures in groups
    ]


def _days(span: Span) -> str:
    return f"date BETWEEN '{span.start}' AND '{span.stop - ONE_DAY}'"


def _listed(names: Sequence[str]) -> str:
    """Names of ours, which need no care."""
    return ", ".join(f"'{name}'" for name in names)


def _sum(publisher: Publisher, total: Sum) -> str:
    logs = [p.name for p in publisher.places if p.is_log and p.title in total.places]
    return f"""\
SELECT sum({REQUESTS}) AS requests
FROM usage_counter
WHERE source IN ({_listed(logs)})
  AND {_days(publisher.span)}"""  # noqa: S608 - our own names


def _of_log(place: Place, measures: Sequence[Measure], span: Span) -> str:
    return f"""\
SELECT dataset,
{_sums(measures)}
FROM usage_counter
WHERE source = '{place.name}'
  AND {_days(span)}
GROUP BY dataset
ORDER BY 2 DESC"""  # noqa: S608 - our own names


def _days_of_log(place: Place, measures: Sequence[Measure], span: Span) -> str:
    return f"""\
SELECT date, dataset,
{_sums(measures)}
FROM usage_counter
WHERE source = '{place.name}'
  AND {_days(span)}
GROUP BY date, dataset
ORDER BY date, dataset"""  # noqa: S608 - our own names


def _sums(measures: Sequence[Measure]) -> str:
    return ",\n".join(f"  sum({m.id}) AS {m.id}" for m in measures)


def _of_platform(place: Place, measures: Sequence[Measure], span: Span) -> str:
    """What each subject added, and its newest running total."""
    return f"""\
WITH told AS (
  SELECT *, row_number() OVER (
    PARTITION BY subject, metric ORDER BY value IS NULL, date DESC) AS place
  FROM snapshot_series
  WHERE {_told(place, measures, span)})
SELECT subject, metric, sum(increment) AS added,
  sum(CASE place WHEN 1 THEN value END) AS newest
FROM told
GROUP BY subject, metric
ORDER BY metric, subject"""  # noqa: S608 - our own names


def _days_of_platform(place: Place, measures: Sequence[Measure], span: Span) -> str:
    return f"""\
SELECT date, subject, metric, increment AS added, value AS newest, quality
FROM snapshot_series
WHERE {_told(place, measures, span)}
ORDER BY date, subject, metric"""  # noqa: S608 - our own names


def _told(place: Place, measures: Sequence[Measure], span: Span) -> str:
    metrics = _listed([measure.id for measure in measures])
    return f"""\
source = '{place.name}'
  AND measure = '{TOTAL}'
  AND metric IN ({metrics})
  AND {_days(span)}"""
