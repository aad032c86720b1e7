"""How strongly two series go together at each lag, and what of it season and their own history account for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, NotEnoughData
from ipo_nb.filters import deterministic, lagged, two_way
from ipo_nb.regression import Array
from ipo_nb.results import Result
from ipo_nb.verdicts import PERIOD_WORD

__all__ = ["CrossLags", "cross_lags"]

MOST_LAGS = 52
MOST_PAIRS = 26
STILL = 1e-10  # of a series, below which what is left of it is rounding
FEWEST = 12  # periods below which nothing is drawn


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CrossLags(Result):
    """Correlations of an effect with its cause some periods before: to look at; the verdict comes from the link test.

    Attributes
    ----------
    table : one row per lag: `lag` (periods), `raw` (correlation of the series as they stand, within units where there
        are units), `season` (after trend and season, with units after all that they share in a period), `own` (of what
        each series does not already say by its own recent past: the residual cross-correlation of Haugh 1976).
    bound : how far `own` strays from 0 where nothing links the two, over all lags looked at (95 %). The other two
        columns have no such bound: series with a season or a memory look linked by themselves.
    alone : the same for one lag that was chosen before looking.
    n_periods, n_units : periods left, once the lags and own history are taken off; units.
    """

    cause: str
    effect: str
    cadence: str
    table: pd.DataFrame
    bound: float
    alone: float
    n_periods: int
    n_units: int = 1

    @property
    def peak(self) -> Mapping[str, float]:
        """The lag at which the series as they stand go together most, and all three correlations there."""
        strongest = int(self.table["raw"].abs().fillna(-1).to_numpy().argmax())
        row = self.table.iloc[strongest]
        return {name: float(row[name]) for name in ("lag", "raw", "season", "own")}

    @property
    def text(self) -> str:
        peak, word = self.peak, PERIOD_WORD[self.cadence]
        if not np.isfinite([peak["raw"], peak["season"], peak["own"]]).all():
            return f"{self.cause} or {self.effect} does not move, so nothing can go together with it."
        lag = int(peak["lag"])
        when = f"{lag} {word}{'s' * (lag != 1)} later" if lag else f"in the same {word}"
        raw, season, own = (f"{peak[name]:+.2f}".replace("-", "−") for name in ("raw", "season", "own"))
        shared = "what all units share in a period" if self.n_units > 1 else "trend and season"
        inside = "inside" if abs(peak["own"]) <= self.bound else "outside"
        return (
            f"As they stand, {self.cause} and {self.effect} go together most {when}: {raw}. Without {shared} {season}"
            f" is left, and without their own history {own}: {inside} the ±{self.bound:.2f} that unrelated noise shows"
            f" over {len(self.table)} lags (one lag alone would show ±{self.alone:.2f})."
        )


def cross_lags(
    cause: tuple[str, Array],
    effect: tuple[str, Array],
    *,
    cadence: str,
    season: int,
    most_lag: int = 8,
    pairs: int | None = 2,
    own_lags: int = 4,
) -> CrossLags:
    """Correlations at lags 0 to `most_lag`, as they stand, without trend and season, without own history.

    Parameters
    ----------
    cause, effect : a name and its values, (units, periods) on one calendar, gaps NaN.
    cadence, season : the period, and how many of it make a year.
    most_lag : periods, 0 to 52.
    pairs : yearly waves taken off, 0 to 26 (None: one mean for each period of the year).
    own_lags : periods of own history taken off, 0 to 12.

    Raises
    ------
    NotEnoughData : fewer than twelve periods are left.
    BadOption : a lag, a history or a number of waves out of range.
    """
    if not (0 <= most_lag <= MOST_LAGS and 0 <= own_lags <= 12):
        raise BadOption(f"Lags to {most_lag} with a history of {own_lags} cannot be shown.", expected="0-52 and 0-12")
    if pairs is not None and not 0 <= pairs <= MOST_PAIRS:
        raise BadOption(f"{pairs} yearly waves cannot be taken off.", value=pairs, expected=f"0 to {MOST_PAIRS}")
    (_, x), (_, y) = cause, effect
    units, periods = x.shape
    left = periods - most_lag - own_lags
    if left < FEWEST:
        raise NotEnoughData(f"Only {max(left, 0)} periods are left.", fix="Look at fewer lags, or at less own history.")
    terms = deterministic(periods, season=season, pairs=pairs)
    known = [np.maximum(np.isfinite(values).sum(axis=1, keepdims=True), 1) for values in (x, y)]
    level = [v - np.nansum(v, axis=1, keepdims=True) / count for v, count in zip((x, y), known, strict=True)]
    level = [_moving(rest, values) for rest, values in zip(level, (x, y), strict=True)]
    clear = [_evened(v.tobytes(), v.shape) if units > 1 else _less(v, terms[:, None]) for v in level]
    clear = [_moving(rest, values) for rest, values in zip(clear, level, strict=True)]
    fresh = [_less(values, np.array([lagged(values, lag) for lag in range(1, own_lags + 1)])) for values in clear]
    fresh = [_moving(rest, values) for rest, values in zip(fresh, clear, strict=True)]
    columns = {
        name: [_together(one, other, lag) for lag in range(most_lag + 1)]
        for name, (one, other) in (("raw", level), ("season", clear), ("own", fresh))
    }
    table = pd.DataFrame({"lag": range(most_lag + 1)} | columns)
    rows = np.isfinite(lagged(fresh[0], most_lag)) & np.isfinite(fresh[1])
    wide, narrow = (NormalDist().inv_cdf(0.5 + level / 2) for level in (0.95 ** (1 / (most_lag + 1)), 0.95))
    root = max(float(rows.sum()), 1.0) ** 0.5
    seen = int(np.median(rows.sum(axis=1)))
    return CrossLags(cause[0], effect[0], cadence, table, wide / root, narrow / root, seen, units)


@lru_cache(maxsize=8)
def _evened(values: bytes, shape: tuple[int, int]) -> Array:
    """Kept, since it takes longest and no slider moves it."""
    return two_way(np.frombuffer(values).reshape(shape))


def _less(values: Array, columns: Array) -> Array:
    """What a regression on columns, (terms, units or 1, periods), leaves of values; all units share the weights."""
    if not len(columns):
        return values
    design = np.broadcast_to(columns, (len(columns), *values.shape))
    rows = np.isfinite(values) & np.isfinite(design).all(axis=0)
    gram = design[:, rows]
    weights = np.linalg.lstsq(gram.T, values[rows], rcond=None)[0]
    rest = np.full_like(values, np.nan)
    rest[rows] = values[rows] - weights @ gram
    return rest


def _moving(rest: Array, values: Array) -> Array:
    """What is left of values; 0 where that is nothing but rounding."""
    most = [float(np.abs(part).max(initial=0.0, where=np.isfinite(part))) for part in (rest, values)]
    return rest * 0.0 if most[0] <= STILL * most[1] else rest


def _together(cause: Array, effect: Array, lag: int) -> float:
    """Correlation of the effect with the cause `lag` periods before; NaN where one of them does not move."""
    early = lagged(cause, lag)
    rows = np.isfinite(early) & np.isfinite(effect)
    if not rows.any():
        return np.nan
    one, other = early[rows] - early[rows].mean(), effect[rows] - effect[rows].mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 1e-300 else np.nan
