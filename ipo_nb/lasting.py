"""The bounds test: whether an effect and its causes keep a lasting relation of their levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption
from ipo_nb.regression import Errors, order_search
from ipo_nb.results import Result
from ipo_nb.specified import Specified, as_periods, interval, size_of, specify, term_table

__all__ = ["Bounds", "bounds"]

# Pesaran, Shin & Smith (2001), Table CII: bounds of the t statistic for 1, 2, ... causes at 10, 5 and 1 %
LOWER_T = {"n": (-1.62, -1.95, -2.58), "c": (-2.57, -2.86, -3.43), "ct": (-3.13, -3.41, -3.96)}
UPPER_T = {
    "n": ((-2.28, -2.60, -3.22), (-2.68, -3.02, -3.66), (-3.00, -3.33, -3.97), (-3.26, -3.60, -4.23)),
    "c": ((-2.91, -3.22, -3.82), (-3.21, -3.53, -4.10), (-3.46, -3.78, -4.37), (-3.66, -3.99, -4.60)),
    "ct": ((-3.40, -3.69, -4.26), (-3.63, -3.95, -4.53), (-3.84, -4.16, -4.73), (-4.04, -4.36, -4.96)),
}
CASE = {"n": 1, "c": 3, "ct": 5}
SAYS = {"shown": "is shown", "not_shown": "is not shown", "inconclusive": "is neither shown nor ruled out"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bounds(Result):
    """Whether an effect and its causes keep a lasting relation of levels, be the series stationary or random walks.

    Attributes
    ----------
    table : one row per statistic and level: `statistic` ("F": no level matters; "t": the effect does not return),
        `value`, `level` (0.10, 0.05, 0.01), `lower` (bound if all causes are stationary), `upper` (if all are random
        walks), `says` ("shown" beyond the upper bound, "not_shown" short of the lower one, else "inconclusive").
    p_values : of F, with stationary causes and with random walks.
    long_run : one row per cause: `cause`, `estimate` (lasting change of the effect for one unit more), `error` (delta
        method), `low`, `high` (95 %); only worth reading where the relation is shown.
    terms : the regression of the effect's change, term by term, as in LaggedRegression.
    orders : lags of the levels of the effect, then of each cause.
    verdict : "not_shown" if F says so at 5 %, "shown" if F and t do, else "inconclusive".
    fit : the statsmodels result, made when asked for.
    """

    effect: str
    table: pd.DataFrame
    p_values: tuple[float, float]
    long_run: pd.DataFrame
    terms: pd.DataFrame
    orders: tuple[int, ...]
    verdict: str
    n_periods: int
    specified: Specified

    @property
    def fit(self) -> Any:
        return self.specified.statsmodels(Errors("nonrobust"))

    @property
    def text(self) -> str:
        f, t = (self.table[self.table["statistic"] == name].iloc[1] for name in ("F", "t"))
        sizes = "; ".join(size_of(row) for _, row in self.long_run.iterrows())
        return (
            f"A lasting relation of {self.effect} with {' and '.join(self.long_run['cause'])} {SAYS[self.verdict]}: "
            f"F = {f['value']:.2f} (5 % bounds {f['lower']:.2f} and {f['upper']:.2f}), t = {t['value']:.2f} "
            f"({t['lower']:.2f} and {t['upper']:.2f}); {self.n_periods} periods, lags {self.orders}. "
            f"Lasting change of {self.effect} for one unit more of: {sizes}."
        )


def bounds(
    cause: pd.Series[float] | pd.DataFrame,
    effect: pd.Series[float],
    *,
    max_lags: int = 4,
    trend: str = "c",
    orders: Sequence[int] | None = None,
) -> Bounds:
    """The bounds test for a lasting relation of levels, in an unrestricted error correction model.

    The change of the effect is regressed on the levels of effect and causes one period before and on their changes;
    a lasting relation shows in the levels, whether the series are stationary or random walks.

    Parameters
    ----------
    cause, effect : series on a PeriodIndex or regular DatetimeIndex; up to four causes as a frame.
    max_lags : most lags of the levels tried, for the effect and each cause; the orders by BIC on the same rows.
    trend : "n" nothing, "c" constant, "ct" constant and trend, none of them restricted (cases I, III and V).
    orders : lags of the levels of the effect and of each cause, each 1 or more, in place of the search.

    Raises
    ------
    BadOption : more than four causes, or options that say nothing.
    NeedsPeriods, NotEnoughData, NotIdentified : as in lagged_regression.

    Notes
    -----
    Pesaran, Shin & Smith (2001), J. Applied Econometrics 16. Bounds and p-values of F are those tabled in statsmodels
    (32 million draws) under the number of causes, which is where its own `bounds_test` (0.15) counts one too many;
    bounds of t from Table CII of the paper. F and t use textbook errors, as the tables do. The bounds are those of long
    series: below about 80 periods a relation is shown somewhat too easily.

    Examples
    --------
    >>> months = pd.period_range("2010-01", periods=120, freq="M")
    >>> x = pd.Series(np.random.default_rng(0).normal(size=120).cumsum(), months, name="x")
    >>> y = (2 * x.shift(1).fillna(0) + np.random.default_rng(1).normal(size=120)).rename("y")
    >>> bounds(x, y).verdict
    'shown'
    """
    causes = [cause] if isinstance(cause, pd.Series) else [cause[name] for name in cause.columns]
    count = len(causes)
    _check_bounds(count, max_lags, trend, orders)
    frame, names = _levels_and_changes(effect, causes)
    orders = _orders(frame, names, max_lags, trend) if orders is None else tuple(orders)
    specified = _corrected(frame, names, orders, trend)
    fits = specified.fits(Errors("nonrobust"))
    terms = term_table(fits, specified.names)
    table, p_values = _judged(float(fits.wald(count + 1)[0]), float(terms["t"].iloc[-count - 1]), count, trend)
    level = len(specified.names) - count - 1
    long_run = []
    for at, name in enumerate(names[1:], start=level + 1):
        estimate, error = fits.long_run(slice(at, at + 1), slice(level, level + 1), whole=0.0)
        long_run.append({"cause": name} | interval(fits, estimate[0], error[0]))
    by_f, by_t = table.loc[table["level"] == 0.05, "says"]
    verdict = by_f if by_f in (by_t, "not_shown") else "inconclusive"
    found = table, p_values, pd.DataFrame(long_run), terms, orders, verdict, len(specified.target)
    return Bounds(names[0], *found, specified)


def _check_bounds(count: int, max_lags: int, trend: str, orders: Sequence[int] | None) -> None:
    if not 1 <= count <= 4:
        raise BadOption(f"There are {count} causes.", value=count, expected="1 to 4, for which the bounds are known")
    if max_lags < 1:
        raise BadOption(f"max_lags is {max_lags}.", value=max_lags, expected="1 or more")
    if trend not in CASE:
        raise BadOption(f"trend is {trend!r}.", value=trend, expected="'n', 'c' or 'ct'")
    if orders is not None and (len(orders) != count + 1 or min(orders) < 1):
        raise BadOption(f"orders is {orders}.", value=orders, expected=f"{count + 1} whole numbers, each 1 or more")


def _levels_and_changes(effect: pd.Series[float], causes: Sequence[pd.Series[float]]) -> tuple[pd.DataFrame, list[str]]:
    """All series and their changes on one calendar, and the series' names, the effect's first."""
    series = [as_periods(values) for values in (effect, *causes)]
    names = [str(effect.name or "effect"), *(str(values.name or "cause") for values in causes)]
    steps = {pd.PeriodIndex(values.index).freqstr for values in series}
    if len(steps) > 1:
        fix = "Bring all to one step first, for instance with series.resample(...).sum()."
        raise BadOption(f"The series come at the steps {' and '.join(sorted(steps))}.", fix=fix)
    if len(set(names)) < len(names):
        raise BadOption(
            f"Two series have one name: {', '.join(names)}.", value=names, fix="Give each a name of its own."
        )
    frame = pd.concat(series, axis=1, keys=names)
    frame = frame.reindex(pd.period_range(frame.index.min(), frame.index.max()))
    return frame.join(frame.diff().add_prefix("change of ")), names


def _corrected(frame: pd.DataFrame, names: Sequence[str], orders: Sequence[int], trend: str) -> Specified:
    """The error correction model: the effect's change on changes and, last, on the levels one period before."""
    windows = {f"change of {name}": (0, order - 1) for name, order in zip(names[1:], orders[1:], strict=True)}
    return specify(frame, f"change of {names[0]}", windows | dict.fromkeys(names, (1, 1)), orders[0] - 1, trend, None)


