"""The distributed-lag or ARDL regression that an analyst specifies, run as it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption, NeedsPeriods, NotEnoughData, NotIdentified, UnknownMetric
from ipo_nb.regression import Array, Errors, Fits, Places, fit_pool, pool_of
from ipo_nb.results import Result, plain, said_p, spoken

__all__ = [
    "LaggedRegression",
    "Specified",
    "as_periods",
    "interval",
    "lagged_regression",
    "size_of",
    "specify",
    "term_table",
]

HORIZON = 24  # periods for which a response is told that own lags carry on
SMALL = 3000  # rows times terms squared up to which 32 digits take no time worth saving
KINDS = ("HAC", "newey", "nonrobust", "HC0", "HC1", "HC2", "HC3", "cluster")
POWERS = {"n": 0, "c": 1, "ct": 2, "ctt": 3}  # of time, from the constant on


def as_periods(series: pd.Series[float]) -> pd.Series[float]:
    """The series on a sorted PeriodIndex without missing values, or NeedsPeriods."""
    series = series.set_axis(_calendar(series.index, series.name))
    known = (
        pd.to_numeric(series, errors="coerce").replace([np.inf, -np.inf], np.nan).dropna().sort_index().astype(float)
    )
    if known.empty:
        raise NotEnoughData(f"The series {str(series.name)!r} holds no number.", fix="Look at what was read.")
    return known


def _calendar(index: pd.Index, name: Any) -> pd.PeriodIndex:
    """The index as periods, each of them once, or NeedsPeriods."""
    if isinstance(index, pd.DatetimeIndex):
        freq = index.freqstr or (pd.infer_freq(index) if len(index) > 2 else None)
        if freq is None:
            raise NeedsPeriods(name, found="DatetimeIndex without a regular step")
        index = index.to_period(_period_step(freq))
    if not isinstance(index, pd.PeriodIndex):
        raise NeedsPeriods(name, found=type(index).__name__)
    if index.has_duplicates:
        twice = str(index[index.duplicated()][0])
        raise BadOption(f"The series {str(name)!r} has two values for {twice}.", value=twice, fix="Keep one of them.")
    return index


def _period_step(freq: str) -> str:
    """The period step of an offset alias: month starts and ends are months, and so on."""
    head = freq.split("-")[0]
    known = {"MS": "M", "ME": "M", "QS": "Q", "QE": "Q", "YS": "Y", "YE": "Y", "AS": "Y", "B": "D"}
    tail = freq[len(head) :] if head in ("W",) else ""
    return known.get(head, head) + tail


@dataclass(frozen=True, slots=True)
class Specified:
    """A regression as it was specified, on its complete rows; `.fit` of a result is made from it.

    Attributes
    ----------
    target, columns, names : (rows,), (rows, terms), and the terms' names.
    index : the period of each row; with units (unit, period).
    units : (rows,) number of the unit of each row, or None.
    absorbed : whether each unit has a constant of its own, held but not told.
    own_lags : number of own lags, whose terms stand before those of the causes.
    windows : first and last lag of each cause, in the order of their terms, which are the last ones.
    """

    target: Array
    columns: Array
    names: tuple[str, ...]
    index: pd.Index
    units: Places | None
    absorbed: bool
    own_lags: int
    windows: Mapping[str, tuple[int, ...]]

    @property
    def blocks(self) -> dict[str, slice]:
        """Where the terms of each cause stand."""
        sizes = [last - first + 1 for first, last in self.windows.values()]
        ends = [len(self.names) - sum(sizes[k:]) for k in range(len(sizes) + 1)]
        return {name: slice(*pair) for name, pair in zip(self.windows, pairwise(ends), strict=True)}

    @property
    def own(self) -> slice:
        """Where the own lags stand."""
        first = next(iter(self.blocks.values())).start
        return slice(first - self.own_lags, first)

    @property
    def held(self) -> Array | None:
        """(rows, units) the constants of the units."""
        if self.units is None or not self.absorbed:
            return None
        return np.asarray(self.units[:, None] == np.unique(self.units), dtype=float)

    def fits(self, errors: Errors) -> Fits:
        """The regression by our own arithmetic: as it stands, then with the terms of each cause moved to its end."""
        pool = pool_of(np.vstack([self.columns.T, self.target]), self.held, leading=self.names[:1] == ("constant",))
        order = np.arange(len(self.names))
        orders = [order, *(np.append(np.delete(order, block), order[block]) for block in self.blocks.values())]
        small = self.columns.size * order.size < SMALL
        fits = fit_pool(pool, np.full(len(orders), order.size), np.array(orders), errors=errors, exact=small)
        if fits.gone[0].any():
            name = self.names[int(np.argmax(fits.gone[0]))]
            fix = "Leave it out, or leave out what it is made of."
            raise NotIdentified(f"The term {name!r} is a sum of the other terms.", value=name, fix=fix)
        return fits

    def statsmodels(self, errors: Errors) -> Any:
        """The same regression by statsmodels."""
        import statsmodels.api as sm

        kind = errors.kind
        options: dict[str, Any] = {}
        if kind == "HAC":
            options = {"maxlags": errors.lags, "use_correction": errors.corrected}
        if kind == "HAC" and self.units is not None:
            kind, corrected = "hac-panel", "hac" if errors.corrected else False
            options |= {"groups": self.units, "use_correction": corrected, "df_correction": False}
        elif kind == "cluster":
            options = {"groups": self.units}
        design, held = pd.DataFrame(self.columns, self.index, list(self.names)), self.held
        if held is not None:
            design[[f"unit {k}" for k in range(1, held.shape[1] + 1)]] = held
        target = pd.Series(self.target, self.index)
        return sm.OLS(target, design).fit(method="qr", cov_type=kind, cov_kwds=options or None, use_t=True)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaggedRegression(Result):
    """The distributed-lag or ARDL regression that the analyst specified.

    Attributes
    ----------
    table : one row per term: `term`, `estimate`, `error` (standard error), `t`, `p_value`, `low`, `high` (95 %).
    long_run : one row per cause: `cause`, `estimate` (change of the effect for a lasting rise of one unit),
        `error` (delta method), `low`, `high`, `f`, `p_value` (all its lags together).
    response : one row per cause and lag: `cause`, `lag`, `estimate` (change of the effect that many periods after a
        lasting rise of one unit: the cumulative dynamic multiplier), `error`, `low`, `high`.
    errors : how standard errors were made, in words.
    n_periods : complete rows, those of all units together.
    fit : the statsmodels result, made when asked for: `fit.summary()`, `fit.resid`, diagnostics.
    """

    effect: str
    table: pd.DataFrame
    long_run: pd.DataFrame
    own_lags: int
    errors: str
    n_periods: int
    specified: Specified
    how: Errors

    @property
    def fit(self) -> Any:
        return self.specified.statsmodels(self.how)

    @property
    def response(self) -> pd.DataFrame:
        fits = self.specified.fits(self.how)
        return pd.concat(
            [_response(fits, self.specified, cause) for cause in self.specified.windows], ignore_index=True
        )

    @property
    def text(self) -> str:
        sizes = [size_of(row) for _, row in self.long_run.iterrows()]
        return (
            f"Lasting change of {self.effect} for one unit more of: {'; '.join(sizes)}. {self.n_periods} complete "
            f"periods, {self.own_lags} own lags, {self.errors} errors. One specification, not corrected for any others "
            "that were tried."
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready values: `text`, `table`, `long_run` and `response`."""
        return Result.to_dict(self) | {"long_run": plain(self.long_run), "response": plain(self.response)}


