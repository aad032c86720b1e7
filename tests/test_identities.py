"""Arithmetic is found in the data, to rounding, and nothing else is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipo_nb.identities import find_identities, found_identity, half_decimal

RNG = np.random.default_rng(5)
A, B, C = (np.round(RNG.normal(mean, sd, 80), 1) for mean, sd in ((50, 5), (20, 3), (90, 9)))


def table(**columns):
    return {name: (values, half_decimal(values)) for name, values in columns.items()}


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("y = a + b", A + B),
        ("y = a - b", A - B),
        ("y = b - a", B - A),
        ("y = a * b", np.round(A * B, 0)),
        ("y = a / b", np.round(A / B, 3)),
        ("y = b / a", np.round(B / A, 4)),
        ("y = 100 * b / a", np.round(100 * B / A, 1)),
        ("y = 1 - b / a", np.round(1 - B / A, 3)),
        ("y = 100 - a", 100 - A),
        ("y = a / 60", np.round(A / 60, 4)),
    ],
)
def test_arithmetic_is_found_and_named(words, made):
    identities = find_identities(table(a=A, b=B, c=C, y=made), [("a", "y")])
    assert found_identity("a", "y", identities) == words
    assert found_identity("y", "a", identities)  # the other way round it may be said the other way round: a = y - b


def test_a_sum_of_three_is_found_from_each_of_its_parts():
    identities = find_identities(table(a=A, b=B, c=C, y=np.round(A + B + C, 1)))
    assert found_identity("a", "y", identities) == "y = a + b + c"
    assert {part for made, part in identities if made == "y"} == {"a", "b", "c"}


def test_a_gap_in_the_row_that_is_tried_first_hides_nothing():
    y = A + B
    for row in range(0, 60, 7):
        a, made = A.copy(), y.copy()
        a[row : row + 3], made[:row] = np.nan, np.nan
        identities = find_identities(table(a=a, b=B, y=made), [("b", "y")])
        assert bool(identities) == (np.isfinite(a + made).sum() >= 20)


def test_one_row_that_differs_is_no_identity():
    y = A + B
    y[17] += 0.3
    assert not find_identities(table(a=A, b=B, y=y))


def test_coarse_rounding_is_no_identity():
    """Values rounded until they hardly move agree with anything."""
    assert not find_identities(table(a=A, b=np.full(80, 0.0), y=np.round(A / 1000, 2)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_unrelated_metrics_are_never_called_arithmetic(seed, decimals):
    rng = np.random.default_rng(seed)
    columns = {f"m{k}": np.round(rng.normal(10, 3, 60), decimals) for k in range(8)}
    columns |= {f"c{k}": rng.poisson(3, 60).astype(float) for k in range(4)}
    assert not find_identities(table(**columns))


def test_the_pairs_asked_about_get_the_answers_that_all_pairs_get():
    rng = np.random.default_rng(1)
    columns = {f"m{k}": np.round(rng.normal(100, 10, 60), 1) for k in range(7)}
    columns |= {"s": columns["m0"] + columns["m1"], "r": np.round(columns["m2"] / columns["m3"], 4)}
    whole = find_identities(table(**columns))
    for pair in [("m0", "s"), ("r", "m3"), ("m4", "m5"), ("m1", "m0")]:
        alone = find_identities(table(**columns), [pair])
        assert found_identity(*pair, alone) == found_identity(*pair, whole)
    assert found_identity("m4", "m5", whole) == ""


def test_numbers_at_the_end_of_the_scale_are_not_arithmetic_and_raise_nothing():
    huge = np.where(RNG.random(80) < 0.5, 1e308, -1e308)
    columns = table(huge=huge, tiny=A * 1e-300, zero=np.zeros(80), none=np.full(80, np.nan), a=A)
    assert not find_identities(columns)
    assert find_identities({}) == {}


@pytest.mark.parametrize(("values", "half"), [([1.0, 2.5], 0.05), ([3.0, 4.0], 0.0), ([0.125, np.nan], 0.0005)])
def test_the_last_decimal_is_read_off_the_values(values, half):
    assert half_decimal(np.array(values)) == pytest.approx(half)
