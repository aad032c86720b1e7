"""A result in, an Altair chart out: the finding as title, intervals always, meaning never by colour alone.

User text goes into data values and titles only: fields have fixed names, and expressions hold none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd

from ipo_nb.drawing import (
    ALERT,
    CLAIMED,
    GREY,
    INK,
    LANES,
    LINE,
    PALE,
    PANEL,
    PAPER,
    SHOWN,
    VERDICTS,
    corners,
    draw_map,
    effect_sizes,
)
from ipo_nb.drivers import Drivers, amount_of, fitting, joined, per_hundred
from ipo_nb.errors import BadOption
from ipo_nb.evidence import Evidence
from ipo_nb.layout import LANE_PAD, MapLayout, arrow, isolated, one_line, shorten, wrap
from ipo_nb.links import IPOMap
from ipo_nb.panel import Panel
from ipo_nb.results import plain, spoken
from ipo_nb.scenario import Scenario
from ipo_nb.verdicts import PERIOD_WORD, SIGN, LagProfile

__all__ = [
    "drivers_chart",
    "evidence_chart",
    "interval",
    "lag_profile_chart",
    "map_chart",
    "per_unit",
    "profile_words",
    "ranking_words",
    "scenario_chart",
    "series_chart",
    "svg",
    "theme",
    "title_of",
    "unit_words",
]

Pair = tuple[str, str]
Row = dict[str, Any]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"
TITLE = 17.5  # as wide as bold text of 15 pixels


@alt.theme.register("ipo_nb", enable=alt.theme.active == "default")
def theme() -> alt.theme.ThemeConfig:
    """The calm look of all charts: system font, ink on white, thin grid. Active unless you chose another."""
    text = {"labelColor": GREY, "titleColor": GREY, "labelFontSize": 12, "titleFontSize": 12}
    quiet = {
        "titleFontWeight": "normal",
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
    }
    config = {
        "background": PAPER,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {**text, **quiet},
        "title": {
            "anchor": "start",
            "color": INK,
            "fontSize": 15,
            "fontWeight": "bold",
            "subtitleColor": GREY,
            "subtitleFontSize": 12,
            "offset": 12,
        },
        "text": {"color": INK, "fontSize": 13},
        "point": {"color": INK, "opacity": 1},
        "rule": {"color": INK},
        "line": {"color": INK, "strokeWidth": 1.4},
    }
    return {"config": config}  # type: ignore[typeddict-item]


def map_chart(ipo_map: IPOMap, evidence: Evidence | None = None) -> alt.LayerChart:
    """The three-lane map; with evidence, each link drawn as the data judge it.

    Parameters
    ----------
    ipo_map : the metrics and links to draw.
    evidence : the verdicts on those links; without it the claims are drawn alone.
    """
    drawn = draw_map(ipo_map, evidence)
    links = list(drawn.links.values())
    layers = [*_lane_layers(drawn.layout), *_link_layers(links), *_box_layers(drawn.boxes)]
    title = alt.Title(drawn.title, subtitle=drawn.note) if drawn.note else alt.Title(drawn.title)
    return _layered([*layers, *_label_layers(links)], drawn.layout.width, drawn.layout.height, title)


def _rows(table: pd.DataFrame) -> Iterable[Any]:
    return table.itertuples()


def _layered(layers: Iterable[Any], width: float, height: float, title: alt.Title) -> alt.LayerChart:
    return cast(alt.LayerChart, alt.layer(*layers, width=width, height=height, title=title))


def _at(field: str, axis: Any = alt.X) -> Any:
    """A field that holds pixels already."""
    return axis(f"{field}:Q", scale=None, axis=None, title=None)


def _as_is(channel: Any, field: str) -> Any:
    """A field that holds colours, widths or shapes already."""
    return channel(field, scale=None, legend=None)


def _layer(rows: Iterable[Row] | pd.DataFrame) -> Any:
    """A chart of a few rows, or of a frame (which Altair takes faster, but not beyond 5,000 rows)."""
    if isinstance(rows, pd.DataFrame) and len(rows) <= 5000:
        return alt.Chart(rows)
    return alt.Chart(alt.InlineData(values=plain(rows if isinstance(rows, pd.DataFrame) else list(rows))))


def _rectangles(rows: Sequence[Row], **mark: Any) -> Any:
    place = {"x": _at("x"), "y": _at("y", alt.Y), "x2": alt.X2("x2:Q"), "y2": alt.Y2("y2:Q")}
    return _layer(rows).mark_rect(**mark).encode(**place)


def _words(rows: Sequence[Row], x: Any, y: str, text: str, **mark: Any) -> Any:
    mark = {"align": "left", "baseline": "middle", "lineBreak": "\n", "lineHeight": 16, **mark}
    return _layer(rows).mark_text(**mark).encode(x=x, y=_at(y, alt.Y), text=alt.Text(f"{text}:N"))


def _drawn(rows: Sequence[Row], shape: str, **mark: Any) -> Any:
    """Paths in pixels: a point whose shape is the path; at size 4 one unit of a shape is one pixel."""
    base = _layer(rows).mark_point(size=4, opacity=1, **mark)
    return base.encode(x=alt.value(0), y=alt.value(0), shape=_as_is(alt.Shape, f"{shape}:N"))


def _lane_layers(layout: MapLayout) -> list[Any]:
    rows = []
    for stage, (x, width) in layout.lanes.items():
        name, colour = LANES[stage]
        panel = corners(x, 0, width, layout.height)
        rows.append({**panel, "at": x + LANE_PAD, "top": 20, "name": name, "colour": colour})
    heads = _words(rows, _at("at"), "top", "name", fontWeight="bold")
    return [_rectangles(rows, fill=PANEL, cornerRadius=8), heads.encode(color=_as_is(alt.Color, "colour:N"))]


def _link_layers(links: Sequence[Row]) -> list[Any]:
    layers = []
    for verdict, style in reversed([*VERDICTS.items(), ("claimed", CLAIMED)]):
        rows = [link for link in links if link["verdict"] == verdict]
        if rows:
            line = _drawn(rows, "path", filled=False, stroke=style.colour, strokeDash=style.pattern)
            width, tip = _as_is(alt.StrokeWidth, "thick:Q"), alt.Tooltip("whole:N", title="link")
            layers.append(line.encode(strokeWidth=width, tooltip=tip))
            layers.append(_drawn(rows, "head", filled=True, fill=style.colour, strokeWidth=0))
    return layers


def _box_layers(boxes: Sequence[Row]) -> list[Any]:
    layers = []
    for linked, stroke, dash in ((True, LINE, [1, 0]), (False, PALE, [4, 3])):
        some = [box for box in boxes if box["linked"] is linked]
        if some:
            layers.append(_rectangles(some, fill=PAPER, stroke=stroke, strokeDash=dash, cornerRadius=5))
    if boxes:
        edge = _rectangles(boxes, cornerRadius=1.5).encode(x2=alt.X2("edge:Q"), fill=_as_is(alt.Fill, "colour:N"))
        name = _words(boxes, _at("left"), "line", "name", fontWeight="bold")
        layers += [edge, name.encode(tooltip=alt.Tooltip("whole:N", title="metric"))]
        layers.append(_words(boxes, _at("left"), "under", "team", color=GREY, fontSize=11))
    return layers


def _label_layers(links: Sequence[Row]) -> list[Any]:
    if not links:
        return []
    pills = _rectangles(links, fill=PAPER, cornerRadius=9, strokeWidth=1)
    label = _words(links, _at("cx"), "cy", "label", align="center", fontSize=11)
    return [
        pills.encode(stroke=_as_is(alt.Stroke, "colour:N")),
        label.encode(color=_as_is(alt.Color, "ink:N")),
    ]


def evidence_chart(evidence: Evidence) -> alt.LayerChart:
    """Every link of a map in one row: verdict, standardised effect with its interval, and the real size."""
    sizes = effect_sizes(evidence)
    if sizes.empty:
        raise BadOption("The map has no links, so there is nothing to draw.", fix="Link two of its metrics.")
    reach = _reach(sizes)
    rows = [
        {
            "label": f"{SIGN[row.verdict]}  {arrow(row.cause, row.effect, 310)}",
            "words": _size_words(evidence.profiles[row.cause, row.effect]),
            "verdict": row.verdict,
            **dict(zip(("value", "low", "high", "matters"), row[4:], strict=True)),
            "less": -row.matters,
            **_row_places(row.Index),
        }
        for row in _rows(sizes)
    ]
    scale = alt.Scale(domain=[-reach, reach], range=[0, ROW_WIDTH], clamp=True, nice=False)
    x = alt.X(scale=scale, axis=alt.Axis(tickCount=5, grid=False, title=STANDARD, titlePadding=16))
    zone = _layer([row for row in rows if np.isfinite(row["less"])]).mark_rect(fill=LINE)
    band = zone.encode(x=_on(x, "less"), x2=alt.X2("matters:Q"), y=_at("top", alt.Y), y2=alt.Y2("bottom:Q"))
    zero = _layer([{"value": 0}]).mark_rule(color=PALE, strokeDash=[3, 3]).encode(x=_on(x, "value"))
    supported = int((sizes["verdict"] == "supported").sum())
    note = "Dots with 95 % intervals, long-run; grey: too small to matter."
    if (sizes[["low", "high"]].abs() > reach).any(axis=None):
        note += " Intervals that touch the frame go further."
    title = f"{supported} of {len(rows)} claimed links are supported by the data"
    layers = [band, zero, *_interval_rows(rows, x)]
    return _layered(layers, ROW_WIDTH, ROW * max(len(rows), 1), alt.Title(title, subtitle=note))


STANDARD = "s.d. of the effect for a lasting rise of one s.d. of the cause"
ROW, ROW_WIDTH = 44.0, 680.0


def _row_places(place: int) -> Row:
    return {
        "y": place * ROW + 11,
        "dot": place * ROW + 28,
        "top": place * ROW + 22,
        "bottom": place * ROW + 34,
    }


def _interval_rows(rows: Sequence[Row], x: Any) -> list[Any]:
    """Label and size in words above, dot with interval below; the line and the filling say the verdict."""
    y = _at("dot", alt.Y)
    layers = [
        _layer(rows).mark_rule(color=LINE).encode(x=alt.value(0), x2=alt.value(ROW_WIDTH), y=y),
        _words(rows, alt.value(0), "y", "label"),
        _words(rows, alt.value(ROW_WIDTH), "y", "words", align="right", fontSize=12, color=GREY),
    ]
    for verdict, style in VERDICTS.items():
        seen = [row for row in rows if row["verdict"] == verdict and np.isfinite(row["low"])]
        if not seen:
            continue
        colour = GREY if style.colour == PALE else style.colour
        fill = colour if verdict in SHOWN else PAPER
        rule = _layer(seen).mark_rule(color=colour, strokeWidth=max(style.width, 1.6), strokeDash=style.pattern)
        dot = _layer(seen).mark_point(size=64, opacity=1, fill=fill, stroke=colour, strokeWidth=1.4)
        layers += [rule.encode(x=_on(x, "low"), x2=alt.X2("high:Q"), y=y), dot.encode(x=_on(x, "value"), y=y)]
    return layers


def _on(channel: Any, field: str) -> Any:
    """A channel with its axis and scale, on a field."""
    channel = channel.copy(deep=False)
    channel["shorthand"] = f"{field}:Q"
    return channel


def _reach(sizes: pd.DataFrame) -> float:
    """Half the width of the axis: room for the intervals of what is shown, not for what says nothing."""
    shown = sizes[sizes["verdict"].isin([*SHOWN, "no_large_effect"])]
    ends = (shown if len(shown) else sizes)[["low", "high"]].abs().to_numpy()
    ends = ends[np.isfinite(ends)]
    return float(np.clip(1.1 * ends.max(), 0.3, 2.5)) if ends.size else 1.0


def interval(estimate: float, low: float, high: float) -> str:
    """An estimate with its interval, which does not break over two lines.

    >>> interval(0.21, 0.092, 0.33).replace("\u00a0", " ")
    '+0.21 (+0.092 to +0.33)'
    """
    value, start, end = (spoken(number, signed=True) for number in (estimate, low, high))
    return f"{value} " + f"({start} to {end})".replace(" ", "\u00a0")


def _size_words(profile: LagProfile) -> str:
    if not np.isfinite(profile.estimate):
        return VERDICTS[profile.verdict].words
    size = interval(profile.estimate, profile.low, profile.high)
    return shorten(f"{size} {unit_words(profile)}", 370, size=12)


def unit_words(profile: LagProfile) -> str:
    """What a link's effect is counted in, such as "points per minute"."""
    return per_unit(profile.effect_unit, profile.cause_unit)


