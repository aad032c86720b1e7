"""What moves an outcome: links ranked, paths that lead to it, what is won at its cost, who can move what."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.errors import BadOption, NotEnoughData
from ipo_nb.evidence import Evidence, driver_blocks
from ipo_nb.lags import PERIOD_WORD, LagProfile
from ipo_nb.links import IPOMap
from ipo_nb.metrics import Metric
from ipo_nb.panel import Panel
from ipo_nb.results import Result, spoken

__all__ = [
    "IMPROVES",
    "MOST_EXACT",
    "OWN",
    "SHOWN",
    "Accountability",
    "Array",
    "Conflicts",
    "Drivers",
    "Pair",
    "PathEffects",
    "Web",
    "accountability",
    "amount_of",
    "changed",
    "convolved",
    "find_conflicts",
    "fitting",
    "in_words",
    "joined",
    "judged_on",
    "levels",
    "link_draws",
    "lmg",
    "path_effects",
    "per_hundred",
    "rank_drivers",
    "shown_links",
    "sized",
    "step_of",
    "swing",
    "unit_beside",
    "when",
]

Array = NDArray[np.float64]
Pair = tuple[str, str]
Row = dict[str, Any]

SHOWN = (
    "supported",
    "contradicted",
)  # verdicts that carry an effect
IMPROVES = {"higher": 1, "lower": -1}
OWN = 2  # `controllable` from which a team can move a metric itself
HARM = 0.9  # probability from which a conflict is named
SEED = 20240229
DRAWS = 2000  # of each link's effect, for whatever is made of several links
RESAMPLES, FEW_RESAMPLES, MANY_PLAYERS = 999, 199, 12  # fewer where sub-models are many
MOST_EXACT = 16  # drivers: 65,536 sub-models, about 0.05 s
CELLS = 2**16  # sub-models times resamples held in memory at once
DEPENDENT = 1e-10  # squared length left of a unit column, below which it says nothing beside the others
LONGEST_PATH = 8


# Shares ----------------------------------------------------------------------------------------------------


def lmg(outcome: Array, blocks: Mapping[str, Array], *, resamples: int = 0) -> Array:
    """What each block of columns adds to R2, averaged over all orders in which the blocks can enter.

    Each of the 2^P sub-models is swept out of the cross-products once; the average over the P! orders is then
    Shapley's formula over the sub-models, exact up to rounding.

    Parameters
    ----------
    outcome : (n,).
    blocks : name -> (n, k) columns that enter together, such as the lags of one cause; at most 16 blocks.
    resamples : bootstrap samples of the rows, from a fixed seed.

    Returns
    -------
    (1 + resamples, P) contributions, the data first; a row adds up to the R2 of all blocks together.

    Raises
    ------
    BadOption : more than 16 blocks.
    NotEnoughData : not more rows than columns.

    Notes
    -----
    Lindeman, Merenda & Gold (1980), p. 119; Groemping (2006), J. Statistical Software 17(1). Columns are
    centred.

    Examples
    --------
    >>> x = np.array([[1.0, 0, -1, 0], [0, 1.0, 0, -1]]).T
    >>> lmg(x @ np.array([2.0, 1.0]), {"a": x[:, :1], "b": x[:, 1:]}).round(2).tolist()
    [[0.8, 0.2]]
    """
    widths = [block.shape[1] for block in blocks.values()]
    if len(widths) > MOST_EXACT:
        raise BadOption(
            f"{len(widths)} drivers are too many for exact shares, since each subset of them is a model.",
            value=len(widths),
            expected=f"at most {MOST_EXACT} drivers",
            fix="Take the links that nobody believes in off the map.",
        )
    n = len(outcome)
    if n <= sum(widths) + 1:
        said = f"{n} rows cannot carry {sum(widths)} columns."
        raise NotEnoughData(said, value=n, fix="Add periods, or narrow the lag windows.")
    if not widths:
        return np.zeros((1 + resamples, 0))
    design = _unit_columns(np.column_stack([*blocks.values(), outcome]))
    draw, chunk = np.random.default_rng(SEED), max(1, min(128, CELLS >> len(widths)))
    parts = [_contributions(_crossed(design, np.ones((1, n))), widths)]
    for first in range(0, resamples, chunk):
        counts = draw.multinomial(n, np.full(n, 1 / n), size=min(chunk, resamples - first))
        parts.append(_contributions(_crossed(design, counts.astype(float)), widths))
    return np.concatenate(parts)


def _unit_columns(columns: Array) -> Array:
    """A constant, then the centred columns, each of length one (or nothing, if it never moves)."""
    centred = columns - columns[0]
    centred = centred - centred.mean(axis=0)
    largest = np.abs(centred).max(axis=0)
    centred = centred / np.where(largest > 0, largest, 1.0)
    length = np.sqrt((centred**2).sum(axis=0))
    constant = np.full((len(columns), 1), 1 / math.sqrt(len(columns)))
    return np.hstack([constant, centred / np.where(length > 0, length, 1.0)])


def _crossed(design: Array, counts: Array) -> Array:
    """Cross-products of each resample with its means taken out: (resamples, columns, columns)."""
    return _without_first(np.matmul(design.T * counts[:, None, :], design))


def _without_first(crossed: Array) -> Array:
    """Cross-products of what is left of the other columns once the first is taken out of them."""
    pivot, row = crossed[..., 0, 0], crossed[..., 0, 1:]
    known = pivot > DEPENDENT
    scale = np.where(known, 1 / np.where(known, pivot, 1.0), 0.0)
    rest: Array = crossed[..., 1:, 1:] - row[..., :, None] * (row * scale[..., None])[..., None, :]
    return rest


def _contributions(crossed: Array, widths: Sequence[int]) -> Array:
    """Shapley's average for each resample, (resamples, P), from cross-products with the outcome last."""
    left = crossed[None]  # bit p of the first index says whether block p is in the model
    for width in widths:
        inside = left
        for _ in range(width):
            inside = _without_first(inside)
        left = np.concatenate([left[..., width:, width:], inside])
    total = left[0, :, 0, 0]
    unexplained = left[..., 0, 0] / np.where(total > 0, total, 1.0)
    players = len(widths)
    bits = np.arange(2 ** (players - 1))[:, None] >> np.arange(players) & 1
    by_size = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    weight = by_size[bits.sum(axis=1)]
    halves = [unexplained.reshape(2 ** (players - 1 - p), 2, 2**p, -1) for p in range(players)]
    return np.stack([weight @ (h[:, 0] - h[:, 1]).reshape(len(weight), -1) for h in halves], axis=1)


