"""The grid: what is typed is kept, what can stand becomes a metric and is saved, what cannot says why in its cell."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipo_nb as ipo
from ipo_nb import mapfile
from ipo_nb.metrics import Inventory, Metric
from ipo_nb.widgets import InventoryEditor, LinkBoard

CSV = """\
KPI;Type;Department;target value;Floor
Calls;process;Support;1234567;3
Churn;outcome;Sales;0.05;
Agents;input;;;2
"""
MAP = """\
ipo_map: 1
metrics:
  - {name: Calls, stage: process, team: Support, target: 1234567, floor: 3}
  - {name: Churn, stage: outcome}
  - {name: Agents, stage: input}
links:
  - {cause: Calls, effect: Churn}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "inventory.csv"
    file.write_text(CSV, "utf-8")
    return file


@pytest.fixture
def grid(path: Path) -> InventoryEditor:
    return InventoryEditor(ipo.read_inventory(path))


@pytest.fixture
def mapped(tmp_path: Path) -> InventoryEditor:
    file = tmp_path / "map.yml"
    file.write_text(MAP, "utf-8")
    ipo_map = ipo.read_map(file)
    return InventoryEditor(ipo_map.inventory, ipo_map)


def say(grid: InventoryEditor, act: str, **values: object) -> str:
    """A message as the browser sends it; what is told of it."""
    grid._heard(grid, {"act": act, **values}, [])
    return str(grid.told.get("words", ""))


def replayed(first: Inventory, grid: InventoryEditor) -> tuple[Metric, ...]:
    scope = {"ipo": ipo, "inventory": first}
    exec("\n".join(line for line in grid.code.split("\n") if not line.startswith("ipo.write")), scope)
    return scope["inventory"].metrics


def faults(grid: InventoryEditor, row: int) -> dict[str, str]:
    return next(seen["faults"] for seen in grid.view["rows"] if seen["id"] == row)


def test_a_cell_that_is_edited_is_in_the_file_and_nothing_else_there_changes(grid: InventoryEditor, path: Path) -> None:
    first, before = grid.inventory, path.read_text("utf-8")
    assert say(grid, "edit", row=0, team="Reception") == "Changed team of Calls. Saved to inventory.csv."
    assert path.read_text("utf-8") == before.replace("Support", "Reception")
    assert grid.inventory["Calls"] == replace(first["Calls"], team="Reception")
    assert grid.inventory["Calls"].target == 1234567, "no digit is lost"
    assert replayed(first, grid) == grid.inventory.metrics
    assert grid.code.endswith("ipo.write_inventory(inventory, 'inventory.csv')")
    assert first["Calls"].team == "Support", "the inventory given was changed"


def test_rows_are_added_renamed_and_deleted_and_undo_leads_back(grid: InventoryEditor, path: Path) -> None:
    first = grid.inventory
    grid.add(name="Backlog", stage="activity", team="Support")
    grid.edit(0, name="Calls taken", controllable=2)
    grid.remove([1])
    assert grid.inventory.names == ipo.read_inventory(path).names == ("Calls taken", "Agents", "Backlog")
    assert grid.inventory["Backlog"].stage == "process"
    assert replayed(first, grid) == grid.inventory.metrics
    for words in ("Deleted 1 row", "Changed name and controllable of Calls taken", "Added a row"):
        assert grid.view["undo"] == words
        assert say(grid, "undo").startswith(f"Undone: {words}. Saved")
    assert grid.inventory.metrics == first.metrics == ipo.read_inventory(path).metrics
    assert grid.code == ""
    assert "nothing to undo" in say(grid, "undo")


def test_what_cannot_stand_is_said_in_its_cell_and_the_last_good_metric_stays(
    grid: InventoryEditor, path: Path
) -> None:
    before = path.read_bytes()
    said = say(grid, "edit", row=0, stage="middle", target="soon", controllable="7")
    assert "1 row cannot stand yet" in said
    assert set(faults(grid, 0)) == {"stage", "target", "controllable"}
    with pytest.raises(ipo.InventoryError) as room:
        Metric("Calls", "middle")
    assert faults(grid, 0)["stage"].startswith(str(room.value.args[0]))
    assert grid.view["rows"][0]["stage"] == "middle", "what was typed is kept"
    assert grid.inventory["Calls"].stage == "process"
    assert path.read_bytes() == before
    say(grid, "edit", row=0, stage="process", target="3", controllable="")
    assert faults(grid, 0) == {}
    assert ipo.read_inventory(path)["Calls"].target == 3


