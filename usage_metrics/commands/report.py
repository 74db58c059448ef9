"""Write the report, and print its path."""

import datetime as dt

import click

from usage_metrics.commands import each_source, options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.commands.publisher_page import say_page
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.report import Report


@click.command(
    epilog=options.example(
        "usage-metrics report", "usage-metrics report --start 2026-03-01"
    )
)
@options.start
@options.stop
@options.each_source
@click.option(
    "--public",
    is_flag=True,
    help="write public/index.html, for the web: numbers under ten are hidden",
)
@options.workers
@patience_option
@options.verbose
def command(
    start: dt.date | None,
    stop: dt.date | None,
    source: str | None,
    public: bool,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Write the reports, of all days or of some, and print their paths.

    Each source has a report of its own; index.html is on all sources and platforms.
    Days that are not made, loaded or counted yet are first. Without --start and --stop,
    a report is on all days of the source's section in luigi.cfg; a report on some of
    them has the first and the last in its name.
    """
    sources = options.chosen(source, or_none=bool(platforms_on()))
    days = {"start": start, "stop": stop}
    given = "".join(f" --{end} {day}" for end, day in days.items() if day)

    tasks: dict[str, Report] = {}

    def plan(source: str) -> None:
        task = Report(start=start, stop=stop, source=source)  # type: ignore[arg-type]
        task.output()  # refuses impossible days before anything is made
        tasks[source] = task

    def report(source: str) -> int:
        retry = f"usage-metrics report{given} --source {source}"
        return running.make(tasks[source], retry, workers, verbose)

    codes = [each_source.one_of([name], name, plan) for name in sources]
    if tasks or not sources:
        with alone(patience):
            codes.append(each_source.for_each(tasks, report))
            if not source:
                codes.append(say_page(start=start, stop=stop, public=public)[0])
    return each_source.worst(codes)
