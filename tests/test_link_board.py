"""The board: what it does its methods and code do as well, the map's file holds it, and nobody's edit is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipo_nb as ipo
from ipo_nb import mapfile
from ipo_nb.metrics import Metric
from ipo_nb.widgets import LinkBoard

SMALL = """\
# drawn by hand
ipo_map: 1
title: Support
metrics:
  - {name: Agents, stage: input, team: Workforce}
  - {name: Coaching, stage: input, team: Quality}
  - {name: Wait, stage: process, team: Support}
  - {name: Calls, stage: outcome, team: Support}
links:
  - {cause: Agents, effect: Wait, sign: "-", lag: [0, 2], why: people answer, seen: in May}
  - {cause: Wait, effect: Calls, sign: "+", lag: [0, 3]}
"""
NAMES = ("Agents", "Coaching", "Wait", "Calls", "Nobody")
NASTY = ["<script>alert(1)</script> & \"Co\" 'x'", "x" * 190 + " y", "\u202eevil \u05d0\u05d1", "</style>{{7*7}}"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "map.yml"
    file.write_text(SMALL, "utf-8")
    return file


@pytest.fixture
def board(path: Path) -> LinkBoard:
    return LinkBoard(ipo.read_map(path))


def say(board: LinkBoard, act: object, **values: object) -> str:
    """A message as the browser sends it; what is told of it."""
    board._heard(board, {"act": act, **values}, [])
    return str(board.told.get("words", ""))


def replayed(first: ipo.IPOMap, board: LinkBoard) -> ipo.IPOMap:
    """The map that the code on the board leads to, its last line aside, which saves."""
    scope = {"ipo": ipo, "ipo_map": first, "replace": replace}
    lines = [line for line in board.code.split("\n") if not line.startswith("ipo.write_map")]
    exec("\n".join(lines), scope)
    return scope["ipo_map"]


def same(one: ipo.IPOMap, other: ipo.IPOMap) -> bool:
    """The same metrics and links, in whatever order."""
    sides = [{json.dumps(row, sort_keys=True) for name in ("metrics", "links") for row in m.to_dict()[name]}
             for m in (one, other)]  # fmt: skip
    return sides[0] == sides[1]


# ---- each act, by method and by message ---------------------------------------------------------------------

ACTS: dict[str, tuple[dict[str, object], Callable[[ipo.IPOMap], object], object]] = {
    "link": (
        {"cause": "coaching", "effect": "Wait", "sign": "-", "lag": [1, 4], "matters": ""},
        lambda m: (m.link("Coaching", "Wait").sign, m.link("Coaching", "Wait").lag),
        ("-", (1, 4)),
    ),
    "change": (
        {"cause": "Agents", "effect": "Wait", "why": "so they say", "matters": 0.5},
        lambda m: replace(m.link("Agents", "Wait"), extra={}),
        ipo.Link("Agents", "Wait", sign="-", lag=(0, 2), why="so they say", matters=0.5),
    ),
    "turn": (
        {"cause": "Agents", "effect": "Wait"},
        lambda m: (m.children("Wait"), m.children("Agents"), m.link("Wait", "Agents").why),
        (("Calls", "Agents"), (), "people answer"),
    ),
    "unlink": ({"cause": "Agents", "effect": "Wait"}, lambda m: m.children("Agents"), ()),
    "move": ({"name": "Wait", "stage": "outcome"}, lambda m: m.metric("Wait").stage, "outcome"),
    "add_metric": (
        {"name": "Backlog", "stage": "process", "team": "Support"},
        lambda m: m.metric("Backlog"),
        Metric("Backlog", "process", team="Support"),
    ),
}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("by_message", [True, False])
def test_an_act_is_in_the_map_in_its_file_and_in_the_code(board: LinkBoard, name: str, by_message: bool) -> None:
    values, seen, expected = ACTS[name]
    first = board.ipo_map
    said = say(board, name, **values) if by_message else getattr(board, name)(**values)
    assert said.endswith("Saved to map.yml.")
    assert seen(board.ipo_map) == expected
    assert seen(ipo.read_map(first.path)) == expected
    assert same(replayed(first, board), board.ipo_map)
    assert board.code.endswith("ipo.write_map(ipo_map, 'map.yml')")
    assert first.path.read_text("utf-8").startswith("# drawn by hand")
    assert first.to_dict() == ipo.IPOMap.from_dict(first.to_dict()).to_dict(), "the map given was changed"


@pytest.mark.parametrize("by_message", [True, False])
def test_undo_and_redo_go_back_and_forth_in_the_map_and_in_its_file(board: LinkBoard, by_message: bool) -> None:
    first, act = board.ipo_map, (lambda name: say(board, name)) if by_message else (lambda name: getattr(board, name)())
    board.turn("Agents", "Wait")
    turned = board.ipo_map
    assert board.view["undo"] == "Turned the arrow round"
    assert act("undo").startswith("Undone: Turned the arrow round. Saved")
    assert same(ipo.read_map(first.path), first)
    assert (board.code, board.view["undo"], board.view["redo"]) == ("", "", "Turned the arrow round")
    assert act("redo").startswith("Done again: Turned the arrow round")
    assert same(ipo.read_map(first.path), turned)
    assert same(replayed(first, board), turned)


def test_nothing_to_undo_or_redo_is_a_sentence(board: LinkBoard) -> None:
    assert "nothing to undo" in say(board, "undo")
    assert "nothing to do again" in say(board, "redo")
    with pytest.raises(ipo.BadOption, match="nothing to undo"):
        board.undo()


def test_an_arrow_that_is_there_is_chosen_and_nothing_is_written(board: LinkBoard, path: Path) -> None:
    before = path.stat().st_mtime_ns
    assert "is there already" in say(board, "link", cause="agents", effect="wait")
    assert board.view["chosen"]["names"] == ["Agents", "Wait"]
    assert (path.stat().st_mtime_ns, board.code) == (before, "")


def test_tidy_show_and_save_change_no_map(board: LinkBoard) -> None:
    before = board.ipo_map.to_dict()
    assert "cross little" in say(board, "tidy")
    assert say(board, "show", team="support") == "The board shows Support."
    assert {box["name"] for box in board.view["boxes"]} == {"Wait", "Calls", "Agents"}
    say(board, "show", outcome="calls")
    assert (board.view["team"], board.view["outcome"]) == ("Support", "Calls")
    assert say(board, "show", team="") == "The board shows all teams."
    assert len(board.view["boxes"]) == 4
    assert "Saved to map.yml" in say(board, "save")
    assert board.ipo_map.to_dict() == before


def test_a_lane_keeps_its_order_when_an_edit_comes(board: LinkBoard) -> None:
    before = [box["name"] for box in sorted(board.view["boxes"], key=lambda box: (box["stage"], box["y"]))]
    board.add_metric("A first one", "process")
    board.link("Calls", "Agents")
    after = [box["name"] for box in sorted(board.view["boxes"], key=lambda box: (box["stage"], box["y"]))]
    assert [name for name in after if name != "A first one"] == before
    assert after[-1] == "A first one"


# ---- suggestions, evidence, teams -----------------------------------------------------------------------------


def test_a_suggestion_is_dotted_until_it_is_accepted_or_dismissed(path: Path) -> None:
    offered = [ipo.Link("coaching", "wait", lag=(1, 3)), ipo.Link("Agents", "Calls"), ipo.Link("Wait", "Agents")]
    board = LinkBoard(ipo.read_map(path), suggestions=[*offered, ipo.Link("Stranger", "Calls")])
    dotted = {link["name"] for link in board.view["links"] if link["verdict"] == "suggested"}
    assert dotted == {"Coaching → Wait", "Agents → Calls"}  # the third is drawn, the other way round
    say(board, "accept", cause="Coaching", effect="Wait")
    assert ipo.read_map(path).link("Coaching", "Wait").lag == (1, 3)
    assert "the map is as it was" in say(board, "dismiss", cause="Agents", effect="Calls")
    assert not any(link["verdict"] == "suggested" for link in board.view["links"])
    assert "no link" in say(board, "accept", cause="Agents", effect="Calls")
    assert len(ipo.read_map(path).links) == 3


def test_a_link_changed_since_it_was_weighed_is_drawn_as_claimed_and_says_so(support_study: ipo.Study) -> None:
    board = LinkBoard(support_study.ipo_map, support_study.evidence)
    board.ipo_map = ipo.IPOMap(board.ipo_map.metrics, board.ipo_map.links)  # without its file

    def drawn(cause: str, effect: str) -> dict[str, object]:
        found = next(x for x in board.view["links"] if (x["cause"], x["effect"]) == (cause, effect))
        return found | {"weighed": found["verdict"] not in ("claimed", "suggested")}

    assert drawn("Wait minutes", "Satisfaction")["weighed"]
    board.change("Wait minutes", "Satisfaction", why="other words")
    assert drawn("Wait minutes", "Satisfaction")["weighed"], "the claim is as it was"
    board.change("Wait minutes", "Satisfaction", lag=(0, 5))
    board.link("Tool outages", "Backlog")
    for pair in (("Wait minutes", "Satisfaction"), ("Tool outages", "Backlog")):
        assert drawn(*pair)["verdict"] == "claimed"
        assert "changed since the links were weighed" in str(drawn(*pair)["said"])
    board.undo()
    board.undo()
    assert drawn("Wait minutes", "Satisfaction")["weighed"]


def test_a_team_or_outcome_that_is_not_there_is_refused(board: LinkBoard) -> None:
    assert "Did you mean 'Support'" in say(board, "show", team="Suport")
    assert "no metric called" in say(board, "show", outcome="Callz")
    assert (board.team, board.outcome) == ("", "")
    with pytest.raises(ipo.BadOption, match="No metric is of the team"):
        LinkBoard(board.ipo_map, team="Nobody")
    with pytest.raises(ipo.UnknownMetric):
        LinkBoard(board.ipo_map, outcome="Nothing")


def test_three_hundred_metrics_open_by_team_and_each_team_opens(tmp_path: Path) -> None:
    stages = ("input", "process", "outcome")
    metrics = [Metric(f"m{i}", stages[i % 3], team=("Ops", "OPS ", "Sales", "")[i % 4]) for i in range(300)]
    links = [ipo.Link(f"m{i}", f"m{i + 7}") for i in range(0, 280, 2)]
    board = LinkBoard(ipo.IPOMap(metrics, links))
    assert 0 < len(board.view["boxes"]) <= 9
    assert sum(board.view["inside"].values()) == 300
    assert {"Ops, inputs", "Sales, inputs", "No team, inputs"} <= set(board.view["inside"])
    board.show(team=board.view["box_team"]["Ops, inputs"])
    assert {"m0", "m1", "m4"} <= {box["name"] for box in board.view["boxes"]}
    json.dumps(board.view, allow_nan=False)


# ---- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("link", {"cause": "Wait", "effect": "Wait"}, "leads from a metric to itself"),
        ("link", {"cause": "Wait", "effect": "Waits"}, "Did you mean 'Wait'"),
        ("link", {"cause": 5, "effect": None}, "cannot stand"),
        ("link", {"cause": "Calls", "effect": "Wait", "lag": [3, 1]}, "ends before it starts"),
        ("link", {"cause": "Calls", "effect": "Wait", "lag": 5}, "not understood"),
        ("change", {"cause": "Agents", "effect": "Wait", "sign": "up"}, "it is no sign"),
        ("change", {"cause": "Agents", "effect": "Wait", "colour": "red"}, "not understood"),
        ("change", {"cause": "Agents", "effect": "Calls", "sign": "+"}, "no link"),
        ("turn", {"cause": "Agents", "effect": "Calls"}, "no link"),
        ("unlink", {"cause": "Agents", "effect": "Calls"}, "no link"),
        ("move", {"name": "Agents", "stage": "middle"}, "none of the values"),
        ("move", {"name": "Agentz", "stage": "input"}, "Did you mean 'Agents'"),
        ("add_metric", {"name": " WAIT", "stage": "input"}, "called 'Wait' already"),
        ("add_metric", {"name": "", "stage": "input"}, "it is empty"),
        ("accept", {"cause": "Agents", "effect": "Calls"}, "no link"),
    ],
)
def test_what_the_room_refuses_is_told_in_its_words_and_map_and_file_stay(
    board: LinkBoard, path: Path, act: str, values: dict[str, object], words: str
) -> None:
    said = say(board, act, **values)
    assert words in said
    assert (board.told["kind"], board.problem) == ("problem", said)
    assert "map.yml" not in said, "the place is known: it is the field beside"
    assert (path.read_text("utf-8"), board.code, board.view["undo"]) == (SMALL, "", "")
    assert same(board.ipo_map, ipo.read_map(path))
    say(board, "tidy")
    assert board.problem == ""


def test_turning_onto_an_arrow_is_refused(board: LinkBoard) -> None:
    board.link("Calls", "Wait")
    assert "Calls → Wait is there already" in say(board, "turn", cause="Wait", effect="Calls")
    assert len(board.ipo_map.links) == 3


@pytest.mark.parametrize(
    "message",
    [
        None, 3, "undo", ["undo"], {}, {"act": None}, {"act": ["undo"]}, {"act": "as_code"}, {"act": "_edit"},
        {"act": "redraw"}, {"act": "link"}, {"act": "undo", "cause": "Wait"}, {"act": "turn", "cause": "Agents"},
        {"act": "unlink", "cause": "Agents", "effect": "Wait", "more": 1}, {"act": "undo", 5: 6}, {1: 2},
    ],
)  # fmt: skip
def test_a_message_that_is_no_act_does_nothing(board: LinkBoard, path: Path, message: object) -> None:
    before = board.view, board.told, board.code
    board._heard(board, message, [])
    assert (board.view, board.told, board.code) == before
    assert path.read_text("utf-8") == SMALL


# ---- the file, others, and the disk -----------------------------------------------------------------------------


def other(path: Path, edit: Callable[[ipo.IPOMap], ipo.IPOMap]) -> None:
    """Somebody else saves an edit; its time differs however coarse the clock of the disk is."""
    ipo.write_map(edit(ipo.read_map(path)), path)
    at = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(at, at))


def test_what_somebody_else_did_is_kept_shown_and_not_undone(board: LinkBoard, path: Path) -> None:
    board.link("Coaching", "Wait")
    other(path, lambda m: m.with_link(ipo.Link("Coaching", "Calls")).with_metric(Metric("Backlog", "process")))
    board.link("Agents", "Calls")
    pairs = {(link.cause, link.effect) for link in ipo.read_map(path).links}
    assert {("Coaching", "Wait"), ("Coaching", "Calls"), ("Agents", "Calls")} < pairs
    assert "Backlog" in {box["name"] for box in board.view["boxes"]}
    board.undo()
    assert board.view["undo"] == "", "what was done before theirs is not undone over it"
    assert "nothing to undo" in say(board, "undo")
    theirs = {(link.cause, link.effect) for link in ipo.read_map(path).links}
    assert theirs == pairs - {("Agents", "Calls")}


def test_a_file_that_was_only_touched_leaves_the_history(board: LinkBoard, path: Path) -> None:
    board.link("Coaching", "Wait")
    other(path, lambda m: m)
    assert "Undone" in say(board, "undo")
    assert path.read_text("utf-8") == SMALL


@pytest.mark.parametrize("act", ["change", "turn", "unlink"])
def test_the_same_link_changed_by_somebody_else_is_told_with_their_value(
    board: LinkBoard, path: Path, act: str
) -> None:
    other(path, lambda m: m.with_link(replace(m.link("Agents", "Wait"), why="they know better", sign="?")))
    theirs = path.read_bytes()
    values = {"sign": "+"} if act == "change" else {}
    said = say(board, act, cause="Agents", effect="Wait", **values)
    assert "Somebody else changed this" in said
    assert "why is now 'they know better'" in said
    assert path.read_bytes() == theirs
    assert board.ipo_map.link("Agents", "Wait").why == "they know better"
    say(board, act, cause="Agents", effect="Wait", **values)
    assert board.problem == "", "once it was seen it may be done"


def test_the_same_metric_moved_or_link_drawn_by_somebody_else_is_not_overwritten(board: LinkBoard, path: Path) -> None:
    other(path, lambda m: m.with_metric(replace(m.metric("Wait"), unit="minutes")))
    assert "unit is now 'minutes'" in say(board, "move", name="Wait", stage="outcome")
    other(path, lambda m: m.with_link(ipo.Link("Coaching", "Wait", why="theirs")))
    assert "is there already" in say(board, "link", cause="Coaching", effect="Wait", why="ours")
    assert ipo.read_map(path).link("Coaching", "Wait").why == "theirs"
    other(path, lambda m: m.without_link("Coaching", "Wait"))
    assert "no link" in say(board, "change", cause="Coaching", effect="Wait", sign="+")


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_refuses_is_told_and_saving_works_later(
    board: LinkBoard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(mapfile.os, "replace", refuse)
        said = say(board, "link", cause="Coaching", effect="Wait")
        assert "not saved" in said
        assert "no space left" in said
        assert (board.told["kind"], board.problem) == ("unsaved", said)
        assert path.read_text("utf-8") == SMALL, "the old file is whole"
        assert board.ipo_map.link("Coaching", "Wait")
        assert board.told["kind"] == "unsaved"
        say(board, "link", cause="Agents", effect="Calls")
        with pytest.raises(ipo.FileFault, match="not saved"):
            board.save()
    assert list(path.parent.iterdir()) == [path]
    assert "Saved to map.yml" in say(board, "save")
    assert same(ipo.read_map(path), board.ipo_map)
    say(board, "undo")
    assert len(ipo.read_map(path).links) == 3


def test_what_others_wrote_while_the_disk_refused_is_shown_afterwards(
    board: LinkBoard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(mapfile.os, "replace", refuse)
        say(board, "link", cause="Coaching", effect="Wait")
    other(path, lambda m: m.with_link(ipo.Link("Coaching", "Calls")))
    say(board, "save")
    say(board, "link", cause="Agents", effect="Calls")
    assert len(ipo.read_map(path).links) == len(board.ipo_map.links) == 5


def test_a_folder_that_is_gone_and_a_file_that_broke_are_told(board: LinkBoard, path: Path) -> None:
    path.write_text("links: [", "utf-8")
    assert "cannot be read" in say(board, "link", cause="Coaching", effect="Wait")
    assert len(board.ipo_map.links) == 2
    path.unlink()
    path.parent.rmdir()
    assert "not saved" in say(board, "link", cause="Coaching", effect="Wait")
    assert board.told["kind"] == "unsaved"


def test_edits_made_before_the_board_was_opened_are_not_lost(path: Path) -> None:
    board = LinkBoard(ipo.read_map(path).with_link(ipo.Link("Coaching", "Wait")))
    other(path, lambda m: m.with_link(ipo.Link("Coaching", "Calls")))
    board.link("Agents", "Calls")
    board.link("Calls", "Agents")
    assert len(ipo.read_map(path).links) == len(board.ipo_map.links) == 6


def test_a_map_without_a_file_is_kept_and_the_board_says_so() -> None:
    board = LinkBoard(ipo.IPOMap([Metric("a", "input"), Metric("b", "outcome")]))
    assert "the map has no file yet" in say(board, "link", cause="a", effect="b")
    assert board.told["kind"] == "note"
    assert board.code == "ipo_map = ipo_map.with_link(ipo.Link('a', 'b', sign='?', lag=(0, 8)))"
    assert "no file" in say(board, "save")


def test_a_new_board_on_the_file_shows_the_same(board: LinkBoard, path: Path) -> None:
    board.link("Coaching", "Wait", sign="-")
    board.move("Wait", "outcome")
    board.tidy()
    again = LinkBoard(ipo.read_map(path))
    passing = dict.fromkeys(("chosen", "undo", "redo"))
    assert again.view | passing == board.view | passing
    assert again.static() == board.static()


# ---- any sequence of acts ---------------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
stages = st.sampled_from(["input", "process", "outcome"])
texts = st.sampled_from(["", 'it\'s "so"', "two\nlines", NASTY[0]])
steps = st.one_of(
    st.fixed_dictionaries({"act": st.just("link"), "cause": names, "effect": names, "why": texts}),
    st.fixed_dictionaries({"act": st.sampled_from(["turn", "unlink"]), "cause": names, "effect": names}),
    st.fixed_dictionaries({"act": st.just("change"), "cause": names, "effect": names, "lag": st.just([1, 5])}),
    st.fixed_dictionaries({"act": st.just("change"), "cause": names, "effect": names, "matters": st.just(0.25)}),
    st.fixed_dictionaries({"act": st.just("move"), "name": names, "stage": stages}),
    st.fixed_dictionaries({"act": st.just("add_metric"), "name": st.sampled_from(["New", *NASTY]), "stage": stages}),
    st.fixed_dictionaries({"act": st.sampled_from(["undo", "undo", "redo", "tidy"])}),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=12))
def test_the_code_leads_from_the_first_map_to_this_one_and_undo_leads_back(
    tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.mktemp("map") / "map.yml"
    path.write_text(SMALL, "utf-8")
    first = ipo.read_map(path)
    board = LinkBoard(first)
    for message in messages:
        board._heard(board, message, [])
        assert same(replayed(first, board), board.ipo_map)
        assert same(ipo.read_map(path), board.ipo_map)
    json.dumps(board.view, allow_nan=False)
    while board.view["undo"]:
        board.undo()
    assert same(board.ipo_map, first)
    assert same(ipo.read_map(path), first)
    assert board.code == ""


# ---- what is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["support", "gaming", "hospital"])
def test_the_view_of_a_case_is_json_and_holds_each_metric_and_link_once(case: str) -> None:
    ipo_map = ipo.load_sample(case).ipo_map
    board = LinkBoard(ipo_map)
    seen = json.loads(json.dumps(board.view, allow_nan=False))
    assert {box["name"] for box in seen["boxes"]} == set(ipo_map.names)
    assert [(x["cause"], x["effect"]) for x in seen["links"]] == [(x.cause, x.effect) for x in ipo_map.links]


@pytest.mark.parametrize("name", NASTY)
def test_text_of_a_user_is_shown_as_written_and_runs_nowhere(name: str) -> None:
    metrics = [Metric(name, "process", team=name, definition="x" * 5_000), Metric("Goal", "outcome", team="y" * 5_000)]
    board = LinkBoard(ipo.IPOMap(metrics, [ipo.Link(name, "Goal", why=name * 20)]))
    assert json.loads(json.dumps(board.view, allow_nan=False))["boxes"][0]["name"] == board.ipo_map.names[0]
    assert "to itself" in say(board, "link", cause=name, effect=name)
    html = board._repr_mimebundle_()[0]["text/html"]
    assert "<script" not in html
    assert "</style>{{" not in html
    assert "\u202e" not in html.partition("</svg>")[0]
