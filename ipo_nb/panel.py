"""Panel: series of several cadences on one calendar, with or without units; nothing is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.calendars import TOTAL
from ipo_nb.errors import (
    BadOption,
    FileFault,
    IpoError,
    NeedsPeriods,
    NotEnoughData,
    SeriesError,
    UnknownMetric,
    nearest,
    raise_faults,
)
from ipo_nb.links import IPOMap, path_beside
from ipo_nb.metrics import CADENCES, Formula, Metric, name_key
from ipo_nb.reading import Sheet, is_missing, listed, read_numbers, read_sheet, read_times
from ipo_nb.results import Receipt, Result

__all__ = ["PERIODS", "SEASON", "Panel", "computed", "read_series", "totals"]

PERIODS = {"daily": "D", "weekly": "W-SUN", "monthly": "M", "quarterly": "Q-DEC", "yearly": "Y-DEC"}
SEASON = {"daily": 7, "weekly": 52, "monthly": 12, "quarterly": 4, "yearly": 1}
NOUNS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
TIME_WORDS = {"period", "date", "day", "week", "month", "quarter", "year", "time", "timestamp", "datetime"}
METRIC_WORDS = {"metric", "kpi", "measure", "indicator", "variable", "metric name", "kpi name"}
VALUE_WORDS = {"value", "values", "amount"}
SPARSE = 50  # calendar rows per value, from which on a date must be wrong

Periods: Any = pd.PeriodIndex  # its stubs do not know from_ordinals


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Panel(Result):
    """Series on one calendar.

    Attributes
    ----------
    values : float64, one column per metric; index a PeriodIndex `period`, or a MultiIndex (`unit`, `period`).
        Each unit runs from its first to its last period without a step left out; what is missing is NaN.
    cadence : `daily`, `weekly` (Monday to Sunday), `monthly`, `quarterly` or `yearly`.
    receipt : what was decided, and what was left out, while it was read.
    """

    values: pd.DataFrame
    cadence: str
    receipt: Receipt = field(default_factory=Receipt.of)

    @classmethod
    def of(cls, values: pd.DataFrame, cadence: str | None = None) -> Panel:
        """A panel of a frame that has the right index already; left-out periods become rows of NaN.

        >>> weeks = pd.period_range("2024-01-01", periods=3, freq="W-SUN")
        >>> Panel.of(pd.DataFrame({"Calls": [3.0, None, 5.0]}, index=weeks)).text
        '3 weeks from 2024-01-01 to 2024-01-21, 1 metric; 1 value is missing.'
        """
        periods = values.index.get_level_values(-1)
        if values.index.nlevels > 2 or not isinstance(periods, pd.PeriodIndex):
            raise NeedsPeriods(", ".join(map(str, values.columns[:3])), found=type(periods).__name__)
        found = next((name for name, freq in PERIODS.items() if freq == periods.freqstr), "")
        if not found or cadence not in (None, found):
            said: dict[str, Any] = {"value": periods.freqstr, "fix": "Change the index with asfreq, or the cadence."}
            expected = PERIODS.get(cadence or "", "one of " + ", ".join(PERIODS.values()))
            raise BadOption(f"The periods are of the kind {periods.freqstr}.", expected=expected, **said)
        return cls(_on_calendar(_checked(values)), found)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics, in order."""
        return tuple(self.values.columns)

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in order; none if there is only one series per metric."""
        if self.values.index.nlevels == 1:
            return ()
        return tuple(self.values.index.get_level_values("unit").unique())

    @property
    def season(self) -> int:
        """Periods in a cycle: 7 days, 52 weeks, 12 months, 4 quarters."""
        return SEASON[self.cadence]

    def series(self, name: str, unit: str | None = None) -> pd.Series[float]:
        """One metric, of one unit where there are units, as a copy with a PeriodIndex.

        Raises UnknownMetric, or BadOption for a unit that is not there.
        """
        column = next((known for known in self.names if name_key(known) == name_key(name)), None)
        if column is None:
            raise UnknownMetric(name, known=self.names)
        if (unit is None and not self.units) or unit in self.units:
            rows = self.values[column] if unit is None else self.values[column].xs(unit, level="unit")
            return rows.copy()
        wrong = f"The panel has no unit {unit!r}." if unit else "The panel has units, and none was named."
        expected = "the name of a unit" if self.units else "no unit"
        raise BadOption(wrong, value=unit, expected=expected, fix=nearest(str(unit or ""), self.units))

    @property
    def table(self) -> pd.DataFrame:
        """One row per metric: n_periods and n_units with values, missing values, first and last period with a
        value, and mean, low (smallest) and high (largest) in the metric's unit."""
        periods, seen = self.values.index.get_level_values("period"), self.values.notna()
        when = [periods[seen[name].to_numpy()] for name in self.names]
        table = pd.DataFrame({"metric": self.names, "n_periods": [some.nunique() for some in when]})
        table["n_units"] = seen.groupby(level="unit").any().sum().to_numpy() if self.units else 0
        table["missing"] = (~seen).sum().to_numpy()
        table["first"] = pd.Series([some.min() for some in when], dtype=object)
        table["last"] = pd.Series([some.max() for some in when], dtype=object)
        table[["mean", "low", "high"]] = self.values.agg(["mean", "min", "max"]).T.to_numpy()
        return table

    @property
    def text(self) -> str:
        """How long and wide the panel is, and how much is missing."""
        periods = self.values.index.get_level_values("period")
        first, last = periods.min(), periods.max()
        weekly = self.cadence == "weekly"
        span = f"{first.start_time.date()} to {last.end_time.date()}" if weekly else f"{first} to {last}"
        parts = [_count(len(self.units), "unit")] if self.units else []
        parts.append(_count(len(self.names), "metric"))
        missing = int(self.values.isna().to_numpy().sum())
        told = "no value is" if not missing else "1 value is" if missing == 1 else f"{missing:,} values are"
        length = _count((last - first).n + 1, NOUNS[self.cadence])
        return f"{length} from {span}, {', '.join(parts)}; {told} missing."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _checked(values: pd.DataFrame) -> pd.DataFrame:
    """The same frame as float64 under text names, or a refusal."""
    names = [str(name) for name in values.columns]
    fix = ""
    if values.index.has_duplicates or values.index.to_frame().isna().any(axis=None):
        fix = "Keep one row for each unit and period."
    elif values.empty or len({name_key(name) for name in names}) < len(names):
        fix = "Give them at least one row, and columns with names of their own."
    elif any(dtype.kind not in "iuf" for dtype in values.dtypes):
        fix = "Turn the columns into numbers."
    elif np.isinf(values.to_numpy(dtype="float64", na_value=np.nan)).any():
        fix = "Mend the infinite ones."
    if fix:
        raise SeriesError("These values are not yet a panel.", expected="unique periods and finite numbers", fix=fix)
    return values.astype("float64").set_axis(names, axis=1)


