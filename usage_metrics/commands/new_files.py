"""The texts of a new luigi.cfg and of a new registry of datasets."""

import datetime as dt
import json
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from usage_metrics.commands.first_look import Content
from usage_metrics.monitoring.printable import printable
from usage_metrics.parameters import Days
from usage_metrics.sources.settings import source_section

MOST = 8
"""Hosts or services, and tables of a database, that are named."""

WIDTH = 80
"""Characters of a line of comment."""

ABOUT = {
    "request_logs": "The log that holds the requests.",
    "base_url": "The path under which the site lies: Datasette's setting base_url.",
}
"""What settings mean that a look at the logs may find."""

HEAD = """\
# The settings of usage_metrics, written by usage-metrics init. What is left out or
# commented out has its default. docs/settings.md lists all settings, at
# https://github.com/catalyst-cooperative/usage_metrics.
"""

REGISTRY = """\
# The datasets of the site, written by usage-metrics init, from the logs of
# {span}. Give each the title that people know. A database that is
# not here is a dataset, too, by its own name. docs/what-counts.md explains patterns,
# versions and all keys, at https://github.com/catalyst-cooperative/usage_metrics.

# The title of the site.
platform = {platform}
# The COUNTER report of a month (usage-metrics counter) says who made it:
# created_by = "Example Organisation"
"""

DATASET = """\

[[dataset]]
id = {id}
title = {title}
# The tables seen: {tables}
# The COUNTER report needs these, too:
# publisher = "Example Organisation"
# publisher_id = {{ type = "urn", value = "https://example.org" }}
# doi = "10.5281/zenodo.1234567"
"""


@dataclass(frozen=True)
class NewSettings:
    """What a new luigi.cfg says."""

    source: str
    logs: str
    start: dt.date
    stop: dt.date | None = None
    """Only if the logs have ended."""
    lost_days: Collection[dt.date] = ()
    """The days without logs."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Others of the source."""
    services: Sequence[str] = ()
    hosts: Sequence[str] = ()
    """Those in the logs, the most used first."""
    datasets: str = ""
    """The path of the registry of datasets, if there is one."""

    def text(self) -> str:
        """The text of the file."""
        lines = [
            *f"{HEAD}\n[{self.source}]".splitlines(),
            *_setting("logs", self.logs, "Where the log entries are."),
            *self._days(),
            *self._requests(),
            "",
            "[counting]",
            *_setting(
                "datasets",
                self.datasets or "datasets.toml",
                "What the datasets are called; without it, each database is one.",
                is_set=bool(self.datasets),
            ),
            "",
            "[privacy]",
            *_setting(
                "addresses",
                "truncate",
                "What is kept of visitors' addresses: truncate (to /24 and /48), keep, "
                "pseudonymize (for the day) or drop.",
            ),
        ]
        return "\n".join(lines) + "\n"

    def _days(self) -> list[str]:
        lines = _setting(
            "start",
            str(self.start),
            "The days of the figures: from start to the day before stop or, without "
            "stop, to the last day that is over.",
        )
        if self.stop:
            lines += _setting("stop", str(self.stop))
        if self.lost_days:
            lines += _setting(
                "lost_days",
                Days("").serialize(self.lost_days),
                "Days of which there will never be logs: nothing waits for them.",
                is_set=False,
            )
        return lines

    def _requests(self) -> list[str]:
        lines = []
        for name, value in self.settings.items():
            lines += _setting(name, printable(value), _about(self.source, name))
        for name, values in (("services", self.services), ("hosts", self.hosts)):
            if len(values) > 1:
                about = f"The {name} that are meant, of those in the logs; empty: all."
                shown = ", ".join(map(printable, values[:MOST]))
                lines += _setting(name, shown, about, is_set=False)
        return lines


def _about(source: str, name: str) -> str:
    """What a setting means."""
    meaning = dict(source_section(source).get_params())[name].description or ""
    return ABOUT.get(name) or f"{meaning[:1].upper()}{meaning[1:]}."


def _setting(name: str, value: str, about: str = "", is_set: bool = True) -> list[str]:
    """A setting, commented out unless it is set, below what it means."""
    line = f"{name} = {value.replace('%', '%%')}"
    comment = textwrap.wrap(about, WIDTH - len("# "), break_long_words=False)
    return [*(f"# {text}" for text in comment), line if is_set else f"# {line}"]


def registry(content: Content) -> str:
    """The text of a registry in which each database is a dataset."""
    from usage_metrics.counting.derived import dataset_id

    site = content.hosts[0] if content.hosts else "Datasette"
    text = REGISTRY.format(span=content.span, platform=_quoted(site))
    for name, tables in content.databases.items():
        shown = ", ".join(map(printable, tables[:MOST])) or "none"
        more = len(tables) - MOST
        text += DATASET.format(
            id=_quoted(dataset_id(name)),
            title=_quoted(name),
            tables=f"{shown} and {more:,} more" if more > 0 else shown,
        )
    return text


def _quoted(text: str) -> str:
    """A TOML string."""
    return json.dumps(printable(text), ensure_ascii=False)
