"""The bounds test: published statistics, a planted relation, no relation in nothing, refusals in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import danish_data
from statsmodels.tsa.ardl import UECM, ardl_select_order

import ipo_nb as ipo
from ipo_nb.lasting import bounds

MONTHS = pd.period_range("2005-01", periods=200, freq="M")


def walk(seed, name="x", n=200):
    return pd.Series(np.random.default_rng(seed).normal(size=n).cumsum(), MONTHS[:n], name=name)


def returning(cause, seed):
    """An effect that closes a third of its distance to 2 * cause each month."""
    effect, shocks = np.zeros(200), np.random.default_rng(seed).normal(size=200)
    for t in range(1, 200):
        effect[t] = effect[t - 1] + 0.3 * (2 * cause.iloc[t - 1] - effect[t - 1]) + shocks[t]
    return pd.Series(effect, MONTHS, name="y")


def money():
    data = danish_data.load().data
    return data.set_axis(pd.PeriodIndex(data.index, freq="Q"))


@pytest.mark.parametrize(("trend", "f"), [("n", 0.7109023), ("c", 6.205875), ("ct", 6.785325)])
def test_f_and_t_equal_the_published_ones_of_danish_money_demand(trend, f):
    """F as statsmodels and R's ARDL print it, t as the OLS t of the same model in statsmodels."""
    data = money()
    ours = bounds(data[["lry", "ibo", "ide"]], data["lrm"], trend=trend, orders=(3, 1, 3, 2))
    theirs = UECM(data["lrm"], 3, data[["lry", "ibo", "ide"]], {"lry": 1, "ibo": 3, "ide": 2}, trend=trend).fit()
    assert ours.table["value"][0] == pytest.approx(f, abs=1e-6)
    assert ours.table["value"][3] == pytest.approx(theirs.tvalues["lrm.L1"], rel=1e-8)
    assert len(ours.fit.params) == len(theirs.params)


def test_long_run_and_t_equal_those_printed_by_r():
    """Natsiopoulos & Tzeremes (2022): multipliers and the bounds t of their ARDL(3, 1, 3, 2)."""
    ours = bounds(money()[["lry", "ibo", "ide"]], money()["lrm"], orders=(3, 1, 3, 2))
    np.testing.assert_allclose(ours.long_run["estimate"], [0.9964676, -4.5381160, 2.8915201], atol=5.01e-8)
    np.testing.assert_allclose(ours.long_run["error"], [0.1239310, 0.5202961, 0.9950853], atol=5.01e-8)
    assert ours.table["value"][3] == pytest.approx(-4.547939, abs=5.01e-7)
    assert ours.p_values == pytest.approx((0.000501, 0.003925), abs=5.01e-7)  # response surface for three causes
    assert (ours.verdict, ours.n_periods) == ("shown", 52)


@pytest.mark.parametrize(
    ("count", "f", "t"), [(1, (4.94, 5.73), (-2.86, -3.22)), (2, (3.79, 4.85), (-2.86, -3.53)), (3, (3.23, 4.35), None)]
)
def test_bounds_are_those_of_pesaran_shin_and_smith_for_as_many_causes(count, f, t):
    """Tables CI(iii) and CII(iii) at 5 %; theirs of F rest on 40,000 draws."""
    causes = pd.concat([walk(seed, f"x{seed}") for seed in range(count)], axis=1)
    table = bounds(causes, walk(9, "y"), orders=[1] * (count + 1)).table
    np.testing.assert_allclose(table.loc[1, ["lower", "upper"]].astype(float), f, atol=0.04)
    np.testing.assert_allclose(table.loc[4, ["lower", "upper"]].astype(float), t or (-2.86, -3.78), atol=1e-9)


def test_orders_are_those_that_statsmodels_would_choose():
    cause = walk(3)
    effect = returning(cause, 4) + 0.5 * cause.diff().shift(2).fillna(0)
    theirs = ardl_select_order(effect, 4, cause.to_frame(), 4, "c", ic="bic").model
    assert bounds(cause, effect).orders == (max(theirs.ar_lags), max(theirs.dl_lags["x"])) == (1, 4)


def test_a_lasting_relation_is_found_with_its_size_and_random_walks_have_none():
    related = [bounds(walk(seed), returning(walk(seed), seed + 500)) for seed in range(30)]
    assert {result.verdict for result in related} == {"shown"}
    assert sum(result.long_run["low"][0] < 2 < result.long_run["high"][0] for result in related) >= 24
    unrelated = [bounds(walk(seed), walk(seed + 500, "y")).verdict for seed in range(100)]
    assert unrelated.count("shown") <= 10  # 5 % of 100 is 5; 11 or more has probability below 0.02
    assert unrelated.count("not_shown") >= 70


def test_the_text_says_what_was_found_and_on_what():
    result = bounds(walk(1), returning(walk(1), 2))
    assert "A lasting relation of y with x is shown: F = " in result.text
    assert "5 % bounds 4.92 and 5.72" in result.text
    assert len(result.to_dict()["table"]) == 6


def test_offsets_and_units_change_no_finding():
    cause, effect = walk(1), returning(walk(1), 2)
    plain, moved = bounds(cause, effect), bounds(cause * 1e-8 + 1.0, effect * 1e8 - 1e9)
    np.testing.assert_allclose(moved.table["value"], plain.table["value"], rtol=1e-5)
    assert (moved.orders, moved.verdict) == (plain.orders, plain.verdict)


@pytest.mark.parametrize(
    ("cause", "options", "words"),
    [
        (walk(1), {"trend": "ctt"}, "'n', 'c' or 'ct'"),
        (walk(1), {"max_lags": 0}, "1 or more"),
        (walk(1), {"orders": (1, 0)}, "2 whole numbers, each 1 or more"),
        (walk(1), {"max_lags": 80}, "complete periods are left"),
        (walk(1, "y"), {}, "Two series have one name"),
        (walk(1).resample("Q").sum(), {}, "come at the steps"),
        (walk(1).reset_index(drop=True), {}, "has an index of type RangeIndex"),
        (walk(1) * 0 + 3, {}, "is a sum of the other terms"),
        (pd.concat([walk(k, str(k)) for k in range(5)], axis=1), {}, "There are 5 causes"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(cause, options, words):
    with pytest.raises(ipo.IpoError, match=words):
        bounds(cause, walk(7, "y"), **options)
