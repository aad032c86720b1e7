"""Arrays in, arrays out: batched least squares with robust errors. NumPy only, so that statsmodels can check it.

One path serves one regression and ten thousand. Columns stand in a pool and are made ready once each: taken from
their first value, cleared of what all regressions share, brought to length one. A regression names its columns by
number. The usual case goes through a Gram matrix and its Cholesky factor, refined where it shows. Where that would
cost digits (near-collinear columns, huge offsets, near-perfect fits) arithmetic of 32 digits takes over. What cannot
be told apart to 1e-10 is marked and gets NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from threading import local
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ipo_nb.exact import Array, long_inverse, long_qr

__all__ = [
    "TINY",
    "Array",
    "Errors",
    "Fit",
    "Fits",
    "Places",
    "Pool",
    "false_discovery",
    "fit_many",
    "fit_pool",
    "lag_table",
    "least_squares",
    "ljung_box",
    "nested_bic",
    "order_search",
    "orthonormal",
    "pool_of",
    "search_pool",
]

Places = NDArray[np.intp]

TINY = 1e-10  # what is left of a column, relative to its size, below which it counts as gone
CHUNK = 16  # regressions at a time: what is worked on stays in the cache
CACHED = 16384  # numbers that are made ready at a time, for the same reason
MEMORY = local()  # where each thread works
MILD = 1e2  # variance inflation up to which a Gram matrix alone gives thirteen digits
INFLATED = 1e5  # variance inflation above which a Gram matrix costs more than five of sixteen digits
FAR = 1e4  # offset of a column, in its own size, above which the constant needs more digits
LEFT = 1e-4  # what clearing leaves of a column, below which it needs more digits
CLOSE = 1e-8  # share of the target left unexplained, below which the residuals need more digits
ROUNDING = 9e-16  # movement of a column, relative to its size, that is rounding and no movement


@dataclass(frozen=True, slots=True)
class Errors:
    """How standard errors are made, in the conventions of statsmodels.

    Attributes
    ----------
    kind : "nonrobust", "HC0" to "HC3" (MacKinnon & White 1985), "HAC" (Bartlett weights, Newey & West 1987) or
        "cluster" (CR1).
    lags : of HAC.
    corrected : HAC times n / (n - k).
    groups : (rows,) group number of each row: the clusters; for HAC, rows of one series following each other.
    """

    kind: str = "HC3"
    lags: int = 0
    corrected: bool = False
    groups: Places | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Columns made ready for many regressions.

    Attributes
    ----------
    raw : (columns, rows) as given.
    ready : (columns, rows) less `first`, cleared of `fixed`, divided by `size` to length one.
    first, size : (columns,)
    spread : (columns,) length before clearing; a column left with less than 1e-10 of it is gone.
    fixed, basis : (d, rows) what all regressions share, and orthonormal rows of it.
    leading : whether each design begins with a constant, at whose expense the columns begin at zero.
    """

    raw: Array
    ready: Array
    first: Array
    size: Array
    spread: Array
    fixed: Array
    basis: Array
    leading: bool


