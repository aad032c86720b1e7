"""A stage is suggested where the words of a metric say one; a word list is not sold as more than that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipo_nb.metrics import STAGES
from ipo_nb.reading import read_inventory
from ipo_nb.samples import CASES, sample_folder
from ipo_nb.stages import StageGuess, suggest_stage


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("input", "Nurse hours; Training budget; Headcount; Beds; Licences; Server capacity; Marketing spend; FTE"),
        (
            "process",
            "Average handle time; First-contact resolution; Ticket backlog; Calls taken; Waiting hours; Audits",
        ),
        ("outcome", "Customer satisfaction; Churn; Revenue per employee; 30-day mortality; Complaints; NPS; Renewals"),
    ],
)
def test_common_names_have_the_stage_that_a_colleague_would_give(stage: str, names: str) -> None:
    assert {name: suggest_stage(name).stage for name in names.split("; ")} == dict.fromkeys(names.split("; "), stage)


def test_the_samples_agree_in_four_of_five_and_few_are_wrong() -> None:
    metrics = [metric for case in CASES for metric in read_inventory(sample_folder(case) / "inventory.csv")]
    guesses = [suggest_stage(metric.name, unit=metric.unit, definition=metric.definition).stage for metric in metrics]
    pairs = list(zip(guesses, (metric.stage for metric in metrics), strict=True))
    assert sum(guess == stage for guess, stage in pairs) >= 0.8 * len(pairs)
    assert sum(guess not in ("", stage) for guess, stage in pairs) <= 0.1 * len(pairs)


def test_the_longer_phrase_wins_then_the_last_word_and_per_ends_the_name() -> None:
    assert suggest_stage("Employee satisfaction").stage == "outcome"
    assert suggest_stage("Sick leave hours").reason.startswith("'sick leave hours' in its name")
    assert suggest_stage("Staffing calls").stage == "process"
    assert suggest_stage("Calls per agent").stage == "process"


def test_unit_and_definition_are_asked_only_where_the_name_says_nothing() -> None:
    assert suggest_stage("Churn", unit="hours", definition="Calls").stage == "outcome"
    assert suggest_stage("Zorbs", unit="tickets", definition="Revenue").reason.startswith("'tickets' in its unit")
    assert suggest_stage("Zorbs", unit="hours", definition="Complaints about staff").stage == "outcome"


def test_where_no_word_is_known_nothing_is_said() -> None:
    expected = StageGuess("", "No word of its name, unit or definition is known to say a stage.")
    assert suggest_stage("Zorbs", unit="percent") == suggest_stage("") == suggest_stage("売上") == expected


@given(name=st.text(max_size=30), unit=st.text(max_size=10))
def test_any_text_has_a_guess_that_case_and_spaces_do_not_change(name: str, unit: str) -> None:
    guess = suggest_stage(name, unit=unit)
    assert guess.stage in ("", *STAGES)
    assert suggest_stage(f"  {name} ", unit=unit) == guess
    assert suggest_stage(f"{name} REVENUE").stage in ("", *STAGES)
