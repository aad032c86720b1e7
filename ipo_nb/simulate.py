"""KPI systems with a known truth: for samples, teaching and the error card."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, nearest
from ipo_nb.links import IPOMap, Link
from ipo_nb.metrics import Metric
from ipo_nb.panel import PERIODS, SEASON, Panel, computed
from ipo_nb.results import Result

__all__ = ["KINDS", "Planted", "Sample", "Shape", "simulate_system", "truth_table"]

KINDS = ("link", "too_weak", "none", "identity", "feedback", "conflict")
TOLD = {
    "link": ("is true", "are true"),
    "conflict": ("is a conflict", "are conflicts"),
    "feedback": ("is half of a loop", "are loops"),
    "too_weak": ("is too weak to be seen", "are too weak to be seen"),
    "none": ("is a false belief", "are false beliefs"),
    "identity": ("is arithmetic", "are arithmetic"),
}
WARM_UP = 60  # periods thrown away, so that the first one kept has a full past
SPACE = 2  # periods that a drawn-up map allows before and after the true lag
LAST_PERIOD = "2026-03-22"


@dataclass(frozen=True, slots=True)
class Planted:
    """One truth about a pair of metrics: what a simulation does to the effect when the cause moves.

    Attributes
    ----------
    cause, effect : names of two metrics.
    estimate : direct change of the effect (its units) for a lasting rise of the cause by one unit;
        0 for a belief that is false, NaN for arithmetic.
    lag : periods until it bites; NaN where nothing does.
    kind : `link`, `too_weak` (there, but not to be seen in the data at hand), `none`, `identity`,
        `feedback` (the other direction acts too), `conflict` (a team's KPI that harms an outcome).
    within : the effect answers to how far the unit's cause departs from the mean of all units, so that
        totals over units hide the link.
    """

    cause: str
    effect: str
    estimate: float
    lag: float = 1
    kind: str = "link"
    within: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            fix = nearest(self.kind, KINDS)
            raise BadOption(f"{self.kind!r} is no kind of planted link.", value=self.kind, fix=fix)
        if self.acts and not (self.lag >= 0 and float(self.lag).is_integer()):
            message = f"{self.cause} -> {self.effect}: a lag is a whole number of periods, 0 or more."
            raise BadOption(message, value=self.lag)

    @property
    def acts(self) -> bool:
        """Whether the cause moves the effect at all (arithmetic aside)."""
        return math.isfinite(self.estimate) and self.estimate != 0 and self.kind not in ("none", "identity")

    @property
    def sign(self) -> str:
        """`+` or `-`; empty where nothing moves or arithmetic says it."""
        return ("+" if self.estimate > 0 else "-") if self.acts else ""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a metric moves by itself, before any cause acts on it. Everything in units of the metric.

    Attributes
    ----------
    level : its mean at the start.
    sd : standard deviation of its own movement, autoregressive with coefficient `ar`.
    trend : how much it drifts from the first period to the last.
    season, peak : amplitude of a yearly wave, and the periods from the first one to a crest of it.
    events : (chance per period, height) of sudden events that last one period.
    carry : share of a change that is still there one period later; effects then build up slowly.
    low, high : bounds that no value passes.
    decimals : digits recorded.
    between : standard deviation of the units' own levels; `rank` adds so much per standard deviation of a
        hidden score that all metrics of a unit share; `shared` is the s.d. of movement common to all units.
    missing : (first period, how many) not recorded.
    """

    level: float = 100.0
    sd: float = 10.0
    ar: float = 0.5
    trend: float = 0.0
    season: float = 0.0
    peak: float = 0.0
    events: tuple[float, float] = (0.0, 0.0)
    carry: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    decimals: int = 2
    between: float = 0.0
    rank: float = 0.0
    shared: float = 0.0
    missing: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if not (-1 < self.ar < 1 and -1 < self.carry < 1):
            wide = "between -1 and 1, so that the metric stays where it is"
            raise BadOption("A memory of 1 or more runs away.", value=(self.ar, self.carry), expected=wide)
        if self.sd < 0 or self.low > self.high:
            value = (self.sd, self.low, self.high)
            raise BadOption("No metric has this shape.", value=value, expected="sd of 0 or more, low below high")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sample(Result):
    """A KPI system whose truth is known.

    Attributes
    ----------
    ipo_map, panel : the map and its series, as an analyst has them.
    truth : one row per planted pair: `cause, effect, kind, sign, lag` (periods), `estimate` (direct change of
        the effect, in its units, for a lasting rise of the cause by one unit).
    """

    name: str
    ipo_map: IPOMap
    panel: Panel
    truth: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """The truth."""
        return self.truth

    @property
    def text(self) -> str:
        """What the case holds, in two sentences."""
        counts = Counter(self.truth["kind"])
        told = [f"{counts[kind]} {words[counts[kind] > 1]}" for kind, words in TOLD.items() if counts[kind]]
        n_periods = self.panel.values.index.get_level_values("period").nunique()
        units = f" in {len(self.panel.units)} units" if self.panel.units else ""
        size = f"{len(self.ipo_map.metrics)} metrics over {n_periods} {self.panel.cadence} periods{units}"
        return f"{self.ipo_map.title or self.name}: {size}. Of its links {', '.join(told)}."


STARTER = (
    Planted("Staff hours", "Wait minutes", -0.06, lag=1),
    Planted("Training hours", "Resolution", 0.25, lag=3),
    Planted("Wait minutes", "Satisfaction", -0.12, lag=2),
    Planted("Resolution", "Satisfaction", 0.05, lag=1),
    Planted("Posts", "Satisfaction", 0.0, lag=math.nan, kind="none"),
)
STARTER_SHAPES = {
    "Staff hours": Shape(level=400, sd=15, decimals=0),
    "Training hours": Shape(level=40, sd=8, ar=0.4, decimals=1),
    "Posts": Shape(level=12, sd=3, decimals=0, low=0),
    "Wait minutes": Shape(level=8, sd=1.4, ar=0.4, season=0.6, low=0),
    "Resolution": Shape(level=70, sd=3.0, ar=0.3),
    "Satisfaction": Shape(level=7.5, sd=0.25, ar=0.4, high=10),
}


def simulate_system(
    planted: Sequence[Planted] = STARTER,
    shapes: Mapping[str, Shape] | None = None,
    *,
    ipo_map: IPOMap | None = None,
    periods: int | pd.PeriodIndex = 208,
    units: Sequence[str] = (),
    seed: int = 1,
) -> Sample:
    """A KPI system in which `planted` is true and nothing else is.

    Every metric is its level + trend + season + own autoregressive movement + what its causes do to it:
    `estimate` times the cause's departure from its level, `lag` periods ago.

    Parameters
    ----------
    planted : what is true of which pair.
    shapes : how each metric moves by itself; a metric without one gets `Shape()`. What has a `formula` in the
        map is computed by it.
    ipo_map : the map of an analyst; without one, the planted pairs as links whose windows hold the true lag.
    periods : how many, the last one in March 2026, or the periods themselves.
    units : names of the units of a panel; empty for one series per metric.
    seed : another seed is another draw of the same system. Streams go by order: renaming changes no number.

    Raises
    ------
    UnknownMetric : a planted pair names what neither `shapes` nor the map has.
    BadOption : causes of the same period run in a circle, or an option has no meaning.

    >>> sample = simulate_system([Planted("Staff", "Wait", -0.5, lag=2)], periods=104, seed=3)
    >>> sample.text
    'Simulated system: 2 metrics over 104 weekly periods. Of its links 1 is true.'
    """
    if planted is STARTER and shapes is None:
        shapes = STARTER_SHAPES
    pairs = [name for pair in planted for name in (pair.cause, pair.effect)]
    if ipo_map is None:
        ipo_map = _drawn_map(planted, dict.fromkeys([*(shapes or ()), *pairs]))
    when = _calendar(periods, ipo_map.cadence)
    planted = [_spelt(pair, ipo_map) for pair in planted]
    shapes = {ipo_map.metric(name).name: shape for name, shape in (shapes or {}).items()}
    moved = {metric.name: shapes.get(metric.name, Shape()) for metric in ipo_map.metrics if not metric.formula}
    recorded = _recorded(planted, moved, (max(len(units), 1), len(when)), SEASON[ipo_map.cadence], seed)
    index: Any = pd.MultiIndex.from_product([list(units), when], names=["unit", "period"]) if len(units) else when
    values = pd.DataFrame({name: array.ravel() for name, array in recorded.items()}, index=index)
    decimals = {name: shape.decimals for name, shape in shapes.items()}
    whole = computed(values, ipo_map, [metric for metric in ipo_map.metrics if metric.formula], decimals=decimals)
    if left := ", ".join(name for name in ipo_map.names if name not in whole):
        raise BadOption(f"These formulas cannot be worked out: {left}.", value=left, fix="Mend one of them.")
    return Sample(ipo_map.title or "simulated", ipo_map, Panel.of(whole.sort_index()), truth_table(planted))


def truth_table(planted: Sequence[Planted]) -> pd.DataFrame:
    """The planted pairs as a table: `cause, effect, kind, sign, lag, estimate`."""
    rows = [(p.cause, p.effect, p.kind, p.sign, p.lag, p.estimate) for p in planted]
    table = pd.DataFrame(rows, columns=["cause", "effect", "kind", "sign", "lag", "estimate"])
    return table.astype({"lag": "float64", "estimate": "float64"})


def _drawn_map(planted: Sequence[Planted], names: Iterable[str]) -> IPOMap:
    """The map of somebody who believes every planted pair, a little unsure when it bites."""
    causes, effects = {pair.cause for pair in planted}, {pair.effect for pair in planted}
    stage = {name: "input" if name not in effects else "process" if name in causes else "outcome" for name in names}
    links = []
    for pair in planted:
        lag = 0 if math.isnan(pair.lag) else int(pair.lag)
        links.append(Link(pair.cause, pair.effect, sign=pair.sign or "?", lag=(max(0, lag - SPACE), lag + SPACE)))
    return IPOMap([Metric(name, stage[name]) for name in stage], links, title="Simulated system")


def _calendar(periods: int | pd.PeriodIndex, cadence: str) -> pd.PeriodIndex:
    if isinstance(periods, pd.PeriodIndex):
        return periods.rename("period")
    if periods < 1:
        raise BadOption(f"A system of {periods} periods has no series.", value=periods, expected="1 or more")
    return pd.period_range(end=pd.Period(LAST_PERIOD, freq=PERIODS[cadence]), periods=periods, name="period")


def _spelt(pair: Planted, ipo_map: IPOMap) -> Planted:
    """The pair with its names as the map spells them; refused if it acts on or by what a formula computes."""
    ends = ipo_map.metric(pair.cause), ipo_map.metric(pair.effect)
    made = next((metric.name for metric in ends if metric.formula), None)
    if pair.acts and made:
        message = f"{pair.cause} -> {pair.effect}: {made!r} is computed, so nothing can be planted in it."
        raise BadOption(message, value=made, fix="Plant it in a metric that its formula is made of.")
    return replace(pair, cause=ends[0].name, effect=ends[1].name)


def _recorded(
    planted: Sequence[Planted], shapes: Mapping[str, Shape], size: tuple[int, int], season: int, seed: int
) -> dict[str, np.ndarray]:
    """Each metric as it is recorded, array (units, periods); a cause acts by its recorded value."""
    n_units, n_periods = size
    # RandomState's streams are frozen for good; those of default_rng may change with a release of NumPy.
    random = np.random.RandomState(seed)
    score = random.permutation([NormalDist().inv_cdf((unit + 0.5) / n_units) for unit in range(n_units)])
    movers = {name: _Mover(shape, score, n_periods, season, random) for name, shape in shapes.items()}
    acting = [pair for pair in planted if pair.acts]
    order = _same_period_order(acting, shapes)
    into = {name: [pair for pair in acting if pair.effect == name] for name in order}
    for now in range(WARM_UP + n_periods):
        for name in order:
            pushes = [_push(pair, movers[pair.cause].departure, now) for pair in into[name]]
            movers[name].step(now, sum(pushes))
    return {name: mover.recorded() for name, mover in movers.items()}


class _Mover:
    """One metric on its way through time; arrays are (units, periods), the warm-up in front."""

    def __init__(
        self, shape: Shape, score: np.ndarray, n_periods: int, season: int, random: np.random.RandomState
    ) -> None:
        self.shape = shape
        total = WARM_UP + n_periods
        self.level = shape.level + shape.rank * score + shape.between * random.standard_normal(len(score))
        time = np.arange(total) - WARM_UP
        wave = shape.season * np.cos(2 * np.pi * (time - shape.peak) / season) if shape.season else 0.0
        self.calm = shape.trend * time / max(n_periods - 1, 1) + wave
        common = shape.shared * _autoregressive(random.standard_normal((1, total)), shape.ar)
        self.own = common + shape.sd * _autoregressive(random.standard_normal((len(score), total)), shape.ar)
        chance, height = shape.events
        self.own += height * (random.uniform(size=(len(score), total)) < chance)
        self.departure = np.zeros((len(score), total))

    def step(self, now: int, push: np.ndarray | float) -> None:
        """Record period `now`, pushed by its causes; what is recorded is also what acts on others."""
        shape, past = self.shape, 0.0
        if shape.carry and now:
            past = self.departure[:, now - 1] - self.calm[now - 1]
        free = self.calm[now] + self.own[:, now] + shape.carry * past + (1 - shape.carry) * push
        value = np.round(np.clip(self.level + free, shape.low, shape.high), shape.decimals)
        self.departure[:, now] = value - self.level

    def recorded(self) -> np.ndarray:
        values = np.round(self.level[:, None] + self.departure[:, WARM_UP:], self.shape.decimals)
        first, count = self.shape.missing
        values[:, first : first + count] = np.nan
        return values


def _push(pair: Planted, departure: np.ndarray, now: int) -> np.ndarray:
    """What the cause does to the effect now; before the warm-up its first period stands in for the past."""
    then = departure[:, max(now - int(pair.lag), 0)]
    return pair.estimate * (then - then.mean() if pair.within else then)


def _autoregressive(noise: np.ndarray, coefficient: float) -> np.ndarray:
    """Noise (rows, periods) with a memory of one period, its variance kept at one."""
    out = noise.copy()
    fresh = math.sqrt(1 - coefficient**2)
    for now in range(1, noise.shape[1]):
        out[:, now] = coefficient * out[:, now - 1] + fresh * noise[:, now]
    return out


def _same_period_order(acting: Sequence[Planted], names: Iterable[str]) -> list[str]:
    """The metrics so that a cause without delay comes before its effect."""
    now = [pair for pair in acting if pair.lag == 0]
    causes = {name: [pair.cause for pair in now if pair.effect == name] for name in names}
    try:
        return list(TopologicalSorter(causes).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        message = f"Causes without delay run in a circle: {circle}."
        raise BadOption(message, value=circle, fix="Give one of these links a lag of 1 or more.") from None
