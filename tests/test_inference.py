"""One direction of one link in arrays: spread effects, own lags with units, intervals that pay for the search."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.signal import lfilter

from ipo_nb.inference import _fading, setting_of
from ipo_nb.judging import Series, judge
from ipo_nb.links import Link

MONTHS = 36


def noise(seed, n=104, own=0.5):
    return lfilter([1.0], [1.0, -own], np.random.default_rng(seed).normal(size=n + 60))[60:]


def asked(cause, effect, rivals=(), cadence="weekly", lags=(1, 8)):
    def wide(name, values):
        return Series(name, np.atleast_2d(values))

    others = [(wide(f"rival {k}", rival), (1, 8)) for k, rival in enumerate(rivals)]
    link, ends = Link("cause", "effect", lag=lags), (wide("cause", cause), wide("effect", effect))
    return judge(link, *ends, cadence=cadence, rivals=others)


def test_fading_sums_stay_inside_the_window_and_on_the_calendar():
    columns = [np.full(3, 10.0**lag) for lag in (1, 2, 3, 7)]
    sums = [column[0] for column in _fading(columns, (1, 2, 3, 7))]
    assert sums == [3 * 10 + 2 * 100 + 1000, 3 * 100 + 2 * 1000]  # nothing follows 3, and 7 stands alone


def test_an_effect_that_is_spread_over_three_lags_is_covered_as_often_as_promised():
    covered = 0
    for seed in range(60):
        cause = noise(seed, 120)
        spread = sum(share * np.roll(cause, 2 + k) for k, share in enumerate((0.25, 0.15, 0.10)))
        profile = asked(cause[16:], (spread + noise(seed + 900, 120))[16:])
        covered += profile.low <= 0.5 <= profile.high
    assert covered >= 51  # .95 of 60 is 57; 50 or fewer has probability below 0.002. One peak alone covered .88


def test_the_interval_of_an_unrelated_pair_holds_zero_although_the_lag_was_searched():
    profiles = [asked(noise(seed), noise(seed + 900)) for seed in range(60)]
    assert sum(profile.low <= 0 <= profile.high for profile in profiles) >= 51  # unpaid it was .78 to .91


@cache
def panel(n_units=150):
    """Many short units: the effect keeps half of itself and answers 0.1 two months later, 0.2 in all."""
    rng = np.random.default_rng(5)
    cause = lfilter([1.0], [1.0, -0.5], rng.normal(size=(n_units, MONTHS + 60)), axis=1)[:, 58:]
    pushed = 0.1 * cause[:, :-2] + rng.normal(size=(n_units, MONTHS))
    return cause[:, 2:] + rng.normal(size=(n_units, 1)), lfilter([1.0], [1.0, -0.5], pushed, axis=1)


def test_with_many_short_units_the_size_is_freed_of_what_their_own_means_and_trends_do_to_it():
    profile = asked(*panel(), cadence="monthly", lags=(1, 4))
    terms, design = profile.fit.params.to_numpy(), profile.design
    plain = terms[-design.n_own - design.n_cause : -design.n_own].sum() / (1 - terms[-design.n_own :].sum())
    assert plain < 0.175  # Nickell (1981): least squares puts what a unit keeps of itself too low
    assert profile.estimate == pytest.approx(0.2, abs=0.03)
    assert profile.low < 0.2 < profile.high


def test_other_causes_take_up_noise_and_leave_an_unrelated_one_unclaimed():
    found = {"linked": [0, 0], "unrelated": [0, 0]}
    for seed in range(30):
        cause, rivals = noise(seed, 216), [noise(seed + 100 * k, 216) for k in (1, 2, 3)]
        effect = noise(seed + 900, 216) + sum(0.6 * np.roll(rival, 1 + k) for k, rival in enumerate(rivals))
        for name, size in (("linked", 0.3), ("unrelated", 0.0)):
            moved = effect + size * np.roll(cause, 2)
            found[name][0] += asked(cause[8:], moved[8:]).p_value <= 0.05
            found[name][1] += asked(cause[8:], moved[8:], [rival[8:] for rival in rivals]).p_value <= 0.05
    assert found["linked"][1] >= found["linked"][0] + 5
    assert found["unrelated"][1] <= 6  # 5 % of 30 is 1.5; 7 or more has probability below 0.002


def test_a_cause_that_only_moves_with_the_true_one_is_not_told_apart():
    true = noise(1, 208)
    proxy = true + noise(2, 208)
    effect = 0.6 * np.roll(true, 3) + noise(3, 208)
    profile = asked(proxy[8:], effect[8:], [true[8:]])
    assert profile.aliased == "rival 0"
    assert "moved together" in profile.reason
    assert asked(true[8:], effect[8:], [proxy[8:]]).aliased == ""


def test_two_weeks_of_holiday_that_two_series_share_are_taken_up():
    """Seen over two years only, each week alone does not stand out; both together do."""
    found = 0
    week = np.floor(np.arange(104) % (365.25 / 7))
    holiday = np.where((week == 30) | (week == 31), 2.6, 0.0)
    for seed in range(12):
        pair = [(noise(seed + shift, own=0.8) + holiday)[None] for shift in (0, 900)]
        terms = setting_of(*pair, 104, 52).terms
        found += all(any(np.array_equal(term, week == wanted) for term in terms) for wanted in (30, 31))
    assert found >= 10
