"""Effects along paths: what a change of one metric does to others, by way of the links that the data show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.evidence import Evidence
from ipo_nb.regression import Array
from ipo_nb.results import Result, spoken
from ipo_nb.verdicts import LagProfile

__all__ = ["Pair", "PathEffects", "Web", "effects_on", "path_effects", "reached_from", "shown_links"]
__all__ += ["band", "convolved", "link_draws", "rounded"]

Pair = tuple[str, str]
SEED = 20240229
DRAWS = 2000  # of each link's effect, for whatever is made of several links
NORMAL = np.array([NormalDist().inv_cdf((rank + 0.5) / DRAWS) for rank in range(DRAWS)])
LONGEST_PATH = 8  # links; longer paths are in the sums, but not listed


def shown_links(evidence: Evidence, *, grades: str = "ABCDE") -> dict[Pair, LagProfile]:
    """The links that the data show, in the order of the map: supported or contradicted, with a size."""
    sized = [p for p in evidence.shown if p.grade in grades and math.isfinite(p.estimate)]
    return {(profile.cause, profile.effect): profile for profile in sized}


def link_draws(evidence: Evidence, pair: Pair) -> Array:
    """How surely one link's effect is known: (1 + 2000,) draws of it, the estimate itself first.

    Normal on each side of the estimate, so that the 95 % interval comes back; in an order of the link's own, so that
    links vary independently.
    """
    profile, place = evidence.profiles[pair], list(evidence.profiles).index(pair)
    noise = np.random.default_rng([SEED, place]).permutation(NORMAL)
    below, above = np.nan_to_num([profile.estimate - profile.low, profile.high - profile.estimate]) / 1.96
    return profile.estimate + np.append(0.0, noise * np.where(noise < 0, below, above))


def band(draws: Array) -> tuple[Array, Array, Array]:
    """Estimate and 95 % interval of draws along the first axis, the first of which is the estimate."""
    low, high = np.quantile(draws[1:] if len(draws) > 1 else draws, [0.025, 0.975], axis=0)
    return draws[0], low, high


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

    A link's own estimate is its total effect: what lies between was not held constant when it was measured. Where
    both x -> y and x -> m -> y are shown, adding them up would count the middle twice. So each link into y is freed of
    what its cause does through the other causes of y, the last in causal order first; the sum over all paths then gives
    every measured link its own estimate back. Loops have no order: what comes back to a source does not matter, since
    it is held where it was put; of any other loop the least certain link is left out.

    Attributes
    ----------
    direct : for each metric that the sources reach, causes first, what comes in from each of its causes along that link
        alone: its impulse per unit of the cause, (draws, periods).
    cut : links left out to break loops.
    """

    direct: Mapping[str, Mapping[str, Array]]
    cut: tuple[Pair, ...]

    @classmethod
    def of(cls, impulses: Mapping[Pair, Array], sources: Iterable[str]) -> Web:
        """The web from `sources` on, from each link's measured impulse: (draws, periods), estimate first."""
        sources = tuple(sources)
        reached = reached_from(impulses, sources)
        links = {pair: impulse for pair, impulse in impulses.items() if set(pair) <= reached}
        order, kept = _ordered(links, sources)
        at_once = np.eye(1, next(iter(links.values())).shape[1] if links else 1)
        direct: dict[str, dict[str, Array]] = {name: {} for name in order}
        total: dict[str, dict[str, Array]] = {}
        for place, effect in enumerate(order):
            for cause in reversed(order[:place]):
                if (cause, effect) in kept:
                    around = _arriving(total[cause], direct[effect])
                    direct[effect][cause] = reduce(np.subtract, around, kept[cause, effect])
            for courses in total.values():
                if parts := _arriving(courses, direct[effect]):
                    courses[effect] = reduce(np.add, parts)
            total[effect] = {effect: at_once}
        return cls(direct, tuple(pair for pair in links if pair not in kept))

    def moved(self, changes: Mapping[str, Array]) -> dict[str, Array]:
        """Where all go when some are put elsewhere and held: (draws, periods) each, these first."""
        courses = dict(changes)
        for name, causes in self.direct.items():
            parts = _arriving(courses, causes)
            if parts and name not in changes:
                courses[name] = reduce(np.add, parts)
        return courses

    def paths(self, source: str, target: str) -> dict[tuple[str, ...], Array]:
        """Each path from source to target, at most eight links long, with what travels along it: (draws, periods)."""
        whole: list[tuple[str, ...]] = []
        ways: list[tuple[str, ...]] = [(target,)] if source != target else []
        while ways:
            whole += [path for path in ways if path[0] == source]
            open_ = [path for path in ways if path[0] != source and len(path) <= LONGEST_PATH]
            ways = [(cause, *path) for path in open_ for cause in self.direct.get(path[0], ())]
        return {path: reduce(convolved, [self.direct[b][a] for a, b in pairwise(path)]) for path in whole}


