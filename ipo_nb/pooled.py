"""The lag regression within units that an analyst specifies, from a frame or from a Parquet file of any length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.calendars import read_stamps
from ipo_nb.errors import BadOption, FileFault, NeedsPeriods, SeriesError, UnknownMetric, nearest
from ipo_nb.panel import PERIODS
from ipo_nb.regression import TINY, Array
from ipo_nb.results import Result, said_p, spoken
from ipo_nb.within import CLUSTERS, EFFECTS, Block, Terms, Within, estimated

__all__ = ["PanelRegression", "panel_regression"]

BATCH = 65_536  # rows of a file that are held at a time
FEW = 12  # clusters below which errors by cluster are known to be too small
SHORT = 50  # periods per unit below which own lags are off by 2 to 4 % and more
SPARSE = 50  # calendar periods per period with a row, from which on a date must be wrong
COUNTED = 10_000  # numbers below this are years or a count of periods; above, 202012 and 202101 would be 89 apart
EFFECT_WORDS = {"two-way": "unit and period effects", "unit": "unit effects", "period": "period effects"}
ERROR_WORDS = {
    "unit": "errors clustered by unit",
    "period": "errors clustered by period",
    "both": "errors clustered by unit and by period",
    "driscoll-kraay": "Driscoll-Kraay errors",
    "ewc": "errors for units that move together over time (EWC)",
}
NO_PLACE = "Some rows have no unit or no period."

Codes = NDArray[np.intp]
Blocks = Callable[[], Iterable[Block]]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PanelRegression(Result):
    """The distributed-lag or ARDL regression within units that the analyst specified.

    Attributes
    ----------
    table : one row per term: `term`, `estimate`, `error` (standard error), `t`, `p_value`, `low`, `high` (95 %).
    long_run : one row per cause: `cause`, `estimate` (change of the effect for a lasting rise of one unit),
        `error` (delta method), `low`, `high`, `f`, `p_value` (all its lags together; NaN with too few
        clusters for that).
    fit : a `Within`: coefficients, counts, and the covariances of all four kinds.
    """

    effect: str
    table: pd.DataFrame
    long_run: pd.DataFrame
    own_lags: int
    effects: str
    errors: str
    fit: Within

    @property
    def text(self) -> str:
        """Each cause's lasting effect with its interval, the sample, and what to be careful with."""
        sizes = [
            f"{row['cause']} {spoken(row['estimate'], signed=True)} ({spoken(row['low'], signed=True)} to "
            f"{spoken(row['high'], signed=True)}{_told_test(row)})"
            for row in self.long_run.to_dict("records")
        ]
        return (
            f"Lasting change of {self.effect} for one unit more of: {'; '.join(sizes)}. {self.fit.n_cells:,} complete "
            f"periods of {self.fit.n_units:,} units, {self.own_lags} own lags, {EFFECT_WORDS[self.effects]} taken out, "
            f"{ERROR_WORDS[self.errors]}.{self._doubts()} One specification, not corrected for any others that were "
            "tried."
        )

    def _doubts(self) -> str:
        fit, told = self.fit, ""
        length, counts = fit.n_cells / fit.n_units, {"unit": fit.n_units, "period": fit.n_periods}
        for of in CLUSTERS[self.errors] or ("period",):
            if counts[of] < FEW:
                told += f" These errors rest on {counts[of]} {of}s only and are likely too small."
        if self.own_lags and "unit" in EFFECTS[self.effects] and length < SHORT:
            told += (
                f" In series this short, own lags come out too low by 1/{length:.0f} to 2/{length:.0f} (Nickell 1981)."
            )
        if fit.n_left_out:
            told += f" Units left out, without two complete periods: {fit.n_left_out:,}."
        return told


def _told_test(row: Mapping[Any, Any]) -> str:
    return f"; F = {row['f']:.2f}, {said_p(row['p_value'], 'p')}" if math.isfinite(row["f"]) else "; no joint test"