def _tie_groups(shares: Array) -> list[int]:
    """1, 2, 3, ... for drivers in falling order, from (1 + resamples, P) shares.

    A new group starts only where all before it can be told from all after it: a later group is surely behind.
    """
    drawn, count = shares[1:], range(shares.shape[1])
    ahead = np.array([[np.quantile(drawn[:, i] - drawn[:, j], 0.025) > 0 for j in count] for i in count])
    starts = [rank > 0 and bool(ahead[:rank, rank:].all()) for rank in count]
    return [1 + group for group in np.cumsum(starts).tolist()]


# Paths -----------------------------------------------------------------------------------------------------


def shown_links(evidence: Evidence, *, grades: str = "ABCDE") -> dict[Pair, LagProfile]:
    """The links that the data show, in the order of the map: supported or contradicted, with a size."""
    sized = [p for p in evidence.shown if p.grade in grades and math.isfinite(p.estimate)]
    return {(profile.cause, profile.effect): profile for profile in sized}


@cache
def _normal_quantiles() -> Array:
    return np.array([NormalDist().inv_cdf((rank + 0.5) / DRAWS) for rank in range(DRAWS)])


def link_draws(evidence: Evidence, pair: Pair) -> Array:
    """How surely one link's effect is known: (1 + 2000,) draws of it, the estimate itself first.

    Normal on each side of the estimate, so that the 95 % interval comes back; the quantiles stand in an order
    of the link's own, so that links vary independently.
    """
    profile = evidence.profiles[pair]
    place = [(link.cause, link.effect) for link in evidence.ipo_map.links].index(pair)
    noise = np.random.default_rng([SEED, place]).permutation(_normal_quantiles())
    below, above = np.nan_to_num([profile.estimate - profile.low, profile.high - profile.estimate]) / 1.96
    return profile.estimate + np.concatenate([[0.0], noise * np.where(noise < 0, below, above)])


def convolved(first: Array, second: Array) -> Array:
    """One impulse response after another, (draws, periods) each, cut at the same horizon."""
    periods = first.shape[1]
    out = np.zeros(np.broadcast_shapes(first.shape, second.shape))
    for lag in range(periods):
        if first[:, lag].any():
            out[:, lag:] += first[:, [lag]] * second[:, : periods - lag]
    return out


