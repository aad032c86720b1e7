"""One direction of one link in arrays: tested, sized, forecast, held against placebos and rivals.

The residual frame of a test: the effect and the cause are both filtered by the effect's own dynamics, and trend,
season (with units: unit and period effects) and whatever is held constant are projected out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ipo_nb.bootstrap import SupT, sup_t
from ipo_nb.filters import (
    autoregression,
    deterministic,
    echoes,
    filtered,
    fourier_pairs,
    lagged,
    slow_waves,
    standing_weeks,
    unbiased,
    week_terms,
)
from ipo_nb.regression import TINY, Array, Fit, least_squares, nested_bic, orthonormal

__all__ = [
    "BEYOND",
    "HORIZON",
    "Design",
    "Setting",
    "Size",
    "Tested",
    "best_lags",
    "closest",
    "copied_lag",
    "evened",
    "followed",
    "forecasts_better",
    "framed",
    "long_run_size",
    "moves",
    "near_lags",
    "placebos",
    "setting_of",
    "spread",
    "standardised",
    "try_link",
]

HORIZON = 26  # periods for which the response to a lasting rise is kept
UNIT_ROOT = 0.98  # sum of own lags above which a long-run effect is not identified
BEYOND = 30  # usable periods needed beyond the longest lag
OWN_LAGS = 2  # own lags held constant with units; size .01 to .10 in simulated panels of 24 x 60 and 130 x 36
ENOUGH = (
    100  # periods from which fading sums over neighbouring lags are tried: below, they cost size (.053 to .056 at 52)
)
FADING = (3.0, 2.0, 1.0)  # their weights, cut off where the window ends
CLUSTERS = 12  # units from which the bootstrap goes by unit, not by period
CLEAR_STATIC = 3.0  # BIC by which autoregressive errors beat own lags clearly: measured on six designs, n = 104 and 208
NEAR = 2.0  # BIC within which two lag blocks fit equally well
CLEAR = 20.0  # and the other way round, where the static model would be wrong by much more


@dataclass(frozen=True, slots=True)
class Design:
    """The regression behind a reported size, in real units: what `.fit` hands to statsmodels."""

    target: Array
    columns: Array
    names: tuple[str, ...]
    clusters: Any
    n_own: int
    n_cause: int


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


@dataclass(frozen=True, slots=True)
class Size:
    """The long-run effect of one link in standardised units, with the regression that it came from."""

    estimate: float
    low: float
    high: float
    identified: bool
    response: Array
    design: Design


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


def long_run_size(
    y: Array,
    x: Array,
    lags: Sequence[int],
    setting: Setting,
    held: Sequence[Array],
    names: tuple[str, str],
    *,
    quantile: float = 0.0,
) -> Size | None:
    """Long-run effect around the lags that fit about equally well: sparse ADLs and regressions with AR errors.

    The point comes from the one with the smallest BIC. The interval is the hull of all that fit about as well: lag
    blocks within a BIC of 2, and both kinds unless one fits clearly better. A model whose own lags add up to more than
    0.98 has no long-run effect that the data could show.
    """
    blocks = _blocks(lags)
    moved = {j: lagged(x, j) for j in sorted({j for block in blocks for j in block})}
    past = [lagged(y, j) for j in range(1, setting.most + 1)]
    far = [lagged(column, setting.most) for column in (moved[max(moved)], *held)]
    complete = np.isfinite(y) & np.isfinite(np.array([*moved.values(), *held, *past, *far])).all(axis=0)
    mask = np.where(complete, 0.0, np.nan)
    room = complete.any(axis=0).sum() if setting.by_unit else complete.sum()
    fixed = 0 if setting.terms is None else len(setting.terms)
    if room < fixed + len(held) + setting.most + 4 + 8:
        return None
    kinds = (
        _distributed(y, moved, blocks, past, setting, held, mask, names, quantile),
        _static(y, moved, blocks, setting, held, mask, names, quantile),
    )
    found = [min(kind, key=_bic) for kind in kinds if kind]
    if not found:
        return None
    best_bic, best = min(found, key=_bic)
    if not best.identified:
        return best
    # with units dynamics differ, so that neither kind is right and n is large enough for BIC to be sure of one
    margin = math.inf if setting.by_unit else CLEAR if best.design.n_own else CLEAR_STATIC
    near = [
        size
        for kind in kinds
        for bic, size in kind
        if size.identified and bic <= min(map(_bic, kind)) + NEAR and min(map(_bic, kind)) <= best_bic + margin
    ]
    return replace(best, low=min(size.low for size in near), high=max(size.high for size in near))


def _bic(found: tuple[float, Size]) -> float:
    return found[0]


def _blocks(lags: Sequence[int]) -> list[tuple[int, ...]]:
    """The lag blocks tried around each lag: it alone, with those after it, with the one before it."""
    tried = [(lag, *range(lag + 1, lag + more)) for lag in lags for more in (1, 2, 3)]
    tried += [(*range(lag - 1, lag + more),) for lag in lags if lag for more in (1, 3)]
    return list(dict.fromkeys(tried))


def _design(
    y: Array, columns: Sequence[Array], setting: Setting, mask: Array, terms: Array | None = None
) -> tuple[Array, Array, Array, Any]:
    """Target, columns and what is held constant on the common rows; with units, period effects projected out."""
    shared = Setting(setting.terms if terms is None else terms, setting.most, setting.by_unit)
    target, stacked, fixed, clusters = shared.rows(y, [*columns, mask])
    stacked = stacked[:, :-1]
    if setting.by_unit:
        basis = orthonormal(fixed)
        target = target - basis @ (basis.T @ target)
        stacked = stacked - basis @ (basis.T @ stacked)
        fixed = np.empty((target.size, 0))
    return target, stacked, fixed, clusters


def _distributed(
    y: Array,
    moved: Mapping[int, Array],
    blocks: Sequence[tuple[int, ...]],
    past: Sequence[Array],
    setting: Setting,
    held: Sequence[Array],
    mask: Array,
    names: tuple[str, str],
    quantile: float,
) -> list[tuple[float, Size]]:
    """Autoregressive distributed lags: for each block of the cause's lags around the peak its own lags by BIC."""
    target, stacked, fixed, clusters = _design(y, [*held, *moved.values(), *past], setting, mask)
    at = {j: len(held) + place for place, j in enumerate(moved)}
    after = len(held) + len(moved)
    before = np.hstack([fixed, stacked[:, : len(held)]])
    trials = []
    for block in blocks:
        design = np.hstack([before, stacked[:, [at[j] for j in block]], stacked[:, after:]])
        base = before.shape[1] + len(block)
        bics = nested_bic(target, design, range(base, base + setting.most + 1))
        order = int(np.argmin(bics))
        trials.append((float(bics[order]), block, order, design[:, : base + order]))
    least = min(trial[0] for trial in trials)
    found = []
    for bic, block, order, design in trials:
        if bic <= least + NEAR:
            labels = _labels(fixed.shape[1], len(held), names, block, order)
            shape = Design(target, design, labels, clusters, n_own=order, n_cause=len(block))
            found.append((bic, _long_run(least_squares(target, design, clusters), shape, block, setting, quantile)))
    return found