def panel_regression(
    source: pd.DataFrame | str | Path,
    effect: str,
    causes: Mapping[str, int | tuple[int, int]],
    *,
    unit: str = "unit",
    time: str = "period",
    own_lags: int = 0,
    effects: str = "two-way",
    errors: str = "ewc",
) -> PanelRegression:
    """Exactly the lag regression within units that the analyst specifies; a Parquet file is read in bounded memory.

    Parameters
    ----------
    source : a DataFrame indexed by unit and period, or the path of a Parquet file whose rows stand together by unit.
    causes : for each cause its lags, (first, last) or one number: {"x": (0, 2), "z": 0}. Lags follow the calendar
        within each unit; a gap stays a gap.
    unit, time : columns of units and periods, where these are no index. Periods are dates, periods, text such as
        2024-W05, 2024-01 or 2024Q1, years, or whole numbers that count periods.
    own_lags : lags 1..own_lags of the effect on the right-hand side.
    effects : taken out: "unit" (what is peculiar to each unit), "period" (what all units share), "two-way" for both.
    errors : "ewc" or "driscoll-kraay" (units that move together, also from one period to the next; `Within` says how
        well each covers), clustered by "unit" or "period", or by "both".

    Raises
    ------
    UnknownMetric : a name that is no column.
    FileFault, SeriesError, NeedsPeriods : a file, rows, values or periods that cannot be read with certainty.
    NotEnoughData : one unit or period only, or no more complete rows than terms and effects.
    NotIdentified : a cause that is the same in all units, or never changes within one, or a sum of the others.

    Notes
    -----
    Long-run effect: sum of a cause's coefficients over 1 - sum of the own lags, delta method (Wooldridge 2020, 10.2).
    The F of q lags is Wald / q on (q, df); with EWC, whose df are few, Hotelling's (Wald / q) (df - q + 1) / df on
    (q, df - q + 1) (Lazarus, Lewis, Stock & Watson 2018). It is missing where the clusters or cosines are too few.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([range(20), pd.period_range("2020-01", periods=30, freq="M")])
    >>> x = pd.Series(np.random.default_rng(0).normal(size=600), index)
    >>> frame = pd.DataFrame({"x": x, "y": 2 * x + x.groupby(level=0).shift(1)})
    >>> panel_regression(frame, "y", {"x": (0, 1)}).long_run["estimate"].round(6).tolist()
    [3.0]
    """
    windows = {name: (lags, lags) if isinstance(lags, int) else tuple(lags) for name, lags in causes.items()}
    _check_options(effect, windows, own_lags, errors)
    terms = [(effect, lag) for lag in range(own_lags + 1)]
    terms += [(name, lag) for name, (first, last) in windows.items() for lag in range(first, last + 1)]
    names = [effect, *(f"{name} lag {lag}" for name, lag in terms[1:])]
    metrics = [effect, *windows]
    if isinstance(source, pd.DataFrame):
        blocks = _frame_blocks(source, metrics, unit, time)
    else:
        blocks = _file_blocks(Path(source), metrics, unit, time)
    fit = estimated(blocks, terms, names, effects=effects)
    long_run = pd.DataFrame([_lasting(name, terms, fit, errors) for name in windows])
    return PanelRegression(effect, _per_term(names[1:], fit, errors), long_run, own_lags, effects, errors, fit)


def _check_options(effect: str, windows: Mapping[str, tuple[int, ...]], own_lags: int, errors: str) -> None:
    for name, window in windows.items():
        if len(window) != 2 or not 0 <= window[0] <= window[1]:
            expected = "(first, last) with 0 <= first <= last"
            raise BadOption(f"The lags of {name!r} are {window}.", value=window, expected=expected)
    if not windows or effect in windows:
        wrong = f"{effect!r} is both effect and cause." if windows else "No cause is named."
        raise BadOption(wrong, expected="other metrics as causes", fix="Its own history goes by own_lags.")
    if own_lags < 0:
        raise BadOption(f"own_lags is {own_lags}.", value=own_lags, expected="0 or more")
    if errors not in CLUSTERS:
        raise BadOption(f"errors is {errors!r}.", value=errors, expected=", ".join(map(repr, CLUSTERS)))


def _per_term(names: Sequence[str], fit: Within, errors: str) -> pd.DataFrame:
    from scipy.special import stdtr, stdtrit

    error, df = np.sqrt(np.diag(fit.covariances[errors])), fit.df[errors]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = fit.coefficients / error
    half = stdtrit(df, 0.975) * error
    table = pd.DataFrame({"term": list(names), "estimate": fit.coefficients, "error": error, "t": t})
    low, high = fit.coefficients - half, fit.coefficients + half
    return table.assign(p_value=2 * stdtr(df, -np.abs(t)), low=low, high=high)


def _lasting(cause: str, terms: Terms, fit: Within, errors: str) -> dict[str, Any]:
    """The change of the effect for a lasting rise of a cause by one unit, and the joint test of its lags."""
    from scipy.special import fdtrc, stdtrit

    covariance, df = fit.covariances[errors], fit.df[errors]
    its, own = (np.array([name == one for name, _ in terms[1:]]) for one in (cause, terms[0][0]))
    kept = 1 - float(fit.coefficients[own].sum())
    estimate = float(fit.coefficients[its].sum()) / kept
    gradient = (its + estimate * own) / kept
    error = math.sqrt(gradient @ covariance @ gradient)
    half = error * float(stdtrit(df, 0.975))
    f, lags = _wald(fit.coefficients[its], covariance[np.ix_(its, its)]), int(its.sum())
    if errors == "ewc":
        f, df = f * (df - lags + 1) / df if lags <= df else math.nan, df - lags + 1
    row = {"cause": cause, "estimate": estimate, "error": error, "low": estimate - half, "high": estimate + half}
    return row | {"f": f, "p_value": float(fdtrc(lags, df, f))}


