"""Counts the same requests with GoAccess, and explains every difference.

``python -m tests.crosscheck.goaccess --exports FOLDER --combined FILE``: FOLDER holds
Cloud Logging's JSON exports, a file a day with the date in its name; FILE holds the
same requests in Apache's combined format, gzipped or not. Both are counted per day,
with their bytes and visitors, and per status, path, and crawler or not. It ends with
the number of differences, and with 1 if one is left unexplained, 2 if it could not
compare.

Which user agents are crawlers to GoAccess is found out by asking it about each of them
once, with the agent's number for a path.
"""

import argparse
import datetime as dt
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from . import compare
from .compare import Difference, Effect, Line, Request, Verdict

ROOT = Path(__file__).parent.parent.parent
INSTALL = (
    "goaccess is not installed: apt-get install goaccess, brew install goaccess, or "
    "see https://goaccess.io/download"
)
CONFIG = """\
[datasette]
logs = {logs}
[paths]
root = {root}
[geocode]
provider = mmdb
[privacy]
addresses = keep
"""
# Without --max-items it writes no more than 366 of a panel; without the method,
# a HEAD and a GET of a path are one.
OPTIONS = ("--max-items=1000000", "--http-method=yes", "--http-protocol=no")
PROBE = '192.0.2.1 - - [01/Jan/2020:00:00:00 +0000] "GET /{} HTTP/1.1" 200 1 "-" "{}"\n'
COLUMNS = (
    "timestamp",
    "remote_ip",
    "request_method",
    "request_url",
    "status",
    "response_size",
    "user_agent",
    "agent_class",
    "agent_rule",
)


class CannotCompareError(Exception):
    """There is nothing to compare, or not with what."""


def run(command: Sequence[str], **options: Any) -> str:
    """Run a command, and say what it said if it failed."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **options,
    )
    if done.returncode:
        raise CannotCompareError(f"{' '.join(command)} failed:\n{done.stdout}")
    return str(done.stdout)


def goaccess(lines: Iterable[str], folder: Path, *options: str) -> dict[str, Any]:
    """GoAccess's report of the lines of a combined log."""
    log, report = folder / "access.log", folder / "report.json"
    with log.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines)
    command = ("goaccess", str(log), "--log-format=COMBINED", "--no-global-config")
    run([*command, "--no-progress", *OPTIONS, *options, "-o", str(report)])
    return compare.load_json(report.read_bytes())


def days_of(exports: Path) -> list[dt.date]:
    """The days that the names of the exports have."""
    names = (re.search(r"\d{4}-\d\d-\d\d", path.name) for path in exports.iterdir())
    days = sorted({dt.date.fromisoformat(name[0]) for name in names if name})
    if not days:
        raise CannotCompareError(f"{exports} has no file with a date in its name")
    return days


def our_rows(exports: Path, folder: Path) -> list[dict[str, Any]]:
    """Take the exports through our pipeline, as a person would, and read the rows."""
    root = folder / "data"
    days = days_of(exports)
    config = folder / "luigi.cfg"
    config.write_text(CONFIG.format(logs=exports.resolve(), root=root))
    span = ["--start", str(days[0]), "--stop", str(days[-1] + dt.timedelta(days=1))]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LUIGI_CONFIG_PATH": str(config),
    }
    luigi = [sys.executable, "-m", "luigi", "--module", "usage_metrics"]
    task = [
        "RangeDaily",
        "--of",
        "Geocode",
        "--days-back",
        "36525",
        "--local-scheduler",
    ]
    run([*luigi, *task, *span], cwd=folder, env=environment)
    files = sorted(root.glob("geocoded/datasette/*/*.parquet"))
    if len(files) < len(days):
        raise CannotCompareError(f"{len(days)} days of exports gave {len(files)} files")
    tables = [pq.ParquetFile(file).read(columns=list(COLUMNS)) for file in files]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows


def request_of(row: dict[str, Any]) -> Request:
    """A row as the combined log has it: to the second, without the host."""
    url = urlsplit(row["request_url"])
    return Request(
        row["timestamp"].replace(microsecond=0),
        row["remote_ip"],
        row["request_method"],
        row["request_url"].removeprefix(f"{url.scheme}://{url.netloc}"),
        row["status"],
        row["user_agent"],
    )


