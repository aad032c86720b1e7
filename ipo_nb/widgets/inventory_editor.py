"""InventoryEditor: a grid in which metrics are named and said what they are."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from ipo_nb.errors import BadOption, Conflict, IpoError, nearest, tried
from ipo_nb.links import IPOMap, write_map
from ipo_nb.metrics import AGGREGATES, BETTER, CADENCES, STAGES, Inventory, Metric, name_key
from ipo_nb.reading import field_of, meant_by, read_map
from ipo_nb.stages import suggest_stage
from ipo_nb.widgets.window import SAVED, Unsaved, Window, module, said_of, style
from ipo_nb.writing import write_inventory

__all__ = ["InventoryEditor"]

SHOWN = ("name", "stage", "team", "unit", "better", "aggregate", "controllable", "target", "objective", "owner")
FIELDS = (*SHOWN, "cadence", "formula", "window", "definition")
CHOICES = {"stage": STAGES, "better": ("", *BETTER), "aggregate": ("", *AGGREGATES), "cadence": ("", *CADENCES)}
CHOICES |= {"controllable": ("", "0", "1", "2", "3")}
NUMBERS = ("target", "controllable", "window")
MOST_PASTED = 5_000
KEPT = 100  # edits that can be undone
NO_FILE = "kept in this notebook; the inventory has no file yet (ipo.write_inventory gives it one)"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the grid: its cells as typed, the metric that it was last good for, and what is wrong with it now."""

    cells: Mapping[str, str]
    metric: Metric | None = None
    faults: Mapping[str, str] = field(default_factory=dict)


Past = tuple[tuple[Inventory, dict[int, _Row]], str]  # metrics and rows before an edit, and the edit in words


