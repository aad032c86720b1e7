"""What is odd is asked about in words, offered as terms, and left as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.oddities import COLUMNS, Oddities, find_oddities, term_columns

WEEKS = pd.period_range("2022-01-03", periods=160, freq="W-SUN", name="period")
MONTHS = pd.period_range("2019-01", periods=72, freq="M", name="period")


def noise(seed, n=160, own=0.4):
    values = np.random.default_rng(seed).normal(size=n)
    for t in range(1, n):
        values[t] += own * values[t - 1]
    return values


def asked(columns, calendar=WEEKS, **metric) -> Oddities:
    return find_oddities(ipo.Panel.of(pd.DataFrame(columns, index=calendar[: len(next(iter(columns.values())))])))


def kinds(oddities):
    return set(zip(oddities.table["metric"], oddities.table["kind"], strict=True))


def test_a_step_is_a_question_and_a_term():
    wait = np.round(10 + noise(1) + np.where(np.arange(160) < 100, 0.0, 6.0), 2)
    oddities = asked({"Wait": wait})
    [row] = oddities.table.itertuples()
    assert (row.kind, row.period, row.unit) == ("level_step", WEEKS[100], "")
    assert "Wait stepped up by" in row.what
    assert "in the week of 2023-12-04 and stayed there" in row.what
    assert "terms={'Wait': [('step', '2023-12-04')]}" in row.what
    assert oddities.terms == {"Wait": [("step", "2023-12-04")]}
    assert 4 < row.size < 8


def test_an_event_held_constant_by_its_term_is_gone():
    values = noise(2) + np.where(np.arange(160) == 77, -15.0, 0.0)
    oddities = asked({"Calls": values})
    assert kinds(oddities) == {("Calls", "event")}
    [column] = term_columns(oddities.terms["Calls"], WEEKS)
    assert column.nonzero()[0].tolist() == [77]
    size = oddities.table["size"][0]
    assert kinds(asked({"Calls": values - size * column})) == set()


def test_the_table_and_text_have_the_faces_of_every_result():
    oddities = asked({"a": noise(1), "b": noise(2)})
    assert list(oddities.table.columns) == COLUMNS
    assert oddities.terms == {}
    assert oddities.text.startswith("Nothing odd was found. Metrics searched for steps and events: 2.")
    assert oddities.to_dict()["table"] == []
    assert "<table>" in oddities._repr_html_()


def test_what_the_values_alone_say_is_told():
    rng = np.random.default_rng(3)
    columns = {
        "still": np.full(160, 5.0),
        "empty": np.full(160, np.nan),
        "rare": rng.poisson(0.2, 160).astype(float),
        "grade": rng.integers(1, 4, 160).astype(float),
        "almost": np.where(np.arange(160) % 40 == 7, 3.0, 1.0),
        "share": np.where(np.arange(160) < 60, 0.85 + 0.03 * noise(4), 85 + 3 * noise(5)),
    }
    found = kinds(asked(columns))
    assert found >= {("still", "constant"), ("empty", "missing"), ("rare", "mostly_zero"), ("grade", "few_values")}
    assert found >= {("almost", "nearly_constant"), ("share", "mixed_units")}


def test_one_thing_measured_twice_is_asked_about():
    walk = np.cumsum(noise(6))
    columns = {"one": walk, "same": 40 - 3 * walk + 0.02 * noise(7), "other": np.cumsum(noise(8))}
    [row] = asked(columns).table.itertuples()
    assert (row.metric, row.other, row.kind) == ("one", "same", "near_copy")
    assert row.size < -0.98
    assert "one thing measured twice?" in row.what


def test_two_trends_are_no_copies():
    time = np.arange(160.0)
    assert kinds(asked({"a": time + noise(1), "b": 3 * time + noise(2)})) == set()


def test_a_rolling_year_is_found_unless_it_is_declared():
    sales = np.round(np.convolve(noise(9, n=83), np.ones(12), "valid"), 2)
    panel = ipo.Panel.of(pd.DataFrame({"Sales": sales}, index=MONTHS))
    [row] = find_oddities(panel).table.itertuples()
    assert (row.kind, row.size) == ("trailing_window", 12)
    assert "window: 12" in row.what
    known = ipo.IPOMap([{"name": "Sales", "stage": "outcome", "window": 12}], cadence="monthly")
    assert find_oddities(panel, known).table.empty


def test_arithmetic_is_asked_about_once_unless_it_is_declared():
    a, b = np.round(50 + 5 * noise(1), 1), np.round(20 + noise(2), 1)
    panel = ipo.Panel.of(pd.DataFrame({"a": a, "b": b, "all": a + b}, index=WEEKS))
    [row] = find_oddities(panel).table.itertuples()
    assert (row.metric, row.kind) == ("all", "identity")
    assert "all = a + b" in row.what
    metrics = [{"name": name, "stage": "process"} for name in "ab"]
    known = ipo.IPOMap([*metrics, {"name": "all", "stage": "process", "formula": "a + b"}], cadence="weekly")
    assert find_oddities(panel, known).table.empty


def units(columns):
    index = pd.MultiIndex.from_product([[f"site {k}" for k in range(len(columns))], MONTHS], names=["unit", "period"])
    return ipo.Panel.of(pd.DataFrame({"Wait": np.concatenate(columns)}, index=index))


def test_a_step_of_one_unit_is_told_with_its_unit_and_one_of_all_units_is_not():
    step = np.where(np.arange(72) < 40, 0.0, 9.0)
    alone = [noise(seed, n=72) + (step if seed == 3 else 0.0) for seed in range(8)]
    oddities = find_oddities(units(alone))
    assert oddities.terms == {"Wait": [("step", "2022-05", "site 3")]}
    assert "what most units do" in oddities.table["what"][0]
    assert find_oddities(units([noise(seed, n=72) + step for seed in range(8)])).terms == {}


def test_units_that_never_move_are_counted_in_one_row():
    oddities = find_oddities(units([noise(seed, n=72) if seed else np.full(72, 4.0) for seed in range(3)]))
    [row] = oddities.table.itertuples()
    assert (row.kind, row.unit, row.size) == ("constant", "", 1)
    assert "in 1 of 3 units (site 0)" in row.what


def test_terms_become_columns_on_the_calendar():
    columns = term_columns([("step", "2019-03"), ("event", MONTHS[4]), ("step", "2019-03")], MONTHS[:6])
    assert columns.tolist() == [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 0]]
    by_unit = term_columns([("event", "2019-02", "B"), ("step", "2019-03")], MONTHS[:3], ["A", "B"])
    assert by_unit.tolist() == [[[0, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 0, 1]]]
    assert term_columns([], MONTHS).shape == (0, 72)


@pytest.mark.parametrize(
    ("term", "words"),
    [
        (("jump", "2019-03"), "of the kind 'jump'.*step or event"),
        (("step", "2031-01"), "'2031-01' is not on the calendar.*from 2019-01 to 2024-12"),
        (("step", "soon"), "'soon' is not on the calendar"),
        (("event", "2019-03", "sight 1"), "no unit 'sight 1'.*Did you mean 'site 1'"),
    ],
)
def test_a_term_that_cannot_be_is_refused_in_words(term, words):
    with pytest.raises(ipo.BadOption, match=words):
        term_columns([term], MONTHS, ["site 1"])


def test_numbers_at_the_end_of_the_scale_raise_nothing():
    rng = np.random.default_rng(1)
    columns = {
        "huge": 1e308 * np.sign(rng.normal(size=90)),
        "wide": rng.normal(size=90) * 1e307,
        "tiny": rng.normal(size=90) * 1e-308,
        "far": 1e9 + rng.normal(size=90),
        "slip": np.r_[rng.normal(size=60), 1e12, rng.normal(size=29)],
        "line": np.arange(90.0),
        "one": np.r_[1.0, np.full(89, np.nan)],
    }
    found = kinds(asked(columns))
    assert ("slip", "event") in found
    assert ("far", "level_step") not in found
    for few in (1, 2, 13, 31):
        asked({name: values[:few] for name, values in columns.items()})


def test_looking_changes_nothing():
    panel = ipo.load_sample("gaming").panel
    before = panel.values.copy()
    find_oddities(panel)
    pd.testing.assert_frame_equal(panel.values, before)


@pytest.mark.parametrize("name", ["support", "gaming"])
def test_the_sample_cases_hold_what_their_maps_declare_and_nothing_odd(name):
    sample = ipo.load_sample(name)
    assert find_oddities(sample.panel, sample.ipo_map).table.empty
    assert not find_oddities(sample.panel).table.empty
