"""The inventory saved as a table: in the file that it came from only the cells that were edited change."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from ipo_nb.errors import Conflict, FileFault, InventoryError, IpoError, raise_faults
from ipo_nb.links import changed_twice
from ipo_nb.mapfile import only_writer, put_file
from ipo_nb.metrics import Inventory, Metric, name_key, shown, text_fault
from ipo_nb.reading import PLAIN, fields_of, inventory_of, is_missing, read_inventory, read_sheet
from ipo_nb.results import guarded

__all__ = ["write_inventory"]

SEPARATOR = {".csv": ",", ".tsv": "\t", ".txt": ","}  # of a new file
LOST = re.compile(r"xl/(chart|drawings/drawing|media|pivot|slicer|threadedComments)")  # parts that openpyxl drops
Plan = Sequence[tuple[int | None, str | None]]  # in order: a row of the file, and the metric that it shall hold


class _Table(NamedTuple):
    """A file as it stands."""

    columns: list[str]  # the field that each holds, or its header
    metrics: dict[str, Metric]  # by key
    lines: list[int]  # of the metrics
    separator: str


def write_inventory(inventory: Inventory, path: Path | str, *, replace: bool = False) -> Path:
    """Save an inventory as CSV or XLSX, by the suffix.

    The file is whole at any time (written beside it, then put in its place), and nothing is saved that would be read
    otherwise. In the file that the inventory was read from only edited cells change: headers, the order of columns,
    unknown columns, separator, encoding and line ends stay. What others changed there in the meantime is kept, metric
    by metric. Text that a spreadsheet would run as a formula gets an apostrophe in front, which reading takes off.

    Parameters
    ----------
    inventory : what to save; edit it by `with_metric` and `without_metric`, so that saving knows what was edited.
    path : where.
    replace : put this inventory in the place of whatever the file holds.

    Returns the path. Raises Conflict where the same metric was changed on both sides, or where the file was not the
    source of this inventory; FileFault where the file cannot hold it or the disk refuses; InventoryError where a text
    would not be read as it is.
    """
    file, real = Path(path), Path(os.path.realpath(path))
    if (kind := real.suffix.lower()) not in (*SEPARATOR, ".xlsx"):
        fix = "Name it inventory.csv or inventory.xlsx."
        raise FileFault(f"An inventory is not saved as {kind or 'a file without suffix'}.", file=file, fix=fix)
    with only_writer(real):
        table, raw = _Table([], {}, [], SEPARATOR.get(kind, "")), b""
        try:
            if real.exists():
                table, raw = _table(real), real.read_bytes()
        except IpoError:
            if not replace:
                raise
        merged = _by_key(inventory) if replace or not raw else _merged(inventory, table.metrics, real)
        if not merged:
            fix = "Leave one metric in it, or delete the file."
            raise InventoryError("Without any metric there is nothing to save.", file=file, fix=fix)
        if list(map(_said, merged.values())) != list(map(_said, table.metrics.values())) or not raw:
            _check_texts(merged, table.metrics, real)
            content = _book(raw, table, merged, real) if kind == ".xlsx" else _text(raw, table, merged)
            _check(content, merged, real)
            put_file(real, content)
    return file


def _by_key(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {name_key(metric.name): metric for metric in metrics}


def _table(file: Path) -> _Table:
    sheet = read_sheet(file)
    columns = [field or header for header, field in zip(sheet.names, fields_of(sheet), strict=True)]
    return _Table(columns, _by_key(inventory_of(sheet)), sheet.lines.tolist(), sheet.separator)


def _said(metric: Metric | None) -> dict[str, str] | None:
    """The cells of a metric as text, by column; those without anything are left out."""
    if metric is None:
        return None
    cells = {" ".join(key.split()): _plain(value) for key, value in metric.to_dict().items()}
    return {column: text for column, text in cells.items() if text}


def _plain(value: Any) -> str:
    if isinstance(value, float) and not is_missing(value):
        return str(int(value)) if abs(value) < 1e15 and value % 1 == 0 else repr(float(value))
    return "" if is_missing(value) else str(value).strip()


def _widened(columns: Sequence[str], metrics: Iterable[Metric]) -> list[str]:
    """The columns of a file, and behind them those that it lacks."""
    used = dict.fromkeys(column for metric in metrics for column in _said(metric) or ())
    wanted = [*(field for field in Metric.rules if field in used), *used]
    return [*columns, *(column for column in dict.fromkeys(wanted) if column not in columns)]


def _merged(inventory: Inventory, theirs: Mapping[str, Metric], file: Path) -> dict[str, Metric]:
    """What a file shall hold; raises Conflict where both sides changed the same metric, or it is another file."""
    ours, past = _by_key(inventory), inventory._past
    if past is None or inventory.path is None or os.path.realpath(inventory.path) != str(file):
        if list(map(_said, ours.values())) == list(map(_said, theirs.values())):
            return dict(theirs)
        message = f"The file holds another inventory, of {len(theirs):,} metrics, that this one was not read from."
        raise Conflict(message, file=file, fix="Choose another name, or say write_inventory(..., replace=True).")
    chosen: dict[str, Metric | None] = {}
    clashes: list[IpoError] = []
    for key in {**theirs, **ours, **past}:
        here, there = ours.get(key), theirs.get(key)
        known = [_said(state) for state in past.get(key, (None,))]
        edited = _said(here) != known[0]
        if edited and _said(here) != _said(there) and _said(there) not in known:
            mine, yours = _apart(_said(here), _said(there))
            clashes.append(changed_twice(("metrics", _name(here, there)), mine, yours, file))
        chosen[key] = here if _said(there) in known else there
    raise_faults(clashes)
    stayed = [key for key, states in past.items() if states[0] is not None and key in ours]
    moved = stayed != [key for key in ours if key in stayed]  # then the order is ours, else the file's
    order = _woven(ours, theirs) if moved else _woven(theirs, ours)
    return {key: metric for key in order if (metric := chosen[key]) is not None}


def _name(*states: Metric | None) -> str:
    return next(state.name for state in states if state is not None)


def _apart(here: dict[str, str] | None, there: dict[str, str] | None) -> list[dict[str, str] | None]:
    """Two states of a metric, of each only what the other does not say."""
    if here is None or there is None:
        return [here, there]
    columns = [column for column in {**here, **there} if here.get(column) != there.get(column)]
    return [{column: side.get(column, "") for column in columns} for side in (here, there)]


def _woven(base: Iterable[str], others: Iterable[str]) -> list[str]:
    """The keys of both, in the order of the first; each that it lacks stands behind the one that it follows."""
    order = list(base)
    for before, key in pairwise(["", *others]):
        if key not in order:
            order.insert(order.index(before) + 1 if before else 0, key)
    return order


def _plan(old: Sequence[str], new: Sequence[str]) -> Plan:
    """Row by row of a file what becomes of it, and where rows come in; a metric renamed keeps its row."""
    plan: list[tuple[int | None, str | None]] = []
    for _, first, end, start, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        slots: list[int | None] = [*range(first, end)]
        keys: list[str | None] = [*new[start:stop]]
        size = max(len(slots), len(keys))
        plan += zip(slots + [None] * (size - len(slots)), keys + [None] * (size - len(keys)), strict=True)
    return plan


def _cells(old: Metric | None, new: Metric, columns: Sequence[str]) -> dict[int, str]:
    """The text of each cell that is another than it was, by position; of two columns of one name the last counts."""
    was, now = _said(old) or {}, _said(new) or {}
    places = {column: place for place, column in enumerate(columns)}
    return {place: now.get(name, "") for name, place in places.items() if now.get(name, "") != was.get(name, "")}


def _check_texts(metrics: Mapping[str, Metric], there: Mapping[str, Metric], file: Path) -> None:
    """Refuse new text that no table can hold."""
    faults = []
    for key, metric in metrics.items():
        known = _said(there.get(key)) or {}
        for column, text in (_said(metric) or {}).items():
            wrong = "" if known.get(column) == text else text_fault(text, lines=True) or text_fault(column)
            if wrong:
                message = f"The {column} {shown(text)} of {shown(metric.name)} cannot be saved: {wrong}."
                faults.append(InventoryError(message, file=file, column=column, value=text, fix="Mend it."))
    raise_faults(faults)


def _check(content: bytes, metrics: Mapping[str, Metric], file: Path) -> None:
    """Refuse to save what would be read otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        (draft := Path(folder) / file.name).write_bytes(content)
        found = read_inventory(draft)
    for wanted, read in zip_longest(metrics.values(), found):
        if _said(wanted) != _said(read):
            meant, got = _apart(_said(wanted), _said(read))
            message = f"{shown(_name(wanted, read))} would be read otherwise: as {shown(got)}, not {shown(meant)}."
            fix = "Write it in other words, or call the column something else."
            raise InventoryError(message, file=file, value=meant, fix=fix)


