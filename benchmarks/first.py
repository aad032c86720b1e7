"""First timings, run by `make bench`: CPU seconds, medians, ours and the peer's alternately, one thread."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

import ipo_nb as ipo
from ipo_nb.drivers import levels, step_of
from ipo_nb.evidence import Evidence
from ipo_nb.panel import Panel
from ipo_nb.paths import reached_from, shown_links
from ipo_nb.scenario import GRADES
from ipo_nb.verdicts import LagProfile

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


def dense_evidence(metrics: int = 60, links: int = 120) -> Evidence:
    """A map with many shown links, made by hand: each a fading response with an interval, a few of them loops."""
    rng = np.random.default_rng(5)
    names = [f"M{k:02}" for k in range(metrics)]
    stages = ["input"] * (metrics // 4) + ["process"] * (metrics // 2) + ["outcome"] * (metrics // 4)
    ways = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]
    pairs = [ways[at] for at in rng.choice(len(ways), links - 4, replace=False)]
    pairs += [pair[::-1] for pair in ways[metrics * 10 :: 97] if pair not in pairs][:4]
    weeks = pd.period_range("2022-01-03", periods=156, freq="W-SUN", name="period")
    values = pd.DataFrame(50 + 0.3 * rng.normal(size=(156, metrics)).cumsum(axis=0), index=weeks, columns=names)
    known = [
        {"name": name, "stage": stage, "controllable": 3 * (stage != "outcome"), "better": "higher"}
        for name, stage in zip(names, stages, strict=True)
    ]
    ipo_map = ipo.IPOMap(known, [{"cause": cause, "effect": effect} for cause, effect in pairs])
    profiles = {}
    for cause, effect in pairs:
        size, fading, lag = rng.normal(), rng.uniform(0, 0.7), int(rng.integers(0, 5))
        response = tuple(size * (1 - fading ** max(0, ahead - lag + 1)) for ahead in range(27))
        sized = {"estimate": size, "low": size - 0.4 * abs(size), "high": size + 0.4 * abs(size), "lag": lag}
        shown = {"verdict": "supported", "grade": "B", "response": response}
        profiles[cause, effect] = LagProfile(cause, effect, "?", (0, 4), "weekly", pd.DataFrame(), **sized, **shown)
    return Evidence(ipo_map, Panel.of(values), profiles)


def sliders(evidence: Evidence, most: int) -> list[str]:
    """The metrics from which a change goes furthest, as many as are moved at once."""
    links = shown_links(evidence, grades=GRADES)
    causes = dict.fromkeys(cause for cause, _ in links)
    return sorted(causes, key=lambda name: -len(reached_from(links, [name])))[:most]


def unasked(work: Callable[[Evidence], object], evidence: Evidence) -> float:
    """CPU seconds of work on an evidence of which nothing was asked yet."""
    fresh = replace(evidence)
    return cpu(lambda: work(fresh))


def scenarios(case: str, evidence: Evidence) -> None:
    """The first step of some sliders, and the next ones, by another amount each time."""
    for count in (1, 4):
        amounts = {name: 1e-3 * step_of(evidence.panel, name) for name in sliders(evidence, count)}
        sizes = itertools.count(1)

        def step(given: Evidence, amounts: dict[str, float] = amounts, sizes: itertools.count[int] = sizes) -> object:
            at = next(sizes)
            return ipo.run_scenario(given, {name: at * amount for name, amount in amounts.items()})

        step(evidence)
        [first] = alternately(lambda: unasked(step, evidence))
        [later] = alternately(lambda: cpu(lambda: step(evidence)))
        note = f"{1000 * later:.1f} ms; the first {1000 * first:.0f} ms"
        row(f"scenario, one slider step, {case}, {count} moved", later, note=note)


def target_reached(evidence: Evidence) -> float:
    """CPU seconds of `reach_target` with every metric tried, towards the outcome that most of them move."""
    links = [pair[::-1] for pair in shown_links(evidence, grades=GRADES)]
    goals = [metric.name for metric in evidence.ipo_map.metrics if metric.stage == "outcome"]
    goal = max(goals, key=lambda name: len(reached_from(links, [name])))
    wanted = float(levels(evidence.panel, goal)[0, 0]) + 1e-3 * step_of(evidence.panel, goal)
    [spent] = alternately(lambda: unasked(lambda fresh: ipo.reach_target(fresh, goal, wanted), evidence))
    return spent


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
    for case in ("support", "gaming", "hospital"):
        drawn = ipo.load_sample(case)
        scenarios(case, ipo.weigh_links(drawn.ipo_map, drawn.panel))
    dense = dense_evidence()
    scenarios("60 metrics", dense)
    row("reach_target, 60 metrics, 120 links", target_reached(dense))
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
