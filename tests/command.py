"""Runs ``luigi`` in a process of its own, as users do."""

import os
import subprocess
import sys
from pathlib import Path


def run_luigi(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, with the ``luigi.cfg`` that is there."""
    environment = {k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"}
    # Luigi's lock is there, so that a test beside this one may give the same command.
    environment["TMPDIR"] = str(folder)
    return subprocess.run(
        [sys.executable, "-m", "luigi", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
