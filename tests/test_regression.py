"""The arithmetic under every verdict: equal to statsmodels, exact on hard numbers, honest under no effect."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.ar_model import AutoReg

from ipo_nb.regression import (
    autoregression,
    deterministic,
    false_discovery,
    filtered,
    fourier_pairs,
    lagged,
    least_squares,
    orthonormal,
    sup_t,
    two_way,
)


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def autoregressive(seed, periods, weight):
    series = noise(seed, periods)
    for t in range(1, periods):
        series[t] += weight * series[t - 1]
    return series


def test_least_squares_and_hc3_errors_equal_statsmodels():
    design, target = sm.add_constant(noise(1, 80, 4)), noise(2, 80)
    ours, theirs = least_squares(target, design), sm.OLS(target, design).fit(cov_type="HC3")
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-10)
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-8, atol=1e-14)
    assert ours.bic - theirs.bic == pytest.approx(-80 * (1 + np.log(2 * np.pi)), rel=1e-10)


def test_clustered_errors_equal_statsmodels():
    design, target, clusters = sm.add_constant(noise(1, 120, 2)), noise(2, 120), np.repeat(np.arange(15), 8)
    ours = least_squares(target, design, clusters)
    theirs = sm.OLS(target, design).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-8)


def test_a_column_that_others_add_up_to_is_left_out_and_named_by_nan():
    design = noise(1, 60, 2)
    fit = least_squares(noise(2, 60), np.column_stack([design, design.sum(axis=1)]))
    assert np.isnan(fit.coefficients[2])
    assert np.isfinite(fit.coefficients[:2]).all()


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


def test_the_statistic_is_the_hc3_t_of_each_candidate_alone():
    target, candidates, fixed = noise(8, 90), noise(9, 90, 3), sm.add_constant(noise(10, 90, 2))
    ours = sup_t(target, candidates, orthonormal(fixed), draws=99)
    for k in range(3):
        theirs = sm.OLS(target, np.column_stack([fixed, candidates[:, k]])).fit(cov_type="HC3")
        assert ours.t[k] == pytest.approx(theirs.tvalues[3], rel=1e-8)


@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(16), 8)])
def test_the_bootstrap_rejects_nothing_more_often_than_it_says(clusters):
    rejected = 0
    for seed in range(200):
        target = noise(seed, 128) * np.linspace(1, 3, 128)
        if clusters is not None:
            target += noise(seed + 5000, 16)[clusters]
        constant = np.full((128, 1), 128**-0.5)
        rejected += sup_t(target, noise(seed + 900, 128, 6), constant, draws=199, clusters=clusters).p_value <= 0.05
    assert rejected <= 20  # 5 % of 200 is 10; 20 has probability below 0.002


def test_a_bootstrap_that_ignored_the_search_would_fail_that_bound():
    single = sum(
        float(
            np.abs(sup_t(noise(s, 128), noise(s + 900, 128, 6), np.full((128, 1), 128**-0.5), draws=99).t).max() > 1.96
        )
        for s in range(200)
    )
    assert single > 20


def test_false_discovery_equals_statsmodels():
    p_values = np.random.default_rng(11).uniform(size=50) ** 3
    np.testing.assert_allclose(false_discovery(p_values), multipletests(p_values, method="fdr_bh")[1], rtol=1e-12)
