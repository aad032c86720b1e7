"""LinkBoard: draw the arrows of a map by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ipywidgets
import pandas as pd

from ipo_nb.charts import map_chart
from ipo_nb.evidence import Evidence
from ipo_nb.links import DEFAULT_LAGS, IPOMap, Link, write_map
from ipo_nb.widgets.window import FORM, Window, arrow_name

__all__ = ["LinkBoard"]

NEW = "new arrow"


class LinkBoard(Window):
    """Add, change and delete the arrows of `.ipo_map`; a map that came from a file is saved there at once.

    Parameters
    ----------
    ipo_map : the map to start from.
    evidence : what the data said of its links, shown on the arrows.
    suggestions : arrows that might be there, such as `screen.links()`: choosing one fills the form, saving accepts it.
    """

    def __init__(self, ipo_map: IPOMap, evidence: Evidence | None = None, *, suggestions: Sequence[Link] = ()) -> None:
        self.ipo_map, self.evidence = ipo_map, evidence
        self.suggestions = tuple(suggestions)
        self.arrow = ipywidgets.Dropdown(description="Arrow", **FORM)
        self.cause = ipywidgets.Dropdown(description="Cause", options=ipo_map.names, **FORM)
        self.effect = ipywidgets.Dropdown(description="Effect", options=ipo_map.names, **FORM)
        self.sign = ipywidgets.Dropdown(description="Sign", options=("+", "-", "?"), value="?", **FORM)
        self.lag = ipywidgets.IntRangeSlider(description="Lag, from to", min=0, max=26, value=DEFAULT_LAGS, **FORM)
        self.why = ipywidgets.Text(description="Why", **FORM)
        self.keep = ipywidgets.Button(description="Save arrow")
        self.drop = ipywidgets.Button(description="Delete arrow")
        self.arrow.observe(lambda _: self._fill_form(), "value")
        self.keep.on_click(lambda _: self.attempt(self._keep))
        self.drop.on_click(lambda _: self.attempt(self._drop))
        form = (self.arrow, self.cause, self.effect, self.sign, self.lag, self.why)
        super().__init__((*form, ipywidgets.HBox((self.keep, self.drop))))

    def picture(self) -> Any:
        return map_chart(self.ipo_map, self.evidence)

    def words(self) -> str:
        return self.ipo_map.text

    def rows(self) -> pd.DataFrame:
        return self.ipo_map.table

    def redraw(self) -> None:
        self.arrow.options = (NEW, *self._arrows())
        super().redraw()

    def _arrows(self) -> dict[str, Link]:
        """The arrows that can be chosen by name: those of the map, then those that are only suggested."""
        drawn = {frozenset((link.cause, link.effect)) for link in self.ipo_map.links}
        suggested = [link for link in self.suggestions if frozenset((link.cause, link.effect)) not in drawn]
        named = {arrow_name(link.cause, link.effect): link for link in self.ipo_map.links}
        return named | {f"suggested: {arrow_name(link.cause, link.effect)}": link for link in suggested}

    def _fill_form(self) -> None:
        if link := self._arrows().get(self.arrow.value):
            self.cause.value, self.effect.value, self.sign.value = link.cause, link.effect, link.sign
            self.lag.value, self.why.value = link.lag, link.why

    def _keep(self) -> str:
        ends = {"cause": self.cause.value, "effect": self.effect.value}
        said = {"sign": self.sign.value, "lag": tuple(self.lag.value), "why": self.why.value}
        known = [x for x in self.ipo_map.links if (x.cause, x.effect) == (ends["cause"], ends["effect"])]
        link = replace(known[0], **said) if known else Link(**ends, **said)
        return self._take(self.ipo_map.with_link(link))

    def _drop(self) -> str:
        return self._take(self.ipo_map.without_link(self.cause.value, self.effect.value))

    def _take(self, ipo_map: IPOMap) -> str:
        if ipo_map.path is None:
            self.ipo_map = ipo_map
            return "Kept in this notebook; the map has no file yet (ipo.write_map gives it one)."
        write_map(ipo_map, ipo_map.path)
        self.ipo_map = ipo_map
        return f"Saved to {ipo_map.path.name}."
