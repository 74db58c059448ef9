"""The registry of datasets that ``[counting] datasets`` names, read from its file."""

import errno
import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import logs_named

if TYPE_CHECKING:
    from usage_metrics.counting.datasets import Registry


SAMPLE_LOGS = "data/sample_logs"
"""The logs in the luigi.cfg of the repository; they are made up."""

SAMPLE_PLACES = "data/sample_places"
"""More of the sample, which usage-metrics init makes: a bucket and a web server."""


def datasets_registry() -> "Registry":
    """The registry that the settings name, checked.

    Raises:
        ConfigError: as :func:`read_registry`.
    """
    path = config.counting().datasets
    return read_registry("" if is_unused(path) else path)


def is_unused(path: str) -> bool:
    """Whether a registry is that of the sample logs, and the logs are others.

    Who puts their own logs into the luigi.cfg of the repository should see neither the
    sample's title nor its datasets.
    """
    return _is_of_sample(path) and not any(map(_is_of_sample, logs_named().values()))


def _is_of_sample(path: str) -> bool:
    return any(map(Path(path).is_relative_to, (SAMPLE_LOGS, SAMPLE_PLACES)))


def read_registry(path: str | Path = "") -> "Registry":
    """Read a registry; without a path, the one in the package, which names no dataset.

    A file that does not say what is no data leaves that to the one in the package.

    Raises:
        ConfigError: naming the file and, of each mistake, the line and the remedy.
    """
    from usage_metrics.counting.registry_file import parse_registry

    packaged = importlib.resources.files("usage_metrics.counting") / "datasets.toml"
    general = parse_registry(str(packaged), packaged.read_text(encoding="utf-8"))
    if not path:
        return general
    return parse_registry(str(path), _text(Path(path)), general.not_data, kind_of_place)


def kind_of_place(source: str) -> str:
    """What kind of places a source has.

    Raises:
        ConfigError: if there is none of that name.
    """
    return get_source(source).places


def _text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():  # a FIFO would wait
            raise OSError(errno.EINVAL, "Not a regular file", str(file))
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}; set [counting] datasets to a registry of "
            "datasets, or leave it empty: then each database is a dataset"
        ) from error
