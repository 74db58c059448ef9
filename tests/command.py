"""Runs ``luigi`` in a process of its own, as users do."""

import os
import subprocess
import sys
from pathlib import Path


def run_luigi(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, with the ``luigi.cfg`` that is there."""
    environment = {k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"}
    return subprocess.run(
        [sys.executable, "-m", "luigi", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
