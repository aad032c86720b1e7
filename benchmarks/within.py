"""Units: the two-way within regression against pyfixest and linearmodels, how it grows, and out of a Parquet file."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyfixest
from linearmodels import PanelOLS

from ipo_nb.within import Within, within

REPEATS = 5
UNITS, PERIODS, CAUSES, LAGS = 10_000, 104, 7, 4
MANY, PART = 100_000, 10_000
NAMES = [f"x{number}" for number in range(1, CAUSES + 1)]
CHILD = """
import sys, time
from pathlib import Path
from ipo_nb.pooled import panel_regression

def peak():  # of this program; what getrusage says may be the parent's
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024

before, start = peak(), time.process_time()
causes = {name: 0 for name in sys.argv[2:]}
print(*panel_regression(sys.argv[1], "y", causes, errors="unit").table[["estimate", "error"]].to_numpy().flat)
print(time.process_time() - start, peak(), before)
"""


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def median(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """CPU seconds, the median after one run that does not count."""
    return statistics.median([cpu(work) for _ in range(repeats + 1)][1:])


def panel(units: int, periods: int, *, gaps: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """An effect (units, periods) of seven causes (7, units, periods), with unit and period effects and own errors."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(CAUSES, units, periods)) + rng.normal(size=(CAUSES, 1, periods))
    y = 0.1 * x.sum(axis=0) + rng.normal(size=(units, 1)) + rng.normal(size=periods) + rng.normal(size=(units, periods))
    y[rng.random(y.shape) < gaps] = np.nan
    return y, x


