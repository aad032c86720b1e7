"""Panel: series of several cadences on one calendar, with or without units; nothing is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.errors import (
    BadOption,
    FileFault,
    InventoryError,
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
from ipo_nb.reading import Numbers, Sheet, Times, is_missing, read_numbers, read_sheet, read_times
from ipo_nb.results import Receipt, Result

__all__ = ["PERIODS", "SEASON", "Panel", "read_series", "totals"]

PERIODS = {"daily": "D", "weekly": "W-SUN", "monthly": "M", "quarterly": "Q-DEC", "yearly": "Y-DEC"}
SEASON = {"daily": 7, "weekly": 52, "monthly": 12, "quarterly": 4, "yearly": 1}
NOUNS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
TIME_WORDS = {"period", "date", "day", "week", "month", "quarter", "year", "time", "timestamp", "datetime"}
METRIC_WORDS = {"metric", "kpi", "measure", "indicator", "variable", "metric name", "kpi name"}
VALUE_WORDS = {"value", "values", "amount"}
TOTAL = re.compile(r"(grand |sub)?-?totals?|sum")
COARSER = "coarser, left out"
SPARSE = 50  # calendar rows per row with a value, from which on a date must be wrong

Decision = tuple[str, int, str]
Whole = NDArray[np.int64]
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
        periods = _period_index(values)
        found = next((name for name, freq in PERIODS.items() if freq == periods.freqstr), "")
        if not found or cadence not in (None, found):
            raise BadOption(
                f"The periods are of the kind {periods.freqstr}.",
                value=periods.freqstr,
                expected=PERIODS.get(cadence or "", "one of " + ", ".join(PERIODS.values())),
                fix="Change the index with asfreq, or the cadence.",
            )
        return cls(_on_calendar(_checked_values(values), periods), found)

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
        columns = ["metric", "n_periods", "n_units", "missing", "first", "last", "mean", "low", "high"]
        index: Any = self.values.index
        periods = index.get_level_values("period")
        codes = index.codes[0] if self.units else None
        rows = []
        for name in self.names:
            column = self.values[name].to_numpy()
            seen = ~np.isnan(column)
            when, some = periods[seen], column[seen]
            numbers = (some.mean(), some.min(), some.max()) if len(some) else (np.nan,) * 3
            ends = (when.min(), when.max()) if len(some) else (None, None)
            n_units = 0 if codes is None else len(np.unique(codes[seen]))
            rows.append((name, when.nunique(), n_units, int((~seen).sum()), *ends, *numbers))
        return pd.DataFrame(rows, columns=columns)

    @property
    def text(self) -> str:
        """How long and wide the panel is, and how much is missing."""
        periods = self.values.index.get_level_values("period")
        span = _count((periods.max() - periods.min()).n + 1, NOUNS[self.cadence])
        parts = [_count(len(self.units), "unit")] if self.units else []
        parts.append(_count(len(self.names), "metric"))
        missing = int(self.values.isna().to_numpy().sum())
        told = "no value is" if not missing else "1 value is" if missing == 1 else f"{missing:,} values are"
        return f"{span} from {_span(periods.min(), periods.max())}, {', '.join(parts)}; {told} missing."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _span(first: pd.Period, last: pd.Period) -> str:
    if first.freqstr.startswith("W"):
        return f"{first.start_time.date()} to {last.end_time.date()}"
    return f"{first} to {last}"


def _period_index(values: pd.DataFrame) -> pd.PeriodIndex:
    """The periods of a frame's rows."""
    periods = values.index.get_level_values(-1)
    if values.index.nlevels > 2 or not isinstance(periods, pd.PeriodIndex):
        raise NeedsPeriods(", ".join(map(str, values.columns[:3])), found=type(periods).__name__)
    return periods


def _checked_values(values: pd.DataFrame) -> pd.DataFrame:
    """The same frame as float64 under text names, or a refusal."""
    names = [str(name) for name in values.columns]
    levels = [values.index.get_level_values(level) for level in range(values.index.nlevels)]
    fix = ""
    if values.index.has_duplicates or any(level.hasnans for level in levels):
        fix = "Keep one row for each unit and period."
    elif values.empty or len({name_key(name) for name in names}) < len(names):
        fix = "Give them at least one row, and columns with names of their own."
    elif any(dtype.kind not in "iuf" for dtype in values.dtypes):
        fix = "Turn the columns into numbers."
    elif np.isinf(values.to_numpy(dtype="float64", na_value=np.nan)).any():
        fix = "Mend the infinite ones."
    if fix:
        expected = "unique periods and finite numbers"
        raise SeriesError("These values are not yet a panel.", expected=expected, fix=fix)
    return values.astype("float64").set_axis(names, axis=1)


