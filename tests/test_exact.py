"""Numbers of 32 digits: as exact as fractions, whatever they are made of."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ipo_nb.exact import Long, long_inverse, long_qr

whole = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


def as_fraction(value):
    return Fraction(float(value.high)) + Fraction(float(value.low))


def long(*values):
    return Long.of(np.array(values))


@given(whole, whole, whole.filter(bool))
def test_long_numbers_are_right_to_thirty_digits(a, b, c):
    x, y, z = (Fraction(value) for value in (a, b, c))
    size = max(abs(x * y), abs(x), abs(y), Fraction(1, 10**18))
    close = Fraction(1, 10**30)
    assert abs(as_fraction((long(a) * long(b) + long(c))[0]) - (x * y + z)) <= close * (size + abs(z))
    assert abs(as_fraction((long(a) / long(c))[0]) - x / z) <= close * abs(x / z)
    root = as_fraction((long(abs(a)) * long(abs(a)) + long(abs(b))).root()[0])
    assert abs(root**2 - (x * x + abs(y))) <= 4 * close * (x * x + abs(y))


@given(st.lists(whole, max_size=40))
def test_a_long_sum_equals_the_sum_of_fractions(values):
    total = as_fraction(Long.of(np.array(values)).sum())
    size = sum((abs(Fraction(value)) for value in values), Fraction(1, 10**9))
    assert abs(total - sum(Fraction(value) for value in values)) <= size / 10**29


def test_columns_apart_by_a_hundred_millionth_are_told_apart_to_sixteen_digits():
    x = np.random.default_rng(1).normal(size=(1, 4, 30))
    x[0, 1] = x[0, 0] + 1e-8 * np.round(x[0, 1], 3)
    q, r, rest, gone = long_qr(x, np.zeros((1, 3)))
    np.testing.assert_allclose(q[0] @ q[0].T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose((q[0].T @ r.high[0, :3, :3]).T, x[0, :3], atol=1e-15)
    inverse = long_inverse(r[:, :3, :3])
    unit = (r[:, :3, None, :3] * Long(inverse.high.swapaxes(1, 2), inverse.low.swapaxes(1, 2))[:, None]).sum()
    np.testing.assert_allclose(unit.high[0], np.eye(3), atol=1e-20)
    assert math.isclose(np.square(rest).sum(), np.square(x[0, 3]).sum() - np.square(q[0] @ x[0, 3]).sum())
    assert not gone.any()
