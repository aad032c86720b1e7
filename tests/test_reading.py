"""What is read comes through as it stands, what is doubtful is refused with its place; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipo_nb.errors import FileFault, InventoryError, IpoError, MapError
from ipo_nb.metrics import Metric
from ipo_nb.reading import (
    Sheet,
    field_of,
    meant_by,
    read_inventory,
    read_map,
    read_numbers,
    read_sheet,
    read_times,
)

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def book(folder: Path, rows: list[list[object]], name: str = "table.xlsx") -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(folder / name)
    return folder / name


def rows(sheet: Sheet) -> list[tuple[object, ...]]:
    return list(sheet.cells.itertuples(index=False, name=None))


def numbers(cells: list[object], separator: str = "") -> tuple[list[float], list[str]]:
    sheet = read_sheet(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    sheet.separator = separator
    return read_numbers(sheet, 0).tolist(), [str(fault) for fault in sheet.faults]


def times(cells: list[object], header: str = "date") -> tuple[list[str], list[str]]:
    sheet = read_sheet(pd.DataFrame({header: pd.Series(cells, dtype=object)}))
    found = read_times(sheet, [0])[0].dropna()
    said = [f"{day:%Y-%m-%d} {grain}".strip() for day, grain in zip(found["day"], found["grain"], strict=True)]
    return said, [str(fault) for fault in sheet.faults]


# Sheets


@pytest.mark.parametrize(("mark", "word"), [(",", ""), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_each_separator_gives_the_same_cells(tmp_path: Path, mark: str, word: str) -> None:
    text = '\ufeffweek,Wait\r\n2024-W01,"a ""quoted""\nline"\r\n\r\n2024-W02,3\r\n'.replace(",", mark)
    sheet = read_sheet(written(tmp_path, text))
    assert sheet.names == ("week", "Wait")
    assert rows(sheet) == [("2024-W01", 'a "quoted"\nline'), ("2024-W02", "3")]
    assert sheet.lines.tolist() == [2, 4]
    assert word in sheet.receipt.text


def test_the_same_table_is_the_same_in_every_kind_of_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"week": ["2024-W01", "2024-W02"], "Wait": [1.5, np.nan]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    book(tmp_path, [["week", "Wait"], ["2024-W01", 1.5], ["2024-W02", None]], "a.xlsx")
    for source in (frame, tmp_path / "a.csv", tmp_path / "a.parquet", tmp_path / "a.xlsx"):
        sheet = read_sheet(source)
        assert sheet.names == ("week", "Wait")
        np.testing.assert_array_equal(read_numbers(sheet, 1), [1.5, np.nan])
        assert read_times(sheet, [0])[0]["grain"].tolist() == ["weekly", "weekly"]


def test_unnamed_empty_columns_and_blank_lines_are_left_out_and_told(tmp_path: Path) -> None:
    sheet = read_sheet(written(tmp_path, "a,b,,\n1,2,,\n,,,\n3,4,,\n"))
    assert (sheet.names, rows(sheet)) == (("a", "b"), [("1", "2"), ("3", "4")])
    assert sheet.receipt.table["what"].tolist() == ["blank lines"]
    assert read_sheet(written(tmp_path, ",b\n1,2\n")).names == ("column 1", "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b\n", "nothing below its header"),
        (" \n\n", "no cells"),
        ("a,b\n1,2\n1,2,3\n1\n", r"2 faults.*line 3: The row has 3 cells, the header 2.*line 4: The row has 1"),
        ("Report of May\na,b,c\n1,2,3\n4,5,6\n", "line 1: The header has 1 cells, the rows below have 3"),
        ('a,b\n1,"2\n3,4\n', "line 2: .*quotation marks"),
        ('a,b\n1,"2"x\n', "line 2: .*quotation marks"),
        ("a;b,c\n1;2,3\n", "could be separated by commas or semicolons"),
        ("a,b\n1,\0\n", "line 2: It holds zero bytes"),
    ],
)
def test_a_text_that_falls_not_into_cells_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FileFault, match=f"(?s){words}") as caught:
        read_sheet(written(tmp_path, text))
    assert caught.value.file == "table.csv"


@pytest.mark.parametrize(
    ("raw", "words"),
    [("a,b\n1,é\n".encode("cp1252"), "line 2: The byte 0xE9 is not UTF-8"), ("a,b\n".encode("utf-16"), "UTF-16")],
)
def test_other_encodings_are_refused_by_name(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(FileFault, match=words):
        read_sheet(tmp_path / "t.csv")


def test_a_wrong_path_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    written(tmp_path, "a\n1\n", "series.csv")
    with pytest.raises(FileFault, match=r"serie\.csv: There is no such file\. Did you mean 'series\.csv'"):
        read_sheet(tmp_path / "serie.csv")
    for source, words in ((tmp_path, "folder"), (written(tmp_path, "x", "a.pdf"), r"'\.pdf' are not read")):
        with pytest.raises(FileFault, match=words):
            read_sheet(source)
    for source in (3, None, b"a.csv", "a\0b.csv"):
        with pytest.raises(FileFault):
            read_sheet(source)


def test_a_workbook_keeps_its_types_and_line_numbers(tmp_path: Path) -> None:
    day = dt.datetime(2024, 1, 31)
    path = book(tmp_path, [[], ["date", "Wait", None], [day, 3], [None, None], [day, "#DIV/0!"]])
    sheet = read_sheet(path)
    assert rows(sheet) == [(day, 3), (day, "#DIV/0!")]
    assert sheet.lines.tolist() == [3, 5]


def test_the_first_sheet_with_cells_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    for title in ("Data", "Notes"):
        made.create_sheet(title).append(["a"])
        made[title].append([1])
    made.save(tmp_path / "t.xlsx")
    assert "'Data' read, the first with cells, not 'Sheet', 'Notes'" in read_sheet(tmp_path / "t.xlsx").receipt.text


def test_a_formula_without_its_result_is_not_an_empty_cell(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="formula in cell B2 was saved without its result"):
        read_sheet(book(tmp_path, [["a", "b"], [1, "=A2*2"]]))


@pytest.mark.parametrize("fault", ["bomb", "far row", "far column", "entities", "password", "cut off", "text"])
def test_a_harmful_workbook_is_refused_at_once(tmp_path: Path, fault: str) -> None:
    path = book(tmp_path, [["a", "b"], [1, 2]])
    if fault == "bomb":
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/more.bin", bytes(40_000_000))
    elif fault.startswith("far"):
        made = openpyxl.load_workbook(path)
        made.active["A1048576" if fault == "far row" else "XFD2"] = 1
        made.save(path)
    elif fault == "entities":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("xl/extra.xml", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    elif fault == "password":
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    else:
        path.write_bytes(path.read_bytes()[:-200] if fault == "cut off" else b"a,b\n1,2\n")
    read_sheet(book(tmp_path, [["a"], [1]], "warm.xlsx"))
    begin = time.process_time()
    with pytest.raises(FileFault, match=r"table\.xlsx"):
        read_sheet(path)
    assert time.process_time() - begin < 2


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    with pytest.raises(FileFault, match=r"t\.parquet: It cannot be read"):
        read_sheet(tmp_path / "t.parquet")


def test_a_frame_brings_its_index_along_and_stays_as_it_was() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.PeriodIndex(["2024-01", "2024-02"], freq="M"))
    before = frame.copy(deep=True)
    sheet = read_sheet(frame)
    assert (sheet.names, sheet.index) == (("period", "a"), ("period",))
    pd.testing.assert_frame_equal(frame, before)
    with pytest.raises(FileFault, match="several levels"):
        read_sheet(pd.DataFrame({("a", "b"): [1]}))
    with pytest.raises(FileFault, match="no cells"):
        read_sheet(pd.DataFrame({"a": []}))


@QUIET
@given(st.binary(max_size=300) | st.text(alphabet='ab1,;|\t\n"\r -', max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    for name in ("a.csv", "a.xlsx", "a.parquet"):
        (tmp_path / name).write_bytes(raw)
        try:
            sheet = read_sheet(tmp_path / name)
        except IpoError:
            continue
        assert sheet.cells.shape == (len(sheet.lines), len(sheet.names))


@QUIET
@given(st.data())
def test_a_workbook_with_flipped_bytes_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "good.xlsx").exists():
        book(tmp_path, [["a", "b"], [1, "x"], [2.5, None]], "good.xlsx")
    raw = bytearray((tmp_path / "good.xlsx").read_bytes())
    for share, byte in data.draw(st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), max_size=4)):
        raw[int(share * len(raw))] = byte
    (tmp_path / "bad.xlsx").write_bytes(raw)
    with suppress(IpoError):
        read_sheet(tmp_path / "bad.xlsx")


# Numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6), min_size=1))
def test_plain_numbers_come_back_to_the_last_digit(cells: list[float]) -> None:
    values, faults = numbers([repr(cell) for cell in cells], ",")
    assert faults or values == [float(cell) for cell in cells]
    assert numbers(list(cells)) == ([float(cell) for cell in cells], [])


def test_missing_marks_are_missing_in_every_case() -> None:
    marks = ["", " ", "NA", "N/A", "na", "nan", "NaN", "null", "-", "#DIV/0!", "#N/A", None, np.nan, pd.NaT, pd.NA]
    values, faults = numbers([*marks, "5"])
    assert np.isnan(values[:-1]).all()
    assert values[-1] == 5
    assert faults == []


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,5", "20"], [1.5, 20]),
        (["1,234.5", "1,000"], [1234.5, 1000]),
        (["1,234,567", "1,234"], [1234567, 1234]),
        (["1.234,5", "1.000"], [1234.5, 1000]),
        (["1 234", "20"], [1234, 20]),
        (["1\u00a0234,5", "20"], [1234.5, 20]),
        (["1'234.5", "20"], [1234.5, 20]),
        (["0.125", "1.234"], [0.125, 1.234]),
        (["1e3", "+2", "-.5", "3."], [1000, 2, -0.5, 3]),
        ([True and 3, 2.5, "7"], [3, 2.5, 7]),
    ],
)
def test_a_style_of_numbers_is_taken_if_the_whole_column_shows_it(cells: list[object], values: list[float]) -> None:
    assert numbers(cells) == (values, [])


@pytest.mark.parametrize("cells", [["1,234", "20"], ["1.234", "987"], ["1.234", "2.345"], ["12345", "1,234"]])
def test_a_mark_that_may_be_of_thousands_or_of_decimals_is_asked_about(cells: list[object]) -> None:
    _, faults = numbers(cells, ";")
    assert len(faults) == 1
    assert "could mean 1234 or 1.234" in faults[0] or "could mean 1.234 or 1234" in faults[0]
    assert "Write the numbers without thousands marks" in faults[0]


def test_three_decimals_everywhere_are_decimals_in_a_file_of_commas() -> None:
    assert numbers(["1.234", "2.345"], ",") == ([1.234, 2.345], [])
    assert numbers(["1.234", "987"], ",")[1]


@pytest.mark.parametrize(
    "cell", ["abc", "12%", "€5", "1_000", "٣", "0:02:14", "1362044 hours", "(5)", "−5", "0x1F", "1,2,3", "1 2", True]
)
def test_what_is_no_plain_number_is_refused_with_its_line(cell: object) -> None:
    _, faults = numbers(["1", cell, "2.5"])
    assert len(faults) == 1
    assert faults[0].startswith("line 2, column 'x': ")
    assert "is no number" in faults[0]
    assert "Mend the cell, or leave it empty." in faults[0]


@pytest.mark.parametrize("cell", ["1e400", np.inf, -np.inf, 10**400])
def test_endless_numbers_are_refused(cell: object) -> None:
    _, faults = numbers([1.0, cell])
    assert "not a finite number" in faults[0]
    assert numbers([1.0, cell, 2.0])[0][0] == 1


def test_a_column_of_words_is_one_fault() -> None:
    _, faults = numbers(["a"] * 1000)
    assert len(faults) == 1
    assert "No cell of the column is a number" in faults[0]


# Times


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-1-3", "2024-01-03"),
        ("2024/01/31", "2024-01-31"),
        ("2024-01-31T00:00:00", "2024-01-31"),
        ("2024-01-31 00:00", "2024-01-31"),
        (dt.datetime(2024, 1, 31), "2024-01-31"),
        (dt.date(2024, 1, 31), "2024-01-31"),
        (pd.Timestamp("2024-01-31"), "2024-01-31"),
        ("2024-01", "2024-01-01 monthly"),
        ("2020-W53", "2020-12-28 weekly"),
        ("2020W53", "2020-12-28 weekly"),
        ("2021-W01", "2021-01-04 weekly"),
        ("2021Q3", "2021-07-01 quarterly"),
        ("2021-Q3", "2021-07-01 quarterly"),
        ("2021", "2021-01-01 yearly"),
        (2021, "2021-01-01 yearly"),
        (pd.Period("2024-01", "M"), "2024-01-01 monthly"),
        (pd.Period("2024-01-07", "W-SUN"), "2024-01-01 weekly"),
        (pd.Period("2024-01-06", "W-SAT"), "2024-01-01 weekly"),
        (pd.Period("2021Q3", "Q-DEC"), "2021-07-01 quarterly"),
    ],
)
def test_each_way_of_writing_a_time_is_read(cell: object, said: str) -> None:
    assert times([cell]) == ([said], [])


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("2021-W53", "2021 has no such week"),
        ("2024-02-30", "no such day"),
        ("2024-13", "2024 has no such month"),
        ("2021Q5", "2021 has no such quarter"),
        ("2024-01-31T10:99", "no such day or time"),
        ("2024-01-31T00:00:00+01:00", "time zone"),
        (pd.Timestamp("2024-01-31", tz="Europe/Paris"), "time zone"),
        (45322, "spreadsheet's day number"),
        ("1706659200000", "seconds since 1970"),
        ("5", "says no year"),
        ("Jan-22", "names of months"),
        ("31/12/24", "two digits"),
        ("03/04/2024", "day and month cannot be told apart"),
        ("Total", "row of totals"),
        ("all", "row of totals"),
        ("next week", "no known way"),
        ("0024-01-31", "not between 1800 and 2200"),
        (pd.Period("2024", "Y-MAR"), "Y-MAR are not read"),
        (None, "The time is missing"),
        (" ", "The time is missing"),
    ],
)
def test_a_doubtful_time_is_refused_with_its_reason(cell: object, words: str) -> None:
    _, faults = times([cell])
    assert len(faults) == 1
    assert faults[0].startswith("line 1, column 'date': ")
    assert words in faults[0]
    assert "Expected: dates such as 2024-01-31" in faults[0]


def test_day_or_month_first_is_read_off_the_whole_column() -> None:
    assert times(["03/04/2024", "13/04/2024"])[0] == ["2024-04-03", "2024-04-13"]
    assert times(["03.04.2024", "04.13.2024"])[0] == ["2024-03-04", "2024-04-13"]
    assert "some cells have the day first" in times(["13/04/2024", "04/13/2024"])[1][0]
    assert "another order" in times(["13/04/2024", dt.datetime(2024, 3, 4)])[1][0]


def test_a_month_in_a_column_of_weeks_is_asked_about() -> None:
    assert "a week or a month" in times(["2024-05"], header="Week")[1][0]


def test_a_month_in_a_column_of_quarters_is_asked_about() -> None:
    assert "a quarter or a month" in times(["2024-03"], header="Quarter")[1][0]
    assert times(["2024-03", "2024-06"], header="Quarter") == (["2024-03-01 monthly", "2024-06-01 monthly"], [])


@pytest.mark.parametrize(("zone", "freq"), [("Europe/Paris", "D"), ("Europe/London", "7D"), ("Australia/Sydney", "MS")])
def test_midnights_moved_by_a_time_zone_are_asked_about(zone: str, freq: str) -> None:
    local = pd.date_range("2024-01-01", "2024-12-31", freq=freq, tz=zone)
    _, faults = times(list(local.tz_convert("UTC").tz_localize(None)))
    assert "days may be one too early" in faults[0] or "several times of day" in faults[0]
    assert times(list(local.tz_localize(None)))[1] == []


def test_one_time_of_day_throughout_is_told() -> None:
    sheet = read_sheet(pd.DataFrame({"date": ["2024-01-31T15:00", "2024-02-01 15:00"]}))
    assert read_times(sheet, [0])[1] == "dates at 15:00:00, each taken as its day"


def test_several_times_of_one_day_are_refused() -> None:
    assert "several times of day" in times(["2024-01-31T08:00", "2024-01-31T09:00"])[1][0]


def test_year_and_week_stand_in_two_columns(tmp_path: Path) -> None:
    sheet = read_sheet(written(tmp_path, "year,week,month,x\n2020,53,1,1\n2021,W01,2,2\n2021,54,,3\n"))
    weeks, _ = read_times(sheet, [0, 1])
    assert weeks["day"].dropna().astype(str).tolist() == ["2020-12-28", "2021-01-04"]
    assert [fault.line for fault in sheet.faults] == [4]
    assert "2021 has no such week" in str(sheet.faults[0])
    assert read_times(sheet, [0, 2])[0]["grain"].tolist() == ["monthly", "monthly", ""]
    with pytest.raises(IpoError, match="Name the column week, month or quarter"):
        read_times(sheet, [0, 3])


@given(st.lists(st.text(alphabet="0123456789-/.WQT: ", max_size=12) | st.dates(), min_size=1, max_size=5))
def test_any_cell_is_a_time_or_a_fault(cells: list[object]) -> None:
    said, faults = times(cells)
    assert len(said) + len(faults) == len(cells) or "several times of day" in faults[0]


# Inventory


def test_headers_and_words_are_taken_by_synonym_and_told(tmp_path: Path) -> None:
    text = "KPI,Type,Department,Desired Direction,Frequency,Roll-up,Target,Colour\n"
    text += "NA,Output,Support,UP,Week,Average,0.95,red\nCalls,activity,,down,,,,\nAgents,Resource,,,,,,\n"
    inventory = read_inventory(written(tmp_path, text))
    assert inventory.names == ("NA", "Calls", "Agents")
    expected = Metric(
        "NA", "outcome", "Support", better="higher", cadence="weekly", aggregate="mean", target=0.95,
        extra={"Colour": "red"},
    )  # fmt: skip
    assert inventory["na"] == expected
    assert [metric.stage for metric in inventory] == ["outcome", "process", "input"]
    told = inventory.receipt.text
    for words in ("'KPI' taken as 'name'", "'Output' taken as 'outcome'", "'Colour' kept beside the known ones"):
        assert words in told
    assert inventory.path == tmp_path / "table.csv"


def test_an_inventory_is_the_same_from_every_source(tmp_path: Path) -> None:
    rows = [{"name": "NA", "stage": "input", "controllable": 3}, {"name": "Wait", "stage": "process", "team": "A"}]
    frame = pd.DataFrame(rows)
    frame.to_parquet(tmp_path / "a.parquet")
    cells = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    path = book(tmp_path, [[*frame.columns], *cells])
    frame.to_csv(tmp_path / "a.csv", index=False)
    first = read_inventory(rows)
    sources = [frame, path, tmp_path / "a.csv", tmp_path / "a.parquet", first, list(first), [rows[0], first["wait"]]]
    for source in sources:
        assert read_inventory(source).metrics == first.metrics


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,team\nA,B\n", "line 1: No column is the stage.*Expected: a header stage, or type"),
        ("KPI,Metric,stage\nA,B,input\n", "'KPI' and 'Metric' could both be the name.*Call one of them name"),
        ("name,stage,goal\nA,input,5\n", "'goal' could be the objective or the target"),
        ("name,stage\nA,inpt\n,input\n", "(?s)2 faults.*line 2.*'inpt'.*Did you mean 'input'.*line 3.*name"),
        ("name,stage\nA,input\na ,input\n", "line 3, column 'name': .*'a' and 'A' are the same name"),
        ("name,stage,better\nA,input,-\n", "line 2, column 'better'.*'-'.*Expected: higher or lower"),
        ("name,stage,target\nA,input,95%\n", "line 2, column 'target'.*'95%'.*Expected: a finite number"),
        ("name,stage,controllable\nA,input,high\n", "line 2, column 'controllable'"),
    ],
)
def test_a_wrong_inventory_is_refused_with_line_and_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InventoryError, match=words) as caught:
        read_inventory(written(tmp_path, text))
    assert caught.value.file == "table.csv"


def test_what_is_no_inventory_is_refused() -> None:
    for source in ([3], 3, ["name"]):
        with pytest.raises(InventoryError, match="Entry 1 of the metrics is"):
            read_inventory(source)


# Map

MAP = "ipo_map: 1\ncadence: weekly\ninventory: inventory.csv\nlinks:\n- {cause: A, effect: B}\n"


def test_a_map_is_read_with_the_inventory_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "KPI,Stage\nA,input\nB,outcome\n", "inventory.csv")
    path = written(tmp_path, MAP, "map.yml")
    ipo_map = read_map(path)
    assert (ipo_map.names, ipo_map.path) == (("A", "B"), path)
    assert "'KPI' taken as 'name'" in ipo_map.inventory.receipt.text
    assert read_map(ipo_map.to_dict()).link("A", "B") == ipo_map.link("A", "B")


def test_metrics_may_stand_in_the_map_itself(tmp_path: Path) -> None:
    text = MAP.replace("inventory: inventory.csv", "metrics: [{name: A, stage: input}, {name: B, stage: outcome}]")
    assert read_map(str(written(tmp_path, text, "map.yml"))).names == ("A", "B")


def test_an_inventory_that_is_missing_or_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    written(tmp_path, "name,stage\nA,input\nB,outcome\n", "inventory.csv")
    path = written(tmp_path / "maps", MAP, "map.yml")
    with pytest.raises(FileFault, match=r"inventory\.csv: There is no such file"):
        read_map(path)
    (tmp_path / "maps" / "inventory.csv").symlink_to(tmp_path / "inventory.csv")
    for text in (MAP, MAP.replace("inventory.csv", "../inventory.csv"), MAP.replace("inventory.csv", "/etc/passwd")):
        path.write_text(text, "utf-8")
        with pytest.raises(MapError, match="leaves the folder of the map"):
            read_map(path)
    with pytest.raises(IpoError, match="is no map"):
        read_map(None)


@pytest.mark.parametrize(
    ("header", "field"),
    [("Department", "team"), ("KPI_Name", "name"), (" Metric-Type ", "stage"), ("TARGET", "target"), ("Floor", "")],
)
def test_a_header_means_a_field_or_none(header: str, field: str) -> None:
    assert field_of(header) == field


@pytest.mark.parametrize(
    ("field", "text", "meant"),
    [("stage", "OutPut", "outcome"), ("stage", "x", "x"), ("better", "↑", "higher"), ("team", "Output", "Output")],
)
def test_a_cell_is_said_in_the_words_of_the_room_or_stays(field: str, text: str, meant: str) -> None:
    assert meant_by(field, text) == meant
    assert meant_by(field, meant) == meant
