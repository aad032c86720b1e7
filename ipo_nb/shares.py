"""How much each of several blocks of columns explains, and how surely they can be ranked. Arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipo_nb.errors import BadOption, NotEnoughData
from ipo_nb.regression import Array

__all__ = ["MOST_EXACT", "lmg", "tie_groups"]

MOST_EXACT = 16  # blocks: 65,536 sub-models, about 0.05 s
CELLS = 2**16  # sub-models times resamples held in memory at once
DEPENDENT = 1e-10  # squared length left of a unit column, below which it says nothing beside the others
SEED = 20240229


def lmg(
    outcome: Array, blocks: Mapping[str, Array], *, clusters: NDArray[Any] | None = None, resamples: int = 0
) -> Array:
    """What each block of columns adds to R2, averaged over all orders in which the blocks can enter.

    Each of the 2^P sub-models is swept out of the cross-products once; the average over the P! orders is then Shapley's
    formula over the sub-models, exact up to rounding (Lindeman, Merenda & Gold 1980, p. 119; Groemping 2006, J.
    Statistical Software 17(1)).

    Parameters
    ----------
    outcome : (n,).
    blocks : name -> (n, k) columns that enter together, such as the lags of one cause; at most 16 blocks.
    clusters : (n,) labels of rows that the bootstrap draws together, such as those of one unit; else each row alone.
    resamples : bootstrap samples, from a fixed seed.

    Returns
    -------
    (1 + resamples, P) contributions, the data first; a row adds up to the R2 of all blocks together.

    Raises
    ------
    BadOption : more than 16 blocks.
    NotEnoughData : not more rows than columns.

    Examples
    --------
    >>> x = np.array([[1.0, 0, -1, 0], [0, 1.0, 0, -1]]).T
    >>> lmg(x @ np.array([2.0, 1.0]), {"a": x[:, :1], "b": x[:, 1:]}).round(2).tolist()
    [[0.8, 0.2]]
    """
    n, widths = len(outcome), [block.shape[1] for block in blocks.values()]
    if len(widths) > MOST_EXACT:
        said = f"{len(widths)} drivers are too many for exact shares, since each subset of them is a model."
        mend = "Take the links that nobody believes in off the map."
        raise BadOption(said, value=len(widths), expected=f"at most {MOST_EXACT} drivers", fix=mend)
    if n <= sum(widths) + 1:
        said = f"{n} rows cannot carry {sum(widths)} columns."
        raise NotEnoughData(said, value=n, fix="Add periods, or narrow the lag windows.")
    if not widths:
        return np.zeros((1 + resamples, 0))
    design = _unit_columns(np.column_stack([*blocks.values(), outcome]))
    _, drawn = np.unique(np.arange(n) if clusters is None else clusters, return_inverse=True)
    chances = np.full(drawn.max() + 1, 1 / (drawn.max() + 1))
    draw, chunk = np.random.default_rng(SEED), max(1, min(128, CELLS >> len(widths)))
    parts = [_contributions(_crossed(design, np.ones((1, n))), widths)]
    for first in range(0, resamples, chunk):
        counts = draw.multinomial(len(chances), chances, size=min(chunk, resamples - first))[:, drawn]
        parts.append(_contributions(_crossed(design, counts.astype(float)), widths))
    return np.concatenate(parts)


def _unit_columns(columns: Array) -> Array:
    """A constant, then the centred columns, each of length one (or nothing, if it never moves)."""
    centred = columns - columns[0]
    centred = centred - centred.mean(axis=0)
    for norm in (np.inf, 2):  # the largest value first, so that no square overflows or vanishes
        length = np.linalg.norm(centred, norm, axis=0)
        centred = centred / np.where(length > 0, length, 1.0)
    return np.hstack([np.full((len(columns), 1), 1 / math.sqrt(len(columns))), centred])


def _crossed(design: Array, counts: Array) -> Array:
    """Cross-products of each resample with its means taken out: (resamples, columns, columns)."""
    return _without_first(np.matmul(design.T * counts[:, None, :], design))


def _without_first(crossed: Array) -> Array:
    """Cross-products of what is left of the other columns once the first is taken out of them."""
    pivot, row = crossed[..., 0, 0], crossed[..., 0, 1:]
    known = pivot > DEPENDENT
    scale = np.where(known, 1 / np.where(known, pivot, 1.0), 0.0)
    rest: Array = crossed[..., 1:, 1:] - row[..., :, None] * (row * scale[..., None])[..., None, :]
    return rest


def _contributions(crossed: Array, widths: Sequence[int]) -> Array:
    """Shapley's average for each resample, (resamples, P), from cross-products with the outcome last."""
    left = crossed[None]  # bit p of the first index says whether block p is in the model
    for width in widths:
        inside = left
        for _ in range(width):
            inside = _without_first(inside)
        left = np.concatenate([left[..., width:, width:], inside])
    total = left[0, :, 0, 0]
    unexplained = left[..., 0, 0] / np.where(total > 0, total, 1.0)
    players = len(widths)
    bits = np.arange(2 ** (players - 1))[:, None] >> np.arange(players) & 1
    by_size = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    weight = by_size[bits.sum(axis=1)]
    halves = [unexplained.reshape(2 ** (players - 1 - p), 2, 2**p, -1) for p in range(players)]
    return np.stack([weight @ (h[:, 0] - h[:, 1]).reshape(len(weight), -1) for h in halves], axis=1)


def tie_groups(shares: Array) -> list[int]:
    """1, 2, 3, ... for blocks in falling order, from (1 + resamples, P) shares, the data first.

    A new group starts only where all before it can be told from all after it: a later group is surely behind.
    """
    drawn, count = shares[1:], range(shares.shape[1])
    ahead = np.array([[np.quantile(drawn[:, i] - drawn[:, j], 0.025) > 0 for j in count] for i in count])
    starts = [rank > 0 and bool(ahead[:rank, rank:].all()) for rank in count]
    return [1 + group for group in np.cumsum(starts).tolist()]
