"""The screen of all pairs: its time against one matrix product of the same size, its memory, statsmodels, its growth.

CPU seconds, one thread (OMP_NUM_THREADS=1). 2,000 random walks of 520 weeks, lags 0 to 25; links are planted between
some of them, so that there are candidates whose F can be compared.
"""

from __future__ import annotations

import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm

from ipo_nb.panel import Panel
from ipo_nb.screen import Screen, evened, innovations, screen_links

METRICS, PERIODS, LAGS = 2_000, 520, 26
OWN_LAGS = 8  # periods that the own history takes off the start
PEERS = 20  # pairs put to statsmodels
ROUNDS = 3


def walks(metrics: int, periods: int) -> Panel:
    """Random walks; every even one moves the next, a few weeks later."""
    values = np.random.default_rng(1).normal(size=(periods, metrics))
    for cause in range(0, metrics - 1, 2):
        values[cause % LAGS :, cause + 1] += values[: periods - cause % LAGS, cause]
    index = pd.period_range("2014-01-06", periods=periods, freq="W-SUN")
    return Panel.of(pd.DataFrame(values.cumsum(axis=0), index=index, columns=[f"m{k}" for k in range(metrics)]))


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def product(metrics: int, periods: int, columns: int) -> float:
    """CPU seconds of the product of all lag bases with `columns` columns for each effect, in the same blocks."""
    rows = periods - OWN_LAGS - LAGS + 1
    rng = np.random.default_rng(2)
    bases, targets = rng.normal(size=(32 * LAGS, rows)), rng.normal(size=(rows, metrics * columns))
    place = np.empty((32 * LAGS, metrics * columns))
    once = cpu(lambda: [np.matmul(bases, targets, out=place) for _ in range(10)]) / 10
    return once * metrics / 32


def peer(panel: Panel, screen: Screen) -> tuple[float, float]:
    """CPU seconds of statsmodels for one pair, on the same news as arrays, and the largest relative difference of F."""
    news = innovations(panel.values.to_numpy().T, season=panel.season)
    moves = evened(news)
    time_terms = np.arange(news.shape[1])
    angles = time_terms[:, None] * np.arange(1, 7) * 2 * np.pi * 7 / 365.25
    fixed = np.column_stack([np.ones(len(angles)), time_terms, np.cos(angles), np.sin(angles)])[OWN_LAGS + LAGS - 1 :]
    times, differences = [], []
    for row in screen.table.head(PEERS).itertuples():
        cause, effect = panel.names.index(row.cause), panel.names.index(row.effect)

        def work(cause: int = cause, effect: int = effect) -> float:
            lags = np.lib.stride_tricks.sliding_window_view(moves[cause][OWN_LAGS:], LAGS)[:, ::-1]
            fit = sm.OLS(news[effect][OWN_LAGS + LAGS - 1 :], np.hstack([lags, fixed])).fit()
            return float(fit.f_test(np.eye(LAGS, fit.params.size)).fvalue)

        differences.append(abs(work() / row.F - 1))
        times.append(cpu(work))
    return statistics.median(times), max(differences)


def exponent(sizes: list[int], panels: list[Panel]) -> float:
    """The power of the size with which CPU time grows, from the smallest to the largest."""
    seconds = [
        min(cpu(lambda panel=panel: screen_links(panel, max_lag=LAGS - 1)) for _ in range(2)) for panel in panels
    ]
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])


def peak() -> float:
    """Peak memory of a fresh process that runs the whole screen, in GiB."""
    run = subprocess.run([sys.executable, __file__, "peak"], capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    panel = walks(METRICS, PERIODS)
    screen_links(walks(40, PERIODS), max_lag=LAGS - 1)  # imports, first allocations
    screens: list[Screen] = []

    def whole() -> float:
        return cpu(lambda: screens.append(screen_links(panel, max_lag=LAGS - 1)))

    rounds = [(whole(), product(METRICS, PERIODS, 1), product(METRICS, PERIODS, 3)) for _ in range(ROUNDS)]
    ours, same, wide = (statistics.median(times) for times in zip(*rounds, strict=True))
    screen = screens[0]
    print(f"screen of {screen.n_pairs:,} pairs, {LAGS} lags, {PERIODS} periods: {ours:.1f} s")
    print(f"  matrix product of the same size: {same:.1f} s, ratio {ours / same:.2f}")
    print(f"  the same with two own lags of each effect: {wide:.1f} s, ratio {ours / wide:.2f}")
    print(f"  peak memory: {peak():.2f} GiB")
    one, difference = peer(panel, screen)
    seconds = one * screen.n_pairs
    print(f"  statsmodels on the same arrays: {1000 * one:.1f} ms a pair, {seconds / 3600:.1f} h (extrapolated)")
    print(
        f"  that is {seconds / ours:,.0f}x; largest relative difference of F over {PEERS} candidates {difference:.0e}"
    )
    sizes = [500, 1000, 2000, 4000]
    grown = exponent(sizes, [walks(size, PERIODS) for size in sizes])
    print(
        f"  time grows with the power {grown:.2f} of the metrics, pairs with that of 2 ({', '.join(map(str, sizes))})"
    )
    sizes = [260, 520, 1040]
    grown = exponent(sizes, [walks(1000, size) for size in sizes])
    print(f"  time grows with the power {grown:.2f} of the periods ({', '.join(map(str, sizes))})")


if __name__ == "__main__":
    if sys.argv[1:] == ["peak"]:
        screen_links(walks(METRICS, PERIODS), max_lag=LAGS - 1)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    else:
        main()
