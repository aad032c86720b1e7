"""Dates and periods out of text: what a cell says of its time, or why nobody can know."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from ipo_nb.metrics import name_key

__all__ = ["Stamp", "cadence_named", "read_pairs", "read_stamps"]

YEARS = range(1800, 2201)
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
FREQUENCIES = {"D": "daily", "B": "daily", "W": "weekly", "M": "monthly", "Q": "quarterly", "Y": "yearly"}
NAMES = {"week": "weekly", "wk": "weekly", "month": "monthly", "quarter": "quarterly", "qtr": "quarterly"}
WRITTEN = {"": "dates", "daily": "days", "weekly": "weeks by ISO 8601"}
LOCAL = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})((?:[T ][0-9:.]+)?)")
DATE = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})(?:[T ]([0-9:.]+))?")
PARTS = {
    "monthly": re.compile(r"([0-9]{4})-([0-9]{2})"),
    "weekly": re.compile(r"([0-9]{4})[- ]?[Ww]([0-9]{1,2})"),
    "quarterly": re.compile(r"([0-9]{4})[- ]?[Qq]([0-9])"),
    "yearly": re.compile(r"([0-9]{4})()"),
}
PAIR = re.compile(r"([0-9]{1,4})(?:\.0)? +[WwQq]?([0-9]{1,4})(?:\.0)?")
REASONS = {
    r".*[0-9](Z|[+-][0-9]{2}:?[0-9]{2})": "it carries a time zone, and its day depends on that",
    r"[0-9]{5}(\.0*)?": "it may be a spreadsheet's day number",
    r"[0-9]{10,13}": "it may count seconds since 1970",
    r"[0-9]{1,2}(\.0)?": "it says no year",
    r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}": "its year has two digits",
    r"(?i).*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*": "names of months are not read",
    r"(?i)(grand |sub)?-?totals?|sum|average|mean": "it looks like a row of totals",
    r"(?s).*": "it is written in no known way",
}


class Stamp(NamedTuple):
    """A time as it was written."""

    day: dt.date  # the first one of a period
    grain: str = ""  # the cadence that the writing shows; empty for a date, which may stand for more than its day
    clock: str = ""  # time of day, empty for midnight


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
    if "week" in name_key(header):
        doubt = "in a column of weeks it may mean a week or a month"
        found = [doubt if isinstance(stamp, Stamp) and stamp.grain == "monthly" else stamp for stamp in found]
    grains = dict.fromkeys(stamp.grain for stamp in found if isinstance(stamp, Stamp))
    return found, " and ".join(WRITTEN.get(grain, grain.replace("ly", "s")) for grain in grains)


def read_pairs(texts: Sequence[str], cadence: str) -> list[Stamp | str]:
    """What two columns say together, written as year and number of the week, month or quarter: `2020 53`."""
    found = [PAIR.fullmatch(text.strip()) for text in texts]
    wrong = "the year or its part is no whole number"
    return [_part(int(match[1]), int(match[2]), cadence) if match else wrong for match in found]


def cadence_named(header: str) -> str:
    """The cadence that a header such as `ISO week` names, if any."""
    return next((cadence for word, cadence in NAMES.items() if word in name_key(header)), "")


def _local_stamps(local: Sequence[re.Match[str] | None]) -> tuple[list[Stamp | str], str]:
    """Dates with day or month first, if a number above 12 shows which it is, and none shows the other."""
    first = any(match and int(match[1]) > 12 for match in local)
    second = any(match and int(match[3]) > 12 for match in local)
    clash = "some cells have the day first, others the month" if first else "day and month cannot be told apart"
    other = "other cells of the column have their dates in another order"
    if first == second:
        return [clash if match else other for match in local], ""
    iso = r"\4-\3-\1\5" if first else r"\4-\1-\3\5"
    found = [_stamp(match.expand(iso)) if match else other for match in local]
    return found, f"dates with the {'day' if first else 'month'} first"


def _stamp(cell: Any) -> Stamp | str:
    if isinstance(cell, pd.Period):
        return _period_stamp(cell)
    text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    if match := DATE.fullmatch(text):
        try:
            clock = dt.time.fromisoformat(match[5] or "00")
            day = dt.date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            return "there is no such day or time"
        return _in_range(Stamp(day, clock=str(clock) if clock != dt.time() else ""))
    for cadence, pattern in PARTS.items():
        if match := pattern.fullmatch(text):
            return _part(int(match[1]), int(match[2] or 1), cadence)
    return next(why for pattern, why in REASONS.items() if re.fullmatch(pattern, text))


def _part(year: int, number: int, cadence: str) -> Stamp | str:
    """The week, month or quarter of a year, or the year itself."""
    try:
        if cadence == "weekly":
            day = dt.date.fromisocalendar(year, number, 1)
        else:
            day = dt.date(year, (number - 1) * MONTHS[cadence] + 1, 1)
    except ValueError:
        return f"{year} has no such {cadence.removesuffix('ly')}"
    return _in_range(Stamp(day, cadence))


def _period_stamp(cell: pd.Period) -> Stamp | str:
    """A pandas period; a week is the calendar week that holds its middle day."""
    cadence = FREQUENCIES.get(cell.freqstr.partition("-")[0], "")
    day = cell.start_time.date()
    if not cadence or (day.month - 1) % MONTHS.get(cadence, 1):
        return f"periods of the kind {cell.freqstr} are not read"
    middle = day + dt.timedelta(3)
    return _in_range(Stamp(middle - dt.timedelta(middle.weekday()) if cadence == "weekly" else day, cadence))


def _in_range(stamp: Stamp) -> Stamp | str:
    inside = stamp.day.year in YEARS
    return stamp if inside else f"its year is not between {YEARS.start} and {YEARS.stop - 1}"
