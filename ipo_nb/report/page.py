"""What stands on the page of a report: a Study's results as finished words, tables and drawings."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd
from markupsafe import Markup

from ipo_nb import charts, drawing
from ipo_nb.audit import Audit
from ipo_nb.drivers import Accountability, Drivers, period_name
from ipo_nb.evidence import Evidence
from ipo_nb.layout import arrow, isolated
from ipo_nb.links import IPOMap
from ipo_nb.metrics import Metric
from ipo_nb.panel import Panel
from ipo_nb.results import spoken
from ipo_nb.study import Study
from ipo_nb.verdicts import PERIOD_WORD, SIGN, LagProfile

__all__ = ["Figure", "Grid", "installed", "page_of"]

MEANING = {
    "contradicted": "Moves against the claimed direction.",
    "supported": "Moves as claimed, inside the declared lags, after correction for the number of links.",
    "no_large_effect": "The whole interval is smaller than what would matter.",
    "backwards": "Only the opposite direction is there: the effect moves before the cause.",
    "not_enough_data": "Cannot be told apart from nothing yet.",
    "cannot_tell": "Another cause moved together with it, or its size is not identified: these data cannot tell.",
    "identity": "Arithmetic: one is computed from the other. Never tested.",
}
GRADES = {
    "A": "An intervention or experiment shows it.",
    "B": "Supported, forecasts periods that it had not seen, and passes the reverse and placebo tests.",
    "C": "Supported by the test alone.",
    "D": "Tested, not established.",
    "E": "Asserted only.",
}
SOFTWARE = ("ipo_nb", "numpy", "pandas", "scipy", "statsmodels", "altair", "vl-convert-python", "jinja2")
DRAWN = 8  # lag profiles drawn; the other links stand in words and in the table


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as a page shows it: a caption, heads, and rows of finished words whose first cell names the row."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart as a page shows it: the finding, the drawing, words, and the same numbers as a table."""

    title: str
    svg: Markup
    words: str = ""
    tag: str = ""
    grid: Grid | None = None


def page_of(study: Study) -> dict[str, Any]:
    """Everything that the template says about a study, by the template's names."""
    evidence, ipo_map, panel = study.evidence, study.ipo_map, study.panel
    teams = {metric.team for metric in ipo_map.metrics if metric.team}
    found = [profile.verdict for profile in evidence.profiles.values()]
    profiles = [evidence.profiles[row.cause, row.effect] for row in _rows(drawing.effect_sizes(evidence))]
    counts = (
        _count(len(ipo_map.metrics), "metric"),
        _count(len(teams), "team"),
        _count(len(ipo_map.links), "link"),
    )
    return {
        "title": ipo_map.title or "Driver analysis",
        "headline": study.headline,
        "kicker": [ipo_map.title or "Driver analysis", _extent(panel), *counts],
        "columns": _columns(study),
        "map": _drawing(charts.map_chart(ipo_map, evidence), "map", f"The map. {evidence.text}"),
        "key": [(name, style, found.count(name)) for name, style in drawing.VERDICTS.items() if name in found],
        "rankings": [_ranking(drivers, place) for place, drivers in enumerate(study.drivers.values())],
        "evidence": evidence,
        "overview": _overview(evidence, profiles),
        "profiles": [_profile(profile, place) for place, profile in enumerate(_by_importance(study))],
        "conflicts": study.conflicts,
        "accountability": study.accountability,
        "teams": _teams(study.accountability),
        "audit": study.audit,
        "findings": _findings(study.audit),
        "series": _series(study),
        "verdicts": Grid("Verdicts", ("verdict", "means", "links here"), _legend(MEANING, found)),
        "grades": Grid("Grades", ("grade", "means", "links here"), _legend(GRADES, _grades(evidence))),
        "receipt": panel.receipt,
        "readings": _receipt(panel),
        "software": Grid("Software", ("part", "version"), _software()),
        "definitions": _definitions(ipo_map),
        "period": PERIOD_WORD[panel.cadence],
    }


def _rows(table: pd.DataFrame) -> Iterable[Any]:
    return table.itertuples()


def _columns(study: Study) -> list[tuple[str, str, Sequence[str]]]:
    """The three columns that a manager reads: kind, heading, sentences."""
    goal = f"What drives {study.outcome}" if len(study.drivers) == 1 else "What drives the outcomes"
    return [
        ("ink", goal, study.driven_by),
        ("alert", "Local win, strategic loss", study.conflicting),
        ("pale", "What we cannot say", study.unknown),
    ]


