"""Refuses a ``luigi.cfg`` with a misspelt section or setting, before anything runs."""

from collections.abc import Collection, Iterator

import luigi
from luigi.task_register import Register

from usage_metrics.errors import ConfigError
from usage_metrics.luigi_defaults import LUIGI_DEFAULTS
from usage_metrics.parameters import Configured, did_you_mean, section_problems
from usage_metrics.sources import SOURCES
from usage_metrics.sources.settings import SECTIONS

_OF_LUIGI = ("logging", "resources", "task_history")
"""Sections that Luigi reads without declaring them."""


def check_sections(sources: Collection[str] = SOURCES) -> None:
    """Refuse a ``luigi.cfg`` with a misspelt section or key of this package.

    They are the sections of settings, and the parameters of our tasks.

    Args:
        sources: as for :func:`problems`.

    Raises:
        ConfigError: naming the section, the key and the remedy.
    """
    for problem in problems(sources):
        raise problem


def problems(sources: Collection[str] = SOURCES) -> Iterator[ConfigError]:
    """What is wrong with ``luigi.cfg``, section by section and key by key.

    Args:
        sources: those whose sections are looked at; a mistake in that of another one
            is no reason not to make what is asked for.
    """
    tasks = set(Register.task_names())
    others = SOURCES.keys() - {*sources}
    for name in luigi.configuration.get_config().sections():
        if name in others:
            continue
        if close := _misspelt(name, tasks):
            yield ConfigError(f"luigi.cfg: there is no section [{name}]{close}")
        if name in tasks:
            task = Register.get_task_cls(name)
            if issubclass(task, Configured):
                yield from section_problems(name, dict(task.get_params()))
    for section in SECTIONS:
        try:
            if section.__name__ not in others:
                section()
        except ConfigError as error:
            yield error


def unread_sections() -> list[str]:
    """The sections that nothing here reads, as far as is known: another's, or wrong."""
    known = {*Register.task_names(), *SOURCES, *LUIGI_DEFAULTS, *_OF_LUIGI}
    return [s for s in luigi.configuration.get_config().sections() if s not in known]


def _misspelt(name: str, tasks: set[str]) -> str:
    """The section that was probably meant, in brackets; empty if none was."""
    ours = [section.__name__ for section in SECTIONS]
    if name in tasks | SOURCES.keys() | LUIGI_DEFAULTS.keys():
        return ""
    return did_you_mean(name, [*ours, *LUIGI_DEFAULTS, "LoadSQLite"])
