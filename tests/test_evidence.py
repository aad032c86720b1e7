"""A whole map judged: the planted truth comes out, nothing else does, arithmetic is never regressed."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.evidence import COLUMNS, driver_blocks

WEEKS = pd.period_range("2022-01-03", periods=200, freq="W-SUN", name="period")


@cache
def weighed(name):
    sample = ipo.load_sample(name)
    return sample, ipo.weigh_links(sample.ipo_map, sample.panel)


def noise(seed, n=200, own=0.4):
    series = np.random.default_rng(seed).normal(size=n)
    for t in range(1, n):
        series[t] += own * series[t - 1]
    return series


def judged(columns, links, **metric):
    """Evidence on weekly columns, each an input or process of one map."""
    metrics = [{"name": name, "stage": "process", **metric.get(name, {})} for name in columns]
    panel = ipo.Panel.of(pd.DataFrame(columns, index=WEEKS[: len(next(iter(columns.values())))]))
    return ipo.weigh_links(ipo.IPOMap(metrics=metrics, links=links, cadence="weekly"), panel)


def link(cause, effect, lag=(0, 4), sign="?"):
    return {"cause": cause, "effect": effect, "lag": list(lag), "sign": sign}


@pytest.mark.parametrize("name", ["support", "gaming", "hospital"])
def test_planted_links_are_supported_with_their_sign_and_lag(name):
    sample, evidence = weighed(name)
    planted = sample.truth[sample.truth["kind"].isin(["link", "conflict", "feedback"])]
    for row in planted.itertuples():
        profile = evidence.profile(row.cause, row.effect)
        assert profile.verdict == "supported", profile.text
        assert np.sign(profile.estimate) == (1 if row.sign == "+" else -1)
        assert abs(profile.lag - row.lag) <= 1


@pytest.mark.parametrize("name", ["support", "gaming", "hospital"])
def test_what_was_not_planted_is_not_supported_and_arithmetic_is_not_regressed(name):
    sample, evidence = weighed(name)
    for row in sample.truth.itertuples():
        profile = evidence.profile(row.cause, row.effect)
        if row.kind == "none":
            assert profile.verdict not in ("supported", "contradicted"), profile.text
        if row.kind == "identity":
            assert profile.verdict == "identity"
            assert profile.fit is None


def test_the_table_has_the_columns_that_were_promised():
    _, evidence = weighed("support")
    assert list(evidence.table.columns) == COLUMNS
    assert len(evidence.table) == len(evidence.ipo_map.links)
    assert f"{evidence.n_tests} tests were made" in evidence.text


def test_a_declared_common_cause_is_held_constant():
    demand, first, second = noise(1), noise(2), noise(3)
    first += 1.2 * np.roll(demand, 1)
    second += 1.2 * np.roll(demand, 3)
    columns = {"demand": demand, "first": first, "second": second}
    alone = judged(columns, [link("first", "second")])
    beside = judged(columns, [link("first", "second"), link("demand", "first"), link("demand", "second")])
    assert alone.profile("first", "second").verdict == "supported"
    assert beside.profile("first", "second").verdict not in ("supported", "contradicted")
    assert beside.profile("first", "second").held == ("demand",)


def test_a_mediator_is_never_held_constant():
    start, end = noise(1), noise(2)
    middle = np.roll(start, 1) + 0.3 * noise(3)
    end += 0.8 * np.roll(middle, 1)
    columns = {"start": start, "middle": middle, "end": end}
    evidence = judged(columns, [link("start", "middle"), link("middle", "end"), link("start", "end")])
    assert evidence.profile("start", "end").held == ()
    assert evidence.profile("start", "end").lag == 2


def test_two_causes_that_move_as_one_cannot_be_told_apart():
    one = noise(1)
    other = one + 0.05 * noise(2)
    effect = 0.8 * np.roll(one, 1) + noise(3)
    evidence = judged({"one": one, "other": other, "effect": effect}, [link("one", "effect"), link("other", "effect")])
    for cause, rival in (("one", "other"), ("other", "one")):
        profile = evidence.profile(cause, "effect")
        assert profile.verdict == "cannot_tell"
        assert profile.aliased == rival
        assert rival in profile.text


@pytest.mark.parametrize(
    "made", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: np.round(a / b, 3), lambda a, b: a * b]
)
def test_arithmetic_is_found_in_the_data(made):
    a, b = np.round(50 + 5 * noise(1), 1), np.round(20 + noise(2), 1)
    evidence = judged({"a": a, "b": b, "made": made(a, b)}, [link("a", "made"), link("b", "made")])
    assert set(evidence.table["verdict"]) == {"identity"}
    assert "arithmetic" in evidence.profile("a", "made").text


def test_a_metric_without_numbers_is_asserted_only():
    metrics = [{"name": name, "stage": "process"} for name in ("a", "b", "unseen")]
    ipo_map = ipo.IPOMap(metrics=metrics, links=[link("a", "b"), link("unseen", "b")], cadence="weekly")
    evidence = ipo.weigh_links(ipo_map, ipo.Panel.of(pd.DataFrame({"a": noise(1), "b": noise(2)}, index=WEEKS)))
    profile = evidence.profile("unseen", "b")
    assert (profile.verdict, profile.grade) == ("not_enough_data", "E")
    assert "no numbers for unseen" in profile.text


def test_false_claims_stay_below_the_rate_that_is_promised():
    """A map of 20 unrelated links each, 20 times: any claim is false."""
    names = [f"m{k}" for k in range(21)]
    maps_with_claims = 0
    for seed in range(20):
        columns = {name: noise(100 * seed + k, own=0.6) for k, name in enumerate(names)}
        evidence = judged(columns, [link(a, b) for a, b in itertools.pairwise(names)])
        maps_with_claims += bool(evidence.shown)
    assert maps_with_claims <= 6  # 10 % of 20 is 2; 7 or more has probability below 0.003


def test_within_units_a_link_shows_that_the_total_hides():
    _sample, evidence = weighed("hospital")
    flags = {flag for profile in evidence.shown for flag in profile.flags}
    assert {"within_units_only", "sign_flips_by_unit"} <= flags


def test_renaming_metrics_and_reordering_links_changes_no_number():
    columns = {name: noise(k) for k, name in enumerate("abc")}
    columns["c"] = columns["c"] + 0.6 * np.roll(columns["a"], 2)
    one = judged(columns, [link("a", "c"), link("b", "c")])
    renamed = {f"the {name}": values for name, values in columns.items()}
    two = judged(renamed, [link("the b", "the c"), link("the a", "the c")])
    for name in "ab":
        assert one.profile(name, "c").q_value == two.profile(f"the {name}", "the c").q_value
        assert one.profile(name, "c").estimate == two.profile(f"the {name}", "the c").estimate


def test_nothing_given_is_changed():
    sample = ipo.load_sample("support")
    before, links = sample.panel.values.copy(), sample.ipo_map.to_dict()
    ipo.weigh_links(sample.ipo_map, sample.panel)
    pd.testing.assert_frame_equal(sample.panel.values, before)
    assert sample.ipo_map.to_dict() == links


def test_driver_blocks_are_cleared_of_trend_and_share_rows():
    _, evidence = weighed("support")
    outcome = evidence.shown[0].effect
    causes = [profile.cause for profile in evidence.shown if profile.effect == outcome]
    target, blocks = driver_blocks(evidence, outcome, causes)
    assert {len(block) for block in blocks.values()} == {len(target)}
    assert abs(target.sum()) < 1e-8


def test_a_link_that_is_not_there_is_named_with_the_nearest():
    _, evidence = weighed("support")
    with pytest.raises(ipo.IpoError, match="has no"):
        evidence.profile("Nonsense", "Satisfaction")


def test_the_stricter_correction_raises_every_q_and_is_named():
    sample, evidence = weighed("support")
    strict = ipo.weigh_links(sample.ipo_map, sample.panel, correction="BY")
    assert (strict.table["q_value"].dropna() >= evidence.table["q_value"].dropna() - 1e-3).all()
    assert "Benjamini-Yekutieli" in strict.text
    with pytest.raises(ipo.BadOption, match="'BH' or 'BY'"):
        ipo.weigh_links(sample.ipo_map, sample.panel, correction="none")


def test_one_thing_measured_twice_is_asked_about_and_not_tested():
    weeks = pd.period_range("2022-01-03", periods=150, freq="W-SUN", name="period")
    once = np.random.default_rng(1).normal(size=150).cumsum()
    twice = 2 * once + 0.1 * np.random.default_rng(2).normal(size=150)
    metrics = [{"name": "Once", "stage": "process"}, {"name": "Twice", "stage": "outcome"}]
    ipo_map = ipo.IPOMap(metrics, [{"cause": "Once", "effect": "Twice"}], cadence="weekly")
    frame = pd.DataFrame({"week": weeks.start_time, "Once": once, "Twice": twice})
    profile = ipo.weigh_links(ipo_map, ipo.read_series(frame, ipo_map)).profile("Once", "Twice")
    assert profile.verdict == "cannot_tell"
    assert "one thing measured twice" in profile.text
