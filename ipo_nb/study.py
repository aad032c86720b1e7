"""Study: all results of one map and one panel in one call, and the sentences that a manager reads first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ipo_nb.audit import Audit, audit_map
from ipo_nb.drivers import (
    Accountability,
    Conflicts,
    Drivers,
    accountability,
    find_conflicts,
    fitting,
    in_words,
    joined,
    judged_on,
    rank_drivers,
    when,
)
from ipo_nb.evidence import Evidence, weigh_links
from ipo_nb.lags import PERIOD_WORD, LagProfile
from ipo_nb.links import IPOMap
from ipo_nb.panel import Panel
from ipo_nb.results import Result, plain, spoken

__all__ = ["Study", "run_study"]

NAMED = 3  # drivers in the headline
SAID = 5  # sentences in a column of the first screen
OPEN = ("not_enough_data", "cannot_tell")
PATIENCE = 10  # years of waiting from which on waiting is no advice


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study(Result):
    """Everything about one map and one panel.

    Attributes
    ----------
    ipo_map, panel : what was studied.
    audit : what is wrong with the map as drawn.
    evidence : every link judged.
    drivers : what moves each outcome that has declared causes; the main outcome (most shown drivers) first.
    conflicts : what teams are judged on at the cost of an outcome.
    accountability : what each team is judged on, and who moves it.
    """

    ipo_map: IPOMap
    panel: Panel
    audit: Audit
    evidence: Evidence
    drivers: Mapping[str, Drivers]
    conflicts: Conflicts
    accountability: Accountability

    @property
    def outcome(self) -> str:
        """The main outcome: the one with the most shown drivers; empty where the map has none."""
        return next(iter(self.drivers), "")

    @property
    def table(self) -> pd.DataFrame:
        """One row per link, as in `Evidence.table`."""
        return self.evidence.table

    @property
    def text(self) -> str:
        """The headline, the first driver, and the first thing that the data cannot say."""
        return f"{self.headline}. {self.driven_by[0]} {self.unknown[0]}"

    @property
    def headline(self) -> str:
        """The finding in one line: what the main outcome follows, and what is won at its cost."""
        found = _follows(self) if self.outcome else "The map names no outcome, so nothing can be ranked"
        return (found + _costs(self))[0].upper() + (found + _costs(self))[1:]

    @property
    def driven_by(self) -> tuple[str, ...]:
        """What drives the main outcome, largest share first, then the first driver of each other outcome."""
        if not any(drivers.sentences for drivers in self.drivers.values()):
            return ("No claimed driver of an outcome is shown by the data.",)
        main, *others = self.drivers.values()
        said = [*main.sentences[:NAMED], *_unranked(main)]
        said += [drivers.sentences[0] for drivers in others if drivers.sentences]
        return tuple(said[:SAID])

    @property
    def conflicting(self) -> tuple[str, ...]:
        """What a team wins at the cost of an outcome; that none is established, where none is."""
        parts = self.conflicts.table.groupby("metric", sort=False)
        return tuple(_conflict(rows, self.panel.cadence) for _, rows in parts)[:NAMED] or (self.conflicts.text,)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the data cannot say, the main outcome first."""
        links = sorted(self.evidence.profiles.values(), key=lambda profile: profile.effect != self.outcome)
        said = [drivers.reason for drivers in self.drivers.values() if drivers.reason]
        said += dict.fromkeys(_open(p) for p in links if p.verdict in OPEN and not _hopeless(p, self.panel))
        said += _waiting([p for p in links if p.verdict in OPEN and _hopeless(p, self.panel)])
        said += [_undirected(p) for p in links if "same_period" in p.flags and p.effect == self.outcome]
        if not said:
            settled = "Everything claimed was tested and settled."
            return (settled if self.evidence.profiles else "Nothing was claimed, so nothing was tested.",)
        more = len(said) - SAID
        rest = f"{more:,} more {'claims are' if more > 1 else 'claim is'} open: the list of links says which."
        return (*said[:SAID], rest) if more > 0 else tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """The study as JSON-ready values: sentences, and every result by its name."""
        said = {name: getattr(self, name) for name in ("headline", "outcome", "driven_by", "conflicting", "unknown")}
        results = {name: getattr(self, name).to_dict() for name in ("audit", "evidence", "conflicts", "accountability")}
        drivers = {name: found.to_dict() | {"explained": found.explained} for name, found in self.drivers.items()}
        head = {"title": self.ipo_map.title, "cadence": self.panel.cadence, "series": self.panel.text}
        return dict(plain({**head, **said, "map": self.ipo_map.to_dict(), **results, "drivers": drivers}))


def run_study(ipo_map: IPOMap, panel: Panel, *, progress: bool = False) -> Study:
    """Work out everything about one map and one panel: audit, evidence, drivers, conflicts, accountability.

    Parameters
    ----------
    ipo_map : the claims.
    panel : series at the map's cadence.
    progress : show a progress bar on stderr.

    Returns
    -------
    Study

    Raises
    ------
    IpoError : the panel has none of the map's metrics.

    Examples
    --------
    >>> from ipo_nb.simulate import simulate_system
    >>> sample = simulate_system(seed=1)
    >>> run_study(sample.ipo_map, sample.panel).outcome
    'Satisfaction'
    """
    evidence = weigh_links(ipo_map, panel, progress=progress)
    drivers = {name: rank_drivers(evidence, name) for name in _outcomes(ipo_map, evidence)}
    audit, conflicts, teams = audit_map(ipo_map), find_conflicts(evidence), accountability(evidence)
    return Study(ipo_map, panel, audit, evidence, drivers, conflicts, teams)