def _on_calendar(values: pd.DataFrame) -> pd.DataFrame:
    """The rows in order, with one for every period between each unit's first and last."""
    periods: Any = values.index.get_level_values(-1)
    units = values.index.get_level_values(0).astype(str) if values.index.nlevels > 1 else [""] * len(values)
    ends = _ends(units, periods.asi8)
    length = (ends["max"] - ends["min"] + 1).to_numpy()
    ordinals = np.arange(length.sum()) + np.repeat(ends["min"].to_numpy() - length.cumsum() + length, length)
    rows = [np.repeat(ends.index, length), Periods.from_ordinals(ordinals, freq=periods.freqstr)]
    given = pd.MultiIndex.from_arrays([units, periods])
    whole = values.set_axis(given).reindex(pd.MultiIndex.from_arrays(rows, names=["unit", "period"]))
    return whole if values.index.nlevels > 1 else whole.droplevel("unit")


def _ends(units: Any, ordinals: Any) -> pd.DataFrame:
    """The number of the first and of the last period of each unit."""
    return pd.Series(ordinals).groupby(np.asarray(units)).agg(["min", "max"])


def read_series(source: str | Path | pd.DataFrame | None, ipo_map: IPOMap) -> Panel:
    """Read the series of a map's metrics and bring them to its cadence; the receipt says every decision.

    Parameters
    ----------
    source : path of a CSV, XLSX or Parquet file, or a DataFrame; None for the file that the map names. Wide
        (a column per metric) or long (columns `metric` and `value`). `data` in the map names the columns of
        time and units; else the time is looked for by name, or by being the only column of dates.
    ipo_map : its metrics are read, other columns left aside. Values finer than its cadence are brought to it
        by each metric's `aggregate`, part periods at the ends dropped; a coarser metric is left out and told.

    Raises
    ------
    FileFault : the file cannot be read.
    SeriesError : times, units or values that cannot be read with certainty, all of them at once.

    >>> ipo_map = IPOMap([{"name": "Calls", "stage": "process"}])
    >>> read_series(pd.DataFrame({"week": ["2024-W01", "2024-W03"], "calls": ["3", "5"]}), ipo_map).text
    '3 weeks from 2024-01-01 to 2024-01-21, 1 metric; 1 value is missing.'
    """
    own = source is None
    if source is None:
        if ipo_map.data is None or ipo_map.path is None:
            wrong = "names no file of series" if ipo_map.data is None else "was not read from a file"
            fix = "Give the series to read_series, or write data: {file: series.csv} into the map file."
            raise FileFault(f"The map {wrong}.", file=ipo_map.path, expected="a map file with data", fix=fix)
        source = path_beside(ipo_map.path, ipo_map.data.file)
    sheet = read_sheet(source)
    return Panel(_Reading(sheet, ipo_map, own).values(), ipo_map.cadence, sheet.receipt)