def test_a_name_that_is_taken_is_refused_in_its_cell(grid: InventoryEditor) -> None:
    say(grid, "edit", row=0, name=" churn ")
    assert "are the same name" in faults(grid, 0)["name"] or "already" in faults(grid, 0)["name"]
    say(grid, "add", name="AGENTS", stage="input")
    assert "called 'Agents' already" in faults(grid, 3)["name"]
    assert grid.inventory.names == ("Calls", "Churn", "Agents")


def test_a_stage_is_suggested_with_its_reason_and_taken_by_nobody(grid: InventoryEditor) -> None:
    say(grid, "add", name="Nurse hours")
    row = grid.view["rows"][-1]
    assert row["guess"][0] == "input"
    assert "resource" in row["guess"][1]
    assert "stage" in row["faults"]
    assert "Nurse hours" not in grid.inventory


@pytest.mark.parametrize(
    ("text", "row", "column", "expected"),
    [
        ("KPI\tType\tDepartment\nA\toutput\tOps\nB\tInputs\t\n", None, "name", "A outcome Ops, B input -"),
        ("A\toutcome\tOps\nB\tinput\n", None, "name", "A outcome Ops, B input -"),
        ("Ops\nQuality", 0, "team", "Calls process Ops, Churn outcome Quality"),
        ("Ops\n\nQuality\n\n", 0, "team", "Calls process Ops, Churn outcome -, Agents input Quality"),
        ("Lost\toutcome\nAgents\tinput\tHR\nC\tinput", 1, "name", "Lost outcome Sales, Agents input HR, C input -"),
        ('name\tdefinition\tstage\nA\t"two\nlines, ""so"""\tinput', None, "name", "A input -"),
        ("A\u2028B\toutcome\r\nC\tinput\r\n", None, "name", "C input -"),
    ],
)  # fmt: skip
def test_a_block_from_a_spreadsheet_lands_where_it_belongs(
    grid: InventoryEditor, text: str, row: int | None, column: str, expected: str
) -> None:
    first = grid.inventory
    said = say(grid, "paste", text=text, row=row, column=column)
    assert said.startswith("Pasted"), said
    for name, stage, team in map(str.split, expected.split(", ")):
        assert (grid.inventory[name].stage, grid.inventory[name].team) == (stage, team.strip("-"))
    assert replayed(first, grid) == grid.inventory.metrics
    assert ipo.read_inventory(first.path).metrics == grid.inventory.metrics
    say(grid, "undo")
    assert grid.inventory.metrics == first.metrics


def test_a_quoted_line_break_stays_in_its_cell(grid: InventoryEditor) -> None:
    grid.paste('name\tdefinition\tstage\nA\t"two\nlines, ""so"""\tinput')
    assert grid.inventory["A"].definition == 'two\nlines, "so"'


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("paste", {"text": "\n\n"}, "nothing to paste"),
        ("paste", {"text": "a\n" * 5_001}, "more than 5,000 rows"),
        ("paste", {"text": "x" * 200_000}, "cannot be pasted"),
        ("paste", {"text": "A", "row": 99}, "no row 99"),
        ("paste", {"text": "A", "column": "colour"}, "no 'colour'"),
        ("edit", {"row": 99, "name": "A"}, "no row 99"),
        ("edit", {"row": 0, "colour": "red"}, "no 'colour'"),
        ("remove", {"rows": [0, 99]}, "no row 99"),
        ("remove", {"rows": 3}, "not understood"),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_changes(
    grid: InventoryEditor, path: Path, act: str, values: dict[str, object], words: str
) -> None:
    before = path.read_bytes(), grid.inventory, grid.view
    assert words in say(grid, act, **values)
    assert grid.told["kind"] == "problem"
    assert (path.read_bytes(), grid.inventory, grid.view) == before


