"""Tables out of CSV, XLSX, Parquet and DataFrames, with a receipt of every decision; inventories and maps."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ipo_nb.errors import FileFault, InventoryError, IpoError, SeriesError, nearest, raise_faults
from ipo_nb.links import IPOMap, path_beside
from ipo_nb.mapfile import parse_map
from ipo_nb.metrics import Inventory, Metric, metric_faults, name_key, shown
from ipo_nb.results import Receipt, Result

__all__ = [
    "Numbers",
    "Sheet",
    "Times",
    "is_missing",
    "read_inventory",
    "read_map",
    "read_numbers",
    "read_sheet",
    "read_times",
]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LARGEST_FILE = 500_000_000
LARGEST_BOOK = 200_000_000  # bytes of a workbook once unpacked
SUSPECT_BOOK = 2_000_000  # from here on, 100 unpacked bytes for each packed one are a bomb
FAR = 1_000  # empty rows or columns before the next cell
MOST_CELLS = 50_000_000
MISSING = frozenset(("", "na", "n/a", "nan", "null", "-", "#div/0!", "#n/a"))

Decision = tuple[str, int, str]
Cells = Sequence[Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sheet(Result):
    """A table as it stands in its source: text where that holds text, typed values where it holds those.

    Attributes
    ----------
    names : the headers, in order; a column without one is called `column 3`.
    columns : the cells, one Series of length rows per header.
    lines : (rows,) line of each row as a spreadsheet shows it; in a DataFrame rows count from 1.
    file : where it came from; empty for a DataFrame.
    receipt : what was decided while it was read.
    separator : what separates the columns of a CSV, else empty.
    index : the headers that were the index of a DataFrame.
    """

    names: tuple[str, ...]
    columns: tuple[pd.Series[Any], ...]
    lines: NDArray[np.int64]
    file: str = ""
    receipt: Receipt = field(default_factory=Receipt.of)
    separator: str = ""
    index: tuple[str, ...] = ()

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The cells row by row."""
        return list(zip(*(column.tolist() for column in self.columns), strict=True))

    @property
    def table(self) -> pd.DataFrame:
        """The cells under their headers."""
        return pd.DataFrame(dict(enumerate(self.columns))).set_axis(list(self.names), axis=1)

    @property
    def text(self) -> str:
        """How large the table is."""
        return f"{self.file or 'The DataFrame'}: {len(self.lines):,} rows, {len(self.names):,} columns."

    def find(self, name: str) -> list[int]:
        """Positions of the columns of this name; case, spaces and Unicode form make no difference."""
        key = name_key(name)
        return [position for position, header in enumerate(self.names) if name_key(header) == key]

    def take(self, rows: NDArray[Any]) -> Sheet:
        """Only these rows, by position or mask."""
        columns = tuple(column[rows].reset_index(drop=True) for column in self.columns)
        return replace(self, columns=columns, lines=self.lines[rows])

    def fault(self, wrong: str, position: int | None = None, row: int | None = None, **said: Any) -> SeriesError:
        """A fault of this sheet, placed at a column and a row of it."""
        column = None if position is None else self.names[position]
        line = None if row is None else int(self.lines[row])
        if position is not None and row is not None:
            said = {"value": self.columns[position].iloc[row]} | said
        return SeriesError(wrong, file=self.file or None, line=line, column=column, **said)


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NA, NaT or blank text."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def read_sheet(source: str | Path | pd.DataFrame) -> Sheet:
    """Read a table without interpreting its cells.

    Parameters
    ----------
    source : path of a CSV (UTF-8; commas, semicolons, tabs or bars), XLSX or Parquet file, or a DataFrame.

    Raises
    ------
    FileFault : the file is missing, empty, damaged, too large, ambiguous or of a kind that is not read.

    >>> read_sheet(pd.DataFrame({"week": ["2024-W01"], "Calls": [3]})).names
    ('week', 'Calls')
    """
    if isinstance(source, pd.DataFrame):
        return _frame_sheet(source, "")
    path = _existing(source)
    with _opened(path):
        kind = path.suffix.lower()
        if kind in (".csv", ".tsv", ".txt"):
            return _read_csv(path)
        if kind in (".xlsx", ".xlsm"):
            return _read_xlsx(path)
        if kind in (".parquet", ".pq"):
            return _read_parquet(path)
    raise _refused(path, f"Files of the kind {kind!r} are not read.", "Save it as .csv, .xlsx or .parquet.")


