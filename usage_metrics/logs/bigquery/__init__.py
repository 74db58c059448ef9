"""bigquery."""
