"""The map and its file keep what they are given, refuse what cannot stand, and lose nothing."""

from __future__ import annotations

import difflib
import itertools
import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipo_nb import links as room
from ipo_nb.errors import Conflict, FileFault, InventoryError, IpoError, MapError, UnknownLink, UnknownMetric
from ipo_nb.links import DataSource, IPOMap, Link, path_beside, write_map
from ipo_nb.mapfile import parse_map
from ipo_nb.metrics import Inventory, Metric, name_key

SUPPORT = """\
# drawn in the workshop of 3 May
ipo_map: 1
title: Support centre   # short
cadence: weekly
objectives: [Keep customers]
colour: blue
metrics:
  - {name: Agents on shift, stage: input, team: NO, floor: 010}   # from HR
  - {name: 'Wait', stage: process}
  - name: 010
    stage: outcome
    definition: |
      counted
      by hand
  - {name: 1:30, stage: outcome, target: 1.5}
links:
  # why we staff
  - {cause: Agents on shift, effect: 'Wait',  sign: "-", lag: [0, 2], why: people answer}  # keep me

  - cause: Wait
    effect: 010
    why: >-
      a story
      in two lines
    # inner comment
    notes: [1, two]
  - {cause: 010, effect: 1:30, sign: +}
# the end
"""


def read(path: Path, metrics: Inventory | None = None) -> IPOMap:
    return IPOMap.from_dict(parse_map(path), metrics=metrics, path=path)


@pytest.fixture
def support(tmp_path: Path) -> Path:
    path = tmp_path / "map.yml"
    path.write_text(SUPPORT, encoding="utf-8")
    return path


def small(*pairs: str, names: str = "abcdef") -> IPOMap:
    metrics = [Metric(name, "process") for name in names]
    return IPOMap(metrics, [Link(*pair) for pair in pairs])