@dataclass(frozen=True, slots=True)
class Fits:
    """Least squares of many regressions at once: L regressions on n rows and k columns.

    Attributes
    ----------
    coefficients : (L, k) NaN for a column that `fixed` or the columns before it explain to 1e-10.
    rotated : (L, k) the target on the orthonormal columns Q of design = Q R.
    inverse : (L, k, k) of R: coefficients = inverse @ rotated.
    meat : (L, k, k) covariance of `rotated`.
    residuals : (L, n)
    terms : (L,) number of terms, those of `fixed` with them.
    df : (L,) degrees of freedom for t quantiles: n - terms, or clusters - 1.
    gone : (L, k) which columns were left out.
    """

    coefficients: Array
    rotated: Array
    inverse: Array
    meat: Array
    residuals: Array
    terms: Array
    df: Array
    gone: NDArray[np.bool_]

    @property
    def covariance(self) -> Array:
        """(L, k, k) of the coefficients."""
        whole = self.inverse @ self.meat @ self.inverse.swapaxes(1, 2)
        return np.where(self.gone[:, :, None] | self.gone[:, None, :], np.nan, whole)

    @property
    def errors(self) -> Array:
        """(L, k) standard errors."""
        squares = ((self.inverse @ self.meat) * self.inverse).sum(axis=2)
        return np.where(self.gone, np.nan, np.sqrt(squares))

    @property
    def bic(self) -> Array:
        """(L,) n log(rss / n) + terms log n."""
        n = self.residuals.shape[1]
        rss = np.maximum(_dot(self.residuals, self.residuals), 1e-300)
        return np.asarray(n * np.log(rss / n) + self.terms * math.log(n), dtype=float)

    def wald(self, count: int) -> Array:
        """(L,) F that the last `count` coefficients are zero, in the Q basis, where collinear columns do no harm."""
        told = (self.df >= count) & ~self.gone[:, -count:].any(axis=1)
        turned = _inverse(_cholesky(self.meat[:, -count:, -count:])) @ self.rotated[:, -count:, None]
        return np.where(told, (turned[:, :, 0] ** 2).sum(axis=1) / count, np.nan)

    def combined(self, weights: Array) -> Array:
        """(L, h) standard errors of h sums of coefficients with weights (L, h, k)."""
        turned = weights @ self.inverse
        return np.asarray(np.sqrt(((turned @ self.meat) * turned).sum(axis=2)))

    def long_run(self, causes: slice, own: slice, *, whole: float = 1.0) -> tuple[Array, Array]:
        """(L,) sum of the causes' coefficients over `whole` less the own lags' sum, and its delta-method error."""
        kept = whole - self.coefficients[:, own].sum(axis=1)
        estimate = self.coefficients[:, causes].sum(axis=1) / kept
        gradient = np.zeros_like(self.coefficients)
        gradient[:, causes] = (1 / kept)[:, None]
        gradient[:, own] = (estimate / kept)[:, None]
        return estimate, self.combined(gradient[:, None])[:, 0]


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


def least_squares(target: Array, design: Array, clusters: Places | None = None) -> Fit:
    """Ordinary least squares with HC3 errors (MacKinnon & White 1985), or CR1 errors by cluster.

    A column that the ones before it explain to 1e-10 gets the coefficient NaN and is left out.
    """
    errors = Errors() if clusters is None else Errors("cluster", groups=clusters)
    fits = fit_many(target[None], design[None], errors=errors)
    return Fit(fits.coefficients[0], fits.covariance[0], fits.residuals[0], float(fits.bic[0]), int(fits.df[0]))


def fit_many(target: Array, design: Array, fixed: Array | None = None, *, errors: Errors | None = None) -> Fits:
    """Least squares of each target on its design, beside what all share.

    Parameters
    ----------
    target : (L, n) finite.
    design : (L, n, k) finite; a leading constant is known as one.
    fixed : (n, d) columns that are in every regression and whose coefficients are not asked for.
    errors : HC3 unless said.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(3, 50, 2))
    >>> fit_many(1e9 + x @ [2.0, -1.0], x, np.ones((50, 1))).coefficients.round(6).tolist()
    [[2.0, -1.0], [2.0, -1.0], [2.0, -1.0]]
    """
    links, n, k = design.shape
    leading = k > 0 and bool((design[:, :, 0] == design[:, :1, 0]).all() and design[:, 0, 0].all())
    values = np.concatenate([design.swapaxes(1, 2).reshape(links * k, n), target])
    pool = pool_of(values, fixed, leading=leading)
    return fit_pool(pool, links * k + np.arange(links), np.arange(links * k).reshape(links, k), errors=errors)


