"""``usage-metrics``: the commands for operating the pipeline, which Luigi runs.

Each command is a module, imported when it is used, and with it Luigi:
``--help`` and the shell's completion need neither. It returns its exit code, or None
for 0.
"""

import importlib
from collections.abc import Mapping, Sequence

import click

from usage_metrics.commands import terminal
from usage_metrics.errors import BusyError, UsageMetricsError
from usage_metrics.monitoring.printable import printable

COMMANDS = {
    "init": "Look at logs, and write the settings for them.",
    "run": "Build every missing day and load it: the command for every night.",
    "report": "Write the report, of all days or of some, and print its path.",
    "digest": "Tell a month in a text and a picture, and send both.",
    "counter": "Write the COUNTER report of a month, check it, send it to DataCite.",
    "datasets": "List what there is, and which dataset it is; suggest entries.",
    "status": "Show which days of each stage are done, missing, stale or failed.",
    "doctor": "Check that the pipeline can run.",
    "check": "Find damaged files, and days whose data need a look.",
    "inspect": "Show what happened to a day, stage by stage.",
    "backfill": "Build the missing days of a range.",
    "refresh": "Read the logs of the last days again and update what changed.",
    "rebuild": "Rebuild a stage of a range of days and everything after it.",
    "import": "Take over what others have archived of a platform.",
    "erase": "Erase an address from everything that is kept.",
    "retain": "Delete what is older than the settings allow.",
}
"""The commands in the order of --help, with their descriptions there."""

MODULES = {
    "datasets": "dataset_list",
    "counter": "counter_report",
    "import": "import_history",
}
"""The modules of commands; the others have the name of their command."""

BUSY = 10
"""As Luigi's exit code if another run is in progress."""

EXIT_CODES = """\b
Exit codes:
  0        success
  1        the command found a problem and printed it
  2        the command could not be run
  130      interrupted
  others   are Luigi's: 10, 25 another run is in progress; 20 days are not exported or
           not over yet; 30 a task failed; 35, 40 a setting or parameter is wrong

\b
Completion of commands and options, for bash; also for zsh and fish:
  eval "$(_USAGE_METRICS_COMPLETE=bash_source usage-metrics)"
"""


class Commands(click.Group):
    """Imports the module of a command when the command is used."""

    known: Mapping[str, str] = COMMANDS
    modules: Mapping[str, str] = MODULES

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        return list(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command, or refuse an unknown name."""
        if cmd_name not in self.known:
            from usage_metrics.parameters import did_you_mean

            close = did_you_mean(cmd_name, self.known)
            raise click.UsageError(f"there is no command {cmd_name!r}{close}", ctx)
        importlib.import_module("usage_metrics.tasks")  # first: it sets Luigi up
        name = self.modules.get(cmd_name, cmd_name)
        module = importlib.import_module(f"{__name__}.{name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))


@click.command(
    cls=Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="usage_metrics")
def cli() -> None:
    """Run the usage_metrics pipeline and look after it.

    Settings are read from luigi.cfg in the current folder, or from the file in
    LUIGI_CONFIG_PATH. Every command has its own --help.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what it prints is printable."""
    with terminal.guarded():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(arguments, "usage-metrics", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted. Finished work is kept; run it again.", err=True)
        return 130
    except UsageMetricsError as error:
        click.echo("\n".join(map(printable, error.sentences)), err=True)
        return BUSY if isinstance(error, BusyError) else 2
    return code or 0