class _Reading:
    """One table on its way to a panel: positions of its columns of time, of units, of metrics by name if it is
    wide, of names and values of metrics if it is long.

    Its `points` have one row per value: metric, unit, day, grain (the cadence that is written, empty for a
    date), value, the row of the sheet, and the number of its day, week, month, quarter and year.
    """

    def __init__(self, sheet: Sheet, ipo_map: IPOMap, own: bool) -> None:
        """What each column is, by the map (which has to be right of its own file), by name, or by what it holds."""
        self.sheet, self.ipo_map, names, data = sheet, ipo_map, ipo_map.names, ipo_map.data
        declared = (data.time, data.units) if data else ((), ())
        self.time, self.units = (_declared(sheet, places, must=own) for places in declared)
        self.metrics: dict[str, int] = {}
        known = {name_key(name): name for name in names}
        labels, values = (sheet.find(*(words - known.keys())) for words in (METRIC_WORDS, VALUE_WORDS))
        self.long = (labels[0], values[0]) if len(labels) == len(values) == 1 else ()
        for place, header in enumerate(sheet.names if not self.long else ()):
            name = known.get(name_key(header))
            if name and place not in (*self.time, *self.units) and self.metrics.setdefault(name, place) != place:
                both = f"{sheet.names[self.metrics[name]]!r} and {header!r}"
                wrong = f"The columns {both} are both the metric {name!r}."
                raise sheet.fault(wrong, place, fix="Rename or remove one of them.")
        if not self.metrics and not self.long:
            wrong, fix = "No column is named like a metric of the map.", "Name the columns as in the inventory."
            expected = f"columns such as {', '.join(map(repr, names[:3]))}, or metric and value"
            raise sheet.fault(wrong, value=", ".join(sheet.names)[:200], expected=expected, fix=fix)
        self.time = self.time or _found_time(sheet, self.free())
        if not self.units:  # in a long table, `unit` is the unit of measure
            levels = [place for place in self.free() if sheet.names[place] in sheet.index]
            self.units = tuple(levels or ([] if self.long else sorted({*sheet.find("unit")} & {*self.free()})))

    def free(self) -> list[int]:
        """The columns that nothing is known of."""
        taken = {*self.time, *self.units, *self.metrics.values(), *self.long}
        return [place for place in range(len(self.sheet.names)) if place not in taken]

    def values(self) -> pd.DataFrame:
        """One column per metric, on the calendar of the map."""
        points, ipo_map = self.points(), self.ipo_map
        groups = dict.fromkeys(points["metric"].cat.categories, points[:0]) | dict(iter(points.groupby("metric")))
        series: dict[str, pd.Series[float] | None] = {}
        for metric in (one for one in ipo_map.metrics if one.name in groups):
            with suppress(SeriesError):  # the sheet keeps it, to be told with the others
                series[metric.name] = self.settled(metric, groups[metric.name])
        raise_faults(self.sheet.faults)
        values = self.assembled({name: found for name, found in series.items() if found is not None}, points)
        whole = computed(values, ipo_map, [one for one in ipo_map.metrics if one.formula and one.name not in values])
        made = [str(name) for name in whole if name not in values]
        self.sheet.tell("computed", len(made), "by formula", made)
        absent = [name for name in ipo_map.names if name not in {*whole, *series}]
        self.sheet.tell("no series", len(absent), f"no column for {listed(absent)}")
        return whole

    def points(self) -> pd.DataFrame:
        """All values of the map's metrics, one for each time and unit, in order."""
        sheet = self.sheet
        times, note = read_times(sheet, self.time)
        headers = " and ".join(repr(sheet.names[place]) for place in self.time)
        weekly = self.ipo_map.cadence == "weekly" and "" in set(times["grain"])
        told = f"{headers} read as {note}{', each in its week from Monday to Sunday' if weekly else ''}"
        sheet.tell("time", times["day"].nunique(), told)
        where = times.assign(unit=self.units_of_rows())
        values = self.numbers()
        raise_faults(sheet.faults)
        key = ["metric", "unit", "day", "grain"]
        points = values.dropna().join(where, on="row").sort_values([*key, "row"], ignore_index=True)
        again = points.duplicated(key)
        for at in np.flatnonzero(again & (points["value"].diff() != 0)):
            self.clash(points["metric"][at], *points["row"][at - 1 : at + 1])
        sheet.tell("duplicates", int(again.sum()), "given twice for one time, kept once", noun="value")
        return points.assign(**{name: _ordinals(points["day"], name) for name in CADENCES})[~again]

    def units_of_rows(self) -> pd.Series[Any]:
        """The unit of each row; several columns are joined like `RF4 / 1`."""
        sheet, units = self.sheet, pd.Series("", self.sheet.cells.index)
        for position in self.units:
            cells = sheet.cells[position]
            names = cells.map(_label)
            for row, name in names[names.eq("") | ~names.duplicated()].items():
                if not name or re.fullmatch(TOTAL, name):
                    wrong = f"{name!r} looks like a total, not a unit." if name else "The unit is missing."
                    sheet.fault(wrong, position, row, fix="Write the name of a unit, or delete such rows.")
            ways = cells.astype(str).groupby(names).nunique()
            merged = ways.index[ways > 1].tolist()
            sheet.tell("units", len(merged), "written with different spaces, taken as one", merged, noun="unit")
            units = units + " / " + names if units.any() else names
        seen: dict[str, str] = {}
        for name in sorted(units.unique()):
            if (twin := seen.setdefault(name_key(name), name)) != name:
                wrong = f"The units {twin!r} and {name!r} differ by case or Unicode form only."
                sheet.fault(wrong, self.units[-1], units.eq(name).argmax(), fix="Write the name in one way.")
        return units.astype("category")

    def numbers(self) -> pd.DataFrame:
        """Row, metric and value, NaN where it is missing; of a long table only the rows of the map's metrics."""
        sheet, rows = self.sheet, self.sheet.cells.index
        columns: dict[int, Any] = {place: name for name, place in self.metrics.items()}
        if self.long:
            metrics = self.metrics_of_rows(self.long[0]).dropna()
            rows, columns = metrics.index, {self.long[1]: metrics.array}
            sheet = replace(sheet, cells=sheet.cells.loc[rows].reset_index(drop=True), lines=sheet.lines[rows])
        sheet.tell("units", len(self.units), f"told apart by {listed([sheet.names[at] for at in self.units])}")
        aside = [sheet.names[place] for place in self.free()]
        sheet.tell("left aside", len(aside), "of no metric", aside, noun="column")
        read = [(names, read_numbers(sheet, place)) for place, names in columns.items()]
        parts = [pd.DataFrame({"row": rows, "metric": names, "value": values}) for names, values in read]
        return pd.concat(parts, ignore_index=True).astype({"metric": "category"})

    def metrics_of_rows(self, position: int) -> pd.Series[Any]:
        """The metric of each row of a long table, missing where the map has none of its name."""
        sheet, names = self.sheet, self.sheet.cells[position].map(_label)
        known = {name_key(name): name for name in self.ipo_map.names}
        meant = {name: known.get(name_key(name)) for name in names.unique()}
        strange = sorted(name for name, metric in meant.items() if name and not metric)
        metrics = names.map(meant)
        said = {"expected": "the name of a metric", "fix": "Fill it in, or delete the row."}
        for row in np.flatnonzero(names == ""):
            sheet.fault("The name of the metric is missing.", position, row, **said)
        sheet.tell("left aside", int(metrics.isna().sum()), "of no metric", strange, noun="row")
        if metrics.isna().all():
            fix = "Name the metrics as in the inventory. " + nearest(names[0], self.ipo_map.names)
            sheet.fault("No row is of a metric of the map.", position, 0, fix=fix)
            raise_faults(sheet.faults)
        return metrics

    def clash(self, name: str, *rows: int) -> None:
        """Two values for one time, and a column that tells them apart, if there is one."""
        sheet = self.sheet
        one, other = sorted(sheet.lines[[*rows]])
        what = "time and unit" if self.units else "time"
        wrong = f"{name!r} has two values for one {what}, on lines {one} and {other}."
        both = sheet.cells.loc[[*rows]].map(str)
        apart = [sheet.names[place] for place in self.free() if both[place].nunique() > 1]
        fix = f"If {apart[0]!r} tells units apart, name it under units in the map's data." if apart else ""
        position = self.long[1] if self.long else self.metrics[name]
        sheet.fault(wrong, position, max(rows), fix=fix or "Delete one of the two rows.")

    def doubt(self, points: pd.DataFrame, wrong: str, fix: str, **said: Any) -> SeriesError:
        """A fault of a metric, placed at the time of its first point."""
        first = points.iloc[0]
        return self.sheet.fault(f"{first['metric']!r} {wrong}.", self.time[-1], first["row"], fix=fix, **said)

    def settled(self, metric: Metric, points: pd.DataFrame) -> pd.Series[float] | None:
        """The values of a metric by unit and number of the period; nothing if they are coarser than the map."""
        cadence, grains = self.ipo_map.cadence, list(points["grain"].unique())
        if len(grains) > 1:
            raise self.doubt(points, "has times of several kinds", "Write all of them in one way.")
        native = "".join(grains) or (self.native(metric, points) if grains else cadence)
        if native == "weekly" and grains == [""] and points["day"].dt.day_of_week.eq(6).all():
            rest = "dated by Sundays, taken as the last days of their weeks, not as the first"
            self.sheet.tell("Sundays", len(points), rest, [metric.name], noun="value")
        if native == cadence:
            values: pd.Series[float] = points.set_index(["unit", cadence])["value"]
            return values
        if CADENCES.index(native) < CADENCES.index(cadence):
            return self.aggregated(metric, native, points)
        told, noun = f"that a {cadence} map cannot use", f"{native} value"
        self.sheet.tell("coarser, left out", len(points), told, [metric.name], noun=noun)
        return None

    def native(self, metric: Metric, points: pd.DataFrame) -> str:
        """The cadence of plain dates: the coarsest, up to the map's, that has one date of a unit in a period.

        They are coarser than the map if the inventory says so and they agree, or if they plainly step so.
        """
        cadence, at = self.ipo_map.cadence, CADENCES.index(self.ipo_map.cadence)
        crowd = points.duplicated(["unit", cadence])
        if not crowd.any():
            return next((name for name in CADENCES[at + 1 :] if _steps_by(name, metric, points)), cadence)
        if 2 * len(points[crowd].drop_duplicates(["unit", cadence])) < (~crowd).sum():
            wrong = f"has two dates in one {NOUNS[cadence]}, and in most others one"
            raise self.doubt(points[crowd], wrong, "Mend the date, or keep one row for each period.")
        return next(name for name in CADENCES[at - 1 :: -1] if not points.duplicated(["unit", name]).any())

    def aggregated(self, metric: Metric, native: str, points: pd.DataFrame) -> pd.Series[float]:
        """Finer values added up, averaged or the last one taken; part periods at a unit's ends dropped."""
        how, cadence, tell = metric.aggregate, self.ipo_map.cadence, self.sheet.tell
        word, names = NOUNS[cadence], [metric.name]
        if not how or (how == "sum" and native == "weekly"):
            wrong = f"has {native} values for a {cadence} map"
            wrong += f", and weeks do not add up to {word}s" if how else ", and no aggregate that says how"
            fix = f"Write {'mean or last' if how else 'sum, mean or last'} as its aggregate in the inventory."
            raise self.doubt(points, wrong, fix, value=how)
        if native == "weekly":  # a week belongs to the period that holds its Thursday, as in ISO 8601
            days = points["day"] + pd.to_timedelta(3 - points["day"].dt.day_of_week, unit="D")
            points = points.assign(**{"day": days, cadence: _ordinals(days, cadence)})
        groups = points.groupby(["unit", cadence])["value"]
        values, counts = groups.agg(how), groups.size()
        part = counts < _expected(points, native, cadence, counts)
        unit = counts.index.get_level_values("unit")
        ends = part & ~(unit.duplicated() & unit.duplicated(keep="last"))
        gaps = int((part & ~ends).sum())
        left = "left missing" if how == "sum" else f"the {how} taken of the others"
        tell("aggregated", len(points), f"to {word}s by {how}", names, noun=f"{native} value")
        tell("part periods", int(ends.sum()), f"at an end with too few {native} values, dropped", noun=word)
        tell("incomplete", gaps, f"lacking {native} values, {left}", names, noun=word)
        kept: pd.Series[float] = values[~(part if how == "sum" else ends)]
        return kept

    def assembled(self, series: Mapping[str, pd.Series[float]], points: pd.DataFrame) -> pd.DataFrame:
        """One column per metric on the calendar; units without a value are left out."""
        sheet, total = self.sheet, sum(map(len, series.values()))
        if not total:
            why = [f": all have {noun}s {rest}" for what, noun, rest in sheet.notes if what == "coarser, left out"][:1]
            fix = "Change the cadence of the map." if why else "Fill in the values."
            raise sheet.fault(f"No metric has a value that can be used{''.join(why)}.", fix=fix)
        table = pd.concat(series, names=["metric"]).unstack("metric").reindex(columns=list(series))
        units, ordinals = (table.index.get_level_values(level) for level in (0, 1))
        ends = _ends(units, ordinals)
        length = ends["max"] - ends["min"] + 1
        if length.sum() > 1000 + SPARSE * total:
            raise self.stray(points)
        periods = Periods.from_ordinals(ordinals, freq=PERIODS[self.ipo_map.cadence], name="period")
        index = pd.MultiIndex.from_arrays([units, periods]) if self.units else periods
        whole = _on_calendar(table.set_axis(index).rename_axis(columns=None))
        sheet.tell("gaps", int(whole.isna().all(axis=1).sum()), "without any value, left missing", noun="period")
        if self.units:
            moving, rest = int((length < np.ptp(ordinals) + 1).sum()), "open or close inside the time covered"
            sheet.tell("units", moving, f"of {len(length):,} {rest}", noun="unit")
            sheet.tell("no values", len(points["unit"].cat.categories) - len(length), "left out", noun="unit")
        return whole

    def stray(self, points: pd.DataFrame) -> SeriesError:
        """The date beyond the widest gap."""
        days = pd.DatetimeIndex(points["day"].unique()).sort_values()
        gap = int(np.diff(days).argmax())
        day = days[gap if 2 * gap < len(days) else gap + 1]
        row = points["row"][points["day"] == day].min()
        wrong, fix = f"The time {day:%Y-%m-%d} is far away from all others.", "Mend it, or delete the row."
        return self.sheet.fault(wrong, self.time[-1], row, fix=fix)


