"""The `ipo-nb` command, run as an analyst runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import ipo_nb as ipo


def ipo_nb(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ipo_nb", *map(str, words)]
    env = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter project as `ipo-nb new` makes it."""
    folder = tmp_path_factory.mktemp("starter") / "project"
    done = ipo_nb("new", folder, cwd=folder.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_help_is_quick_and_names_every_command(tmp_path: Path) -> None:
    said = ipo_nb("--help", cwd=tmp_path).stdout
    assert all(command in said for command in ("demo", "new", "audit", "report", "verify", "lab", "app"))


@pytest.mark.slow
def test_demo_walks_the_path_and_ends_with_the_report(tmp_path: Path) -> None:
    done = ipo_nb("demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = Path(done.stdout.splitlines()[-1])
    assert report.parent == tmp_path.resolve()
    assert report.read_text("utf-8").startswith("<!doctype html>")
    for heading in ("1 Inventory", "3 Audit", "5 Evidence", "7 Local win", "8 What the data cannot say"):
        assert heading in done.stdout


def test_a_starter_project_holds_a_map_that_reads_without_a_warning(project: Path) -> None:
    ipo_map = ipo.read_map(project / "map.yml")
    panel = ipo.read_series(None, ipo_map)
    assert set(panel.names) == set(ipo_map.names)
    assert {link.cause for link in ipo_map.links} <= set(ipo_map.names)


@pytest.mark.slow
def test_a_starter_notebook_runs_to_its_end(project: Path) -> None:
    page = nbformat.read(project / "analysis.ipynb", as_version=4)
    nbformat.validate(page)
    NotebookClient(page, timeout=120, resources={"metadata": {"path": str(project)}}).execute()
    assert (project / "report.html").exists()


def test_new_leaves_a_folder_alone_that_holds_something(project: Path) -> None:
    before = sorted(project.iterdir())
    done = ipo_nb("new", project, cwd=project)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert sorted(project.iterdir()) == before


def test_audit_says_headline_findings_and_teams(project: Path) -> None:
    said = ipo_nb("audit", "map.yml", cwd=project).stdout
    audit = ipo.audit_map(ipo.read_map(project / "map.yml"))
    assert said.startswith(audit.headline[:60])
    assert all(code in said for code in audit.findings["code"])
    assert {"Operations", "Training", "Marketing"} <= set(said.split())


@pytest.mark.slow
def test_report_is_written_verified_and_replaced_with_a_word(project: Path) -> None:
    first = ipo_nb("report", "map.yml", "-o", "out/r.html", cwd=project)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == str((project / "out" / "r.html").resolve())
    assert ipo_nb("verify", "out/r.html", "--map", "map.yml", cwd=project).returncode == 0
    again = ipo_nb("report", "map.yml", "series.csv", "-o", "out/r.html", cwd=project)
    assert again.returncode == 0
    assert "replaced" in again.stderr


@pytest.mark.slow
def test_verify_refuses_a_report_that_was_edited(project: Path) -> None:
    ipo_nb("report", "map.yml", "-o", "edited.html", cwd=project)
    edited = project / "edited.html"
    edited.write_text(edited.read_text("utf-8").replace("Satisfaction", "Satisfuction"), "utf-8")
    done = ipo_nb("verify", edited, cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "changed" in done.stderr


def test_report_never_writes_over_another_file(project: Path) -> None:
    diary = project / "diary.html"
    diary.write_text("<p>mine</p>", "utf-8")
    done = ipo_nb("report", "map.yml", "-o", diary, cwd=project)
    assert done.returncode == 2
    assert "diary.html" in done.stderr
    assert diary.read_text("utf-8") == "<p>mine</p>"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("audit", "nowhere.yml"), "nowhere.yml"),
        (("demo", "suport"), "support"),
        (("report", "map.yml", "absent.csv"), "absent.csv"),
        (("verify", "map.yml"), "map.yml"),
        (("verify", "map.yml", "--series", "series.csv"), "--map"),
        (("report",), "MAP"),
        (("app", "nowhere.yml"), "nowhere.yml"),
        (("app", "map.yml", "--theme", "pink"), "dark"),
        (("nonsense",), "nonsense"),
    ],
)
def test_a_mistake_is_said_alone_on_stderr_and_ends_with_2(project: Path, words: tuple[str, ...], said: str) -> None:
    done = ipo_nb(*words, cwd=project)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_lab_copies_the_pages_once_and_keeps_what_was_done_on_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ipo_nb.cli import _pages_in

    mine = _pages_in(tmp_path / "mine")
    first = min(mine.glob("*.ipynb"))
    first.write_text("{}", "utf-8")
    assert _pages_in(mine) == mine
    assert first.read_text("utf-8") == "{}"
    assert "opened as it is" in capsys.readouterr().err


def test_shipped_pages_are_trusted_and_changed_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab shows no chart of an output that nobody signed; what somebody else wrote is not signed by us."""
    from nbformat.sign import NotebookNotary

    from ipo_nb import cli

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    pages = cli._pages_in(tmp_path / "pages")
    changed = pages / "05_lags.ipynb"
    changed.write_text(changed.read_text("utf-8").replace("The question", "A question"), "utf-8")
    cli._trust_shipped(pages)
    trusted = {
        page.name: NotebookNotary().check_signature(nbformat.read(page, as_version=4)) for page in pages.glob("*.ipynb")
    }
    assert [name for name, signed in trusted.items() if not signed] == ["05_lags.ipynb"]


def test_lab_exports_the_static_form_of_a_widget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lab's own export asks the server's settings; where the command puts them, the server finds them."""
    from jupyter_core.paths import jupyter_config_path
    from jupyterlab.labapp import LabApp

    from ipo_nb import cli

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    found: list[str] = []

    def launch(_: list[str]) -> None:
        found.append(Path(jupyter_config_path()[0], "jupyter_server_config.json").read_text("utf-8"))

    monkeypatch.setattr(LabApp, "launch_instance", launch)
    cli.lab(tmp_path / "pages", browser=False)
    order = json.loads(found[0])["HTMLExporter"]["NbConvertBase"]["display_data_priority"]
    assert order.index("text/html") < order.index("application/vnd.jupyter.widget-view+json")
