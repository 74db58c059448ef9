"""Who asked, for every request: each distinct user agent and address looked at once."""

import ipaddress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents import (
    AGENT,
    AgentSettings,
    classify,
    is_internal_address,
    is_suspect,
)
from usage_metrics.arrow import STRING, dictionary, take_encoded
from usage_metrics.errors import ConfigError

SETTINGS = ("internal_agents", "data_clients", "internal_networks")
"""The settings of a source's section that say whom its maintainers know."""


def settings_from(section: Any) -> AgentSettings:
    """Read the settings of a source's section, each with commas between its values.

    One that the section does not have is empty.

    Raises:
        ConfigError: if a network is none.
    """
    values = {
        name: tuple(
            v.strip() for v in getattr(section, name, "").split(",") if v.strip()
        )
        for name in SETTINGS
    }
    for network in values["internal_networks"]:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise ConfigError(
                f"internal_networks names {network!r}, which is no network: {error}; "
                "write such as 192.0.2.1 or 2001:db8::/32"
            ) from None
    return AgentSettings(**values)


def who_asked(
    agents: pa.ChunkedArray, addresses: pa.ChunkedArray, settings: AgentSettings
) -> dict[str, pa.Array]:
    """The columns of :data:`AGENT` for columns of user agents and addresses."""
    texts = dictionary(agents)
    codes = pc.fill_null(texts.indices, len(texts.dictionary))
    known = classify(
        pa.concat_arrays([texts.dictionary, pa.nulls(1, STRING)]), settings
    )
    columns = {
        field.name: take_encoded(known[field.name].combine_chunks(), codes)
        for field in AGENT
    }
    if settings.internal_networks:
        ours = dictionary(addresses)
        internal = is_internal_address(ours.dictionary, settings.internal_networks)
        inside = pc.fill_null(internal.take(ours.indices), fill_value=False)
        columns |= {
            "agent_class": _instead(inside, "internal", columns["agent_class"]),
            "agent_rule": _instead(
                inside, "setting internal_networks", columns["agent_rule"]
            ),
        }
    return columns


def suspects(rows: pa.Table, networks: pa.Array) -> pa.Array:
    """Which requests come from a person's browser in a hosting network."""
    if not {"agent_class", "agent_kind"} <= set(rows.column_names):
        return pa.array([False] * rows.num_rows, pa.bool_())
    return is_suspect(rows["agent_class"], rows["agent_kind"], networks)


def _instead(where: pa.Array, value: str, column: pa.Array) -> pa.Array:
    replaced = pc.if_else(where, pa.scalar(value, STRING), column.cast(STRING))
    return replaced.dictionary_encode()
