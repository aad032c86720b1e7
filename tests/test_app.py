"""The guided path as an app, without its server: what it shows, saves and says."""

from __future__ import annotations

import shutil
from pathlib import Path

import ipywidgets
import nbformat
import pytest

import ipo_nb as ipo
from ipo_nb.app import MAP, Guide
from ipo_nb.widgets import DriverExplorer, InventoryEditor, LagExplorer, LinkBoard, ScenarioPanel

NOTEBOOK = Path(ipo.__file__).parent / "voila" / "app.ipynb"
BARE = "ipo_map: 1\nmetrics:\n  - {name: A, stage: input}\n  - {name: <b>, stage: outcome}\nlinks:\n  - [A, <b>]\n"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """The map of a copy of the support case."""
    folder = shutil.copytree(ipo.sample_folder("support"), tmp_path / "case")
    return folder / "map.yml"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A map without data."""
    file = tmp_path / "bare.yml"
    file.write_text(BARE.replace("[A, <b>]", '{cause: A, effect: <b>, sign: "+", lag: [0, 2]}'), "utf-8")
    return file


def said(box: ipywidgets.Widget) -> str:
    """All sentences in a box, as HTML."""
    inside = "".join(map(said, getattr(box, "children", ())))
    return inside + (box.value if isinstance(box, ipywidgets.HTML) else "")


def kinds(box: ipywidgets.VBox) -> set[type]:
    """What a box holds; a widget of ours is of a class of its own, below the one that we know."""
    return {kind for child in box.children for kind in type(child).__mro__}


def test_all_steps_are_shown_and_the_report_is_written_beside_the_map(case: Path) -> None:
    guide = Guide(case)
    assert InventoryEditor in kinds(guide.metrics)
    assert LinkBoard in kinds(guide.board)
    assert "Judge whoever moves" in said(guide.audit)
    assert guide.findings.children == ()
    guide.weigh()
    assert "Satisfaction follows" in said(guide.evidence)
    assert {LagExplorer, DriverExplorer, ScenarioPanel} <= kinds(guide.findings)
    guide.write()
    assert str(case.with_name("report.html").resolve()) in guide.written.value
    assert ipo.verify_report(case.with_name("report.html")).ok
    guide.write()
    assert "replaces" in guide.written.value


def test_a_file_that_is_no_report_is_left_alone(case: Path) -> None:
    case.with_name("report.html").write_text("mine", "utf-8")
    guide = Guide(case)
    guide.weigh()
    guide.write()
    assert "was left as it is" in guide.written.value
    assert case.with_name("report.html").read_text("utf-8") == "mine"


def test_a_map_without_data_says_what_to_add_and_is_shown_as_written(bare: Path) -> None:
    guide = Guide(bare)
    guide.weigh()
    assert "names no data yet" in said(guide.evidence)
    assert "into bare.yml and press the button:\ndata: {file: series.csv}<" in said(guide.evidence)
    assert guide.study is None
    assert guide.findings.children == ()
    assert "<b>" not in said(guide.audit)


def test_a_series_that_cannot_be_read_is_a_sentence_and_a_mended_one_is_weighed(case: Path) -> None:
    series = case.with_name("series.csv")
    whole = series.read_text("utf-8")
    series.write_text(whole.replace("2022", "soon", 1), "utf-8")
    guide = Guide(case)
    guide.weigh()
    assert "✕" in said(guide.evidence)
    assert "series.csv" in said(guide.evidence)
    assert guide.findings.children == ()
    series.write_text(whole, "utf-8")
    guide.weigh()
    assert guide.study is not None


def test_a_fault_of_the_package_is_a_sentence_too(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipo_nb.app.audit_map", lambda ipo_map: 1 / 0)
    assert "This step failed (ZeroDivisionError" in said(Guide(bare).audit)


def test_a_map_that_broke_meanwhile_leaves_what_was_shown(bare: Path) -> None:
    guide = Guide(bare)
    before = said(guide.audit)
    bare.write_text("links: [", "utf-8")
    guide.again()
    assert 'role="alert"' in guide.status.value
    assert said(guide.audit) == before
    assert "cannot be read" in said(Guide(bare).head)


def test_metrics_and_arrows_edited_by_hand_are_in_the_map_file_and_weighed_again(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = Guide(bare)
    monkeypatch.setattr(guide, "start", guide.weigh)
    editor = next(child for child in guide.metrics.children if isinstance(child, InventoryEditor))
    board = next(child for child in guide.board.children if isinstance(child, LinkBoard))
    editor.add(name="Calls", stage="process", team="Support")
    board.link("A", "Calls")
    editor.edit(1, team="<i>")
    guide.again()
    assert guide.ipo_map.names == ("A", "<b>", "Calls")
    assert guide.ipo_map.children("A") == ("<b>", "Calls")
    assert [metric.team for metric in guide.ipo_map.metrics] == ["", "<i>", "Support"]


def test_the_notebook_holds_no_logic_and_opens_the_map_it_is_told(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(page)
    assert all(len(cell.source.splitlines()) <= 4 and not cell.outputs for cell in page.cells)
    monkeypatch.setenv(MAP, str(bare))
    scope: dict[str, object] = {}
    for cell in page.cells:
        exec(cell.source, scope)
    assert scope["guide"].path == bare
