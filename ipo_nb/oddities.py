"""What is looked at before any regression: steps, events, windows, copies, arithmetic. Asked about, never removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, nearest
from ipo_nb.identities import find_identities, half_decimal
from ipo_nb.links import PERIOD_WORDS, IPOMap
from ipo_nb.panel import SEASON, Panel
from ipo_nb.regression import Array
from ipo_nb.results import Result, spoken
from ipo_nb.signatures import Break, break_column, find_breaks, scaled, season_terms, trailing_window

__all__ = ["Oddities", "Term", "find_oddities", "near_copies", "term_columns"]

Term = tuple[str, str] | tuple[str, str, str]  # "step" or "event", the period, the unit if only one has it

COLUMNS = ["metric", "unit", "kind", "period", "other", "size", "t", "what"]
COPY = 0.98  # rank correlation, of levels and of changes, from which two metrics may be one thing
NEEDED = 30  # values needed to look for steps and events, 20 for copies
COMMON = 5  # units from which what most of them do at once is no oddity of one
EVERYTHING = 100  # metrics up to which all are held against all for arithmetic; above, those that a map links
WHEN = {"daily": "on", "weekly": "in the week of"}
MIXED = {100: "percent and share", 60: "minutes and hours", 1000: "thousands and single ones"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Oddities(Result):
    """What is odd about the series of a panel: questions to people who know them. Nothing was changed.

    Attributes
    ----------
    table : one row each: `metric`; `unit` (empty if it is about all); `kind` (`missing`, `constant`,
        `nearly_constant`, `mostly_zero`, `few_values`, `mixed_units`, `level_step`, `event`, `trailing_window`,
        `near_copy`, `identity`); `period` (of steps and events); `other` (the other metric, or metrics); `size` (of
        steps and events in the metric's units; else the periods of a window, a rank correlation, a share or number
        of values); `t` (of steps and events); `what` (the question in words).
    n_metrics, n_series : how many were searched for steps and events; a series is one metric in one unit.
    """

    table: pd.DataFrame
    n_metrics: int
    n_series: int

    @property
    def terms(self) -> dict[str, list[Term]]:
        """The steps and events as terms to hold constant, by metric. Hand over those that you can explain."""
        found: dict[str, list[Term]] = {}
        for metric, unit, kind, period in self.table[["metric", "unit", "kind", "period"]].to_numpy():
            if kind in ("level_step", "event"):
                found.setdefault(metric, []).append(_term(kind, period, unit))
        return found

    @property
    def text(self) -> str:
        """How many of each kind, and how many chance would make."""
        count = Counter(self.table["kind"])
        named = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in count.most_common())
        told = f"{len(self.table)} to ask about: {named}; nothing was changed." if named else "Nothing odd was found."
        if not self.n_series:
            return f"{told} No series has the {NEEDED} varied values that a search for steps and events needs."
        each = f" ({self.n_series:,} series)" if self.n_series > self.n_metrics else ""
        return (
            f"{told} Metrics searched for steps and events: {self.n_metrics:,}{each}. By chance alone up to one in "
            f"twenty of them shows a step, and up to one in twenty an event."
        )


class _Odd(NamedTuple):
    """One row of the table."""

    metric: str
    unit: str
    kind: str
    period: pd.Period | None
    other: str
    size: float
    t: float
    what: str


def find_oddities(panel: Panel, ipo_map: IPOMap | None = None) -> Oddities:
    """Look at every series before any link is tested, and put what is odd as a question.

    Level steps and one-period events stand out beside trend, season and the series' own past (Chen & Liu 1993); with
    units, beside what most units do at once. Per metric at most about 5 % show a step, and 5 % an event, by chance:
    measured on AR(0), AR(.5), AR(.9) and random walks with normal and t3 noise. Near copies have a rank correlation
    (Spearman 1904) above .98 in level and in change. Trailing windows are those of `signatures.trailing_window`.

    Parameters
    ----------
    panel : the series.
    ipo_map : its declared windows and formulas are known and not asked about again.

    Returns
    -------
    Oddities; its `.terms` can be handed to `weigh_links(..., terms=...)`.

    Examples
    --------
    >>> weeks = pd.period_range("2024-01-01", periods=80, freq="W-SUN")
    >>> wait = np.random.default_rng(1).normal(size=80).round(1) + np.where(np.arange(80) < 40, 8.0, 14.0)
    >>> find_oddities(Panel.of(pd.DataFrame({"Wait": wait}, index=weeks))).terms
    {'Wait': [('step', '2024-10-07')]}
    """
    grids, calendar = _grids(panel)
    units = panel.units
    names = [name for name in grids if ipo_map and name in ipo_map.names]
    declared = {frozenset((name, part)) for name in names if ipo_map for part in ipo_map.parts(name)}
    windows = {metric.name for metric in ipo_map.metrics if metric.window} if ipo_map else set()
    rows: list[_Odd] = []
    searched = []
    for name, grid in grids.items():
        rows += _values_of(name, grid, units)
        varied = [number for number, row in enumerate(grid) if _varied(row)]
        searched.append(len(varied))
        if varied and name not in windows:
            rows += _windows(name, grid[varied], panel.cadence)
        some = [units[number] for number in varied] if units else [""]
        rows += _breaks(name, grid[varied], some, calendar, panel.cadence)
    links = [(link.cause, link.effect) for link in ipo_map.links] if ipo_map else []
    identities = list(_identities(grids, links, declared))
    alone = {frozenset((row.metric, row.other)) for row in identities}
    rows += [*identities, *_copies(panel, declared | alone)]
    place = {name: number for number, name in enumerate(grids)}
    rows.sort(key=lambda row: place[row.metric])
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"period": object, "size": float, "t": float})
    return Oddities(table, sum(map(bool, searched)), sum(searched))


def term_columns(terms: Sequence[Term], calendar: pd.PeriodIndex, units: Sequence[str] = ()) -> Array:
    """Steps and events as regressors, to be projected out beside trend and season.

    Parameters
    ----------
    terms : ("step" or "event", period), or (..., period, unit) for one unit only; the period in any form that
        pandas reads as one of the calendar's. A term given twice counts once.
    calendar : the complete calendar of the series.
    units : the units in order, if there are units.

    Returns
    -------
    Array (terms, periods), with units (terms, units, periods): 1 in the period of an event, 1 from the period of a
    step on, else 0.

    Raises
    ------
    BadOption : another kind, a period outside the calendar, an unknown unit.

    Examples
    --------
    >>> months = pd.period_range("2024-01", periods=4, freq="M")
    >>> term_columns([("step", "2024-03"), ("event", "2024-02")], months)
    array([[0., 0., 1., 1.],
           [0., 1., 0., 0.]])
    """
    columns = []
    for kind, period, *only in dict.fromkeys(map(tuple, terms)):
        if kind not in ("step", "event"):
            raise BadOption(f"A term is of the kind {kind!r}.", value=kind, expected="step or event")
        if only and only[0] not in units:
            raise BadOption(f"There is no unit {only[0]!r}.", value=only[0], fix=nearest(str(only[0]), units))
        column = break_column(kind, _place(period, calendar), len(calendar))
        there = np.array([not only or unit == only[0] for unit in units], dtype=float)
        columns.append(there[:, None] * column if units else column)
    shape = (len(units), len(calendar)) if units else (len(calendar),)
    return np.array(columns, dtype=float).reshape(len(columns), *shape)


def _place(period: Any, calendar: pd.PeriodIndex) -> int:
    """The number of a period in the calendar."""
    try:
        place = int(calendar.get_indexer(pd.PeriodIndex([period], freq=calendar.freq))[0])
    except (TypeError, ValueError):
        place = -1
    if place < 0:
        expected = f"a period from {calendar[0]} to {calendar[-1]}"
        raise BadOption(f"The term's period {str(period)!r} is not on the calendar.", value=period, expected=expected)
    return place


def _grids(panel: Panel) -> tuple[dict[str, Array], pd.PeriodIndex]:
    """Each metric as (units, periods) on one complete calendar."""
    periods = pd.PeriodIndex(panel.values.index.get_level_values("period"))
    calendar = pd.period_range(periods.min(), periods.max(), freq=periods.freq)
    if not panel.units:
        return {name: panel.values[name].to_numpy()[None] for name in panel.names}, calendar
    row = pd.Categorical(panel.values.index.get_level_values("unit"), categories=list(panel.units)).codes
    cells = np.full((len(panel.names), len(panel.units), len(calendar)), np.nan)
    cells[:, row, calendar.get_indexer(periods)] = panel.values.to_numpy().T
    return dict(zip(panel.names, cells, strict=True)), calendar


def _commonest(values: Array) -> tuple[float, float]:
    """The commonest of the known values, and its share."""
    known, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    return (float(known[counts.argmax()]), counts.max() / counts.sum()) if known.size else (np.nan, 1.0)


def _varied(row: Array) -> bool:
    """Whether a series can be searched for steps, events and windows."""
    return bool(np.isfinite(row).sum() >= NEEDED and _commonest(row)[1] <= 0.5)


def _values_of(name: str, grid: Array, units: Sequence[str]) -> Iterator[_Odd]:
    """What the values alone say: none, one, few, mostly zero, in two units of measure."""
    kind, size, what = _plainly(grid[np.isfinite(grid)])
    if kind:
        yield _Odd(name, "", kind, None, "", size, np.nan, f"{name} {what}.")
    known = [row[np.isfinite(row)] for row in grid]
    still = [unit for unit, row in zip(units, known, strict=False) if row.size and row.min() == row.max()]
    if still and kind != "constant":
        listed = ", ".join(still[:3]) + (f" and {len(still) - 3} more" if len(still) > 3 else "")
        what = f"{name} never moves in {len(still)} of {len(units)} units ({listed}): they say nothing about it."
        yield _Odd(name, "", "constant", None, "", float(len(still)), np.nan, what)
    for number, row in enumerate(grid):
        yield from _mixed(name, units[number] if units else "", row)


def _plainly(known: Array) -> tuple[str, float, str]:
    """The kind of a metric that hardly moves, its size, and what is to be said; an empty kind for any other."""
    value, share = _commonest(known)
    distinct = np.unique(known)
    if not known.size:
        return "missing", 0.0, "has no values"
    if distinct.size == 1:
        return "constant", value, f"never moves from {spoken(value)}: nothing can be learnt about it from these data"
    if share >= 0.95:
        what = f"is {spoken(value)} in {share:.0%} of its values: whatever is found rests on the few others"
        return "nearly_constant", share, what
    if value == 0 and share >= 0.5:
        return "mostly_zero", share, f"is 0 in {share:.0%} of its values: whatever is found rests on the others"
    if distinct.size <= 5 and known.size >= NEEDED:
        listed = ", ".join(spoken(float(one)) for one in distinct)
        what = (
            f"takes {distinct.size} values only ({listed}): least squares suits it as a cause, but badly as an effect"
        )
        return "few_values", float(distinct.size), what
    return "", 0.0, ""


def _mixed(name: str, unit: str, row: Array) -> Iterator[_Odd]:
    """Values in two clusters that are about 100, 60 or 1000 times apart, with nothing between."""
    sizes = np.sort(np.log(np.abs(row[np.isfinite(row) & (row != 0)])))
    if sizes.size < NEEDED:
        return
    split = int(np.diff(sizes).argmax()) + 1
    apart = np.median(sizes[split:]) - np.median(sizes[:split])
    times = min(MIXED, key=lambda one: abs(apart - np.log(one)))
    clear = sizes[split] - sizes[split - 1] > 0.6 * np.log(times) and abs(apart - np.log(times)) < 0.25
    if clear and 3 <= split <= sizes.size - 3:
        low, high = (spoken(float(np.exp(np.median(part)))) for part in (sizes[:split], sizes[split:]))
        what = (
            f"{_of(name, unit)} has values around {low} and around {high}, about {times} times apart, and none "
            f"between. Are {MIXED[times]} mixed in one column?"
        )
        yield _Odd(name, unit, "mixed_units", None, "", float(times), np.nan, what)


def _windows(name: str, grid: Array, cadence: str) -> Iterator[_Odd]:
    """A metric that moves as if it were summed or averaged over some periods."""
    window, _gain = trailing_window(grid, SEASON[cadence])
    if window:
        span = f"{window} {PERIOD_WORDS[cadence]}"
        what = (
            f"{name} moves like a total or mean over {span}: its changes {span} apart cancel. Is it one? Then say "
            f"window: {window} in the inventory or, better, give the single values: a trailing figure smears the lag. "
            f"(Seasonal adjustment or smoothing can look alike.)"
        )
        yield _Odd(name, "", "trailing_window", None, "", float(window), np.nan, what)


def _breaks(name: str, grid: Array, units: Sequence[str], calendar: pd.PeriodIndex, cadence: str) -> Iterator[_Odd]:
    """The steps and events of each unit's series."""
    common = _common(grid) if len(grid) >= COMMON else np.empty((0, grid.shape[1]))
    for unit, row in zip(units, grid, strict=False):
        terms = np.vstack([season_terms(row, SEASON[cadence]), common])
        found = find_breaks(row, terms, alike=len(grid))
        starts = [one.at for one in found if one.kind == "step"]
        for one in found:
            later = [calendar[at] for at in starts if at > one.at]
            yield _broken(name, unit, one, [calendar[one.at], *later], cadence, shared=bool(common.size))