def _refused(path: Path | str, wrong: str, fix: str, **said: Any) -> FileFault:
    return FileFault(wrong, file=Path(path).name or None, fix=fix, **said)


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is taken apart is a fault of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except IpoError:
        raise
    except Exception as error:  # the parsers raise whatever the bytes make them raise
        reason = str(error).split("\n")[0][:200] or type(error).__name__
        raise _refused(path, f"It cannot be read: {reason}.", "Save or download it again.") from error


def _existing(source: Any) -> Path:
    """The path, once it is clear that a file of a size that can be read is there."""
    if not isinstance(source, str | Path):
        raise _refused("", f"A {type(source).__name__} is no table.", "Give a path or a DataFrame.")
    path = Path(source)
    with _opened(path):
        if path.is_dir():
            raise _refused(path, "This is a folder.", "Name the file in it.", value=str(path))
        if not path.is_file():
            there = sorted(item.name for item in islice(path.parent.glob("*.*"), 1000))
            raise _refused(path, "There is no such file.", nearest(path.name, there), value=str(path))
        size = path.stat().st_size
    if size == 0:
        raise _refused(path, "The file is empty (0 bytes).", "Save or download it again.")
    if size > LARGEST_FILE:
        raise _refused(path, f"The file has {size // 1_000_000:,} MB.", "Split it, or save it as Parquet.")
    return path


# Text files


def _read_csv(path: Path) -> Sheet:
    text = _decoded(path)
    separator = _separator(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, Cells]] = []
    try:
        rows.extend(enumerate(reader, start=1))
    except csv.Error as error:
        wrong, fix = f"The line falls not into cells: {error}.", "Mend its quotation marks."
        raise _refused(path, wrong, fix, line=len(rows) + 1) from error
    decisions = [] if separator == "," else [("separator", 1, f"{SEPARATORS[separator]} separate the columns")]
    return _grid(rows, path, decisions, separator)


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    wrong, place = "", 0
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong, place = f"The byte 0x{raw[error.start]:02X} is not UTF-8 text.", error.start
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        wrong = "The text is in UTF-16."
    elif not wrong and "\0" in text:
        wrong, place = "It holds zero bytes, so it is no text.", raw.index(b"\0")
    if wrong:
        line = raw.count(b"\n", 0, place) + 1
        raise _refused(path, wrong, "Save it as 'CSV UTF-8'.", line=line, expected="UTF-8 text")
    return text


def _separator(text: str, path: Path) -> str:
    """The one mark that gives every row as many cells as the header; if none does, what cuts that most."""
    widths = {mark: _widths(text, mark) for mark in SEPARATORS}
    even = [mark for mark, found in widths.items() if found[0] > 1 and len(set(found)) == 1]
    if len(even) > 1:
        names = " or ".join(SEPARATORS[mark] for mark in even)
        fix = "Put cells that hold the other one in quotation marks."
        raise _refused(path, f"Its columns could be separated by {names}.", fix, expected="one separator")
    return even[0] if even else max(widths, key=lambda mark: widths[mark][0])


def _widths(text: str, mark: str) -> list[int]:
    """Number of cells in each of the first rows."""
    head = text[:100_000]
    try:
        rows = islice(csv.reader(io.StringIO(head, newline=""), delimiter=mark), 200)
        found = [len(row) for row in rows if not _is_blank(row)] or [0]
    except csv.Error:
        return [0]
    return found[:-1] if len(head) < len(text) and len(found) > 2 else found


def _is_blank(cells: Cells) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _grid(rows: Iterable[tuple[int, Cells]], path: Path, decisions: list[Decision], separator: str = "") -> Sheet:
    """A sheet of numbered rows: the first that is not blank is the header."""
    kept = [(line, cells) for line, cells in rows if not _is_blank(cells)]
    if len(kept) < 2:
        found = "nothing below its header" if kept else "no cells"
        raise _refused(path, f"The table has {found}.", "Fill it in.", expected="a header and rows")
    header = kept[0][1]
    width = max(place for place, cell in enumerate(header, start=1) if not _is_blank([cell]))
    raise_faults(_ragged(kept, width, path, pad=not separator))
    filler = (None,) * width
    body = [cells if len(cells) == width else (*cells, *filler)[:width] for _, cells in kept[1:]]
    columns = list(zip(*body, strict=True))
    named = [" ".join(str("" if cell is None else cell).split()) for cell in header[:width]]
    used = [place for place in range(width) if named[place] or not _is_blank(columns[place])]
    blank = kept[-1][0] - kept[0][0] + 1 - len(kept)
    decisions += [("blank lines", blank, f"{blank:,} without any cell left out")] if blank else []
    unused = width - len(used)
    decisions += [("empty columns", unused, f"{unused:,} without header and cells left out")] if unused else []
    return Sheet(
        names=tuple(named[place] or f"column {place + 1}" for place in used),
        columns=tuple(pd.Series(columns[place], dtype=object) for place in used),
        lines=np.array([line for line, _ in kept[1:]], dtype=np.int64),
        file=path.name,
        receipt=Receipt.of(decisions),
        separator=separator,
    )