def _wald(estimates: Array, covariance: Array) -> float:
    """F statistic of all estimates being zero; NaN where few clusters leave the covariance without full rank."""
    scale = np.sqrt(np.diag(covariance))
    if not scale.all():
        return math.nan
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return float(((vectors.T @ (estimates / scale)) ** 2 / values).mean()) if values[0] > TINY else math.nan


def _frame_blocks(frame: pd.DataFrame, metrics: Sequence[str], unit: str, time: str) -> Blocks:
    if frame.index.nlevels == 1 and {unit, time} <= set(frame.columns):
        frame = frame.set_index([unit, time])
    if frame.index.nlevels != 2:
        wrong = f"The frame has an index of {frame.index.nlevels} levels, and no columns {unit!r} and {time!r}."
        raise BadOption(wrong, expected="an index of unit and period", fix="Name the columns by unit= and time=.")
    for name in metrics:
        if name not in frame.columns:
            raise UnknownMetric(name, known=[str(column) for column in frame.columns])
        if frame[name].dtype.kind not in "iufb":
            raise SeriesError("The values are no numbers.", column=name, fix="Turn them into numbers first.")
    whole: Any = frame.index
    index = whole.remove_unused_levels()
    rows, positions = index.codes
    if len(index) == 0 or min(rows.min(), positions.min()) < 0:
        raise SeriesError(NO_PLACE, fix="Give each row both, or leave it out.")
    when, periods = _calendar(index.levels[1], time)
    values = {name: frame[name].to_numpy("float64", na_value=np.nan) for name in metrics}
    block = _on_grid(rows, when[positions], values, (len(index.levels[0]), periods))
    return lambda: [block]


def _on_grid(unit: Codes, when: Codes, values: Block, shape: tuple[int, int]) -> Block:
    """Rows of some units on their calendar (units, periods); a cell without a row is NaN."""
    cells = shape[0] * shape[1]
    place = unit.astype(np.intp) * shape[1] + when
    if place.size == cells and (place == np.arange(cells)).all():
        return {name: column.reshape(shape) for name, column in values.items()}
    if np.bincount(place, minlength=cells).max() > 1:
        wrong = "Some unit has two rows for one period."
        raise SeriesError(wrong, expected="one row for each unit and period", fix="Keep one of them.")
    grids = {name: np.full(cells, np.nan) for name in values}
    for name, column in values.items():
        grids[name][place] = column
    return {name: grid.reshape(shape) for name, grid in grids.items()}


def _calendar(times: Any, column: str) -> tuple[Codes, int]:
    """The place of each distinct time on one calendar from the first to the last, and the calendar's length."""
    if pd.api.types.is_integer_dtype(times):
        ordinals = np.asarray(times, dtype=np.int64)
        if ordinals.max() >= COUNTED and np.ptp(ordinals) >= len(ordinals):
            wrong = f"The periods are numbers up to {ordinals.max()}, with leaps between them."
            fix = "Write them as dates, or as text such as 2024-W05, 2024-01 or 2024Q1."
            raise SeriesError(wrong, column=column, value=int(ordinals.max()), fix=fix)
    else:
        ordinals = _ordinals(times, column)
    length = int(np.ptp(ordinals)) + 1
    if length > SPARSE * len(ordinals):
        wrong = f"The calendar runs over {length:,} periods, and {len(ordinals):,} of them have a row."
        raise SeriesError(wrong, column=column, fix="Look for a wrong date.")
    return (ordinals - ordinals.min()).astype(np.intp), length


def _ordinals(times: Any, column: str) -> NDArray[np.int64]:
    """The number of each time's period; dates stand for the longest kind of period that keeps them apart."""
    cells = list(times)
    stamps, _ = read_stamps(cells, "" if isinstance(cells[0], pd.Period) else column)
    for cell, stamp in zip(cells, stamps, strict=True):
        why = stamp if isinstance(stamp, str) else "it has a time of day" if stamp.clock else ""
        if why:
            raise SeriesError(f"The period {str(cell)!r} is not read: {why}.", column=column, value=str(cell))
    known = [stamp for stamp in stamps if not isinstance(stamp, str)]
    grains = sorted({stamp.grain for stamp in known})
    days = pd.DatetimeIndex([stamp.day for stamp in known])
    for step in reversed(PERIODS.values()) if grains == [""] else [PERIODS[grain] for grain in grains if grain]:
        periods = days.to_period(step)
        if len(grains) == 1 and periods.is_unique:
            return np.asarray(periods.asi8)
    raise NeedsPeriods(column, found=" and ".join(grain or "dates" for grain in grains) + ", not one calendar")


