"""Timings of drivers' shares: CPU seconds, medians, ours and the peer's alternately, one thread."""

from __future__ import annotations

import math
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import statsmodels.api as sm

from ipo_nb.shares import lmg

REPEATS = 5
ROWS = 260


def cpu(work: Callable[[], object]) -> float:
    """Seconds of one call, over as many as fill 50 ms."""
    start, calls, spent = time.process_time(), 0, 0.0
    while spent < 0.05:
        work()
        calls, spent = calls + 1, time.process_time() - start
    return spent / calls


def alternately(*works: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """The median of each work over the rounds, after one round that does not count."""
    rounds = [[cpu(work) for work in works] for _ in range(repeats + 1)][1:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def planted(drivers: int, lags: int = 1, rows: int = ROWS) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """An outcome and what moves it: correlated columns, several lags in a block."""
    draw = np.random.default_rng(1)
    shared = draw.normal(size=(rows, 1))
    blocks = {f"x{k}": draw.normal(size=(rows, lags)) + shared for k in range(drivers)}
    return sum(block.sum(axis=1) for block in blocks.values()) + 3 * draw.normal(size=rows), blocks


def by_statsmodels(outcome: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The plain loop: each sub-model fitted, then Shapley's formula."""
    count, known = columns.shape[1], {(): 0.0}
    for size in range(1, count + 1):
        for held in combinations(range(count), size):
            known[held] = sm.OLS(outcome, sm.add_constant(columns[:, held])).fit().rsquared
    gains = np.zeros(count)
    for held, explained in known.items():
        for one in set(range(count)) - set(held):
            weight = 1 / (count * math.comb(count - 1, len(held)))
            gains[one] += weight * (known[tuple(sorted((*held, one)))] - explained)
    return gains


def by_pingouin(outcome: np.ndarray, columns: np.ndarray) -> np.ndarray:
    import pingouin

    return np.asarray(pingouin.linear_regression(columns, outcome, relimp=True)["relimp"])[1:]


def row(work: str, ours: float, peers: Sequence[tuple[str, float]] = (), note: str = "") -> None:
    against = ", ".join(f"{name} {seconds:,.2f} ({seconds / ours:,.0f}x)" for name, seconds in peers)
    print(f"{work:44s} {ours:8.4f}  {'; '.join(filter(None, [against, note]))}", flush=True)


def against_peers() -> list[float]:
    """10 single columns by all three; the peers' seconds."""
    outcome, blocks = planted(10)
    columns = np.hstack(list(blocks.values()))
    works = [lambda: lmg(outcome, blocks), lambda: by_statsmodels(outcome, columns)]
    works.append(lambda: by_pingouin(outcome, columns))
    ours, *peers = alternately(*works, repeats=3)
    found = lmg(outcome, blocks)[0][0]
    off = [np.abs(peer(outcome, columns) - found).max() for peer in (by_statsmodels, by_pingouin)]
    named = list(zip(("statsmodels", "pingouin"), peers, strict=True))
    row("exact, 10 drivers", ours, named, f"largest difference {max(off):.0e}")
    return peers


def alone(
    work: str, drivers: int, *, peers: Sequence[float] = (), scale: float = 1, resamples: int = 0, **given: int
) -> None:
    """One row of ours; the peers' seconds for 10 drivers, grown as their sub-models do."""
    outcome, blocks = planted(drivers, **given)
    [ours] = alternately(lambda: lmg(outcome, blocks, resamples=resamples), repeats=3)
    tracemalloc.start()
    gains, error = lmg(outcome, blocks, resamples=resamples)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    grown = [seconds * scale * 2 ** (drivers - 10) for seconds in peers]
    named = list(zip(("statsmodels, extrapolated", "pingouin, extrapolated"), grown, strict=bool(peers)))
    sampled = f", standard error {100 * error.max() / gains[0].sum():.2f} points" if error.any() else ""
    row(work, ours, named, f"peak {peak:.0f} MiB{sampled}")


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"shares of drivers, {ROWS} rows (CPU seconds, median)")
    peers = against_peers()
    alone("exact, 16 drivers", 16, peers=peers)
    alone("exact, 20 drivers", 20, peers=peers)
    alone("exact, 24 drivers", 24, peers=peers)
    alone("exact, 20 drivers of 3 lags", 20, lags=3)
    alone("12 drivers, 999 resamples", 12, peers=peers, scale=1000, resamples=999)
    alone("12 drivers, 2,000 rows, 999 resamples", 12, rows=2000, resamples=999)
    alone("12 drivers of 3 lags, 999 resamples", 12, lags=3, resamples=999)
    alone("16 drivers, 199 resamples", 16, resamples=199)
    alone("24 drivers, 199 resamples by sampled orders", 24, resamples=199)
    alone("30 drivers, sampled", 30)
    alone("60 drivers, sampled", 60)
    alone("30 drivers of 3 lags, sampled", 30, lags=3)


if __name__ == "__main__":
    main()
