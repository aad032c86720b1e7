"""The screen: exact, honest about what it is, the same numbers whatever the order, the gaps or the processes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import ipo_nb as ipo
from ipo_nb.panel import Panel
from ipo_nb.screen import Screen, bare_map, evened, innovations, screen_links

WEEKS = pd.period_range("2020-01-06", periods=160, freq="W-SUN")
SAYS = ["cause", "effect", "lag", "sign"]


def panel_of(values: np.ndarray, names: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> Panel:
    index = WEEKS[: len(values)]
    return Panel.of(pd.DataFrame(values, index=index, columns=list(names)[: values.shape[1]]))


def walks(seed: int, *, count: int = 5, periods: int = 160) -> np.ndarray:
    """Random walks with a season, the second of them moved by the first, three weeks later."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(periods, count)).cumsum(axis=0) + 3 * np.cos(np.arange(periods) / 8.3)[:, None]
    values[3:, 1] -= values[:-3, 0]
    return values


def terms(periods: int, pairs: int) -> np.ndarray:
    angles = np.arange(periods)[:, None] * np.arange(1, pairs + 1) * 2 * np.pi * 7 / 365.25
    return np.column_stack([np.ones(periods), np.arange(periods), np.cos(angles), np.sin(angles)])


def news_by_statsmodels(series: np.ndarray) -> np.ndarray:
    """Every number of harmonics and own lags tried, one regression each; 160 weeks."""
    past = np.column_stack([pd.Series(series).shift(lag) for lag in range(9)])
    rows = np.isfinite(past).all(axis=1)
    y, own, n = past[rows, 0], past[rows, 1:], rows.sum()
    fits = [sm.OLS(y, np.column_stack([terms(160, pairs)[rows], own[:, :1]])).fit() for pairs in range(7)]
    fixed = terms(160, int(np.argmin([fit.bic for fit in fits])))[rows]
    fits = [sm.OLS(y, np.column_stack([fixed, own[:, :order]])).fit() for order in range(9)]
    sizes = [fit.df_model + 1 for fit in fits]
    aicc = [n * np.log(fit.ssr / n) + 2 * k * n / (n - k - 1) for fit, k in zip(fits, sizes, strict=True)]
    news = np.full(160, np.nan)
    news[rows] = fits[int(np.argmin(aicc))].resid
    return news


def pair_by_statsmodels(cause: np.ndarray, effect: np.ndarray, max_lag: int) -> dict[str, float]:
    """The regression of one pair, as an analyst would write it."""
    square = pd.Series(cause**2)
    near = square.rolling(13, min_periods=1, center=True).mean()
    moves = pd.Series(cause / np.sqrt(0.95 * near + 0.05 * square.mean()))
    lags = np.column_stack([moves.shift(lag) for lag in range(max_lag + 1)])
    rows = np.isfinite(lags).all(axis=1) & np.isfinite(effect)
    fit = sm.OLS(effect[rows], np.column_stack([lags, terms(160, 6)])[rows]).fit()
    t = fit.tvalues[: max_lag + 1]
    joint = fit.f_test(np.eye(max_lag + 1, fit.params.size))
    lag = int(np.argmax(np.abs(t)))
    return {"lag": lag, "F": joint.fvalue, "p_value": joint.pvalue, "n_periods": fit.nobs, "rises": t[lag] > 0}


@pytest.mark.parametrize("gaps", [False, True])
def test_every_pair_is_the_regression_that_statsmodels_makes_of_it(gaps: bool) -> None:
    values = walks(1)
    if gaps:
        values[:9, 0] = values[70:72, 1] = values[150:, 4] = np.nan
    table = screen_links(panel_of(values), max_lag=4, level=0.9999).table
    news = dict(zip("ABCDE", (news_by_statsmodels(series) for series in values.T), strict=True))
    assert len(table) >= 15
    for row in table.to_dict("records"):
        known = pair_by_statsmodels(news[row["cause"]], news[row["effect"]], 4)
        assert [row["lag"], row["n_periods"], row["sign"] == "+"] == [known["lag"], known["n_periods"], known["rises"]]
        assert row["F"] == pytest.approx(known["F"], rel=1e-8)
        assert row["p_value"] == pytest.approx(known["p_value"], rel=1e-8)


