"""One file for each editor or explorer: a view of a value that a room owns; no rule and no arithmetic of its own."""

from __future__ import annotations

from ipo_nb.widgets.driver_explorer import DriverExplorer
from ipo_nb.widgets.inventory_editor import InventoryEditor
from ipo_nb.widgets.lag_explorer import LagExplorer
from ipo_nb.widgets.link_board import LinkBoard
from ipo_nb.widgets.scenario_panel import ScenarioPanel

__all__ = ["DriverExplorer", "InventoryEditor", "LagExplorer", "LinkBoard", "ScenarioPanel"]
