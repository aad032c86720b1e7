"""Least squares of many links, order search, the analyst's regression: ours and the peer's alternately, CPU seconds."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy.special import chdtrc, fdtrc
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tsa.ardl import ardl_select_order

import ipo_nb as ipo
from ipo_nb.regression import Array, Errors, fit_pool, lag_table, ljung_box, pool_of, search_pool

LINKS, METRICS, PERIODS = 200, 30, 260
LAGS, OWN, PAIRS, ROUNDS = 8, 2, 3, 7


class Map:
    """Links between metrics that remember, with trend and harmonics to be held constant; all that a peer needs too."""

    def __init__(self, links: int, periods: int) -> None:
        rng = np.random.default_rng(links + periods)
        count = max(METRICS, math.ceil(math.sqrt(links)) + 1)
        self.series = rng.normal(size=(count, periods)).cumsum(axis=1) * 0.2 + rng.normal(size=(count, periods))
        chosen = rng.choice(count * (count - 1), size=links, replace=False)
        self.cause = chosen // (count - 1)
        self.effect = (self.cause + 1 + chosen % (count - 1)) % count
        angle = 2 * np.pi * np.arange(periods)[:, None] * np.arange(1, PAIRS + 1) / 52.18
        self.terms = np.hstack([np.ones((periods, 1)), np.arange(periods)[:, None], np.cos(angle), np.sin(angle)])


def ours(data: Map) -> list[Array]:
    """For each link: coefficients, HAC errors, F of the cause's lags, long run and its error, Ljung-Box; p-values."""
    pool, wide = pool_of(lag_table(data.series, LAGS), data.terms[LAGS:]), LAGS + 1
    own, lags = np.arange(1, OWN + 1), np.arange(wide)
    designs = np.hstack([data.effect[:, None] * wide + own, data.cause[:, None] * wide + lags])
    fits = fit_pool(pool, data.effect * wide, designs, errors=Errors("HAC", 4, corrected=True))
    f, (size, error), q = fits.wald(wide), fits.long_run(slice(OWN, None), slice(0, OWN)), ljung_box(fits.residuals, 10)
    return [fits.coefficients, fits.errors, f, fdtrc(wide, fits.df, f), size, error, q, chdtrc(10, q)]


def theirs(data: Map, link: int) -> list[Array]:
    """The same of one link by statsmodels on arrays."""
    x, y = data.series[data.cause[link]], data.series[data.effect[link]]
    own = [y[LAGS - j : -j] for j in range(1, OWN + 1)]
    design = np.column_stack([data.terms[LAGS:], *own, *(x[LAGS - k : y.size - k] for k in range(LAGS + 1))])
    options = {"maxlags": 4, "use_correction": True}
    fit = sm.OLS(y[LAGS:], design).fit(cov_type="HAC", cov_kwds=options, use_t=True)
    first = data.terms.shape[1]
    joint = fit.f_test(np.eye(design.shape[1])[first + OWN :])
    kept = 1 - fit.params[first : first + OWN].sum()
    size = fit.params[first + OWN :].sum() / kept
    gradient = np.concatenate([np.zeros(first), np.full(OWN, size / kept), np.full(LAGS + 1, 1 / kept)])
    error = np.sqrt(gradient @ fit.cov_params() @ gradient)
    box = acorr_ljungbox(fit.resid, lags=[10]).iloc[0]
    told = [fit.params[first:], fit.bse[first:], joint.fvalue, joint.pvalue, size, error, *box]
    return [np.asarray(value, dtype=float) for value in told]


def searched(data: Map) -> Array:
    """Fifty models a link, own orders 0..4 and the cause's lags from none to 0..8: BIC as statsmodels has it."""
    pool, wide, n = pool_of(lag_table(data.series, LAGS), data.terms[LAGS:]), LAGS + 1, data.terms.shape[0] - LAGS
    own, lags = data.effect[:, None] * wide + np.arange(1, 5), data.cause[:, None] * wide + np.arange(wide)
    found = search_pool(pool, data.effect * wide, own, [range(order) for order in range(5)], lags)
    return found + n * (math.log(2 * math.pi) + 1) + math.log(n)


