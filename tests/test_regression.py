"""The arithmetic under every verdict: equal to statsmodels, exact on hard numbers, honest where nothing can be told."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.ardl import ardl_select_order

from ipo_nb.regression import (
    Errors,
    false_discovery,
    fit_many,
    fit_pool,
    lag_table,
    least_squares,
    ljung_box,
    nested_bic,
    order_search,
    pool_of,
    search_pool,
)

UNITS = np.repeat(np.arange(5), [30, 25, 35, 20, 10])


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def links(seed=1, count=6, n=120, k=5):
    """Targets, designs with neighbouring columns alike, and what all share."""
    design = noise(seed, count, n, k) + noise(seed + 1, count, n, 1)
    target = design.sum(axis=2) + noise(seed + 2, count, n) * (1 + np.arange(n) / n)
    return target, design, np.column_stack([np.ones(n), np.arange(n)])


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


@pytest.mark.parametrize(
    ("errors", "kind", "options"),
    [
        (Errors("nonrobust"), "nonrobust", None),
        (Errors("HC0"), "HC0", None),
        (Errors("HC1"), "HC1", None),
        (Errors("HC2"), "HC2", None),
        (Errors("HC3"), "HC3", None),
        (Errors("HAC", 4), "HAC", {"maxlags": 4}),
        (Errors("HAC", 13, corrected=True), "HAC", {"maxlags": 13, "use_correction": True}),
        (Errors("HAC", 3, groups=UNITS), "hac-panel", {"groups": UNITS, "maxlags": 3, "use_correction": False}),
        (Errors("cluster", groups=UNITS), "cluster", {"groups": UNITS}),
    ],
    ids=lambda value: f"{value.kind}-{value.lags}" if isinstance(value, Errors) else "",
)
def test_many_links_at_once_equal_statsmodels_one_by_one(errors, kind, options):
    target, design, fixed = links()
    fits = fit_many(target, design, fixed, errors=errors)
    f, (total, error), q = fits.wald(3), fits.long_run(slice(2, 5), slice(0, 2)), ljung_box(fits.residuals, 10)
    for i in range(len(target)):
        theirs = sm.OLS(target[i], np.hstack([fixed, design[i]])).fit(cov_type=kind, cov_kwds=options, use_t=True)
        slopes, spread = theirs.params[2:], theirs.cov_params()[2:, 2:]
        kept = 1 - slopes[:2].sum()
        gradient = np.append(np.full(2, slopes[2:].sum() / kept**2), np.full(3, 1 / kept))
        np.testing.assert_allclose(fits.coefficients[i], slopes, rtol=1e-8)
        np.testing.assert_allclose(fits.covariance[i], spread, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(fits.errors[i], theirs.bse[2:], rtol=1e-8)
        assert f[i] == pytest.approx(slopes[2:] @ np.linalg.inv(spread[2:, 2:]) @ slopes[2:] / 3, rel=1e-8)
        assert total[i] == pytest.approx(slopes[2:].sum() / kept, rel=1e-8)
        assert error[i] == pytest.approx(np.sqrt(gradient @ spread @ gradient), rel=1e-8)
        assert q[i] == pytest.approx(acorr_ljungbox(theirs.resid, lags=[10])["lb_stat"].iloc[0], rel=1e-8)
        assert fits.bic[i] == pytest.approx(theirs.bic - 120 * (1 + np.log(2 * np.pi)), rel=1e-8)


def test_columns_of_a_pool_serve_many_links_and_ten_thousand_are_as_one():
    series, fixed = noise(1, 4, 100), np.ones((97, 1))
    pool = pool_of(lag_table(series, 3), fixed)
    causes = np.arange(40) % 3 + 1
    designs = 4 * causes[:, None] + np.arange(4)
    fits = fit_pool(pool, np.zeros(40, dtype=int), designs, errors=Errors("HAC", 2))
    for i in (0, 1, 39):
        lags = np.column_stack([series[causes[i], 3 - k : 100 - k] for k in range(4)])
        alone = fit_many(series[None, 0, 3:], lags[None], fixed, errors=Errors("HAC", 2))
        np.testing.assert_allclose(fits.coefficients[i], alone.coefficients[0], rtol=1e-12)
        np.testing.assert_allclose(fits.errors[i], alone.errors[0], rtol=1e-12)


def reference(target, design, kind, lags=3):
    """Coefficients, standard errors and the F of the last two, in 50 digits."""
    with mpmath.workdps(50):
        x, y = mpmath.matrix(design.tolist()), mpmath.matrix(target.tolist())
        n, k = design.shape
        solved = (x.T * x) ** -1 * x.T
        slopes = solved * y
        rest = y - x * slopes
        if kind == "HC3":
            rest = mpmath.matrix([rest[t] / (1 - (x[t, :] * solved[:, t])[0]) for t in range(n)])
        scores = solved * mpmath.diag(list(rest))
        covariance = scores * scores.T
        if kind == "nonrobust":
            covariance = solved * solved.T * ((rest.T * rest)[0] / (n - k))
        for lag in range(1, lags + 1) if kind == "HAC" else ():
            apart = scores[:, lag:] * scores[:, : n - lag].T * (1 - mpmath.mpf(lag) / (lags + 1))
            covariance += apart + apart.T
        tail = slopes[k - 2 :]
        f = (tail.T * covariance[k - 2 :, k - 2 :] ** -1 * tail)[0] / 2
        return [float(b) for b in slopes], [float(mpmath.sqrt(covariance[j, j])) for j in range(k)], float(f)


def hard(case):
    """A constant and three columns of 30 rows, and a target."""
    design = np.column_stack([np.ones(30), noise(1, 30, 3)])
    target = design @ [3.0, 2.5, -1.0, 0.5] + noise(2, 30)
    kind, size = case
    if kind == "offset":
        design[:, 1:] += size
        target += size
    elif kind == "scale":
        design[:, 1] *= size
        target /= size
    elif kind == "close":
        design[:, 3] = design[:, 2] + size * design[:, 3]
    elif kind == "trend":
        design[:, 2] = np.arange(30.0)
        design[:, 3] = 2.0 * np.arange(30) + size * design[:, 3]
    elif kind == "fit":
        target = design @ [3.0, 2.5, -1.0, 0.5] + size * noise(2, 30)
    return target, design


CASES = [("offset", 1e3), ("offset", 1e6), ("offset", 1e9), ("offset", -1e12)]
CASES += [("scale", 1e-8), ("scale", 1e8), ("scale", 1e-12), ("trend", 1e-7), ("fit", 1e-4), ("fit", 1e-9)]
CASES += [("close", size) for size in (1e-1, 1e-2, 3e-3, 1e-3, 1e-5, 1e-7, 1e-9)]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("kind", ["nonrobust", "HC3", "HAC"])
def test_hard_numbers_are_right_to_nine_digits_of_a_fifty_digit_reference(case, kind):
    target, design = hard(case)
    fits = fit_many(target[None], design[None], errors=Errors(kind, 3 if kind == "HAC" else 0))
    slopes, errors, f = reference(target, design, kind)
    np.testing.assert_allclose(fits.coefficients[0], slopes, rtol=1e-9)
    np.testing.assert_allclose(fits.errors[0], errors, rtol=1e-9)
    np.testing.assert_allclose(fits.wald(2)[0], f, rtol=1e-9)


@pytest.mark.parametrize("case", [("offset", 1e9), ("close", 1e-8), ("trend", 1e-7)], ids=str)
def test_hard_numbers_are_right_beside_what_all_share_too(case):
    target, design = hard(case)
    fits = fit_many(target[None], design[None, :, 1:], np.ones((30, 1)), errors=Errors())
    slopes, errors, f = reference(target, design, "HC3")
    np.testing.assert_allclose(fits.coefficients[0], slopes[1:], rtol=1e-9)
    np.testing.assert_allclose(fits.errors[0], errors[1:], rtol=1e-9)
    assert fits.wald(2)[0] == pytest.approx(f, rel=1e-9)


@pytest.mark.parametrize("fixed", [None, np.column_stack([np.ones(60), np.arange(60)])])
@pytest.mark.parametrize(
    "twin",
    [
        lambda x: 2 * x[:, 0],
        lambda x: 0.1 * x[:, 0] + 0.3 * x[:, 1],
        lambda x: x[:, 0] * (1 + 1e-13 * x[:, 1]),
        lambda x: np.full(60, 1e9) + np.spacing(1e9) * (np.arange(60) % 2),
        lambda x: np.zeros(60),
    ],
)
def test_what_cannot_be_told_apart_is_marked_and_gets_no_number(twin, fixed):
    plain, target = noise(1, 60, 2), noise(2, 60)
    ones = np.ones((60, 1)) if fixed is None else np.empty((60, 0))
    design = np.column_stack([ones, plain, twin(plain)])
    fits = fit_many(np.array([target, target]), np.array([design, design + 0.0]), fixed)
    assert fits.gone.tolist() == [[False] * (design.shape[1] - 1) + [True]] * 2
    assert np.isnan(fits.coefficients[:, -1]).all()
    assert np.isnan([*fits.errors[:, -1], *fits.wald(2)]).all()
    without = fit_many(target[None], design[None, :, :-1], fixed)
    np.testing.assert_allclose(fits.coefficients[0, :-1], without.coefficients[0], rtol=1e-9)
    np.testing.assert_allclose(fits.covariance[0, :-1, :-1], without.covariance[0], rtol=1e-9, atol=1e-14)


def test_a_link_that_is_refused_leaves_its_neighbours_alone():
    target, design, fixed = links(count=40)
    broken = design.copy()
    broken[[3, 17], :, 4] = broken[[3, 17], :, 0] - broken[[3, 17], :, 1]
    broken[20, 5, 0] = np.nan
    ours, theirs = fit_many(target, broken, fixed), fit_many(target, design, fixed)
    untouched = np.setdiff1d(np.arange(40), [3, 17, 20])
    assert np.flatnonzero(ours.gone.any(axis=1)).tolist() == [3, 17, 20]
    np.testing.assert_allclose(ours.coefficients[untouched], theirs.coefficients[untouched], rtol=1e-12)


def test_fewer_rows_than_terms_give_no_errors():
    assert np.isnan(fit_many(noise(1, 1, 4), noise(2, 1, 4, 4), errors=Errors("nonrobust")).errors).all()
    one = np.zeros(20, dtype=int)
    assert np.isnan(fit_many(noise(1, 1, 20), noise(2, 1, 20, 2), errors=Errors("cluster", groups=one)).errors).all()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 999),
    st.sampled_from([-1e9, 0.0, 1e4, 1e12]),
    st.sampled_from([1e-12, 1e-3, 1.0, 1e8]),
)
def test_units_and_offsets_change_nothing_but_the_units(seed, offset, scale):
    target, design, fixed = links(seed, count=2, n=60, k=3)
    design = np.round(design * 1024) / 1024  # so that the offset takes no digit away
    plain, moved = fit_many(target, design, fixed), fit_many(target * scale, design + offset, fixed)
    np.testing.assert_allclose(moved.coefficients, plain.coefficients * scale, rtol=1e-9)
    np.testing.assert_allclose(moved.wald(2), plain.wald(2), rtol=1e-9)


def test_orders_and_their_criteria_equal_statsmodels():
    """Fifty models: own orders 0..4, the cause's lags from none to 0..8, three harmonics in all of them."""
    series = noise(3, 2, 260).cumsum(axis=1) * 0.2 + noise(4, 2, 260)
    series[1, 2:] += 0.4 * series[0, :-2] + 0.3 * series[1, 1:-1]
    angle = 2 * np.pi * np.arange(260)[:, None] * [1, 2, 3] / 52
    terms = np.hstack([np.ones((260, 1)), np.cos(angle), np.sin(angle)])
    pool = pool_of(lag_table(series, 8), terms[8:])
    blocks = [range(order) for order in range(5)]
    bic = search_pool(pool, np.array([9]), np.arange(10, 14)[None], blocks, np.arange(9)[None])[0]
    theirs = ardl_select_order(series[1], 4, series[:1].T, 8, "n", fixed=terms, hold_back=8, ic="bic")
    shift = 252 * (np.log(2 * np.pi) + 1) + np.log(252)
    np.testing.assert_allclose(np.sort(bic.ravel()) + shift, np.sort(theirs.bic.index), rtol=1e-10)
    own, cause = np.unravel_index(bic.argmin(), bic.shape)
    assert (own, cause - 1) == (len(theirs.model.ar_lags), max(theirs.model.dl_lags[0]))
    aic = search_pool(pool, np.array([9]), np.arange(10, 14)[None], blocks, np.arange(9)[None], penalty=2.0)[0]
    shift = 252 * (np.log(2 * np.pi) + 1) + 2
    np.testing.assert_allclose(np.sort(aic.ravel()) + shift, np.sort(theirs.aic.index), rtol=1e-10)


