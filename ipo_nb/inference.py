"""One direction of one link in arrays: tested, forecast, held against placebos and rivals.

The residual frame of a test: the effect and the cause are both filtered by the effect's own dynamics, and trend,
season (with units: unit and period effects) and whatever is held constant are projected out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ipo_nb.bootstrap import SupT, sup_t
from ipo_nb.filters import (
    autoregression,
    deterministic,
    filtered,
    fourier_pairs,
    lagged,
    slow_waves,
    standing_weeks,
    unbiased,
    week_terms,
)
from ipo_nb.regression import TINY, Array, orthonormal

__all__ = [
    "BEYOND",
    "Setting",
    "Tested",
    "best_lags",
    "closest",
    "copied_lag",
    "evened",
    "followed",
    "forecasts_better",
    "framed",
    "moves",
    "near_lags",
    "placebos",
    "setting_of",
    "spread",
    "standardised",
    "try_link",
]

BEYOND = 30  # usable periods needed beyond the longest lag
OWN_LAGS = 2  # own lags held constant with units; size .01 to .10 in simulated panels of 24 x 60 and 130 x 36
ENOUGH = (
    100  # periods from which fading sums over neighbouring lags are tried: below, they cost size (.053 to .056 at 52)
)
FADING = (3.0, 2.0, 1.0)  # their weights, cut off where the window ends
CLUSTERS = 12  # units from which the bootstrap goes by unit, not by period


@dataclass(frozen=True, slots=True)
class Setting:
    """What both series of a link share: units, trend and season, and the longest own history looked at.

    `waves` are slow half waves that a test holds constant beside trend and season, and a size does not.
    """

    terms: Array | None
    most: int
    by_unit: bool
    waves: Array | None = None
    n_units: int = 1

    @property
    def tested(self) -> Setting:
        """The setting of a test."""
        if self.terms is None or self.waves is None:
            return self
        return replace(self, terms=np.vstack([self.terms, self.waves]), waves=None)

    def rows(self, target: Array, columns: Sequence[Array]) -> tuple[Array, Array, Array, Any]:
        """Complete rows of target and columns with what is held constant: (target, columns, fixed, clusters)."""
        use = np.isfinite(target) & np.isfinite(np.array(columns)).all(axis=0)
        y, x = target[use], np.array(columns)[:, use].T
        unit, period = np.nonzero(use)
        if self.terms is not None:
            return y, x, self.terms.T[period], None
        fixed = np.zeros((period.size, target.shape[1]))
        fixed[np.arange(period.size), period] = 1.0
        many = len(np.unique(unit)) >= CLUSTERS
        clusters = np.unique(unit if many else period, return_inverse=True)[1]
        y, x, fixed = (_within(values, unit, period) for values in (y, x, fixed))
        return y, x, fixed[:, np.ptp(fixed, axis=0) > TINY], clusters

    def dynamics(self, series: Array) -> Array:
        """Own dynamics of a series (order,), the same for all units; without units freed of small-sample bias."""
        own = autoregression(series, self.terms, most=self.most)
        return own if self.terms is None else unbiased(own, self.terms, int(np.isfinite(series).sum()))

    def own_history(self, series: Array) -> list[Array]:
        """Own lags held constant beside the filter: with units, whose dynamics differ, the filter alone leaks
        into the lags of whatever moves with the series in the same period."""
        return [lagged(series, lag) for lag in range(1, OWN_LAGS + 1)] if self.by_unit else []


def _within(values: Array, unit: Any, period: Any) -> Array:
    """Values (rows,) or (rows, k) less each unit's mean and linear trend."""
    columns = values.reshape(len(values), -1)
    count = np.maximum(np.bincount(unit), 1)

    def centred(table: Array) -> Array:
        sums = np.zeros((count.size, table.shape[1]))
        np.add.at(sums, unit, table)
        return np.asarray(table - (sums / count[:, None])[unit], dtype=float)

    time = centred(period[:, None].astype(float))
    level = centred(columns)
    products = np.zeros((count.size, columns.shape[1]))
    np.add.at(products, unit, time * level)
    power = np.maximum(np.bincount(unit, time[:, 0] ** 2), TINY)
    return np.asarray(level - time * (products / power[:, None])[unit], dtype=float).reshape(values.shape)


@dataclass(frozen=True, slots=True)
class Tested:
    """One direction tested over some lags: the joint test and what each lag showed."""

    lags: tuple[int, ...]
    joint: SupT
    n_rows: int

    @property
    def plain(self) -> Array:  # t of the cause as it is, filtered like the effect
        return self.joint.t[: len(self.lags)]

    @property
    def innovation(self) -> Array:  # t of the cause's own innovation
        return self.joint.t[len(self.lags) : 2 * len(self.lags)]

    @property
    def strength(self) -> Array:
        return np.asarray(np.maximum(np.abs(self.plain), np.abs(self.innovation)), dtype=float)


