"""Study: one call gives every result, and the first sentences say what the results say, for any map."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from test_drivers import CALLS, SUPPORT, evidence_of

import ipo_nb as ipo


@pytest.fixture
def study_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A study of evidence made by hand."""

    def made(*given: Any, **head: Any) -> ipo.Study:
        evidence = evidence_of(*given, **head)
        monkeypatch.setattr("ipo_nb.study.weigh_links", lambda *_, **__: evidence)
        return ipo.run_study(evidence.ipo_map, evidence.panel)

    return made


WAIT = {"name": "Wait minutes", "stage": "process", "unit": "minutes"}
OPEN = {"verdict": "not_enough_data", "grade": "D", "estimate": 0.1}


@pytest.fixture(scope="module")
def starter() -> ipo.Study:
    sample = ipo.simulate_system(seed=1)
    return ipo.run_study(sample.ipo_map, sample.panel)


def test_one_call_gives_every_result(starter: ipo.Study) -> None:
    assert starter.outcome == "Satisfaction"
    assert list(starter.drivers) == ["Satisfaction"]
    assert starter.table["verdict"].tolist().count("supported") == 4
    assert isinstance(starter.audit, ipo.Audit)
    assert isinstance(starter.conflicts, ipo.Conflicts)
    assert starter.headline in (
        "Satisfaction follows Resolution and Wait minutes",
        "Satisfaction follows Wait minutes and Resolution",
    )
    assert "The two cannot be ranked." in starter.driven_by
    assert starter.text.startswith(starter.headline)


def test_a_study_is_json_ready_and_the_same_each_time(starter: ipo.Study) -> None:
    said = json.dumps(starter.to_dict(), allow_nan=False)
    again = ipo.run_study(starter.ipo_map, starter.panel)
    assert json.dumps(again.to_dict(), allow_nan=False) == said
    assert {"headline", "driven_by", "conflicting", "unknown", "audit", "evidence", "drivers"} <= set(json.loads(said))


def test_a_study_leaves_its_map_and_panel_alone() -> None:
    sample = ipo.simulate_system(seed=2, periods=104)
    values, drawn = sample.panel.values.copy(), sample.ipo_map.to_dict()
    ipo.run_study(sample.ipo_map, sample.panel)
    pd.testing.assert_frame_equal(sample.panel.values, values)
    assert sample.ipo_map.to_dict() == drawn


def test_the_headline_names_the_drivers_and_who_wins_at_the_cost(study_of: Any) -> None:
    links = CALLS | {("Wait minutes", "Satisfaction"): {"estimate": -0.1}}
    study = study_of(links, [*SUPPORT, WAIT])
    assert study.headline == "Satisfaction follows Wait minutes; shorter Handle minutes cost it"
    assert study.conflicting[0].startswith("Support is judged on shorter Handle minutes.")
    assert study.unknown == ("Everything claimed was tested and settled.",)


def test_a_conflict_with_another_outcome_names_that_outcome(study_of: Any) -> None:
    metrics = [*SUPPORT, WAIT, {"name": "Churn", "stage": "outcome", "better": "lower"}]
    links = CALLS | {("Wait minutes", "Churn"): 0.3, ("Coaching hours", "Churn"): -0.3}
    study = study_of(links, metrics)
    assert study.outcome == "Churn"
    assert study.headline.endswith("; shorter Handle minutes cost Satisfaction")


def test_without_a_shown_link_the_headline_says_so(study_of: Any) -> None:
    study = study_of({("A", "B"): OPEN})
    assert study.headline == "The data do not show yet what moves B"
    assert study.driven_by == ("No claimed driver of an outcome is shown by the data.",)
    assert study.conflicting[0].startswith("No conflict is established.")


def test_maps_without_outcomes_or_links_are_said_so(study_of: Any) -> None:
    study = study_of({("A", "B"): 0.5}, [{"name": "A", "stage": "input"}, {"name": "B", "stage": "process"}])
    assert study.headline == "The map names no outcome, so nothing can be ranked"
    assert study.outcome == ""
    empty = study_of({}, [{"name": "A", "stage": "outcome"}])
    assert empty.headline == "The data do not show what moves A"
    assert empty.unknown == ("Nothing was claimed, so nothing was tested.",)


def test_what_happens_within_one_period_has_no_direction(study_of: Any) -> None:
    study = study_of(
        {("arrivals", "breaches"): {"estimate": 0.2, "lag": 0, "flags": ("same_period", "within_units_only")}}
    )
    assert study.headline == "Breaches move with arrivals, in each unit but not in the total"
    assert study.unknown[0].startswith("Which of arrivals and breaches moves the other")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            OPEN | {"periods_needed": 277.2},
            "Whether A moves B: it would take about 70 more weeks, or a staggered change.",
        ),
        (OPEN | {"periods_needed": 9000.0}, "would take over ten years of data; a staggered change would tell sooner"),
        (OPEN | {"reason": "there are no numbers for A"}, "Whether A moves B: there are no numbers for A."),
        (
            {"verdict": "cannot_tell", "grade": "D", "aliased": "C"},
            "A and C moved together: no analysis can split what they do to B",
        ),
    ],
)
def test_what_is_open_says_what_would_settle_it(study_of: Any, said: dict[str, Any], words: str) -> None:
    assert words in study_of({("A", "B"): said}).unknown[0]


def test_long_lists_are_cut_and_counted(study_of: Any) -> None:
    names = [f"x{k}" for k in range(9)]
    claims = {(name, "y"): OPEN | {"reason": "too few weeks"} for name in names}
    assert study_of(claims).unknown[-1] == "4 more claims are open: the list of links says which."
    shown = study_of({(name, "y"): 0.3 for name in names})
    assert shown.headline.endswith("and six more")
    assert len(shown.driven_by) == 4
