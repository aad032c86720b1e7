"""DriverExplorer: choose an outcome and see what moves it, how surely the movers can be ranked, and who holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from ipo_nb.charts import drivers_chart, interval, per_unit, ranking_words
from ipo_nb.drawing import CLAIMED, VERDICTS
from ipo_nb.drivers import Conflicts, Drivers, accountability, find_conflicts, per_hundred, rank_drivers, when
from ipo_nb.errors import BadOption, nearest
from ipo_nb.evidence import Evidence
from ipo_nb.results import plain
from ipo_nb.verdicts import SIGN
from ipo_nb.widgets.board_view import board_view
from ipo_nb.widgets.window import Window, module, style

__all__ = ["DriverExplorer"]

CONTROL = ("the team cannot move it", "the team moves it a little", "the team can move it", "the team sets it")


class DriverExplorer(Window):
    """The drivers of one outcome of a weighed map; the outcome chosen is `.outcome`, its ranking `.drivers`.

    Parameters
    ----------
    evidence : the weighed map.
    outcome : the outcome to show first; the first that something leads to, if not given.
    """

    _esm = module("board.js", "charts.js", "driver_explorer.js")
    _css = style("board.css", "charts.css", "driver_explorer.css")
    acts: ClassVar = ("choose",)

    def __init__(self, evidence: Evidence, outcome: str = "") -> None:
        self.evidence = evidence
        self._ranked: dict[str, Drivers] = {}
        self._conflicts: Conflicts | None = None
        self._board = board_view(evidence.ipo_map, evidence)
        names = [metric.name for metric in evidence.ipo_map.metrics if metric.stage == "outcome"]
        self._outcomes = sorted(names, key=lambda name: not evidence.ipo_map.parents(name))
        if not names:
            raise BadOption("The map has no outcome.", fix="Give a metric the stage `outcome`.")
        self._outcome = self._known(outcome) if outcome else self._outcomes[0]
        super().__init__()

    @property
    def outcome(self) -> str:
        """The outcome that is chosen."""
        return self._outcome

    @outcome.setter
    def outcome(self, name: str) -> None:
        self._outcome = self._known(name)
        self.redraw()

    @property
    def drivers(self) -> Drivers:
        """What moves the outcome that is chosen, ranked."""
        if self._outcome not in self._ranked:
            self._ranked[self._outcome] = rank_drivers(self.evidence, self._outcome)
        return self._ranked[self._outcome]

    @property
    def conflicts(self) -> Conflicts:
        """What teams are judged on at the cost of some outcome, over the whole map."""
        if self._conflicts is None:
            self._conflicts = find_conflicts(self.evidence)
        return self._conflicts

    def choose(self, outcome: str) -> None:
        """Show what moves this outcome."""
        self.outcome = outcome

    def picture(self) -> Any:
        return drivers_chart(self.drivers) if len(self.drivers.table) else None

    def words(self) -> str:
        return self.drivers.text

    def rows(self) -> pd.DataFrame:
        return self.drivers.table.drop(columns=["via", "controllable"])

    def as_code(self) -> str:
        return f"ipo.rank_drivers(evidence, {self._outcome!r})"

    def drawn(self) -> Mapping[str, Any]:
        conflicts = self.conflicts.table
        hurt = conflicts[conflicts["outcome"] == self._outcome]
        teams = accountability(self.evidence).table.to_dict("records")
        return {
            "outcomes": self._outcomes,
            "outcome": self._outcome,
            "headline": ranking_words(self.drivers),
            "words": self.words(),
            "rows": [self._row(row) for row in self.drivers.table.to_dict("records")],
            "sentences": list(self.drivers.sentences),
            "conflicts": [{"text": row["text"], "via": row["via"].split(" → ")} for row in hurt.to_dict("records")],
            "teams": [row["text"] for row in teams if self._touches(row)],
            "board": self._board,
        }

    def _known(self, name: str) -> str:
        known = self.evidence.ipo_map.metric(name).name
        if known not in self._outcomes:
            raise BadOption(f"{known!r} is no outcome.", value=known, fix=nearest(known, self._outcomes))
        return known

    def _row(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """One driver: its share and interval, its size in words, its paths as metrics and pairs, and who holds it."""
        shares = {name: row[name] for name in ("share", "share_low", "share_high", "tie_group")}
        known = row["share"] == row["share"]
        near = f"{per_hundred(row['share'])} ({100 * row['share_low']:.0f} to {100 * row['share_high']:.0f})"
        units = per_unit(*(self.evidence.ipo_map.metric(name).unit for name in (self._outcome, row["driver"])))
        size = f"{interval(*(row[name] for name in ('estimate', 'low', 'high')))} {units}"
        size = size if row["estimate"] == row["estimate"] else ""
        lag = when(row["lag"], self.evidence.ipo_map.cadence) if size and row["lag"] == row["lag"] else ""
        control = CONTROL[int(row["controllable"])] if row["controllable"] == row["controllable"] else ""
        paths = (
            [path.split(" → ") for path in row["via"].split("; ")] if row["via"] else [[row["driver"], self._outcome]]
        )
        style = VERDICTS.get(row["verdict"], CLAIMED)
        told = {"driver": row["driver"], "direct": not row["via"], "verdict": row["verdict"], "paths": paths}
        told |= {"glyph": SIGN.get(row["verdict"], ""), "verdict_words": style.words, "shares": near if known else ""}
        held = " · ".join(filter(None, (row["team"], control)))
        seen: dict[str, Any] = plain({**told, **shares, "size": ", ".join(filter(None, (size, lag))), "held": held})
        return seen

    def _touches(self, row: Mapping[Any, Any]) -> bool:
        """Whether a team is judged on the outcome, or holds one of its drivers."""
        held = {self.evidence.ipo_map.metric(name).team for name in self.drivers.table["driver"]}
        return row["team"] in held or row["team"] == self.evidence.ipo_map.metric(self._outcome).team