def _ragged(kept: Sequence[tuple[int, Cells]], width: int, path: Path, *, pad: bool) -> list[FileFault]:
    """Rows with more or fewer cells than the header."""
    odd = {
        line: len(cells)
        for line, cells in kept[1:]
        if (len(cells) < width and not pad) or (len(cells) > width and not _is_blank(cells[width:]))
    }
    if len(odd) > 2 and len(odd) == len(kept) - 1:
        wrong = f"The header has {width} cells, the rows below have {next(iter(odd.values()))}."
        fix = "Take away titles above the header, and quote cells that hold the separator."
        return [_refused(path, wrong, fix, line=kept[0][0], expected="column names in the first row")]
    fix = "Add or remove cells, or quote those that hold the separator."
    return [
        _refused(path, f"The row has {found} cells, the header {width}.", fix, line=line, value=found)
        for line, found in odd.items()
    ]


# Workbooks

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
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        for sheet in sheets:
            rows = _book_rows(sheet, path)
            if rows:
                others = [repr(other.title) for other in sheets if other is not sheet]
                told = f"{sheet.title!r} read, the first with cells, not {', '.join(others)}"
                return _grid(rows, path, [("sheets left aside", len(others), told)] if others else [])
    raise _refused(path, "The workbook has no sheet with cells.", "Fill in its first sheet.")


def _guard_book(path: Path) -> None:
    """Refuse what would hurt, by the directory of the archive and the first bytes of its parts."""
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            wrong = "The workbook has a password, or is an old .xls file."
            raise _refused(path, wrong, "Save it as .xlsx without a password.")
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        bomb = size > SUSPECT_BOOK and size > 100 * sum(part.compress_size for part in parts)
        if bomb or size > LARGEST_BOOK:
            wrong = f"The workbook unpacks to {size // 1_000_000:,} MB."
            raise _refused(path, wrong, "Save the table as CSV or Parquet.", value=size)
        for part in parts:
            if part.filename.endswith((".xml", ".rels", ".vml")):
                # A document type, and so an entity, has to stand before the first element.
                with archive.open(part) as opened:
                    head = opened.read(65_536).replace(b"\0", b"")
                if b"<!DOCTYPE" in head or not re.search(rb"<[A-Za-z]", head):
                    wrong = "The workbook declares entities, which no spreadsheet program does."
                    raise _refused(path, wrong, "Do not open it; ask for the table as CSV.")


def _book_rows(sheet: Any, path: Path) -> list[tuple[int, Cells]]:
    """Numbered rows that are not blank; refuses stray cells, and formulas saved without their result."""
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    rows: list[tuple[int, Cells]] = []
    size = 0
    for line, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if _is_blank(row):
            continue
        last = max(place for place, cell in enumerate(row, start=1) if cell is not None)
        above, width = (rows[-1][0], len(rows[0][1])) if rows else (0, 0)
        size += last
        if line - above > FAR or (rows and last - width > FAR) or size > MOST_CELLS:
            wrong = "A cell stands far away from the table."
            raise _refused(path, wrong, "Delete it, or save the table as CSV.", line=line)
        rows.append((line, row[:last]))
    with sheet._get_source() as source:  # values_only shows such a formula as an empty cell
        lost = NO_RESULT.search(source.read()) if rows else None
    if lost:
        fix = "Open it in a spreadsheet program and save it there."
        raise _refused(path, f"The formula in cell {lost[1].decode()} was saved without its result.", fix)
    return rows


# Parquet and DataFrames


def _read_parquet(path: Path) -> Sheet:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        size = file.metadata.num_rows * file.metadata.num_columns
        if size > MOST_CELLS:
            raise _refused(path, f"The file has {size:,} cells.", "Keep the columns that the map needs.")
        return _frame_sheet(file.read().to_pandas(), path.name)


