"""Arrays in, arrays out: trend and season, autoregressive filters, least squares, the wild bootstrap.

Series are arrays of shape (units, periods) on one complete calendar, a gap being NaN; one series without units
is the case of one row. NumPy only, so that every number can be checked against statsmodels, not made by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TINY",
    "Array",
    "Fit",
    "SupT",
    "autoregression",
    "deterministic",
    "false_discovery",
    "filtered",
    "fourier_pairs",
    "lagged",
    "least_squares",
    "nested_bic",
    "orthonormal",
    "sup_t",
    "two_way",
]

Array = NDArray[np.float64]

TINY = 1e-10  # what is left of a column, relative to its size, below which it counts as gone
SEED = 20_010_203
WEEKS_A_YEAR = 365.25 / 7


@dataclass(frozen=True, slots=True)
class Fit:
    """Least squares of one regression.

    Attributes
    ----------
    coefficients : (k,) one per column; NaN for a column that the ones before it explain.
    covariance : (k, k) heteroskedasticity-robust (HC3), or by cluster (CR1).
    residuals : (n,)
    bic : n log(rss / n) + k log(n).
    df : degrees of freedom for t quantiles (n - k, or clusters - 1).
    """

    coefficients: Array
    covariance: Array
    residuals: Array
    bic: float
    df: int


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


def lagged(values: Array, lag: int) -> Array:
    """`values` moved `lag` periods later along the calendar (last axis); what is not known is NaN."""
    if lag == 0:
        return values
    moved = np.full_like(values, np.nan)
    if abs(lag) < values.shape[-1]:
        if lag > 0:
            moved[..., lag:] = values[..., :-lag]
        else:
            moved[..., :lag] = values[..., -lag:]
    return moved


def filtered(values: Array, own: Array) -> Array:
    """`values` less its own past, A(L) values with A(L) = 1 - own[0] L - ...; own is (order,) or (units, order)."""
    result = values.copy()
    for lag in range(1, own.shape[-1] + 1):
        weight = own[..., lag - 1]
        result -= (weight[:, None] if own.ndim == 2 else weight) * lagged(values, lag)
    return result


def two_way(values: Array) -> Array:
    """`values` less unit means and period means, for (units, periods) with gaps, by alternating projection."""
    result = values.copy()
    known = np.isfinite(result)
    scale = float(np.nanmax(np.abs(result), initial=0.0)) or 1.0
    in_unit, in_period = np.maximum(known.sum(1), 1), np.maximum(known.sum(0), 1)
    for _ in range(500):
        of_unit = np.nansum(result, axis=1) / in_unit
        result -= of_unit[:, None]
        of_period = np.nansum(result, axis=0) / in_period
        result -= of_period
        if max(np.abs(of_unit).max(), np.abs(of_period).max()) < 1e-13 * scale:
            break
    return result


def deterministic(periods: int, *, season: int, pairs: int | None) -> Array:
    """Constant, linear trend and season: (terms, periods). `pairs` None means one dummy for each period of the year."""
    time = np.arange(periods)
    terms = [np.ones(periods), np.linspace(-1.0, 1.0, periods)]
    if pairs is None:
        terms += [np.where(time % season == k, 1.0, 0.0) - 1.0 / season for k in range(1, season)]
        return np.array(terms)
    length = WEEKS_A_YEAR if season == 52 else float(season)
    for pair in range(1, pairs + 1):
        angle = 2 * np.pi * pair * time / length
        terms += [np.cos(angle)] if 2 * pair == season else [np.cos(angle), np.sin(angle)]
    return np.array(terms)


def fourier_pairs(series: Array, *, season: int, most: int) -> int:
    """How many yearly harmonics a series shows: 0..most by BIC, beside trend and its own first lag. (periods,)"""
    columns = [lagged(series, 1), *deterministic(series.size, season=season, pairs=most)]
    rows = np.isfinite(series) & np.isfinite(columns[0])
    design = np.array([columns[1], columns[2], columns[0], *columns[3:]]).T[rows]
    sizes = [3 + 2 * pairs for pairs in range(most + 1)]
    sizes[-1] = design.shape[1]
    return int(np.argmin(nested_bic(series[rows], design, sizes)))


def autoregression(series: Array, terms: Array | None, *, most: int) -> Array:
    """Own dynamics: the coefficients of an autoregression of order 0..most by BIC, all orders on one sample.

    Parameters
    ----------
    series : (units, periods); the same dynamics for all units.
    terms : (terms, periods) held constant beside it, or None.
    """
    past = np.array([lagged(series, lag) for lag in range(1, most + 1)]).reshape(most, *series.shape)
    rows = np.isfinite(series) & np.isfinite(past).all(axis=0)
    fixed = _stacked(terms, series.shape)[:, rows] if terms is not None else np.empty((0, int(rows.sum())))
    design = np.vstack([fixed, past[:, rows]]).T
    base = fixed.shape[0]
    if rows.sum() < design.shape[1] + 5:
        return np.empty(0)
    bics = nested_bic(series[rows], design, list(range(base, base + most + 1)))
    order = int(np.argmin(bics))
    if order == 0:
        return np.empty(0)
    use = np.isfinite(series) & np.isfinite(past[:order]).all(axis=0)
    fixed = _stacked(terms, series.shape)[:, use] if terms is not None else np.empty((0, int(use.sum())))
    own = np.linalg.lstsq(np.vstack([fixed, past[:order, use]]).T, series[use], rcond=None)[0][base:]
    return np.asarray(own, dtype=float)


def _stacked(terms: Array, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(terms[:, None, :], (len(terms), *shape))


def nested_bic(target: Array, design: Array, sizes: Sequence[int]) -> Array:
    """BIC of the regressions on the first `size` columns, all from one QR: tail sums of the rotated target."""
    scale = np.sqrt((design**2).sum(0))
    basis, triangle = np.linalg.qr(design / np.where(scale > 0, scale, 1.0))
    rotated = basis.T @ target
    rotated[np.abs(np.diag(triangle)) < TINY] = 0.0
    explained = np.concatenate([[0.0], np.cumsum(rotated**2)])
    n = target.size
    rss = np.maximum(target @ target - explained[list(sizes)], TINY**2 * (target @ target) + 1e-300)
    return np.asarray(n * np.log(rss / n) + np.array(sizes) * math.log(n), dtype=float)


def orthonormal(columns: Array) -> Array:
    """An orthonormal basis (n, r) of the columns (n, k), without those that the ones before explain."""
    scale = np.sqrt((columns**2).sum(0))
    kept = columns[:, scale > 0] / scale[scale > 0]
    if not kept.shape[1]:
        return np.empty((columns.shape[0], 0))
    basis, triangle = np.linalg.qr(kept)
    sound = np.abs(np.diag(triangle)) > TINY
    if not sound.all():
        basis = np.linalg.qr(kept[:, sound])[0]
    return basis


def least_squares(target: Array, design: Array, clusters: NDArray[np.intp] | None = None) -> Fit:
    """Ordinary least squares with HC3 errors (MacKinnon & White 1985), or CR1 errors by cluster.

    A column that the ones before it explain to 1e-10 gets the coefficient NaN and is left out.
    """
    n, k = design.shape
    scale = np.sqrt((design**2).sum(0))
    scaled = design / np.where(scale > 0, scale, 1.0)
    sound = np.flatnonzero(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))) > TINY)
    basis, triangle = np.linalg.qr(scaled[:, sound])
    inverse = np.linalg.inv(triangle)
    coefficients = np.full(k, np.nan)
    covariance = np.full((k, k), np.nan)
    solved = inverse @ (basis.T @ target)
    residuals = target - scaled[:, sound] @ solved
    if clusters is None:
        spread = basis * (residuals / np.maximum(1 - (basis**2).sum(1), TINY))[:, None]
        df = n - sound.size
    else:
        groups = int(clusters.max()) + 1
        spread = np.zeros((groups, sound.size))
        np.add.at(spread, clusters, basis * residuals[:, None])
        spread *= math.sqrt(groups / (groups - 1) * (n - 1) / (n - sound.size))
        df = groups - 1
    coefficients[sound] = solved / scale[sound]
    root = inverse @ spread.T
    covariance[np.ix_(sound, sound)] = (root @ root.T) / np.outer(scale[sound], scale[sound])
    rss = max(float(residuals @ residuals), 1e-300)
    return Fit(coefficients, covariance, residuals, n * math.log(rss / n) + sound.size * math.log(n), df)


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


def false_discovery(p_values: Array, *, any_dependence: bool = False) -> Array:
    """Benjamini-Hochberg q-values (Benjamini & Hochberg 1995) of p-values (k,); NaN stays NaN and does not count.

    With `any_dependence` those of Benjamini & Yekutieli (2001), which hold however the tests depend on each other.

    >>> false_discovery(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    known = np.flatnonzero(np.isfinite(p_values))
    q_values = np.full(len(p_values), np.nan)
    order = known[np.argsort(p_values[known], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    raised = p_values[order] * len(order) / ranks * ((1 / ranks).sum() if any_dependence else 1.0)
    q_values[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q_values
