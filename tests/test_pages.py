"""The guided pages: in step with their sources, executed, readable without a kernel, the same on every build."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
STEPS = ("start", "metrics", "links", "audit", "panel", "lags", "evidence", "drivers", "scenario", "report")
PAGES = [f"{number:02}_{step}" for number, step in enumerate(STEPS)]
CHECKED = "nbval-check-output"


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _builder()


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> tuple[str, nbformat.NotebookNode]:
    path = ROOT / "notebooks" / f"{request.param}.ipynb"
    return request.param, nbformat.read(path, as_version=4)


Page = tuple[str, nbformat.NotebookNode]


def code(page: Page) -> list[nbformat.NotebookNode]:
    return [cell for cell in page[1].cells if cell.cell_type == "code"]


def prose(page: Page) -> list[str]:
    return [cell.source for cell in page[1].cells if cell.cell_type == "markdown"]


def test_there_is_one_page_for_each_step_of_the_method() -> None:
    assert [source.stem for source in build.sources()] == PAGES
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == PAGES


def test_a_page_is_in_step_with_its_source(page: Page) -> None:
    name, built = page
    source = build.read_source(ROOT / "notebooks" / "source" / f"{name}.py")
    told = [(cell.id, cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in source.cells]
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in built.cells] == told
    assert built.metadata == build.METADATA
    nbformat.validate(built)


def test_a_page_was_executed_from_top_to_bottom_without_a_warning(page: Page) -> None:
    assert [cell.execution_count for cell in code(page)] == list(range(1, len(code(page)) + 1))
    outputs = [output for cell in code(page) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type in ("error", "stream")]


def test_results_are_shown_and_compared_on_every_run(page: Page) -> None:
    checked = [cell for cell in code(page) if CHECKED in cell.metadata.get("tags", [])]
    assert len(checked) >= 3
    assert all(cell.outputs for cell in checked)
    shown = [cell for cell in code(page) if isinstance(ast.parse(cell.source).body[-1], ast.Expr)]
    assert all(cell.outputs for cell in shown), "an output was stripped"


def test_every_chart_and_widget_is_there_as_a_picture(page: Page) -> None:
    for cell in code(page):
        kinds = {kind: data for output in cell.outputs for kind, data in output.get("data", {}).items()}
        assert build.WIDGET_VIEW not in kinds
        last = ast.unparse(ast.parse(cell.source).body[-1])
        if re.fullmatch(r"ipo\.charts\.\w+_chart\(.*\)|editor|board|explorer|panel", last):
            assert "image/svg+xml" in kinds or "<table" in kinds["text/html"], last
    for target in re.findall(r"!\[[^]]*]\(([^)]+)\)", "\n".join(prose(page))):
        assert (ROOT / "notebooks" / target).is_file()


def test_outputs_hold_no_clock_address_or_path(page: Page) -> None:
    outputs = str([cell.get("outputs", []) for cell in page[1].cells])
    assert not re.search(r"0x[0-9a-f]{8,}|\b[0-9a-f]{32}\b|\d\d:\d\d:\d\d|/(home|root|tmp|Users|work)/", outputs)
    assert not re.search(r"https?://(?!www\.w3\.org/)", outputs), "an output asks the network"


def test_cells_are_short_and_define_nothing(page: Page) -> None:
    for cell in code(page):
        lines = cell.source.splitlines()
        assert len(lines) <= 15
        assert any(line.strip() and not line.startswith("#") for line in lines), f"only comments: {cell.source!r}"
        assert not re.search(r"^\s*(def|class|for|while|with|try)\b", cell.source, re.M), cell.source


def test_a_page_keeps_its_frame_and_its_size(page: Page) -> None:
    name, _ = page
    first, last = prose(page)[0], prose(page)[-1]
    assert re.search(r"\*\*The question\.\*\*.*\*\*You will be able to\*\*.*\*\*You need\*\*.*minutes", first, re.S)
    assert re.search(r"\*\*What we found\.\*\*.*\*\*What it does not show\.\*\*.*\*\*Next", last, re.S)
    assert (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size <= 300_000


def test_links_between_pages_lead_somewhere(page: Page) -> None:
    for target in re.findall(r"\]\((\d\d_\w+\.ipynb)\)", "\n".join(prose(page))):
        assert (ROOT / "notebooks" / target).is_file()


@pytest.mark.parametrize("name", ["01_metrics", "06_evidence"])
def test_a_rebuild_is_the_same_byte_for_byte(name: str, tmp_path: Path) -> None:
    built = build.build_page(ROOT / "notebooks" / "source" / f"{name}.py", to=tmp_path)
    assert built.read_bytes() == (ROOT / "notebooks" / built.name).read_bytes()


def test_drawings_lose_what_another_run_would_number_or_round_differently() -> None:
    drawing = '<svg><g id="clip9"/><path d="M1.23456789,-1e-05 0.000000000001" clip-path="url(#clip9)"/></svg>'
    output = {"data": {"image/svg+xml": drawing, build.WIDGET_VIEW: {"model_id": "x"}}}
    build.tidy(output, "p-1")
    tidied = '<svg><g id="clip-p-1-1"/><path d="M1.2346,-1e-05 0" clip-path="url(#clip-p-1-1)"/></svg>'
    assert output["data"] == {"image/svg+xml": tidied}
