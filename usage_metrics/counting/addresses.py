"""The full addresses of a day's requests, for telling visitors apart.

Geocoded files hold what ``[privacy] addresses`` leaves of an address, and of a network
many visitors may be. So counting takes that one column from the cleaned file, whose
rows are those of the geocoded file, in their order. Where that file has to be gone
already, counting makes do with what the geocoded file has, and says so in its footer.
"""

import pyarrow as pa

from usage_metrics.counting.grouping import compact
from usage_metrics.partitions import Partition

ADDRESS = "remote_ip"

FULL = "full"
AS_GEOCODED = "as geocoded"
"""What a footer says of the addresses that visitors were told apart by."""


def cleaned_of(geocoded: Partition) -> Partition:
    """The file on the left of a geocoded one."""
    return Partition(geocoded.root, "cleaned", geocoded.source, geocoded.date)


def kind_of(geocoded: Partition) -> str:
    """What addresses of a day's requests are to be had."""
    facts, cleaned = geocoded.facts(), cleaned_of(geocoded)
    if facts.get("recipe", {}).get("addresses") == "keep":
        return FULL
    if cleaned.exists() and cleaned.facts()["content_id"] == facts["made_from"]:
        return FULL
    return AS_GEOCODED


def addresses_of(geocoded: Partition, kind: str) -> pa.ChunkedArray:
    """The addresses of a day's requests, as dictionaries."""
    as_kept = geocoded.facts().get("recipe", {}).get("addresses") == "keep"
    is_left = kind == FULL and not as_kept
    with (cleaned_of(geocoded) if is_left else geocoded).open() as file:
        return compact(file.read([ADDRESS])[ADDRESS])
