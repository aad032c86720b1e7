"""LagExplorer: choose a link and see when its effect shows, how surely, and what was taken off before it was tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets

from ipo_nb.charts import lag_profile_chart, profile_words, unit_words
from ipo_nb.crosslags import CrossLags, cross_lags
from ipo_nb.errors import BadOption, IpoError, nearest
from ipo_nb.evidence import Evidence, metric_series
from ipo_nb.panel import SEASON
from ipo_nb.regression import Array
from ipo_nb.results import plain
from ipo_nb.verdicts import PERIOD_WORD, SIGN, LagProfile
from ipo_nb.widgets.window import Window, arrow_name, module, style

__all__ = ["LagExplorer"]

COLUMNS = {"lags": "lag", "raw": "raw", "season": "season", "own": "own"}
LOOKED = {"most_lag": 8, "pairs": 2, "own_lags": 4}


class LagExplorer(Window):
    """The lags of one link of a weighed map; the link chosen is `.link`, what was found `.profile`.

    The sliders move a second picture, for looking only: how cause and effect go together at each lag as they stand,
    without season and without their own history (`.looked`, a `crosslags.CrossLags`). The verdict does not move.

    Parameters
    ----------
    evidence : the weighed map.
    link : cause and effect of the link to show first; the first of the map, if not given.

    Raises
    ------
    UnknownLink : a link that the map does not have.
    BadOption : a map without links.
    """

    _esm = module("charts.js", "lag_explorer.js")
    _css = style("charts.css")
    acts: ClassVar = ("choose", "look")
    looked_at = traitlets.Dict().tag(sync=True)

    def __init__(self, evidence: Evidence, link: tuple[str, str] | None = None) -> None:
        if not evidence.profiles:
            raise BadOption("The map has no links, so there is none to explore.", fix="Draw one on the LinkBoard.")
        self.evidence = evidence
        self._links = {arrow_name(*pair): pair for pair in evidence.profiles}
        self._series = metric_series(evidence.ipo_map, evidence.panel)
        self._settings = dict(LOOKED)
        self._pair = next(iter(evidence.profiles))
        if link is not None:
            self._pair = self._known(*link)
        self._reset()
        super().__init__()

    @property
    def link(self) -> tuple[str, str]:
        """Cause and effect of the link that is shown."""
        return self._pair

    @link.setter
    def link(self, pair: tuple[str, str]) -> None:
        self._pair = self._known(*pair)
        self._reset()
        self.redraw()

    @property
    def profile(self) -> LagProfile:
        """What the data said of the link that is shown."""
        return self.evidence.profile(*self._pair)

    @property
    def looked(self) -> CrossLags:
        """How the two go together at each lag, as the sliders have it."""
        (cause, x), (effect, y) = ((name, self._series[name].values) for name in self._pair if name in self._series)
        cadence = self.evidence.panel.cadence
        return cross_lags((cause, x), (effect, y), cadence=cadence, season=SEASON[cadence], **self._settings)

    def choose(self, name: str) -> None:
        """Show the link of this name, such as "Agents on shift → Wait minutes"."""
        if name not in self._links:
            raise BadOption(f"There is no link {name!r}.", value=name, fix=nearest(name, list(self._links)))
        self.link = self._links[name]

    def look(self, **settings: int) -> None:
        """Move the sliders: `most_lag`, `pairs` (yearly waves), `own_lags` (periods of own history)."""
        before = dict(self._settings)
        self._settings.update({name: int(settings[name]) for name in LOOKED if name in settings})
        try:
            self.looked_at = self._looked()
        except IpoError:
            self._settings = before
            self.looked_at = self._looked()
            raise
        self.code = self.as_code()

    def picture(self) -> Any:
        return None if self.profile.table.empty else lag_profile_chart(self.profile)

    def words(self) -> str:
        return self.profile.text

    def rows(self) -> pd.DataFrame:
        return self.profile.table

    def as_code(self) -> str:
        return f"evidence.profile({self._pair[0]!r}, {self._pair[1]!r})"

    def redraw(self) -> None:
        self.looked_at = self._looked()
        super().redraw()

    def drawn(self) -> Mapping[str, Any]:
        profile, period = self.profile, PERIOD_WORD[self.evidence.panel.cadence]
        found = self.evidence.profiles
        return {
            "links": [[name, f"{SIGN[found[pair].verdict]} {name}"] for name, pair in self._links.items()],
            "link": arrow_name(*self._pair),
            "headline": profile_words(profile),
            "words": self.words(),
            "period": period,
            "lag": profile.lag,
            "looked": dict(self._settings),
            "most": self._most(),
            "profile": _profile_view(profile),
            "series": self._series_view(),
        }

    def _known(self, cause: str, effect: str) -> tuple[str, str]:
        profile = self.evidence.profile(cause, effect)
        return profile.cause, profile.effect

    def _reset(self) -> None:
        """Sliders as the link's own window asks for, as far as its series reach."""
        most = self._most()
        wanted = {**LOOKED, "most_lag": max(self.evidence.profile(*self._pair).window[1], 4)}
        self._settings = {name: min(value, most[name]) for name, value in wanted.items()}

    def _most(self) -> dict[str, int]:
        """How far each slider goes: to a third of the series, half a year of waves, no waves where units share them."""
        periods = max((self._series[name].values.shape[1] for name in self._pair if name in self._series), default=0)
        season = SEASON[self.evidence.panel.cadence]
        waves = 0 if self.evidence.panel.units else min(6, season // 2)
        return {"most_lag": max(1, min(26, periods // 3)), "pairs": waves, "own_lags": max(0, min(8, periods // 10))}

    def _looked(self) -> dict[str, Any]:
        after = f"{PERIOD_WORD[self.evidence.panel.cadence]}s after the cause"
        nothing: dict[str, Any] = {"lags": [0], "raw": [None], "season": [None], "own": [None], "bound": 1.0}
        try:
            found = self.looked
        except (ValueError, KeyError):
            words = "There are no numbers for both ends of this link."
            return {**nothing, "words": words, "after": after, "looked": dict(self._settings)}
        except IpoError as error:
            if not self.looked_at:
                return {**nothing, "words": str(error), "after": after, "looked": dict(self._settings)}
            raise
        columns = {name: plain(found.table[column]) for name, column in COLUMNS.items()}
        word = PERIOD_WORD[found.cadence]
        left = f" {found.n_periods} {word}s are left of {self._series[self._pair[0]].values.shape[1]}."
        told = {"bound": found.bound, "words": found.text + left, "after": after, "looked": dict(self._settings)}
        return columns | told

    def _series_view(self) -> dict[str, Any]:
        """Both series on the whole calendar, with units their median; where each year begins."""
        drawn = {}
        for role, name in zip(("cause", "effect"), self._pair, strict=True):
            unit = self.evidence.ipo_map.metric(name).unit
            drawn[f"{role}Name"] = f"{name} ({unit})" if unit else name
            values = self._series[name].values if name in self._series else np.empty((1, 0))
            drawn[role] = plain(_middle(values))
        periods = pd.PeriodIndex(self.evidence.panel.values.index.get_level_values("period"))
        years = pd.period_range(periods.min(), periods.max(), freq=periods.freq).year.tolist()
        starts = [at for at, year in enumerate(years) if at == 0 or years[at - 1] != year]
        return drawn | {"years": [[at, str(years[at])] for at in starts], "units": len(self.evidence.panel.units)}


def _middle(values: Array) -> Array:
    """The median of the units in each period."""
    known = np.isfinite(values).any(axis=0)
    middle = np.full(values.shape[1], np.nan)
    middle[known] = np.nanmedian(values[:, known], axis=0)
    return middle


def _profile_view(profile: LagProfile) -> dict[str, Any]:
    kinds = dict.fromkeys(profile.near_lags, 1) | {profile.lag: 2}
    rows = [row | {"kind": kinds.get(row["lag"], 0)} for row in plain(profile.table.drop(columns="p_value"))]
    return {
        "rows": rows,
        "unit": f"{profile.effect}, {unit_words(profile)}",
        "after": f"{PERIOD_WORD[profile.cadence]}s after {profile.cause} moved",
        "bad": profile.verdict == "contradicted",
        "words": profile_words(profile),
    }
