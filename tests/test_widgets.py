"""Widgets are windows: they show what a room owns, hand back what it accepts, and say what it refuses in its words."""

from __future__ import annotations

from pathlib import Path

import ipywidgets
import pytest

import ipo_nb as ipo
from ipo_nb import teaching
from ipo_nb.simulate import simulate_system

NASTY = "<script>alert(1)</script> & Co"


@pytest.fixture(scope="module")
def evidence() -> ipo.Evidence:
    case = simulate_system(seed=1)
    return ipo.weigh_links(case.ipo_map, case.panel)


@pytest.fixture
def own_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ipo.IPOMap:
    monkeypatch.chdir(tmp_path)
    return ipo.read_map(teaching.own_copy("support"))


def fill(board: ipo.widgets.LinkBoard, cause: str, effect: str, **rest: object) -> None:
    board.cause.value, board.effect.value = cause, effect
    for name, value in rest.items():
        getattr(board, name).value = value


def test_what_a_screen_suggests_is_taken_by_saving_it(own_map: ipo.IPOMap) -> None:
    suggested = ipo.Link("Tool outages", "Backlog", sign="+", lag=(1, 3))
    known = own_map.links[0]
    board = ipo.widgets.LinkBoard(own_map, suggestions=[suggested, ipo.Link(known.effect, known.cause)])
    offered = [name for name in board.arrow.options if name.startswith("suggested")]
    assert offered == ["suggested: Tool outages → Backlog"]
    board.arrow.value = offered[0]
    board.keep.click()
    assert ipo.read_map(own_map.path).link("Tool outages", "Backlog").lag == (1, 3)
    assert offered[0] not in board.arrow.options


def test_an_arrow_drawn_on_the_board_is_in_the_map_and_in_its_file(own_map: ipo.IPOMap) -> None:
    board = ipo.widgets.LinkBoard(own_map)
    fill(board, "Tool outages", "Backlog", sign="+", lag=(0, 2), why="Cases wait")
    board.keep.click()
    assert board.ipo_map.link("Tool outages", "Backlog").lag == (0, 2)
    assert ipo.read_map(own_map.path).link("Tool outages", "Backlog").why == "Cases wait"
    assert "Saved" in board._message.value
    assert len(own_map.links) == len(board.ipo_map.links) - 1, "the map given was changed"


def test_what_the_map_refuses_is_said_and_the_last_good_map_stays(own_map: ipo.IPOMap) -> None:
    board = ipo.widgets.LinkBoard(own_map)
    before = own_map.path.read_bytes()
    fill(board, "Backlog", "Backlog")
    board.keep.click()
    assert board.ipo_map is own_map
    assert own_map.path.read_bytes() == before
    assert board.problem == teaching.refused(own_map.with_link, ipo.Link("Backlog", "Backlog"))
    assert 'role="alert"' in board._message.value


def test_choosing_an_arrow_shows_it_in_the_form_and_keeps_what_the_form_does_not_show(own_map: ipo.IPOMap) -> None:
    board = ipo.widgets.LinkBoard(own_map)
    board.arrow.value = "Calls scored → Satisfaction"
    assert (board.cause.value, board.effect.value, board.sign.value) == ("Calls scored", "Satisfaction", "+")
    board.why.value = "So they say"
    board.keep.click()
    link = board.ipo_map.link("Calls scored", "Satisfaction")
    assert (link.why, link.matters) == ("So they say", own_map.link("Calls scored", "Satisfaction").matters)


def test_an_arrow_can_be_deleted_and_an_unknown_one_cannot(own_map: ipo.IPOMap) -> None:
    board = ipo.widgets.LinkBoard(own_map)
    fill(board, "Calls scored", "Satisfaction")
    board.drop.click()
    assert ("Calls scored", "Satisfaction") not in {(x.cause, x.effect) for x in ipo.read_map(own_map.path).links}
    board.drop.click()
    assert "no link" in board.problem


def test_an_arrow_is_called_by_its_cause_then_its_effect(own_map: ipo.IPOMap, evidence: ipo.Evidence) -> None:
    assert "Handle minutes → Satisfaction" in ipo.widgets.LinkBoard(own_map).arrow.options
    assert "Wait minutes → Satisfaction" in ipo.widgets.LagExplorer(evidence).choice.options


def test_the_editor_hands_back_an_inventory_and_refuses_a_second_name(own_map: ipo.IPOMap) -> None:
    editor = ipo.widgets.InventoryEditor(own_map.inventory)
    editor.fields["name"].value, editor.fields["team"].value = "Abandoned calls", "Support"
    editor.keep.click()
    assert editor.inventory["Abandoned calls"].stage == "input"
    assert "Abandoned calls" not in own_map.inventory
    good = editor.inventory
    editor.fields["name"].value = "wait   MINUTES"
    editor.keep.click()
    assert editor.inventory is good
    assert "are the same name" in editor.problem


