"""InventoryEditor: name the metrics and say of each what it is."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets
import pandas as pd

from ipo_nb.metrics import AGGREGATES, BETTER, STAGES, Inventory, Metric
from ipo_nb.widgets.window import FORM, Window

__all__ = ["InventoryEditor"]

NEW = "new metric"
CHOICES = {"stage": STAGES, "better": ("", *BETTER), "aggregate": ("", *AGGREGATES)}
FIELDS = ("name", "stage", "team", "unit", "better", "aggregate", "objective", "definition")


class InventoryEditor(Window):
    """Add, change and delete the metrics of `.inventory`, which stays in the notebook until it is written out.

    Parameters
    ----------
    inventory : the metrics to start from.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.metric = ipywidgets.Dropdown(description="Metric", **FORM)
        self.fields = {name: _field(name) for name in FIELDS}
        self.keep = ipywidgets.Button(description="Save metric")
        self.drop = ipywidgets.Button(description="Delete metric")
        self.metric.observe(lambda _: self._fill_form(), "value")
        self.keep.on_click(lambda _: self.attempt(self._keep))
        self.drop.on_click(lambda _: self.attempt(self._drop))
        super().__init__((self.metric, *self.fields.values(), ipywidgets.HBox((self.keep, self.drop))))

    def words(self) -> str:
        return self.inventory.text

    def rows(self) -> pd.DataFrame:
        table = self.inventory.table.loc[:, list(FIELDS)]
        return table.loc[:, (table != "").any()]

    def redraw(self) -> None:
        chosen = self.metric.value
        self.metric.options = (NEW, *self.inventory.names)
        self.metric.value = chosen if chosen in self.inventory else NEW
        super().redraw()

    def _fill_form(self) -> None:
        if self.metric.value in self.inventory:
            for name, field in self.fields.items():
                field.value = getattr(self.inventory[self.metric.value], name)

    def _keep(self) -> str:
        said = {name: field.value for name, field in self.fields.items()}
        old = next((metric for metric in self.inventory if metric.name == self.metric.value), None)
        new = replace(old, **said) if old else Metric(**said)
        kept = [new if metric is old else metric for metric in self.inventory]
        self.inventory = Inventory.of(kept if old else [*kept, new])
        return f"{new.name} is kept in this notebook."

    def _drop(self) -> str:
        gone = self.inventory[self.metric.value]
        self.inventory = Inventory.of([metric for metric in self.inventory if metric is not gone])
        return f"{gone.name} is gone from this inventory."


def _field(name: str) -> ipywidgets.Widget:
    title = name.capitalize()
    if name in CHOICES:
        return ipywidgets.Dropdown(description=title, options=CHOICES[name], **FORM)
    return ipywidgets.Text(description=title, **FORM)
