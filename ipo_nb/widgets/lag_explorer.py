"""LagExplorer: choose a link and see when its effect shows, and how surely."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pandas as pd

from ipo_nb.charts import lag_profile_chart
from ipo_nb.evidence import Evidence
from ipo_nb.verdicts import LagProfile
from ipo_nb.widgets.window import FORM, Window, arrow_name

__all__ = ["LagExplorer"]


class LagExplorer(Window):
    """The lags of one link of a weighed map; the link chosen is `.link`, what was found `.profile`.

    Parameters
    ----------
    evidence : the weighed map.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._links = {arrow_name(*pair): pair for pair in evidence.profiles}
        self.choice = ipywidgets.Dropdown(description="Link", options=tuple(self._links), **FORM)
        self.choice.observe(lambda _: self.redraw(), "value")
        super().__init__((self.choice,))

    @property
    def link(self) -> tuple[str, str]:
        """Cause and effect of the link that is shown."""
        return self._links[self.choice.value]

    @link.setter
    def link(self, pair: tuple[str, str]) -> None:
        profile = self.evidence.profile(*pair)
        self.choice.value = arrow_name(profile.cause, profile.effect)

    @property
    def profile(self) -> LagProfile:
        """What the data said of the link that is shown."""
        return self.evidence.profile(*self.link)

    def picture(self) -> Any:
        return None if self.profile.table.empty else lag_profile_chart(self.profile)

    def words(self) -> str:
        return self.profile.text

    def rows(self) -> pd.DataFrame:
        return self.profile.table
