"""InventoryEditor by mouse and by keys: what is done in the grid stands in Python and in the inventory's file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from in_lab import PLACES, Notebook, serving
from stage import settle, shown

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
BLOCK = "KPI\tDepartment\tType\nFirst bill errors\tFinance\tactivity\nLate payments\tFinance\tOutput\n"
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


class Grid(NamedTuple):
    page: Page
    widget: ipo.widgets.InventoryEditor | Filed

    def cell(self, field: str, row: int) -> Locator:
        return self.page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').nth(row)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            settle(self.page)

    def type(self, words: str, end: str = "Enter") -> None:
        """Type over what a cell in editing holds."""
        self.page.locator(".tabulator-editing input").wait_for()
        self.keys("Control+a")
        self.page.keyboard.type(words)
        self.keys(end)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        settle(self.page)

    def names(self) -> list[str]:
        """The names on the screen, from the top."""
        return self.page.locator('.tabulator-row .tabulator-cell[tabulator-field="name"]').all_inner_texts()

    def told(self) -> str:
        return self.page.get_by_role("status").inner_text()

    @property
    def saved(self) -> ipo.Inventory:
        """The inventory as its file has it, which is the one that Python has."""
        path = self.widget.inventory.path
        assert path is not None
        on_disk = ipo.read_inventory(path)
        assert tuple(on_disk) == tuple(self.widget.inventory)
        return on_disk


CELL = 'ipo.widgets.InventoryEditor(ipo.read_inventory("inventory.csv"))'


class Filed:
    """The grid of a notebook, as far as its file tells of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def inventory(self) -> ipo.Inventory:
        return ipo.read_inventory(self.path)


@pytest.fixture(scope="module")
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook in JupyterLab whose last cell makes a grid."""
    with serving(tmp_path_factory.mktemp("lab")) as served:
        yield Notebook(browser, served, "pass", CELL)


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """The same notebook in Voila."""
    with serving(tmp_path_factory.mktemp("voila"), voila=True) as served:
        yield Notebook(browser, served, "pass", CELL, voila=True)


@pytest.fixture(params=PLACES)
def grid(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Grid]:
    """The grid on a copy of the support case's inventory, which may read the clipboard; bare, and in Lab."""
    if request.param != "stage":
        notebook: Notebook = request.getfixturevalue("notebook" if request.param == "lab" else "app")
        file = Path(shutil.copy(ipo.sample_folder("support") / "inventory.csv", notebook.folder))
        page = notebook.fresh()
        page.locator(".tabulator-row").first.wait_for()
        yield Grid(page, Filed(file))
        return
    file = Path(shutil.copy(ipo.sample_folder("support") / "inventory.csv", tmp_path))
    widget = ipo.widgets.InventoryEditor(ipo.read_inventory(file))
    with shown(browser, widget) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield Grid(page, widget)


def test_a_cell_is_edited_by_mouse(grid: Grid) -> None:
    grid.cell("team", 2).dblclick()
    grid.type("Reception")
    assert grid.saved["Knowledge-base edits"].team == "Reception"
    assert "Saved to inventory.csv" in grid.told()