def standardised(values: Array) -> tuple[Array, float]:
    """Values less each unit's first one, over their standard deviation within units: safe at offsets of 1e9."""
    first = [row[np.isfinite(row)][0] if np.isfinite(row).any() else 0.0 for row in values]
    moved = values - np.array(first)[:, None]
    scale = spread(moved)
    return (moved / scale if scale > 0 else moved), scale or 1.0


def spread(values: Array) -> float:
    """Standard deviation within units."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, values - np.where(known, values, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    top = np.abs(centred).max(initial=0.0)
    return float(top * math.sqrt(((centred / top) ** 2).sum() / max(known.sum() - len(values), 1))) if top > 0 else 0.0


def evened(values: Array) -> Array:
    """Each unit's movement on one scale, so that a few large units do not decide a test for all."""
    return np.array([row / (spread(row[None]) or 1.0) for row in values])


def moves(values: Array) -> bool:
    """Whether standardised values differ at all."""
    return values.size > 1 and bool(np.ptp(values) > 1e-9)


def copied_lag(x: Array, y: Array, window: tuple[int, int]) -> int | None:
    """The lag at which the effect is the cause itself, moved and rescaled, if there is one."""
    for lag in range(window[0], window[1] + 1):
        moved = lagged(x, lag)
        use = np.isfinite(moved) & np.isfinite(y)
        if use.sum() > BEYOND:
            a, b = moved[use] - moved[use].mean(), y[use] - y[use].mean()
            if np.sqrt(a @ a) > 0 and np.abs(b - a * (a @ b) / (a @ a)).max() < 1e-8 * np.abs(b).max():
                return lag
    return None


