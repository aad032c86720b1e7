"""Unit and period effects out: equal to pyfixest, linearmodels and dummies, exact on hard numbers, honest refusals."""

from __future__ import annotations

import warnings
from itertools import pairwise

import mpmath
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels import PanelOLS
from scipy import stats

import ipo_nb as ipo
from ipo_nb.within import EFFECTS, estimated, within, without_effects

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest

KINDS = ("unit", "period", "both", "driscoll-kraay")  # that peers have as well
FORMULAS = {"two-way": "firm + year", "unit": "firm", "period": "year"}


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def grunfeld(left_out=0):
    """11 firms x 20 years, some rows left out: a long frame, and investment, value and capital as (firms, years)."""
    frame = sm.datasets.grunfeld.load_pandas().data.sample(frac=1, random_state=1).iloc[left_out:]
    frame = frame.assign(firm=pd.factorize(frame["firm"], sort=True)[0], year=frame["year"].astype(int))
    wide = frame.pivot(index="firm", columns="year")
    return frame.sort_values(["firm", "year"]), [wide[name].to_numpy() for name in ("invest", "value", "capital")]


def planted(seed, units=30, periods=20, gaps=0.0):
    x = noise(seed, 2, units, periods) + noise(seed + 1, 2, 1, periods)
    y = 0.7 * x[0] - 0.3 * x[1] + noise(seed + 2, units, 1) + noise(seed + 3, periods) + noise(seed + 4, units, periods)
    y[np.random.default_rng(seed).random(y.shape) < gaps] = np.nan
    return y, x


def dummies(y, x, effects="two-way"):
    """Rows of the regression with a column for each unit and period: target, design, unit, period."""
    known = np.isfinite(y) & np.isfinite(x).all(axis=0)
    unit, period = np.nonzero(known)
    fixed = {"unit": np.eye(len(y))[unit], "period": np.eye(y.shape[1])[period]}
    columns = [fixed[one][:, number > 0 :] for number, one in enumerate(EFFECTS[effects])]
    return y[known], np.column_stack([*(column[known] for column in x), *columns]), unit, period


@pytest.mark.filterwarnings("ignore")  # of the peer, about its own dependencies
@pytest.mark.parametrize("left_out", [0, 30])
@pytest.mark.parametrize("effects", FORMULAS)
def test_grunfeld_equals_pyfixest(effects, left_out):
    frame, (y, *x) = grunfeld(left_out)
    ours = within(y, x, effects=effects, bandwidth=2)
    precise = {"ssc": pyfixest.ssc(k_adj=False, G_adj=False), "demeaner": pyfixest.MapDemeaner(fixef_tol=1e-12)}
    asked = ({"CRV1": "firm"}, {"CRV1": "year"}, {"CRV1": "firm+year"}, "DK")
    for kind, vcov in zip(KINDS, asked, strict=True):
        more = {"vcov_kwargs": {"time_id": "year", "panel_id": "firm", "lag": 2}} if vcov == "DK" else {}
        theirs = pyfixest.feols(f"invest ~ value + capital | {FORMULAS[effects]}", frame, vcov=vcov, **precise, **more)
        np.testing.assert_allclose(ours.coefficients, theirs.coef(), rtol=1e-9)
        np.testing.assert_allclose(ours.covariances[kind] / ours.factors[kind], theirs._vcov, rtol=1e-7)


@pytest.mark.filterwarnings("ignore")
def test_the_factors_are_those_of_fixest():
    frame, (y, *x) = grunfeld()
    ours, n, k, firms, years = within(y, x, bandwidth=2), 220, 2, 11, 20
    terms = {"unit": k + years, "period": k + firms, "both": k + 1, "driscoll-kraay": k + firms + years - 1}
    clusters = {"unit": firms, "period": years, "both": firms, "driscoll-kraay": years}
    for kind in KINDS:
        g = clusters[kind]
        assert ours.factors[kind] == pytest.approx(g / (g - 1) * (n - 1) / (n - terms[kind]), rel=1e-12)
        assert ours.df[kind] == g - 1
    more = {"vcov": "DK", "vcov_kwargs": {"time_id": "year", "panel_id": "firm", "lag": 2}}
    theirs = pyfixest.feols("invest ~ value + capital | firm + year", frame, **more)
    np.testing.assert_allclose(ours.covariances["driscoll-kraay"], theirs._vcov, rtol=1e-9)


