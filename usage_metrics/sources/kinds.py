"""Which source reads some logs, as their first lines look."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from usage_metrics.errors import UsageMetricsError
from usage_metrics.sources import recognised, registered

DEFAULT = "datasette"
"""The source of logs that are not recognised."""


def is_billed(logs: str) -> bool:
    """Whether reading an entry of some logs costs something worth mentioning."""
    return logs.startswith("bigquery://")


class Kind(NamedTuple):
    """Which source reads some logs."""

    source: str
    settings: Mapping[str, str]
    """Those of the source without which it cannot."""
    others: Sequence[str]
    """The files beside that are of another kind, each with what reads it."""


def kind_of(logs: str, wanted: str | None = None) -> Kind | None:
    """Recognise logs by the first lines of the newest files; None if nothing does.

    Args:
        logs: where they are.
        wanted: the source that is asked first.
    """
    from usage_metrics.logs.beginnings import beginnings

    if is_billed(logs):
        return Kind(wanted or DEFAULT, {}, [])
    kinds = [(file.name, recognised(file, wanted)) for file in beginnings(logs)]
    known = [(name, kind) for name, kind in kinds if kind]
    if not known:
        return None
    number = Counter((source, tuple(needed.items())) for _, (source, needed) in known)
    (source, needed), _ = number.most_common(1)[0]
    main = source, dict(needed)
    others = [f"{name} ({kind[0]})" for name, kind in known if kind != main]
    return Kind(*main, others)


def read_by_another(source: str, logs: str) -> str | None:
    """Say that logs are those of another source; None if they are not known to be."""
    kind = _known_kind(source, logs)
    if kind is None or kind.source == source:
        return None
    return (
        f"logs = {logs} are the logs of {registered(kind.source).title}, which "
        f"[{kind.source}] reads: name them in that section of luigi.cfg, not in "
        f"[{source}]"
    )


def read_otherwise(source: str, settings: Any) -> str | None:
    """Say how logs are read that cannot be read with these settings, if it is known."""
    if sentence := read_by_another(source, settings.logs):
        return sentence
    kind = _known_kind(source, settings.logs)
    needed = kind.settings.items() if kind else ()
    other = [f"{name} = {value}" for name, value in needed]
    if not other or all(getattr(settings, name) == value for name, value in needed):
        return None
    return (
        f"logs = {settings.logs} cannot be read with the settings of [{source}]; as "
        f"they look, set {', '.join(other)} there"
    )


def _known_kind(source: str, logs: str) -> Kind | None:
    with contextlib.suppress(UsageMetricsError):  # whoever reads them will say
        return kind_of(logs, source) if logs else None
    return None
