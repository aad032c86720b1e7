"""The inventory saved as a table: in the file that it came from only the cells that were edited change."""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ipo_nb.errors import Conflict, FileFault, InventoryError, IpoError, raise_faults
from ipo_nb.links import changed_twice
from ipo_nb.mapfile import only_writer, put_file
from ipo_nb.metrics import Inventory, Metric, name_key, shown
from ipo_nb.reading import PLAIN, fields_of, inventory_of, is_missing, read_inventory, read_sheet
from ipo_nb.results import guarded

__all__ = ["write_inventory"]

SEPARATOR = {".csv": ",", ".tsv": "\t", ".txt": ","}  # of a new file
CANNOT_KEEP = re.compile(r"xl/(charts|chartsheets|drawings/drawing|media|pivot|slicers|vbaProject)")
KEPT_ELSEWHERE = "Keep the inventory in a workbook of its own, or save it as .csv."
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
        merged = dict(_by_key(inventory)) if replace or not raw else _merged(inventory, table.metrics, real)
        if not merged:
            fix = "Leave one metric in it, or delete the file."
            raise InventoryError("Without any metric there is nothing to save.", file=file, fix=fix)
        if list(map(_said, merged.values())) != list(map(_said, table.metrics.values())) or not raw:
            table = table._replace(columns=_widened(table.columns, merged.values()))
            content = _book(raw, table, merged, file) if kind == ".xlsx" else _text(raw, table, merged)
            _check(content, merged, real)
            put_file(real, content)
    return file


def _by_key(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {name_key(metric.name): metric for metric in metrics}


def _table(file: Path) -> _Table:
    sheet = read_sheet(file)
    if file.suffix.lower() not in (*SEPARATOR, ".xlsx"):
        raise FileFault("This is no table.", file=file)
    columns = [field or header for header, field in zip(sheet.names, fields_of(sheet), strict=True)]
    return _Table(columns, _by_key(inventory_of(sheet)), sheet.lines.tolist(), sheet.separator)


def _said(metric: Metric | None) -> dict[str, str] | None:
    """The cells of a metric as text, by column; those without anything are left out."""
    if metric is None:
        return None
    cells = {" ".join(key.split()): _plain(value) for key, value in metric.to_dict().items()}
    return {column: text for column, text in cells.items() if text}


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return "" if is_missing(value) else str(int(value)) if abs(value) < 1e15 and value % 1 == 0 else repr(value + 0)
    return "" if is_missing(value) else str(value).strip()


def _widened(columns: Sequence[str], metrics: Iterable[Metric]) -> list[str]:
    """The columns of a file, and behind them those that it lacks."""
    used = dict.fromkeys(column for metric in metrics for column in _said(metric) or ())
    wanted = [*(field for field in Metric.rules if field in used), *used]
    return list(dict.fromkeys([*columns, *wanted])) if not columns else [*columns, *_without(wanted, columns)]


def _without(names: Iterable[str], others: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name not in others]


def _merged(inventory: Inventory, theirs: Mapping[str, Metric], file: Path) -> dict[str, Metric]:
    """What a file shall hold; raises Conflict where both sides changed the same metric, or it is another file."""
    ours, past = _by_key(inventory), inventory._past
    if past is None or inventory.path is None or os.path.realpath(inventory.path) != str(file):
        if list(map(_said, ours.values())) == list(map(_said, theirs.values())):
            return dict(theirs)
        message = f"The file holds another inventory, of {len(theirs):,} metrics, that this one was not read from."
        raise Conflict(message, file=file, fix="Choose another name, or say write_inventory(..., replace=True).")
    chosen: dict[str, Metric | None] = {}
    clashes = []
    for key in {**theirs, **ours, **past}:
        here, there = ours.get(key), theirs.get(key)
        known = [_said(state) for state in past.get(key, (None,))]
        edited = _said(here) != known[0]
        if edited and _said(here) != _said(there) and _said(there) not in known:
            clashes.append((("metrics", (here or there or inventory[key]).name), *_apart(_said(here), _said(there))))
        chosen[key] = here if _said(there) in known else there
    raise_faults([changed_twice(*clash, file) for clash in clashes])
    stayed = [key for key, states in past.items() if states[0] is not None and key in ours]
    moved = stayed != [key for key in ours if key in stayed]  # then the order is ours, else the file's
    order = _woven(ours, theirs) if moved else _woven(theirs, ours)
    return {key: metric for key in order if (metric := chosen[key]) is not None}


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


def _check(content: bytes, metrics: Mapping[str, Metric], file: Path) -> None:
    """Refuse to save what would be read otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        (draft := Path(folder) / file.name).write_bytes(content)
        found = read_inventory(draft)
    for wanted, read in zip(metrics.values(), found, strict=False):
        for column, text in (_said(wanted) or {}).items() if _said(wanted) != _said(read) else ():
            if (as_read := (_said(read) or {}).get(column, "")) != text:
                wrong = f"The {column} {shown(text)} of {shown(wanted.name)} would be read as {shown(as_read)}."
                raise InventoryError(wrong, file=file, column=column, value=text, fix="Write it in other words.")
    if list(map(_said, metrics.values())) != list(map(_said, found)):
        raise InventoryError("It would be read otherwise.", file=file, fix="Choose another name for the file.")


# CSV


def _text(raw: bytes, table: _Table, merged: Mapping[str, Metric]) -> bytes:
    """A CSV with other metrics in it; what is not edited stays byte by byte."""
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    mark, columns, old = table.separator, table.columns, list(table.metrics)
    records = _records(raw.decode(encoding), mark) if old else [mark.join(columns) + "\n"]
    top = next(at for at, record in enumerate(records) if record.strip(f'{mark}" \t\r\n'))
    header, line_end = _cells(records[top], mark)
    header = _filled(header, dict(enumerate(columns[len(header):], start=len(header))), header, mark)
    return b""
