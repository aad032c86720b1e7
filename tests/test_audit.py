"""Each finding is there where it should be, absent where it should not, and says what to do."""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipo_nb.audit import SEVERITIES, Audit, audit_map
from ipo_nb.links import IPOMap, Link
from ipo_nb.metrics import Metric, name_key

CODES = {
    *("isolated", "dead_end", "outcome_only", "outcome_only_team", "uncontrollable_team", "silo_team"),
    *("skips_process", "against_the_flow", "cycle", "declared_conflict", "no_guardrail", "no_team"),
    *("no_direction", "no_target", "objective_uncovered", "metric_without_objective", "identity_link"),
    *("cadence_mismatch", "too_many_kpis", "lagging_only"),
}


def metric(name: str, stage: str, team: str, **more: Any) -> Metric:
    """A metric about which nothing is missing."""
    full = {"better": "higher", "target": 1.0, "objective": "Grow", "controllable": 3, "aggregate": "mean"}
    return Metric(name, stage, team=team, **{**full, **more})


def sound(metrics: tuple[Metric, ...] = (), links: tuple[Link, ...] = (), **head: Any) -> IPOMap:
    """A map with nothing wrong in it, and what is added; metrics of the same name take a place."""
    base = [
        metric("Staff", "input", "Planning"),
        metric("Wait", "process", "Support", better="lower"),
        metric("Solved", "process", "Support"),
        metric("Satisfaction", "outcome", "Product", controllable=2),
        metric("Clear pages", "process", "Product"),
    ]
    ends = [Link("Staff", "Wait", "-"), Link("Wait", "Satisfaction", "-"), Link("Staff", "Solved", "+")]
    ends += [Link("Solved", "Satisfaction", "+"), Link("Clear pages", "Satisfaction", "+")]
    given = {item.name: item for item in (*base, *metrics)}
    pairs = {(link.cause, link.effect): link for link in (*ends, *links)}
    return IPOMap(given.values(), pairs.values(), **{"objectives": ["Grow"], **head})


def found(ipo_map: IPOMap, code: str) -> list[dict[str, Any]]:
    findings = audit_map(ipo_map).findings
    return list(findings[findings["code"] == code].to_dict("records"))


def only(ipo_map: IPOMap, code: str) -> dict[str, Any]:
    rows = found(ipo_map, code)
    assert len(rows) == 1
    return rows[0]


def test_a_sound_map_is_left_in_peace() -> None:
    audit = audit_map(sound())
    assert audit.findings.empty
    assert audit.text == (
        "5 of 5 metrics reach a strategic objective. "
        "Nothing is wrong with the map as drawn; whether its links hold, data must say."
    )
    assert list(audit.findings.columns) == ["code", "severity", "metrics", "team", "message", "mend"]


def test_an_empty_map_is_audited_too() -> None:
    audit = audit_map(IPOMap())
    assert audit.findings.empty
    assert audit.teams.empty
    assert audit.headline == "0 of 0 metrics reach an outcome; the map names no strategic objective."


def test_a_metric_with_no_link_is_isolated_and_a_part_of_a_formula_is_not() -> None:
    extra = (metric("Likes", "process", "Product"), metric("Calls", "input", "Planning"))
    rate = metric("Rate", "outcome", "Product", formula="Solved / Calls")
    assert [row["metrics"] for row in found(sound(extra), "isolated")] == [("Likes",), ("Calls",)]
    assert [row["metrics"] for row in found(sound((*extra, rate)), "isolated")] == [("Likes",)]


def test_a_way_that_ends_before_an_outcome_is_a_dead_end() -> None:
    extra = (metric("Mails", "process", "Product"), metric("Slides", "process", "Product"))
    rows = found(sound(extra, (Link("Mails", "Slides"),)), "dead_end")
    assert [row["metrics"] for row in rows] == [("Mails",), ("Slides",)]
    assert "'Slides', where its way ends" in rows[0]["mend"]


