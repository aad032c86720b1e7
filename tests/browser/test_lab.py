"""The pages in real JupyterLab, in Chromium: they run, their widgets show and work, and what is done is in the file."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

TOKEN = "pages"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab as `ipo-nb lab FOLDER` starts it: its address and the folder with the pages."""
    home = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data")}
    command = [sys.executable, "-m", "ipo_nb", "lab", str(home / "pages"), "--no-browser", "--port", str(port)]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/api", home / "log")
            yield f"http://127.0.0.1:{port}", home / "pages"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(address: str, log: Path) -> None:
    for _ in range(120):
        try:
            with urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text('utf-8')}")


def opened(browser: Browser, address: str, name: str) -> Page:
    page = browser.new_page(viewport={"width": 1300, "height": 1600})
    page.goto(f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
    page.locator(".jp-Notebook").wait_for(timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)  # else Lab asks which kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return page


def test_an_arrow_drawn_in_lab_is_in_the_map_file(browser: Browser, lab: tuple[str, Path]) -> None:
    address, folder = lab
    page = opened(browser, address, "02_links")
    page.get_by_role("button", name="Save arrow").wait_for(timeout=60_000)
    page.get_by_label("Cause").select_option("Tool outages")
    page.get_by_label("Effect").select_option("Backlog")
    page.get_by_label("Why").fill("Cases wait for the tool")
    page.get_by_label("Why").press("Tab")
    page.get_by_role("button", name="Save arrow").click()
    page.get_by_text("Saved to map.yml.").wait_for(timeout=20_000)
    link = ipo.read_map(folder / "my_support" / "map.yml").link("Tool outages", "Backlog")
    assert link.why == "Cases wait for the tool"
    page.get_by_label("Effect").select_option("Tool outages")
    page.get_by_role("button", name="Save arrow").click()
    page.get_by_role("alert").filter(has_text="Tool outages").wait_for(timeout=20_000)
    page.close()


def test_another_link_is_explored_by_keyboard(browser: Browser, lab: tuple[str, Path]) -> None:
    page = opened(browser, lab[0], "05_lags")
    choice = page.get_by_label("Link", exact=True)
    choice.wait_for(timeout=120_000)
    choice.focus()
    choice.press("Home")
    page.locator(".ipo-widget p").filter(has_text="Agents on shift → Wait minutes").wait_for(timeout=20_000)
    assert page.locator(".widget-html-content svg").count() == 1
    assert not page.get_by_text(re.compile("Error displaying widget|Loading widget")).count()
    page.close()
