"""``usage-metrics``: what people ask of the pipeline beside running it."""

import argparse
import sys
from collections.abc import Sequence

from usage_metrics.commands import check, doctor, status
from usage_metrics.errors import UsageMetricsError
from usage_metrics.sentences import sentence_of

COMMANDS = {"doctor": doctor, "status": status, "check": check}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 if all is well, 1 if the command found something wrong, 2 if
        it could not do what it was asked.
    """
    parser = argparse.ArgumentParser(prog="usage-metrics", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except UsageMetricsError as error:
        print(sentence_of(error), file=sys.stderr)
        return 2
    return code
