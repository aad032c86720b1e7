"""Shapes of series whose truth is known, to calibrate a test on: unrelated pairs, true links, whole networks.

Arrays only. A family is how one series moves by itself; two draws of it are an unrelated pair on one calendar. A design
is a true link of a given lag and strength. Everything is drawn in units of the noise's standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ipo_nb.regression import Array

__all__ = ["CADENCES", "DESIGNS", "FAMILIES", "N_PERIODS", "Linked", "Network", "network", "strength"]

WARM_UP = 60  # periods thrown away, so that the first one kept has a full past
YEAR = 365.25 / 7  # weeks
HOLIDAY = 30  # week of the series' year in which the two weeks of holiday begin


def _ar(noise: Array, own: float) -> Array:
    """Noise (..., periods) with a memory of one period."""
    from scipy.signal import lfilter

    return np.asarray(lfilter([1.0], [1.0, -own], noise), dtype=float)


def _memory(rng: Generator, n: int, own: float) -> Array:
    return _ar(rng.normal(size=n + WARM_UP), own)[WARM_UP:]


def _harmonics(rng: Generator, n: int) -> Array:
    """Two yearly waves, amplitude 1.5 to 2 each, anywhere in the year."""
    angle = 2 * np.pi * np.arange(n) / YEAR
    size, phase = rng.uniform(1.5, 2.0, 2), rng.uniform(0, 2 * np.pi, 2)
    return np.asarray(size[0] * np.cos(angle - phase[0]) + size[1] * np.cos(2 * angle - phase[1]), dtype=float)


def _holidays(rng: Generator, n: int) -> Array:
    """Two weeks a year, the same weeks for every series, in which this one jumps by 2 to 4, up or down."""
    week = np.floor(np.arange(n) % YEAR)
    height = rng.uniform(2.0, 4.0) * rng.choice([-1.0, 1.0])
    return np.where((week == HOLIDAY) | (week == HOLIDAY + 1), height, 0.0)


def _white(rng: Generator, n: int) -> Array:
    return rng.normal(size=n)


def _ar_5(rng: Generator, n: int) -> Array:
    return _memory(rng, n, 0.5)


def _ar_9(rng: Generator, n: int) -> Array:
    return _memory(rng, n, 0.9)


def _walk(rng: Generator, n: int) -> Array:
    return np.cumsum(rng.normal(size=n))


def _drift(rng: Generator, n: int) -> Array:
    return np.cumsum(0.2 + rng.normal(size=n))


def _trend(rng: Generator, n: int) -> Array:
    return 0.05 * np.arange(n) + _memory(rng, n, 0.5)


def _monthly_profile(rng: Generator, n: int) -> Array:
    return 2.0 * rng.normal(size=12)[np.arange(n) % 12] + _memory(rng, n, 0.5)


def _season(rng: Generator, n: int) -> Array:
    return _harmonics(rng, n) + _holidays(rng, n) + _memory(rng, n, 0.5)


def _season_trend(rng: Generator, n: int) -> Array:
    return 0.05 * np.arange(n) + _harmonics(rng, n) + _holidays(rng, n) + _memory(rng, n, 0.8)


def _heavy_tails(rng: Generator, n: int) -> Array:
    return _ar(rng.standard_t(3, size=n + WARM_UP), 0.5)[WARM_UP:]


def _level_step(rng: Generator, n: int) -> Array:
    return np.where(np.arange(n) < rng.uniform(0.2, 0.8) * n, 0.0, 3.0) + _memory(rng, n, 0.5)


def _growing_noise(rng: Generator, n: int) -> Array:
    late = np.arange(n + WARM_UP) >= WARM_UP + n // 2
    return _ar(rng.normal(size=n + WARM_UP) * np.where(late, math.sqrt(2.5), 1.0), 0.5)[WARM_UP:]


FAMILIES: Mapping[str, Callable[[Generator, int], Array]] = {
    "white noise": _white,
    "AR(.5)": _ar_5,
    "AR(.9)": _ar_9,
    "random walk": _walk,
    "random walk, drift .2": _drift,
    "trend + AR(.5)": _trend,
    "monthly profile + AR(.5)": _monthly_profile,
    "yearly waves, holidays + AR(.5)": _season,
    "the same, trend + AR(.8)": _season_trend,
    "AR(.5), t3 noise": _heavy_tails,
    "AR(.5), level step of 3": _level_step,
    "AR(.5), variance grows 2.5-fold": _growing_noise,
}
CADENCES: Mapping[str, str] = {name: "monthly" if "monthly" in name else "weekly" for name in FAMILIES}


class Linked(NamedTuple):
    """A cause and an effect (periods,) that it moves: by `long_run` in all, most of it `lag` periods later."""

    cause: Array
    effect: Array
    long_run: float
    lag: int


def strength(partial_r2: float) -> float:
    """The weight of a unit-variance innovation beside unit-variance noise that gives it this partial R2.

    >>> round(strength(0.2), 3)
    0.5
    """
    return math.sqrt(partial_r2 / (1 - partial_r2))


def _past(series: Array, n: int, lag: int) -> Array:
    """The last n periods of a series as they were `lag` periods earlier."""
    return series[series.size - n - lag : series.size - lag]


def _static(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    cause, weight = _memory(rng, n + WARM_UP, 0.5), strength(partial_r2)
    return Linked(cause[-n:], weight * _past(cause, n, lag) + _memory(rng, n, 0.5), weight, lag)


def _autoregressive(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    cause, weight = _memory(rng, n + 2 * WARM_UP, 0.5), strength(partial_r2)
    pushed = weight * _past(cause, n + WARM_UP, lag) + rng.normal(size=n + WARM_UP)
    return Linked(cause[-n:], _ar(pushed, 0.6)[WARM_UP:], weight / 0.4, lag)


def _shared_season(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    linked, season = _static(rng, n, lag, partial_r2), _harmonics(rng, n)
    return Linked(linked.cause + season, linked.effect + season, linked.long_run, lag)


def _spread(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    cause, weight = _memory(rng, n + WARM_UP, 0.5), strength(partial_r2)
    moved = sum(share * _past(cause, n, lag + later) for later, share in enumerate((0.5, 0.3, 0.2)))
    return Linked(cause[-n:], weight * moved + _memory(rng, n, 0.5), weight, lag)


def _walking_cause(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    cause, weight = _walk(rng, n + WARM_UP), strength(partial_r2)
    return Linked(cause[-n:], weight * _past(cause, n, lag) + _memory(rng, n, 0.5), weight, lag)


def _linked_walks(rng: Generator, n: int, lag: int, partial_r2: float) -> Linked:
    cause, weight = _walk(rng, n + WARM_UP), strength(partial_r2)
    return Linked(cause[-n:], weight * _past(cause, n, lag) + _walk(rng, n), weight, lag)


DESIGNS: Mapping[str, Callable[[Generator, int, int, float], Linked]] = {
    "A static, AR(.5) errors": _static,
    "B autoregressive effect": _autoregressive,
    "C shared season": _shared_season,
    "D spread over three lags": _spread,
    "E random-walk cause": _walking_cause,
    "F linked random walks": _linked_walks,
}

N_INPUTS, N_PROCESSES, N_OUTCOMES = 4, 10, 16
N_CANDIDATES, N_TRUE, N_PERIODS = 200, 12, 156
WINDOW = (1, 8)
INTO_PROCESS = 0.5  # partial R2 of an input in each process that it feeds
PLANTED = (*[0.2] * 6, *[0.05, 0.1] * 3)  # partial R2 of each true candidate, those from inputs first


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A metric system on which many links are believed and few are true.

    Attributes
    ----------
    names, values : metrics and their series (metrics, periods): inputs, then processes, then outcomes.
    candidates : (cause, effect) rows of `values` for each link that is believed, all with lags 1 to 8.
    true : (candidates,) whether it is there.
    confounded : (candidates,) whether it is not there, but a declared input moves cause and effect.
    feeds : (input, process) pairs that are there too, and that a careful map declares.
    """

    names: tuple[str, ...]
    values: Array
    candidates: tuple[tuple[int, int], ...]
    true: NDArray[np.bool_]
    confounded: NDArray[np.bool_]
    feeds: tuple[tuple[int, int], ...]

    def metrics(self) -> list[dict[str, str]]:
        """The metrics as rows of an inventory."""
        stages = ["input"] * N_INPUTS + ["process"] * N_PROCESSES + ["outcome"] * N_OUTCOMES
        return [{"name": name, "stage": stage} for name, stage in zip(self.names, stages, strict=True)]

    def links(self, *, declared: bool) -> list[dict[str, Any]]:
        """The candidates as rows of a map; with `declared` also what the inputs feed."""
        pairs = [*self.candidates, *(self.feeds if declared else ())]
        return [{"cause": self.names[a], "effect": self.names[b], "lag": list(WINDOW)} for a, b in pairs]


