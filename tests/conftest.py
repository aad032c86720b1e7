"""What tests share: the support case with its study, and Chromium, skipped aloud or, under CI, missed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "there is no Chromium here; on Debian: apt-get install chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Small matrices, several workers: one thread each. NumPy reads this when it is first needed, after this file.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail(f"Under CI the browser tests must run, and {NO_CHROMIUM}.", pytrace=False)
        pytest.skip(NO_CHROMIUM)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CHROMIUM is None:
        terminalreporter.write_line(f"BROWSER TESTS DID NOT RUN: {NO_CHROMIUM}.", yellow=True, bold=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; `browser.new_page()` gives a fresh page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def support() -> ipo.Sample:
    """The support case: map, series, truth."""
    return ipo.load_sample("support")


@pytest.fixture(scope="session")
def support_study(support: ipo.Sample) -> ipo.Study:
    """Everything about the support case, worked out once."""
    return ipo.run_study(support.ipo_map, support.panel)