def _frame_sheet(frame: pd.DataFrame, file: str) -> Sheet:
    """A frame's index, if it says something, and its columns."""
    if frame.columns.nlevels > 1:
        fix = "Give it one row of names, for instance with frame.columns.map(' '.join)."
        raise _refused(file, "The table has column names of several levels.", fix)
    if frame.empty:
        raise _refused(file, "The table has no cells.", "Fill it in.", expected="rows and columns")
    index: dict[str, Any] = {}
    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    dated = [isinstance(level, pd.PeriodIndex | pd.DatetimeIndex) for level in levels]
    if len(levels) > 1 or frame.index.name is not None or dated[0]:
        for place, level in enumerate(levels):
            default = "period" if dated[place] else f"unit {place + 1}"
            index[str(default if level.name is None else level.name)] = _typed(pd.Series(level))
    columns = [_typed(frame.iloc[:, place].reset_index(drop=True)) for place in range(frame.shape[1])]
    return Sheet(
        names=(*index, *(" ".join(str(name).split()) for name in frame.columns)),
        columns=(*index.values(), *columns),
        lines=np.arange(1, len(frame) + 1),
        file=file,
        index=tuple(index),
    )


def _typed(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers, dates and periods as they are; everything else as Python objects."""
    kept = pd.api.types.is_numeric_dtype(cells) and cells.dtype.kind in "iuf"
    dated = isinstance(cells.dtype, pd.PeriodDtype | pd.DatetimeTZDtype | np.dtypes.DateTime64DType)
    if kept or dated:
        return cells
    plain = cells.astype(object)
    mixed = pd.api.types.infer_dtype(plain) == "mixed"  # lists and dicts may hide in there
    return plain.map(lambda cell: cell if isinstance(cell, Hashable) else str(cell)) if mixed else plain


# Numbers


class _Style(NamedTuple):
    """One way of writing numbers."""

    note: str
    pattern: re.Pattern[str]
    marks: str  # thousands marks, to be taken out
    decimal: str

    @classmethod
    def of(cls, note: str, marks: str, decimal: str) -> _Style:
        dot = re.escape(decimal)
        plain = rf"(?:[0-9]+{dot}?[0-9]*|{dot}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        grouped = rf"[1-9][0-9]{{0,2}}(?:{marks}[0-9]{{3}})+(?:{dot}[0-9]+)?"
        return cls(note, re.compile(f"[+-]?(?:{grouped}|{plain})" if marks else f"[+-]?{plain}"), marks, decimal)

    def value(self, text: str) -> float:
        return float((re.sub(self.marks, "", text) if self.marks else text).replace(self.decimal, "."))


SPACES = "[ \u00a0\u2009\u202f'\u2019]"
PLAIN = _Style.of("", "", ".")
STYLES = (
    PLAIN,
    _Style.of("a decimal comma", "", ","),
    _Style.of("commas between thousands", ",", "."),
    _Style.of("points between thousands and a decimal comma", r"\.", ","),
    _Style.of("spaces or apostrophes between thousands", SPACES, "."),
    _Style.of("spaces or apostrophes between thousands and a decimal comma", SPACES, ","),
)
POINT_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A column read as numbers.

    Attributes
    ----------
    values : (rows,) the numbers; NaN where missing.
    missing : how many cells are empty or hold a mark such as `NA`, `-` or `#DIV/0!`.
    note : how the numbers are written, where they are not plain decimals.
    faults : the cells that are no numbers.
    """

    values: NDArray[np.float64]
    missing: int
    note: str = ""
    faults: tuple[SeriesError, ...] = ()


def read_numbers(sheet: Sheet, position: int) -> Numbers:
    """Read a column as numbers: plain, or in another style if the whole column shows it without ambiguity.

    >>> read_numbers(read_sheet(pd.DataFrame({"x": ["1,5", "NA", "12,25"]})), 0).values.tolist()
    [1.5, nan, 12.25]
    """
    cells = sheet.columns[position]
    if cells.dtype.kind in "iuf":
        return _checked(sheet, position, cells.to_numpy(dtype="float64", na_value=np.nan, copy=True), [])
    values = np.full(len(cells), np.nan)
    texts: dict[int, str] = {}
    bad = []
    for row, cell in enumerate(cells.tolist()):
        if isinstance(cell, str):
            text = cell.strip()
            if text.casefold() not in MISSING:
                texts[row] = text
        elif isinstance(cell, int | float | Decimal | np.integer | np.floating) and not isinstance(cell, bool):
            values[row] = _float(cell)
        elif not is_missing(cell):
            bad.append(row)
    style, doubtful = _style(list(texts.values()), sheet.separator)
    for row, text in texts.items():
        if text == doubtful:
            return Numbers(values, 0, faults=(_ambiguous(sheet, position, row),))
        if style.pattern.fullmatch(text):
            values[row] = style.value(text)
        else:
            bad.append(row)
    return _checked(sheet, position, values, sorted(bad), style.note)


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except (OverflowError, ValueError):  # an integer beyond 1e308, a signalling NaN
        return math.inf


def _style(written: Sequence[str], separator: str) -> tuple[_Style, str]:
    """The style that most cells have, and a cell that two styles which all cells have read differently."""
    dotted = [text for text in written if "." in text]
    groups = bool(dotted) and all(map(POINT_GROUPS.fullmatch, dotted))
    if set().union(*written) <= set("0123456789+-.eE") and not groups:
        return PLAIN, ""
    counts = [sum(map(bool, map(style.pattern.fullmatch, written))) for style in STYLES]
    fitting = [style for style, count in zip(STYLES, counts, strict=True) if count == len(written)]
    if fitting and fitting[0] is PLAIN and separator == "," and len(dotted) == len(written):
        return PLAIN, ""  # `1.234` in every cell of a file with commas: a program's three decimals
    doubtful = (text for text in written if len({style.value(text) for style in fitting}) > 1)
    return fitting[0] if fitting else STYLES[int(np.argmax(counts))], next(doubtful, "")


def _ambiguous(sheet: Sheet, position: int, row: int) -> SeriesError:
    text = str(sheet.columns[position].iloc[row]).strip()
    ways = dict.fromkeys(f"{each.value(text):.15g}" for each in STYLES if each.pattern.fullmatch(text))
    wrong = f"{shown(text)} could mean {' or '.join(ways)}, and no other cell of the column decides it."
    fix = "Write the numbers without thousands marks and with a decimal point."
    return sheet.fault(wrong, position, row, expected="numbers such as 1234.5", fix=fix)


def _checked(sheet: Sheet, position: int, values: NDArray[np.float64], bad: list[int], note: str = "") -> Numbers:
    """The numbers, with a fault for each cell that is none."""
    endless = np.flatnonzero(np.isinf(values)).tolist()
    values[endless] = np.nan
    missing = int(np.isnan(values).sum()) - len(bad) - len(endless)
    style = f" (here with {note})" if note else ""
    said = {"expected": f"numbers such as 1234.5{style}", "fix": "Mend the cell, or leave it empty."}
    cells = sheet.columns[position]
    if len(bad) > 2 and len(bad) == len(values) - missing:
        faults = [sheet.fault("No cell of the column is a number.", position, bad[0], **said)]
    else:
        wrong = dict.fromkeys(bad, "is no number") | dict.fromkeys(endless, "is not a finite number")
        faults = [
            sheet.fault(f"{shown(str(cells.iloc[row]))} {why}.", position, row, **said)
            for row, why in sorted(wrong.items())
        ]
    return Numbers(values, missing, note, tuple(faults))


# Times

YEARS = range(1800, 2201)
CLOCK = r"(?:[T ]([0-9:.]+))?"
DATE = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})" + CLOCK)
LOCAL = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})" + CLOCK)
PARTS = (
    (re.compile(r"([0-9]{4})-([0-9]{2})"), "monthly"),
    (re.compile(r"([0-9]{4})[- ]?[Ww]([0-9]{1,2})"), "weekly"),
    (re.compile(r"([0-9]{4})[- ]?[Qq]([0-9])"), "quarterly"),
    (re.compile(r"([0-9]{4})()"), "yearly"),
)
REASONS = (
    (re.compile(r".*[0-9](Z|[+-][0-9]{2}:?[0-9]{2})"), "it carries a time zone, and its day depends on that"),
    (re.compile(r"[0-9]{5}(\.0*)?"), "it may be a spreadsheet's day number"),
    (re.compile(r"[0-9]{10,13}"), "it may count seconds since 1970"),
    (re.compile(r"[0-9]{1,2}(\.0)?"), "it says no year"),
    (re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}"), "its year has two digits"),
    (
        re.compile(r"(?i).*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*"),
        "names of months are not read",
    ),
    (re.compile(r"(?i)(grand |sub)?-?totals?|sum|average|mean"), "it looks like a row of totals"),
)
GRAINS = {"D": "daily", "B": "daily", "W": "weekly", "M": "monthly", "Q": "quarterly", "Y": "yearly"}
NOUNS = {"week": "weekly", "wk": "weekly", "month": "monthly", "quarter": "quarterly", "qtr": "quarterly"}

