"""Input, process or outcome, by the words with which a metric is described: a word list, and no more than that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ipo_nb.metrics import name_key

__all__ = ["StageGuess", "suggest_stage"]

WORDS = {  # each stands for its plural too
    "input": """
        ad spend, agent, arrival, attendance, bed, bed day, budget, capacity, capex, coach, coaching,
        contractor, cost, demand, developer, device, doctor, employee, equipment, expenditure, expense, fleet,
        fte, full time equivalent, funding, grant, headcount, hire, hiring, hour, incoming call, incoming
        ticket, inventory level, investment, licence, license, machine, marketing spend, material, moderator,
        nurse, opex, overtime, physician, release, resource, room, salary, seat, server, shift, skill, spend,
        spending, staff, staffing, supply, team size, tool, training, vacancy, vehicle, wage, worker, workforce,
        workstation
    """,
    "process": """
        abandonment, absence, absenteeism, accuracy, adherence, admission, adoption, appointment, article,
        audit, availability, backlog, bed occupancy, call, case, changeover, check, checklist, click,
        completeness, completion, compliance, contact, coverage, crash, cycle time, defect, delay, delivery,
        deployment, discharge, downtime, edit, email, error, escalation, first call resolution, first contact
        resolution, first time fix, handle, handling, handover, hold, hygiene, inspection, interview, lead time,
        maintenance, meeting, occupancy, on time, order, outage, post, procedure, processing, productivity,
        queue, reopen, reply, report, request, resolution, response, review, rework, round, scrap, screening,
        session, shipment, sick leave, sick leave hour, sickness, staff utilisation, staff utilization, test,
        throughput, ticket, time to hire, transaction, transfer, treatment, turnaround, uptime, usage,
        utilisation, utilization, velocity, view, visit, wait, wait hour, waiting, waiting hour, walk, work in
        progress, wrap up, yield
    """,
    "outcome": """
        accident, active customer, active player, active subscriber, active user, adverse event, arr, attrition,
        awareness, breach, cash flow, churn, complaint, conversion, csat, customer effort, death, ebit, ebitda,
        emission, engagement, experience, fall, graduation, growth, happiness, harm, income, infection, injury,
        length of stay, lifetime value, loyalty, margin, market share, mortality, mrr, net promoter, new
        customer, nps, pass rate, penalty, pressure ulcer, profit, profitability, promoter, quality of life,
        rating, reader, readmission, recommendation, recovery, renewal, reputation, retention, return on
        investment, revenue, roi, safety, sale, satisfaction, subscriber, survival, turnover, wellbeing, win
        rate
    """,
}
MEANT = {
    "input": "counts a resource: inputs are what is put in",
    "process": "speaks of an activity or how well it runs: processes are what is done",
    "outcome": "speaks of a strategic result: outcomes are what all is done for",
}


class StageGuess(NamedTuple):
    """The stage that a metric seems to have, empty where its words say nothing, and the reason in a sentence."""

    stage: str
    reason: str


def suggest_stage(name: str, *, unit: str = "", definition: str = "") -> StageGuess:
    """Guess whether a metric is an input, a process or an outcome, by its words.

    This is a list of some 230 English words and phrases, looked for in the name, else in the unit, else in the
    definition; it understands nothing. The stage belongs to the use of a metric, not to its name (overtime may be an
    input or a sign of how work runs), so somebody who knows the work has the last word.

    Parameters
    ----------
    name : of the metric. The longest phrase in it decides, and of several as long the last; what follows `per` does not
        count.
    unit, definition : what else is said of it; in a definition the first decides.

    Returns the stage, empty where no word is known, and the reason.

    >>> suggest_stage("Training hours")
    StageGuess(stage='input', reason="'hours' in its name counts a resource: inputs are what is put in.")
    >>> suggest_stage("Hours of waiting").stage, suggest_stage("Zorbs").stage
    ('process', '')
    """
    for place, text in (("name", name), ("unit", unit), ("definition", definition)):
        found = _phrases(text)
        longest = [item for item in found if item[0] == max(found)[0]]
        longest = [item for item in longest if place != "unit" or item[2] != "hours"]  # in which waits are counted too
        if longest:
            _, stage, words = longest[0 if place == "definition" else -1]
            return StageGuess(stage, f"{words!r} in its {place} {MEANT[stage]}.")
    return StageGuess("", "No word of its name, unit or definition is known to say a stage.")


def _phrases(text: str) -> list[tuple[int, str, str]]:
    """The known phrases of a text in their order: how many words, the stage that they say, and how they are written."""
    words = re.findall(r"[^\W_]+", re.split(r"\bper\b|/", name_key(text))[0])
    stems = [_stem(word) for word in words]
    spans = [(at, size) for at in range(len(words)) for size in range(1, min(LONGEST, len(words) - at) + 1)]
    said = [
        (size, STAGE_OF.get(" ".join(stems[at : at + size]), ""), " ".join(words[at : at + size])) for at, size in spans
    ]
    return [phrase for phrase in said if phrase[1]]


def _stem(word: str) -> str:
    """A word without its plural."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _listed() -> Mapping[str, str]:
    phrases = [(phrase, stage) for stage, listed in WORDS.items() for phrase in listed.split(",")]
    return {" ".join(map(_stem, phrase.split())): stage for phrase, stage in phrases}


STAGE_OF = _listed()
LONGEST = max(len(phrase.split()) for phrase in STAGE_OF)