def lag_table(series: Array, lags: int) -> Array:
    """Series (M, T) at lags 0..lags on the periods that have all of them: (M * (lags + 1), T - lags), lag by lag.

    >>> lag_table(np.array([[1.0, 2.0, 3.0, 4.0]]), 1).tolist()
    [[2.0, 3.0, 4.0], [1.0, 2.0, 3.0]]
    """
    windows = np.lib.stride_tricks.sliding_window_view(series, series.shape[1] - lags, axis=1)[:, ::-1]
    return windows.reshape(-1, windows.shape[2])


def pool_of(values: Array, fixed: Array | None = None, *, leading: bool = False) -> Pool:
    """Columns (P, n) made ready for many regressions beside `fixed` (n, d); `leading` if they begin with a constant."""
    raw = np.ascontiguousarray(values, dtype=float)
    shared = np.empty((0, raw.shape[1])) if fixed is None else np.asarray(fixed, dtype=float).T
    basis = orthonormal(shared.T).T
    within = bool(len(basis)) and np.abs(1.0 - basis.T @ basis.sum(axis=1)).max() < TINY
    ready, (first, size, spread) = np.empty_like(raw), np.empty((3, len(raw)))
    step = max(1, CACHED // raw.shape[1])
    for some in (slice(start, start + step) for start in range(0, len(raw), step)):
        ready[some], first[some], size[some], spread[some] = _made_ready(raw[some], basis, moved=within or leading)
    return Pool(raw, ready, first, size, spread, shared, basis, leading and not within)


def _made_ready(raw: Array, basis: Array, *, moved: bool) -> tuple[Array, Array, Array, Array]:
    """Some columns, few enough to stay in the cache: ready, first, size, spread."""
    low, high = raw.min(axis=1), raw.max(axis=1)
    top = np.maximum(high, -low)
    exponent = np.frexp(top)[1]
    exponent = np.where(np.abs(exponent) > 200, exponent, 0)  # squares of what is larger or smaller would be lost
    first = np.where((high > low) & moved, raw[:, 0], 0.0)
    if exponent.any():
        raw, top, first = np.ldexp(raw, -exponent[:, None]), np.ldexp(top, -exponent), np.ldexp(first, -exponent)
    ready = raw - first[:, None]
    rounding = top * (math.sqrt(raw.shape[1]) * ROUNDING / TINY)
    spread = np.maximum(np.sqrt(_dot(ready, ready)), rounding)
    if len(basis):
        ready -= (ready @ basis.T) @ basis
    size = np.sqrt(_dot(ready, ready))
    ready /= np.where(size > 0, size, 1.0)[:, None]
    with np.errstate(over="ignore"):  # a column of 1e308 has an infinite length, and counts as gone
        first, size, spread = (np.ldexp(part, exponent) for part in (first, size, spread))
    return ready, first, size, spread


def fit_pool(
    pool: Pool, targets: Places, designs: Places, *, errors: Errors | None = None, exact: bool = False
) -> Fits:
    """Least squares of the columns `targets` (L,) of a pool on its columns `designs` (L, k).

    `exact` for 32 digits throughout, about a millisecond for each term; else only where they are needed.
    """
    errors = errors or Errors()
    if exact:
        return _exact(pool, targets, designs, errors)
    fits, sound = _quick(pool, targets, designs, errors)
    if not sound.all():
        found = _exact(pool, targets[~sound], designs[~sound], errors)
        for field in fields(Fits):
            getattr(fits, field.name)[~sound] = getattr(found, field.name)
    return fits


def _quick(pool: Pool, targets: Places, designs: Places, errors: Errors) -> tuple[Fits, NDArray[np.bool_]]:
    """Through Gram matrices, refined where it shows, and which regressions this leaves with digits enough."""
    (links, k), n = designs.shape, pool.raw.shape[1]
    space, members = _space(min(CHUNK, links), k, n, errors), np.hstack([designs, targets[:, None]])
    gram = _grams(pool, members)
    inverse = _inverse(_cholesky(gram[:, :k, :k]))
    inflation, inverse = (inverse**2).sum(axis=1).max(axis=1, initial=0.0), inverse.swapaxes(1, 2)
    rotated = gram[:, k:, :k] @ inverse
    left = np.concatenate([-rotated @ inverse.swapaxes(1, 2), np.ones((links, 1, 1))], axis=2)
    rest, meat, terms = np.empty((links, n)), np.empty((links, k, k)), np.full(links, float(k + len(pool.basis)))
    for chunk in _chunks(links):
        both, turn = _gathered(pool, members[chunk], space.x), inverse[chunk]
        x, part = both[:, :k], left[chunk] @ both
        if pool.leading or not (inflation[chunk] < MILD).all():
            gained = part @ x.swapaxes(1, 2) @ turn
            part -= gained @ turn.swapaxes(1, 2) @ x
            rotated[chunk] += gained
        leverage = None
        if errors.kind in ("HC2", "HC3"):
            leverage = ((turn.swapaxes(1, 2) @ x) ** 2).sum(axis=1) + (pool.basis**2).sum(axis=0)
        rest[chunk] = part[:, 0]
        meat[chunk] = _scatter(x, rest[chunk], leverage, errors, space)
    meat, rotated = inverse.swapaxes(1, 2) @ meat @ inverse, rotated[:, 0]
    with np.errstate(all="ignore"):
        good = _is_good(pool)
        sound = (inflation < INFLATED) & (_dot(rest, rest) > CLOSE) & good[targets] & good[designs].all(axis=1)
        inverse, rotated = _in_units(pool, targets, designs, inverse, rotated)
    meat *= (_factor(terms, n, errors) * pool.size[targets] ** 2)[:, None, None]
    rest *= pool.size[targets, None]
    coefficients, gone = (inverse @ rotated[:, :, None])[:, :, 0], np.zeros(designs.shape, dtype=bool)
    return Fits(coefficients, rotated, inverse, meat, rest, terms, _freedom(terms, n, errors), gone), sound


@dataclass(frozen=True, slots=True)
class _Space:
    """Where chunk after chunk is worked: fresh memory would cost more than the arithmetic.

    Scores stand row after row in one line, for HAC with as many zeros before each row (and each group of rows) as
    there are lags, so that no window reaches from one into the next; rows of zeros bring each regression to a
    multiple of four, at which matrix products run best. Kept for the next call of the same shape.
    """

    x: Array
    line: Array
    spare: Array
    places: Places | None
    width: int


def _space(links: int, k: int, n: int, errors: Errors) -> _Space:
    lags, groups = errors.lags if errors.kind == "HAC" else 0, errors.groups
    asked = links, k, n, lags, None if groups is None else groups.tobytes()
    if getattr(MEMORY, "asked", None) != asked:
        places, width = None, lags + n
        if lags and groups is not None:
            places = lags + np.arange(n) + lags * np.cumsum(np.diff(groups, prepend=groups[0]) != 0)
            width = int(places[-1]) + 1
        line = np.zeros(links * (k + -k % 4) * width + lags)
        spare = np.empty((2, line.size if lags else 0))
        space = _Space(np.empty((links, k + 1, n)), line, spare, places, width)
        if links > CHUNK:  # too much to hold on to
            return space
        MEMORY.asked, MEMORY.space = asked, space
    return cast(_Space, MEMORY.space)


def _chunks(links: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, links, CHUNK)]


