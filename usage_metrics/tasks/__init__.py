"""The Luigi tasks: stages of a day, counts, the database, the report and upkeep."""
