"""JupyterLab as `ipo-nb lab` starts it, and Voila; and one widget in a notebook there, made anew for each test."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

TOKEN = "pages"
# Where the acts on a widget are done: in Voila each takes ten seconds, so only `make test-voila` asks for it.
PLACES = ["stage", pytest.param("lab", marks=pytest.mark.slow)]
PLACES += [pytest.param("voila", marks=pytest.mark.slow)] * bool(os.environ.get("IPO_NB_VOILA"))
IDLE = "Python 3 (ipykernel) | Idle"


@contextmanager
def serving(home: Path, *, voila: bool = False) -> Iterator[tuple[str, Path]]:
    """JupyterLab, or Voila, on a folder of its own: its address and the folder with the pages."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data")}
    own |= {"JUPYTER_PATH": str(Path(ipo.__file__).parent)} if voila else {}
    (home / "pages").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ipo_nb", "lab", str(home / "pages"), "--no-browser", "--port", str(port)]
    if voila:
        command = [
            sys.executable,
            "-m",
            "voila",
            str(home / "pages"),
            "--template=ipo",
            "--no-browser",
            f"--port={port}",
        ]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/{'' if voila else 'api'}", home / "log")
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


def address(server: subprocess.Popen[bytes], log: Path) -> str:
    """The address with its token, as a server that was started writes it into its log."""
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"http://(?:localhost|127\.0\.0\.1)\S+token=\w+", log.read_text("utf-8")):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8"))


def run(page: Page) -> None:
    """Run all cells."""
    page.get_by_text(IDLE).wait_for(timeout=60_000)  # else Lab asks which kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


class Scope:
    """A page, in which only one widget is looked at."""

    def __init__(self, page: Page, widget: Locator) -> None:
        self._page, self._widget = page, widget

    def __getattr__(self, name: str) -> Any:
        return getattr(self._widget if name.startswith(("get_by", "locator")) else self._page, name)


class Notebook:
    """A notebook of two cells: what takes long, run once, and the widget, which `fresh` makes anew."""

    def __init__(
        self, browser: Browser, served: tuple[str, Path], before: str, code: str, *, voila: bool = False
    ) -> None:
        address, self.folder = served
        self.voila = f"{address}/voila/render/one.ipynb" if voila else ""
        guarded = "if 'ready' not in globals():\n    import ipo_nb as ipo\n" + f"    {before}\n    ready = True"
        cells = [
            {"cell_type": "code", "id": name, "execution_count": None, "metadata": {}, "outputs": [], "source": source}
            for name, source in (("before", guarded), ("widget", code))
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        page = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
        (self.folder / "one.ipynb").write_text(json.dumps(page), "utf-8")
        self.page = browser.new_page(viewport={"width": 1800, "height": 1400})
        self.page.set_default_timeout(15_000)
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        if voila:
            return
        self.page.goto(f"{address}/lab/tree/one.ipynb?token={TOKEN}&reset")
        self.page.locator(".jp-Notebook").wait_for(timeout=60_000)

    def fresh(self) -> Any:
        """The page with the widget as its cell makes it now."""
        if self.voila:
            self.page.goto(self.voila, wait_until="commit", timeout=60_000)
            widget = self.page.locator(".ipo-widget")
            widget.wait_for(timeout=60_000)
            return Scope(self.page, widget)
        self.page.evaluate("document.querySelectorAll('.ipo-widget').forEach((node) => { node.dataset.old = '1' })")
        run(self.page)
        widget = self.page.locator(".jp-OutputArea .ipo-widget:not([data-old])")
        widget.wait_for(timeout=60_000)
        self.page.get_by_text(IDLE).wait_for(timeout=60_000)
        widget.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        return Scope(self.page, widget)