def verdicts_of(rows: list[dict[str, Any]], folder: Path) -> dict[str | None, Verdict]:
    """What both say of each user agent; how GoAccess calls it where they disagree."""
    ours = {row["user_agent"]: (row["agent_class"], row["agent_rule"]) for row in rows}
    probes = [PROBE.format(number, agent or "-") for number, agent in enumerate(ours)]
    crawlers = compare.paths_in(goaccess(probes, folder, "--crawlers-only"))
    verdicts = {}
    for number, (agent, (agent_class, rule)) in enumerate(ours.items()):
        is_crawler = f"GET /{number}" in crawlers
        browser = ""
        if is_crawler != (agent_class == "robot"):
            group = goaccess([probes[number]], folder)["browsers"]["data"][0]
            browser = f"{group['data']}: {group['items'][0]['data']}"
        verdicts[agent] = Verdict(agent_class, rule, is_crawler, browser)
    return verdicts


def show(
    title: str,
    ours: Counter[str],
    theirs: Counter[str],
    effects: list[Effect],
    *,
    only_differing: bool = False,
) -> list[Difference]:
    """Print a view, and hand back its differences."""
    differences = compare.explain(ours, theirs, effects)
    keys = sorted({*ours, *theirs})
    sys.stdout.write(
        f"\n{title}: {len(keys):,}, of which {len(keys) - len(differences):,} agree\n"
        f"{'ours':>13}{'GoAccess':>14}{'differ':>8}\n"
    )
    reasons = {difference.key: difference.reasons for difference in differences}
    for key in keys:
        if key in reasons or not only_differing:
            line = f"{ours[key]:>13,}{theirs[key]:>14,}{theirs[key] - ours[key]:>+8,}"
            sys.stdout.write(f"{line}  {_printable(key)}\n")
    line = f"{ours.total():>13,}{theirs.total():>14,}"
    sys.stdout.write(f"{line}{theirs.total() - ours.total():>+8,}  all\n")
    for reason, number in Counter(r for rs in reasons.values() for r in rs).items():
        moved = next(effect for effect in effects if effect.reason == reason).change
        gained = sum(n for n in moved.values() if n > 0)
        size = max(gained, gained - moved.total())
        sys.stdout.write(f"  {number} by: {reason} ({size:,})\n")
    return differences


def _printable(text: str) -> str:
    plain = text.encode("utf-8", "backslashreplace").decode()
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)
    return plain if len(plain) <= 110 else f"{plain[:107]}..."


def classes_table(
    rows: list[dict[str, Any]], verdicts: dict[str | None, Verdict]
) -> Iterator[str]:
    """Our classes against GoAccess's two, then each agent they disagree on."""
    requests = Counter(row["user_agent"] for row in rows)
    cells: Counter[tuple[str, bool]] = Counter()
    for agent, number in requests.items():
        cells[verdicts[agent].agent_class, verdicts[agent].is_crawler] += number
    yield f"\n{'our class':10}{'all':>8}{'crawler':>9}{'no crawler':>12} to GoAccess"
    for name in sorted({name for name, _ in cells}):
        crawler, other = cells[name, True], cells[name, False]
        yield f"{name:10}{crawler + other:>8,}{crawler:>9,}{other:>12,}"
    yield "\nrequests  ours: rule | GoAccess's group: name | user agent"
    for agent, number in requests.most_common():
        verdict = verdicts[agent]
        if verdict.is_crawler != (verdict.agent_class == "robot"):
            yield _printable(f"{number:>8,}  {verdict.agent_class}: ") + " | ".join(
                _printable(text)[:60]
                for text in (verdict.agent_rule, verdict.browser, agent or "-")
            )


