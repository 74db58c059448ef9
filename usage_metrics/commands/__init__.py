"""``usage-metrics``: for the person on duty, beside Luigi, which does the work.

Each command is a module of its name, imported when it is asked for. It returns its
exit code, or None for 0.
"""

import importlib
from collections.abc import Sequence

import click

from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring.error_messages import sentence_of
from usage_metrics.parameters import did_you_mean

COMMANDS = {
    "run": "Make what is missing and load it: the command for every night.",
    "status": "Which days of each stage are done, missing, stale or failed.",
    "doctor": "Look for what would keep the pipeline from running.",
    "check": "Look for damage, and for days whose data are not to be trusted.",
    "inspect": "What became of a day, stage by stage.",
    "backfill": "Make the missing days of a range.",
    "refresh": "Read the last days' logs again and follow what changed.",
    "rebuild": "Make a stage of a range of days again, and all to the right.",
    "erase": "Take an address out of everything that is kept.",
    "retain": "Remove what is older than the settings allow.",
}
"""The commands in the order of --help, each with what stands beside it there."""

EXIT_CODES = """\b
Exit codes:
  0        all is well
  1        the command found something wrong, and says what
  2        it could not do what it was asked
  130      it was interrupted
  others   are Luigi's: 10, 25 another run is at it; 20 a day cannot be had yet;
           30 a task failed; 35, 40 a setting or a parameter is wrong

\b
Completion of commands and options, for bash; also for zsh and fish:
  eval "$(_USAGE_METRICS_COMPLETE=bash_source usage-metrics)"
"""


class Commands(click.Group):
    """Imports the module of a command when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises:
            UsageError: if there is none of that name.
        """
        if cmd_name not in COMMANDS:
            close = did_you_mean(cmd_name, COMMANDS)
            raise click.UsageError(f"there is no command {cmd_name!r}{close}", ctx)
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List what there is without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="usage_metrics")
def cli() -> None:
    """Run the usage_metrics pipeline and see how it is.

    Settings are read from luigi.cfg in the current folder, or from the file that
    LUIGI_CONFIG_PATH names. Every command says more with --help.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code.
    """
    try:
        code = cli.main(arguments, "usage-metrics", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted; what is done stays, a rerun goes on.", err=True)
        return 130
    except UsageMetricsError as error:
        click.echo(sentence_of(error), err=True)
        return 2
    return code or 0
