"""Series come onto one calendar, in whatever shape they are given; what is lost on the way is counted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipo_nb.errors import (
    BadOption,
    FileFault,
    IpoError,
    MapError,
    NeedsPeriods,
    NotEnoughData,
    SeriesError,
    UnknownMetric,
)
from ipo_nb.links import DataSource, IPOMap
from ipo_nb.panel import PERIODS, Panel, read_series, totals

QUIET = settings(deadline=None, max_examples=60)


def map_of(*names: str, cadence: str = "weekly", data: DataSource | None = None, **said: Any) -> IPOMap:
    return IPOMap([{"name": n, "stage": "process", **said} for n in names], cadence=cadence, data=data)


def frame_of(text: str) -> pd.DataFrame:
    header, *rows = [line.split(",") for line in text.split()]
    return pd.DataFrame(rows, columns=header)


def told(panel: Panel) -> dict[str, str]:
    return {row.what: row.detail for row in panel.receipt.table.itertuples()}


def units_frame(n_units: int = 3, periods: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    weeks = pd.period_range("2024-01-01", periods=periods, freq="W-SUN")
    index = pd.MultiIndex.from_product([[f"U{i}" for i in range(n_units)], weeks], names=["unit", "period"])
    return pd.DataFrame(rng.normal(size=(len(index), 2)).round(3), index=index, columns=["Calls", "Wait minutes"])


# Shapes

WIDE = "week,Calls,wait__minutes\n2024-W01,3,1.5\n2024-W02,NA,2.5\n2024-W04,5,3.5"


def test_a_wide_table_becomes_a_panel_with_gaps_as_gaps(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(WIDE.replace("wait__minutes", "wait   MINUTES"), "utf-8")
    panel = read_series(tmp_path / "s.csv", map_of("Wait minutes", "Calls", "Renewals"))
    assert panel.names == ("Wait minutes", "Calls")
    assert panel.values.index.name == "period"
    assert panel.values.index.freqstr == "W-SUN"
    np.testing.assert_array_equal(panel.values["Calls"], [3, np.nan, np.nan, 5])
    assert panel.text == "4 weeks from 2024-01-01 to 2024-01-28, 2 metrics; 3 values are missing."
    assert told(panel)["missing"].startswith("1 cell empty")
    assert told(panel)["gaps"].startswith("1 ")
    assert told(panel)["no series"] == "no column for Renewals"


def test_wide_and_long_give_the_same_panel_with_and_without_units() -> None:
    ipo_map = map_of("Calls", "Wait minutes")
    wide = units_frame()
    flat = wide.reset_index()
    long = flat.melt(["unit", "period"], var_name="KPI").rename(columns={"unit": "Site"})
    first = read_series(wide, ipo_map)
    pd.testing.assert_frame_equal(first.values, wide, check_index_type=False)
    for source in (flat, wide.sample(frac=1, random_state=1)):
        pd.testing.assert_frame_equal(read_series(source, ipo_map).values, first.values)
    with pytest.raises(SeriesError, match="If 'Site' tells units apart, name it under units"):
        read_series(long, ipo_map)
    by_site = map_of("Calls", "Wait minutes", data=DataSource("s.csv", units="site"))
    pd.testing.assert_frame_equal(read_series(long, by_site).values, first.values)
    one = wide.xs("U1")
    assert read_series(one.reset_index().melt("period"), ipo_map).units == ()
    pd.testing.assert_frame_equal(read_series(one.reset_index().melt("period"), ipo_map).values, one)


def test_units_of_two_columns_are_joined() -> None:
    frame = frame_of("org,type,date,Calls RF4,1,2024-01-01,3 RF4,2,2024-01-01,4 RF4,1,2024-02-01,5")
    ipo_map = map_of("Calls", cadence="monthly", data=DataSource("s.csv", "date", ("org", "type")))
    panel = read_series(frame, ipo_map)
    assert panel.units == ("RF4 / 1", "RF4 / 2")
    assert panel.series("calls", "RF4 / 1").tolist() == [3, 5]
    assert panel.series("Calls", "RF4 / 1").index.freqstr == "M"
    assert told(panel)["units"] == "1 unit of 2 open or close inside the time covered"


def test_each_kind_of_source_gives_the_same_panel(tmp_path: Path) -> None:
    ipo_map = map_of("Calls", "Wait minutes", data=DataSource("s.csv", "when", ("unit",)))
    frame = units_frame().reset_index().rename(columns={"period": "when"})
    frame["when"] = frame["when"].dt.start_time.dt.normalize()
    frame.to_parquet(tmp_path / "s.parquet")
    frame.to_excel(tmp_path / "s.xlsx", index=False)
    frame.to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "map.yml").write_text("", "utf-8")
    own = IPOMap(ipo_map.metrics, data=ipo_map.data, path=tmp_path / "map.yml")
    for source in (frame, tmp_path / "s.parquet", str(tmp_path / "s.xlsx"), tmp_path / "s.csv", None):
        pd.testing.assert_frame_equal(read_series(source, own).values, units_frame(), check_index_type=False)


@pytest.mark.parametrize(
    "header", ["week,Calls,other\n", "Date,Calls,other\n", "anything,Calls,other\n", "Week ending,Calls,other\n"]
)
def test_the_time_is_found_by_name_or_as_the_only_dates(header: str) -> None:
    panel = read_series(frame_of(header.replace(" ", "_") + "2024-01-07,3,x 2024-01-14,4,5").rename(
        columns=lambda name: name.replace("_", " ")), map_of("Calls"))  # fmt: skip
    assert panel.text == "2 weeks from 2024-01-01 to 2024-01-14, 1 metric; no value is missing."
    assert told(panel)["left aside"] == "1 column of no metric: other"


def test_year_and_week_are_found_together() -> None:
    panel = read_series(frame_of("year,week,Calls 2020,53,3 2021,1,4"), map_of("Calls"))
    assert panel.values["Calls"].tolist() == [3, 4]
    assert "'year' and 'week' read as weeks by ISO 8601" in told(panel)["time"]


def test_the_frame_given_stays_as_it_was() -> None:
    for frame in (units_frame(), units_frame().reset_index(), frame_of(WIDE)):
        before = frame.copy(deep=True)
        panel = read_series(frame, map_of("Calls", "Wait minutes"))
        panel.values.iloc[:] = 0.0
        pd.testing.assert_frame_equal(frame, before)


@QUIET
@given(st.permutations(range(18)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    flat = units_frame().reset_index()
    ipo_map = map_of("Calls", "Wait minutes", cadence="monthly", aggregate="mean")
    shuffled, straight = read_series(flat.iloc[order], ipo_map), read_series(flat, ipo_map)
    pd.testing.assert_frame_equal(shuffled.values, straight.values, check_exact=True)
    pd.testing.assert_frame_equal(shuffled.receipt.table, straight.receipt.table)


@QUIET
@given(st.lists(st.text("abcXYZ é", min_size=1, max_size=5), min_size=3, max_size=3))
def test_renaming_units_changes_no_number(names: list[str]) -> None:
    names = [f"{place}{' '.join(name.split())}" for place, name in enumerate(names)]
    flat = units_frame().reset_index()
    renamed = flat.assign(unit=flat["unit"].map(dict(zip(["U0", "U1", "U2"], names, strict=True))))
    ipo_map = map_of("Calls", "Wait minutes")
    first, second = read_series(flat, ipo_map), read_series(renamed, ipo_map)
    assert second.units == tuple(names)
    np.testing.assert_array_equal(first.values, second.values)


@QUIET
@given(st.lists(st.none() | st.integers(-99, 99), min_size=2, max_size=30), st.sampled_from([*PERIODS]))
def test_nothing_is_filled_in_and_nothing_lost(cells: list[int | None], cadence: str) -> None:
    periods = pd.period_range("2019-12-28", periods=len(cells), freq=PERIODS[cadence])
    series = pd.Series(cells, index=periods, dtype="float64", name="Calls")
    ipo_map = map_of("Calls", cadence=cadence)
    if series.isna().all():
        with pytest.raises(SeriesError, match="No metric has a value"):
            read_series(series.to_frame(), ipo_map)
        return
    panel = read_series(series.dropna().to_frame(), ipo_map)
    pd.testing.assert_series_equal(panel.series("Calls"), series.loc[series.first_valid_index() :
        series.last_valid_index()].rename_axis("period"))  # fmt: skip


# Cadences


def daily(values: Any, start: str = "2024-01-01", freq: str = "D") -> pd.DataFrame:
    return pd.DataFrame({"date": pd.date_range(start, periods=len(values), freq=freq), "Calls": values})


@pytest.mark.parametrize(("how", "values"), [("sum", [7, 7]), ("mean", [1, 1]), ("last", [1, 1])])
def test_days_become_weeks_and_part_weeks_at_the_ends_are_dropped(how: str, values: list[float]) -> None:
    panel = read_series(daily(np.ones(21), "2024-01-03"), map_of("Calls", aggregate=how))
    assert panel.values["Calls"].tolist() == values
    assert panel.text.startswith("2 weeks from 2024-01-08 to 2024-01-21")
    assert told(panel)["aggregated"] == f"21 daily values to weeks by {how}: Calls"
    assert told(panel)["part periods"].startswith("2 weeks at an end")


def test_weeks_of_working_days_are_whole() -> None:
    panel = read_series(daily(np.ones(15), freq="B"), map_of("Calls", aggregate="sum"))
    assert panel.values["Calls"].tolist() == [5, 5, 5]
    assert "part periods" not in told(panel)


@pytest.mark.parametrize(("how", "value"), [("sum", np.nan), ("mean", 1), ("last", 1)])
def test_a_sum_with_a_day_missing_is_missing(how: str, value: float) -> None:
    frame = daily(np.ones(35)).drop(index=10)
    panel = read_series(frame, map_of("Calls", aggregate=how))
    np.testing.assert_array_equal(panel.values["Calls"].to_numpy()[1], value)
    assert panel.values["Calls"].notna().sum() == (4 if how == "sum" else 5)
    assert told(panel)["incomplete"].startswith("1 week lacking daily values")


def test_units_keep_their_own_working_days() -> None:
    frame = pd.concat([daily(np.ones(28)).assign(unit="A"), daily(np.ones(20), freq="B").assign(unit="B")])
    panel = read_series(frame, map_of("Calls", aggregate="sum"))
    assert panel.series("Calls", "A").tolist() == [7] * 4
    assert panel.series("Calls", "B").tolist() == [5] * 4


def test_months_become_quarters_and_years() -> None:
    months = pd.DataFrame({"Calls": np.arange(26.0)}, index=pd.period_range("2021-12", periods=26, freq="M"))
    quarters = read_series(months, map_of("Calls", cadence="quarterly", aggregate="sum"))
    assert quarters.values["Calls"].tolist() == [6, 15, 24, 33, 42, 51, 60, 69]
    years = read_series(months, map_of("Calls", cadence="yearly", aggregate="last"))
    assert years.values["Calls"].tolist() == [12, 24]


def test_weeks_become_months_by_their_thursday_but_are_never_summed() -> None:
    weeks = pd.DataFrame({"Calls": np.arange(13.0)}, index=pd.period_range("2024-01-01", periods=13, freq="W-SUN"))
    panel = read_series(weeks, map_of("Calls", cadence="monthly", aggregate="last"))
    assert panel.values["Calls"].tolist() == [3, 8, 12]
    with pytest.raises(SeriesError, match=r"weeks do not add up to months.*Write mean or last as its aggregate"):
        read_series(weeks, map_of("Calls", cadence="monthly", aggregate="sum"))


def test_without_an_aggregate_finer_values_are_refused_with_the_mend() -> None:
    with pytest.raises(SeriesError, match=r"'Calls' has daily values for a weekly map.*Write sum, mean or last"):
        read_series(daily(np.ones(21)), map_of("Calls"))


def test_cadences_may_be_mixed_in_one_file() -> None:
    days = pd.date_range("2024-01-01", periods=182)
    frame = pd.DataFrame({"date": days, "Calls": 1.0, "Weekly": np.where(days.day_of_week == 0, 2.0, np.nan)})
    frame["Monthly"] = np.where(days.day == 1, 3.0, np.nan)
    ipo_map = map_of("Calls", "Weekly", "Monthly", aggregate="sum")
    panel = read_series(frame, ipo_map)
    assert panel.names == ("Calls", "Weekly")
    assert (panel.values == [7.0, 2.0]).all(axis=None)
    assert told(panel)["coarser, left out"] == "6 monthly values that a weekly map cannot use: Monthly"
    long = frame.melt("date", var_name="metric").dropna()
    pd.testing.assert_frame_equal(read_series(long, ipo_map).values, panel.values)


def test_a_file_that_is_coarser_than_the_map_is_refused() -> None:
    with pytest.raises(SeriesError, match=r"all have monthly values that a weekly map cannot use.*Change the cadence"):
        read_series(frame_of("month,Calls 2024-01,3 2024-02,4"), map_of("Calls"))


def test_first_of_month_dates_are_months_and_a_second_date_in_one_is_refused() -> None:
    text = "date,Calls 2024-01-01,3 2024-02-01,4 2024-04-01,5 2024-05-01,6"
    assert len(read_series(frame_of(text), map_of("Calls", cadence="monthly")).values) == 5
    with pytest.raises(SeriesError, match="line 5, column 'date': 'Calls' has two dates in one month"):
        read_series(frame_of(text + " 2024-04-30,7"), map_of("Calls", cadence="monthly", aggregate="sum"))


# Refusals


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    rows = "".join(f"2024-W{week:02},x{week},site\n" for week in range(2, 15))
    (tmp_path / "s.csv").write_text(f"week,Calls,unit\n2024-W01,1,site\n{rows}2024-W77,3,\n", "utf-8")
    with pytest.raises(SeriesError) as caught:
        read_series(tmp_path / "s.csv", map_of("Calls"))
    assert len(caught.value.faults) == 15
    assert str(caught.value).count("s.csv, line") == 10
    assert "... and 5 more." in str(caught.value)
    places = {(fault.line, fault.column) for fault in caught.value.faults}
    assert {(3, "Calls"), (15, "Calls"), (16, "week"), (16, "unit")} < places


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("week,Calls 2024-W01,3 2024-W01,4", "line 2.*two values for one time, on lines 1 and 2.*Delete one"),
        ("week,site,Calls 2024-W01,A,3 2024-W01,B,4", "If 'site' tells units apart"),
        ("week,unit,Calls 2024-W01,A,3 2024-W02,,4", "line 2, column 'unit': The unit is missing"),
        ("week,unit,Calls 2024-W01,A,3 2024-W01,Total,4", "'Total' looks like a total, not a unit"),
        ("week,unit,Calls 2024-W01,A,3 2024-W01,ALL,4", "'ALL' looks like a total, not a unit"),
        ("week,unit,Calls 2024-W01,A,3 2024-W02,a,4", "'A' and 'a' differ by case or Unicode form only"),
        ("week,Calls,calls 2024-W01,3,3", "'Calls' and 'calls' are both the metric 'Calls'"),
        ("week,Lost 2024-W01,3", "No column is named like a metric of the map"),
        ("Calls,site 3,x", "No column says when.*Name it in the map"),
        ("date,day,Calls 2024-01-01,2024-01-02,3", "'date' and 'day' could all be the time"),
        ("week,metric,value 2024-W01,Lost,3", "No row is of a metric of the map"),
        (
            "week,metric,value 2024-W01,Calls,3 2024-W02,,4",
            "line 2, column 'metric': The name of the metric is missing",
        ),
        ("week,Calls 5,3", "line 1, column 'week': '5' is no time: it says no year"),
        ("week,Calls 2024-W01,3 2024-01-08,4", "has times of several kinds"),
        ("date,Calls 2024-01-31,3 2224-01-31,4", "not between 1800 and 2200"),
        ("date,Calls 1924-01-31,3 2024-01-31,3 2024-02-07,4", "line 1.*1924-01-31 is far away from all others"),
        ("week,Calls 2024-W01,NA", "No metric has a value"),
    ],
)
def test_what_is_doubtful_is_refused(text: str, words: str) -> None:
    with pytest.raises(SeriesError, match=words):
        read_series(frame_of(text), map_of("Calls"))


def test_cells_that_are_lists_or_nothing_are_refused_too() -> None:
    frame = pd.DataFrame({"week": ["2024-W01", "2024-W01"], "site": [pd.NA, [1]], "Calls": [1, 2]})
    with pytest.raises(SeriesError, match="If 'site' tells units apart"):
        read_series(frame, map_of("Calls"))
    with pytest.raises(SeriesError, match=r"'\[1\]' is no time"):
        read_series(frame.rename(columns={"week": "x", "site": "week"}), map_of("Calls"))


def test_the_same_value_twice_is_kept_once_and_told() -> None:
    panel = read_series(frame_of("week,Calls 2024-W01,3 2024-W02,4 2024-W01,3"), map_of("Calls"))
    assert panel.values["Calls"].tolist() == [3, 4]
    assert told(panel)["duplicates"].startswith("1 value given twice")


def test_a_metric_called_na_is_a_metric(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("week,metric,value\n2024-W01,NA,3\n2024-W01,Calls,NA\n2024-W02,na,4\n", "utf-8")
    assert read_series(tmp_path / "s.csv", map_of("NA", "Calls")).series("NA").tolist() == [3, 4]


def test_the_maps_own_file_has_the_columns_that_the_map_names(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("Week,Calls\n2024-W01,3\n", "utf-8")

    def read(data: DataSource | None) -> Panel:
        return read_series(None, IPOMap(map_of("Calls").metrics, data=data, path=tmp_path / "map.yml"))

    assert read(DataSource("s.csv", "week")).series("Calls").tolist() == [3]
    with pytest.raises(
        SeriesError, match=r"The map names a column 'weak', and the file has none\. Did you mean 'Week'"
    ):
        read(DataSource("s.csv", "weak"))
    with pytest.raises(FileFault, match="names no file of series"):
        read(None)
    with pytest.raises(FileFault, match="was not read from a file"):
        read_series(None, map_of("Calls", data=DataSource("s.csv")))
    with pytest.raises(MapError, match="leaves the folder"):
        read(DataSource("../s.csv"))


@QUIET
@given(st.lists(st.lists(st.text("12-W:aN/A. ,", max_size=9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_any_cells_become_a_panel_or_a_refusal(rows: list[list[str]]) -> None:
    for header in (["week", "Calls", "unit"], ["metric", "value", "date"], ["x", "Calls", "Calls"]):
        try:
            panel = read_series(pd.DataFrame(rows, columns=header), map_of("Calls", aggregate="mean"))
        except IpoError:
            continue
        assert panel.values.dtypes.eq("float64").all()


# Formulas and totals


def test_metrics_without_a_column_are_computed_from_aggregated_parts() -> None:
    ipo_map = IPOMap(
        [
            {"name": "twice the rate", "stage": "outcome", "formula": "2 * rate"},
            {"name": "rate", "stage": "outcome", "formula": "answered / incoming"},
            {"name": "answered", "stage": "process", "aggregate": "sum"},
            {"name": "incoming", "stage": "process", "aggregate": "sum"},
            {"name": "lost", "stage": "process", "formula": "incoming - gone"},
            {"name": "gone", "stage": "process"},
        ]
    )
    frame = pd.DataFrame(
        {"date": pd.date_range("2024-01-01", periods=14), "answered": 1, "incoming": [2] * 7 + [0] * 7}
    )
    panel = read_series(frame, ipo_map)
    assert panel.names == ("twice the rate", "rate", "answered", "incoming")
    np.testing.assert_array_equal(panel.values["twice the rate"], [1, np.nan])
    assert told(panel)["computed"] == "by formula: twice the rate, rate"
    assert told(panel)["no series"] == "no column for lost, gone"


def test_totals_take_the_units_that_are_always_there() -> None:
    ipo_map = IPOMap(
        [
            {"name": "Calls", "stage": "process", "aggregate": "sum"},
            {"name": "Wait minutes", "stage": "process"},
            {"name": "Ratio", "stage": "outcome", "formula": "Calls / Wait minutes"},
        ]
    )
    frame = units_frame().drop(index=[("U2", pd.Period("2024-01-21", "W-SUN"))])
    panel = read_series(frame, ipo_map)
    whole = totals(panel, ipo_map)
    kept = frame.loc[["U0", "U1"]].groupby("period")
    np.testing.assert_allclose(whole.values["Calls"], kept["Calls"].sum())
    np.testing.assert_allclose(whole.values["Wait minutes"], kept["Wait minutes"].mean())
    np.testing.assert_allclose(whole.values["Ratio"], kept["Calls"].sum() / kept["Wait minutes"].mean())
    assert whole.values.index.freqstr == "W-SUN"
    assert told(whole)["units"].startswith("2 units of 3 with values in every period")
    assert totals(whole, ipo_map) is whole
    closing = read_series(frame.drop(index=[("U0", frame.index[0][1]), ("U1", frame.index[5][1])]), ipo_map)
    with pytest.raises(NotEnoughData, match="None of the 3 units"):
        totals(closing, ipo_map)


# Panel


def test_a_panel_of_a_frame_is_checked_and_completed() -> None:
    frame = units_frame()
    pd.testing.assert_frame_equal(Panel.of(frame).values, frame, check_index_type=False)
    holed = Panel.of(frame.drop(index=frame.index[2]), "weekly")
    assert len(holed.values) == len(frame)
    assert holed.values.iloc[2].isna().all()
    assert (Panel.of(frame).season, Panel.of(frame).cadence) == (52, "weekly")
    assert Panel.of(frame.sample(frac=1, random_state=3)).values.equals(Panel.of(frame).values)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f: f.reset_index(drop=True), NeedsPeriods, "lags need a calendar"),
        (lambda f: f.set_axis(pd.date_range("2024", periods=18)), NeedsPeriods, "DatetimeIndex"),
        (lambda f: f.set_axis(pd.period_range("2024", periods=18, freq="h")), BadOption, "of the kind h"),
        (lambda f: f.iloc[[0, 0]], SeriesError, "Keep one row"),
        (lambda f: f.astype(str), SeriesError, "Turn the columns into numbers"),
        (lambda f: f * np.inf, SeriesError, "infinite"),
        (lambda f: f.iloc[:0], SeriesError, "at least one row"),
        (lambda f: f.set_axis(["a", "A "], axis=1), SeriesError, "names of their own"),
    ],
)
def test_a_frame_that_is_no_panel_is_refused(change: Any, error: type[IpoError], words: str) -> None:
    with pytest.raises(error, match=words):
        Panel.of(change(units_frame()))


def test_a_cadence_that_is_not_the_frames_is_refused() -> None:
    with pytest.raises(BadOption, match=r"W-SUN.*Expected: M"):
        Panel.of(units_frame(), "monthly")


def test_the_table_sums_up_each_metric() -> None:
    frame = units_frame()
    frame.iloc[0, 0] = np.nan
    table = Panel.of(frame).table.set_index("metric")
    assert table.loc["Calls", ["n_periods", "n_units", "missing"]].tolist() == [6, 3, 1]
    assert table.loc["Wait minutes", "mean"] == pytest.approx(frame["Wait minutes"].mean())
    assert str(table.loc["Calls", "last"]) == "2024-02-05/2024-02-11"


def test_a_series_is_taken_by_name_and_unit() -> None:
    panel = Panel.of(units_frame())
    series = panel.series("wait minutes", "U1")
    assert series.name == "Wait minutes"
    assert isinstance(series.index, pd.PeriodIndex)
    series.iloc[:] = 0
    assert panel.series("Wait minutes", "U1").ne(0).all()
    with pytest.raises(UnknownMetric, match="Did you mean 'Calls'"):
        panel.series("Call")
    with pytest.raises(BadOption, match=r"no unit 'U9'.*There is: U0, U1, U2"):
        panel.series("Calls", "U9")
    with pytest.raises(BadOption, match="has units, and none was named"):
        panel.series("Calls")


def test_the_text_reads_aloud() -> None:
    month = pd.period_range("2024-01", periods=1, freq="M")
    assert Panel.of(pd.DataFrame({"A": [1]}, index=month)).text == (
        "1 month from 2024-01 to 2024-01, 1 metric; no value is missing."
    )
    assert Panel.of(units_frame()).text == (
        "6 weeks from 2024-01-01 to 2024-02-11, 3 units, 2 metrics; no value is missing."
    )


def test_many_cells_are_read_in_time_that_grows_with_their_number(tmp_path: Path) -> None:
    names = [f"m{i}" for i in range(8)]
    index = pd.MultiIndex.from_product(
        [[f"U{i}" for i in range(500)], pd.period_range("2020-01-05", periods=100, freq="W")]
    )
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(len(index), 8)), index=index, columns=names)
    ipo_map = map_of(*names)
    begin = time.process_time()
    panel = read_series(frame, ipo_map)
    assert panel.values.shape == (50_000, 8)
    flat = frame.reset_index(names=["unit", "week"])
    flat["week"] = flat["week"].dt.start_time.dt.strftime("%G-W%V")
    flat.to_csv(tmp_path / "s.csv", index=False)
    assert read_series(tmp_path / "s.csv", ipo_map).values.equals(panel.values)
    assert time.process_time() - begin < 20
