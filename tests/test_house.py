"""Promises about the house itself, which rot unseen: order, names, docstrings, types, light imports."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ipo_nb as ipo
from ipo_nb.card import Plan

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ipo_nb"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TREE = re.search(r"```text\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)[1]
ROOMS = [name.rstrip("/").removesuffix(".py") for name in re.findall(r"^  (\S+)", TREE, re.MULTILINE)]
FOLDERS = re.findall(r"^(\w+)/", TREE, re.MULTILINE)
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.stem != "__main__")
MODULES = [path for path in FILES if path != PACKAGE / "__init__.py"]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def own_imports(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    """The rooms that a file imports, each with its node."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ipo_nb"):
            parts = (node.module or "").split(".")
            found += [(parts[1] if parts[1:] else alias.name, node) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[2], node) for alias in node.names if alias.name.startswith("ipo_nb.")]
    return found


def module_of(path: Path) -> ModuleType:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return import_module(name)


def public_things(module: ModuleType) -> list[tuple[str, object]]:
    """What a module offers and defines itself: functions, classes, and the classes' own public methods."""
    things = []
    for name in module.__all__:
        thing = getattr(module, name)
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        things.append((name, thing))
        if inspect.isclass(thing):
            members = {n: m for n, m in vars(thing).items() if not n.startswith("_")}
            things += [(f"{name}.{n}", m) for n, m in members.items() if inspect.isfunction(m)]
    return things


def by_path(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_tree_in_contributing_is_the_one_on_disk() -> None:
    on_disk = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py"} - {"__init__", "__main__"}
    on_disk |= {p.name for p in PACKAGE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert set(ROOMS) == on_disk
    assert all((ROOT / folder).is_dir() for folder in FOLDERS)


@pytest.mark.parametrize("path", MODULES, ids=by_path)
def test_a_room_imports_only_from_rooms_above(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    room = room_of(path)
    allowed = set(ROOMS[: ROOMS.index(room)]) | ({room} if path.parent != PACKAGE else set())
    if room == "cli":
        allowed |= set(ROOMS) | {"__version__"}
    inside = {node for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)}
    for target, node in own_imports(tree):
        assert target in allowed, f"line {node.lineno} imports {target}"
        assert node not in inside, f"line {node.lineno} hides an import of the own package in a function"
    assert not any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(tree)), "a relative import"
    assert not any(a.name == "*" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names)


@pytest.mark.parametrize("path", MODULES, ids=by_path)
def test_all_names_what_is_there_and_rooms_take_nothing_else(path: Path) -> None:
    module = module_of(path)
    assert module.__doc__
    assert set(module.__all__) <= set(vars(module))
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ipo_nb."):
            taken = {alias.name for alias in node.names}
            source = import_module(str(node.module))
            assert taken <= {*source.__all__, *submodules(source)}, f"line {node.lineno}"


def submodules(module: ModuleType) -> set[str]:
    return {path.stem for folder in getattr(module, "__path__", ()) for path in Path(folder).glob("*.py")}


@pytest.mark.parametrize("path", MODULES, ids=by_path)
def test_everything_public_is_explained_and_annotated(path: Path) -> None:
    for name, thing in public_things(module_of(path)):
        if not callable(thing):
            continue
        assert inspect.getdoc(thing), f"{name} has no docstring"
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name != "self"]
            assert not bare, f"{name}: {bare} without a type"
            assert signature.return_annotation is not signature.empty, f"{name} says not what it returns"


def test_the_front_door_offers_what_the_rooms_offer() -> None:
    for name in ipo.__all__:
        assert getattr(ipo, name) is not None
    for name, room in ipo._ROOM_OF.items():
        assert name in import_module(room).__all__
    assert set(ipo.__all__) <= set(dir(ipo))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ipo.nonsense


