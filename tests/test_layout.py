"""The map's geometry: boxes apart, few crossings, labels that push each other apart; text cut to its room."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipo_nb import layout
from ipo_nb.drawing import draw_map
from ipo_nb.links import IPOMap, Link
from ipo_nb.metrics import STAGES, Metric
from ipo_nb.samples import load_sample


@pytest.fixture(scope="module", params=["support", "gaming", "hospital"])
def drawn(request: pytest.FixtureRequest) -> tuple[dict[str, list[str]], layout.MapLayout]:
    """The lanes and the layout of a sample map."""
    ipo_map = load_sample(request.param).ipo_map
    lanes = {stage: [m.name for m in ipo_map.metrics if m.stage == stage] for stage in STAGES}
    pairs = [(link.cause, link.effect) for link in ipo_map.links]
    order = layout.order_lanes(lanes, pairs)
    return lanes, layout.map_layout(order, pairs, labels=dict.fromkeys(pairs, "✓ + 4 wk"))


def test_boxes_stand_apart_inside_their_lanes(drawn: tuple[dict[str, list[str]], layout.MapLayout]) -> None:
    lanes, made = drawn
    for (x, y, width, height), (x2, y2, _, _) in combinations(made.boxes.values(), 2):
        assert x + width <= x2 or x2 + width <= x or y + height <= y2 or y2 + height <= y
    for stage, names in lanes.items():
        left, width = made.lanes[stage]
        assert all(left < made.boxes[name][0] < left + width for name in names)
        assert all(0 < made.boxes[name][1] < made.height - made.boxes[name][3] for name in names)


def test_labels_push_each_other_apart_and_off_the_boxes(
    drawn: tuple[dict[str, list[str]], layout.MapLayout],
) -> None:
    made = drawn[1]
    middles = [route.label for route in made.routes.values()]
    assert all(abs(a[0] - b[0]) > 60 or abs(a[1] - b[1]) >= 15 for a, b in combinations(middles, 2))
    covered = [x < a < x + w and y < b < y + h for a, b in middles for x, y, w, h in made.boxes.values()]
    assert not any(covered)


def test_lanes_are_ordered_so_that_links_cross_little() -> None:
    lanes = {"input": ["a", "lone", "b", "c"], "process": ["x", "y", "z"], "outcome": []}
    order = layout.order_lanes(lanes, [("a", "z"), ("b", "y"), ("c", "x")])
    assert [order["input"].index(name) for name in "abc"] == [order["process"].index(name) for name in "zyx"]
    assert order["input"][-1] == "lone"


def test_links_leave_right_and_enter_left_and_feedback_the_other_way() -> None:
    lanes = {"input": ["a"], "process": ["b"], "outcome": ["c"]}
    made = layout.map_layout(lanes, [("a", "b"), ("c", "b"), ("a", "c")])
    starts = {pair: float(route.path[1:].split(",")[0]) for pair, route in made.routes.items()}
    right = {name: x + width for name, (x, _, width, _) in made.boxes.items()}
    assert starts["a", "b"] == starts["a", "c"] == right["a"]
    assert starts["c", "b"] == made.boxes["c"][0]
    assert made.routes["a", "c"].path.count("C") == 3  # round the box in between


@given(st.text(max_size=300), st.integers(40, 400))
def test_text_is_cut_to_its_room_and_never_broken(text: str, width: int) -> None:
    lines = layout.wrap(text, width, lines=2)
    assert 1 <= len(lines) <= 2
    assert all(len(line) <= width / 3 or len(line) < 20 for line in lines)
    assert not any(mark in "".join(lines) for mark in "\n\r\x00\u2028\u202e")


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_a_large_map_stand_apart(seed: int) -> None:
    """60 metrics and 120 links with the labels that such a map has; a map so full says glyph or sign only."""
    names = [f"metric {number}" for number in range(60)]
    chosen = random.Random(seed).sample(list(combinations(names, 2)), 120)
    ipo_map = IPOMap(
        [Metric(name, STAGES[place % 3]) for place, name in enumerate(names)],
        [Link(cause, effect, sign="+-"[place % 2]) for place, (cause, effect) in enumerate(chosen)],
    )
    drawn = [*draw_map(ipo_map).links.values()]
    for a, b in combinations(drawn, 2):
        assert a["x2"] <= b["x"] or b["x2"] <= a["x"] or a["y2"] <= b["y"] or b["y2"] <= a["y"]
