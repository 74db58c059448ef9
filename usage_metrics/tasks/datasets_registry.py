"""The registry of datasets that ``[counting] datasets`` names, read from its file."""

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    from usage_metrics.counting.datasets import Registry


def datasets_registry() -> "Registry":
    """The registry that the settings name."""
    return read_registry(config.counting().datasets)


def registry_digest() -> str:
    """A digest of the registry that the settings name, without parsing it.

    Raises:
        ConfigError: if it cannot be read.
    """
    from usage_metrics.counting.datasets import digest_of

    _, text = _read(config.counting().datasets)
    return digest_of(text)


def read_registry(path: str | Path = "") -> "Registry":
    """Read a registry; without a path, the one in the package.

    Raises:
        ConfigError: naming the file, the line, what is wrong there and the remedy.
    """
    from usage_metrics.counting.registry_file import parse_registry

    return parse_registry(*_read(path))


def _read(path: str | Path) -> tuple[str, str]:
    packaged = importlib.resources.files("usage_metrics.counting") / "datasets.toml"
    file = Path(path) if path else packaged
    try:
        return str(file), file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}; set [counting] datasets to a registry of "
            "datasets, or leave it empty for the one in the package"
        ) from error