@dataclass(frozen=True, slots=True)
class Web:
    """The shown links along which a change of some metrics (the sources) travels.

    A link's own estimate is its total effect: what lies between was not held constant when it was measured.
    Where both x -> y and x -> m -> y are shown, adding them up would count the middle twice. So each link
    into y is freed of what its cause does through the other causes of y, the last in causal order first; the
    sum over all paths then gives every measured link its own estimate back.

    Loops have no order. What comes back to a source does not matter, since it is held where it was put; of
    any other loop the least certain link is left out.

    Attributes
    ----------
    order : metrics that the sources reach, and these, causes before effects.
    direct : impulse of the effect per unit of the cause along that link alone, (draws, periods).
    cut : links left out to break loops.
    """

    order: tuple[str, ...]
    direct: Mapping[Pair, Array]
    cut: tuple[Pair, ...]

    @classmethod
    def of(cls, impulses: Mapping[Pair, Array], sources: Iterable[str]) -> Web:
        """The web from `sources` on, from each link's measured impulse: (draws, periods), estimate first."""
        sources = tuple(sources)
        reached = _reached(impulses, sources)
        order, kept, cut = _ordered({p: i for p, i in impulses.items() if set(p) <= reached}, sources)
        direct: dict[Pair, Array] = {}
        total: dict[Pair, Array] = {}
        for place, effect in enumerate(order):
            causes = [cause for cause in order[:place] if (cause, effect) in kept]
            for cause in reversed(causes):
                between = [k for k in causes if (cause, k) in total]
                around = sum(convolved(total[cause, k], direct[k, effect]) for k in between)
                direct[cause, effect] = kept[cause, effect] - around
            for source in order[:place]:
                parts = [convolved(total[source, k], direct[k, effect]) for k in causes if (source, k) in total]
                parts += [direct[source, effect]] if source in causes else []
                if parts:
                    total[source, effect] = np.asarray(sum(parts))
        return cls(tuple(order), direct, tuple(cut))

    def moved(self, changes: Mapping[str, Array]) -> dict[str, Array]:
        """Where all go when some are put elsewhere and held: (draws, periods) each, these included."""
        courses = dict(changes)
        for name in self.order:
            causes = [cause for cause, effect in self.direct if effect == name and cause in courses]
            if causes and name not in changes:
                parts = [convolved(courses[cause], self.direct[cause, name]) for cause in causes]
                courses[name] = np.asarray(sum(parts))
        return courses

    def paths(self, source: str, target: str) -> Iterator[tuple[str, ...]]:
        """Simple paths from source to target, at most eight links long."""
        return self._walk((source,), target)

    def _walk(self, path: tuple[str, ...], target: str) -> Iterator[tuple[str, ...]]:
        if path[-1] == target:
            yield path
        elif len(path) <= LONGEST_PATH:
            for effect in (effect for cause, effect in self.direct if cause == path[-1]):
                yield from self._walk((*path, effect), target)

    def along(self, path: Sequence[str]) -> Array:
        """What travels along one path, (draws, periods)."""
        return reduce(convolved, [self.direct[pair] for pair in pairwise(path)])


def _reached(links: Iterable[Pair], sources: Iterable[str]) -> set[str]:
    """The metrics that a change of the sources reaches, sources included."""
    pairs, reached = list(links), set(sources)
    new = reached
    while new:
        new = {effect for cause, effect in pairs if cause in new} - reached
        reached = reached | new
    return reached


def _ordered(links: Mapping[Pair, Array], sources: Sequence[str]) -> tuple[list[str], dict[Pair, Array], list[Pair]]:
    """Metrics with causes first, the links that keep this order, and those cut for it."""
    kept = dict(links)
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sources, ()))
        for cause, effect in kept:
            sorter.add(effect, cause)
        try:
            return list(sorter.static_order()), kept, [pair for pair in links if pair not in kept]
        except CycleError as loop:
            around = pairwise(loop.args[1])
            del kept[min(around, key=lambda pair: (pair[1] not in sources, _certainty(links[pair])))]


def _certainty(impulse: Array) -> float:
    size = impulse.sum(axis=1)
    return abs(float(size[0])) / (float(size[1:].std()) or 1e-300)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PathEffects(Result):
    """What one metric does to another along all paths of shown links.

    Attributes
    ----------
    table : one row per path, the largest first: `via`, `estimate`, `low`, `high` (units of the target per
        unit of the source, lasting, along this path alone; 95 %), `lag` (periods, sum of the links' peak
        lags).
    paths : the metrics along each, up to eight links.
    estimate, low, high : all paths together, longer ones than eight links too; 0 where there is none.
    lag : along the largest path; NaN where there is none.
    draws : (2000,) of the effect of all paths together.
    """

    source: str
    target: str
    table: pd.DataFrame
    paths: tuple[tuple[str, ...], ...]
    estimate: float
    low: float
    high: float
    lag: float
    draws: Array

    @property
    def text(self) -> str:
        if not self.paths:
            return f"No path of shown links leads from {self.source} to {self.target}."
        size = sized(self.estimate, self.low, self.high)
        return f"One unit more of {self.source} moves {self.target} by {size}: {'; '.join(self.table['via'])}."


def path_effects(evidence: Evidence, source: str, target: str) -> PathEffects:
    """What a lasting rise of `source` by one unit does to `target`, along the links that the data show.

    Parameters
    ----------
    evidence : the weighed map.
    source, target : names of metrics.

    Returns
    -------
    PathEffects, with an empty table where no path leads there. `Web` says how paths add up.

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.

    Notes
    -----
    Products and sums of link effects, uncertainty by Monte Carlo, links taken as independently estimated:
    MacKinnon, Lockwood & Williams (2004), Multivariate Behavioral Research 39(1).
    """
    source, target = evidence.ipo_map.metric(source).name, evidence.ipo_map.metric(target).name
    return _effects(evidence, _lasting_web(evidence, source), source, target)


def _lasting_web(evidence: Evidence, source: str) -> Web:
    return Web.of({pair: link_draws(evidence, pair)[:, None] for pair in shown_links(evidence)}, [source])