def test_q_values_count_every_pair_that_was_tested() -> None:
    panel = panel_of(walks(2))
    whole = screen_links(panel, max_lag=4, level=0.9999)
    known = pd.Series(whole.table["p_value"]) * whole.n_pairs / np.arange(1, len(whole.table) + 1)
    expected = known[::-1].cummin()[::-1].clip(upper=1.0)
    np.testing.assert_allclose(whole.table["q_value"], expected, rtol=1e-12)
    strict = screen_links(panel, max_lag=4, level=0.05).table
    pd.testing.assert_frame_equal(strict, whole.table[whole.table["q_value"] <= 0.05])


def test_planted_links_come_first_with_lag_and_sign(support: ipo.Sample) -> None:
    truth = support.truth[support.truth["kind"].isin(["link", "conflict"])]
    table = screen_links(support.panel, max_lag=8).table
    found = {(cause, effect): (lag, sign) for cause, effect, lag, sign in table[SAYS].to_numpy().tolist()}
    hits = [row for row in truth.to_dict("records") if (row["cause"], row["effect"]) in found]
    assert len(hits) >= 0.9 * len(truth)
    assert all(found[row["cause"], row["effect"]] == (row["lag"], row["sign"]) for row in hits)


def test_unrelated_series_pass_as_seldom_as_is_said() -> None:
    values = np.hstack([walks(seed, count=20)[:, 2:] for seed in range(3)])  # 54 walks with a common season
    names = [f"walk {number}" for number in range(54)]
    panel = Panel.of(pd.DataFrame(values, index=WEEKS, columns=names))
    assert len(screen_links(panel, max_lag=8).table) <= 2
    alone = screen_links(panel, max_lag=8, level=0.9999).table["p_value"]
    assert 0.03 < (alone < 0.05).sum() / (54 * 53) < 0.07
    assert (alone < 0.001).sum() / (54 * 53) < 0.004


def test_what_swells_in_both_makes_no_candidates() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(160, 26)) * np.where(np.arange(160) < 80, 1.0, 3.0)[:, None]
    alone = screen_links(panel_of(values), max_lag=8, level=0.9999).table["p_value"]
    assert (alone < 0.05).sum() / (26 * 25) < 0.10  # .24 without evening


def test_news_hold_nothing_of_their_own_past() -> None:
    news = innovations(walks(4).T, season=52)
    lagged = [np.corrcoef(one[8:-1], one[9:])[0, 1] for one in news]
    assert np.abs(lagged).max() < 0.15
    assert np.isnan(news[:, :8]).all()
    assert np.isfinite(news[:, 8:]).all()
    assert (np.abs(np.nanmean(evened(news) ** 2, axis=1) - 1) < 0.1).all()


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(5)), st.lists(st.sampled_from([-1e6, -3.0, 0.25, 1e5]), min_size=5, max_size=5))
def test_order_units_and_offsets_change_no_number(order: list[int], scales: list[float]) -> None:
    values = walks(3)
    before = screen_links(panel_of(values), max_lag=3, level=0.9).table
    moved = panel_of(values[:, order] * scales + 1e3, "".join("ABCDE"[place] for place in order))
    after = screen_links(moved, max_lag=3, level=0.9).table
    turned = {"ABCDE"[place] for place, scale in zip(order, scales, strict=True) if scale < 0}
    assert before[["cause", "effect", "lag"]].equals(after[["cause", "effect", "lag"]])
    np.testing.assert_allclose(before["F"], after["F"], rtol=1e-8)
    flipped = (before["sign"] == after["sign"]) == (before["cause"].isin(turned) == before["effect"].isin(turned))
    assert flipped.all()


def test_a_billion_more_on_every_value_changes_nothing_but_the_rounding() -> None:
    values = (walks(5) + 1e9) - 1e9  # what is left of them beside it
    near, far = (screen_links(panel_of(values + offset), max_lag=4, level=0.9).table for offset in (0.0, 1e9))
    np.testing.assert_allclose(near["F"], far["F"], rtol=1e-9)
    tiny = screen_links(panel_of(values * 1e-200), max_lag=4, level=0.9).table
    np.testing.assert_allclose(near["F"], tiny["F"], rtol=1e-9)


