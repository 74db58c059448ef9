"""The root of the repository, and the type of the ``settings`` fixture."""

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]

SAMPLE_REGISTRY = ROOT / "data" / "sample_logs" / "datasets.toml"
"""The registry of the datasets in the sample logs, pudl and ferc1."""

Settings = Callable[..., None]
"""Changes settings for one test: ``settings("paths", root="data")``."""

EVERY_PLACE = (("init", "--sample"), ("run",))
"""The commands that make the sample of every place, as the README has them."""
