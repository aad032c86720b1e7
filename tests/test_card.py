"""The error card: the default test keeps its bounds, broken ones do not, and README shows what was measured."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ipo_nb as ipo
from ipo_nb.bootstrap import sup_t
from ipo_nb.card import COLUMNS, LONG, MAP, OF_MAPS, SHORT, Answer, Plan, default_test, error_card, write_card
from ipo_nb.filters import deterministic, lagged
from ipo_nb.regression import orthonormal
from ipo_nb.shapes import network

README = Path(__file__).parent.parent / "README.md"
PAIRS = replace(SHORT, draws=20, networks=0)


ANSWERS = {}


def judged(cause, effect, cadence):
    """The default test, each pair judged once for all tests."""
    key = cause.tobytes(), effect.tobytes(), cadence
    if key not in ANSWERS:
        ANSWERS[key] = default_test(cause, effect, cadence)
    return ANSWERS[key]


@cache
def measured():
    return error_card(PAIRS, method=judged)


def best_lag_correlation(cause, effect, cadence):
    """The usual workflow: the largest correlation over the lags, its p-value as if no other lag had been looked at."""
    found = {lag: np.corrcoef(cause[:-lag], effect[lag:])[0, 1] for lag in range(1, 9)}
    lag, r = max(found.items(), key=lambda item: abs(item[1]))
    t, slope = r * math.sqrt((cause.size - lag - 2) / (1 - r * r)), r * effect.std() / cause.std()
    return Answer(math.erfc(abs(t) / math.sqrt(2)), lag, slope - abs(1.96 * slope / t), slope + abs(1.96 * slope / t))


def without_filter(cause, effect, cadence):
    """The bootstrap of the default test, but nobody took off what the series remember of themselves."""
    basis = orthonormal(deterministic(cause.size, season=52, pairs=1).T[8:])
    candidates = np.array([lagged(cause, lag)[8:] for lag in range(1, 9)]).T
    found = sup_t(effect[8:], candidates, basis, draws=99)
    best = int(np.argmax(np.abs(found.t)))
    half = found.critical * found.errors[best]
    return Answer(found.p_value, best + 1, found.estimates[best] - half, found.estimates[best] + half)


def says_nothing(cause, effect, cadence):
    return Answer(1.0, None, -np.inf, np.inf)


def too_sure(cause, effect, cadence):
    answer = judged(cause, effect, cadence)
    middle, half = (answer.low + answer.high) / 2, (answer.high - answer.low) / 2
    return answer._replace(low=middle - half / 3, high=middle + half / 3)


def one_late(cause, effect, cadence):
    answer = judged(cause, effect, cadence)
    return answer._replace(lag=(answer.lag or 0) + 1)


def test_the_default_test_keeps_every_bound():
    card = measured()
    assert card.missed.empty, card.missed.to_string()
    assert list(card.table.columns) == COLUMNS


@pytest.mark.parametrize("broken", [best_lag_correlation, without_filter])
def test_a_test_that_is_deceived_by_memory_fails_the_bounds(broken):
    missed = error_card(PAIRS, method=broken).missed
    deceived = missed[missed["question"] == "false links at 5 %"]
    assert {"random walk", "AR(.9)", "all shapes together"} <= set(deceived["shape"])


@pytest.mark.parametrize(
    ("broken", "question"),
    [
        (says_nothing, "power, partial R² 0.2"),
        (one_late, "right lag among hits"),
        (too_sure, "long-run interval covers"),
    ],
)
def test_a_blind_a_late_and_a_boastful_test_fail_the_bounds(broken, question):
    missed = error_card(PAIRS, method=broken).missed
    assert question in set(missed["question"])


def test_the_card_is_the_same_in_one_process_or_two_and_a_longer_one_goes_on_from_it():
    plan = Plan(draws=3, networks=0)
    one, two = (error_card(plan, method=best_lag_correlation, n_jobs=n_jobs).table for n_jobs in (1, 2))
    assert one.equals(two)
    longer = error_card(replace(plan, draws=4), method=best_lag_correlation).table
    more = longer["measured"] * 4 - one["measured"] * 3  # the fourth draw alone: a hit or none
    single = (one["question"] == "false links at 5 %") & (one["shape"] != "all shapes together")
    assert more[single].round(9).isin([0, 1]).all()


def test_claims_on_maps_are_counted_against_what_is_true(monkeypatch):
    def oracle(ipo_map, panel):
        made = next(made for made in maps if made.values[0, 0] == panel.values.iloc[0, 0])
        ends = [(made.names[a], made.names[b]) for a, b in made.candidates]
        careful = len(ipo_map.links) > 200
        named = made.true if careful else made.true | made.confounded
        shown = [SimpleNamespace(is_shown=bool(is_named), p_value=0.0) for is_named in named]
        claims = [one for one in shown if one.is_shown] + [shown[0]] * len(made.feeds) * careful
        return SimpleNamespace(profiles=dict(zip(ends, shown, strict=True)), shown=claims)

    maps = [network(0), network(1)]
    monkeypatch.setattr("ipo_nb.card.weigh_links", oracle)
    card = error_card(Plan(draws=1, networks=2), method=says_nothing)
    rows = card.table[card.table["question"] == MAP]
    false = np.mean([made.confounded.sum() / (made.confounded.sum() + 12) for made in maps])
    assert rows["measured"].tolist() == pytest.approx([false, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    assert f"On 2 maps of 200 links, 12 true, {false:.0%} of the claims are false and 100% of the true" in card.text


def test_the_table_in_markdown_has_a_row_for_each_question_and_shape():
    card = measured()
    lines = card.markdown().splitlines()
    pairs = card.table.groupby(["question", "shape"], sort=False).ngroups
    assert len(lines) == 4 + card.table["question"].nunique() + pairs
    assert {line.count("|") for line in lines[:-2]} == {4}
    assert "| all shapes together | " in card.markdown()
    assert "unrelated pairs in 12 shapes" in card.text


def test_a_card_is_written_between_its_marks_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Mine\n\n<!-- card -->\nlast year's\n<!-- /card -->\n\nThe end.\n", "utf-8")
    for _ in range(2):
        write_card(measured(), page)
    text = page.read_text("utf-8")
    assert text.startswith("# Mine\n\n<!-- card -->\nOf ")
    assert text.endswith("by less.\n<!-- /card -->\n\nThe end.\n")
    assert "last year's" not in text
    (tmp_path / "foreign.md").write_text("# Not for cards\n", "utf-8")
    with pytest.raises(ipo.BadOption, match="no place for a card"):
        write_card(measured(), tmp_path / "foreign.md")
    assert write_card(measured(), tmp_path / "new.md").read_text("utf-8").count("<!-- card -->") == 1


def readme_rows():
    """(question, shape) of each row of README's card, with its cells."""
    text = README.read_text("utf-8").partition("<!-- card -->")[2].partition("<!-- /card -->")[0]
    rows, question = {}, ""
    for line in re.findall(r"^\| (.*) \|$", text, re.MULTILINE):
        first, *cells = [cell.strip() for cell in f"{line} ".split("|")]
        if first.startswith("**"):
            question = first.strip("*")
        elif question:
            rows[question, first] = cells
    return rows


def test_readme_shows_the_rows_that_the_long_card_makes():
    planned = error_card(replace(LONG, draws=1, networks=0), method=says_nothing).table
    pairs = list(dict.fromkeys(zip(planned["question"], planned["shape"], strict=True)))
    assert list(readme_rows()) == [*pairs, *((MAP, what) for what in OF_MAPS)]


def test_readme_shows_what_the_short_card_finds_again():
    rows = readme_rows()
    now = measured().table
    for row in now[now["shape"] == "all shapes together"].itertuples():
        column = LONG.null_periods.index(row.periods)
        told = float(rows[row.question, row.shape][column].split()[0])
        assert abs(told - row.measured) < 3.3 * (told * (1 - told) / row.draws) ** 0.5


def test_a_plan_without_draws_is_refused():
    with pytest.raises(ipo.BadOption, match="A card needs draws"):
        Plan(draws=0, networks=0)
