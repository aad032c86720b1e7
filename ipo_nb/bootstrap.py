"""The largest |t| over many candidate regressors and its wild bootstrap. Arrays in, arrays out; NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipo_nb.regression import TINY, Array

__all__ = ["SupT", "sup_t"]

SEED = 20_010_203


@dataclass(frozen=True, slots=True)
class SupT:
    """The largest |t| over many candidate regressors, one at a time, with its bootstrap distribution.

    Attributes
    ----------
    estimates, errors, t : (k,) for each candidate.
    p_value : share of bootstrap maxima at least as large as the largest |t|.
    critical : the 95 % quantile of the bootstrap maxima: what one |t| has to pass.
    maxima : (draws,) sorted bootstrap maxima.
    """

    estimates: Array
    errors: Array
    t: Array
    p_value: float
    critical: float
    maxima: Array

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
    by their leverage, with a fixed seed.

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
    x[:, gone] = 0.0
    power = np.where(gone, 1.0, (x**2).sum(0))
    estimates = np.where(gone, 0.0, x.T @ y / power)
    if clusters is None:
        errors, t_draws = _by_row(y, x, basis, power, estimates, draws)
    else:
        errors, t_draws = _by_cluster(y, x, basis, power, estimates, draws, clusters)
    errors = np.where(gone, np.inf, errors)
    t = estimates / np.maximum(errors, 1e-300)
    maxima = np.sort(np.abs(t_draws[~gone]).max(axis=0)) if (~gone).any() else np.full(draws, np.inf)
    above = int((maxima >= np.abs(t).max() * (1 - 1e-12)).sum())
    critical = float(maxima[math.ceil(0.95 * (draws + 1)) - 1])
    return SupT(estimates, errors, t, (1 + above) / (1 + draws), critical, maxima)


def _by_row(y: Array, x: Array, basis: Array, power: Array, estimates: Array, draws: int) -> tuple[Array, Array]:
    leverage = (basis**2).sum(1)
    weight = x**2 / np.maximum(1 - leverage[:, None] - x**2 / power, 1e-6) ** 2
    errors = np.sqrt((weight * (y[:, None] - x * estimates) ** 2).sum(0)) / power
    scaled = y / np.maximum(1 - leverage, 1e-6)
    signs = np.random.default_rng(SEED).integers(0, 2, size=(y.size, draws)).astype(float) * 2 - 1
    drawn = signs * scaled[:, None]
    slopes = x.T @ drawn / power[:, None]
    drawn -= basis @ (basis.T @ drawn)
    cubic = weight * x
    squares = weight.T @ drawn**2 - 2 * slopes * (cubic.T @ drawn) + slopes**2 * (cubic * x).sum(0)[:, None]
    return errors, slopes * power[:, None] / np.sqrt(np.maximum(squares, 1e-300))


def _by_cluster(
    y: Array, x: Array, basis: Array, power: Array, estimates: Array, draws: int, clusters: NDArray[np.intp]
) -> tuple[Array, Array]:
    groups = int(clusters.max()) + 1

    def added(values: Array) -> Array:
        total = np.zeros((groups, *values.shape[1:]))
        np.add.at(total, clusters, values)
        return total

    factor = math.sqrt(groups / max(groups - 1, 1))
    signs = np.random.default_rng(SEED).integers(0, 2, size=(groups, draws)).astype(float) * 2 - 1
    fitted = added(basis * y[:, None]).T @ signs
    errors, t_draws = np.empty(power.size), np.empty((power.size, draws))
    for k in range(power.size):
        score, square = added(x[:, k] * y), added(x[:, k] ** 2)
        errors[k] = factor * math.sqrt(((score - estimates[k] * square) ** 2).sum()) / power[k]
        slopes = score @ signs / power[k]
        parts = score[:, None] * signs - added(x[:, [k]] * basis) @ fitted - np.outer(square, slopes)
        spread = factor * np.sqrt(np.maximum((parts**2).sum(0), 1e-300))
        t_draws[k] = slopes * power[k] / spread
    return errors, t_draws
