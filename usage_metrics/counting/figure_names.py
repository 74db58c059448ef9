"""The names of columns that SQL needs, besides the schemas that have them."""

BY_CLASS_KEYS = ("date", "source", "dataset", "agent_class")
BY_CLASS = (
    *("requests", "counted", "suspect", "assistants", "unique_sessions"),
    *("unique_visitors", "bytes", "errors"),
)
"""The keys and the figures of use by agent class."""
