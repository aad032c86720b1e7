"""Surrogates move like the series that they stand for and answer to nothing; a test that they deceive is shown up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

import ipo_nb as ipo
from ipo_nb.judging import Series, judge
from ipo_nb.links import Link
from ipo_nb.shapes import FAMILIES
from ipo_nb.surrogates import surrogate_card, surrogates, wilson


def memory(series):
    return np.corrcoef(series[1:], series[:-1])[0, 1]


def drawn(family, seed=1, n=208):
    return FAMILIES[family](np.random.default_rng(seed), n)


def linked(n=120, seed=0):
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(1, n))
    return Series("x", cause), Series("y", 0.7 * np.roll(cause, 2, axis=1) + rng.normal(size=(1, n)))


@pytest.mark.parametrize("family", ["AR(.5)", "AR(.9)", "trend + AR(.5)", "the same, trend + AR(.8)"])
def test_a_surrogate_keeps_memory_trend_and_season(family):
    series = drawn(family)
    made = surrogates(series[None], draws=200, season=52)[:, 0]
    assert np.mean([memory(one) for one in made]) == pytest.approx(memory(series), abs=0.05)
    assert made.std(axis=1).mean() == pytest.approx(series.std(), rel=0.1)
    if "trend" in family:
        slope = np.polyfit(np.arange(series.size), series, 1)[0]
        assert np.mean([np.polyfit(np.arange(series.size), one, 1)[0] for one in made]) == pytest.approx(slope, rel=0.1)


def test_a_surrogate_keeps_each_month_and_the_place_of_the_noise():
    months = drawn("monthly profile + AR(.5)")
    made = surrogates(months[None], draws=200, season=12)[:, 0]
    profile = [months[month::12].mean() for month in range(12)]
    np.testing.assert_allclose([made[:, month::12].mean() for month in range(12)], profile, atol=0.25)
    grown = drawn("AR(.5), variance grows 2.5-fold")
    steps = np.diff(surrogates(grown[None], draws=200, season=52)[:, 0], axis=1)
    ratio = np.diff(grown)[104:].std() / np.diff(grown)[:103].std()
    assert steps[:, 104:].std() / steps[:, :103].std() == pytest.approx(ratio, rel=0.05)


def test_a_surrogate_answers_to_no_cause():
    cause, effect = (series.values[0] for series in linked())
    assert abs(np.corrcoef(cause[:-2], effect[2:])[0, 1]) > 0.4
    made = surrogates(effect[None], draws=400, season=52)[:, 0]
    found = [np.corrcoef(cause[:-2], one[2:])[0, 1] for one in made]
    assert np.mean(found) == pytest.approx(0, abs=4 / np.sqrt(400 * 118))


def test_gaps_stay_gaps_and_a_series_that_never_moves_stays_as_it_is():
    series = drawn("AR(.9)")
    series[[0, 50, 51, 207]] = np.nan
    made = surrogates(np.array([series, np.ones(208)]), draws=5, season=52)
    assert np.array_equal(np.isnan(made[:, 0]), np.broadcast_to(np.isnan(series), (5, 208)))
    assert (made[:, 1] == 1).all()


@pytest.mark.parametrize(("offset", "scale"), [(1e9, 1.0), (0.0, 1e-8), (-5.0, 1e8)])
def test_another_unit_of_measure_gives_the_same_surrogates(offset, scale):
    series = drawn("AR(.5)")
    plain = surrogates(series[None], draws=3, season=52)
    moved = surrogates(offset + scale * series[None], draws=3, season=52)
    np.testing.assert_allclose((moved - offset) / scale, plain, atol=1e-5)


def test_what_units_share_they_go_on_sharing():
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=(1, 100)), rng.normal(size=(6, 100))
    made = surrogates(2 * common + own, draws=50, season=12)
    between = np.mean([np.corrcoef(one)[0, 1:].mean() for one in made])
    assert between == pytest.approx(np.corrcoef(2 * common + own)[0, 1:].mean(), abs=0.08)


def test_a_series_on_its_way_to_infinity_does_not_run_away():
    made = surrogates(1.05 ** np.arange(120)[None], draws=5, season=52)
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 100 * 1.05**120


def test_the_card_says_how_often_each_link_is_imitated_and_its_links_may_come_in_any_order():
    x, y = linked()
    profiles = [judge(Link(a.name, b.name, lag=(1, 4)), a, b, cadence="weekly", draws=199) for a, b in ((x, y), (y, x))]
    before = y.values.copy()
    card = surrogate_card(profiles, {"x": x, "y": y}, draws=20)
    again = surrogate_card(profiles[::-1], {"x": x, "y": y}, draws=20)
    assert card.table.equals(again.table.iloc[::-1].reset_index(drop=True))
    row = card.table.iloc[0]
    assert (row["as_strong"], row["draws"]) == (0, 20)
    assert card.deceived < 0.25
    assert "x → y" in card.text
    assert np.array_equal(y.values, before)


def test_a_test_that_noise_deceives_is_shown_up(monkeypatch):
    def largest_correlation(link, cause, effect, **_):
        x, y = cause.values[0], effect.values[0]
        r = max(abs(np.corrcoef(x[:-lag], y[lag:])[0, 1]) for lag in range(1, 9))
        return None, SimpleNamespace(joint=SimpleNamespace(p_value=0.01 if r > 2 / np.sqrt(x.size) else 0.5))

    x, y = (Series(name, drawn("random walk", seed, 104)[None]) for seed, name in enumerate("xy"))
    profile = judge(Link("x", "y", lag=(1, 8)), x, y, cadence="weekly", draws=199)
    monkeypatch.setattr("ipo_nb.surrogates.first_test", largest_correlation)
    card = surrogate_card([profile], {"x": x, "y": y}, draws=100)
    assert card.low > 0.3


def test_the_interval_of_a_share_is_wilsons():
    for hits, draws in ((0, 40), (3, 40), (40, 40), (57, 1000)):
        np.testing.assert_allclose(
            wilson(hits, draws), proportion_confint(hits, draws, method="wilson"), rtol=1e-4, atol=1e-12
        )


def test_no_tested_link_and_no_draw_are_said_so():
    assert "No link was tested" in surrogate_card([], {}).text
    with pytest.raises(ipo.BadOption, match="0 draws says nothing"):
        surrogate_card([], {}, draws=0)