def per_unit(effect_unit: str, cause_unit: str) -> str:
    """One unit of measure for each of another, such as "points per minute"."""
    return f"{_plain_unit(effect_unit, 2)} per {_plain_unit(cause_unit, 1)}"


def _plain_unit(unit: str, count: int) -> str:
    return amount_of(count, unit).removeprefix(f"{count} ")


def lag_profile_chart(profile: LagProfile) -> alt.LayerChart:
    """Effect at each lag with its band, against a line at zero; the strongest lag filled, its rivals grey."""
    colour = VERDICTS["contradicted" if profile.verdict == "contradicted" else "supported"].colour
    rivals = dict.fromkeys(profile.near_lags, 1) | {profile.lag: 2}
    rows = profile.table.assign(kind=[rivals.get(lag, 0) for lag in profile.table["lag"]])
    after = shorten(f"{PERIOD_WORD[profile.cadence]}s after {profile.cause} moved", 340, size=12)
    x = alt.X("lag:O", title=after, axis=alt.Axis(labelAngle=0))
    unit = shorten(f"{profile.effect}, {unit_words(profile)}", 340, size=12)
    above: Row = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": -30, "titleY": -12}
    y = alt.Y(axis=alt.Axis(title=unit, tickCount=4, **above))
    layers = [_layer([{"zero": 0}]).mark_rule(color=PALE, strokeDash=[3, 3]).encode(y=_on(y, "zero"))]
    for kind, fill in enumerate((PAPER, PALE, colour)):
        some = _layer(rows[rows["kind"] == kind])
        line = some.mark_rule(color=colour, strokeWidth=2.4 if kind == 2 else 1.2)
        dot = some.mark_point(size=80 if kind == 2 else 44, opacity=1, fill=fill, stroke=colour, strokeWidth=1.2)
        layers += [
            line.encode(x=x, y=_on(y, "low"), y2=alt.Y2("high:Q")),
            dot.encode(x=x, y=_on(y, "estimate")),
        ]
    title = alt.Title(wrap(profile_words(profile), 430, size=TITLE))
    return _layered(layers, 420, 190, title)