def test_the_editor_changes_one_metric_and_keeps_its_other_fields(own_map: ipo.IPOMap) -> None:
    editor = ipo.widgets.InventoryEditor(own_map.inventory)
    editor.metric.value = "Wait minutes"
    editor.fields["team"].value = "Reception"
    editor.keep.click()
    assert (editor.inventory["Wait minutes"].team, editor.inventory["Wait minutes"].owner) == ("Reception", "Jonas Ek")
    editor.metric.value = "Certificates filed"
    editor.drop.click()
    assert "Certificates filed" not in editor.inventory


def test_the_lag_explorer_shows_one_link_and_refuses_one_that_is_not_there(evidence: ipo.Evidence) -> None:
    explorer = ipo.widgets.LagExplorer(evidence)
    explorer.link = ("Resolution", "Satisfaction")
    assert explorer.profile is evidence.profile("Resolution", "Satisfaction")
    with pytest.raises(ipo.UnknownLink):
        explorer.link = ("Resolution", "Posts")
    assert explorer.link == ("Resolution", "Satisfaction")


def test_the_driver_explorer_ranks_the_outcome_chosen(evidence: ipo.Evidence) -> None:
    explorer = ipo.widgets.DriverExplorer(evidence)
    explorer.outcome = "Satisfaction"
    assert explorer.drivers.table.equals(ipo.rank_drivers(evidence, "Satisfaction").table)
    with pytest.raises(ipo.UnknownMetric, match="Did you mean 'Satisfaction'"):
        explorer.outcome = "Satisfacton"
    with pytest.raises(ipo.BadOption, match="is no outcome"):
        explorer.outcome = "Wait minutes"


def test_the_panel_gives_the_scenario_that_one_line_of_code_gives(support_study: ipo.Study) -> None:
    panel = ipo.widgets.ScenarioPanel(support_study.evidence)
    assert panel.scenario is None
    panel.sliders["Coaching hours"].value = 10
    same = ipo.run_scenario(support_study.evidence, {"Coaching hours": panel.sliders["Coaching hours"].value})
    assert panel.scenario.table.equals(same.table)
    panel.horizon.value = 12
    assert panel.scenario.horizon == 12


def test_a_scenario_outside_what_was_seen_is_refused_and_the_last_one_stays(support_study: ipo.Study) -> None:
    panel = ipo.widgets.ScenarioPanel(support_study.evidence, {"Coaching hours": 10})
    kept = panel.scenario
    with pytest.raises(ipo.OutOfRange):
        panel.changes = {"Coaching hours": 500}
    with pytest.raises(ipo.BadOption, match="no slider"):
        panel.changes = {"Satisfaction": 0.1}
    assert panel.scenario is kept
    for name, slider in panel.sliders.items():
        ipo.run_scenario(support_study.evidence, {name: slider.min})
        ipo.run_scenario(support_study.evidence, {name: slider.max})


def test_every_static_form_is_escaped_html_with_a_drawing_and_a_table(support_study: ipo.Study) -> None:
    evidence = support_study.evidence
    shown = [
        ipo.widgets.LinkBoard(support_study.ipo_map, evidence),
        ipo.widgets.LagExplorer(evidence),
        ipo.widgets.DriverExplorer(evidence),
        ipo.widgets.ScenarioPanel(evidence, {"Coaching hours": 10}),
    ]
    for widget in shown:
        static = widget._repr_mimebundle_()["text/html"]
        assert "<svg" in static
        assert "<table" in static
        assert "0x" not in repr(widget)
    view = shown[1].static()
    assert view._repr_html_() == view.__html__() == str(view)


def test_text_of_a_user_is_shown_as_written_and_runs_nowhere() -> None:
    metrics = [{"name": NASTY, "stage": "process", "definition": NASTY}, {"name": "Goal", "stage": "outcome"}]
    board = ipo.widgets.LinkBoard(ipo.IPOMap(metrics, [{"cause": NASTY, "effect": "Goal", "why": NASTY}]))
    editor = ipo.widgets.InventoryEditor(board.ipo_map.inventory)
    fill(board, NASTY, NASTY)
    board.keep.click()
    editor.fields["name"].value = NASTY
    editor.keep.click()
    pieces = [board, editor, *board.children, *editor.children]
    html = [piece.value for piece in pieces if isinstance(piece, ipywidgets.HTML)]
    assert len(html) == 4
    assert not any("<script" in part for part in [*html, board.static(), editor.static()])
    assert any("&lt;script&gt;" in part for part in html)


def test_a_map_without_a_file_is_kept_and_the_board_says_so(evidence: ipo.Evidence) -> None:
    board = ipo.widgets.LinkBoard(evidence.ipo_map, evidence)
    fill(board, "Staff hours", "Resolution")
    board.keep.click()
    assert board.ipo_map.link("Staff hours", "Resolution")
    assert "no file" in board._message.value
