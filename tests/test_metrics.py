"""Metrics refuse what cannot stand, names are the same if people would say so, formulas are arithmetic only."""

from __future__ import annotations

import math
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipo_nb.errors import InventoryError, UnknownMetric
from ipo_nb.metrics import (
    Formula,
    Inventory,
    Metric,
    finite_number,
    name_key,
    text_fault,
    whole_number,
)


def test_names_that_differ_by_case_space_or_unicode_form_are_the_same() -> None:
    assert name_key("Café  WAIT") == name_key(unicodedata.normalize("NFD", " café wait ")) == "café wait"
    assert name_key("Straße") == name_key("STRASSE")


@given(st.text())
def test_the_key_of_a_key_is_the_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(f" {name}\n") == name_key(name)


def test_a_metric_needs_a_name_and_a_stage_and_no_more() -> None:
    metric = Metric(" Wait\nminutes ", "process")
    assert metric.to_dict() == {"name": "Wait minutes", "stage": "process"}
    assert Metric("a", "input", team=None).team == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("name", "", "empty"),
        ("name", "\u200b", "empty"),
        ("name", "x" * 5_001, "5,001 characters"),
        ("name", "a\x07b", r"U\+0007"),
        ("name", 7, "not text"),
        ("stage", "proces", "Did you mean 'process'"),
        ("stage", None, "input, process or outcome"),
        ("better", "higer", "Did you mean 'higher'"),
        ("cadence", "weekli", "Did you mean 'weekly'"),
        ("aggregate", "avg", "sum, mean or last"),
        ("controllable", 4, "from 0"),
        ("controllable", True, "from 0"),
        ("window", 1, "2 or more"),
        ("window", 2.5, "2 or more"),
        ("target", math.inf, "finite"),
        ("target", 10**400, "finite"),
        ("target", "95", "finite"),
        ("team", ["Support"], "not text"),
    ],
)
def test_a_value_that_cannot_stand_is_refused_in_words(column: str, value: object, words: str) -> None:
    row = {"name": "Wait", "stage": "process"} | {column: value}
    with pytest.raises(InventoryError, match=words) as caught:
        Metric(**row)  # type: ignore[arg-type]
    assert (caught.value.column, caught.value.value) == (column, value)
    assert caught.value.expected
    assert caught.value.fix


def test_all_faults_of_a_row_are_told_with_their_place() -> None:
    with pytest.raises(InventoryError) as caught:
        Metric.from_dict({"name": "", "stage": "x", "target": "y"}, file="inventory.csv", line=7)
    assert [(fault.file, fault.line, fault.column) for fault in caught.value.faults] == [
        ("inventory.csv", 7, column) for column in ("name", "stage", "target")
    ]


def test_long_names_and_long_definitions_are_kept() -> None:
    metric = Metric("x" * 5_000, "input", definition="line\n" * 1_000)
    assert len(metric.name) == 5_000
    assert metric.definition.count("\n") == 1_000


def test_numbers_are_kept_in_one_type() -> None:
    metric = Metric("a", "input", controllable=2.0, window=4.0, target=3)  # type: ignore[arg-type]
    assert [type(value) for value in (metric.controllable, metric.window, metric.target)] == [int, int, float]


@pytest.mark.parametrize("value", [True, "1", None, math.nan])
def test_what_is_no_number_is_not_taken_for_one(value: object) -> None:
    assert not whole_number(value)
    assert not finite_number(value)


def test_text_of_several_lines_is_asked_for() -> None:
    assert text_fault("a\nb")
    assert not text_fault("a\nb", lines=True)


def test_a_row_gives_what_is_known_and_keeps_the_rest() -> None:
    row = {"name": "a", "stage": "input", "target": math.nan, "window": pd.NA, "colour": "blue", 3: "x"}
    assert Metric.from_dict(row) == Metric("a", "input", extra={"colour": "blue", "3": "x"})


# ---- the inventory ----


