"""One link judged in arrays: tested beside its rivals, sized, put to further tests, compared unit by unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import NotEnoughData
from ipo_nb.filters import filtered, lagged, two_way
from ipo_nb.inference import (
    BEYOND,
    Setting,
    Tested,
    best_lags,
    closest,
    copied_lag,
    evened,
    followed,
    forecasts_better,
    framed,
    moves,
    near_lags,
    placebos,
    setting_of,
    spread,
    standardised,
    try_link,
)
from ipo_nb.links import Link
from ipo_nb.panel import SEASON
from ipo_nb.regression import Array, least_squares
from ipo_nb.sizing import Design, long_run_size
from ipo_nb.units import UnitEffects, unit_effects
from ipo_nb.verdicts import ALONE, PERIOD_WORD, LagProfile, blank_profile

__all__ = ["DRAWS", "Held", "Series", "block_frame", "first_test", "judge", "slopes_by_unit"]

ALIASED = 0.9  # share of a cause's own movement that another cause explains, above which they are one
DRAWS = 499
POWER = 0.84  # standard normal quantile of 80 % power
PROMISING = 0.10  # p-value up to which a link is put to the further tests
SHORT = 60


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as an array on the complete calendar.

    Attributes
    ----------
    name, unit : the metric's name and its unit of measure.
    values : (units, periods), gaps NaN.
    """

    name: str
    values: Array
    unit: str = ""


Held = Sequence[tuple[Series, tuple[int, int]]]  # other metrics, with the lags in which each may move the effect


def judge(
    link: Link,
    cause: Series,
    effect: Series,
    *,
    cadence: str,
    season: int | None = None,
    common: Held = (),
    rivals: Held = (),
    total: tuple[Array, Array] | None = None,
    terms: Array | None = None,
    draws: int = DRAWS,
) -> LagProfile:
    """All numbers of one link by the default test; the verdict follows in `settle`, once all links are known.

    Parameters
    ----------
    common : declared common causes of both, with the lags in which they may move the effect; held constant.
    rivals : other declared causes of the effect, with their lags; the link has to stand beside them.
    total : cause and effect added up over units, (1, periods) each; only with units.
    terms : level steps and events of the two that somebody can explain, (terms, units, periods), held constant.
    """
    found = _asked(link, cause, effect, cadence, season, common, terms, draws)
    if isinstance(found, LagProfile):
        return found
    blank, pair, held, tested = found
    matters = _matters(link, cause.values[pair.moving], effect.values[pair.moving])
    blank = replace(blank, matters=matters, held=tuple(series.name for series, _ in common))
    blank, held, tested = _beside_rivals(blank, pair, held, tested, rivals, draws)
    profile = _measured(blank, pair, tested, held, draws)
    profile = _sized(profile, pair, held, tested.joint.critical)
    if profile.p_value <= PROMISING:
        profile = _stand_up(profile, pair, tested, held)
    else:
        profile = _look_beyond(profile, pair, held, draws)
    if total is not None:
        within = cause.values[pair.moving], effect.values[pair.moving]
        profile = _against_totals(profile, *within, total, SEASON[cadence], draws)
    if slopes := _slopes(pair, int(profile.lag or 0), range(len(effect.values))):
        profile = replace(profile, n_agree=int(slopes.table["agrees"].sum()), n_compared=len(slopes.table))
    short = pair.n_periods < min(SHORT, 2 * max(SEASON[cadence], 1) + BEYOND)
    return replace(profile, flags=(*profile.flags, "short")) if short else profile


def first_test(
    link: Link, cause: Series, effect: Series, *, cadence: str, common: Held = (), draws: int
) -> tuple[LagProfile, Tested] | None:
    """The forward test of one link alone, as `judge` makes it, with a profile that says on how many periods and units;
    None for what cannot be tested."""
    found = _asked(link, cause, effect, cadence, None, common, None, draws)
    return None if isinstance(found, LagProfile) else (found[0], found[3])


