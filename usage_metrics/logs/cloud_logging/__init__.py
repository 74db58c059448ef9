"""cloud_logging."""