def changed_lines(old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


# ---- the map ----


def test_a_map_takes_rows_and_spells_links_as_the_inventory_does() -> None:
    ipo_map = IPOMap(
        [{"name": "Wait  minutes", "stage": "process"}, Metric("Renewals", "outcome")],
        [{"cause": "wait minutes", "effect": "RENEWALS", "sign": "−", "lag": 3}],
    )
    link = ipo_map.link("Wait minutes", "renewals")
    assert (link.cause, link.effect, link.sign, link.lag) == ("Wait  minutes", "Renewals", "-", (3, 3))
    assert list(ipo_map.table.columns[:5]) == ["cause", "effect", "sign", "lag_from", "lag_to"]
    assert "1 link between 2 of 2 metrics, lags counted in weeks" in ipo_map.text


def test_all_faults_of_a_map_are_told_at_once_with_the_nearest_name() -> None:
    rows = [
        {"cause": "Wait", "effect": "Renewls"},
        {"cause": "Wait", "effect": "wait"},
        {"cause": "Wait", "effect": "Renewals", "sign": "negative", "lag": [3, 1], "matters": -1},
        "Wait -> Renewals",
        {"cause": "Renewals", "effect": "Wait"},
        {"cause": "RENEWALS", "effect": "Wait"},
    ]
    with pytest.raises(MapError) as caught:
        IPOMap([Metric("Wait", "process"), Metric("Renewals", "outcome")], rows)
    assert len(caught.value.faults) == 7
    for words in (
        "Did you mean 'Renewals'?",
        "to itself",
        "no sign",
        "before it starts",
        "stands there twice",
    ):
        assert words in str(caught.value)


def test_unknown_names_are_refused_by_type() -> None:
    ipo_map = small("ab")
    with pytest.raises(UnknownLink, match="a -> b"):
        ipo_map.link("b", "a")
    with pytest.raises(UnknownMetric):
        ipo_map.parents("zz")


@pytest.mark.parametrize("values", [{"lag": "010"}, {"lag": [0]}, {"lag": [0, True]}, {"lag": [-1, 2]}])
def test_a_lag_that_is_no_window_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(MapError, match=r"lag: \[0, 2\]"):
        Link.from_dict({"cause": "a", "effect": "b"} | values)


@pytest.mark.parametrize("values", [{"since": "May"}, {"since": "2024-13"}, {"matters": 10**400}, {"why": 3}])
def test_other_values_that_cannot_stand_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(MapError, match=next(iter(values))):
        Link.from_dict({"cause": "a", "effect": "b"} | values)


@pytest.mark.parametrize("head", [{"cadence": "weekley"}, {"objectives": 3}, {"title": ["a"]}, {"ipo_map": 2}])
@pytest.mark.parametrize("more", [{}, {"data": {"file": "../x.csv"}}])
def test_a_head_that_cannot_stand_is_refused(head: dict[str, object], more: dict[str, object]) -> None:
    with pytest.raises(MapError, match=next(iter(head)) if head != {"ipo_map": 2} else "version 2"):
        IPOMap.from_dict(head | more)


@pytest.mark.parametrize("data", [{"links": 3}, {"links": "a"}, {"metrics": {"a": 1}}, {"data": "x.csv"}, {"data": {}}])
def test_a_part_of_the_wrong_kind_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(MapError):
        IPOMap.from_dict(data)


def test_parents_children_and_paths_follow_the_links() -> None:
    ipo_map = small("ab", "bc", "ac", "cd", "da")
    assert ipo_map.children("a") == ("b", "c")
    assert ipo_map.parents("c") == ("b", "a")
    assert ipo_map.paths("a", "d") == [("a", "c", "d"), ("a", "b", "c", "d")]
    assert ipo_map.paths("a", "f") == []
    assert ipo_map.paths("a", "a") == []


def test_paths_of_a_dense_map_are_bounded() -> None:
    names = [f"m{n}" for n in range(60)]
    ipo_map = IPOMap([Metric(name, "process") for name in names], [Link(*p) for p in itertools.permutations(names, 2)])
    start = time.perf_counter()
    paths = ipo_map.paths("m0", "m59")
    assert len(paths) == room.MOST_PATHS
    assert paths[0] == ("m0", "m59")
    assert time.perf_counter() - start < 10


def test_arithmetic_is_known_through_nested_formulas() -> None:
    metrics = [Metric(name, "process") for name in ("calls", "lost", "staff")]
    metrics += [Metric("answered", "process", formula="calls - lost")]
    metrics += [Metric("rate", "outcome", formula="answered / calls")]
    ipo_map = IPOMap(metrics)
    assert ipo_map.is_identity(Link("lost", "rate"))
    assert ipo_map.is_identity(Link("rate", "lost"))
    assert not ipo_map.is_identity(Link("staff", "rate"))


def test_a_formula_that_is_not_understood_is_told_and_stops_nothing() -> None:
    ipo_map = IPOMap([Metric("rate", "outcome", formula="good calls / all calls")])
    assert "'good calls' is no metric" in ipo_map.text


def test_editing_makes_a_new_map_and_keeps_unknown_keys() -> None:
    before = IPOMap([Metric("a", "input"), Metric("b", "outcome")], [Link("a", "b", extra={"note": 1})])
    after = before.with_link(Link("a", "b", "+")).with_metric(Metric("B", "process")).with_metric(Metric("c", "input"))
    assert before.link("a", "b").sign == "?"
    assert (after.link("a", "b").sign, after.link("a", "b").extra) == ("+", {"note": 1})
    assert after.names == ("a", "B", "c")
    assert after.without_link("a", "b").links == ()


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "C:\\x.csv", "a/../../x", "\\\\host\\x", "", "x\x00y"])
def test_a_path_may_not_leave_the_folder_of_the_map(name: str, tmp_path: Path) -> None:
    with pytest.raises(MapError, match="cannot stand"):
        path_beside(tmp_path / "map.yml", name)


def test_a_path_through_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "door").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MapError, match="leaves the folder"):
        path_beside(tmp_path / "home" / "map.yml", "door/series.csv")
    assert path_beside(tmp_path / "home" / "map.yml", "series.csv").name == "series.csv"


# ---- reading the file ----


def test_names_are_read_as_the_text_that_they_are(support: Path) -> None:
    ipo_map = read(support)
    assert ipo_map.names == ("Agents on shift", "Wait", "010", "1:30")
    assert ipo_map.metric("Agents on shift").team == "NO"
    assert ipo_map.metric("1:30").target == 1.5
    assert ipo_map.link("010", "1:30").sign == "+"