def test_an_outcome_that_nothing_leads_to_is_told_once() -> None:
    ipo_map = sound((metric("Brand", "outcome", "Product"),))
    assert only(ipo_map, "outcome_only")["severity"] == "high"
    assert not found(ipo_map, "isolated")
    parts = (metric("Rate", "outcome", "Product", formula="Solved / Staff"),)
    assert not found(sound(parts), "outcome_only")


def test_a_team_with_outcomes_alone_gets_a_hand_in_what_leads_to_them() -> None:
    ipo_map = sound((metric("Renewals", "outcome", "Sales"),), (Link("Wait", "Renewals", "-"),))
    row = only(ipo_map, "outcome_only_team")
    assert (row["team"], row["metrics"]) == ("Sales", ("Renewals",))
    assert row["mend"] == "Give Sales a hand in 'Wait', which leads to 'Renewals'."
    assert "watch 'Wait'" in only(ipo_map, "lagging_only")["mend"]


def test_a_team_that_controls_nothing_it_is_judged_on() -> None:
    weak = (metric("Satisfaction", "outcome", "Product", controllable=0), metric("Clear pages", "process", "Web"))
    assert only(sound(weak), "uncontrollable_team")["team"] == "Product"
    unrated = (metric("Satisfaction", "outcome", "Product", controllable=None), weak[1])
    assert not found(sound(unrated), "uncontrollable_team")
    context = (metric("Satisfaction", "outcome", "Product", controllable=0),)  # beside one that it sets
    assert not found(sound(context), "uncontrollable_team")


def test_a_team_whose_links_stay_inside_is_a_silo() -> None:
    extra = (metric("Leads", "process", "Sales"), metric("Deals", "outcome", "Sales"))
    inside = sound(extra, (Link("Leads", "Deals", "+"),))
    assert only(inside, "silo_team")["team"] == "Sales"
    assert not found(sound(extra, (Link("Leads", "Deals", "+"), Link("Deals", "Satisfaction"))), "silo_team")
    alone = IPOMap([metric("a", "process", "One"), metric("b", "outcome", "one")], [Link("a", "b")])
    assert not found(alone, "silo_team")


def test_an_input_straight_to_an_outcome_skips_the_process_unless_a_way_over_one_is_there() -> None:
    extra = (metric("Renewals", "outcome", "Sales"),)
    assert only(sound(extra, (Link("Staff", "Renewals", "+"),)), "skips_process")["metrics"] == ("Staff", "Renewals")
    assert not found(sound((), (Link("Staff", "Satisfaction", "+"),)), "skips_process")


def test_an_arrow_against_the_flow_is_told_and_weighs_less_with_a_story() -> None:
    assert only(sound((), (Link("Satisfaction", "Wait", "-"),)), "against_the_flow")["severity"] == "medium"
    told = sound((), (Link("Satisfaction", "Wait", "-", why="happy people call less"),))
    assert only(told, "against_the_flow")["severity"] == "low"


def test_a_circle_is_told_once_with_its_shortest_way() -> None:
    links = (Link("Satisfaction", "Wait", "-", (1, 2)), Link("Solved", "Wait", lag=(1, 2)), Link("Wait", "Solved"))
    row = only(sound((), links), "cycle")
    assert row["metrics"] == ("Wait", "Satisfaction")
    assert row["severity"] == "low"
    same = sound((), (Link("Wait", "Solved", lag=(0, 1)), Link("Solved", "Wait", lag=(0, 1))))
    row = only(same, "cycle")
    assert row["severity"] == "medium"
    assert "lag start at 1" in row["mend"]


HANDLE = metric("Handle time", "process", "Support", better="lower")


