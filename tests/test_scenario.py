"""Scenarios: a change travels along shown links at their pace, inside what was seen; whom it hurts is said."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb import scenario
from ipo_nb.evidence import Evidence
from ipo_nb.panel import Panel
from ipo_nb.verdicts import LagProfile

METRICS = [
    {"name": "Staff", "stage": "input", "unit": "agents", "controllable": 3},
    {"name": "Wait", "stage": "process", "unit": "minutes", "better": "lower"},
    {"name": "Cost", "stage": "outcome", "unit": "euros", "better": "lower", "team": "Finance"},
    {"name": "Satisfaction", "stage": "outcome", "unit": "points", "better": "higher"},
    {"name": "Posters", "stage": "input", "controllable": 3},
]


def late(lag: int, size: float) -> tuple[float, ...]:
    return tuple(size * (ahead >= lag) for ahead in range(27))


LINKS: dict[tuple[str, str], dict[str, Any]] = {
    ("Staff", "Wait"): {"estimate": -0.1, "lag": 1, "response": late(1, -0.1)},
    ("Wait", "Satisfaction"): {"estimate": -0.2, "lag": 2, "response": late(2, -0.2)},
    ("Staff", "Cost"): {"estimate": 50.0, "lag": 0, "response": late(0, 50.0)},
    ("Posters", "Satisfaction"): {"estimate": 0.1, "lag": 0, "verdict": "not_enough_data", "grade": "D"},
}


def evidence_of(links: dict[tuple[str, str], dict[str, Any]] = LINKS, units: int = 0) -> Evidence:
    """Evidence made by hand; series run up and down between 0 and 20, and are 10 of late."""
    ipo_map = ipo.IPOMap(METRICS, [{"cause": a, "effect": b} for a, b in links])
    weeks = pd.period_range("2022-01-03", periods=104, freq="W-SUN", name="period")
    course = np.tile(np.linspace(0, 20, 13), 8)
    values = pd.DataFrame({metric.name: course for metric in ipo_map.metrics}, index=weeks)
    if units:
        values = pd.concat({f"site {k}": values + 100 * k for k in range(units)}, names=["unit", "period"])
    profiles = {}
    for (cause, effect), said in links.items():
        size = said["estimate"]
        given = {
            "low": size - 0.2 * abs(size),
            "high": size + 0.2 * abs(size),
            "verdict": "supported",
            "grade": "B",
        }
        profiles[cause, effect] = LagProfile(cause, effect, "?", (0, 4), "weekly", pd.DataFrame(), **(given | said))
    return Evidence(ipo_map, Panel.of(values), profiles)


def course_of(scenario: ipo.Scenario, name: str) -> pd.DataFrame:
    return scenario.table[scenario.table["metric"] == name].set_index("period_ahead")


def test_a_change_travels_along_paths_at_the_pace_of_the_links() -> None:
    scenario = ipo.run_scenario(evidence_of(), {"staff": 5}, horizon=8)
    assert list(course_of(scenario, "Staff")["estimate"]) == [5.0] * 9
    assert course_of(scenario, "Wait")["estimate"].tolist() == pytest.approx([0, *[-0.5] * 8])
    assert course_of(scenario, "Satisfaction")["estimate"].tolist() == pytest.approx([0, 0, 0, *[0.1] * 6])
    assert list(scenario.summary.set_index("metric")["shows_by"]) == [0, 1, 0, 3]


def test_the_first_sure_period_has_its_date() -> None:
    evidence = evidence_of()
    summary = ipo.run_scenario(evidence, {"Staff": 5}).summary.set_index("metric")
    assert evidence.panel.values.index[-1].end_time.isocalendar()[:2] == (2023, 52)
    assert summary["shows_on"].to_dict() == {
        "Staff": "2023-W52",
        "Wait": "2024-W01",
        "Cost": "2023-W52",
        "Satisfaction": "2024-W03",
    }
    short = ipo.run_scenario(evidence, {"Staff": 5}, horizon=2).summary.set_index("metric").loc["Satisfaction"]
    assert math.isnan(short["shows_by"])
    assert short["shows_on"] == ""


def afresh(evidence: Evidence) -> Evidence:
    """The same evidence, of which nothing was asked yet."""
    return replace(evidence)


SLIDES: list[tuple[dict[str, float], int]] = [
    ({"Staff": 5}, 26),
    ({"Staff": -2}, 26),
    ({"Staff": -2, "Wait": 1}, 26),
    ({"Staff": 4, "Wait": -1}, 26),
    ({"Wait": -1, "Staff": 4}, 26),
    ({"Wait": -1, "Staff": 0}, 8),
    ({"Staff": 5}, 8),
]


def test_what_was_asked_before_changes_no_number() -> None:
    links = LINKS | {("Wait", "Cost"): {"estimate": 2.0, "lag": 1, "response": late(1, 2.0)}}
    evidence = evidence_of(links)
    for changes, horizon in SLIDES:
        again, anew = (ipo.run_scenario(e, changes, horizon=horizon) for e in (evidence, afresh(evidence)))
        pd.testing.assert_frame_equal(again.table, anew.table)
        pd.testing.assert_frame_equal(again.summary, anew.summary)
        assert again.text == anew.text


def test_another_evidence_is_never_answered_with_what_is_remembered() -> None:
    evidence = evidence_of()
    before = ipo.run_scenario(evidence, {"Staff": 5}).summary.set_index("metric")
    profiles = evidence.profiles | {
        ("Staff", "Wait"): replace(evidence.profile("Staff", "Wait"), verdict="cannot_tell")
    }
    weaker = ipo.run_scenario(replace(evidence, profiles=profiles), {"Staff": 5}).summary.set_index("metric")
    assert list(weaker.index) == ["Staff", "Cost"]
    pd.testing.assert_frame_equal(ipo.run_scenario(evidence, {"Staff": 5}).summary.set_index("metric"), before)


def test_the_memory_ends_with_its_evidence_and_holds_one_set_of_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = evidence_of()
    for changes, horizon in SLIDES:
        ipo.run_scenario(evidence, changes, horizon=horizon)
    memory = scenario._MEMORIES[evidence]
    assert memory.routes is not None
    assert (memory.routes.asked[1:], set(memory.seen)) == ((("Staff",), 8), {"Staff", "Wait", "Cost", "Satisfaction"})
    monkeypatch.setattr(scenario, "MOST_KEPT", -1)
    ipo.run_scenario(evidence, {"Wait": -1})
    assert memory.routes is None
    gone = ref(evidence)
    del evidence
    gc.collect()
    assert gone() is None


def test_changes_are_linear_and_add_up() -> None:
    evidence = evidence_of()
    one, two = (ipo.run_scenario(evidence, {"Staff": size}).summary.set_index("metric") for size in (2, 4))
    assert two["estimate"].to_numpy() == pytest.approx(2 * one["estimate"].to_numpy())
    assert two["low"].to_numpy() == pytest.approx(2 * one["low"].to_numpy())


def test_a_single_link_keeps_its_own_interval() -> None:
    row = ipo.run_scenario(evidence_of(), {"Wait": -1}).summary.set_index("metric").loc["Satisfaction"]
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((0.2, 0.16, 0.24), abs=1e-3)


def test_a_metric_that_is_put_somewhere_stays_there() -> None:
    scenario = ipo.run_scenario(evidence_of(), {"Staff": 5, "Wait": 1})
    assert set(course_of(scenario, "Wait")["estimate"]) == {1.0}
    assert scenario.summary.set_index("metric").loc["Satisfaction", "estimate"] == pytest.approx(-0.2)


def test_what_was_not_shown_is_not_followed() -> None:
    scenario = ipo.run_scenario(evidence_of(), {"Posters": 1})
    assert set(scenario.table["metric"]) == {"Posters"}
    assert scenario.text == (
        "Changing Posters by +1 moves nothing else: no link of grade C or better leads on from there."
    )
    only_d = LINKS | {("Staff", "Wait"): LINKS["Staff", "Wait"] | {"grade": "D"}}
    assert set(ipo.run_scenario(evidence_of(only_d), {"Staff": 1}).table["metric"]) == {"Staff", "Cost"}


def test_guardrails_that_are_hurt_are_named() -> None:
    scenario = ipo.run_scenario(evidence_of(), {"Staff": 5}, horizon=12)
    assert "Hurt: Cost." in scenario.text
    assert "Cost +250 euros (200 to 300) after 12 weeks, showing in the same week" in scenario.text
    assert list(scenario.summary.set_index("metric")["harmed"]) == [False, False, True, False]


def test_a_level_that_the_data_have_not_seen_is_refused_with_the_range() -> None:
    with pytest.raises(ipo.OutOfRange, match=r"stands at 10 agents of late and was seen from 0 to 20.*−10 to \+10"):
        ipo.run_scenario(evidence_of(), {"Staff": 11})


def test_with_units_the_range_is_the_typical_units_own() -> None:
    evidence = evidence_of(units=5)
    assert "in each unit" in ipo.run_scenario(evidence, {"Staff": 9}).text
    with pytest.raises(ipo.OutOfRange, match=r"210 agents in the typical unit of late.*from 200 to 220"):
        ipo.run_scenario(evidence, {"Staff": 50})


def test_feedback_ends_at_the_metric_that_is_held_and_is_told() -> None:
    loop = LINKS | {("Wait", "Staff"): {"estimate": 0.5, "lag": 1, "response": late(1, 0.5)}}
    scenario = ipo.run_scenario(evidence_of(loop), {"Staff": 5})
    assert set(course_of(scenario, "Staff")["estimate"]) == {5.0}
    assert "Feedback left out: Wait → Staff." in scenario.text


def test_a_passing_effect_has_a_band_while_it_lasts() -> None:
    passing = tuple([0.0, 1.0, 0.5] + [0.0] * 24)
    links = {("Staff", "Cost"): {"estimate": 0.0, "low": -0.2, "high": 0.2, "lag": 1, "response": passing}}
    scenario = ipo.run_scenario(evidence_of(links), {"Staff": 1}, horizon=40)
    course = course_of(scenario, "Cost")
    assert course.loc[1, "low"] < 1 < course.loc[1, "high"]
    assert course.loc[40, "estimate"] == 0


@pytest.mark.parametrize(
    ("changes", "horizon", "words"),
    [
        ({}, 26, "changes nothing"),
        ({"Staff": math.nan}, 26, "no number"),
        ({"Staff": "5"}, 26, "no number"),
        ({"Staff": 5, "staff": 4}, 26, "twice"),
        ({"Staff": 1}, 0, "horizon 0"),
        ({"Staff": 1}, 2.5, "horizon 2.5"),
    ],
)
def test_a_scenario_that_means_nothing_is_refused(changes: Any, horizon: Any, words: str) -> None:
    with pytest.raises(ipo.BadOption, match=words):
        ipo.run_scenario(evidence_of(), changes, horizon=horizon)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(ipo.UnknownMetric, match="Did you mean 'Staff'"):
        ipo.run_scenario(evidence_of(), {"Staf": 1})


def test_the_smallest_change_that_reaches_a_target_is_found() -> None:
    scenario = ipo.reach_target(evidence_of(), "Satisfaction", 10.1)
    assert scenario.changes == pytest.approx({"Staff": 5})
    assert scenario.summary.set_index("metric").loc["Satisfaction", "estimate"] == pytest.approx(0.1)
    assert ipo.reach_target(evidence_of(), "Satisfaction", 10.1, metric="wait").changes == pytest.approx({"Wait": -0.5})


def test_a_target_is_reached_the_same_with_one_metric_named_or_all_tried() -> None:
    loop = {("Wait", "Staff"): {"estimate": 0.5, "lag": 1, "response": late(1, 0.5)}}
    evidence = evidence_of(LINKS | loop | {("Posters", "Wait"): {"estimate": -0.1, "response": late(1, -0.1)}})
    found = ipo.reach_target(evidence, "Satisfaction", 10.1)
    [(name, by)] = found.changes.items()
    named = [ipo.reach_target(evidence, "Satisfaction", 10.1, metric=lever) for lever in ("Staff", "Posters")]
    assert abs(by) == pytest.approx(min(abs(next(iter(one.changes.values()))) for one in named))
    assert ipo.reach_target(evidence, "Satisfaction", 10.1, metric=name).changes == pytest.approx(found.changes)
    assert ipo.run_scenario(evidence, found.changes).summary.set_index("metric").loc[
        "Satisfaction", "estimate"
    ] == pytest.approx(0.1)


def test_a_target_out_of_reach_says_how_far_one_gets() -> None:
    with pytest.raises(ipo.OutOfRange, match=r"from 10 to 11 points.*Staff by \+10 gets it to 10\.2"):
        ipo.reach_target(evidence_of(), "Satisfaction", 11)
    with pytest.raises(ipo.NotIdentified, match="leads surely from Posters to Satisfaction"):
        ipo.reach_target(evidence_of(), "Satisfaction", 10.1, metric="Posters")
    with pytest.raises(ipo.NotIdentified, match="within 2 periods"):
        ipo.reach_target(evidence_of(), "Satisfaction", 10.1, horizon=2)
    with pytest.raises(ipo.BadOption, match="stands at 10 points of late: 9 is met already"):
        ipo.reach_target(evidence_of(), "Satisfaction", 9)
    with pytest.raises(ipo.BadOption, match=r"horizon 2\.5"):
        ipo.reach_target(evidence_of(), "Satisfaction", 10.1, horizon=2.5)  # type: ignore[arg-type]


def test_a_simulated_system_moves_as_it_was_planted() -> None:
    sample = ipo.simulate_system(seed=1)
    evidence = ipo.weigh_links(sample.ipo_map, sample.panel)
    before = sample.panel.values.copy()
    scenario = ipo.run_scenario(evidence, {"Staff hours": 10})
    row = scenario.summary.set_index("metric").loc["Satisfaction"]
    assert row["low"] < 10 * 0.06 * 0.12 < row["high"]
    assert row["shows_by"] in (2, 3)
    pd.testing.assert_frame_equal(scenario.table, ipo.run_scenario(evidence, {"Staff hours": 10}).table)
    pd.testing.assert_frame_equal(sample.panel.values, before)