def test_unknown_keys_are_kept_and_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    path.write_text("ipo_map: 1\ntitel: x\nmetrics: [{name: a, stage: input, steam: hot}]\n")
    ipo_map = read(path)
    assert ipo_map.extra == {"titel": "x"}
    assert "'titel' in the map (line 2) is not known, and is kept. Did you mean 'title'?" in ipo_map.text
    assert "'steam' in metrics (line 3)" in ipo_map.text


def test_what_is_done_to_unknown_keys_of_a_map_stays_out_of_the_next_reading(support: Path) -> None:
    read(support).link("Wait", "010").extra["notes"].append("three")
    assert read(support).link("Wait", "010").extra == {"notes": [1, "two"]}


def test_a_fault_says_its_line(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    path.write_text(SUPPORT.replace("sign: +}", "sign: up}").replace("{name: 'Wait', stage: process}", "{name: Wait}"))
    with pytest.raises(InventoryError) as caught:
        read(path)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(9, "stage"), (27, "sign")]
    assert all(fault.file == str(path) for fault in caught.value.faults)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: a\ntitle: b\n", 2, "stands there twice"),
        ("title: !!python/object:os.system x\n", 1, "tags are not taken"),
        ("title: !mine x\n", 1, "tags are not taken"),
        (BOMB, 1, "aliases"),
        ("title: a\ndata: " + "[" * 20_000, 2, "nested more than 30"),
        ("title: a\nlinks:\n\t- {cause: a}\n", 3, "a tab or sign"),
        ("title: a\nlinks:\n  - {cause: a, eff", 3, "cut off"),
        ("title: 'a\nlinks:\n", 2, "cut off"),
        ("title: a\n---\ntitle: b\n", 2, "second document"),
        ("links:\n- cause: a\n  sign: -\n", 3, 'sign: "-"'),
        ("title: a: b\n", 1, "second colon"),
        ("title: a\nwhy: \x07\n", 2, "does not allow"),
        ('title: "\\U99999999"\n', 1, "does not allow"),
        ("[a]: 1\n", 1, "list or map stands as a key"),
        ("- a\n", 1, "no keys"),
        ("# nothing\n", 1, "no keys"),
        ("links:\n- {cause: a, effect: b, lag: 010}\n", 2, "no lag window"),
        ("links:\n- {cause: a, effect: b, lag: [1:30, 2]}\n", 2, "no lag window"),
    ],
)
def test_yaml_that_cannot_stand_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "map.yml"
    path.write_text(text, encoding="utf-8")
    start = time.perf_counter()
    with pytest.raises(MapError, match=words) as caught:
        read(path)
    assert caught.value.line == line
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[" * 100_000,
        '{"a": "\\ud83d"}',
        "[]",
        '{"a": 1' + "0" * 5000 + "}",
    ],
)
def test_json_that_cannot_stand_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(IpoError):
        read(path)