def profile_words(profile: LagProfile) -> str:
    """When and how far the effect moves, as a headline; the verdict alone where nothing is shown."""
    if profile.verdict not in SHOWN or profile.lag is None:
        return f"{arrow(profile.cause, profile.effect)}: {SIGN[profile.verdict]} {VERDICTS[profile.verdict].words}"
    period = PERIOD_WORD[profile.cadence]
    after = f"{profile.lag} {period}{'s' * (profile.lag > 1)} after" if profile.lag else f"in the same {period} as"
    moves = f"{isolated(profile.effect)} {fitting(profile.effect, 'moves', 'move')} most {after}"
    size = f"{interval(profile.estimate, profile.low, profile.high)} {unit_words(profile)}"
    against = ", against the claim" if profile.verdict == "contradicted" else ""
    return f"{moves} {isolated(profile.cause)}: {size} in the long run{against}"


def drivers_chart(drivers: Drivers) -> alt.LayerChart:
    """The links into one outcome by their share of its movement; a bracket joins what cannot be ranked."""
    table = drivers.table[drivers.table["share"].notna()].reset_index(drop=True)
    rows = [
        {
            "label": f"{SIGN[row.verdict]}  {shorten(isolated(row.driver), 360)}",
            "words": f"{per_hundred(row.share)} ({100 * row.share_low:.0f} to {100 * row.share_high:.0f})",
            "verdict": row.verdict,
            **dict(zip(("value", "low", "high"), (100 * s for s in row[2:5]), strict=True)),
            **_row_places(row.Index),
        }
        for row in _rows(table)
    ]
    scale = alt.Scale(domain=[0, max([10.0, *(1.04 * row["high"] for row in rows)])], range=[0, ROW_WIDTH], nice=False)
    title = f"% of the explained movement of {shorten(drivers.outcome, 240)}"
    x = alt.X(scale=scale, axis=alt.Axis(tickCount=5, grid=False, title=title, titlePadding=16))
    ties = [rows.index for _, rows in table.groupby("tie_group", sort=False) if len(rows) > 1]
    right = ROW_WIDTH + 14
    paths = [f"M{right - 6},{ROW * tied[0] + 6}H{right}V{ROW * tied[-1] + 34}H{right - 6}" for tied in ties]
    layers = _interval_rows(rows, x)
    if paths:
        bracket = [{"path": path} for path in paths]
        layers.append(_drawn(bracket, "path", filled=False, stroke=GREY, strokeWidth=1.2))
    note = "Shares with 95 % intervals; a bracket joins drivers that cannot be told apart."
    headline = wrap(ranking_words(drivers), 560, size=TITLE, lines=2)
    return _layered(layers, right + 2, ROW * max(len(rows), 1), alt.Title(headline, subtitle=note))


