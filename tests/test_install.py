"""What a user installs: the wheel holds pages and samples; conda's list says the same as pip's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler import MatchSpec

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_environment_yml_asks_for_what_pyproject_asks_for() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    specs = [MatchSpec(line) for line in environment["dependencies"] if isinstance(line, str)]
    conda = {spec.name.normalized: SpecifierSet(str(spec.version or "")) for spec in specs}
    pip = {need.name: need.specifier for need in map(Requirement, PROJECT["dependencies"])}
    assert conda == {**pip, "python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_pages_samples_types_and_static_files(wheel: Path) -> None:
    shipped = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*")}
    wanted = {f"ipo_nb/{p.relative_to(ROOT)}" for p in (ROOT / "sample_data").rglob("*.*")}
    wanted |= {f"ipo_nb/notebooks/{page.name}" for page in (ROOT / "notebooks").glob("*.ipynb")}
    wanted |= {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ipo_nb").rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= shipped
    assert {f"ipo_nb/widgets/static/tabulator.{end}" for end in ("LICENSE", "min.js", "min.css")} <= shipped
    assert {"ipo_nb/voila/app.ipynb", "ipo_nb/voila/templates/ipo/index.html.j2"} <= shipped
    assert f"ipo_nb-{PROJECT['version']}.data/data/etc/jupyter/jupyter_nbconvert_config.json" in shipped
    assert not [name for name in shipped if re.search(r"__pycache__|\.ipynb_checkpoints", name)]


@pytest.mark.slow
def test_an_installed_wheel_runs_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    code = (
        "import ipo_nb as ipo; print(ipo.__file__, len(ipo.load_sample('support').ipo_map.links));"
        "from ipo_nb.cli import _pages_in; print(_pages_in(None))"
    )
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert str(wheel) in run.stdout
    assert sorted(p.name for p in (tmp_path / "ipo_pages").iterdir()) == sorted(
        page.name for page in (ROOT / "notebooks").glob("*.ipynb")
    )