def test_files_that_are_no_maps_are_refused(tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text("title: a")
    (tmp_path / "latin.yml").write_bytes("title: café".encode("cp1252"))
    (tmp_path / "folder.yml").mkdir()
    for name in ("map.txt", "latin.yml", "folder.yml", "missing.yml", "nul\0.yml"):
        with pytest.raises(FileFault):
            parse_map(tmp_path / name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_map_raises_nothing_but_ipo_errors(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(SUPPORT.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"{", b"-", b": "])
        )
    path = tmp_path / data.draw(st.sampled_from(["map.yml", "map.json"]))
    path.write_bytes(raw)
    try:
        write_map(read(path).with_metric(Metric("new", "input")), path)
        assert "new" in read(path).names
    except IpoError:
        pass


# ---- saving ----


EDITS = {
    "one value": (lambda m: m.with_link(Link("Agents on shift", "Wait", "+", (0, 2), "people answer")), 2),
    "a key more": (lambda m: m.with_link(Link("010", "1:30", "+", matters=0.2)), 2),
    "a block link": (lambda m: m.with_link(Link("Wait", "010", "-", why="x: y # z")), 5),
    "a new link": (lambda m: m.with_link(Link("Agents on shift", "010")), 1),
    "a link less": (lambda m: m.without_link("Agents on shift", "Wait"), 1),
    "a metric": (lambda m: m.with_metric(Metric("Wait", "input", team="A: b")), 2),
    "a block metric": (
        lambda m: m.with_metric(Metric("010", "outcome", definition="counted\nby hand\n", unit="%")),
        1,
    ),
    "a new metric": (lambda m: m.with_metric(Metric("<b>", "input")), 1),
    "all links": (
        lambda m: IPOMap(m.metrics, title=m.title, objectives=m.objectives, extra=m.extra).following(m),
        9,
    ),
    "the head": (
        lambda m: IPOMap(m.metrics, m.links, title="Team", data={"file": "s.csv"}, cadence="daily").following(m),
        8,
    ),
}


@pytest.mark.parametrize("name", list(EDITS))
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_an_edit_is_a_small_change_and_comments_stay(support: Path, name: str, line_break: str) -> None:
    edit, size = EDITS[name]
    support.write_bytes(SUPPORT.replace("\n", line_break).encode())
    after = edit(read(support))
    write_map(after, support)
    text = support.read_bytes().decode()
    assert len(changed_lines(SUPPORT, text)) == size
    assert text.count("\r\n") == (text.count("\n") if line_break == "\r\n" else 0)
    assert all(note in text for note in ("# drawn in", "# short", "# from HR", "# why we staff", "# the end"))
    assert read(support).to_dict() == after.to_dict()


def test_values_that_count_for_nothing_are_written_in_place_too(support: Path) -> None:
    ipo_map = read(support)
    metric = Metric("1:30", "outcome", target=0, extra={"a": False, "b": "", "c": []})
    after = ipo_map.with_metric(metric)
    write_map(after, support)
    assert len(changed_lines(SUPPORT, support.read_text())) == 2
    assert read(support).to_dict() == after.to_dict()


def test_comments_beside_the_data_source_stay(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    path.write_text("data:\n  file: a.csv  # from HR\n  # when\n  time: week\n  sheet: 2\n")
    before = read(path)
    after = IPOMap((), (), data={"file": "b.csv", "units": ["site"], "sheet": 2}).following(before)
    text = write_map(after, path).read_text()
    assert text == "data:\n  file: b.csv  # from HR\n  # when\n  sheet: 2\n  units: [site]\n"


def drawn_entry(draw: st.DrawFn, row: dict[str, str], indent: int, number: int) -> str:
    """An entry as somebody may write it: in one line or several, its keys in any order, with a comment."""
    said = [f"{key}: {value}" for key, value in draw(st.permutations(list(row.items())))]
    dash, inside = " " * indent + "- ", " " * (indent + 2)
    above = draw(st.sampled_from(["", "\n", f"# above {number}\n", f"{inside}# above {number}\n"]))
    if draw(st.booleans()):
        return f"{above}{dash}{{{', '.join(said)}}}  # on {number}\n"
    between = draw(st.sampled_from(["\n", f"\n{inside}# in {number}\n", f"\n# in {number}\n\n"]))
    return f"{above}{dash}{said[0]}{between}{inside}{f'  # on {number}{chr(10)}{inside}'.join(said[1:])}\n"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_edit_keeps_every_comment_in_any_style(tmp_path: Path, data: st.DataObject) -> None:
    draw, indent = data.draw, data.draw(st.sampled_from([0, 2, 4]))
    names = ["a", "'NO'", "010", '"x: y"']
    rows = [{"name": name, "stage": "input", "team": "'#1'"} for name in names]
    links = [
        {"effect": effect, "cause": cause, "lag": "[0, 1]", "why": "so it is"}
        for cause, effect in draw(st.lists(st.sampled_from(list(itertools.permutations(names, 2))), unique=True))
    ]
    entries = [[drawn_entry(draw, row, indent, n) for n, row in enumerate(some)] for some in (rows, links)]
    parts = ["title: T  # short\n", f"metrics:\n{''.join(entries[0])}", f"links:  # all\n{''.join(entries[1])}"]
    text = draw(st.sampled_from(["", "---\n", "# top\n"])) + "".join(draw(st.permutations(parts)))
    path = tmp_path / "map.yml"
    path.write_text(text)
    after = read(path).with_metric(Metric("new", "outcome")).with_metric(Metric("a", "process", "#1", unit="%"))
    for pair in draw(st.lists(st.sampled_from(list(itertools.permutations(after.names, 2))), max_size=3)):
        after = after.with_link(Link(*pair, draw(st.sampled_from("+-")), (0, 1), "so it is"))
    saved = write_map(after, path).read_text()
    comments = [line[line.rindex("# ") :] for line in text.splitlines() if "# " in line]
    assert [comment for comment in comments if comment not in saved] == []
    assert len([line for line in changed_lines(text, saved) if line[0] == "-"]) <= 2 * (1 + len(after.links))
    assert read(path).to_dict() == after.to_dict()


def test_text_at_the_end_of_a_file_without_a_line_break_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    metrics = "metrics: [{name: a, stage: input}, {name: b, stage: input}]\n"
    path.write_text(f"{metrics}links:  # all\n- cause: a\n  effect: b\n  why: |\n    sooner")
    before = read(path)
    assert before.link("a", "b").why == "sooner"
    after = before.with_metric(Metric("b", "outcome"))
    assert "# all" in write_map(after, path).read_text()
    after = after.with_link(Link("b", "a"))
    write_map(after, path)
    assert read(path).to_dict() == after.to_dict()


def test_a_file_of_mixed_line_breaks_is_edited_in_place(support: Path) -> None:
    support.write_bytes(SUPPORT.replace("\n", "\r\n", 3).encode())
    after = read(support).with_link(Link("Wait", "010", "-", why="x")).with_link(Link("Wait", "1:30"))
    write_map(after, support)
    assert "# inner comment" in support.read_text()
    assert read(support).to_dict() == after.to_dict()


PLACES = {
    "the last link and one more": "links:\n- cause: a\n  effect: b\n  lag: [0, 1]\nmetrics: {}",
    "no links yet": "metrics: {}",
    "nothing under links": "links:\nmetrics: {}",
    "links first, then a title": "links:  # none\nmetrics: {}\n# last",
}


@pytest.mark.parametrize("name", list(PLACES))
def test_edits_that_meet_at_one_place_stay_apart(tmp_path: Path, name: str) -> None:
    path = tmp_path / "map.yml"
    metrics = "# two\n- {name: a, stage: input}\n- {name: b, stage: input}"
    path.write_text(PLACES[name].replace("{}", metrics))
    before = read(path)
    after = before.with_link(Link("a", "b", "-", (1, 1), "x")).with_link(Link("b", "a"))
    after = IPOMap(after.with_metric(Metric("c", "input")).inventory, after.links, title="T").following(before)
    text = write_map(after, path).read_text()
    assert "# two" in text
    assert read(path).to_dict() == after.to_dict()


def test_saving_twice_changes_nothing(support: Path) -> None:
    ipo_map = read(support)
    write_map(ipo_map, support)
    assert support.read_text() == SUPPORT
    first = write_map(ipo_map.with_link(Link("Wait", "1:30")), support).read_bytes()
    assert write_map(read(support), support).read_bytes() == first


def test_edits_to_different_links_merge_and_to_the_same_link_conflict(support: Path) -> None:
    mine, yours = read(support), read(support)
    write_map(yours.with_link(Link("Wait", "1:30", "+")).with_link(Link("010", "1:30", "-")), support)
    write_map(mine.without_link("Wait", "010"), support)
    after = read(support)
    assert [(link.cause, link.effect) for link in after.links][1:] == [("010", "1:30"), ("Wait", "1:30")]
    with pytest.raises(Conflict, match=r"'sign': '\?'.*'sign': '-'") as caught:
        write_map(mine.with_link(Link("010", "1:30", "?")), support)
    assert caught.value.value["file"]["sign"] == "-"
    assert read(support).to_dict() == after.to_dict()


def test_editing_and_saving_again_and_again_is_no_conflict(support: Path) -> None:
    ipo_map = read(support)
    for sign in "+-?-":
        ipo_map = ipo_map.with_link(Link("Wait", "010", sign))
        write_map(ipo_map, support)
    write_map(ipo_map.without_link("Wait", "010"), support)
    with pytest.raises(UnknownLink):
        read(support).link("Wait", "010")


def test_another_map_is_not_overwritten_without_a_word(support: Path) -> None:
    other = small("ab")
    with pytest.raises(Conflict, match="replace=True"):
        write_map(other, support)
    assert support.read_text() == SUPPORT
    write_map(other, support, replace=True)
    assert read(support).to_dict() == other.to_dict()
    support.write_text("broken: [")
    write_map(other, support, replace=True)
    assert read(support).to_dict() == other.to_dict()


def test_metrics_of_an_inventory_file_stay_there_until_they_are_edited(tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text("name,stage\na,input\nb,outcome\n")
    path = tmp_path / "map.yml"
    path.write_text("ipo_map: 1\ninventory: inventory.csv\nlinks:\n- {cause: a, effect: b}\n")
    inventory = Inventory.of([Metric("a", "input"), Metric("b", "outcome")])
    ipo_map = read(path, inventory)
    write_map(ipo_map.with_link(Link("a", "b", "+")), path)
    assert "metrics" not in path.read_text()
    write_map(ipo_map.with_metric(Metric("b", "process")), path)
    assert "metrics:\n  - {name: b, stage: process}" in path.read_text()
    assert read(path, inventory).metric("b").stage == "process"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert read(write_map(ipo_map, elsewhere / "map.yml")).names == ("a", "b")


def test_a_failed_save_leaves_the_old_file_whole(support: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileFault, match="not saved: no space left"):
        write_map(read(support).without_link("Wait", "010"), support)
    assert support.read_text() == SUPPORT
    assert [item.name for item in support.parent.iterdir()] == ["map.yml"]


def test_what_a_killed_save_left_is_gone_after_the_next_open(support: Path) -> None:
    stray = support.with_name(".map.yml.saving")
    stray.write_text("half a m")
    ipo_map = read(support)
    assert not stray.exists()
    stray.write_text("half a m")
    write_map(ipo_map.without_link("Wait", "010"), support, replace=True)
    assert not stray.exists()


def test_a_map_behind_a_link_is_saved_where_it_is(support: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    door = tmp_path / "other" / "map.yml"
    door.symlink_to(support)
    write_map(read(support).without_link("Wait", "010"), door)
    assert door.is_symlink()
    assert "story" not in support.read_text()


def test_there_is_no_saving_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="Make the folder first"):
        write_map(small("ab"), tmp_path / "none" / "map.yml")
    with pytest.raises(FileFault, match=r"map\.yml"):
        write_map(small("ab"), tmp_path / "map.txt")


def _many_edits(path: Path, name: str, count: int) -> None:
    for number in range(count):
        write_map(read(path).with_link(Link(name, f"{name}{number}", "+")), path)


def test_two_programs_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"{end}{n}" for end in "ab" for n in range(15)]
    path = write_map(IPOMap([Metric(name, "process") for name in ("a", "b", *names)]), tmp_path / "map.yml")
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_many_edits, args=(path, end, 15)) for end in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read(path).links) == 30


