"""Where the repository is, and what a fixture that sets settings looks like."""

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]

Settings = Callable[..., None]
"""Sets settings of a section for a test: ``settings("paths", root="data")``."""