def _on_calendar(values: pd.DataFrame, periods: pd.PeriodIndex) -> pd.DataFrame:
    """The frame in order, with a row for every period between each unit's first and last."""
    units, labels = np.zeros(len(values), dtype=np.int64), None
    if values.index.nlevels > 1:
        units, unique = pd.factorize(values.index.get_level_values(0).astype(str), sort=True)
        labels = [str(label) for label in unique]
    grid = _Grid.over(units, periods.asi8, periods.freqstr)
    whole = np.full((int(grid.length.sum()), values.shape[1]), np.nan)
    whole[grid.places(units, periods.asi8)] = values.to_numpy()
    return pd.DataFrame(whole, index=grid.labelled(labels), columns=values.columns)


class _Grid(NamedTuple):
    """Every unit's own stretch of the calendar, one after the other."""

    first: Whole  # (units,) ordinal of the first period
    length: Whole  # (units,) periods
    start: Whole  # (units,) row of the first period
    freq: str

    @classmethod
    def over(cls, units: NDArray[Any], ordinals: Whole, freq: str) -> _Grid:
        first = np.full(int(units.max()) + 1, ordinals.max())
        last = np.full(len(first), ordinals.min())
        np.minimum.at(first, units, ordinals)
        np.maximum.at(last, units, ordinals)
        length = last - first + 1
        return cls(first, length, np.cumsum(length) - length, freq)

    def places(self, units: NDArray[Any], ordinals: Whole) -> Whole:
        places: Whole = self.start[units] + ordinals - self.first[units]
        return places

    def labelled(self, labels: Sequence[str] | None) -> Any:
        """The index of the rows."""
        unit = np.repeat(np.arange(len(self.length)), self.length)
        ordinals = np.arange(len(unit)) - self.start[unit] + self.first[unit]
        if labels is None:
            return Periods.from_ordinals(ordinals, freq=self.freq, name="period")
        begin = int(ordinals.min())
        calendar = Periods.from_ordinals(np.arange(begin, int(ordinals.max()) + 1), freq=self.freq)
        levels: list[Any] = [pd.Index(list(labels), dtype="str"), calendar]
        codes: list[Any] = [unit, ordinals - begin]
        return pd.MultiIndex(levels=levels, codes=codes, names=["unit", "period"])


def read_series(source: str | Path | pd.DataFrame | None, ipo_map: IPOMap) -> Panel:
    """Read the series of a map's metrics and bring them to its cadence.

    Parameters
    ----------
    source : path of a CSV, XLSX or Parquet file, or a DataFrame; None for the file that the map names. Wide
        (a column per metric) or long (columns `metric` and `value`). `data` in the map names the columns of
        time and units; else the time is looked for by name, or by being the only column of dates.
    ipo_map : its metrics are read, other columns left aside. Values finer than its cadence are brought to it
        by each metric's `aggregate`, part periods at the ends dropped; a coarser metric is left out and told.

    Returns
    -------
    Panel, with a receipt of every decision.

    Raises
    ------
    FileFault : the file cannot be read.
    SeriesError : times, units or values that cannot be read with certainty, all of them at once.

    >>> ipo_map = IPOMap([{"name": "Calls", "stage": "process"}])
    >>> read_series(pd.DataFrame({"week": ["2024-W01", "2024-W03"], "calls": ["3", "5"]}), ipo_map).text
    '3 weeks from 2024-01-01 to 2024-01-21, 1 metric; 1 value is missing.'
    """
    sheet = read_sheet(_data_file(ipo_map) if source is None else source)
    layout = _layout(sheet, ipo_map, own=source is None)
    times = read_times(sheet, layout.time)
    units, labels, faults = _units(sheet, layout.units)
    blocks, decisions, wrong = _blocks(sheet, layout, ipo_map)
    raise_faults([*times.faults, *faults, *wrong])
    reading = _Reading(sheet, layout, times, units, ipo_map.cadence)
    settled = [reading.settle(block) for block in blocks]
    raise_faults(reading.faults)
    values = _assembled([item for item in settled if item is not None], labels, reading)
    wanted = [metric for metric in ipo_map.metrics if metric.formula and metric.name not in values]
    whole = _computed(values, ipo_map, wanted)
    made = [str(name) for name in whole if name not in values]
    known = {*whole, *(block.metric.name for block in blocks)}
    absent = [name for name in ipo_map.names if name not in known]
    decisions = [_told_time(sheet, layout, times, ipo_map), *decisions, *reading.decisions()]
    decisions += [("computed", len(made), f"by formula: {_listed(made)}")] if made else []
    decisions += [("no series", len(absent), f"no column for {_listed(absent)}")] if absent else []
    return Panel(whole, ipo_map.cadence, sheet.receipt.plus(Receipt.of(decisions)))


