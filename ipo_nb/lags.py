"""LagProfile: one link between two series judged, when an effect moves after its cause, how much, how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption
from ipo_nb.judging import Series, judge
from ipo_nb.lasting import bounds
from ipo_nb.links import DEFAULT_LAGS, Link
from ipo_nb.oddities import Term, term_columns
from ipo_nb.panel import PERIODS
from ipo_nb.regression import Array
from ipo_nb.specified import as_periods
from ipo_nb.verdicts import ALONE, LagProfile, settle

__all__ = ["LagProfile", "lag_profile"]


def lag_profile(
    cause: pd.Series[float],
    effect: pd.Series[float],
    *,
    lags: tuple[int, int] = DEFAULT_LAGS,
    sign: str = "?",
    matters: float | None = None,
    season: int | None = None,
    terms: Sequence[Term] = (),
    long_run: str = "adl",
) -> LagProfile:
    """Judge one link between two series: does the effect move in the periods after the cause moved?

    Both series are cleared of trend, season and their own history; the largest |t| over the lags of the window is held
    against a wild bootstrap, so that looking at many lags is paid for. The opposite direction, forecasts of
    unseen periods and a placebo are tried too.

    Parameters
    ----------
    cause, effect : series of numbers on a PeriodIndex, or a DatetimeIndex with a regular step. Gaps are allowed.
    lags : first and last lag looked at, in periods; 0 is the same period.
    sign : "+", "-" or "?": the direction that is claimed.
    matters : smallest long-run effect worth knowing, in units of the effect per unit of the cause; default 0.1
        standard deviations of the effect per standard deviation of the cause.
    season : periods in a year, where the calendar does not say it.
    terms : level steps and events that somebody can explain, held constant, such as [("step", "2024-03")].
    long_run : "adl", the size around the peak lag; "bounds" adds the bounds test for a lasting relation of the levels
        (Pesaran, Shin & Smith 2001) at `.bounds`, for series that wander.

    Returns
    -------
    LagProfile

    Raises
    ------
    NeedsPeriods : an index that is not a calendar.
    BadOption : lags that are not two whole numbers, 0 or more, in order.

    Notes
    -----
    Wild bootstrap: Davidson & Flachaire (2008), J. Econometrics 146; HC3: MacKinnon & White (1985); interval
    of the size: Fieller (1954).

    Examples
    --------
    >>> weeks = pd.period_range("2022-01-03", periods=150, freq="W-SUN")
    >>> x = pd.Series(np.random.default_rng(1).normal(size=150), weeks, name="staffing")
    >>> y = pd.Series(-0.8 * x.shift(2).fillna(0) + np.random.default_rng(2).normal(size=150), weeks, name="wait")
    >>> profile = lag_profile(x, y, lags=(0, 4))
    >>> profile.verdict, profile.lag
    ('supported', 2)
    """
    if long_run not in ("adl", "bounds"):
        raise BadOption(f"long_run is {long_run!r}.", value=long_run, expected="'adl' or 'bounds'")
    link = Link(str(cause.name or "cause"), str(effect.name or "effect"), sign=sign, lag=lags, matters=matters)
    x, y = as_periods(cause), as_periods(effect)
    steps = [str(pd.PeriodIndex(series.index).freqstr) for series in (x, y)]
    freq = steps[1]
    if steps[0] != freq:
        raise BadOption(
            f"{link.cause!r} comes at the step {steps[0]} and {link.effect!r} at {freq}.",
            fix="Bring both to one step first, for instance with series.resample(...).sum().",
        )
    calendar = pd.period_range(min(x.index[0], y.index[0]), max(x.index[-1], y.index[-1]), freq=freq)
    cadence = next((name for name, step in PERIODS.items() if step[0] == freq[0]), "daily")
    pair = [Series(link.cause, _as_array(x, calendar)), Series(link.effect, _as_array(y, calendar))]
    known = term_columns(terms, calendar)[:, None] if terms else None
    profile = judge(link, pair[0], pair[1], cadence=cadence, season=season, terms=known)
    if long_run == "bounds":
        profile = replace(profile, bounds=bounds(x.rename(link.cause), y.rename(link.effect)))
    return settle(profile, q_value=profile.p_value, q_reverse=profile.p_reverse, level=ALONE)


def _as_array(series: pd.Series[float], calendar: pd.PeriodIndex) -> Array:
    """One series as an array (1, periods) on the calendar."""
    return np.asarray(series.reindex(calendar), dtype=np.float64)[None, :]