def _declared(sheet: Sheet, names: Sequence[str], *, must: bool) -> tuple[int, ...]:
    """Positions of the columns that the map names; none if the table is another one than the map's own."""
    found = [sheet.find(name) for name in names]
    for name, places in zip(names, found, strict=True):
        if len(places) > 1 or (must and not places):
            wrong = f"The map names a column {name!r}, and the file has {'several' if places else 'none'}."
            raise sheet.fault(wrong, value=name, fix="Rename them." if places else nearest(name, sheet.names))
    return tuple(places[0] for places in found) if all(found) else ()


def _found_time(sheet: Sheet, free: Sequence[int]) -> tuple[int, ...]:
    """The column of times: a frame's index, else by name, else the only one that can be read as dates."""
    keys = {place: name_key(sheet.names[place]) for place in free}
    texts = [place for place in free if sheet.cells[place].dtype.kind not in "iufb"]
    indexed = [place for place in texts if sheet.names[place] in sheet.index]
    named = [place for place in free if TIME_WORDS & set(re.split(r"[\s_\-]+", keys[place]))]
    clear = _clear(sheet, [place for place in dict.fromkeys((*indexed, *named)) if keys[place] != "year"])
    if not clear and named:
        year = [place for place in named if keys[place] == "year"]
        part = [place for place in named if keys[place] in ("week", "month", "quarter")]
        likely = [place for place in named if keys[place] in TIME_WORDS] or named
        return (year[0], part[0]) if year and len(part) == 1 else (*year, *likely)[:1]
    clear = clear or _clear(sheet, texts)
    if len(clear) == 1 or (clear and clear[0] in indexed):
        return (clear[0],)
    names = " and ".join(repr(sheet.names[place]) for place in clear)
    wrong = f"The columns {names} could all be the time." if clear else "No column says when."
    expected = "one column of dates such as 2024-01-31, 2024-01, 2024-W05 or 2024Q1"
    fix = "Name it in the map, like data: {file: series.csv, time: week}."
    raise sheet.fault(wrong, value=names or ", ".join(sheet.names)[:200], expected=expected, fix=fix)


