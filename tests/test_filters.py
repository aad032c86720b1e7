"""What a series is cleared of."""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.ar_model import AutoReg

from ipo_nb.filters import autoregression, deterministic, filtered, fourier_pairs, lagged, two_way


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def autoregressive(seed, periods, weight):
    series = noise(seed, periods)
    for t in range(1, periods):
        series[t] += weight * series[t - 1]
    return series


def test_autoregression_finds_the_order_and_equals_statsmodels():
    series = autoregressive(3, 400, 0.6)
    terms = deterministic(400, season=1, pairs=0)
    own = autoregression(series[None], terms, most=6)
    theirs = AutoReg(series, lags=1, trend="ct").fit()
    assert own.size == 1
    np.testing.assert_allclose(own, theirs.params[2:], rtol=1e-8)


def test_a_yearly_wave_asks_for_its_harmonics_and_a_random_walk_for_none():
    weeks = np.arange(208)
    wave = np.cos(4 * np.pi * weeks / 52.1775) + 0.3 * noise(4, 208)
    assert fourier_pairs(wave, season=52, most=6) == 2
    assert fourier_pairs(np.cumsum(noise(5, 208)), season=52, most=6) == 0


def test_two_way_effects_leave_what_dummies_leave():
    grid = noise(6, 5, 9)
    grid[1, 3] = grid[4, 0] = np.nan
    unit, period = np.nonzero(np.isfinite(grid))
    dummies = np.column_stack([np.eye(5)[unit], np.eye(9)[period][:, 1:]])
    rest = sm.OLS(grid[unit, period], dummies).fit().resid
    np.testing.assert_allclose(two_way(grid)[unit, period], rest, atol=1e-10)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(2, 10))
def test_lags_add_up_and_never_wrap(first, second, periods):
    series = np.arange(float(periods))
    np.testing.assert_array_equal(lagged(lagged(series, first), second), lagged(series, first + second))
    known = lagged(series, first)
    assert np.isnan(known[: min(first, periods)]).all()
    assert (known[first:] == series[: max(periods - first, 0)]).all()


def test_filtering_takes_off_its_own_past():
    series = autoregressive(7, 50, 0.8)
    np.testing.assert_allclose(filtered(series, np.array([0.8]))[1:], noise(7, 50)[1:], atol=1e-12)