def test_a_local_win_that_harms_an_outcome_is_a_declared_conflict() -> None:
    ipo_map = sound((HANDLE,), (Link("Handle time", "Satisfaction", "+", (2, 6)),))
    row = only(ipo_map, "declared_conflict")
    assert (row["severity"], row["team"], row["metrics"]) == ("high", "Support", ("Handle time", "Satisfaction"))
    assert "'Satisfaction' gets lower, which is worse" in row["message"]
    assert "2 to 6 weeks on" in row["message"]
    assert only(ipo_map, "no_guardrail")["metrics"] == ("Handle time", "Satisfaction")


def test_lags_add_up_and_outcomes_further_on_go_with_the_first() -> None:
    extra = (HANDLE, metric("Repeat calls", "process", "Care", better=""), metric("Renewals", "outcome", "Sales"))
    links = (
        Link("Handle time", "Repeat calls", "-", (1, 2)),
        Link("Repeat calls", "Satisfaction", "-", (0, 3)),
        Link("Satisfaction", "Renewals", "+", (4, 4)),
    )
    row = only(sound(extra, links), "declared_conflict")
    assert row["metrics"] == ("Handle time", "Satisfaction", "Renewals")
    assert "1 to 5 weeks on. With it goes 'Renewals'." in row["message"]


def test_a_way_with_an_unclaimed_sign_says_nothing() -> None:
    assert not found(sound((HANDLE,), (Link("Handle time", "Satisfaction", "?"),)), "declared_conflict")
    helps = sound((HANDLE,), (Link("Handle time", "Satisfaction", "-"),))
    assert not found(helps, "declared_conflict")
    assert not found(helps, "no_guardrail")


def test_ways_of_both_kinds_are_left_to_the_data() -> None:
    links = (Link("Handle time", "Satisfaction", "+"), Link("Handle time", "Wait", "+"))
    row = only(sound((HANDLE,), links), "declared_conflict")
    assert row["severity"] == "medium"
    assert "signs alone cannot say which is larger" in row["message"]


def test_a_feedback_does_not_make_a_conflict() -> None:
    assert not found(sound((), (Link("Satisfaction", "Wait", "+"),)), "declared_conflict")


def test_a_team_that_is_judged_on_the_harm_has_its_guardrail() -> None:
    extra = (HANDLE, metric("Satisfaction", "outcome", "support"))
    ipo_map = sound(extra, (Link("Handle time", "Satisfaction", "+"),))
    assert found(ipo_map, "declared_conflict")
    assert all("Handle time" not in row["metrics"] for row in found(ipo_map, "no_guardrail"))


def test_a_single_number_has_no_counterpart() -> None:
    extra = (metric("Speed", "process", "Depot"),)
    row = only(sound(extra, (Link("Speed", "Satisfaction", "+"),)), "no_guardrail")
    assert (row["team"], row["severity"]) == ("Depot", "low")


@pytest.mark.parametrize(
    ("code", "lack"),
    [("no_team", {"team": ""}), ("no_direction", {"better": ""}), ("no_target", {"target": None})],
)
def test_what_is_missing_is_told_by_metric_and_once_where_all_lack_it(code: str, lack: dict[str, Any]) -> None:
    one = sound((metric("Satisfaction", "outcome", **{"team": "Product"} | lack),))
    assert not found(sound(), code)
    if code == "no_target":
        one = sound((metric("Renewals", "outcome", "Sales", target=None),), (Link("Wait", "Renewals", "-"),))
    assert len(only(one, code)["metrics"]) == 1
    rows = [metric(f"m{n}", "outcome", **{"team": "Sales"} | lack) for n in range(4)]
    assert only(IPOMap(rows), code)["metrics"] == ("m0", "m1", "m2", "m3")


def test_an_input_needs_no_direction() -> None:
    assert not found(sound((metric("Staff", "input", "Planning", better="", target=None),)), "no_direction")
    aimed = sound((metric("Staff", "input", "Planning", better=""),))
    assert only(aimed, "no_direction")["severity"] == "medium"


