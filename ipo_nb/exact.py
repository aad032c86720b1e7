"""Least squares in numbers of 32 digits: for columns that sixteen digits cannot tell apart. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Long", "long_inverse", "long_qr"]

Array = NDArray[np.float64]
SPLIT = 134217729.0  # 2 ** 27 + 1: cuts a number into two halves of 26 bits


@dataclass(frozen=True, slots=True, eq=False)
class Long:
    """An array of numbers in two parts, `low` below the last digit of `high` (Dekker 1971, Numer. Math. 18)."""

    high: Array
    low: Array

    @classmethod
    def of(cls, values: Array) -> Long:
        """Plain numbers as they are."""
        return cls(values, np.zeros_like(values))

    def __getitem__(self, place: Any) -> Long:
        return Long(self.high[place], self.low[place])

    def __setitem__(self, place: Any, values: Long) -> None:
        self.high[place], self.low[place] = values.high, values.low

    def __neg__(self) -> Long:
        return Long(-self.high, -self.low)

    def __add__(self, other: Long) -> Long:
        total = _two_sum(self.high, other.high)
        return _two_sum(total.high, total.low + (self.low + other.low))

    def __sub__(self, other: Long) -> Long:
        return self + -other

    def __mul__(self, other: Long) -> Long:
        product, a, b = self.high * other.high, _halves(self.high), _halves(other.high)
        error = ((a.high * b.high - product) + a.high * b.low + a.low * b.high) + a.low * b.low
        return _two_sum(product, error + (self.high * other.low + self.low * other.high))

    def __truediv__(self, other: Long) -> Long:
        first = self.high / other.high
        return _two_sum(first, (self - Long.of(first) * other).high / other.high)

    def root(self) -> Long:
        """Square root; 0 of 0."""
        root = np.sqrt(self.high)
        rest = (self - Long.of(root) * Long.of(root)).high
        return _two_sum(root, rest / np.where(root > 0, 2 * root, 1.0))

    def sum(self) -> Long:
        """Over the last axis, by halves."""
        whole = self
        while (count := whole.high.shape[-1]) > 1:
            half = count // 2
            pairs, odd = whole[..., :half] + whole[..., half : 2 * half], whole[..., 2 * half :]
            whole = Long(np.concatenate([pairs.high, odd.high], -1), np.concatenate([pairs.low, odd.low], -1))
        return whole[..., 0] if count else Long.of(np.zeros(whole.high.shape[:-1]))


def _two_sum(a: Array, b: Array) -> Long:
    total = a + b
    part = total - a
    return Long(total, (a - (total - part)) + (b - part))


def _halves(a: Array) -> Long:
    shifted = SPLIT * a
    high = shifted - (shifted - a)
    return Long(high, a - high)


def long_qr(columns: Array, least: Array) -> tuple[Array, Long, Array, NDArray[np.bool_]]:
    """Columns (L, m + 1, n) as Q R by modified Gram-Schmidt, the last of them being the target (Bjorck 1967).

    Returns Q (L, m, n), R (L, m + 1, m + 1), what is left of the target (L, n), and which columns (L, m) are gone:
    left with no more than the length `least` (L, m) once cleared of those before them.
    """
    links, m, n = columns.shape[0], columns.shape[1] - 1, columns.shape[2]
    rest, r = Long.of(columns.copy()), Long.of(np.zeros((links, m + 1, m + 1)))
    q, gone = np.zeros((links, m, n)), np.zeros((links, m), dtype=bool)
    for j in range(m):
        length = (rest[:, j] * rest[:, j]).sum().root()
        gone[:, j] = ~(length.high > least[:, j])
        length[gone[:, j]] = Long.of(np.ones(gone[:, j].sum()))
        unit = rest[:, j] / length[:, None]
        unit[gone[:, j]] = Long.of(np.zeros((gone[:, j].sum(), n)))
        along = (rest[:, j + 1 :] * unit[:, None]).sum()
        rest[:, j + 1 :] = rest[:, j + 1 :] - along[:, :, None] * unit[:, None]
        q[:, j], r[:, j, j], r[:, j, j + 1 :] = unit.high, length, along
    return q, r, rest.high[:, -1], gone


def long_inverse(r: Long) -> Long:
    """Of upper triangles (L, k, k)."""
    links, k = r.high.shape[:2]
    inverse, one = Long.of(np.zeros((links, k, k))), Long.of(np.ones(links))
    for i in reversed(range(k)):
        below = Long(inverse.high.swapaxes(1, 2), inverse.low.swapaxes(1, 2))[:, i + 1 :, i + 1 :]
        inverse[:, i, i] = one / r[:, i, i]
        inverse[:, i, i + 1 :] = -(r[:, i, None, i + 1 :] * below).sum() / r[:, i, i, None]
    return inverse
