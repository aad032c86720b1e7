"""What moves, when and how surely, if a metric is put elsewhere and kept there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.drivers import (
    IMPROVES,
    OWN,
    Array,
    Pair,
    Web,
    amount_of,
    joined,
    levels,
    link_draws,
    shown_links,
    sized,
    swing,
    unit_beside,
    when,
)
from ipo_nb.errors import BadOption, NotIdentified, OutOfRange
from ipo_nb.evidence import Evidence
from ipo_nb.lags import PERIOD_WORD, LagProfile
from ipo_nb.metrics import Metric
from ipo_nb.results import Result, spoken

__all__ = ["GRADES", "Scenario", "reach_target", "run_scenario"]

GRADES = "ABC"  # what a scenario may stand on
LONGEST = 520  # periods ahead
SUMMARY = ["metric", "stage", "team", "level", "estimate", "low", "high", "shows_by", "harmed", "unit"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scenario(Result):
    """What follows from a lasting change of some metrics, against no change.

    Attributes
    ----------
    changes : by how much each metric is moved at period 0, in its units, and kept there.
    table : one row per metric and period: `metric`, `period_ahead` (0 to `horizon`), `estimate`, `low`,
        `high` (change against no change in the metric's units; 95 % band). Changed metrics first.
    summary : one row per metric that moves: `metric`, `stage`, `team`, `level` (of late: mean of the last
        season; with units the typical unit's), `estimate`, `low`, `high` (at the horizon), `shows_by` (first
        period whose band leaves out 0; NaN if none), `harmed` (goes against its better direction by then),
        `unit`.
    cut : feedback links that were left out.
    """

    changes: Mapping[str, float]
    horizon: int
    cadence: str
    table: pd.DataFrame
    summary: pd.DataFrame
    cut: tuple[Pair, ...] = ()
    per_unit: bool = False

    @property
    def text(self) -> str:
        what = joined([self._change(row) for row in self.summary.head(len(self.changes)).itertuples()])
        moved = self.summary[~self.summary["metric"].isin(list(self.changes))]
        goals = moved[moved["stage"] == "outcome"]
        shown = goals if len(goals) else moved
        if moved.empty:
            return f"Changing {what} moves nothing else: no link of grade C or better leads on from there."
        said = [self._finding(row) for row in shown.head(3).itertuples()]
        where = " in each unit" if self.per_unit else ""
        text = f"Changing {what}{where} and keeping it there: {'; '.join(said)}."
        hurt = list(moved[moved["harmed"]]["metric"])
        parts = [text, "" if len(goals) else "No shown path leads on to an outcome."]
        parts += [f"Hurt: {joined(hurt)}." if hurt else ""]
        parts += [f"Feedback left out: {joined([f'{a} → {b}' for a, b in self.cut])}." if self.cut else ""]
        return " ".join([*filter(None, parts), "Only shown links are followed; all else is taken to stay as it is."])

    def _change(self, row: Any) -> str:
        return f"{row.metric} by {spoken(row.estimate, signed=True)} {unit_beside(row.metric, row.unit)}".rstrip()

    def _finding(self, row: Any) -> str:
        size = f"{row.metric} {sized(row.estimate, row.low, row.high, unit=unit_beside(row.metric, row.unit))}"
        word = PERIOD_WORD[self.cadence] + "s" * (self.horizon != 1)
        shows = "" if math.isnan(row.shows_by) else f", showing {when(row.shows_by, self.cadence)}"
        return f"{size} after {self.horizon} {word}{shows or ', not sure to show'}"


def run_scenario(evidence: Evidence, changes: Mapping[str, float], *, horizon: int = 26) -> Scenario:
    """Follow a lasting change of one or more metrics along the links that the data show.

    The change happens at period 0 and stays. It travels along supported and contradicted links of grade C or
    better by each link's own response over time; effects along several paths add up. Bands are 95 %, from
    2,000 draws of all links' sizes (fixed seed). A metric that is changed is held where it was put, whatever
    would move it; `drivers.Web` says how paths add up and how loops are cut.

    Parameters
    ----------
    evidence : the weighed map.
    changes : metric -> change in its units; with units, the change in each unit.
    horizon : periods ahead, 1 to 520.

    Returns
    -------
    Scenario

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.
    OutOfRange : a level that the data have not seen; says which change is still inside.
    BadOption : no change, a change that is no number, or an odd horizon.
    """
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or not 1 <= horizon <= LONGEST:
        expected = f"a whole number of periods from 1 to {LONGEST}"
        raise BadOption(f"The horizon {horizon!r} cannot stand.", value=horizon, expected=expected)
    given = {evidence.ipo_map.metric(name).name: _number(name, by) for name, by in changes.items()}
    if not given:
        raise BadOption("The scenario changes nothing.", fix='Give it a change, such as {"Wait minutes": -1}.')
    if len(given) < len(changes):
        raise BadOption("The scenario changes one metric twice.", value=list(changes), fix="Give it one change.")
    for name, by in given.items():
        _inside(evidence, name, by)
    web = _web(evidence, list(given), int(horizon))
    steps = {name: _step(by, int(horizon)) for name, by in given.items()}
    return _scenario(evidence, given, web, web.moved(steps))


def _number(name: str, by: object) -> float:
    if isinstance(by, bool) or not isinstance(by, int | float | np.number) or not math.isfinite(by):
        raise BadOption(f"The change of {name!r} is no number.", value=by, expected="a number in the metric's units")
    return float(by)


def _step(by: float, horizon: int) -> Array:
    """A lasting change at period 0, as an impulse."""
    return np.array([[by] + [0.0] * horizon])


def _web(evidence: Evidence, sources: Sequence[str], horizon: int) -> Web:
    links = shown_links(evidence, grades=GRADES)
    impulses = {pair: _impulse(evidence, pair, profile, horizon) for pair, profile in links.items()}
    return Web.of(impulses, sources)


def _impulse(evidence: Evidence, pair: Pair, profile: LagProfile, horizon: int) -> Array:
    """Draws of a link's impulse response: its shape, scaled so that the lasting effect varies as it is known.

    Where a passing effect leaves next to nothing behind, the interval is set against the peak instead.
    """
    course = np.array(profile.response or [0.0] * (profile.lag or 0) + [profile.estimate])
    course = np.concatenate([course, np.full(max(0, horizon + 1 - len(course)), course[-1])])[: horizon + 1]
    peak = float(np.abs(profile.response or [profile.estimate]).max())
    scale = profile.estimate if abs(profile.estimate) > 0.05 * peak else math.copysign(peak or 1.0, profile.estimate)
    factor = 1 + (link_draws(evidence, pair) - profile.estimate) / scale
    return factor[:, None] * np.diff(course, prepend=0.0)


def _inside(evidence: Evidence, name: str, by: float) -> None:
    """Refuse a level that the data have not seen."""
    metric, (down, up) = evidence.ipo_map.metric(name), _room(evidence, name)
    if down * (1 + 1e-9) <= by <= up * (1 + 1e-9):
        return
    level, low, high = np.median(levels(evidence.panel, name), axis=0)
    where = " in the typical unit" if evidence.panel.units else ""
    raise OutOfRange(
        f"{name} stands at {amount_of(level, metric.unit)}{where} of late and was seen from {spoken(low)} to"
        f" {spoken(high)}: moving it by {spoken(by, signed=True)} leads outside.",
        value=by,
        expected=f"a change from {spoken(down, signed=True)} to {spoken(up, signed=True)}",
        fix="What lies outside would be a guess: try it on a small scale first.",
    )


def _room(evidence: Evidence, name: str) -> tuple[float, float]:
    """How far a metric can be moved down and up inside what was seen; with units, the typical one."""
    seen = levels(evidence.panel, name)
    if not len(seen):
        raise OutOfRange(f"There are no numbers for {name}, so no range was seen.", value=name, fix="Add its series.")
    return float(np.median(seen[:, 1] - seen[:, 0])), float(np.median(seen[:, 2] - seen[:, 0]))


def _scenario(evidence: Evidence, given: Mapping[str, float], web: Web, moved: Mapping[str, Array]) -> Scenario:
    """The courses of all metrics as a scenario, changed ones first, then causes before effects."""
    names = [*given, *(name for name in web.order if name in moved and name not in given)]
    horizon = next(iter(moved.values())).shape[1] - 1
    tables, rows = [], []
    for name in names:
        course = moved[name].cumsum(axis=1)
        low, high = np.quantile(course[1:], [0.025, 0.975], axis=0) if len(course) > 1 else (course[0], course[0])
        band = {
            "metric": name,
            "period_ahead": range(horizon + 1),
            "estimate": course[0],
            "low": low,
            "high": high,
        }
        tables.append(pd.DataFrame(band))
        rows.append(_summary_row(evidence, evidence.ipo_map.metric(name), course[0], low, high))
    table, summary = pd.concat(tables, ignore_index=True), pd.DataFrame(rows, columns=SUMMARY)
    cadence, per_unit = evidence.ipo_map.cadence, bool(evidence.panel.units)
    return Scenario(dict(given), horizon, cadence, table, summary, web.cut, per_unit)


def _summary_row(evidence: Evidence, metric: Metric, course: Array, low: Array, high: Array) -> list[object]:
    sure = np.flatnonzero((low > 0) | (high < 0))
    seen = levels(evidence.panel, metric.name)
    level = float(np.median(seen[:, 0])) if len(seen) else math.nan
    wrong = course[-1] * IMPROVES.get(metric.better, 0) < 0 and bool(low[-1] > 0 or high[-1] < 0)
    ends = float(course[-1]), float(low[-1]), float(high[-1])
    shows = float(sure[0]) if len(sure) else math.nan
    return [metric.name, metric.stage, metric.team, level, *ends, shows, wrong, metric.unit]


def reach_target(
    evidence: Evidence, outcome: str, target: float, *, metric: str | None = None, horizon: int = 26
) -> Scenario:
    """The smallest change of one metric that brings an outcome to a target within the horizon.

    Smallest is counted in the metric's own usual swing (standard deviation). By the estimate, that is: half
    of the time it falls short; the band of the scenario says how far.

    Parameters
    ----------
    evidence : the weighed map.
    outcome : the metric to bring to the target.
    target : the level wanted, in the outcome's units (with units, of the typical unit), from its level of
        late.
    metric : the metric to change; without one, every metric that a team can move (controllable 2 or 3) is
        tried.
    horizon : periods ahead.

    Returns
    -------
    Scenario of that change.

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.
    NotIdentified : no shown path leads there from a metric that can be moved.
    OutOfRange : the target cannot be reached inside the seen range; says how far one gets.
    BadOption : a target that is met already, or no number.
    """
    goal = evidence.ipo_map.metric(outcome)
    seen = levels(evidence.panel, goal.name)
    if not len(seen):
        raise NotIdentified(f"There are no numbers for {goal.name}.", value=goal.name, fix="Add its series.")
    level = float(np.median(seen[:, 0]))
    needed = _number(goal.name, target) - level
    if needed * (IMPROVES.get(goal.better) or np.sign(needed)) <= 0:
        stands = f"{goal.name} stands at {amount_of(level, goal.unit)} of late"
        raise BadOption(
            f"{stands}: {spoken(target)} is met already.", value=target, fix="Set a target beyond its level."
        )
    names = [evidence.ipo_map.metric(metric).name] if metric is not None else _levers(evidence, goal.name)
    found = {name: _lasting(evidence, name, goal.name, horizon) for name in names}
    reached = {name: needed / effect for name, effect in found.items() if effect}
    if not reached:
        tried = metric or "any metric that a team can move (controllable 2 or 3)"
        said = f"No link of grade C or better leads surely from {tried} to {goal.name} within {horizon} periods."
        raise NotIdentified(said, value=metric, fix="Name a metric with a shown path, or gather more data.")
    inside = [name for name, by in reached.items() if _room(evidence, name)[0] <= by <= _room(evidence, name)[1]]
    if inside:
        best = min(inside, key=lambda name: abs(reached[name]) / (swing(evidence.panel, name) or math.inf))
        return run_scenario(evidence, {best: reached[best]}, horizon=horizon)
    furthest = {name: _room(evidence, name)[int(by > 0)] for name, by in reached.items()}
    best = max(furthest, key=lambda name: furthest[name] / reached[name])
    gets = level + furthest[best] * found[best]
    raise OutOfRange(
        f"{goal.name} cannot be brought from {spoken(level)} to {amount_of(target, goal.unit)} by one metric"
        f" inside what was seen: {best} by {spoken(furthest[best], signed=True)} gets it to {spoken(gets)}.",
        value=target,
        expected=f"a target {'up' if needed > 0 else 'down'} to {spoken(gets)}",
        fix="Change several metrics at once with run_scenario, or set a nearer target.",
    )


def _levers(evidence: Evidence, outcome: str) -> list[str]:
    metrics = evidence.ipo_map.metrics
    movable = [metric.name for metric in metrics if (metric.controllable or 0) >= OWN and metric.name != outcome]
    return [name for name in movable if name in evidence.panel.values.columns]


def _lasting(evidence: Evidence, source: str, outcome: str, horizon: int) -> float:
    """Change of the outcome at the horizon for a lasting rise of one unit; 0 where its band holds 0."""
    moved = _web(evidence, [source], horizon).moved({source: _step(1.0, horizon)})
    if outcome not in moved or outcome == source:
        return 0.0
    size = moved[outcome].sum(axis=1)
    low, high = np.quantile(size[1:], [0.025, 0.975])
    return float(size[0]) if low > 0 or high < 0 else 0.0
