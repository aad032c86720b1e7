"""Each widget in both themes, wide and narrow: axe finds nothing, text can be read, nothing sticks out of the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from stage import settle, shown

import ipo_nb as ipo
from ipo_nb.widgets.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "out" / "pictures"
FAINT = """() => {
  const part = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const ground = (node) => { // the nearest opaque colour behind: a drawn card, or an element's background
    const card = node.closest?.("g")?.querySelector(":scope > .ipo-card, :scope > .ipo-pill, :scope > circle");
    if (card && node.tagName === "text") return rgba(getComputedStyle(card).fill);
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const ratio = (front, back) => {
    const [a, b] = [rgba(front), back].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  for (const node of document.querySelectorAll(".ipo input:placeholder-shown")) {
    const pale = ratio(getComputedStyle(node, "::placeholder").color, ground(node));
    if (pale < 4.5) faint.push(`${pale.toFixed(1)} placeholder ${node.placeholder}`);
  }
  for (const node of document.querySelectorAll(".ipo *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || !box.height || node.closest("[disabled], .ipo-live, option")) continue;
    const style = getComputedStyle(node);
    const pale = ratio(node.tagName === "text" ? style.fill : style.color, ground(node));
    if (pale < 4.5) {
      faint.push(`${pale.toFixed(1)} ${node.tagName} ${node.getAttribute("class")} ${node.textContent.slice(0, 40)}`);
    }
  }
  return faint;
}"""
OUTSIDE = """() => {
  const edge = document.documentElement.clientWidth;
  const [wide, unseen] = [document.documentElement.scrollWidth, ".ipo-live, .tabulator, .ipo-scroll, pre, option"];
  const out = [...document.querySelectorAll(".ipo *")].filter((node) => {
    const { left, right, width } = node.getBoundingClientRect();
    return width && !node.closest(unseen) && (right > edge + 0.5 || left < -0.5);
  });
  const words = out.map((node) => `outside: ${node.getAttribute("class")} ${node.textContent.slice(0, 40)}`);
  return wide > edge ? [...words, `page ${wide} wide`] : words;
}"""
CUT = """() => [...document.querySelectorAll(".ipo :is(button, label, p, summary, h3, h4, .ipo-value, legend)")]
  .filter((node) => !node.closest(".ipo-live, .tabulator, .ipo-scroll"))
  .filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
  .map((node) => `cut: ${node.tagName} ${node.getAttribute("class")} ${node.textContent.slice(0, 40)}`)"""
Act = Callable[["Page"], None]


def chosen_metric(page: Page) -> None:
    page.locator('[data-box="Satisfaction"]').click()


def chosen_link(page: Page) -> None:
    page.locator('[data-box="Handle minutes"]').focus()
    page.keyboard.press("o")
    page.keyboard.press("Enter")


def refused(page: Page) -> None:
    chosen_link(page)
    page.get_by_label("First lag").fill("-3")
    page.get_by_label("First lag").press("Tab")


def suggested(page: Page) -> None:
    page.locator("summary", has_text="finding").click()
    page.locator("summary", has_text="How it works").click()


def chosen_suggestion(page: Page) -> None:
    page.get_by_role("button", name="Tool outages → Backlog").first.click()


def adding(page: Page) -> None:
    page.get_by_role("button", name="Add a metric").click()


def cell(page: Page, field: str, row: int = 0) -> None:
    page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').nth(row).dblclick()


def editing(page: Page) -> None:
    cell(page, "unit")


def dropped(page: Page) -> None:
    cell(page, "stage")
    page.locator(".tabulator-edit-list-item").first.wait_for()


def faulty(page: Page) -> None:
    cell(page, "name", 1)
    page.keyboard.press("Control+a")
    page.keyboard.type("wait   MINUTES")
    page.keyboard.press("Enter")
    settle(page)
    page.locator(".tabulator-cell.ipo-wrong").wait_for()


def guessed(page: Page) -> None:
    page.get_by_role("button", name="Add a row").click()
    settle(page)
    page.locator(".tabulator-editing input").wait_for()
    page.keyboard.type("Churn rate")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take outcome").wait_for()


def pressed(page: Page) -> None:
    page.locator(".ipo-driver").first.click()


def looked(page: Page) -> None:
    page.get_by_label("Own history taken off").press("ArrowRight")


def no_target(page: Page) -> None:
    page.get_by_label("Target").fill("99")
    page.get_by_role("button", name="Find the change").click()
    page.get_by_role("alert").filter(has_text="✕").wait_for()


ACTS: dict[str, dict[str, Act]] = {
    "board": {f.__name__: f for f in (suggested, chosen_metric, chosen_link, refused, chosen_suggestion, adding)},
    "teams": {},
    "grid": {f.__name__: f for f in (editing, dropped, faulty, guessed)},
    "lags": {"looked": looked},
    "drivers": {"pressed": pressed},
    "scenario": {"no_target": no_target},
}


@pytest.fixture
def make(support_study: ipo.Study, tmp_path: Path) -> Callable[[str], Window]:
    """Each widget by name, fresh, on files of its own."""
    evidence, many = (
        support_study.evidence,
        [ipo.Metric(f"Metric {k}", "process", team=f"Team {k % 7}") for k in range(300)],
    )

    def board() -> Window:
        shutil.copytree(ipo.sample_folder("support"), tmp_path / "case", dirs_exist_ok=True)
        guess = [ipo.Link("Tool outages", "Backlog", sign="+", lag=(1, 3))]
        return ipo.widgets.LinkBoard(ipo.read_map(tmp_path / "case" / "map.yml"), evidence, suggestions=guess)

    made: dict[str, Callable[[], Window]] = {
        "board": board,
        "teams": lambda: ipo.widgets.LinkBoard(ipo.IPOMap(many, [])),
        "grid": lambda: ipo.widgets.InventoryEditor(support_study.ipo_map.inventory),
        "lags": lambda: ipo.widgets.LagExplorer(evidence),
        "drivers": lambda: ipo.widgets.DriverExplorer(evidence, "Satisfaction"),
        "scenario": lambda: ipo.widgets.ScenarioPanel(evidence, {"Agents on shift": 5}),
    }
    return lambda name: made[name]()


def axed(page: Page, *, dark: bool) -> list[str]:
    """What axe finds; in the dark only colours differ."""
    options = {"resultTypes": ["violations"], **({"runOnly": ["color-contrast"]} if dark else {})}
    found = page.evaluate("(options) => axe.run('.ipo', options)", options)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})" for one in found]


def measured(page: Page) -> list[str]:
    return [line for check in (FAINT, OUTSIDE, CUT) for line in page.evaluate(check)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ACTS)
def test_nothing_is_hard_to_read_or_out_of_reach(
    browser: Browser, make: Callable[[str], Window], name: str, dark: bool
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in (1200, 360):
        with shown(browser, make(name), dark=dark, width=width) as page:
            page.screenshot(path=PICTURES / f"{name}-{width}-{'dark' if dark else 'light'}.png", full_page=True)
            page.evaluate(Axe().axe_script)
            found = {"at first": [*axed(page, dark=dark), *measured(page)]}
            for words, act in ACTS[name].items():
                act(page)
                settle(page)
                found[words] = [*(axed(page, dark=dark) if width == 1200 else []), *measured(page)]
            assert {words: lines for words, lines in found.items() if lines} == {}, f"{width} px wide"


@pytest.mark.parametrize("name", ACTS)
def test_at_200_percent_nothing_sticks_out(browser: Browser, make: Callable[[str], Window], name: str) -> None:
    with shown(browser, make(name), width=640, height=450, scale=2) as page:
        assert [line for check in (OUTSIDE, CUT) for line in page.evaluate(check)] == []
