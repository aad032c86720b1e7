"""One link judged: a planted truth is found, nothing is found in nothing, what cannot be told is not told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.datasets import danish_data
from statsmodels.tsa.ardl import ARDL

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
    assert "It would take about" in strict.text
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


def test_lagged_regression_equals_statsmodels_ardl():
    """Danish money demand, ARDL(1, 2) with a trend: statsmodels' own example data."""
    data = danish_data.load().data
    data = data.set_axis(pd.PeriodIndex(data.index, freq="Q"))
    theirs = ARDL(data["lrm"], 1, data[["lry"]], 2, trend="ct").fit()
    ours = ipo.lagged_regression(data, "lrm", {"lry": (0, 2)}, own_lags=1, trend="ct", errors="nonrobust")
    by_term = ours.table.set_index("term")["estimate"]
    assert by_term["lrm lag 1"] == pytest.approx(theirs.params["lrm.L1"], rel=1e-9)
    assert by_term["lry lag 2"] == pytest.approx(theirs.params["lry.L2"], rel=1e-9)
    assert len(ours.fit.resid) == len(theirs.resid)


def test_lagged_regression_is_the_ols_that_was_asked_for():
    cause, effect = planted()
    frame = pd.DataFrame({"cause": cause, "effect": effect})
    ours = ipo.lagged_regression(frame, "effect", {"cause": (2, 3)}, own_lags=1, errors="nonrobust")
    columns = [cause.shift(2), cause.shift(3), effect.shift(1)]
    design = sm.add_constant(pd.concat(columns, axis=1).to_numpy()[3:])
    theirs = sm.OLS(effect.to_numpy()[3:], design).fit()
    own = ours.table.set_index("term")["estimate"]
    assert own["effect lag 1"] == pytest.approx(theirs.params[3], rel=1e-10)
    row = ours.long_run.iloc[0]
    assert row["estimate"] == pytest.approx((theirs.params[1] + theirs.params[2]) / (1 - theirs.params[3]), rel=1e-10)
    assert row["f"] == pytest.approx(float(theirs.f_test(np.eye(4)[1:3]).fvalue), rel=1e-9)
    assert "not corrected" in ours.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"causes": {"caus": 0}}, "Did you mean 'cause'"),
        ({"causes": {"cause": (3, 1)}}, "0 <= first <= last"),
        ({"causes": {"cause": 0}, "errors": "HC9"}, "errors is 'HC9'"),
        ({"causes": {"cause": 0, "twice": 0}}, "is a sum of the other terms"),
        ({"causes": {"cause": (0, 120)}}, "complete periods are left"),
    ],
)
def test_a_regression_that_cannot_be_run_is_refused_in_words(options, words):
    cause, effect = planted()
    frame = pd.DataFrame({"cause": cause, "twice": 2 * cause, "effect": effect})
    with pytest.raises(ipo.IpoError, match=words):
        ipo.lagged_regression(frame, "effect", **options)
