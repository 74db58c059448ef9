"""The queries that give the numbers of the publisher's page, to copy."""

from collections.abc import Sequence

from usage_metrics.dates import ONE_DAY
from usage_metrics.platforms import TOTAL
from usage_metrics.report.place_lines import REQUESTS, Measure, Place
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.quotable import Sum
from usage_metrics.report.usage_database import Span


def queries(
    publisher: Publisher,
    groups: Sequence[tuple[Place, Sequence[Measure]]],
    total: Sum | None,
) -> list[tuple[str, str]]:
    """What each is about, and the SQL: of the sum, and of each place."""
    found = [("Requests in all our logs", _sum(publisher, total))] if total else []
    for place, measures in groups:
        made = _of_log if place.is_log else _of_platform
        found.append((place.title, made(place, measures, publisher.span)))
    return found


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
    numbers = ",\n".join(f"  sum({m.id}) AS {m.id}" for m in measures)
    return f"""\
SELECT dataset,
{numbers}
FROM usage_counter
WHERE source = '{place.name}'
  AND {_days(span)}
GROUP BY dataset
ORDER BY 2 DESC"""  # noqa: S608 - our own names


def _of_platform(place: Place, measures: Sequence[Measure], span: Span) -> str:
    """What each subject added, and its newest running total."""
    metrics = _listed([measure.id for measure in measures])
    return f"""\
WITH told AS (
  SELECT *, row_number() OVER (
    PARTITION BY subject, metric ORDER BY value IS NULL, date DESC) AS place
  FROM snapshot_series
  WHERE source = '{place.name}'
    AND measure = '{TOTAL}'
    AND metric IN ({metrics})
    AND {_days(span)})
SELECT subject, metric, sum(increment) AS added,
  sum(CASE place WHEN 1 THEN value END) AS newest
FROM told
GROUP BY subject, metric
ORDER BY metric, subject"""  # noqa: S608 - our own names