def _clear(sheet: Sheet, places: Sequence[int]) -> list[int]:
    """Those of the columns that can be read as times without a fault."""
    tries = {place: replace(sheet, faults=[]) for place in places}
    for place, trial in tries.items():
        read_times(trial, [place])
    return [place for place, trial in tries.items() if not trial.faults]


def _label(cell: Any) -> str:
    """A name as text, spaces collapsed; empty if it is missing."""
    whole = isinstance(cell, float) and cell.is_integer()
    return "" if is_missing(cell) else " ".join(str(int(cell) if whole else cell).split())


def _ordinals(days: pd.Series[Any], cadence: str) -> Any:
    """The number of the period in which each day lies."""
    return pd.PeriodIndex(days, freq=PERIODS[cadence]).asi8


def _steps_by(cadence: str, metric: Metric, points: pd.DataFrame) -> bool:
    """Whether dates are one to a period, and either said to be so or with few periods left out."""
    if points.duplicated(["unit", cadence]).any():
        return False
    steps = points.groupby("unit")[cadence].diff().dropna()
    return metric.cadence == cadence or (len(steps) >= 2 and len(steps) >= 0.75 * steps.sum())


def _expected(points: pd.DataFrame, native: str, cadence: str, counts: pd.Series[Any]) -> Any:
    """How many finer values a whole period has; days count on the weekdays that the unit usually reports."""
    if native not in ("daily", "weekly"):
        return SEASON[native] // SEASON[cadence]
    days = points.groupby(["unit", points["day"].dt.day_of_week]).size().unstack(fill_value=0)
    usual = days.mul(2).ge(days.max(axis=1), axis=0).reindex(columns=range(7), fill_value=False)
    first = Periods.from_ordinals(counts.index.get_level_values(cadence), freq=PERIODS[cadence])
    begin, end = (when.start_time.to_numpy().astype("datetime64[D]") for when in (first, first + 1))
    there = np.column_stack([np.busday_count(begin, end, weekmask=day) for day in np.eye(7, dtype=bool)])
    return (usual.reindex(counts.index.get_level_values("unit")).to_numpy() * there).sum(axis=1)


