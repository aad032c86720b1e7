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
__all__ += ["band", "convolved", "link_draws", "responses_to", "rounded"]

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
    shape = np.broadcast_shapes(first.shape, second.shape)
    out = np.zeros(shape, order="F")  # a period's draws lie together: that is how they are summed, and sorted later
    lags = np.flatnonzero(first.any(axis=0))
    for at in range(lags[0], shape[1]) if len(lags) else ():
        start, stop = lags[0], min(at, lags[-1]) + 1
        back = second[:, at - stop + 1 : at - start + 1][:, ::-1]
        out[:, at] = np.einsum("dk,dk->d", first[:, start:stop], back)
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
        return cls(_freed(order, kept), tuple(pair for pair in links if pair not in kept))

    def moved(self, changes: Mapping[str, Array], held: Iterable[str] = ()) -> dict[str, Array]:
        """Where all go when some are put elsewhere, or held: (draws, periods) each, the changed first."""
        courses, fixed = dict(changes), {*changes, *held}
        for name, causes in self.direct.items():
            if name not in fixed and (parts := _arriving(courses, causes)):
                courses[name] = reduce(np.add, parts)
        return courses

    def onto(self, target: str) -> dict[str, Array]:
        """What moves a target: its response to an impulse of one unit of each, (draws, periods)."""
        found: dict[str, Array] = {}
        for name in reversed(list(self.direct)):
            for cause, impulse in self.direct[name].items() if name in {target, *found} else ():
                part = impulse if name == target else convolved(found[name], impulse)
                found[cause] = found[cause] + part if cause in found else part
        return found

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


def _freed(order: Sequence[str], kept: Mapping[Pair, Array]) -> dict[str, dict[str, Array]]:
    """Into each metric the links from its causes, each without what the cause does through the other causes."""
    place = {name: at for at, name in enumerate(order)}
    causes: dict[str, list[str]] = {name: [] for name in order}
    for cause, effect in sorted(kept, key=lambda pair: -place[pair[0]]):
        causes[effect].append(cause)
    direct: dict[str, dict[str, Array]] = {name: {} for name in order}
    total, unmeasured = dict(kept), _unmeasured(order, causes)

    def around(cause: str, effect: str) -> list[Array]:
        return _arriving({m: total[cause, m] for m in direct[effect] if (cause, m) in total}, direct[effect])

    for effect in order:
        for cause in causes[effect]:
            direct[effect][cause] = reduce(np.subtract, around(cause, effect), kept[cause, effect])
        for cause in unmeasured[effect]:
            if parts := around(cause, effect):
                total[cause, effect] = reduce(np.add, parts)
    return direct


def _unmeasured(order: Sequence[str], causes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each metric, those whose effect on it is asked for and was not measured: it has to be summed from paths.

    Asked for is what one cause of a metric does to another, and what such a sum is made of. Most of it was measured,
    and a link's own estimate is its total effect; all other pairs of metrics need no sum at all.
    """
    asked: dict[str, set[str]] = {name: set() for name in order}
    for effect in reversed(order):
        for place, cause in enumerate(causes[effect]):  # the last in causal order first
            asked[cause] |= {*causes[effect][place + 1 :], *(asked[effect] - {*causes[effect]})} - {cause}
    return {name: sorted(asked[name] - {*causes[name]}) for name in order}


def responses_to(impulses: Mapping[Pair, Array], target: str, sources: Iterable[str]) -> dict[str, Array]:
    """How a target responds to each of several sources by itself, where any path leads to it: (draws, periods).

    Which links a loop loses depends on the source: sources that lose the same ones share one web.
    """
    toward = reached_from([pair[::-1] for pair in impulses], [target])
    near = {pair: impulse for pair, impulse in impulses.items() if set(pair) <= toward}
    alike: dict[frozenset[Pair], list[str]] = {}
    for source in (name for name in sources if name in toward and name != target):
        reached = reached_from(impulses, [source])
        links = {pair: impulse for pair, impulse in impulses.items() if set(pair) <= reached}
        cut = links.keys() - _ordered(links, [source])[1].keys()
        alike.setdefault(frozenset(cut & near.keys()), []).append(source)
    found: dict[str, Array] = {}
    for lost, members in alike.items():
        web = Web.of({pair: impulse for pair, impulse in near.items() if pair not in lost}, members)
        found |= {name: course for name, course in web.onto(target).items() if name in members}
    return found


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
    kept = dict(links)
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sources, ()))
        for cause, effect in kept:
            sorter.add(effect, cause)
        try:
            return list(sorter.static_order()), kept
        except CycleError as loop:
            around = pairwise(loop.args[1])
            del kept[min(around, key=lambda pair: (pair[1] not in sources, _certainty(links[pair])))]


def _certainty(impulse: Array) -> float:
    size = impulse.sum(axis=1)
    return float(abs(size[0]) / (size[1:].std() or 1e-300))


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