def _asked(
    link: Link,
    cause: Series,
    effect: Series,
    cadence: str,
    season: int | None,
    common: Held,
    terms: Array | None,
    draws: int,
) -> tuple[LagProfile, Pair, list[Array], Tested] | LagProfile:
    """The question put to the series: the pair, what is held constant and its test, or why it cannot be put."""
    blank = blank_profile(link, cause.unit, effect.unit, cadence)
    pair = _paired(blank, cause, effect, SEASON[cadence] if season is None else season, terms)
    if isinstance(pair, LagProfile):
        return pair
    blank = replace(blank, n_periods=pair.n_periods, n_units=len(pair.moving))
    held = [column for series, window in common for column in pair.followed_lags(series, window)]
    held += pair.steps
    tested = try_link(pair.y, pair.x, range(link.lag[0], link.lag[1] + 1), pair.setting, held, draws)
    if tested is None:
        reason = f"too few complete {PERIOD_WORD[cadence]}s once lags and gaps are taken off"
        return replace(blank, reason=reason)
    if not np.isfinite(tested.joint.errors[: len(tested.lags)]).any():
        names = ", ".join([series.name for series, _ in common] or ["trend and season"])
        reason = f"{cause.name} is explained wholly by {names}"
        return replace(blank, verdict="cannot_tell", aliased=names, reason=reason)
    return blank, pair, held, tested


@dataclass(frozen=True, slots=True)
class Pair:
    """Cause and effect made ready: from zero, on one scale, units that never move left out.

    `x` and `y` are what is tested (with units: each unit on its own scale, two-way effects out), `level_x` and
    `level_y` what is sized; one unit of the latter is `sx` and `sy` in the metrics' own units. `steps` are declared
    level steps and events, held constant.
    """

    x: Array
    y: Array
    level_x: Array
    level_y: Array
    sx: float
    sy: float
    moving: list[int]
    n_periods: int
    setting: Setting
    steps: list[Array] = field(default_factory=list)

    def ready(self, series: Series) -> Array:
        values = standardised(series.values[self.moving])[0]
        return two_way(evened(values)) if self.setting.by_unit else values

    def followed_lags(self, series: Series, window: tuple[int, int]) -> list[Array]:
        return best_lags(self.y, self.ready(series), window, self.setting)


def _paired(blank: LagProfile, cause: Series, effect: Series, season: int, terms: Array | None) -> Pair | LagProfile:
    """The two series made ready, or the profile that says why they cannot be judged."""
    (x, sx), (y, sy) = standardised(cause.values), standardised(effect.values)
    for series, values in ((cause, x), (effect, y)):
        if np.isfinite(values).any() and not moves(values[np.isfinite(values)]):
            return replace(blank, verdict="cannot_tell", reason=f"{series.name} never moved in these data")
    both = np.isfinite(x) & np.isfinite(y)
    moving = [unit for unit in range(len(both)) if moves(x[unit][both[unit]]) and moves(y[unit][both[unit]])]
    n_periods = int(both[moving].any(axis=0).sum()) if moving else 0
    needed = blank.window[1] + BEYOND
    if n_periods < needed:
        word = PERIOD_WORD[blank.cadence]
        reason = f"{n_periods} usable {word}s, and lags up to {blank.window[1]} need at least {needed}"
        return replace(blank, n_periods=n_periods, reason=reason, periods_needed=float(needed))
    x, y = x[moving], y[moving]
    copy = copied_lag(x, y, blank.window)
    if copy is not None:
        reason = f"{effect.name} repeats {cause.name} to rounding"
        return replace(blank, n_periods=n_periods, verdict="identity", lag=copy, reason=reason)
    setting = setting_of(x, y, n_periods, season, None if terms is None else terms[:, 0])
    if not setting.by_unit:
        return Pair(x, y, x, y, sx, sy, moving, n_periods, setting)
    even = two_way(evened(x)), two_way(evened(y))
    steps = [] if terms is None else [two_way(term[moving]) for term in terms]
    return Pair(*even, two_way(x), two_way(y), sx, sy, moving, n_periods, setting, steps)


