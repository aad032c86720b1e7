"""Dates and periods out of text: what a cell says of its time, or why nobody can know."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from ipo_nb.metrics import name_key

__all__ = ["TOTAL", "Stamp", "moved_midnights", "read_stamps", "year_mark"]

YEARS = range(1800, 2201)
OUTSIDE = "its year is not between 1800 and 2200"
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
FREQUENCIES = {"D": "daily", "B": "daily", "W": "weekly", "M": "monthly", "Q": "quarterly", "Y": "yearly"}
NOTES = {"": "dates", "daily": "days", "weekly": "weeks by ISO 8601"}
YEAR_MARKS = {"week": "-W", "wk": "-W", "month": "-", "quarter": "Q", "qtr": "Q"}
DOUBTS = {"-W": ("week", 12), "Q": ("quarter", 4)}
TOTAL = "(?i)(grand |sub)?-?totals?|sum|average|mean|all|overall"
LOCAL = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})((?:[T ][0-9:.]+)?)")
WRITTEN = {  # year, part of the year
    "": re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})(?:[T ]([0-9:.]+))?"),
    "monthly": re.compile(r"([0-9]{4})-([0-9]{2})"),
    "weekly": re.compile(r"([0-9]{4})[- ]?[Ww]([0-9]{1,2})"),
    "quarterly": re.compile(r"([0-9]{4})[- ]?[Qq]0?([0-9])"),
    "yearly": re.compile(r"([0-9]{4})()"),
}
REASONS = {
    r".*[0-9](Z|[+-][0-9]{2}:?[0-9]{2})": "it carries a time zone, and its day depends on that",
    r"[0-9]{5}(\.0*)?": "it may be a spreadsheet's day number",
    r"[0-9]{10,13}": "it may count seconds since 1970",
    r"[0-9]{1,2}(\.0)?": "it says no year",
    r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}": "its year has two digits",
    r"(?i).*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*": "names of months are not read",
    TOTAL: "it looks like a row of totals",
    r"(?s).*": "it is written in no known way",
}


class Stamp(NamedTuple):
    """A time as it was written: day (the first of a period), cadence that the writing shows, time of day."""

    day: dt.date
    grain: str = ""  # empty for a date, which may stand for more than its day
    clock: str = ""  # empty for midnight


def read_stamps(cells: Sequence[Any], header: str) -> tuple[list[Stamp | str], str]:
    """What the cells of a column say, each a Stamp or the reason why it says none, and how they are written.

    >>> read_stamps(["2020-W53", "13/04"], "week")
    ([Stamp(day=datetime.date(2020, 12, 28), grain='weekly', clock=''), 'it is written in no known way'],
     'weeks by ISO 8601')
    """
    local = [LOCAL.fullmatch(cell.strip()) if isinstance(cell, str) else None for cell in cells]
    if any(local):
        return _local_stamps(local)
    found = [_stamp(cell) for cell in cells]
    word, most = DOUBTS.get(year_mark(header), ("", 0))
    months = [stamp.day.month if isinstance(stamp, Stamp) and stamp.grain == "monthly" else 0 for stamp in found]
    if max(months) <= most:  # `2024-03` in a column of weeks, and in one of quarters unless a `2024-05` is there too
        doubt = f"in a column of {word}s it may mean a {word} or a month"
        found = [doubt if month else stamp for month, stamp in zip(months, found, strict=True)]
    grains = dict.fromkeys(stamp.grain for stamp in found if isinstance(stamp, Stamp))
    return found, " and ".join(NOTES.get(grain, grain.replace("ly", "s")) for grain in grains)


def year_mark(header: str) -> str:
    """What stands between a year and a column of this header, such as `-W` before a week; empty if unknown."""
    return next((mark for word, mark in YEAR_MARKS.items() if word in name_key(header)), "")


def moved_midnights(stamps: Iterable[Stamp]) -> bool:
    """Whether the times of day are two, an hour apart, as midnights of a zone with summer time are in another zone.

    >>> moved_midnights([Stamp(dt.date(2024, 3, 29), "", "23:00:00"), Stamp(dt.date(2024, 4, 1), "", "22:00:00")])
    True
    """
    hours = sorted({int(stamp.clock[:2] or 0) if stamp.clock[2:] in ("", ":00:00") else -9 for stamp in stamps})
    return len(hours) == 2 and hours[1] >= 12 and hours[1] - hours[0] in (1, 23)


def _local_stamps(local: Sequence[re.Match[str] | None]) -> tuple[list[Stamp | str], str]:
    """Dates with day or month first, if a number above 12 shows which it is, and none shows the other."""
    first = any(match and int(match[1]) > 12 for match in local)
    second = any(match and int(match[3]) > 12 for match in local)
    other = "other cells of the column have their dates in another order"
    if first == second:
        clash = "some cells have the day first, others the month" if first else "day and month cannot be told apart"
        return [clash if match else other for match in local], ""
    iso = r"\4-\3-\1\5" if first else r"\4-\1-\3\5"
    found = [_stamp(match.expand(iso)) if match else other for match in local]
    return found, f"dates with the {'day' if first else 'month'} first"


def _stamp(cell: Any) -> Stamp | str:
    if isinstance(cell, pd.Period):
        return _period_stamp(cell)
    text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    for grain, pattern in WRITTEN.items():
        if match := pattern.fullmatch(text):
            return _matched(grain, match)
    return next(why for pattern, why in REASONS.items() if re.fullmatch(pattern, text))


def _matched(grain: str, match: re.Match[str]) -> Stamp | str:
    year, clock = int(match[1]), dt.time()
    if year not in YEARS:
        return OUTSIDE
    try:
        if not grain:
            day, clock = dt.date(year, int(match[3]), int(match[4])), dt.time.fromisoformat(match[5] or "00")
        elif grain == "weekly":
            day = dt.date.fromisocalendar(year, int(match[2]), 1)
        else:
            day = dt.date(year, (int(match[2] or 1) - 1) * MONTHS[grain] + 1, 1)
    except ValueError:
        return f"{year} has no such {grain.removesuffix('ly')}" if grain else "there is no such day or time"
    return Stamp(day, grain, str(clock) if clock != dt.time() else "")


def _period_stamp(cell: pd.Period) -> Stamp | str:
    """A pandas period; a week is the calendar week that holds its middle day."""
    if cell.year not in YEARS:
        return OUTSIDE
    cadence, day = FREQUENCIES.get(cell.freqstr.partition("-")[0], ""), cell.start_time.date()
    if not cadence or (day.month - 1) % MONTHS.get(cadence, 1):
        return f"periods of the kind {cell.freqstr} are not read"
    if cadence == "weekly":
        day += dt.timedelta(3)
        day -= dt.timedelta(day.weekday())
    return Stamp(day, cadence)
