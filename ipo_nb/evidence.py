"""Every link of a map judged on one panel, corrected for the number of links."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, IpoError, NotEnoughData, UnknownLink
from ipo_nb.identities import find_identities, found_identity, half_decimal
from ipo_nb.judging import Series, block_frame, judge, slopes_by_unit
from ipo_nb.links import IPOMap, Link
from ipo_nb.oddities import Term, near_copies, term_columns
from ipo_nb.panel import SEASON, Panel, totals
from ipo_nb.parallel import worked
from ipo_nb.regression import Array, false_discovery
from ipo_nb.results import Result
from ipo_nb.signatures import trailing_window
from ipo_nb.surrogates import SurrogateCard, surrogate_card
from ipo_nb.units import UnitEffects
from ipo_nb.verdicts import LagProfile, blank_profile, settle

__all__ = ["Evidence", "Question", "driver_blocks", "grids", "metric_series", "weigh_links"]

LEVEL = 0.10  # share of false claims accepted among the links of a map that are called supported or contradicted
DRAWS = 1999
MANY_DRAWS = 9999
COPIED = "the two rank the periods almost alike, in level and in change: are they one thing measured twice?"
CORRECTIONS = {"BH": "Benjamini-Hochberg", "BY": "Benjamini-Yekutieli"}
COLUMNS = [
    *("cause", "effect", "sign", "lag_from", "lag_to", "verdict", "grade", "lag", "onset"),
    *("estimate", "low", "high", "p_value", "q_value", "n_periods", "n_units", "flags", "text"),
]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False, repr=False)
class Evidence(Result):
    """Every link of a map judged.

    Attributes
    ----------
    ipo_map, panel : what was judged, and on which series.
    profiles : the `LagProfile` of each link, by (cause, effect).
    n_tests : how many tests were made in all, reverse directions, placebos and looks beyond the window included.
    """

    ipo_map: IPOMap
    panel: Panel
    profiles: Mapping[tuple[str, str], LagProfile]
    correction: str = "BH"

    @property
    def table(self) -> pd.DataFrame:
        """One row per link in the order of the map; `estimate` is the long-run change of the effect, in its units, for
        a lasting rise of one unit of the cause, 95 % interval `low` to `high`."""
        rows = [_row(profile) for profile in self.profiles.values()]
        return pd.DataFrame(rows, columns=COLUMNS).astype({"lag": "Int64", "onset": "Int64"})

    @property
    def n_tests(self) -> int:
        return sum(profile.tests for profile in self.profiles.values())

    def profile(self, cause: str, effect: str) -> LagProfile:
        """The profile of one link, or UnknownLink."""
        link = self.ipo_map.link(cause, effect)
        return self.profiles[link.cause, link.effect]

    def by_unit(self, cause: str, effect: str) -> UnitEffects:
        """In which units one link holds: its slope in each, whether the units differ, and in how many it is sure.

        Raises
        ------
        NotEnoughData : the panel has no units, or too few of them have enough periods.
        """
        profile = self.profile(cause, effect)
        series = metric_series(self.ipo_map, self.panel)
        found = None
        if profile.cause in series and profile.effect in series:
            found = slopes_by_unit(profile, series[profile.cause], series[profile.effect], self.panel.units)
        if found is None:
            wrong = f"The units say nothing of {profile.cause} -> {profile.effect} one by one."
            raise NotEnoughData(wrong, expected="a tested link, and two units or more with enough periods")
        return found

    def card(self, *, draws: int = 100, n_jobs: int | None = None, progress: bool = False) -> SurrogateCard:
        """How often noise shaped like these series would look like a link: every link cut, and tested again."""
        series = metric_series(self.ipo_map, self.panel)
        common = {
            pair: _present(_common_causes(self.ipo_map, self.ipo_map.link(*pair)), self.ipo_map, pair[1], series)
            for pair in self.profiles
        }
        profiles = self.profiles.values()
        return surrogate_card(profiles, series, draws=draws, common=common, n_jobs=n_jobs, progress=progress)

    @property
    def shown(self) -> list[LagProfile]:
        """The links that the data show, as claimed or against the claim."""
        return [profile for profile in self.profiles.values() if profile.is_shown]

    @property
    def text(self) -> str:
        count = Counter(profile.verdict for profile in self.profiles.values())
        named = ", ".join(f"{number} {verdict.replace('_', ' ')}" for verdict, number in count.most_common())
        tested = sum(math.isfinite(profile.q_value) for profile in self.profiles.values())
        return (
            f"{len(self.profiles)} links judged: {named or 'none'}. Of the links called supported or contradicted "
            f"at most {LEVEL:.0%} are expected to be false ({CORRECTIONS[self.correction]} over {tested} tested links; "
            f"{self.n_tests} tests were made in all, reverse directions and placebos included)."
        )


def _row(profile: LagProfile) -> list[object]:
    rest = [getattr(profile, name) for name in COLUMNS[5:]]
    return [profile.cause, profile.effect, profile.sign, *profile.window, *rest]


def weigh_links(
    ipo_map: IPOMap,
    panel: Panel,
    *,
    correction: str = "BH",
    terms: Mapping[str, Sequence[Term]] | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Evidence:
    """Judge every link of a map on a panel of series.

    Identities are set aside first. Each remaining link is tested inside its declared window, in both directions, with
    the declared common causes of both ends held constant, and beside those other declared causes that the effect
    follows; false discoveries are controlled over all links of the map at 10 % (Benjamini & Hochberg 1995).

    Parameters
    ----------
    ipo_map : the claims.
    panel : series at the map's cadence, with or without units; with units, effects are those within units.
    correction : "BH" (Benjamini-Hochberg), or "BY" (Benjamini-Yekutieli 2001) to hold under any dependence of the
        links, at the price of power.
    terms : level steps and events that somebody can explain, by metric, held constant wherever the metric is tested:
        {"Wait minutes": [("step", "2024-03-04")]}; `find_oddities(panel).terms` offers what the series show.
    n_jobs : processes that judge links; -1 for one a core; None for one, or for what a surrounding
        `joblib.parallel_config(backend="dask")` says. The numbers are the same however many.
    progress : show a progress bar on stderr.

    Returns
    -------
    Evidence

    Raises
    ------
    IpoError : the panel has none of the map's metrics.
    BadOption : a correction of another name.

    Examples
    --------
    >>> from ipo_nb.simulate import simulate_system
    >>> sample = simulate_system(seed=1)
    >>> weigh_links(sample.ipo_map, sample.panel).table["verdict"].isin(["supported", "not_enough_data"]).any()
    np.True_
    """
    if correction not in CORRECTIONS:
        raise BadOption(f"correction is {correction!r}.", value=correction, expected="'BH' or 'BY'")
    series = metric_series(ipo_map, panel)
    if not series and ipo_map.links:
        raise IpoError(
            "The panel has none of the map's metrics.",
            expected=f"columns such as {', '.join(ipo_map.names[:3])}",
            fix="Rename the columns of the series, or the metrics of the map.",
        )
    judged = _set_aside(ipo_map, panel, series)
    draws = DRAWS if len(ipo_map.links) <= 100 and correction == "BH" else MANY_DRAWS
    summed = metric_series(ipo_map, totals(panel, ipo_map)) if panel.units else {}
    work = [
        _question(link, ipo_map, panel, series, summed, terms or {}, draws)
        for link in ipo_map.links
        if (link.cause, link.effect) not in judged
    ]
    answers = worked(_judged, work, n_jobs=n_jobs, progress="weighing links" if progress else "")
    judged |= {(profile.cause, profile.effect): profile for profile in answers}
    profiles = {(link.cause, link.effect): judged[link.cause, link.effect] for link in ipo_map.links}
    forward, reverse = (
        false_discovery(np.array([getattr(one, p) for one in profiles.values()]), any_dependence=correction == "BY")
        for p in ("p_value", "p_reverse")
    )
    trailing = _trailing(judged.values(), ipo_map, series, panel.cadence)
    settled = {
        pair: settle(profile, q_value=q, q_reverse=back, level=LEVEL, trailing=bool(trailing & set(pair)))
        for (pair, profile), q, back in zip(profiles.items(), forward.tolist(), reverse.tolist(), strict=True)
    }
    return Evidence(ipo_map, panel, settled, correction)


def _trailing(judged: Iterable[LagProfile], ipo_map: IPOMap, series: Mapping[str, Series], cadence: str) -> set[str]:
    """The metrics that are totals or means over several periods, as declared or as their movement gives away."""
    tested = {name for one in judged if math.isfinite(one.p_value) for name in (one.cause, one.effect)}
    seen = {name for name in tested if trailing_window(series[name].values, SEASON[cadence])[0]}
    return seen | {metric.name for metric in ipo_map.metrics if metric.window}


@dataclass(frozen=True, slots=True)
class Question:
    """One link to be judged, with all that it takes: what goes to another process."""

    link: Link
    cause: Series
    effect: Series
    options: Mapping[str, Any]


def _judged(question: Question) -> LagProfile:
    return judge(question.link, question.cause, question.effect, **question.options)


def _calendar(panel: Panel) -> pd.PeriodIndex:
    periods = pd.PeriodIndex(panel.values.index.get_level_values("period"))
    return pd.period_range(periods.min(), periods.max(), freq=periods.freq)


def grids(panel: Panel) -> dict[str, Array]:
    """Each column of a panel as an array (units, periods) on one complete calendar."""
    values = panel.values
    calendar = _calendar(panel)
    column = calendar.get_indexer(pd.PeriodIndex(values.index.get_level_values("period")))
    units = list(panel.units)
    row = pd.Categorical(values.index.get_level_values("unit"), categories=units).codes if units else 0
    found = {}
    for name in panel.names:
        found[name] = np.full((max(len(units), 1), len(calendar)), np.nan)
        found[name][row, column] = values[name].to_numpy(dtype=float)
    return found


def metric_series(ipo_map: IPOMap, panel: Panel) -> dict[str, Series]:
    """Each metric of the map that the panel has."""
    found = grids(panel)
    return {one.name: Series(one.name, found[one.name], one.unit) for one in ipo_map.metrics if one.name in found}


def _set_aside(ipo_map: IPOMap, panel: Panel, series: Mapping[str, Series]) -> dict[tuple[str, str], LagProfile]:
    """The profiles of links that are not to be tested: arithmetic, one thing measured twice, or no numbers."""
    flat = {name: (one.values.ravel(), half_decimal(one.values)) for name, one in series.items()}
    identities = find_identities(flat, [(link.cause, link.effect) for link in ipo_map.links])
    copies = {frozenset(pair) for pair in near_copies(panel)}
    aside = {}
    for link in ipo_map.links:
        ends = cause, effect = ipo_map.metric(link.cause), ipo_map.metric(link.effect)
        missing = [metric.name for metric in ends if metric.name not in series]
        verdict, reason = "identity", ""
        if ipo_map.is_identity(link):
            reason = f"the inventory defines one by the other ({effect.formula or cause.formula})"
        elif missing:
            verdict, reason = "not_enough_data", f"there are no numbers for {' and '.join(missing)}"
        elif found := found_identity(cause.name, effect.name, identities):
            reason = f"in the data {found}"
        elif {cause.name, effect.name} in copies:
            verdict, reason = "cannot_tell", COPIED
        if reason:
            blank = blank_profile(link, cause.unit, effect.unit, panel.cadence)
            aside[link.cause, link.effect] = replace(blank, verdict=verdict, reason=reason)
    return aside


def _question(
    link: Link,
    ipo_map: IPOMap,
    panel: Panel,
    series: Mapping[str, Series],
    summed: Mapping[str, Series],
    terms: Mapping[str, Sequence[Term]],
    draws: int,
) -> Question:
    both = link.cause in summed and link.effect in summed
    known = [term for name in (link.cause, link.effect) for term in terms.get(name, ())]
    columns = term_columns(known, _calendar(panel), panel.units) if known else None
    options = {
        "cadence": panel.cadence,
        "common": _present(_common_causes(ipo_map, link), ipo_map, link.effect, series),
        "rivals": _present(_rivals(ipo_map, link), ipo_map, link.effect, series),
        "total": (summed[link.cause].values, summed[link.effect].values) if both else None,
        "terms": columns if columns is None or panel.units else columns[:, None],
        "draws": draws,
    }
    return Question(link, series[link.cause], series[link.effect], options)


def _present(
    names: Sequence[str], ipo_map: IPOMap, effect: str, series: Mapping[str, Series]
) -> list[tuple[Series, tuple[int, int]]]:
    return [(series[name], _window(ipo_map, name, effect)) for name in names if name in series]


def _window(ipo_map: IPOMap, source: str, target: str) -> tuple[int, int]:
    """The lags in which source may reach target: the declared windows added up along each path."""
    spans = []
    for path in ipo_map.paths(source, target):
        lags = [ipo_map.link(a, b).lag for a, b in pairwise(path)]
        spans.append((sum(lag[0] for lag in lags), sum(lag[1] for lag in lags)))
    return min(span[0] for span in spans), max(span[1] for span in spans)


def _common_causes(ipo_map: IPOMap, link: Link) -> list[str]:
    """Declared ancestors of the cause that reach the effect by another way, nearest first, none behind another.

    A metric that the cause itself moves is never held constant, nor is the effect.
    """
    moved = _reached(ipo_map, link.cause, avoid=())
    picked: list[str] = []
    front, seen = [link.cause], {link.cause}
    while front:
        parents = [parent for child in front for parent in ipo_map.parents(child) if parent not in seen]
        front = list(dict.fromkeys(parents))
        seen |= set(front)
        for name in front:
            avoid = (link.cause, *picked)
            if name != link.effect and name not in moved and link.effect in _reached(ipo_map, name, avoid=avoid):
                picked.append(name)
        front = [name for name in front if name not in picked]
    return picked


def _rivals(ipo_map: IPOMap, link: Link) -> list[str]:
    """The other declared causes of the effect, without common causes and without what the cause itself moves."""
    without = {
        link.cause,
        link.effect,
        *_reached(ipo_map, link.cause, avoid=()),
        *_common_causes(ipo_map, link),
    }
    parents = [name for name in ipo_map.parents(link.effect) if name not in without]
    return [name for name in parents if not ipo_map.is_identity(ipo_map.link(name, link.effect))]


def _reached(ipo_map: IPOMap, source: str, *, avoid: Sequence[str]) -> set[str]:
    """Every metric that a declared path leads to from source, without passing through what is avoided."""
    reached: set[str] = set()
    front = [source]
    while front:
        children = [child for name in front for child in ipo_map.children(name)]
        front = [child for child in dict.fromkeys(children) if child not in reached and child not in avoid]
        reached |= set(front)
    return reached


def driver_blocks(evidence: Evidence, outcome: str, causes: Sequence[str]) -> tuple[pd.Series[float], dict[str, Array]]:
    """The outcome and a lag block per cause, cleared of trend, season and the outcome's own history.

    Parameters
    ----------
    causes : direct declared causes of the outcome that were tested.

    Returns
    -------
    The cleared outcome (n,), and for each cause its lags around the peak (n, k), cleared likewise, on the same rows.
    The outcome's index labels rows that a bootstrap draws together: with units the unit, below 12 units the period.

    Raises
    ------
    NotEnoughData : fewer than 30 complete rows.
    UnknownLink : a cause that the map does not link to the outcome, or that was not tested.
    """
    series = metric_series(evidence.ipo_map, evidence.panel)
    lags = {}
    for cause in causes:
        lag = evidence.profile(cause, outcome).lag
        if lag is None or cause not in series:
            raise UnknownLink(cause, outcome, known=[f"{a} -> {b}" for a, b in evidence.profiles])
        lags[cause] = lag
    found = block_frame(
        series[outcome], {cause: (series[cause], lag) for cause, lag in lags.items()}, evidence.panel.cadence
    )
    if found is None:
        raise NotEnoughData(
            f"There are too few complete {evidence.panel.cadence} rows to rank {len(causes)} drivers of {outcome!r}.",
            fix="Leave out the drivers with the most gaps, or wait for more data.",
        )
    return found
