"""Drivers are ranked as far as the data can; conflicts and accountability say what the links say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.drivers import amount_of, judged_on, levels, per_hundred, sized, when
from ipo_nb.evidence import Evidence
from ipo_nb.panel import Panel
from ipo_nb.shares import MOST_EXACT, lmg
from ipo_nb.verdicts import LagProfile


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


@pytest.mark.parametrize(("count", "said"), [(17, "All claimed"), (25, "Shares are sampled, ±")])
def test_many_drivers_are_ranked_and_the_text_says_if_shares_are_sampled(count: int, said: str) -> None:
    drivers = ipo.rank_drivers(evidence_of({(f"x{k}", "y"): {"estimate": 0.3, "lag": 0} for k in range(count)}), "y")
    assert drivers.table["share"].sum() == pytest.approx(1)
    assert (drivers.table["share_low"] >= 0).all()
    assert said in drivers.text
    assert (drivers.share_error > 0) == ("sampled" in drivers.text) == (count > MOST_EXACT)


def test_more_drivers_than_the_rows_can_carry_leave_a_table_without_shares() -> None:
    drivers = ipo.rank_drivers(evidence_of({(f"x{k}", "y"): 0.3 for k in range(80)}), "y")
    assert drivers.table["share"].isna().all()
    assert "rows cannot carry 240 columns" in drivers.text


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


def test_amounts_and_times_read_well() -> None:
    assert [amount_of(1, "minutes"), amount_of(0.21, "points"), amount_of(10, "%"), amount_of(2, "")] == [
        "1 minute",
        "0.21 points",
        "10 percentage points",
        "2 units",
    ]
    assert (per_hundred(0.342), per_hundred(0.9991)) == ("34 %", "over 99 %")
    assert [when(0, "weekly"), when(1, "monthly"), when(4, "weekly")] == [
        "in the same week",
        "the month after",
        "four weeks later",
    ]


def test_a_level_of_late_does_not_lag_behind_a_trend() -> None:
    rising = evidence_of(CALLS, SUPPORT, dict.fromkeys((metric["name"] for metric in SUPPORT), np.arange(208.0)))
    assert levels(rising.panel, "Satisfaction").tolist() == [[201.0, 0.0, 207.0]]  # the mean of 13 weeks


@pytest.mark.parametrize(("units", "rows_together"), [(0, 1), (4, 4), (12, 56)])  # lags take 4 of 60
def test_shares_are_drawn_by_row_or_with_units_by_unit_or_if_these_are_few_by_period(
    units: int, rows_together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = ipo.simulate_system(units=[f"site {k}" for k in range(units)], periods=60)
    drawn: dict[str, Any] = {}
    monkeypatch.setattr("ipo_nb.drivers.lmg", lambda *given, **said: drawn.update(said) or lmg(*given, **said))
    ipo.rank_drivers(ipo.weigh_links(sample.ipo_map, sample.panel), "Satisfaction")
    assert pd.Series(drawn["clusters"]).value_counts().median() == rows_together


def test_sizes_show_as_many_digits_as_their_interval_is_worth() -> None:
    assert sized(0.000123, 0.00010, 0.00015) == "+0.00012 (0.00010 to 0.00015)"
    assert sized(1234.5, 900, 1500, unit="euros") == "+1,234 euros (900 to 1,500)"
    assert sized(-0.04, -0.4, 0.3, unit="%") == "0.0 percentage points (−0.4 to 0.3)"