def _common(grid: Array) -> Array:
    """What most units do at once, each on its own scale: (1, periods)."""
    moved = np.array([scaled(row)[0] for row in grid])
    even = (moved - np.nanmean(moved, axis=1, keepdims=True)) / np.nanstd(moved, axis=1, keepdims=True)
    some = np.isfinite(even).any(axis=0)
    middle = np.zeros((1, grid.shape[1]))
    middle[0, some] = np.nanmedian(even[:, some], axis=0)
    return middle


def _broken(name: str, unit: str, one: Break, periods: Sequence[pd.Period], cadence: str, *, shared: bool) -> _Odd:
    """A step or an event as a question; its period, then those of the steps after it."""
    when = f"{WHEN.get(cadence, 'in')} {_written(periods[0])}"
    size = spoken(abs(one.size))
    if one.kind == "step":
        until = f" until {_written(periods[1])}" if periods[1:] else ""
        seen = f"stepped {'up' if one.size > 0 else 'down'} by {size} {when} and stayed there{until}"
        ask = "Did the work change, or the way it is counted?"
    else:
        seen = f"lay {size} {'above' if one.size > 0 else 'below'} its usual course {when}, and only then"
        ask = "A real event, or a slip?"
    beside = f"trend, season{',' if shared else ' and'} its own past{' and what most units do' if shared else ''}"
    offer = f"terms={{{name!r}: [{_term(one.kind, periods[0], unit)!r}]}}"
    told = f"{_of(name, unit)} {seen} (t = {one.t:.1f}, beside {beside})."
    what = f"{told} {ask} If you know why, give it as a term: {offer}."
    kind = "level_step" if one.kind == "step" else "event"
    return _Odd(name, unit, kind, periods[0], "", one.size, one.t, what)