class InventoryEditor(Window):
    """The inventory as a grid; one that came from a file is saved there at once.

    What cannot stand is said in its cell, in the words of the room; until it is mended the metric stays as it last
    was, in `.inventory` and in the file. Whatever the grid does, its methods do as well, and `.code` says it.

    Parameters
    ----------
    inventory : the metrics to start from; as they stand they are `.inventory`.
    ipo_map : the map that they belong to: metrics that stand in its file are saved there, and those that it links are
        neither renamed nor deleted.
    """

    _esm = module("grid.js", library="tabulator.min.js")
    _css = style("grid.css", library="tabulator.min.css")
    acts: ClassVar = ("edit", "add", "paste", "remove", "undo", "save")

    def __init__(self, inventory: Inventory, ipo_map: IPOMap | None = None) -> None:
        self.inventory, self.ipo_map = inventory, ipo_map
        self._rows = {number: _row_of(metric) for number, metric in enumerate(inventory)}
        self._next = len(self._rows)
        self._past: list[Past] = []
        self._lines: list[list[str]] = []
        self._first = True  # nothing has been shown yet
        super().__init__()

    # ---- what can be done --------------------------------------------------------------------------------

    def edit(self, row: int, **cells: str) -> str:
        """Say something else in some cells of a row; rows are counted from 0, in the order in which they came."""
        self._catch_up()
        before, said = self._at(row), _meant(cells)
        return self._take({row: {**before.cells, **said}}, f"Changed {' and '.join(said)} of {_called(before, said)}")

    def add(self, **cells: str) -> str:
        """Add a row; it becomes a metric once it has a name and a stage."""
        self._catch_up()
        meant = _meant(cells)
        row, self._next = self._next, self._next + 1
        said = self._take({row: meant}, "Added a row")
        return said if cells else "A new row: it becomes a metric once it has a name and a stage."

    def paste(self, text: str, row: int | None = None, column: str = "name") -> str:
        """Put a block from a spreadsheet into the grid, its first cell at a row and column; a header is understood.

        Rows that are not there yet are added. With a header each column goes where its name says, and rows are added.
        """
        self._catch_up()
        block = _block(text)
        header = [field_of(cell) for cell in block[0]]
        if len(block) > 1 and "name" in header:
            columns, block, places = header, block[1:], []
        else:
            _check_fields([column])
            columns = list(SHOWN[SHOWN.index(column) :]) if column in SHOWN else [column]
            numbers = list(self._rows)
            places = [] if row is None or not self._at(row) else numbers[numbers.index(row) :]
        block = block if places else [line for line in block if any(line)]  # a blank line leaves no row
        taken: dict[int, dict[str, str]] = {}
        for at, line in enumerate(block):
            number = places[at] if at < len(places) else self._next
            self._next = max(self._next, number + 1)
            old = self._rows[number].cells if number in self._rows else {}
            said = {name: cell for name, cell in zip(columns, line, strict=False) if name in FIELDS}
            taken[number] = {**old, **_meant(said)}
        return self._take(taken, f"Pasted {len(block):,} row{'s' * (len(block) != 1)}")

    def remove(self, rows: Sequence[int]) -> str:
        """Delete rows."""
        linked = self._catch_up()
        gone = {number: self._at(number) for number in rows}
        inventory, lines = self.inventory, []
        for row in gone.values():
            if row.metric is not None:
                _check_loose(row.metric.name, linked)
                inventory = inventory.without_metric(row.metric.name)
                lines.append(f"inventory = inventory.without_metric({row.metric.name!r})")
        left = {number: row for number, row in self._rows.items() if number not in gone}
        return self._done(inventory, left, f"Deleted {len(gone):,} row{'s' * (len(gone) != 1)}", lines)

    def undo(self) -> str:
        """Take the last edit back."""
        linked = self._catch_up()
        if not self._past:
            raise BadOption("There is nothing to undo.", fix="Only what was done in this grid can be undone.")
        *past, ((inventory, rows), done) = self._past
        for name in set(self.inventory.names) - set(inventory.names):
            _check_loose(name, linked)
        return self._put(inventory.following(self.inventory), rows, f"Undone: {done}", past, self._lines[:-1])

    def save(self) -> str:
        """Write the inventory to its file once more, where that failed before."""
        return self._save("Saved")

    # ---- what is shown -----------------------------------------------------------------------------------

    def words(self) -> str:
        return self.inventory.text

    def rows(self) -> pd.DataFrame:
        table = self.inventory.table.loc[:, list(FIELDS)]
        return table.loc[:, (table.astype(str) != "").any()]

    def as_code(self) -> str:
        lines = [line for lines in self._lines for line in lines]
        if not lines:
            return ""
        file = self.inventory.path
        if file is not None:
            lines.append(f"ipo.write_inventory(inventory, {file.name!r})")
        elif self.ipo_map is not None and self.ipo_map.path is not None:
            lines.append(f"ipo.write_map(ipo_map.with_inventory(inventory), {self.ipo_map.path.name!r})")
        return "\n".join(lines)

    def drawn(self) -> Mapping[str, Any]:
        used = {name for row in self._rows.values() for name, cell in row.cells.items() if cell}
        return {
            "rows": [self._seen(number) for number in self._rows],
            "columns": [name for name in FIELDS if name in SHOWN or name in used or name == "definition"],
            "choices": {name: list(values) for name, values in CHOICES.items()},
            "words": self.words(),
            "undo": self._past[-1][1] if self._past else "",
        }

    def redraw(self) -> None:
        """Send what has changed: all at the start, later the rows that differ."""
        now = dict(self.drawn())
        self.code = self.as_code()
        self._first = not self.view
        if not self._first:
            old = {row["id"]: row for row in self.view["rows"]}
            rows = [row for row in now["rows"] if old.get(row["id"]) != row]
            order = [row["id"] for row in now["rows"]]
            rest = {name: value for name, value in now.items() if name != "rows"}
            self.send({"rows": rows, "order": order if order != list(old) else None, **rest})
        self.view = now

    def _should_send_property(self, key: str, value: Any) -> bool:
        """The whole table goes to the browser once; after that the rows that differ do."""
        return (key != "view" or self._first) and bool(super()._should_send_property(key, value))

    # ---- one truth ---------------------------------------------------------------------------------------

    def _take(self, cells: Mapping[int, Mapping[str, str]], done: str) -> str:
        """Rows with new cells: those that can stand become metrics, the others keep their cells with their faults."""
        inventory, rows, lines, linked = self.inventory, dict(self._rows), list[str](), self._linked()
        for number, said in cells.items():
            old = rows.get(number, _Row({})).metric
            metric, faults = tried(_metric, said, old)
            if metric is not None and metric != old:
                changed, faults = tried(_placed, inventory, metric, old, linked)
                if changed is not None:
                    inventory = changed
                    lines.append(f"inventory = inventory.{_call(metric, old)}")
            rows[number] = _Row(dict(said), old if faults else metric, _by_cell(faults))
        wrong = [number for number in cells if rows[number].faults]
        return self._done(inventory, rows, "Kept as it was typed" if len(wrong) == len(cells) else done, lines)

    def _done(self, inventory: Inventory, rows: dict[int, _Row], done: str, lines: list[str]) -> str:
        past = [*self._past, ((self.inventory, self._rows), done)][-KEPT:]
        return self._put(inventory, rows, done, past, [*self._lines, lines])

    def _put(
        self, inventory: Inventory, rows: dict[int, _Row], done: str, past: list[Past], lines: list[list[str]]
    ) -> str:
        """Show other rows and save them; all stays as it was where somebody else changed the same metric."""
        kept = self.inventory, self._rows, self._past, self._lines
        self.inventory, self._rows, self._past, self._lines = inventory, rows, past, lines
        try:
            said = self._save(done) if inventory is not kept[0] else f"{done}."
        except Conflict:
            self.inventory, self._rows, self._past, self._lines = kept
            raise
        finally:
            self.redraw()
        faulty = sum(bool(row.faults) for row in rows.values())
        return f"{said} {faulty} row{'s' * (faulty > 1)} cannot stand yet." if faulty else said

    def _save(self, done: str) -> str:
        file, on_map = self.inventory.path, self.ipo_map.path if self.ipo_map else None
        if file is None and on_map is None:
            return f"{done}; {NO_FILE}."
        try:
            if file is not None:
                write_inventory(self._beside(), file)
            if on_map is not None:
                after = read_map(on_map).with_inventory(self.inventory)
                write_map(after, on_map)
                self.ipo_map = after
        except Conflict:
            raise
        except IpoError as fault:
            raise Unsaved(f"{done}, but not saved: {fault} It is kept in this notebook.", file=file) from fault
        return f"{done}. {SAVED}{(file or on_map or Path()).name}."

    def _beside(self) -> Inventory:
        """What the inventory's file shall hold: all but what stands in the map's own file."""
        if self.ipo_map is None:
            return self.inventory
        listed = self.ipo_map._listed
        own = {key for m in self.ipo_map.metrics if listed.get(key := name_key(m.name)) != m} if listed else set[str]()
        held = (listed.get(name_key(m.name)) if name_key(m.name) in own else m for m in self.inventory)
        return replace(self.inventory, metrics=tuple(metric for metric in held if metric))

    def _catch_up(self) -> set[str]:
        """Take in what others changed in the map's file, over which nothing is undone then; the names in its arrows."""
        if self.ipo_map is not None and self.ipo_map.path is not None:
            before, self.ipo_map = self.ipo_map.inventory, read_map(self.ipo_map.path)
            newest = self.ipo_map.inventory
            for name in dict.fromkeys((*before.names, *newest.names)):
                self._take_in(name, _held(before, name), _held(newest, name))
        return self._linked()

    def _take_in(self, name: str, before: Metric | None, metric: Metric | None) -> None:
        """Show a metric as somebody else left it, unless it is edited here and was not saved yet."""
        ours = _held(self.inventory, name)
        if metric in (before, ours) or ours != before:
            return
        self._past = []
        rows = [number for number, row in self._rows.items() if row.metric is not None and row.metric == ours]
        number = rows[0] if rows else self._next
        self._next = max(self._next, number + 1)
        if metric is None:
            self.inventory = self.inventory.without_metric(name)
            self._rows = {other: row for other, row in self._rows.items() if other != number}
        else:
            self.inventory = self.inventory.with_metric(metric)
            self._rows = {**self._rows, number: _row_of(metric)}
        self.redraw()

    def _linked(self) -> set[str]:
        """The names that a rename or deletion would take from under an arrow of the map."""
        links = self.ipo_map.links if self.ipo_map else ()
        return {name_key(name) for link in links for name in (link.cause, link.effect)}

    def _at(self, row: int) -> _Row:
        if row not in self._rows:
            raise BadOption(f"There is no row {row!r}.", value=row, fix="It may have been deleted.")
        return self._rows[row]

    def _seen(self, number: int) -> dict[str, Any]:
        row = self._rows[number]
        seen: dict[str, Any] = {"id": number, **{name: row.cells.get(name, "") for name in FIELDS}}
        seen["faults"] = dict(row.faults)
        if not seen["stage"] and seen["name"]:
            guess = suggest_stage(seen["name"], unit=seen["unit"], definition=seen["definition"])
            seen["guess"] = [guess.stage, guess.reason] if guess.stage else None
        return seen


