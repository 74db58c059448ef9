"""The names that the COUNTER Code of Practice for Research Data gives its figures."""

METRICS = (
    "total_dataset_investigations",
    "unique_dataset_investigations",
    "total_dataset_requests",
    "unique_dataset_requests",
)
"""The standard's metrics, in the order of a report."""

MACHINE, REGULAR = "machine", "regular"
"""Access methods: scripts, and everybody else except robots and ourselves."""
