"""How much: the long-run effect of one link in arrays, around the lags at which it may sit, and how surely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ipo_nb.filters import autoregression, deterministic, echoes, filtered, lagged
from ipo_nb.inference import Setting
from ipo_nb.regression import Array, Fit, least_squares, nested_bic, orthonormal

__all__ = ["HORIZON", "Design", "Size", "long_run_size"]

HORIZON = 26  # periods for which the response to a lasting rise is kept
UNIT_ROOT = 0.98  # sum of own lags above which a long-run effect is not identified
NEAR = 2.0  # BIC within which two lag blocks fit equally well
CLEAR_STATIC = 3.0  # BIC by which autoregressive errors beat own lags clearly: measured on six designs, n = 104 and 208
CLEAR = 20.0  # and the other way round, where the static model would be wrong by much more

Block = tuple[int, ...]  # neighbouring lags of the cause


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
class Size:
    """The long-run effect of one link in standardised units, with the regression that it came from."""

    estimate: float
    low: float
    high: float
    identified: bool
    response: Array
    design: Design


@dataclass(frozen=True, slots=True)
class _Question:
    """What every model of one link shares: `moved` holds the cause at each lag of the blocks, `mask` is NaN off the
    common rows, `quantile` the least number of standard errors to each side."""

    y: Array
    moved: dict[int, Array]
    blocks: list[Block]
    setting: Setting
    held: Sequence[Array]
    mask: Array
    names: tuple[str, str]
    quantile: float

    def rows(self, y: Array, columns: Sequence[Array], own: Array | None = None) -> tuple[Array, Array, Array, Any]:
        """Target, columns and what is held constant on the common rows, the terms filtered by `own`; with units, period
        effects projected out."""
        terms = self.setting.terms
        terms = terms if terms is None or own is None else filtered(terms, own)
        target, stacked, fixed, clusters = replace(self.setting, terms=terms).rows(y, [*columns, self.mask])
        stacked = stacked[:, :-1]
        if self.setting.by_unit:
            basis = orthonormal(fixed)
            target, stacked = target - basis @ (basis.T @ target), stacked - basis @ (basis.T @ stacked)
            fixed = np.empty((target.size, 0))
        return target, stacked, fixed, clusters

    def design(self, target: Array, columns: Array, clusters: Any, n_fixed: int, block: Block, n_own: int) -> Design:
        """The regression with a name for each column."""
        cause, effect = self.names
        names = ["constant", "trend", *(f"season {k}" for k in range(1, n_fixed))][:n_fixed]
        names += [f"held constant {k}" for k in range(1, len(self.held) + 1)]
        names += [f"{cause} lag {j}" for j in block] + [f"{effect} lag {j}" for j in range(1, n_own + 1)]
        return Design(target, columns, tuple(names), clusters, n_own, len(block))


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
    room = complete.any(axis=0).sum() if setting.by_unit else complete.sum()
    fixed = 0 if setting.terms is None else len(setting.terms)
    if room < fixed + len(held) + setting.most + 4 + 8:
        return None
    asked = _Question(y, moved, blocks, setting, held, np.where(complete, 0.0, np.nan), names, quantile)
    kinds = [kind for kind in (_distributed(asked, past), _static(asked)) if kind]
    if not kinds:
        return None
    best_bic, best = min((min(kind, key=_bic) for kind in kinds), key=_bic)
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


def _blocks(lags: Sequence[int]) -> list[Block]:
    """The lag blocks tried around each lag: it alone, with those after it, with the one before it."""
    tried = [(lag, *range(lag + 1, lag + more)) for lag in lags for more in (1, 2, 3)]
    tried += [(*range(lag - 1, lag + more),) for lag in lags if lag for more in (1, 3)]
    return list(dict.fromkeys(tried))


def _distributed(asked: _Question, past: Sequence[Array]) -> list[tuple[float, Size]]:
    """Autoregressive distributed lags: for each block of the cause's lags its own lags by BIC."""
    held, moved, most = asked.held, asked.moved, asked.setting.most
    target, stacked, fixed, clusters = asked.rows(asked.y, [*held, *moved.values(), *past])
    at = {j: len(held) + place for place, j in enumerate(moved)}
    before, after = np.hstack([fixed, stacked[:, : len(held)]]), stacked[:, len(held) + len(moved) :]
    trials = []
    for block in asked.blocks:
        columns = np.hstack([before, stacked[:, [at[j] for j in block]], after])
        base = before.shape[1] + len(block)
        bics = nested_bic(target, columns, range(base, base + most + 1))
        order = int(np.argmin(bics))
        trials.append((float(bics[order]), block, order, columns[:, : base + order]))
    least = min(trial[0] for trial in trials)
    found = []
    for bic, block, order, columns in trials:
        if bic <= least + NEAR:
            design = asked.design(target, columns, clusters, fixed.shape[1], block, order)
            found.append((bic, _long_run(asked, least_squares(target, columns, clusters), design, block)))
    return found