def size_of(row: pd.Series[Any]) -> str:
    """A row of a long-run table as it is read aloud."""
    interval = f"{spoken(row['low'], signed=True)} to {spoken(row['high'], signed=True)}"
    tested = f"; F = {row['f']:.2f}, {said_p(row['p_value'], 'p')}" if "f" in row else ""
    return f"{row['cause']} {spoken(row['estimate'], signed=True)} ({interval}{tested})"


def lagged_regression(
    frame: pd.DataFrame,
    effect: str,
    causes: Mapping[str, int | tuple[int, int]],
    *,
    own_lags: int = 0,
    trend: str = "c",
    season: int | None = None,
    errors: str | tuple[str, int] = "HAC",
) -> LaggedRegression:
    """Exactly the distributed-lag (own_lags=0) or ARDL regression that the analyst specifies.

    The numbers are right to ten digits or refused by name, on columns with offsets of 1e9 and lags near-collinear too.

    Parameters
    ----------
    frame : a column per metric on a PeriodIndex or regular DatetimeIndex, or on (unit, period): lags stay in a unit.
    causes : for each cause its lags, (first, last) or one number: {"x": (0, 2), "z": 0}. A dummy, a power of time or
        any other column of the frame is a cause at lag 0.
    own_lags : lags 1..own_lags of the effect on the right-hand side.
    trend : "n" nothing, "c" constant, "ct" constant and linear trend (1, 2, ... from the first period on), "ctt" and
        its square; "u" a constant for each unit (the within estimator), "ut" with a common trend.
    season : periods in a year, for one dummy less than that (in a monthly calendar January has none).
    errors : "HAC" (Newey & West 1987 without small-sample factor, as statsmodels has it), "newey" (times n / (n - k),
        as Stata's newey has it), "nonrobust" (of the textbook), "HC0" to "HC3", "cluster" (CR1, by unit).
        HAC takes floor(4 (n / 100)^(2/9)) lags, n the periods of the longest unit; ("HAC", 7) or ("newey", 7) takes 7.
        It takes complete rows to follow each other, and never leads from one unit into the next.

    Raises
    ------
    UnknownMetric : a name that is no column.
    BadOption : an option that says nothing.
    NotEnoughData : fewer complete periods than terms + 2.
    NotIdentified : a term that the others add up to, or an effect that never moved.

    Notes
    -----
    Long-run effect: sum of a cause's coefficients over 1 - sum of the own lags, delta method; intervals by t quantiles
    (n - k degrees of freedom, units - 1 for "cluster"); F of all lags of a cause from the same covariance
    (Wooldridge 2020, 10.2; Stock & Watson 2019, 16.3).

    Examples
    --------
    >>> months = pd.period_range("2020-01", periods=60, freq="M")
    >>> x = pd.Series(np.random.default_rng(0).normal(size=60), months)
    >>> frame = pd.DataFrame({"x": x, "y": 2 * x + x.shift(1).fillna(0)})
    >>> lagged_regression(frame, "y", {"x": (0, 1)}, errors="nonrobust").long_run["estimate"].round(6).tolist()
    [3.0]
    """
    windows = {name: (lags, lags) if isinstance(lags, int) else tuple(lags) for name, lags in causes.items()}
    _check_options(frame, effect, windows, own_lags, trend, season)
    kind, lags = _check_errors(errors, by_unit=isinstance(frame.index, pd.MultiIndex))
    specified = specify(frame, effect, windows, own_lags, trend, season)
    how = _how(kind, lags, specified)
    fits = specified.fits(how)
    long_run = [_lasting(fits, specified, cause, k) for k, cause in enumerate(windows, start=1)]
    words = f"{kind} ({how.lags} lags)" if how.kind == "HAC" else kind
    tables = term_table(fits, specified.names), pd.DataFrame(long_run)
    return LaggedRegression(effect, *tables, own_lags, words, len(specified.target), specified, how)


