"""Guide: the whole path on one map file as an app in the browser, for people who don't read code; served by Voila."""

from __future__ import annotations

import os
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets

from ipo_nb.audit import audit_map
from ipo_nb.errors import IpoError
from ipo_nb.links import IPOMap
from ipo_nb.panel import read_series
from ipo_nb.reading import read_map
from ipo_nb.report import write_report
from ipo_nb.results import escape, table_html
from ipo_nb.study import Study, run_study
from ipo_nb.widgets import DriverExplorer, InventoryEditor, LagExplorer, LinkBoard, ScenarioPanel

__all__ = ["MAP", "Guide", "serve"]

MAP = "IPO_NB_MAP"  # the variable in which the app is told its map file
HERE = Path(__file__).parent
REPORT = "report.html"
WIDGETS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
NO_DATA = """\
This map names no data yet, so no arrow can be weighed; all above works without. To go on, put a table beside the map, \
such as series.csv: a row for each period, a column with its date, and a column for each metric, under its name in the \
inventory. Then write this line into {map} and press the button:
data: {{file: series.csv}}"""
NO_LINKS = "The map has no arrow yet: draw one above, then press the button."
Widgets = Sequence[ipywidgets.Widget]


class Guide:
    """The guided path on one map file; each step is a box with a sentence before it, to be shown in this order.

    `head`, `metrics`, `board` and `audit` need the map alone. `evidence` and `findings` (when, drivers, scenario,
    report) are filled by `start` or `weigh`, if the map names data. Whatever goes wrong is said in a sentence.

    Parameters
    ----------
    path : the map file.

    Attributes
    ----------
    ipo_map : the map as last read; None if it cannot be read.
    study : all results as last weighed; None before, and where the map names no data.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.ipo_map: IPOMap | None = None
        self.study: Study | None = None
        self.head, self.metrics, self.board, self.audit, self._found, self.findings = (_box() for _ in range(6))
        self.status, self.written = _words(), _words()
        self._again = _button("Weigh the links again", self.again)
        heading = _step("4 The evidence", "What do the numbers say of each arrow? After a change above, weigh again.")
        self.evidence = _box(heading, self._again, self.status, self._found)
        self._read()

    @classmethod
    def opened(cls) -> Guide:
        """The guide on the map that `ipo-nb app` was started with."""
        return cls(os.environ.get(MAP, "map.yml"))

    def start(self) -> None:
        """Weigh in the background, so that the page is there and can be used meanwhile."""
        self._again.disabled = True
        threading.Thread(target=self.weigh, daemon=True).start()

    def again(self) -> None:
        """Read the map file again, with what was edited since, and start to weigh."""
        if self._read():
            self.start()

    def weigh(self) -> None:
        """Judge every link of the map as last read, and show what follows."""
        if self.ipo_map is None:
            return
        self._again.disabled = True
        try:
            _fill(self._found, self._weighed(self.ipo_map))
            _fill(self.findings, _findings(self))
        finally:
            self._again.disabled = False

    def write(self) -> None:
        """Write the report beside the map, and say where; a file that is no report of ours is left alone."""
        if self.study is None:
            return
        target = self.path.with_name(REPORT)
        replaced = " It replaces an earlier one." if target.exists() else ""
        try:
            _say(self.written, f"The report is at {write_report(self.study, target)}.{replaced}")
        except IpoError as error:
            _say(self.written, str(error), problem=True)

    def _read(self) -> bool:
        """Read the map and show the steps that need no data; False, and a sentence, if it cannot be read."""
        try:
            ipo_map = read_map(self.path)
        except IpoError as error:
            _say(self.status, str(error), problem=True)
            if self.ipo_map is None:
                _fill(self.head, [_words("<h1>This map cannot be read</h1>", str(error))])
            return False
        self.ipo_map = ipo_map
        _say(self.status, "")
        _fill(self.head, _opening(ipo_map))
        _fill(self.metrics, _metrics(ipo_map))
        _fill(self.board, _board(ipo_map))
        _fill(self.audit, _audit(ipo_map))
        return True

    def _weighed(self, ipo_map: IPOMap) -> Widgets:
        """What was found of the links, or why nothing was."""
        self.study = None
        if ipo_map.data is None or not ipo_map.links:
            return [_words("", NO_LINKS if ipo_map.data else NO_DATA.format(map=self.path.name))]
        number = len(ipo_map.links)
        many = f"{number:,} links are" if number > 1 else "1 link is"
        _say(self.status, f"{many} being weighed. It takes seconds, for hundreds of links minutes.")
        shown = _attempt(lambda: self._judged(ipo_map))
        _say(self.status, "")
        return shown

    def _judged(self, ipo_map: IPOMap) -> Widgets:
        study = run_study(ipo_map, read_series(None, ipo_map))
        board = LinkBoard(ipo_map, study.evidence)
        self.study = study
        return [_words("", f"{study.headline}.", study.evidence.text), board]


# ---- the steps ------------------------------------------------------------------------------------------------


def _opening(ipo_map: IPOMap) -> Widgets:
    said = f"{ipo_map.text} What you change here is saved in {ipo_map.path}." if ipo_map.path else ipo_map.text
    return [_words(f"<h1>{escape(ipo_map.title or 'From metrics to drivers')}</h1>", said, *ipo_map.warnings)]


def _metrics(ipo_map: IPOMap) -> Widgets:
    heading = _step("1 The metrics", "What is measured, by whom, and is it an input, a process or an outcome?")
    return [heading, *_attempt(lambda: [InventoryEditor(ipo_map.inventory, ipo_map)])]


def _board(ipo_map: IPOMap) -> Widgets:
    heading = _step("2 The map", "Which metric is believed to move which, how late and why? Arrows are saved at once.")
    return [heading, *_attempt(lambda: [LinkBoard(ipo_map)])]


def _audit(ipo_map: IPOMap) -> Widgets:
    heading = _step("3 The audit", "What is wrong with the system as drawn, before any number is looked at?")
    return [heading, *_attempt(lambda: [_audited(ipo_map)])]


def _audited(ipo_map: IPOMap) -> ipywidgets.Widget:
    audit = audit_map(ipo_map)
    rows = table_html(audit.findings[["severity", "message", "mend"]]) if len(audit.findings) else ""
    return _words("", audit.text, after=rows)


def _findings(guide: Guide) -> Widgets:
    """What follows from a weighed map: when, drivers, scenario, report."""
    study = guide.study
    if study is None:
        return ()
    found = study.evidence
    return [
        _step("5 When it shows", "How long after its cause moves does an effect show, and how surely?"),
        *_attempt(lambda: [LagExplorer(found)]),
        _step("6 What drives an outcome", "Which metrics move it, and can they be ranked?"),
        *_attempt(lambda: [DriverExplorer(found)]),
        _step("7 What if", "Move what a team can move: what follows, when, and how surely?"),
        *_attempt(lambda: [ScenarioPanel(found)]),
        _step("8 The report", "One file to mail, of the map as last weighed; it needs no network and no Python."),
        _button("Write the report", guide.write),
        guide.written,
    ]


# ---- parts of a page ------------------------------------------------------------------------------------------


def _attempt(make: Callable[[], Widgets]) -> Widgets:
    """What a step shows, or the sentence that says why it shows nothing; nobody here reads a traceback."""
    try:
        return make()
    except IpoError as error:
        return [_words("", f"✕ {error}")]
    except Exception as error:
        wrong = f"✕ This step failed ({type(error).__name__}: {error})."
        return [_words("", f"{wrong} It is a fault of ipo_nb, not yours: please report it.")]


def _box(*children: ipywidgets.Widget) -> ipywidgets.VBox:
    box = ipywidgets.VBox(children)
    box.add_class("ipo-step")
    return box


def _fill(box: ipywidgets.VBox, children: Widgets) -> None:
    """Put other things into a box, and close those that nothing shows any more."""
    before, box.children = box.children, tuple(children)
    for child in before:
        if child not in children:
            child.close()


def _words(heading: str = "", *sentences: str, after: str = "") -> ipywidgets.HTML:
    """A heading (markup of our own), sentences as escaped paragraphs, and more markup."""
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    words = ipywidgets.HTML(heading + paragraphs + after)
    words.add_class("ipo-words")
    return words


def _step(name: str, sentence: str) -> ipywidgets.HTML:
    return _words(f"<h2>{name}</h2>", sentence)


def _say(place: ipywidgets.HTML, sentence: str, *, problem: bool = False) -> None:
    role = "alert" if problem else "status"
    place.value = f'<p role="{role}">{"✕ " if problem else ""}{escape(sentence)}</p>' if sentence else ""


def _button(label: str, act: Callable[[], object]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label)
    button.on_click(lambda _: act())
    return button


# ---- the server -----------------------------------------------------------------------------------------------


def serve(map_file: Path, *, browser: bool = True, port: int = 8866, theme: str = "light") -> None:
    """Serve the app on a map file to a browser of this machine, until Ctrl-C.

    It listens on 127.0.0.1 alone and asks for the token in the address that it prints: an app for one's own machine,
    not for a network. The page asks nothing of any other server.

    Parameters
    ----------
    map_file : the map to work on; its path reaches the app as a variable, never as code.
    browser : open a browser window.
    port : the first port to try.
    theme : light or dark.

    Raises
    ------
    IpoError : the map cannot be read.
    """
    title = read_map(map_file).title
    from voila.app import Voila

    def titled(handler: object, *, notebook: Any, cwd: str) -> None:
        notebook.metadata["title"] = f"ipo_nb: {title}" if title else "ipo_nb"

    class App(Voila):  # type: ignore[misc]
        """Voila with the page's title, with no foreign extension, and with a browser window that is told the token."""

        def initialize(self, argv: list[str] | None = None) -> None:
            here = os.getcwd()  # may be anybody's folder, and settings are code
            paths: list[str] = super().config_file_paths
            self.config_file_paths = [path for path in paths if path != here]
            super().initialize(argv)
            self.voila_configuration.prelaunch_hook = titled
            self.voila_configuration.extension_allowlist = WIDGETS

        def launch_browser(self) -> None:
            handle, name = tempfile.mkstemp(suffix=".html")  # for its owner alone; a command line is read by all
            with open(handle, "w", encoding="utf-8") as page:
                page.write(f'<meta http-equiv="refresh" content="0; url={escape(self.display_url)}">')
            threading.Thread(target=webbrowser.open, args=(Path(name).as_uri(),), daemon=True).start()

    os.environ[MAP] = str(map_file.resolve())
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("JUPYTER_PATH")]))
    options = ["--Voila.ip=127.0.0.1", f"--port={port}", "--token", "--template=ipo", f"--theme={theme}"]
    options += ["--strip_sources=True", "--show_tracebacks=False", *["--no-browser"] * (not browser)]
    notebook = str(HERE / "voila" / "app.ipynb")
    App.launch_instance([*options, notebook], tornado_settings={"allow_remote_access": False})
