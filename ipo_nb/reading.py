"""Tables out of CSV, XLSX, Parquet and DataFrames, with a receipt of every decision; inventories and maps."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.calendars import Stamp, moved_midnights, read_stamps, year_mark
from ipo_nb.errors import FileFault, InventoryError, IpoError, SeriesError, nearest, raise_faults
from ipo_nb.links import IPOMap, path_beside
from ipo_nb.mapfile import parse_map
from ipo_nb.metrics import Inventory, Metric, name_key, shown
from ipo_nb.results import Receipt, unguarded

__all__ = [
    *("PLAIN", "Sheet", "field_of", "fields_of", "inventory_of", "is_missing", "listed", "meant_by"),
    *("read_inventory", "read_map", "read_numbers", "read_sheet", "read_times"),
]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LARGEST_FILE = 500_000_000
LARGEST_BOOK = 200_000_000  # bytes of a workbook once unpacked
SUSPECT_BOOK = 2_000_000  # from here on, 100 unpacked bytes for each packed one are a bomb
FAR = 1_000  # empty rows or columns before the next cell
MOST_CELLS = 50_000_000
MISSING = frozenset(("", "na", "n/a", "nan", "null", "-", "#div/0!", "#n/a"))

Rows = Mapping[int, Sequence[Any]]  # cells by line


@dataclass(slots=True, eq=False, repr=False)
class Sheet:
    """A table as it stands in its source, with what there is to tell of its reading and to mend in it."""

    names: tuple[str, ...]  # the headers, in order; a column without one is called `column 3`
    cells: pd.DataFrame  # in columns 0, 1, ...: text where the source holds text, typed values where it holds those
    lines: NDArray[np.int64]  # (rows,) as a spreadsheet shows them; in a DataFrame they count from 1
    file: str = ""  # where it came from; empty for a DataFrame
    index: tuple[str, ...] = ()  # the headers that were the index of a DataFrame
    separator: str = ""  # of the columns of a CSV
    notes: dict[tuple[str, str, str], list[tuple[int, Sequence[str]]]] = field(default_factory=dict)
    faults: list[IpoError] = field(default_factory=list)

    def find(self, *names: str) -> list[int]:
        """Positions of the columns of these names; case, spaces and Unicode form make no difference."""
        keys = {name_key(name) for name in names}
        return [place for place, header in enumerate(self.names) if name_key(header) in keys]

    def tell(self, what: str, count: int, rest: str, names: Sequence[str] = (), *, noun: str = "") -> None:
        """Something for the receipt, unless it counts nothing; the same of several columns becomes one line."""
        if count:
            self.notes.setdefault((what, noun, rest), []).append((count, names))

    @property
    def receipt(self) -> Receipt:
        """What was told, line by line."""
        decisions = []
        for (what, noun, rest), items in self.notes.items():
            count, names = sum(count for count, _ in items), [name for _, some in items for name in some]
            told = f"{count:,} {noun}{'' if count == 1 else 's'} {rest}" if noun else rest
            decisions.append((what, count, f"{told}: {listed(names)}" if names else told))
        return Receipt.of(decisions)

    def fault(self, wrong: str, position: int | None = None, row: Any = None, **said: Any) -> SeriesError:
        """Something to mend in a column, and a row of it; kept with the other faults, and given back."""
        column = None if position is None else self.names[position]
        line = None if row is None else int(self.lines[row])
        if position is not None and row is not None:
            said = {"value": self.cells[position].iloc[row]} | said
        error = SeriesError(wrong, file=self.file or None, line=line, column=column, **said)
        self.faults.append(error)
        return error


def listed(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + rest


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NA, NaT or blank text."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def _is_blank(cells: Iterable[Any]) -> bool:
    return all(map(is_missing, cells))


def read_sheet(source: str | Path | pd.DataFrame) -> Sheet:
    """Read a CSV (UTF-8; commas, semicolons, tabs or bars), XLSX or Parquet file, or take a DataFrame, as it stands.

    Raises FileFault if the file is missing, empty, damaged, too large, ambiguous or of a kind that is not read.

    >>> read_sheet(pd.DataFrame({"week": ["2024-W01"], "Calls": [3]})).names
    ('week', 'Calls')
    """
    if isinstance(source, pd.DataFrame):
        return _frame_sheet(source, "")
    if not isinstance(source, str | Path):
        raise _refused("", f"A {type(source).__name__} is no table.", "Give a path or a DataFrame.")
    path = Path(source)
    try:
        _check_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return READERS[path.suffix.lower()](path)
    except IpoError:
        raise
    except Exception as error:  # the parsers raise whatever the bytes make them raise
        reason = str(error).split("\n")[0][:200] or type(error).__name__
        raise _refused(path, f"It cannot be read: {reason}.", "Save or download it again.") from error


def _refused(path: Path | str, wrong: str, fix: str, **said: Any) -> FileFault:
    return FileFault(wrong, file=Path(path).name or None, fix=fix, **said)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise _refused(path, "This is a folder.", "Name the file in it.", value=str(path))
    if not path.is_file():
        there = sorted(item.name for item in islice(path.parent.glob("*.*"), 1000))
        raise _refused(path, "There is no such file.", nearest(path.name, there), value=str(path))
    size, kind = path.stat().st_size, path.suffix.lower()
    if size == 0:
        raise _refused(path, "The file is empty (0 bytes).", "Save or download it again.")
    if size > LARGEST_FILE:
        raise _refused(path, f"The file has {size // 1_000_000:,} MB.", "Split it, or save it as Parquet.")
    if kind not in READERS:
        raise _refused(path, f"Files of the kind {kind!r} are not read.", "Save it as .csv, .xlsx or .parquet.")


def _read_csv(path: Path) -> Sheet:
    raw, rows = path.read_bytes(), dict[int, list[str]]()
    wrong, fix, place = "It holds zero bytes, so it is no text.", "Save it as 'CSV UTF-8'.", raw.find(b"\0")
    try:
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        wrong, place = f"The byte 0x{raw[error.start]:02X} is not UTF-8 text.", error.start
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        wrong = "The text is in UTF-16."
    if place >= 0:
        raise _refused(path, wrong, fix, line=raw.count(b"\n", 0, place) + 1, expected="UTF-8 text")
    separator = _separator(text, path)
    text.seek(0)
    try:
        rows.update(enumerate(csv.reader(text, delimiter=separator, strict=True), start=1))
    except csv.Error as error:
        wrong, fix = f"The line falls not into cells: {error}.", "Mend its quotation marks."
        raise _refused(path, wrong, fix, line=len(rows) + 1) from error
    sheet = _grid(rows, path, separator)
    sheet.tell("separator", int(separator != ","), f"{SEPARATORS[separator]} separate the columns")
    return sheet


def _separator(text: io.StringIO, path: Path) -> str:
    """The one mark that gives the first rows as many cells as the header; if none does, what cuts that most."""
    widths: dict[str, list[int]] = {}
    for mark in SEPARATORS:
        text.seek(0)
        with suppress(csv.Error):
            widths[mark] = [len(row) for row in islice(csv.reader(text, delimiter=mark), 200) if not _is_blank(row)]
        widths[mark] = widths.get(mark) or [0]
    even = [mark for mark, found in widths.items() if found[0] > 1 and len(set(found)) == 1]
    if len(even) > 1:
        wrong = f"Its columns could be separated by {' or '.join(SEPARATORS[mark] for mark in even)}."
        fix = "Put cells that hold the other one in quotation marks."
        raise _refused(path, wrong, fix, expected="one separator")
    return even[0] if even else max(widths, key=lambda mark: widths[mark][0])


def _grid(rows: Rows, path: Path, separator: str = "") -> Sheet:
    """A sheet of rows by line: the first that is not blank is the header; those of a workbook may be shorter."""
    kept = {line: cells for line, cells in rows.items() if not _is_blank(cells)}
    if len(kept) < 2:
        found = "nothing below its header" if kept else "no cells"
        raise _refused(path, f"The table has {found}.", "Fill it in.", expected="a header and rows")
    top, *lines = kept
    header = kept.pop(top)
    width = max(place for place, cell in enumerate(header, start=1) if not is_missing(cell))
    odd = {n: len(row) for n, row in kept.items() if not _is_blank(row[width:]) or (separator and len(row) < width)}
    if len(odd) > 2 and len(odd) == len(kept):
        wrong = f"The header has {width} cells, the rows below have {next(iter(odd.values()))}."
        fix = "Take away titles above the header, and quote cells that hold the separator."
        raise _refused(path, wrong, fix, line=top, expected="column names in the first row")
    wrong, fix = "The row has {} cells, the header {}.", "Add or remove cells, or quote those that hold the separator."
    raise_faults([_refused(path, wrong.format(n, width), fix, line=line, value=n) for line, n in odd.items()])
    body = pd.DataFrame([row[:width] for row in kept.values()], dtype=object).reindex(columns=range(width))
    names = [f"column {at}" if is_missing(cell) else str(cell) for at, cell in enumerate(header[:width], start=1)]
    sheet = _frame_sheet(body.set_axis(names, axis=1), path.name)
    sheet.tell("blank lines", lines[-1] - top - len(lines), "without any cell left out", noun="line")
    return replace(sheet, lines=np.array(lines), separator=separator)


NO_RESULT = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*?\br="([A-Z]+\d+)"[^>]*>\s*(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)'
    rb"\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)


def _read_xlsx(path: Path) -> Sheet:
    """The first visible sheet that has cells; the others are named in the receipt."""
    _guard_book(path)
    import openpyxl

    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        pages = {page.title: page for page in book.worksheets if page.sheet_state == "visible"}
        for title, page in pages.items():
            if rows := _book_rows(page, path):
                sheet = _grid(rows, path)
                others = ", ".join(repr(other) for other in pages if other != title)
                sheet.tell("sheets left aside", len(pages) - 1, f"{title!r} read, the first with cells, not {others}")
                return sheet
    raise _refused(path, "The workbook has no sheet with cells.", "Fill in its first sheet.")


def _guard_book(path: Path) -> None:
    """Refuse what would hurt, by the directory of the archive and the first bytes of its parts."""
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            raise _refused(path, "It has a password, or is an old .xls file.", "Save it as .xlsx without a password.")
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        bomb = size > SUSPECT_BOOK and size > 100 * sum(part.compress_size for part in parts)
        if bomb or size > LARGEST_BOOK:
            raise _refused(path, f"It unpacks to {size // 1_000_000:,} MB.", "Save the table as CSV.", value=size)
        for part in parts:
            if part.filename.endswith((".xml", ".rels", ".vml")):
                # A document type, and so an entity, has to stand before the first element.
                with archive.open(part) as opened:
                    head = opened.read(65_536).replace(b"\0", b"")
                if b"<!DOCTYPE" in head or not re.search(rb"<[A-Za-z]", head):
                    wrong = "The workbook declares entities, which no spreadsheet program does."
                    raise _refused(path, wrong, "Do not open it; ask for the table as CSV.")


def _book_rows(page: Any, path: Path) -> Rows:
    """Rows that are not blank, by line; refuses stray cells, and formulas saved without their result."""
    page.reset_dimensions()  # what the file says of its size may be wrong
    rows: dict[int, Sequence[Any]] = {}
    above = width = size = 0
    for line, row in enumerate(page.iter_rows(values_only=True), start=1):
        if last := max((place for place, cell in enumerate(row, start=1) if not is_missing(cell)), default=0):
            size, width = size + last, width or last
            if line - above > FAR or last - width > FAR or size > MOST_CELLS:
                raise _refused(path, "A cell stands far away from the table.", "Delete it.", line=line)
            above, rows[line] = line, row[:last]
    with page._get_source() as source:  # values_only shows such a formula as an empty cell
        lost = NO_RESULT.search(source.read()) if rows else None
    if lost:
        wrong = f"The formula in cell {lost[1].decode()} was saved without its result."
        raise _refused(path, wrong, "Open it in a spreadsheet program and save it there.")
    return rows


READERS: dict[str, Callable[[Path], Sheet]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), _read_csv),
    ".xlsx": _read_xlsx,
    ".parquet": lambda path: _frame_sheet(pd.read_parquet(path), path.name),
}


def _frame_sheet(frame: pd.DataFrame, file: str) -> Sheet:
    """A frame's index, if it says something, and its columns."""
    if frame.columns.nlevels > 1:
        fix = "Give it one row of names, for instance with frame.columns.map(' '.join)."
        raise _refused(file, "The table has column names of several levels.", fix)
    if frame.empty:
        raise _refused(file, "The table has no cells.", "Fill it in.", expected="rows and columns")
    index: list[tuple[Any, pd.Series[Any]]] = []
    for place in range(frame.index.nlevels):
        level = frame.index.get_level_values(place)
        dated = level.dtype.kind == "M" or isinstance(level.dtype, pd.PeriodDtype)
        if level.name is not None or dated or frame.index.nlevels > 1:
            name = ("period" if dated else f"unit {place + 1}") if level.name is None else level.name
            index.append((name, level.to_series()))
    columns = [*index, *frame.items()]
    names = tuple(" ".join(str(name).split()) for name, _ in columns)
    cells = pd.DataFrame({place: _typed(column.reset_index(drop=True)) for place, (_, column) in enumerate(columns)})
    return Sheet(names, cells, np.arange(1, len(frame) + 1), file, names[: len(index)])