def _data_file(ipo_map: IPOMap) -> Path:
    wrong = "names no file of series" if ipo_map.data is None else "was not read from a file"
    if ipo_map.data is None or ipo_map.path is None:
        fix = "Give the series to read_series, or write data: {file: series.csv} into the map file."
        raise FileFault(f"The map {wrong}.", file=ipo_map.path, expected="a map file with data", fix=fix)
    return path_beside(ipo_map.path, ipo_map.data.file)


def _told_time(sheet: Sheet, layout: _Layout, times: Times, ipo_map: IPOMap) -> Decision:
    headers = " and ".join(repr(sheet.names[place]) for place in layout.time)
    weeks = ", each in its week from Monday to Sunday" if ipo_map.cadence == "weekly" else ""
    return "time", len(times.days), f"{headers} read as {times.note}{weeks if '' in times.grains else ''}"


# Which column is what


class _Layout(NamedTuple):
    """Positions of the columns that are used."""

    time: tuple[int, ...]
    units: tuple[int, ...]
    metrics: Mapping[int, Metric]  # wide
    long: tuple[int, int] | None  # metric and value


def _layout(sheet: Sheet, ipo_map: IPOMap, *, own: bool) -> _Layout:
    """What each column is, by the map, by name, or by what it holds."""
    known = {name_key(metric.name): metric for metric in ipo_map.metrics}
    data = ipo_map.data
    time = _declared(sheet, data.time if data else (), must=own)
    units = _declared(sheet, data.units if data else (), must=own)
    labels = [_only(sheet, words, known) for words in (METRIC_WORDS, VALUE_WORDS)]
    long = (labels[0], labels[1]) if labels[0] is not None and labels[1] is not None else None
    taken = {*time, *units, *(long or ())}
    metrics: dict[int, Metric] = {}
    for place, name in enumerate(sheet.names):
        metric = known.get(name_key(name))
        if metric and place not in taken and not long:
            twin = next((sheet.names[other] for other, found in metrics.items() if found is metric), None)
            if twin is not None:
                wrong = f"The columns {twin!r} and {name!r} are both the metric {metric.name!r}."
                raise sheet.fault(wrong, place, fix="Rename or remove one of them.")
            metrics[place] = metric
    time = time or _found_time(sheet, {*taken, *metrics})
    units = units or _found_units(sheet, {*taken, *metrics, *time}, wide=long is None)
    if not metrics and not long:
        raise sheet.fault(
            "No column is named like a metric of the map.",
            value=", ".join(sheet.names)[:200],
            expected="columns such as " + ", ".join(map(repr, ipo_map.names[:3])) + ", or metric and value",
            fix="Name the columns as the metrics are named in the inventory.",
        )
    return _Layout(time, units, metrics, long)


def _declared(sheet: Sheet, names: Sequence[str], *, must: bool) -> tuple[int, ...]:
    """Positions of the columns that the map names; none if the table is another one than the map's own."""
    found = [sheet.find(name) for name in names]
    for name, places in zip(names, found, strict=True):
        if len(places) > 1:
            raise sheet.fault(f"Two columns are named {name!r}.", places[1], fix="Rename or remove one of them.")
        if must and not places:
            message = f"The map names a column {name!r}, and the file has none."
            raise sheet.fault(message, value=name, fix=nearest(name, sheet.names))
    return tuple(places[0] for places in found) if all(found) else ()


def _only(sheet: Sheet, words: set[str], known: Mapping[str, Metric]) -> int | None:
    """The one column of such a name that is no metric."""
    found = [place for place, name in enumerate(sheet.names) if name_key(name) in words - known.keys()]
    return found[0] if len(found) == 1 else None