def computed(
    values: pd.DataFrame, ipo_map: IPOMap, wanted: Sequence[Metric], *, decimals: Mapping[str, int] = {}
) -> pd.DataFrame:
    """The columns of a map's metrics in its order, the wanted ones made by their formulas where their parts are there.

    Parameters
    ----------
    values : one column per metric; one that is wanted is made anew.
    decimals : digits to which a metric of that name is rounded.

    >>> ipo_map = IPOMap([{"name": "A", "stage": "input"}, {"name": "B", "stage": "outcome", "formula": "A / 2"}])
    >>> computed(pd.DataFrame({"A": [3.0]}), ipo_map, [ipo_map.metric("B")])["B"].tolist()
    [1.5]
    """
    columns = {str(name): values[name] for name in values if name not in {metric.name for metric in wanted}}
    formulas: dict[str, Formula] = {}
    for metric in wanted:
        with suppress(IpoError):  # the map has told of a formula that cannot be understood
            formulas[metric.name] = Formula.parse(metric.formula, ipo_map.names)
    while ready := [name for name in formulas.keys() - columns.keys() if columns.keys() >= {*formulas[name].names}]:
        for name in ready:
            column = formulas[name].evaluate(columns)
            columns[name] = column.round(decimals[name]) if name in decimals else column
    columns = {str(name): values[name] for name in values} | columns
    return pd.DataFrame({name: columns[name] for name in ipo_map.names if name in columns}, index=values.index)


