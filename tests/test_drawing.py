"""The map before anything draws it: a large one by team, a judged one only as long as its claims are those judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipo_nb.drawing import draw_map, is_current, team_map
from ipo_nb.links import IPOMap, Link
from ipo_nb.metrics import STAGES, Metric
from ipo_nb.study import Study

TEAMS = ["Ops", "ops ", "OPS", "", "  ", "No team", "Sales", "Sales\nNorth", "x" * 3_000, "x" * 2_999 + "y", "<b>"]
metrics = st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(TEAMS)), max_size=30)


@settings(deadline=None)
@given(metrics, st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40, unique=True))
def test_by_team_each_metric_is_in_one_box_and_each_link_between_boxes_is_counted(
    said: list[tuple[str, str]], pairs: list[tuple[int, int]]
) -> None:
    ipo_map = IPOMap(
        [Metric(f"m{number}", stage, team=team) for number, (stage, team) in enumerate(said)],
        [Link(f"m{a}", f"m{b}") for a, b in pairs if a != b and max(a, b) < len(said)],
    )
    whole, inside = team_map(ipo_map)
    assert sorted(name for names in inside.values() for name in names) == sorted(ipo_map.names)
    assert set(inside) == set(whole.names)
    box = {name: box for box, names in inside.items() for name in names}
    assert all(whole.metric(box[metric.name]).stage == metric.stage for metric in ipo_map.metrics)
    between = [link for link in ipo_map.links if box[link.cause] != box[link.effect]]
    assert sum(link.extra["count"] for link in whole.links) == len(between)
    assert draw_map(whole).layout.boxes.keys() == inside.keys()


def test_a_link_between_teams_says_how_many_it_stands_for() -> None:
    ipo_map = IPOMap(
        [Metric("a", "input", team="T"), Metric("b", "input", team="t"), Metric("c", "outcome", team="U")],
        [Link("a", "c"), Link("b", "c"), Link("a", "b")],
    )
    whole, inside = team_map(ipo_map)
    assert inside == {"T, inputs": ("a", "b"), "U, outcomes": ("c",)}
    assert whole.metric("T, inputs").team == "2 metrics"
    assert draw_map(whole).links["T, inputs", "U, outcomes"]["label"] == "2"


@pytest.mark.parametrize(
    ("change", "current"),
    [({}, True), ({"why": "x"}, True), ({"matters": 9.0}, True), ({"sign": "?"}, False), ({"lag": (0, 9)}, False)],
)
def test_a_judgement_holds_for_the_claim_that_was_judged(
    support_study: Study, change: dict[str, object], current: bool
) -> None:
    ipo_map, evidence = support_study.ipo_map, support_study.evidence
    link = replace(ipo_map.link("Wait minutes", "Satisfaction"), **change)
    profile = evidence.profile("Wait minutes", "Satisfaction")
    assert is_current(link, profile) is current
    assert not is_current(link, None)
    drawn = draw_map(ipo_map.with_link(link), evidence).links["Wait minutes", "Satisfaction"]
    assert (drawn["verdict"] == profile.verdict) is current
