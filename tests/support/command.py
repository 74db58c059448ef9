"""Runs ``luigi`` and ``usage-metrics`` in subprocesses, as users do."""

import os
import subprocess
import sys
from pathlib import Path


def run_luigi(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``luigi`` in a folder, with the ``luigi.cfg`` there."""
    return _run([sys.executable, "-m", "luigi", *arguments], folder)


def run_usage_metrics(
    *arguments: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run ``usage-metrics`` in a folder, with the ``luigi.cfg`` there."""
    program = str(Path(sys.executable).with_name("usage-metrics"))
    return _run([program, *arguments], folder)


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the ``luigi.cfg`` there."""
    return _run([sys.executable, "-c", code], folder)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"}
    # Luigi keeps its lock there; tests that run in parallel may use the same command.
    environment["TMPDIR"] = str(folder)
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
