"""The largest |t| over many candidate regressors and its wild bootstrap. Arrays in, arrays out; NumPy only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ipo_nb.regression import TINY, Array

__all__ = ["SupT", "sup_t"]

SEED = 20_010_203
CHUNK = 256  # draws worked on at once, so that they stay in cache
FIRST = 499  # draws after which a link that is plainly nothing is let go
PLAIN = 0.2  # p-value above which it is


@dataclass(frozen=True, slots=True)
class SupT:
    """The largest |t| over many candidate regressors, one at a time, with its bootstrap distribution.

    Attributes
    ----------
    estimates, errors, t : (k,) for each candidate.
    p_value : share of bootstrap maxima at least as large as the largest |t|.
    critical : the 95 % quantile of the bootstrap maxima: what one |t| has to pass.
    maxima : (draws,) sorted bootstrap maxima.
    shares : (k,) of the movement of the target beside what is held constant, explained by each candidate.
    """

    estimates: Array
    errors: Array
    t: Array
    p_value: float
    critical: float
    maxima: Array
    shares: Array

    def simultaneous(self) -> Array:
        """p-value of each candidate, corrected for all that were tried: (k,)."""
        above = len(self.maxima) - np.searchsorted(self.maxima, np.abs(self.t), side="left")
        return np.asarray((1 + above) / (1 + len(self.maxima)), dtype=float)


def sup_t(
    target: Array,
    candidates: Array,
    basis: Array,
    *,
    draws: int,
    clusters: NDArray[np.intp] | None = None,
) -> SupT:
    """Whether any of many candidate regressors moves with the target, counted as one question.

    Each candidate is tried alone, beside what `basis` spans; the statistic is the largest |t| with HC3 errors
    (CR1 by cluster). Its distribution under no effect comes from a restricted wild bootstrap with Rademacher
    signs by row (Davidson & Flachaire 2008), or by cluster (Cameron, Gelbach & Miller 2008), on residuals scaled
    by their leverage, with a fixed seed. Where the first 499 draws already say p > 0.2, no more are made.

    Parameters
    ----------
    target : (n,)
    candidates : (n, k)
    basis : (n, r) orthonormal, what is held constant.
    clusters : (n,) cluster number 0..G-1 of each row, or None.
    """
    y = target - basis @ (basis.T @ target)
    x = candidates - basis @ (basis.T @ candidates)
    gone = (x**2).sum(0) <= (TINY * TINY) * np.maximum((candidates**2).sum(0), 1e-300)
    known = np.flatnonzero(~gone)
    null = _by_row(y, x[:, known], basis) if clusters is None else _by_cluster(y, x[:, known], basis, clusters)
    estimates, errors = np.zeros(gone.size), np.full(gone.size, np.inf)
    estimates[known], errors[known] = null.estimates, null.errors
    t = estimates / np.maximum(errors, 1e-300)
    top = np.abs(t).max() * (1 - 1e-12)
    maxima = null.maxima(0, min(draws, FIRST)) if known.size else np.full(draws, np.inf)
    if maxima.size < draws and (maxima >= top).mean() <= PLAIN:
        maxima = np.concatenate([maxima, null.maxima(FIRST, draws)])
    p_value = (1 + int((maxima >= top).sum())) / (1 + maxima.size)
    maxima = np.sort(maxima)
    critical = float(maxima[math.ceil(0.95 * (maxima.size + 1)) - 1])
    shares = estimates**2 * (x**2).sum(0) / max(float(y @ y), 1e-300)
    return SupT(estimates, errors, t, p_value, critical, maxima, shares)


@lru_cache(maxsize=8)
def _signs(rows: int, first: int, last: int) -> Array:
    """Rademacher signs (rows, last - first), the same for every test of so many rows."""
    drawn = np.random.default_rng([SEED, first]).integers(0, 2, size=(last - first, rows), dtype=np.int8)
    return np.ascontiguousarray((2.0 * drawn - 1.0).T)


@dataclass(frozen=True, slots=True)
class _Null:
    """One set of candidates, ready for as many draws as are wanted.

    `square(signs)` gives t squared of each candidate for each column of signs: (k, columns).
    """

    estimates: Array
    errors: Array
    rows: int
    square: Callable[[Array], Array]

    def maxima(self, first: int, last: int) -> Array:
        """The largest |t| of the draws first..last: (last - first,)."""
        signs = _signs(self.rows, first, last)
        parts = [signs[:, start : start + CHUNK] for start in range(0, last - first, CHUNK)]
        return np.asarray(np.sqrt(np.concatenate([self.square(part).max(axis=0) for part in parts])), dtype=float)


def _by_row(y: Array, x: Array, basis: Array) -> _Null:
    leverage = (basis**2).sum(1)
    power = (x**2).sum(0)
    estimates = x.T @ y / power
    weight = (x / np.maximum(1 - leverage[:, None] - x**2 / power, 1e-6)) ** 2
    errors = np.sqrt((weight * (y[:, None] - x * estimates) ** 2).sum(0)) / power
    residual = (y / np.maximum(1 - leverage, 1e-6))[:, None]
    both = np.ascontiguousarray(np.hstack([x, basis]).T * residual.T)
    weight_rows, cubic = np.ascontiguousarray(weight.T), np.ascontiguousarray((weight * x).T)
    fourth = (weight * x * x).sum(0)[:, None]

    def square(signs: Array) -> Array:
        moments = both @ signs
        scores, rest = moments[: power.size], residual * signs
        rest -= basis @ moments[power.size :]
        slopes = scores / power[:, None]
        spread = cubic @ rest
        spread *= -2 * slopes
        rest *= rest
        spread += weight_rows @ rest
        spread += slopes * slopes * fourth
        return np.asarray(scores * scores / np.maximum(spread, 1e-300), dtype=float)

    return _Null(estimates, errors, y.size, square)


def _by_cluster(y: Array, x: Array, basis: Array, clusters: NDArray[np.intp]) -> _Null:
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))

    def added(values: Array) -> Array:  # sums within each cluster: (groups, ...)
        return np.asarray(np.add.reduceat(values[order], starts, axis=0), dtype=float)

    factor = starts.size / max(starts.size - 1, 1)
    power, score, squares = (x**2).sum(0), added(x * y[:, None]).T, added(x**2).T
    estimates = score.sum(1) / power
    errors = np.sqrt(factor * ((score - squares * estimates[:, None]) ** 2).sum(1)) / power
    fitted = added(basis * y[:, None]).T
    crossed = np.array([added(column[:, None] * basis) for column in x.T])

    def square(signs: Array) -> Array:
        sums, moved = score @ signs, fitted @ signs
        slopes = sums / power[:, None]
        parts = score[:, :, None] * signs - crossed @ moved - squares[:, :, None] * slopes[:, None, :]
        return np.asarray(sums**2 / np.maximum(factor * (parts**2).sum(1), 1e-300), dtype=float)

    return _Null(estimates, errors, starts.size, square)