@pytest.mark.parametrize("left_out", [0, 30])
@pytest.mark.parametrize("effects", EFFECTS)
def test_grunfeld_equals_linearmodels_up_to_its_factor(effects, left_out):
    frame, (y, *x) = grunfeld(left_out)
    ours, rows = within(y, x, effects=effects), frame.set_index(["firm", "year"])
    by_unit, by_period = ("unit" in EFFECTS[effects], "period" in EFFECTS[effects])
    model = PanelOLS(rows["invest"], rows[["value", "capital"]], entity_effects=by_unit, time_effects=by_period)
    n, spent = ours.n_cells, {"two-way": 11 + 20 - 1, "unit": 11, "period": 20}[effects]
    asked = [{"cluster_entity": True}, {"cluster_time": True}, {"cluster_entity": True, "cluster_time": True}]
    fits = [model.fit(cov_type="clustered", **one) for one in asked] + [model.fit(cov_type="kernel")]
    for kind, theirs in zip(KINDS, fits, strict=True):
        factor = n / (n - 2 - (0 if effects == kind else spent))
        np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-9)
        np.testing.assert_allclose(ours.covariances[kind] / ours.factors[kind] * factor, theirs.cov, rtol=1e-7)


@pytest.mark.parametrize("effects", EFFECTS)
def test_a_panel_with_gaps_equals_the_regression_on_dummies(effects):
    y, x = planted(1, 9, 12, gaps=0.3)
    ours, (target, design, unit, _) = within(y, x, effects=effects), dummies(y, x, effects)
    theirs = sm.OLS(target, design).fit(cov_type="cluster", cov_kwds={"groups": unit})
    n, k = design.shape
    used = {"two-way": 2 + ours.n_periods, "unit": 3, "period": 2 + ours.n_periods}[effects]
    np.testing.assert_allclose(ours.coefficients, theirs.params[:2], rtol=1e-10)
    np.testing.assert_allclose(ours.covariances["unit"], theirs.cov_params()[:2, :2] * (n - k) / (n - used), rtol=1e-8)


def test_effects_of_groups_that_nothing_links_are_counted_once_each():
    y, x = planted(2, 10, 12)
    y[:5, :6] = y[5:, 6:] = np.nan
    target, design, *_ = dummies(y, x)
    rest = target - design[:, 2:] @ np.linalg.lstsq(design[:, 2:], target)[0]
    np.testing.assert_allclose(without_effects([y])[0][np.isfinite(y)], rest, atol=1e-12)
    assert within(y, x).factors["driscoll-kraay"] == pytest.approx(12 / 11 * 59 / (60 - np.linalg.matrix_rank(design)))


HARD = {
    "offsets of 1e9": lambda y, a, b, g: (y + 1e9, a + 1e9, b - 1e9),
    "levels of 1e9 that differ": lambda y, a, b, g: (y + 1e9 * g[:6, None], a - 1e9 * g[:6, None], b),
    "scales of 1e-12 and 1e12": lambda y, a, b, g: (y * 1e-12, a * 1e12, b * 1e-8),
    "a common path of 1e5": lambda y, a, b, g: (y + 1e5 * g, a + 1e5 * g, b),
    "near-collinear causes": lambda y, a, b, g: (y, a, a + 1e-5 * b),
}


@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize("kind", HARD)
def test_hard_numbers_are_right_to_nine_digits(kind, gaps):
    (y, (a, b)), g = planted(3, 6, 10), noise(4, 10)
    y, *x = HARD[kind](y, a, b, g)
    y = np.where(np.random.default_rng(5).random(y.shape) < gaps, np.nan, y)
    ours, (coefficients, covariance) = within(y, x), exactly(*dummies(y, x)[:3])
    np.testing.assert_allclose(ours.coefficients, coefficients, rtol=1e-9)
    np.testing.assert_allclose(ours.covariances["unit"] / ours.factors["unit"], covariance, rtol=2e-9)