def _static(
    y: Array,
    moved: Mapping[int, Array],
    blocks: Sequence[tuple[int, ...]],
    setting: Setting,
    held: Sequence[Array],
    mask: Array,
    names: tuple[str, str],
    quantile: float,
) -> list[tuple[float, Size]]:
    """Regressions on the cause's lags with autoregressive errors, by iterated Cochrane & Orcutt (1949)."""
    first = autoregression(y, setting.terms, most=setting.most)

    def framed_by(own: Array, lags: Sequence[int]) -> tuple[Array, Array, int, Any]:
        terms = None if setting.terms is None else filtered(setting.terms, own)
        columns = [filtered(column, own) for column in (*held, *(moved[j] for j in lags))]
        target, stacked, fixed, clusters = _design(filtered(y, own), columns, setting, mask, terms)
        return target, np.hstack([fixed, stacked]), fixed.shape[1], clusters

    def settled(block: tuple[int, ...]) -> tuple[float, Size]:
        """The errors' own dynamics and the slopes, each from the other, until neither moves."""
        own, explained = first, np.array([*held, *(moved[j] for j in block)])
        for _ in range(8):
            target, design, fixed, clusters = framed_by(own, block)
            slopes = np.linalg.lstsq(design, target, rcond=None)[0][fixed:]
            newer = autoregression(y - np.tensordot(slopes, explained, 1), setting.terms, most=setting.most)
            if newer.shape == own.shape and np.allclose(newer, own, atol=1e-6):
                break
            own = newer
        fit = least_squares(target, design, clusters)
        labels = _labels(fixed, len(held), names, block, 0)
        shape = Design(target, design, labels, clusters, 0, len(block))
        bic = fit.bic + own.size * math.log(target.size)
        return bic, _long_run(replace(fit, df=fit.df - own.size), shape, block, setting, quantile)

    target, design, fixed, _ = framed_by(first, list(moved))
    after = fixed + len(held)
    basis = orthonormal(design[:, :after])
    rest, columns = target - basis @ (basis.T @ target), design[:, after:] - basis @ (basis.T @ design[:, after:])
    place = {j: k for k, j in enumerate(moved)}
    bics = {block: nested_bic(rest, columns[:, [place[j] for j in block]], [len(block)])[0] for block in blocks}
    close = [block for block, bic in bics.items() if bic <= min(bics.values()) + 2 * NEAR]
    return [size for size in map(settled, close) if size[1].identified]