def test_type_checkers_see_the_same_names_as_python() -> None:
    nodes = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8")).body
    seen = {(node.module, alias.asname) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {(room, name) for name, room in ipo._ROOM_OF.items()}


def loaded_after(code: str) -> set[str]:
    heavy = ("numpy", "pandas", "scipy", "statsmodels", "altair", "matplotlib", "IPython", "pyarrow")
    script = f"import sys\n{code}\nprint(*[name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.splitlines()[-1].split())


def test_import_is_light() -> None:
    assert loaded_after("import ipo_nb; dir(ipo_nb)") == set()


def test_errors_and_the_command_are_light() -> None:
    assert loaded_after("import ipo_nb as ipo, ipo_nb.cli; ipo.IpoError") == set()


def test_a_map_needs_no_statistics_package() -> None:
    assert loaded_after("import ipo_nb as ipo; ipo.read_map, ipo.audit_map") <= {"numpy", "pandas", "pyarrow"}


def names_of(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def test_every_dependency_says_why_it_is_here() -> None:
    wanted = sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
    lines = re.findall(r"^\| ([\w.-]+) \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert {canonicalize_name(name) for name in lines} - {"package"} == names_of(wanted)


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_every_import_is_a_declared_dependency(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"ipo_nb"}
    for name in foreign:
        owners = {canonicalize_name(owner) for owner in packages_distributions().get(name, [])}
        assert owners & names_of(PROJECT["dependencies"]), f"{name} of {owners}"


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    machine = re.compile(rb"/(?:home|Users)/\w+|/work/\w+|/root/\w|site-packages/|file:///\w")
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in ("ipo_nb", *FOLDERS, ".ci") for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts and path != Path(__file__)]
    guilty = [str(path.relative_to(ROOT)) for path in files if machine.search(path.read_bytes())]
    assert guilty == []


def calls(given: ipo.Study, folder: Path) -> dict[str, Callable[[], object]]:
    """A call of every public function on what a small study holds; reading takes frames."""
    ipo_map, panel, evidence = given.ipo_map, given.panel, given.evidence
    link, outcome = ipo_map.links[0], given.outcome
    cause, effect = panel.series(link.cause), panel.series(link.effect)
    return {
        "accountability": lambda: ipo.accountability(evidence),
        "audit_map": lambda: ipo.audit_map(ipo_map),
        "bounds": lambda: ipo.bounds(cause, effect),
        "error_card": lambda: ipo.error_card(Plan(1, 0)),
        "find_conflicts": lambda: ipo.find_conflicts(evidence),
        "find_oddities": lambda: ipo.find_oddities(panel, ipo_map),
        "lag_profile": lambda: ipo.lag_profile(cause, effect),
        "lagged_regression": lambda: ipo.lagged_regression(panel.values, link.effect, {link.cause: (0, 2)}),
        "panel_regression": lambda: ipo.panel_regression(
            pd.concat({"a": panel.values, "b": panel.values.iloc[::-1].set_axis(panel.values.index)}),
            link.effect,
            {link.cause: (0, 2)},
        ),
        "rank_drivers": lambda: ipo.rank_drivers(evidence, outcome),
        "reach_target": lambda: ipo.reach_target(evidence, outcome, panel.values[outcome].mean(), metric=link.cause),
        "read_inventory": lambda: ipo.read_inventory(ipo_map.inventory.table),
        "read_series": lambda: ipo.read_series(panel.values, ipo_map),
        "run_scenario": lambda: ipo.run_scenario(evidence, {link.cause: 1.0}),
        "run_study": lambda: ipo.run_study(ipo_map, panel),
        "screen_links": lambda: ipo.screen_links(panel, max_lag=2),
        "weigh_links": lambda: ipo.weigh_links(ipo_map, panel),
        "write_card": lambda: ipo.write_card(ipo.error_card(Plan(1, 0)), folder / "card.md"),
        "write_inventory": lambda: ipo.write_inventory(ipo_map.inventory, folder / "inventory.csv"),
        "write_map": lambda: ipo.write_map(ipo_map, folder / "map.yml"),
        "write_report": lambda: ipo.write_report(given, folder / "report.html"),
        "charts.drivers_chart": lambda: ipo.charts.drivers_chart(given.drivers[outcome]),
        "charts.evidence_chart": lambda: ipo.charts.evidence_chart(evidence),
        "charts.lag_profile_chart": lambda: ipo.charts.lag_profile_chart(evidence.profile(link.cause, link.effect)),
        "charts.map_chart": lambda: ipo.charts.map_chart(ipo_map, evidence),
        "charts.series_chart": lambda: ipo.charts.series_chart(panel),
    }


TAKE_NOTHING_FRAMED = {"load_sample", "read_map", "sample_folder", "simulate_system", "suggest_stage", "verify_report"}


def everything(study: ipo.Study) -> object:
    """All that a study holds, to the last digit and in order."""
    parts = (study.ipo_map, study.audit, study.evidence, study.conflicts, study.accountability, study)
    panel = study.panel.values
    tables = [part.table.to_json(double_precision=15) for part in (*parts, *study.drivers.values())]
    return tables, study.ipo_map.to_dict(), panel.to_numpy().tobytes(), list(panel.columns), list(panel.index)


@pytest.mark.slow
def test_no_public_function_changes_what_it_is_given(tmp_path: Path) -> None:
    sample = ipo.simulate_system(periods=120)
    study = ipo.run_study(sample.ipo_map, sample.panel)
    before = everything(study)
    done = calls(study, tmp_path)
    functions = {name for name in ipo.__all__ if inspect.isfunction(getattr(ipo, name))}
    assert functions - TAKE_NOTHING_FRAMED == {name for name in done if "." not in name}
    for name, call in done.items():
        call()
        after = everything(study)
        assert after == before, name


def test_the_example_in_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "report.html").exists()
