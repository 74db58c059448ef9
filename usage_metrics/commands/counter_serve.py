"""Let aggregators fetch the COUNTER reports that are written, by SUSHI."""

import click

from usage_metrics.commands import options
from usage_metrics.errors import ConfigError
from usage_metrics.hub.sushi import Office, application
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.period_report import read


@click.command(epilog=options.example("usage-metrics counter serve --port 8124"))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="address to listen at"
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8124, show_default=True)
def command(host: str, port: int) -> int:
    """Let aggregators fetch the COUNTER reports that are written, by SUSHI.

    /status, /members, /reports and /reports/dsr are answered until Ctrl-C. Nobody but
    programs on this computer can ask, unless --host says otherwise: better, have a web
    server in front.
    """
    options.check_settings()
    try:
        import starlette  # noqa: F401  what answers, as uvicorn is what listens
        import uvicorn
    except ImportError as error:
        raise ConfigError(
            "counter serve needs packages that are not installed: pip install "
            "'usage_metrics[sushi]'"
        ) from error
    registry = datasets_registry()
    app = application(read, Office(registry.created_by, registry.platform))
    click.echo(f"http://{host}:{port}/reports/dsr?begin_date=2026-01&end_date=2026-03")
    uvicorn.run(app, host=host, port=port, log_level="warning")
    return 0