def _gathered(pool: Pool, columns: Places, space: Array) -> Array:
    return np.take(pool.ready, columns, axis=0, out=space[: len(columns)], mode="clip")


def _grams(pool: Pool, columns: Places) -> Array:
    """Products (L, k, k) of the ready columns (L, k) with each other; where many share them, each product once."""
    (links, k), count = columns.shape, len(pool.ready)
    if count**2 < 3 * links * k**2:
        return np.take(pool.ready @ pool.ready.T, columns[:, :, None] * count + columns[:, None, :])
    space, gram = np.empty((min(CHUNK, links), k, pool.ready.shape[1])), np.empty((links, k, k))
    for chunk in _chunks(links):
        x = _gathered(pool, columns[chunk], space)
        np.matmul(x, x.swapaxes(1, 2), out=gram[chunk])
    return gram


def _is_good(pool: Pool) -> NDArray[np.bool_]:
    """Which columns keep digits enough once they begin at zero and are cleared."""
    near = np.abs(pool.first) * math.sqrt(pool.raw.shape[1]) < FAR * pool.size
    return np.asarray((pool.size > LEFT * pool.spread) & (near if pool.leading else True))


def _in_units(pool: Pool, targets: Places, designs: Places, inverse: Array, rotated: Array) -> tuple[Array, Array]:
    """From columns of length one that begin at zero to the columns as they were given."""
    inverse, rotated = inverse / pool.size[designs][:, :, None], rotated * pool.size[targets][:, None]
    if pool.leading:
        constant = designs[:, 0]
        one = math.sqrt(pool.raw.shape[1]) * np.sign(pool.raw[constant, 0])
        offset = (pool.first[designs][:, None] @ inverse)[:, 0]
        inverse[:, 0] -= (one / pool.size[constant])[:, None] * offset
        rotated[:, 0] += one * pool.first[targets]
    return inverse, rotated