def exactly(target, design, unit):
    """Two coefficients and their covariance by unit, without a factor, in 50 digits."""
    with mpmath.workdps(50):
        x, y = mpmath.matrix(design.tolist()), mpmath.matrix(target.tolist())
        bread = (x.T * x) ** -1
        solved = bread * (x.T * y)
        rest, meat = y - x * solved, mpmath.zeros(x.cols)
        for one in range(max(unit) + 1):
            rows = [int(row) for row in np.flatnonzero(unit == one)]
            score = sum((x[row, :].T * rest[row] for row in rows), mpmath.zeros(x.cols, 1))
            meat += score * score.T
        covariance = bread * meat * bread
        return [float(solved[i]) for i in range(2)], [[float(covariance[i, j]) for j in range(2)] for i in range(2)]


def remembering(rng, memory, *shape):
    series = rng.normal(size=shape)
    for t in range(1, shape[-1]):
        series[..., t] += memory * series[..., t - 1]
    return series


def coverage(apart, draws=200):
    """How often 95 % intervals hold the slope of 40 units over 60 periods, a common factor in cause and effect."""
    covered = dict.fromkeys((*KINDS, "ewc"), 0)
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        load = rng.normal(size=(2, 40, 1))
        x, rest = remembering(rng, 0.5, 2, 40, 60) + load[[0, int(apart)]] * remembering(rng, 0.5, 2, 1, 60)
        fit = within(0.5 * x + rest, [x])
        for kind, covariance in fit.covariances.items():
            half = stats.t.ppf(0.975, fit.df[kind]) * np.sqrt(covariance[0, 0])
            covered[kind] += abs(fit.coefficients[0] - 0.5) <= half
    return {kind: hits / draws for kind, hits in covered.items()}


def test_intervals_cover_as_often_as_they_say_where_their_kind_fits():
    apart, together = coverage(apart=True), coverage(apart=False)
    assert min(apart["unit"], apart["both"], apart["ewc"], together["ewc"]) >= 0.90
    assert together["unit"] < 0.60  # units that move together are not 40 witnesses
    assert apart["period"] < 0.92  # nor is each period a new one
    assert together["driscoll-kraay"] < together["ewc"]


def test_ewc_is_the_mean_of_squared_cosine_sums():
    y, x = planted(10, 12, 30)
    fit, target = within(y, x), without_effects([y, *x])
    scores = target[1:] * (target[0] - np.tensordot(fit.coefficients, target[1:], 1))
    time, count = np.arange(30) + 0.5, 3  # floor(0.4 * 30 ** (2 / 3))
    waves = [np.sqrt(2) * scores.sum(axis=1) @ np.cos(np.pi * j * time / 30) for j in range(1, count + 1)]
    bread = np.linalg.inv(np.einsum("jit,kit->jk", target[1:], target[1:]))
    want = bread @ sum(np.outer(wave, wave) for wave in waves) @ bread / count * (359 / (360 - 2 - 41))
    np.testing.assert_allclose(fit.covariances["ewc"], want, rtol=1e-9)
    assert fit.df["ewc"] == count


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_what_units_or_periods_share_changes_no_number(seed, of_units, of_periods):
    y, x = planted(seed, 8, 9, gaps=0.15)
    moved = [column + of_units * noise(seed, 8, 1) + of_periods * noise(seed, 9) for column in (y, *x)]
    order = np.random.default_rng(seed).permutation(8)
    plain, shifted = within(y, x), within(moved[0][order], [column[order] for column in moved[1:]])
    np.testing.assert_allclose(shifted.coefficients, plain.coefficients, rtol=1e-7, atol=1e-8)
    for kind in KINDS:
        np.testing.assert_allclose(shifted.covariances[kind], plain.covariances[kind], rtol=1e-6, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 24), max_size=6), st.integers(0, 3))
