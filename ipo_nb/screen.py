"""All pairs of a panel screened: which look as if one moved the other. Candidates to think about, never links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from itertools import islice
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.calendars import year_mark
from ipo_nb.errors import BadOption, NotEnoughData, SeriesError
from ipo_nb.evidence import grids
from ipo_nb.filters import deterministic, lagged
from ipo_nb.identities import find_identities, half_decimal
from ipo_nb.inference import copied_lag
from ipo_nb.judging import Series, first_test
from ipo_nb.links import LONGEST_LAG, PERIOD_WORDS, IPOMap, Link
from ipo_nb.metrics import CADENCES, finite_number, name_key, whole_number
from ipo_nb.panel import Panel
from ipo_nb.parallel import worked
from ipo_nb.reading import Sheet, listed, read_numbers, read_sheet, read_times
from ipo_nb.regression import Array, false_discovery, orthonormal
from ipo_nb.results import Result, guarded

__all__ = ["Screen", "bare_map", "evened", "innovations", "screen_links"]

NEEDED = 30  # rows of a regression
SPARE = 10  # residual degrees of freedom
LONGEST_STEP = (4, 14, 45, 180, np.inf)  # days below which the steps of a calendar are of each cadence
SPAN = 13  # periods over which the size of a cause's movements is evened
FLOOR = 0.05  # share of the overall size in that, so that a quiet time is not blown up
STILL = 1e-8  # what is left of a series, relative to its range, below which trend, season and own past say it all
DEPENDENT = 1e-4  # what is left of one lag of a cause beside its other lags, below which they cannot be told apart
AT_ONCE = 32  # series in one batch of array work: about 15 MB for 2,000 effects and 26 lags
DRAWS = (1999, 9999)  # of the bootstrap with units, the more the more pairs share the false discovery rate
OWN = local()  # memory of each thread
LOOKED_AT = 200  # strongest pairs whose metrics are searched for arithmetic

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Screen(Result):
    """Pairs of metrics that look like links: candidates to think about, not links.

    Attributes
    ----------
    table : one row per candidate, the strongest first: `cause`, `effect`; `lag` (periods) of the largest partial t and
        the `sign` of that t (at lag 0 the data give no direction); `F` of all lags together, its `p_value`, `q_value`
        (corrected for all pairs tested); `partial_r2`, the share that the cause's lags explain of what is new in the
        effect; `n_periods` in the regression. With units there is no `F`: the p-value is that of the link test, the
        share that of the strongest lag, and `n_periods` counts the periods of all units.
    max_lag, cadence, level : what was asked for.
    n_pairs : ordered pairs that were tested.
    n_untested : ordered pairs with too few common periods, or whose cause moves too seldom to tell its lags apart.
    n_units : most units that a pair was tested within.
    left_out : metrics that were not tested at all, with the reason.
    identities : arithmetic found among the strongest pairs, which are left out too.
    """

    table: pd.DataFrame
    max_lag: int
    cadence: str
    level: float
    n_pairs: int
    n_untested: int = 0
    n_units: int = 1
    left_out: Mapping[str, str] = field(default_factory=dict)
    identities: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """How many pairs look like links out of how many, what that is worth, what was left out."""
        number = "1 pair looks like a link" if len(self.table) == 1 else f"{len(self.table):,} pairs look like links"
        within = f" within {self.n_units:,} units" if self.n_units > 1 else ""
        lags = f"0 to {self.max_lag} {PERIOD_WORDS[self.cadence]}"
        said = (
            f"Of {self.n_pairs:,} pairs, each direction by itself, tested{within} at lags {lags}, {number} (false "
            f"discovery rate {self.level:.0%}). Candidates to think about, not links: two metrics that a third one "
            "moves look the same, and each still needs a reason, a declared window and a test on other data."
        )
        same = int((self.table["lag"] == 0).sum())
        period = PERIOD_WORDS[self.cadence].removesuffix("s")
        said += f" Found within one {period}, which gives no direction: {same:,}." if same else ""
        aside = [f"{name} ({why})" for name, why in self.left_out.items()]
        rest = [f"arithmetic: {listed(self.identities)}"] if self.identities else []
        rest += [f"{self.n_untested:,} pairs with too little to go by"] if self.n_untested else []
        rest += [listed(aside)] if aside else []
        return f"{said} Left out: {'; '.join(rest)}." if rest else said

    def links(self, most: int = 20) -> tuple[Link, ...]:
        """The strongest candidates as suggestions for a map, to which someone who knows the work adds a `why`.

        The sign is the one seen, the window one period to each side of the lag; of the two directions of a pair the
        stronger is kept. Nothing is confirmed by weighing them on the series that suggested them.

        >>> table = pd.DataFrame({"cause": ["Posts"], "effect": ["Sales"], "lag": [3], "sign": ["+"]})
        >>> Screen(table, 8, "weekly", 0.1, n_pairs=90).links()[0].lag
        (2, 4)
        """
        pairs: dict[frozenset[str], Link] = {}
        for cause, effect, lag, sign in self.table[["cause", "effect", "lag", "sign"]].to_numpy().tolist():
            window = (max(lag - 1, 0), min(lag + 1, LONGEST_LAG))
            pairs.setdefault(frozenset((cause, effect)), Link(cause, effect, sign=sign, lag=window))
        return tuple(islice(pairs.values(), most))

    def to_csv(self) -> str:
        """The table as CSV; a name that a spreadsheet would run as a formula gets an apostrophe in front."""
        table = self.table.copy()
        for end in ("cause", "effect"):
            table[end] = table[end].map(guarded)
        return table.to_csv(index=False)


def screen_links(
    panel: Panel,
    *,
    max_lag: int,
    ipo_map: IPOMap | None = None,
    level: float = 0.10,
    progress: bool = False,
    n_jobs: int = 1,
) -> Screen:
    """Look through all ordered pairs of metrics for those in which one seems to move the other, soon or later.

    Each series is reduced to what is new in it (`innovations`). The effect's news is then regressed on trend, season
    and the cause's news at lags 0 to `max_lag`, `evened` in size; the exact F of those lags together is corrected for
    the number of pairs (Benjamini & Hochberg 1995). Both sides are filtered, as in the tests of Haugh (1976): with two
    own lags of the effect in the regression instead, 12 % of unrelated pairs of 104 periods pass at 5 %.

    Measured on twelve families of unrelated series (white noise to random walks, heavy tails, steps, seasons), lags 0
    to 8: at 5 % there pass .055, .057, .057 and .064 of the pairs of 52, 104, 156 and 260 periods, at 0.1 % .0010 to
    .0016; at 520 periods and lags 0 to 25 .071 and .0022. The worst are pairs with the same holidays beside the season
    (.093 at 104, .125 at 260 periods) and level steps (.085 at 260). Of the candidates in systems of 30 metrics with 12
    links .07 to .12 were unrelated at a `level` of .10. But whatever two metrics share, a common cause or a chain,
    rightly makes a candidate: nothing here is a link yet.

    Parameters
    ----------
    panel : as many metrics as you like. A pair with gaps is tested on the periods in which both are known, as exactly,
        but about a millisecond is needed for each two patterns of gaps. A metric with fewer than 30 usable periods is
        left out and named. With units every pair goes through the link test within them, about 20 ms for 24 units of
        60 months: a screen of dozens of metrics, not of thousands. Measured there and on 130 units of 36 months, with
        memories that differ, shared shocks and seasons: .015 to .060 of unrelated pairs pass at 5 %.
    max_lag : periods; the lags looked at are 0 to this one.
    ipo_map : pairs that it links, either way, or that its formulas tie, are left out: `weigh_links` is for them.
    level : share of false ones accepted among the candidates, if pairs are related by nothing but chance.
    progress : show a progress bar on stderr.
    n_jobs : processes, or workers of the joblib backend in use; the numbers stay the same.

    Returns
    -------
    Screen

    Raises
    ------
    BadOption : an option outside its meaning.
    NotEnoughData : no pair has enough periods.

    Examples
    --------
    >>> from ipo_nb.simulate import simulate_system
    >>> screen = screen_links(simulate_system().panel, max_lag=6)
    >>> screen.table[["cause", "effect", "lag", "sign"]].head(2).to_numpy().tolist()
    [['Staff hours', 'Wait minutes', 1, '-'], ['Resolution', 'Satisfaction', 1, '+']]
    """
    _check(max_lag, level, n_jobs)
    values = np.array(list(grids(panel).values()))
    if panel.units:
        known = np.isfinite(values)
        top, bottom = (end((1, 2), where=known, initial=-np.inf) for end in (values.max, (-values).max))
        moving = np.flatnonzero(top > -bottom)
        left_out = {name: "it never moves" for at, name in enumerate(panel.names) if at not in moving}
        wanted = _wanted(panel.names, moving, ipo_map)
        found, tested = _run_within(values, wanted, panel, max_lag, level, progress=progress, n_jobs=n_jobs)
    else:
        news = innovations(values[:, 0], season=panel.season)
        moving = np.flatnonzero(np.isfinite(news).any(axis=1))
        left_out = _left_out(panel.names, values[:, 0], moving)
        wanted = _wanted(panel.names, moving, ipo_map)
        blocks = _blocks(news, evened(news), moving, panel.season, max_lag)
        found, tested = _run(blocks, wanted, max_lag, level, progress=progress, n_jobs=n_jobs)
    if not tested.any() and (wanted.any() or len(moving) < 2):
        raise _too_short(max_lag, left_out)
    untested = int(wanted.sum() - tested.sum())
    identities = _arithmetic(found, values, panel.names, max_lag)
    for ends in identities:
        tested[np.ix_([*ends], [*ends])] = False
    n_pairs, n_units = int(tested.sum()), 1
    if panel.units:
        n_units = int(found[5].max(initial=1))
        found[5] = np.nan
    table = _table(found[:, tested[*found[:2].astype(int)]], panel.names, n_pairs, max_lag + 1, level)
    told = tuple(identities.values())
    return Screen(table, max_lag, panel.cadence, level, n_pairs, untested, n_units, left_out, told)


def _check(max_lag: int, level: float, n_jobs: int) -> None:
    if not (whole_number(max_lag) and 0 <= max_lag <= LONGEST_LAG):
        expected = f"a whole number of periods from 0 to {LONGEST_LAG}"
        raise BadOption(f"max_lag is {max_lag!r}.", value=max_lag, expected=expected)
    if not (finite_number(level) and 0 < level < 1):
        raise BadOption(f"level is {level!r}.", value=level, expected="a share between 0 and 1, such as 0.10")
    if not whole_number(n_jobs) or n_jobs == 0:
        raise BadOption(f"n_jobs is {n_jobs!r}.", value=n_jobs, expected="1 or more processes, or -1 for all cores")


def _run_within(
    values: Array, wanted: Mask, panel: Panel, max_lag: int, level: float, *, progress: bool, n_jobs: int
) -> tuple[Array, Mask]:
    """As `_run`, for a panel with units: every pair by the link test, whose bootstrap keeps units together."""
    series = [Series(name, grid) for name, grid in zip(panel.names, values, strict=True)]
    ends = np.argwhere(wanted)
    draws = int(np.clip(2 * len(ends) / level, *DRAWS))
    asked = [(series[cause], series[effect], max_lag, panel.cadence, draws) for cause, effect in ends]
    answers = worked(_one_pair, asked, n_jobs=n_jobs, progress="screening" if progress else "")
    found = np.hstack([ends, np.array(list(answers)).reshape(-1, 6)]).T
    tested = np.zeros_like(wanted)
    tested[tuple(ends.T)] = np.isfinite(found[-1])
    return found[:, np.isfinite(found[-1])], tested


def _one_pair(asked: tuple[Series, Series, int, str, int]) -> list[float]:
    """Partial R2 of the strongest lag, lag, sign, number of units, periods, p-value."""
    cause, effect, max_lag, cadence, draws = asked
    link = Link(cause.name, effect.name, lag=(0, max_lag))
    found = first_test(link, cause, effect, cadence=cadence, draws=draws)
    if found is None:
        return [np.nan] * 6
    profile, tested = found
    peak = int(np.argmax(np.abs(tested.plain)))
    sign, share = np.sign(tested.plain[peak]), tested.joint.shares[peak]
    return [share, tested.lags[peak], sign, profile.n_units, tested.n_rows, tested.joint.p_value]


def innovations(values: Array, *, season: int) -> Array:
    """What is new in each series: (metrics, periods), scaled; NaN where it is not known.

    Each series less linear trend, yearly harmonics (their number by BIC beside the first own lag) and its own
    autoregression (order by AICc up to 8, Hurvich & Tsai 1989; with BIC, level steps are whitened less). All NaN where
    fewer than 30 periods can be used or nothing new is left.

    Parameters
    ----------
    values : (metrics, periods) on one calendar, gaps NaN.
    season : periods in a cycle.

    >>> steps = np.random.default_rng(1).normal(size=(1, 200)).cumsum(axis=1)
    >>> news = innovations(steps, season=12)[0, 8:]
    >>> bool(abs(np.corrcoef(news[1:], news[:-1])[0, 1]) < 0.1)
    True
    """
    scaled = _scaled(values)
    news = np.full_like(scaled, np.nan)
    for members, rows in _patterns(_usable(values), np.flatnonzero((np.abs(scaled) > 0).any(axis=1))):
        if rows.sum() < NEEDED:  # more than the terms and own lags that there can be, with some to spare for AICc
            continue
        basis = np.linalg.qr(_terms(rows, season).T)[0]
        for some in np.array_split(members, -(-len(members) // AT_ONCE)):
            past = [lagged(scaled[some], lag)[:, rows] for lag in range(_most(values) + 1)]
            news[np.ix_(some, rows)] = _own_news(np.stack(past, axis=1), basis)
    news[np.sqrt(np.mean(np.where(np.isfinite(news), news, 0.0) ** 2, axis=1)) < STILL] = np.nan
    return news


def _most(values: Array) -> int:
    """The longest own history looked at, in periods."""
    return max(2, min(8, int(values.shape[1]) // 12))


def _usable(values: Array) -> Mask:
    """Where a series and its own history are known."""
    past = (np.isfinite(lagged(values, lag)) for lag in range(_most(values) + 1))
    return reduce(np.logical_and, past)


def _scaled(values: Array) -> Array:
    """Each series less its first value, over its largest distance from it: safe at offsets of 1e9, sizes of 1e308."""
    half = 0.5 * values
    first = half[np.arange(len(half)), np.isfinite(half).argmax(axis=1)]
    moved = half - first[:, None]
    top = np.max(np.abs(moved), axis=1, where=np.isfinite(moved), initial=0.0)
    return np.asarray(moved / np.where(top > 0, top, 1.0)[:, None], dtype=float)


def _terms(rows: Mask, season: int) -> Array:
    """Constant, trend and season where rows are: six harmonics, all of a short cycle; one below two cycles."""
    return _calendar_terms(rows.size, season, min(6 if rows.sum() >= 2 * season else 1, season // 2))[:, rows]


@lru_cache(maxsize=4)
def _calendar_terms(periods: int, season: int, pairs: int) -> Array:
    return deterministic(periods, season=season, pairs=pairs)


def _patterns(known: Mask, members: NDArray[np.intp]) -> list[tuple[NDArray[np.intp], Mask]]:
    """The series that are known in the same periods, together."""
    groups: dict[bytes, list[int]] = {}
    for place in members.tolist():
        groups.setdefault(known[place].tobytes(), []).append(place)
    return [(np.array(places), known[places[0]]) for places in groups.values()]


def _own_news(past: Array, basis: Array) -> Array:
    """Residuals (m, n) of series on terms and own lags: `past` (m, 1 + lags, n), the series first; `basis` (n, d)."""
    count, n = past.shape[1:]
    along = past @ basis
    kept = _kept_terms(past, along)
    past = past - (along * (np.arange(basis.shape[1]) < kept[:, None])[:, None, :]) @ basis.T
    gram = past @ past.transpose(0, 2, 1)
    gram += 1e-13 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(count)
    series_last = np.roll(gram, -1, axis=(1, 2))  # then the last row of its root says what each further lag explains
    explained = (np.linalg.cholesky(series_last)[:, -1, :-1] ** 2).cumsum(-1)
    rss = np.maximum(gram[:, :1, 0] - np.pad(explained, ((0, 0), (1, 0))), 1e-300)
    used = kept[:, None] + np.arange(count)
    order = np.argmin(n * np.log(rss) + 2 * used * n / (n - used - 1), axis=1)
    inside = np.arange(1, count) <= order[:, None]
    lags = np.where(inside[:, :, None] & inside[:, None, :], gram[:, 1:, 1:], np.eye(count - 1))
    own = np.linalg.solve(lags, np.where(inside, gram[:, 1:, 0], 0.0)[:, :, None])
    return np.asarray(past[:, 0] - (own.transpose(0, 2, 1) @ past[:, 1:])[:, 0], dtype=float)


def _kept_terms(past: Array, along: Array) -> NDArray[np.intp]:
    """How many of the terms each series keeps, harmonic by harmonic, beside its first own lag: by BIC."""
    n, terms = past.shape[2], along.shape[2]
    sizes = np.minimum(np.arange(2, terms + 2, 2), terms)
    own, both, lag = (
        (past[:, i] * past[:, j]).sum(-1)[:, None] - (along[:, i] * along[:, j]).cumsum(-1)[:, sizes - 1]
        for i, j in ((0, 0), (0, 1), (1, 1))
    )
    rss = np.maximum(own - both**2 / np.maximum(lag, 1e-300), 1e-300)
    return np.asarray(sizes[np.argmin(n * np.log(rss) + sizes * np.log(n), axis=1)], dtype=np.intp)


def evened(news: Array) -> Array:
    """News (metrics, periods) over their root mean square in the 13 periods around: restless times and single events
    of a cause then weigh like others, without which growing variance doubles and more the rate of false candidates.

    >>> evened(np.array([[1.0, -1.0] * 20 + [9.0, -9.0] * 20])).round(1)[0, [0, -1]].tolist()
    [0.6, -1.0]
    """
    known = np.isfinite(news)
    squares = np.where(known, news, 0.0) ** 2
    begin = np.maximum(np.arange(news.shape[1]) - SPAN // 2, 0)
    end = np.minimum(np.arange(news.shape[1]) + SPAN // 2 + 1, news.shape[1])
    inside = [np.pad(part.cumsum(axis=1), ((0, 0), (1, 0))) for part in (squares, known.astype(float))]
    square, count = (total[:, end] - total[:, begin] for total in inside)
    near = np.maximum(square, 0.0) / np.maximum(count, 1)
    overall = squares.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.asarray(news / np.sqrt(np.maximum((1 - FLOOR) * near + FLOOR * overall, 1e-300)), dtype=float)


def _left_out(names: Sequence[str], values: Array, moving: NDArray[np.intp]) -> dict[str, str]:
    """Why each metric that is not tested is not."""
    reasons = {}
    usable = _usable(values).sum(axis=1)
    for place in sorted({*range(len(names))} - {*moving.tolist()}):
        known = values[place][np.isfinite(values[place])]
        still = "it never moves" if known.size == 0 or np.ptp(known) == 0 else ""
        short = f"{usable[place]} usable periods, {NEEDED} are needed" if usable[place] < NEEDED else ""
        reasons[names[place]] = still or short or "trend, season and its own past say it all"
    return reasons


def _wanted(names: Sequence[str], moving: NDArray[np.intp], ipo_map: IPOMap | None) -> Mask:
    """Which cause (row) and effect (column) are to be tested: all but what the map links or computes, either way."""
    wanted = np.zeros((len(names), len(names)), dtype=bool)
    wanted[np.ix_(moving, moving)] = True
    np.fill_diagonal(wanted, False)
    if ipo_map is None:
        return wanted
    place = {name_key(name): at for at, name in enumerate(names)}
    ties = [(link.cause, link.effect) for link in ipo_map.links]
    ties += [(metric.name, part) for metric in ipo_map.metrics for part in ipo_map.parts(metric.name)]
    for one, other in ties:
        if {name_key(one), name_key(other)} <= place.keys():
            ends = [place[name_key(one)], place[name_key(other)]]
            wanted[ends, ends[::-1]] = False
    return wanted


@dataclass(frozen=True, slots=True)
class _Block:
    """Some causes against all effects that are known in the same periods."""

    causes: NDArray[np.intp]
    effects: NDArray[np.intp]
    rows: Mask
    fixed: Array  # (n, d) orthonormal: trend and season
    targets: Array  # (effects, n) news of the effects beside that, of length 1
    moves: Array  # (causes, periods) evened news of the causes


def _blocks(news: Array, moves: Array, moving: NDArray[np.intp], season: int, max_lag: int) -> Iterator[_Block]:
    there = reduce(np.logical_and, (np.isfinite(lagged(news, lag)) for lag in range(max_lag + 1)))
    for effects, known in _patterns(np.isfinite(news), moving):
        for causes, complete in _patterns(there, moving):
            rows = known & complete
            fixed = orthonormal(_terms(rows, season).T)
            if rows.sum() < NEEDED or _spare(rows, fixed, max_lag) < SPARE:
                continue
            targets = news[np.ix_(effects, rows)]
            targets -= (targets @ fixed) @ fixed.T
            targets /= np.maximum(np.sqrt((targets**2).sum(axis=1, keepdims=True)), STILL)
            for some in np.array_split(causes, -(-len(causes) // AT_ONCE)):
                yield _Block(some, effects, rows, fixed, targets, moves[some])


def _spare(rows: Mask, fixed: Array, max_lag: int) -> int:
    """Residual degrees of freedom."""
    return int(np.count_nonzero(rows)) - int(fixed.shape[1]) - max_lag - 1


def _tested(block: _Block, wanted: Mask, max_lag: int, level: float) -> tuple[Any, Array]:
    """Which causes and effects of a block were tested, as an index, and the pairs that pass alone: (8, pairs), in rows
    cause, effect, partial R2, lag, sign, residual degrees of freedom, periods, p-value.

    The share of a target that an orthonormal basis of the cause's lags explains is the sum of its squared products, so
    all pairs of a block are one matrix product.
    """
    from scipy.special import fdtrc, fdtri

    basis, weights, sound = _lag_bases(block, max_lag)
    count, df = max_lag + 1, _spare(block.rows, block.fixed, max_lag)
    shape = len(basis) * count, len(block.targets)
    along = np.matmul(basis.reshape(-1, basis.shape[2]), block.targets.T, out=_space(shape))
    along = along.reshape(len(basis), count, -1)
    r2 = np.einsum("cke,cke->ce", along, along)
    cut = float(fdtri(count, df, 1 - level)) * count
    cause, effect = np.nonzero((r2 >= cut / (cut + df)) & wanted & sound[:, None])
    strength = np.hstack([weights[at] @ along[at][:, effect[cause == at]] for at in range(len(basis))]).T
    lag = np.argmax(np.abs(strength), axis=1)
    sign = np.sign(strength[np.arange(len(lag)), lag])
    share = r2[cause, effect]
    told = [block.causes[cause], block.effects[effect], share, lag, sign]
    told += [np.full(len(lag), df), np.full(len(lag), block.rows.sum())]
    told += [fdtrc(count, df, share / np.maximum(1 - share, 1e-16) * df / count)]
    return np.ix_(block.causes[sound], block.effects), np.array(told, dtype=float)


def _space(shape: tuple[int, int]) -> Array:
    """Where this thread works: fresh memory for each block would cost half as much as the arithmetic."""
    size = shape[0] * shape[1]
    if getattr(OWN, "line", np.empty(0)).size < size:
        OWN.line = np.empty(size)
    return np.asarray(OWN.line[:size].reshape(shape))


def _lag_bases(block: _Block, max_lag: int) -> tuple[Array, Array, Mask]:
    """For each cause a basis of its lags (causes, lags, n), orthonormal beside trend and season; what turns products
    with it into partial t up to one factor (causes, lags, lags); and whether its lags can be told apart.

    By Cholesky, twice where once would lose digits (Yamamoto et al. 2015). What lies in trend and season stays in the
    basis: the targets have nothing there.
    """
    before = np.pad(block.moves, ((0, 0), (max_lag, 0)))  # what is not known is not among the rows
    lags = np.lib.stride_tricks.sliding_window_view(before, block.moves.shape[1], axis=1)[:, ::-1, block.rows]
    ridge = 1e-14 * np.eye(max_lag + 1)
    root = np.linalg.cholesky(_products(lags, block.fixed) + lags.shape[2] * ridge)
    left = np.diagonal(root, axis1=1, axis2=2).min(axis=1) / np.sqrt(lags.shape[2])
    sound = left > DEPENDENT
    lags[~sound] = 0.0
    inverse = np.linalg.inv(root)
    lags = inverse @ lags
    if left[sound].min(initial=1.0) < 0.1:
        again = np.linalg.inv(np.linalg.cholesky(_products(lags, block.fixed) + ridge))
        lags, inverse = again @ lags, again @ inverse
    weights = inverse.transpose(0, 2, 1) / np.sqrt((inverse**2).sum(axis=1))[:, :, None]
    return lags, weights, sound


def _products(lags: Array, fixed: Array) -> Array:
    """Products of the lags with each other beside what is fixed."""
    inside = lags @ fixed
    return np.asarray(lags @ lags.transpose(0, 2, 1) - inside @ inside.transpose(0, 2, 1), dtype=float)


def _run(
    blocks: Iterable[_Block], wanted: Mask, max_lag: int, level: float, *, progress: bool, n_jobs: int
) -> tuple[Array, Mask]:
    """All pairs that pass alone, and which were tested."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    tested = np.zeros_like(wanted)
    found = [np.empty((8, 0))]
    work = (delayed(_tested)(block, wanted[np.ix_(block.causes, block.effects)], max_lag, level) for block in blocks)
    off = None if progress else True  # None: off where stderr is no terminal
    with tqdm(total=wanted.size, desc="screening", unit=" pairs", unit_scale=True, disable=off) as bar:
        for here, pairs in Parallel(n_jobs=n_jobs, return_as="generator")(work):
            tested[here] = wanted[here]
            found.append(pairs)
            bar.update(tested[here].size)
    return np.hstack(found), tested


