"""`ipo-nb lab` opens the first page without a question in the way and without asking the internet for anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from in_lab import address

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
PAGE = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": KERNEL}, "cells": []}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a folder with one page, as somebody meets it who never used it; gives its address."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "00_first.ipynb").write_text(json.dumps(PAGE), "utf-8")
    nowhere = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "HOME")}
    command = [sys.executable, "-m", "ipo_nb", "lab", str(pages), "--no-browser", "--port=8931"]
    log = tmp_path / "log"
    with log.open("w") as out, subprocess.Popen(command, stderr=out, env={**os.environ, **nowhere}) as server:
        try:
            yield address(server, log)
        finally:
            server.terminate()


def test_the_first_page_opens_and_no_news_are_offered(lab: str, browser: Browser) -> None:
    asked = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(lab)
    page.get_by_role("tab", name="00_first.ipynb").wait_for(timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    assert page.get_by_text("Jupyter news").count() == 0
    assert page.get_by_role("dialog").count() == 0
    assert not [url for url in asked if "://localhost" not in url and "://127.0.0.1" not in url]
    page.close()
