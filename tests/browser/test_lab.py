"""The pages in real JupyterLab, in Chromium: each widget shows and works, and what is done is in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from in_lab import IDLE, TOKEN, run, serving
from playwright.sync_api import expect
from stage import slide

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

BROKEN = re.compile("Error displaying widget|Loading widget|Traceback")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab: its address and the folder with the pages."""
    with serving(tmp_path_factory.mktemp("lab")) as served:
        yield served


@contextmanager
def opened(browser: Browser, address: str, name: str) -> Iterator[tuple[Page, Locator]]:
    """A page of the course, run; and its widget."""
    page = browser.new_page(viewport={"width": 1300, "height": 1100})
    page.set_default_timeout(20_000)
    try:
        page.goto(f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
        page.locator(".jp-Notebook").wait_for(timeout=60_000)
        run(page)
        yield page, there(page)
    finally:
        page.close()


def there(page: Page) -> Locator:
    """The widget, in sight; Lab makes the cells that are out of sight when they come near."""
    widget = page.locator(".jp-OutputArea .ipo-widget").first
    widget.wait_for(timeout=120_000)
    page.get_by_text(IDLE).wait_for(timeout=120_000)
    widget.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
    assert not page.get_by_text(BROKEN).count()
    return widget


def drag(page: Page, start: Locator, end: Locator) -> None:
    end.scroll_into_view_if_needed()
    start.scroll_into_view_if_needed()
    first, last = start.bounding_box(), end.bounding_box()
    assert first is not None
    assert last is not None
    x, y = first["x"] + first["width"] / 2, first["y"] + first["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y + 4)
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + last["height"] / 2, steps=4)
    page.mouse.up()


def cell_number(page: Page) -> int:
    """Which cell of the page is the active one."""
    number = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex((c) => c.matches('.jp-mod-active'))"
    return int(page.evaluate(number))


def test_the_grid_saves_what_is_edited(browser: Browser, lab: tuple[str, Path]) -> None:
    with opened(browser, lab[0], "01_metrics") as (page, grid):
        unit = grid.locator('.tabulator-row .tabulator-cell[tabulator-field="unit"]')
        unit.nth(0).dblclick()
        page.keyboard.press("Control+a")
        page.keyboard.type("people")
        page.keyboard.press("Enter")
        expect(grid.get_by_role("status")).to_contain_text("Changed unit")
        expect(unit.nth(0)).to_have_text("people")
        unit.nth(0).click()
        active = cell_number(page)
        page.keyboard.press("ArrowDown")
        page.keyboard.type("days")
        page.keyboard.press("Enter")
        expect(unit.nth(1)).to_have_text("days")
        for key in ("ArrowDown", "ArrowUp", "ArrowLeft", "j", "Escape"):
            page.keyboard.press(key)
        assert cell_number(page) == active
        expect(grid.locator(".ipo-code pre")).to_contain_text("unit='days'")


def test_the_board_saves_and_survives_a_restart_and_a_reload(browser: Browser, lab: tuple[str, Path]) -> None:
    address, folder = lab

    def links() -> set[tuple[str, str]]:
        return {(link.cause, link.effect) for link in ipo.read_map(folder / "my_support" / "map.yml").links}

    with opened(browser, address, "02_links") as (page, board):
        drag(page, board.locator('[data-box="Tool outages"]'), board.locator('[data-box="Backlog"]'))
        expect(board.get_by_role("status")).to_contain_text("Saved to map.yml.")
        assert ("Tool outages", "Backlog") in links()
        board.locator('[data-box="Coaching hours"]').focus()
        active = cell_number(page)
        page.keyboard.press("l")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        end = str(page.evaluate("document.activeElement.dataset.box"))
        page.keyboard.press("Enter")
        expect(board.get_by_role("status")).to_contain_text(f"Linked Coaching hours → {end}.")
        assert ("Coaching hours", end) in links()
        for key in ("ArrowDown", "ArrowUp", "b", "d", "d"):
            page.keyboard.press(key)
        assert cell_number(page) == active
        drawn = board.locator(".ipo-label").count()
        assert drawn == 22

        ground = "(node) => getComputedStyle(node).backgroundColor"
        assert board.evaluate(ground) == "rgb(255, 255, 255)"
        page.evaluate("document.body.dataset.jpThemeLight = 'false'")
        assert board.evaluate(ground) == "rgb(18, 22, 26)"

        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…").click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        board.wait_for(state="detached")
        expect(there(page).locator(".ipo-label")).to_have_count(drawn)

        page.reload()
        page.locator(".jp-Notebook").wait_for(timeout=60_000)
        run(page)
        expect(there(page).locator(".ipo-label")).to_have_count(drawn)


def test_another_link_is_explored(browser: Browser, lab: tuple[str, Path]) -> None:
    with opened(browser, lab[0], "05_lags") as (page, lags):
        lags.get_by_role("combobox", name="Link").select_option("Wait minutes → Satisfaction")
        expect(lags.locator(".ipo-code pre")).to_contain_text("'Wait minutes', 'Satisfaction'")
        own = lags.get_by_role("slider", name="Own history")
        own.focus()
        active = cell_number(page)
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert own.input_value() == "2"
        expect(lags.get_by_text("204 weeks are left of 208")).to_have_count(1)
        slide(page, lags.get_by_role("slider", name="Lags looked at"), 0.999)
        expect(lags.get_by_text("over 27 lags")).to_have_count(1)
        lags.get_by_role("slider", name="Move the cause").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        expect(lags.locator(".ipo-names")).to_contain_text("1 later")
        lags.get_by_role("combobox", name="Link").focus()
        page.keyboard.press("Home")
        expect(lags.locator(".ipo-code pre")).to_contain_text("'Agents on shift', 'Wait minutes'")
        assert cell_number(page) == active


def test_a_driver_lights_its_path(browser: Browser, lab: tuple[str, Path]) -> None:
    with opened(browser, lab[0], "07_drivers") as (page, drivers):
        drivers.get_by_role("button", name="Wait minutes").click()
        expect(drivers.locator(".ipo-box.ipo-on")).to_have_count(2)
        drivers.get_by_role("button", name="Coaching hours").focus()
        page.keyboard.press("Enter")
        expect(drivers.locator(".ipo-box.ipo-on")).to_have_count(4)
        drivers.get_by_role("combobox", name="Outcome").focus()
        active = cell_number(page)
        page.keyboard.press("End")
        expect(drivers.locator(".ipo-headline")).not_to_contain_text("Satisfaction most")
        page.keyboard.press("ArrowUp")
        assert cell_number(page) == active


def test_a_slider_moves_what_follows(browser: Browser, lab: tuple[str, Path]) -> None:
    with opened(browser, lab[0], "08_scenario") as (page, scenario):
        said = scenario.get_by_text("Changing Agents on shift by +5")
        expect(said).to_have_count(1)
        slider = scenario.get_by_role("slider", name="Agents on shift")
        slider.focus()
        active = cell_number(page)
        page.keyboard.press("ArrowLeft")
        expect(said).to_have_count(0)
        assert cell_number(page) == active
        scenario.get_by_role("button", name="Put all back").click()
        expect(scenario.get_by_text("Nothing is changed yet")).to_have_count(1)
        slide(page, scenario.get_by_role("slider", name="Coaching hours"), 0.999)
        code = scenario.locator(".ipo-code pre")
        expect(code).to_contain_text("ipo.run_scenario(evidence, {'Coaching hours': ")
        scenario.get_by_label("Target").fill("7.5")
        scenario.get_by_label("Target").press("Enter")
        expect(scenario.get_by_role("status")).to_contain_text("The smallest change of one metric")
        expect(code).not_to_contain_text("'Coaching hours': 1")
        scenario.get_by_label("Target").fill("99")
        scenario.get_by_role("button", name="Find the change").click()
        expect(scenario.get_by_role("alert")).to_contain_text("cannot be brought")
