"""The arithmetic under every verdict: equal to statsmodels, exact on hard numbers, honest under no effect."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from ipo_nb.regression import false_discovery, least_squares


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


def test_false_discovery_equals_statsmodels():
    p_values = np.random.default_rng(11).uniform(size=50) ** 3
    np.testing.assert_allclose(false_discovery(p_values), multipletests(p_values, method="fdr_bh")[1], rtol=1e-12)