def setting_of(x: Array, y: Array, n_periods: int, season: int, extra: Array | None = None) -> Setting:
    """Trend and season for a pair of series: dummies where a year has at most 12 periods and there are 4 years, else
    the yearly harmonics and the weeks of the year that one of the two shows; `extra` terms (terms, periods) that were
    declared come beside them. With units, unit trends and period effects instead."""
    most = max(2, min(8, n_periods // 12))
    if len(x) > 1:
        return Setting(None, most, by_unit=True, n_units=len(x))
    cycles = n_periods / season
    pairs: int | None = 0
    if season > 1 and season <= 12 and cycles >= 4:
        pairs = None
    elif season > 1:
        top = 1 if cycles < 2 else min(6, season // 2)
        pairs = max(fourier_pairs(series[0], season=season, most=top) for series in (x, y))
    terms = deterministic(x.shape[1], season=season, pairs=pairs)
    if extra is not None:
        terms = np.vstack([terms, extra])
    if season == 52 and cycles >= 2:
        weeks = {week for series in (x, y) for week in standing_weeks(series, terms, most=most)}
        terms = np.vstack([terms, week_terms(x.shape[1], sorted(weeks))])
    return Setting(terms, most, by_unit=False, waves=slow_waves(x.shape[1]))


def framed(
    y: Array, columns: Sequence[Array], setting: Setting, own: Array, held: Sequence[Array]
) -> tuple[Array, Array, Array, Any] | None:
    """The residual frame: A(L)y, columns, and an orthonormal basis of A(L)(trend, season, what is held constant)."""
    terms = None if setting.terms is None else filtered(setting.terms, own)
    framed = Setting(terms, setting.most, setting.by_unit)
    constant = [filtered(column, own) for column in (*held, *setting.own_history(y))]
    target, stacked, fixed, clusters = framed.rows(filtered(y, own), [*columns, *constant])
    if target.size < stacked.shape[1] - len(columns) + fixed.shape[1] + 10:
        return None
    kept = len(columns)
    return target, stacked[:, :kept], orthonormal(np.hstack([fixed, stacked[:, kept:]])), clusters


def try_link(
    y: Array, x: Array, lags: Sequence[int], setting: Setting, held: Sequence[Array], draws: int
) -> Tested | None:
    """Does y move with x at any of the lags? Largest |t| over x as it is, its own innovation, and fading sums of x."""
    own_y, own_x = setting.dynamics(y), setting.dynamics(x)
    plain, innovation = filtered(x, own_y), filtered(x, own_x)
    columns = [lagged(plain, lag) for lag in lags] + [lagged(innovation, lag) for lag in lags]
    if not setting.by_unit and y.size >= ENOUGH:
        columns += _fading(columns[: len(lags)], lags)
    frame = framed(y, columns, setting.tested, own_y, held)
    if frame is None:
        return None
    target, stacked, basis, clusters = frame
    return Tested(tuple(lags), sup_t(target, stacked, basis, draws=draws, clusters=clusters), target.size)


def _fading(columns: Sequence[Array], lags: Sequence[int]) -> list[Array]:
    """Sums over up to three neighbouring lags with weights 3, 2, 1: what an effect that comes and fades follows."""
    at = dict(zip(lags, columns, strict=True))
    starts = [lag for lag in lags if lag + 1 in at]
    return [sum((w * at[lag + k] for k, w in enumerate(FADING) if lag + k in at), np.zeros(1)) for lag in starts]


def best_lags(y: Array, z: Array, window: tuple[int, int], setting: Setting) -> list[Array]:
    """The one or two lags of z that y follows best: what is held constant when z is a common cause."""
    moved = [lagged(z, lag) for lag in range(window[0], window[1] + 1)]
    return [moved[k] for k in followed(y, moved, setting, most=2, penalty=1.0) or [0]]


def followed(y: Array, columns: Sequence[Array], setting: Setting, *, most: int, penalty: float) -> list[int]:
    """Which columns y follows in its residual frame, picked forward while n log(rss) falls by penalty * log(n)."""
    own = setting.dynamics(y)
    frame = framed(y, [filtered(column, own) for column in columns], setting, own, []) if columns else None
    if frame is None:
        return []
    target, stacked, basis, _ = frame
    picked: list[int] = []
    while len(picked) < min(most, len(columns)):
        left, rest = target - basis @ (basis.T @ target), stacked - basis @ (basis.T @ stacked)
        power = (rest**2).sum(0)
        gain = np.where(power > TINY * (stacked**2).sum(0), (rest.T @ left) ** 2 / np.maximum(power, 1e-300), 0.0)
        best, rss = int(np.argmax(gain)), float(left @ left)
        if target.size * math.log(rss / max(rss - gain[best], 1e-300)) < penalty * math.log(target.size):
            break
        picked.append(best)
        basis = orthonormal(np.hstack([basis, stacked[:, [best]]]))
    return picked


def near_lags(tested: Tested) -> tuple[int, ...]:
    """Lags whose single regression fits within 1.92 log-likelihood of the best one's."""
    likelihood = tested.n_rows * np.log1p(tested.strength**2 / tested.n_rows)
    return tuple(lag for lag, value in zip(tested.lags, likelihood, strict=True) if value > likelihood.max() - 3.84)


def placebos(x: Array, setting: Setting) -> list[Array]:
    """The cause where it cannot act: another unit's, or its own from whole years (else a third of the time) away."""
    if setting.by_unit:
        return [np.roll(x, shift, axis=0) for shift in range(1, min(4, len(x)))]
    periods = x.shape[1]
    steps = [52 * k for k in (1, 2, 3) if 52 * k <= periods - 26] if periods >= 130 else [periods // 3, periods // 2]
    return [np.roll(x, step, axis=1) for step in steps]


def forecasts_better(y: Array, x: Array, lag: int, setting: Setting, held: Sequence[Array]) -> bool | None:
    """Rolling origin over the last third: does the cause beat own history, trend and season, one period ahead?"""
    own = autoregression(y, setting.terms, most=setting.most).size
    past = [lagged(y, j) for j in range(1, own + 1)]
    columns = np.array([*past, *held, lagged(x, lag), lagged(x, lag + 1)])
    use = np.isfinite(y) & np.isfinite(columns).all(axis=0)
    period = np.nonzero(use)[1]
    terms = np.empty((period.size, 0)) if setting.terms is None else setting.terms.T[period]
    design, target = np.hstack([terms, columns[:, use].T]), y[use]
    design = design / np.maximum(np.sqrt((design**2).sum(0)), 1e-300)
    periods, place = np.unique(period, return_inverse=True)
    first = 2 * len(periods) // 3
    if (place < first).sum() < design.shape[1] + 10:
        return None
    lost = [_lost(design[:, :width], target, place, first) for width in (design.shape[1] - 2, design.shape[1])]
    return lost[1] < lost[0]


def _lost(design: Array, target: Array, place: Any, first: int) -> float:
    """Sum of squared errors of forecasts from each origin on, each by the regression on all periods before it."""
    both = np.column_stack([design, target])
    products = np.zeros((int(place.max()) + 1, both.shape[1], both.shape[1]))
    np.add.at(products, place, both[:, :, None] * both[:, None, :])
    seen = np.cumsum(products, axis=0)[first - 1 : -1]
    ridge = 1e-10 * np.eye(design.shape[1])  # a term that was not seen yet counts nothing
    slopes = np.linalg.solve(seen[:, :-1, :-1] + ridge, seen[:, :-1, -1:])[:, :, 0]
    new = place >= first
    return float(((target[new] - (design[new] * slopes[place[new] - first]).sum(1)) ** 2).sum())


def closest(x: Array, against: Sequence[tuple[str, Array]], setting: Setting, y: Array) -> tuple[str, float]:
    """The rival that explains most of the cause's movement around its lag, and the share of it."""
    own = setting.dynamics(y)
    frame = framed(filtered(x, own), [filtered(column, own) for _, column in against], setting, np.empty(0), [])
    if frame is None:
        return against[0][0], 1.0
    target, columns, basis, _ = frame
    left, rest = target - basis @ (basis.T @ target), columns - basis @ (basis.T @ columns)
    shares = (rest.T @ left) ** 2 / np.maximum((rest**2).sum(0) * (left @ left), 1e-300)
    best = int(np.argmax(shares))
    return against[best][0], float(shares[best])