def test_processes_change_no_digit() -> None:
    panel = panel_of(walks(6, count=26))
    one, two = (screen_links(panel, max_lag=4, level=0.5, n_jobs=jobs).table for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_the_map_and_its_formulas_are_left_to_weigh_links(support: ipo.Sample) -> None:
    screen = screen_links(support.panel, max_lag=8, ipo_map=support.ipo_map)
    found = {frozenset(pair) for pair in screen.table[["cause", "effect"]].to_numpy().tolist()}
    assert not found & {frozenset((link.cause, link.effect)) for link in support.ipo_map.links}
    assert not found & {
        frozenset((row.name, part)) for row in support.ipo_map.metrics for part in support.ipo_map.parts(row.name)
    }
    suggested = screen.links(3)
    assert [link.why for link in suggested] == [""] * len(suggested)
    grown = support.ipo_map
    for link in suggested:
        assert link.lag[0] <= int(screen.table.set_index(["cause", "effect"]).loc[(link.cause, link.effect), "lag"])
        grown = grown.with_link(link)
    assert len(grown.links) == len(support.ipo_map.links) + len(suggested)


def test_arithmetic_and_copies_are_told_not_suggested() -> None:
    values = walks(7).round(2)
    values[:, 3] = (values[:, 1] + values[:, 2]).round(2)
    values[2:, 4] = 1.8 * values[:-2, 0] + 32
    screen = screen_links(panel_of(values), max_lag=4)
    found = {frozenset(pair) for pair in screen.table[["cause", "effect"]].to_numpy().tolist()}
    assert frozenset("AB") in found
    assert not found & {frozenset("BC"), frozenset("BD"), frozenset("CD"), frozenset("AE")}
    assert "B + C" in screen.text
    assert "E = A rescaled, 2 periods later" in screen.text
    assert screen.n_pairs == 20 - 6 - 2


def test_suggestions_keep_the_stronger_direction() -> None:
    table = pd.DataFrame([["A", "B", 0, "+"], ["B", "A", 0, "+"], ["C", "B", 5, "-"]], columns=SAYS)
    links = Screen(table, 8, "weekly", 0.1, n_pairs=6).links()
    assert [(link.cause, link.effect, link.sign, link.lag) for link in links] == [
        ("A", "B", "+", (0, 1)),
        ("C", "B", "-", (4, 6)),
    ]


def test_text_says_candidates_and_names_what_was_left_out() -> None:
    values = walks(9)
    values[:, 2] = 7.0
    values[:140, 3] = np.nan
    values[:, 4] = np.arange(160)
    screen = screen_links(panel_of(values), max_lag=4)
    assert "Candidates to think about, not links" in screen.text
    assert "a reason, a declared window and a test on other data" in screen.text
    assert screen.left_out == {
        "C": "it never moves",
        "D": "12 usable periods, 30 are needed",
        "E": "trend, season and its own past say it all",
    }
    assert screen.n_pairs == 2


def test_pairs_that_hardly_overlap_are_counted_not_tested() -> None:
    values = walks(10)
    values[80:, 2], values[:80, 3] = np.nan, np.nan
    screen = screen_links(panel_of(values), max_lag=4)
    assert (screen.n_pairs, screen.n_untested) == (18, 2)
    assert "2 pairs with too little to go by" in screen.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_lag": -1}, "max_lag is -1"),
        ({"max_lag": 2.5}, "max_lag is 2.5"),
        ({"max_lag": 4, "level": 5}, "such as 0.10"),
        ({"max_lag": 4, "n_jobs": 0}, "n_jobs is 0"),
    ],
)
def test_an_option_outside_its_meaning_is_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(ipo.BadOption, match=words):
        screen_links(panel_of(walks(1)), **options)


