"""Who is asking: a person, a script, a robot or ourselves, from the user agent.

:func:`classify` is given distinct user agents and says of each what it is and by
which rule. The rules are tried in this order, and the first that holds decides:

1. no user agent: unknown, never a person;
2. our own monitors, and the clients of data that the settings add;
3. clients of data, ours and those of COUNTER's list of machines: before any list of
   robots, because those lists call every one of them a robot;
4. apps of people's that those lists name;
5. robots: our table, crawler-user-agents, crawlerdetect, what robots say of
   themselves, and last COUNTER's list, so that a count can be made without it;
6. browsers, and what else a person runs; the rest is unknown.

``rules.tsv`` is our table.
:mod:`usage_metrics.agents.networks` says what kind of network it came from.
"""

import pyarrow as pa

from usage_metrics.addresses.parsing import is_internal_address
from usage_metrics.agents.lists import list_versions
from usage_metrics.agents.networks import NETWORK, is_suspect, network_class
from usage_metrics.agents.rules import CLASSES
from usage_metrics.agents.settings import AgentSettings
from usage_metrics.arrow import STRING, column

__all__ = [
    "AGENT",
    "NETWORK",
    "AgentSettings",
    "classify",
    "is_internal_address",
    "is_suspect",
    "list_versions",
    "network_class",
]

AGENT = pa.schema(
    [
        column(
            "agent_class",
            STRING,
            f"Who asked, from the user agent: {', '.join(CLASSES)}. A machine is a "
            "script or data client that a person runs",
        ),
        column("agent_name", STRING, "What asked: curl, DuckDB, Googlebot, Chrome"),
        column(
            "agent_kind",
            STRING,
            "What it is for: browser, app, library, data client, search, AI training, "
            "monitor and others",
        ),
        column(
            "agent_rule",
            STRING,
            "The rule that decided: the list, its version, and the pattern",
        ),
    ]
)
"""The columns that say who asked."""


NOTHING_KNOWN = AgentSettings()


def classify(agents: pa.Array, settings: AgentSettings = NOTHING_KNOWN) -> pa.Table:
    """Say of each user agent who asked, in the columns of :data:`AGENT`.

    Args:
        agents: the distinct user agents of a day; null where there was none.
        settings: what the site's maintainers say.

    Raises:
        ConfigError: if the package of a list is missing or too old.
    """
    # The lists are read when first needed: most commands never classify.
    from usage_metrics.agents.classifier import classifier
    from usage_metrics.agents.normalize import normalised

    texts = normalised(agents).to_pylist()
    verdicts = classifier(settings).verdicts(texts)
    columns = zip(*verdicts, strict=True) if verdicts else ([] for _ in AGENT)
    return pa.table([pa.array(values, STRING) for values in columns], schema=AGENT)
