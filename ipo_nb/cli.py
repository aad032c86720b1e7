"""The `ipo-nb` command: each step of the method from a terminal.

Exit 0, or 2 for a mistake that the analyst can mend.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import ipo_nb as ipo
from ipo_nb.errors import BadOption, FileFault, IpoError

__all__ = ["app", "main"]

app = typer.Typer(
    name="ipo-nb",
    help="From a list of metrics to a driver analysis that can be trusted and mailed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

SERIES = "The series; else the map's own data file."
MapFile = Annotated[Path, typer.Argument(metavar="MAP", help="The map file (YAML or JSON).")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the report goes.")]


def main() -> None:
    """Run the command; a mistake of the analyst is said on stderr, alone, and ends with 2."""
    try:
        app()
    except IpoError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, a folder that may not be written to
        print(f"{error.filename or 'A file'}: {error.strerror or error}.", file=sys.stderr)
        raise SystemExit(2) from None


@app.command()
def demo(
    case: Annotated[str, typer.Argument(help="support, gaming or hospital.")] = "support", output: Output = None
) -> None:
    """Walk the whole path on a sample case; the last line is the path of the report."""
    sample = ipo.load_sample(case)
    _say("1 Inventory", sample.ipo_map.inventory.text)
    _say("2 Map", sample.ipo_map.text)
    _say("3 Audit", ipo.audit_map(sample.ipo_map).headline)
    _say("4 Series", sample.panel.text)
    study = ipo.run_study(sample.ipo_map, sample.panel, progress=sys.stderr.isatty())
    _say("5 Evidence", study.evidence.text)
    _say("6 What drives it", *study.driven_by)
    _say("7 Local win, strategic loss", *study.conflicting)
    _say("8 What the data cannot say", *study.unknown)
    _write(study, output or Path(f"ipo_report_{case}.html"))


@app.command()
def audit(map_file: MapFile) -> None:
    """Say what is wrong with the KPI system as drawn; needs no data."""
    found = ipo.audit_map(ipo.read_map(map_file))
    print(found.headline)
    for finding in found.findings.to_dict("records"):
        print()
        print(_wrapped(f"{finding['severity']}: {finding['message']} ({finding['code']})"))
        print(_wrapped(finding["mend"], indent="    "))
    print(f"\n{found.teams.to_string(index=False, float_format=lambda share: f'{share:.0%}')}")


@app.command()
def report(
    map_file: MapFile,
    series: Annotated[Path | None, typer.Argument(metavar="[SERIES]", help=SERIES)] = None,
    output: Output = None,
) -> None:
    """Judge every link of a map by its series and write the report, one offline HTML file."""
    ipo_map = ipo.read_map(map_file)
    study = ipo.run_study(ipo_map, ipo.read_series(series, ipo_map), progress=sys.stderr.isatty())
    print(_wrapped(study.headline))
    _write(study, output or Path(f"{map_file.stem}_report.html"))


@app.command()
def verify(
    report_file: Annotated[Path, typer.Argument(metavar="FILE", help="A report of ipo-nb.")],
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="MAP", help="Its map: to run the study again.")
    ] = None,
    series: Annotated[Path | None, typer.Option(metavar="SERIES", help=SERIES)] = None,
) -> None:
    """Check that nobody changed a report and, with its map, that the series still give its numbers."""
    if map_file is None:
        if series is not None:
            raise BadOption("To run the study again takes the map too.", fix="Add --map MAP.")
        verification = ipo.verify_report(report_file)
    else:
        ipo_map = ipo.read_map(map_file)
        verification = ipo.verify_report(report_file, ipo_map=ipo_map, panel=ipo.read_series(series, ipo_map))
    print(_wrapped(verification.text), file=sys.stdout if verification.ok else sys.stderr)
    raise typer.Exit(0 if verification.ok else 2)


@app.command()
def screen(
    series: Annotated[Path, typer.Argument(metavar="SERIES", help="The series: CSV, XLSX or Parquet.")],
    max_lag: Annotated[int, typer.Option(metavar="N", help="The longest lag looked at, in periods.")] = 8,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="MAP", help="Its metrics alone, without the pairs that it links.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the candidates go, as CSV.")
    ] = None,
) -> None:
    """Look through all pairs of series for what looks like a link: candidates to think about."""
    ipo_map = ipo.screen.bare_map(series) if map_file is None else ipo.read_map(map_file)
    found = ipo.screen_links(ipo.read_series(series, ipo_map), max_lag=max_lag, ipo_map=ipo_map, progress=True)
    print(_wrapped(found.text))
    for row in found.table.head(20).itertuples():
        print(
            f"   {row.cause} -> {row.effect} ({row.sign}), lag {row.lag}: explains {row.partial_r2:.0%} of what is new"
        )
    if output is not None:
        stood_before = output.exists()
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(found.to_csv(), encoding="utf-8")
        _told_if_replaced(output, stood_before)
        print(output.resolve())


@app.command()
def card(
    long: Annotated[bool, typer.Option("--long", help="1,000 draws a shape: an hour instead of minutes.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A text file with a place for the card.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1 for one a core.")] = 1,
) -> None:
    """Measure how often the test is wrong, by shape of data, on this installation."""
    made = ipo.error_card(ipo.card.LONG if long else ipo.card.SHORT, n_jobs=jobs, progress=True)
    print(_wrapped(made.text))
    print()
    print(made.markdown())
    if output is not None:
        print(ipo.write_card(made, output).resolve())


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, or is empty.")]) -> None:
    """Start a project: a small inventory, map and series to replace by yours, and a notebook that runs."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileFault("is there already and not empty.", file=folder, fix="Name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    values = ipo.simulate_system(periods=156).panel.values
    weeks = [f"{week.start_time:%Y-%m-%d}" for week in values.index]
    values.set_axis(weeks).to_csv(folder / "series.csv", index_label="week")
    for file in ("inventory.csv", "map.yml", "analysis.ipynb"):
        shutil.copyfile(Path(__file__).parent / "starter" / file, folder / file)
    print(f"{folder} holds inventory.csv, map.yml, series.csv (invented numbers) and analysis.ipynb.")
    print(f"Put your own metrics, links and series in their place. Next: ipo-nb lab {folder}")