def test_an_objective_that_no_outcome_serves_is_uncovered() -> None:
    means = (metric("Wait", "process", "Support", better="lower", objective="Lower cost"),)
    row = only(sound(means, objectives=["grow", "Lower cost"]), "objective_uncovered")
    assert row["metrics"] == ("Wait",)
    assert "only 'Wait', no result" in row["message"]


def test_an_outcome_for_nothing_and_an_unknown_objective_are_told() -> None:
    aimless = (
        metric("Satisfaction", "outcome", "Product", objective=""),
        metric("Wait", "process", "Support", objective="Grw"),
    )
    rows = found(sound(aimless), "metric_without_objective")
    assert {row["metrics"][0]: row["severity"] for row in rows} == {"Satisfaction": "low", "Wait": "medium"}
    assert "Did you mean 'Grow'?" in next(row["mend"] for row in rows if row["metrics"] == ("Wait",))
    bare = [Metric("a", "process"), Metric("b", "outcome")]
    assert "no strategic objective" in only(IPOMap(bare, [Link("a", "b")]), "metric_without_objective")["message"]


def test_arithmetic_is_no_evidence() -> None:
    extra = (metric("Rate", "outcome", "Product", formula="Solved / Staff"),)
    row = only(sound(extra, (Link("Solved", "Rate", "+"),)), "identity_link")
    assert "'Rate' = Solved / Staff" in row["message"]


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"cadence": "monthly"}, "medium"),
        ({"cadence": "daily", "aggregate": ""}, "low"),
        ({"cadence": "daily"}, None),
        ({"cadence": "weekly", "aggregate": ""}, None),
    ],
)
def test_a_cadence_that_does_not_fit_the_map(more: dict[str, str], severity: str | None) -> None:
    rows = found(sound((metric("Solved", "process", "Support", **more),)), "cadence_mismatch")
    assert [row["severity"] for row in rows] == ([severity] if severity else [])


def test_more_than_ten_kpis_are_too_many_for_a_team() -> None:
    extra = tuple(metric(f"k{n}", "process", "Sales") for n in range(11))
    links = tuple(Link(item.name, "Satisfaction", "+") for item in extra)
    assert "11 metrics" in only(sound(extra, links), "too_many_kpis")["message"]
    assert not found(sound(extra[:10], links[:10]), "too_many_kpis")


def test_a_team_that_learns_of_trouble_only_when_it_is_there() -> None:
    extra = (metric("Renewals", "outcome", "Sales"), metric("Visits", "process", "Sales"))
    ipo_map = sound(extra, (Link("Wait", "Renewals", "-"), Link("Wait", "Visits")))
    assert only(ipo_map, "lagging_only")["team"] == "Sales"
    assert not found(sound(extra, (Link("Visits", "Renewals", "+"),)), "lagging_only")


def test_teams_are_counted_and_spelt_alike() -> None:
    teams = audit_map(sound((metric("Solved", "process", "SUPPORT "),))).teams.set_index("team")
    assert list(teams.loc["Support", ["inputs", "processes", "outcomes", "links"]]) == [0, 2, 0, 4]
    assert teams.loc["Support", "share_crossing"] == 1
    assert teams.loc["Product", "share_crossing"] == pytest.approx(2 / 3)
    unrated = audit_map(IPOMap([Metric("a", "input", team="T")])).teams
    assert unrated[["share_crossing", "share_controlled"]].isna().all(axis=None)


def test_the_headline_counts_what_reaches_an_objective() -> None:
    extra = (metric("Likes", "process", "Product"), metric("Brand", "outcome", "Product", objective=""))
    assert audit_map(sound(extra, (Link("Likes", "Brand"),))).headline == "5 of 7 metrics reach a strategic objective."


def test_what_was_not_understood_in_the_map_is_told() -> None:
    audit = audit_map(sound((metric("Rate", "outcome", "Product", formula="good / all"),)))
    assert "'good' is no metric" in audit.text
    assert audit.to_dict()["notes"] == list(audit.notes)


