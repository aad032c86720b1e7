"""What is wrong with a KPI system as it is drawn: no data needed, one concrete act to each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ipo_nb.errors import nearest
from ipo_nb.links import PERIOD_WORDS, IPOMap, Link, neighbours, reached
from ipo_nb.metrics import CADENCES, STAGES, Metric, name_key, shown
from ipo_nb.results import Result, plain

__all__ = ["Audit", "audit_map"]

SEVERITIES = ("high", "medium", "low")
MOST_KPIS = 10
CONTROLS = 2
LONGEST_CONFLICT = 5
MOST_STARTS = 100
NAMED = 3
Way = tuple[str, ...]


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
    view = _View(ipo_map)
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


class _View:
    """A map as the checks look at it: ways over links and formulas, and metrics by team."""

    def __init__(self, ipo_map: IPOMap) -> None:
        metrics = ipo_map.metrics
        ways = [(link.cause, link.effect) for link in ipo_map.links]
        ways += [(part, metric.name) for metric in metrics for part in ipo_map.parts(metric.name)]
        self.ipo_map = ipo_map
        self.children = neighbours(dict.fromkeys(ways))
        self.parents = neighbours((effect, cause) for cause, effect in dict.fromkeys(ways))
        self.stage = {metric.name: STAGES.index(metric.stage) for metric in metrics}
        self.team = {metric.name: name_key(metric.team) for metric in metrics}
        self.teams: dict[str, list[Metric]] = {}
        for metric in metrics:
            if metric.team.strip():
                self.teams.setdefault(name_key(metric.team), []).append(metric)
        goals = ipo_map.objectives or [metric.objective for metric in metrics if metric.objective]
        self.objectives: dict[str, str] = {}  # by their key, in their first spelling
        for goal in goals:
            self.objectives.setdefault(name_key(goal), goal)
        self.outcomes = [metric for metric in metrics if metric.stage == "outcome"]
        before = [parent for metric in self.outcomes for parent in self.parents.get(metric.name, ())]
        self.to_outcome = reached(before, self.parents)

    def is_linked(self, name: str) -> bool:
        return name in self.children or name in self.parents

    def links_of(self, metrics: Iterable[Metric]) -> list[Link]:
        names = {metric.name for metric in metrics}
        return [link for link in self.ipo_map.links if link.cause in names or link.effect in names]

    def crosses(self, link: Link) -> bool:
        ends = self.team[link.cause], self.team[link.effect]
        return all(ends) and ends[0] != ends[1]


def _judged(metrics: Sequence[Metric]) -> list[Metric]:
    """What a team is judged on."""
    return [m for m in metrics if m.better or m.target is not None] or list(metrics)


def _controls(metric: Metric) -> bool:
    return metric.controllable is not None and metric.controllable >= CONTROLS


def _quoted(names: Sequence[str]) -> str:
    """A few names in quotes, the rest counted."""
    some = [shown(name) for name in names[:NAMED]]
    last = f"{len(names) - NAMED} more" if len(names) > NAMED else some.pop()
    return f"{', '.join(some)} and {last}" if some else last


def _arrow(*names: str) -> str:
    return " -> ".join(map(shown, names))


def _an(stage: int) -> str:
    return f"{'a' if STAGES[stage] == 'process' else 'an'} {STAGES[stage]}"


def _on_metrics(view: _View) -> Iterator[_Finding]:
    """What is wrong with the place of single metrics in the map."""
    ends: dict[str, str] = {}  # for each metric the first that it leads to and that leads no further
    for end in (name for name in view.ipo_map.names if name not in view.children):
        ring = [end]
        for name in ring:  # the list grows while it is walked
            if name not in ends:
                ends[name] = end
                ring += view.parents.get(name, ())
    for metric in view.ipo_map.metrics:
        name, names = shown(metric.name), (metric.name,)
        if metric.stage == "outcome":
            if metric.name not in view.parents:
                message = f"Nothing leads to the outcome {name}:"
                message += " it can be watched, but the map names no way to move it."
                mend = f"Name the process that moves {name}, and link it."
                yield _Finding("outcome_only", "high", names, metric.team, message, mend)
        elif not view.is_linked(metric.name):
            message = f"{name} is linked to nothing: the map says neither what moves it nor what it moves."
            mend = f"Link {name} to what it is meant to move, or stop reporting it."
            yield _Finding("isolated", "medium", names, metric.team, message, mend)
        elif metric.name not in view.to_outcome:
            message = f"{name} reaches no outcome: improving it changes nothing that the map calls a result."
            end = ends.get(metric.name, metric.name)
            where = f"{shown(end)}, where its way ends," if end != metric.name else name
            mend = f"Link {where} to the outcome that it is meant to move, or stop reporting {name}."
            yield _Finding("dead_end", "medium", names, metric.team, message, mend)


def _on_cadences(view: _View) -> Iterator[_Finding]:
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


def _on_gaps(view: _View) -> Iterator[_Finding]:
    """What the inventory leaves out."""
    metrics = view.ipo_map.metrics
    lacking = [metric for metric in metrics if not metric.team.strip()]
    words = "{} belongs to no team: nobody answers for it.", "No metric names its team: nobody answers for it."
    yield from _gaps("no_team", metrics, lacking, *words, "Name the team of {}.")
    asked = [metric for metric in metrics if metric.stage != "input" or metric.target is not None]
    words = (
        "{} does not say whether higher or lower is better: no change can be called good news.",
        "No process or outcome says whether higher or lower is better: no change can be called good news.",
    )
    lacking = [metric for metric in asked if not metric.better]
    yield from _gaps("no_direction", asked, lacking, *words, "Set better to higher or lower for {}.")
    words = (
        "The outcome {} has no target: nobody can say when it is good enough.",
        "No outcome has a target: nobody can say when it is good enough.",
    )
    lacking = [metric for metric in view.outcomes if metric.target is None]
    yield from _gaps("no_target", view.outcomes, lacking, *words, "Set a target for {}.")


def _gaps(
    code: str, asked: Sequence[Metric], lacking: Sequence[Metric], one: str, none: str, mend: str
) -> Iterator[_Finding]:
    """One finding for each metric that lacks something; one for all where every one of several lacks it."""
    severity = "low" if code == "no_target" else "medium"
    if len(lacking) == len(asked) > 1:
        yield _Finding(code, severity, tuple(x.name for x in lacking), "", none, mend.format("each of them"))
        return
    for metric in lacking:
        by_the_way = code == "no_direction" and metric.stage == "process" and metric.target is None
        weight, name = "low" if by_the_way else severity, shown(metric.name)
        yield _Finding(code, weight, (metric.name,), metric.team, one.format(name), mend.format(name))


def _on_objectives(view: _View) -> Iterator[_Finding]:
    for key, goal in view.objectives.items():
        serving = [metric for metric in view.ipo_map.metrics if name_key(metric.objective) == key]
        if any(metric.stage == "outcome" for metric in serving):
            continue
        names = tuple(metric.name for metric in serving)
        means = f" (only {_quoted(names)}, no result)" if serving else ""
        message = f"No outcome measures the objective {shown(goal)}{means}: it can be missed without anyone seeing it."
        mend = f"Name the outcome that shows whether {shown(goal)} is reached, and set its objective."
        yield _Finding("objective_uncovered", "high", names, "", message, mend)
    code = "metric_without_objective"
    if not view.objectives and view.outcomes:
        names = tuple(metric.name for metric in view.outcomes)
        message = "The map names no strategic objective: nobody can say what its outcomes are for."
        mend = f"Write objectives into the map, and set the objective of {_quoted(names)}."
        yield _Finding(code, "medium", names, "", message, mend)
    for metric in view.ipo_map.metrics if view.objectives else ():
        name = shown(metric.name)
        if metric.objective and name_key(metric.objective) not in view.objectives:
            message = f"{name} names the objective {shown(metric.objective)}, which the map does not have."
            mend = f"Choose one of the map's for it. {nearest(metric.objective, list(view.objectives.values()))}"
            yield _Finding(code, "medium", (metric.name,), metric.team, message, mend)
        elif metric.stage == "outcome" and not metric.objective:
            message = f"The outcome {name} serves no objective: it may be improved for nothing."
            mend = f"Set the objective of {name}, or ask why it is reported."
            yield _Finding(code, "low", (metric.name,), metric.team, message, mend)


def _on_links(view: _View) -> Iterator[_Finding]:
    for link in view.ipo_map.links:
        names = link.cause, link.effect
        ends = view.ipo_map.metric(link.effect), view.ipo_map.metric(link.cause)
        arrow, team = _arrow(*names), ends[1].team
        stages = view.stage[link.cause], view.stage[link.effect]
        beside = [name for name in view.children[link.cause] if view.stage[name] == 1]
        if view.ipo_map.is_identity(link):
            whole = next(metric for metric in ends if metric.formula)
            message = f"{arrow} is arithmetic ({shown(whole.name)} = {whole.formula}):"
            message += " it holds by definition, proves nothing and is not tested."
            mend = f"Take it out, and link what moves the parts of {shown(whole.name)} instead."
            yield _Finding("identity_link", "low", names, whole.team, message, mend)
        elif stages == (0, 2) and link.effect not in reached(beside, view.children):
            message = f"{arrow} leads from an input straight to an outcome: it says that it works, not how."
            mend = f"Name the activity through which {shown(link.cause)} moves {shown(link.effect)}, and link over it."
            yield _Finding("skips_process", "low", names, team, message, mend)
        if stages[0] > stages[1]:
            message = f"{arrow} leads from {_an(stages[0])} back to {_an(stages[1])}:"
            message += " a feedback, or an arrow drawn the wrong way round."
            how = "See that the feedback is meant" if link.why else "Write into its why how it acts back"
            severity, mend = "low" if link.why else "medium", f"{how}, or turn the arrow round."
            yield _Finding("against_the_flow", severity, names, team, message, mend)


def _on_circles(view: _View) -> Iterator[_Finding]:
    for circle in _circles(view.ipo_map):
        steps = [view.ipo_map.link(*pair) for pair in pairwise(circle)]
        same = all(link.lag[0] == 0 for link in steps)
        back = max(steps, key=lambda link: view.stage[link.cause] - view.stage[link.effect])
        follows = "inside one period cause and effect cannot be told apart" if same else "a change feeds itself"
        message = f"{_arrow(*circle)} is a circle: {follows}."
        act = f", or let its lag start at 1 of the {PERIOD_WORDS[view.ipo_map.cadence]}" if same else ""
        mend = f"Take out {_arrow(back.cause, back.effect)} if it is only a suspicion{act}."
        yield _Finding("cycle", "medium" if same else "low", circle[:-1], "", message, mend)


def _circles(ipo_map: IPOMap) -> list[tuple[str, ...]]:
    """For each knot of metrics that lead back to themselves a circle in it, the shortest one of a knot of 100."""
    children = neighbours((link.cause, link.effect) for link in ipo_map.links)
    parents = neighbours((link.effect, link.cause) for link in ipo_map.links)
    order, done, found = TopologicalSorter(parents), set[str](), []
    with suppress(CycleError):
        order.prepare()
    while ready := order.get_ready():  # all before the first circles
        done.update(ready)
        order.done(*ready)
    for start in ipo_map.names:
        if start in done or start not in parents:
            continue
        knot = reached([start], children).keys() & reached([start], parents)
        some = [name for name in ipo_map.names if name in knot][:MOST_STARTS]
        found += [min((_way_back(name, children) for name in some), key=len)] if len(knot) > 1 else []
        done |= knot
    return found


def _way_back(start: str, children: Mapping[str, Way]) -> Way:
    """The shortest way from a metric on a circle back to itself."""
    came: dict[str, str] = {}
    ring = [start]
    for name in ring:  # the list grows while it is walked: nearest first
        new = [child for child in children.get(name, ()) if child not in came]
        came |= dict.fromkeys(new, name)
        ring += new
        if start in came:
            break
    way = [start, came[start]]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def _signed_steps(view: _View) -> dict[str, list[tuple[str, int]]]:
    """For each metric those that it moves by a signed link along the flow, with the sign."""
    steps: dict[str, list[tuple[str, int]]] = {name: [] for name in view.ipo_map.names}
    for link in view.ipo_map.links:
        if link.sign != "?" and view.stage[link.cause] <= view.stage[link.effect]:
            steps[link.cause].append((link.effect, 1 if link.sign == "+" else -1))
    return steps


def _signed_ways(steps: Mapping[str, list[tuple[str, int]]], start: str) -> dict[tuple[str, int], Way]:
    """The shortest way to each metric for each product of signs."""
    found: dict[tuple[str, int], Way] = {}
    ring: list[tuple[int, Way]] = [(1, (start,))]
    for _ in range(LONGEST_CONFLICT):
        longer = []
        for sign, way in ring:
            for child, step in steps[way[-1]]:
                if child not in way and (child, sign * step) not in found:
                    found[child, sign * step] = (*way, child)
                    longer.append((sign * step, (*way, child)))
        ring = longer
    return found


def _on_conflicts(view: _View) -> Iterator[_Finding]:
    """What the improvement of a metric does to outcomes, by the signs along the shortest ways of either kind."""
    steps = _signed_steps(view)
    for metric in view.ipo_map.metrics:
        ways = _signed_ways(steps, metric.name) if metric.better else {}
        push = 1 if metric.better == "higher" else -1
        harmed: dict[str, Way] = {}
        mixed: dict[str, tuple[Way, Way]] = {}
        for outcome in view.outcomes:
            good = push if outcome.better == "higher" else -push
            worse, helps = ways.get((outcome.name, -good)), ways.get((outcome.name, good))
            if outcome.better and worse and helps:
                mixed[outcome.name] = worse, helps
            elif outcome.better and worse:
                harmed[outcome.name] = worse
        # an outcome that is harmed over another harmed one only goes with it
        first = {name: way for name, way in harmed.items() if not any(step in harmed for step in way[1:-1])}
        yield from _conflicts(view, metric, harmed, first, mixed)
        if metric.team.strip():
            yield from _guardrails(view, metric, first)


def _conflicts(
    view: _View, metric: Metric, harmed: Mapping[str, Way], first: Iterable[str], mixed: Mapping[str, tuple[Way, Way]]
) -> Iterator[_Finding]:
    name = shown(metric.name)
    turn = f"If {metric.team or 'someone'} makes {name} {metric.better}, as it should,"
    for outcome in first:
        after = [other for other, way in harmed.items() if outcome in way[1:-1]]
        goes = "lower" if view.ipo_map.metric(outcome).better == "higher" else "higher"
        message = f"{turn} {shown(outcome)} gets {goes}, which is worse: {_arrow(*harmed[outcome])},"
        message += f" {_delay(view, harmed[outcome])}."
        message += f" With it go{'es' * (len(after) == 1)} {_quoted(after)}." if after else ""
        limit = "a floor" if metric.better == "lower" else "a ceiling"
        mend = f"Judge whoever moves {name} on {shown(outcome)} too, or set {limit} for {name}."
        yield _Finding("declared_conflict", "high", (metric.name, outcome, *after), metric.team, message, mend)
    if mixed:
        outcome, (worse, helps) = min(mixed.items(), key=lambda item: sum(map(len, item[1])))
        others = [other for other in mixed if other != outcome]
        message = f"{turn} {shown(outcome)} loses over {_arrow(*worse)} and gains over {_arrow(*helps)}:"
        message += " signs alone cannot say which is larger."
        message += f" The same holds for {_quoted(others)}." if others else ""
        mend = f"Test the links that leave {name} with data before setting a target for it."
        yield _Finding("declared_conflict", "medium", (metric.name, outcome, *others), metric.team, message, mend)


def _delay(view: _View, way: Way) -> str:
    lags = [view.ipo_map.link(*pair).lag for pair in pairwise(way)]
    first, last = sum(lag[0] for lag in lags), sum(lag[1] for lag in lags)
    span = f"{first} to {last}" if first != last else f"{first}"
    return f"{span} {PERIOD_WORDS[view.ipo_map.cadence]} on"


def _guardrails(view: _View, metric: Metric, first: Mapping[str, Way]) -> Iterator[_Finding]:
    """Harm that nothing shows on which the metric's team is judged; and a team judged on one process alone."""
    pushed = [other.name for other in view.teams[view.team[metric.name]] if other.better]
    team, name = view.teams[view.team[metric.name]][0].team, shown(metric.name)
    unseen = {outcome: way for outcome, way in first.items() if not set(pushed) & set(way[1:])}
    for outcome, way in unseen.items():
        message = f"Nothing that {team} is judged on shows the harm that {name} can do to {shown(outcome)}."
        mend = f"Pair {name} with {shown(way[1])} where {team} is judged."
        yield _Finding("no_guardrail", "medium", (metric.name, outcome), team, message, mend)
    if pushed == [metric.name] and metric.stage == "process" and not unseen:
        message = f"{team} is judged on {name} alone: no second number shows what it costs to push it."
        mend = f"Pair {name} with a measure of the quality that would suffer first."
        yield _Finding("no_guardrail", "low", (metric.name,), team, message, mend)