def _effects(evidence: Evidence, web: Web, source: str, target: str) -> PathEffects:
    along = {path: web.along(path)[:, 0] for path in web.paths(source, target) if len(path) > 1}
    paths = sorted(along, key=lambda path: -abs(along[path][0]))
    lags = [float(sum(evidence.profiles[pair].lag or 0 for pair in pairwise(path))) for path in paths]
    rows = [(" → ".join(path), *_summed_up(along[path]), lag) for path, lag in zip(paths, lags, strict=True)]
    table = pd.DataFrame(rows, columns=["via", "estimate", "low", "high", "lag"])
    total = web.moved({source: np.ones((1, 1))}).get(target, np.zeros((DRAWS + 1, 1)))[:, 0]
    return PathEffects(source, target, table, tuple(paths), *_summed_up(total), [*lags, math.nan][0], total[1:])


def _summed_up(draws: Array) -> tuple[float, float, float]:
    """Estimate and 95 % interval of draws, the first of which is the estimate."""
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return float(draws[0]), float(low), float(high)


# Words -----------------------------------------------------------------------------------------------------

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
TIMES = ("second", "minute", "hour", "day", "week", "month", "year")
MASSES = (*TIMES, "point", "percentage point", "unit", "share", "score")  # of these less, of others fewer


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> joined(["A", "B", "C"])
    'A, B and C'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def in_words(count: float) -> str:
    """A count in a sentence: words up to ten."""
    return NUMBERS[int(count)] if count <= 10 else spoken(count)


def per_hundred(value: float) -> str:
    """A share or probability as it is read aloud.

    >>> per_hundred(0.342), per_hundred(0.9991)
    ('34 %', 'over 99 %')
    """
    return "over 99 %" if value >= 0.995 else "under 1 %" if 0 < value < 0.005 else f"{100 * value:.0f} %"


def sized(estimate: float, low: float, high: float, *, unit: str = "", signed: bool = True) -> str:
    """An estimate with its unit and 95 % interval, no more digits than the interval is worth.

    >>> sized(0.4213, 0.297, 0.551, unit="points"), sized(-12.98, -21.6, -9.28)
    ('+0.42 points (0.30 to 0.55)', '−13 (−22 to −9)')
    """
    width = high - low
    if not (math.isfinite(width) and width > 0):
        number = [spoken(estimate, signed=signed), spoken(low), spoken(high)]
    else:
        digits = min(max(0, math.ceil(math.log10(5 / width))), 12)
        number = [f"{value:z,.{digits}f}".replace("-", "−") for value in (estimate, low, high)]
        number[0] = ("+" if signed and estimate > 0 else "") + number[0]
    return f"{number[0]}{f' {_many(unit)}' if unit.strip() else ''} ({number[1]} to {number[2]})"


def when(lag: float, cadence: str) -> str:
    """When an effect shows, in words.

    >>> when(0, "weekly"), when(1, "monthly"), when(4, "weekly")
    ('in the same week', 'the month after', 'four weeks later')
    """
    word = PERIOD_WORD[cadence]
    if not lag > 0:
        return f"in the same {word}"
    return f"the {word} after" if lag == 1 else f"{in_words(lag)} {word}s later"


def _plural(name: str) -> bool:
    return name.endswith("s") and name[-2:] not in ("ss", "us", "is")


def fitting(name: str, singular: str, plural: str) -> str:
    """The verb or pronoun that fits a name, by the name's ending.

    >>> fitting("Renewals", "follows", "follow"), fitting("Churn", "follows", "follow")
    ('follow', 'follows')
    """
    return plural if _plural(name) else singular


def _many(unit: str) -> str:
    """A unit in a sentence, without what stands in brackets or its bounds."""
    bare = re.sub(r"\s*[([].*|\s+\d+\s*[-–]\s*\d+$", "", unit.strip())
    return {"": "units", "%": "percentage points", "percent": "percentage points"}.get(bare, bare)


def _one(unit: str) -> str:
    many, per, rest = _many(unit).partition(" per ")
    return (many[:-1] if _plural(many) and many.replace(" ", "").isalpha() else many) + per + rest


def amount_of(value: float, unit: str) -> str:
    """A number with its unit, singular where it is one.

    >>> amount_of(1, "minutes"), amount_of(0.21, "points"), amount_of(10, "%"), amount_of(2, "")
    ('1 minute', '0.21 points', '10 percentage points', '2 units')
    """
    return f"{spoken(value)} {_one(unit) if abs(value) == 1 else _many(unit)}"


def changed(amount: float, unit: str) -> str:
    """A change as an amount with its direction.

    >>> changed(-1, "minutes"), changed(10, "points"), changed(-10, "patients")
    ('one minute less', '10 points more', '10 patients fewer')
    """
    size = f"one {_one(unit)}" if abs(amount) == 1 else amount_of(abs(amount), unit)
    return f"{size} {'more' if amount > 0 else 'less' if _one(unit) in MASSES else 'fewer'}"


