"""What a judged link says: its verdict, grade, flags and sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.lasting import Bounds
from ipo_nb.links import Link
from ipo_nb.results import Result, said_p, spoken
from ipo_nb.sizing import Design

__all__ = ["ALONE", "A_YEAR", "LONG", "PERIOD_WORD", "SIGN", "LagProfile", "blank_profile", "settle"]

ALONE = 0.05  # p-value that a link has to pass by itself, whatever else is on its map
LONG = 10  # years of waiting from which the advice is to change something instead
CENTURY = 100  # years from which the number says nothing more
A_YEAR = {"daily": 365.25, "weekly": 52.18, "monthly": 12.0, "quarterly": 4.0, "yearly": 1.0}

SIGN = {"supported": "✓", "contradicted": "✕", "no_large_effect": "○", "not_enough_data": "?"}
SIGN |= {"cannot_tell": "≈", "backwards": "↩", "identity": "="}
PERIOD_WORD = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LagProfile(Result):
    """One link judged: how an effect moves in the periods after its cause rose.

    Attributes
    ----------
    table : one row per lag of the window: `lag` (periods), `estimate`, `low`, `high` (units of the effect per unit of
        the cause, that lag alone; 95 % band simultaneous over the window), `p_value` (corrected for the window).
    p_value : of the whole window, wild bootstrap; `q_value` the same after correction for all links of a map.
    p_reverse : of the opposite direction, effect -> cause over lags >= 1; 1 where what runs back is weaker than what
        the two share in the same period. `q_reverse` corrected likewise.
    lag, onset : period of the largest |t|; the first period that passes on the cause's own innovation (or None).
    near_lags : lags that cannot be told apart from `lag`.
    estimate, low, high : long-run change of the effect (its units) for a lasting rise of one unit of the cause, 95 %.
    matters : smallest effect worth knowing, same units.
    periods_needed : periods for 80 % power at `matters`, from this link's own noise; None where nothing is missing.
    response : change of the effect 0, 1, ... 26 periods after a lasting rise of one unit of the cause.
    verdict, grade, flags : the words of the verdict table.
    n_agree, n_compared : units whose own slope has the sign of all units together, of those with enough periods.
    bounds : the bounds test for a lasting relation, where it was asked for.
    """

    cause: str
    effect: str
    sign: str
    window: tuple[int, int]
    cadence: str
    table: pd.DataFrame
    verdict: str = "not_enough_data"
    grade: str = "E"
    flags: tuple[str, ...] = ()
    p_value: float = math.nan
    q_value: float = math.nan
    p_reverse: float = math.nan
    q_reverse: float = math.nan
    lag: int | None = None
    onset: int | None = None
    near_lags: tuple[int, ...] = ()
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    matters: float = math.nan
    periods_needed: float | None = None
    n_periods: int = 0
    n_units: int = 1
    response: tuple[float, ...] = ()
    cause_unit: str = ""
    effect_unit: str = ""
    held: tuple[str, ...] = ()
    reason: str = ""
    aliased: str = ""
    outside: int | None = None
    holdout: bool | None = None
    placebo: bool | None = None
    tests: int = 0
    peak_sign: float = math.nan
    total_p: float = math.nan
    echo: bool = False
    design: Design | None = None
    n_agree: int = 0
    n_compared: int = 0
    bounds: Bounds | None = None

    @property
    def fit(self) -> Any:
        """The regression behind the estimate as a statsmodels result with robust errors, made when asked; else None.

        Its own intervals are narrower than `low` to `high`, which are the hull of all models that fit about as well.
        With units its own lags are as least squares gives them, while `estimate` is freed of their Nickell bias.
        """
        if self.design is None:
            return None
        import statsmodels.api as sm

        model = sm.OLS(self.design.target, pd.DataFrame(self.design.columns, columns=list(self.design.names)))
        if self.design.clusters is None:
            return model.fit(cov_type="HC3", use_t=True)
        return model.fit(cov_type="cluster", cov_kwds={"groups": self.design.clusters}, use_t=True)

    @property
    def text(self) -> str:
        lasting = self.bounds.text if self.bounds else ""
        return " ".join(part for part in (self._finding(), self._caveat(), self._lift(), lasting) if part)

    @property
    def size(self) -> str:
        """The long-run effect with its unit and interval, as it is read aloud."""
        unit = f" {self.effect_unit}" if self.effect_unit else ""
        interval = f"{spoken(self.low, signed=True)} to {spoken(self.high, signed=True)}"
        cause = f"{self.cause} ({self.cause_unit})" if self.cause_unit else self.cause
        amount = f"{spoken(self.estimate, signed=True)}{unit}"
        return f"{amount} (95 % interval {interval}) for each lasting unit more of {cause}"

    @property
    def when(self) -> str:
        """When the effect is strongest, in words of the cadence."""
        word = PERIOD_WORD[self.cadence]
        if self.lag is None:
            return ""
        return f"in the same {word}" if self.lag == 0 else f"{self.lag} {word}{'s' * (self.lag != 1)} later"

    @property
    def is_shown(self) -> bool:
        """Whether the data show the link, as claimed or against the claim."""
        return self.verdict in ("supported", "contradicted")

    def _sample(self) -> str:
        units = f" in each of {self.n_units} units" if self.n_units > 1 else ""
        return f"{self.n_periods} {PERIOD_WORD[self.cadence]}s{units}"

    def _finding(self) -> str:
        head = f"{self.cause} → {self.effect} {SIGN[self.verdict]} {self.verdict.replace('_', ' ')}"
        if self.verdict == "identity":
            return f"{head}: {self.reason}, so it is arithmetic and was not tested."
        moved = f"{head}: {self.effect} moves by {self.size}"
        if self.is_shown:
            claimed = {"+": "a rise", "-": "a fall"}.get(self.sign, "")
            against = f"; the map claims {claimed}" if self.verdict == "contradicted" else ""
            agree = f", the same sign in {self.n_agree:,} of {self.n_compared:,} units" if self.n_compared else ""
            return f"{moved}, strongest {self.when}; {self._sample()}{agree}, {said_p(self.q_value, 'q')}{against}."
        if self.verdict == "no_large_effect":
            return f"{moved}, all of it smaller than what would matter (±{spoken(self.matters)}); {self._sample()}."
        if self.verdict == "backwards":
            seen = f"only {self.effect} moves ahead of {self.cause} ({said_p(self.q_reverse, 'q')})"
            return f"{head}: {seen}, not the other way; {self._sample()}."
        if self.reason:
            return f"{head}: {self.reason}."
        apart = "which cannot be told apart from nothing"
        if self.low * self.high > 0:
            apart += ", since the lags and links looked at have to be paid for"
        return f"{moved}, {apart}; {self._sample()}, {said_p(self.q_value, 'q')}."

    def _caveat(self) -> str:
        word = PERIOD_WORD[self.cadence]
        said = {
            "same_period": f"it is found within the same {word}, so the data do not say which moves which",
            "feedback": f"{self.effect} also moves ahead of {self.cause}, a loop, so neither size is one direction's",
            "sign_flips_by_unit": "across units the sign is the opposite, so comparing units would mislead",
            "within_units_only": "it shows within units only, and the total over units hides it",
            "holdout_failed": "it did not forecast unseen periods better than own history and season do",
            "trailing_window": "one of the two is a trailing average, which smears the lag",
            "outside_window": f"something shows at lag {self.outside}, outside the window: test it on new data",
            "short": "the series are short",
        }
        words = [said[flag] for flag in said if flag in self.flags]
        if self.is_shown and self.low <= 0 <= self.high:
            words.insert(0, "how large the lasting effect is remains open")
        held = f" with {', '.join(self.held)} held constant" if self.is_shown and self.held else ""
        if not words:
            return f"This is{held}." if held else ""
        return f"Mind{held}: {'; '.join(words)}."

    def _lift(self) -> str:
        if self.verdict == "not_enough_data" and self.periods_needed:
            word, years = PERIOD_WORD[self.cadence], self.periods_needed / A_YEAR[self.cadence]
            size = f"to see an effect of {spoken(self.matters)}" if math.isfinite(self.matters) else "to test it"
            if years <= LONG:
                return f"It would take about {spoken(self.periods_needed)} {word}s {size}."
            change = f"a deliberate, staggered change of {self.cause} would tell sooner"
            long = "over a hundred" if years > CENTURY else f"about {spoken(float(round(years)))}"
            return f"It would take {long} years of {word}s like these {size}; {change}."
        if self.verdict == "cannot_tell" and self.aliased:
            return f"A change of {self.cause} at a time when {self.aliased} stays put would tell."
        if self.grade == "C" and self.is_shown:
            missing = []
            if "same_period" in self.flags:
                missing.append("a finer cadence or a staggered change, to show the direction")
            if "feedback" in self.flags:
                missing.append("a deliberate change of the cause, to cut the loop")
            if self.holdout is False:
                missing.append("a forecast that holds on new periods")
            if self.placebo is False:
                missing.append("a placebo test that it passes")
            return f"To reach grade B: {'; '.join(missing)}." if missing else ""
        if self.grade == "B":
            return "To reach grade A: a deliberate, dated change or an experiment."
        return ""


def blank_profile(link: Link, cause_unit: str, effect_unit: str, cadence: str) -> LagProfile:
    """A link before anything was tested: no numbers, an empty table."""
    none = {"lag": pd.Series(dtype=int)} | {c: pd.Series(dtype=float) for c in ("estimate", "low", "high", "p_value")}
    return LagProfile(
        *(link.cause, link.effect, link.sign, link.lag, cadence, pd.DataFrame(none)),
        cause_unit=cause_unit,
        effect_unit=effect_unit,
    )


def settle(
    profile: LagProfile, *, q_value: float, q_reverse: float, level: float, trailing: bool = False
) -> LagProfile:
    """The verdict, grade and flags of a judged link, once the p-values of all links of its map are known.

    A link has to pass by itself (p of 0.05) and among all links of the map.

    `level` is the false discovery rate accepted over the map (0.10), or the size of a single test (0.05).
    """
    profile = replace(profile, q_value=q_value, q_reverse=q_reverse)
    flags = [*profile.flags, *(["trailing_window"] if trailing else [])]
    if not math.isfinite(q_value):
        flags = [flag for flag in flags if flag in ("short", "trailing_window")]
        return replace(
            profile,
            flags=tuple(flags),
            grade="E" if profile.n_periods == 0 or profile.verdict == "identity" else "D",
        )
    shown = q_value <= level and profile.p_value <= ALONE
    back = q_reverse <= level and profile.p_reverse <= ALONE
    if not shown or profile.echo or profile.aliased or not math.isfinite(profile.estimate):
        flags = [flag for flag in flags if flag not in ("within_units_only", "sign_flips_by_unit")]
    if not shown:
        return replace(profile, verdict=_unshown(profile, back), grade="D", flags=tuple(flags))
    if profile.echo:
        reason = (
            f"the two move together within the same {PERIOD_WORD[profile.cadence]} more than at any declared lag, "
            "so what is left later may be an echo of that"
        )
        return replace(profile, verdict="cannot_tell", grade="D", reason=reason, flags=tuple(flags))
    if profile.aliased or not math.isfinite(profile.estimate):
        return replace(profile, verdict="cannot_tell", grade="D", flags=tuple(flags))
    direction = np.sign(profile.estimate) if profile.low * profile.high > 0 else profile.peak_sign
    claimed = {"+": 1.0, "-": -1.0}.get(profile.sign, direction)
    flags += ["same_period"] if profile.lag == 0 else []
    flags += ["feedback"] if back else []
    flags += ["holdout_failed"] if profile.holdout is False else []
    stands = profile.holdout is True and profile.placebo is not False and not back and profile.lag != 0
    return replace(
        profile,
        verdict="supported" if direction == claimed else "contradicted",
        grade="B" if stands and profile.low * profile.high > 0 else "C",
        flags=tuple(flags),
        periods_needed=None,
    )


def _unshown(profile: LagProfile, back: bool) -> str:
    if profile.aliased:
        return "cannot_tell"
    if back:
        return "backwards"
    if not math.isfinite(profile.estimate):
        return "cannot_tell" if profile.reason else "not_enough_data"
    inside = -profile.matters <= profile.low and profile.high <= profile.matters
    return "no_large_effect" if inside else "not_enough_data"