def _found_time(sheet: Sheet, taken: set[int]) -> tuple[int, ...]:
    """The column of times: a frame's index, else by name, else the only one that can be read as dates."""
    free = [place for place in range(len(sheet.names)) if place not in taken]
    keys = {place: name_key(sheet.names[place]) for place in free}
    indexed = [p for p in free if sheet.names[p] in sheet.index and sheet.columns[p].dtype.kind not in "iuf"]
    named = [place for place in free if TIME_WORDS & set(re.split(r"[\s_\-]+", keys[place]))]
    whole = [p for p in (*indexed, *named) if keys[p] != "year" and not read_times(sheet, [p]).faults]
    if len(set(whole)) > 1 and not (indexed and whole[0] in indexed):
        raise _ask_time(sheet, whole)
    if whole:
        return (whole[0],)
    year = [place for place in named if keys[place] == "year"]
    part = [place for place in named if keys[place] in ("week", "month", "quarter")]
    if year:
        return (year[0], part[0]) if len(part) == 1 else (year[0],)
    if named:
        return (next((place for place in named if keys[place] in TIME_WORDS), named[0]),)
    dated = [p for p in free if sheet.columns[p].dtype.kind not in "iufb" and not read_times(sheet, [p]).faults]
    if len(dated) != 1:
        raise _ask_time(sheet, dated)
    return (dated[0],)


def _ask_time(sheet: Sheet, places: Sequence[int]) -> SeriesError:
    names = " and ".join(dict.fromkeys(repr(sheet.names[place]) for place in places))
    return sheet.fault(
        f"The columns {names} could all be the time." if places else "No column says when.",
        value=names or ", ".join(sheet.names)[:200],
        expected="one column of dates such as 2024-01-31, 2024-01, 2024-W05 or 2024Q1",
        fix="Name it in the map, like data: {file: series.csv, time: week}.",
    )


def _found_units(sheet: Sheet, taken: set[int], *, wide: bool) -> tuple[int, ...]:
    """Index levels of a frame, else a column named unit (in a long table that is the unit of measure)."""
    free = [place for place in range(len(sheet.names)) if place not in taken]
    levels = [place for place in free if sheet.names[place] in sheet.index]
    return tuple(levels or [place for place in free if wide and name_key(sheet.names[place]) == "unit"])


def _units(sheet: Sheet, positions: Sequence[int]) -> tuple[Whole, list[str] | None, list[SeriesError]]:
    """The unit of each row as a code into ordered labels; several columns are joined like `RF4 / 1`."""
    codes = np.zeros(len(sheet.lines), dtype=np.int64)
    labels = [""]
    faults: list[SeriesError] = []
    for position in positions:
        part, cells = pd.factorize(sheet.columns[position], use_na_sentinel=False)
        names = [_label(cell) for cell in cells]
        for row in np.flatnonzero(np.isin(part, [place for place, name in enumerate(names) if not name])):
            fix = "Fill it in, or delete the row."
            faults.append(sheet.fault("The unit is missing.", position, int(row), fix=fix))
        for place in (place for place, name in enumerate(names) if TOTAL.fullmatch(name.casefold())):
            wrong = f"{names[place]!r} looks like a total, not a unit."
            fix = "Delete rows that add up others, or give the unit another name."
            faults.append(sheet.fault(wrong, position, int(np.argmax(part == place)), fix=fix))
        together, codes = np.unique(codes * len(names) + part, return_inverse=True)
        pairs = [divmod(int(code), len(names)) for code in together]
        labels = [" / ".join(filter(None, (labels[old], names[new]))) for old, new in pairs]
    if not positions:
        return codes, None, []
    ordered = sorted(set(labels))
    to = {label: code for code, label in enumerate(ordered)}
    codes = np.array([to[label] for label in labels], dtype=np.int64)[codes]
    return codes, ordered, faults + _namesakes(sheet, positions[-1], codes, ordered)


def _label(cell: Any) -> str:
    """A name as text, spaces collapsed; empty if it is missing."""
    whole = isinstance(cell, float) and cell.is_integer()
    text = "" if is_missing(cell) else str(int(cell) if whole else cell)
    return " ".join(text.split())


def _namesakes(sheet: Sheet, position: int, codes: Whole, labels: Sequence[str]) -> list[SeriesError]:
    """Units whose names differ by case or Unicode form only: one or two, nobody here can know."""
    seen: dict[str, str] = {}
    faults = []
    for code, label in enumerate(labels):
        twin = seen.setdefault(name_key(label), label)
        if twin != label:
            row = int(np.argmax(codes == code))
            message = f"The units {twin!r} and {label!r} differ by case or Unicode form only."
            faults.append(sheet.fault(message, position, row, fix="Write the name in one way."))
    return faults


