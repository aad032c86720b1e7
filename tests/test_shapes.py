"""Shapes are what their names say: own movement, strength, lag and size of each true link, what a network holds."""

from __future__ import annotations

import numpy as np
import pytest

import ipo_nb as ipo
from ipo_nb.shapes import CADENCES, DESIGNS, FAMILIES, network

LONG = 20_000


def past(series, lag):
    return np.concatenate([np.full(lag, np.nan), series[: series.size - lag]])


def explained(target, columns, beside):
    """Partial R² of the columns beside the others, by two plain regressions."""
    whole = np.column_stack([target, *columns, *beside, np.ones(target.size)])
    whole = whole[np.isfinite(whole).all(axis=1)]
    small, large = (whole[:, 1 + len(columns) :], whole[:, 1:])
    rss = [((whole[:, 0] - x @ np.linalg.lstsq(x, whole[:, 0])[0]) ** 2).sum() for x in (small, large)]
    return 1 - rss[1] / rss[0]


def year(n):
    angle = 2 * np.pi * np.arange(n) * 7 / 365.25
    return [f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)]


@pytest.mark.parametrize(
    ("family", "own"), [("white noise", 0.0), ("AR(.5)", 0.5), ("AR(.9)", 0.9), ("AR(.5), t3 noise", 0.5)]
)
def test_a_family_has_the_memory_that_it_is_named_for(family, own):
    series = FAMILIES[family](np.random.default_rng(1), LONG)
    assert np.corrcoef(series[1:], series[:-1])[0, 1] == pytest.approx(own, abs=0.02)


def test_walks_drift_by_what_they_say():
    for family, drift in (("random walk", 0.0), ("random walk, drift .2", 0.2)):
        steps = np.diff(FAMILIES[family](np.random.default_rng(1), LONG))
        assert steps.mean() == pytest.approx(drift, abs=4 / LONG**0.5)
        assert np.corrcoef(steps[1:], steps[:-1])[0, 1] == pytest.approx(0, abs=4 / LONG**0.5)


@pytest.mark.parametrize(
    ("family", "period"), [("monthly profile + AR(.5)", 12), ("yearly waves, holidays + AR(.5)", 365.25 / 7)]
)
def test_a_season_comes_back_every_year(family, period):
    series = FAMILIES[family](np.random.default_rng(3), LONG)
    years = np.round(np.arange(1, 300) * period).astype(int)
    spread = np.std([series[years + week].mean() for week in range(int(period))])
    assert spread > 5 * np.std(series) / np.sqrt(years.size)


def test_the_holidays_of_two_series_are_in_the_same_weeks():
    for seed in range(3):
        weeks = []
        for part in range(2):
            series = FAMILIES["yearly waves, holidays + AR(.5)"](np.random.default_rng([seed, part]), LONG)
            calm = series - np.column_stack(year(LONG)) @ np.linalg.lstsq(np.column_stack(year(LONG)), series)[0]
            week = np.floor(np.arange(LONG) % (365.25 / 7)).astype(int)
            mean = np.abs(np.bincount(week, calm) / np.bincount(week))
            weeks.append(sorted(np.argsort(mean)[-2:].tolist()))
        assert weeks == [[30, 31], [30, 31]]


def test_a_step_moves_the_level_by_three_and_noise_grows():
    stepped = FAMILIES["AR(.5), level step of 3"](np.random.default_rng(1), LONG)
    assert stepped[-2000:].mean() - stepped[:2000].mean() == pytest.approx(3, abs=0.2)
    grown = FAMILIES["AR(.5), variance grows 2.5-fold"](np.random.default_rng(1), LONG)
    assert grown[LONG // 2 :].var() / grown[: LONG // 2].var() == pytest.approx(2.5, rel=0.08)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_draws_are_unrelated_and_as_long_as_asked(family):
    rng = np.random.default_rng(0)
    pairs = [(FAMILIES[family](rng, 52), FAMILIES[family](rng, 52)) for _ in range(400)]
    assert {series.shape for pair in pairs for series in pair} == {(52,)}
    products = [np.mean((x - x.mean()) * (y - y.mean())) for x, y in pairs]
    if not any(word in family for word in ("trend", "drift", "step")):  # these share a direction, and nothing else
        assert abs(np.mean(products)) < 4 * np.std(products) / 20
    assert CADENCES[family] == ("monthly" if family.startswith("monthly") else "weekly")


@pytest.mark.parametrize("partial_r2", [0.05, 0.2])
@pytest.mark.parametrize("design", [name for name in DESIGNS if not name.startswith("D")])
def test_a_true_link_has_the_partial_r2_that_was_asked_for(design, partial_r2):
    cause, effect, _, lag = DESIGNS[design](np.random.default_rng(1), LONG, 3, partial_r2)
    beside = [past(effect, k) for k in (1, 2)] + [past(cause, lag + k) for k in (1, 2, 3)] + year(LONG)
    assert explained(effect, [past(cause, lag)], beside) == pytest.approx(partial_r2, abs=0.012)


def test_a_spread_link_moves_the_effect_in_three_periods_and_as_much_in_all():
    cause, effect, long_run, lag = DESIGNS["D spread over three lags"](np.random.default_rng(1), LONG, 3, 0.2)
    columns = np.column_stack([past(cause, lag + k) for k in (-1, 0, 1, 2, 3)])[20:]
    weights = np.linalg.lstsq(columns, effect[20:])[0]
    np.testing.assert_allclose(weights, np.array([0, 0.5, 0.3, 0.2, 0]) * long_run, atol=0.04)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("lag", [1, 8])
def test_the_long_run_effect_and_the_lag_are_the_true_ones(design, lag):
    cause, effect, long_run, told = DESIGNS[design](np.random.default_rng(2), LONG, lag, 0.2)
    moved = [past(cause, k) for k in range(lag, lag + 4)]
    columns = np.column_stack([past(effect, 1), past(effect, 2), *moved, *year(LONG), np.ones(LONG)])[20:]
    fit = np.linalg.lstsq(columns, effect[20:])[0]
    if design[0] != "F":  # linked walks: one in levels, so seen in changes
        assert fit[2:6].sum() / (1 - fit[:2].sum()) == pytest.approx(long_run, abs=0.05 * max(1, long_run))
    else:
        steps, causes = np.diff(effect)[20:], np.diff(moved[0])[20:]
        assert steps @ causes / (causes @ causes) == pytest.approx(long_run, abs=0.05)
    assert told == lag


def test_a_network_holds_what_was_promised():
    for seed in range(5):
        made = network(seed)
        assert made.values.shape == (30, 156)
        assert len(set(made.candidates)) == 200
        assert made.true.sum() == 12
        assert not (made.true & made.confounded).any()
        fed = {process: {i for i, p in made.feeds if p == process} for _, process in made.feeds}
        true = [pair for pair, is_true in zip(made.candidates, made.true, strict=True) if is_true]
        for (cause, effect), confounded in zip(made.candidates, made.confounded, strict=True):
            moved_by = {a for a, b in true if b == effect} | {i for a, b in true if b == effect for i in fed.get(a, ())}
            shares = bool(moved_by & fed.get(cause, set())) and (cause, effect) not in true
            assert confounded == shares


def test_a_network_is_a_map_with_or_without_what_its_inputs_feed():
    made = network(2)
    for declared, links in ((False, 200), (True, 212)):
        ipo_map = ipo.IPOMap(made.metrics(), made.links(declared=declared), cadence="weekly")
        assert len(ipo_map.links) == links
        assert ipo_map.names == made.names
    np.testing.assert_array_equal(network(2).values, made.values)
