"""Drivers: shares are exact, paths add up once, conflicts and accountability say what the links say."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.drivers import MOST_EXACT, Web, convolved, judged_on, link_draws, lmg, path_effects, sized
from ipo_nb.evidence import Evidence
from ipo_nb.lags import LagProfile
from ipo_nb.panel import Panel


def random_blocks(widths: list[int], n: int = 60, seed: int = 1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    shared = draw.normal(size=n)
    blocks = {f"x{k}": draw.normal(size=(n, width)) + shared[:, None] for k, width in enumerate(widths)}
    return sum(block.sum(axis=1) for block in blocks.values()) + 3 * draw.normal(size=n), blocks


def r2(outcome: np.ndarray, columns: list[np.ndarray]) -> float:
    design = np.column_stack([np.ones(len(outcome)), *columns])
    left = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
    return 1 - left @ left / ((outcome - outcome.mean()) ** 2).sum()


def over_all_orders(outcome: np.ndarray, blocks: dict[str, np.ndarray]) -> np.ndarray:
    names, gains = list(blocks), dict.fromkeys(blocks, 0.0)
    for order in permutations(names):
        for at, name in enumerate(order):
            before, after = ([blocks[k] for k in order[:end]] for end in (at, at + 1))
            gains[name] += r2(outcome, after) - r2(outcome, before)
    return np.array([gains[name] for name in names]) / math.factorial(len(names))


def evidence_of(
    links: dict[tuple[str, str], Any],
    metrics: list[dict[str, Any]] | None = None,
    series: Any = None,
    **head: Any,
) -> Evidence:
    """Evidence made by hand: (cause, effect) -> estimate, or a dict of what the profile should say."""
    names = list(dict.fromkeys(name for pair in links for name in pair))
    last = next((effect for _, effect in reversed(links)), "")
    metrics = metrics or [{"name": name, "stage": "outcome" if name == last else "process"} for name in names]
    ipo_map = ipo.IPOMap(metrics, [{"cause": a, "effect": b} for a, b in links], **head)
    weeks = pd.period_range("2022-01-03", periods=208, freq="W-SUN")
    draw = np.random.default_rng(5)
    values = {metric.name: 10 + draw.normal(size=208) for metric in ipo_map.metrics} if series is None else series
    profiles = {}
    for (cause, effect), said in links.items():
        said = said if isinstance(said, dict) else {"estimate": said}
        size = said.get("estimate", math.nan)
        given = {"low": size - 0.1 * abs(size), "high": size + 0.1 * abs(size), "lag": 1, "n_periods": 208}
        given |= {"verdict": "supported", "grade": "B", **said}
        table = pd.DataFrame({"lag": [0, 1]})
        profiles[cause, effect] = LagProfile(cause, effect, "?", (0, 2), "weekly", table, **given)
    return Evidence(ipo_map, Panel.of(pd.DataFrame(values, index=weeks)), profiles)


SUPPORT = [
    {"name": "Coaching hours", "stage": "input", "team": "Quality", "unit": "hours", "controllable": 3},
    {
        "name": "Handle minutes",
        "stage": "process",
        "team": "Support",
        "unit": "minutes",
        "better": "lower",
        "controllable": 2,
    },
    {"name": "Satisfaction", "stage": "outcome", "team": "Customer", "unit": "points", "better": "higher"},
]
CALLS = {
    ("Coaching hours", "Handle minutes"): {"estimate": 0.5, "lag": 1},
    ("Handle minutes", "Satisfaction"): {"estimate": 0.2, "lag": 4},
}


@pytest.mark.parametrize("widths", [[1], [2, 1], [1, 2, 3, 1], [1, 1, 2, 1, 1, 2]])
def test_shares_equal_the_average_over_all_orders(widths: list[int]) -> None:
    outcome, blocks = random_blocks(widths)
    assert lmg(outcome, blocks)[0] == pytest.approx(over_all_orders(outcome, blocks), abs=1e-12)


def test_contributions_add_up_to_r2_in_every_resample() -> None:
    outcome, blocks = random_blocks([1, 2, 2])
    gains = lmg(outcome, blocks, resamples=5)
    assert gains[0].sum() == pytest.approx(r2(outcome, list(blocks.values())), abs=1e-12)
    counts = np.random.default_rng(20240229).multinomial(60, np.full(60, 1 / 60), size=5)
    rows = np.repeat(np.arange(60), counts[3])
    taken = {name: block[rows] for name, block in blocks.items()}
    assert gains[4] == pytest.approx(lmg(outcome[rows], taken)[0], abs=1e-10)


def test_shares_do_not_change_with_scale_offset_or_order() -> None:
    outcome, blocks = random_blocks([1, 2, 1])
    plain = lmg(outcome, blocks)[0]
    moved = {name: 1e-6 * block - 1 for name, block in reversed(blocks.items())}
    assert lmg(1e6 * outcome - 1e9, moved)[0][::-1] == pytest.approx(plain, abs=1e-8)


def test_a_column_twice_shares_what_it_explains() -> None:
    outcome, blocks = random_blocks([1, 1])
    twice = lmg(outcome, {"a": blocks["x0"], "b": blocks["x0"], "still": np.ones((60, 1))})[0]
    assert twice[0] == pytest.approx(twice[1], abs=1e-9)
    assert twice.sum() == pytest.approx(r2(outcome, [blocks["x0"]]), abs=1e-9)
    assert twice[2] == 0


def test_too_many_drivers_or_too_few_rows_are_refused_by_name() -> None:
    outcome, blocks = random_blocks([1] * (MOST_EXACT + 1))
    with pytest.raises(ipo.BadOption, match=r"17 drivers are too many .* at most 16"):
        lmg(outcome, blocks)
    with pytest.raises(ipo.NotEnoughData, match="4 rows cannot carry 3 columns"):
        lmg(outcome[:4], {"a": blocks["x0"][:4], "b": np.ones((4, 2))})


def test_a_true_share_is_recovered_and_covered() -> None:
    hits = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        x = draw.normal(size=(200, 2))
        gains = lmg(x @ [2.0, 1.0] + draw.normal(size=200), {"a": x[:, :1], "b": x[:, 1:]}, resamples=199)
        shares = gains[:, 0] / gains.sum(axis=1)
        hits += np.quantile(shares[1:], 0.025) <= 0.8 <= np.quantile(shares[1:], 0.975)
    assert hits >= 34


@pytest.fixture(scope="module")
def starter() -> Evidence:
    sample = ipo.simulate_system(seed=1)
    return ipo.weigh_links(sample.ipo_map, sample.panel)


def test_drivers_rank_what_the_simulation_planted(starter: Evidence) -> None:
    drivers = ipo.rank_drivers(starter, "satisfaction")
    direct = drivers.table[drivers.table["via"] == ""].set_index("driver")
    assert direct["share"].sum() == pytest.approx(1)
    assert set(direct.index[:2]) == {"Resolution", "Wait minutes"}
    assert list(direct["tie_group"]) == [1, 1, 2]
    assert (direct["share_low"] <= direct["share"]).all()
    assert 0.3 < drivers.explained < 0.9
    assert "cannot be ranked" in drivers.text
    assert "Posts" not in drivers.text
    assert len(drivers.sentences) == 2


def test_upstream_metrics_act_through_paths_and_take_no_share(starter: Evidence) -> None:
    upstream = ipo.rank_drivers(starter, "Satisfaction").table.set_index("driver").loc["Staff hours"]
    assert upstream["via"] == "Staff hours → Wait minutes → Satisfaction"
    assert math.isnan(upstream["share"])
    assert upstream["low"] < 0.06 * 0.12 < upstream["high"]
    assert upstream["lag"] == 3


def test_the_same_call_gives_the_same_numbers_and_leaves_its_input_alone(starter: Evidence) -> None:
    before = starter.panel.values.copy(), starter.table
    first, second = (ipo.rank_drivers(starter, "Satisfaction").table for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    ipo.find_conflicts(starter), ipo.accountability(starter)
    pd.testing.assert_frame_equal(starter.panel.values, before[0])
    pd.testing.assert_frame_equal(starter.table, before[1])


def test_an_outcome_without_claims_or_without_numbers_is_said_so() -> None:
    links = {("A", "B"): {"verdict": "identity", "grade": "E", "lag": None}}
    drivers = ipo.rank_drivers(evidence_of(links), "B")
    assert math.isnan(drivers.explained)
    assert drivers.text == "No direct driver of B is shown by the data (1 claimed)."
    assert "(none claimed)" in ipo.rank_drivers(evidence_of(links), "A").text
    with pytest.raises(ipo.UnknownMetric):
        ipo.rank_drivers(evidence_of(links), "C")


def test_more_drivers_than_can_be_ranked_leave_a_table_without_shares() -> None:
    names = [f"x{k}" for k in range(17)]
    drivers = ipo.rank_drivers(evidence_of({(name, "y"): 0.3 for name in names}), "y")
    assert drivers.table["share"].isna().all()
    assert "17 drivers are too many" in drivers.text


def test_a_single_link_gives_its_own_interval_back() -> None:
    evidence = evidence_of({("A", "B"): {"estimate": -2.0, "low": -3.0, "high": -1.8}})
    draws = link_draws(evidence, ("A", "B"))
    assert np.quantile(draws[1:], [0.025, 0.975]) == pytest.approx([-3, -1.8], abs=0.005)
    effect = path_effects(evidence, "a", "b")
    assert (effect.estimate, effect.lag) == (-2.0, 1)
    assert effect.text == "One unit more of A moves B by −2.0 (−3.0 to −1.8): A → B."


def test_what_lies_between_is_counted_once() -> None:
    links = {("x", "m"): 2.0, ("m", "y"): 3.0, ("x", "y"): 7.0, ("w", "x"): 1.0, ("w", "m"): 5.0}
    evidence = evidence_of(links)
    effect = path_effects(evidence, "x", "y")
    assert effect.estimate == pytest.approx(7)
    assert dict(zip(effect.table["via"], effect.table["estimate"], strict=True)) == pytest.approx(
        {"x → m → y": 6, "x → y": 1}
    )
    # w: 1 of x, which has 1 for y itself, and 5 of m in all
    assert path_effects(evidence, "w", "y").estimate == pytest.approx(1 * 1 + 5 * 3)


def test_paths_add_up_to_the_truth_of_a_random_system() -> None:
    draw = np.random.default_rng(3)
    direct = np.triu(draw.normal(size=(6, 6)), 1) * (draw.random((6, 6)) < 0.7)
    total = np.linalg.inv(np.eye(6) - direct)
    names = list("abcdef")
    links = {(names[i], names[j]): total[i, j] for i, j in zip(*np.nonzero(direct), strict=True)}
    evidence = evidence_of(links, [{"name": name, "stage": "process"} for name in names])
    for i, j in zip(*np.triu_indices(6, 1), strict=True):
        assert path_effects(evidence, names[i], names[j]).estimate == pytest.approx(total[i, j], abs=1e-12)


def test_a_loop_back_to_the_source_does_not_matter_and_others_lose_their_weakest_link() -> None:
    loop = {("a", "b"): 2.0, ("b", "a"): 0.5, ("b", "y"): 1.0}
    assert path_effects(evidence_of(loop), "a", "y").estimate == 2.0
    weak = {"estimate": 0.5, "low": -1.0, "high": 2.0}
    links = {("x", "a"): 1.0, ("a", "b"): 2.0, ("b", "a"): weak, ("b", "y"): 1.0}
    evidence = evidence_of(links)
    impulses = {pair: link_draws(evidence, pair)[:, None] for pair in links}
    assert Web.of(impulses, ["x"]).cut == (("b", "a"),)
    assert Web.of(impulses, ["b"]).cut == (("a", "b"),)


def test_responses_follow_one_another_along_the_calendar() -> None:
    first, second = np.array([[0, 1.0, 0.5, 0]]), np.array([[0, 0, 2.0, 0]])
    assert convolved(first, second).tolist() == [[0, 0, 0, 2.0]]


def test_a_kpi_that_harms_an_outcome_is_named_with_probability_delay_and_team() -> None:
    weeks = np.arange(208)
    series = {
        "Coaching hours": weeks % 7,
        "Handle minutes": 9 - weeks / 100 + weeks % 3,
        "Satisfaction": weeks % 5,
    }
    conflicts = ipo.find_conflicts(evidence_of(CALLS, SUPPORT, series))
    row = conflicts.table.iloc[0]
    assert (row["team"], row["metric"], row["outcome"], row["hurt_team"]) == (
        "Support",
        "Handle minutes",
        "Satisfaction",
        "Customer",
    )
    assert row["estimate"] == pytest.approx(-0.2)
    assert (row["delay"], row["probability"]) == (4, 1)
    assert row["improved"] == pytest.approx(1.56, abs=0.05)
    assert row["text"].startswith(
        "Support is judged on shorter Handle minutes. Each minute less costs 0.200 points of Satisfaction four"
        " weeks later (0.180 to 0.220; probability of harm over 99 %)."
    )
    assert conflicts.text.endswith("Hurt: Customer.")


def test_without_a_sure_harm_no_conflict_is_claimed() -> None:
    unsure = CALLS | {("Handle minutes", "Satisfaction"): {"estimate": 0.1, "low": -0.1, "high": 0.3}}
    conflicts = ipo.find_conflicts(evidence_of(unsure, SUPPORT))
    assert conflicts.table.empty
    assert conflicts.text == "No conflict is established. 1 KPI with a shown path to an outcome looked at."
    open_link = CALLS | {("Handle minutes", "Satisfaction"): {"verdict": "not_enough_data", "estimate": 0.1}}
    assert "1 KPI could not be judged" in ipo.find_conflicts(evidence_of(open_link, SUPPORT)).text
    assert "No team is judged" in ipo.find_conflicts(evidence_of({("A", "B"): 1.0})).text


def test_accountability_says_who_moves_what_a_team_is_judged_on() -> None:
    found = ipo.accountability(evidence_of(CALLS, SUPPORT))
    table = found.table.set_index("team")
    assert list(table["judged_on"]) == [0, 1, 1]
    assert list(table["can_move"]) == [0, 1, 0]
    assert table.loc["Customer", "others"] == "Quality, Support"
    assert table.loc["Quality", "moves"] == "Support, Customer"
    assert table.loc["Customer", "text"] == (
        "Customer is judged on Satisfaction. It is shown to move none of this itself."
        " Quality and Support move this too."
    )
    assert found.text.endswith("Shown to move none of its own: Customer.")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"name": "Handle minutes", "unit": "minutes", "better": "lower", "aggregate": "mean"},
            "shorter Handle minutes",
        ),
        ({"name": "Repeat contacts", "better": "lower", "aggregate": "sum"}, "fewer Repeat contacts"),
        ({"name": "Calls scored", "better": "higher", "aggregate": "sum"}, "more Calls scored"),
        ({"name": "Churn", "unit": "percent", "better": "lower"}, "lower Churn"),
    ],
)
def test_what_a_team_is_asked_for_reads_well(said: dict[str, str], words: str) -> None:
    assert judged_on(ipo.Metric(stage="process", **said)) == words


def test_sizes_show_as_many_digits_as_their_interval_is_worth() -> None:
    assert sized(0.000123, 0.00010, 0.00015) == "+0.00012 (0.00010 to 0.00015)"
    assert sized(1234.5, 900, 1500, unit="euros") == "+1,234 euros (900 to 1,500)"
    assert sized(-0.04, -0.4, 0.3, unit="%") == "0.0 percentage points (−0.4 to 0.3)"