def test_only_rows_that_differ_are_sent(grid: InventoryEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(InventoryEditor, "send", lambda self, content, buffers=None: sent.append(content))
    grid.edit(1, team="Marketing")
    grid.add(name="B", stage="input")
    grid.remove([0])
    assert [[row["id"] for row in patch["rows"]] for patch in sent] == [[1], [3], []]
    assert [patch["order"] for patch in sent] == [None, [0, 1, 2, 3], [1, 2, 3]]
    json.dumps(sent, allow_nan=False)


def test_a_book_is_edited_as_well(tmp_path: Path) -> None:
    path, book = tmp_path / "inventory.xlsx", openpyxl.Workbook()
    for row in (["KPI", "Type", "Target value"], ["Calls", "Activity", 12.5], ["Churn", "Output", None]):
        book.active.append(row)
    book.save(path)
    grid = InventoryEditor(ipo.read_inventory(path))
    assert "Saved to inventory.xlsx" in say(grid, "edit", row=0, target="13.25")
    assert openpyxl.load_workbook(path).active["C2"].value == 13.25
    assert ipo.read_inventory(path)["Churn"].stage == "outcome"


def test_an_inventory_without_a_file_is_kept_and_the_grid_says_so() -> None:
    grid = InventoryEditor(Inventory.of([{"name": "a", "stage": "input"}]))
    assert "no file yet" in say(grid, "edit", row=0, team="T")
    assert grid.inventory["a"].team == "T"


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_refuses_is_told_and_saving_works_later(
    grid: InventoryEditor, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = grid.inventory, path.read_bytes()
    with monkeypatch.context() as full:
        full.setattr(mapfile.os, "replace", refuse)
        assert "not saved" in say(grid, "edit", row=0, team="Ops")
        assert grid.told["kind"] == "unsaved"
        say(grid, "edit", row=1, team="Ops")
        say(grid, "undo")
        assert grid.told["kind"] == "unsaved"
        assert path.read_bytes() == before
        assert replayed(first, grid) == grid.inventory.metrics
    assert "Saved to inventory.csv" in say(grid, "save")
    assert ipo.read_inventory(path)["Calls"].team == "Ops"
    say(grid, "undo")
    assert ipo.read_inventory(path).metrics == first.metrics


def test_the_same_metric_changed_by_somebody_else_is_a_conflict(grid: InventoryEditor, path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("Support", "Theirs").replace("Sales", "Marketing"), "utf-8")
    theirs = path.read_bytes()
    said = say(grid, "edit", row=0, team="Ours")
    assert "changed on both sides" in said
    assert "Theirs" in said
    assert path.read_bytes() == theirs
    assert grid.inventory["Calls"].team == "Support"
    say(grid, "edit", row=2, team="HR")
    assert [metric.team for metric in ipo.read_inventory(path)] == ["Theirs", "Marketing", "HR"]


def test_metrics_in_the_map_are_saved_there(mapped: InventoryEditor) -> None:
    path = mapped.ipo_map.path
    assert "Saved to map.yml" in say(mapped, "edit", row=0, team="Ops")
    assert path.read_text("utf-8") == MAP.replace("Support", "Ops")
    assert mapped.code.endswith("ipo.write_map(ipo_map.with_inventory(inventory), 'map.yml')")
    mapped.add(name="Backlog", stage="process")
    mapped.undo()
    assert ipo.read_map(path).names == ("Calls", "Churn", "Agents")


def test_a_linked_metric_is_neither_renamed_nor_deleted(mapped: InventoryEditor) -> None:
    path = mapped.ipo_map.path
    say(mapped, "edit", row=0, name="Calls taken")
    assert "has arrows on the map" in faults(mapped, 0)["name"]
    assert "has arrows on the map" in say(mapped, "remove", rows=[1])
    assert path.read_text("utf-8") == MAP
    say(mapped, "edit", row=0, name="CALLS")
    assert ipo.read_map(path).link("calls", "churn").cause == "CALLS"


def test_undo_takes_no_metric_from_under_an_arrow_drawn_since(mapped: InventoryEditor) -> None:
    path = mapped.ipo_map.path
    mapped.add(name="Backlog", stage="process")
    LinkBoard(ipo.read_map(path)).link("Backlog", "Churn")
    assert "has arrows on the map" in say(mapped, "undo")
    assert "Backlog" in ipo.read_map(path).names
    assert "Backlog" in mapped.inventory


def test_what_a_board_does_to_the_same_map_is_kept_and_shown(mapped: InventoryEditor) -> None:
    path = mapped.ipo_map.path
    board = LinkBoard(ipo.read_map(path))
    mapped.edit(0, unit="calls")
    board.add_metric("Backlog", "process", "Support")
    board.move("Agents", "process")
    mapped.edit(1, team="Sales")
    after = ipo.read_map(path)
    assert (after.metric("Backlog").team, after.metric("Agents").stage) == ("Support", "process")
    assert (after.metric("Calls").unit, after.metric("Churn").team) == ("calls", "Sales")
    assert [row["name"] for row in mapped.view["rows"]] == ["Calls", "Churn", "Agents", "Backlog"]
    with pytest.raises(ipo.BadOption, match="nothing to undo"):
        board.undo()
    mapped.undo()
    assert (ipo.read_map(path).metric("Churn").team, "Backlog" in ipo.read_map(path).names) == ("", True)
    with pytest.raises(ipo.BadOption, match="nothing to undo"):
        mapped.undo()


def test_metrics_of_an_inventory_file_beside_the_map_are_saved_there(path: Path) -> None:
    on_map = path.with_name("map.yml")
    on_map.write_text("ipo_map: 1\ninventory: inventory.csv\nlinks:\n  - {cause: Calls, effect: Churn}\n", "utf-8")
    ipo_map = ipo.read_map(on_map)
    before = on_map.read_bytes()
    grid = InventoryEditor(ipo_map.inventory, ipo_map)
    assert "Saved to inventory.csv" in say(grid, "edit", row=0, team="Ops")
    LinkBoard(ipo.read_map(on_map)).add_metric("On the map", "input")
    say(grid, "edit", row=1, team="Ops")
    after = ipo.read_map(on_map)
    assert after.names == ("Calls", "Churn", "Agents", "On the map")
    assert [metric.team for metric in ipo.read_inventory(path)] == ["Ops", "Ops", ""]
    say(grid, "edit", row=3, team="Ours")
    assert ipo.read_map(on_map).metric("On the map").team == "Ours"
    assert "On the map" not in ipo.read_inventory(path)
    assert on_map.read_bytes().startswith(before[:40])


def test_a_thousand_rows_are_edited_quickly(tmp_path: Path) -> None:
    rows = "".join(f"Metric {number},process,Team {number % 9}\n" for number in range(1_000))
    (path := tmp_path / "inventory.csv").write_text(f"name,stage,team\n{rows}", "utf-8")
    grid, start = InventoryEditor(ipo.read_inventory(path)), time.perf_counter()
    grid.edit(500, team="Another")
    assert time.perf_counter() - start < 3
    assert ipo.read_inventory(path)["Metric 500"].team == "Another"


def test_a_new_grid_on_the_file_shows_the_same(grid: InventoryEditor, path: Path) -> None:
    grid.edit(0, team="Ops", target="0.1")
    grid.add(name="B", stage="input")
    again = InventoryEditor(ipo.read_inventory(path))
    assert again.view | {"undo": ""} == grid.view | {"undo": ""}
    assert again.static() == grid.static()


cells = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Calls", "Churn", "New", "", "<b>it's</b>"]),
        "stage": st.sampled_from(["input", "Output", "?"]),
        "team": st.text(st.characters(categories=["L", "N", "P"]), max_size=5),
        "target": st.sampled_from(["1", "0.3", "x", ""]),
    },
)
acts = st.one_of(
    cells.map(lambda said: {"act": "add", **said}),
    st.tuples(st.integers(0, 5), cells).map(lambda both: {"act": "edit", "row": both[0], **both[1]}),
    st.lists(st.integers(0, 5), max_size=2).map(lambda rows: {"act": "remove", "rows": rows}),
    st.just({"act": "undo"}),
    st.just({"act": "paste", "text": "P\tinput\nQ\tmiddle\tT", "row": 1}),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(acts, max_size=10))
def test_the_code_leads_to_the_metrics_and_undo_leads_back(messages: list[dict[str, object]]) -> None:
    first = Inventory.of([{"name": "Calls", "stage": "process", "floor": 3}, {"name": "Churn", "stage": "outcome"}])
    grid = InventoryEditor(first)
    for message in messages:
        grid._heard(grid, message, [])
        assert set(replayed(first, grid)) == set(grid.inventory.metrics)
        assert {row.metric for row in grid._rows.values() if row.metric} == set(grid.inventory.metrics)
    json.dumps(grid.view, allow_nan=False)
    while grid.view["undo"]:
        grid.undo()
    assert grid.inventory.metrics == first.metrics
    assert grid.code == ""
