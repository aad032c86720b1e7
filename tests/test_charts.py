"""Charts: the finding as title, intervals always, meaning never by colour alone, no user text where it could act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import pytest

from ipo_nb import charts, drawing
from ipo_nb.drivers import rank_drivers
from ipo_nb.errors import BadOption
from ipo_nb.evidence import Evidence, weigh_links
from ipo_nb.links import IPOMap, Link
from ipo_nb.panel import Panel
from ipo_nb.samples import load_sample
from ipo_nb.scenario import run_scenario
from ipo_nb.simulate import simulate_system

HOSTILE = [
    "<script>alert(1)</script>",
    "CSAT:Q",
    "a.b[0]['x']",
    'datum.x + "q" \\ \' `${1}`',
    "W" * 200,
    "\u202eevil عدد",
]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    sample = simulate_system(seed=1)
    return weigh_links(sample.ipo_map, sample.panel)


@pytest.fixture(scope="module")
def hostile(evidence: Evidence) -> Evidence:
    """The same numbers under names that want to be markup, shorthand, expressions or a whole line."""
    new = dict(zip(evidence.ipo_map.names, HOSTILE, strict=True))
    metrics = [metric.to_dict() | {"name": new[metric.name], "team": HOSTILE[0]} for metric in evidence.ipo_map.metrics]
    links = [link.to_dict() | {"cause": new[link.cause], "effect": new[link.effect]} for link in evidence.ipo_map.links]
    panel = Panel.of(evidence.panel.values.rename(columns=new), cadence="weekly")
    return weigh_links(IPOMap(metrics=metrics, links=links, title=HOSTILE[0]), panel)


def all_charts(evidence: Evidence) -> dict[str, Any]:
    outcome = next(metric.name for metric in evidence.ipo_map.metrics if metric.stage == "outcome")
    profile = evidence.shown[0]
    scenario = run_scenario(evidence, {profile.cause: float(evidence.panel.values[profile.cause].std())})
    return {
        "claims": charts.map_chart(evidence.ipo_map),
        "map": charts.map_chart(evidence.ipo_map, evidence),
        "links": charts.evidence_chart(evidence),
        "profile": charts.lag_profile_chart(profile),
        "drivers": charts.drivers_chart(rank_drivers(evidence, outcome)),
        "scenario": charts.scenario_chart(scenario),
        "series": charts.series_chart(evidence.panel),
    }


def everything(spec: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All (key, value) pairs of a spec but the data themselves."""
    if isinstance(spec, dict):
        for name, value in spec.items():
            if name not in {"datasets", "values"}:
                yield name, value
                yield from everything(value, name)
    elif isinstance(spec, list):
        for value in spec:
            yield from everything(value, key)


def data_of(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_every_chart_is_valid_has_its_finding_as_title_and_draws_the_same_twice(evidence: Evidence) -> None:
    for name, chart in all_charts(evidence).items():
        assert chart.to_dict()["title"]["text"], name
        assert len(charts.title_of(chart)[0]) > 15, name
        assert charts.svg(chart) == charts.svg(chart), name


def test_names_reach_data_and_titles_only(hostile: Evidence) -> None:
    for chart in all_charts(hostile).values():
        for key, value in everything(chart.to_dict()):
            if key == "field":
                assert re.fullmatch(r"[a-z0-9_]+", value)
            assert key not in {"expr", "signal", "calculate", "filter", "test", "labelExpr", "url", "href"}


def test_hostile_names_are_drawn_as_written_and_run_nowhere(hostile: Evidence) -> None:
    for chart in all_charts(hostile).values():
        root = ElementTree.fromstring(charts.svg(chart, label=HOSTILE[0]))
        assert root.get("aria-label") == HOSTILE[0]
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "g", "path", "text", "tspan", "line", "rect", "defs", "clipPath"}
        names = {name for element in root.iter() for name in element.attrib}
        assert not [name for name in names if name.startswith("on") or name in {"style", "href"}]
    seen = " ".join(root.itertext())
    assert "CSAT:Q" in seen
    assert "\u202e" not in seen