# Values


class _Block(NamedTuple):
    """The values of one metric and the rows of the sheet in which they stand."""

    metric: Metric
    rows: NDArray[np.intp]
    values: NDArray[np.float64]


def _blocks(sheet: Sheet, layout: _Layout, ipo_map: IPOMap) -> tuple[list[_Block], list[Decision], list[SeriesError]]:
    """The values of each metric that the table has, in the order of the map."""
    blocks: list[_Block] = []
    read: dict[int, Numbers] = {}
    decisions: list[Decision] = []
    faults: list[SeriesError] = []
    if layout.long:
        blocks, read, decisions, faults = _long_blocks(sheet, layout.long, ipo_map)
    for position, metric in layout.metrics.items():
        read[position] = read_numbers(sheet, position)
        seen = np.flatnonzero(~np.isnan(read[position].values))
        blocks.append(_Block(metric, seen, read[position].values[seen]))
    used = {*layout.time, *layout.units, *read, *(layout.long or ())}
    aside = [name for place, name in enumerate(sheet.names) if place not in used]
    if layout.units:
        told = "told apart by " + _listed([sheet.names[place] for place in layout.units])
        decisions.append(("units", len(layout.units), told))
    if aside:
        told = f"{_count(len(aside), 'column')} of no metric: {_listed(aside)}"
        decisions.append(("left aside", len(aside), told))
    for place, numbers in read.items():
        faults += numbers.faults
        decisions += [("numbers", 1, f"{sheet.names[place]!r} has {numbers.note}")] if numbers.note else []
    missing = sum(numbers.missing for numbers in read.values())
    if missing:
        decisions.append(("missing", missing, f"{_count(missing, 'cell')} empty or marked so (NA, -, #DIV/0!)"))
    order = {name: place for place, name in enumerate(ipo_map.names)}
    return sorted(blocks, key=lambda block: order[block.metric.name]), decisions, faults


def _long_blocks(
    sheet: Sheet, long: tuple[int, int], ipo_map: IPOMap
) -> tuple[list[_Block], dict[int, Numbers], list[Decision], list[SeriesError]]:
    """Values told apart by a column of metric names; the numbers of all of them are written in one way."""
    label, value = long
    codes, cells = pd.factorize(sheet.columns[label], use_na_sentinel=False)
    names = [_label(cell) for cell in cells]
    known = {name_key(name): place for place, name in enumerate(ipo_map.names)}
    of = np.array([known.get(name_key(name), -1) for name in names], dtype=np.intp)[codes]
    nameless = np.isin(codes, [place for place, name in enumerate(names) if not name])
    expected, fix = "the name of a metric", "Fill it in, or delete the row."
    faults = [
        sheet.fault("The name of the metric is missing.", label, int(row), expected=expected, fix=fix)
        for row in np.flatnonzero(nameless)
    ]
    used = np.flatnonzero(of >= 0)
    if not len(used):
        fix = "Name the metrics as in the inventory. " + nearest(names[0], ipo_map.names)
        return [], {}, [], [*faults, sheet.fault("No row is of a metric of the map.", label, 0, fix=fix)]
    numbers = read_numbers(sheet.take(used), value)
    seen = np.flatnonzero(~np.isnan(numbers.values))
    of = of[used]
    order = seen[np.argsort(of[seen], kind="stable")]
    parts = np.split(order, np.searchsorted(of[order], np.arange(1, len(ipo_map.names))))
    found = np.unique(of)
    blocks = [_Block(ipo_map.metrics[at], used[parts[at]], numbers.values[parts[at]]) for at in found]
    strange = sorted({name for name in names if name and name_key(name) not in known})
    aside = len(sheet.lines) - len(used)
    told = [("left aside", aside, f"{_count(aside, 'row')} of no metric: {_listed(strange)}")] if aside else []
    return blocks, {value: numbers}, told, faults


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + rest


# Calendar


class _Settled(NamedTuple):
    """One metric on the map's calendar, at most one value per unit and period."""

    metric: Metric
    units: Whole
    ordinals: Whole
    values: NDArray[np.float64]


