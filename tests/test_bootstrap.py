"""The wild bootstrap is honest under no effect, and a broken one would be seen."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from ipo_nb.bootstrap import sup_t
from ipo_nb.regression import orthonormal


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def autoregressive(seed, periods, weight):
    series = noise(seed, periods)
    for t in range(1, periods):
        series[t] += weight * series[t - 1]
    return series


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
