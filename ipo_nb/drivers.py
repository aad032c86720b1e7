"""What moves an outcome: its drivers ranked, what is won at its cost, who can move what; and the words for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import NotEnoughData
from ipo_nb.evidence import Evidence, driver_blocks
from ipo_nb.links import IPOMap
from ipo_nb.metrics import Metric
from ipo_nb.panel import Panel
from ipo_nb.paths import PathEffects, effects_on, reached_from, rounded, shown_links
from ipo_nb.regression import Array
from ipo_nb.results import Result, spoken
from ipo_nb.shares import lmg, tie_groups
from ipo_nb.verdicts import A_YEAR, PERIOD_WORD, LagProfile

__all__ = ["Accountability", "Conflicts", "Drivers", "accountability", "find_conflicts", "rank_drivers"]
__all__ += ["IMPROVES", "OWN", "levels", "shown_links", "step_of", "swing"]
__all__ += ["amount_of", "beside", "fitting", "in_words", "joined", "judged_on", "per_hundred", "period_name"]
__all__ += ["sized", "when"]

Row = dict[str, Any]

SHOWN = ("supported", "contradicted")  # verdicts that carry an effect
IMPROVES = {"higher": 1, "lower": -1}
OWN = 2  # `controllable` from which a team can move a metric itself
HARM = 0.9  # probability from which a conflict is named
LATE = {"daily": 7, "weekly": 13, "monthly": 3, "quarterly": 2, "yearly": 2}  # periods of which a level is the mean
SHARES = ["share", "share_low", "share_high", "tie_group"]
SIZES = ["estimate", "low", "high", "lag"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drivers(Result):
    """The links into one outcome, ranked by how much of its movement each explains.

    Attributes
    ----------
    table : direct drivers in falling order of `share`, then metrics that act through these. `share` (0-1, of what the
        direct drivers explain together; `share_low`, `share_high` 95 %), `tie_group` (1, 2, ...; drivers of one group
        cannot be ranked), `estimate`, `low`, `high` (units of the outcome per unit of the driver, lasting), `lag`
        (periods), `via` (the paths; empty for a direct driver), `controllable` (0-3), `team`, `verdict`. Shares are of
        direct drivers only: NaN for what acts through another, could not be tested, or runs backwards.
    explained : share of the outcome's movement beyond own history, trend and season that they explain (R2).
    sentences : what can be said of each shown direct driver, in the order of the table.
    reason : why there are no shares, where there are none.
    share_error : standard error of the least sure share (0-1) where orders of entry were sampled; 0 to 24 drivers.
    """

    outcome: str
    table: pd.DataFrame
    explained: float
    n_periods: int
    n_units: int
    cadence: str
    sentences: tuple[str, ...] = ()
    reason: str = ""
    share_error: float = 0.0

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of direct drivers that the data show."""
        direct = self.table[(self.table["via"] == "") & self.table["estimate"].notna()]
        return direct[direct["verdict"].isin(SHOWN)]

    @property
    def ties(self) -> tuple[tuple[str, ...], ...]:
        """Shown direct drivers in order, those that cannot be ranked together."""
        return tuple(tuple(names) for _, names in self.shown.groupby("tie_group", sort=True)["driver"])

    @property
    def text(self) -> str:
        names, ranked = list(self.shown["driver"]), self.shown.dropna(subset="share").to_dict("records")
        if not names:
            claimed = f"{len(self.table) or 'none'} claimed"
            return f"No direct driver of {self.outcome} is shown by the data ({claimed}). {self.reason}".strip()
        if not ranked:
            return f"{joined(names)} move{'s' * (len(names) == 1)} {self.outcome}. {self.reason}".strip()
        units = f" in each of {self.n_units:,} units" if self.n_units > 1 else ""
        shares = [
            f"{row['driver']} {per_hundred(row['share'])}"
            f" ({100 * row['share_low']:.0f} to {100 * row['share_high']:.0f})"
            for row in ranked
        ]
        tied = [f" {joined(group)} cannot be ranked." for group in self.ties if len(group) > 1]
        tenths = math.ceil(1000 * self.share_error)
        sampled = f" Shares are sampled, ±{tenths / 10} points (standard error)." if tenths else ""
        return (
            f"All claimed direct drivers together explain {per_hundred(self.explained)} of the movement of"
            f" {self.outcome} beyond its own history, trend and season"
            f" ({self.n_periods:,} {PERIOD_WORD[self.cadence]}s{units}). Of this {joined(shares)}."
            f"{''.join(tied)}{sampled} What was not measured is not in the shares."
        )


