"""The cases of sample_data/ by name: inventory, map, series and the truth that the series were made of."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from ipo_nb.errors import BadOption, FileFault, nearest
from ipo_nb.metrics import name_key
from ipo_nb.panel import PERIODS, read_series
from ipo_nb.reading import read_map
from ipo_nb.simulate import Planted, Sample, Shape, simulate_system, truth_table

__all__ = ["CASES", "load_sample", "sample_folder", "simulate_case", "write_samples"]

CASES = ("support", "gaming", "hospital")
FILES = ("inventory.csv", "map.yml", "truth.yml")  # written by people; series.csv is made of them


def sample_folder(name: str) -> Path:
    """The folder of a sample case: inventory.csv, map.yml, series.csv and truth.yml.

    Raises BadOption for a name that is no case, FileFault if the installation lacks its files.

    >>> sample_folder("support").name
    'support'
    """
    known = {name_key(case): case for case in CASES}
    case = known.get(name_key(str(name)))
    if case is None:
        message = f"There is no sample case called {name!r}."
        raise BadOption(message, value=name, expected=", ".join(CASES), fix=nearest(str(name), CASES))
    here = Path(__file__).parent
    for home in (here / "sample_data", here.parent / "sample_data"):  # an installed wheel, a checkout
        if (home / case / "map.yml").is_file():
            return home / case
    raise FileFault(f"The files of the sample case {case!r} are missing.", file=case, fix="Install ipo_nb again.")


def load_sample(name: str) -> Sample:
    """A sample case by name: `support`, `gaming` or `hospital`, in any spelling of capitals.

    Returns a Sample, read from its files as an analyst would read them: `.ipo_map`, `.panel`, and `.truth`. The map
    forgets its files, so that no widget saves over the case; `teaching.own_copy` gives files of one's own.
    Raises BadOption if there is no such case, and says the nearest one.

    >>> load_sample("hospital").panel.units[:2]
    ('Alder', 'Ash')
    """
    folder = sample_folder(name)
    ipo_map = read_map(folder / "map.yml")
    truth = truth_table(_planted(_recipe(folder)))
    return Sample(folder.name, ipo_map.without_file(), read_series(None, ipo_map), truth)


def simulate_case(folder: str | Path, *, seed: int | None = None) -> Sample:
    """Make the series of a case from its map and truth.yml; another seed is another draw of the same truth.

    >>> simulate_case(sample_folder("gaming"), seed=7).panel.values.shape
    (156, 19)
    """
    recipe = _recipe(Path(folder))
    ipo_map = read_map(Path(folder) / "map.yml")
    when = pd.period_range(recipe["start"], periods=recipe["periods"], freq=PERIODS[ipo_map.cadence])
    seed = recipe["seed"] if seed is None else seed
    said: dict[str, Any] = {"ipo_map": ipo_map, "periods": when, "units": recipe.get("units", ()), "seed": seed}
    return simulate_system(_planted(recipe), _shapes(recipe), **said)


def write_samples(folder: str | Path | None = None) -> list[Path]:
    """Write every case into a folder, the same bytes on each run; without one, where the cases are."""
    written = []
    for case in CASES:
        source = sample_folder(case)
        target = source if folder is None else Path(folder) / case
        if target != source:
            target.mkdir(parents=True, exist_ok=True)
            for file in FILES:
                shutil.copyfile(source / file, target / file)
        text = _series_text(simulate_case(source), _recipe(source))
        (target / "series.csv").write_bytes(text.encode())
        written.append(target / "series.csv")
    return written


def _recipe(folder: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    recipe: dict[str, Any] = yaml.safe_load((folder / "truth.yml").read_text("utf-8"))
    return recipe


def _planted(recipe: dict[str, Any]) -> list[Planted]:
    """The planted pairs; their sign is in the file for people, and follows from the estimate."""
    planted = []
    for row in recipe["links"]:
        unsaid = {"lag": math.nan, "estimate": math.nan if row["kind"] == "identity" else 0.0}
        planted.append(Planted(**(unsaid | {key: value for key, value in row.items() if key != "sign"})))
    return planted


def _shapes(recipe: dict[str, Any]) -> dict[str, Shape]:
    rows: dict[str, dict[str, Any]] = recipe["shapes"]
    return {name: Shape(**row) for name, row in rows.items()}


def _series_text(sample: Sample, recipe: dict[str, Any]) -> str:
    """The recorded metrics as CSV, each number with the decimals of its shape, a missing one as nothing."""
    values, source = sample.panel.values, sample.ipo_map.data
    days = [str(period.start_time.date()) for period in values.index.get_level_values("period")]
    keys = [list(values.index.get_level_values("unit")), days] if sample.panel.units else [days]
    columns = dict(zip([*source.units, *source.time], keys, strict=True)) if source else {}
    for name, shape in _shapes(recipe).items():
        columns[name] = ["" if math.isnan(x) else f"{x:.{shape.decimals}f}" for x in values[name]]
    return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")


if __name__ == "__main__":
    write_samples()
