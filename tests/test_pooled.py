"""The panel regression an analyst specifies: from a frame or a file the same, along the calendar, within memory."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from linearmodels import PanelOLS
from scipy import stats

import ipo_nb as ipo
from ipo_nb import pooled
from ipo_nb.pooled import panel_regression

WEEKS = pd.period_range("2020-01-06", periods=60, freq="W-SUN")
CALENDARS = {
    "weeks": WEEKS,
    "Mondays": WEEKS.start_time,
    "ISO weeks": WEEKS.start_time.strftime("%G-W%V"),
    "months": pd.period_range("2020-01", periods=60, freq="M"),
    "first days": pd.date_range("2020-01-01", periods=60, freq="MS"),
    "days": [dt.date(2020, 1, 1) + dt.timedelta(day) for day in range(60)],
    "years": np.arange(1950, 2010),
    "counted": np.arange(60),
}


def planted(times=WEEKS, units=40, seed=0, missing=0.05):
    """Sites whose y follows a at once (.4) and a period later (.2), with rows left out."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"site {unit:03d}" for unit in range(units)], times], names=["site", "week"])
    frame = pd.DataFrame(rng.normal(size=(len(index), 3)), index=index, columns=["a", "b", "y"])
    frame["y"] += 0.4 * frame["a"] + 0.2 * frame.groupby(level=0)["a"].shift(1).fillna(0)
    return frame[rng.random(len(frame)) >= missing]


def regressed(source, **more):
    options = {"unit": "site", "time": "week", "own_lags": 1} | more
    return panel_regression(source, "y", {"a": (0, 2), "b": 0}, **options)


def numbers(found):
    return found.table.drop(columns="term").to_numpy()


@pytest.mark.parametrize("calendar", CALENDARS)
def test_a_file_and_a_frame_give_the_same_in_any_calendar(calendar, tmp_path, monkeypatch):
    frame, path = planted(CALENDARS[calendar]), tmp_path / "panel.parquet"
    whole = regressed(frame)
    monkeypatch.setattr(pooled, "BATCH", 333)  # batches and row groups end within units
    frame.reset_index().to_parquet(path, row_group_size=500)
    np.testing.assert_allclose(numbers(regressed(path)), numbers(whole), rtol=1e-10)
    np.testing.assert_allclose(numbers(regressed(frame.sample(frac=1, random_state=1))), numbers(whole), rtol=1e-10)
    np.testing.assert_allclose(numbers(regressed(frame.reset_index())), numbers(whole), rtol=1e-10)


def test_units_as_categories_or_numbers_and_values_of_other_kinds_are_read(tmp_path):
    frame, path = planted(missing=0).round(1).reset_index(), tmp_path / "panel.parquet"
    kinds = frame.assign(site=frame["site"].astype("category"), a=(10 * frame["a"]).astype("int32"))
    kinds["b"] = kinds["b"].astype("float32")
    kinds.to_parquet(path)
    want = regressed(frame.assign(a=kinds["a"].astype(float), b=kinds["b"].astype(float)))
    np.testing.assert_allclose(numbers(regressed(path)), numbers(want), rtol=1e-10)
    kinds.assign(site=pd.factorize(kinds["site"])[0]).to_parquet(path)
    np.testing.assert_allclose(numbers(regressed(path)), numbers(want), rtol=1e-10)


def test_lags_follow_each_units_calendar_and_the_numbers_are_linearmodels():
    frame = planted(CALENDARS["counted"])
    whole = frame.unstack("week").stack("week", future_stack=True)  # every week of every site, gaps as NaN
    lags = {f"{name} lag {k}": whole.groupby(level=0)[name].shift(k) for name, k in (("y", 1), ("a", 0), ("a", 1))}
    rows = pd.DataFrame({"y": whole["y"], **lags}).dropna()
    model = PanelOLS(rows["y"], rows[list(lags)], entity_effects=True, time_effects=True)
    theirs = model.fit(cov_type="kernel")
    ours = panel_regression(frame, "y", {"a": (0, 1)}, own_lags=1, errors="driscoll-kraay")
    ratio = ours.fit.factors["driscoll-kraay"] * theirs.df_resid / theirs.nobs
    assert ours.table["term"].tolist() == list(lags)
    np.testing.assert_allclose(ours.table["estimate"], theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.table["error"], theirs.std_errors * np.sqrt(ratio), rtol=1e-7)


@pytest.mark.parametrize("errors", ["unit", "period", "both", "driscoll-kraay", "ewc"])
def test_the_long_run_is_the_delta_method_and_f_the_wald_test(errors):
    found = regressed(planted(), errors=errors)
    covariance, (own, *a, _) = found.fit.covariances[errors], found.table["estimate"]
    row, kept = found.long_run.iloc[0], 1 - own
    gradient = np.array([sum(a) / kept**2, *[1 / kept] * 3, 0])
    assert row["estimate"] == pytest.approx(sum(a) / kept, rel=1e-12)
    assert row["error"] == pytest.approx(np.sqrt(gradient @ covariance @ gradient), rel=1e-12)
    df = found.fit.df[errors] - (2 if errors == "ewc" else 0)
    f = np.array(a) @ np.linalg.solve(covariance[1:4, 1:4], a) / 3 * df / found.fit.df[errors]
    assert (row["f"], row["p_value"]) == pytest.approx((f, stats.f.sf(f, 3, df)), rel=1e-9)
    assert found.long_run["f"][1] == pytest.approx(found.table["t"].iloc[-1] ** 2, rel=1e-9)