def rank_drivers(evidence: Evidence, outcome: str) -> Drivers:
    """Rank what moves an outcome, with how surely it can be ranked.

    Shares are LMG over lag blocks: what each declared cause adds to R2 beyond the outcome's own history, trend and
    season, averaged over all orders of entry. Intervals from a bootstrap of the filtered frame (999 resamples, 199
    above 12 drivers): by row; with units by unit, below 12 units by period. Shares prove no cause, and causes that move
    together share what they have in common (Groemping 2007, The American Statistician 61(2)). Above 24 drivers orders
    are sampled, and the text says how surely.

    Parameters
    ----------
    evidence : the weighed map.
    outcome : name of the metric to be explained.

    Raises
    ------
    UnknownMetric : a name that the inventory does not have.
    """
    ipo_map = evidence.ipo_map
    name = ipo_map.metric(outcome).name
    profiles = {cause: evidence.profiles[cause, name] for cause in ipo_map.parents(name)}
    usable = [c for c, p in profiles.items() if p.lag is not None and p.verdict not in ("identity", "backwards")]
    shares, explained, error, reason = _shares(evidence, name, usable)
    direct = [profiles[cause] for cause in dict.fromkeys([*shares, *profiles])]
    rows = [_row(ipo_map.metric(p.cause), p, "", p.verdict) | shares.get(p.cause, {}) for p in direct]
    rows += _upstream(evidence, name)
    table = pd.DataFrame(rows, columns=["driver", *SHARES, *SIZES, "via", "controllable", "team", "verdict"])
    table = table.astype(dict.fromkeys([*SHARES, *SIZES, "controllable"], float))
    said = tuple(_sentence(evidence, p) for p in direct if p.is_shown and math.isfinite(p.estimate))
    n_periods, n_units = (max((getattr(p, n) for p in direct), default=0) for n in ("n_periods", "n_units"))
    return Drivers(name, table, explained, n_periods, n_units, ipo_map.cadence, said, reason, error)


def _row(metric: Metric, effect: LagProfile | PathEffects, via: str, verdict: str) -> Row:
    owner = {"controllable": metric.controllable, "team": metric.team}
    return {"driver": metric.name, "via": via, "verdict": verdict, **owner} | {s: getattr(effect, s) for s in SIZES}


def _shares(evidence: Evidence, outcome: str, causes: Sequence[str]) -> tuple[dict[str, Row], float, float, str]:
    """Each cause with its share in falling order, the R2 of all, the error of sampling, and why there is none of it."""
    if not causes:
        return {}, math.nan, 0.0, ""
    try:
        target, blocks = driver_blocks(evidence, outcome, causes)
        resamples = 999 if len(blocks) <= 12 else 199
        gains, errors = lmg(np.asarray(target), blocks, clusters=np.asarray(target.index), resamples=resamples)
    except NotEnoughData as error:
        return {}, math.nan, 0.0, f"There are no shares: {error}"
    total = gains.sum(axis=1, keepdims=True)
    whole = np.where(total > 0, total, 1.0)
    order = np.argsort(-gains[0], kind="stable")
    shares = (gains / whole)[:, order]
    low, high = np.quantile(shares[1:], [0.025, 0.975], axis=0)
    rows = zip(shares[0], np.clip(low, 0, shares[0]), np.maximum(high, shares[0]), tie_groups(shares), strict=True)
    named = zip([list(blocks)[at] for at in order], rows, strict=True)
    rows_of = {name: dict(zip(SHARES, row, strict=True)) for name, row in named}
    return rows_of, float(total[0, 0]), float(errors.max() / whole[0, 0]), ""


def _upstream(evidence: Evidence, outcome: str) -> list[Row]:
    """Metrics that act on the outcome only through others, by how far their usual swing moves it."""
    links = shown_links(evidence)
    sources = dict.fromkeys(cause for cause, _ in links if cause != outcome and (cause, outcome) not in links)
    effects = [effect for source in sources for effect in effects_on(evidence, source, [outcome]) if len(effect.table)]
    effects.sort(key=lambda effect: -abs(effect.estimate) * swing(evidence.panel, effect.source))
    rows = []
    for effect in effects:
        source, against = evidence.ipo_map.metric(effect.source), bool(effect.table["against"].iloc[0])
        rows.append(_row(source, effect, "; ".join(effect.table["via"]), SHOWN[against]))
    return rows


