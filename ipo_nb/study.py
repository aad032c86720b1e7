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
from ipo_nb.links import IPOMap
from ipo_nb.panel import Panel
from ipo_nb.results import Result, plain, spoken
from ipo_nb.verdicts import A_YEAR, LONG, PERIOD_WORD, LagProfile

__all__ = ["Study", "run_study"]

NAMED = 3  # drivers in the headline, conflicts on the first screen
SAID = 5  # sentences in a column of the first screen


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study(Result):
    """Everything about one map and one panel: what was studied, and every result by its name.

    `drivers` holds those of each outcome that has declared causes, the main outcome (most shown drivers) first.
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
        said = _follows(self) + _costs(self)
        return said[0].upper() + said[1:]

    @property
    def driven_by(self) -> tuple[str, ...]:
        """What drives the main outcome, largest share first, then the first driver of each other outcome."""
        ranked = list(self.drivers.values())
        said = [sentence for main in ranked[:1] for sentence in (*main.sentences[:NAMED], *_unranked(main))]
        said += [other.sentences[0] for other in ranked[1:] if other.sentences]
        return tuple(said[:SAID]) or ("No claimed driver of an outcome is shown by the data.",)

    @property
    def conflicting(self) -> tuple[str, ...]:
        """What a team wins at the cost of an outcome; that none is established, where none is."""
        said = []
        for _, rows in self.conflicts.table.groupby("metric", sort=False):
            others = [f"{row['outcome']} {when(row['delay'], self.panel.cadence)}" for row in rows.to_dict("records")]
            also = f" It also harms {joined(others[1:])}." if others[1:] else ""
            said.append(rows["text"].iloc[0] + also)
        return tuple(said[:NAMED]) or (self.conflicts.text,)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the data cannot say, the main outcome first."""
        links = sorted(self.evidence.profiles.values(), key=lambda profile: profile.effect != self.outcome)
        open_ = [p for p in links if p.verdict in ("not_enough_data", "cannot_tell")]
        said = [drivers.reason for drivers in self.drivers.values() if drivers.reason]
        said += [_open(p) for p in open_ if _lacks(p) <= LONG * A_YEAR[p.cadence]]
        said += _waiting([_claim(p) for p in open_ if _lacks(p) > LONG * A_YEAR[p.cadence]])
        said += [
            f"Which of {p.cause} and {p.effect} moves the other: they move within one {PERIOD_WORD[p.cadence]}, and the"
            " data know no finer time."
            for p in links
            if "same_period" in p.flags and p.effect == self.outcome
        ]
        if not said:
            settled = "Everything claimed was tested and settled."
            return (settled if links else "Nothing was claimed, so nothing was tested.",)
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
    drivers = {name: rank_drivers(evidence, name) for name in _outcomes(evidence)}
    audit, conflicts, teams = audit_map(ipo_map), find_conflicts(evidence), accountability(evidence)
    return Study(ipo_map, panel, audit, evidence, drivers, conflicts, teams)


def _outcomes(evidence: Evidence) -> list[str]:
    """The main outcome (most shown drivers that are no outcomes; among equals it serves the first objective), then the
    others of which something is claimed."""
    ipo_map = evidence.ipo_map
    levers = [p.effect for p in evidence.shown if ipo_map.metric(p.cause).stage != "outcome"]
    outcomes = [metric for metric in ipo_map.metrics if metric.stage == "outcome"]
    outcomes.sort(key=lambda metric: (-levers.count(metric.name), metric.objective not in ipo_map.objectives[:1]))
    return [metric.name for at, metric in enumerate(outcomes) if at == 0 or ipo_map.parents(metric.name)]


def _follows(study: Study) -> str:
    """The first half of the headline; what harms the main outcome comes in the second."""
    if not study.outcome:
        return "The map names no outcome, so nothing can be ranked"
    drivers, conflicts = study.drivers[study.outcome], study.conflicts.table
    harming = set(conflicts[conflicts["outcome"] == study.outcome]["metric"])
    shown = list(drivers.shown["driver"])
    names = [name for name in shown if name not in harming] or shown
    if not names:
        yet = "yet " if study.ipo_map.parents(study.outcome) else ""
        return f"The data do not show {yet}what moves {study.outcome}"
    flags = [study.evidence.profiles[name, study.outcome].flags for name in names]
    verbs = ("moves with", "move with") if all("same_period" in f for f in flags) else ("follows", "follow")
    within = ", in each unit but not in the total" if all("within_units_only" in f for f in flags) else ""
    first, *rest = names[:NAMED] + ([f"{in_words(len(names) - NAMED)} more"] if len(names) > NAMED else [])
    surely = rest and drivers.ties[:1] == ((first,),)
    ranked = f"{first} most, then {joined(rest)}" if surely else joined([first, *rest])
    return f"{study.outcome} {fitting(study.outcome, *verbs)} {ranked}{within}"


def _costs(study: Study) -> str:
    """The second half of the headline: the surest conflict, that of the main outcome first."""
    rows = sorted(study.conflicts.table.to_dict("records"), key=lambda row: row["outcome"] != study.outcome)
    if not rows:
        return ""
    metric, goal = (study.ipo_map.metric(rows[0][end]) for end in ("metric", "outcome"))
    whom = fitting(goal.name, "it", "them") if goal.name == study.outcome else goal.name
    verbs = ("costs", "cost") if goal.better == "higher" else ("raises", "raise")
    return f"; {judged_on(metric)} {fitting(metric.name, *verbs)} {whom}"


def _unranked(drivers: Drivers) -> list[str]:
    """Which of the drivers just named cannot be ranked."""
    named = list(drivers.shown["driver"])[:NAMED]
    tied = [[name for name in group if name in named] for group in drivers.ties]
    all_of = f"The {in_words(len(named))}"
    return [f"{all_of if group == named else joined(group)} cannot be ranked." for group in tied if len(group) > 1]


def _claim(profile: LagProfile) -> str:
    return f"{profile.cause} {fitting(profile.cause, 'moves', 'move')} {profile.effect}"


def _lacks(profile: LagProfile) -> int:
    """Periods that a claim lacks, where more of them would help."""
    needed = profile.periods_needed if profile.verdict == "not_enough_data" else 0
    return max(0, math.ceil((needed or 0) - profile.n_periods))


def _open(profile: LagProfile) -> str:
    """Why a claim is open, and what would settle it."""
    if profile.verdict == "cannot_tell" and profile.aliased:
        pair = f"{profile.cause} and {profile.aliased} moved together: no analysis can split what they do to"
        return f"{pair} {profile.effect}, only a change of one while the other stays put."
    more = _lacks(profile)
    if not more:
        return f"Whether {_claim(profile)}: {profile.reason or f'{profile.size} cannot be told apart from nothing'}."
    word = PERIOD_WORD[profile.cadence] + "s" * (more > 1)
    return f"Whether {_claim(profile)}: it would take about {spoken(more)} more {word}, or a staggered change."


def _waiting(claims: Sequence[str]) -> list[str]:
    """The claims that waiting will not settle, in one sentence."""
    more = [f"{in_words(len(claims) - NAMED)} more claims hold"] if len(claims) > NAMED else []
    wait = f"seeing an effect worth knowing would take over {in_words(LONG)} years of data"
    whether = f"Whether {joined([*claims[:NAMED], *more])}: {wait}; a staggered change would tell sooner."
    return [whether] if claims else []
