"""How quick the widgets feel, in Chromium, run by `make bench` where there is one: wall-clock medians."""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from ipo_nb.widgets.window import Window

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from stage import settle, shown

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STAGES = ("input", "process", "outcome")
# Milliseconds from a key to the first frame in which something holds: what is on the screen then is what is seen.
WAIT = """([drawn, press]) => { window.took = new Promise((done) => {
  const holds = new Function("return " + drawn);
  addEventListener(press, () => {
    const start = performance.now();
    const look = () => (holds() ? done(performance.now() - start) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  }, { once: true, capture: true });
}); }"""


COUNT = """() => {
  window.frames_ = 0;
  const next = () => { window.frames_ += 1; requestAnimationFrame(next); };
  next();
}"""
ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1)\S*token=(\w+)")


def large_map(metrics: int, links: int) -> ipo.IPOMap:
    """A map with metrics in all lanes and arrows that mostly go one lane on."""
    draw = random.Random(1)
    known = [ipo.Metric(f"Metric {k} of things", STAGES[k % 3], team=f"Team {k % 8}") for k in range(metrics)]
    pairs: set[tuple[str, str]] = set()
    while len(pairs) < links:
        cause, effect = draw.sample(known, 2)
        lanes = STAGES.index(effect.stage) - STAGES.index(cause.stage)
        if lanes == 1 or (lanes >= 0 and draw.random() < 0.2 and (effect.name, cause.name) not in pairs):
            pairs.add((cause.name, effect.name))
    return ipo.IPOMap(known, [ipo.Link(*pair, sign="+", lag=(0, 4)) for pair in sorted(pairs)])


def until(page: Page, drawn: str, act: Callable[[], object], *, press: str = "keydown") -> float:
    """Milliseconds from a key press to the frame that shows it."""
    page.evaluate(WAIT, [drawn, press])
    act()
    return float(page.evaluate("window.took"))


def drag_frames(browser: Browser) -> tuple[float, float]:
    """Frames per second while an arrow is dragged over a map of 60 metrics and 120 links, and at rest."""
    with shown(browser, ipo.widgets.LinkBoard(large_map(60, 120)), width=1300, height=1000) as page:
        page.evaluate(COUNT)
        page.wait_for_timeout(1000)
        rest = float(page.evaluate("window.frames_"))
        start_box = page.locator("[data-box]").first
        start_box.scroll_into_view_if_needed()
        box = start_box.bounding_box()
        assert box is not None
        x, y = box["x"] + 80, box["y"] + 20
        page.mouse.move(x, y)
        page.mouse.down()
        speeds = []
        for _ in range(5):
            before, start = page.evaluate("window.frames_"), time.perf_counter()
            for step in range(60):
                page.mouse.move(x + 12 * step, y - 6 * step)
            speeds.append((page.evaluate("window.frames_") - before) / (time.perf_counter() - start))
        assert page.locator(".ipo-rubber").count() == 1, "nothing was dragged"
        page.keyboard.press("Escape")
        page.mouse.up()
        return statistics.median(speeds), rest


def typed_character(browser: Browser) -> list[float]:
    """From a key to the character in a cell of a grid with 1,000 rows; it opens the editor as well."""
    metrics = [ipo.Metric(f"Metric {k}", STAGES[k % 3], team=f"Team {k % 9}", unit="hours") for k in range(1000)]
    with shown(browser, ipo.widgets.InventoryEditor(ipo.Inventory.of(metrics))) as page:
        times = []
        for row in range(7):
            page.locator('.tabulator-row .tabulator-cell[tabulator-field="unit"]').nth(row).click()
            held = "document.querySelector('.tabulator-editing input')?.value === 'd'"
            times.append(until(page, held, lambda: page.keyboard.press("d")))
            page.keyboard.press("Enter")
            settle(page)
        return times


def slider_steps(browser: Browser, widget: Window, name: str, chart: str) -> list[float]:
    """From an arrow key on a slider to the redrawn chart; the value goes to Python and back."""
    with shown(browser, widget) as page:
        slider = page.get_by_role("slider", name=name)
        slider.focus()
        times = []
        for key in ["ArrowRight", "ArrowLeft"] * 4:
            page.evaluate(f"window.old = document.querySelector({chart!r})")
            changed = f"document.querySelector({chart!r}) !== window.old"
            times.append(until(page, changed, lambda key=key: page.keyboard.press(key)))
            settle(page)
        return times


def first_widget(browser: Browser) -> float:
    """Seconds from `ipo-nb lab` in a fresh folder to the board of page 02, run by hand."""
    with tempfile.TemporaryDirectory() as home:
        own = {name: str(Path(home, name)) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
        log, start = Path(home, "log"), time.perf_counter()
        command = [sys.executable, "-m", "ipo_nb", "lab", str(Path(home, "pages")), "--no-browser", "--port=8957"]
        where = {**os.environ, **own}
        with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=where) as server:
            try:
                while not (found := ADDRESS.search(log.read_text("utf-8"))):
                    time.sleep(0.05)
                page = browser.new_page(viewport={"width": 1300, "height": 1000})
                page.goto(f"http://127.0.0.1:8957/lab/tree/02_links.ipynb?token={found[1]}")
                page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
                page.get_by_role("menuitem", name="Run", exact=True).click()
                page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
                page.locator(".ipo-board [data-box]").first.wait_for(timeout=60_000)
                taken = time.perf_counter() - start
                page.close()
                return taken
            finally:
                server.terminate()


def main() -> None:
    if CHROMIUM is None:
        print("widgets: there is no Chromium here, so nothing was timed")
        return
    from playwright.sync_api import sync_playwright

    case = ipo.load_sample("support")
    evidence = ipo.weigh_links(case.ipo_map, case.panel)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        drag, rest = drag_frames(browser)
        print(f"drag over 60 metrics, 120 links           {drag:6.0f} frames/s (at rest {rest:.0f})")
        typed = typed_character(browser)
        print(f"key to character, 1,000 rows              {statistics.median(typed):6.0f} ms")
        lags = slider_steps(browser, ipo.widgets.LagExplorer(evidence), "Own history", "[aria-label=Correlations] svg")
        print(f"slider to chart, LagExplorer              {statistics.median(lags):6.0f} ms")
        panel = ipo.widgets.ScenarioPanel(evidence, {"Agents on shift": 5})
        moved = slider_steps(browser, panel, "Agents on shift", ".ipo-follows svg")
        print(f"slider to charts, ScenarioPanel           {statistics.median(moved):6.0f} ms")
        seen = statistics.median(first_widget(browser) for _ in range(3))
        print(f"`ipo-nb lab` to the board of page 02      {seen:6.1f} s")
        browser.close()


if __name__ == "__main__":
    main()
