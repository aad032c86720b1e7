"""Promises of simulate.py: what is planted is true, nothing else is, and a seed is a system."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.simulate import KINDS, Planted, Shape, simulate_system

CIRCLE = [{"name": "A", "stage": "input", "formula": "B + 1"}, {"name": "B", "stage": "input", "formula": "A - 1"}]


def ols(effect: pd.Series, **causes: pd.Series) -> pd.Series:
    import statsmodels.api as sm

    frame = pd.DataFrame(causes).assign(effect=effect, const=1.0).dropna()
    return sm.OLS(frame["effect"], frame.drop(columns="effect")).fit().params


def test_it_needs_no_argument() -> None:
    sample = ipo.simulate_system(seed=1)
    assert list(sample.truth) == ["cause", "effect", "kind", "sign", "lag", "estimate"]
    assert list(sample.panel.names) == list(sample.ipo_map.names)
    assert "208 weekly periods" in sample.text
    assert "4 are true, 1 is a false belief" in sample.text
    assert sample.table is sample.truth


def test_a_planted_effect_is_found_at_its_lag_by_plain_least_squares() -> None:
    planted = [Planted("Staff", "Wait", -0.5, lag=2), Planted("Calls", "Wait", 0.3, lag=0)]
    values = simulate_system(planted, periods=4000, seed=5).panel.values
    lags = {f"staff{k}": values["Staff"].shift(k) for k in range(5)}
    params = ols(values["Wait"], calls=values["Calls"], **lags)
    assert params["staff2"] == pytest.approx(-0.5, abs=0.05)
    assert params["calls"] == pytest.approx(0.3, abs=0.05)
    assert params.drop(["staff2", "calls", "const"]).abs().max() < 0.05


def test_a_slow_metric_ends_where_the_estimate_says() -> None:
    shapes = {"Ads": Shape(ar=0.9), "Fame": Shape(sd=2, ar=0.0, carry=0.7)}
    values = simulate_system([Planted("Ads", "Fame", 0.8, lag=1)], shapes, periods=4000).panel.values
    params = ols(values["Fame"], own=values["Fame"].shift(1), ads=values["Ads"].shift(1))
    assert params["own"] == pytest.approx(0.7, abs=0.03)
    assert params["ads"] / (1 - params["own"]) == pytest.approx(0.8, abs=0.05)


def test_without_noise_the_arithmetic_is_exact() -> None:
    shapes = {"X": Shape(level=10, sd=1, decimals=6), "Y": Shape(level=50, sd=0, trend=9, decimals=9)}
    values = simulate_system([Planted("X", "Y", 2.0, lag=3)], shapes, periods=10).panel.values
    expected = 50 + np.arange(10) + 2 * (values["X"].shift(3) - 10)
    np.testing.assert_allclose(values["Y"].iloc[3:], expected.iloc[3:], atol=1e-8)


def test_both_directions_of_a_feedback_act() -> None:
    loop = [Planted("A", "B", 0.4, lag=1, kind="feedback"), Planted("B", "A", -0.3, lag=1, kind="feedback")]
    shapes = {"A": Shape(ar=0.0), "B": Shape(ar=0.0)}
    values = simulate_system(loop, shapes, periods=4000).panel.values
    past = {"a": values["A"].shift(1), "b": values["B"].shift(1)}
    assert ols(values["B"], **past)["a"] == pytest.approx(0.4, abs=0.05)
    assert ols(values["A"], **past)["b"] == pytest.approx(-0.3, abs=0.05)


@pytest.mark.parametrize("kind", ["none", "identity"])
def test_a_belief_that_is_false_moves_nothing(kind: str) -> None:
    pair = Planted("X", "Y", 0.0 if kind == "none" else math.nan, lag=math.nan, kind=kind)
    values = simulate_system([pair], periods=3000).panel.values
    assert abs(values["X"].diff().corr(values["Y"].diff())) < 0.06
    assert (pair.sign, pair.acts) == ("", False)


def test_a_link_within_units_is_hidden_by_their_sum() -> None:
    planted = [Planted("Hours", "Falls", -0.6, lag=0, within=True)]
    shapes = {"Hours": Shape(shared=6, sd=6), "Falls": Shape(shared=3, sd=3)}
    units = [f"ward {n:02}" for n in range(20)]
    values = simulate_system(planted, shapes, periods=120, units=units, seed=2).panel.values
    total = values.groupby(level="period").mean()
    inside = values - values.groupby(level="period").transform("mean")
    assert ols(inside["Falls"], x=inside["Hours"])["x"] == pytest.approx(-0.6, abs=0.1)
    assert abs(total.corr().loc["Hours", "Falls"]) < 0.3
    assert values.index.names == ["unit", "period"]


def test_a_hidden_score_turns_the_sign_between_units() -> None:
    shapes = {"Hours": Shape(rank=20, sd=5), "Wait": Shape(rank=20, sd=5)}
    values = simulate_system([Planted("Hours", "Wait", -0.5)], shapes, units=[*"abcdefghijkl"]).panel.values
    assert values.corr().loc["Hours", "Wait"] > 0.8


def test_a_seed_is_a_system() -> None:
    first, again, other = (ipo.simulate_system(seed=seed).panel.values for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert (first != other).mean().min() > 0.5


def test_renaming_a_metric_changes_no_number() -> None:
    planted = [Planted("Staff", "Wait", -0.5), Planted("Wait", "Churn", 0.2, lag=2)]
    renamed = [Planted("Crew", "Wait", -0.5), Planted("Wait", "Attrition", 0.2, lag=2)]
    values = [simulate_system(pairs, periods=60).panel.values.to_numpy() for pairs in (planted, renamed)]
    np.testing.assert_array_equal(*values)


def test_bounds_decimals_and_gaps_are_kept() -> None:
    shape = Shape(level=2, sd=3, low=0, high=4, decimals=1, missing=(10, 3))
    series = simulate_system([Planted("X", "Y", 1.0)], {"X": shape}, periods=300).panel.values["X"]
    assert series.isna().to_numpy().nonzero()[0].tolist() == [10, 11, 12]
    assert series.min() == 0
    assert series.max() == 4
    np.testing.assert_array_equal(series, series.round(1))


def test_what_has_a_formula_is_computed() -> None:
    names = ("Staff", "Wait", "Cost", "Cost per minute")
    formulas = ("", "", "Staff * 40", "Cost / Wait")
    metrics = tuple(ipo.Metric(name, "process", formula=text) for name, text in zip(names, formulas, strict=True))
    ipo_map = ipo.IPOMap(metrics=metrics, links=(ipo.Link("Staff", "Wait"),))
    shapes = {"Cost per minute": Shape(decimals=1)}
    values = simulate_system([Planted("staff", "WAIT", -0.5)], shapes, ipo_map=ipo_map, periods=50).panel.values
    np.testing.assert_allclose(values["Cost per minute"], (values["Staff"] * 40 / values["Wait"]).round(1))


def test_the_default_map_holds_the_true_lag_and_sign() -> None:
    sample = ipo.simulate_system()
    for row in sample.truth[sample.truth["kind"] == "link"].itertuples():
        link = sample.ipo_map.link(row.cause, row.effect)
        assert link.lag[0] <= row.lag <= link.lag[1]
        assert link.sign == row.sign
    assert sample.ipo_map.metric("Wait minutes").stage == "process"


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: Planted("X", "Y", 1.0, kind="lnik"), "Did you mean 'link'"),
        (lambda: Planted("X", "Y", 1.0, lag=1.5), "whole number of periods"),
        (lambda: Shape(ar=1.2), "runs away"),
        (lambda: Shape(sd=-1), "No metric has this shape"),
        (lambda: simulate_system(periods=0), "no series"),
        (lambda: simulate_system([Planted("X", "Y", 1.0, lag=0), Planted("Y", "X", 1.0, lag=0)]), "in a circle"),
        (lambda: simulate_system(ipo_map=simulate_system([Planted("X", "Y", 1.0)]).ipo_map), "no metric called"),
        (lambda: simulate_system([], ipo_map=ipo.IPOMap(CIRCLE)), "cannot be worked out: A, B"),
    ],
)
def test_a_system_that_cannot_be_is_refused_in_words(mistake: object, words: str) -> None:
    with pytest.raises(ipo.IpoError, match=words):
        mistake()  # type: ignore[operator]


def test_the_kinds_are_those_of_the_truth_files() -> None:
    assert KINDS == ("link", "too_weak", "none", "identity", "feedback", "conflict")
