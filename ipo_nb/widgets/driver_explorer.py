"""DriverExplorer: choose an outcome and see what moves it, and how surely the movers can be ranked."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pandas as pd

from ipo_nb.charts import drivers_chart
from ipo_nb.drivers import Drivers, rank_drivers
from ipo_nb.errors import BadOption, nearest
from ipo_nb.evidence import Evidence
from ipo_nb.widgets.window import FORM, Window

__all__ = ["DriverExplorer"]


class DriverExplorer(Window):
    """The drivers of one outcome of a weighed map; the outcome chosen is `.outcome`, its ranking `.drivers`.

    Parameters
    ----------
    evidence : the weighed map.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.drivers: Drivers | None = None
        self._ranked: dict[str, Drivers] = {}
        outcomes = [metric.name for metric in evidence.ipo_map.metrics if metric.stage == "outcome"]
        outcomes.sort(key=lambda name: not evidence.ipo_map.parents(name))
        self.choice = ipywidgets.Dropdown(description="Outcome", options=outcomes, **FORM)
        self.choice.observe(lambda _: self.attempt(self._rank), "value")
        super().__init__((self.choice,))
        self.attempt(self._rank)

    @property
    def outcome(self) -> str:
        """The outcome that is chosen."""
        return str(self.choice.value)

    @outcome.setter
    def outcome(self, name: str) -> None:
        known = self.evidence.ipo_map.metric(name).name
        if known not in self.choice.options:
            raise BadOption(f"{known!r} is no outcome.", value=known, fix=nearest(known, self.choice.options))
        self.choice.value = known

    def picture(self) -> Any:
        return drivers_chart(self.drivers) if self.drivers and len(self.drivers.table) else None

    def words(self) -> str:
        return self.drivers.text if self.drivers else self.problem or "Nothing ranked yet."

    def rows(self) -> pd.DataFrame:
        return self.drivers.table.drop(columns=["via", "controllable"]) if self.drivers else pd.DataFrame()

    def _rank(self) -> str:
        if self.outcome not in self._ranked:
            self._ranked[self.outcome] = rank_drivers(self.evidence, self.outcome)
        self.drivers = self._ranked[self.outcome]
        return ""
