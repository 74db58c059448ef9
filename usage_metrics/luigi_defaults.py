"""Luigi's own settings, as this package needs them."""

import luigi
import luigi.retcodes  # which declares the section of that name
from luigi.task_register import Register

from usage_metrics.errors import ConfigError
from usage_metrics.parameters import did_you_mean, read

LUIGI_DEFAULTS: dict[str, dict[str, str]] = {
    "core": {"log_level": "INFO", "autoload_range": "true"},
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
    "RangeDaily": {
        "param_name": "date",
        "task_limit": "100000",
        "days_back": "36525",
        "days_forward": "-1",
    },
}
"""Luigi's own settings as this package needs them, from any folder.

Luigi's defaults exit 0 on failure, do 50 days of a range and include today.
"""


LUIGI_SECTIONS = (*LUIGI_DEFAULTS, "worker", "scheduler", "execution_summary")
"""Sections of Luigi, some of which it reads before it can report a mistake."""


UNDECLARED = frozenset({"rpc_retry_attempts", "rpc_retry_wait", "autoload_range"})
"""Settings that Luigi reads without declaring them."""


def set_luigi_defaults() -> None:
    """Give Luigi our defaults for what the user's ``luigi.cfg`` does not set.

    Raises:
        ConfigError: if a setting of Luigi cannot be read or is misspelt.
    """
    settings = luigi.configuration.get_config()
    for section, options in LUIGI_DEFAULTS.items():
        for option, value in options.items():
            if not settings.has_option(section, option):
                settings.set(section, option, value)
    # Luigi reads these two itself, and warns that nobody does.
    luigi.interface.core.ignore_unconsumed |= {"rpc_retry_attempts", "rpc_retry_wait"}
    for section in filter(settings.has_section, LUIGI_SECTIONS):
        for option in settings.options(section):
            read(section, option)
            _check_luigi_key(section, option)


def _check_luigi_key(section: str, option: str) -> None:
    """Refuse a key that resembles a setting of Luigi without being one.

    Other unknown keys pass: Luigi reads some that it does not declare.

    Raises:
        ConfigError: naming the setting that was probably meant.
    """
    known = {name for name, _ in Register.get_task_cls(section).get_params()}
    name = option.replace("-", "_")  # as Luigi once wrote them
    close = did_you_mean(name, known - {name}, likeness=0.85)
    if close and name not in known | UNDECLARED:
        raise ConfigError(f"luigi.cfg: [{section}] has no setting {option!r}{close}")
