"""From a list of metrics to a driver analysis that can be trusted: inputs, processes, outcomes.

Nothing heavy is loaded until it is used: each name below is fetched from its room on first touch (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names for type checkers and editors; a test compares the two lists
    from ipo_nb import charts as charts
    from ipo_nb import widgets as widgets
    from ipo_nb.audit import Audit as Audit
    from ipo_nb.audit import audit_map as audit_map
    from ipo_nb.card import ErrorCard as ErrorCard
    from ipo_nb.card import error_card as error_card
    from ipo_nb.card import write_card as write_card
    from ipo_nb.drivers import Accountability as Accountability
    from ipo_nb.drivers import Conflicts as Conflicts
    from ipo_nb.drivers import Drivers as Drivers
    from ipo_nb.drivers import accountability as accountability
    from ipo_nb.drivers import find_conflicts as find_conflicts
    from ipo_nb.drivers import rank_drivers as rank_drivers
    from ipo_nb.errors import BadOption as BadOption
    from ipo_nb.errors import Conflict as Conflict
    from ipo_nb.errors import FileFault as FileFault
    from ipo_nb.errors import InventoryError as InventoryError
    from ipo_nb.errors import IpoError as IpoError
    from ipo_nb.errors import MapError as MapError
    from ipo_nb.errors import NeedsPeriods as NeedsPeriods
    from ipo_nb.errors import NotEnoughData as NotEnoughData
    from ipo_nb.errors import NotIdentified as NotIdentified
    from ipo_nb.errors import OutOfRange as OutOfRange
    from ipo_nb.errors import SeriesError as SeriesError
    from ipo_nb.errors import UnknownLink as UnknownLink
    from ipo_nb.errors import UnknownMetric as UnknownMetric
    from ipo_nb.evidence import Evidence as Evidence
    from ipo_nb.evidence import weigh_links as weigh_links
    from ipo_nb.lags import LagProfile as LagProfile
    from ipo_nb.lags import lag_profile as lag_profile
    from ipo_nb.lasting import Bounds as Bounds
    from ipo_nb.lasting import bounds as bounds
    from ipo_nb.links import IPOMap as IPOMap
    from ipo_nb.links import Link as Link
    from ipo_nb.links import write_map as write_map
    from ipo_nb.metrics import Inventory as Inventory
    from ipo_nb.metrics import Metric as Metric
    from ipo_nb.oddities import Oddities as Oddities
    from ipo_nb.oddities import find_oddities as find_oddities
    from ipo_nb.panel import Panel as Panel
    from ipo_nb.panel import read_series as read_series
    from ipo_nb.pooled import PanelRegression as PanelRegression
    from ipo_nb.pooled import panel_regression as panel_regression
    from ipo_nb.reading import read_inventory as read_inventory
    from ipo_nb.reading import read_map as read_map
    from ipo_nb.report import Verification as Verification
    from ipo_nb.report import verify_report as verify_report
    from ipo_nb.report import write_report as write_report
    from ipo_nb.results import Receipt as Receipt
    from ipo_nb.results import Result as Result
    from ipo_nb.samples import load_sample as load_sample
    from ipo_nb.samples import sample_folder as sample_folder
    from ipo_nb.scenario import Scenario as Scenario
    from ipo_nb.scenario import reach_target as reach_target
    from ipo_nb.scenario import run_scenario as run_scenario
    from ipo_nb.screen import Screen as Screen
    from ipo_nb.screen import screen_links as screen_links
    from ipo_nb.simulate import Planted as Planted
    from ipo_nb.simulate import Sample as Sample
    from ipo_nb.simulate import Shape as Shape
    from ipo_nb.simulate import simulate_system as simulate_system
    from ipo_nb.specified import LaggedRegression as LaggedRegression
    from ipo_nb.specified import lagged_regression as lagged_regression
    from ipo_nb.study import Study as Study
    from ipo_nb.study import run_study as run_study
    from ipo_nb.surrogates import SurrogateCard as SurrogateCard
    from ipo_nb.units import UnitEffects as UnitEffects

__version__ = "0.1.0"

_ROOMS = {
    "errors": (
        "BadOption Conflict FileFault InventoryError IpoError MapError NeedsPeriods NotEnoughData "
        "NotIdentified OutOfRange SeriesError UnknownLink UnknownMetric"
    ),
    "results": "Receipt Result",
    "metrics": "Inventory Metric",
    "mapfile": "",
    "links": "IPOMap Link write_map",
    "audit": "Audit audit_map",
    "calendars": "",
    "reading": "read_inventory read_map",
    "panel": "Panel read_series",
    "parallel": "",
    "exact": "",
    "regression": "",
    "filters": "",
    "bootstrap": "",
    "identities": "",
    "signatures": "",
    "oddities": "Oddities find_oddities",
    "units": "UnitEffects",
    "inference": "",
    "specified": "LaggedRegression lagged_regression",
    "lasting": "Bounds bounds",
    "within": "",
    "pooled": "PanelRegression panel_regression",
    "lags": "LagProfile lag_profile",
    "surrogates": "SurrogateCard",
    "evidence": "Evidence weigh_links",
    "screen": "Screen screen_links",
    "paths": "",
    "shares": "",
    "drivers": "Accountability Conflicts Drivers accountability find_conflicts rank_drivers",
    "scenario": "Scenario reach_target run_scenario",
    "study": "Study run_study",
    "layout": "",
    "charts": "",
    "report": "Verification verify_report write_report",
    "widgets": "",
    "simulate": "Planted Sample Shape simulate_system",
    "shapes": "",
    "card": "ErrorCard error_card write_card",
    "samples": "load_sample sample_folder",
    "teaching": "",
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}

_OPEN_ROOMS = ("charts", "widgets")

__all__ = sorted([*_ROOM_OF, *_OPEN_ROOMS])


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        value = getattr(import_module(f"ipo_nb.{_ROOM_OF[name]}"), name)
    elif name in _ROOMS:
        value = import_module(f"ipo_nb.{name}")
    else:
        raise AttributeError(f"module 'ipo_nb' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF, *_ROOMS})
