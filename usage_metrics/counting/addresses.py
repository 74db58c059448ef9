"""The full addresses of a day's requests, for telling visitors apart.

Geocoded files hold what ``[privacy] addresses`` leaves of an address, and of a network
many visitors may be. So counting takes that one column from the cleaned file, whose
rows are those of the geocoded file, in their order. Where that file has to be gone
already, counting makes do with what the geocoded file has, and says so in its footer.
"""

from typing import TYPE_CHECKING

from usage_metrics.partitions import Partition

if TYPE_CHECKING:
    import pyarrow as pa

ADDRESS = "remote_ip"

FULL = "full"
AS_GEOCODED = "as geocoded"
"""What a footer says of the addresses that visitors were told apart by."""


def addresses_of(geocoded: Partition) -> tuple["pa.ChunkedArray", str]:
    """The addresses of a day's requests, and whether they are full ones."""
    cleaned = Partition(geocoded.root, "cleaned", geocoded.source, geocoded.date)
    facts = geocoded.facts()
    if facts.get("recipe", {}).get("addresses") == "keep":
        return _read(geocoded), FULL
    if cleaned.exists() and cleaned.facts()["content_id"] == facts["made_from"]:
        return _read(cleaned), FULL
    return _read(geocoded), AS_GEOCODED


def _read(partition: Partition) -> "pa.ChunkedArray":
    with partition.open([ADDRESS]) as file:
        return file.read([ADDRESS])[ADDRESS]
