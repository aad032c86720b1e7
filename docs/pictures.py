"""Takes the pictures of README from the real thing, in Chromium: docs/report.png, docs/board.png, docs/explorer.png.

python docs/pictures.py                every picture
python docs/pictures.py board          the pictures whose names start so
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageColor
from playwright.sync_api import sync_playwright

import ipo_nb as ipo
from ipo_nb.drawing import PALETTE

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests" / "browser"))

from stage import staged  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST = 150_000  # bytes of a picture
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def few_colours(shot: Image.Image) -> Image.Image:
    """The picture in the colours of the project, their tints on white, and greys."""
    named = [ImageColor.getrgb(light) for name, (light, _) in PALETTE.items() if name not in ("panel", "paper")]
    tints = [tuple(255 - round(part * (255 - c)) for c in colour) for colour in named for part in (1, 0.66, 0.33)]
    wanted = dict.fromkeys(
        [*tints, ImageColor.getrgb(PALETTE["panel"][0]), *((grey, grey, grey) for grey in range(0, 256, 15))]
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in wanted for channel in colour])
    return shot.quantize(palette=palette, dither=Image.Dither.NONE)


@contextmanager
def opened(browser: Browser, address: str, width: int, height: int, sharp: float = 2) -> Iterator[Page]:
    """A page, twice as sharp as usual for screens that show it."""
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=sharp)
    page.goto(address)
    yield page
    page.close()


def report(browser: Browser, study: ipo.Study) -> bytes:
    """The first screen of the report."""
    with tempfile.TemporaryDirectory() as folder:
        written = ipo.write_report(study, Path(folder, "report.html"))
        with opened(browser, written.as_uri(), 1000, 1640, 1.4) as page:
            return page.screenshot()


def board(browser: Browser, study: ipo.Study) -> bytes:
    """The board: an arrow is chosen, its claim stands in the form, what the data say of it below."""
    widget = ipo.widgets.LinkBoard(study.ipo_map, study.evidence)
    with staged(widget) as address, opened(browser, address, 1180, 900) as page:
        page.get_by_label("What leads to").select_option("Satisfaction")
        page.locator('[data-key^="link"][data-key*="Handle minutes"][data-key*="Satisfaction"]').first.click()
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        return page.locator(".ipo").screenshot()


def explorer(browser: Browser, study: ipo.Study) -> bytes:
    """The explorer of lags: the verdict of a link, its lags, and how its two series go together as one looks."""
    widget = ipo.widgets.LagExplorer(study.evidence, ("Handle minutes", "Satisfaction"))
    with staged(widget) as address, opened(browser, address, 1180, 900) as page:
        page.wait_for_timeout(500)
        return page.locator(".ipo").screenshot()


def main(wanted: list[str]) -> None:
    """Take the pictures whose names start with one of the words given, else all."""
    sample = ipo.load_sample("support")
    study = ipo.run_study(sample.ipo_map, sample.panel)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for take in (report, board, explorer):
            if not wanted or take.__name__.startswith(tuple(wanted)):
                file = DOCS / f"{take.__name__}.png"
                shot = Image.open(io.BytesIO(take(browser, study))).convert("RGB")
                few_colours(shot).save(file, optimize=True)
                size = file.stat().st_size
                sys.stdout.write(f"{file.name}  {size / 1000:.0f} kB{'  TOO LARGE' * (size > MOST)}\n")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