def selected(data: Map, link: int) -> Array:
    x, y = data.series[data.cause[link]], data.series[data.effect[link]]
    options = {"fixed": data.terms, "hold_back": LAGS, "ic": "bic"}
    return np.sort(ardl_select_order(y, 4, x[:, None], LAGS, "n", **options).bic.index.to_numpy(dtype=float))


def specified(frame: pd.DataFrame) -> list[Array]:
    result = ipo.lagged_regression(frame, "y", {"x": (0, LAGS)}, own_lags=OWN)
    return [result.table["estimate"].to_numpy(), result.table["error"].to_numpy(), result.long_run["f"].to_numpy()]


def by_formula(frame: pd.DataFrame) -> list[Array]:
    own = [f"y.shift({j})" for j in range(1, OWN + 1)]
    lags = [f"x.shift({k})" for k in range(LAGS + 1)]
    fit = smf.ols(f"y ~ {' + '.join(own + lags)}", frame).fit(cov_type="HAC", cov_kwds={"maxlags": 4}, use_t=True)
    joint = fit.f_test(np.eye(len(fit.params))[1 + OWN :])
    return [fit.params.to_numpy(), fit.bse.to_numpy(), np.array([float(joint.fvalue)])]


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def alternately(*works: Callable[[], object]) -> list[float]:
    """The median of each work over the rounds, after one round that does not count."""
    rounds = [[cpu(work) for work in works] for _ in range(ROUNDS + 1)][1:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def apart(ours: list[Array], theirs: list[Array]) -> float:
    """Largest difference relative to the size of each kind of number."""
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs, strict=True))


def row(work: str, mine: float, peer: float, difference: float) -> None:
    print(f"{work:56s} {mine * 1e3:10.4f} {peer * 1e3:10.3f} {peer / mine:8.0f}x {difference:12.1e}", flush=True)


def growth(work: Callable[[Map], object], sizes: list[tuple[int, int]]) -> float:
    """Exponent of CPU time from the smallest to the largest of the sizes, by least squares on logarithms."""
    maps = [Map(*size) for size in sizes]
    times = alternately(*(lambda data=data: [work(data) for _ in range(3)] for data in maps))
    grown = [max(size) if sizes[0][0] == sizes[1][0] else size[0] for size in sizes]
    return float(np.polyfit(np.log(grown), np.log(times), 1)[0])


def main() -> None:
    print(f"{'work (CPU ms a link, medians)':56s} {'ours':>10s} {'peer':>10s} {'ratio':>9s} {'difference':>12s}")
    data, few = Map(LINKS, PERIODS), range(10)
    mine, peer = alternately(lambda: [ours(data) for _ in few], lambda: [theirs(data, link) for link in few])
    found = ours(data)
    difference = max(apart([part[link] for part in found], theirs(data, link)) for link in few)
    row(
        f"regression, HAC, F, long run, Ljung-Box: {LINKS} links, T={PERIODS}", mine / 10 / LINKS, peer / 10, difference
    )
    mine, peer = alternately(lambda: [searched(data) for _ in few], lambda: [selected(data, link) for link in few])
    found = searched(data)
    difference = max(apart([np.sort(found[link].ravel())], [selected(data, link)]) for link in few[:3])
    row("order search over 50 models by BIC (ardl_select_order)", mine / 10 / LINKS, peer / 10, difference)
    weeks = pd.period_range("2020-01-06", periods=PERIODS, freq="W-SUN")
    frame = pd.DataFrame({"x": data.series[0], "y": data.series[1]}, weeks)
    mine, peer = alternately(lambda: [specified(frame) for _ in few], lambda: [by_formula(frame) for _ in few])
    row("one lagged_regression on a frame (formula)", mine / 10, peer / 10, apart(specified(frame), by_formula(frame)))
    links, periods = [(100, PERIODS), (400, PERIODS), (1600, PERIODS)], [(LINKS, n) for n in (130, 520, 2080)]
    for name, work in (("regression", ours), ("order search", searched)):
        exponents = growth(work, links), growth(work, periods)
        print(f"{name}: CPU time grows as links ^ {exponents[0]:.2f}, periods ^ {exponents[1]:.2f}")


if __name__ == "__main__":
    main()