def _measured(profile: LagProfile, pair: Pair, tested: Tested, held: Sequence[Array], draws: int) -> LagProfile:
    """The joint test in both directions, its lags, and what each lag shows in real units."""
    reverse = try_link(pair.x, pair.y, range(1, max(tested.lags[-1], 1) + 1), pair.setting, held, draws)
    peak = int(np.argmax(tested.strength))
    passed = np.abs(tested.innovation) >= tested.joint.critical
    levels = tested
    if pair.setting.by_unit:
        levels = try_link(pair.level_y, pair.level_x, tested.lags, pair.setting, held, DRAWS) or tested
    leading = tested.plain[peak] if np.isfinite(tested.plain[peak]) else tested.innovation[peak]
    p_reverse = reverse.joint.p_value if reverse else math.nan
    p_value, echo = tested.joint.p_value, False
    if min(p_value, p_reverse) <= PROMISING:
        together = try_link(pair.y, pair.x, [0], pair.setting, held, 19)
        same = float(together.strength.max()) if together else 0.0
        echo = 0 not in tested.lags and same > float(tested.strength.max())
        if reverse and same > float(reverse.strength.max()):
            p_reverse = 1.0
    return replace(
        profile,
        table=_lag_table(levels, tested, pair.sy / pair.sx),
        p_value=p_value,
        p_reverse=p_reverse,
        echo=echo,
        lag=tested.lags[peak],
        onset=tested.lags[int(np.argmax(passed))] if passed.any() else None,
        near_lags=near_lags(tested),
        peak_sign=float(np.sign(leading)),
        tests=profile.tests + 3,
    )


def _sized(profile: LagProfile, pair: Pair, held: Sequence[Array], critical: float) -> LagProfile:
    """The long-run effect in real units, and how many periods would show the smallest one that matters."""
    names = (profile.cause, profile.effect)
    searched = critical if profile.p_value > ALONE else 0.0
    level, lags = (pair.level_y, pair.level_x), profile.near_lags
    size = long_run_size(*level, lags, pair.setting, held, names, quantile=searched)
    if size is None or not size.identified:
        reason = f"{profile.effect} carries its own past on almost whole, so a lasting effect is not identified"
        return replace(profile, reason=reason)
    ratio = pair.sy / pair.sx
    profile = replace(
        profile,
        estimate=size.estimate * ratio,
        low=size.low * ratio,
        high=size.high * ratio,
        response=tuple((size.response * ratio).tolist()),
        design=_in_units(size.design, pair.sy, pair.sx),
    )
    return replace(profile, periods_needed=_needed(profile, critical))


def _matters(link: Link, cause: Array, effect: Array) -> float:
    return link.matters if link.matters is not None else 0.1 * spread(effect) / (spread(cause) or 1.0)


def _lag_table(levels: Tested, tested: Tested, ratio: float) -> pd.DataFrame:
    k, joint, simultaneous = len(levels.lags), levels.joint, tested.joint.simultaneous()
    half = np.where(np.isfinite(joint.errors[:k]), joint.critical * joint.errors[:k], np.nan)
    estimate = joint.estimates[:k]
    return pd.DataFrame(
        {
            "lag": levels.lags,
            "estimate": estimate * ratio,
            "low": (estimate - half) * ratio,
            "high": (estimate + half) * ratio,
            "p_value": np.minimum(simultaneous[:k], simultaneous[k : 2 * k]),
        }
    )


def _in_units(design: Design, sy: float, sx: float) -> Design:
    columns = design.columns.copy()
    stop = columns.shape[1] - design.n_own
    columns[:, stop:] *= sy
    columns[:, stop - design.n_cause : stop] *= sx
    return replace(design, target=design.target * sy, columns=columns)


def _needed(profile: LagProfile, critical: float) -> float | None:
    """Periods for 80 % power at the smallest effect that matters: standard errors shrink with the root of time.

    What one lag has to show of a lasting effect is the largest step of the response, a quarter of it at least.
    """
    row = profile.table[profile.table["lag"] == profile.lag].iloc[0]
    error, steps = (row["high"] - row["low"]) / (2 * critical), np.abs(np.diff(profile.response, prepend=0.0))
    shown = profile.matters * float(np.clip(steps.max() / max(abs(profile.estimate), 1e-300), 0.25, 1.0))
    if not shown > 0 or not math.isfinite(error):
        return None
    needed = profile.n_periods * ((critical + POWER) * error / shown) ** 2
    return float(math.ceil(max(needed, profile.n_periods * 1.1)))


