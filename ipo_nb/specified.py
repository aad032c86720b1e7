"""The distributed-lag or ARDL regression that an analyst specifies, fitted as it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, NeedsPeriods, NotEnoughData, NotIdentified, UnknownMetric
from ipo_nb.results import Result, said_p, spoken

__all__ = ["LaggedRegression", "as_periods", "lagged_regression"]


def as_periods(series: pd.Series[float]) -> pd.Series[float]:
    """The series on a sorted PeriodIndex without missing values, or NeedsPeriods."""
    index = series.index
    if isinstance(index, pd.DatetimeIndex):
        freq = index.freqstr or (pd.infer_freq(index) if len(index) > 2 else None)
        if freq is None:
            raise NeedsPeriods(series.name, found="DatetimeIndex without a regular step")
        series = series.set_axis(index.to_period(_period_step(freq)))
    elif not isinstance(index, pd.PeriodIndex):
        raise NeedsPeriods(series.name, found=type(index).__name__)
    if series.index.has_duplicates:
        twice = series.index[series.index.duplicated()][0]
        raise BadOption(
            f"The series {str(series.name)!r} has two values for {twice}.",
            value=str(twice),
            fix="Keep one of them.",
        )
    known = (
        pd.to_numeric(series, errors="coerce").replace([np.inf, -np.inf], np.nan).dropna().sort_index().astype(float)
    )
    if known.empty:
        raise NotEnoughData(f"The series {str(series.name)!r} holds no number.", fix="Look at what was read.")
    return known


def _period_step(freq: str) -> str:
    """The period step of an offset alias: month starts and ends are months, and so on."""
    head = freq.split("-")[0]
    known = {"MS": "M", "ME": "M", "QS": "Q", "QE": "Q", "YS": "Y", "YE": "Y", "AS": "Y", "B": "D"}
    tail = freq[len(head) :] if head in ("W",) else ""
    return known.get(head, head) + tail


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaggedRegression(Result):
    """The distributed-lag or ARDL regression that the analyst specified, fitted by statsmodels.

    Attributes
    ----------
    table : one row per term: `term`, `estimate`, `error` (standard error), `t`, `p_value`, `low`, `high` (95 %).
    long_run : one row per cause: `cause`, `estimate` (change of the effect for a lasting rise of one unit),
        `error` (delta method), `low`, `high`, `f`, `p_value` (all its lags together).
    fit : the statsmodels result: `fit.summary()`, `fit.resid`, diagnostics.
    """

    effect: str
    table: pd.DataFrame
    long_run: pd.DataFrame
    own_lags: int
    errors: str
    fit: Any

    @property
    def text(self) -> str:
        sizes = [
            f"{row['cause']} {spoken(row['estimate'], signed=True)} ({spoken(row['low'], signed=True)} to "
            f"{spoken(row['high'], signed=True)}; F = {row['f']:.2f}, {said_p(row['p_value'], 'p')})"
            for row in self.long_run.to_dict("records")
        ]
        return (
            f"Lasting change of {self.effect} for one unit more of: {'; '.join(sizes)}. {int(self.fit.nobs)} complete "
            f"periods, {self.own_lags} own lags, {self.errors} errors. One specification, not corrected for any others "
            "that were tried."
        )


def lagged_regression(
    frame: pd.DataFrame,
    effect: str,
    causes: Mapping[str, int | tuple[int, int]],
    *,
    own_lags: int = 0,
    trend: str = "c",
    season: int | None = None,
    errors: str = "HAC",
) -> LaggedRegression:
    """Exactly the distributed-lag (own_lags=0) or ARDL regression that the analyst specifies, by statsmodels.

    Parameters
    ----------
    frame : a column per metric on a PeriodIndex or regular DatetimeIndex, or on (unit, period): lags stay in a unit.
    causes : for each cause its lags, (first, last) or one number: {"x": (0, 2), "z": 0}.
    own_lags : lags 1..own_lags of the effect on the right-hand side.
    trend : "n" nothing, "c" constant, "ct" constant and linear trend (1, 2, ...).
    season : periods in a year, for one dummy less than that; None for none.
    errors : "HAC" (Newey-West, floor(4 (n/100)^(2/9)) lags), "nonrobust", "HC1" or "HC3".

    Raises
    ------
    UnknownMetric : a name that is no column.
    NotEnoughData : fewer complete periods than terms + 2.
    NotIdentified : a term that the others add up to.

    Notes
    -----
    Long-run effect: sum of a cause's coefficients over 1 - sum of the own lags, delta method (Wooldridge 2020, 10.2).

    Examples
    --------
    >>> months = pd.period_range("2020-01", periods=60, freq="M")
    >>> x = pd.Series(np.random.default_rng(0).normal(size=60), months)
    >>> frame = pd.DataFrame({"x": x, "y": 2 * x + x.shift(1).fillna(0)})
    >>> lagged_regression(frame, "y", {"x": (0, 1)}, errors="nonrobust").long_run["estimate"].round(6).tolist()
    [3.0]
    """
    import statsmodels.api as sm

    for name in (effect, *causes):
        if name not in frame.columns:
            raise UnknownMetric(name, known=[str(column) for column in frame.columns])
    windows = {name: (lags, lags) if isinstance(lags, int) else tuple(lags) for name, lags in causes.items()}
    _check_options(windows, own_lags, trend, errors)
    design = _specified(frame, effect, windows, own_lags, trend, season).dropna()
    target = design.pop(effect)
    if len(design) < design.shape[1] + 2:
        raise NotEnoughData(
            f"{len(design)} complete periods are left for {design.shape[1]} terms.",
            fix="Ask for fewer lags, or bring a longer series.",
        )
    _refuse_collinear(design)
    lags = math.floor(4 * (len(design) / 100) ** (2 / 9))
    options = {"cov_kwds": {"maxlags": lags}} if errors == "HAC" else {}
    fit = sm.OLS(target, design).fit(cov_type=errors, use_t=True, **options)
    interval = fit.conf_int()
    columns = [fit.params, fit.bse, fit.tvalues, fit.pvalues, interval[0], interval[1]]
    table = pd.concat(columns, axis=1).set_axis(["estimate", "error", "t", "p_value", "low", "high"], axis=1)
    own = [f"{effect} lag {j}" for j in range(1, own_lags + 1)]
    rows = [_lasting(fit, name, [f"{name} lag {k}" for k in range(a, b + 1)], own) for name, (a, b) in windows.items()]
    return LaggedRegression(effect, table.rename_axis("term").reset_index(), pd.DataFrame(rows), own_lags, errors, fit)


def _check_options(windows: Mapping[str, tuple[int, ...]], own_lags: int, trend: str, errors: str) -> None:
    for name, window in windows.items():
        if len(window) != 2 or not 0 <= window[0] <= window[1]:
            raise BadOption(
                f"The lags of {name!r} are {window}.",
                value=window,
                expected="(first, last) with 0 <= first <= last",
            )
    if own_lags < 0:
        raise BadOption(f"own_lags is {own_lags}.", value=own_lags, expected="0 or more")
    if trend not in ("n", "c", "ct"):
        raise BadOption(f"trend is {trend!r}.", value=trend, expected="'n', 'c' or 'ct'")
    if errors not in ("HAC", "nonrobust", "HC1", "HC3"):
        raise BadOption(f"errors is {errors!r}.", value=errors, expected="'HAC', 'nonrobust', 'HC1' or 'HC3'")


def _specified(
    frame: pd.DataFrame,
    effect: str,
    windows: Mapping[str, tuple[int, ...]],
    own_lags: int,
    trend: str,
    season: int | None,
) -> pd.DataFrame:
    """The effect and all terms on the calendar; a gap stays a gap."""
    wanted = frame[list(dict.fromkeys([effect, *windows]))]
    if isinstance(frame.index, pd.MultiIndex):
        parts = [
            _specified(part.droplevel(0), effect, windows, own_lags, trend, season)
            for _, part in wanted.groupby(level=0, sort=True)
        ]
        return pd.concat(parts, ignore_index=True)
    series = {name: as_periods(wanted[name]) for name in wanted.columns}
    first, last = min(s.index[0] for s in series.values()), max(s.index[-1] for s in series.values())
    calendar = pd.period_range(first, last)
    whole = {name: s.reindex(calendar) for name, s in series.items()}
    terms = {effect: whole[effect]}
    if trend in ("c", "ct"):
        terms["constant"] = pd.Series(1.0, calendar)
    if trend == "ct":
        terms["trend"] = pd.Series(np.arange(1.0, len(calendar) + 1), calendar)
    for k in range(1, season or 1):
        terms[f"season {k}"] = pd.Series((calendar.asi8 % int(season or 1) == k).astype(float), calendar)
    terms |= {f"{effect} lag {j}": whole[effect].shift(j) for j in range(1, own_lags + 1)}
    terms |= {f"{name} lag {k}": whole[name].shift(k) for name, (a, b) in windows.items() for k in range(a, b + 1)}
    return pd.DataFrame(terms)


def _refuse_collinear(design: pd.DataFrame) -> None:
    scaled = design.to_numpy() / np.maximum(np.sqrt((design.to_numpy() ** 2).sum(axis=0)), 1e-300)
    gone = np.flatnonzero(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))) < 1e-10)
    if gone.size:
        raise NotIdentified(
            f"The term {design.columns[gone[0]]!r} is a sum of the other terms.",
            value=str(design.columns[gone[0]]),
            fix="Leave it out, or leave out what it is made of.",
        )


def _lasting(fit: Any, cause: str, terms: Sequence[str], own: Sequence[str]) -> dict[str, Any]:
    kept = 1 - float(fit.params[list(own)].sum())
    estimate = float(fit.params[list(terms)].sum()) / kept
    gradient = pd.Series(0.0, fit.params.index)
    gradient[list(terms)] = 1 / kept
    gradient[list(own)] = estimate / kept
    error = math.sqrt(float(gradient @ fit.cov_params() @ gradient))
    half = error * float(_t_quantile(fit.df_resid))
    restriction = np.zeros((len(terms), len(fit.params)))
    restriction[np.arange(len(terms)), [fit.params.index.get_loc(term) for term in terms]] = 1
    joint = fit.f_test(restriction)
    row = {
        "cause": cause,
        "estimate": estimate,
        "error": error,
        "low": estimate - half,
        "high": estimate + half,
    }
    return row | {"f": float(joint.fvalue), "p_value": float(joint.pvalue)}


def _t_quantile(df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))