def check(exports: Path, combined: Path, folder: Path) -> list[Difference]:
    """Count with both, print every view, and hand back the differences."""
    opened = gzip.open if combined.suffix == ".gz" else open
    with opened(combined, "rt", encoding="utf-8", errors="surrogateescape") as file:
        texts = list(file)
    report = goaccess(texts, folder)
    crawlers = goaccess(texts, folder, "--crawlers-only")
    rows = our_rows(exports, folder)
    lines: list[Line] = list(compare.read_combined(texts))
    ours = Counter(map(request_of, rows))
    lacking = compare.missing(lines, ours)
    extra = ours - Counter(line.request for line in lines)
    general = report["general"]
    sys.stdout.write(
        f"{run(['goaccess', '--version']).splitlines()[0].rstrip('.')}\n"
        f"{len(texts):,} lines, {general['valid_requests']:,} valid and "
        f"{general['failed_requests']:,} failed to GoAccess; {len(rows):,} requests to "
        f"us; {len(lacking):,} lines that we do not have, {extra.total():,} requests "
        "that are in no line\n"
    )
    differences = show(
        "days",
        compare.total(ours, compare.day_of),
        compare.days_in(report),
        compare.cut_off(lacking, lambda request: compare.day_of(request))
        + compare.written_zone(lines),
    )
    differences += check_days(rows, report, lines, lacking)
    differences += show(
        "statuses",
        compare.total(ours, compare.status_of),
        compare.statuses_in(report),
        compare.cut_off(lacking, compare.status_of),
    )
    differences += show(
        "paths (with method and query)",
        compare.total(ours, compare.path_of),
        compare.paths_in(report),
        compare.cut_off(lacking, compare.spelled_by_goaccess) + compare.spelling(ours),
        only_differing=True,
    )
    for panel in compare.PATH_PANELS:
        hits = report[panel]["metadata"]["hits"]["total"]["value"]
        sys.stdout.write(f"  {hits:,} of GoAccess's are in its panel {panel}\n")
    return differences + check_classes(rows, ours, lacking, report, crawlers, folder)


def check_days(
    rows: list[dict[str, Any]],
    report: dict[str, Any],
    lines: list[Line],
    lacking: list[Line],
) -> list[Difference]:
    """Compare the bytes and the visitors of each day."""
    sizes: Counter[str] = Counter()
    people = set()
    for row in rows:
        day = str(row["timestamp"].date())
        sizes[day] += row["response_size"] or 0
        people.add((day, row["remote_ip"], row["user_agent"]))
    return show(
        "bytes of each day",
        sizes,
        compare.bytes_in(report),
        compare.other_bytes(lines, lacking),
    ) + show(
        "visitors of each day (address and user agent)",
        Counter(day for day, _, _ in people),
        compare.visitors_in(report),
        compare.other_visitors(lines, lacking),
    )


def check_classes(
    rows: list[dict[str, Any]],
    ours: Counter[Request],
    lacking: list[Line],
    report: dict[str, Any],
    crawlers: dict[str, Any],
    folder: Path,
) -> list[Difference]:
    """Compare robots with crawlers, and print whom they disagree on."""
    verdicts = verdicts_of(rows, folder)
    number = crawlers["general"]["valid_requests"]
    theirs = Counter(
        {
            "crawler": number,
            "no crawler": report["general"]["valid_requests"] - number,
        }
    )
    differences = show(
        "crawlers (robots to us)",
        compare.total(
            ours,
            lambda request: compare.crawler_or_not(
                verdicts[request.agent].agent_class == "robot"
            ),
        ),
        theirs,
        # It takes no user agent from a field that does not end.
        compare.cut_off(lacking, lambda _: compare.crawler_or_not(is_crawler=False))
        + compare.other_verdicts(ours, verdicts),
    )
    sys.stdout.write("\n".join(classes_table(rows, verdicts)) + "\n")
    return differences


def main(arguments: list[str]) -> int:
    """Compare, print, and say whether all is explained."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--exports", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--combined", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        if shutil.which("goaccess") is None:
            raise CannotCompareError(INSTALL)
        for path in (options.exports, options.combined):
            if not path.exists():
                raise CannotCompareError(f"{path} does not exist")
        with tempfile.TemporaryDirectory() as folder:
            differences = check(options.exports, options.combined, Path(folder))
    except CannotCompareError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return conclude(differences)


def conclude(differences: list[Difference]) -> int:
    """Print the verdict: 1 if a difference has no explanation."""
    unexplained = [difference for difference in differences if not difference.reasons]
    for difference in unexplained:
        sys.stdout.write(
            f"unexplained: {_printable(difference.key)}: {difference.ours:,} to us, "
            f"{difference.theirs:,} to GoAccess\n"
        )
    left = f"{len(unexplained)} unexplained" if unexplained else "all explained"
    sys.stdout.write(f"\n{len(differences)} differences, {left}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