def _orders(frame: pd.DataFrame, names: Sequence[str], most: int, trend: str) -> tuple[int, ...]:
    """Lags of the levels by BIC, all models on the same rows."""
    widest = _corrected(frame, names, [most] * len(names), trend)
    lags = [[f"change of {name} lag {j}" for j in range(1, most)] for name in names]
    searched = {name for block in lags for name in block}
    nested, choices = lags[0], [name for block in lags[1:] for name in block]
    at = {name: place for place, name in enumerate(widest.names)}
    fixed = [at[name] for name in widest.names if name not in searched]
    tried = list(product(range(most), repeat=len(names) - 1))
    blocks = [[j * (most - 1) + lag for j, order in enumerate(block) for lag in range(order)] for block in tried]
    columns = [widest.columns[:, [at[name] for name in part]] for part in (choices, nested)]
    criterion = order_search(widest.target, widest.columns[:, fixed], columns[0], blocks, columns[1])
    best, own = np.unravel_index(int(criterion.argmin()), criterion.shape)
    return (int(own) + 1, *(order + 1 for order in tried[best]))


def _judged(f: float, t: float, count: int, trend: str) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Both statistics against their bounds, and the p-values of F by the response surface of statsmodels."""
    from scipy.special import ndtr
    from statsmodels.tsa.ardl import pss_critical_values as known

    keys = [(count, CASE[trend], walks) for walks in (False, True)]
    rows = {
        "statistic": ["F"] * 3 + ["t"] * 3,
        "value": [f] * 3 + [t] * 3,
        "level": [0.10, 0.05, 0.01] * 2,
        "lower": [*known.crit_vals[keys[0]][:3], *LOWER_T[trend]],
        "upper": [*known.crit_vals[keys[1]][:3], *UPPER_T[trend][count - 1]],
    }
    table = pd.DataFrame(rows)
    value, lower, upper = (np.sign(table["upper"]) * table[name] for name in ("value", "lower", "upper"))
    table["says"] = np.select([value > upper, value < lower], ["shown", "not_shown"], "inconclusive")
    surfaces = [known.small_p[key] if f > known.stat_star[key] else known.large_p[key] for key in keys]
    low, high = (float(ndtr(-np.polynomial.polynomial.polyval(math.log(f), surface))) for surface in surfaces)
    return table, (low, high)