def judged_on(metric: Metric) -> str:
    """What a team is asked for, such as "shorter Handle minutes", "fewer Complaints" or "higher Churn"."""
    counted = metric.aggregate == "sum" and any(map(_plural, metric.name.split()))
    lasts = metric.aggregate in ("", "mean") and _one(metric.unit) in TIMES
    lower, higher = ("fewer", "more") if counted else ("shorter", "longer") if lasts else ("lower", "higher")
    return f"{lower if metric.better == 'lower' else higher} {metric.name}"


def unit_beside(name: str, unit: str) -> str:
    """The unit of a metric, unless its name says it already."""
    return "" if unit.casefold() in name.casefold() else unit


def _by_unit(panel: Panel, name: str) -> list[Any]:
    """A metric's known values, one array per unit."""
    if name not in panel.values.columns:
        return []
    column = panel.values[name].dropna()
    parts = [part for _, part in column.groupby(level=0, sort=False)] if panel.units else [column]
    return [part.to_numpy() for part in parts if len(part)]


def swing(panel: Panel, name: str) -> float:
    """How much a metric moves: its standard deviation within units; 0 where it does not."""
    spread = [part.var() for part in _by_unit(panel, name)]
    return math.sqrt(float(np.mean(spread))) if spread else 0.0


def step_of(panel: Panel, name: str) -> float:
    """An amount of a metric that reads well and does happen: 1, 10, 0.1, ..., at most twice its swing."""
    moves = swing(panel, name)
    return 10.0 ** math.floor(math.log10(2 * moves)) if moves > 0 else 1.0


def levels(panel: Panel, name: str) -> Array:
    """(units, 3): a metric's level of late (last season, at least four periods), its lowest and highest."""
    late = max(panel.season, 4)
    rows = [(part[-late:].mean(), part.min(), part.max()) for part in _by_unit(panel, name)]
    return np.array(rows, dtype=float).reshape(len(rows), 3)


# Drivers ---------------------------------------------------------------------------------------------------

