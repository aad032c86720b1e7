"""What is wrong with a KPI system as it is drawn: no data needed, one concrete act to each finding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ipo_nb.errors import nearest
from ipo_nb.links import PERIOD_WORDS, IPOMap, Link
from ipo_nb.metrics import CADENCES, STAGES, Metric, name_key, shown
from ipo_nb.results import Result, plain

__all__ = ["Audit", "audit_map"]

SEVERITIES = ("high", "medium", "low")
MOST_KPIS = 10
CONTROLS = 2
LONGEST_CONFLICT = 5
NAMED = 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Result):
    """The findings on a map of metrics and links.

    Attributes
    ----------
    findings : one row per finding, gravest first: `code`, `severity` (high, medium, low), `metrics` (names),
        `team`, `message` (what is so and what follows from it), `mend` (one thing to do).
    teams : one row per team: `team`, `inputs`, `processes`, `outcomes` (how many of its metrics are such),
        `links` (how many touch its metrics), `share_crossing` (share of those that reach another team, 0-1),
        `share_controlled` (share of what it is judged on that it controls, 0-1; missing where not rated).
    headline : the map in one sentence.
    notes : what in the map was not understood, in sentences.
    """

    findings: pd.DataFrame
    teams: pd.DataFrame
    headline: str
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The findings."""
        return self.findings

    @property
    def text(self) -> str:
        """The headline, how many findings there are by severity, the first of them, and the notes."""
        said = "Nothing is wrong with the map as drawn; whether its links hold, data must say."
        if len(self.findings):
            counts = self.findings["severity"].value_counts()
            weights = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if severity in counts)
            number = "1 finding" if len(self.findings) == 1 else f"{len(self.findings):,} findings"
            said = f"{number} ({weights}). First: {self.findings['message'].iloc[0]}"
        return " ".join([self.headline, said, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Headline, text, findings (`table`) and teams as JSON-ready values."""
        found = {"headline": self.headline, "text": self.text, "notes": list(self.notes)}
        return found | {"table": plain(self.findings), "teams": plain(self.teams)}


def audit_map(ipo_map: IPOMap) -> Audit:
    """Look for what is wrong with a KPI system as drawn.

    A metric reaches another over links and over formulas (a part moves the whole). A team is judged on those of
    its metrics that have a direction or a target, or on all of them where none has; it controls those rated 2 or
    3 of 3. The codes:

    ========================  ======================================================================================
    isolated                  an input or process with no link and no part in a formula
    dead_end                  an input or process that reaches no outcome
    outcome_only              an outcome that nothing leads to
    outcome_only_team         a team whose metrics are all outcomes
    uncontrollable_team       a team none of whose rated metrics that it is judged on is controlled
    silo_team                 a team with links, none of which reaches another team
    skips_process             input -> outcome with no way over a process beside it
    against_the_flow          a link to an earlier stage
    cycle                     metrics that lead back to themselves
    declared_conflict         improving a metric in its own direction harms an outcome by the signs multiplied along
                              the links (5 at most, none unsigned or against the flow); medium where another way helps
    no_guardrail              a conflict that none of the team's own metrics would show, or a team judged on a single
                              process (Grove 1983, ch. 2: pair every indicator with its counterpart)
    no_team                   nobody answers for the metric
    no_direction              a process, an outcome, or a metric with a target that has no `better`
    no_target                 an outcome without a target
    objective_uncovered       an objective that no outcome serves
    metric_without_objective  an outcome that serves no objective, or a metric that names an unknown one
    identity_link             a link that is arithmetic by a formula
    cadence_mismatch          a metric coarser than the map, or a finer one that does not say how it is summed up
    too_many_kpis             a team judged on more than 10 metrics (Parmenter 2015: ten are enough for an organisation)
    lagging_only              a team with outcomes and no metric that leads to one (Kaplan & Norton 1996, ch. 7:
                              outcomes without their drivers do not say how to reach them, nor warn early)
    ========================  ======================================================================================

    >>> from ipo_nb.metrics import Metric
    >>> audit_map(IPOMap([Metric("Sales", "outcome", team="Shop", better="higher", target=9)])).findings["code"][0]
    'outcome_only'
    """
    view = _View.of(ipo_map)
    found = [finding for check in CHECKS for finding in check(view)]
    place = {name: number for number, name in enumerate(ipo_map.names)}
    found.sort(key=lambda x: (SEVERITIES.index(x.severity), x.code, [place[name] for name in x.metrics], x.team))
    findings = pd.DataFrame(found, columns=_Finding._fields).astype(object)
    return Audit(findings, _team_table(view), _headline(view), ipo_map.warnings)


class _Finding(NamedTuple):
    code: str
    severity: str
    metrics: tuple[str, ...]
    team: str
    message: str
    mend: str


class _Harms(NamedTuple):
    """What the improvement of a metric does to outcomes."""

    harmed: Mapping[str, tuple[str, ...]]  # outcome -> the shortest way that harms it
    mixed: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]  # outcome -> a way that harms, one that helps


@dataclass(frozen=True, slots=True)
class _View:
    """A map as the checks look at it: ways over links and formulas, and metrics by team."""

    ipo_map: IPOMap
    children: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    teams: Mapping[str, tuple[Metric, ...]]  # by the first spelling of their name
    objectives: Mapping[str, str]  # key and name of those that the map declares, else those that metrics name
    outcomes: tuple[Metric, ...]
    to_outcome: Collection[str]  # metrics from which a way leads to an outcome
    harms: Mapping[str, _Harms]

    @classmethod
    def of(cls, ipo_map: IPOMap) -> _View:
        ways = dict.fromkeys((link.cause, link.effect) for link in ipo_map.links)
        for metric in ipo_map.metrics:
            ways |= dict.fromkeys((part, metric.name) for part in ipo_map.parts(metric.name))
        children: dict[str, tuple[str, ...]] = {}
        parents: dict[str, tuple[str, ...]] = {}
        for cause, effect in ways:
            children[cause] = (*children.get(cause, ()), effect)
            parents[effect] = (*parents.get(effect, ()), cause)
        teams: dict[str, tuple[Metric, ...]] = {}
        spelt: dict[str, str] = {}
        for metric in ipo_map.metrics:
            if metric.team.strip():
                team = spelt.setdefault(name_key(metric.team), metric.team)
                teams[team] = (*teams.get(team, ()), metric)
        goals: dict[str, str] = {}
        for goal in ipo_map.objectives or [m.objective for m in ipo_map.metrics if m.objective]:
            goals.setdefault(name_key(goal), goal)
        outcomes = tuple(metric for metric in ipo_map.metrics if metric.stage == "outcome")
        before = [parent for metric in outcomes for parent in parents.get(metric.name, ())]
        steps = _signed_steps(ipo_map)
        harms = {metric.name: _harms(steps, metric, outcomes) for metric in ipo_map.metrics}
        return cls(ipo_map, children, parents, teams, goals, outcomes, _reached(before, parents), harms)

    def stage(self, name: str) -> int:
        return STAGES.index(self.ipo_map.metric(name).stage)

    def team(self, name: str) -> str:
        return name_key(self.ipo_map.metric(name).team)

    def is_linked(self, name: str) -> bool:
        return name in self.children or name in self.parents

    def links_of(self, metrics: Iterable[Metric]) -> list[Link]:
        names = {metric.name for metric in metrics}
        return [link for link in self.ipo_map.links if link.cause in names or link.effect in names]

    def crosses(self, link: Link) -> bool:
        ends = self.team(link.cause), self.team(link.effect)
        return all(ends) and ends[0] != ends[1]


def _reached(start: Iterable[str], ways: Mapping[str, tuple[str, ...]]) -> set[str]:
    """All that ways lead to from some metrics, these included."""
    found = set(start)
    ring = list(found)
    while ring:
        ring = list({name for one in ring for name in ways.get(one, ())} - found)
        found |= set(ring)
    return found


def _judged(metrics: Sequence[Metric]) -> list[Metric]:
    """What a team is judged on."""
    return [m for m in metrics if m.better or m.target is not None] or list(metrics)


def _quoted(names: Sequence[str]) -> str:
    """A few names in quotes, the rest counted."""
    some = [shown(name) for name in names[:NAMED]]
    if len(names) > NAMED:
        return f"{', '.join(some)} and {len(names) - NAMED} more"
    return " and ".join([", ".join(some[:-1]), some[-1]]) if len(some) > 1 else "".join(some)


def _arrow(names: Sequence[str]) -> str:
    return " -> ".join(map(shown, names))


# ---- metrics -----------------------------------------------------------------------------------------------


def _isolated(view: _View) -> Iterator[_Finding]:
    for metric in view.ipo_map.metrics:
        if metric.stage != "outcome" and not view.is_linked(metric.name):
            name = shown(metric.name)
            message = f"{name} is linked to nothing: the map says neither what moves it nor what it moves."
            mend = f"Link {name} to what it is meant to move, or stop reporting it."
            yield _Finding("isolated", "medium", (metric.name,), metric.team, message, mend)


def _dead_end(view: _View) -> Iterator[_Finding]:
    for metric in view.ipo_map.metrics:
        name = metric.name
        if metric.stage == "outcome" or name in view.to_outcome or not view.is_linked(name):
            continue
        message = f"{shown(name)} reaches no outcome: improving it changes nothing that the map calls a result."
        ends = [end for end in view.ipo_map.names if end in _reached([name], view.children)]
        ends = [end for end in ends if end not in view.children and end != name]
        where = f"{shown(ends[0])}, where its way ends," if ends else shown(name)
        mend = f"Link {where} to the outcome that it is meant to move, or stop reporting {shown(name)}."
        yield _Finding("dead_end", "medium", (name,), metric.team, message, mend)


def _outcome_only(view: _View) -> Iterator[_Finding]:
    for metric in view.outcomes:
        if metric.name not in view.parents:
            name = shown(metric.name)
            message = f"Nothing leads to the outcome {name}: it can be watched, but the map names no way to move it."
            mend = f"Name the process that moves {name}, and link it."
            yield _Finding("outcome_only", "high", (metric.name,), metric.team, message, mend)


def _missing(
    view: _View, code: str, lacking: Sequence[Metric], looked_at: int, words: tuple[str, str, str], mend: str
) -> Iterator[_Finding]:
    """One finding for each metric that lacks something; one for all where every one of several lacks it."""
    one, none, follows = words
    severity = {"no_team": "medium", "no_target": "low"}.get(code, "medium")
    if len(lacking) == looked_at > 1:
        names = tuple(metric.name for metric in lacking)
        yield _Finding(code, severity, names, "", f"{none}: {follows}.", mend.format("each of them"))
        return
    for metric in lacking:
        message = f"{one.format(shown(metric.name))}: {follows}."
        weight = "low" if code == "no_direction" and not _must_point(metric) else severity
        yield _Finding(code, weight, (metric.name,), metric.team, message, mend.format(shown(metric.name)))


def _must_point(metric: Metric) -> bool:
    return metric.stage == "outcome" or metric.target is not None


def _no_team(view: _View) -> Iterator[_Finding]:
    lacking = [metric for metric in view.ipo_map.metrics if not metric.team.strip()]
    words = ("{} belongs to no team", "No metric names its team", "nobody answers for it")
    yield from _missing(view, "no_team", lacking, len(view.ipo_map.metrics), words, "Name the team of {}.")


def _no_direction(view: _View) -> Iterator[_Finding]:
    asked = [metric for metric in view.ipo_map.metrics if metric.stage == "process" or _must_point(metric)]
    lacking = [metric for metric in asked if not metric.better]
    none = "No process or outcome says whether higher or lower is better"
    words = ("{} does not say whether higher or lower is better", none, "no change can be called good news")
    yield from _missing(view, "no_direction", lacking, len(asked), words, "Set better to higher or lower for {}.")


def _no_target(view: _View) -> Iterator[_Finding]:
    lacking = [metric for metric in view.outcomes if metric.target is None]
    words = ("The outcome {} has no target", "No outcome has a target", "nobody can say when it is good enough")
    yield from _missing(view, "no_target", lacking, len(view.outcomes), words, "Set a target for {}.")


def _cadence_mismatch(view: _View) -> Iterator[_Finding]:
    cadence = view.ipo_map.cadence
    for metric in view.ipo_map.metrics:
        name, own = shown(metric.name), metric.cadence or cadence
        if CADENCES.index(own) > CADENCES.index(cadence):
            message = f"{name} is measured {own}, but the map counts lags in {PERIOD_WORDS[cadence]}:"
            message += f" when it answers to a cause can be seen no finer than in {PERIOD_WORDS[own]}."
            mend = f"Measure {name} {cadence}, or set the cadence of the map to {own}."
            yield _Finding("cadence_mismatch", "medium", (metric.name,), metric.team, message, mend)
        elif own != cadence and not metric.aggregate:
            message = f"{name} is measured {own} and does not say how"
            message += f" {PERIOD_WORDS[own]} become {PERIOD_WORDS[cadence]}: sum and mean tell different stories."
            mend = f"Set aggregate to sum, mean or last for {name}."
            yield _Finding("cadence_mismatch", "low", (metric.name,), metric.team, message, mend)


# ---- objectives --------------------------------------------------------------------------------------------


def _objective_uncovered(view: _View) -> Iterator[_Finding]:
    for key, goal in view.objectives.items():
        serving = [metric for metric in view.ipo_map.metrics if name_key(metric.objective) == key]
        if any(metric.stage == "outcome" for metric in serving):
            continue
        means = f" (only {_quoted([m.name for m in serving])}, no result)" if serving else ""
        message = f"No outcome measures the objective {shown(goal)}{means}: it can be missed without anyone seeing it."
        mend = f"Name the outcome that shows whether {shown(goal)} is reached, and set its objective."
        names = tuple(metric.name for metric in serving)
        yield _Finding("objective_uncovered", "high", names, "", message, mend)


def _metric_without_objective(view: _View) -> Iterator[_Finding]:
    code = "metric_without_objective"
    if not view.objectives and view.outcomes:
        names = tuple(metric.name for metric in view.outcomes)
        message = "The map names no strategic objective: nobody can say what its outcomes are for."
        mend = f"Write objectives into the map, and set the objective of {_quoted(names)}."
        yield _Finding(code, "medium", names, "", message, mend)
        return
    for metric in view.ipo_map.metrics:
        name = shown(metric.name)
        if metric.objective and name_key(metric.objective) not in view.objectives:
            message = f"{name} names the objective {shown(metric.objective)}, which the map does not have."
            mend = f"Choose one of the map's for it. {nearest(metric.objective, list(view.objectives.values()))}"
            yield _Finding(code, "medium", (metric.name,), metric.team, message, mend)
        elif metric.stage == "outcome" and not metric.objective:
            message = f"The outcome {name} serves no objective: it may be improved for nothing."
            mend = f"Set the objective of {name}, or ask why it is reported."
            yield _Finding(code, "low", (metric.name,), metric.team, message, mend)


# ---- links -------------------------------------------------------------------------------------------------


def _skips_process(view: _View) -> Iterator[_Finding]:
    for link in view.ipo_map.links:
        if (view.stage(link.cause), view.stage(link.effect)) != (0, 2) or view.ipo_map.is_identity(link):
            continue
        beside = [name for name in view.children[link.cause] if view.stage(name) == 1]
        if link.effect not in _reached(beside, view.children):
            message = f"{_arrow((link.cause, link.effect))} leads from an input straight to an outcome:"
            message += " it says that it works, not how."
            mend = f"Name the activity through which {shown(link.cause)} moves {shown(link.effect)}, and link over it."
            team = view.ipo_map.metric(link.cause).team
            yield _Finding("skips_process", "low", (link.cause, link.effect), team, message, mend)


def _against_the_flow(view: _View) -> Iterator[_Finding]:
    for link in view.ipo_map.links:
        cause, effect = view.stage(link.cause), view.stage(link.effect)
        if cause > effect:
            message = f"{_arrow((link.cause, link.effect))} leads from {_a(cause)} back to {_a(effect)}:"
            message += " a feedback, or an arrow drawn the wrong way round."
            how = "See that the feedback is meant" if link.why else "Write into its why how it acts back"
            team = view.ipo_map.metric(link.cause).team
            severity = "low" if link.why else "medium"
            mend = f"{how}, or turn the arrow round."
            yield _Finding("against_the_flow", severity, (link.cause, link.effect), team, message, mend)


def _a(stage: int) -> str:
    return f"{'a' if STAGES[stage] == 'process' else 'an'} {STAGES[stage]}"


def _cycle(view: _View) -> Iterator[_Finding]:
    links = {(link.cause, link.effect): link for link in view.ipo_map.links}
    for circle in _circles(view.ipo_map):
        steps = [links[pair] for pair in zip(circle, (*circle[1:], circle[0]), strict=True)]
        same = all(link.lag[0] == 0 for link in steps)
        back = max(steps, key=lambda link: view.stage(link.cause) - view.stage(link.effect))
        period = PERIOD_WORDS[view.ipo_map.cadence]
        follows = "inside one period cause and effect cannot be told apart" if same else "a change feeds itself"
        message = f"{_arrow((*circle, circle[0]))} is a circle: {follows}."
        act = f", or let its lag start at 1 of the {period}" if same else ""
        mend = f"Take out {_arrow((back.cause, back.effect))} if it is only a suspicion{act}."
        yield _Finding("cycle", "medium" if same else "low", circle, "", message, mend)


def _circles(ipo_map: IPOMap) -> list[tuple[str, ...]]:
    """For each knot of metrics that lead back to themselves the shortest circle in it."""
    children = {name: ipo_map.children(name) for name in ipo_map.names}
    parents = {name: ipo_map.parents(name) for name in ipo_map.names}
    knot = dict.fromkeys(ipo_map.names)
    loose = list(knot)
    while loose:  # what has no way in or no way out is in no circle
        loose = [n for n in knot if not any(c in knot for c in children[n]) or not any(p in knot for p in parents[n])]
        for name in loose:
            del knot[name]
    found = []
    while knot:
        start = next(iter(knot))
        members = _reached([start], children) & _reached([start], parents)
        if len(members) > 1:
            found.append(_shortest_circle([name for name in knot if name in members], children))
        for name in members:
            knot.pop(name, None)
    return found


def _shortest_circle(members: Sequence[str], children: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    best: tuple[str, ...] = ()
    for start in members:
        came: dict[str, str] = {}
        ring = [start]
        while ring and start not in came:
            steps = [(child, name) for name in ring for child in children[name] if child in members]
            ring = [child for child, name in steps if came.setdefault(child, name) is name]
            ring = list(dict.fromkeys(ring))
        circle = [start]
        while start in came and came[circle[-1]] != start:
            circle.append(came[circle[-1]])
        if start in came and (not best or len(circle) < len(best)):
            best = (start, *reversed(circle[1:]))
        if len(best) == 2:
            break
    return best


def _identity_link(view: _View) -> Iterator[_Finding]:
    for link in view.ipo_map.links:
        if view.ipo_map.is_identity(link):
            ends = view.ipo_map.metric(link.effect), view.ipo_map.metric(link.cause)
            whole = next(metric for metric in ends if metric.formula)
            message = f"{_arrow((link.cause, link.effect))} is arithmetic ({shown(whole.name)} = {whole.formula}):"
            message += " it holds by definition, proves nothing and is not tested."
            mend = f"Take it out, and link what moves the parts of {shown(whole.name)} instead."
            yield _Finding("identity_link", "low", (link.cause, link.effect), whole.team, message, mend)


# ---- conflicts ---------------------------------------------------------------------------------------------


def _signed_steps(ipo_map: IPOMap) -> dict[str, list[tuple[str, int]]]:
    """For each metric those that it moves by a signed link along the flow, with the sign."""
    steps: dict[str, list[tuple[str, int]]] = {name: [] for name in ipo_map.names}
    stage = {metric.name: STAGES.index(metric.stage) for metric in ipo_map.metrics}
    for link in ipo_map.links:
        if link.sign != "?" and stage[link.cause] <= stage[link.effect]:
            steps[link.cause].append((link.effect, 1 if link.sign == "+" else -1))
    return steps


def _harms(steps: Mapping[str, list[tuple[str, int]]], metric: Metric, outcomes: Sequence[Metric]) -> _Harms:
    """What a metric's improvement does to outcomes by the signs along the shortest ways of either kind."""
    push = 1 if metric.better == "higher" else -1
    ways = _signed_ways(steps, metric.name) if metric.better else {}
    harmed: dict[str, tuple[str, ...]] = {}
    mixed: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for outcome in outcomes:
        good = 1 if outcome.better == "higher" else -1
        worse = ways.get((outcome.name, -push * good)) if outcome.better else None
        helps = ways.get((outcome.name, push * good))
        if worse and helps:
            mixed[outcome.name] = worse, helps
        elif worse:
            harmed[outcome.name] = worse
    return _Harms(harmed, mixed)


def _signed_ways(steps: Mapping[str, list[tuple[str, int]]], start: str) -> dict[tuple[str, int], tuple[str, ...]]:
    """The shortest way to each metric for each product of signs."""
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    ring: list[tuple[int, tuple[str, ...]]] = [(1, (start,))]
    for _ in range(LONGEST_CONFLICT):
        longer = []
        for sign, way in ring:
            for child, step in steps[way[-1]]:
                if child not in way and (child, sign * step) not in found:
                    found[child, sign * step] = (*way, child)
                    longer.append((sign * step, (*way, child)))
        ring = longer
    return found


def _declared_conflict(view: _View) -> Iterator[_Finding]:
    for metric in view.ipo_map.metrics:
        harms, name = view.harms[metric.name], shown(metric.name)
        turn = f"If {metric.team or 'someone'} makes {name} {metric.better}, as it should,"
        for outcome, way, after in _first_harmed(harms.harmed):
            goes = "lower" if view.ipo_map.metric(outcome).better == "higher" else "higher"
            message = f"{turn} {shown(outcome)} gets {goes}, which is worse: {_arrow(way)}, {_delay(view, way)}."
            message += f" With it go{'es' * (len(after) == 1)} {_quoted(after)}." if after else ""
            limit = "a floor" if metric.better == "lower" else "a ceiling"
            mend = f"Judge whoever moves {name} on {shown(outcome)} too, or set {limit} for {name}."
            names = (metric.name, outcome, *after)
            yield _Finding("declared_conflict", "high", names, metric.team, message, mend)
        if harms.mixed:
            outcome, (worse, helps) = min(harms.mixed.items(), key=lambda item: sum(map(len, item[1])))
            others = [other for other in harms.mixed if other != outcome]
            message = f"{turn} {shown(outcome)} loses over {_arrow(worse)} and gains over {_arrow(helps)}:"
            message += " signs alone cannot say which is larger."
            message += f" The same holds for {_quoted(others)}." if others else ""
            mend = f"Test the links that leave {name} with data before setting a target for it."
            names = (metric.name, outcome, *others)
            yield _Finding("declared_conflict", "medium", names, metric.team, message, mend)


def _first_harmed(
    harmed: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Harmed outcomes that are reached over no other harmed one, each with its way and those that follow."""
    for outcome, way in harmed.items():
        if not any(name in harmed for name in way[1:-1]):
            after = [name for name, other in harmed.items() if outcome in other[1:-1]]
            yield outcome, way, after


def _no_guardrail(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        pushed = [metric for metric in metrics if metric.better]
        for metric in pushed:
            name = shown(metric.name)
            first = _first_harmed(view.harms[metric.name].harmed)
            unseen = [(outcome, way) for outcome, way, _ in first if not _sees(view, team, way)]
            for outcome, way in unseen:
                message = f"Nothing that {team} is judged on shows the harm that {name} can do to {shown(outcome)}."
                mend = f"Pair {name} with {shown(way[1])} where {team} is judged."
                yield _Finding("no_guardrail", "medium", (metric.name, outcome), team, message, mend)
            if len(pushed) == 1 and metric.stage == "process" and not unseen:
                message = f"{team} is judged on {name} alone: no second number shows what it costs to push it."
                mend = f"Pair {name} with a measure of the quality that would suffer first."
                yield _Finding("no_guardrail", "low", (metric.name,), team, message, mend)


def _sees(view: _View, team: str, way: Sequence[str]) -> bool:
    """Whether a team is judged on something that a way passes after its start."""
    return any(view.team(name) == name_key(team) and view.ipo_map.metric(name).better for name in way[1:])


def _delay(view: _View, way: Sequence[str]) -> str:
    lags = [view.ipo_map.link(*pair).lag for pair in pairwise(way)]
    first, last = sum(lag[0] for lag in lags), sum(lag[1] for lag in lags)
    span = f"{first} to {last}" if first != last else f"{first}"
    return f"{span} {PERIOD_WORDS[view.ipo_map.cadence]} on"


# ---- teams -------------------------------------------------------------------------------------------------


def _outcome_only_team(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        if all(metric.stage == "outcome" for metric in metrics):
            names = tuple(metric.name for metric in metrics)
            message = f"{team} has outcomes alone ({_quoted(names)}): no input or process of its own to act on."
            mend = f"Give {team} {_driver(view, metrics, 'a hand in') or 'a process of its own'}."
            yield _Finding("outcome_only_team", "medium", names, team, message, mend)


def _driver(view: _View, metrics: Sequence[Metric], words: str = "") -> str:
    """The metric of another team that leads to one of these, in words."""
    own = {metric.name for metric in metrics}
    for metric in metrics:
        for parent in view.parents.get(metric.name, ()):
            if parent not in own and view.ipo_map.metric(parent).stage != "outcome":
                return f"{words} {shown(parent)}, which leads to {shown(metric.name)}".strip()
    return ""


def _uncontrollable_team(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        rated = [metric for metric in _judged(metrics) if metric.controllable is not None]
        if rated and not any(_controls(metric) for metric in rated):
            names = tuple(metric.name for metric in rated)
            message = (
                f"{team} controls nothing of what it is judged on ({_quoted(names)}): its numbers move without it."
            )
            mend = f"Judge {team} also on {_driver(view, metrics, 'its share in') or 'a process that it sets itself'}."
            yield _Finding("uncontrollable_team", "high", names, team, message, mend)


def _controls(metric: Metric) -> bool:
    return metric.controllable is not None and metric.controllable >= CONTROLS


def _silo_team(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        links = view.links_of(metrics)
        if not links or len(view.teams) < 2 or any(view.crosses(link) for link in links):
            continue
        names = tuple(metric.name for metric in metrics if view.is_linked(metric.name))
        message = f"No link of {team} reaches another team: as drawn it neither helps nor hurts anyone else."
        last = next((name for name in reversed(names) if name not in view.children), names[-1])
        mend = f"Ask {team} whose metric follows from {shown(last)}, and draw that link."
        yield _Finding("silo_team", "medium", names, team, message, mend)


def _too_many_kpis(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        judged = _judged(metrics)
        if len(judged) > MOST_KPIS:
            names = tuple(metric.name for metric in judged)
            message = f"{team} is judged on {len(judged)} metrics: of more than {MOST_KPIS} none is key."
            few = [name for name in names if name in view.to_outcome] or names
            mend = f"Keep the few that lead to an outcome, such as {_quoted(few[:NAMED])}."
            yield _Finding("too_many_kpis", "medium", names, team, message, mend)


def _lagging_only(view: _View) -> Iterator[_Finding]:
    for team, metrics in view.teams.items():
        names = tuple(metric.name for metric in metrics)
        if any(name in view.to_outcome for name in names) or all(m.stage != "outcome" for m in metrics):
            continue
        message = f"No metric of {team} leads to an outcome: it learns of trouble only when it is there."
        mend = f"Let {team} watch {_driver(view, metrics) or 'what moves its outcomes, once the map says it'}."
        yield _Finding("lagging_only", "medium", names, team, message, mend)


CHECKS: tuple[Callable[[_View], Iterator[_Finding]], ...] = (
    _isolated,
    _dead_end,
    _outcome_only,
    _no_team,
    _no_direction,
    _no_target,
    _cadence_mismatch,
    _objective_uncovered,
    _metric_without_objective,
    _skips_process,
    _against_the_flow,
    _cycle,
    _identity_link,
    _declared_conflict,
    _no_guardrail,
    _outcome_only_team,
    _uncontrollable_team,
    _silo_team,
    _too_many_kpis,
    _lagging_only,
)


def _team_table(view: _View) -> pd.DataFrame:
    rows = []
    for team, metrics in view.teams.items():
        links = view.links_of(metrics)
        rated = [metric for metric in _judged(metrics) if metric.controllable is not None]
        crossing = np.mean([view.crosses(link) for link in links]) if links else np.nan
        controlled = np.mean([_controls(metric) for metric in rated]) if rated else np.nan
        counts = [sum(metric.stage == stage for metric in metrics) for stage in STAGES]
        rows.append([team, *counts, len(links), float(crossing), float(controlled)])
    columns = ["team", "inputs", "processes", "outcomes", "links", "share_crossing", "share_controlled"]
    table = pd.DataFrame(rows, columns=columns)
    shares = dict.fromkeys(columns[-2:], "float64")
    return table.astype(dict.fromkeys(columns[1:-2], "int64") | shares)


def _headline(view: _View) -> str:
    """How many metrics reach a strategic objective; or, where none is named, an outcome."""
    total = len(view.ipo_map.metrics)
    aims = [m.name for m in view.outcomes if name_key(m.objective) in view.objectives or not view.objectives]
    reach = len(_reached(aims, view.parents))
    metrics = "1 metric" if total == 1 else f"{total:,} metrics"
    verb = "reaches" if reach == 1 else "reach"
    if view.objectives:
        return f"{reach:,} of {metrics} {verb} a strategic objective."
    return f"{reach:,} of {metrics} {verb} an outcome; the map names no strategic objective."