def _of(name: str, unit: str) -> str:
    return f"{name} of {unit}" if unit else name


def _written(period: pd.Period) -> str:
    """A period as an analyst writes it: a week by its Monday."""
    return str(period.start_time.date()) if period.freqstr.startswith("W") else str(period)


def _term(kind: str, period: pd.Period, unit: str) -> Term:
    named = ("step" if kind in ("step", "level_step") else "event", _written(period))
    return (*named, unit) if unit else named


def _identities(
    grids: Mapping[str, Array], links: Sequence[tuple[str, str]], declared: Set[frozenset[str]]
) -> Iterator[_Odd]:
    """Arithmetic among the metrics, one statement for each set of them, unless it is declared."""
    columns = {name: (grid.ravel(), half_decimal(grid)) for name, grid in grids.items()}
    found = find_identities(columns, links if len(grids) > EVERYTHING else None)
    told: set[frozenset[str]] = set()
    for one in sorted(found.values(), key=lambda one: (one.rank, one.words)):
        among = frozenset((one.made, *one.parts))
        if among in told or any(frozenset(pair) in declared for pair in combinations(among, 2)):
            continue
        told.add(among)
        what = (
            f"In the data {one.words}, to rounding, in every period. Is that how it is made? Then write it as the "
            f"formula of {one.made}: arithmetic is never tested as a link."
        )
        yield _Odd(one.made, "", "identity", None, ", ".join(one.parts), np.nan, np.nan, what)