def totals(panel: Panel, ipo_map: IPOMap) -> Panel:
    """The units of a panel taken together, period by period.

    Only units with values in every period count, or a total would move when a unit opens or closes. Metrics
    whose `aggregate` in the map is `sum` are added up, others averaged over units; those with a formula are
    computed. A panel without units is given back as it is. Raises NotEnoughData if no unit is always there.

    >>> index = pd.MultiIndex.from_product([["A", "B"], pd.period_range("2024-01", periods=2, freq="M")])
    >>> panel = Panel.of(pd.DataFrame({"Calls": [1.0, 2.0, 3.0, 4.0]}, index=index))
    >>> ipo_map = IPOMap([{"name": "Calls", "stage": "process", "aggregate": "sum"}], cadence="monthly")
    >>> totals(panel, ipo_map).series("Calls").tolist()
    [4.0, 6.0]
    """
    if not panel.units:
        return panel
    periods = panel.values.index.get_level_values("period")
    span = (periods.max() - periods.min()).n + 1
    known = [metric for metric in ipo_map.metrics if metric.name in panel.names]
    full = panel.values.notna().groupby(level="unit", sort=False).sum() == span
    used = [metric.name for metric in known if not metric.formula and full[metric.name].any()]
    whole = full.index[full[used].all(axis=1)] if used else full.index[:0]
    if whole.empty:
        wrong = f"None of the {len(panel.units):,} units has values of all metrics in all {span:,} periods."
        raise NotEnoughData(wrong, fix="Look at the units one by one.")
    inside = panel.values[panel.values.index.get_level_values("unit").isin(whole)].groupby(level="period")
    how = {metric.name: "sum" if metric.aggregate == "sum" else "mean" for metric in known}
    values = inside[[name for name in how if name in used or ipo_map.metric(name).formula]].agg(how)
    values = computed(values, ipo_map, [metric for metric in known if metric.formula])
    told = f"{_count(len(whole), 'unit')} of {len(panel.units):,} with values in every period taken together"
    return Panel(values, panel.cadence, Receipt.of([("units", len(whole), told)]))
