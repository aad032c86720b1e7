"""The map before anything draws it: how each box, arrow and label looks, and where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.drivers import joined
from ipo_nb.evidence import Evidence
from ipo_nb.layout import (
    BOX_WIDTH,
    MapLayout,
    Route,
    arrow,
    label_width,
    map_layout,
    one_line,
    order_lanes,
    shorten,
    wrap,
)
from ipo_nb.links import IPOMap, Link
from ipo_nb.metrics import STAGES, Metric, name_key
from ipo_nb.verdicts import SIGN, LagProfile

__all__ = [
    *("ALERT", "GREY", "INK", "LINE", "PALE", "PANEL", "PAPER", "PALETTE"),
    *("CLAIMED", "LANES", "SHOWN", "SUGGESTED", "VERDICTS", "Drawing", "VerdictStyle"),
    *("claim_words", "corners", "draw_map", "effect_sizes", "is_current", "team_map"),
]

Pair = tuple[str, str]
Row = dict[str, Any]

# Each colour by name, on paper and on a dark page; text has a contrast of 4.5 and more on its ground.
PALETTE = {
    "ink": ("#1b1f24", "#e8eaed"),
    "grey": ("#57606a", "#a9b2bc"),
    "pale": ("#8b95a1", "#7d8793"),
    "line": ("#d9dee3", "#3a424b"),
    "panel": ("#f4f6f8", "#1d2329"),
    "paper": ("#ffffff", "#12161a"),
    "alert": ("#b93a0b", "#ff8a5c"),
    "input": ("#0b62a0", "#6cb4ee"),
    "process": ("#8f6200", "#dcae4a"),
    "outcome": ("#0d7350", "#5cc79c"),
}
INK, GREY, PALE, LINE, PANEL, PAPER, ALERT = (PALETTE[name][0] for name in list(PALETTE)[:7])
LANES = {
    stage: (words, PALETTE[stage][0]) for stage, words in zip(STAGES, ("Inputs", "Processes", "Outcomes"), strict=True)
}
SHORT_PERIOD = {"daily": "d", "weekly": "wk", "monthly": "mo", "quarterly": "qtr", "yearly": "yr"}


@dataclass(frozen=True, slots=True)
class VerdictStyle:
    """How a verdict looks and is called everywhere: glyph, words; colour, dashes and width of its line."""

    glyph: str
    words: str
    colour: str
    dash: tuple[float, ...]
    width: float

    @property
    def pattern(self) -> list[float]:
        """The dash pattern as SVG knows it; a full line where there is none."""
        return list(self.dash) or [1, 0]


VERDICTS: Mapping[str, VerdictStyle] = {
    "contradicted": VerdictStyle(SIGN["contradicted"], "contradicted", ALERT, (), 3.0),
    "supported": VerdictStyle(SIGN["supported"], "supported", INK, (), 1.3),
    "no_large_effect": VerdictStyle(SIGN["no_large_effect"], "no large effect", PALE, (), 1.0),
    "backwards": VerdictStyle(SIGN["backwards"], "backwards", GREY, (9, 3, 2, 3), 1.4),
    "not_enough_data": VerdictStyle(SIGN["not_enough_data"], "not enough data", GREY, (6, 4), 1.4),
    "cannot_tell": VerdictStyle(SIGN["cannot_tell"], "cannot tell", GREY, (1.5, 3.5), 1.6),
    "identity": VerdictStyle(SIGN["identity"], "identity", PALE, (14, 2), 1.0),
}
CLAIMED = VerdictStyle("", "claimed", INK, (), 1.2)
CLAIMED_SIGN = {"+": "+", "-": "−", "?": ""}
SUGGESTED = VerdictStyle("∙", "suggested, not on the map", GREY, (1, 4), 1.6)
BOLD = 15.0  # as wide as bold text of 13 pixels
CROWDED = 40  # links from which a map says glyph or sign only
NO_TEAM = "No team"
LONGEST_TEAM = 200  # characters that name a box
LARGE = 0.6  # standardised effect drawn with the thickest line
SHOWN = ("supported", "contradicted")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A three-lane map, ready to be drawn.

    Attributes
    ----------
    layout : where everything stands, in pixels.
    boxes : one row per metric: its corners, the lines of its name, what stands below, the colour of its stage.
    links : (cause, effect) -> label, verdict, colour, thickness; the path of the line, its head, its label's place.
    title, note : what the map says, and the key of its signs.
    """

    layout: MapLayout
    boxes: Sequence[Row]
    links: Mapping[Pair, Row]
    title: str
    note: str


