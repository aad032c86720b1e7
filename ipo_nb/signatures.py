"""What the shape of one series gives away: level steps, one-period events, trailing windows. Arrays in, arrays out.

The error rates stated here were measured on AR(0), AR(.5), AR(.9) and random walks with normal and t3 noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipo_nb.filters import autoregression, deterministic, filtered, fourier_pairs, lagged
from ipo_nb.regression import TINY, Array, nested_bic, orthonormal

__all__ = ["Break", "break_column", "find_breaks", "scaled", "season_terms", "trailing_window"]

MOST = 12  # breaks in one series, beyond which it is no longer a series with breaks
SPARE = 20  # rows needed beyond what is held constant
EDGE = 6  # periods before and after a step that have to be known: fewer are events
CLIP = 2.5  # standard deviations at which a period's say in a step ends: one large shock is no step
STEP = 4.2  # critical |t| of a step
SUSPECT = 3.5  # |t| from which a period is set aside while the tails of the others are looked at
EVENT = 0.015  # level of an event, less below 150 periods: makes 5 % with t3 noise, whose tails are hard to tell
SHOCK = 6.0  # how much better (in t squared) a shock that fades has to fit before it is no one-period event
TAILS = np.linspace(0.0, 0.45, 10)  # 1 / degrees of freedom of the t distributions averaged over, lighter ones first
HEAVY = 10.0  # prior decay in 1 / degrees of freedom
FAINT = 1e-14  # noise, relative to the largest move of a series, that is arithmetic
WINDOWS = (*range(2, 14), 26, 52)
GAIN = (6.0, 4.0)  # log likelihood by which a trailing window has to win, and one of a whole year
UNITS = 12  # units that are enough to know a window by


class Break(NamedTuple):
    """A level step or one-period event: `kind` step or event, the period's number, its size and t."""

    kind: str
    at: int
    size: float
    t: float


def scaled(series: Array) -> tuple[Array, float]:
    """A series less its first value, over its largest move, and that move: safe at offsets of 1e9 and at 1e308."""
    known = np.isfinite(series)
    top = float(np.abs(series[known]).max(initial=0.0)) or 1.0
    moved = series / top - series[known][0] / top if known.any() else series
    scale = float(np.abs(moved[known]).max(initial=0.0))
    return (moved / scale if scale > 0 else moved), scale * top


def break_column(kind: str, at: int, periods: int) -> Array:
    """The regressor of a step (1 from its period on) or an event (1 in its period): (periods,)."""
    time = np.arange(periods)
    return np.where(time >= at if kind == "step" else time == at, 1.0, 0.0)


def season_terms(series: Array, season: int) -> Array:
    """Constant, trend and the season that a series (periods,) shows: (terms, periods)."""
    return deterministic(series.size, season=season, pairs=_pairs(scaled(series)[0], season))