def _sentence(evidence: Evidence, profile: LagProfile) -> str:
    """A shown driver, turned so that the outcome gets better, by an amount that does happen."""
    goal, cause = evidence.ipo_map.metric(profile.effect), evidence.ipo_map.metric(profile.cause)
    amount = step_of(evidence.panel, cause.name) * (np.sign(profile.estimate) * IMPROVES.get(goal.better, 0) or 1.0)
    ends = (amount * size for size in (profile.estimate, profile.low, profile.high))
    effect = f"{goal.name} {sized(*ends, unit=goal.unit, name=goal.name)}, {when(profile.lag or 0, profile.cadence)}"
    one, many = ("goes with", "go with") if "same_period" in profile.flags else ("gives", "give")
    said = [f"{cause.name}: {_changed(amount, cause.unit)} {one if abs(amount) == 1 else many} {effect}."]
    said += ["The map claimed the opposite."] if profile.verdict == "contradicted" else []
    caveats = {
        "same_period": f"Within one {PERIOD_WORD[profile.cadence]} the data do not say which moves which.",
        "feedback": f"It is moved by {goal.name} in turn.",
        "within_units_only": "It shows within units only; their total hides it.",
    }
    return " ".join(said + [caveat for flag, caveat in caveats.items() if flag in profile.flags])