def _beside_rivals(
    profile: LagProfile, pair: Pair, held: list[Array], alone: Tested, rivals: Held, draws: int
) -> tuple[LagProfile, list[Array], Tested]:
    """The test beside those other declared causes that the effect follows, where they explain it better than the cause
    does or take up noise; and whether the cause can be told apart from all that the effect seems to follow."""
    x, y, setting = pair.x, pair.y, pair.setting
    columns = [(series.name, column) for series, window in rivals for column in pair.followed_lags(series, window)]
    values = [column for _, column in columns]
    seeming = followed(y, values, setting, most=4, penalty=2.0)
    if not seeming:
        return profile, held, alone
    running = followed(y, [*values, *(lagged(x, lag) for lag in alone.lags)], setting, most=5, penalty=2.0)
    running = [k for k in running if k < len(values)]

    def beside(places: Sequence[int]) -> Tested | None:
        return try_link(y, x, alone.lags, setting, [*held, *(values[k] for k in places)], draws)

    tested = (beside(running) if running else None) or alone
    if min(alone.joint.p_value, tested.joint.p_value) <= ALONE:
        last = tested if set(running) == set(seeming) else beside(seeming)
        against = [columns[k] for k in seeming]
        name, shared = closest(lagged(x, alone.lags[int(np.argmax(alone.strength))]), against, setting, y)
        gone = last is None or last.joint.p_value > PROMISING
        if gone or shared > ALIASED:
            left = "nothing of it can be told apart" if gone else "the two cannot be told apart"
            together = f"{profile.cause} and {name} moved together (r = {math.sqrt(shared):.2f})"
            profile = replace(profile, aliased=name, reason=f"{together}, and with {name} held constant {left}")
    if tested is alone:
        return profile, held, alone
    names = dict.fromkeys((*profile.held, *(columns[k][0] for k in running)))
    return replace(profile, held=tuple(names), tests=2), [*held, *(values[k] for k in running)], tested


def _stand_up(profile: LagProfile, pair: Pair, tested: Tested, held: Sequence[Array]) -> LagProfile:
    """What a link that looks real has to stand: unseen periods, and a placebo."""
    tried = [try_link(pair.y, moved, tested.lags, pair.setting, held, 19) for moved in placebos(pair.x, pair.setting)]
    strongest = float(tested.strength.max())
    passed = all(placebo is None or float(placebo.strength.max()) < strongest for placebo in tried)
    return replace(
        profile,
        holdout=forecasts_better(pair.y, pair.x, int(profile.lag or 0), pair.setting, held),
        placebo=passed if tried else None,
        tests=profile.tests + len(tried),
    )


def slopes_by_unit(profile: LagProfile, cause: Series, effect: Series, units: Sequence[str]) -> UnitEffects | None:
    """In which units a link holds: the effect's slope on the cause at the link's lag, unit by unit, in real units.

    Unit and period effects, unit trends and the effect's own dynamics are out first. None where the link has no lag or
    fewer than two units say anything.
    """
    pair = _paired(profile, cause, effect, SEASON[profile.cadence], None)
    if isinstance(pair, LagProfile) or profile.lag is None:
        return None
    return _slopes(pair, profile.lag, units)


def _slopes(pair: Pair, lag: int, units: Sequence[Any]) -> UnitEffects | None:
    if not pair.setting.by_unit:
        return None
    own = pair.setting.dynamics(pair.level_y)
    y, x = (filtered(values, own) for values in (pair.level_y * pair.sy, pair.level_x * pair.sx))
    trend = np.linspace(-1.0, 1.0, y.shape[1])[None]
    try:
        return unit_effects(y, lagged(x, lag), terms=trend, units=[units[place] for place in pair.moving])
    except NotEnoughData:
        return None


