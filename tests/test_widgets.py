"""Widgets are windows: they show what a room owns, hand back what it accepts, and say what it refuses in its words."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.crosslags import cross_lags
from ipo_nb.widgets import DriverExplorer, InventoryEditor, LagExplorer, LinkBoard, ScenarioPanel
from ipo_nb.widgets.window import Window

Explorer = LagExplorer | DriverExplorer | ScenarioPanel


@pytest.fixture(scope="module")
def evidence(support_study: ipo.Study) -> ipo.Evidence:
    return support_study.evidence


@pytest.fixture(scope="module")
def wards() -> ipo.Evidence:
    """The hospital case: a panel with units."""
    case = ipo.load_sample("hospital")
    return ipo.weigh_links(case.ipo_map, case.panel)


@pytest.fixture(params=["one series", "units"])
def either(request: pytest.FixtureRequest, evidence: ipo.Evidence, wards: ipo.Evidence) -> ipo.Evidence:
    return evidence if request.param == "one series" else wards


def say(widget: Window, act: str, **values: object) -> str:
    """A message as the browser sends it; what is told of it."""
    widget._heard(widget, {"act": act, **values}, [])
    return str(widget.told.get("words", ""))


def by_code(widget: Explorer) -> object:
    """What the line that the widget shows gives."""
    return eval(widget.code, {"ipo": ipo, "evidence": widget.evidence})


def states(widget: Window) -> list[str]:
    """All that is sent to the browser, as JSON."""
    names = ("view", "told", "code", "moved", "looked_at")
    return [json.dumps(getattr(widget, name), allow_nan=False) for name in names if hasattr(widget, name)]


# ---- LagExplorer ------------------------------------------------------------------------------------------------


def test_the_lag_explorer_shows_the_link_chosen_and_its_code_gives_the_same(either: ipo.Evidence) -> None:
    explorer = LagExplorer(either)
    assert explorer.link == next(iter(either.profiles))
    for name, _ in explorer.view["links"]:
        say(explorer, "choose", name=name)
        assert explorer.view["link"] == name
        assert explorer.view["words"] == explorer.profile.text == by_code(explorer).text
        assert explorer.profile is either.profile(*explorer.link)
        states(explorer)


def test_a_link_that_is_not_there_is_refused_and_the_last_one_stays(evidence: ipo.Evidence) -> None:
    explorer = LagExplorer(evidence, ("first-contact resolution", "satisfaction"))
    assert explorer.link == ("First-contact resolution", "Satisfaction")
    with pytest.raises(ipo.UnknownLink):
        explorer.link = ("Satisfaction", "Posts")
    assert "Did you mean 'First-contact resolution → Satisfaction'" in say(
        explorer, "choose", name="First-contact resolutio → Satisfaction"
    )
    say(explorer, "choose", name=["x"])
    assert explorer.problem
    assert explorer.link == ("First-contact resolution", "Satisfaction")


def test_the_sliders_move_the_picture_and_not_the_verdict(either: ipo.Evidence) -> None:
    explorer = LagExplorer(either)
    before, view = explorer.profile.text, explorer.view
    say(explorer, "look", most_lag=6, own_lags=2)
    assert explorer.looked_at["lags"] == list(range(7))
    assert explorer.looked_at["own"] == pytest.approx(explorer.looked.table["own"])
    assert (explorer.profile.text, explorer.view) == (before, view)
    (cause, x), (effect, y) = ((name, explorer._series[name].values) for name in explorer.link)
    same = cross_lags((cause, x), (effect, y), cadence=either.panel.cadence,
                      season={"weekly": 52, "monthly": 12}[either.panel.cadence], most_lag=6, own_lags=2,
                      pairs=explorer.looked_at["looked"]["pairs"])  # fmt: skip
    pd.testing.assert_frame_equal(explorer.looked.table, same.table)


@pytest.mark.parametrize(
    "wrong", [{"most_lag": 1_000}, {"own_lags": -1}, {"most_lag": "many"}, {"pairs": -2}, {"pairs": 999}]
)
def test_a_slider_out_of_range_is_refused_and_stays(evidence: ipo.Evidence, wrong: dict[str, object]) -> None:
    explorer = LagExplorer(evidence)
    before = explorer.looked_at
    say(explorer, "look", **wrong)
    assert explorer.problem
    assert explorer.looked_at == before


def test_a_map_without_links_has_nothing_to_explore(support: ipo.Sample) -> None:
    bare = ipo.IPOMap(support.ipo_map.metrics)
    with pytest.raises(ipo.BadOption, match="no links"):
        LagExplorer(ipo.weigh_links(bare, support.panel))


# ---- DriverExplorer ---------------------------------------------------------------------------------------------


def test_the_driver_explorer_ranks_the_outcome_chosen_and_its_code_gives_the_same(either: ipo.Evidence) -> None:
    explorer = DriverExplorer(either)
    for outcome in explorer.view["outcomes"]:
        say(explorer, "choose", outcome=outcome)
        assert (explorer.outcome, explorer.view["outcome"]) == (outcome, outcome)
        pd.testing.assert_frame_equal(explorer.drivers.table, by_code(explorer).table)
        assert [row["driver"] for row in explorer.view["rows"]] == list(explorer.drivers.table["driver"])
        states(explorer)


def test_what_is_no_outcome_is_refused_and_the_last_one_stays(evidence: ipo.Evidence) -> None:
    explorer = DriverExplorer(evidence, "satisfaction")
    assert "Did you mean 'Satisfaction'" in say(explorer, "choose", outcome="Satisfacton")
    assert "is no outcome" in say(explorer, "choose", outcome="Wait minutes")
    with pytest.raises(ipo.BadOption, match="is no outcome"):
        explorer.outcome = "Wait minutes"
    assert explorer.outcome == "Satisfaction"


def test_a_map_without_outcomes_has_no_drivers(support: ipo.Sample) -> None:
    inputs = [metric for metric in support.ipo_map.metrics if metric.stage == "input"]
    with pytest.raises(ipo.BadOption, match="no outcome"):
        DriverExplorer(ipo.weigh_links(ipo.IPOMap(inputs), support.panel))


# ---- ScenarioPanel ----------------------------------------------------------------------------------------------


def test_the_panel_gives_the_scenario_that_its_line_of_code_gives(either: ipo.Evidence) -> None:
    panel = ScenarioPanel(either)
    assert (panel.scenario, panel.code, panel.moved["rows"]) == (None, "", [])
    lever = panel.view["levers"][0]
    say(panel, "move", changes={lever["name"].upper(): lever["max"]}, horizon=12)
    assert panel.changes == {lever["name"]: lever["max"]}
    pd.testing.assert_frame_equal(panel.scenario.table, by_code(panel).table)
    assert panel.scenario.horizon == panel.moved["horizon"] == 12
    assert {len(row["course"]["estimate"]) for row in panel.moved["rows"]} == {13}
    states(panel)
    say(panel, "move", changes={lever["name"]: 0})
    assert (panel.scenario, panel.changes, panel.code) == (None, {}, "")


def test_the_panel_refuses_to_look_where_its_slider_does_not_reach(evidence: ipo.Evidence) -> None:
    with pytest.raises(ipo.BadOption, match="does not look 3 periods ahead"):
        ScenarioPanel(evidence, horizon=3)
    panel = ScenarioPanel(evidence)
    assert "4 to 104" in say(panel, "move", horizon=105)
    assert panel.horizon == panel.moved["horizon"] == 26


def test_each_slider_reaches_exactly_what_was_seen(either: ipo.Evidence) -> None:
    for lever in ScenarioPanel(either).view["levers"]:
        assert lever["min"] < 0 < lever["max"], lever
        for end in ("min", "max"):
            ipo.run_scenario(either, {lever["name"]: lever[end]})


def test_sliders_move_one_at_a_time_and_all_go_back(evidence: ipo.Evidence) -> None:
    panel = ScenarioPanel(evidence)
    one, other = panel.view["levers"][:2]
    say(panel, "move", changes={one["name"]: one["step"]})
    say(panel, "move", changes={other["name"]: other["step"]})
    assert panel.changes == {one["name"]: one["step"], other["name"]: other["step"]}
    assert say(panel, "clear") == "All is as it is of late."
    assert (panel.changes, panel.moved["rows"]) == ({}, [])


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("move", {"changes": {"Coaching hours": 500}}, "seen"),
        ("move", {"changes": {"Satisfaction": 0.1}}, "no slider"),
        ("move", {"changes": {"Coching hours": 1}}, "Did you mean 'Coaching hours'"),
        ("move", {"changes": {"Coaching hours": "much"}}, ""),
        ("move", {"changes": [1]}, ""),
        ("move", {"changes": {"Coaching hours": 5}, "horizon": 9_999}, ""),
        ("reach", {"outcome": "Satisfaction", "target": "high"}, "No target is given"),
        ("reach", {"outcome": "Satisfaction", "target": None}, "No target is given"),
        ("reach", {"outcome": "Satisfaction", "target": 1e9}, ""),
        ("reach", {"outcome": "Nothing", "target": 1}, "no metric"),
    ],
)
def test_what_was_never_seen_is_refused_and_the_last_scenario_stays(
    evidence: ipo.Evidence, act: str, values: dict[str, object], words: str
) -> None:
    panel = ScenarioPanel(evidence, {"Coaching hours": 10})
    kept = panel.scenario
    assert words in say(panel, act, **values)
    assert panel.problem
    assert panel.scenario is kept
    assert panel.changes == {"Coaching hours": 10}


def test_a_target_sets_the_sliders_to_the_smallest_change_that_gets_there(evidence: ipo.Evidence) -> None:
    panel = ScenarioPanel(evidence)
    goal = next(goal for goal in panel.view["goals"] if goal["name"] == "Satisfaction")
    late = evidence.panel.values["Satisfaction"].dropna().tail(13).median()
    target = float(late) + 0.02
    assert "half of the time" in say(panel, "reach", outcome=goal["name"], target=target), panel.told
    same = ipo.reach_target(evidence, "Satisfaction", target)
    assert panel.changes == dict(same.changes)
    pd.testing.assert_frame_equal(panel.scenario.table, by_code(panel).table)


# ---- what all of them share ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown(support_study: ipo.Study) -> list[Window]:
    evidence = support_study.evidence
    return [
        LinkBoard(support_study.ipo_map, evidence),
        LagExplorer(evidence),
        DriverExplorer(evidence),
        ScenarioPanel(evidence, {"Coaching hours": 10}),
        InventoryEditor(support_study.ipo_map.inventory),
    ]


def test_every_static_form_is_escaped_html_with_a_drawing_and_a_table(shown: list[Window]) -> None:
    for widget in shown:
        bundle = widget._repr_mimebundle_()[0]
        html, text = bundle["text/html"], bundle["text/plain"]
        assert "<table" in html
        assert ("<svg" in html) != isinstance(widget, InventoryEditor)
        assert not re.search(r"0x[0-9a-f]{6}", html + text)
        assert text.endswith(f": {widget.words()}>")
        assert len(states(widget)) >= 3
    view = shown[1].static()
    assert view._repr_html_() == view.__html__() == str(view)


def test_the_same_value_has_the_same_static_form(shown: list[Window], support_study: ipo.Study) -> None:
    again = LinkBoard(support_study.ipo_map, support_study.evidence)
    assert again.static() == shown[0].static()
    assert again.view == shown[0].view


def test_no_widget_changes_what_it_was_given(support_study: ipo.Study) -> None:
    evidence, ipo_map = support_study.evidence, support_study.ipo_map
    before = evidence.table.copy(), evidence.panel.values.copy(), ipo_map.to_dict()
    board = LinkBoard(ipo.IPOMap(ipo_map.metrics, ipo_map.links), evidence)
    board.turn("Wait minutes", "Satisfaction")
    LagExplorer(evidence).look(most_lag=4)
    ScenarioPanel(evidence).move({"Coaching hours": 5})
    pd.testing.assert_frame_equal(evidence.table, before[0])
    pd.testing.assert_frame_equal(evidence.panel.values, before[1])
    assert ipo_map.to_dict() == before[2]


def test_hostile_names_reach_every_window_and_run_nowhere() -> None:
    nasty, rng = '<script>alert("1")</script>', np.random.default_rng(1)
    periods = pd.period_range("2020-01", periods=80, freq="M", name="period")
    cause = rng.normal(size=80).cumsum() * 0.2 + rng.normal(size=80)
    frame = pd.DataFrame({nasty: cause, "Goal": np.r_[0, cause[:-1]] + 0.1 * rng.normal(size=80)}, index=periods)
    metrics = [ipo.Metric(nasty, "input", team=nasty, unit=nasty, controllable=3), ipo.Metric("Goal", "outcome")]
    ipo_map = ipo.IPOMap(metrics, [ipo.Link(nasty, "Goal", lag=(0, 3), why=nasty)], cadence="monthly")
    evidence = ipo.weigh_links(ipo_map, ipo.read_series(frame, ipo_map))
    for widget in (LinkBoard(ipo_map, evidence), LagExplorer(evidence), DriverExplorer(evidence),
                   ScenarioPanel(evidence), InventoryEditor(ipo_map.inventory)):  # fmt: skip
        states(widget)
        assert "<script" not in widget.static()
