"""Where the boxes, arrows and labels of a three-lane map stand, and text that fits into its room. No drawing here."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BOX_WIDTH",
    "LANE_PAD",
    "TURNING",
    "MapLayout",
    "Route",
    "arrow",
    "isolated",
    "label_width",
    "map_layout",
    "one_line",
    "order_lanes",
    "shorten",
    "wrap",
]

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]
Pair = tuple[str, str]
Point = tuple[float, float]
Curve = list[tuple[Point, Point, Point, Point]]

# Marks that turn the reading order of what follows them, also outside a name.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


# ---- text that fits, and cannot reorder or break its surroundings ----------------------------------------


def isolated(name: str) -> str:
    """A name that cannot turn the text around it: right-to-left letters stay inside, turning marks go."""
    name = name.translate(TURNING)
    return f"\u2068{name}\u2069" if any(unicodedata.bidirectional(sign) in {"R", "AL"} for sign in name) else name


def arrow(cause: str, effect: str, width: float = 8000) -> str:
    """A link in words, names cut so that both fit into `width` pixels."""
    wanted = [min(_pixels(name, 13), width) for name in (cause, effect)]
    room = [max(width / 2, width - other) for other in reversed(wanted)]
    return " → ".join(isolated(shorten(name, space)) for name, space in zip((cause, effect), room, strict=True))


def one_line(text: str) -> str:
    """Text without line breaks, control characters and turning marks."""
    text = text.translate(TURNING)
    return "".join(" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in text)


def _pixels(text: str, size: float) -> float:
    wide = sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.0 for sign in text)
    thin = sum(sign in " .,:;'!|()[]ijltfIr-" for sign in text)
    large = sum(sign in "MWmw%@" for sign in text)
    return size * (0.58 * len(text) + 0.45 * wide - 0.25 * thin + 0.36 * large)


def shorten(text: str, width: float, *, size: float = 13) -> str:
    """Text cut to about `width` pixels at font size `size`, with an ellipsis where something was cut.

    >>> shorten("Satisfaction", 200), shorten("Satisfaction of customers", 80)
    ('Satisfaction', 'Satisfactio…')
    """
    text = one_line(text[:400])
    if _pixels(text, size) <= width:
        return text
    while text and _pixels(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, width: float, *, size: float = 13, lines: int = 3) -> list[str]:
    """Text in at most `lines` lines of about `width` pixels; the last one is shortened if need be."""
    words, rows = one_line(text).split(), [""]
    while words:
        longer = f"{rows[-1]} {words[0]}".strip()
        if _pixels(longer, size) <= width or not rows[-1]:
            rows[-1] = longer
            words.pop(0)
        elif len(rows) == lines:
            rows[-1] = f"{rows[-1]} {' '.join(words)}"
            break
        else:
            rows.append("")
    return [shorten(row, width, size=size) for row in rows]


# ---- the geometry of the map: names in, coordinates out --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """One link as drawn: SVG paths of its line and its arrowhead, and the middle of its label (pixels)."""

    path: str
    head: str
    label: Point


@dataclass(frozen=True, slots=True)
class MapLayout:
    """Where everything of a three-lane map stands, in pixels from the top left.

    Attributes
    ----------
    lanes : stage -> (x, width).
    boxes : metric -> (x, y, width, height).
    routes : (cause, effect) -> Route.
    """

    width: float
    height: float
    lanes: Mapping[str, tuple[float, float]]
    boxes: Mapping[str, Box]
    routes: Mapping[Pair, Route]


MAP_WIDTH, BOX_WIDTH, LANE_PAD, LANE_TOP, RIGHT_MARGIN, ROW_GAP = 960.0, 206.0, 12.0, 46.0, 84.0, 22.0
HEAD = 8.0
STEPS = 32
TOUCHING = 4.0  # pixels by which the margins of labels may meet


def order_lanes(lanes: Mapping[str, Sequence[str]], links: Sequence[Pair]) -> dict[str, list[str]]:
    """The metrics of each lane in an order in which links cross little; unlinked ones come last.

    Barycentre sweeps (Sugiyama, Tagawa, Toda 1981, section 4), starting from the order given, best one kept.
    """
    near: dict[str, list[str]] = defaultdict(list)
    for cause, effect in links:
        near[cause].append(effect)
        near[effect].append(cause)
    order = {stage: sorted(names, key=lambda name: name not in near) for stage, names in lanes.items()}
    best, fewest = order, _tangle(order, links)
    for sweep in range(8):
        for stage in list(order) if sweep % 2 else list(order)[::-1]:
            place = _places(order)
            centre = {name: np.mean([place[other][1] for other in [*near[name], name]]) for name in order[stage]}
            order = {**order, stage: sorted(order[stage], key=lambda name: (name not in near, centre[name]))}
        tangle = _tangle(order, links)
        if tangle < fewest:
            best, fewest = order, tangle
    return {stage: list(names) for stage, names in best.items()}


def _places(order: Mapping[str, Sequence[str]]) -> dict[str, Point]:
    return {
        name: (float(lane), (row + 0.5) / len(names))
        for lane, names in enumerate(order.values())
        for row, name in enumerate(names)
    }


def _tangle(order: Mapping[str, Sequence[str]], links: Sequence[Pair]) -> float:
    """Crossings of links between the same two lanes, and a little for long links inside a lane."""
    place = _places(order)
    drawn = [sorted((place[cause], place[effect])) for cause, effect in links]
    crossings = sum(
        (a[1] - c[1]) * (b[1] - d[1]) < 0
        for (a, b), (c, d) in combinations(drawn, 2)
        if a[0] == c[0] and b[0] == d[0] and a[0] != b[0]
    )
    return crossings + sum(abs(a[1] - b[1]) for a, b in drawn if a[0] == b[0])


def map_layout(
    lanes: Mapping[str, Sequence[str]],
    links: Sequence[Pair],
    *,
    labels: Mapping[Pair, str] | None = None,
    box_height: float = 44.0,
) -> MapLayout:
    """Coordinates of a three-lane map: boxes in their lanes, links as curves, labels pushed apart.

    Parameters
    ----------
    lanes : stage -> metrics from top to bottom (see `order_lanes`).
    links : (cause, effect) pairs of those metrics.
    labels : text on each link; its length decides the room it needs.
    box_height : height of a metric's box, pixels.
    """
    rows = max((len(names) for names in lanes.values()), default=0)
    last = set(list(lanes.values())[-1])
    margin = RIGHT_MARGIN if any(cause in last and effect in last for cause, effect in links) else LANE_PAD
    height = LANE_TOP + max(rows, 1) * (box_height + ROW_GAP) + LANE_PAD
    gutter = (MAP_WIDTH - LANE_PAD - margin - BOX_WIDTH * len(lanes)) / max(len(lanes) - 1, 1)
    left = {stage: LANE_PAD + place * (BOX_WIDTH + gutter) for place, stage in enumerate(lanes)}
    boxes: dict[str, Box] = {}
    for stage, names in lanes.items():
        pitch = (height - LANE_TOP - LANE_PAD) / max(len(names), 1)
        pitch = min(pitch, 1.4 * (box_height + ROW_GAP))
        spare = height - LANE_TOP - LANE_PAD - pitch * len(names)
        for row, name in enumerate(names):
            top = LANE_TOP + spare / 2 + pitch * row + (pitch - box_height) / 2
            boxes[name] = (left[stage], top, BOX_WIDTH, box_height)
    curves = _curves(lanes, links, boxes, gutter)
    middles = _label_places(curves, boxes, {pair: 16 + 6.6 * len((labels or {}).get(pair, "")) for pair in links})
    return MapLayout(
        width=MAP_WIDTH,
        height=height,
        lanes={stage: (x - LANE_PAD, BOX_WIDTH + 2 * LANE_PAD) for stage, x in left.items()},
        boxes=boxes,
        routes={pair: Route(_path(curve), _head(curve), middles[pair]) for pair, curve in curves.items()},
    )


def _curves(
    lanes: Mapping[str, Sequence[str]],
    links: Sequence[Pair],
    boxes: Mapping[str, Box],
    gutter: float,
) -> dict[Pair, Curve]:
    lane = {name: place for place, names in enumerate(lanes.values()) for name in names}
    ports = _ports(links, lane, boxes)
    stacks = [[boxes[name] for name in names] for names in lanes.values()]
    used: dict[tuple[int, float], int] = defaultdict(int)
    curves: dict[Pair, Curve] = {}
    for pair in links:
        start, end = ports[pair]
        here, there = lane[pair[0]], lane[pair[1]]
        if here == there:
            reach = min(34 + 0.16 * abs(end[1] - start[1]), 0.75 * gutter)
            end = (end[0] + HEAD, end[1])
            curves[pair] = [(start, (start[0] + reach, start[1]), (end[0] + reach, end[1]), end)]
            continue
        way = 1 if here < there else -1
        stops = [start]
        for between in range(here + way, there, way):
            stops += _corridor(stacks[between], between, start[1] / 2 + end[1] / 2, way, used)
        stops.append((end[0] - way * HEAD, end[1]))
        curves[pair] = [_bend(one, two) for one, two in pairwise(stops)]
    return curves


def _ports(links: Sequence[Pair], lane: Mapping[str, int], boxes: Mapping[str, Box]) -> dict[Pair, tuple[Point, Point]]:
    """Where each link leaves and enters: spread over the side of the box in the order of the other ends."""
    ends: dict[tuple[str, bool], list[tuple[float, Pair, int]]] = defaultdict(list)
    for cause, effect in links:
        against = lane[cause] > lane[effect]
        ends[cause, not against].append((boxes[effect][1], (cause, effect), 0))
        ends[effect, lane[cause] >= lane[effect]].append((boxes[cause][1], (cause, effect), 1))
    ports: dict[Pair, list[Point]] = {pair: [(0.0, 0.0), (0.0, 0.0)] for pair in links}
    for (name, on_right), meeting in ends.items():
        x, y, width, height = boxes[name]
        for place, (_, pair, which) in enumerate(sorted(meeting), start=1):
            ports[pair][which] = (x + width * on_right, y + height * place / (len(meeting) + 1))
    return {pair: (both[0], both[1]) for pair, both in ports.items()}


def _corridor(
    stack: Sequence[Box],
    lane: int,
    height: float,
    way: int,
    used: dict[tuple[int, float], int],
) -> list[Point]:
    """Through a lane between two boxes, as near to `height` as can be, and not twice along one line."""
    if not stack:
        return []
    x, _, width, box_height = stack[0]
    gaps = [
        stack[0][1] - 9,
        *(one[1] / 2 + two[1] / 2 + box_height / 2 for one, two in pairwise(stack)),
    ]
    gaps.append(stack[-1][1] + box_height + 9)
    gap = min(gaps, key=lambda y: abs(y - height) + 30 * used[lane, y])
    y = gap + 4.0 * ((used[lane, gap] + 1) // 2) * (-1) ** used[lane, gap]
    used[lane, gap] += 1
    return [(x - 6, y), (x + width + 6, y)][::way]


def _bend(one: Point, two: Point) -> tuple[Point, Point, Point, Point]:
    half = (two[0] - one[0]) / 2
    return one, (one[0] + half, one[1]), (two[0] - half, two[1]), two


def _path(curve: Curve) -> str:
    start = "M{:.1f},{:.1f}".format(*curve[0][0])
    return start + "".join("C" + ",".join(f"{x:.1f},{y:.1f}" for x, y in points[1:]) for points in curve)


def _head(curve: Curve) -> str:
    (before, _), (x, y) = curve[-1][2], curve[-1][3]
    back = HEAD if before < x else -HEAD
    return f"M{x + back:.1f},{y:.1f}L{x - back / 4:.1f},{y - 4:.1f}L{x - back / 4:.1f},{y + 4:.1f}Z"


def _label_places(
    curves: Mapping[Pair, Curve],
    boxes: Mapping[str, Box],
    widths: Mapping[Pair, float],
) -> dict[Pair, Point]:
    """A place on its own curve for each label: near the middle, off boxes, other labels and other curves."""
    along = {pair: _points(curve) for pair, curve in curves.items()}
    rects = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes.values()]).reshape(-1, 4)
    lines = _count_table(np.concatenate([*along.values(), np.empty((0, 2))]))
    fixed, on_boxes = {}, {}
    for pair, points in along.items():
        half = widths[pair] / 2
        on_boxes[pair] = _overlap(rects, points, half)
        cost = 50.0 * np.abs(np.linspace(-0.5, 0.5, len(points))) + 4.0 * on_boxes[pair]
        fixed[pair] = cost + 6.0 * (_counted(lines, points, half) - _covered(points, half))
    pairs = list(along)
    halves = np.array([widths[pair] / 2 for pair in pairs])
    taken = np.full((len(pairs), 4), np.inf)  # nowhere yet
    at = [0] * len(pairs)
    for weight in (8.0, 8.0, 8.0, 40.0):  # in the end whatever still lies on another rather leaves its middle
        for place, pair in enumerate(pairs):
            points, half = along[pair], halves[place]
            others = (taken[:, 0] < points[:, 0].max() + half + 3) & (taken[:, 2] > points[:, 0].min() - half - 3)
            others[place] = False
            depth = on_boxes[pair] + _overlap(taken[others], points, half)
            if weight > 8.0 and depth[at[place]] <= TOUCHING:
                continue
            at[place] = int(np.argmin(fixed[pair] + weight * depth))
            x, y = points[at[place]]
            taken[place] = x - half, y - 10, x + half, y + 10
    middles = (along[pair][number] for pair, number in zip(pairs, at, strict=True))
    return {pair: (float(x), float(y)) for pair, (x, y) in zip(pairs, middles, strict=True)}


def label_width(label: str) -> float:
    """How wide the label of a link is drawn, pixels."""
    return 14 + 6.7 * len(label)


def _points(curve: Curve) -> Array:
    t = np.linspace(0, 1, STEPS)[:, None]
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.concatenate([(weights * np.array(bend)[:, None, :]).sum(axis=0) for bend in curve])


def _covered(points: Array, half: float) -> Array:
    """How many points of its own curve a label would cover at each of them."""
    across, down = np.abs(points[None] - points[:, None]).transpose(2, 0, 1)
    covered: Array = ((across < half) & (down < 10)).sum(axis=1).astype(float)
    return covered


def _count_table(lines: Array) -> Array:
    """At each whole pixel how many points of the lines lie above and left of it, so that a box is four look-ups."""
    if not len(lines):
        return np.zeros((1, 1))
    pixels = np.maximum(np.rint(lines).astype(int), 0)
    table = np.zeros(pixels.max(axis=0) + 2)
    np.add.at(table, tuple((pixels + 1).T), 1.0)
    return table.cumsum(axis=0).cumsum(axis=1)


def _counted(table: Array, places: Array, half: float) -> Array:
    """How many points of the lines a label would cover at each place."""
    size = np.array([half, 10.0])
    (x, y), (x2, y2) = (
        np.clip(np.rint(places + way * size), 0, np.array(table.shape) - 1).T.astype(int) for way in (-1, 1)
    )
    counted: Array = table[x2, y2] - table[x, y2] - table[x2, y] + table[x, y]
    return counted


def _overlap(rects: Array, places: Array, half: float) -> Array:
    """How deep a label at each place lies in the rectangles, as pixels of height where widths meet."""
    x, y = places[:, :1], places[:, 1:]
    across = np.minimum(rects[:, 2], x + half + 3) - np.maximum(rects[:, 0], x - half - 3)
    down = np.minimum(rects[:, 3], y + 12) - np.maximum(rects[:, 1], y - 12)
    depth: Array = np.where(across > 0, np.clip(down, 0, None), 0.0).sum(axis=1)
    return depth
