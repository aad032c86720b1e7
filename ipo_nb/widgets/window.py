"""What the widgets share: controls, one line for what was refused, a picture with its table, and a static form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import ipywidgets
import pandas as pd

from ipo_nb.charts import svg
from ipo_nb.errors import IpoError
from ipo_nb.results import escape, table_html

__all__ = ["FORM", "Static", "Window", "arrow_name"]

# Fields in line, with room for the name of a metric before them.
FORM = {"style": {"description_width": "19em"}, "layout": {"width": "49em", "max_width": "98%"}}


class Static(str):
    """Escaped HTML that shows itself in a notebook and needs no further escaping in a template."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __html__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return "<static view>"


class Window(ipywidgets.VBox):  # type: ignore[misc]
    """A view of one value: what a room refuses is shown in its own words, and the last good value stays."""

    def __init__(self, controls: Sequence[ipywidgets.Widget]) -> None:
        self._message = ipywidgets.HTML()
        self._view = ipywidgets.HTML(layout={"max_width": "100%", "overflow": "auto"})
        self.problem = ""
        super().__init__(children=(*controls, self._message, self._view))
        self.redraw()

    def picture(self) -> Any:
        """The chart of the value as it stands, or None where there is nothing to draw."""
        return None

    def words(self) -> str:
        """The value in one to three sentences."""
        raise NotImplementedError

    def rows(self) -> pd.DataFrame:
        """The value as a table."""
        raise NotImplementedError

    def static(self) -> Static:
        """The widget as it stands, readable without a kernel: drawing, words and table as escaped HTML."""
        words, chart = self.words(), self.picture()
        rows = self.rows().replace("", None).dropna(axis="columns", how="all")
        drawing = "" if chart is None else f'<div style="background:#fff">{_drawn(chart, words)}</div>'
        table = table_html(rows).replace("<table>", '<table style="margin-left:0">') if len(rows) else ""
        return Static(f'<div class="ipo-widget jp-RenderedHTMLCommon">{drawing}<p>{escape(words)}</p>{table}</div>')

    def redraw(self) -> None:
        """Show the value anew."""
        self._view.value = str(self.static())

    def say(self, words: str, *, problem: bool = False) -> None:
        """Put one line under the controls; a problem is announced at once by a screen reader."""
        self.problem = words if problem else ""
        role = "alert" if problem else "status"
        self._message.value = f'<p role="{role}">{"✕ " if problem else ""}{escape(words)}</p>' if words else ""

    def attempt(self, act: Callable[[], str]) -> bool:
        """Do something that a room may refuse; `act` returns what to say when it went well."""
        try:
            said = act()
        except IpoError as error:
            self.say(str(error), problem=True)
            return False
        self.say(said)
        self.redraw()
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.words()}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self), "text/html": str(self.static())}


def arrow_name(cause: str, effect: str) -> str:
    """What an arrow is called wherever one is chosen: its cause, then its effect."""
    return f"{cause} → {effect}"


def _drawn(chart: Any, words: str) -> str:
    """The chart as SVG no wider than its place, its ids its own, so that many can stand on one page."""
    prefix = f"w{crc32(words.encode()):08x}-"
    return svg(chart, label=words, prefix=prefix).replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