def _outcomes(ipo_map: IPOMap, evidence: Evidence) -> list[str]:
    """The main outcome, then the others of which something is claimed.

    The main one has the most shown drivers that are no outcomes themselves; among equals it serves the first
    objective.
    """
    outcomes = [metric for metric in ipo_map.metrics if metric.stage == "outcome"]
    levers = [p.effect for p in evidence.shown if ipo_map.metric(p.cause).stage != "outcome"]
    first = ipo_map.objectives[0] if ipo_map.objectives else None
    ranked = sorted(outcomes, key=lambda metric: (-levers.count(metric.name), metric.objective != first))
    return [metric.name for at, metric in enumerate(ranked) if at == 0 or ipo_map.parents(metric.name)]


def _follows(study: Study) -> str:
    """The first half of the headline."""
    drivers = study.drivers[study.outcome]
    harming = _harming(study)
    names = [name for name in drivers.shown["driver"] if name not in harming] or list(drivers.shown["driver"])
    if not names:
        claimed = len(study.ipo_map.parents(study.outcome))
        return f"The data do not show {'yet ' if claimed else ''}what moves {study.outcome}"
    profiles = [study.evidence.profiles[name, study.outcome] for name in names]
    together = all("same_period" in profile.flags for profile in profiles)
    verbs = ("moves with", "move with") if together else ("follows", "follow")
    within = ", in each unit but not in the total" if all("within_units_only" in p.flags for p in profiles) else ""
    return f"{study.outcome} {fitting(study.outcome, *verbs)} {_ranked(drivers, names)}{within}"


def _ranked(drivers: Drivers, names: list[str]) -> str:
    """Names in order: "A and B" if they cannot be ranked, "A most, then B" if the first is surely first."""
    leader = drivers.ties[0] if drivers.ties else ()
    more = len(names) - NAMED
    shown = [*names[:NAMED], f"{in_words(more)} more"] if more > 0 else names
    if leader == (names[0],) and len(names) > 1:
        return f"{shown[0]} most, then {joined(shown[1:])}"
    return joined(shown)


def _harming(study: Study) -> list[str]:
    table = study.conflicts.table
    return list(table[table["outcome"] == study.outcome]["metric"])


def _costs(study: Study) -> str:
    """The second half of the headline: the surest conflict, that of the main outcome first."""
    table = study.conflicts.table
    if table.empty:
        return ""
    row = table.loc[(table["outcome"] != study.outcome).sort_values(kind="stable").index[0]]
    metric, goal = study.ipo_map.metric(row["metric"]), study.ipo_map.metric(row["outcome"])
    whom = fitting(goal.name, "it", "them") if goal.name == study.outcome else goal.name
    verb = ("costs", "cost") if goal.better == "higher" else ("raises", "raise")
    return f"; {judged_on(metric)} {fitting(metric.name, *verb)} {whom}"


def _conflict(rows: pd.DataFrame, cadence: str) -> str:
    """One metric at whose cost: the surest outcome in full, the others by name."""
    others = [f"{row['outcome']} {when(row['delay'], cadence)}" for row in rows.to_dict("records")[1:]]
    return f"{rows['text'].iloc[0]}{f' It also harms {joined(others)}.' if others else ''}"


def _unranked(drivers: Drivers) -> list[str]:
    """Which of the drivers just named cannot be ranked."""
    named = list(drivers.shown["driver"])[:NAMED]
    tied = [[name for name in group if name in named] for group in drivers.ties]
    whole = [group for group in tied if len(group) > 1]
    if whole and len(whole[0]) == len(named):
        return [f"The {in_words(len(named))} cannot be ranked."]
    return [f"{joined(group)} cannot be ranked." for group in whole]


def _open(profile: LagProfile) -> str:
    """Why a claim is open, and what would settle it."""
    if profile.verdict == "cannot_tell" and profile.aliased:
        return (
            f"{profile.cause} and {profile.aliased} moved together: no analysis can split what they do to"
            f" {profile.effect}, only a change of one while the other stays put."
        )
    more = math.ceil(_missing(profile))
    if profile.verdict == "cannot_tell" or more <= 0:
        reason = profile.reason or f"{profile.size} cannot be told apart from nothing"
        return f"Whether {_claim(profile)}: {reason}."
    word = PERIOD_WORD[profile.cadence] + "s" * (more != 1)
    return f"Whether {_claim(profile)}: it would take about {spoken(more)} more {word}, or a staggered change."


def _claim(profile: LagProfile) -> str:
    return f"{profile.cause} {fitting(profile.cause, 'moves', 'move')} {profile.effect}"


def _missing(profile: LagProfile) -> float:
    """Periods that a claim lacks."""
    return (profile.periods_needed or 0) - profile.n_periods


def _hopeless(profile: LagProfile, panel: Panel) -> bool:
    """Whether waiting for more data is no advice."""
    return profile.verdict == "not_enough_data" and _missing(profile) > PATIENCE * {"daily": 365}.get(
        panel.cadence, panel.season
    )


def _waiting(profiles: Sequence[LagProfile]) -> list[str]:
    """The claims that waiting will not settle, in one sentence."""
    claims = [_claim(profile) for profile in profiles[:NAMED]]
    more = len(profiles) - NAMED
    claims += [f"{in_words(more)} more claims hold"] if more > 0 else []
    wait = f"seeing an effect worth knowing would take over {in_words(PATIENCE)} years of data"
    return [f"Whether {joined(claims)}: {wait}; a staggered change would tell sooner."] if claims else []


def _undirected(profile: LagProfile) -> str:
    pair, word = f"{profile.cause} and {profile.effect}", PERIOD_WORD[profile.cadence]
    return f"Which of {pair} moves the other: they move within one {word}, and the data know no finer time."