# grain (empty for a date: it may stand for more than its day), first day, time of day; or why there is none
Stamp = tuple[str, dt.date, str] | str


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """One or two columns read as times.

    Attributes
    ----------
    codes : (rows,) place of each row's time in `days`; -1 where it could not be read.
    days : (times,) the first day of each period, or the date as it stands, in order.
    grains : (times,) the cadence that the writing shows (`2024-01` is monthly); empty for plain dates.
    note : how the times are written.
    faults : the cells that could not be read with certainty.
    """

    codes: NDArray[np.intp]
    days: NDArray[np.datetime64]
    grains: NDArray[np.str_]
    note: str
    faults: tuple[SeriesError, ...]


def read_times(sheet: Sheet, positions: Sequence[int]) -> Times:
    """Read one column, or the two columns year and week (month, quarter), as times.

    >>> times = read_times(read_sheet(pd.DataFrame({"week": ["2020-W53", "2021-W01"]})), [0])
    >>> times.days.astype(str).tolist(), times.grains.tolist()
    (['2020-12-28', '2021-01-04'], ['weekly', 'weekly'])
    """
    last = positions[-1]
    if len(positions) == 1:
        codes, cells = pd.factorize(sheet.columns[last], use_na_sentinel=False)
        return _times(sheet, last, codes, *_stamps(list(cells), sheet.names[last]))
    cadence = next((item for word, item in NOUNS.items() if word in name_key(sheet.names[last])), "")
    if not cadence:
        fix = "Name the column week, month or quarter."
        raise sheet.fault("It is not clear what this column counts within the year.", last, fix=fix)
    pairs = list(zip(*(sheet.columns[place].tolist() for place in positions[:2]), strict=True))
    unique = {pair: code for code, pair in enumerate(dict.fromkeys(pairs))}
    codes = np.array([unique[pair] for pair in pairs], dtype=np.intp)
    note = "weeks by ISO 8601" if cadence == "weekly" else f"{cadence} times"
    return _times(sheet, last, codes, [_pair_stamp(year, part, cadence) for year, part in unique], note)