def wild(seed: int, size: int, links: int) -> IPOMap:
    """Any map: what an audit has to get through."""
    dice = random.Random(seed)
    names = [f"m{number}" for number in range(size)]
    metrics = [
        Metric(
            name,
            dice.choice(["input", "process", "outcome"]),
            team=dice.choice(["", "A", "B", "C"]),
            better=dice.choice(["", "higher", "lower"]),
            controllable=dice.choice([None, 0, 1, 2, 3]),
            objective=dice.choice(["", "Grow", "Last"]),
            cadence=dice.choice(["", "daily", "monthly"]),
            formula=dice.choice(["", "", "", f"{dice.choice(names)} / {dice.choice(names)}"]),
        )
        for name in names
    ]
    pairs = dice.sample(list(itertools.permutations(names, 2)), links)
    drawn = [Link(*pair, dice.choice("+-?"), (dice.choice([0, 1]), 2)) for pair in pairs]
    return IPOMap(metrics, drawn, objectives=dice.choice([[], ["Grow"], ["Grow", "Save"]]))


def renamed(ipo_map: IPOMap, new: dict[str, str]) -> IPOMap:
    rows = [item.to_dict() for item in ipo_map.metrics]
    for row in rows:
        row["name"] = new[row["name"]]
        if "formula" in row:
            row["formula"] = " / ".join(new[part] for part in row["formula"].split(" / "))
    links = [row | {end: new[row[end]] for end in ("cause", "effect")} for row in ipo_map.to_dict()["links"]]
    return IPOMap(rows, links, objectives=ipo_map.objectives)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.data())
def test_renaming_metrics_changes_no_finding(seed: int, size: int, data: st.DataObject) -> None:
    ipo_map = wild(seed, size, data.draw(st.integers(0, size * (size - 1) // 2)))
    order = data.draw(st.permutations(range(size)))
    new = {name: f"x{order[number]} renamed" for number, name in enumerate(ipo_map.names)}
    before, after = audit_map(ipo_map), audit_map(renamed(ipo_map, new))
    for column in ("code", "severity", "team"):
        assert list(before.findings[column]) == list(after.findings[column])
    assert [tuple(new[name] for name in names) for names in before.findings["metrics"]] == list(
        after.findings["metrics"]
    )
    pd.testing.assert_frame_equal(before.teams, after.teams)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 15))
def test_any_map_gives_an_ordered_audit_in_known_words(seed: int, size: int) -> None:
    ipo_map = wild(seed, size, size)
    before = ipo_map.to_dict()
    audit = audit_map(ipo_map)
    weights = [SEVERITIES.index(severity) for severity in audit.findings["severity"]]
    assert weights == sorted(weights)
    assert set(audit.findings["code"]) <= CODES
    for row in audit.findings.itertuples():
        assert row.message.endswith(".")
        assert row.mend.endswith((".", "?"))
        assert all(name in ipo_map.inventory for name in row.metrics)
    assert not audit.findings.duplicated(["code", "metrics", "team", "message"]).any()
    assert audit_map(ipo_map).to_dict() == audit.to_dict()
    assert ipo_map.to_dict() == before


def test_every_code_can_be_found() -> None:
    seen = set()
    for seed in range(60):
        seen |= set(audit_map(wild(seed, 12, seed % 12)).findings["code"])
    seen |= {"too_many_kpis"}
    assert seen == CODES


def test_300_metrics_and_1000_links_are_audited_in_about_a_second() -> None:
    ipo_map = wild(1, 300, 1_000)
    start = time.perf_counter()
    audit = audit_map(ipo_map)
    assert time.perf_counter() - start < 10
    assert isinstance(audit, Audit)
    assert name_key(audit.findings["team"].iloc[0]) in ("", "a", "b", "c")
