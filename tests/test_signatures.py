"""Steps, events and windows are found where they were put, seldom elsewhere, and not in random walks."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from ipo_nb.filters import deterministic, filtered
from ipo_nb.signatures import _Frame, _news, break_column, find_breaks, scaled, season_terms, trailing_window

PLAIN = deterministic(120, season=1, pairs=0)


def series(seed, own=0.5, n=120, heavy=False):
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(3, n + 50) if heavy else rng.normal(size=n + 50)
    for t in range(1, n + 50):
        noise[t] += own * noise[t - 1]
    return noise[50:]


def kinds(values, terms=PLAIN):
    return [one.kind for one in find_breaks(values, terms)]


def test_the_nile_fell_in_1899():
    """The step that Cobb (1978) dated: 1899, when the dam at Aswan was begun."""
    nile = sm.datasets.nile.load_pandas().data["volume"].to_numpy(float)
    [found] = find_breaks(nile, deterministic(100, season=1, pairs=0))
    assert (found.kind, 1871 + found.at) == ("step", 1899)
    assert -320 < found.size < -200


@pytest.mark.parametrize("kind", ["step", "event"])
def test_sizes_and_errors_are_those_of_least_squares(kind):
    values, own = series(1) + 3 * break_column("step", 70, 120), np.array([0.4, 0.1])
    values[33] = np.nan
    frame = _Frame.of(values, PLAIN, own)
    design = filtered(np.vstack([PLAIN, break_column(kind, 70, 120)]), own)[:, frame.rows].T
    fit = sm.OLS(filtered(values, own)[frame.rows], design).fit()
    found = frame.broken(kind, 70)
    assert found.size == pytest.approx(fit.params[-1], rel=1e-9)
    weight = frame.matched(kind, frame.rest)[1][70]
    assert 1 / weight == pytest.approx(fit.normalized_cov_params[-1, -1], rel=1e-9)


def test_the_likelihood_of_a_window_is_that_of_its_covariance():
    """Against the covariance of w[t] - w[t-N], written out."""
    n, window = 23, 4
    change = np.eye(n, n + window, window) - np.eye(n, n + window)
    covariance = change @ change.T
    values = np.random.default_rng(2).normal(size=(1, n))
    news, spread = _news(values, window)
    assert (news**2).sum() == pytest.approx(values[0] @ np.linalg.solve(covariance, values[0]))
    assert spread == pytest.approx(np.linalg.slogdet(covariance)[1])


def test_planted_steps_and_events_are_found_in_their_period():
    hits = 0
    for seed in range(20):
        values = series(seed) + 7 * break_column("step", 45, 120) - 12 * break_column("event", 90, 120)
        found = {(one.kind, one.at) for one in find_breaks(values, PLAIN)}
        hits += ("event", 90) in found and bool({("step", at) for at in (44, 45, 46)} & found)
    assert hits >= 18  # 20 of 20 when it was written


@pytest.mark.parametrize("own", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("heavy", [False, True])
def test_series_without_breaks_seldom_show_one(own, heavy):
    """At 5 %, 8 or more of 60 have probability .01."""
    found = [kinds(series(1000 + seed, own=own, heavy=heavy)) for seed in range(60)]
    assert sum("step" in some for some in found) < 8
    assert sum("event" in some for some in found) < 8


def test_the_jumps_of_a_random_walk_are_no_steps_and_no_events():
    jumped = [kinds(series(seed, own=1.0) + 8 * break_column("step", 60, 120)) for seed in range(20)]
    assert sum(map(bool, jumped)) <= 2


def test_two_spikes_of_one_size_do_not_hide_each_other():
    values = series(3)
    values[[40, 80]] += 14
    assert [one.at for one in find_breaks(values, PLAIN)] == [40, 80]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 50), st.floats(1e-6, 1e6), st.sampled_from([0.0, 1e3, -1e3]))
def test_units_of_measure_change_sizes_only(seed, unit, offset):
    values = series(seed) + 8 * break_column("step", 50, 120)
    one, two = find_breaks(values, PLAIN), find_breaks(unit * (values + offset), PLAIN)
    assert [(a.kind, a.at) for a in one] == [(b.kind, b.at) for b in two]
    assert [b.size for b in two] == pytest.approx([unit * a.size for a in one], rel=1e-6)


def test_a_season_is_no_event():
    month = np.arange(120) % 12
    values = series(4) + np.where(month == 11, 9.0, 0.0)
    assert kinds(values, season_terms(values, 12)) == []


@pytest.mark.parametrize("window", [3, 7, 12])
@pytest.mark.parametrize("season", [12, 52])
def test_a_trailing_mean_is_known_by_its_window(window, season):
    right = 0
    for seed in range(10):
        wave = np.sin(2 * np.pi * np.arange(120 + window - 1) / season)
        new = series(seed, n=120 + window - 1) + wave
        right += trailing_window(np.round(np.convolve(new, np.ones(window), "valid"), 2)[None], season)[0] == window
    assert right >= 7


@pytest.mark.parametrize("season", [1, 12, 52])
@pytest.mark.parametrize("own", [0.0, 0.9, 1.0])
def test_a_series_without_a_window_is_seldom_called_one(season, own):
    profile = np.resize(np.random.default_rng(9).normal(size=12), 120) if season == 12 else 0.0
    called = [trailing_window((series(seed, own=own) + profile)[None], season)[0] for seed in range(40)]
    assert sum(map(bool, called)) <= 4


def test_units_together_show_a_window_that_is_too_short_for_one():
    rows = [np.convolve(series(seed, n=46), np.ones(5), "valid") for seed in range(6)]
    assert trailing_window(np.array(rows), 12)[0] == 5


def test_too_little_data_says_nothing():
    assert find_breaks(np.r_[np.zeros(10), 100 + np.zeros(9)], deterministic(19, season=1, pairs=0)) == []
    assert trailing_window(np.convolve(series(1, n=30), np.ones(3), "valid")[None], 12) == (0, 0.0)
    assert find_breaks(np.full(50, np.nan), deterministic(50, season=1, pairs=0)) == []


def test_scaling_is_safe_at_both_ends():
    for values in (np.array([1e308, -1e308, np.nan]), np.array([5e-324, 0.0]), np.full(3, 7.0), np.full(2, np.nan)):
        moved, scale = scaled(values)
        assert np.nanmax(np.abs(moved), initial=0.0) <= 1
        assert scale >= 0
