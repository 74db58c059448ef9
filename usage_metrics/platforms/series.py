"""Makes series of what was observed on many days, and says what each value is worth.

The newest snapshot that tells of a day is right about it. Of a counter, what a day
added is the difference of two snapshots, and unknown where it fell. A counter that
stands still while another one of its subject moves is frozen: what it missed is in a
later increment.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.platforms import CUMULATIVE, DAY, EVENT, LEVEL, MONTH, UNIQUE, YEAR
from usage_metrics.platforms.qualities import (
    FELL,
    FINAL,
    FROZEN,
    MISSING,
    PROVISIONAL,
    RESET,
    SPREAD,
)
from usage_metrics.platforms.schemas import OBSERVATIONS, SERIES

VERSION = 2
"""Raise it when series are made in another way."""

NEARLY_NOTHING = 0.1
"""A counter that falls below this share of what it was has begun again."""

LONGER = {MONTH: pd.offsets.MonthBegin(1), YEAR: pd.offsets.YearBegin(1)}
"""Readings of more than a day: how to get to their end."""

_OF = ["source", "subject", "metric", "measure"]


def series(observed: Sequence[pa.Table], settled: dt.timedelta) -> pa.Table:
    """The series of each metric and measure of each subject as a whole.

    Args:
        observed: the observations of each snapshot.
        settled: for how long the figures of a day may still change.

    Returns:
        Its rows, sorted by date.
    """
    observations = pa.concat_tables([OBSERVATIONS.empty_table(), *observed])
    of_all = pc.and_(observations["name"].is_null(), observations["version"].is_null())
    frame = observations.filter(of_all).to_pandas()
    frame["taken"] = frame["taken_at"].dt.tz_localize(None).dt.normalize()
    frame = frame.sort_values("taken_at", kind="stable")
    is_dated = frame["about"].notna()
    parts = [_dated(frame[is_dated], settled), _undated(frame[~is_dated])]
    rows = pd.concat([part for part in parts if len(part)] or parts)
    rows["date"] = rows["date"].dt.strftime("%Y-%m-%d")
    rows = rows.sort_values(["date", *_OF], kind="stable")
    for column in ("value", "increment", "days"):
        rows[column] = rows[column].astype("Int64")
    return pa.Table.from_pandas(rows, SERIES, preserve_index=False)


def _dated(frame: pd.DataFrame, settled: dt.timedelta) -> pd.DataFrame:
    """Figures of days and months, each from the newest snapshot that tells of it."""
    newest = frame[~_withdrawn(frame)].drop_duplicates([*_OF, "about"], keep="last")
    newest = newest.assign(date=pd.to_datetime(newest["about"], format="ISO8601"))
    end = newest["date"] + pd.Timedelta(days=1)
    for reading, offset in LONGER.items():
        end = end.mask(newest["reading"] == reading, newest["date"] + offset)
    newest["days"] = (end - newest["date"]).dt.days
    # A day is over at its end, and settled after that.
    over = end - pd.Timedelta(days=1) + pd.Timedelta(settled)
    newest["quality"] = PROVISIONAL
    newest.loc[newest["taken"] >= over, "quality"] = FINAL
    newest["increment"] = newest["value"].mask(newest["measure"] == UNIQUE)
    return _with_gaps(newest, (DAY,))


def _withdrawn(frame: pd.DataFrame) -> pd.Series:
    """Which events are of a snapshot that is not the newest: it tells all there are."""
    newest = frame.groupby(_OF)["taken_at"].transform("max")
    withdrawn: pd.Series = (frame["reading"] == EVENT) & (frame["taken_at"] < newest)
    return withdrawn


def _undated(frame: pd.DataFrame) -> pd.DataFrame:
    """Figures of the moment of a snapshot, and what was added since the last."""
    rows = frame.drop_duplicates([*_OF, "taken"], keep="last").copy()
    rows["date"] = rows["taken"]
    groups = rows.groupby(_OF, sort=False)
    before = groups["value"].shift()
    rows["days"] = groups["date"].diff().dt.days
    change = rows["value"] - before
    is_counter = rows["reading"] == CUMULATIVE
    rows["increment"] = change.where(is_counter | (rows["reading"] == LEVEL))
    rows.loc[rows["increment"].isna(), "days"] = None
    rows["quality"] = FINAL
    rows.loc[rows["days"] > 1, "quality"] = SPREAD
    rows.loc[is_counter & _stands_alone(rows), "quality"] = FROZEN
    fell = is_counter & (change < 0)
    rows.loc[fell, "quality"] = FELL
    rows.loc[fell & (rows["value"] < NEARLY_NOTHING * before), "quality"] = RESET
    rows.loc[fell, "increment"] = None
    return _with_gaps(rows, (CUMULATIVE, LEVEL, "window"))


def _stands_alone(rows: pd.DataFrame) -> pd.Series:
    """Which counters stood still while another metric of the subject moved."""
    counters = rows[rows["reading"] == CUMULATIVE]
    moved = counters[counters["increment"].fillna(0) != 0]
    when = ["source", "subject", "date", "days"]
    metrics = moved.groupby(when)["metric"].agg(set)
    others = rows.set_index(when).index.map(metrics)
    moves = [
        isinstance(them, set) and bool(them - {metric})
        for them, metric in zip(others, rows["metric"], strict=True)
    ]
    return (rows["increment"] == 0) & pd.Series(moves, rows.index, dtype=bool)


def _with_gaps(rows: pd.DataFrame, readings: tuple[str, ...]) -> pd.DataFrame:
    """Add a row for each day between two that is unknown."""
    kept = rows[[*SERIES.names]]
    gaps = pd.DataFrame(_gaps(rows[rows["reading"].isin(readings)]))
    return pd.concat([kept, gaps]) if len(gaps) else kept


def _gaps(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    for key, group in rows.groupby(_OF, sort=False):
        present = set(group["date"])
        for day in pd.date_range(min(present), max(present)):
            if day not in present:
                of = dict(zip(_OF, key, strict=True))
                yield {"date": day, **of, "quality": MISSING}
