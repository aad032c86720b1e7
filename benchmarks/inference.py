"""The default test on a whole map, against a plain loop over statsmodels fits; and how its cost grows."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.tsa.stattools import grangercausalitytests

import ipo_nb as ipo
from ipo_nb import filters
from ipo_nb.filters import filtered, lagged
from ipo_nb.inference import Setting, framed, setting_of, standardised, try_link
from ipo_nb.shapes import network

DRAWS = 1999
TRIED = 4  # draws of the loop that are timed; the rest is extrapolated
LAGS = range(1, 9)


def cpu(work: Callable[[], object], repeats: int = 3) -> float:
    """CPU seconds, median, with nothing remembered from before."""
    times = []
    for _ in range(repeats):
        for memo in (filters._autoregression, filters._fourier_pairs, filters._standing_weeks):
            memo.cache_clear()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def a_map(seed: int, periods: int = 156) -> tuple[list[np.ndarray], tuple[tuple[int, int], ...]]:
    """Series of 30 metrics, each (1, periods), and the 200 links believed among them."""
    made = network(seed)
    values = np.hstack([network(seed + k).values for k in range(math.ceil(periods / 156))])[:, :periods]
    return [standardised(series[None])[0] for series in values], made.candidates


def tested(series: list[np.ndarray], links: tuple[tuple[int, int], ...]) -> list[float]:
    """The p-value of each link: season, filters, wild bootstrap."""
    settings = (setting_of(series[a], series[b], series[a].shape[1], 52) for a, b in links)
    found = (try_link(series[b], series[a], LAGS, one, [], DRAWS) for (a, b), one in zip(links, settings, strict=True))
    return [one.joint.p_value for one in found if one is not None]


def frame_of(x: np.ndarray, y: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The residual frame of one link with the lags as they are: target, candidates, what is held constant."""
    own = setting.dynamics(y)
    found = framed(y, [lagged(filtered(x, own), lag) for lag in LAGS], setting.tested, own, [])
    assert found is not None
    return found[0], found[1], found[2]


def by_loop(target: np.ndarray, candidates: np.ndarray, basis: np.ndarray, draws: int) -> float:
    """The same statistic by one statsmodels fit for each candidate and draw: the plain way to write it down."""
    rng = np.random.default_rng(1)
    null = sm.OLS(target, basis).fit()
    scaled = null.resid / (1 - (basis**2).sum(1))
    largest = 0.0
    for _ in range(draws):
        drawn = null.fittedvalues + rng.choice([-1.0, 1.0], target.size) * scaled
        for column in candidates.T:
            fit = sm.OLS(drawn, np.column_stack([column, basis])).fit(cov_type="HC3")
            largest = max(largest, abs(float(fit.tvalues[0])))
    return largest


def by_granger(series: list[np.ndarray], links: tuple[tuple[int, int], ...]) -> list[float]:
    """The smallest p over 1 to 8 lags, as many report it: no season, no correction for the lags tried."""
    smallest = []
    for a, b in links:
        found = grangercausalitytests(np.column_stack([series[b][0], series[a][0]]), max(LAGS))
        smallest.append(min(one[0]["ssr_ftest"][1] for one in found.values()))
    return smallest


def main() -> None:
    series, links = a_map(5)
    ours = cpu(lambda: tested(series, links))
    print(f"default test, {len(links)} links, 156 periods, up to {DRAWS} draws: {ours:.2f} s")
    few = links[:20]
    granger = cpu(lambda: by_granger(series, few)) / len(few)
    print(f"grangercausalitytests: {granger:.4f} s a link, {granger / (ours / len(links)):.1f}x")
    a, b = links[0]
    frame = frame_of(series[a], series[b], setting_of(series[a], series[b], 156, 52))
    loop = cpu(lambda: by_loop(*frame, TRIED), 1) / TRIED * DRAWS
    print(f"plain loop over statsmodels, one link (8 lags of the cause alone): {loop:.1f} s, extrapolated from {TRIED}")
    print(f"ratio a link: {loop / (ours / len(links)):.0f}x")
    made = network(5)
    ipo_map = ipo.IPOMap(made.metrics(), made.links(declared=True), cadence="weekly")
    weeks = pd.period_range("2021-01-04", periods=156, freq="W-SUN", name="period")
    panel = ipo.read_series(pd.DataFrame(made.values.T, index=weeks, columns=list(made.names)), ipo_map)
    whole = cpu(lambda: ipo.weigh_links(ipo_map, panel), 1)
    print(f"weigh_links, {len(ipo_map.links)} links, everything (reverse, size, holdout, placebos): {whole:.1f} s")
    times = [cpu(lambda n=n: tested(*a_map(5, n))) for n in (104, 208, 416)]
    print(f"growth with periods, 104 to 416: exponent {math.log(times[-1] / times[0], 4):.2f}")
    times = [cpu(lambda k=k: tested(series, links[:k])) for k in (50, 100, 200)]
    print(f"growth with links, 50 to 200: exponent {math.log(times[-1] / times[0], 4):.2f}")


if __name__ == "__main__":
    main()
