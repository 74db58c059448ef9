"""Who made each request, judged once per distinct user agent and address."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import is_internal_address, parse_network
from usage_metrics.agents.classifier import AGENT, AgentSettings, classify
from usage_metrics.agents.networks import is_suspect
from usage_metrics.arrow import STRING, take_encoded
from usage_metrics.errors import ConfigError

SETTINGS = AgentSettings._fields
"""The settings of a source's section about agents that its maintainers know."""


def settings_from(section: Any) -> AgentSettings:
    """Read the comma-separated settings of a source's section.

    One that the section does not have is empty.

    Raises:
        ConfigError: naming every network that is none.
    """
    settings = AgentSettings(
        *(comma_separated(getattr(section, name, "")) for name in SETTINGS)
    )
    networks = [name for name in settings.internal_networks if not _is_network(name)]
    if networks:
        raise ConfigError(
            *(
                f"internal_networks contains {name!r}, which is not a network; write "
                "such as 192.0.2.1 or 2001:db8::/32"
                for name in networks
            )
        )
    return settings


def _is_network(text: str) -> bool:
    try:
        parse_network(text, strict=False)
    except ValueError:
        return False
    return True


def comma_separated(setting: str) -> tuple[str, ...]:
    """The values in a setting, without blanks around them."""
    return tuple(value.strip() for value in setting.split(",") if value.strip())


def who_asked(
    agents: pa.DictionaryArray, addresses: pa.DictionaryArray, settings: AgentSettings
) -> dict[str, pa.Array]:
    """Give the columns of :data:`AGENT` for user agents and their addresses."""
    codes = pc.fill_null(agents.indices, len(agents.dictionary))
    known = classify(
        pa.concat_arrays([agents.dictionary, pa.nulls(1, STRING)]), settings
    )
    columns = {
        field.name: take_encoded(known[field.name].combine_chunks(), codes)
        for field in AGENT
    }
    if settings.internal_networks:
        ours = is_internal_address(addresses.dictionary, settings.internal_networks)
        inside = pc.fill_null(ours.take(addresses.indices), fill_value=False)
        columns |= judged(columns, inside, "internal", "setting internal_networks")
    return columns


def judged(
    columns: Mapping[str, pa.Array | pa.ChunkedArray],
    rows: pa.Array | pa.ChunkedArray,
    class_: str,
    rule: str,
) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The class of some requests, and the rule that decided, in place of what was.

    Args:
        columns: with ``agent_class`` and ``agent_rule``.
        rows: which requests.
        class_: what they are.
        rule: why.
    """
    return {
        name: pc.if_else(rows, value, columns[name].cast(STRING)).dictionary_encode()
        for name, value in (("agent_class", class_), ("agent_rule", rule))
    }


def suspects(rows: pa.Table, networks: pa.Array) -> pa.Array:
    """Say which requests come from a person's browser in a hosting network."""
    if not {"agent_class", "agent_kind"} <= set(rows.column_names):
        return pa.array([False] * rows.num_rows, pa.bool_())
    return is_suspect(rows["agent_class"], rows["agent_kind"], networks)