def _on_teams(view: _View) -> Iterator[_Finding]:
    """What is wrong with the metrics of a team taken together."""
    for metrics in view.teams.values():
        team, names, judged = metrics[0].team, tuple(metric.name for metric in metrics), _judged(metrics)
        driver = _driver(view, metrics)
        has_outcome = any(metric.stage == "outcome" for metric in metrics)
        if all(metric.stage == "outcome" for metric in metrics):
            message = f"{team} has outcomes alone ({_quoted(names)}): no input or process of its own to act on."
            mend = f"Give {team} {f'a hand in {driver}' if driver else 'a process of its own'}."
            yield _Finding("outcome_only_team", "medium", names, team, message, mend)
        if has_outcome and not any(name in view.to_outcome for name in names):
            message = f"No metric of {team} leads to an outcome: it learns of trouble only when it is there."
            mend = f"Let {team} watch {driver or 'what moves its outcomes, once the map says it'}."
            yield _Finding("lagging_only", "medium", names, team, message, mend)
        rated = [metric for metric in judged if metric.controllable is not None]
        if rated and not any(map(_controls, rated)):
            whole = tuple(metric.name for metric in rated)
            message = (
                f"{team} controls nothing of what it is judged on ({_quoted(whole)}): its numbers move without it."
            )
            mend = f"Judge {team} also on {f'its share in {driver}' if driver else 'a process that it sets itself'}."
            yield _Finding("uncontrollable_team", "high", whole, team, message, mend)
        if len(judged) > MOST_KPIS:
            many = tuple(metric.name for metric in judged)
            message = f"{team} is judged on {len(many)} metrics: of more than {MOST_KPIS} none is key."
            few = [name for name in many if name in view.to_outcome] or many
            mend = f"Keep the few that lead to an outcome, such as {_quoted(few[:NAMED])}."
            yield _Finding("too_many_kpis", "medium", many, team, message, mend)
        links = view.links_of(metrics)
        if links and len(view.teams) > 1 and not any(map(view.crosses, links)):
            linked = tuple(filter(view.is_linked, names))
            last = next((name for name in reversed(linked) if name not in view.children), linked[-1])
            message = f"No link of {team} reaches another team: as drawn it neither helps nor hurts anyone else."
            mend = f"Ask {team} whose metric follows from {shown(last)}, and draw that link."
            yield _Finding("silo_team", "medium", linked, team, message, mend)


