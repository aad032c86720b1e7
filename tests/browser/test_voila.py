"""The guided path as an app, in Chromium: it shows, asks nobody else for anything, and writes the report."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from in_lab import address
from playwright.sync_api import expect

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OWN = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
TITLE = "Support </title><script>centre"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The app on a copy of the support case, as `ipo-nb app MAP` starts it: its address and the map."""
    home = tmp_path_factory.mktemp("app")
    map_file = shutil.copytree(ipo.sample_folder("support"), home / "case") / "map.yml"
    text = map_file.read_text("utf-8").replace("title: Support centre", f"title: {TITLE}")
    map_file.write_text(text, "utf-8")
    own = {"JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data")}
    command = [sys.executable, "-m", "ipo_nb", "app", str(map_file), "--no-browser", "--port=8941", "--theme=dark"]
    log = home / "log"
    with log.open("w") as out, subprocess.Popen(command, stderr=out, env={**os.environ, **own}) as server:
        try:
            yield address(server, log), map_file
        finally:
            server.terminate()


def test_every_step_shows_offline_and_the_report_is_written(served: tuple[str, Path], browser: Browser) -> None:
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served[0])
    page.get_by_role("button", name="Write the report").wait_for(timeout=120_000)
    assert page.title() == f"ipo_nb: {TITLE}"
    widgets = page.locator(".ipo-widget")
    assert widgets.count() >= 6  # editor, two boards, lags, drivers, scenario
    for number in range(widgets.count()):
        widgets.nth(number).wait_for(timeout=20_000)
    assert not page.get_by_text(re.compile("Error displaying widget|Loading widget|Traceback")).count()
    assert not page.locator(".jp-CodeMirrorEditor").count()
    page.get_by_role("button", name="Write the report").click()
    page.get_by_text("The report is at").wait_for(timeout=60_000)
    assert ipo.verify_report(served[1].with_name("report.html")).ok
    assert [url for url in asked if not url.startswith(OWN)] == []
    page.close()


def test_what_is_done_on_the_board_and_in_the_grid_is_in_the_files(served: tuple[str, Path], browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(served[0])
    grid, board = page.locator(".ipo-grid").first, page.locator(".ipo-board").first
    board.wait_for(timeout=120_000)
    grid.locator('.tabulator-row .tabulator-cell[tabulator-field="owner"]').first.dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type("Somebody Else")
    page.keyboard.press("Enter")
    grid.get_by_text("Saved to inventory.csv.").wait_for(timeout=20_000)
    board.locator('[data-box="Calls scored"]').drag_to(board.locator('[data-box="Complaints"]'))
    board.get_by_text("Linked Calls scored → Complaints. Saved to map.yml.").wait_for(timeout=20_000)
    page.keyboard.press("Control+z")  # the arrow has the focus
    board.get_by_text("Undone: Linked Calls scored → Complaints").wait_for(timeout=20_000)
    page.keyboard.press("Control+y")
    board.get_by_text("Done again: Linked Calls scored → Complaints").wait_for(timeout=20_000)
    saved = ipo.read_map(served[1])
    assert saved.metrics[0].owner == "Somebody Else"
    assert saved.link("Calls scored", "Complaints").sign == "?"
    ipo.write_map(saved.without_link("Calls scored", "Complaints"), served[1])
    page.close()


def test_the_explorers_answer(served: tuple[str, Path], browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(served[0])
    page.get_by_role("button", name="Write the report").wait_for(timeout=120_000)
    lags, drivers, scenario = (page.locator(f".ipo-{kind}") for kind in ("lags", "drivers", "scenario"))
    lags.get_by_role("combobox", name="Link").select_option("Wait minutes → Satisfaction")
    expect(lags.locator(".ipo-headline")).to_contain_text("Satisfaction moves most")
    lags.get_by_role("slider", name="Lags looked at").press("End")
    expect(lags).to_contain_text("over 27 lags")
    drivers.get_by_role("button", name="Wait minutes").click()
    expect(drivers.locator(".ipo-box.ipo-on")).to_have_count(2)
    drivers.get_by_role("combobox", name="Outcome").press("End")
    expect(drivers.locator(".ipo-code pre")).not_to_contain_text("Satisfaction")
    scenario.get_by_role("slider", name="Coaching hours").press("ArrowRight")
    expect(scenario).to_contain_text("Changing Coaching hours by +")
    scenario.get_by_label("Target").fill("7.5")
    scenario.get_by_label("Target").press("Enter")
    expect(scenario.get_by_role("status")).to_contain_text("The smallest change of one metric")
    page.close()


def test_weighing_again_reads_the_map_file_again(served: tuple[str, Path], browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(served[0])
    page.get_by_role("button", name="Write the report").wait_for(timeout=120_000)
    edge = page.evaluate("document.getElementById('rendered_cells').scrollWidth")
    assert edge <= 360
    link = ipo.Link("Tool outages", "Backlog", "+", lag=(0, 3), why="Cases wait for the tool")
    ipo.write_map(ipo.read_map(served[1]).with_link(link), served[1])
    page.get_by_role("button", name="Weigh the links again").click()
    page.get_by_text("21 links judged").wait_for(timeout=60_000)
    page.close()


def test_only_who_has_the_token_on_this_machine_is_let_in(served: tuple[str, Path]) -> None:
    place = urlsplit(served[0])
    with_token = f"{place.path}?{place.query}"
    for path, host, said in ((place.path, place.netloc, 302), (with_token, "elsewhere.example", 403)):
        asking = http.client.HTTPConnection(place.netloc, timeout=20)
        asking.request("GET", path, headers={"Host": host})
        assert asking.getresponse().status == said
        asking.close()