def _look_beyond(profile: LagProfile, pair: Pair, held: Sequence[Array], draws: int) -> LagProfile:
    """For a link that shows nothing in its window: a look at the lags around it, told, never a verdict."""
    outside = [lag for lag in range(profile.window[1] + 5) if not profile.window[0] <= lag <= profile.window[1]]
    tested = try_link(pair.y, pair.x, outside, pair.setting, held, draws)
    profile = replace(profile, tests=profile.tests + 1)
    if tested is None or tested.joint.p_value > 0.01:
        return profile
    strongest = tested.lags[int(np.argmax(tested.strength))]
    return replace(profile, outside=strongest, flags=(*profile.flags, "outside_window"))


def _against_totals(
    profile: LagProfile, x: Array, y: Array, total: tuple[Array, Array], season: int, draws: int
) -> LagProfile:
    """Within units against the two views that mislead: the total over units, and all rows regardless of unit."""
    flags = list(profile.flags)
    (tx, _), (ty, _) = standardised(total[0]), standardised(total[1])
    n_periods = int((np.isfinite(tx) & np.isfinite(ty)).sum())
    tested = None
    if n_periods >= profile.window[1] + BEYOND:
        lags = range(profile.window[0], profile.window[1] + 1)
        tested = try_link(ty, tx, lags, setting_of(tx, ty, n_periods, season), [], draws)
    if tested is not None:
        peak = int(np.argmax(np.abs(tested.plain)))
        agrees = tested.joint.p_value <= 0.10 and np.sign(tested.plain[peak]) == profile.peak_sign
        profile = replace(profile, total_p=tested.joint.p_value, tests=profile.tests + 1)
        flags += [] if agrees else ["within_units_only"]
    moved = lagged(x, profile.lag or 0)
    use = np.isfinite(moved) & np.isfinite(y)
    pooled = least_squares(
        y[use],
        np.column_stack([np.ones(use.sum()), moved[use]]),
        np.unique(np.nonzero(use)[0], return_inverse=True)[1],
    )
    t = pooled.coefficients[1] / math.sqrt(pooled.covariance[1, 1])
    if abs(t) > 2 and np.sign(t) != profile.peak_sign:
        flags.append("sign_flips_by_unit")
    return replace(profile, flags=tuple(flags))


def block_frame(
    outcome: Series, causes: Mapping[str, tuple[Series, int]], cadence: str
) -> tuple[pd.Series[float], dict[str, Array]] | None:
    """The outcome and each cause's lags peak - 1 .. peak + 1 on common rows, cleared of trend, season, own history.

    The outcome is labelled by what a bootstrap draws together: the row; with units the unit, below 12 units the period.
    """
    names = list(causes)
    grids = [standardised(causes[name][0].values)[0] for name in names]
    y = standardised(outcome.values)[0]
    moving = [unit for unit in range(len(y)) if moves(y[unit][np.isfinite(y[unit])])]
    if not moving:
        return None
    y, grids = y[moving], [grid[moving] for grid in grids]
    n_periods = int(np.isfinite(y).any(axis=0).sum())
    setting = setting_of(grids[0], y, n_periods, SEASON[cadence])
    if setting.by_unit:
        y, grids = two_way(y), [two_way(grid) for grid in grids]
    own = setting.dynamics(y)
    blocks = [[max(causes[name][1] - 1, 0) + k for k in range(3 if causes[name][1] else 2)] for name in names]
    columns = [filtered(lagged(grid, lag), own) for grid, lags in zip(grids, blocks, strict=True) for lag in lags]
    frame = framed(y, columns, setting, own, [])
    if frame is None or frame[0].size < BEYOND:
        return None
    target, stacked, basis, clusters = frame
    stacked = stacked - basis @ (basis.T @ stacked)
    ends = np.cumsum([len(lags) for lags in blocks])
    parts = np.split(stacked, ends[:-1], axis=1)
    return pd.Series(target - basis @ (basis.T @ target), clusters), dict(zip(names, parts, strict=True))