def _arithmetic(found: Array, values: Array, names: Sequence[str], max_lag: int) -> dict[frozenset[int], str]:
    """Which metrics of the strongest pairs make up one another, or are one another moved and rescaled, in words."""
    strongest = found[[0, 1, 3]][:, np.argsort(-found[2], kind="stable")[:LOOKED_AT]].astype(int).T.tolist()
    ends = sorted({end for *pair, _ in strongest for end in pair})
    said = {names[end]: (values[end].ravel(), half_decimal(values[end].ravel())) for end in ends}
    place = {names[end]: end for end in ends}
    told: dict[frozenset[int], str] = {}
    made = find_identities(said, [(names[cause], names[effect]) for cause, effect, _ in strongest])
    for one in sorted(made.values(), key=lambda one: one.rank):  # a sum before the differences that follow from it
        told.setdefault(frozenset(place[name] for name in (one.made, *one.parts)), one.words)
    flat = _scaled(values[ends].reshape(len(ends), values.shape[1] * values.shape[2]))
    scaled = dict(zip(ends, flat.reshape(-1, *values.shape[1:]), strict=True))
    for cause, effect, lag in strongest:
        if copied_lag(scaled[cause], scaled[effect], (lag, lag)) is not None:
            later = f", {lag} periods later" if lag else ""
            told.setdefault(frozenset((cause, effect)), f"{names[effect]} = {names[cause]} rescaled{later}")
    return told


