"""ScenarioPanel: move what a team can move, and see what follows, when and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets

from ipo_nb.charts import scenario_chart
from ipo_nb.drivers import OWN, levels, sized, step_of
from ipo_nb.errors import BadOption
from ipo_nb.evidence import Evidence
from ipo_nb.metrics import STAGES
from ipo_nb.paths import shown_links
from ipo_nb.results import plain
from ipo_nb.scenario import GRADES, Scenario, reach_target, run_scenario
from ipo_nb.verdicts import PERIOD_WORD
from ipo_nb.widgets.window import Window, module, style

__all__ = ["ScenarioPanel"]

NOTHING = "Nothing is changed yet: move a slider."
MOVABLE = "Nothing is changed yet. These metrics can be moved, from their level of late as far as they have been."
FIXED = "No shown link leads on from a metric that a team can move (controllable 2 or 3)."
HORIZON = 26
NEAR, FAR = 4, 104  # periods ahead


class ScenarioPanel(Window):
    """A slider for each metric that a team can move and that a shown link leads on from, inside the seen range.

    Parameters
    ----------
    evidence : the weighed map.
    changes : metric -> change in its units, to start with.
    horizon : periods ahead, 4 to 104.

    Attributes
    ----------
    scenario : what follows from the changes, None before there are any.

    Raises
    ------
    UnknownMetric, OutOfRange, BadOption : a change without a slider or outside what was seen, or another horizon.
    """

    _esm = module("charts.js", "scenario_panel.js")
    _css = style("charts.css", "scenario_panel.css")
    acts: ClassVar = ("move", "reach", "clear")
    moved = traitlets.Dict().tag(sync=True)

    def __init__(
        self, evidence: Evidence, changes: Mapping[str, float] | None = None, *, horizon: int = HORIZON
    ) -> None:
        self.evidence = evidence
        self.scenario: Scenario | None = None
        self.horizon = horizon
        self._changes: dict[str, float] = {}
        causes = {cause for cause, _ in shown_links(evidence, grades=GRADES)}
        movable = [m.name for m in evidence.ipo_map.metrics if m.name in causes and (m.controllable or 0) >= OWN]
        self._levers = {name: self._lever(name) for name in movable}
        self._put(changes or {}, horizon)
        super().__init__()

    @property
    def changes(self) -> dict[str, float]:
        """By how much each metric is moved, in its units."""
        return dict(self._changes)

    @changes.setter
    def changes(self, changes: Mapping[str, float]) -> None:
        self._put(changes, self.horizon)
        self.redraw()

    def move(self, changes: Mapping[str, float] | None = None, horizon: int | None = None) -> None:
        """Move some sliders, the others stay; 0 puts one back. Or look further ahead."""
        wanted = {**self._changes, **(changes or {})}
        self._put(wanted, self.horizon if horizon is None else int(horizon))
        self.moved, self.code = self._moved(), self.as_code()

    def reach(self, outcome: str, target: float, metric: str = "") -> str:
        """Set the sliders to the smallest change of one metric that brings an outcome to a target."""
        if isinstance(target, bool) or not isinstance(target, int | float):
            raise BadOption("No target is given.", value=target, expected="a number in the outcome's units")
        found = reach_target(self.evidence, outcome, target, metric=metric or None, horizon=self.horizon)
        self._changes, self.scenario = dict(found.changes), found
        self.redraw()
        return "The smallest change of one metric that gets there, by the estimate: half of the time it falls short."

    def clear(self) -> str:
        """Put all sliders back."""
        self.changes = {}
        return "All is as it is of late."

    def picture(self) -> Any:
        return scenario_chart(self.scenario) if self.scenario else None

    def words(self) -> str:
        return self.scenario.text if self.scenario else MOVABLE if self._levers else FIXED

    def rows(self) -> pd.DataFrame:
        if self.scenario:
            return self.scenario.summary
        about = ("metric", "team", "unit", "level", "lowest", "highest")
        rows = [
            (x["name"], x["team"], x["unit"], *(x["level"] + by for by in (0, x["min"], x["max"])))
            for x in self._levers.values()
        ]
        return pd.DataFrame(rows, columns=list(about))

    def as_code(self) -> str:
        return f"ipo.run_scenario(evidence, {self._changes!r}, horizon={self.horizon})" if self._changes else ""

    def redraw(self) -> None:
        self.moved = self._moved()
        super().redraw()

    def drawn(self) -> Mapping[str, Any]:
        ipo_map = self.evidence.ipo_map
        goals = [m for m in ipo_map.metrics if m.stage == "outcome" and m.name in self.evidence.panel.names]
        goals.sort(key=lambda goal: not ipo_map.parents(goal.name))
        about = [{"name": goal.name, "unit": goal.unit, "target": goal.target} for goal in goals]
        period, levers = PERIOD_WORD[ipo_map.cadence], list(self._levers.values())
        seen: dict[str, Any] = plain({"levers": levers, "goals": about, "period": period, "ahead": [NEAR, FAR]})
        return seen

    def _put(self, changes: Mapping[str, float], horizon: int) -> None:
        """Take changes in, or raise what `run_scenario` raises and stay as before."""
        if not NEAR <= horizon <= FAR:
            raise BadOption(f"The panel does not look {horizon} periods ahead.", expected=f"{NEAR} to {FAR} periods")
        known = {self.evidence.ipo_map.metric(name).name: by for name, by in changes.items()}
        wanted = {name: by for name, by in known.items() if by}
        for name in wanted.keys() - self._levers.keys():
            said = f"{name!r} has no slider: no team moves it, or no shown link leads on."
            raise BadOption(said, value=name, fix="ipo.run_scenario follows any metric.")
        scenario = run_scenario(self.evidence, wanted, horizon=horizon) if wanted else None
        self._changes, self.horizon, self.scenario = wanted, horizon, scenario

    def _lever(self, name: str) -> dict[str, Any]:
        """The slider of a metric: from its lowest to its highest, seen from where it stands of late."""
        metric, step = self.evidence.ipo_map.metric(name), step_of(self.evidence.panel, name) / 10
        late, low, high = np.median(levels(self.evidence.panel, name), axis=0)
        ends = step * np.ceil((low - late) / step - 1e-9), step * np.floor((high - late) / step + 1e-9)
        digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
        about = {"name": name, "unit": metric.unit, "team": metric.team, "level": late, "digits": digits}
        return about | dict(zip(("min", "max", "step"), (round(float(x), digits) for x in (*ends, step)), strict=True))

    def _moved(self) -> dict[str, Any]:
        """What the sliders say and what follows: one row per metric that moves, with its course and its band."""
        said = {"changes": self._changes, "horizon": self.horizon, "words": self.words() if self.scenario else NOTHING}
        if self.scenario is None:
            return said | {"rows": []}
        summary, table = self.scenario.summary, self.scenario.table
        sides = table[["estimate", "low", "high"]].to_numpy().reshape(len(summary), -1, 3).round(9)
        courses = dict(zip(summary["metric"], sides, strict=True))
        rows = []
        for row in summary[~summary["metric"].isin(list(self._changes))].to_dict("records"):
            size = sized(row["estimate"], row["low"], row["high"], name=row["metric"], unit=row["unit"])
            told = {name: row[name] for name in ("metric", "stage", "team", "unit", "harmed", "shows_on")}
            lines = zip(("estimate", "low", "high"), courses[row["metric"]].T.tolist(), strict=True)
            rows.append({**plain(told), "size": size, "course": dict(lines)})
        rows.sort(key=lambda row: -STAGES.index(row["stage"]))
        return said | {"rows": rows}
