"""How often noise shaped like the user's own series would look like a link: surrogates with every link cut."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption
from ipo_nb.filters import autoregression, filtered
from ipo_nb.inference import setting_of
from ipo_nb.judging import Held, Series, first_test
from ipo_nb.links import Link
from ipo_nb.panel import SEASON
from ipo_nb.parallel import worked
from ipo_nb.regression import Array
from ipo_nb.results import Result
from ipo_nb.verdicts import LagProfile

__all__ = ["SurrogateCard", "surrogate_card", "surrogates", "wilson"]

LEVEL = 0.05
DRAWS = 199  # bootstrap draws of each test on a surrogate
SEED = 20_240_607


def wilson(hits: float, draws: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share (Wilson 1927): where it may lie, after so many draws.

    >>> [round(end, 3) for end in wilson(5, 100)]
    [0.022, 0.112]
    """
    if not draws:
        return 0.0, 1.0
    share, spread = hits / draws, z * z / draws
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurrogateCard(Result):
    """How often each link's test is deceived by noise that is shaped like the link's own effect.

    Attributes
    ----------
    table : one row per tested link: `cause`, `effect`, `p_value` (on the data), `deceived` (share of surrogates that
        the test calls a link at 5 %) with its 95 % Monte-Carlo interval `low`, `high`, `as_strong` (share of
        surrogates with a p-value as small as the link's own; nothing below 1/200 can be told apart), `draws`.
    deceived, low, high : the share over all links of the map, its interval from draw to draw.
    """

    table: pd.DataFrame
    deceived: float
    low: float
    high: float

    @property
    def text(self) -> str:
        if self.table.empty:
            return "No link was tested, so there is nothing that noise could look like."
        worst = self.table.iloc[int(self.table["deceived"].argmax())]
        found = self.table[self.table["p_value"] <= LEVEL]
        cases = f"{len(self.table)} tested link{'s' * (len(self.table) != 1)}, {worst['draws']} draws each"
        said = [
            f"Noise shaped like yours would look like a link in {self.deceived:.1%} of cases (95 % interval "
            f"{self.low:.1%} to {self.high:.1%}; {cases}); the test promises {LEVEL:.0%}.",
            f"Highest: {worst['cause']} → {worst['effect']}, {worst['deceived']:.1%} ({worst['low']:.1%} to "
            f"{worst['high']:.1%}); the highest of many lies above its own rate by chance.",
        ]
        if len(found):
            most = found.iloc[int(found["as_strong"].argmax())]
            times = round(float(most["as_strong"] * most["draws"]))
            said.append(
                f"Of the {most['draws']} draws for each link found here at most {times} came as strong "
                f"({most['cause']} → {most['effect']})."
            )
        said.append(
            "Such noise keeps trend, season, memory and the size of each shock, with signs by chance: this checks how "
            "they are taken out, not what dependence they leave over."
        )
        return " ".join(said)


