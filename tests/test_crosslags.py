"""Correlations at each lag: the textbook's numbers, a planted lag found, noise inside its band."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.tsa.stattools import ccf

from ipo_nb.crosslags import CrossLags, cross_lags
from ipo_nb.errors import BadOption, NotEnoughData

Array = NDArray[np.float64]


def look(x: Array, y: Array, **options: object) -> CrossLags:
    settings = {"cadence": "weekly", "season": 52, "most_lag": 6} | options
    return cross_lags(("x", np.atleast_2d(x)), ("y", np.atleast_2d(y)), **settings)


def noise(seed: int, *shape: int, memory: float = 0.0) -> Array:
    """Series of an AR(1) that starts in its stationary state."""
    steps = np.random.default_rng(seed).normal(size=shape)
    steps[..., 0] /= np.sqrt(1 - memory**2)
    for at in range(1, shape[-1]):
        steps[..., at] += memory * steps[..., at - 1]
    return steps


# ---- reference ----------------------------------------------------------------------------------------------------


def test_raw_is_the_correlation_of_the_pairs_that_there_are() -> None:
    x, y = noise(1, 80), noise(2, 80)
    x[[3, 40]], y[[17]] = np.nan, np.nan
    found = look(x, y).table["raw"]
    for lag, value in enumerate(found):
        pairs = np.array([x[: 80 - lag], y[lag:]])
        assert value == pytest.approx(np.corrcoef(pairs[:, np.isfinite(pairs).all(axis=0)])[0, 1])


def test_raw_is_near_to_the_ccf_of_statsmodels_which_divides_by_the_whole() -> None:
    x, y = noise(3, 400, memory=0.4), noise(4, 400)
    y[2:] += x[:-2]
    assert look(x, y).table["raw"].to_numpy() == pytest.approx(ccf(y, x, nlags=7, adjusted=True), abs=0.02)


def test_season_is_what_a_regression_on_trend_and_waves_leaves() -> None:
    t = np.arange(120.0)
    x, y = noise(5, 120) + 0.1 * t + np.sin(2 * np.pi * t / 12), noise(6, 120) - 3 * np.cos(2 * np.pi * t / 12)
    waves = [part(2 * np.pi * k * t / 12) for k in (1, 2) for part in (np.sin, np.cos)]
    design = np.column_stack([np.ones(120), t, *waves])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    found = look(x, y, cadence="monthly", season=12, pairs=2).table["season"]
    assert found[0] == pytest.approx(np.corrcoef(rest)[0, 1], abs=1e-8)
    assert found[3] == pytest.approx(np.corrcoef(rest[0][:-3], rest[1][3:])[0, 1], abs=1e-8)


# ---- recovery and size --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 2, 5])
@pytest.mark.parametrize("units", [1, 8])
def test_a_planted_lag_is_found_beyond_season_and_memory(lag: int, units: int) -> None:
    wave = 3 * np.sin(2 * np.pi * np.arange(156) / 52)
    x = noise(lag, units, 156, memory=0.7)
    y = noise(lag + 50, units, 156, memory=0.7)
    y[:, lag:] += 1.5 * x[:, : 156 - lag]
    found = look(x + wave, y - wave)
    assert found.table["own"].abs().idxmax() == lag
    assert abs(found.table["own"][lag]) > found.bound
    assert found.n_units == units


def test_what_season_and_memory_make_alike_is_outside_as_it_stands_and_inside_of_its_own() -> None:
    wave = 3 * np.sin(2 * np.pi * np.arange(156) / 52)
    found = look(noise(11, 156) + wave, noise(12, 156) + wave)
    assert found.peak["raw"] > 0.6
    assert found.table["own"].abs().max() < found.bound
    assert "inside the ±" in found.text


@pytest.mark.parametrize(("periods", "memory"), [(156, 0.0), (156, 0.8), (60, 0.6)])
def test_unrelated_series_leave_the_band_about_one_time_in_twenty(periods: int, memory: float) -> None:
    tries = 400
    left = one = 0
    for seed in range(tries):
        x, y = noise(seed, 2, periods, memory=memory)
        found = look(x, y, cadence="monthly", season=12, most_lag=8)
        left += found.table["own"].abs().max() > found.bound
        one += abs(found.table["own"][3]) > found.alone
    assert 0.01 <= left / tries <= 0.09
    assert 0.02 <= one / tries <= 0.09


# ---- properties ---------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(1e-6, 1e6),
    offset=st.floats(-1e4, 1e4),
    gap=st.integers(0, 79),
    pairs=st.sampled_from([None, 0, 2]),
)
def test_scale_and_offset_change_nothing_and_a_sign_turns_all(
    scale: float, offset: float, gap: int, pairs: int | None
) -> None:
    x, y = noise(7, 80, memory=0.5), noise(8, 80)
    x[gap] = np.nan
    options = {"cadence": "monthly", "season": 12, "pairs": pairs}
    first = look(x, y, **options).table
    assert look(scale * (x + offset), y, **options).table.to_numpy() == pytest.approx(first.to_numpy(), abs=1e-5)
    turned = look(x, -scale * y, **options).table
    assert turned[["raw", "season", "own"]].to_numpy() == pytest.approx(-first.drop(columns="lag").to_numpy(), abs=1e-8)
    assert first.drop(columns="lag").abs().max().max() <= 1 + 1e-12


def test_names_change_no_number_and_what_is_given_stays() -> None:
    x, y = noise(1, 1, 80), noise(2, 1, 80)
    before = x.copy(), y.copy()
    one = cross_lags(("a", x), ("b", y), cadence="weekly", season=52)
    other = cross_lags(("<b>", x), ("Überstunden", y), cadence="weekly", season=52)
    assert one.table.equals(other.table)
    assert other.text.replace("<b>", "a").replace("Überstunden", "b") == one.text
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_what_all_units_share_is_taken_off_and_units_are_not_mixed() -> None:
    shared = 5 * noise(1, 100)
    x, y = noise(2, 6, 100) + shared, noise(3, 6, 100) + shared
    level = 100 * np.arange(6)[:, None]
    found = look(x + level, y - level)
    assert found.table["raw"][0] > 0.8
    assert abs(found.table["season"][0]) < 0.2
    assert found.table["raw"].to_numpy() == pytest.approx(look(x, y).table["raw"].to_numpy())
    assert "what all units share in a period" in found.text


# ---- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"most_lag": 53}, {"most_lag": -1}, {"own_lags": 13}, {"pairs": -1}, {"pairs": 99}]
)
def test_a_lag_or_history_out_of_range_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(BadOption, match="cannot be"):
        look(noise(1, 200), noise(2, 200), **options)


def test_too_few_periods_are_refused_with_a_mend() -> None:
    with pytest.raises(NotEnoughData, match=r"Only 11 periods are left\. Look at fewer lags"):
        look(noise(1, 21), noise(2, 21), most_lag=6, own_lags=4)
    with pytest.raises(NotEnoughData, match="Only 0 periods"):
        look(noise(1, 3), noise(2, 3))


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e9, np.nan])
def test_a_series_that_does_not_move_has_no_correlation_and_says_so(value: float) -> None:
    found = look(np.full(100, value), noise(1, 100))
    assert found.table[["raw", "season", "own"]].isna().all(axis=None)
    assert "does not move" in found.text


def test_a_gap_stays_a_gap_and_costs_the_periods_around_it() -> None:
    x, y = noise(1, 120), noise(2, 120)
    whole = look(x, y)
    x[50:60] = np.nan
    assert look(x, y).n_periods < whole.n_periods == 120 - 6 - 4
    assert look(x, y).bound > whole.bound