def _typed(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers, dates and periods as they are; everything else as Python objects that can be told apart."""
    if cells.dtype.kind in "iufM" or isinstance(cells.dtype, pd.PeriodDtype):
        return cells
    plain = cells.astype(object)
    mixed = pd.api.types.infer_dtype(plain) == "mixed"  # lists and dicts may hide in there
    return plain.map(lambda cell: cell if isinstance(cell, Hashable) else str(cell)) if mixed else plain


class _Style:
    """One way of writing numbers; `marks` stand between thousands."""

    def __init__(self, note: str, marks: str, decimal: str) -> None:
        self.note, self.marks, self.decimal, dot = note, marks, decimal, re.escape(decimal)
        plain = rf"(?:[0-9]+{dot}?[0-9]*|{dot}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        grouped = rf"[1-9][0-9]{{0,2}}(?:{marks}[0-9]{{3}})+(?:{dot}[0-9]+)?"
        self.fits = re.compile(f"[+-]?(?:{grouped}|{plain})" if marks else f"[+-]?{plain}").fullmatch

    def value(self, text: str) -> float:
        return float((re.sub(self.marks, "", text) if self.marks else text).replace(self.decimal, "."))


SPACES = "[ \u00a0\u2009\u202f'\u2019]"
PLAIN = _Style("", "", ".")
STYLES = (
    PLAIN,
    _Style("a decimal comma", "", ","),
    _Style("commas between thousands", ",", "."),
    _Style("points between thousands and a decimal comma", r"\.", ","),
    _Style("spaces or apostrophes between thousands", SPACES, "."),
    _Style("spaces or apostrophes between thousands and a decimal comma", SPACES, ","),
)


def read_numbers(sheet: Sheet, position: int) -> NDArray[np.float64]:
    """Read a column as numbers: plain, or in another style if the whole column shows it without ambiguity.

    NaN are cells that are empty or marked so (`NA`, `-`, `#DIV/0!`), and those that are no number: faults of the sheet.

    >>> read_numbers(read_sheet(pd.DataFrame({"x": ["1,5", "NA", "12,25"]})), 0).tolist()
    [1.5, nan, 12.25]
    """
    cells = sheet.cells[position]
    texts: dict[int, str] = {}
    wrong: dict[int, str] = {}
    typed = cells.dtype.kind in "iuf"
    values = cells.to_numpy("float64", na_value=np.nan, copy=True) if typed else np.full(len(cells), np.nan)
    for row, cell in enumerate(() if typed else cells):
        if isinstance(cell, str):
            if (text := cell.strip()).casefold() not in MISSING:
                texts[row] = text
        elif isinstance(cell, int | float | Decimal | np.number) and not isinstance(cell, bool):
            values[row] = np.inf  # what an integer beyond 1e308 or a signalling NaN stays
            with suppress(OverflowError, ValueError):
                values[row] = float(cell)
        elif not is_missing(cell):
            wrong[row] = "is no number"
    style, doubtful = _style(list(texts.values()), sheet.separator)
    for row, text in texts.items():
        if text == doubtful:
            ways = dict.fromkeys(f"{each.value(text):.15g}" for each in STYLES if each.fits(text))
            why = f"{shown(text)} could mean {' or '.join(ways)}, and no other cell of the column decides it."
            fix = "Write the numbers without thousands marks and with a decimal point."
            sheet.fault(why, position, row, expected="numbers such as 1234.5", fix=fix)
            return values
        if style.fits(text):
            values[row] = style.value(text)
        else:
            wrong[row] = "is no number"
    wrong |= dict.fromkeys(np.flatnonzero(np.isinf(values)).tolist(), "is not a finite number")
    values[list(wrong)] = np.nan
    missing = int(np.isnan(values).sum()) - len(wrong)
    expected = f"numbers such as 1234.5 (here with {style.note})" if style.note else "numbers such as 1234.5"
    said = {"expected": expected, "fix": "Mend the cell, or leave it empty."}
    if len(wrong) > 2 and len(wrong) == len(cells) - missing:
        sheet.fault("No cell of the column is a number.", position, min(wrong), **said)
    else:
        for row, why in sorted(wrong.items()):
            sheet.fault(f"{shown(str(cells.iloc[row]))} {why}.", position, row, **said)
    sheet.tell("numbers", int(bool(style.note)), f"{sheet.names[position]!r} has {style.note}")
    sheet.tell("missing", missing, "empty or marked so (NA, -, #DIV/0!)", noun="cell")
    return values


def _style(written: Sequence[str], separator: str) -> tuple[_Style, str]:
    """The style that most cells have, and a cell that two styles which all cells have read differently."""
    marks = "".join(set().union(*written))
    possible = [style for style in STYLES if style is PLAIN or re.search(style.marks or ",", marks)]
    fitting = [style for style in possible if all(map(style.fits, written))]
    if not fitting:
        return max(possible, key=lambda style: sum(map(bool, map(style.fits, written)))), ""
    decimals = fitting[0] is PLAIN and separator == "," and all("." in text for text in written)
    if len(fitting) == 1 or decimals:  # `1.234` in every cell of a file with commas: a program's three decimals
        return fitting[0], ""
    return fitting[0], next((text for text in written if len({style.value(text) for style in fitting}) > 1), "")


def read_times(sheet: Sheet, positions: Sequence[int]) -> tuple[pd.DataFrame, str]:
    """Read one column, or the two columns year and week (month, quarter), as times, and how they are written.

    For each row a `day` (the first of each period, or the date as it stands) and a `grain` (the cadence that the
    writing shows: `2024-01` is monthly; empty for dates). What is not certain becomes a fault of the sheet.

    >>> times, note = read_times(read_sheet(pd.DataFrame({"week": ["2020-W53", "2021-W01"]})), [0])
    >>> times["day"].astype(str).tolist(), times["grain"].tolist(), note
    (['2020-12-28', '2021-01-04'], ['weekly', 'weekly'], 'weeks by ISO 8601')
    """
    last, header = positions[-1], sheet.names[positions[-1]]
    cells = sheet.cells[last]
    if len(positions) > 1:
        mark, header = year_mark(header), ""
        if not mark:
            fix = "Name the column week, month or quarter."
            raise sheet.fault("It is not clear what this column counts within the year.", last, fix=fix)
        years, parts = (sheet.cells[at].map(str).str.strip().str.removesuffix(".0") for at in positions[:2])
        cells = years + mark + parts.str.lstrip("WwQq").str.zfill(2)
    codes, unique = pd.factorize(cells, use_na_sentinel=False)
    stamps, note = read_stamps(list(unique), header)
    reasons = [stamp if isinstance(stamp, str) else "" for stamp in stamps]
    for row, why in ((row, reasons[code]) for row, code in enumerate(codes) if reasons[code]):
        cell = sheet.cells[last].iloc[row]
        wrong = "The time is missing." if is_missing(cell) else f"{shown(str(cell))} is no time: {why}."
        fix = "Delete the row, or mend the cell." if is_missing(cell) or "total" in why else "Write it like that."
        sheet.fault(wrong, last, row, expected="dates such as 2024-01-31, or 2024-01, 2024-W05, 2024Q1", fix=fix)
    good = {stamp for stamp in stamps if isinstance(stamp, Stamp)}
    if len(good) > len({stamp[:2] for stamp in good}) and not any(reasons):
        sheet.fault("There are several times of day within one day.", last, 0, fix="Add the values up to days first.")
    elif moved_midnights(good):
        wrong = "The times of day are midnights of another time zone, so that days may be one too early."
        sheet.fault(wrong, last, 0, expected="local dates", fix="Write the dates without times, as they are there.")
    elif len(clocks := {stamp.clock for stamp in good}) == 1 and any(clocks):
        note += f" at {clocks.pop()}, each taken as its day"
    read = [stamp[:2] if isinstance(stamp, Stamp) else (None, "") for stamp in stamps]
    times = pd.DataFrame(read, columns=["day", "grain"]).astype({"day": "datetime64[s]", "grain": "category"})
    return times.iloc[codes].reset_index(drop=True), note


# Inventory and map

HEADERS = {
    "name": "metric, kpi, measure, indicator, metric name, kpi name",
    "stage": "type, kind, ipo, ipo stage, metric type, kpi type",
    "team": "department, dept, owner team, owning team, function",
    "owner": "responsible, accountable, contact, metric owner",
    "unit": "units, unit of measure, uom, measured in",
    "better": "desired direction, direction, polarity, good direction, better is",
    "cadence": "frequency, period, periodicity, granularity, reporting frequency",
    "aggregate": "aggregation, roll up, rollup",
    "controllable": "control, controllability",
    "objective": "goal, strategic objective, strategic goal, objectives",
    "target": "target value",
    "formula": "calculation, computed as",
    "window": "trailing window, rolling window, trailing periods",
    "definition": "description, meaning",
}
VALUES = {
    "stage": {
        "input": "inputs, resource, resources",
        "process": "processes, activity, activities",
        "outcome": "outcomes, output, outputs, result, results, impact",
    },
    "better": {
        "higher": "up, increase, increasing, high, max, maximise, maximize, more, higher is better, ↑",
        "lower": "down, decrease, decreasing, reduce, low, min, minimise, minimize, less, lower is better, ↓",
        "": "none, neutral, n/a, na",
    },
    "cadence": {
        "daily": "day, days, d",
        "weekly": "week, weeks, w",
        "monthly": "month, months, m",
        "quarterly": "quarter, quarters, q",
        "yearly": "year, years, y, annual, annually",
        "": "n/a, na, -",
    },
    "aggregate": {"sum": "total, add", "mean": "average, avg", "last": "latest, end of period", "": "none, n/a, na, -"},
}
VALUE_OF = {
    column: {synonym: word for word, synonyms in words.items() for synonym in (word, *synonyms.split(", "))}
    for column, words in VALUES.items()
}


class _Row(dict[str, Any]):
    """What is said of one metric, and the line on which it stands."""

    line: int


def read_inventory(source: str | Path | pd.DataFrame | Inventory | Sequence[Metric | Mapping[str, Any]]) -> Inventory:
    """Read the list of what is measured.

    Parameters
    ----------
    source : path of a CSV, XLSX or Parquet file, a DataFrame, or a list of metrics or of rows. Headers, and
        the words in `stage`, `better`, `cadence` and `aggregate`, are matched without case and by synonym
        (KPI, department, up); the receipt says what was taken for what.

    Raises
    ------
    FileFault : the file cannot be read.
    InventoryError : rows that cannot stand, all of them at once.

    >>> read_inventory([{"KPI": "Calls", "Type": "Activity", "Department": "Support"}])["calls"].stage
    'process'
    """
    if isinstance(source, Inventory):
        return source
    if isinstance(source, str | Path | pd.DataFrame):
        inventory = inventory_of(read_sheet(source))
        past: dict[str, tuple[Metric | None, ...]] = {name_key(metric.name): (metric,) for metric in inventory}
        return inventory if isinstance(source, pd.DataFrame) else replace(inventory, path=Path(source), _past=past)
    items = list(source) if isinstance(source, Iterable) else [source]
    rows = [item.to_dict() if isinstance(item, Metric) else item for item in items]
    if all(isinstance(item, Metric) for item in items) or not all(isinstance(row, Mapping) for row in rows):
        return Inventory.of(items)  # which refuses what is no metric
    return inventory_of(read_sheet(pd.DataFrame(rows, dtype=object)))


def inventory_of(sheet: Sheet) -> Inventory:
    """Metrics of rows under any of the known headers."""
    columns = fields_of(sheet)
    metrics = []
    for line, cells in zip(sheet.lines.tolist(), sheet.cells.itertuples(index=False), strict=True):
        row = _Row()
        row.line = line
        for header, column, cell in zip(sheet.names, columns, cells, strict=True):
            cell = unguarded(cell) if sheet.separator and isinstance(cell, str) else cell
            text = "" if is_missing(cell) else str(cell).strip()
            meant = meant_by(column, text)
            if meant != text:
                sheet.tell(column, 1, f"{text!r} taken as {meant!r}" if meant else f"{text!r} says nothing")
            if column in ("controllable", "target", "window"):
                number = float(text) if PLAIN.fits(text) else text
                row[column] = None if text.casefold() in MISSING else number
            elif column:
                row[column] = meant
            elif text:
                row[header] = cell
        metrics.append(row)
    inventory = Inventory.of(metrics, file=Path(sheet.file) if sheet.file else None)
    return replace(inventory, receipt=sheet.receipt)


def field_of(header: str) -> str:
    """The field of a metric that one header means, such as `team` for `Department`; empty if it is none."""
    key = _header_key(header)
    return next((field for field, names in HEADERS.items() if key == field or key in names.split(", ")), "")


def meant_by(field: str, text: str) -> str:
    """A cell in the words of the room, such as `outcome` for `Output` as a stage; other text as it stands."""
    return VALUE_OF.get(field, {}).get(name_key(text), text)


def _header_key(header: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name_key(header))).strip()


def fields_of(sheet: Sheet) -> list[str]:
    """What each column is, by the field's own name or else by a synonym; empty where it is none of the fields."""
    found = [""] * len(sheet.names)
    keys = [_header_key(header) for header in sheet.names]
    place: dict[str, Any] = {"file": sheet.file or None, "line": 1 if sheet.file else None}
    for column, synonyms in HEADERS.items():
        own = [at for at, key in enumerate(keys) if key == column]
        places = own or [at for at, key in enumerate(keys) if key in synonyms.split(", ")]
        headers = [sheet.names[at] for at in places]
        if not places and column in ("name", "stage"):
            fix = f"Name the column {column}; there is: {', '.join(sheet.names)[:200]}."
            expected = f"a header {column}, or {synonyms}"
            raise InventoryError(f"No column is the {column} of the metrics.", **place, expected=expected, fix=fix)
        if len(places) > 1:
            wrong = f"The headers {headers[0]!r} and {headers[1]!r} could both be the {column}."
            raise InventoryError(wrong, **place, column=headers[1], fix=f"Call one of them {column}.")
        texts = [str(cell).strip() for at in places for cell in sheet.cells[at] if not is_missing(cell)]
        if column == "objective" and not own and texts and all(map(PLAIN.fits, texts)):
            wrong = f"The header {headers[0]!r} could be the objective or the target, and its cells are numbers."
            raise InventoryError(wrong, **place, column=headers[0], fix="Call it objective or target.")
        for at in places:
            found[at] = column
            sheet.tell("header", int(not own), f"{sheet.names[at]!r} taken as {column!r}")
    for header in (header for header, column in zip(sheet.names, found, strict=True) if not column):
        sheet.tell("header", 1, f"{header!r} kept beside the known ones")
    return found


def read_map(source: str | Path | Mapping[str, Any]) -> IPOMap:
    """Read a map of links with its metrics.

    Parameters
    ----------
    source : path of a map file (YAML or JSON), or its content as a dict with the metrics in place. The
        inventory that it names is looked for beside the map file and may not lie outside its folder.

    Raises
    ------
    FileFault : the map or its inventory is missing, or lies outside the folder.
    MapError, InventoryError : what they say cannot stand.
    """
    if isinstance(source, Mapping):
        return IPOMap.from_dict(source)
    if not isinstance(source, str | Path):
        raise _refused("", f"A {type(source).__name__} is no map.", "Give the path of a map file.")
    path = Path(source)
    data = parse_map(path)
    inventory = data.get("inventory")
    metrics = read_inventory(path_beside(path, inventory, column="inventory")) if inventory else None
    return IPOMap.from_dict(data, metrics=metrics, path=path)