def surrogate_card(
    profiles: Iterable[LagProfile],
    series: Mapping[str, Series],
    *,
    draws: int = 100,
    common: Mapping[tuple[str, str], Held] | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> SurrogateCard:
    """Cut every tested link, keep how each effect moves by itself, and test again.

    Each effect is replaced by `surrogates` of it; causes, windows, common causes and the test stay as they are. What is
    called a link then is called so in error.

    Parameters
    ----------
    profiles : the judged links; those without a p-value are left out.
    series : each metric's series by name.
    draws : surrogates per link.
    common : what was held constant for a link, with its lags, by (cause, effect).
    n_jobs : processes, or None for one; the numbers are the same for any.
    progress : show a progress bar on stderr.

    Raises
    ------
    BadOption : fewer than one draw.

    Examples
    --------
    >>> from ipo_nb.judging import judge
    >>> x, y = (Series(name, np.random.default_rng(seed).normal(size=(1, 80))) for seed, name in enumerate("xy"))
    >>> profile = judge(Link("x", "y", lag=(1, 3)), x, y, cadence="weekly")
    >>> card = surrogate_card([profile], {"x": x, "y": y}, draws=20)
    >>> card.table["draws"].tolist(), 0 <= card.low <= card.deceived <= card.high
    ([20], True)
    """
    if draws < 1:
        raise BadOption(f"A card of {draws} draws says nothing.", value=draws, expected="1 or more")
    tested = [profile for profile in profiles if math.isfinite(profile.p_value)]
    found = _p_values(tested, series, draws, common or {}, n_jobs, progress)
    hits = found <= LEVEL
    rows = [_row(profile, p, hit) for profile, p, hit in zip(tested, found, hits, strict=True)]
    names = ["cause", "effect", "p_value", "deceived", "low", "high", "as_strong", "draws"]
    return SurrogateCard(pd.DataFrame(rows, columns=names), *_over_the_map(hits))


def _row(profile: LagProfile, p_values: Array, hits: Any) -> list[Any]:
    as_strong = float((p_values <= max(profile.p_value, 1 / (1 + DRAWS))).mean())
    share = [float(hits.mean()), *wilson(int(hits.sum()), hits.size)]
    return [profile.cause, profile.effect, profile.p_value, *share, as_strong, hits.size]


def _over_the_map(hits: Any) -> tuple[float, float, float]:
    """Share of (links, draws) that were hits, with an interval from draw to draw: links of one draw share series."""
    if not hits.size:
        return math.nan, math.nan, math.nan
    if len(hits) == 1 or not hits.any() or hits.shape[1] == 1:
        return float(hits.mean()), *wilson(int(hits.sum()), hits.size)
    half = 1.96 * float(hits.mean(axis=0).std(ddof=1)) / math.sqrt(hits.shape[1])
    return float(hits.mean()), max(float(hits.mean()) - half, 0.0), min(float(hits.mean()) + half, 1.0)


def _p_values(
    tested: Sequence[LagProfile],
    series: Mapping[str, Series],
    draws: int,
    common: Mapping[tuple[str, str], Held],
    n_jobs: int | None,
    progress: bool,
) -> Array:
    """The p-value of every link on every surrogate of its effect: (links, draws)."""
    asked = [
        (profile, series[profile.cause], series[profile.effect], common.get((profile.cause, profile.effect), ()), draws)
        for profile in tested
    ]
    found = worked(_one_link, asked, n_jobs=n_jobs, progress="testing surrogates" if progress else "")
    return np.array(list(found)).reshape(len(asked), draws)


def _one_link(asked: tuple[LagProfile, Series, Series, Held, int]) -> Array:
    profile, cause, effect, held, draws = asked
    link = Link(profile.cause, profile.effect, lag=profile.window)
    made = surrogates(effect.values, draws=draws, season=SEASON[profile.cadence])
    shown = (Series(effect.name, values) for values in made)
    found = [first_test(link, cause, one, cadence=profile.cadence, common=held, draws=DRAWS) for one in shown]
    return np.array([one[1].joint.p_value if one else 1.0 for one in found])  # what cannot be tested is no claim


def surrogates(values: Array, *, draws: int, season: int) -> Array:
    """Series that move like the given one by itself, and answer to nothing.

    The series' own trend, season and autoregression (order by BIC) are kept; each innovation keeps its size and its
    place, and gets a sign by chance (wild bootstrap, Liu 1988): variance stays where it was, and no link is left. All
    units get the same sign in a period, so that what they share they go on sharing. What trend, season and
    autoregression leave over counts as noise. Gaps stay gaps. The seed is fixed.

    Parameters
    ----------
    values : (units, periods)
    draws : how many.
    season : periods in a year; 1 for none.

    Returns
    -------
    (draws, units, periods)

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(0).normal(size=(1, 100)), axis=1)
    >>> surrogates(walk, draws=3, season=52).shape
    (3, 1, 100)
    """
    rng = np.random.default_rng(SEED)
    signs = rng.choice([-1.0, 1.0], size=(draws, values.shape[1]))
    return np.stack([_like(unit, signs, season, rng) for unit in values], axis=1)


def _like(series: Array, signs: Array, season: int, rng: np.random.Generator) -> Array:
    """Surrogates (draws, periods) of one series (periods,) with these signs of its innovations."""
    from scipy.signal import lfilter, lfiltic

    known = np.isfinite(series)
    if known.sum() < 8 or np.ptp(series[known]) == 0:
        return np.broadcast_to(series, signs.shape)
    first, scale = series[known][0], float(np.std(series[known]))
    level = (series - first) / scale
    setting = setting_of(level[None], level[None], int(known.sum()), season)
    terms = setting.terms if setting.terms is not None else np.ones((1, series.size))
    own = _steady(autoregression(level[None], terms, most=setting.most))
    calm, innovations = _innovations(level, terms, own)
    unknown = ~np.isfinite(innovations)
    shocks = signs * np.where(unknown, 0.0, innovations)
    shocks[:, unknown] = rng.choice(innovations[~unknown], size=(len(signs), int(unknown.sum())))
    denominator = np.concatenate([[1.0], -own])
    start = lfiltic([1.0], denominator, np.full(own.size, (level - calm)[known][0]))
    state = np.broadcast_to(start, (len(signs), start.size))
    moved = lfilter([1.0], denominator, shocks, axis=1, zi=state)[0] if own.size else shocks
    return np.where(known, first + scale * (calm + moved), np.nan)


def _steady(own: Array) -> Array:
    """Autoregressive coefficients drawn in to the unit circle, so that a surrogate does not run away."""
    root = float(np.abs(np.roots([1.0, *-own])).max(initial=0.0))
    return np.asarray(own / root ** np.arange(1, own.size + 1), dtype=float) if root > 1 else own


def _innovations(level: Array, terms: Array, own: Array) -> tuple[Array, Array]:
    """Trend and season of a series (periods,) and its innovations, inflated for the terms that were fitted."""
    target, design = filtered(level[None], own)[0], filtered(terms, own).T
    rows = np.isfinite(target) & np.isfinite(design).all(axis=1)
    weights = np.linalg.lstsq(design[rows], target[rows], rcond=None)[0]
    spent = min(len(terms) + own.size, int(rows.sum()) // 2)
    inflated = math.sqrt(rows.sum() / (rows.sum() - spent))
    return terms.T @ weights, (target - design @ weights) * inflated