def _times(sheet: Sheet, position: int, codes: NDArray[np.intp], stamps: Sequence[Stamp], note: str) -> Times:
    """The times of unique stamps; a stamp that says why there is none is a fault of every row that has it."""
    good = {stamp for stamp in stamps if not isinstance(stamp, str)}
    periods = sorted({(day, grain) for grain, day, _ in good})
    place = {period: code for code, period in enumerate(periods)}
    to = np.array([-1 if isinstance(stamp, str) else place[stamp[1], stamp[0]] for stamp in stamps], dtype=np.intp)
    faults = []
    for row in np.flatnonzero(to[codes] < 0).tolist():
        cell, why = sheet.columns[position].iloc[row], str(stamps[codes[row]])
        wrong = f"{shown(str(cell))} is no time: {why}." if not is_missing(cell) else "The time is missing."
        fix = "Delete the row, or mend the cell." if "total" in why or is_missing(cell) else "Write it like that."
        expected = "dates such as 2024-01-31, or 2024-01, 2024-W05, 2024Q1"
        faults.append(sheet.fault(wrong, position, row, expected=expected, fix=fix))
    if not faults and len(good) > len(periods):
        fix = "Add the values up to days first."
        faults.append(sheet.fault("There are several times of day within one day.", position, 0, fix=fix))
    days = np.array([day for day, _ in periods], dtype="datetime64[D]")
    return Times(to[codes], days, np.array([grain for _, grain in periods], dtype=str), note, tuple(faults))


def _stamps(cells: list[Any], header: str) -> tuple[list[Stamp], str]:
    """What the unique cells of one column say; 03/04/2024 is read by what the whole column shows."""
    local = [LOCAL.fullmatch(cell.strip()) if isinstance(cell, str) else None for cell in cells]
    if any(local):
        return _local_stamps(cells, local)
    found = [_stamp(cell) for cell in cells]
    if "week" in name_key(header):
        doubt = "in a column of weeks it may mean a week or a month"
        found = [doubt if not isinstance(stamp, str) and stamp[0] == "monthly" else stamp for stamp in found]
    kinds = dict.fromkeys(stamp[0] for stamp in found if not isinstance(stamp, str))
    words = {"": "dates", "daily": "days", "weekly": "weeks by ISO 8601"}
    return found, " and ".join(words.get(kind, kind.replace("ly", "s")) for kind in kinds)


