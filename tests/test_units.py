"""In which units a link holds: planted slopes found, equal slopes not told apart, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.oneway import anova_generic

import ipo_nb as ipo
from ipo_nb.units import unit_effects


def planted(seed, slopes, periods=52):
    """Units of their own noise and its size, moved by x with the given slopes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(slopes), periods))
    return np.reshape(slopes, (-1, 1)) * x + np.exp(0.5 * rng.normal(size=(len(slopes), 1))) * rng.normal(
        size=x.shape
    ), x


def slopes(seed, units, spread):
    return 0.5 + spread * np.random.default_rng(seed + 10_000).normal(size=units)


def test_each_unit_equals_statsmodels_with_hc2_errors_whatever_its_gaps():
    y, x = planted(1, slopes(1, 6, 0.3))
    y[np.random.default_rng(2).random(y.shape) < 0.2] = np.nan
    trend = np.linspace(-1, 1, 52)
    ours = unit_effects(y + 1e9, x, terms=np.array([trend])).table
    for unit in range(6):
        known = np.isfinite(y[unit])
        design = np.column_stack([x[unit], np.ones(52), trend])[known]
        theirs = sm.OLS((y[unit] + 1e9)[known] - 1e9, design).fit().get_robustcov_results("HC2")
        np.testing.assert_allclose(ours["estimate"][unit], theirs.params[0], rtol=1e-7)
        np.testing.assert_allclose(ours["error"][unit], theirs.bse[0], rtol=1e-7)
        half = stats.t.ppf(0.975, bell_mccaffrey(design)) * theirs.bse[0]
        np.testing.assert_allclose(ours["high"][unit], theirs.params[0] + half, rtol=1e-7)
        assert ours["n_periods"][unit] == known.sum()


def bell_mccaffrey(design):
    """Degrees of freedom of the first column's HC2 variance: the chi-square with its first two moments."""
    maker = np.eye(len(design)) - design @ np.linalg.pinv(design)
    weight = np.linalg.pinv(design)[0] ** 2 / np.diag(maker)
    values = np.linalg.eigvalsh(maker @ np.diag(weight) @ maker)
    return values.sum() ** 2 / (values**2).sum()


def test_heterogeneity_is_welchs_test():
    y, x = planted(2, slopes(2, 9, 0.2))
    found, t = unit_effects(y, x), stats.t.ppf(0.975, np.arange(1, 3000) / 50)
    half = (found.table["high"] - found.table["low"]) / 2 / found.table["error"]
    n = np.interp(-half, -t, np.arange(1, 3000) / 50) + 1  # its degrees of freedom, read back off the interval
    theirs = anova_generic(found.table["estimate"], found.table["error"] ** 2 * n, n, use_var="unequal")
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-3)


def test_equal_slopes_are_told_apart_as_seldom_as_the_level_says():
    p_values = np.array([unit_effects(*planted(seed, np.full(20, 0.5), 40)).p_value for seed in range(300)])
    assert 0.02 <= (p_values < 0.05).mean() <= 0.08
    assert 0.40 <= (p_values < 0.5).mean() <= 0.60


def test_planted_slopes_are_found_and_sorted_out():
    truth = np.where(np.arange(24) < 18, 0.8, -0.8)
    found = unit_effects(*planted(3, truth, 80))
    assert found.p_value < 0.001
    assert found.spread == pytest.approx(0.7, abs=0.2)
    assert (found.table["agrees"] == (truth > 0)).mean() > 0.9
    assert found.share == pytest.approx(0.75, abs=0.05)
    assert "surely move this way" in found.text
    assert (
        unit_effects(-found.table["estimate"].to_numpy()[:, None] * planted(4, truth)[1], planted(4, truth)[1]).pooled
        < 0
    )


@pytest.mark.parametrize("spread", [0.0, 0.15, 0.4])
def test_shrunken_slopes_are_nearer_to_the_truth_and_their_intervals_cover_it(spread):
    covered, own, shrunken = [], 0.0, 0.0
    for seed in range(60):
        truth = slopes(seed, 30, spread)
        table = unit_effects(*planted(seed, truth)).table
        covered += [*((table["shrunken_low"] <= truth) & (truth <= table["shrunken_high"]))]
        own += ((table["estimate"] - truth) ** 2).sum()
        shrunken += ((table["shrunken"] - truth) ** 2).sum()
    assert np.mean(covered) >= 0.93
    assert shrunken < own * (0.1 if spread == 0 else 0.9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-9, 1.0, 1e7]), st.floats(-1e6, 1e6))
def test_scale_offset_and_order_change_nothing_but_the_scale(seed, scale, offset):
    y, x = planted(seed, slopes(seed, 7, 0.3))
    order = np.random.default_rng(seed).permutation(7)
    plain, moved = unit_effects(y, x), unit_effects(scale * y[order], x[order] + offset, units=[f"u{i}" for i in order])
    columns = ["estimate", "low", "high", "shrunken", "shrunken_low", "shrunken_high"]
    np.testing.assert_allclose(moved.table[columns], scale * plain.table[columns].to_numpy()[order], rtol=1e-5)
    assert moved.p_value == pytest.approx(plain.p_value, rel=1e-5)
    assert moved.table["unit"].tolist() == [f"u{i}" for i in order]


def test_units_that_cannot_be_told_are_left_out_and_counted():
    y, x = planted(5, slopes(5, 6, 0.0))
    y[0, 8:], x[1], y[2] = np.nan, 3.0, 0.1
    found = unit_effects(y, x)
    assert found.table["unit"].tolist() == [3, 4, 5]
    assert "without movement: 3." in found.text
    with pytest.raises(ipo.NotEnoughData, match="10 complete periods, in which both series move: 1 of 4"):
        unit_effects(y[:4], x[:4])
    with pytest.raises(ipo.BadOption, match="4 units are named"):
        unit_effects(y, x, units=[1, 2, 3, 4])