def _extent(panel: Panel) -> str:
    """How much data, and of when: the only dates in a report are those of the data."""
    periods = panel.values.index.get_level_values("period").unique().sort_values()
    if not len(periods):
        return "no data"
    units = f" in {len(panel.units):,} units" if panel.units else ""
    length = _count(len(periods), PERIOD_WORD[panel.cadence])
    return f"{length}{units}, {period_name(periods[0])} to {period_name(periods[-1])}"


def _drawing(chart: Any, name: str, label: str) -> Markup:
    return Markup(charts.svg(chart, label=label, prefix=f"{name}-", title=False))


# ---- words for cells ------------------------------------------------------------------------------------------


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _number(value: Any) -> str:
    return spoken(float(value)) if pd.notna(value) and math.isfinite(value) else "–"


def _interval(row: Any) -> str:
    return charts.interval(row.estimate, row.low, row.high) if pd.notna(row.estimate) else "–"


def _share(value: Any) -> str:
    return f"{100 * value:.0f}\u00a0%" if pd.notna(value) else "–"


def _share_interval(row: Any) -> str:
    if pd.isna(row.share):
        return "–"
    return f"{_share(row.share)} ({100 * row.share_low:.0f} to {100 * row.share_high:.0f})".replace(" ", "\u00a0")


def _chance(value: float) -> str:
    return "–" if math.isnan(value) else "below\u00a00.001" if value < 0.001 else f"{value:.3f}"


def _verdict(verdict: str) -> str:
    return f"{SIGN[verdict]}\u00a0{drawing.VERDICTS[verdict].words}"


# ---- the parts ------------------------------------------------------------------------------------------------


def _ranking(drivers: Drivers, place: int) -> Figure:
    rows = [
        (
            row.driver,
            _verdict(row.verdict),
            _share_interval(row),
            _interval(row),
            _number(row.lag),
            row.via or "direct",
            row.team or "–",
        )
        for row in _rows(drivers.table)
    ]
    period = PERIOD_WORD[drivers.cadence]
    heads = ("driver", "verdict", "share (95 %)", "long-run effect (95 %)", f"lag, {period}s", "path", "team")
    caption = f"What is claimed or shown to move {isolated(drivers.outcome)}"
    grid = Grid(caption, heads, rows) if rows else None
    if not drivers.table["share"].notna().any():
        return Figure(charts.ranking_words(drivers), Markup(), drivers.text, grid=grid)
    label = f"Shares of the drivers of {drivers.outcome}. {drivers.text}"
    svg = _drawing(charts.drivers_chart(drivers), f"drivers{place}", label)
    return Figure(charts.ranking_words(drivers), svg, drivers.text, grid=grid)


def _overview(evidence: Evidence, profiles: Sequence[LagProfile]) -> Figure:
    rows = [
        (
            arrow(profile.cause, profile.effect),
            _verdict(profile.verdict),
            {"+": "+", "-": "−", "?": "either way"}[profile.sign],
            "–" if profile.lag is None else str(profile.lag),
            _interval(profile),
            charts.unit_words(profile),
            _chance(profile.q_value),
            profile.grade,
            f"{profile.n_periods:,}" + (f" × {profile.n_units:,}" if profile.n_units > 1 else ""),
        )
        for profile in profiles
    ]
    period = PERIOD_WORD[evidence.ipo_map.cadence]
    sample = f"{period}s × units" if any(profile.n_units > 1 for profile in profiles) else f"{period}s"
    heads = ("link", "verdict", "claimed", f"lag, {period}s", "long-run effect (95 %)", "in", "q", "grade")
    if not rows:
        return Figure("", Markup(), "The map has no links.")
    chart = charts.evidence_chart(evidence)
    svg = _drawing(chart, "links", f"All links by size. {evidence.text}")
    return Figure("", svg, charts.title_of(chart)[1], grid=Grid("All links of the map", (*heads, sample), rows))


def _by_importance(study: Study) -> list[LagProfile]:
    """What is contradicted, then what is shown to move an outcome, the main one first; then as in the overview."""
    evidence = study.evidence
    goals = [study.outcome, *(m.name for m in study.ipo_map.metrics if m.stage == "outcome")]

    def rank(profile: LagProfile) -> tuple[bool, bool, int]:
        shown = profile.verdict in drawing.SHOWN
        goal = goals.index(profile.effect) if shown and profile.effect in goals else len(goals)
        return profile.verdict != "contradicted", not shown, goal

    sizes = drawing.effect_sizes(evidence)
    return sorted((evidence.profiles[row.cause, row.effect] for row in _rows(sizes)), key=rank)