def _freedom(terms: Array, n: int, errors: Errors) -> Array:
    if errors.kind == "cluster" and errors.groups is not None:
        return np.full_like(terms, np.unique(errors.groups).size - 1.0)
    return n - terms


def _factor(terms: Array, n: int, errors: Errors) -> Array:
    """(L,) what the scattered scores are multiplied by, small samples corrected for as statsmodels does."""
    free = np.where(n > terms, n - terms, np.nan)
    if errors.kind == "nonrobust":
        return 1.0 / free
    if errors.kind == "cluster":
        groups = np.unique(errors.groups).size if errors.groups is not None else 0
        return groups * (n - 1) / (free * (groups - 1 if groups > 1 else np.nan))
    factor = n / free if errors.corrected or errors.kind == "HC1" else np.ones_like(free)
    return factor / (errors.lags + 1) if errors.kind == "HAC" else factor


def _scatter(rows: Array, rest: Array, leverage: Array | None, errors: Errors, space: _Space) -> Array:
    """Covariance (L, k, k) of rows @ rest up to a factor, for rows (L, k, n) and residuals (L, n)."""
    links, k, n = rows.shape
    if errors.kind == "nonrobust":
        return np.asarray(rows @ rows.swapaxes(1, 2) * _dot(rest, rest)[:, None, None])
    if leverage is not None:
        rest = rest / np.maximum(1 - leverage, TINY) ** (1.0 if errors.kind == "HC3" else 0.5)
    scores = space.line[: links * (k + -k % 4) * space.width].reshape(links, -1, space.width)
    if space.places is None:
        np.multiply(rows, rest[:, None], out=scores[:, :k, space.width - n :])
    else:
        scores[:, :k, space.places] = rows * rest[:, None]
    if errors.kind == "HAC":  # sums over neighbours, whose squares add up to Bartlett weights
        scores = _windows(space.line, errors.lags + 1, space.spare)[: scores.size].reshape(scores.shape)
    elif errors.kind == "cluster" and errors.groups is not None:
        order = np.argsort(errors.groups, kind="stable")
        starts = np.flatnonzero(np.diff(errors.groups[order], prepend=-1))
        scores = np.add.reduceat(scores[:, :, order], starts, axis=2)
    return np.asarray(scores @ scores.swapaxes(1, 2))[:, :k, :k]