# CSV


def _text(raw: bytes, table: _Table, merged: Mapping[str, Metric]) -> bytes:
    """A CSV with other metrics in it; what is not edited stays byte by byte, new cells are quoted as their like."""
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    mark, old, columns = table.separator, list(table.metrics.items()), _widened(table.columns, merged.values())
    records = _records(raw.decode(encoding), mark) if old else ["\n"]
    top = next((at for at, record in enumerate(records) if record.strip(f'{mark}" \t\r\n')), 0)
    header, line_end = _split(records[top], mark)
    header = header if old else []
    new = {at: columns[at] for at in range(len(table.columns), len(columns))}
    above = _line(header, new, header, mark)
    out, done = [*records[:top], mark.join(above) + line_end], top + 1
    row_of = {key: slot for slot, (key, _) in enumerate(old)}
    for slot, key in _plan(list(row_of), list(merged)):
        if slot is not None:
            out += records[done : table.lines[slot] - 1]
            done = table.lines[slot]
        if key is not None:
            source = row_of.get(key, slot)  # of what becomes this row
            cells, own_end = ([], "") if source is None else _split(records[table.lines[source] - 1], mark)
            change = _cells(None if source is None else old[source][1], merged[key], columns)
            above = _line(cells, {**dict.fromkeys(new, ""), **change}, above, mark)
            out.append(mark.join(above) + (own_end if source == slot and cells else line_end))
    out += records[done:]
    whole = [record if record.endswith(("\r", "\n")) else record + line_end for record in out[:-1]]
    return "".join([*whole, out[-1]]).encode(encoding)


