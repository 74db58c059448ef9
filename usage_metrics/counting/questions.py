"""The ready-made questions about use, which Datasette shows beside the tables."""

from collections.abc import Iterable

from usage_metrics.counting.counter_names import METRICS
from usage_metrics.counting.outcomes import REASONS
from usage_metrics.warehouse.views import Question

_MONTH = "substr(date, 1, 7)"


def _sums(names: Iterable[str], prefix: str = "") -> str:
    return ",\n".join(f"sum({prefix}{name}) AS {name}" for name in names)


QUESTIONS = (
    Question(
        "headline",
        "How much use was there each month, and how did it change?",
        "Under the COUNTER rules, over all datasets; the change is that of the average "
        "day, of those that are there, from the month before",
        ("use_per_month",),
        "WITH months AS (SELECT *, 1.0 * counted / days AS counted_a_day,\n"
        "date(month || '-01', '-1 month') AS before\n"
        "FROM use_per_month WHERE dataset = 'all')\n"
        "SELECT m.month, m.source, m.days, m.counted, m.sessions,\n"
        "m.human, m.machine, m.robot,\n"
        "round(m.counted_a_day, 1) AS counted_a_day,\n"
        "round(100 * m.counted_a_day / b.counted_a_day - 100, 1) "
        "AS counted_change_percent\n"
        "FROM months AS m LEFT JOIN months AS b\n"
        "ON b.source = m.source AND b.month || '-01' = m.before\n"
        "ORDER BY m.month DESC, m.source",
    ),
    Question(
        "most_used_tables",
        "Which tables are used most?",
        "From, to: UTC days, YYYY-MM-DD, inclusive; empty for all",
        ("usage_daily",),
        'SELECT dataset, "table", sum(counted) AS counted,\n'
        "sum(iif(agent_class = 'human', counted, 0)) AS human,\n"
        "sum(iif(agent_class = 'machine', counted, 0)) AS machine,\n"
        "round(sum(bytes) / 1e6, 1) AS megabytes\n"
        "FROM usage_daily\n"
        "WHERE \"table\" IS NOT NULL AND (:from = '' OR date >= :from) "
        "AND (:to = '' OR date <= :to)\n"
        "GROUP BY 1, 2 ORDER BY counted DESC LIMIT 100",
    ),
    Question(
        "universities_and_agencies",
        "Which universities and government agencies use the data?",
        "Month: YYYY-MM, empty for all. Without robots",
        ("usage_by_organization",),
        "SELECT organization, network_class, sum(counted) AS counted,\n"
        "count(DISTINCT date) AS days, group_concat(DISTINCT dataset) AS datasets\n"
        "FROM usage_by_organization\n"
        "WHERE network_class IN ('education', 'government') AND counted > 0 "
        f"AND (:month = '' OR {_MONTH} = :month)\n"
        "GROUP BY 1, 2 ORDER BY counted DESC LIMIT 200",
    ),
    Question(
        "concentration",
        "How much of the use comes from one place?",
        "By month, source and dataset; also without the largest organisation",
        ("usage_concentration_monthly",),
        "SELECT period AS month, source, dataset, counted, largest_organization,\n"
        "round(100 * largest_organization_share, 1) AS largest_organization_percent,\n"
        "round(100 * largest_address_share, 1) AS largest_address_percent,\n"
        "is_concentrated, counted_without_largest\n"
        "FROM usage_concentration_monthly ORDER BY period DESC, counted DESC",
    ),
    Question(
        "counter_metrics",
        "What are the COUNTER metrics of a month?",
        "By source: a session is one of a source. Month: YYYY-MM, empty for all",
        ("usage_counter",),
        f"SELECT {_MONTH} AS month, source, dataset, access_method,\n"
        f"{_sums(METRICS)},\n"
        "round(sum(volume) / 1e6, 1) AS megabytes\n"
        f"FROM usage_counter WHERE (:month = '' OR {_MONTH} = :month)\n"
        "GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4",
    ),
    Question(
        "why_not_counted",
        "Why were requests not counted?",
        "By month and source: log lines, requests, and why they were not counted",
        ("usage_reconciliation",),
        f"SELECT {_MONTH} AS month, source,\n"
        f"{_sums(('lines', 'requests', 'counted'))},\n"
        f"{_sums(REASONS, 'not_counted_')}\n"
        "FROM usage_reconciliation GROUP BY 1, 2 ORDER BY 1 DESC, 2",
    ),
    Question(
        "scripts_and_programs",
        "Which scripts and programs fetch the data?",
        "Month: YYYY-MM, empty for all",
        ("use_by_agent",),
        f"SELECT agent_name, agent_kind,\n{_sums(('requests', 'counted'))}\n"
        "FROM use_by_agent WHERE agent_class = 'machine' "
        "AND (:month = '' OR month = :month)\n"
        "GROUP BY 1, 2 ORDER BY requests DESC LIMIT 100",
    ),
    Question(
        "requests_of_a_day",
        "Which requests for a table did a day have?",
        "The way back from a figure to its requests. Date: YYYY-MM-DD; table: its "
        "name, empty for all",
        ("datasette_request_logs",),
        "SELECT timestamp, request_url, status, response_size, latency, agent_class,\n"
        "agent_name, agent_rule, remote_ip_country, remote_ip_org\n"
        "FROM datasette_request_logs\n"
        "WHERE timestamp >= :date AND timestamp < date(:date, '+1 day') "
        "AND (:table = '' OR \"table\" = :table)\n"
        "ORDER BY timestamp LIMIT 1000",
    ),
    Question(
        "hours_of_the_day",
        "At which hours of the day do requests arrive?",
        "UTC hours of the data requests in the database",
        ("datasette_request_logs",),
        "SELECT strftime('%H', timestamp) AS hour, count(*) AS requests,\n"
        "sum(agent_class = 'human') AS human,\n"
        "sum(agent_class = 'machine') AS machine,\n"
        "sum(agent_class = 'robot') AS robot\n"
        "FROM datasette_request_logs GROUP BY 1 ORDER BY 1",
    ),
)
"""Every question."""
