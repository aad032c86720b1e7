"""Arrays in, arrays out: batched least squares with robust errors. NumPy only, so that statsmodels can check it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TINY",
    "Array",
    "Fit",
    "false_discovery",
    "least_squares",
    "nested_bic",
    "orthonormal",
]

Array = NDArray[np.float64]

TINY = 1e-10  # what is left of a column, relative to its size, below which it counts as gone


@dataclass(frozen=True, slots=True)
class Fit:
    """Least squares of one regression.

    Attributes
    ----------
    coefficients : (k,) one per column; NaN for a column that the ones before it explain.
    covariance : (k, k) heteroskedasticity-robust (HC3), or by cluster (CR1).
    residuals : (n,)
    bic : n log(rss / n) + k log(n).
    df : degrees of freedom for t quantiles (n - k, or clusters - 1).
    """

    coefficients: Array
    covariance: Array
    residuals: Array
    bic: float
    df: int


def nested_bic(target: Array, design: Array, sizes: Sequence[int]) -> Array:
    """BIC of the regressions on the first `size` columns, all from one QR: tail sums of the rotated target."""
    scale = np.sqrt((design**2).sum(0))
    basis, triangle = np.linalg.qr(design / np.where(scale > 0, scale, 1.0))
    rotated = basis.T @ target
    rotated[np.abs(np.diag(triangle)) < TINY] = 0.0
    explained = np.concatenate([[0.0], np.cumsum(rotated**2)])
    n = target.size
    rss = np.maximum(target @ target - explained[list(sizes)], TINY**2 * (target @ target) + 1e-300)
    return np.asarray(n * np.log(rss / n) + np.array(sizes) * math.log(n), dtype=float)


def orthonormal(columns: Array) -> Array:
    """An orthonormal basis (n, r) of the columns (n, k), without those that the ones before explain."""
    scale = np.sqrt((columns**2).sum(0))
    kept = columns[:, scale > 0] / scale[scale > 0]
    if not kept.shape[1]:
        return np.empty((columns.shape[0], 0))
    basis, triangle = np.linalg.qr(kept)
    sound = np.abs(np.diag(triangle)) > TINY
    if not sound.all():
        basis = np.linalg.qr(kept[:, sound])[0]
    return basis


def least_squares(target: Array, design: Array, clusters: NDArray[np.intp] | None = None) -> Fit:
    """Ordinary least squares with HC3 errors (MacKinnon & White 1985), or CR1 errors by cluster.

    A column that the ones before it explain to 1e-10 gets the coefficient NaN and is left out.
    """
    n, k = design.shape
    scale = np.sqrt((design**2).sum(0))
    scaled = design / np.where(scale > 0, scale, 1.0)
    sound = np.flatnonzero(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))) > TINY)
    basis, triangle = np.linalg.qr(scaled[:, sound])
    inverse = np.linalg.inv(triangle)
    coefficients = np.full(k, np.nan)
    covariance = np.full((k, k), np.nan)
    solved = inverse @ (basis.T @ target)
    residuals = target - scaled[:, sound] @ solved
    if clusters is None:
        spread = basis * (residuals / np.maximum(1 - (basis**2).sum(1), TINY))[:, None]
        df = n - sound.size
    else:
        groups = int(clusters.max()) + 1
        spread = np.zeros((groups, sound.size))
        np.add.at(spread, clusters, basis * residuals[:, None])
        spread *= math.sqrt(groups / (groups - 1) * (n - 1) / (n - sound.size))
        df = groups - 1
    coefficients[sound] = solved / scale[sound]
    root = inverse @ spread.T
    covariance[np.ix_(sound, sound)] = (root @ root.T) / np.outer(scale[sound], scale[sound])
    rss = max(float(residuals @ residuals), 1e-300)
    return Fit(coefficients, covariance, residuals, n * math.log(rss / n) + sound.size * math.log(n), df)


def false_discovery(p_values: Array, *, any_dependence: bool = False) -> Array:
    """Benjamini-Hochberg q-values (Benjamini & Hochberg 1995) of p-values (k,); NaN stays NaN and does not count.

    With `any_dependence` those of Benjamini & Yekutieli (2001), which hold however the tests depend on each other.

    >>> false_discovery(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    known = np.flatnonzero(np.isfinite(p_values))
    q_values = np.full(len(p_values), np.nan)
    order = known[np.argsort(p_values[known], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    raised = p_values[order] * len(order) / ranks * ((1 / ranks).sum() if any_dependence else 1.0)
    q_values[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q_values
