"""What a site's maintainers know of those who ask better than any list."""

from typing import NamedTuple


class AgentSettings(NamedTuple):
    """User agents and networks of our own, and clients of the field."""

    internal_agents: tuple[str, ...] = ()
    """Words in the user agents of our own monitors and checkers."""
    data_clients: tuple[str, ...] = ()
    """How the user agents of further data clients start."""
    internal_networks: tuple[str, ...] = ()
    """Our own addresses and networks."""