@app.command()
def lab(
    folder: Annotated[Path | None, typer.Argument(help="Where the pages are to be; copied there once.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
) -> None:
    """Open the guided pages in JupyterLab; Ctrl-C ends it."""
    _start_quickly()
    from jupyterlab.labapp import LabApp

    where = _pages_in(folder)
    _trust_shipped(where)
    first = next((f"/lab/tree/{page.name}" for page in sorted(where.glob("*.ipynb"))), "/lab")
    options = [f"--ServerApp.root_dir={where}", f"--LabApp.default_url={first}", f"--port={port}"]
    options += ["--no-browser"] * (not browser)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # Jupyter refuses root otherwise; containers know no other user
    with tempfile.TemporaryDirectory() as settings:
        defaults = Path(settings, "labconfig", "default_setting_overrides.json")
        defaults.parent.mkdir()
        defaults.write_text(json.dumps(LAB_DEFAULTS), encoding="utf-8")
        shutil.copyfile(EXPORTS, Path(settings, "jupyter_server_config.json"))
        users_own = os.environ.get("JUPYTER_CONFIG_PATH")
        os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [settings, users_own]))
        LabApp.launch_instance(options)


class Theme(StrEnum):
    """How the app looks."""

    LIGHT = "light"
    DARK = "dark"


@app.command("app")
def guide(
    map_file: MapFile,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8866,
    theme: Annotated[Theme, typer.Option(help="How the app looks.")] = Theme.LIGHT,
) -> None:
    """Open the guided path on a map as an app, on this machine alone; Ctrl-C ends it."""
    _start_quickly()
    ipo.app.serve(map_file, browser=browser, port=port, theme=theme.value)


# Defaults, a user's own choice stands: JupyterLab asks a newcomer whether it may fetch news; and of a widget in a page
# that was saved and opened without a kernel it shows an error, unless the page holds what the widget showed last.
LAB_DEFAULTS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}
# An exported page shows a widget's static form: its live one is blank without a network. Voila keeps the live one.
EXPORTS = Path(__file__).parent / "jupyter" / "jupyter_nbconvert_config.json"


def _start_quickly() -> None:
    """Leave out an optional check of a format that no server here uses: building its grammar takes two seconds."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _shipped_pages() -> Path:
    """Where the pages came with the package: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"


def _trust_shipped(where: Path) -> None:
    """Sign the pages that stand as they were shipped: JupyterLab hides the charts of an output that nobody signed."""
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()  # type: ignore[no-untyped-call]
    for page in sorted(_shipped_pages().glob("*.ipynb")):
        copy = where / page.name
        if copy.is_file() and copy.read_bytes() == page.read_bytes():
            notary.sign(nbformat.read(copy, as_version=4))  # type: ignore[no-untyped-call]


def _pages_in(folder: Path | None) -> Path:
    """The folder to open: the checkout's own pages, or a copy of the pages for the user to work in."""
    shipped = _shipped_pages()
    if folder is None and shipped.parent != Path(__file__).parent:
        return shipped
    folder = folder or Path("ipo_pages")
    if folder.exists() and not folder.is_dir():
        raise FileFault("is not a folder.", file=folder, fix="Name a folder for the pages.")
    if any(folder.glob("*.ipynb")):
        print(f"{folder} has notebooks already; it is opened as it is.", file=sys.stderr)
        return folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for page in sorted(shipped.glob("*.ipynb")):
        shutil.copyfile(page, folder / page.name)
    print(f"The pages were copied to {folder}.", file=sys.stderr)
    return folder.resolve()


def _write(study: ipo.Study, output: Path) -> None:
    """Write the report and say where, on the last line of stdout."""
    stood_before = output.exists()
    output.parent.mkdir(parents=True, exist_ok=True)
    written = ipo.write_report(study, output)
    _told_if_replaced(output, stood_before)
    print(written.resolve())


def _told_if_replaced(output: Path, stood_before: bool) -> None:
    if stood_before:
        print(f"The earlier file at {output} was replaced.", file=sys.stderr)


def _say(heading: str, *sentences: str) -> None:
    print(heading)
    for sentence in sentences:
        print(_wrapped(sentence, indent="   "))
    print()


def _wrapped(text: str, *, indent: str = "") -> str:
    width = min(shutil.get_terminal_size().columns, 110)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)