def _table(found: Array, names: Sequence[str], n_pairs: int, count: int, level: float) -> pd.DataFrame:
    """The pairs that pass after correction for all that were tested."""
    r2, p_values = found[2], found[7]
    near = np.flatnonzero(p_values <= level * r2.size / max(n_pairs, 1))  # what no rank can bring to the level is out
    q_values = false_discovery(p_values[near]) * n_pairs / max(near.size, 1)
    order = np.lexsort((-r2[near], p_values[near]))
    order = order[q_values[order] <= level]
    passed = near[order]
    cause, effect, r2, lag, sign, df, n, _ = found[:, passed]
    table = pd.DataFrame({"cause": [names[int(end)] for end in cause], "effect": [names[int(end)] for end in effect]})
    table["lag"], table["F"] = lag.astype(int), r2 / np.maximum(1 - r2, 1e-16) * df / count
    table["p_value"], table["q_value"], table["partial_r2"] = p_values[passed], q_values[order], r2
    table["sign"], table["n_periods"] = np.where(sign < 0, "-", "+"), n.astype(int)
    return table.dropna(axis=1, how="all") if len(table) else table


def _too_short(max_lag: int, left_out: Mapping[str, str]) -> NotEnoughData:
    said = listed([f"{name}: {why}" for name, why in left_out.items()])
    return NotEnoughData(
        f"No pair of metrics has enough common periods for lags 0 to {max_lag}{f' ({said})' if said else ''}.",
        value=max_lag,
        expected=f"{NEEDED} common periods beyond the longest lag and {SPARE} beyond all terms of the regression",
        fix="Take a smaller max_lag, or longer series.",
    )


