"""One link judged: a planted truth is found, nothing is found in nothing, what cannot be told is not told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipo_nb as ipo

WEEKS = pd.period_range("2022-01-03", periods=180, freq="W-SUN")


def weekly(values, name):
    return pd.Series(values, WEEKS[: len(values)], name=name)


def noise(seed, n=180, own=0.5):
    series = np.random.default_rng(seed).normal(size=n)
    for t in range(1, n):
        series[t] += own * series[t - 1]
    return series


def planted(seed=1, lag=3, size=-0.5, own=0.5):
    """A cause and an effect that moves `lag` weeks later by `size`, with autoregressive errors."""
    cause = noise(seed)
    return weekly(cause, "cause"), weekly(size * np.roll(cause, lag) + noise(seed + 1000, own=own), "effect")


def test_a_planted_link_is_found_with_its_sign_and_lag():
    profile = ipo.lag_profile(*planted(), lags=(0, 8), sign="-")
    assert (profile.verdict, profile.lag, profile.onset) == ("supported", 3, 3)
    assert profile.low < -0.5 < profile.high < 0


def test_the_claimed_sign_decides_between_supported_and_contradicted():
    profile = ipo.lag_profile(*planted(), sign="+")
    assert profile.verdict == "contradicted"
    assert "the map claims a rise" in profile.text


def test_intervals_cover_the_planted_effect():
    covered = sum(
        profile.low <= -0.5 <= profile.high
        for profile in (ipo.lag_profile(*planted(seed), lags=(1, 6)) for seed in range(60))
    )
    assert covered >= 51  # .95 of 60 is 57; 50 or fewer has probability below 0.002


@pytest.mark.parametrize("own", [0.0, 0.9, 1.0])
def test_unrelated_series_are_called_linked_no_more_often_than_one_in_twenty(own):
    """White noise, persistent series and random walks: the usual workflow fails on the last two."""
    found = sum(
        ipo.lag_profile(weekly(noise(seed, 104, own), "a"), weekly(noise(seed + 500, 104, own), "b")).p_value <= 0.05
        for seed in range(150)
    )
    assert found <= 17  # 5 % of 150 is 7.5; 18 or more has probability below 0.002


def test_the_periods_needed_are_those_that_a_simulation_needs():
    """A static effect of a third of a standard deviation is found in 80 % of draws at about 145 periods."""
    asked = [
        ipo.lag_profile(weekly(noise(seed, 104), "a"), weekly(noise(seed + 700, 104), "b"), lags=(1, 8), matters=1 / 3)
        for seed in range(30)
    ]
    assert 110 <= np.median([profile.periods_needed for profile in asked if profile.periods_needed]) <= 290


def test_shared_season_alone_is_no_link():
    wave = 3 * np.cos(2 * np.pi * np.arange(180) / 52.1775)
    p_values = [
        ipo.lag_profile(weekly(wave + noise(s, own=0), "a"), weekly(wave + noise(s + 9, own=0), "b")).p_value
        for s in range(20)
    ]
    assert sum(p <= 0.05 for p in p_values) <= 4


def test_an_effect_that_leads_is_backwards():
    pairs = [planted(seed) for seed in range(6)]
    profiles = [ipo.lag_profile(effect, cause, lags=(1, 6)) for cause, effect in pairs]
    backwards = [profile for profile in profiles if profile.verdict == "backwards"]
    assert len(backwards) >= 4
    assert "only cause moves ahead of effect" in backwards[0].text


def test_the_same_period_gives_no_direction_and_no_grade_b():
    profile = ipo.lag_profile(*planted(lag=0), lags=(0, 4))
    assert profile.verdict == "supported"
    assert "same_period" in profile.flags
    assert profile.grade == "C"


def test_a_sound_link_reaches_grade_b_and_says_what_would_lift_it():
    profiles = [ipo.lag_profile(*planted(seed, size=-0.8), lags=(1, 6)) for seed in range(6)]
    sound = [profile for profile in profiles if profile.grade == "B"]
    assert len(sound) >= 4
    assert "experiment" in sound[0].text


def test_nothing_there_is_never_called_no_effect_unless_the_interval_says_so():
    cause, effect = weekly(noise(3), "cause"), weekly(noise(4), "effect")
    strict, wide = ipo.lag_profile(cause, effect), ipo.lag_profile(cause, effect, matters=5.0)
    assert (strict.verdict, wide.verdict) == ("not_enough_data", "no_large_effect")
    assert strict.periods_needed > 180
    assert "It would take" in strict.text
    assert "years of weeks like these" in strict.text


@pytest.mark.parametrize(
    ("cause", "effect", "words"),
    [
        (np.full(180, 7.0), noise(1), "cause never moved"),
        (noise(1, 30), noise(2, 30), "need at least 38"),
        (noise(1), np.roll(noise(1), 2), "repeats cause"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(cause, effect, words):
    profile = ipo.lag_profile(weekly(cause, "cause"), weekly(effect, "effect")[2:])
    assert profile.verdict in ("cannot_tell", "not_enough_data", "identity")
    assert words in profile.text
    assert np.isnan(profile.estimate)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([1e-8, 1e-3, 1.0, 1e5]),
    st.sampled_from([0.0, -1e6, 1e9]),
    st.text("abcXYZ é-", min_size=1).filter(str.strip),
)
def test_units_offsets_and_names_change_no_finding(scale, offset, name):
    cause, effect = planted()
    plain = ipo.lag_profile(cause, effect)
    moved = ipo.lag_profile((cause + offset).rename(name), (effect * scale).rename("other"))
    assert (moved.verdict, moved.lag, moved.p_value) == (plain.verdict, plain.lag, plain.p_value)
    assert moved.estimate == pytest.approx(plain.estimate * scale, rel=1e-5 if offset else 1e-9)


def test_lags_follow_the_calendar_over_a_gap():
    cause, effect = planted(lag=2, size=-0.9)
    gapped = effect.drop(effect.index[60:70])
    profile = ipo.lag_profile(cause.sample(frac=1, random_state=1), gapped, lags=(0, 5))
    assert (profile.verdict, profile.lag) == ("supported", 2)
    assert profile.n_periods == 170


def test_the_fit_is_statsmodels_and_holds_the_reported_size():
    profile = ipo.lag_profile(*planted(), lags=(1, 6))
    causes = [term for term in profile.fit.params.index if term.startswith("cause lag")]
    own = [term for term in profile.fit.params.index if term.startswith("effect lag")]
    total = profile.fit.params[causes].sum() / (1 - profile.fit.params[own].sum())
    assert total == pytest.approx(profile.estimate, rel=1e-8)
    assert profile.response[-1] == pytest.approx(profile.estimate, rel=1e-4)


def test_nothing_given_is_changed_and_the_same_again_is_the_same():
    cause, effect = planted()
    before = cause.copy(), effect.copy()
    first, second = ipo.lag_profile(cause, effect), ipo.lag_profile(cause, effect)
    pd.testing.assert_series_equal(cause, before[0])
    pd.testing.assert_series_equal(effect, before[1])
    assert first.text == second.text
    pd.testing.assert_frame_equal(first.table, second.table)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (pd.RangeIndex(180), "has an index of type RangeIndex"),
        (WEEKS[:179].append(WEEKS[:1]), "two values for"),
    ],
)
def test_a_series_without_a_calendar_is_refused(index, words):
    with pytest.raises(ipo.IpoError, match=words):
        ipo.lag_profile(planted()[0].set_axis(index), planted()[1])


def test_dates_serve_as_well_as_periods():
    cause, effect = planted()
    dated = ipo.lag_profile(cause.to_timestamp(), effect.to_timestamp())
    assert dated.estimate == ipo.lag_profile(cause, effect).estimate


def test_the_bounds_test_comes_with_a_link_that_asks_for_it():
    cause, effect = planted(own=0.9)
    profile = ipo.lag_profile(cause, effect, long_run="bounds")
    assert profile.bounds.table["value"].iloc[0] == pytest.approx(ipo.bounds(cause, effect).table["value"].iloc[0])
    assert profile.bounds.text in profile.text
    with pytest.raises(ipo.BadOption, match="long_run is 'ardl'"):
        ipo.lag_profile(cause, effect, long_run="ardl")


def test_a_known_step_is_held_constant():
    """Both series step up in one week for a reason that somebody knows: with it as a term nothing is left."""
    step = np.where(np.arange(180) >= 90, 8.0, 0.0)
    cause, effect = weekly(noise(5, own=0) + step, "cause"), weekly(noise(6, own=0) + np.roll(step, 1) + 0, "effect")
    terms = [("step", str(WEEKS[90].start_time.date())), ("event", str(WEEKS[0].start_time.date()))]
    assert ipo.lag_profile(cause, effect, terms=[*terms, ("step", str(WEEKS[91].start_time.date()))]).p_value > 0.05
    with pytest.raises(ipo.BadOption, match="not on the calendar"):
        ipo.lag_profile(cause, effect, terms=[("step", "1999-01-04")])