def _pairs(series: Array, season: int) -> int | None:
    """Yearly harmonics: all, as dummies (None), where four short years are known, else those that BIC finds."""
    cycles = np.isfinite(series).sum() / season
    if season == 1 or (season <= 12 and cycles >= 4):
        return None if season > 1 else 0
    return fourier_pairs(series, season=season, most=1 if cycles < 2 else min(6, season // 2))


@dataclass(frozen=True, slots=True)
class _Frame:
    """A series filtered by its own dynamics, less what is held constant: zero where it is not known.

    Attributes
    ----------
    own : (order,) its autoregression; rest : (periods,) what is left; basis : (r, periods) orthonormal, what was
    held constant; rows : (periods,) what is known; noise : robust standard deviation of what is left.
    """

    own: Array
    rest: Array
    basis: Array
    rows: NDArray[np.bool_]
    noise: float

    @classmethod
    def of(cls, series: Array, terms: Array, own: Array) -> _Frame:
        left, held = filtered(series, own), filtered(terms, own)
        rows = np.isfinite(left) & (np.arange(series.size) >= own.size)
        span = orthonormal(held[:, rows].T)
        rest, basis = np.zeros(series.size), np.zeros((span.shape[1], series.size))
        rest[rows] = left[rows] - span @ (span.T @ left[rows])
        basis[:, rows] = span.T
        spare = rows.sum() - span.shape[1] - own.size
        middle = float(np.median(np.abs(rest[rows]))) / 0.6745 if spare >= SPARE else 0.0
        return cls(own, rest, basis, rows, middle * math.sqrt(rows.sum() / max(spare, 1)))

    def matched(self, kind: str, rest: Array) -> tuple[Array, Array]:
        """Size and weight (its variance is noise squared over weight) of a break at each period, by least squares."""
        head = np.array([1.0, *-self.own, 0.0])
        head = head.cumsum() if kind == "step" else head
        inner = _following(self.basis, head)
        weight = _following(self.rows.astype(float), head**2) - (inner**2).sum(axis=0)
        sound = weight > 1e-6 if kind == "step" else self.rows & (weight > 0.05)
        top = _following(rest, head) - inner.T @ (self.basis @ rest)
        return np.where(sound, top / np.where(sound, weight, 1.0), 0.0), np.where(sound, weight, 0.0)

    def broken(self, kind: str, at: int) -> Break:
        """A break of this kind at one period."""
        size, weight = (float(values[at]) for values in self.matched(kind, self.rest))
        return Break(kind, at, size, size * math.sqrt(weight) / max(self.noise, 1e-300))

    def steps(self) -> Array:
        """t of a step at each period, no single period having much of a say."""
        clipped = np.clip(self.rest, -CLIP * self.noise, CLIP * self.noise)
        spread = math.sqrt((clipped**2).sum() / max(self.rows.sum() - len(self.basis) - self.own.size, 1))
        size, weight = self.matched("step", clipped)
        before = self.rows.cumsum()
        inside = (before > EDGE) & (before[-1] - before >= EDGE)
        return np.where(inside, size * np.sqrt(weight), 0.0) / max(spread, 1e-300)

    def events(self) -> Array:
        """t of a one-period event at each period, 0 where a shock that fades away fits clearly better, then or soon."""
        size, weight = self.matched("event", self.rest)
        t = size * np.sqrt(weight) / self.noise
        shock = self.rest**2 / np.maximum(1 - (self.basis**2).sum(axis=0), TINY) / self.noise**2
        near = np.lib.stride_tricks.sliding_window_view(np.pad(shock, (0, self.own.size)), self.own.size + 1).max(
            axis=1
        )
        return np.where(near > t**2 + SHOCK, 0.0, t)


def _following(values: Array, head: Array) -> Array:
    """At each period the sum of the values from it on (last axis), weighted by the head and then its last weight."""
    total = head[-1] * values[..., ::-1].cumsum(axis=-1)[..., ::-1]
    for ahead, weight in enumerate(head[:-1] - head[-1]):
        total[..., : values.shape[-1] - ahead] += weight * values[..., ahead:]
    return np.asarray(total)


def find_breaks(series: Array, terms: Array, *, alike: int = 1) -> list[Break]:
    """The level steps and one-period events of a series, beside trend, season and its own past.

    One at a time, the clearest first, each tested with those before held constant (Tsay 1988; Chen & Liu 1993). An
    event has to lie further out than the tails of the series' other periods explain. A step has to show over many
    periods, beside an autoregression estimated with the step in place (Perron 1989) and corrected for its bias
    (Kendall 1954): the jumps of a random walk, which has no level of its own, are no steps.

    Parameters
    ----------
    series : (periods,), gaps NaN.
    terms : (terms, periods) held constant: constant, trend, season.
    alike : how many series share the error rate, such as the units of one metric.

    Returns
    -------
    Breaks in the order of time. In at most about 5 % of series without breaks there is a step, and in at most
    5 % an event.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=100)
    >>> [found] = find_breaks(noise + np.where(np.arange(100) < 40, 0.0, 5.0), np.ones((1, 100)))
    >>> found.kind, found.at, round(found.size)
    ('step', 40, 5)
    """
    moved, scale = scaled(series)
    if np.isfinite(series).sum() < SPARE or scale == 0:
        return []
    found: list[Break] = []
    for _ in range(MOST):
        one = _clearest(moved, terms, found, alike)
        if one is None:
            break
        found.append(one)
    weighed = [_weighed(moved, terms, one, found) for one in found]
    return sorted((one._replace(size=one.size * scale) for one in weighed if abs(one.t) > 3), key=lambda one: one.at)


def _beside(terms: Array, breaks: Sequence[Break]) -> Array:
    """What is held constant: the terms, and the breaks that are known."""
    return np.vstack([terms, *(break_column(one.kind, one.at, terms.shape[1]) for one in breaks)])


def _dynamics(series: Array, held: Array, found: Sequence[Break]) -> Array:
    """Own dynamics of a series less the breaks in it: left in, an event would hide them, and a step feign them.

    The first period of each step is left out, lest one large shock of a lasting series pass for a step.
    """
    rest = series - sum(one.size * break_column(one.kind, one.at, series.size) for one in found)
    firsts = [break_column("event", one.at, series.size) for one in found if one.kind == "step"]
    most = max(2, min(8, int(np.isfinite(series).sum()) // 12))
    return autoregression(rest[None], np.vstack([held, *firsts]), most=most)


def _clearest(series: Array, terms: Array, found: Sequence[Break], alike: int) -> Break | None:
    """The next break: an event before a step, since events blur steps."""
    held = _beside(terms, found)
    frame = _Frame.of(series, held, _dynamics(series, held, found))
    if not frame.noise > FAINT:
        return None
    return _event(series, held, frame, found, alike) or _step(series, held, frame, found, alike)


def _event(series: Array, held: Array, frame: _Frame, found: Sequence[Break], alike: int) -> Break | None:
    """The clearest event, if it lies further out than the tails of the other periods explain."""
    t = np.abs(frame.events())
    suspects = [int(at) for at in np.argsort(-t)[: max(2, int(frame.rows.sum()) // 8)] if t[at] > SUSPECT]
    if not suspects:
        return None
    aside = [frame.broken("event", at) for at in suspects]
    beside = _beside(held, aside)
    own = _dynamics(series, beside, [*found, *aside])
    clean, there = _Frame.of(series, beside, own), _Frame.of(series, held, own)
    if not clean.noise > FAINT:
        return None
    sizes = np.abs(there.events()) * there.noise / clean.noise
    at = max(suspects, key=lambda one: sizes[one])
    others = np.delete(np.abs(clean.events()), suspects)[np.delete(clean.rows, suspects)]
    known = np.sort(np.append(others, sizes[suspects]))
    chance = _tail(known, max(2, len(suspects)))
    beyond = -math.expm1(known.size * math.log1p(-min(chance, 0.5)))
    return (
        there.broken("event", at)
        if sizes[at] > SUSPECT and beyond < EVENT * min(1.0, known.size / 150) / alike
        else None
    )


def _tail(sizes: Array, censored: int) -> float:
    """Chance that one period lies as far out as the largest of the sizes, given in order.

    Under t distributions fitted to all but the largest few, which are censored: they count as large, not as how
    large. Averaged over degrees of freedom and scale by likelihood, so that few periods make for caution.
    """
    from scipy.special import gammaln, stdtr

    inner, top = sizes[:-censored], sizes[-censored - 1]
    df = 1 / np.maximum(TAILS, 1e-3)[:, None]
    scale = max(float(np.median(sizes)), TINY) / 0.6745 * np.exp(np.linspace(-0.5, 0.4, 19))
    powers = np.log1p((inner / scale[:, None]) ** 2 / df[:, :, None]).sum(axis=-1) * (df + 1) / 2
    heights = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi) - np.log(scale)
    score = (
        inner.size * heights
        - powers
        + censored * np.log(np.maximum(2 * stdtr(df, -top / scale), 1e-300))
        - HEAVY * TAILS[:, None]
    )
    weight = np.exp(score - score.max())
    return float((weight * 2 * stdtr(df, -sizes[-1] / scale)).sum() / weight.sum())


def _step(series: Array, held: Array, frame: _Frame, found: Sequence[Break], alike: int) -> Break | None:
    """The clearest step, if it is clear enough.

    Looked for with the dynamics of the series as it is and without any, which a step would feign; then judged with
    the dynamics beside it.
    """
    first = [one.steps() for one in (frame, _Frame.of(series, held, np.empty(0)))]
    best, limit = None, math.hypot(STEP, math.sqrt(2 * math.log(alike)))
    for at in {int(np.abs(t).argmax()) for t in first if np.abs(t).max() > STEP - 2}:
        one = Break("step", at, 0.0, 0.0)
        own = _unbiased(_dynamics(series, _beside(held, [one]), [*found, one]), int(frame.rows.sum()))
        there = _Frame.of(series, held, own)
        t = there.steps()
        if np.abs(t).max() > limit:
            best, limit = there.broken("step", int(np.abs(t).argmax())), np.abs(t).max()
    return best


def _unbiased(own: Array, n: int) -> Array:
    """Own dynamics with the small-sample bias of their sum added back, for constant, trend and a step."""
    total = float(own.sum())
    return own * (min(total + (3 + 5 * total) / n, max(total, 0.98)) / total) if total > 0.05 else own


def _weighed(series: Array, terms: Array, one: Break, found: Sequence[Break]) -> Break:
    """One break beside all others, with the noise that is left when all are held constant."""
    all_held = _beside(terms, found)
    whole = _Frame.of(series, all_held, _dynamics(series, all_held, found))
    without = _Frame.of(series, _beside(terms, [other for other in found if other is not one]), whole.own)
    broken = without.broken(one.kind, one.at)
    return broken._replace(t=broken.t * without.noise / max(whole.noise, 1e-300))


def trailing_window(values: Array, season: int) -> tuple[int, float]:
    """The periods over which a metric is summed or averaged, if its movement says so, and how clearly.

    The change of a trailing mean is new less old, w[t] - w[t-N] over N, so that changes N periods apart cancel and
    sums of every N-th change stay small. The exact likelihood of that, with w autoregressive beside trend and season,
    is held against an autoregression of the series as it is, orders and season of both by BIC.

    Parameters
    ----------
    values : (units, periods), gaps NaN; windows of 2 to 13, 26 and 52 periods are tried.
    season : periods in a cycle.

    Returns
    -------
    (window, gain in log likelihood), or (0, 0.0). Called on less than 3 % of series without a window.

    Examples
    --------
    >>> new = np.random.default_rng(1).normal(size=131)
    >>> trailing_window(np.convolve(new, np.ones(12), "valid")[None], 12)[0]
    12
    """
    runs = sorted((_longest_run(row) for row in values), key=len, reverse=True)[:UNITS]
    gains = dict.fromkeys(WINDOWS, 0.0)
    for run in runs:
        moved, scale = scaled(run)
        if run.size >= 2 * SPARE and scale > 0:
            for window, gain in _gains(moved, season).items():
                gains[window] += gain
    best = max(gains, key=lambda window: gains[window])
    clear = gains[best] > GAIN[best == season]
    return (best, gains[best]) if clear else (0, 0.0)


def _longest_run(row: Array) -> Array:
    """The longest stretch without a gap."""
    parts = np.split(row, np.flatnonzero(~np.isfinite(row)))
    return max((part[np.isfinite(part)] for part in parts), key=len)


def _gains(series: Array, season: int) -> dict[int, float]:
    """By how much log likelihood each window beats no window; windows that plainly do not cancel are left out."""
    pairs = _pairs(series, season)
    pairs = season // 2 if pairs is None else pairs
    terms = deterministic(series.size, season=season, pairs=pairs)
    order = max(2, min(13, series.size // 8))
    changes = np.diff(series)
    past = np.array([lagged(changes, lag) for lag in range(1, order + 1)])[:, order:]
    y, drift, held = changes[order:], np.diff(terms)[:, order:], np.vstack([series[:-1], terms[:, 1:]])[:, order:]
    kept = [np.arange(len(terms)) < most for most in (2, len(terms))]  # without the season, and with it
    plain = [_bic(y, np.vstack([held[:1], held[1:][some]]), past) for some in kept]
    span = orthonormal(np.vstack([held, past[:4]]).T)
    rest = y - span @ (span.T @ y)
    if rest @ rest <= TINY * (y @ y):  # nothing is left to chance
        return {}
    found = {}
    for window in (one for one in WINDOWS if 3 * one <= y.size):
        if window > 5 and rest[window:] @ rest[:-window] > -0.15 * (rest @ rest):
            continue
        news, spread = _news(np.vstack([y, drift, past[:4]]), window)
        alive = np.std(terms[:, window:] - terms[:, :-window], axis=1) > 0.14  # what a mean over the window leaves
        alive[1] = True  # a trend stays, as a constant drift
        moving = [_bic(news[0], news[1 : 1 + len(terms)][some & alive], news[1 + len(terms) :]) for some in kept]
        found[window] = (min(plain) - min(moving) - spread) / 2
    return found


def _bic(target: Array, fixed: Array, past: Array) -> float:
    """The best BIC of target (n,) on fixed (k, n) and the first 0, 1, ... rows of the past."""
    sizes = range(len(fixed), len(fixed) + len(past) + 1)
    return float(nested_bic(target, np.vstack([fixed, past]).T, sizes).min())


def _news(rows: Array, window: int) -> tuple[Array, float]:
    """What is new in each value if it is w[t] - w[t-N] of white noise w, of variance one; and the log determinant.

    In each class of every N-th value that is a moving average with a unit root, whose innovations are
    (u[1] + 2 u[2] + ... + k u[k]) / k, of variance (k + 1) / k (Brockwell & Davis 1991, section 5.2).
    """
    k, n = rows.shape
    number = np.arange(n) // window + 1.0  # of the value in its class
    padded = np.concatenate([rows * number, np.zeros((k, -n % window))], axis=1)
    sums = padded.reshape(k, -1, window).cumsum(axis=1).reshape(k, -1)[:, :n]
    return sums / np.sqrt(number * (number + 1)), float(np.log((number + 1) / number).sum())
