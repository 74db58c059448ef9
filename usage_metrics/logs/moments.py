"""Reads times of which every part stands at a fixed place, those of many lines at once.

They are ``22/Jan/2026:03:56:14 +0100``, as in the common log format, and the days and
times of day that stand in two fields, ``2024-05-03`` and ``23:59:59``.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.logs.blocks import Mask

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

COMMON_WIDTH = len("22/Jan/2026:03:56:14 +0100")
_COMMON_DIGITS = (0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25)
_COMMON_SIGNS = {2: "/", 6: "/", 11: ":", 14: ":", 17: ":", 20: " "}

_DATE, _CLOCK = "2024-05-03", "23:59:59"
_DATE_DIGITS, _DATE_SIGNS = (0, 1, 2, 3, 5, 6, 8, 9), {4: "-", 7: "-"}
_CLOCK_DIGITS, _CLOCK_SIGNS = (0, 1, 3, 4, 6, 7), {2: ":", 5: ":"}
_YEARS = 1900, 2999

_NAMES = np.array([int.from_bytes(name.encode()) for name in MONTHS])
_ORDER = np.argsort(_NAMES).astype(np.int32)
_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int32)
_BEFORE_1970 = 719_469
"""Days from the first of March of the year 0, and one more: days count from 1."""
_SECOND = 1_000_000

Letters = npt.NDArray[np.uint8]
"""The first letters of some texts, the second ones, and so on."""
Numbers = npt.NDArray[np.int32]


def are_common_times(texts: pa.Array) -> Mask:
    """Which texts have the form of a time in the common log format.

    Args:
        texts: without nulls.
    """
    letters, good = _letters_of(texts, COMMON_WIDTH)
    good &= _have_form(letters, _COMMON_DIGITS, _COMMON_SIGNS)
    good &= (letters[21] == ord("+")) | (letters[21] == ord("-"))
    good &= letters[3] - ord("A") < 26
    for at in (4, 5):
        good &= letters[at] - ord("a") < 26
    return good


def common_times(texts: pa.Array) -> pa.Array:
    """The times, in UTC, that texts of that form say; null where there is no such time.

    Args:
        texts: without nulls.
    """
    letters, _ = _letters_of(texts, COMMON_WIDTH)
    name = (letters[3].astype(np.int32) << 16) + (letters[4].astype(np.int32) << 8)
    name += letters[5]
    month = _ORDER[np.minimum(np.searchsorted(_NAMES, name, sorter=_ORDER), 11)]
    year = _number(letters, 7, 9) * 100 + _number(letters, 9, 11)
    days, is_day = _days(year, month + 1, _number(letters, 0, 2))
    clock = tuple(_number(letters, at, at + 2) for at in (12, 15, 18))
    hours, minutes = _number(letters, 22, 24), _number(letters, 24, 26)
    zone = (hours * 60 + minutes) * np.where(letters[21] == ord("-"), -60, 60)
    good = is_day & (_NAMES[month] == name) & _are_clocks(clock, most_seconds=60)
    good &= (hours < 24) & (minutes < 60) & (year > 0)
    return _in_utc(days, _seconds(clock) - zone, good)


def day_times(dates: pa.Array, clocks: pa.Array) -> pa.Array:
    """The times, in UTC, of days and times of day; null where one is none."""
    if len(dates) and pc.all(pc.equal(dates, dates[0]), skip_nulls=False).as_py():
        dates = dates[:1]  # numpy repeats what is made of it
    date, has_date = _letters_of(dates, len(_DATE))
    clock, has_clock = _letters_of(clocks, len(_CLOCK))
    good = has_date & has_clock
    good &= _have_form(date, _DATE_DIGITS, _DATE_SIGNS)
    good &= _have_form(clock, _CLOCK_DIGITS, _CLOCK_SIGNS)
    year = _number(date, 0, 2) * 100 + _number(date, 2, 4)
    days, is_day = _days(year, _number(date, 5, 7), _number(date, 8, 10))
    numbers = tuple(_number(clock, at, at + 2) for at in (0, 3, 6))
    good &= is_day & _are_clocks(numbers, most_seconds=59)
    good &= (year >= _YEARS[0]) & (year <= _YEARS[1])
    return _in_utc(days, _seconds(numbers), good)


def _letters_of(texts: pa.Array, width: int) -> tuple[Letters, Mask]:
    """The letters of texts, and which texts are of that width; others have any."""
    has_width = pc.fill_null(pc.equal(pc.binary_length(texts), width), False)
    good = np.asarray(has_width.to_numpy(zero_copy_only=False), dtype=bool)
    if not good.any():
        return np.zeros((width, len(texts)), np.uint8), good
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts)]
    letters = np.frombuffer(data, np.uint8)
    if good.all():
        letters = letters[starts[0] : starts[0] + len(texts) * width]
        rows = letters.reshape(-1, width)
    else:
        some = starts[good][0]
        rows = sliding_window_view(letters, width)[np.where(good, starts, some)]
    return np.ascontiguousarray(rows.T), good


def _have_form(
    letters: Letters, digits: tuple[int, ...], signs: dict[int, str]
) -> Mask:
    good = np.ones(letters.shape[1], dtype=bool)
    for at in digits:
        good &= letters[at] - ord("0") <= 9  # below the zero it wraps around
    for at, sign in signs.items():
        good &= letters[at] == ord(sign)
    return good


def _number(letters: Letters, start: int, stop: int) -> Numbers:
    found = np.zeros(letters.shape[1], np.int32)
    for at in range(start, stop):
        found = found * 10 + (letters[at] - ord("0"))
    return found


def _days(year: Numbers, month: Numbers, day: Numbers) -> tuple[Numbers, Mask]:
    """Days since 1970, and which of them there are."""
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = _LENGTHS[np.clip(month, 0, 12)] + (is_leap & (month == 2))
    there = (day >= 1) & (day <= length) & (month <= 12)
    # Of years that begin in March, so that the day of a leap year is the last.
    years, months = year - (month <= 2), (month + 9) % 12
    leap_days = years // 4 - years // 100 + years // 400
    days = 365 * years + leap_days + (306 * months + 5) // 10 + day - _BEFORE_1970
    return days, there


def _are_clocks(clock: tuple[Numbers, ...], most_seconds: int) -> Mask:
    hour, minute, second = clock
    good: Mask = (hour < 24) & (minute < 60) & (second <= most_seconds)
    return good


def _seconds(clock: tuple[Numbers, ...]) -> Numbers:
    hour, minute, second = clock
    return (hour * 60 + minute) * 60 + second


def _in_utc(days: Numbers, seconds: Numbers, good: Mask) -> pa.Array:
    times = (days.astype(np.int64) * 86_400 + seconds) * _SECOND
    return pa.array(times, mask=None if good.all() else ~good).cast(TIMESTAMP)