def bare_map(source: str | Path | pd.DataFrame) -> IPOMap:
    """A map without links, of every column or metric that a table has numbers of: to read series before one is drawn.

    Parameters
    ----------
    source : path of a CSV, XLSX or Parquet file, or a DataFrame; wide, or long with columns `metric` and `value`. The
        first column that reads as times says the cadence; columns of text tell units apart where times repeat.

    Raises
    ------
    FileFault : the file cannot be read.

    >>> bare = bare_map(pd.DataFrame({"week": ["2024-01-01", "2024-01-08"], "Calls": ["3", "5"], "Site": ["A", "A"]}))
    >>> bare.names, bare.cadence
    (('Calls',), 'weekly')
    """
    sheet = read_sheet(source)
    places = range(len(sheet.names))
    time = [place for place in places if _reads(read_times, sheet, [place])][:1]
    if time and name_key(sheet.names[time[0]]) == "year":
        time += [place for place in places if year_mark(sheet.names[place])][:1]
    label, value = sheet.find("metric", "kpi", "measure", "indicator"), sheet.find("value", "amount")
    numbers = [place for place in places if place not in time and _reads(read_numbers, sheet, place)]
    names = [sheet.names[place] for place in numbers]
    if label and value:
        names = sheet.cells[label[0]].dropna().astype(str).drop_duplicates().tolist()
    days = read_times(replace(sheet, faults=[]), time)[0]["day"] if time else pd.Series(dtype="datetime64[s]")
    step = days.drop_duplicates().sort_values().diff().dt.days.median()
    cadence = next((word for word, most in zip(CADENCES, LONGEST_STEP, strict=True) if step < most), "weekly")
    others = [sheet.names[place] for place in places if place not in (*time, *numbers)]
    data = (
        {"file": sheet.file or "series", "units": others} if others and days.duplicated().any() and not label else None
    )
    return IPOMap([{"name": name, "stage": "process"} for name in names], cadence=cadence, data=data)


def _reads(read: Callable[[Sheet, Any], object], sheet: Sheet, place: Any) -> bool:
    """Whether a column can be read so without a fault, and says something."""
    trial = replace(sheet, faults=[], notes={})
    with suppress(SeriesError):
        values = np.asarray(read(trial, place), dtype=object)
        return not trial.faults and bool(pd.notna(values).any())
    return False
