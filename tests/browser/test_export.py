"""A page exported to HTML and opened with the network off: each widget in its static form, nothing blank."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config
from voila.exporter import VoilaExporter

from ipo_nb.cli import EXPORTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

START = """\
import ipywidgets
import ipo_nb as ipo
case = ipo.load_sample("support")
few = case.ipo_map
for link in few.links:
    few = few if link.effect == "Satisfaction" else few.without_link(link.cause, link.effect)
evidence = ipo.weigh_links(few, case.panel)"""
WIDGETS = (
    "ipo.widgets.InventoryEditor(few.inventory)",
    "ipo.widgets.LinkBoard(few, evidence)",
    "ipo.widgets.LagExplorer(evidence, ('Handle minutes', 'Satisfaction'))",
    "ipo.widgets.DriverExplorer(evidence, 'Satisfaction')",
    "ipo.widgets.ScenarioPanel(evidence, {'Handle minutes': -0.5})",
)
OTHERS = "ipywidgets.IntSlider()"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all five widgets and one of somebody else's, run and exported with the state of its widgets."""
    folder = tmp_path_factory.mktemp("export")
    page = new_notebook(cells=[new_code_cell(code) for code in (START, *WIDGETS, OTHERS)])
    nbformat.write(page, folder / "page.ipynb")
    shutil.copy(EXPORTS, folder)  # where the package is installed, it stands in etc/jupyter
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", str(folder / "page.ipynb")]
    subprocess.run(command, env={**os.environ, "JUPYTER_CONFIG_PATH": str(folder)}, check=True, capture_output=True)
    return folder / "page.html"


@pytest.mark.parametrize("scripts", [True, False])
def test_every_widget_shows_its_drawing_and_table_offline(browser: Browser, exported: Path, scripts: bool) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900}, java_script_enabled=scripts)
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto(exported.as_uri())
    outputs = page.locator(".jp-OutputArea-output")
    assert outputs.count() == len(WIDGETS) + 1
    for number, code in enumerate(WIDGETS):
        output = outputs.nth(number)
        assert output.locator("table").is_visible(), code
        assert output.locator("p").first.inner_text().strip()
        if "Inventory" not in code:  # a list of metrics has no drawing
            drawing = output.locator("svg").bounding_box()
            assert drawing
            assert drawing["height"] > 100, code
    page.close()


def test_widgets_of_others_are_exported_as_ever(exported: Path) -> None:
    assert exported.read_text("utf-8").count(f'<script type="{VIEW}">') == 1


def test_voila_keeps_the_live_widgets() -> None:
    exporter = VoilaExporter(config=Config(json.loads(EXPORTS.read_text("utf-8"))))
    assert WidgetsDataTypeFilter(parent=exporter).display_data_priority[0] == VIEW
