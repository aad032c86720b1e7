"""What is saved is read back as it was meant; what nobody edited stays in the file byte by byte."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipo_nb.errors import Conflict, FileFault, InventoryError, UnknownMetric
from ipo_nb.metrics import Inventory, Metric, name_key
from ipo_nb.reading import read_inventory
from ipo_nb.samples import CASES, sample_folder
from ipo_nb.writing import write_inventory

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
TEXT = (
    'KPI;Type;Department;Note;Target\r\nCalls;Activity;Support;"a;b";3\r\nWait;process;\'=x;;\r\nChurn;outcome;;-5;\r\n'
)


def written(folder: Path, text: str, name: str = "inventory.csv") -> Path:
    (folder / name).write_bytes(text.encode("utf-8"))
    return folder / name


def book(folder: Path, *rows: list[object]) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(folder / "inventory.xlsx")
    return folder / "inventory.xlsx"


def edited(inventory: Inventory, name: str, /, **change: object) -> Inventory:
    return inventory.with_metric(replace(inventory[name], **change))


# Reading back


def text(signs: str = "") -> st.SearchStrategy[str]:
    plain = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"))
    return st.text(st.sampled_from(f",;\"'=+-@|5{signs}") | plain, max_size=12).map(str.strip)


NAMES = text().filter(lambda name: any(mark.isalnum() for mark in name))
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
METRICS = st.builds(
    Metric,
    name=NAMES,
    stage=st.sampled_from(["input", "process", "outcome"]),
    team=text(),
    better=st.sampled_from(["", "higher", "lower"]),
    controllable=st.none() | st.integers(0, 3),
    target=NUMBERS,
    definition=text("\n\r\t"),
)
LISTS = st.lists(METRICS, min_size=1, max_size=4, unique_by=lambda metric: name_key(metric.name))


@QUIET
@given(metrics=LISTS, suffix=st.sampled_from([".csv", ".tsv", ".xlsx"]))
def test_what_is_saved_is_read_back_as_it_was(tmp_path: Path, metrics: list[Metric], suffix: str) -> None:
    path = write_inventory(Inventory.of(metrics), tmp_path / f"new{suffix}", replace=True)
    assert read_inventory(path).metrics == tuple(metrics)


@QUIET
@given(before=LISTS, after=LISTS, suffix=st.sampled_from([".csv", ".xlsx"]))
def test_any_inventory_can_take_the_place_of_any_other(
    tmp_path: Path, before: list[Metric], after: list[Metric], suffix: str
) -> None:
    path = tmp_path / f"inventory{suffix}"
    path.unlink(missing_ok=True)
    write_inventory(Inventory.of(before), path)
    write_inventory(replace(read_inventory(path), metrics=tuple(after)), path)
    assert read_inventory(path).metrics == tuple(after)


@QUIET
@given(before=LISTS, new=METRICS, place=st.integers(0, 3), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_an_edit_changes_its_own_row_alone(
    tmp_path: Path, before: list[Metric], new: Metric, place: int, end: str, bom: bool
) -> None:
    rows = [["KPI", "", "type", "target"], *([m.name, "", m.stage, "1.50"] for m in before)]
    with (tmp_path / "i.csv").open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as out:
        csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    raw, inventory = (tmp_path / "i.csv").read_bytes(), read_inventory(tmp_path / "i.csv")
    name = inventory.names[place % len(inventory)]
    write_inventory(edited(inventory, name, stage=new.stage, target=2.5), tmp_path / "i.csv")
    lines, now = raw.splitlines(keepends=True), (tmp_path / "i.csv").read_bytes().splitlines(keepends=True)
    assert [a for a, b in zip(lines, now, strict=True) if a != b] == [lines[1 + place % len(inventory)]]


def test_saving_what_was_read_changes_nothing(tmp_path: Path) -> None:
    for sample in CASES:
        raw = (sample_folder(sample) / "inventory.csv").read_bytes()
        (tmp_path / "inventory.csv").write_bytes(raw)
        write_inventory(read_inventory(tmp_path / "inventory.csv"), tmp_path / "inventory.csv")
        assert (tmp_path / "inventory.csv").read_bytes() == raw


# Edits of a file that is there


def test_headers_words_separator_and_unknown_columns_stay(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    inventory = edited(read_inventory(path), "Wait", team="=Sum", target=4.0)
    inventory = inventory.with_metric(Metric("Agents; all", "input", target=0.5))
    write_inventory(inventory, path)
    lines = TEXT.split("\r\n")
    lines[2:4] = ["Wait;process;'=Sum;;4", lines[3], '"Agents; all";input;;;0.5']
    assert path.read_bytes().decode() == "\r\n".join(lines)
    assert read_inventory(path).metrics == inventory.metrics


def test_a_rename_keeps_its_row_and_a_deleted_metric_takes_its_row_along(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    inventory = read_inventory(path)
    renamed = inventory.with_metric(replace(inventory["Calls"], name="Calls taken"), instead_of="Calls")
    write_inventory(renamed.without_metric("wait"), path)
    assert path.read_bytes().decode() == TEXT.replace("Calls;", "Calls taken;").replace("Wait;process;'=x;;\r\n", "")
    assert read_inventory(path).names == ("Calls taken", "Churn")


def test_a_field_without_a_column_gets_one_at_the_right_end(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage,,\nA,input,,\n\nB,outcome,,")
    write_inventory(edited(read_inventory(path), "B", unit="hours", extra={"Note": "x"}), path)
    assert path.read_text("utf-8") == "name,stage,unit,Note\nA,input,,\n\nB,outcome,hours,x"


def test_a_new_file_has_the_columns_that_are_used(tmp_path: Path) -> None:
    inventory = Inventory.of(
        [{"name": "Überstunden", "stage": "input"}, {"name": "B", "stage": "outcome", "unit": "%"}]
    )
    path = write_inventory(inventory, tmp_path / "new.csv")
    assert path.read_bytes().decode() == "name,stage,unit\nÜberstunden,input,\nB,outcome,%\n"


def test_an_edited_workbook_keeps_its_look_and_runs_no_text(tmp_path: Path) -> None:
    path = book(tmp_path, ["KPI", "Type", "Since"], ["Calls", "Activity", 2019], ["Churn", "outcome", 2020])
    shape = openpyxl.load_workbook(path)
    shape.active["A2"].font = openpyxl.styles.Font(bold=True)
    shape.create_sheet("other")["A1"] = "kept"
    shape.save(path)
    inventory = edited(read_inventory(path), "Calls", name="calls", team="=1+1").without_metric("Churn")
    write_inventory(inventory.with_metric(Metric("New", "input")), path)
    after = openpyxl.load_workbook(path)
    assert (after.active["A2"].font.bold, after["other"]["A1"].value) == (True, "kept")
    assert (after.active["D2"].value, after.active["D2"].data_type) == ("=1+1", "s")
    assert read_inventory(path).names == ("calls", "New")
    assert read_inventory(path)["calls"].extra == {"Since": 2019}


def test_rows_of_other_widths_stay_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage,,\nA,input\nB,input,,,,\n,,\nC, input \nD,input,\n")
    inventory = read_inventory(path)
    write_inventory(inventory := edited(inventory, "D", stage="outcome"), path)
    assert path.read_text("utf-8") == "name,stage,,\nA,input\nB,input,,,,\n,,\nC, input \nD,outcome,\n"
    write_inventory(edited(inventory, "D", unit="x"), path)
    assert path.read_text("utf-8") == "name,stage,unit,\nA,input,\nB,input,,,,\n,,\nC, input ,\nD,outcome,x\n"


def test_new_cells_are_quoted_as_their_like(tmp_path: Path) -> None:
    path = written(tmp_path, '"name","stage","target"\n"A","input",1\n"B, b","input",""\n')
    write_inventory(edited(read_inventory(path), "A", target=2.0).with_metric(Metric("C", "outcome", unit="x")), path)
    lines = '"name","stage","target","unit"\n"A","input",2,""\n"B, b","input","",""\n"C","outcome","","x"\n'
    assert path.read_text("utf-8") == lines.replace('"C"', "C")  # the name above it had to be quoted


# What others did in the meantime


def test_each_edit_can_be_saved_and_what_others_did_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage,team\nA,input,x\nB,process,x\nC,outcome,x\n")
    inventory = read_inventory(path)
    for team in ("y", "z", "x", "w"):
        write_inventory(inventory := edited(inventory, "A", team=team), path)
        there = path.read_text("utf-8").replace("B,process,", "B,process,more ")
        path.write_text(there.replace("C,outcome,x\n", "D,outcome,x\n"), "utf-8")
    assert path.read_text("utf-8") == "name,stage,team\nA,input,w\nB,process,more more more more x\nD,outcome,x\n"


def test_the_same_metric_changed_on_both_sides_is_a_conflict_with_both_values(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage,team\nA,input,x\nB,process,x\n")
    inventory = edited(read_inventory(path), "A", team="ours")
    path.write_text("name,stage,team\nA,input,theirs\nB,process,x\n", "utf-8")
    with pytest.raises(Conflict, match=r"metric A was changed on both sides: here to \{'team': 'ours'\}.*'theirs'"):
        write_inventory(inventory, path)
    with pytest.raises(Conflict, match="here to nothing"):
        write_inventory(inventory.without_metric("A"), path)
    write_inventory(inventory, path, replace=True)
    assert path.read_text("utf-8") == "name,stage,team\nA,input,ours\nB,process,x\n"


def test_another_inventory_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage\nA,input\nB,process\n")
    with pytest.raises(Conflict, match=r"another inventory, of 2 metrics.*replace=True"):
        write_inventory(Inventory.of([{"name": "A", "stage": "input"}]), path)
    write_inventory(Inventory.of([{"name": "C", "stage": "input"}]), path, replace=True)
    assert path.read_text("utf-8") == "name,stage\nC,input\n"


# Refusals


@pytest.mark.parametrize("name", ["inventory.parquet", "inventory.xls", "inventory"])
def test_other_kinds_of_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFault, match=r"An inventory is not saved as .*Name it inventory\.csv or inventory\.xlsx"):
        write_inventory(Inventory.of([{"name": "A", "stage": "input"}]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"department": "x"}, "would be read otherwise: as .*'team': 'x'"),
        ({"Note": "\0"}, "control character U\\+0000"),
    ],
)
def test_what_would_be_read_otherwise_is_not_saved(tmp_path: Path, extra: dict[str, str], words: str) -> None:
    with pytest.raises(InventoryError, match=words):
        write_inventory(Inventory((Metric("A", "input", extra=extra),)), tmp_path / "inventory.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_kept_in_a_workbook_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path, ["name", "stage", "n"], ["A", "input", 1], ["B", "outcome", 2])
    inventory, shape = read_inventory(path), openpyxl.load_workbook(path)
    shape.active.add_chart(openpyxl.chart.BarChart(), "F1")
    shape.save(path)
    raw = path.read_bytes()
    with pytest.raises(FileFault, match="would lose what else the workbook holds: charts"):
        write_inventory(edited(inventory, "A", team="x"), path)
    assert path.read_bytes() == raw


def test_the_last_metric_stays_and_a_folder_is_needed(tmp_path: Path) -> None:
    path = written(tmp_path, "name,stage\nA,input\n")
    with pytest.raises(InventoryError, match="Without any metric there is nothing to save"):
        write_inventory(read_inventory(path).without_metric("A"), path)
    with pytest.raises(FileFault, match="no such file"):
        write_inventory(read_inventory(path), tmp_path / "none" / "a.csv")


def test_edits_of_an_inventory_keep_place_extra_and_source(tmp_path: Path) -> None:
    inventory = read_inventory(written(tmp_path, TEXT))
    after = inventory.with_metric(Metric("Hold", "process"), instead_of="WAIT").with_metric(Metric("Calls", "input"))
    assert (after.names, after.path, after.receipt) == (("Calls", "Hold", "Churn"), inventory.path, inventory.receipt)
    assert after["Calls"].extra == {"Note": "a;b"}
    assert inventory.names == ("Calls", "Wait", "Churn")
    with pytest.raises(UnknownMetric, match="Did you mean 'Wait'"):
        inventory.without_metric("Waits")
    with pytest.raises(InventoryError, match="stands there twice"):
        inventory.with_metric(Metric("Calls", "input"), instead_of="Wait")


def test_an_inventory_that_follows_another_is_saved_as_an_edit_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "inventory.csv"
    path.write_text("name,stage,floor\na,input,3\nb,outcome,4\n", "utf-8")
    first = read_inventory(path)
    edited = first.with_metric(Metric("a", "process")).without_metric("b")
    write_inventory(edited, path)
    back = first.following(edited)
    assert (back.metrics, back.path) == (first.metrics, path)
    write_inventory(back, path)
    assert path.read_text("utf-8") == "name,stage,floor\na,input,3\nb,outcome,4\n"
    assert (edited.names, first.names) == (("a",), ("a", "b"))
    loose = Inventory.of([Metric("c", "input")])
    assert loose.following(Inventory(())).path is None