@dataclass(slots=True)
class _Reading:
    """What settling a metric needs to know, and what it found."""

    sheet: Sheet
    layout: _Layout
    times: Times
    units: Whole
    cadence: str
    told: dict[tuple[str, str, str], list[tuple[int, str]]] = field(default_factory=dict)
    faults: list[IpoError] = field(default_factory=list)

    def settle(self, block: _Block) -> _Settled | None:
        """A metric's values without duplicates and at the map's cadence; nothing if that cannot be."""
        points = self._unique(block)
        if not len(points.rows):
            return _Settled(block.metric, points.units, points.codes, points.values)
        grains = set(self.times.grains[points.codes].tolist())
        if len(grains) > 1:
            wrong, fix = "has times of several kinds", "Write all of them in one way."
            self.faults.append(self._fault(block.metric, points.rows[0], wrong, fix))
            return None
        native = grains.pop() or self._native(block.metric, points)
        if CADENCES.index(native) > CADENCES.index(self.cadence):
            why = f"that a {self.cadence} map cannot use"
            self.count(COARSER, f"{native} value", why, len(points.rows), block.metric.name)
            return None
        if native == self.cadence:
            return _Settled(block.metric, points.units, _ordinals(self.times.days, native)[points.codes], points.values)
        return self._aggregated(block.metric, native, points)

    def _unique(self, block: _Block) -> _Points:
        """Values in order of unit and time; the same value twice is kept once, another one is a fault."""
        order = np.lexsort((block.rows, self.times.codes[block.rows], self.units[block.rows]))
        rows, values = block.rows[order], block.values[order]
        units, codes = self.units[rows], self.times.codes[rows]
        again = _repeats(units, codes)
        clash = np.flatnonzero(again[1:] & (values[1:] != values[:-1]))
        self.faults += [self._duplicate(block.metric, rows[place], rows[place + 1]) for place in clash]
        self.count("duplicates", "value", "given twice for one time, kept once", int(again.sum()))
        return _Points(rows[~again], units[~again], codes[~again], values[~again])

    def _duplicate(self, metric: Metric, one: int, other: int) -> SeriesError:
        lines = sorted(int(self.sheet.lines[row]) for row in (one, other))
        what = "time and unit" if self.layout.units else "time"
        wrong = f"{metric.name!r} has two values for one {what}, on lines {lines[0]} and {lines[1]}."
        used = {*self.layout.time, *self.layout.units, *self.layout.metrics, *(self.layout.long or ())}
        cells = {name: self.sheet.columns[at] for at, name in enumerate(self.sheet.names) if at not in used}
        apart = next((name for name, cell in cells.items() if str(cell.iloc[one]) != str(cell.iloc[other])), None)
        fix = f"If {apart!r} tells units apart, name it under units in the map's data." if apart else ""
        places = {found.name: at for at, found in self.layout.metrics.items()}
        column = self.layout.long[1] if self.layout.long else places[metric.name]
        return self.sheet.fault(wrong, column, max(one, other), fix=fix or "Delete one of the two rows.")

    def _fault(self, metric: Metric, row: int, wrong: str, fix: str, **said: Any) -> SeriesError:
        return self.sheet.fault(f"{metric.name!r} {wrong}.", self.layout.time[-1], int(row), fix=fix, **said)

    def count(self, what: str, noun: str, rest: str, count: int, name: str = "") -> None:
        """Something for the receipt; of several metrics, it becomes one line."""
        if count:
            self.told.setdefault((what, noun, rest), []).append((count, name))

    def decisions(self) -> list[Decision]:
        """What was counted, in lines of the receipt."""
        found = []
        for (what, noun, rest), items in self.told.items():
            count = sum(count for count, _ in items)
            names = [name for _, name in items if name]
            told = f"{_count(count, noun)} {rest}"
            found.append((what, count, f"{told}: {_listed(names)}" if names else told))
        return found

    def _native(self, metric: Metric, points: _Points) -> str:
        """The cadence of plain dates: the coarsest, up to the map's, that has one date of a unit in a period.

        They are coarser than the map if the inventory says so and they agree, or if they plainly step so.
        """
        at = CADENCES.index(self.cadence)
        crowd = self._crowded(self.cadence, points)
        if not crowd.any():
            coarser = (name for name in CADENCES[at + 1 :] if self._steps_by(name, metric, points))
            return next(coarser, self.cadence)
        ordinals = _ordinals(self.times.days, self.cadence)[points.codes]
        crowded = len(np.unique(np.c_[points.units, ordinals][crowd], axis=0))
        if 2 * crowded < np.count_nonzero(~crowd):
            wrong = f"has two dates in one {NOUNS[self.cadence]}, and in most others one"
            fix = "Mend the date, or keep one row for each period."
            self.faults.append(self._fault(metric, points.rows[int(np.argmax(crowd))], wrong, fix))
            return self.cadence
        return next(name for name in CADENCES[at - 1 :: -1] if not self._crowded(name, points).any())

    def _crowded(self, cadence: str, points: _Points) -> NDArray[np.bool_]:
        """Which dates share their period with the date before."""
        return _repeats(points.units, _ordinals(self.times.days, cadence)[points.codes])

    def _steps_by(self, cadence: str, metric: Metric, points: _Points) -> bool:
        """Whether dates are one to a period, and either said to be so or with few periods left out."""
        if self._crowded(cadence, points).any():
            return False
        ordinals = _ordinals(self.times.days, cadence)[points.codes]
        steps = np.diff(ordinals)[points.units[1:] == points.units[:-1]]
        return metric.cadence == cadence or (len(steps) >= 2 and len(steps) >= 0.75 * int(steps.sum()))

    def _aggregated(self, metric: Metric, native: str, points: _Points) -> _Settled | None:
        """Finer values added up, averaged or the last one taken; part periods at a unit's ends dropped."""
        how, word = metric.aggregate, NOUNS[self.cadence]
        if not how or (how == "sum" and native == "weekly"):
            wrong = f"has {native} values for a {self.cadence} map"
            wrong += f", and weeks do not add up to {word}s" if how else ", and no aggregate that says how"
            fix = f"Write {'mean or last' if how else 'sum, mean or last'} as its aggregate in the inventory."
            self.faults.append(self._fault(metric, points.rows[0], wrong, fix, value=how))
            return None
        days = self.times.days
        if native == "weekly":  # a week belongs to the period that holds its Thursday, as in ISO 8601
            days = days - _weekday(days) + 3
        units, ordinals = points.units, _ordinals(days, self.cadence)[points.codes]
        starts = np.flatnonzero(~_repeats(units, ordinals))
        counts = np.diff(np.r_[starts, len(units)])
        values = points.values[starts + counts - 1]
        if how != "last":
            values = np.add.reduceat(points.values, starts) / (counts if how == "mean" else 1)
        part = counts < _expected(native, self.cadence, units, days[points.codes], starts)
        units, ordinals = units[starts], ordinals[starts]
        edge = units[1:] != units[:-1]
        ends = part & (np.r_[True, edge] | np.r_[edge, True])
        gaps = part & ~ends
        self.count("aggregated", f"{native} value", f"to {word}s by {how}", len(points.values), metric.name)
        self.count("part periods", word, f"at an end with too few {native} values, dropped", int(ends.sum()))
        left = "left missing" if how == "sum" else f"the {how} taken of the others"
        self.count("incomplete", word, f"lacking {native} values, {left}", int(gaps.sum()), metric.name)
        kept = ~part if how == "sum" else ~ends
        return _Settled(metric, units[kept], ordinals[kept], values[kept])


