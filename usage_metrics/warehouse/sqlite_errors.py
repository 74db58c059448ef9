"""What SQLite's errors mean for who runs the pipeline, and what to do."""

import re

_DRIVER = re.compile(r"^[A-Z_]+: (?:\[SQLite\] )?[Ff]ailed to [^:]*: ")


def cause_of(error: Exception) -> str:
    """What SQLite says, without what the driver says around it."""
    return _DRIVER.sub("", str(error).partition("\nquery")[0])


def remedy_for(cause: str) -> str:
    """What to do."""
    if "locked" in cause:
        return (
            "another program holds it for longer than [database] busy_seconds; close "
            "it and rerun"
        )
    if "not a database" in cause or "malformed" in cause:
        return (
            "it is damaged; delete it and rerun: it is rebuilt from the Parquet files"
        )
    if "unable to open" in cause:
        return (
            "[database] path has to name a file, in a folder with write permission; "
            "see to it and rerun"
        )
    if "readonly" in cause:
        return "give write permission to it and to the folder that it is in, and rerun"
    if "full" in cause or "disk I/O" in cause:
        return "nothing of that day was changed; make room on the disk and rerun"
    return "nothing of that day was changed; see to it and rerun"