def draw_map(
    ipo_map: IPOMap,
    evidence: Evidence | None = None,
    *,
    order: Mapping[str, Sequence[str]] | None = None,
    suggestions: Iterable[Link] = (),
) -> Drawing:
    """Looks and places of all that a map shows.

    Parameters
    ----------
    ipo_map : the metrics and links.
    evidence : the verdicts on those links; without it, and for links changed since, the claims are drawn.
    order : stage -> metrics from top to bottom; an order in which links cross little, if not given.
    suggestions : links between its metrics that it does not have, drawn dotted.
    """
    links = _claims(ipo_map) if evidence is None else _judged(ipo_map, evidence)
    if len(links) > CROWDED:
        links = {pair: row | {"label": row["label"].split(" ")[0]} for pair, row in links.items()}
    for link in suggestions:
        links.setdefault((link.cause, link.effect), _link_row(link.cause, link.effect, "suggested", "∙ ?", 0.0))
    pairs = list(links)
    if order is None:
        order = order_lanes({stage: [m.name for m in ipo_map.metrics if m.stage == stage] for stage in STAGES}, pairs)
    names = {metric.name: wrap(metric.name, BOX_WIDTH - 26, size=BOLD, lines=2) for metric in ipo_map.metrics}
    layout = map_layout(
        order,
        pairs,
        labels={pair: row["label"] for pair, row in links.items()},
        box_height=58.0 if any(len(lines) > 1 for lines in names.values()) else 44.0,
    )
    linked = {name for pair in links for name in pair}
    boxes = [_box(metric, names[metric.name], layout, metric.name in linked) for metric in ipo_map.metrics]
    drawn = {pair: row | _route(layout.routes[pair], row["label"]) for pair, row in links.items()}
    return Drawing(layout, boxes, drawn, *_map_title(ipo_map, evidence))


def is_current(link: Link, profile: LagProfile | None) -> bool:
    """Whether a link still is what was judged: the same claim about the same lags."""
    return profile is not None and (profile.sign, profile.window) == (link.sign, link.lag)


def claim_words(link: Link, cadence: str) -> str:
    """What a link claims, as its label says it: `− 0–2 wk`."""
    window = "–".join(str(lag) for lag in sorted(set(link.lag)))
    return f"{CLAIMED_SIGN[link.sign]} {window} {SHORT_PERIOD[cadence]}".strip()


def team_map(ipo_map: IPOMap) -> tuple[IPOMap, dict[str, tuple[str, ...]]]:
    """A large map by team: one box for each team and stage, one link for all links between two of them.

    Returns the map of boxes, and the metrics in each box. Links within a box are left out.
    """
    inside: dict[tuple[str, str], list[str]] = {}  # teams are the same where names would be
    for metric in ipo_map.metrics:
        inside.setdefault((name_key(metric.team) or name_key(NO_TEAM), metric.stage), []).append(metric.name)
    boxes, named = list[Metric](), dict[str, str]()
    for (_, stage), names in inside.items():
        team, count = " ".join(ipo_map.metric(names[0]).team.split()), len(names)
        team = team if len(team) <= LONGEST_TEAM else f"{team[:LONGEST_TEAM]}… {len(boxes)}"  # it need not be a name
        box = f"{team or NO_TEAM}, {LANES[stage][0].lower()}"
        boxes.append(Metric(box, stage, team=f"{count} metric{'s' * (count > 1)}"))
        named |= dict.fromkeys(names, boxes[-1].name)
    between = Counter((named[link.cause], named[link.effect]) for link in ipo_map.links)
    links = [Link(*pair, extra={"count": count}) for pair, count in between.items() if pair[0] != pair[1]]
    whole = IPOMap(boxes, links, title=ipo_map.title, cadence=ipo_map.cadence)
    return whole, {box.name: tuple(names) for box, names in zip(boxes, inside.values(), strict=True)}


def _claims(ipo_map: IPOMap) -> dict[Pair, Row]:
    claims = {}
    for link in ipo_map.links:
        label = str(link.extra["count"]) if "count" in link.extra else claim_words(link, ipo_map.cadence)
        row = _link_row(link.cause, link.effect, "claimed", label, 0.0)
        thick = min(1.0 + 0.4 * link.extra.get("count", 0.5), 4.0)  # for all links between two teams
        claims[link.cause, link.effect] = row | {"thick": thick} if "count" in link.extra else row
    return claims