def test_each_verdict_differs_by_more_than_colour() -> None:
    styles = list(drawing.VERDICTS.values())
    assert len({style.glyph for style in styles}) == len(styles)
    assert len({(style.dash, style.width) for style in styles}) == len(styles)


def test_text_colours_can_be_read_on_their_grounds() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], parts))

    for mode in (0, 1):
        for ground in ("paper", "panel"):
            for ink in ("ink", "grey", "alert", "input", "process", "outcome"):
                one, two = sorted(light(drawing.PALETTE[name][mode]) for name in (ink, ground))
                assert (two + 0.05) / (one + 0.05) >= 4.5, (ink, ground, mode)


def test_intervals_are_always_drawn(evidence: Evidence) -> None:
    for name, chart in all_charts(evidence).items():
        ends = {value for key, value in everything(chart.to_dict()) if key == "field"}
        assert name in {"claims", "map", "series"} or {"low", "high"} <= ends, name


def test_unlinked_metrics_stay_visible() -> None:
    metrics = [{"name": "Alone", "stage": "input", "team": "T"}, {"name": "Result", "stage": "outcome"}]
    drawn = charts.svg(charts.map_chart(IPOMap(metrics=metrics, links=[])))
    assert "Alone" in drawn
    assert "T · no links" in drawn


def test_a_crowded_map_says_signs_only() -> None:
    metrics = [{"name": f"m{k}", "stage": list(drawing.LANES)[k % 3]} for k in range(24)]
    links = [Link(f"m{k}", f"m{(k + step) % 24}", sign="+") for k in range(24) for step in (1, 2)]
    rows = data_of(charts.map_chart(IPOMap(metrics=metrics, links=links)))
    assert {row["label"] for row in rows if "label" in row} == {"+"}


def test_drivers_that_cannot_be_ranked_share_a_bracket(evidence: Evidence) -> None:
    drivers = rank_drivers(evidence, "Satisfaction")
    tied = drivers.table["tie_group"].dropna().duplicated().any()
    assert any("path" in row for row in data_of(charts.drivers_chart(drivers))) == tied


def test_gaps_stay_open_and_are_marked() -> None:
    weeks = pd.period_range("2024-01-01", periods=30, freq="W-SUN", name="period")
    values = pd.DataFrame({"x": np.arange(30.0)}, index=weeks)
    values.iloc[[5, 6, 8]] = np.nan  # leaves one lonely value between two gaps
    chart = charts.series_chart(Panel.of(values, cadence="weekly"))
    assert "3 of 30 values missing" in charts.title_of(chart)[0]
    marks = [layer["mark"]["type"] for layer in chart.to_dict()["concat"][0]["layer"]]
    assert marks == ["line", "point", "tick"]
    assert chart.to_dict()["concat"][0]["layer"][0]["mark"]["invalid"].startswith("break-paths")


def test_units_are_drawn_as_median_and_band() -> None:
    panel = load_sample("hospital").panel
    spec = charts.series_chart(panel, panel.names[:1], units={panel.names[0]: "hours"}).to_dict()
    assert [layer["mark"]["type"] for layer in spec["concat"][0]["layer"]][:2] == ["area", "line"]
    assert spec["concat"][0]["title"]["subtitle"] == "hours"


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(BadOption, match="no series to draw"):
        charts.series_chart(load_sample("support").panel, [])


def test_charts_change_nothing_that_they_are_given(evidence: Evidence) -> None:
    before, profile = evidence.panel.values.copy(), evidence.shown[0].table.copy()
    all_charts(evidence)
    pd.testing.assert_frame_equal(evidence.panel.values, before)
    pd.testing.assert_frame_equal(evidence.shown[0].table, profile)


def test_ids_of_two_drawings_on_one_page_do_not_meet() -> None:
    line = alt.Chart(pd.DataFrame({"x": [1, 2], "y": [1, 2]})).mark_line(clip=True).encode(x="x:Q", y="y:Q")
    one, two = (charts.svg(line, prefix=prefix) for prefix in ("one-", "two-"))
    ids = [set(re.findall(r'id="([^"]+)"', drawn)) for drawn in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"url\(#([^)]+)\)", one)) <= ids[0]