def _check_options(
    frame: pd.DataFrame,
    effect: str,
    windows: Mapping[str, tuple[int, ...]],
    own_lags: int,
    trend: str,
    season: int | None,
) -> None:
    columns = list(frame.columns)
    for name in (effect, *windows):
        if name not in columns:
            raise UnknownMetric(name, known=[str(column) for column in columns])
        if columns.count(name) > 1:
            raise BadOption(f"Two columns are called {name!r}.", value=name, fix="Give each a name of its own.")
    for name, window in windows.items():
        if len(window) != 2 or not 0 <= window[0] <= window[1]:
            message = f"The lags of {name!r} are {window}."
            raise BadOption(message, value=window, expected="(first, last) with 0 <= first <= last")
    if not windows or effect in windows:
        message = f"{effect!r} is effect and cause." if windows else "No cause is named."
        raise BadOption(message, value=effect, fix='Name others, such as {"x": (0, 2)}; own_lags holds its own past.')
    if own_lags < 0:
        raise BadOption(f"own_lags is {own_lags}.", value=own_lags, expected="0 or more")
    known = [*POWERS, "u", "ut"] if isinstance(frame.index, pd.MultiIndex) else list(POWERS)
    if trend not in known:
        raise BadOption(f"trend is {trend!r}.", value=trend, expected=_one_of(known))
    if season is not None and season < 2:
        raise BadOption(f"season is {season}.", value=season, expected="periods in a year, 2 or more; None for none")


