"""Builds the guided pages: notebooks/*.ipynb from notebooks/source/*.py, executed, byte for byte the same each time.

python notebooks/build.py              every page
python notebooks/build.py 03 05        the pages whose names start so
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

__all__ = ["NOTEBOOKS", "build_page", "read_source", "sources"]

NOTEBOOKS = Path(__file__).resolve().parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e[+-]?\d+)?")
SIZE = re.compile(r'width="(\d+)" height="(\d+)" viewBox')
WIDEST = 880  # pixels: the width of a page where it is narrow, or exported
CLIP = re.compile(r"\bclip\d+\b")


def sources() -> list[Path]:
    """The sources of all pages, in the order in which they are read."""
    return sorted((NOTEBOOKS / "source").glob("[0-9][0-9]_*.py"))


def read_source(source: Path) -> nbformat.NotebookNode:
    """The page as its source has it, without outputs: fixed metadata, ids made from page and content."""
    page = jupytext.read(source, fmt="py:percent")
    page.metadata = nbformat.from_dict(METADATA)
    page.nbformat, page.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in page.cells:
        digest = hashlib.sha256(f"{source.stem}\n{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] += 1
        cell.id = f"{source.stem}-{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else "")
    return page


def build_page(source: Path, *, to: Path = NOTEBOOKS) -> Path:
    """Execute one page in an empty folder of its own and write it; what it saves there goes with the folder."""
    page = read_source(source)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            page,
            timeout=300,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    for cell in page.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        for output in cell.get("outputs", []):
            tidy(output, cell.id)
    page.metadata = nbformat.from_dict(METADATA)
    built = to / f"{source.stem}.ipynb"
    nbformat.write(page, built)
    return built


def tidy(output: dict[str, Any], cell_id: str) -> None:
    """Take from an output what another run or machine would write differently.

    A widget's live view belongs to the kernel that made it, and stays blank without one: its static form stays.
    """
    data = output.get("data", {})
    data.pop(WIDGET_VIEW, None)
    for kind in {"text/html", "image/svg+xml"} & set(data):
        if "<svg" in data[kind]:
            data[kind] = SIZE.sub(fitted, LONG_NUMBER.sub(shorter, renumbered(data[kind], cell_id)))


def renumbered(svg: str, cell_id: str) -> str:
    """A drawing whose clip ids count from one and belong to its cell: Vega numbers all drawings of a process in turn.

    >>> renumbered("<clipPath id='clip7'/><g clip-path='url(#clip7)'/>", "a")
    "<clipPath id='clip-a-1'/><g clip-path='url(#clip-a-1)'/>"
    """
    order = {name: number for number, name in enumerate(dict.fromkeys(CLIP.findall(svg)), start=1)}
    return CLIP.sub(lambda name: f"clip-{cell_id}-{order[name[0]]}", svg)


def shorter(number: re.Match[str]) -> str:
    """A number of a drawing to five digits: no eye and no printer sees more.

    >>> LONG_NUMBER.sub(shorter, "M12.3456789,-0.00000000001")
    'M12.346,0'
    """
    value = float(number[0])
    return f"{value:.5g}" if abs(value) >= 1e-6 else "0"


def fitted(size: re.Match[str]) -> str:
    """The size of a drawing, no wider than a page.

    >>> SIZE.sub(fitted, '<svg width="1760" height="500" viewBox="0 0 1760 500">')
    '<svg width="880" height="250" viewBox="0 0 1760 500">'
    """
    width, height = int(size[1]), int(size[2])
    shrink = min(1.0, WIDEST / width)
    return f'width="{width * shrink:.0f}" height="{height * shrink:.0f}" viewBox'


def main(wanted: list[str]) -> None:
    """Build the pages whose names start with one of the words given, else all, two at a time."""
    chosen = [source for source in sources() if not wanted or source.stem.startswith(tuple(wanted))]
    with ThreadPoolExecutor(2) as pool:
        for built in pool.map(build_page, chosen):
            sys.stdout.write(f"{built.name}  {built.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