def _local_stamps(cells: Sequence[Any], local: Sequence[re.Match[str] | None]) -> tuple[list[Stamp], str]:
    """Day-first or month-first dates, if a number above 12 shows which, and none shows the other."""
    first = any(match and int(match[1]) > 12 for match in local)
    second = any(match and int(match[3]) > 12 for match in local)
    clash = "some cells have the day first, others the month" if first else "day and month cannot be told apart"
    other = "other cells of the column have their dates in another order"
    found: list[Stamp] = []
    for match in local:
        if match is None or first == second:
            found.append(clash if match else other)
        else:
            month, day = (match[3], match[1]) if first else (match[1], match[3])
            found.append(_dated(match[4], month, day, match[5]))
    return found, f"dates with the {'day' if first else 'month'} first"


def _stamp(cell: Any) -> Stamp:
    """What one cell says, or why it cannot be read."""
    if is_missing(cell):
        return "missing"
    if isinstance(cell, pd.Period):
        return _period_stamp(cell)
    if isinstance(cell, dt.datetime) and cell.tzinfo:
        return REASONS[0][1]
    text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    if match := DATE.fullmatch(text):
        return _dated(match[1], match[3], match[4], match[5])
    for pattern, cadence in PARTS:
        if match := pattern.fullmatch(text):
            return _part(int(match[1]), int(match[2] or 1), cadence)
    return next((why for pattern, why in REASONS if pattern.fullmatch(text)), "it is written in no known way")


def _dated(year: str, month: str, day: str, clock: str | None) -> Stamp:
    try:
        time = dt.time.fromisoformat(clock) if clock else dt.time()
        return _in_range("", dt.date(int(year), int(month), int(day)), str(time) if time != dt.time() else "")
    except ValueError:
        return "there is no such day or time"


def _part(year: int, number: int, cadence: str) -> Stamp:
    """The week, month or quarter of a year."""
    try:
        if cadence == "weekly":
            return _in_range(cadence, dt.date.fromisocalendar(year, number, 1))
        return _in_range(cadence, dt.date(year, (number - 1) * (3 if cadence == "quarterly" else 1) + 1, 1))
    except ValueError:
        return f"{year} has no such {cadence.removesuffix('ly')}"


def _in_range(grain: str, day: dt.date, clock: str = "") -> Stamp:
    inside = day.year in YEARS
    return (grain, day, clock) if inside else f"its year is not between {YEARS.start} and {YEARS.stop - 1}"


def _period_stamp(cell: pd.Period) -> Stamp:
    """A pandas period; a week is the calendar week that holds its middle day."""
    name, _, anchor = cell.freqstr.partition("-")
    cadence = GRAINS.get(name, "")
    aligned = {"quarterly": ("MAR", "JUN", "SEP", "DEC"), "yearly": ("DEC",)}.get(cadence, (anchor,))
    if not cadence or anchor not in aligned:
        return f"periods of the kind {cell.freqstr} are not read"
    day = cell.start_time.date()
    middle = day + dt.timedelta(3)
    return _in_range(cadence, middle - dt.timedelta(middle.weekday()) if cadence == "weekly" else day)


def _pair_stamp(year: Any, part: Any, cadence: str) -> Stamp:
    numbers = [re.fullmatch(r"[WwQq]?([0-9]{1,4})(?:\.0)?", str(cell).strip()) for cell in (year, part)]
    if numbers[0] is None or numbers[1] is None:
        return "the year or its part is no whole number"
    return _part(int(numbers[0][1]), int(numbers[1][1]), cadence)


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
    "aggregate": {
        "sum": "total, add",
        "mean": "average, avg",
        "last": "latest, end of period",
        "": "none, n/a, na, -",
    },
}


def _lookup(words: Mapping[str, str]) -> dict[str, str]:
    synonyms = {synonym: word for word, listed in words.items() for synonym in listed.split(", ")}
    return synonyms | {word: word for word in words}


FIELD_OF = _lookup(HEADERS)
VALUE_OF = {column: _lookup(words) for column, words in VALUES.items()}