def _judged(ipo_map: IPOMap, evidence: Evidence) -> dict[Pair, Row]:
    table = effect_sizes(evidence)
    sizes = dict(zip(zip(table["cause"], table["effect"], strict=True), table["size"].tolist(), strict=True))
    claims, judged = _claims(ipo_map), {}
    for pair, claim in claims.items():
        profile = evidence.profiles.get(pair)
        if profile is None or not is_current(ipo_map.link(*pair), profile):
            judged[pair] = claim
        else:
            judged[pair] = _judged_row(profile, sizes[pair])
    return judged


def _judged_row(profile: LagProfile, size: float) -> Row:
    """Glyph, direction and lag, such as `✕ + 4 wk`: what was found; the claim alone where nothing was."""
    label = SIGN[profile.verdict]
    if profile.verdict in SHOWN:
        found = "+" if profile.estimate > 0 else "−"
        label += f" {found} {profile.lag} {SHORT_PERIOD[profile.cadence]}"
    elif profile.verdict == "not_enough_data":
        label = f"{label} {CLAIMED_SIGN[profile.sign]}".strip()
    return _link_row(profile.cause, profile.effect, profile.verdict, label, size)


def _link_row(cause: str, effect: str, verdict: str, label: str, size: float) -> Row:
    style = SUGGESTED if verdict == "suggested" else VERDICTS.get(verdict, CLAIMED)
    large = min(abs(size), LARGE) / LARGE if verdict in SHOWN and np.isfinite(size) else 0.0
    return {
        "verdict": verdict,
        "label": label,
        "colour": style.colour,
        "ink": GREY if style.colour == PALE else style.colour,
        "thick": style.width + 2.0 * large,
        "whole": f"{arrow(cause, effect)}: {style.words}",
    }


def _map_title(ipo_map: IPOMap, evidence: Evidence | None) -> tuple[str, str]:
    name = shorten(ipo_map.title, 400) or "The map"
    if evidence is None:
        return f"{name}: {len(ipo_map.links)} claimed links between {len(ipo_map.metrics)} metrics", ""
    found = [profile.verdict for profile in evidence.profiles.values()]
    said = [f"{found.count(verdict)} {style.words}" for verdict, style in VERDICTS.items() if verdict in found]
    key = [f"{style.glyph} {style.words}" for verdict, style in VERDICTS.items() if verdict in found]
    note = [*key, "+/− direction, then time until it is strongest", "thick: large effect"]
    return f"{name}: of {len(found)} claimed links {joined(said)}", " · ".join(note)


def effect_sizes(evidence: Evidence) -> pd.DataFrame:
    """Each link's long-run effect in standard deviations, so that links of different units can be compared.

    Returns
    -------
    One row per link, by verdict and then by size: `cause, effect, verdict`, and `size, low, high, matters` in
    s.d. of the effect per s.d. of the cause (within units, where there are units).
    """
    values = evidence.panel.values
    if evidence.panel.units:
        values = values - values.groupby(level="unit").transform("mean")
    spread = values.std().replace(0.0, np.nan)
    rows = []
    for (cause, effect), profile in evidence.profiles.items():
        ratio = spread.get(cause, np.nan) / spread.get(effect, np.nan)
        numbers = np.array([profile.estimate, profile.low, profile.high, profile.matters], dtype=float)
        rows.append((cause, effect, profile.verdict, *(ratio * numbers)))
    rows.sort(key=lambda row: (list(VERDICTS).index(row[2]), -abs(np.nan_to_num(row[3]))))
    return pd.DataFrame(rows, columns=["cause", "effect", "verdict", "size", "low", "high", "matters"])


def _box(metric: Metric, lines: Sequence[str], layout: MapLayout, linked: bool) -> Row:
    x, y, width, height = layout.boxes[metric.name]
    under = shorten(" · ".join(filter(None, [metric.team, "" if linked else "no links"])), width - 26, size=11)
    top = y + height / 2 - 8 * len(lines) + (0 if under else 8)
    return {
        **corners(x, y, width, height),
        "left": x + 14,
        "edge": x + 4,
        "name": "\n".join(lines),
        "line": top,
        "team": under,
        "under": top + 16 * len(lines),
        "colour": LANES[metric.stage][1],
        "linked": linked,
        "whole": one_line(metric.name),
        "metric": metric.name,
    }


def _route(route: Route, label: str) -> Row:
    (x, y), width = route.label, label_width(label)
    middle = {"cx": x, "cy": y, **corners(x - width / 2, y - 9, width, 18)}
    return {"path": route.path, "head": route.head, **middle}


def corners(x: float, y: float, width: float, height: float) -> Row:
    """A rectangle as the four numbers that a chart takes."""
    return {"x": x, "y": y, "x2": x + width, "y2": y + height}
