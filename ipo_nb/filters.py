"""What a series is cleared of: trend and season terms, its own autoregressive dynamics, unit and period effects.

Series are arrays of shape (units, periods) on one complete calendar, a gap being NaN; one series without units
is the case of one row. NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ipo_nb.regression import Array, nested_bic, orthonormal

__all__ = [
    "autoregression",
    "deterministic",
    "echoes",
    "filtered",
    "fourier_pairs",
    "lagged",
    "slow_waves",
    "standing_weeks",
    "two_way",
    "unbiased",
    "week_terms",
]

WEEKS_A_YEAR = 365.25 / 7
STANDING = 3.7  # |t| from which a week of the year stands out: 1 % of one of 52 weeks of noise
MOST_WEEKS = 6  # weeks of the year that may stand out


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
    return _fourier_pairs(series.tobytes(), season, most)


@lru_cache(maxsize=256)
def _fourier_pairs(values: bytes, season: int, most: int) -> int:
    series = np.frombuffer(values)
    columns = [lagged(series, 1), *deterministic(series.size, season=season, pairs=most)]
    rows = np.isfinite(series) & np.isfinite(columns[0])
    design = np.array([columns[1], columns[2], columns[0], *columns[3:]]).T[rows]
    sizes = [3 + 2 * pairs for pairs in range(most + 1)]
    sizes[-1] = design.shape[1]
    return int(np.argmin(nested_bic(series[rows], design, sizes)))


def week_terms(periods: int, weeks: Sequence[int]) -> Array:
    """One for each of these weeks of the year, 0..51 counted from the first period: (weeks, periods)."""
    week = np.floor(np.arange(periods) % WEEKS_A_YEAR)
    return np.asarray(week == np.array(weeks, dtype=float)[:, None], dtype=float)


def standing_weeks(series: Array, terms: Array, *, most: int) -> tuple[int, ...]:
    """Weeks of the year (0..51 from the first period) in which a weekly series stands apart: holidays, closings.

    A wave of few harmonics cannot follow them, and where two series share them they look linked. Single weeks and pairs
    of neighbours are taken up in turn while the largest |t| passes 3.7, beside trend, season and own dynamics, until
    there are six. (1, periods)
    """
    return _standing_weeks(series.tobytes(), terms.tobytes(), series.size, most)


@lru_cache(maxsize=256)
def _standing_weeks(values: bytes, fixed: bytes, periods: int, most: int) -> tuple[int, ...]:
    series, terms = np.frombuffer(values).reshape(1, periods), np.frombuffer(fixed).reshape(-1, periods)
    weeks = week_terms(periods, range(52))
    tried = np.vstack([weeks, np.maximum(weeks, np.roll(weeks, -1, axis=0))])  # each week, and with the one after it
    found: list[int] = []
    while len(found) < MOST_WEEKS:
        known = np.vstack([terms, weeks[found]])
        t = _alone(series, tried, known, autoregression(series, known, most=most))
        strongest = int(np.argmax(t))
        if t[strongest] < STANDING:
            break
        found += {strongest % 52, (strongest + strongest // 52) % 52} - set(found)
    return tuple(sorted(found))


def _alone(series: Array, tried: Array, terms: Array, own: Array) -> Array:
    """|t| of each of the terms that are tried (k, periods), beside those that are known, in the filtered frame."""
    target, columns, fixed = filtered(series, own)[0], filtered(tried, own), filtered(terms, own)
    rows = np.isfinite(target) & np.isfinite(fixed).all(axis=0)
    basis = orthonormal(fixed[:, rows].T)
    y, x = (part - basis @ (basis.T @ part) for part in (target[rows], columns[:, rows].T))
    power = (x**2).sum(0)
    score = np.where(power > 1e-6, x.T @ y, 0.0) / np.sqrt(np.maximum(power, 1e-6))
    left = np.maximum(y @ y - score**2, 1e-300) / max(y.size - basis.shape[1] - 1, 1)
    return np.asarray(np.abs(score) / np.sqrt(left), dtype=float)


def slow_waves(periods: int) -> Array:
    """Half waves slower than the trend leaves, one for each 130 periods: (waves, periods).

    A level step, or another slow departure that nobody declared, leaves some of itself behind the filter; two of them
    look linked, the more so the longer the series. These waves take it up.
    """
    time = (np.arange(periods) + 0.5) / periods
    return np.array([np.cos(np.pi * j * time) for j in range(2, 2 + periods // 130)]).reshape(-1, periods)


def unbiased(own: Array, terms: Array, periods: int) -> Array:
    """Own dynamics whose persistence (the sum of the own lags) is freed of its small-sample bias, at most a unit root.

    Least squares puts the persistence of a short series too low, the lower the more terms are fitted beside it
    (Kendall 1954; Shaman & Stine 1988): by (2 r + (1 - r^2) sum_h r^(h-1) tr(Q'Q_h)) / n for a persistence of r, where
    Q is an orthonormal basis of the terms and Q_h the same, h periods later. (2 + 4 r) / n for a constant and a trend.
    """
    if not own.size:
        return own
    measured, persistence = float(own.sum()), float(own.sum())
    shared = echoes(terms.tobytes(), len(terms))
    for _ in range(30):
        decay = persistence ** np.arange(shared.size)
        bias = (2 * persistence + (1 - persistence**2) * float(decay @ shared)) / periods
        persistence = min(max(measured + bias, -0.999), 1.0)
    return np.concatenate([own[:1] + persistence - measured, own[1:]])


@lru_cache(maxsize=64)
def echoes(terms: bytes, count: int) -> Array:
    """Products of an orthonormal basis of the terms with itself, 1, 2, ... periods later."""
    basis = orthonormal(np.frombuffer(terms).reshape(count, -1).T)
    return np.array([float((basis[h:] * basis[:-h]).sum()) for h in range(1, min(60, len(basis)))])


def autoregression(series: Array, terms: Array | None, *, most: int) -> Array:
    """Own dynamics: the coefficients of an autoregression of order 0..most by BIC, all orders on one sample.

    Parameters
    ----------
    series : (units, periods); the same dynamics for all units.
    terms : (terms, periods) held constant beside it, or None.
    """
    fixed = None if terms is None else terms.tobytes()
    return _autoregression(series.tobytes(), series.shape, fixed, most)


@lru_cache(maxsize=256)  # a series of a map is a cause here and an effect there
def _autoregression(values: bytes, shape: tuple[int, int], fixed_terms: bytes | None, most: int) -> Array:
    series = np.frombuffer(values).reshape(shape)
    terms = None if fixed_terms is None else np.frombuffer(fixed_terms).reshape(-1, shape[1])
    past = np.array([lagged(series, lag) for lag in range(1, most + 1)]).reshape(most, *shape)
    rows = np.isfinite(series) & np.isfinite(past).all(axis=0)
    fixed = _stacked(terms, shape)[:, rows] if terms is not None else np.empty((0, int(rows.sum())))
    design = np.vstack([fixed, past[:, rows]]).T
    base = fixed.shape[0]
    if rows.sum() < design.shape[1] + 5:
        return np.empty(0)
    bics = nested_bic(series[rows], design, list(range(base, base + most + 1)))
    order = int(np.argmin(bics))
    if order == 0:
        return np.empty(0)
    use = np.isfinite(series) & np.isfinite(past[:order]).all(axis=0)
    fixed = _stacked(terms, shape)[:, use] if terms is not None else np.empty((0, int(use.sum())))
    own = np.linalg.lstsq(np.vstack([fixed, past[:order, use]]).T, series[use], rcond=None)[0][base:]
    return np.asarray(own, dtype=float)


def _stacked(terms: Array, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(terms[:, None, :], (len(terms), *shape))