def ranking_words(drivers: Drivers) -> str:
    """What a ranking says, as a headline."""
    outcome = isolated(drivers.outcome)
    if not drivers.ties:
        return f"No shown driver of {outcome} yet"
    first = [isolated(name) for name in drivers.ties[0]]
    verb, rest = ("move", " and cannot be ranked") if len(first) > 1 else (fitting(first[0], "moves", "move"), "")
    words = f"{joined(first)} {verb} {outcome} most{rest}"
    return words[0].upper() + words[1:]


def scenario_chart(scenario: Scenario) -> alt.ConcatChart:
    """What moves when a metric is changed: a fan per metric, against no change; what is hurt in vermilion."""
    summary = scenario.summary.set_index("metric")
    after = f"{PERIOD_WORD[scenario.cadence]}s after the change"
    panels = [
        _fan(str(name), rows, after, cast(Row, summary.loc[str(name)].to_dict()))
        for name, rows in scenario.table.groupby("metric", sort=False)
    ]
    return _small_multiples(panels, alt.Title(wrap(scenario.text.split(": ")[0], 760, size=TITLE)), row=90)


def _fan(name: str, rows: pd.DataFrame, after: str, end: Row) -> alt.LayerChart:
    colour = ALERT if end["harmed"] else INK
    x = alt.X("period_ahead:Q", title=after, axis=alt.Axis(tickMinStep=1, tickCount=5, grid=False))
    y = alt.Y(title=None, axis=alt.Axis(tickCount=3))
    base = _layer(rows.drop(columns="metric"))
    zero = _layer([{"zero": 0}]).mark_rule(color=PALE, strokeDash=[3, 3]).encode(y=_on(y, "zero"))
    fan = base.mark_area(color=LINE).encode(x=x, y=_on(y, "low"), y2=alt.Y2("high:Q"))
    line = base.mark_line(strokeWidth=2, color=colour).encode(x=x, y=_on(y, "estimate"))
    moved = interval(end["estimate"], end["low"], end["high"])
    size = moved if end["low"] < end["high"] else spoken(end["estimate"], signed=True)
    note = shorten(f"{size} {_plain_unit(end['unit'], 2)}{', hurt' if end['harmed'] else ''}", SMALL, size=12)
    return _small(fan, zero, line, title=alt.Title(shorten(name, SMALL), subtitle=note))