def _profile(profile: LagProfile, place: int) -> Figure:
    """One link in words; drawn as well where it is shown and among the most important."""
    name = arrow(profile.cause, profile.effect)
    verdict = f"{SIGN[profile.verdict]} {drawing.VERDICTS[profile.verdict].words}"
    words = profile.text.removeprefix(f"{profile.cause} → {profile.effect} {verdict}: ")
    words = words[:1].upper() + words[1:]
    figure = Figure(name, Markup(), words, tag=f"{verdict}, grade {profile.grade}")
    if place >= DRAWN or profile.verdict not in drawing.SHOWN or profile.table.empty:
        return figure
    period = PERIOD_WORD[profile.cadence]
    rows = [(str(row.lag), _interval(row)) for row in _rows(profile.table)]
    grid = Grid(f"{name}, by lag", (f"{period}s after", charts.unit_words(profile)), rows)
    chart = charts.lag_profile_chart(profile).properties(width=380, height=170)
    svg = _drawing(chart, f"lag{place}", f"Effect at each lag. {profile.text}")
    return replace(figure, svg=svg, grid=grid)


def _teams(accountability: Accountability) -> Grid:
    heads = ("team", "judged on", "can move", "share", "its metrics", "moved by itself", "moved by others", "it moves")
    rows = [
        (
            row.team,
            str(row.judged_on),
            str(row.can_move),
            _share(row.share_moved),
            *(words or "–" for words in (row.metrics, row.moved_by_itself, row.others, row.moves)),
        )
        for row in _rows(accountability.table)
    ]
    return Grid("What each team is judged on, and what it can move", heads, rows)


def _findings(audit: Audit) -> Grid:
    rows = [
        (str(row.code).replace("_", " "), str(row.severity), row.message, row.mend) for row in _rows(audit.findings)
    ]
    return Grid("What is wrong with the map as drawn", ("kind", "severity", "finding", "what mends it"), rows)


def _series(study: Study) -> Figure:
    panel, ipo_map = study.panel, study.ipo_map
    units = {metric.name: metric.unit for metric in ipo_map.metrics if metric.name in panel.names}
    rows = [
        (
            row.metric,
            units[row.metric] or "–",
            *(f"{count:,}" for count in (row.n_periods, row.missing)),
            *(_number(value) for value in (row.low, row.mean, row.high)),
        )
        for row in _rows(panel.table)
        if row.metric in units
    ]
    if not rows:
        return Figure("There is no series of a metric of this map.", Markup())
    heads = ("metric", "unit", "periods", "missing", "lowest", "mean", "highest")
    chart = charts.series_chart(panel, list(units), units=units)
    finding, note = charts.title_of(chart)
    svg = _drawing(chart, "series", f"The series over time. {finding}.")
    return Figure(f"{finding}.", svg, note, grid=Grid("The series in numbers", heads, rows))


def _receipt(panel: Panel) -> Grid:
    rows = [(row.what, f"{row.count:,}", row.detail) for row in _rows(panel.receipt.table)]
    return Grid("What was decided in reading the series", ("decision", "count", "detail"), rows)


def _legend(meaning: dict[str, str], found: Sequence[str]) -> list[tuple[str, str, str]]:
    return [
        (_verdict(name) if name in SIGN else name, words, str(found.count(name))) for name, words in meaning.items()
    ]


def _grades(evidence: Evidence) -> list[str]:
    return [profile.grade for profile in evidence.profiles.values()]


def _definitions(ipo_map: IPOMap) -> Grid:
    heads = ("metric", "stage", "team", "unit", "better", "what it is")
    rows = [
        (metric.name, metric.stage, metric.team or "–", metric.unit or "–", metric.better or "–", _meant(metric))
        for metric in ipo_map.metrics
    ]  # fmt: skip
    return Grid("The metrics", heads, rows)


def _meant(metric: Metric) -> str:
    formula = f"= {metric.formula}" if metric.formula else ""
    serves = f"serves: {metric.objective}" if metric.objective else ""
    return "; ".join(filter(None, (metric.definition, formula, serves))) or "–"


def _software() -> list[tuple[str, str]]:
    return [*((name, installed(name)) for name in SOFTWARE), ("Python", platform.python_version())]


def installed(name: str) -> str:
    """The version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
