"""ScenarioPanel: move what a team can move, and see what follows, when and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd

from ipo_nb.charts import scenario_chart
from ipo_nb.drivers import OWN, levels, step_of
from ipo_nb.errors import BadOption
from ipo_nb.evidence import Evidence
from ipo_nb.paths import shown_links
from ipo_nb.scenario import GRADES, Scenario, run_scenario
from ipo_nb.widgets.window import FORM, Window

__all__ = ["ScenarioPanel"]

NOTHING = "Nothing is changed yet: move a slider."


class ScenarioPanel(Window):
    """A slider for each metric that a team can move and that a shown link leads on from, inside the seen range.

    Parameters
    ----------
    evidence : the weighed map.
    changes : metric -> change in its units, to start with.

    Attributes
    ----------
    scenario : what follows from the changes, None before there are any.
    """

    def __init__(self, evidence: Evidence, changes: Mapping[str, float] | None = None) -> None:
        self.evidence = evidence
        self.scenario: Scenario | None = None
        causes = {cause for cause, _ in shown_links(evidence, grades=GRADES)}
        movable = [m.name for m in evidence.ipo_map.metrics if m.name in causes and (m.controllable or 0) >= OWN]
        self.sliders = {name: self._slider(name) for name in movable}
        self.horizon = ipywidgets.IntSlider(
            description="Periods ahead", min=4, max=104, value=26, continuous_update=False, **FORM
        )
        for control in (*self.sliders.values(), self.horizon):
            control.observe(lambda _: self.attempt(self._follow), "value")
        super().__init__((*self.sliders.values(), self.horizon))
        if changes:
            self.changes = changes

    @property
    def changes(self) -> dict[str, float]:
        """By how much each metric is moved, in its units."""
        return {name: slider.value for name, slider in self.sliders.items() if slider.value}

    @changes.setter
    def changes(self, changes: Mapping[str, float]) -> None:
        run_scenario(self.evidence, changes, horizon=self.horizon.value)  # refuses before a slider has moved
        for name in changes.keys() - self.sliders.keys():
            said = f"{name!r} has no slider: no team moves it, or no shown link leads on."
            raise BadOption(said, value=name, fix="ipo.run_scenario follows any metric.")
        for name, slider in self.sliders.items():
            slider.value = changes.get(name, 0.0)

    def picture(self) -> Any:
        return scenario_chart(self.scenario) if self.scenario else None

    def words(self) -> str:
        return self.scenario.text if self.scenario else NOTHING

    def rows(self) -> pd.DataFrame:
        return self.scenario.summary if self.scenario else pd.DataFrame()

    def _slider(self, name: str) -> ipywidgets.FloatSlider:
        unit, step = self.evidence.ipo_map.metric(name).unit, step_of(self.evidence.panel, name) / 10
        late, low, high = np.median(levels(self.evidence.panel, name), axis=0)
        return ipywidgets.FloatSlider(
            description=f"{name} ({unit})" if unit else name,
            min=step * np.ceil((low - late) / step),
            max=step * np.floor((high - late) / step),
            step=step,
            value=0,
            continuous_update=False,
            **FORM,
        )

    def _follow(self) -> str:
        changes = self.changes
        self.scenario = run_scenario(self.evidence, changes, horizon=self.horizon.value) if changes else None
        return ""