def _file_blocks(path: Path, metrics: Sequence[str], unit: str, time: str) -> Blocks:
    """Blocks of whole units out of a Parquet file, read anew on each call; units and periods are looked at first."""
    import pyarrow.compute as pc

    file = _opened(path, metrics, unit, time)
    lengths, times = _scanned(file, path, unit, time)
    when, periods = _calendar(_as_pandas(times, file.schema_arrow.field(time).type), time)
    ends = np.cumsum(lengths)

    def blocks() -> Iterator[Block]:
        done, rest = 0, {name: np.empty(0) for name in metrics} | {"": np.empty(0, np.intp)}
        for batch in file.iter_batches(BATCH, columns=[time, *metrics], use_threads=False):
            new = {name: _floats(batch.column(name)) for name in metrics}
            new[""] = when[pc.index_in(_bare(batch.column(time)), value_set=times).to_numpy()]
            rows = {name: np.concatenate([part, new[name]]) for name, part in rest.items()}
            first, last = np.searchsorted(ends, [done, done + len(rows[""])], side="right")
            cut = int(ends[last - 1]) - done if last > first else 0
            done, rest = done + cut, {name: part[cut:].copy() for name, part in rows.items()}
            if cut:
                numbers = np.repeat(np.arange(last - first), lengths[first:last])
                values = {name: rows[name][:cut] for name in metrics}
                yield _on_grid(numbers, rows[""][:cut], values, (last - first, periods))

    return blocks


def _opened(path: Path, metrics: Sequence[str], unit: str, time: str) -> Any:
    """The Parquet file, once all that is wanted of it is known to be there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16)  # else it keeps all that it read
    except (OSError, pa.ArrowInvalid) as error:
        wrong = "It cannot be read as Parquet." if path.exists() else "There is no such file."
        raise FileFault(wrong, file=path, expected="a Parquet file", fix="Look at its path and kind.") from error
    fields = {field.name: field.type for field in file.schema_arrow}
    for name in (unit, time):
        if name not in fields:
            raise BadOption(f"{path.name} has no column {name!r}.", value=name, fix=nearest(name, list(fields)))
    for name in metrics:
        if name not in fields:
            raise UnknownMetric(name, known=list(fields), file=path)
        if not any(test(fields[name]) for test in (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean)):
            raise SeriesError(f"The values are {fields[name]}, no numbers.", file=path, column=name)
    if not file.metadata.num_rows:
        raise FileFault("It has no rows.", file=path, expected="a row for each unit and period")
    return file


def _scanned(file: Any, path: Path, unit: str, time: str) -> tuple[Codes, Any]:
    """How many rows each unit has, in the order of the file, and the distinct times."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths: list[int] = []
    met: set[Any] = set()
    last, times = None, []
    for batch in file.iter_batches(BATCH, columns=[unit, time], use_threads=False):
        coded = _bare(batch.column(unit)).dictionary_encode()
        times.append(pc.unique(_bare(batch.column(time))))
        if coded.null_count or times[-1].null_count:
            raise SeriesError(NO_PLACE, file=path, fix="Give each row both, or leave it out.")
        codes = coded.indices.to_numpy()
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        counts, labels = np.diff(starts, append=len(codes)), coded.dictionary.take(pa.array(codes[starts])).to_pylist()
        again = int(bool(met) and labels[0] == last)
        if again:
            lengths[-1] += int(counts[0])
        _refuse_scattered(met, labels[again:], path, unit)
        lengths += counts[again:].tolist()
        last = labels[-1]
    return np.array(lengths), pc.unique(pa.concat_arrays(times))


def _refuse_scattered(met: set[Any], labels: Sequence[Any], path: Path, unit: str) -> None:
    for label in labels:
        if label in met:
            wrong = f"The rows of {str(label)!r} do not stand together, and the file is read unit by unit."
            fix = f"Sort it once: frame.sort_values([{unit!r}, ...]).to_parquet(...)."
            raise SeriesError(wrong, file=path, column=unit, value=str(label), fix=fix)
        met.add(label)


def _bare(values: Any) -> Any:
    """An Arrow array without extension type and without dictionary."""
    values = getattr(values, "storage", values)
    return values.dictionary_decode() if hasattr(values, "dictionary_decode") else values


def _floats(values: Any) -> Array:
    import pyarrow as pa

    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _as_pandas(times: Any, kind: Any) -> Any:
    """Distinct times as pandas knows them: periods, dates, text or whole numbers."""
    import pyarrow as pa

    typed = pa.ExtensionArray.from_storage(kind, times) if isinstance(kind, pa.BaseExtensionType) else times
    return typed.to_pandas()
