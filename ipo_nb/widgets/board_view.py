"""What the browser draws of a map: lanes, boxes, arrows, and what is said of each; the whole map or one team's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipo_nb.charts import per_unit
from ipo_nb.drawing import LANES, SUGGESTED, VERDICTS, claim_words, draw_map, is_current
from ipo_nb.evidence import Evidence
from ipo_nb.links import PERIOD_WORDS, IPOMap, Link
from ipo_nb.metrics import name_key
from ipo_nb.results import spoken
from ipo_nb.verdicts import SIGN
from ipo_nb.widgets.window import arrow_name

__all__ = ["board_view", "team_part"]


def board_view(
    ipo_map: IPOMap,
    evidence: Evidence | None = None,
    *,
    order: Mapping[str, Sequence[str]] | None = None,
    suggestions: Sequence[Link] = (),
) -> dict[str, Any]:
    """A map as the browser draws it: lanes, boxes, arrows and what is said of each, as JSON-ready values."""
    drawing = draw_map(ipo_map, evidence, order=order, suggestions=suggestions)
    layout = drawing.layout
    lanes = [{"stage": stage, "name": LANES[stage][0], "x": x, "width": w} for stage, (x, w) in layout.lanes.items()]
    boxes = []
    for row in drawing.boxes:
        metric = ipo_map.metric(row["metric"])
        facts = [metric.team, metric.unit, f"{metric.better} is better" if metric.better else ""]
        place = dict(zip(("x", "y", "width", "height"), layout.boxes[metric.name], strict=True))
        said = {"lines": row["name"].split("\n"), "under": row["team"], "facts": " · ".join(filter(None, facts))}
        boxes.append({"name": metric.name, "stage": metric.stage, "team": metric.team, **place, **said})
    claimed = {(link.cause, link.effect): link for link in (*suggestions, *ipo_map.links)}
    links = [_link_view(claimed[pair], row, ipo_map, evidence) for pair, row in drawing.links.items()]
    size = {"width": layout.width, "height": layout.height, "period": PERIOD_WORDS[ipo_map.cadence]}
    return {**size, "lanes": lanes, "boxes": boxes, "links": links, "key": drawing.note}


def _link_view(link: Link, row: Mapping[str, Any], ipo_map: IPOMap, evidence: Evidence | None) -> dict[str, Any]:
    profile = evidence.profiles.get((link.cause, link.effect)) if evidence else None
    verdict = row["verdict"]
    look = SUGGESTED if verdict == "suggested" else VERDICTS.get(verdict)
    stale = evidence is not None and verdict == "claimed" and not is_current(link, profile)
    said = "It is new, or changed since the links were weighed." if stale else profile.text if profile else ""
    matters = profile.matters if profile else None
    return {
        "cause": link.cause,
        "effect": link.effect,
        "name": arrow_name(link.cause, link.effect),
        "claim": claim_words(link, ipo_map.cadence),
        "sign": link.sign,
        "lag": list(link.lag),
        "why": link.why,
        "matters": link.matters,
        "usual": spoken(matters) if matters and matters == matters else "",
        "units": per_unit(*(ipo_map.metric(name).unit for name in (link.effect, link.cause))),
        "verdict": verdict,
        "glyph": SIGN.get(verdict, ""),
        "words": look.words if look else "",
        "dash": " ".join(map(str, look.dash)) if look else "",
        "said": said,
        **{name: row[name] for name in ("label", "path", "head", "thick", "x", "y", "x2", "y2", "cx", "cy")},
    }


def team_part(ipo_map: IPOMap, team: str) -> IPOMap:
    """One team's metrics and those that they are linked to, with the links that touch the team's own."""
    own = {metric.name for metric in ipo_map.metrics if name_key(metric.team) == name_key(team)}
    links = [link for link in ipo_map.links if own & {link.cause, link.effect}]
    names = own | {name for link in links for name in (link.cause, link.effect)}
    metrics = [metric for metric in ipo_map.metrics if metric.name in names]
    return IPOMap(metrics, links, title=ipo_map.title, cadence=ipo_map.cadence)
