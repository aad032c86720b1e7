"""Arithmetic found in the data: a metric that others make up, to rounding, is never regressed on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ipo_nb.regression import Array

__all__ = ["found_identity", "half_decimal"]

Form = Callable[[Array, Array], Array]

ALONE: list[tuple[str, Form]] = [
    ("1 - {a}", lambda x, _: 1 - x),
    ("100 - {a}", lambda x, _: 100 - x),
    ("100 * {a}", lambda x, _: 100 * x),
    ("{a} / 100", lambda x, _: x / 100),
    ("60 * {a}", lambda x, _: 60 * x),
    ("{a} / 60", lambda x, _: x / 60),
    ("1000 * {a}", lambda x, _: 1000 * x),
    ("{a} / 1000", lambda x, _: x / 1000),
]
TOGETHER: list[tuple[str, Form]] = [
    ("{a} + {b}", lambda x, z: x + z),
    ("{a} - {b}", lambda x, z: x - z),
    ("{b} - {a}", lambda x, z: z - x),
    ("{a} * {b}", lambda x, z: x * z),
    ("{a} / {b}", lambda x, z: x / z),
    ("{b} / {a}", lambda x, z: z / x),
    ("100 * {a} / {b}", lambda x, z: 100 * x / z),
    ("100 * {b} / {a}", lambda x, z: 100 * z / x),
    ("1 - {a} / {b}", lambda x, z: 1 - x / z),
    ("1 - {b} / {a}", lambda x, z: 1 - z / x),
]
NEEDED = 20  # rows that have to agree


def found_identity(cause: str, effect: str, metrics: Mapping[str, tuple[Array, float]]) -> str:
    """The identity that makes one of two metrics out of the other, alone or with a third one; "" where there is none.

    Parameters
    ----------
    metrics : for each metric its values (n,) on common rows, gaps NaN, and half a unit of its last decimal.

    Examples
    --------
    >>> a, b = np.arange(1.0, 40.0), np.arange(40.0, 79.0) ** 2
    >>> found_identity("a", "total", {"a": (a, 0.0), "b": (b, 0.0), "total": (a + b, 0.0)})
    'total = a + b'
    """
    others = [name for name in metrics if name not in (cause, effect)]
    for made, part in ((effect, cause), (cause, effect)):
        (y, y_half), (x, x_half) = metrics[made], metrics[part]
        for name in ["", *others]:
            z, z_half = metrics[name] if name else (np.zeros_like(x), 0.0)
            use = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(z))
            if use.size < NEEDED:
                continue
            few = use[:: use.size // 12]  # a dozen rows rule out almost everything
            for words, form in TOGETHER if name else ALONE:
                if all(_fits((y, x, z), rows, form, (y_half, x_half, z_half)) for rows in (few, use)):
                    return f"{made} = {words.format(a=part, b=name)}"
    return ""


def _fits(
    values: tuple[Array, Array, Array], rows: NDArray[np.intp], form: Form, halves: tuple[float, float, float]
) -> bool:
    """Whether y is the form of x and z up to what the rounding of all three leaves, which has to be little."""
    y, x, z = (column[rows] for column in values)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        made = form(x, z)
        rounded = np.abs(form(x + halves[1], z) - made) + np.abs(form(x, z + halves[2]) - made)
    known = np.isfinite(made) & np.isfinite(rounded)
    if known.sum() < 0.9 * rows.size:
        return False
    allowed = 1.05 * (halves[0] + rounded[known]) + 1e-9 * np.abs(y).max()
    return bool((np.abs(y - made)[known] <= allowed).all() and np.median(allowed) < 0.05 * np.ptp(y))


def half_decimal(values: Array) -> float:
    """Half a unit of the last decimal that the values show; 0 for whole numbers and for more than eight decimals."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0
    top = max(1.0, float(np.abs(known).max()))
    for decimals in range(9):
        if np.abs(known - np.round(known, decimals)).max() <= 1e-12 * top:
            return 0.0 if decimals == 0 else 0.5 * 10.0**-decimals
    return 0.0