def long_frame(y: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    unit, period = np.indices(y.shape)
    columns = {"unit": unit.ravel(), "period": period.ravel(), "y": y.ravel()}
    return pd.DataFrame(columns | {name: column.ravel() for name, column in zip(NAMES, x, strict=True)})


def by_pyfixest(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, and errors by unit and by Driscoll-Kraay without small-sample factors."""
    formula = f"y ~ {' + '.join(NAMES)} | unit + period"
    fit = pyfixest.feols(formula, frame, vcov={"CRV1": "unit"}, ssc=pyfixest.ssc(k_adj=False, G_adj=False))
    by_unit = fit.se().to_numpy()
    fit.vcov("DK", vcov_kwargs={"time_id": "period", "panel_id": "unit", "lag": LAGS})
    return fit.coef().to_numpy(), by_unit, fit.se().to_numpy()


def by_linearmodels(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, its factors n / (n - k - effects) taken out."""
    indexed = frame.set_index(["unit", "period"])
    model = PanelOLS(indexed["y"], indexed[NAMES], entity_effects=True, time_effects=True)
    clustered = model.fit(cov_type="clustered", cluster_entity=True)
    kernel = model.fit(cov_type="kernel", bandwidth=LAGS)
    factor = clustered.nobs / clustered.df_resid
    errors = [fit.std_errors.to_numpy() / math.sqrt(factor) for fit in (clustered, kernel)]
    return clustered.params.to_numpy(), errors[0], errors[1]


def plain(fit: Within) -> tuple[np.ndarray, ...]:
    """Coefficients and errors without small-sample factors."""
    kinds = ("unit", "driscoll-kraay")
    return fit.coefficients, *(np.sqrt(np.diag(fit.covariances[kind]) / fit.factors[kind]) for kind in kinds)


def furthest(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> float:
    return max(float(np.abs(one / other - 1).max()) for one, other in zip(ours, theirs, strict=True))


def against_peers(gaps: float) -> None:
    y, x = panel(UNITS, PERIODS, gaps=gaps)
    frame = long_frame(y, x).dropna()
    ours = plain(within(y, x, bandwidth=LAGS))
    rounds = []
    for _ in range(REPEATS + 1):
        found: list[tuple[np.ndarray, ...]] = []
        spent = cpu(lambda: within(y, x, bandwidth=LAGS))
        rounds.append((spent, cpu(lambda found=found: found.append(by_pyfixest(frame)))))
    mine, theirs = (statistics.median(times) for times in zip(*rounds[1:], strict=True))
    slow: list[tuple[np.ndarray, ...]] = []
    slowest = cpu(lambda: slow.append(by_linearmodels(frame)))
    print(f"\n{UNITS:,} units x {PERIODS} periods, {CAUSES} causes, {gaps:.0%} gaps: clustered and Driscoll-Kraay")
    print(f"  ours         {mine:8.3f} s   (median of {REPEATS}, alternately with pyfixest)")
    print(f"  pyfixest     {theirs:8.3f} s   {theirs / mine:7.1f}x   largest difference {furthest(ours, found[0]):.0e}")
    print(
        f"  linearmodels {slowest:8.3f} s   {slowest / mine:7.1f}x   largest difference {furthest(ours, slow[0]):.0e}"
    )


def growth(sizes: list[tuple[int, int]], gaps: float) -> None:
    """CPU seconds at each size (units, periods), and the exponent of the power law through them."""
    times = []
    for size in sizes:
        y, x = panel(*size, gaps=gaps)
        times.append(median(lambda y=y, x=x: within(y, x), 3))
    slope = np.polyfit(np.log([units * periods for units, periods in sizes]), np.log(times), 1)[0]
    shown = ", ".join(f"{u:,} x {t}: {spent:.3f} s" for (u, t), spent in zip(sizes, times, strict=True))
    print(f"  {gaps:.0%} gaps: {shown}   exponent {slope:.2f}")


def parts(units: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from (panel(PART, PERIODS, seed=start) for start in range(0, units, PART))


def write_panel(path: Path, units: int) -> None:
    """A Parquet file sorted by unit, in row groups of about a million rows as pandas writes them."""
    with pq.ParquetWriter(path, pa.Table.from_pandas(long_frame(*panel(1, 1)), preserve_index=False).schema) as writer:
        for number, (y, x) in enumerate(parts(units)):
            frame = long_frame(y, x).assign(unit=lambda made, first=number * PART: made["unit"] + first)
            writer.write_table(pa.Table.from_pandas(frame, preserve_index=False))


def child(path: Path) -> list[list[float]]:
    """The lines of numbers that a fresh Python prints."""
    run = subprocess.run([sys.executable, "-c", CHILD, str(path), *NAMES], capture_output=True, check=True, text=True)
    return [[float(part) for part in line.split()] for line in run.stdout.splitlines()]


def from_file(units: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "panel.parquet")
        write_panel(path, units)
        found, [spent, peak, before] = child(path)
        size = path.stat().st_size / 2**20
    y, x = (np.concatenate(some, axis=-2) for some in zip(*parts(units), strict=True))
    whole = within(y, x)
    same = np.column_stack([whole.coefficients, np.sqrt(np.diag(whole.covariances["unit"]))]).ravel()
    difference = float(np.abs(np.array(found) / same - 1).max())
    print(f"  {units:,} units x {PERIODS}, {(y.nbytes + x.nbytes) / 2**20:,.0f} MB of numbers, file {size:,.0f} MB:")
    print(f"    {spent:.1f} s CPU, peak {peak:.0f} MB ({before:.0f} MB after import), from memory {difference:.0e}")


def main() -> None:
    warnings.simplefilter("ignore")
    for gaps in (0.0, 0.05):
        against_peers(gaps)
    print("\nGrowth in units, then in periods")
    for gaps in (0.0, 0.05):
        growth([(5_000, 104), (10_000, 104), (20_000, 104), (40_000, 104)], gaps)
        growth([(5_000, 52), (5_000, 104), (5_000, 208), (5_000, 416)], gaps)
    print("\nFrom a Parquet file, in a process of its own")
    for units in (10_000, MANY):
        from_file(units)


if __name__ == "__main__":
    main()
