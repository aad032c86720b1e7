"""Arithmetic found in the data: a metric that others make up, to rounding, is never regressed on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipo_nb.regression import Array

__all__ = ["Identity", "find_identities", "found_identity", "half_decimal"]

Form = Callable[..., Array]
Picks = NDArray[np.intp]  # (how many, 1 + parts): the metric that is made, then its parts

ALONE: dict[str, Form] = {
    "1 - {a}": lambda a: 1 - a,
    "100 - {a}": lambda a: 100 - a,
    "100 * {a}": lambda a: 100 * a,
    "{a} / 100": lambda a: a / 100,
    "60 * {a}": lambda a: 60 * a,
    "{a} / 60": lambda a: a / 60,
    "1000 * {a}": lambda a: 1000 * a,
    "{a} / 1000": lambda a: a / 1000,
}
TOGETHER: dict[str, Form] = {
    "{a} + {b}": lambda a, b: a + b,
    "{a} - {b}": lambda a, b: a - b,
    "{b} - {a}": lambda a, b: b - a,
    "{a} * {b}": lambda a, b: a * b,
    "{a} / {b}": lambda a, b: a / b,
    "{b} / {a}": lambda a, b: b / a,
    "100 * {a} / {b}": lambda a, b: 100 * a / b,
    "100 * {b} / {a}": lambda a, b: 100 * b / a,
    "1 - {a} / {b}": lambda a, b: 1 - a / b,
    "1 - {b} / {a}": lambda a, b: 1 - b / a,
}
OF_THREE: dict[str, Form] = {"{a} + {b} + {c}": lambda a, b, c: a + b + c}
NEEDED = 20  # rows that have to agree
FEW = 12  # rows that rule out almost everything
CHUNK = 200_000  # candidates looked at together
MOST = 100  # metrics up to which sums of three are looked for: among more, chance makes too many candidates


class Identity(NamedTuple):
    """A metric that others make up: its name, theirs, the words `y = a + b`, and its place among the kinds."""

    made: str
    parts: tuple[str, ...]
    words: str
    rank: int


@np.errstate(all="ignore")  # a division by zero or an overflow is no agreement
def find_identities(
    metrics: Mapping[str, tuple[Array, float]], pairs: Iterable[tuple[str, str]] | None = None
) -> dict[tuple[str, str], Identity]:
    """The identities that make one metric out of another, alone, with a third, or in a sum of three.

    All candidates are tried at one row, what agrees there at a dozen, what is left at all of them.

    Parameters
    ----------
    metrics : for each metric its values (n,) on common rows, gaps NaN, and half a unit of its last decimal.
    pairs : the pairs asked about, in either order; all if not given. The cost grows with their number and, for
        each, with the number of metrics.

    Returns
    -------
    For (metric, one of its parts) the first identity that holds: of two metrics, then of three, then of four.

    Examples
    --------
    >>> a, b = np.arange(1.0, 40.0), np.arange(40.0, 79.0) ** 2
    >>> found = find_identities({"a": (a, 0.0), "b": (b, 0.0), "total": (a + b, 0.0)}, [("a", "total")])
    >>> found["total", "a"].words
    'total = a + b'
    """
    table = _Table.of(metrics)
    place = {name: number for number, name in enumerate(table.names)}
    asked = permutations(place, 2) if pairs is None else (way for a, b in pairs for way in ((b, a), (a, b)))
    ways = [(place[made], place[part]) for made, part in dict.fromkeys(asked) if {made, part} <= place.keys()]
    found: dict[tuple[str, str], Identity] = {}
    rank = 0
    for forms, others in ((ALONE, _none), (TOGETHER, _each), (OF_THREE, _sums)):
        open_ways = [way for way in ways if (table.names[way[0]], table.names[way[1]]) not in found]
        holding: list[tuple[tuple[int, ...], int, str]] = []
        for words, form in forms.items():
            rank += 1
            for picks in others(np.array(open_ways, dtype=np.intp).reshape(-1, 2), table):
                holding += [(pick, rank, words) for pick in table.holding(picks, form)]
        for pick, number, words in sorted(holding):
            made, *names = (table.names[one] for one in pick)
            spoken = words.format(**dict(zip("abc", names, strict=False)))
            one = Identity(made, tuple(names), f"{made} = {spoken}", number)
            found.setdefault((one.made, names[0]), one)
    return found


def found_identity(cause: str, effect: str, identities: Mapping[tuple[str, str], Identity]) -> str:
    """The identity that makes one of two metrics out of the other, in words; "" where none was found.

    >>> found_identity("a", "total", {("total", "a"): Identity("total", ("a", "b"), "total = a + b", 9)})
    'total = a + b'
    """
    one = identities.get((effect, cause)) or identities.get((cause, effect))
    return one.words if one else ""


class _Table(NamedTuple):
    """All metrics on common rows: values (metrics, rows); half decimals, sizes, whether it moves (metrics,); the row
    that most of them have."""

    names: list[str]
    values: Array
    halves: Array
    tops: Array
    moving: NDArray[np.bool_]
    first: int

    @classmethod
    def of(cls, metrics: Mapping[str, tuple[Array, float]]) -> _Table:
        values = np.array([series for series, _ in metrics.values()] or np.empty((0, 0)), dtype=float)
        halves = np.array([half for _, half in metrics.values()])
        known = np.isfinite(values)
        tops = np.where(known, np.abs(values), 0.0).max(axis=1, initial=0.0)
        moving = np.where(known, values, np.inf).min(axis=1, initial=np.inf) < np.where(known, values, -np.inf).max(
            axis=1, initial=-np.inf
        )
        first = int((known & (values != 0)).sum(axis=0).argmax()) if values.size else 0
        return cls(list(metrics), values, halves, tops, moving, first)

    def holding(self, picks: Picks, form: Form) -> list[tuple[int, ...]]:
        """Those of the picks whose first metric is the form of the others."""
        if not self.values.size or not picks.size:
            return []
        few = np.linspace(0, self.values.shape[1] - 1, FEW).astype(int)
        for rows in ([self.first], few):
            picks = picks[~self.gaps(picks, form, rows)[2].any(axis=1)]
        return [tuple(pick) for pick in picks.tolist() if self.agrees(np.array([pick]), form)]

    def agrees(self, pick: Picks, form: Form) -> bool:
        """Whether it holds in all rows, and says something: what rounding leaves has to be little."""
        rows = np.flatnonzero(np.isfinite(self.values[pick[0]]).all(axis=0))
        if rows.size < NEEDED:
            return False
        known, allowed, wrong = (found[0] for found in self.gaps(pick, form, rows))
        if wrong.any() or known.sum() < 0.9 * rows.size:
            return False
        return bool(np.median(allowed[known]) < 0.05 * np.ptp(self.values[pick[0, 0], rows]))

    def gaps(self, picks: Picks, form: Form, rows: Any) -> tuple[Array, Array, Array]:
        """For picks and rows: what is known, the miss that rounding allows, and whether the miss is larger."""
        made, *parts = (self.values[column[:, None], rows] for column in picks.T)
        halves = self.halves[picks.T][:, :, None]
        formed = form(*parts)
        moved = [form(*parts[:k], part + halves[k + 1], *parts[k + 1 :]) for k, part in enumerate(parts)]
        allowed = sum((np.abs(one - formed) for one in moved), halves[0]) * 1.05 + 1e-9 * self.tops[picks[:, :1]]
        miss = np.abs(made - formed)
        known = np.isfinite(miss) & np.isfinite(allowed)
        return known, allowed, known & (miss > allowed)


def _none(ways: Picks, table: _Table) -> Iterator[Picks]:
    """The ways themselves: one metric made of one other."""
    yield ways


def _each(ways: Picks, table: _Table) -> Iterator[Picks]:
    """Each way with each third metric, in chunks."""
    count = len(table.names)
    step = max(CHUNK // max(count, 1), 1)
    for start in range(0, len(ways), step):
        some = np.repeat(ways[start : start + step], count, axis=0)
        third = np.tile(np.arange(count), len(some) // max(count, 1))
        yield np.column_stack([some, third])[(third != some[:, 0]) & (third != some[:, 1])]


def _sums(ways: Picks, table: _Table) -> Iterator[Picks]:
    """Each way with the pairs of other metrics whose sum fills the gap between the two in the first row."""
    if not 2 < len(table.names) <= MOST or not table.values.size:
        return
    value = table.values[:, table.first]
    moving = np.flatnonzero(np.isfinite(value) & table.moving)
    one, two = (moving[side] for side in np.triu_indices(moving.size, 1))
    order = np.argsort(value[one] + value[two])
    one, two = one[order], two[order]
    sums = value[one] + value[two]
    slack = 1.05 * (table.halves[ways].sum(axis=1) + 2 * table.halves.max(initial=0.0)) + 1e-9 * table.tops[ways[:, 0]]
    gap = value[ways[:, 0]] - value[ways[:, 1]]
    low, high = np.searchsorted(sums, gap - slack), np.searchsorted(sums, gap + slack, side="right")
    count = high - low
    hits = np.arange(count.sum()) + np.repeat(low - count.cumsum() + count, count)
    picks = np.column_stack([np.repeat(ways, count, axis=0), one[hits], two[hits]])
    yield picks[(picks[:, 2:, None] != picks[:, None, :2]).all(axis=(1, 2))]


@np.errstate(over="ignore", invalid="ignore")  # rounding 1e308
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
