"""The replies of a day in their file, which nothing but a fuller snapshot replaces."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa

from usage_metrics.errors import PartitionError, ReplyError
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.partitions.row_groups import row_groups
from usage_metrics.partitions.writer import PartitionWriter
from usage_metrics.platforms import Identity, Platform, Reply
from usage_metrics.platforms.schemas import RAW
from usage_metrics.platforms.taking import Part, bodies, by_part, is_complete

STAGE = "raw"

LOOKED_BACK = 14
"""Snapshots in which an earlier reply to the same request is looked for."""


def replies_of(partition: Partition) -> list[Reply]:
    """The replies of a day.

    Raises:
        PartitionError: if the file is damaged.
    """
    with partition.open(RAW) as file:
        return [
            Reply(*row.values())
            for _, rows in row_groups(file)
            for row in rows.to_pylist()
        ]


def keep(
    partition: Partition,
    platform: Platform,
    replies: Sequence[Reply],
    unanswered: int,
) -> None:
    """Write the replies of a day, unless these are in its file already.

    Args:
        partition: the file.
        platform: who replied.
        replies: all of the day.
        unanswered: how many parts are missing.
    """

    def is_unchanged(writer: PartitionWriter) -> bool:
        if not partition.exists():
            return False
        facts = partition.facts()
        return all(facts.get(key) == writer.facts[key] for key in about) and (
            facts.get("content_id") == writer.content_id
        )

    known = identities(platform, replies)
    subjects = {name: identity and [*identity] for name, identity in known.items()}
    about = {"unanswered": unanswered, "subjects": subjects}
    rows = [reply._asdict() for reply in replies]
    with partition.writing(RAW, keep=is_unchanged) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=RAW))
        writer.facts |= about


def identities(
    platform: Platform, replies: Sequence[Reply]
) -> dict[str, Identity | None]:
    """Who each subject was on a day, as far as its replies tell."""
    found: dict[str, Identity | None] = {}
    for (subject, kind), pages in by_part(replies).items():
        found.setdefault(subject, None)
        if is_complete(pages):
            try:
                identity = platform.identify(kind, bodies(pages))
            except ReplyError:
                continue
            found[subject] = identity or found[subject]
    return found


def earlier(
    root: str, source: str, day: dt.date, wanted: Collection[Part]
) -> Mapping[Part, Sequence[Reply]]:
    """The newest successful reply before a day to each of some requests."""
    found: dict[Part, Sequence[Reply]] = {}
    days = [d for d in list_partitions(root, STAGE, source) if d < day]
    for before in sorted(days, reverse=True)[:LOOKED_BACK]:
        if all(part in found for part in wanted):
            break
        try:
            parts = by_part(replies_of(Partition(root, STAGE, source, before)))
        except PartitionError:
            continue  # the commands check and status name it
        for part, pages in parts.items():
            if part not in found and _came(pages):
                found[part] = pages
    return found


def _came(pages: Iterable[Reply]) -> bool:
    return all(page.status in (200, 304) for page in pages)