def _arriving(courses: Mapping[str, Array], causes: Mapping[str, Array]) -> list[Array]:
    """What comes in from each of the causes that move."""
    return [convolved(courses[cause], impulse) for cause, impulse in causes.items() if cause in courses]


def reached_from(links: Iterable[Pair], sources: Iterable[str]) -> set[str]:
    """The metrics that a change of the sources reaches, sources included."""
    pairs, reached = list(links), set(sources)
    new = reached
    while new:
        new = {effect for cause, effect in pairs if cause in new} - reached
        reached = reached | new
    return reached


def _ordered(links: Mapping[Pair, Array], sources: Sequence[str]) -> tuple[list[str], dict[Pair, Array]]:
    """Metrics with causes first, and the links that keep this order."""
    kept, sizes = dict(links), {pair: impulse.sum(axis=1) for pair, impulse in links.items()}
    certainty = {pair: abs(size[0]) / (size[1:].std() or 1e-300) for pair, size in sizes.items()}
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sources, ()))
        for cause, effect in kept:
            sorter.add(effect, cause)
        try:
            return list(sorter.static_order()), kept
        except CycleError as loop:
            around = pairwise(loop.args[1])
            del kept[min(around, key=lambda pair: (pair[1] not in sources, certainty[pair]))]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PathEffects(Result):
    """What one metric does to another along all paths of shown links.

    Attributes
    ----------
    table : one row per path of at most eight links, the largest first: `via`, `estimate`, `low`, `high` (units of the
        target per unit of the source, lasting, along this path alone; 95 %), `lag` (periods, sum of the links' peak
        lags), `against` (a link on it goes against its claimed sign).
    estimate, low, high, draws : all paths together, longer ones too, and (2000,) draws of it; 0 where there is none.
    """

    source: str
    target: str
    table: pd.DataFrame
    estimate: float
    low: float
    high: float
    draws: Array

    @property
    def lag(self) -> float:
        """Periods along the largest path; NaN where there is none."""
        return float(self.table["lag"].iloc[0]) if len(self.table) else math.nan

    @property
    def text(self) -> str:
        if self.table.empty:
            return f"No path of shown links leads from {self.source} to {self.target}."
        estimate, low, high = rounded(self.estimate, self.low, self.high)
        size = f"{'+' if self.estimate > 0 else ''}{estimate} ({low} to {high})"
        return f"One unit more of {self.source} moves {self.target} by {size}: {'; '.join(self.table['via'])}."


def path_effects(evidence: Evidence, source: str, target: str) -> PathEffects:
    """What a lasting rise of `source` by one unit does to `target`, along the links that the data show.

    Products and sums of link effects (`Web` says how they add up), uncertainty by Monte Carlo, links taken as
    independently estimated: MacKinnon, Lockwood & Williams (2004), Multivariate Behavioral Research 39(1). A name that
    the inventory does not have raises UnknownMetric.
    """
    known = evidence.ipo_map.metric
    return effects_on(evidence, known(source).name, [known(target).name])[0]


def effects_on(evidence: Evidence, source: str, targets: Iterable[str]) -> list[PathEffects]:
    """The `path_effects` of one metric on each of several."""
    links = shown_links(evidence)
    web = Web.of({pair: link_draws(evidence, pair)[:, None] for pair in links}, [source])
    moved, nothing = web.moved({source: np.ones((1, 1))}), np.zeros((1 + DRAWS, 1))
    found = []
    for target in targets:
        rows: list[tuple[Any, ...]] = []
        for path, draws in web.paths(source, target).items():
            profiles = [links[pair] for pair in pairwise(path)]
            lag, against = sum(p.lag or 0 for p in profiles), any(p.verdict == "contradicted" for p in profiles)
            rows.append((" → ".join(path), *band(draws[:, 0]), float(lag), against))
        rows.sort(key=lambda row: -abs(row[1]))
        table = pd.DataFrame(rows, columns=["via", "estimate", "low", "high", "lag", "against"])
        draws = moved.get(target, nothing)[:, 0]
        estimate, low, high = map(float, band(draws))
        found.append(PathEffects(source, target, table, estimate, low, high, draws[1:]))
    return found


def rounded(estimate: float, low: float, high: float) -> list[str]:
    """An estimate and the ends of its interval as read aloud, no more digits than the interval is worth.

    >>> rounded(0.4213, 0.297, 0.551), rounded(-12.98, -9.28, -21.6)
    (['0.42', '0.30', '0.55'], ['−13', '−22', '−9'])
    """
    low, high = sorted((low, high))
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return [spoken(value) for value in (estimate, low, high)]
    digits = min(max(0, math.ceil(math.log10(5 / width))), 12)
    return [f"{value:z,.{digits}f}".replace("-", "−") for value in (estimate, low, high)]