def _windows(line: Array, width: int, spare: Array) -> Array:
    """Sums of `width` neighbours, by doubling, from one spare line into the other."""
    if width == 1:
        return line
    even = width % 2 == 0
    half = _windows(line, width // 2, spare[::-1] if even else spare)
    last = half.size - width // 2
    pairs = np.add(half[:last], half[width // 2 :], out=spare[0 if even else 1, :last])
    return pairs if even else np.add(pairs[:-1], line[width - 1 :], out=spare[0, : last - 1])


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.vecdot(a, b))


def _cholesky(gram: Array) -> Array:
    """The lower factor of each matrix; NaN where a matrix has none."""
    try:
        return np.asarray(np.linalg.cholesky(gram), dtype=float)
    except np.linalg.LinAlgError:
        if len(gram) == 1:
            return np.full_like(gram, np.nan)
        half = len(gram) // 2
        return np.concatenate([_cholesky(gram[:half]), _cholesky(gram[half:])])


def _inverse(low: Array) -> Array:
    """Of lower triangles: for many at once row by row, which is several times as quick as LAPACK on each."""
    links, k = low.shape[:2]
    if links < k:
        return np.asarray(np.linalg.inv(low) * np.tri(k), dtype=float)
    inverse, scale = np.zeros_like(low), 1.0 / np.einsum("lii->li", low)
    for i in range(k):
        np.multiply((low[:, i, None, :i] @ inverse[:, :i, :i])[:, 0], -scale[:, i, None], out=inverse[:, i, :i])
        inverse[:, i, i] = scale[:, i]
    return inverse


def _exact(pool: Pool, targets: Places, designs: Places, errors: Errors) -> Fits:
    """In 32 digits, on the columns as they were given."""
    (links, k), d, n = designs.shape, len(pool.fixed), pool.raw.shape[1]
    fixed = np.broadcast_to(pool.fixed, (links, d, n))
    columns = np.concatenate([fixed, pool.raw[designs], pool.raw[targets][:, None]], axis=1)
    up = np.frexp(np.abs(columns).max(axis=2))[1]
    columns = np.ldexp(columns, -up[:, :, None])
    spread = np.hstack([np.sqrt((columns[:, :d] ** 2).sum(axis=2)), np.ldexp(pool.spread[designs], -up[:, d:-1])])
    with np.errstate(all="ignore"):
        q, r, rest, gone = long_qr(columns, TINY * spread)
        inverse, rotated = long_inverse(r[:, d:-1, d:-1]), r[:, d:-1, -1]
        solved = (inverse * rotated[:, None]).sum().high
        rest = np.ldexp(rest, up[:, -1:])
        leverage = (q**2).sum(axis=1) if errors.kind in ("HC2", "HC3") else None
        terms = d + k - gone.sum(axis=1, dtype=float)
        meat = _scatter(q[:, d:], rest, leverage, errors, _space(links, k, n, errors))
        meat = meat * _factor(terms, n, errors)[:, None, None]
        gone = gone[:, d:]
        coefficients = np.where(gone, np.nan, np.ldexp(solved, up[:, -1:] - up[:, d:-1]))
        turned = np.where(gone[:, :, None], 0.0, np.ldexp(inverse.high, -up[:, d:-1, None]))
    rotated_up = np.ldexp(rotated.high, up[:, -1:])
    return Fits(coefficients, rotated_up, turned, meat, rest, terms, _freedom(terms, n, errors), gone)


def ljung_box(residuals: Array, lags: int) -> Array:
    """(L,) Q over autocorrelations 1..lags of residuals (L, n) (Ljung & Box 1978); chi-squared with `lags` degrees."""
    n = residuals.shape[1]
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    power = _dot(centred, centred)
    squares = [(_dot(centred[:, lag:], centred[:, :-lag]) / power) ** 2 / (n - lag) for lag in range(1, lags + 1)]
    return np.asarray(n * (n + 2) * np.sum(squares, axis=0))


def order_search(
    target: Array,
    fixed: Array,
    choices: Array,
    blocks: Sequence[Sequence[int]],
    nested: Array,
    *,
    penalty: float | None = None,
) -> Array:
    """The criterion of every model `fixed` + a block of `choices` + the first 0, 1, ... columns of `nested`.

    Parameters
    ----------
    target : (n,)
    fixed : (n, d) in every model.
    choices : (n, m); each block names some of its columns, none of them, or all.
    nested : (n, p) added from the left.
    penalty : for each term; log n (BIC) unless said, 2 for AIC.

    Returns
    -------
    (blocks, p + 1) of n log(rss / n) + penalty * terms, the smaller the better. The information criteria of
    statsmodels are larger by n (log 2 pi + 1) + penalty.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = x[:, 0] - x[:, 2] + 0.1 * np.random.default_rng(1).normal(size=60)
    >>> int(order_search(y, np.ones((60, 1)), x[:, :2], [(0,), (1,), (0, 1)], x[:, 2:]).argmin())
    1
    """
    m, p = choices.shape[1], nested.shape[1]
    pool = pool_of(np.vstack([choices.T, nested.T, target]), fixed)
    places = np.arange(m + p + 1)[None]
    return np.asarray(search_pool(pool, places[:, -1], places[:, :m], blocks, places[:, m:-1], penalty=penalty)[0])


def search_pool(
    pool: Pool,
    targets: Places,
    choices: Places,
    blocks: Sequence[Sequence[int]],
    nested: Places,
    *,
    penalty: float | None = None,
) -> Array:
    """`order_search` for many targets (L,) at once, on columns (L, m) and (L, p) of a pool: (L, blocks, p + 1).

    All orders of a block come from one factor: residual squares are tail sums of the rotated target.
    """
    (links, m), n, each = choices.shape, pool.ready.shape[1], penalty
    columns = np.hstack([choices, nested, targets[:, None]])
    gram, after = _grams(pool, columns), range(m, columns.shape[1])
    sound = (pool.size > LEFT * pool.spread)[columns].all(axis=1)
    each = math.log(n) if penalty is None else penalty
    result = np.empty((links, len(blocks), len(after)))
    for place, block in enumerate(blocks):
        wanted = np.array([*block, *after])
        low = _cholesky(gram[:, wanted[:, None], wanted])
        rss = np.cumsum(low[:, -1, ::-1] ** 2, axis=1)[:, ::-1]
        for link in np.flatnonzero(~(sound & (np.einsum("lii->li", low).min(axis=1) > LEFT))):
            ready = pool.ready[columns[link, wanted]]
            rss[link] = _tails(ready[-1], ready[:-1].T)
        terms = len(pool.basis) + len(block) + np.arange(len(after))
        rss = np.maximum(rss[:, len(block) :] * pool.size[targets, None] ** 2, 1e-300)
        result[:, place] = n * np.log(rss / n) + each * terms
    return result


def nested_bic(target: Array, design: Array, sizes: Sequence[int]) -> Array:
    """BIC of the regressions on the first `size` columns, all from one QR: tail sums of the rotated target."""
    n, most = target.size, (TINY**2 * (target @ target) + 1e-300)
    rss = np.maximum(_tails(target, design)[list(sizes)], most)
    return np.asarray(n * np.log(rss / n) + np.array(sizes) * math.log(n), dtype=float)


def _tails(target: Array, design: Array) -> Array:
    """Residual squares (k + 1,) of the target on the first 0..k columns; a column that is gone explains nothing."""
    scale = np.sqrt((design**2).sum(axis=0))
    whole = np.column_stack([design / np.where(scale > 0, scale, 1.0), target])
    triangle = np.asarray(np.linalg.qr(whole, mode="r"), dtype=float)
    kept = np.abs(np.diag(triangle)[:-1]) >= TINY
    if not kept.all():
        return np.asarray(_tails(target, design[:, kept])[np.append(0, np.cumsum(kept))])
    return np.asarray(np.cumsum(triangle[::-1, -1] ** 2)[::-1])


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