SMALL = 250  # width of a small chart, pixels


def _small(*layers: alt.Chart, title: alt.Title) -> alt.LayerChart:
    title = alt.Title(title.text, subtitle=title.subtitle, fontSize=13, offset=6, frame="group")
    return _layered(layers, SMALL, 90, title)


def _small_multiples(panels: Sequence[alt.LayerChart], title: alt.Title, *, row: int = 70) -> alt.ConcatChart:
    # Flush: plots stand in line whatever the width of their axis labels; the spacing leaves room for these.
    space = alt.RowColnumber(row=row, column=70)
    return alt.concat(*panels, columns=3, bounds="flush", spacing=space, title=title)


def series_chart(
    panel: Panel, names: Sequence[str] | None = None, *, units: Mapping[str, str] | None = None
) -> alt.ConcatChart:
    """Series with their gaps: one small chart per metric; with units their median and middle 80 %.

    Parameters
    ----------
    panel : the series.
    names : metrics to draw, in order; all of them if not given.
    units : metric -> what its numbers count, said beside its name.
    """
    names = list(panel.names if names is None else names)
    if not names:
        raise BadOption("No metric was named, so there is no series to draw.", fix="Name one of the panel.")
    panels = [_one_series(panel, name, (units or {}).get(name, "")) for name in names]
    missing, whole = int(panel.values[names].isna().to_numpy().sum()), panel.values[names].size
    gaps = f"{missing:,} of {whole:,} values missing (marked below)" if missing else "no value missing"
    note = "Nothing was filled in."
    note += " Line: median of the units; band: the middle 80 % of them." if panel.units else ""
    return _small_multiples(panels, alt.Title(f"{len(names)} series, {gaps}", subtitle=note))


