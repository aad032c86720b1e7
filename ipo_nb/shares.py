"""How much each of several blocks of columns explains, and how surely they can be ranked. Arrays in, arrays out.

Cross-products are packed: the rows of the upper triangle one below the other, with the outcome as the last column, and
side by side what is worked on at once, be it resamples, sub-models or orders of entry. So to drop the first columns is
to keep the tail, and to sweep them out is a few long products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipo_nb.errors import NotEnoughData
from ipo_nb.regression import Array

__all__ = ["MOST_EXACT", "lmg", "tie_groups"]

MOST_EXACT = 24  # blocks: 17 million sub-models, about 0.3 s for single columns
MOST_REDRAWN = 16  # blocks of which each resample, too, has all sub-models looked at
PART = 8  # blocks that enter in all orders together, where not all orders of all blocks are looked at
SPLITS, SPLITS_REDRAWN = 16, 8  # of all blocks into such parts, at random
WIDE = 2**13  # sub-models side by side: few enough that what is left of them stays in cache
NARROW = 2**12  # numbers below which a loop costs more than a gather
CELLS = 2**20  # counts held at once
DEPENDENT = 1e-10  # squared length left of a unit column, below which it says nothing beside the others
ROUNDING = 1e-14  # of R2, below which a contribution is none
SEED = 20240229

Places = NDArray[np.intp]  # of blocks, or of columns


def lmg(
    outcome: Array, blocks: Mapping[str, Array], *, clusters: NDArray[Any] | None = None, resamples: int = 0
) -> tuple[Array, Array]:
    """What each block of columns adds to R2, averaged over all orders in which the blocks can enter.

    Exact to 24 blocks: Shapley's formula over the 2^P sub-models (Lindeman, Merenda & Gold 1980, p. 119; Groemping
    2006, J. Statistical Software 17(1)). Above, orders are sampled: 16 times the blocks are split at random into parts
    of at most 8; parts enter in turn and in reverse, and within a part all orders count. Above 16 blocks, what a
    resample changes is averaged over 8 such splits, and added to the data's own contributions.

    Parameters
    ----------
    outcome : (n,).
    blocks : name -> (n, k) columns that enter together, such as the lags of one cause.
    clusters : (n,) labels of rows that the bootstrap draws together, such as those of one unit; else each row alone.
    resamples : bootstrap samples, from a fixed seed.

    Returns
    -------
    (1 + resamples, P) contributions, the data first; a row adds up to the R2 of all blocks together. And (P,) the
    standard errors of the data's contributions that come of sampling orders: 0 where these are exact.

    Raises
    ------
    NotEnoughData : not more rows than columns.

    Examples
    --------
    >>> x = np.array([[1.0, 0, -1, 0], [0, 1.0, 0, -1]]).T
    >>> gains, error = lmg(x @ np.array([2.0, 1.0]), {"a": x[:, :1], "b": x[:, 1:]})
    >>> gains.round(2).tolist(), error.tolist()
    ([[0.8, 0.2]], [0.0, 0.0])
    """
    widths = [block.shape[1] for block in blocks.values()]
    if len(outcome) <= sum(widths) + 1:
        said = f"{len(outcome)} rows cannot carry {sum(widths)} columns."
        raise NotEnoughData(said, value=len(outcome), fix="Add periods, or narrow the lag windows.")
    error = np.zeros(len(widths))
    if not widths:
        return np.zeros((1 + resamples, 0)), error
    crossed = _crossed(_unit_columns(np.column_stack([*blocks.values(), outcome])), clusters, resamples)
    if len(widths) <= MOST_REDRAWN:
        return _over_all_orders(crossed, widths), error
    if len(widths) <= MOST_EXACT:
        data = _over_all_orders(crossed[:, :1], widths)[0]
    else:
        by_split = _by_split(crossed[:, :1], widths, SPLITS)[..., 0]
        data, error = by_split.mean(axis=0), by_split.std(axis=0, ddof=1) / math.sqrt(SPLITS)
    if not resamples:
        return data[None], error
    redrawn = _by_split(crossed, widths, SPLITS_REDRAWN).mean(axis=0).T
    return data + (redrawn - redrawn[0]), error


def _unit_columns(columns: Array) -> Array:
    """A constant, then the centred columns, each of length one (or nothing, if it never moves)."""
    centred = columns - columns[0]
    centred = centred - centred.mean(axis=0)
    for norm in (np.inf, 2):  # the largest value first, so that no square overflows or vanishes
        length = np.linalg.norm(centred, norm, axis=0)
        centred = centred / np.where(length > 0, length, 1.0)
    return np.hstack([np.full((len(columns), 1), 1 / math.sqrt(len(columns))), centred])


def _crossed(design: Array, clusters: NDArray[Any] | None, resamples: int) -> Array:
    """Packed cross-products, (pairs, 1 + resamples), the data first: means taken out, the outcome of length one.

    A resample is how often each cluster was drawn: its cross-products are these counts times those of the clusters.
    """
    first, second = _upper(design.shape[1])
    parts = [(design.T @ design)[first, second][:, None]]
    if resamples:
        _, label = np.unique(np.arange(len(design)) if clusters is None else clusters, return_inverse=True)
        columns = np.ascontiguousarray(design.T)
        products = [np.bincount(label, columns[i] * columns[j]) for i, j in zip(first, second, strict=True)]
        parts += [np.array(products) @ counts.T for counts in _draws(label.max() + 1, resamples)]
    packed = _without_first(np.hstack(parts))
    scale = 1 / np.sqrt(np.where(packed[-1] > DEPENDENT, packed[-1], np.inf))  # one that does not move becomes nothing
    packed[np.cumsum(np.arange(design.shape[1] - 1, 0, -1)) - 1] *= scale
    packed[-1] *= scale
    return packed


def _draws(clusters: int, resamples: int) -> Iterator[Array]:
    """How often each cluster was drawn in each resample: (some resamples, clusters) at a time."""
    draw, chunk = np.random.default_rng(SEED), max(1, CELLS // clusters)
    for first in range(0, resamples, chunk):
        some = min(chunk, resamples - first)
        yield draw.multinomial(clusters, np.full(clusters, 1 / clusters), size=some).astype(float)


def _wide(packed: Array) -> int:
    """How many columns' cross-products these are."""
    return (math.isqrt(8 * len(packed) + 1) - 1) // 2