def near_copies(panel: Panel) -> dict[tuple[str, str], tuple[float, float]]:
    """Pairs of metrics that rank the periods alike, in level and in change, and these two rank correlations."""
    values = panel.values
    if panel.values.index.nlevels > 1:
        units = values.groupby(level="unit")
        values, changes = values - units.transform("mean"), units.diff()
    else:
        changes = values.diff()
    level, change = (frame.rank().corr(min_periods=20).to_numpy() for frame in (values, changes))
    alike = np.argwhere(np.triu((np.abs(level) > COPY) & (np.abs(change) > COPY), 1)).tolist()
    return {(panel.names[a], panel.names[b]): (float(level[a, b]), float(change[a, b])) for a, b in alike}


def _copies(panel: Panel, known: Set[frozenset[str]]) -> Iterator[_Odd]:
    """The near copies that are not known to be made of each other."""
    for (name, other), (level, change) in near_copies(panel).items():
        if frozenset((name, other)) not in known:
            what = (
                f"{name} and {other} rank the {PERIOD_WORDS[panel.cadence]} almost alike, in level ({level:.3f}) and "
                f"in change ({change:.3f}). Are they one thing measured twice? Then their link is no finding."
            )
            yield _Odd(name, "", "near_copy", None, other, change, np.nan, what)