CONFLICTS = ["team", "metric", "better", "outcome", "hurt_team", *SIZES[:3], "probability", "delay", "via", "improved"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conflicts(Result):
    """What teams are judged on at the cost of an outcome.

    Attributes
    ----------
    table : one row per conflict, the surest and largest first: `team`, `metric` (what it is judged on), `better`,
        `outcome`, `hurt_team`, `estimate`, `low`, `high` (units of the outcome for each unit by which the metric
        improves, lasting; 95 %), `probability` (of harm, 0-1), `delay` (periods, along the largest path), `via`,
        `improved` (units by which the metric did improve from the first year to the last), `text`.
    judged : how many metrics were looked at: with a direction, a team and a shown path to an outcome with a direction.
    unjudged : how many inputs and processes with a direction and a team have no shown path to one.
    """

    table: pd.DataFrame
    judged: int = 0
    unjudged: int = 0

    @property
    def text(self) -> str:
        if len(self.table):
            more = len(self.table) - 2
            return " ".join([*self.table["text"].head(2), *([f"There are {more} more."] if more > 0 else [])])
        looked, blind = (f"{count:,} KPI{'s' * (count != 1)}" for count in (self.judged, self.unjudged))
        said = [f"{looked} with a shown path to an outcome looked at."] if self.judged else []
        said += [f"{blind} could not be judged: no shown path leads to an outcome."] if self.unjudged else []
        said = said or ["No team is judged on an input or process with a direction."]
        return " ".join(["No conflict is established.", *said])


def find_conflicts(evidence: Evidence) -> Conflicts:
    """Find what a team is judged on that harms an outcome when it improves, by the links that the data show.

    Named are those with a probability of harm of at least 0.9, by Monte Carlo over the links on the paths.
    """
    panel, metrics = evidence.panel, [metric for metric in evidence.ipo_map.metrics if metric.better]
    goals = {metric.name: metric for metric in metrics if metric.stage == "outcome"}
    rows: list[Row] = []
    judged = unjudged = 0
    for kpi in (metric for metric in metrics if metric.team):
        others = [name for name in goals if name != kpi.name]
        effects = [effect for effect in effects_on(evidence, kpi.name, others) if len(effect.table)]
        rows += [_conflict(panel, kpi, goals[effect.target], effect) for effect in effects]
        judged += bool(effects)
        unjudged += bool(others) and not effects and kpi.name not in goals
    rows = [row for row in rows if row["probability"] >= HARM]
    rows.sort(key=lambda row: -abs(row["estimate"]) * swing(panel, row["metric"]) / (swing(panel, row["outcome"]) or 1))
    rows.sort(key=lambda row: -round(row["probability"], 2))
    return Conflicts(pd.DataFrame(rows, columns=[*CONFLICTS, "text"]), judged, unjudged)


def _conflict(panel: Panel, kpi: Metric, goal: Metric, effect: PathEffects) -> Row:
    better, up, step = IMPROVES[kpi.better], IMPROVES[goal.better], step_of(panel, kpi.name)
    low, high = sorted((better * effect.low, better * effect.high))
    row: Row = {"team": kpi.team, "metric": kpi.name, "better": kpi.better, "outcome": goal.name}
    row |= {"hurt_team": goal.team, "estimate": better * effect.estimate, "low": low, "high": high}
    row |= {"probability": float((effect.draws * better * up < 0).mean()), "delay": effect.lag}
    row |= {"via": effect.table["via"].iloc[0], "improved": _improved(panel, kpi)}
    change = _changed(better * step, kpi.unit).removeprefix("one ")
    cost, *ends = rounded(*(-up * step * row[size] for size in SIZES[:3]))
    cost += beside(goal.name, goal.unit)
    costs = f"cost{'s' * (step == 1)} {cost} of" if up > 0 else f"add{'s' * (step == 1)} {cost} to"
    sure = f"({' to '.join(ends)}; probability of harm {per_hundred(row['probability'])})"
    said = [f"{kpi.team} is judged on {judged_on(kpi)}."]
    said += [f"Each {change} {costs} {goal.name} {when(effect.lag, panel.cadence)} {sure}."]
    if row["improved"] > 0:
        said += [f"Over the data it has improved by {amount_of(row['improved'], kpi.unit)}."]
    said += [f"Hurt: {goal.team}."] if goal.team not in ("", kpi.team) else []
    return row | {"text": " ".join(said)}


def _improved(panel: Panel, kpi: Metric) -> float:
    """How far a metric went its better way from the first year to the last (thirds, if there is less)."""
    moves = []
    for part in _by_unit(panel, kpi.name):
        span = max(1, min(round(A_YEAR[panel.cadence]), len(part) // 3))
        moves.append(part[-span:].mean() - part[:span].mean())
    return IMPROVES[kpi.better] * float(np.mean(moves)) if moves else math.nan


TEAMS = ["team", "judged_on", "can_move", "share_moved", "metrics", "moved_by_itself", "others", "moves", "text"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Accountability(Result):
    """What each team is judged on, and who is shown to move it.

    Attributes
    ----------
    table : one row per team: `team`, `judged_on` (number of its metrics with a direction), `can_move` (how many of
        these it moves itself: the metric, or one of its own with a shown path there, has controllable 2 or 3),
        `share_moved` (0-1; NaN where it is judged on nothing), `metrics` and `moved_by_itself` (names), `others` (teams
        whose metrics move what it is judged on), `moves` (teams whose metrics it moves), `text`.
    """

    table: pd.DataFrame

    @property
    def text(self) -> str:
        judged = self.table[self.table["judged_on"] > 0]
        if judged.empty:
            return "No team is judged on a metric with a direction."
        total, own = int(judged["judged_on"].sum()), int(judged["can_move"].sum())
        text = f"Teams are judged on {total:,} metrics and are shown to move {own:,} of them themselves."
        helpless = list(judged[judged["can_move"] == 0]["team"])
        return f"{text} Shown to move none of its own: {joined(helpless)}." if helpless else text


def accountability(evidence: Evidence) -> Accountability:
    """Set what each team is judged on against what it can move, by the links that the data show."""
    links = shown_links(evidence)
    reach = {name: reached_from(links, [name]) for name in evidence.ipo_map.names}
    teams = dict.fromkeys(metric.team for metric in evidence.ipo_map.metrics if metric.team)
    rows = [_team(evidence.ipo_map, reach, team) for team in teams]
    return Accountability(pd.DataFrame(rows, columns=TEAMS))


def _team(ipo_map: IPOMap, reach: Mapping[str, set[str]], team: str) -> list[object]:
    own = [metric for metric in ipo_map.metrics if metric.team == team]
    rest = [metric for metric in ipo_map.metrics if metric.team not in ("", team)]
    judged = [metric.name for metric in own if metric.better]
    levers = [metric.name for metric in own if (metric.controllable or 0) >= OWN]
    moved = [name for name in judged if any(name in reach[lever] for lever in levers)]
    others = list(dict.fromkeys(metric.team for metric in rest if reach[metric.name] & set(judged)))
    moves = list(dict.fromkeys(m.team for m in rest if any(m.name in reach[mine.name] for mine in own)))
    said = [f"{team} is judged on {joined(judged) or 'no metric with a direction'}."]
    said += [f"It is shown to move {joined(moved) or 'none of this'} itself."] if judged else []
    said += [f"{joined(others)} move{'s' * (len(others) == 1)} this too."] if others else []
    said += [f"It moves metrics of {joined(moves)}."] if moves else []
    share = len(moved) / len(judged) if judged else math.nan
    return [team, len(judged), len(moved), share, *map(", ".join, (judged, moved, others, moves)), " ".join(said)]


def _by_unit(panel: Panel, name: str) -> list[Any]:
    """A metric's known values, one array per unit."""
    column = panel.values[name].dropna() if name in panel.names else pd.Series(dtype=float)
    parts = [part for _, part in column.groupby(level=0, sort=False)] if panel.units else [column]
    return [part.to_numpy() for part in parts if len(part)]


def swing(panel: Panel, name: str) -> float:
    """How much a metric moves: its standard deviation within units; 0 where it does not."""
    spread = [part.var() for part in _by_unit(panel, name)]
    return math.sqrt(float(np.mean(spread))) if spread else 0.0


def step_of(panel: Panel, name: str) -> float:
    """An amount of a metric that reads well and does happen: 1, 10, 0.1, ..., at most twice its swing."""
    moves = swing(panel, name)
    return 10.0 ** math.floor(math.log10(2 * moves)) if moves > 0 else 1.0


def levels(panel: Panel, name: str) -> Array:
    """(units, 3): a metric's level of late (mean of 13 weeks, 3 months, 7 days), its lowest and highest."""
    rows = [(part[-LATE[panel.cadence] :].mean(), part.min(), part.max()) for part in _by_unit(panel, name)]
    return np.array(rows, dtype=float).reshape(len(rows), 3)


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
TIMES = ("second", "minute", "hour", "day", "week", "month", "year")
MASSES = (*TIMES, "point", "percentage point", "unit", "share", "score")  # of these less, of others fewer


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "A, B and C"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def in_words(count: float) -> str:
    """A count in a sentence: words up to ten."""
    return NUMBERS[int(count)] if count <= 10 else spoken(count)


def per_hundred(value: float) -> str:
    """A share or probability as it is read aloud: "34 %", "over 99 %"."""
    return "over 99 %" if value >= 0.995 else "under 1 %" if 0 < value < 0.005 else f"{100 * value:.0f} %"


def when(lag: float, cadence: str) -> str:
    """When an effect shows: "in the same week", "the month after", "four weeks later"."""
    word = PERIOD_WORD[cadence]
    if not lag > 0:
        return f"in the same {word}"
    return f"the {word} after" if lag == 1 else f"{in_words(lag)} {word}s later"


def period_name(period: pd.Period) -> str:
    """A period of the calendar, short: "2026-W12" for a week, "2026-03", "2026Q1"."""
    if not period.freqstr.startswith("W"):
        return str(period)
    year, week, _ = period.end_time.isocalendar()
    return f"{year}-W{week:02}"


def fitting(name: str, singular: str, plural: str) -> str:
    """The verb or pronoun that fits a name, by the name's ending: Churn follows, Renewals follow."""
    return plural if name.endswith("s") and name[-2:] not in ("ss", "us", "is") else singular


def _many(unit: str) -> str:
    """A unit in a sentence, without what stands in brackets or its bounds."""
    bare = re.sub(r"\s*[([].*|\s+\d+\s*[-–]\s*\d+$", "", unit.strip())
    return {"": "units", "%": "percentage points", "percent": "percentage points"}.get(bare, bare)


def _one(unit: str) -> str:
    many, per, rest = _many(unit).partition(" per ")
    return (fitting(many, many, many[:-1]) if many.replace(" ", "").isalpha() else many) + per + rest


def beside(name: str, unit: str) -> str:
    """The unit after a number that is of a named metric: nothing, if the name says it already."""
    return "" if unit.strip().casefold() in name.casefold() else f" {_many(unit)}"


def sized(estimate: float, low: float, high: float, *, name: str = "", unit: str = "") -> str:
    """A change of a metric with its unit and 95 % interval: "+0.42 points (0.30 to 0.55)"."""
    number, *ends = rounded(estimate, low, high)
    return f"{'+' if estimate > 0 else ''}{number}{beside(name, unit)} ({' to '.join(ends)})"


def amount_of(value: float, unit: str) -> str:
    """A number with its unit, singular where it is one: "1 minute", "0.21 points", "10 percentage points"."""
    return f"{spoken(value)} {_one(unit) if abs(value) == 1 else _many(unit)}"


def _changed(amount: float, unit: str) -> str:
    """A change as an amount with its direction: "one minute less", "10 points more", "10 patients fewer"."""
    size = f"one {_one(unit)}" if abs(amount) == 1 else amount_of(abs(amount), unit)
    return f"{size} {'more' if amount > 0 else 'less' if _one(unit) in MASSES else 'fewer'}"


def judged_on(metric: Metric) -> str:
    """What a team is asked for, such as "shorter Handle minutes", "fewer Complaints" or "higher Churn"."""
    counted = metric.aggregate == "sum" and any(fitting(word, "", "s") for word in metric.name.split())
    lasts = metric.aggregate in ("", "mean") and _one(metric.unit) in TIMES
    lower, higher = ("fewer", "more") if counted else ("shorter", "longer") if lasts else ("lower", "higher")
    return f"{lower if metric.better == 'lower' else higher} {metric.name}"