class _Points(NamedTuple):
    """Values of one metric, ordered by unit and time."""

    rows: NDArray[np.intp]
    units: Whole
    codes: NDArray[np.intp]
    values: NDArray[np.float64]


def _repeats(units: Whole, times: Whole) -> NDArray[np.bool_]:
    """Which entries have the unit and the time of the one before."""
    repeats = np.zeros(len(units), dtype=np.bool_)
    repeats[1:] = (units[1:] == units[:-1]) & (times[1:] == times[:-1])
    return repeats


def _ordinals(days: NDArray[np.datetime64], cadence: str) -> Whole:
    """The number of the period in which each day lies."""
    return pd.PeriodIndex(pd.DatetimeIndex(days), freq=PERIODS[cadence]).asi8


def _weekday(days: NDArray[np.datetime64]) -> Whole:
    """0 for Monday; the first of January 1970 was a Thursday."""
    return (days.astype(np.int64) + 3) % 7


def _expected(native: str, cadence: str, units: Whole, days: NDArray[np.datetime64], starts: NDArray[np.intp]) -> Whole:
    """How many finer values a whole period has; days count on the weekdays that the unit usually reports."""
    if native not in ("daily", "weekly"):
        return np.full(len(starts), SEASON[native] // SEASON[cadence])
    freq = PERIODS[cadence]
    first = Periods.from_ordinals(_ordinals(days[starts], cadence), freq=freq)
    begin, end = (when.start_time.to_numpy().astype("datetime64[D]") for when in (first, first + 1))
    count = np.zeros((int(units.max()) + 1, 7), dtype=np.int64)
    np.add.at(count, (units, _weekday(days)), 1)
    usual, kind = np.unique(2 * count >= count.max(axis=1, keepdims=True), axis=0, return_inverse=True)
    whole = np.zeros(len(starts), dtype=np.int64)
    for place, weekdays in enumerate(usual):
        here = kind.ravel()[units[starts]] == place
        whole[here] = np.busday_count(begin[here], end[here], weekmask=weekdays.tolist())
    return whole


def _assembled(kept: Sequence[_Settled], labels: Sequence[str] | None, reading: _Reading) -> pd.DataFrame:
    """One column per metric on the calendar; units without a value are left out."""
    if not sum(len(item.units) for item in kept):
        coarser = next((f"{noun}s {rest}" for what, noun, rest in reading.told if what == COARSER), "")
        wrong = f"No metric has a value that can be used{': all have ' + coarser if coarser else ''}."
        fix = "Change the cadence of the map." if coarser else "Fill in the values."
        raise reading.sheet.fault(wrong, fix=fix)
    units = np.concatenate([item.units for item in kept])
    ordinals = np.concatenate([item.ordinals for item in kept])
    present, codes = np.unique(units, return_inverse=True)
    grid = _Grid.over(codes, ordinals, PERIODS[reading.cadence])
    if grid.length.sum() > 1000 + SPARSE * len(units):
        raise _stray_date(reading)
    whole = np.full((int(grid.length.sum()), len(kept)), np.nan)
    column = np.repeat(np.arange(len(kept)), [len(item.units) for item in kept])
    whole[grid.places(codes, ordinals), column] = np.concatenate([item.values for item in kept])
    gaps = int(np.isnan(whole).all(axis=1).sum())
    reading.count("gaps", "period", "without any value, left missing", gaps)
    if labels is not None:
        labels = [labels[code] for code in present]
        moving = int((grid.length < np.ptp(ordinals) + 1).sum())
        reading.count("units", "unit", f"of {len(present):,} open or close inside the time covered", moving)
        reading.count("no values", "unit", "left out", len(np.unique(reading.units)) - len(present))
    return pd.DataFrame(whole, index=grid.labelled(labels), columns=[item.metric.name for item in kept])


def _stray_date(reading: _Reading) -> SeriesError:
    """The date beyond the widest gap."""
    days = reading.times.days
    gap = int(np.argmax(np.diff(days)))
    code = gap if 2 * gap < len(days) else gap + 1
    row = int(np.argmax(reading.times.codes == code))
    wrong, fix = f"The time {days[code]} is far away from all others.", "Mend it, or delete the row."
    return reading.sheet.fault(wrong, reading.layout.time[-1], row, fix=fix)


def _computed(values: pd.DataFrame, ipo_map: IPOMap, wanted: Sequence[Metric]) -> pd.DataFrame:
    """The frame with the wanted metrics made by their formulas where their parts are there."""
    names = {metric.name for metric in wanted}
    columns = {str(name): values[name] for name in values if name not in names}
    formulas: dict[str, Formula] = {}
    for metric in wanted:
        with suppress(InventoryError):  # the map has told of a formula that cannot be understood
            formulas[metric.name] = Formula.parse(metric.formula, ipo_map.names)
    ready = True
    while ready:
        ready = False
        for name, formula in formulas.items():
            if formula.names and name not in columns and columns.keys() >= {*formula.names}:
                columns[name] = formula.evaluate(columns)
                ready = True
    columns |= {str(name): values[name] for name in values if name not in columns}
    order = [name for name in ipo_map.names if name in columns]
    return pd.DataFrame({name: columns[name] for name in order}, index=values.index)


def totals(panel: Panel, ipo_map: IPOMap) -> Panel:
    """The units of a panel taken together, period by period.

    Only units with values in every period count, or a total would move when a unit opens or closes. Metrics
    whose `aggregate` is `sum` are added up, others averaged over units; those with a formula are computed.

    Parameters
    ----------
    panel : with units; one without is given back as it is.
    ipo_map : says how each metric is aggregated.

    Raises
    ------
    NotEnoughData : no unit has values in every period.

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
    values = _computed(values, ipo_map, [metric for metric in known if metric.formula])
    told = f"{_count(len(whole), 'unit')} of {len(panel.units):,} with values in every period taken together"
    return Panel(values, panel.cadence, Receipt.of([("units", len(whole), told)]))