def _check_errors(errors: str | tuple[str, int], *, by_unit: bool) -> tuple[str, int | None]:
    """The kind of errors and the lags that were asked for."""
    kind, lags = (errors, None) if isinstance(errors, str) else errors
    known = KINDS if by_unit else KINDS[:-1]
    if kind not in known or (lags is not None and (kind not in ("HAC", "newey") or lags < 0)):
        expected = f"{_one_of(known)}; ('HAC', 7) for 7 lags"
        raise BadOption(f"errors is {errors!r}.", value=errors, expected=expected)
    return kind, lags


def _one_of(known: Sequence[str]) -> str:
    return f"{', '.join(map(repr, known[:-1]))} or {known[-1]!r}"


def _how(kind: str, lags: int | None, specified: Specified) -> Errors:
    units = specified.units
    if kind not in ("HAC", "newey"):
        return Errors(kind, groups=units if kind == "cluster" else None)
    periods = len(specified.target) if units is None else int(np.bincount(units).max())
    lags = math.floor(4 * (periods / 100) ** (2 / 9)) if lags is None else lags
    return Errors("HAC", lags, kind == "newey", units)


def specify(
    frame: pd.DataFrame,
    effect: str,
    windows: Mapping[str, tuple[int, ...]],
    own_lags: int,
    trend: str,
    season: int | None,
) -> Specified:
    """The effect and all terms on the calendar, complete rows only; a gap stays a gap."""
    grids = _grids(frame, [effect, *windows])
    start, by_unit = min(calendar.asi8[0] for _, calendar, _ in grids), isinstance(frame.index, pd.MultiIndex)
    rows, labels = [], []
    for unit, calendar, grid in grids:
        terms = _terms(calendar, start, trend, season)
        terms |= {f"{effect} lag {j}": _moved(grid[effect], j) for j in range(1, own_lags + 1)}
        terms |= {f"{name} lag {k}": _moved(grid[name], k) for name, (a, b) in windows.items() for k in range(a, b + 1)}
        whole = np.array([*terms.values(), grid[effect]])
        use = np.isfinite(whole).all(axis=0)
        rows.append(whole[:, use])
        labels.append(pd.MultiIndex.from_product([[unit], calendar[use]]) if by_unit else calendar[use])
    whole, units = np.hstack(rows), np.repeat(np.arange(len(rows)), [part.shape[1] for part in rows])
    held = len(set(units)) if trend in ("u", "ut") else 0
    if whole.shape[1] < len(terms) + held + 2:
        message = f"{whole.shape[1]} complete periods are left for {len(terms) + held} terms."
        raise NotEnoughData(message, fix="Ask for fewer lags, or bring a longer series.")
    if np.ptp(whole[-1]) == 0:
        raise NotIdentified(f"{effect!r} never moved.", value=float(whole[-1, 0]), fix="Look at what was read.")
    rest = labels[0].append(labels[1:]), units if by_unit else None, held > 0, own_lags, windows
    return Specified(whole[-1], whole[:-1].T, tuple(terms), *rest)