def _one_series(panel: Panel, name: str, unit: str) -> alt.LayerChart:
    values = panel.values[name]
    frame = values.unstack(level="unit") if panel.units else values.to_frame()
    frame = frame.reindex(pd.period_range(frame.index.min(), frame.index.max()))
    rows = frame.quantile([0.1, 0.5, 0.9], axis=1).T.set_axis(["low", "value", "high"], axis=1)
    # Milliseconds since 1970 in UTC: a date as text would be read in the time zone of the machine.
    rows.insert(0, "t", pd.PeriodIndex(frame.index).start_time.astype("datetime64[ms]").astype("int64"))
    years = alt.Axis(grid=False, tickCount="year", format="%Y", labelFlush=False)
    x = alt.X("t:T", scale=alt.Scale(type="utc"), title=None, axis=years)
    y = alt.Y(title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=3))
    broken = "break-paths-show-domains"
    band = _layer(rows).mark_area(color=LINE, invalid=broken).encode(x=x, y=_on(y, "low"), y2=alt.Y2("high:Q"))
    line = _layer(rows).mark_line(strokeWidth=1.1, invalid=broken).encode(x=x, y=_on(y, "value"))
    known = rows["value"].notna()
    lonely = rows[known & ~known.shift(fill_value=False) & ~known.shift(-1, fill_value=False)]
    dots = _layer(lonely).mark_point(size=8, filled=True).encode(x=x, y=_on(y, "value"))
    gaps = _layer(rows.loc[~known, ["t"]]).mark_tick(color=ALERT, thickness=1.5, height=6, opacity=1)
    wanted = (
        (band, bool(panel.units)),
        (line, True),
        (dots, len(lonely)),
        (gaps.encode(x=x, y=alt.value(89)), not known.all()),
    )
    title = alt.Title(shorten(name, SMALL), subtitle=shorten(unit, SMALL, size=12))
    return _small(*(layer for layer, there in wanted if there), title=title)


# ---- a chart as SVG text that can stand in a page with others --------------------------------------------


def title_of(chart: Any) -> tuple[str, str]:
    """A chart's finding and the note below it, as text for a page that says them itself."""
    text, note = chart.title.text, chart.title.subtitle
    note = "" if note is alt.Undefined else note
    return text if isinstance(text, str) else " ".join(text), note if isinstance(note, str) else " ".join(note)


NUMBER = re.compile(r"-?\d+\.\d{2,}")
DROPPED = {"class", "role", "pointer-events", "version", "stroke-miterlimit", "font-family"}


def svg(chart: Any, *, label: str = "", prefix: str = "", title: bool = True) -> str:
    """A chart as one self-contained SVG: no script, no request, the same bytes for the same chart.

    Parameters
    ----------
    chart : any Altair chart.
    label : what a screen reader says instead of the picture.
    prefix : put before every id, so that several charts can stand in one page.
    title : keep the chart's own title (a page may say it in a heading instead).
    """
    import vl_convert

    with alt.theme.enable("ipo_nb"):
        spec = chart.to_dict(validate=False)
    if not title:
        spec.pop("title", None)
    spec["config"] = {**spec.get("config", {}), "aria": False, "background": None}
    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    drawn = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
    root = ElementTree.fromstring(drawn.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))
    _strip(root, prefix)
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONT}
    if label:
        root.set("role", "img")
        root.set("aria-label", one_line(label))
    return ElementTree.tostring(root, encoding="unicode")


def _strip(element: ElementTree.Element, prefix: str) -> None:
    """Leave what is seen: no classes, no invisible shapes, one decimal, ids of our own."""
    for name, value in list(element.attrib.items()):
        if name in DROPPED or name.startswith("aria-") or (name, value) == ("opacity", "1"):
            del element.attrib[name]
        elif name == "id":
            element.set(name, prefix + value)
        elif value.startswith("url(#"):
            element.set(name, f"url(#{prefix}{value[5:]}")
        elif name in {"d", "transform", "x", "y", "x2", "y2"}:
            element.set(name, NUMBER.sub(lambda found: f"{float(found[0]):.1f}".rstrip("0").rstrip("."), value))
    for child in list(element):
        _strip(child, prefix)
        unseen = child.get("display") == "none" or child.get("d") in {"", "M0,0h0v0h0Z"}
        if unseen or (child.tag == "g" and not len(child)):
            element.remove(child)
