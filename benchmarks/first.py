"""First timings, run by `make bench`: CPU seconds, medians, ours and the peer's alternately, one thread."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

import ipo_nb as ipo

REPEATS = 5


def cpu_of_import(module: str) -> float:
    """CPU seconds of a fresh Python that imports `module`, less those of one that imports nothing."""

    def spent(code: str) -> float:
        script = f"import time\n{code}\nprint(time.process_time())"
        return float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)

    return spent(f"import {module}") - spent("pass")


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def alternately(*works: Callable[[], float]) -> list[float]:
    """The median of each work over the rounds, after one round that does not count."""
    rounds = [[work() for work in works] for _ in range(REPEATS + 1)][1:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def one_regression() -> tuple[list[float], float]:
    """Ours against statsmodels by formula: one effect on lags 0-8 of one cause and two own lags, HAC."""
    rng = np.random.RandomState(1)
    weeks = pd.period_range("2020-01-06", periods=260, freq="W-SUN")
    frame = pd.DataFrame({"x": rng.normal(size=260)}, index=weeks)
    frame["y"] = frame["x"].shift(2, fill_value=0) + rng.normal(size=260)
    wide = pd.DataFrame({f"x{k}": frame["x"].shift(k) for k in range(9)})
    wide = wide.assign(y=frame["y"], y1=frame["y"].shift(1), y2=frame["y"].shift(2)).dropna()
    formula = "y ~ y1 + y2 + " + " + ".join(f"x{k}" for k in range(9))

    def ours() -> object:
        return ipo.lagged_regression(frame, "y", {"x": (0, 8)}, own_lags=2)

    def peer() -> object:
        return smf.ols(formula, wide).fit(cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True})

    difference = float(np.abs(np.sort(ours().fit.params) - np.sort(peer().params)).max())
    return alternately(lambda: cpu(ours), lambda: cpu(peer)), difference


def row(work: str, ours: float, peer: float | None = None, note: str = "") -> None:
    against = f"{peer:10.3f} {peer / ours:8.1f}x" if peer else " " * 20
    print(f"{work:52s} {ours:10.3f} {against}  {note}", flush=True)


def main() -> None:
    heading = f"work (CPU seconds, median of {REPEATS})"
    print(f"{heading:52s} {'ours':>10s} {'peer':>10s} {'ratio':>9s}")
    times = alternately(lambda: cpu_of_import("ipo_nb"), lambda: cpu_of_import("statsmodels.api"))
    row("import (peer: statsmodels.api)", *times)
    times, difference = one_regression()
    row("one distributed-lag regression (peer: formula)", *times, f"largest difference {difference:.0e}")
    sample = ipo.load_sample("support")
    n, periods = len(sample.ipo_map.links), len(sample.panel.values)
    [weighed] = alternately(lambda: cpu(lambda: ipo.weigh_links(sample.ipo_map, sample.panel)))
    row(f"weigh_links, {n} links, {periods} periods", weighed)
    study = ipo.run_study(sample.ipo_map, sample.panel)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")

        def report() -> object:
            path.unlink(missing_ok=True)
            return ipo.write_report(study, path)

        [written] = alternately(lambda: cpu(report))
        row("write_report of that study", written, note=f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