NUMERIC = ["share", "share_low", "share_high", "tie_group", "estimate", "low", "high", "lag", "controllable"]
DRIVER_COLUMNS = ["driver", *NUMERIC[:-1], "via", "controllable", "team", "verdict"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drivers(Result):
    """The links into one outcome, ranked by how much of its movement each explains.

    Attributes
    ----------
    table : direct drivers in falling order of `share`, then metrics that act through these. `share` (0-1, of
        what the direct drivers explain together; `share_low`, `share_high` 95 %), `tie_group` (1, 2, ...;
        drivers of one group cannot be ranked), `estimate`, `low`, `high` (units of the outcome per unit of
        the driver, lasting), `lag` (periods), `via` (the paths; empty for a direct driver), `controllable`
        (0-3), `team`, `verdict`. Shares are of direct drivers only: NaN for what acts through another, could
        not be tested, or runs backwards.
    explained : share of the outcome's movement beyond own history, trend and season that they explain (R2).
    sentences : what can be said of each shown direct driver, in the order of the table.
    reason : why there are no shares, where there are none.
    """

    outcome: str
    table: pd.DataFrame
    explained: float
    n_periods: int
    n_units: int
    cadence: str
    sentences: tuple[str, ...] = ()
    reason: str = ""

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of direct drivers that the data show."""
        sized = self.table["verdict"].isin(SHOWN) & self.table["estimate"].notna()
        return self.table[sized & (self.table["via"] == "")]

    @property
    def ties(self) -> tuple[tuple[str, ...], ...]:
        """Shown direct drivers in order, those that cannot be ranked together."""
        return tuple(tuple(names) for _, names in self.shown.groupby("tie_group", sort=True)["driver"])

    @property
    def text(self) -> str:
        shown = self.shown
        if shown.empty:
            claimed = f"{len(self.table)} claimed" if len(self.table) else "none claimed"
            return f"No direct driver of {self.outcome} is shown by the data ({claimed}). {self.reason}".strip()
        if self.reason or not shown["share"].notna().any():
            return f"{joined(list(shown['driver']))} move {self.outcome}. {self.reason}".strip()
        ranked = [
            f"{row['driver']} {per_hundred(row['share'])}"
            f" ({100 * row['share_low']:.0f} to {100 * row['share_high']:.0f})"
            for row in shown[shown["share"].notna()].to_dict("records")
        ]
        units = f" in each of {self.n_units:,} units" if self.n_units > 1 else ""
        text = (
            f"All claimed direct drivers together explain {per_hundred(self.explained)} of the movement of"
            f" {self.outcome} beyond its own history, trend and season"
            f" ({self.n_periods:,} {PERIOD_WORD[self.cadence]}s{units}). Of this {joined(ranked)}."
        )
        tied = [f"{joined(group)} cannot be ranked." for group in self.ties if len(group) > 1]
        return " ".join([text, *tied, "What was not measured is not in the shares."])


def rank_drivers(evidence: Evidence, outcome: str) -> Drivers:
    """Rank what moves an outcome, with how surely it can be ranked.

    Shares are LMG over lag blocks: what each declared cause adds to R2 beyond the outcome's own history,
    trend and season, averaged over all orders of entry. Intervals from a bootstrap of the rows of the
    filtered frame (999 resamples, 199 above 12 drivers).

    Parameters
    ----------
    evidence : the weighed map.
    outcome : name of the metric to be explained.

    Returns
    -------
    Drivers

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.

    Notes
    -----
    Groemping (2007), The American Statistician 61(2). Shares describe the declared causes side by side and
    prove no cause; causes that move together share what they have in common.
    """
    ipo_map = evidence.ipo_map
    name = ipo_map.metric(outcome).name
    profiles = {cause: evidence.profiles[cause, name] for cause in ipo_map.parents(name)}
    usable = [c for c, p in profiles.items() if p.lag is not None and p.verdict not in ("identity", "backwards")]
    names, shares, explained, reason = _shares(evidence, name, usable)
    rows: list[Row] = _share_rows(names, shares) + [{"driver": cause} for cause in profiles if cause not in names]
    rows = [row | _direct(profiles[row["driver"]]) for row in rows] + _upstream(evidence, name)
    rows = [row | _owner(ipo_map, row["driver"]) for row in rows]
    table = pd.DataFrame(rows, columns=DRIVER_COLUMNS).astype(dict.fromkeys(NUMERIC, float))
    shown = [profiles[row["driver"]] for row in rows if not row["via"] and row["verdict"] in SHOWN]
    sentences = [_sentence(evidence, profile) for profile in shown if math.isfinite(profile.estimate)]
    n_periods = max((profile.n_periods for profile in profiles.values()), default=0)
    n_units = max((profile.n_units for profile in profiles.values()), default=0)
    return Drivers(name, table, explained, n_periods, n_units, ipo_map.cadence, tuple(sentences), reason)


def _shares(evidence: Evidence, outcome: str, causes: Sequence[str]) -> tuple[list[str], Array, float, str]:
    """Causes in falling order of share, (1 + resamples, P) shares, the R2 of all, and why there are none."""
    if not causes:
        return [], np.zeros((1, 0)), math.nan, ""
    try:
        target, blocks = driver_blocks(evidence, outcome, causes)
        gains = lmg(target, blocks, resamples=RESAMPLES if len(blocks) <= MANY_PLAYERS else FEW_RESAMPLES)
    except (BadOption, NotEnoughData) as error:
        return [], np.zeros((1, 0)), math.nan, f"There are no shares: {error}"
    total = gains.sum(axis=1, keepdims=True)
    order = np.argsort(-gains[0], kind="stable")
    shares = (gains / np.where(total > 0, total, 1.0))[:, order]
    return [list(blocks)[at] for at in order], shares, float(total[0, 0]), ""


def _share_rows(names: Sequence[str], shares: Array) -> list[Row]:
    if not names:
        return []
    low, high = np.quantile(shares[1:], [0.025, 0.975], axis=0)
    low, high = np.minimum(low, shares[0]), np.maximum(high, shares[0])
    columns = zip(names, shares[0], low, high, _tie_groups(shares), strict=True)
    return [dict(zip(DRIVER_COLUMNS[:5], row, strict=True)) for row in columns]


def _direct(profile: LagProfile) -> Row:
    size = {"estimate": profile.estimate, "low": profile.low, "high": profile.high, "lag": profile.lag}
    return {**size, "via": "", "verdict": profile.verdict}


def _owner(ipo_map: IPOMap, name: str) -> Row:
    return {"controllable": ipo_map.metric(name).controllable, "team": ipo_map.metric(name).team}


def _upstream(evidence: Evidence, outcome: str) -> list[Row]:
    """Metrics that act on the outcome only through others, by how far their usual swing moves it."""
    links = shown_links(evidence)
    sources = dict.fromkeys(cause for cause, _ in links if cause != outcome and (cause, outcome) not in links)
    effects = [_effects(evidence, _lasting_web(evidence, source), source, outcome) for source in sources]
    effects = [effect for effect in effects if effect.paths]
    effects.sort(key=lambda effect: -abs(effect.estimate) * swing(evidence.panel, effect.source))
    rows = []
    for effect in effects:
        against = any(links[pair].verdict == "contradicted" for pair in pairwise(effect.paths[0]))
        size = {"estimate": effect.estimate, "low": effect.low, "high": effect.high, "lag": effect.lag}
        rows.append(
            {
                "driver": effect.source,
                **size,
                "via": "; ".join(effect.table["via"]),
                "verdict": SHOWN[against],
            }
        )
    return rows


def _sentence(evidence: Evidence, profile: LagProfile) -> str:
    """A shown driver, turned so that the outcome gets better, by an amount that does happen."""
    goal, cause = evidence.ipo_map.metric(profile.effect), evidence.ipo_map.metric(profile.cause)
    better = np.sign(profile.estimate) * IMPROVES.get(goal.better, 0) or 1.0
    amount = better * step_of(evidence.panel, cause.name)
    low, high = sorted((amount * profile.low, amount * profile.high))
    size = sized(amount * profile.estimate, low, high, unit=unit_beside(goal.name, goal.unit))
    gives = "gives" if abs(amount) == 1 else "give"
    time = when(profile.lag or 0, profile.cadence)
    caveats = {
        "same_period": f"Within one {PERIOD_WORD[profile.cadence]} the data do not say which moves which.",
        "feedback": f"It is moved by {goal.name} in turn.",
        "within_units_only": "It shows within units only; their total hides it.",
    }
    said = [f"{cause.name}: {changed(amount, cause.unit)} {gives} {goal.name} {size}, {time}."]
    said += ["The map claimed the opposite."] if profile.verdict == "contradicted" else []
    return " ".join(said + [caveat for flag, caveat in caveats.items() if flag in profile.flags])


# Conflicts and accountability ------------------------------------------------------------------------------

CONFLICT_COLUMNS = [
    "team",
    "metric",
    "better",
    "outcome",
    "hurt_team",
    "estimate",
    "low",
    "high",
    "probability",
]
CONFLICT_COLUMNS += ["delay", "via", "improved", "text"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conflicts(Result):
    """What teams are judged on at the cost of an outcome.

    Attributes
    ----------
    table : one row per conflict, the surest and largest first: `team`, `metric` (what it is judged on),
        `better`, `outcome`, `hurt_team`, `estimate`, `low`, `high` (units of the outcome for each unit by
        which the metric improves, lasting; 95 %), `probability` (of harm, 0-1), `delay` (periods, along the
        largest path), `via`, `improved` (units by which the metric did improve from the first year to the
        last), `text`.
    judged : metrics looked at: with a direction, a team and a shown path to an outcome with a direction.
    unjudged : inputs and processes with a direction and a team from which no shown path leads to one.
    """

    table: pd.DataFrame
    judged: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if len(self.table):
            more = len(self.table) - 2
            return " ".join([*self.table["text"].head(2), *([f"There are {more} more."] if more > 0 else [])])
        looked, blind = (f"{len(n):,} KPI{'s' * (len(n) != 1)}" for n in (self.judged, self.unjudged))
        said = ["No conflict is established."]
        said += [f"{looked} with a shown path to an outcome looked at."] if self.judged else []
        said += [f"{blind} could not be judged: no shown path leads to an outcome."] if self.unjudged else []
        return " ".join(
            said if len(said) > 1 else [*said, "No team is judged on an input or process with a direction."]
        )


def find_conflicts(evidence: Evidence) -> Conflicts:
    """Find what a team is judged on that harms an outcome when it improves.

    Parameters
    ----------
    evidence : the weighed map; effects travel along supported and contradicted links only.

    Returns
    -------
    Conflicts : those with a probability of harm of at least 0.9, by Monte Carlo over the links on the paths.
    """
    metrics = [metric for metric in evidence.ipo_map.metrics if metric.better]
    goals = [metric for metric in metrics if metric.stage == "outcome"]
    rows: list[Row] = []
    looked: dict[str, bool] = {}
    for kpi in (metric for metric in metrics if metric.team):
        web = _lasting_web(evidence, kpi.name)
        others = [(goal, _effects(evidence, web, kpi.name, goal.name)) for goal in goals if goal is not kpi]
        found = [_conflict(evidence, kpi, goal, effect) for goal, effect in others if effect.paths]
        looked |= {kpi.name: bool(found)} if others else {}
        rows += [row for row in found if row["probability"] >= HARM]
    panel = evidence.panel
    rows.sort(key=lambda row: -abs(row["estimate"]) * swing(panel, row["metric"]) / (swing(panel, row["outcome"]) or 1))
    rows.sort(key=lambda row: -round(row["probability"], 2))
    judged = tuple(name for name, seen in looked.items() if seen)
    ends = [goal.name for goal in goals]
    unjudged = tuple(name for name in looked if name not in ends and name not in judged)
    return Conflicts(pd.DataFrame(rows, columns=CONFLICT_COLUMNS), judged, unjudged)


def _conflict(evidence: Evidence, kpi: Metric, goal: Metric, effect: PathEffects) -> Row:
    better = IMPROVES[kpi.better]
    low, high = sorted((better * effect.low, better * effect.high))
    harm = float((effect.draws * better * IMPROVES[goal.better] < 0).mean())
    row: Row = {"team": kpi.team, "metric": kpi.name, "better": kpi.better, "outcome": goal.name}
    row |= {"hurt_team": goal.team, "estimate": better * effect.estimate, "low": low, "high": high}
    row |= {"probability": harm, "delay": effect.lag, "via": effect.table["via"].iloc[0]}
    row |= {"improved": _improved(evidence.panel, kpi)}
    return row | {"text": _conflict_sentence(evidence, kpi, goal, row)}


def _improved(panel: Panel, kpi: Metric) -> float:
    """How far a metric went its better way from the first year to the last (thirds, if there is less)."""
    year = {"daily": 365, "yearly": 1}.get(panel.cadence, panel.season)
    moves = []
    for part in _by_unit(panel, kpi.name):
        span = year if len(part) >= 2 * year > 2 else max(1, len(part) // 3)
        moves.append(part[-span:].mean() - part[:span].mean())
    return IMPROVES[kpi.better] * float(np.mean(moves)) if moves else math.nan


def _conflict_sentence(evidence: Evidence, kpi: Metric, goal: Metric, row: Row) -> str:
    step = step_of(evidence.panel, kpi.name)
    harm = -IMPROVES[goal.better] * step
    low, high = sorted((harm * row["low"], harm * row["high"]))
    change = changed(IMPROVES[kpi.better] * step, kpi.unit).removeprefix("one ")
    verb, at = ("add", "to") if goal.better == "lower" else ("cost", "of")
    size = sized(harm * row["estimate"], low, high, unit=unit_beside(goal.name, goal.unit), signed=False)
    amount, interval = size.rstrip(")").rsplit(" (", 1)
    time = when(row["delay"], evidence.ipo_map.cadence)
    sure = f"({interval}; probability of harm {per_hundred(row['probability'])})"
    said = [f"{kpi.team} is judged on {judged_on(kpi)}."]
    said += [f"Each {change} {verb}{'s' * (step == 1)} {amount} {at} {goal.name} {time} {sure}."]
    if row["improved"] > 0:
        said += [f"Over the data it has improved by {amount_of(row['improved'], kpi.unit)}."]
    said += [f"Hurt: {goal.team}."] if goal.team not in ("", kpi.team) else []
    return " ".join(said)


TEAM_COLUMNS = [
    "team",
    "judged_on",
    "can_move",
    "share_moved",
    "metrics",
    "moved_by_itself",
    "others",
    "moves",
    "text",
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Accountability(Result):
    """What each team is judged on, and who is shown to move it.

    Attributes
    ----------
    table : one row per team: `team`, `judged_on` (number of its metrics with a direction), `can_move` (how
        many of these it moves itself: the metric, or one of its own with a shown path there, has controllable
        2 or 3), `share_moved` (0-1; NaN where it is judged on nothing), `metrics` and `moved_by_itself`
        (names), `others` (teams whose metrics move what it is judged on), `moves` (teams whose metrics it
        moves), `text`.
    """

    table: pd.DataFrame

    @property
    def text(self) -> str:
        judged = self.table[self.table["judged_on"] > 0]
        if judged.empty:
            return "No team is judged on a metric with a direction."
        total, own = int(judged["judged_on"].sum()), int(judged["can_move"].sum())
        text = f"Teams are judged on {total:,} metrics and are shown to move {own:,} of them themselves."
        helpless = list(judged[judged["can_move"] == 0]["team"])
        return f"{text} Shown to move none of its own: {joined(helpless)}." if helpless else text


def accountability(evidence: Evidence) -> Accountability:
    """Set what each team is judged on against what it can move, by the links that the data show.

    Parameters
    ----------
    evidence : the weighed map.

    Returns
    -------
    Accountability, one row for each team of the inventory.
    """
    links = shown_links(evidence)
    reach = {name: _reached(links, [name]) for name in evidence.ipo_map.names}
    teams = dict.fromkeys(metric.team for metric in evidence.ipo_map.metrics if metric.team)
    rows = [_team(evidence.ipo_map, reach, team) for team in teams]
    return Accountability(pd.DataFrame(rows, columns=TEAM_COLUMNS))


def _team(ipo_map: IPOMap, reach: Mapping[str, set[str]], team: str) -> Row:
    own = [metric for metric in ipo_map.metrics if metric.team == team]
    rest = [metric for metric in ipo_map.metrics if metric.team not in ("", team)]
    judged = [metric.name for metric in own if metric.better]
    levers = [metric.name for metric in own if (metric.controllable or 0) >= OWN]
    moved = [name for name in judged if any(name in reach[lever] for lever in levers)]
    others = list(dict.fromkeys(metric.team for metric in rest if reach[metric.name] & set(judged)))
    moves = list(dict.fromkeys(m.team for m in rest if any(m.name in reach[mine.name] for mine in own)))
    row = {"team": team, "judged_on": len(judged), "can_move": len(moved)}
    row |= {"share_moved": len(moved) / len(judged) if judged else math.nan, "metrics": ", ".join(judged)}
    row |= {"moved_by_itself": ", ".join(moved), "others": ", ".join(others), "moves": ", ".join(moves)}
    said = [f"{team} is judged on {joined(judged) or 'no metric with a direction'}"]
    if judged:
        said += [f"It is shown to move {joined(moved) or 'none of this'} itself"]
    said += [f"{joined(others)} move{'s' * (len(others) == 1)} this too"] if others else []
    said += [f"It moves metrics of {joined(moves)}"] if moves else []
    return row | {"text": " ".join(f"{sentence}." for sentence in said)}