def test_planted_effects_are_found_and_told():
    found = regressed(planted(units=200))
    row = found.long_run.iloc[0]
    assert row["low"] < 0.6 < row["high"]
    assert row["high"] - row["low"] < 0.15
    assert found.long_run.iloc[1]["p_value"] > 0.01
    assert "Lasting change of y for one unit more of: a +0." in found.text
    assert "of 200 units, 1 own lags, unit and period effects taken out, errors for units that move" in found.text


def test_doubts_are_told():
    few = regressed(planted(units=8).groupby(level=0).head(20), errors="both").text
    assert "rest on 8 units only and are likely too small" in few
    assert "own lags come out too low by 1/" in few
    short = panel_regression(planted(CALENDARS["years"][:8]), "y", {"a": 0}).text
    assert "rest on 8 periods only" in short
    frame = planted(missing=0)
    frame.iloc[:59, 0] = np.nan
    assert "without two complete periods: 1." in panel_regression(frame, "y", {"a": 0}).text


def test_f_is_missing_where_too_few_clusters_leave_no_rank():
    frame = planted(units=3)
    found = panel_regression(frame, "y", {"a": (0, 5)}, errors="unit")
    assert np.isnan(found.long_run["f"]).all()
    assert "; no joint test)" in found.text
    assert np.isfinite(found.long_run["error"]).all()


def test_no_more_than_a_batch_and_a_unit_of_a_file_is_held(tmp_path, monkeypatch):
    path = tmp_path / "panel.parquet"
    planted(units=50).reset_index().to_parquet(path)
    monkeypatch.setattr(pooled, "BATCH", 300)
    sizes = [block["y"].size for block in pooled._file_blocks(path, ["y", "a"], "site", "week")()]
    assert sum(sizes) == 50 * 60
    assert max(sizes) <= 300 / 0.8 + 60
    before = pa.total_allocated_bytes()
    regressed(path)
    assert pa.total_allocated_bytes() - before < 10_000


def numbered(weeks):
    """Weeks as 202001, 202002 ...: a computer cannot see the turn of the year in them."""
    return [100 * week.year + week.week for week in weeks]


MISTAKES = {
    "two rows for one period": (lambda rows: pd.concat([rows, rows.tail(1)]), ipo.SeriesError),
    "no unit or no period": (lambda rows: rows.assign(site=rows["site"].where(rows.index > 3)), ipo.SeriesError),
    "no numbers": (lambda rows: rows.assign(a="3,5"), ipo.SeriesError),
    "no metric called 'a'": (lambda rows: rows.rename(columns={"a": "A2"}), ipo.UnknownMetric),
    "'site'": (lambda rows: rows.rename(columns={"site": "place"}), ipo.BadOption),
    "numbers up to 202153, with leaps": (lambda rows: rows.assign(week=numbered(rows["week"])), ipo.SeriesError),
    "it has a time of day": (lambda rows: rows.assign(week=rows["week"].dt.end_time), ipo.SeriesError),
    "not read: it says no year": (lambda rows: rows.assign(week="7"), ipo.SeriesError),
    "not one calendar": (lambda rows: rows.assign(week=["2020", "2020-W07"] * (len(rows) // 2)), ipo.NeedsPeriods),
    "Look for a wrong date": (lambda rows: rows.replace({"week": {WEEKS[9]: WEEKS[9] - 9000}}), ipo.SeriesError),
    "One unit has complete values": (lambda rows: rows[rows["site"] == "site 001"], ipo.NotEnoughData),
    "'b lag 0' moves alike": (lambda rows: rows.assign(b=rows["week"].dt.week.astype(float)), ipo.NotIdentified),
    "'b lag 0' does not change": (lambda rows: rows.assign(b=rows["site"].str[-1].astype(int)), ipo.NotIdentified),
}


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_refused_in_words_from_frame_and_file_alike(words, from_file, tmp_path):
    change, kind = MISTAKES[words]
    rows = change(planted(units=10, missing=0).reset_index()).reset_index(drop=True)
    if from_file:
        rows.to_parquet(tmp_path / "panel.parquet")
    with pytest.raises(kind, match=words):
        regressed(tmp_path / "panel.parquet" if from_file else rows)


def test_files_that_cannot_be_read_unit_by_unit_are_refused(tmp_path):
    path = tmp_path / "panel.parquet"
    with pytest.raises(ipo.FileFault, match="no such file"):
        regressed(path)
    path.write_text("week,a\n1,2\n", "utf-8")
    with pytest.raises(ipo.FileFault, match="cannot be read as Parquet"):
        regressed(path)
    planted().swaplevel().sort_index().reset_index().to_parquet(path)
    with pytest.raises(ipo.SeriesError, match="'site 000' do not stand together") as caught:
        regressed(path)
    assert "sort_values" in caught.value.fix
    planted().reset_index().head(0).to_parquet(path)
    with pytest.raises(ipo.FileFault, match="no rows"):
        regressed(path)


OPTIONS = {
    "The lags of 'a' are": {"causes": {"a": (2, 1)}},
    "both effect and cause": {"causes": {"y": (1, 2)}},
    "No cause is named": {"causes": {}},
    "own_lags is -1": {"own_lags": -1},
    "errors is 'HAC'": {"errors": "HAC"},
    "effects is 'time'": {"effects": "time"},
}


@pytest.mark.parametrize("words", OPTIONS)
def test_options_outside_their_meaning_are_refused(words):
    options = {"causes": {"a": 0}} | OPTIONS[words]
    with pytest.raises(ipo.BadOption, match=words):
        panel_regression(planted(units=5), "y", **options)