def test_a_cell_is_edited_by_keys(grid: Grid) -> None:
    grid.page.get_by_role("button", name="Sort by Definition").focus()
    grid.keys("Tab", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown")  # into the grid, to the unit of the second
    grid.page.keyboard.type("days")  # typing begins an edit
    grid.keys("Enter")
    assert grid.saved["Coaching hours"].unit == "days"
    grid.keys("ArrowUp", "Enter")
    grid.type("people")
    assert grid.saved["Agents on shift"].unit == "people"
    grid.keys("Enter")
    grid.type("nothing", end="Escape")
    assert grid.saved["Agents on shift"].unit == "people"
    grid.keys("Delete")
    assert grid.saved["Agents on shift"].unit == ""


def test_a_drop_down_is_used_by_mouse_and_by_keys(grid: Grid) -> None:
    grid.cell("stage", 0).dblclick()
    grid.page.locator(".tabulator-edit-list-item", has_text="outcome").click()
    settle(grid.page)
    assert grid.saved["Agents on shift"].stage == "outcome"
    grid.cell("stage", 1).click()
    grid.keys("Enter")
    grid.page.locator(".tabulator-edit-list-item").first.wait_for()
    grid.keys("ArrowDown")
    marked = grid.page.locator("[role=listbox] [role=option][aria-selected=true]")
    field = grid.page.locator(".tabulator-editing input")
    assert marked.inner_text() == "process", "a screen reader is told which one is marked"
    assert field.get_attribute("aria-activedescendant") == marked.get_attribute("id")
    grid.keys("Enter")
    assert grid.saved["Coaching hours"].stage == "process"


def test_a_block_is_pasted_with_its_header(grid: Grid) -> None:
    grid.cell("name", 0).click()
    grid.page.evaluate(PASTE, BLOCK)
    settle(grid.page)
    assert [(m.name, m.stage, m.team) for m in tuple(grid.saved)[-2:]] == [
        ("First bill errors", "process", "Finance"),
        ("Late payments", "outcome", "Finance"),
    ]
    assert "Pasted 2 rows" in grid.told()


def test_a_block_is_pasted_by_the_key_where_the_cursor_is(grid: Grid) -> None:
    grid.page.evaluate("navigator.clipboard.writeText('Reception\\tpeople\\nFrontdesk\\tdays')")
    grid.cell("team", 0).click()
    grid.keys("Control+v")
    grid.page.wait_for_function("document.querySelector('[role=status]').textContent.includes('Pasted')")
    settle(grid.page)
    assert [(m.team, m.unit) for m in tuple(grid.saved)[:2]] == [("Reception", "people"), ("Frontdesk", "days")]


def test_a_block_is_copied_by_the_key(grid: Grid) -> None:
    grid.cell("team", 0).click()
    grid.keys("Shift+ArrowDown", "Shift+ArrowRight", "Control+c")
    copied = grid.page.evaluate("navigator.clipboard.readText()")
    assert copied.split() == ["Workforce", "agents", "Quality", "hours"]


def test_a_row_is_added_with_its_suggested_stage_by_mouse(grid: Grid) -> None:
    grid.press("Add a row")
    grid.type("Churn rate")
    assert "Churn rate" not in grid.saved
    grid.press("Take outcome")
    assert grid.saved["Churn rate"].stage == "outcome"


def test_a_row_is_added_with_its_suggested_stage_by_keys(grid: Grid) -> None:
    grid.page.get_by_role("button", name="Add a row").press("Enter")
    settle(grid.page)
    grid.type("Churn rate")
    grid.page.get_by_role("button", name="Take outcome").press("Enter")
    settle(grid.page)
    assert grid.saved["Churn rate"].stage == "outcome"


def test_rows_are_deleted_and_come_back(grid: Grid) -> None:
    grid.cell("name", 0).click()
    grid.press("Delete the rows")
    assert "Agents on shift" not in grid.saved
    assert grid.names()[0] == "Coaching hours"
    grid.press("Undo: Deleted 1 row")
    assert "Agents on shift" in grid.saved
    grid.cell("name", 1).click()
    grid.keys("Shift+ArrowDown")
    grid.page.get_by_role("button", name="Delete the rows").press("Enter")
    settle(grid.page)
    assert len(grid.saved) == 16
    grid.cell("name", 0).click()
    grid.keys("Control+z")
    assert len(grid.saved) == 18


def test_rows_are_sorted_by_mouse_and_by_keys_and_python_keeps_its_order(grid: Grid) -> None:
    before = grid.saved.names
    grid.page.get_by_role("button", name="Sort by Name").click()
    assert grid.names() == sorted(grid.names(), key=str.casefold)
    grid.page.get_by_role("button", name="Sort by Name").press("Enter")
    assert grid.names() == sorted(grid.names(), key=str.casefold, reverse=True)
    grid.cell("owner", 0).dblclick()
    grid.type("Someone")
    assert grid.saved.names == before
    assert grid.saved["Wait minutes"].owner == "Someone"


def test_rows_are_filtered(grid: Grid) -> None:
    grid.page.get_by_label("Filter metrics").fill("hours")
    assert set(grid.names()) >= {"Coaching hours", "Paid hours"}
    assert "Satisfaction" not in grid.names()
    grid.page.get_by_label("Filter metrics").fill("")
    grid.page.get_by_role("combobox", name="Stage").select_option("outcome")
    assert grid.names() == ["Newsletter readers", "Satisfaction", "Complaints", "Renewals"]
    assert grid.page.locator(".ipo-live").inner_text() == "4 of 18 rows"


def test_what_cannot_stand_is_said_in_the_cell_and_the_metric_stays(grid: Grid) -> None:
    grid.cell("name", 1).dblclick()
    grid.type("wait   MINUTES")
    wrong = grid.page.locator(".tabulator-cell.ipo-wrong")
    assert "same name" in wrong.inner_text()
    assert wrong.get_attribute("aria-invalid") == "true"
    assert "Coaching hours" in grid.saved
    grid.page.get_by_label("Only what cannot stand (1)").check()
    assert len(grid.names()) == 1
    grid.page.get_by_label("Only what cannot stand (1)").uncheck()
    grid.cell("name", 0).click()
    grid.keys("Control+z")
    assert wrong.count() == 0
    assert grid.names()[1] == "Coaching hours"


def test_tab_leaves_the_grid(grid: Grid) -> None:
    grid.cell("name", 3).click()
    grid.keys("ArrowRight", "Shift+Tab")
    assert grid.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Sort by Definition"
    grid.keys("Tab")
    assert grid.page.evaluate("document.activeElement.textContent") == "input"  # where one was
    grid.keys("Tab")
    assert not grid.page.evaluate("document.querySelector('.tabulator').contains(document.activeElement)")