def _held(inventory: Inventory, name: str) -> Metric | None:
    return inventory[name] if name in inventory else None  # noqa: SIM401 (an inventory has no `get`)


def _row_of(metric: Metric) -> _Row:
    """A metric as it is typed."""
    said = ((name, getattr(metric, name)) for name in FIELDS)
    return _Row({name: _typed(value) for name, value in said if value not in ("", None)}, metric)


def _typed(value: str | float) -> str:
    """A value as it is typed, no digit lost."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value) if whole else value)


def _block(text: str) -> list[list[str]]:
    """The lines and cells of a block from a spreadsheet, blank lines at its end left out."""
    try:
        read = csv.reader(StringIO(text, newline=""), delimiter="\t")
        block = [line or [""] for line in islice(read, MOST_PASTED + 1)]
    except csv.Error as error:
        raise BadOption(f"This cannot be pasted: {error}.", fix="Read it as a file, by ipo.read_inventory.") from None
    while block and not any(block[-1]):
        block.pop()
    if not block:
        raise BadOption("There is nothing to paste.", fix="Copy some cells first.")
    if len(block) > MOST_PASTED:
        fix = "Paste fewer at a time, or read the file by ipo.read_inventory."
        raise BadOption(f"That is more than {MOST_PASTED:,} rows.", fix=fix)
    return block


def _check_fields(names: Collection[str]) -> None:
    for name in names:
        if name not in FIELDS:
            raise BadOption(f"A metric has no {name!r}.", value=name, fix=nearest(name, FIELDS))


def _meant(cells: Mapping[str, Any]) -> dict[str, str]:
    """Cells in the words of the room, such as `outcome` for `Output`."""
    _check_fields(cells)
    return {name: meant_by(name, "" if cell is None else str(cell)) for name, cell in cells.items()}


def _metric(cells: Mapping[str, str], old: Metric | None) -> Metric:
    """What a row says as a metric; raises what the room raises."""
    said: dict[str, Any] = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    for name in NUMBERS:
        with suppress(ValueError):
            said[name] = float(said.get(name, ""))
    return Metric.from_dict({**(old.extra if old else {}), **said})


def _by_cell(faults: Sequence[IpoError]) -> dict[str, str]:
    """What is wrong, by the cell that it is wrong with."""
    single = [fault for error in faults for fault in error.faults or (error,)]
    return {fault.column or "name": said_of(fault) for fault in reversed(single)}


def _placed(inventory: Inventory, metric: Metric, old: Metric | None, linked: Collection[str]) -> Inventory:
    """The inventory with a metric in the place of the one that its row held; raises where its name cannot stand."""
    if old is not None:
        if name_key(metric.name) != name_key(old.name):
            _check_loose(old.name, linked)
        return inventory.with_metric(metric, instead_of=old.name)
    if metric.name in inventory:
        there = inventory[metric.name].name
        raise BadOption(f"There is a metric called {there!r} already.", column="name", fix="Give it another name.")
    return inventory.with_metric(metric)


def _check_loose(name: str, linked: Collection[str]) -> None:
    if name_key(name) in linked:
        message = f"{name!r} has arrows on the map, so it can be neither renamed nor deleted here."
        raise BadOption(message, column="name", value=name, fix="Delete its arrows first.")


def _call(metric: Metric, old: Metric | None) -> str:
    """The code that puts a metric into an inventory."""
    values = {name: getattr(metric, name) for name in Metric.rules if name not in ("name", "stage")}
    rest = [f"{name}={value!r}" for name, value in values.items() if value not in ("", None)]
    made = f"ipo.Metric({', '.join([repr(metric.name), repr(metric.stage), *rest])})"
    renamed = old is not None and old.name != metric.name
    return f"with_metric({made}{f', instead_of={old.name!r}' if old and renamed else ''})"


def _called(row: _Row, cells: Mapping[str, str]) -> str:
    return cells.get("name") or row.cells.get("name") or "a row"