def network(seed: int) -> Network:
    """30 weekly metrics over 156 periods, 200 candidate links, 12 of them true, inputs shared by cause and effect.

    Four inputs feed three processes each. Six of the true candidates run from an input to an outcome, some time after
    it reached its processes, so that the outcome seems to answer to them; six run from a process to an outcome.
    Metrics have memories of 0.2 to 0.8, trends, and yearly waves on one calendar.

    >>> made = network(1)
    >>> made.values.shape, len(made.candidates), int(made.true.sum()), int(made.confounded.sum()) > 10
    ((30, 156), 200, 12, True)
    """
    rng = np.random.default_rng(seed)
    inputs, processes = np.arange(N_INPUTS), N_INPUTS + np.arange(N_PROCESSES)
    outcomes = N_INPUTS + N_PROCESSES + np.arange(N_OUTCOMES)
    feeds = [(int(i), int(p)) for i in inputs for p in rng.choice(processes, 3, replace=False)]
    ends = rng.permutation(outcomes)[:N_TRUE].tolist()
    starts = [*rng.permutation(np.repeat(inputs, 2))[: N_TRUE // 2].tolist()]
    starts += rng.permutation(processes)[: N_TRUE // 2].tolist()
    planted = list(zip(starts, ends, strict=True))
    others = [(a, b) for a in (*inputs.tolist(), *processes.tolist()) for b in outcomes.tolist()]
    through = {(i, b) for i, p in feeds for q, b in planted if p == q}  # an input's way by a process: true, and no link
    others = [pair for pair in others if pair not in planted and pair not in through]
    picked = [others[k] for k in rng.permutation(len(others))[: N_CANDIDATES - N_TRUE]]
    candidates = tuple(sorted([*planted, *picked]))
    weights = [(a, b, int(rng.integers(1, 3)), strength(INTO_PROCESS)) for a, b in feeds]
    weights += [(*pair, int(rng.integers(3, 8)), strength(r2)) for pair, r2 in zip(planted, PLANTED, strict=True)]
    moved = through | {(i, b) for i, b in planted if i < N_INPUTS}
    shared = {(p, b) for i, p in feeds for j, b in moved if i == j}
    return Network(
        tuple(f"{kind} {k + 1}" for kind, n in _stages() for k in range(n)),
        _moved(rng, weights),
        candidates,
        np.array([pair in planted for pair in candidates]),
        np.array([pair in shared and pair not in planted for pair in candidates]),
        tuple(feeds),
    )


def _stages() -> tuple[tuple[str, int], ...]:
    return ("Input", N_INPUTS), ("Process", N_PROCESSES), ("Outcome", N_OUTCOMES)


def _moved(rng: Generator, weights: list[tuple[int, int, int, float]]) -> Array:
    """Series (metrics, periods), each moved by the departures of its causes; a cause comes before its effect."""
    n_metrics, total = N_INPUTS + N_PROCESSES + N_OUTCOMES, N_PERIODS + WARM_UP
    departure = np.array([_memory(rng, total, rng.uniform(0.2, 0.8)) for _ in range(n_metrics)])
    for cause, effect, lag, weight in sorted(weights, key=lambda one: one[1]):
        departure[effect, lag:] += weight * departure[cause, :-lag]
    calm = [
        rng.uniform(-0.03, 0.03) * np.arange(N_PERIODS) + rng.uniform(0, 1) * _harmonics(rng, N_PERIODS)
        for _ in range(n_metrics)
    ]
    return np.asarray(departure[:, WARM_UP:] + np.array(calm), dtype=float)