def _static(asked: _Question) -> list[tuple[float, Size]]:
    """Regressions on the cause's lags with autoregressive errors, by iterated Cochrane & Orcutt (1949)."""
    y, held, moved, setting = asked.y, asked.held, asked.moved, asked.setting
    first = autoregression(y, setting.terms, most=setting.most)
    target, stacked, fixed, _ = asked.rows(*_filtered(y, [*held, *moved.values()], first), first)
    basis = orthonormal(np.hstack([fixed, stacked[:, : len(held)]]))
    rest, columns = (part - basis @ (basis.T @ part) for part in (target, stacked[:, len(held) :]))
    place = {j: k for k, j in enumerate(moved)}
    bics = {block: nested_bic(rest, columns[:, [place[j] for j in block]], [len(block)])[0] for block in asked.blocks}
    close = [block for block, bic in bics.items() if bic <= min(bics.values()) + 2 * NEAR]
    found = [_settled(asked, block, first) for block in close]
    return [one for one in found if one[1].identified]


def _filtered(y: Array, columns: Sequence[Array], own: Array) -> tuple[Array, list[Array]]:
    return filtered(y, own), [filtered(column, own) for column in columns]


def _settled(asked: _Question, block: Block, own: Array) -> tuple[float, Size]:
    """The errors' own dynamics and the slopes, each from the other, until neither moves."""
    explained = [*asked.held, *(asked.moved[j] for j in block)]
    for _ in range(8):
        target, stacked, fixed, clusters = asked.rows(*_filtered(asked.y, explained, own), own)
        columns = np.hstack([fixed, stacked])
        slopes = np.linalg.lstsq(columns, target, rcond=None)[0][fixed.shape[1] :]
        rest = asked.y - np.tensordot(slopes, np.array(explained), 1)
        newer = autoregression(rest, asked.setting.terms, most=asked.setting.most)
        if newer.shape == own.shape and np.allclose(newer, own, atol=1e-6):
            break
        own = newer
    fit = least_squares(target, columns, clusters)
    design = asked.design(target, columns, clusters, fixed.shape[1], block, 0)
    bic = fit.bic + own.size * math.log(target.size)
    return bic, _long_run(asked, replace(fit, df=fit.df - own.size), design, block)


def _long_run(asked: _Question, fit: Fit, design: Design, block: Block) -> Size:
    """Sum of the cause's coefficients over 1 - sum of the own lags, Fieller interval with t quantiles.

    Without units the interval is widened as if the longest own history and the widest block had been fitted: what
    was searched through is paid for.
    """
    from scipy.special import stdtrit

    setting, stop = asked.setting, design.columns.shape[1] - design.n_own
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
    half = max(float(stdtrit(max(fit.df, 1), 0.975)), asked.quantile) * paid
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


def _response(weights: Array, own: Array, block: Block, horizon: int = HORIZON) -> Array:
    """Change of the effect 0..horizon periods after the cause rose by one and stayed there."""
    from scipy.signal import lfilter

    moved = np.zeros(block[-1] + 1)
    moved[list(block)] = weights
    return np.asarray(lfilter(moved, [1.0, *-own], np.ones(horizon + 1)), dtype=float)
