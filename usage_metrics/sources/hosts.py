"""Which hosts of a log are those of the site, where settings name them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING


def are_elsewhere(
    hosts: pa.Array | pa.ChunkedArray, ours: Sequence[str]
) -> pa.Array | pa.ChunkedArray:
    """Which requests are to hosts that are not meant.

    Args:
        hosts: of each request, in lower case and without a port; null: not logged.
        ours: the hosts of the site; none: all are.
    """
    is_ours = pc.is_in(hosts, pa.array([name.lower() for name in ours], STRING))
    return pc.and_(pc.and_not(hosts.is_valid(), is_ours), pa.scalar(bool(ours)))


def per_host(hosts: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """How many requests there are to each host."""
    counts = hosts.cast(STRING).value_counts().to_pylist()
    return {pair["values"]: pair["counts"] for pair in counts}


def none_meant(others: Mapping[str, int], settings: Any) -> str | None:
    """Say which hosts a day's requests went to, if none of them is meant."""
    if not others:
        return None
    most = sorted(others, key=lambda host: (-others[host], host))[:3]
    return (
        f"none of {sum(others.values()):,} requests is to a host that hosts = "
        f"{settings.hosts} names; they are to {', '.join(map(repr, most))}"
        + (" and others" if len(others) > len(most) else "")
        + ". If those are the site's, name them in hosts"
    )