def test_with_units_the_planted_links_are_candidates_within_them() -> None:
    sample = ipo.load_sample("hospital")
    truth = sample.truth[sample.truth["kind"] == "link"]
    names = list(dict.fromkeys([*truth["cause"], *truth["effect"]]))
    screen = screen_links(Panel.of(sample.panel.values[names]), max_lag=3)
    found = screen.table.set_index(["cause", "effect"])
    planted = found.loc[list(zip(truth["cause"], truth["effect"], strict=True))]
    assert (abs(planted["lag"].to_numpy() - truth["lag"].to_numpy()) <= 1).all()
    assert "within 24 units" in screen.text
    assert "F" not in found
    assert screen.n_units == 24


def test_with_units_the_share_is_that_of_the_movement_within_them() -> None:
    rng = np.random.default_rng(5)
    months = pd.period_range("2016-01", periods=60, freq="M")
    index = pd.MultiIndex.from_product([[f"ward {k}" for k in range(20)], months], names=["unit", "period"])
    cause, noise = rng.normal(size=(2, 20, 60))
    effect = 0.5 * np.roll(cause, 1, axis=1) + noise  # a fifth of what moves it
    levels = rng.normal(size=(20, 1)) * 10
    frame = pd.DataFrame({"A": (cause + levels).ravel(), "B": (effect - levels).ravel()}, index)
    screen = screen_links(Panel.of(frame), max_lag=3)
    row = screen.table.set_index(["cause", "effect"]).loc[("A", "B")]
    assert (row["lag"], row["sign"]) == (1, "+")
    assert row["partial_r2"] == pytest.approx(0.2, abs=0.04)


def test_units_that_share_their_shocks_and_nothing_else_give_no_candidates() -> None:
    rng = np.random.default_rng(3)
    months = pd.period_range("2019-01", periods=48, freq="M")
    index = pd.MultiIndex.from_product([[f"ward {k}" for k in range(14)], months], names=["unit", "period"])
    shocks = rng.normal(size=(5, 1, 48)).cumsum(axis=2)
    values = (rng.normal(size=(5, 14, 48)).cumsum(axis=2) + 3 * shocks).reshape(5, -1)
    screen = screen_links(Panel.of(pd.DataFrame(values.T, index, list("ABCDE"))), max_lag=2)
    assert (screen.n_pairs, len(screen.table)) == (20, 0)


def test_too_short_a_panel_is_refused_with_what_is_needed() -> None:
    with pytest.raises(ipo.NotEnoughData, match="30 common periods beyond the longest lag"):
        screen_links(panel_of(walks(1, periods=45)), max_lag=20)


def test_nothing_given_is_changed() -> None:
    panel = panel_of(walks(1))
    before = panel.values.copy()
    screen_links(panel, max_lag=4)
    pd.testing.assert_frame_equal(panel.values, before, check_exact=True)


def test_series_are_read_before_a_map_is_drawn(support: ipo.Sample) -> None:
    bare = bare_map(ipo.sample_folder("support") / "series.csv")
    panel = ipo.read_series(ipo.sample_folder("support") / "series.csv", bare)
    shared = list(bare.names)
    pd.testing.assert_frame_equal(panel.values, support.panel.values[shared])
    assert bare.cadence == "weekly"
    long = support.panel.values[shared[:3]].reset_index().melt("period", var_name="metric")
    long["period"] = long["period"].astype(str).str[:10]
    assert bare_map(long).names == tuple(shared[:3])
    assert ipo.read_series(long, bare_map(long)).values.shape == support.panel.values[shared[:3]].shape


def test_wards_in_a_file_without_a_map_are_units() -> None:
    series = ipo.sample_folder("hospital") / "series.csv"
    panel = ipo.read_series(series, bare_map(series))
    assert (panel.cadence, panel.units[:2]) == ("monthly", ("Alder", "Ash"))


def test_a_name_that_is_a_formula_is_guarded_in_csv() -> None:
    table = pd.DataFrame([["=cmd()", "B", 0, "+"]], columns=SAYS)
    assert Screen(table, 8, "weekly", 0.1, n_pairs=6).to_csv().splitlines()[1] == "'=cmd(),B,0,+"