LETTERS = st.characters(exclude_categories=["Cc", "Cs"])
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(
    lambda name: any(not mark.isspace() and mark.isprintable() for mark in name)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
EXTRAS = st.dictionaries(
    NAMES.map(lambda name: f"my {name}"), VALUES.filter(lambda value: value is not None), max_size=2
)
SIZES = st.none() | st.floats(min_value=1e-9, max_value=1e9)


@st.composite
def maps(draw: st.DrawFn) -> IPOMap:
    names = draw(st.lists(NAMES, unique_by=name_key, min_size=2, max_size=6))
    metrics = [
        Metric(
            name,
            draw(st.sampled_from(["input", "outcome"])),
            team=draw(st.text(LETTERS, max_size=5)),
            extra=draw(EXTRAS),
        )
        for name in names
    ]
    pairs = draw(st.lists(st.sampled_from(list(itertools.permutations(names, 2))), unique=True, max_size=6))
    links = [
        Link(
            *pair,
            draw(st.sampled_from("+-?")),
            (0, draw(st.integers(0, 9))),
            draw(st.text(LETTERS)),
            draw(SIZES),
            extra=draw(EXTRAS),
        )
        for pair in pairs
    ]
    return IPOMap(metrics, links, title=draw(st.text(LETTERS)), objectives=draw(st.lists(NAMES)), extra=draw(EXTRAS))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(maps(), maps(), st.sampled_from([".yml", ".json"]))
def test_any_map_comes_back_as_it_was_saved(tmp_path: Path, ipo_map: IPOMap, other: IPOMap, suffix: str) -> None:
    path = tmp_path / f"map{suffix}"
    path.unlink(missing_ok=True)
    write_map(ipo_map, path)
    saved = path.read_bytes()
    again = read(path)
    assert again.to_dict() == ipo_map.to_dict() == IPOMap.from_dict(ipo_map.to_dict()).to_dict()
    assert write_map(again, path).read_bytes() == saved
    write_map(other.following(again), path)
    assert read(path).to_dict()["links"] == other.to_dict()["links"] or sorted(map(repr, read(path).links)) == sorted(
        map(repr, other.links)
    )


@pytest.mark.parametrize("suffix", ["json", "yml"])
def test_a_map_of_2000_metrics_and_10000_links_opens_and_is_saved(tmp_path: Path, suffix: str) -> None:
    metrics = [Metric(f"Metric number {n}", "process", team=f"Team {n % 9}") for n in range(2000)]
    links = [
        Link(metrics[n % 2000].name, metrics[(n % 2000 + 1 + n // 2000) % 2000].name, "-", (0, 2))
        for n in range(10_000)
    ]
    path = write_map(IPOMap(metrics, links), tmp_path / f"map.{suffix}")
    start = time.perf_counter()
    ipo_map = read(path)
    assert len(ipo_map.links) == 10_000
    before = path.read_text()
    write_map(ipo_map.with_link(Link(metrics[0].name, metrics[1].name, "+", (0, 2))), path)
    assert len(changed_lines(before, path.read_text())) == 2
    assert time.perf_counter() - start < 30


def test_json_keeps_its_indentation_and_unknown_keys(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps(small("ab").to_dict() | {"mine": [1]}, indent=4) + "\n")
    before = path.read_text()
    write_map(read(path).with_link(Link("a", "b", "+")), path)
    assert len(changed_lines(before, path.read_text())) == 2


def test_a_data_source_takes_one_name_or_many() -> None:
    assert DataSource("s.csv", "week").to_dict() == {"file": "s.csv", "time": "week"}
    assert DataSource.from_dict({"file": "s.csv", "time": ["year", "week"], "sheet": 2}).extra == {"sheet": 2}
    with pytest.raises(MapError, match="data source 3"):
        DataSource(3)  # type: ignore[arg-type]


def test_other_metrics_keep_the_links_or_are_refused(support: Path) -> None:
    before = read(support)
    inventory = before.inventory.with_metric(Metric("Backlog", "process")).with_metric(Metric("wait", "outcome"))
    after = before.with_inventory(inventory)
    assert (after.metrics, after.path) == (inventory.metrics, support)
    assert (after.links[0].cause, after.links[0].effect) == ("Agents on shift", "wait")
    write_map(after, support)
    assert read(support).metric("Backlog").stage == "process"
    assert "# keep me" in support.read_text("utf-8")
    with pytest.raises(MapError, match="Wait"):
        before.with_inventory(before.inventory.without_metric("Wait"))
    assert before.names[1] == "Wait"


def test_a_metric_of_the_inventory_file_is_not_left_out_by_the_map(tmp_path: Path) -> None:
    listed = Inventory.of([Metric("a", "input"), Metric("b", "outcome")])
    ipo_map = IPOMap.from_dict({"inventory": "inventory.csv"}, metrics=listed, path=tmp_path / "map.yml")
    with pytest.raises(MapError, match=r"'b' stands in inventory\.csv"):
        ipo_map.with_inventory(Inventory.of([Metric("a", "input")]))