def test_an_inventory_finds_metrics_by_any_spelling() -> None:
    inventory = Inventory.of([Metric("Wait minutes", "process", team="Support"), Metric("Calls", "input")])
    assert inventory["wait  MINUTES"].team == "Support"
    assert "calls" in inventory
    assert (len(inventory), inventory.names) == (2, ("Wait minutes", "Calls"))
    assert inventory.text == "2 metrics of 1 team: 1 input, 1 process, 0 outcomes."
    with pytest.raises(UnknownMetric, match="Did you mean 'Wait minutes'"):
        inventory["Wait minuts"]


def test_namesakes_and_faults_are_told_all_at_once() -> None:
    rows = [{"name": "A", "stage": "input"}, {"name": "a ", "stage": "input"}, {"name": "b"}, "c"]
    with pytest.raises(InventoryError) as caught:
        Inventory.of(rows)  # type: ignore[arg-type]
    assert len(caught.value.faults) == 3
    assert "'a' and 'A' are the same name" in str(caught.value)


def test_the_table_makes_the_inventory_again() -> None:
    inventory = Inventory.of([Metric("a", "input", target=2, window=3, controllable=1), Metric("b", "outcome")])
    again = Inventory.of(inventory.table.to_dict("records"))
    assert again.metrics == inventory.metrics
    assert Inventory.of(inventory.to_dict()["metrics"]).metrics == inventory.metrics
    assert list(inventory.table["controllable"].isna()) == [False, True]


def test_an_empty_inventory_is_one() -> None:
    assert Inventory.of([]).text == "0 metrics of 0 teams: 0 inputs, 0 processes, 0 outcomes."
    assert Inventory.of([]).table.empty


# ---- formulas ----

NUMBERS = {"a": pd.Series([6.0, 1.0]), "a b": pd.Series([2.0, 0.0]), "C/D": pd.Series([1.0, 4.0])}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a - a b", [4, 1]),
        ("1 - A B / a", [2 / 3, 1]),
        ("a / a b", [3, math.nan]),
        ("-(a − 2) × c/d", [-4, 4]),
        ("2 * -a + .5e1", [-7, 3]),
        ("007. * a / 1e999 + 010", [10, 10]),
        ("a / a b / 2", [1.5, math.nan]),
        ("a - 1 - 1", [4, -1]),
        ("a / 0", [math.nan, math.nan]),
        ("((((a))))", [6, 1]),
    ],
)
def test_a_formula_is_worked_out_by_the_rules_of_arithmetic(text: str, values: list[float]) -> None:
    result = Formula.parse(text, list(NUMBERS)).evaluate(NUMBERS)
    pd.testing.assert_series_equal(result, pd.Series(values, dtype=float), check_names=False)


def test_the_longest_known_name_wins() -> None:
    assert Formula.parse("a b + a", list(NUMBERS)).names == ("a b", "a")
    assert Formula.parse("c/d", ["c", "d", "C/D"]).names == ("C/D",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("a +", "ends too early"),
        ("(a", "ends too early"),
        ("a)", "not opened"),
        ("* a", "nothing stands before"),
        ("a a b", "no sign stands before"),
        ("2 a", "no sign stands before"),
        ("answred / a", "Did you mean 'answered'"),
        ("__import__('os').system('x')", "no metric"),
        ("a ** 2", "nothing stands before"),
        ("(" * 600, "more than 500"),
        ("ab", "no metric"),
        ("1 + 1", "names no metric"),
    ],
)
def test_a_formula_that_is_not_arithmetic_is_refused(text: str, words: str) -> None:
    with pytest.raises(InventoryError, match=words):
        Formula.parse(text, ["a", "a b", "answered"])


@given(st.text(alphabet="ab 12.+-*/()e", max_size=30))
def test_any_formula_is_understood_or_refused(text: str) -> None:
    try:
        formula = Formula.parse(text, list(NUMBERS))
    except InventoryError:
        return
    assert len(formula.evaluate(NUMBERS | {"a b": pd.Series([2.0, 3.0])})) == 2


def test_a_formula_asks_for_the_columns_that_it_needs() -> None:
    with pytest.raises(UnknownMetric):
        Formula.parse("a - a b", ["a", "a b"]).evaluate({"a": NUMBERS["a"]})
    inventory = Inventory.of([Metric("a", "input"), Metric("b", "outcome", formula="a * 2")])
    formula = inventory.formula("b")
    assert formula is not None
    assert formula.names == ("a",)
    assert inventory.formula("a") is None