def read_inventory(
    source: str | Path | pd.DataFrame | Inventory | Sequence[Metric | Mapping[str, Any]],
) -> Inventory:
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
        inventory = _inventory(read_sheet(source))
        return inventory if isinstance(source, pd.DataFrame) else replace(inventory, path=Path(source))
    items = list(source) if isinstance(source, Iterable) else [source]
    if all(isinstance(item, Metric) for item in items):
        return Inventory.of(items)
    rows = [item.to_dict() if isinstance(item, Metric) else item for item in items]
    wrong = next((row for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise InventoryError(f"{shown(wrong)} is no metric.", fix="Give metrics, or rows with name and stage.")
    names = tuple(dict.fromkeys(str(name) for row in rows for name in row))
    columns = [pd.Series([row.get(name) for row in rows], dtype=object) for name in names]
    return _inventory(Sheet(names, tuple(columns), np.arange(1, len(rows) + 1)))


def _inventory(sheet: Sheet) -> Inventory:
    """Metrics of rows under any of the known headers."""
    columns, decisions = _fields(sheet)
    taken: Counter[tuple[str, str, str]] = Counter()
    rows = []
    faults: list[IpoError] = []
    seen: dict[str, int] = {}
    for line, cells in zip(sheet.lines.tolist(), sheet.rows, strict=True):
        row, extra = _metric_row(dict(zip(sheet.names, cells, strict=True)), columns, taken)
        rows.append((row, extra))
        place: dict[str, Any] = {"file": sheet.file or None, "line": line}
        wrong = metric_faults(row, **place)
        first = seen.setdefault(name_key(row["name"]), line)
        if first != line and not wrong:
            said = f"The metric {shown(row['name'])} stands on line {first} already."
            fix = "Rename or remove one; case, spaces and Unicode form make no difference."
            wrong = [InventoryError(said, **place, column=columns["name"], value=row["name"], fix=fix)]
        faults += wrong
    raise_faults(faults)
    for (column, given, meant), count in taken.items():
        decisions.append((column, count, f"{given!r} taken as {meant!r}" if meant else f"{given!r} says nothing"))
    metrics = tuple(Metric(**row, extra=extra) for row, extra in rows)
    return Inventory(metrics, receipt=sheet.receipt.plus(Receipt.of(decisions)))


def _fields(sheet: Sheet) -> tuple[dict[str, str], list[Decision]]:
    """The header of each field; a header that is the field's own name comes before a synonym."""
    columns: dict[str, str] = {}
    decisions: list[Decision] = []
    keys = {header: " ".join(re.split(r"[\s_-]+", name_key(header))).strip() for header in sheet.names}
    place: dict[str, Any] = {"file": sheet.file or None, "line": 1 if sheet.file else None}
    for header, key in sorted(keys.items(), key=lambda item: item[1] not in HEADERS):
        meant = FIELD_OF.get(key, "")
        if meant and keys.get(columns.get(meant, "")) not in (None, meant):
            wrong = f"The headers {columns[meant]!r} and {header!r} could both be the {meant}."
            raise InventoryError(wrong, **place, column=header, fix=f"Call one of them {meant}.")
        if meant == "objective" != key and not read_numbers(sheet, sheet.find(header)[0]).faults:
            wrong = f"The header {header!r} could be the objective or the target, and its cells are numbers."
            raise InventoryError(wrong, **place, column=header, fix="Call it objective or target.")
        taken = bool(meant) and meant not in columns
        columns |= {meant: header} if taken else {}
        if not taken or key != meant:
            told = f"{header!r} taken as {meant!r}" if taken else f"{header!r} kept beside the known ones"
            decisions.append(("header", 1, told))
    for needed in ("name", "stage"):
        if needed not in columns:
            expected = f"a header {needed}, or {HEADERS[needed]}"
            fix = f"Name the column {needed}; there is: {', '.join(sheet.names)[:200]}."
            raise InventoryError(f"No column is the {needed} of the metrics.", **place, expected=expected, fix=fix)
    return columns, decisions


def _metric_row(
    cells: Mapping[str, Any], columns: Mapping[str, str], taken: Counter[tuple[str, str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of one metric in the words of the toolkit, and what else its row says."""
    row: dict[str, Any] = {}
    for column, header in columns.items():
        cell = cells[header]
        text = "" if is_missing(cell) else str(cell).strip()
        if column in VALUE_OF:
            row[column] = VALUE_OF[column].get(name_key(text), text)
            taken.update([(column, text, row[column])] if row[column] != text else [])
        elif column in ("controllable", "target", "window"):
            number = float(text) if PLAIN.pattern.fullmatch(text) else text
            row[column] = None if text.casefold() in MISSING else number
        else:
            row[column] = text
    rest = {name: cell for name, cell in cells.items() if name not in columns.values() and not is_missing(cell)}
    return row, rest


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