def _labels(n_fixed: int, n_held: int, names: tuple[str, str], block: tuple[int, ...], order: int) -> tuple[str, ...]:
    fixed = ["constant", "trend", *(f"season {k}" for k in range(1, n_fixed))][:n_fixed]
    held = [f"held constant {k}" for k in range(1, n_held + 1)]
    causes = [f"{names[0]} lag {j}" for j in block]
    return (*fixed, *held, *causes, *(f"{names[1]} lag {j}" for j in range(1, order + 1)))


def _long_run(fit: Fit, design: Design, block: tuple[int, ...], setting: Setting, quantile: float) -> Size:
    """Sum of the cause's coefficients over 1 - sum of the own lags, Fieller interval with t quantiles.

    Without units the interval is widened as if the longest own history and the widest block had been fitted: what
    was searched through is paid for.
    """
    from scipy.special import stdtrit

    stop = design.columns.shape[1] - design.n_own
    picked = np.arange(stop - design.n_cause, design.columns.shape[1])
    weights, own = fit.coefficients[stop - design.n_cause : stop], fit.coefficients[stop:]
    if setting.by_unit and own.size and np.isfinite(fit.coefficients).all():
        freed = _without_nickell(fit, design, setting.n_units)
        weights, own = freed[stop - design.n_cause : stop], freed[stop:]
    kept = 1.0 - float(own.sum())
    identified = bool(np.isfinite(weights).all()) and kept >= 1 - UNIT_ROOT
    if not identified:
        return Size(math.nan, math.nan, math.nan, False, np.empty(0), design)
    estimate = float(weights.sum()) / kept
    covariance, n = fit.covariance[np.ix_(picked, picked)], design.target.size
    paid = 1.0 if setting.by_unit else math.sqrt(n / max(n - setting.most - 4, n / 2))
    sums = np.zeros((2, picked.size))
    sums[0, : weights.size], sums[1, weights.size :] = 1.0, -1.0  # of the weights; what one less the own lags varies by
    half = max(float(stdtrit(max(fit.df, 1), 0.975)), quantile) * paid
    low, high = _ratio(estimate, kept, half**2 * (sums @ covariance @ sums.T))
    return Size(estimate, low, high, True, _response(weights, own, block), design)


def _without_nickell(fit: Fit, design: Design, n_units: int) -> Array:
    """Coefficients freed of what each unit's own mean and trend do to own lags (Nickell 1981; Kiviet 1995).

    Taking a mean and a trend out of each unit ties its past to its errors: by s2 sum_h psi(h - j) tr(Q'Q_h) for own lag
    j, where psi is the response to a shock and Q an orthonormal basis of the two. The more units, the more it matters.
    """
    x, start = design.columns, design.columns.shape[1] - design.n_own
    periods = round(len(x) / n_units)
    shared = echoes(deterministic(periods, season=1, pairs=0).tobytes(), 2)
    pull = np.linalg.pinv(x.T @ x)[:, start:] * (n_units * fit.residuals.var())
    freed = fit.coefficients
    for _ in range(30):
        shock = _response(np.ones(1), freed[start:], (0,), shared.size)
        psi = np.diff(shock, prepend=0.0)
        tied = [float(psi[: shared.size - j] @ shared[j:]) for j in range(design.n_own)]
        moved = fit.coefficients + pull @ tied
        if not moved[start:].sum() < 1:
            break
        freed = moved
    return np.asarray(freed, dtype=float)


def _ratio(estimate: float, below: float, spread: Array) -> tuple[float, float]:
    """Fieller's (1954) interval of a ratio: all values that the data do not rule out, longer on the far side.

    Where what stands below the line may as well be zero it has no end, and the delta method's is given.

    Parameters
    ----------
    spread : (2, 2) covariance of numerator and denominator, times the squared quantile.
    """
    far = below**2 - float(spread[1, 1])
    middle = estimate * below**2 - float(spread[0, 1])
    root = middle**2 - far * ((estimate * below) ** 2 - float(spread[0, 0]))
    if far <= 0.1 * below**2 or root < 0:
        gradient = np.array([1.0, -estimate]) / below
        half = math.sqrt(max(float(gradient @ spread @ gradient), 0.0))
        return estimate - half, estimate + half
    half = math.sqrt(root)
    return (middle - half) / far, (middle + half) / far


def _response(weights: Array, own: Array, block: tuple[int, ...], horizon: int = HORIZON) -> Array:
    """Change of the effect 0..horizon periods after the cause rose by one and stayed there."""
    from scipy.signal import lfilter

    moved = np.zeros(block[-1] + 1)
    moved[list(block)] = weights
    return np.asarray(lfilter(moved, [1.0, *-own], np.ones(horizon + 1)), dtype=float)


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
