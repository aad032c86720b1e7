"""Checks and hints for the guided pages: an answer is not attempted yet, right, or wrong with a way on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ipo_nb.errors import BadOption, IpoError, nearest
from ipo_nb.results import escape
from ipo_nb.samples import load_sample, sample_folder
from ipo_nb.simulate import Sample

__all__ = ["CHECKS", "Answer", "Check", "Words", "check", "hint", "own_copy", "refused", "say"]


class Check(NamedTuple):
    """One question of a page; what is right is looked up in the support case, never written down twice."""

    question: str
    solution: Callable[[Sample], Any]
    hints: tuple[str, ...]


class Words(str):
    """Sentences that a page shows as prose, one paragraph for each double line break."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(part)}</p>" for part in self.split("\n\n"))


class Answer(Words):
    """What came of a check, in words; `state` is `not attempted yet`, `right` or `wrong`."""

    state = "not attempted yet"


CHECKS = {
    "01.1": Check(
        "How many outcomes has the team Customer?",
        lambda case: sum(m.team == "Customer" and m.stage == "outcome" for m in case.ipo_map.metrics),
        ("Which table counts metrics by team and stage?", "Look at the row Customer, column outcome."),
    ),
    "02.1": Check(
        "Which metric is said to move Articles read?",
        lambda case: case.ipo_map.parents("Articles read")[0],
        ("Which arrows end at it?", 'Ask ipo_map.parents("Articles read").'),
    ),
    "04.1": Check(
        "How many weeks of Certificates filed are missing?",
        lambda case: int(case.panel.values["Certificates filed"].isna().sum()),
        ("Which column of panel.table counts holes?", "Look at the weeks shown: how many are NaN?"),
    ),
    "05.1": Check(
        "After how many weeks is the effect of Handle minutes on Satisfaction strongest?",
        lambda case: case.truth.set_index(["cause", "effect"]).at[("Handle minutes", "Satisfaction"), "lag"],
        ("At which lag is the dot furthest from zero?", "It is profile.lag."),
    ),
    "07.1": Check(
        "Which team's target is in conflict with satisfaction?",
        lambda case: case.ipo_map.metric("Handle minutes").team,
        ("Whose metric improves while satisfaction falls?", "Look at conflicts.table, column team."),
    ),
}


def check(name: str, answer: Any) -> Answer:
    """Hold an answer against the case; one that is left at `...` stops nothing. BadOption for an unknown check.

    >>> check("05.1", ...).state, check("05.1", 4).state, check("05.1", 0).state
    ('not attempted yet', 'right', 'wrong')
    """
    asked = _named(name)
    if answer is ...:
        return Answer("Not attempted yet: put your answer in place of the three dots.")
    right = asked.solution(load_sample("support"))
    given = answer.strip().casefold() if isinstance(answer, str) else answer
    is_right = not isinstance(answer, bool) and given == (right.casefold() if isinstance(right, str) else right)
    more = f"Not {answer!r}. {asked.hints[0]} More: teach.hint({name!r}, 2)."
    told = Answer(f"Right. {asked.question} {answer}." if is_right else more)
    told.state = "right" if is_right else "wrong"
    return told


def say(*sentences: str) -> Words:
    """Sentences as paragraphs of a page.

    >>> say("Calls got shorter.", "Why?")
    Calls got shorter.
    <BLANKLINE>
    Why?
    """
    return Words("\n\n".join(sentences))


def hint(name: str, number: int = 1) -> Words:
    """One hint at a time, from a question to nearly the solution; numbers past the last give the last."""
    hints = _named(name).hints
    return say(hints[min(max(number, 1), len(hints)) - 1])


def refused(act: Callable[..., Any], *given: Any) -> Words:
    """What a room says to something that it cannot accept; says so if it was accepted after all."""
    try:
        act(*given)
    except IpoError as error:
        return say(str(error))
    return say("It was accepted.")


def own_copy(name: str) -> Path:
    """The map of a sample case in a folder of your own, `my_<name>` beside the page; made if it is not there."""
    source = sample_folder(name)
    folder = Path(f"my_{source.name}")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=".") as half:  # whole or not at all: two pages may run at once
            whole = shutil.copytree(source, Path(half, "case"), ignore=shutil.ignore_patterns("truth*"))
            with suppress(OSError):
                whole.rename(folder)
    return folder / "map.yml"


def _named(name: str) -> Check:
    if name not in CHECKS:
        raise BadOption(f"There is no check {name!r}.", value=name, fix=nearest(name, list(CHECKS)))
    return CHECKS[name]