def _records(text: str, mark: str) -> list[str]:
    """The rows of a CSV as they are written; one may have several lines."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=mark, strict=True)
    ends = [0, *(reader.line_num for _ in reader)]
    return ["".join(lines[start:end]) for start, end in pairwise(ends)]


def _split(record: str, mark: str) -> tuple[list[str], str]:
    """The cells of a row as they are written, and its line end."""
    body, sign = record.rstrip("\r\n"), re.escape(mark)
    return re.findall(rf'("(?:[^"]|"")*"|[^{sign}]*){sign}', body + mark), record[len(body) :]


def _line(cells: Sequence[str], change: Mapping[int, str], above: Sequence[str], mark: str) -> list[str]:
    """A row with other texts in some cells; one without cells becomes as wide as the one above."""
    width = max([len(cells) or len(above), *(place + 1 for place in change)])
    like = [*cells, *above[len(cells) :]]
    like += like[-1:] * (width - len(like)) or [""] * width
    texts = {place: change.get(place, "") for place in (*range(len(cells), width), *change)}
    return [_written(texts[at], like[at], mark) if at in texts else cells[at] for at in range(width)]


def _written(text: str, like: str, mark: str) -> str:
    """A text as a cell: quoted if it has to be, or if the like of it is without having to be."""
    special = f'{mark}"\r\n'
    text = text if PLAIN.fits(text) else guarded(text)
    idle = like.startswith('"') and not set(special) & set(like[1:-1])
    return '"' + text.replace('"', '""') + '"' if idle or set(special) & set(text) else text


# XLSX


def _book(raw: bytes, table: _Table, merged: Mapping[str, Metric], file: Path) -> bytes:
    """A workbook with other metrics in it; cells that are not edited keep their look."""
    page, old, columns = _page(raw, file), list(table.metrics.values()), _widened(table.columns, merged.values())
    top = next((row[0].row for row in page.iter_rows() if not all(is_missing(cell.value) for cell in row)), 1)
    for place in range(len(table.columns), len(columns)):
        _put(page, top, place, columns[place])
    at = shift = 0
    for slot, key in _plan(list(table.metrics), list(merged)):
        if slot is not None:
            at = table.lines[slot] + shift
        else:
            at, shift = max(at, top) + 1, shift + 1
            page.insert_rows(at)
        if key is None:
            page.delete_rows(at)
            at, shift = at - 1, shift - 1
            continue
        typed = merged[key].to_dict()
        for place, text in _cells(None if slot is None else old[slot], merged[key], columns).items():
            value = typed.get(columns[place])
            exact = not isinstance(value, float) or float(f"{value:.16g}") == value  # openpyxl writes 16 digits
            _put(page, at, place, value if text and exact and isinstance(value, int | float | dt.datetime) else text)
    page.parent.save(saved := io.BytesIO())
    return saved.getvalue()


def _put(page: Any, line: int, place: int, value: Any) -> None:
    cell = page.cell(line, place + 1)
    cell.value = value if value != "" else None
    if isinstance(value, str) and value:
        cell.data_type = "s"  # text that starts with = is no formula


def _page(raw: bytes, file: Path) -> Any:
    """The sheet that holds the inventory; refuses a workbook in which something else would be lost."""
    import openpyxl

    if not raw:
        return openpyxl.Workbook().active
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            book = openpyxl.load_workbook(io.BytesIO(raw))
    except Exception as error:  # the parser raises whatever the bytes make it raise
        fix = "Save it again in a spreadsheet program, or as .csv."
        raise FileFault(f"The workbook cannot be edited: {error}.", file=file, fix=fix) from error
    pages = [page for page in book.worksheets if page.sheet_state == "visible"]
    page = next(page for page in pages if any(not is_missing(value) for row in page.values for value in row))
    lost = [str(warning.message) for warning in said if "will be removed" in str(warning.message)]
    lost += ["charts, pictures, pivot tables or threads of comments"] * any(
        map(LOST.match, zipfile.ZipFile(io.BytesIO(raw)).namelist())
    )
    lost += ["the results of formulas"] * any(cell.data_type == "f" for row in page.iter_rows() for cell in row)
    if lost:
        fix = "Keep the inventory in a workbook of its own, or save it as .csv."
        raise FileFault(f"Saving would lose what else the workbook holds: {lost[0]}.", file=file, fix=fix)
    return page
