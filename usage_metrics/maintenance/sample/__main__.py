"""``python -m usage_metrics.maintenance.sample FOLDER``: write the sample logs."""

import argparse
import datetime as dt
from pathlib import Path

from usage_metrics.maintenance.sample.days import FEWEST_REQUESTS, Sample, write


def main() -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.sample",
        description="Write sample request logs.",
    )
    default = Sample()
    parser.add_argument("folder", type=Path, help="where to write the files")
    parser.add_argument("--start", type=dt.date.fromisoformat, default=default.start)
    parser.add_argument("--days", type=int, default=default.days)
    parser.add_argument(
        "--requests", type=int, default=default.requests, help="per day"
    )
    parser.add_argument("--seed", default=default.seed)
    options = vars(parser.parse_args())
    if options["requests"] < FEWEST_REQUESTS:
        parser.error(f"--requests must be at least {FEWEST_REQUESTS}")
    write(folder=options.pop("folder"), sample=Sample(**options))


if __name__ == "__main__":
    main()