def _driver(view: _View, metrics: Sequence[Metric]) -> str:
    """The metric of another team that leads to one of these, in words."""
    own = {metric.name for metric in metrics}
    for metric in metrics:
        for parent in view.parents.get(metric.name, ()):
            if parent not in own and view.ipo_map.metric(parent).stage != "outcome":
                return f"{shown(parent)}, which leads to {shown(metric.name)}"
    return ""


CHECKS = (_on_metrics, _on_cadences, _on_gaps, _on_objectives, _on_links, _on_circles, _on_conflicts, _on_teams)


def _team_table(view: _View) -> pd.DataFrame:
    columns = ["team", "inputs", "processes", "outcomes", "links", "share_crossing", "share_controlled"]
    rows = []
    for metrics in view.teams.values():
        links = view.links_of(metrics)
        rated = [metric for metric in _judged(metrics) if metric.controllable is not None]
        counts = [sum(metric.stage == stage for metric in metrics) for stage in STAGES]
        crossing = np.mean([view.crosses(link) for link in links]) if links else np.nan
        controlled = np.mean([_controls(metric) for metric in rated]) if rated else np.nan
        rows.append([metrics[0].team, *counts, len(links), crossing, controlled])
    kinds = dict.fromkeys(columns[1:-2], "int64") | dict.fromkeys(columns[-2:], "float64")
    return pd.DataFrame(rows, columns=columns).astype(kinds)


def _headline(view: _View) -> str:
    """How many metrics reach a strategic objective; or, where none is named, an outcome."""
    total = len(view.ipo_map.metrics)
    aims = [m.name for m in view.outcomes if name_key(m.objective) in view.objectives or not view.objectives]
    reach = len(reached(aims, view.parents))
    metrics = "1 metric" if total == 1 else f"{total:,} metrics"
    verb = "reaches" if reach == 1 else "reach"
    aim = "a strategic objective" if view.objectives else "an outcome; the map names no strategic objective"
    return f"{reach:,} of {metrics} {verb} {aim}."
