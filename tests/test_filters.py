"""What a series is cleared of."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.ar_model import AutoReg

from ipo_nb.filters import (
    autoregression,
    deterministic,
    filtered,
    fourier_pairs,
    lagged,
    slow_waves,
    standing_weeks,
    two_way,
    unbiased,
)


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


def test_a_week_of_the_year_that_stands_apart_is_found_and_noise_has_none():
    holidays = np.where(np.isin(np.floor(np.arange(260) % (365.25 / 7)), [30, 31]), 3.5, 0.0)
    terms = deterministic(260, season=52, pairs=0)
    quiet = [autoregressive(seed, 260, 0.5) for seed in range(40)]
    assert standing_weeks((quiet[0] + holidays)[None], terms, most=4) == (30, 31)
    assert sum(len(standing_weeks(series[None], terms, most=4)) for series in quiet) <= 5  # 1 % of 52 weeks each: 0.4


@pytest.mark.parametrize("weight", [0.5, 0.9, 1.0])
def test_persistence_is_freed_of_its_small_sample_bias(weight):
    """Least squares on 104 periods with a trend: .46, .84 and .90 where .5, .9 and 1 are true."""
    terms = deterministic(104, season=1, pairs=0)
    plain = [autoregression(autoregressive(seed, 104, weight)[None], terms, most=1) for seed in range(300)]
    fitted = [own for own in plain if own.size]
    mended = [float(unbiased(own, terms, 104)[0]) for own in fitted]
    biased = weight - np.mean([float(own[0]) for own in fitted])
    assert biased > 0.02
    assert abs(weight - np.mean(mended)) < 0.6 * biased
    assert max(mended) <= 1.0


def test_slow_waves_grow_with_the_series_and_stand_apart_from_the_trend():
    assert [len(slow_waves(n)) for n in (52, 129, 130, 260, 520)] == [0, 0, 1, 2, 4]
    assert np.abs(slow_waves(260) @ np.ones(260)).max() < 1e-9
