"""Runs the pipeline in this process, in a folder of its own."""

import contextlib
import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import luigi
import pyarrow as pa
import pyarrow.parquet as pq
from luigi.execution_summary import LuigiRunResult
from luigi.task_register import Register

from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.load import LoadSQLite

DAY = dt.date(2026, 3, 2)
ONE_DAY = dt.timedelta(days=1)


@dataclass
class Flow:
    """A folder with logs, partitions and a database, and what tests do with them."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def root(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Path:
        return self.folder / "usage.db"

    def export(self, day: dt.date, *entries: dict[str, Any] | str) -> Path:
        """Write the export of a day; a string is written as it is, as a line."""
        file = self.logs / f"{day}.jsonl"
        lines = [e if isinstance(e, str) else json.dumps(e) for e in entries]
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def export_days(self, number: int, start: dt.date = DAY) -> None:
        """Write exports of consecutive days with two requests each."""
        for day in days(number, start):
            self.export(day, request("a", day), request("b", day))

    def build(self, *tasks: luigi.Task, **options: Any) -> LuigiRunResult:
        """Run tasks as a new process would."""
        Register.clear_instance_cache()
        result: LuigiRunResult = luigi.build(
            list(tasks), local_scheduler=True, detailed_summary=True, **options
        )
        Register.clear_instance_cache()
        return result

    def load(self, number: int, start: dt.date = DAY, **options: Any) -> LuigiRunResult:
        """Run ``LoadSQLite`` for consecutive days."""
        stop = start + number * ONE_DAY
        return self.build(LoadSQLite(start=start, stop=stop, **options))

    def partition(self, stage: str, day: dt.date = DAY) -> Partition:
        return Partition(str(self.root), stage, "datasette", day)

    def table(self, stage: str, day: dt.date = DAY) -> pa.Table:
        return pq.ParquetFile(self.partition(stage, day).path).read()

    def facts(self, stage: str, day: dt.date = DAY) -> dict[str, Any]:
        return facts_of(pq.ParquetFile(self.partition(stage, day).path).metadata)

    def delete(self, stage: str, day: dt.date = DAY) -> None:
        shutil.rmtree(self.partition(stage, day).folder)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Query the database over a connection of its own."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql, values).fetchall()

    def loaded_days(self) -> dict[str, int]:
        """The number of requests in the table per day."""
        rows = self.query(
            "SELECT date(timestamp), count(*) FROM datasette_request_logs GROUP BY 1"
        )
        return dict(rows)


_FILLED: dict[str, Path] = {}


def fill_once(flow: Flow, name: str, fill: Callable[[Flow], None]) -> None:
    """Fill a flow's folder, or copy the result of the first call with that name.

    A copy keeps modification times. Paths that files and the database mention are
    those of the first folder.
    """
    if name in _FILLED:
        shutil.copytree(_FILLED[name], flow.folder, dirs_exist_ok=True)
        return
    fill(flow)
    _FILLED[name] = flow.folder.with_name(f"filled-{name}")
    shutil.copytree(flow.folder, _FILLED[name])


def days(number: int, start: dt.date = DAY) -> list[dt.date]:
    """Consecutive days."""
    return [start + i * ONE_DAY for i in range(number)]


def request(
    insert_id: str, day: dt.date = DAY, clock: str = "12:00:00", **http: Any
) -> dict[str, Any]:
    """A Cloud Logging entry of a data request."""
    return {
        "insertId": insert_id,
        "timestamp": f"{day}T{clock}Z",
        "receiveTimestamp": f"{day}T{clock}Z",
        "logName": "projects/p/logs/run.googleapis.com%2Frequests",
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "https://data.example/pudl/plants.json",
            "remoteIp": "8.8.8.8",
            "status": 200,
            **http,
        },
    }
