"""What the widgets share: acts that a room may refuse, what is told of them, the same as code, a static form."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

import anywidget
import pandas as pd
import traitlets

from ipo_nb.charts import svg
from ipo_nb.drawing import PALETTE
from ipo_nb.errors import FileFault, IpoError
from ipo_nb.parallel import one_thread
from ipo_nb.results import escape, table_html

__all__ = ["SAVED", "Static", "Unsaved", "Window", "arrow_name", "module", "said_of", "style"]

SAVED = "Saved to "  # begins what is said of a file that was written
STATIC = Path(__file__).parent / "static"
PAPER = "background:#fff;width:fit-content;max-width:100%;overflow-x:auto"  # under a drawing, in the dark as well
LONG_CELL = 16  # characters of a cell before it may be broken into lines
LEAST = 0.6  # of its size: a drawing in less space is scrolled, for its words would be too small


@cache
def module(*names: str, library: str = "") -> str:
    """Files of `static/` as one JavaScript module, what all widgets share first.

    `library` is a file of somebody else's, in UMD form: it comes first, in a scope of its own, and is called `library`.
    """
    whole = "\n".join((STATIC / name).read_text("utf-8") for name in ("window.js", *names))
    if not library:
        return whole
    others = (STATIC / library).read_text("utf-8")
    scope = f"const exports = {{}}; const module = {{ exports }};\n{others}\nreturn module.exports;"
    return f"const library = (() => {{ {scope} }})();\n{whole}"


@cache
def style(*names: str, library: str = "") -> str:
    """The style sheet of a widget: the colours of the project on paper and in the dark, then its files.

    `library` is a file of somebody else's, whose rules hold inside our widgets only.
    """
    light, dark = ("".join(f"--ipo-{name}:{pair[k]};" for name, pair in PALETTE.items()) for k in (0, 1))
    colours = [
        f".ipo{{{light}color-scheme:light}}",
        f"@media (prefers-color-scheme:dark){{body:not([data-jp-theme-light]) .ipo{{{dark}color-scheme:dark}}}}",
        f'body[data-jp-theme-light="false"] .ipo{{{dark}color-scheme:dark}}',
    ]
    others = [f".ipo {{\n{(STATIC / library).read_text('utf-8')}\n}}"] if library else []
    return "\n".join([*colours, *others, *((STATIC / name).read_text("utf-8") for name in ("window.css", *names))])


class Unsaved(FileFault):
    """What was done stands in the notebook, and the disk refused it."""


class Static(str):
    """Escaped HTML that shows itself in a notebook and needs no further escaping in a template."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __html__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return "<static view>"


class Window(anywidget.AnyWidget):
    """A view of one value. What a room refuses is told in its own words, and the last good value stays.

    A subclass names its `acts`: methods that the browser may call, each with values by name. A method returns what to
    say, or nothing. The same methods can be called from code, where they raise what the room raises.
    """

    view = traitlets.Dict().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    acts: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.redraw()  # first, so that all of it goes to the browser at once
        super().__init__()
        self.on_msg(self._heard)

    @property
    def problem(self) -> str:
        """What was refused last, in the room's words; empty if the last act went well."""
        return str(self.told.get("words", "")) if self.told.get("kind") in ("problem", "unsaved") else ""

    def picture(self) -> Any:
        """The chart of the value as it stands, or None where there is nothing to draw."""
        return None

    def words(self) -> str:
        """The value in one to three sentences."""
        raise NotImplementedError

    def rows(self) -> pd.DataFrame:
        """The value as a table."""
        raise NotImplementedError

    def drawn(self) -> Mapping[str, Any]:
        """What the browser draws, as JSON-ready values."""
        raise NotImplementedError

    def as_code(self) -> str:
        """The code that does what was done here; empty where nothing was."""
        return ""

    def static(self) -> Static:
        """The widget as it stands, readable without a kernel: drawing, words and table as escaped HTML."""
        words, chart = self.words(), self.picture()
        rows = self.rows().replace("", None).dropna(axis="columns", how="all")
        drawing = "" if chart is None else f'<div style="{PAPER}">{_drawn(chart, words)}</div>'
        table = f'<div style="overflow-x:auto">{_spaced(table_html(rows), rows)}</div>' if len(rows) else ""
        return Static(f'<div class="ipo-static jp-RenderedHTMLCommon">{drawing}<p>{escape(words)}</p>{table}</div>')

    def redraw(self) -> None:
        """Show the value anew."""
        self.code = self.as_code()
        self.view = dict(self.drawn())

    def tell(self, words: str, kind: str = "note") -> None:
        """Say a line: a `note`; what was `saved`; a `problem`, or what is `unsaved`, which are announced at once."""
        self.told = {"kind": kind, "words": words, "count": self.told.get("count", 0) + 1}

    def attempt(self, act: Callable[[], str | None]) -> bool:
        """Do something that a room may refuse, and tell what came of it; whether it was done."""
        try:
            with one_thread():
                said = act()
        except Unsaved as error:
            self.tell(said_of(error), "unsaved")
        except IpoError as error:
            self.tell(said_of(error), "problem")
        else:
            self.tell(said or "", "saved" if SAVED in (said or "") else "note")
            return True
        self.redraw()
        return False

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """Do what the browser asks for, if it is one of the acts, with values as that act takes them."""
        values = dict(content) if isinstance(content, dict) else {}
        name = values.pop("act", None)
        if name not in self.acts or not all(isinstance(key, str) for key in values):
            return
        act = getattr(self, name)
        try:
            signature(act).bind(**values)
        except TypeError:
            return
        try:
            self.attempt(lambda: act(**values))
        except (TypeError, ValueError, AttributeError) as error:  # a value of another kind than the act takes
            logging.getLogger(__name__).warning("%s was asked for with %r", name, values, exc_info=True)
            self.tell(f"This was not understood ({error}); nothing was done.", "problem")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.words()}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        whole = super()._repr_mimebundle_(**kwargs)
        bundle, rest = whole if isinstance(whole, tuple) else (whole or {}, {})
        return bundle | {"text/plain": repr(self), "text/html": str(self.static())}, rest


def arrow_name(cause: str, effect: str) -> str:
    """What an arrow is called wherever one is chosen: its cause, then its effect."""
    return f"{cause} → {effect}"


def said_of(error: IpoError) -> str:
    """An error as it is said beside the field that it is about: without file, line and column."""
    expected = f"Expected: {error.expected.rstrip('.')}." if error.expected else ""
    return str(error) if error.faults else " ".join(filter(None, (str(error.args[0]), expected, error.fix)))


def _drawn(chart: Any, words: str) -> str:
    """The chart as SVG as wide as its place, within what can be read, its ids its own: many can stand on one page."""
    drawing = svg(chart, label=words, prefix=f"w{crc32(words.encode()):08x}-")
    size = re.search(r'<svg [^>]*?width="(\d+)', drawing)
    least = LEAST * int(size[1]) if size else 0
    return drawing.replace("<svg ", f'<svg style="max-width:100%;min-width:{least:.0f}px;height:auto" ', 1)


def _spaced(table: str, rows: pd.DataFrame) -> str:
    """A table at the left edge, whose cells keep apart on a page without style and are not squeezed on a phone."""
    words = rows.select_dtypes(exclude="number").astype(str)
    wide = 7 * (rows.shape[1] - words.shape[1]) + sum(min(LONG_CELL, words[name].str.len().max()) for name in words)
    return table.replace("<table>", f'<table cellpadding="4" style="margin-left:0;min-width:{wide:.0f}ch">', 1)