def _grids(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[Any, pd.PeriodIndex, dict[str, Array]]]:
    """For each unit its name, the calendar from its first known value to its last, and the values on it."""
    read = [pd.to_numeric(frame[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in names]
    values = np.array(read)
    values[~np.isfinite(values)] = np.nan
    parts: list[tuple[Any, pd.Index, Array]] = [(None, frame.index, values)]
    if isinstance(frame.index, pd.MultiIndex):
        places = frame.groupby(level=0, sort=True).indices
        parts = [(unit, frame.index[at].get_level_values(1), values[:, at]) for unit, at in places.items()]
    grids = []
    for unit, index, part in parts:
        known = np.flatnonzero(np.isfinite(part).any(axis=0))
        periods = _calendar(index, names[0])[known]
        if len(periods):
            calendar = pd.period_range(periods.min(), periods.max())
            grid = np.full((len(names), len(calendar)), np.nan)
            grid[:, (periods.asi8 - calendar.asi8[0]) // _step(calendar)] = part[:, known]
            grids.append((unit, calendar, dict(zip(names, grid, strict=True))))
    if not grids:
        raise NotEnoughData(f"The series {names[0]!r} holds no number.", fix="Look at what was read.")
    return grids


def _step(calendar: pd.PeriodIndex) -> int:
    return 1 if calendar.freq is None else calendar.freq.n


def _terms(calendar: pd.PeriodIndex, start: int, trend: str, season: int | None) -> dict[str, Array]:
    """Powers of time since `start`, and a dummy for each period of the year but one."""
    time = (calendar.asi8 - start) / _step(calendar) + 1.0
    powers = POWERS[{"u": "c", "ut": "ct"}.get(trend, trend)]
    terms = dict(list({"constant": np.ones(len(time)), "trend": time, "trend squared": time**2}.items())[:powers])
    if trend in ("u", "ut"):
        del terms["constant"]
    year = season or 1
    return terms | {f"season {k}": (calendar.asi8 % year == k).astype(float) for k in range(1, year)}


def _moved(values: Array, lag: int) -> Array:
    """Values `lag` periods later; what is not known is NaN."""
    return np.concatenate([np.full(lag, np.nan), values])[: values.size]


def term_table(fits: Fits, names: Sequence[str]) -> pd.DataFrame:
    """One row per term of the first fit: `term`, `estimate`, `error`, `t`, `p_value`, `low`, `high`."""
    from scipy.special import stdtr

    sizes = interval(fits, fits.coefficients[0], fits.errors[0])
    with np.errstate(divide="ignore", invalid="ignore"):  # a perfect fit has errors of 0
        t = sizes["estimate"] / sizes["error"]
    told = {"term": names, "estimate": sizes.pop("estimate"), "error": sizes.pop("error"), "t": t}
    return pd.DataFrame(told | {"p_value": 2 * stdtr(fits.df[0], -np.abs(t))} | sizes)


def interval(fits: Fits, estimate: Any, error: Any) -> dict[str, Any]:
    """Estimates and errors with their 95 % intervals, by t quantiles of the first fit."""
    from scipy.special import stdtrit

    half = error * stdtrit(fits.df[0], 0.975)
    return {"estimate": estimate, "error": error, "low": estimate - half, "high": estimate + half}


def _lasting(fits: Fits, specified: Specified, cause: str, place: int) -> dict[str, Any]:
    """The long-run effect of a cause, and the F of all its lags from the fit in which they stand last."""
    from scipy.special import fdtrc

    block = specified.blocks[cause]
    estimate, error = fits.long_run(block, specified.own)
    size, f = block.stop - block.start, fits.wald(block.stop - block.start)[place]
    told = {"cause": cause} | interval(fits, estimate[0], error[0])
    return told | {"f": f, "p_value": fdtrc(size, fits.df[0], f)}


def _response(fits: Fits, specified: Specified, cause: str) -> pd.DataFrame:
    """What a lasting rise of one unit has done 0, 1, ... periods later, by recursion; so has its gradient."""
    block, own, (first, last) = specified.blocks[cause], specified.own, specified.windows[cause]
    past = fits.coefficients[0, own]
    ahead = max(last, HORIZON if past.size else 0) + 1
    estimate, gradient = np.zeros(ahead), np.zeros((ahead, fits.coefficients.shape[1]))
    for h in range(ahead):
        reached = slice(block.start, block.start + max(min(h, last) - first + 1, 0))
        before = np.arange(h - 1, max(h - 1 - past.size, -1), -1)
        estimate[h] = fits.coefficients[0, reached].sum() + past[: before.size] @ estimate[before]
        gradient[h, reached] = 1.0
        gradient[h, own.start : own.start + before.size] = estimate[before]
        gradient[h] += past[: before.size] @ gradient[before]
    sizes = interval(fits, estimate, fits.combined(gradient[None])[0])
    return pd.DataFrame({"cause": cause, "lag": np.arange(ahead)} | sizes)
