"""What a series is cleared of: trend and season terms, its own autoregressive dynamics, unit and period effects.

Series are arrays of shape (units, periods) on one complete calendar, a gap being NaN; one series without units
is the case of one row. NumPy only.
"""

from __future__ import annotations

import numpy as np

from ipo_nb.regression import Array, nested_bic

__all__ = ["autoregression", "deterministic", "filtered", "fourier_pairs", "lagged", "two_way"]

WEEKS_A_YEAR = 365.25 / 7


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