@cache
def _upper(wide: int) -> tuple[Places, Places]:
    """Row and column of each packed pair."""
    return np.triu_indices(wide)


def _without_first(packed: Array) -> Array:
    """Packed cross-products of what is left of the other columns once the first is taken out of them."""
    wide = _wide(packed)
    row, others = packed[1:wide], packed[wide:]
    scale = row / np.where(packed[0] > DEPENDENT, packed[0], np.inf)
    if packed.size < NARROW:
        first, second = _upper(wide - 1)
        return np.asarray(others - scale[first] * row[second])
    left, start = np.empty(others.shape), 0
    for k in range(wide - 1):
        end = start + wide - 1 - k
        part = left[start:end]
        np.multiply(scale[k], row[k:], part)
        np.subtract(others[start:end], part, part)
        start = end
    return left


def _over_all_orders(packed: Array, widths: Sequence[int]) -> Array:
    """Shapley's average of what each block adds, (m, P), from packed cross-products (pairs, m).

    With f(S) left unexplained by the blocks S, the averages of two blocks differ by the difference of their sums of
    f(S) / ((P - 1) C(P - 2, |S| - 1)) over the sub-models S that hold them; and all averages add up to R2.
    """
    count, left = len(widths), packed
    for _ in range(sum(widths)):
        left = _without_first(left)
    by_size = [0.0, *(1 / ((count - 1) * math.comb(count - 2, size)) for size in range(count - 1)), 0.0]
    sums = _summed(packed, widths, np.repeat(np.array(by_size)[:, None], packed.shape[1], axis=1))[1:]
    gains = ((packed[-1] - left[0] + sums.sum(axis=0)) / count - sums).T
    return np.where(gains > ROUNDING, gains, 0.0)


def _summed(packed: Array, widths: Sequence[int], weights: Array) -> Array:
    """Weighted sums of what sub-models leave unexplained, (1 + P, m): over all of them, over those with each block.

    Row k of `weights` (1 + P, m) is for sub-models of k of the blocks.
    """
    if not widths:
        return packed * weights
    inside, m = packed, packed.shape[1]
    for _ in range(widths[0]):
        inside = _without_first(inside)
    outside = packed[-len(inside) :]
    if 2 * m > WIDE:
        without, within = _summed(outside, widths[1:], weights[:-1]), _summed(inside, widths[1:], weights[1:])
    else:
        found = _summed(np.hstack([outside, inside]), widths[1:], np.hstack([weights[:-1], weights[1:]]))
        without, within = found[:, :m], found[:, m:]
    sums = np.empty((1 + len(widths), m))
    np.add(without[0], within[0], out=sums[0])
    sums[1] = within[0]
    np.add(without[1:], within[1:], out=sums[2:])
    return sums


def _by_split(packed: Array, widths: Sequence[int], splits: int) -> Array:
    """What each block adds, (splits, P, m), where random parts of the blocks enter in turn and in reverse."""
    draw, count = np.random.default_rng(SEED), len(widths)
    found = np.zeros((splits, count, packed.shape[1]))
    for gains in found:
        parts = np.array_split(draw.permutation(count), math.ceil(count / PART))
        turns = [parts[k:] + parts[:k] for k in range(len(parts))]
        for order in turns + [turn[::-1] for turn in turns]:
            for part, added in _entering(packed, widths, order):
                gains[part] += added / (2 * len(turns))
    return found


def _entering(packed: Array, widths: Sequence[int], order: Sequence[Places]) -> Iterator[tuple[Places, Array]]:
    """Each part of the blocks, as it enters after those before it, with what each of its blocks adds: (blocks, m)."""
    columns = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
    left = _chosen(packed, np.concatenate([*(columns[block] for part in order for block in part), [sum(widths)]]))
    for part in order:
        within = [widths[block] for block in part]
        alone = _chosen(left, np.append(np.arange(sum(within)), _wide(left) - 1))
        yield part, _over_all_orders(alone, within).T
        for _ in range(sum(within)):
            left = _without_first(left)


def _chosen(packed: Array, columns: Places) -> Array:
    """Packed cross-products of some of the columns, in the order given."""
    first, second = (columns[end] for end in _upper(len(columns)))
    low, high = np.minimum(first, second), np.maximum(first, second)
    rows: Places = low * (2 * _wide(packed) - 1 - low) // 2 + high
    return packed[rows]


def tie_groups(shares: Array) -> list[int]:
    """1, 2, 3, ... for blocks in falling order, from (1 + resamples, P) shares, the data first.

    A new group starts only where all before it can be told from all after it: a later group is surely behind.
    """
    drawn, count = shares[1:], range(shares.shape[1])
    ahead = np.array([[np.quantile(drawn[:, i] - drawn[:, j], 0.025) > 0 for j in count] for i in count])
    starts = [rank > 0 and bool(ahead[:rank, rank:].all()) for rank in count]
    return [1 + group for group in np.cumsum(starts).tolist()]