def test_blocks_of_any_size_and_lags_in_them_give_the_same(cuts, lag):
    y, x = planted(6, 25, 30, gaps=0.1)
    bounds = sorted({0, *cuts, 25})
    blocks = [{"y": y[a:b], "x": x[0][a:b]} for a, b in pairwise(bounds)]
    ours = estimated(lambda: blocks, [("y", 0), ("x", lag)], ["y", "x"])
    moved = np.full_like(y, np.nan)
    moved[:, lag:] = x[0][:, : 30 - lag]
    whole = within(y, [moved])
    np.testing.assert_allclose(ours.coefficients, whole.coefficients, rtol=1e-12)
    np.testing.assert_allclose(ours.covariances["both"], whole.covariances["both"], rtol=1e-9)


def test_units_that_say_nothing_are_left_out_and_counted():
    y, x = planted(7, 12, 15)
    y[0], y[1, 1:] = np.nan, np.nan
    fit, rest = within(y, x), within(y[2:], [column[2:] for column in x])
    assert (fit.n_left_out, fit.n_units) == (2, 10)
    np.testing.assert_allclose(fit.covariances["unit"], rest.covariances["unit"], rtol=1e-10)


def test_covariances_have_no_negative_variance():
    for seed in range(60):
        y, x = planted(seed, 3, 5)
        values = np.linalg.eigvalsh(within(y, x, effects="unit").covariances["both"])
        assert values.min() >= -1e-12 * values.max()


REFUSED = {
    "one unit": (lambda y, x: (y[:1], x[:, :1]), ipo.NotEnoughData, "One unit has complete values"),
    "one period": (lambda y, x: (y[:, :1], x[:, :, :1]), ipo.NotEnoughData, "Fewer than two periods"),
    "nothing": (lambda y, x: (y * np.nan, x), ipo.NotEnoughData, "No unit has complete values"),
    "too few cells": (
        lambda y, x: (y[:2, :3], x[:, :2, :3]),
        ipo.NotEnoughData,
        "6 complete unit-periods",
    ),
    "the same in all units": (lambda y, x: (y, [x[0], x[0, :1] + 0 * y]), ipo.NotIdentified, "'cause 2' moves alike"),
    "nearly so": (lambda y, x: (y, [1e9 * x[0, :1] + x[1]]), ipo.NotIdentified, "'cause 1' moves alike"),
    "constant": (lambda y, x: (y, [0.1 + 0 * y]), ipo.NotIdentified, "'cause 1' does not change within any unit"),
    "constant in units": (lambda y, x: (y, [y[:, :1] + 0 * y]), ipo.NotIdentified, "does not change within any unit"),
    "still effect": (lambda y, x: (0 * y + 7.0, x), ipo.NotIdentified, "The effect does not change within any unit"),
    "a sum": (lambda y, x: (y, [*x, x[0] - x[1]]), ipo.NotIdentified, "'cause 3' is a sum of the other terms"),
    "a sum but for effects": (lambda y, x: (y, [*x, x[0] + y[:, :1]]), ipo.NotIdentified, "'cause 3' is a sum"),
    "infinite": (lambda y, x: (np.where(y > 1, np.inf, y), x), ipo.SeriesError, "infinite"),
    "too large": (lambda y, x: (y, 1e200 * x), ipo.SeriesError, "too large to be squared"),
    "shapes": (lambda y, x: (y, x[:, 1:]), ipo.BadOption, "shapes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_refused_by_name(case):
    change, kind, words = REFUSED[case]
    y, x = planted(8, 12, 15)
    with pytest.raises(kind, match=words):
        within(*change(y, x))


def test_options_outside_their_meaning_are_refused():
    y, x = planted(9, 12, 15)
    with pytest.raises(ipo.BadOption, match="effects is 'both'"):
        within(y, x, effects="both")
    with pytest.raises(ipo.BadOption, match="bandwidth is 15"):
        within(y, x, bandwidth=15)
    y[:, 1:] = np.nan
    with pytest.raises(ipo.NotEnoughData, match="One period has complete values"):
        within(y, x, effects="period")
