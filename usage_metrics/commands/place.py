"""Whether this is the folder that the user means."""

from pathlib import Path

import luigi

from usage_metrics import config, run_log
from usage_metrics.errors import ConfigError


def check_place() -> None:
    """Refuse a folder with neither settings nor data in it.

    Raises:
        ConfigError: saying where settings are looked for.
    """
    if settings_files() or run_log.local_folder().is_dir():
        return
    raise ConfigError(
        f"there is no luigi.cfg in {Path.cwd()}, and no {config.paths().root}: go to "
        "the folder where the pipeline runs, or name its luigi.cfg in the environment "
        "variable LUIGI_CONFIG_PATH"
    )


def settings_files() -> list[Path]:
    """The files that settings are read from."""
    parser = luigi.configuration.get_config()
    return [Path(path) for path in parser._config_paths if Path(path).is_file()]
