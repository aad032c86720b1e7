"""What moves, when and how surely, if a metric is put elsewhere and kept there."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from ipo_nb.drivers import IMPROVES, OWN, amount_of, beside, joined, levels, period_name, sized, when
from ipo_nb.errors import BadOption, NotIdentified, OutOfRange
from ipo_nb.evidence import Evidence
from ipo_nb.paths import Pair, Web, band, link_draws, reached_from, responses_to, shown_links
from ipo_nb.regression import Array
from ipo_nb.results import Result, spoken
from ipo_nb.verdicts import PERIOD_WORD, LagProfile

__all__ = ["GRADES", "Scenario", "reach_target", "run_scenario"]

GRADES = "ABC"  # what a scenario may stand on
LONGEST = 520  # periods ahead
MOST_KEPT = 2**28  # bytes of draws kept for the next step of a slider; what takes more is made anew
SUMMARY = ["metric", "stage", "team", "level", "estimate", "low", "high", "shows_by", "shows_on", "harmed", "unit"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scenario(Result):
    """What follows from a lasting change of some metrics, against no change.

    Attributes
    ----------
    changes : by how much each metric is moved at period 0, in its units, and kept there.
    table : one row per metric and period: `metric`, `period_ahead` (0 to `horizon`), `estimate`, `low`, `high` (change
        against no change in the metric's units; 95 % band). Changed metrics first.
    summary : one row per metric that moves: `metric`, `stage`, `team`, `level` (of late: mean of 13 weeks, 3 months or
        7 days; with units the typical unit's), `estimate`, `low`, `high` (at the horizon), `shows_by` (first period
        whose band leaves out 0; NaN if none), `shows_on` (that period's name, such as "2026-W12", if the change is made
        in the last period of the panel; empty if none), `harmed` (goes against its better direction by then), `unit`.
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
        changed = self.summary["metric"].isin(list(self.changes))
        what = joined([self._change(row) for row in self.summary[changed].to_dict("records")])
        moved = self.summary[~changed]
        goals, hurt = moved[moved["stage"] == "outcome"], list(moved[moved["harmed"]]["metric"])
        if moved.empty:
            return f"Changing {what} moves nothing else: no link of grade C or better leads on from there."
        said = [self._finding(row) for row in (moved if goals.empty else goals).head(3).to_dict("records")]
        parts = [f"Changing {what}{' in each unit' * self.per_unit} and keeping it there: {'; '.join(said)}."]
        parts += ["No shown path leads on to an outcome."] if goals.empty else []
        parts += [f"Hurt: {joined(hurt)}."] if hurt else []
        parts += [f"Feedback left out: {joined([' → '.join(pair) for pair in self.cut])}."] if self.cut else []
        return " ".join([*parts, "Only shown links are followed; all else is taken to stay as it is."])

    def _change(self, row: Mapping[Any, Any]) -> str:
        return f"{row['metric']} by {spoken(row['estimate'], signed=True)}{beside(row['metric'], row['unit'])}"

    def _finding(self, row: Mapping[Any, Any]) -> str:
        size = sized(row["estimate"], row["low"], row["high"], name=row["metric"], unit=row["unit"])
        shows = "not sure to show" if math.isnan(row["shows_by"]) else f"showing {when(row['shows_by'], self.cadence)}"
        periods = f"{self.horizon} {PERIOD_WORD[self.cadence]}{'s' * (self.horizon != 1)}"
        return f"{row['metric']} {size} after {periods}, {shows}"


def run_scenario(evidence: Evidence, changes: Mapping[str, float], *, horizon: int = 26) -> Scenario:
    """Follow a lasting change of one or more metrics along the links that the data show.

    The change happens at period 0 and stays. It travels along supported and contradicted links of grade C or better by
    each link's own response over time; `paths.Web` says how paths add up and loops are cut. A metric that is changed is
    held where it was put, whatever would move it. Bands are 95 %, from 2,000 draws of all links' sizes (fixed seed).

    Parameters
    ----------
    evidence : the weighed map.
    changes : metric -> change in its units; with units, the change in each unit.
    horizon : periods ahead, 1 to 520.

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.
    OutOfRange : a level that the data have not seen; says which change is still inside.
    BadOption : no change, a change that is no number, or an odd horizon.
    """
    known = evidence.ipo_map.metric
    given = {known(name).name: _number(name, by) for name, by in changes.items()}
    if not given:
        raise BadOption("The scenario changes nothing.", fix='Give it a change, such as {"Wait minutes": -1}.')
    if len(given) < len(changes):
        raise BadOption("The scenario changes one metric twice.", value=list(changes), fix="Give it one change.")
    routes = _followed(evidence, tuple(given), horizon)
    for name, by in given.items():
        _check_range(evidence, name, by)
    bands = {name: routes.band(name, given) for name in routes.order}
    columns = np.concatenate(list(bands.values()), axis=1)
    table = {"metric": np.repeat(np.array(list(bands), dtype=object), horizon + 1)}
    table |= {"period_ahead": np.tile(np.arange(horizon + 1), len(bands))}
    table |= dict(zip(["estimate", "low", "high"], columns, strict=True))
    summary = [_summed_up(evidence, name, course) for name, course in bands.items()]
    tables = pd.DataFrame(table), pd.DataFrame(summary, columns=SUMMARY)
    return Scenario(given, horizon, evidence.ipo_map.cadence, *tables, routes.cut, bool(evidence.panel.units))


def _summed_up(evidence: Evidence, name: str, course: Array) -> list[Any]:
    """A metric's row of the summary."""
    metric, ends = evidence.ipo_map.metric(name), course[:, -1].tolist()
    sure = np.flatnonzero((course[1] > 0) | (course[2] < 0)).tolist()
    shows = (float(sure[0]), period_name(_memory(evidence).last + sure[0])) if sure else (math.nan, "")
    harmed = max(IMPROVES.get(metric.better, 0) * end for end in ends) < 0
    return [name, metric.stage, metric.team, _seen(evidence, name)[0], *ends, *shows, harmed, metric.unit]


def _number(name: str, by: object) -> float:
    if isinstance(by, bool) or not isinstance(by, int | float | np.number) or not math.isfinite(by):
        raise BadOption(f"The change of {name!r} is no number.", value=by, expected="a number in the metric's units")
    return float(by)


@dataclass(frozen=True, slots=True)
class _Routes:
    """Where all go for one unit of each source, the other sources held: what does not depend on how far these are put.

    Attributes
    ----------
    asked : the links, the sources and the horizon that this answers.
    order : the metrics that move, sources first.
    alone : name -> a source and its effect's (3, periods) band, where no other source reaches the metric.
    together : name -> course by source, (draws, periods) with the estimate first, where several do.
    """

    asked: tuple[Mapping[Pair, LagProfile], Sequence[str], int]
    cut: tuple[Pair, ...]
    order: tuple[str, ...]
    alone: Mapping[str, tuple[str, Array]]
    together: Mapping[str, Mapping[str, Array]]

    @classmethod
    def of(cls, impulses: Mapping[Pair, Array], asked: tuple[Mapping[Pair, LagProfile], Sequence[str], int]) -> _Routes:
        _, sources, horizon = asked
        web, at_once = Web.of(impulses, sources), np.eye(1, horizon + 1)
        moved = {source: web.moved({source: at_once}, held=sources) for source in sources}
        order = [*sources, *(name for name in web.direct if name not in sources)]
        by = {name: {source: went[name] for source, went in moved.items() if name in went} for name in order}
        courses = {name: {source: part.cumsum(axis=1) for source, part in parts.items()} for name, parts in by.items()}
        one = {name: next(iter(parts.items())) for name, parts in courses.items() if len(parts) == 1}
        alone = {name: (source, np.array(band(course))) for name, (source, course) in one.items()}
        together = {name: parts for name, parts in courses.items() if len(parts) > 1}
        return cls(asked, web.cut, tuple(name for name in order if by[name]), alone, together)

    @property
    def size(self) -> int:
        """Bytes of the draws that are held."""
        return sum(course.nbytes for parts in self.together.values() for course in parts.values())

    def band(self, name: str, changes: Mapping[str, float]) -> Array:
        """(3, periods): estimate, low and high of a metric's course."""
        if name in self.together:
            parts = [changes[source] * course for source, course in self.together[name].items()]
            return np.array(band(reduce(np.add, parts)))
        source, unit = self.alone[name]
        estimate, *ends = changes[source] * unit + 0.0  # no minus before a nought
        return np.array([estimate, np.minimum(*ends), np.maximum(*ends)])


@dataclass(slots=True)
class _Memory:
    """What was asked of an evidence before, and a slider's next step asks again."""

    last: pd.Period
    seen: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    routes: _Routes | None = None


# Gone with its evidence, and never more than the last routes of each: a slider moves one set of metrics many times.
# Series and links are taken to stay as they were weighed; another evidence of the same map has a memory of its own.
_MEMORIES: WeakKeyDictionary[Evidence, _Memory] = WeakKeyDictionary()


def _memory(evidence: Evidence) -> _Memory:
    if evidence not in _MEMORIES:
        _MEMORIES[evidence] = _Memory(evidence.panel.values.index.get_level_values("period").max())
    return _MEMORIES[evidence]


def _followed(evidence: Evidence, sources: tuple[str, ...], horizon: int) -> _Routes:
    """The routes of a change of the sources, as they were made last time if the same is asked again."""
    _check_horizon(horizon)
    memory, asked = _memory(evidence), (shown_links(evidence, grades=GRADES), sources, int(horizon))
    if memory.routes and memory.routes.asked == asked:
        return memory.routes
    reached = reached_from(asked[0], sources)
    links = {pair: link for pair, link in asked[0].items() if set(pair) <= reached}
    routes = _Routes.of(_impulses(evidence, links, horizon), asked)
    memory.routes = routes if routes.size <= MOST_KEPT else None
    return routes


def _check_horizon(horizon: int) -> None:
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or not 1 <= horizon <= LONGEST:
        expected = f"a whole number of periods from 1 to {LONGEST}"
        raise BadOption(f"The horizon {horizon!r} cannot stand.", value=horizon, expected=expected)


def _impulses(evidence: Evidence, links: Mapping[Pair, LagProfile], horizon: int) -> dict[Pair, Array]:
    return {pair: _impulse(link_draws(evidence, pair), link, horizon) for pair, link in links.items()}


def _impulse(draws: Array, profile: LagProfile, horizon: int) -> Array:
    """Draws of a link's impulse response: its shape, scaled so that the lasting effect varies as it is known.

    Where a passing effect leaves next to nothing behind, the interval is set against the peak instead.
    """
    course = np.array(profile.response or [0.0] * (profile.lag or 0) + [profile.estimate])
    peak = float(np.abs(course).max())
    scale = profile.estimate if abs(profile.estimate) > 0.05 * peak else math.copysign(peak or 1.0, profile.estimate)
    course = np.pad(course, (0, max(0, horizon + 1 - len(course))), mode="edge")[: horizon + 1]
    shape = np.diff(course, prepend=0.0)[:, None]
    return (shape * (1 + (draws - profile.estimate) / scale)).T  # a period's draws together in memory


def _seen(evidence: Evidence, name: str) -> tuple[float, float, float]:
    """Where a metric stands of late, its lowest and its highest; with units, those of the typical unit."""
    seen = _memory(evidence).seen
    if name not in seen:
        units = levels(evidence.panel, name)
        if not len(units):
            raise OutOfRange(
                f"There are no numbers for {name}, so no range was seen.", value=name, fix="Add its series."
            )
        level, low, high = np.median(units, axis=0).tolist()
        seen[name] = level, low, high
    return seen[name]


def _level(value: float, unit: str) -> str:
    """A level with its unit: a share moves by percentage points, and stands at percent."""
    return re.sub("percentage points?", "percent", amount_of(value, unit))


def _check_range(evidence: Evidence, name: str, by: float) -> None:
    """Refuse a level that the data have not seen."""
    level, low, high = _seen(evidence, name)
    if (low - level) * (1 + 1e-9) <= by <= (high - level) * (1 + 1e-9):
        return
    stands = f"{name} stands at {_level(level, evidence.ipo_map.metric(name).unit)}"
    where = " in the typical unit" * bool(evidence.panel.units)
    raise OutOfRange(
        f"{stands}{where} of late and was seen from {spoken(low)} to {spoken(high)}:"
        f" moving it by {spoken(by, signed=True)} leads outside.",
        value=by,
        expected=f"a change from {spoken(low - level, signed=True)} to {spoken(high - level, signed=True)}",
        fix="What lies outside would be a guess: try it on a small scale first.",
    )


def reach_target(
    evidence: Evidence, outcome: str, target: float, *, metric: str | None = None, horizon: int = 26
) -> Scenario:
    """The smallest change of one metric that brings an outcome to a target within the horizon.

    Smallest is the least of the way that the metric has to the end of what was seen. By the estimate, that is: half of
    the time it falls short; the band of the scenario says how far.

    Parameters
    ----------
    evidence : the weighed map.
    outcome : the metric to bring to the target, from its level of late.
    target : the level wanted, in the outcome's units (with units, of the typical unit).
    metric : the metric to change; without one, every metric that a team can move (controllable 2 or 3) is tried.
    horizon : periods ahead.

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.
    NotIdentified : no shown path leads there from a metric that can be moved.
    OutOfRange : the target cannot be reached inside the seen range; says how far one gets.
    BadOption : a target that is met already, or no number.
    """
    ipo_map, goal = evidence.ipo_map, evidence.ipo_map.metric(outcome)
    level = _seen(evidence, goal.name)[0]
    needed = _number(goal.name, target) - level
    if needed * IMPROVES.get(goal.better, needed) <= 0:
        said = f"{goal.name} stands at {_level(level, goal.unit)} of late: {spoken(target)} is met already."
        raise BadOption(said, value=target, fix="Set a target beyond its level.")
    levers = ipo_map.metrics if metric is None else [ipo_map.metric(metric)]
    names = [lever.name for lever in levers if metric is not None or (lever.controllable or 0) >= OWN]
    effects = _lasting(evidence, names, goal.name, horizon)
    reached = {name: needed / effect for name, effect in effects.items()}
    if not reached:
        tried = metric or "any metric that a team can move (controllable 2 or 3)"
        said = f"No link of grade C or better leads surely from {tried} to {goal.name} within {horizon} periods."
        raise NotIdentified(said, value=metric, fix="Name a metric with a shown path, or gather more data.")
    seen = {name: _seen(evidence, name) for name in reached}
    room = {name: seen[name][2 if by > 0 else 1] - seen[name][0] for name, by in reached.items()}
    best = max(room, key=lambda name: room[name] / reached[name])
    if room[best] / reached[best] >= 1:
        return run_scenario(evidence, {best: reached[best]}, horizon=horizon)
    gets = spoken(level + room[best] * effects[best])
    raise OutOfRange(
        f"{goal.name} cannot be brought from {spoken(level)} to {_level(target, goal.unit)} by one metric"
        f" inside what was seen: {best} by {spoken(room[best], signed=True)} gets it to {gets}.",
        value=target,
        expected=f"a target {'up' if needed > 0 else 'down'} to {gets}",
        fix="Change several metrics at once with run_scenario, or set a nearer target.",
    )


def _lasting(evidence: Evidence, sources: Sequence[str], outcome: str, horizon: int) -> dict[str, float]:
    """Change of the outcome at the horizon, where sure, for a lasting rise of one unit of each source by itself."""
    _check_horizon(horizon)
    impulses = _impulses(evidence, shown_links(evidence, grades=GRADES), horizon)
    responses = responses_to(impulses, outcome, sources)
    ends = {name: [float(end) for end in band(responses[name].sum(axis=1))] for name in sources if name in responses}
    return {name: estimate for name, (estimate, low, high) in ends.items() if estimate and (low > 0 or high < 0)}