@pytest.mark.parametrize("close", [1.0, 1e-7, 0.0])
def test_an_order_search_is_as_good_as_a_regression_of_each_model(close):
    """A lag that another one repeats adds a term and explains nothing."""
    choices, nested, fixed = noise(1, 80, 3), noise(2, 80, 4), np.column_stack([np.ones(80), np.arange(80)])
    choices[:, 2] = choices[:, 0] + close * choices[:, 2]
    target = choices[:, 0] - nested[:, 1] + noise(3, 80)
    blocks = [(), (1,), (0, 2), (2, 1, 0)]
    found = order_search(target, fixed, choices, blocks, nested)
    for place, block in enumerate(blocks):
        whole = np.hstack([fixed, choices[:, list(block)], nested])
        sizes = range(2 + len(block), whole.shape[1] + 1)
        models = [whole[:, :size] for size in sizes]
        rss = [np.square(target - x @ np.linalg.lstsq(x, target, rcond=1e-11)[0]).sum() for x in models]
        bic = 80 * np.log(np.array(rss) / 80) + np.array(sizes) * np.log(80)
        np.testing.assert_allclose(found[place], bic, rtol=1e-8)
        np.testing.assert_allclose(nested_bic(target, whole, sizes), bic, rtol=1e-8)


def test_false_discovery_equals_statsmodels():
    p_values = np.random.default_rng(11).uniform(size=50) ** 3
    np.testing.assert_allclose(false_discovery(p_values), multipletests(p_values, method="fdr_bh")[1], rtol=1e-12)


@pytest.mark.parametrize("errors", [Errors(), Errors("HAC", 3), Errors("HAC", 2, groups=np.repeat([0, 1], 30))])
def test_memory_that_is_kept_between_calls_changes_no_digit(errors: Errors) -> None:
    rng = np.random.default_rng(3)
    first, second = ((rng.normal(size=(20, 60)), rng.normal(size=(20, 60, 3))) for _ in range(2))
    once = fit_many(*first, errors=errors)
    kept = once.covariance.copy(), once.residuals.copy()
    fit_many(*second, errors=errors)
    again = fit_many(*first, errors=errors)
    for before, after, now in zip(
        kept, (again.covariance, again.residuals), (once.covariance, once.residuals), strict=True
    ):
        assert np.array_equal(before, after)
        assert np.array_equal(before, now)
