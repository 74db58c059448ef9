"""Databases that people query, filled from the Parquet files and from nothing else."""
