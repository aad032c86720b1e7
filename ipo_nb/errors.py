"""The analyst's mistakes: one small tree of types under `IpoError`.

A message says what was given, what is wrong with it and what to do. Whatever knows its place says it in
`.file`, `.line`, `.column`, `.value`, `.expected` and `.fix`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

__all__ = [
    *("BadOption", "Conflict", "FileFault", "InventoryError", "IpoError", "MapError", "NeedsPeriods", "NotEnoughData"),
    *("NotIdentified", "OutOfRange", "SeriesError", "UnknownLink", "UnknownMetric", "nearest", "raise_faults", "tried"),
]

SHOWN = 10
T = TypeVar("T")


class IpoError(Exception):
    """A mistake that an analyst can mend, in a sentence to a colleague.

    Attributes
    ----------
    file, line, column : where it stands; the line as a spreadsheet or editor counts it, the column by its name.
    value : what was given there.
    expected : what would have been right.
    fix : one thing to do about it.
    faults : the single faults, where one file has several.
    """

    def __init__(
        self,
        message: str,
        *,
        file: Any = None,
        line: int | None = None,
        column: str | None = None,
        value: Any = None,
        expected: str | None = None,
        fix: str | None = None,
        faults: Sequence[IpoError] = (),
    ) -> None:
        super().__init__(message)
        self.file = None if file is None else str(file)
        self.line, self.column, self.value, self.expected, self.fix = line, column, value, expected, fix
        self.faults = tuple(faults)

    def __str__(self) -> str:
        message = str(self.args[0])
        if self.faults:  # each says its own place
            return message
        line = f"line {self.line}" if self.line else ""
        column = f"column {self.column!r}" if self.column else ""
        place = ", ".join(filter(None, (self.file, line, column)))
        expected = f"Expected: {self.expected.rstrip('.')}." if self.expected else ""
        return " ".join(filter(None, (f"{place}: {message}" if place else message, expected, self.fix)))


class FileFault(IpoError):
    """A file is missing, empty, damaged or of a kind that is not read."""


class InventoryError(IpoError):
    """A row of the metric inventory cannot stand as it is."""


class MapError(IpoError):
    """The map file, or a link in it, cannot stand as it is."""


class SeriesError(IpoError):
    """A value, date or column of the series cannot be read with certainty."""


class UnknownMetric(IpoError):
    """A name that the inventory does not have."""

    def __init__(self, name: str, *, known: Sequence[str], **place: Any) -> None:
        message = f"The inventory has no metric called {name!r}."
        super().__init__(message, value=name, fix=nearest(name, known), **place)


class UnknownLink(IpoError):
    """A pair that the map does not link."""

    def __init__(self, cause: str, effect: str, *, known: Sequence[str]) -> None:
        name = f"{cause} -> {effect}"
        super().__init__(f"The map has no link {name!r}.", value=name, fix=nearest(name, known))


class NeedsPeriods(IpoError):
    """A series whose index is not a calendar."""

    def __init__(self, name: Any, *, found: str) -> None:
        super().__init__(
            f"The series {str(name)!r} has an index of type {found}, and lags need a calendar.",
            value=found,
            expected="a PeriodIndex, or a DatetimeIndex with a regular step",
            fix="Give it one, for instance series.index = pandas.PeriodIndex(dates, freq='M').",
        )


class NotEnoughData(IpoError):
    """Too few usable periods for the question asked."""


class NotIdentified(IpoError):
    """The data cannot separate what was asked for."""


class OutOfRange(IpoError):
    """A scenario outside what the data have seen."""


class BadOption(IpoError):
    """An option with a value outside its meaning."""


class Conflict(IpoError):
    """A file that someone else changed in the meantime."""


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint towards the name that was meant: the nearest one, else the ones that there are.

    >>> nearest("Wait minuts", ["Wait minutes", "Renewals"])
    "Did you mean 'Wait minutes'?"
    """
    folded = {item.casefold(): item for item in known}
    near = get_close_matches(name.casefold(), list(folded), n=1)
    if near:
        return f"Did you mean {folded[near[0]]!r}?"
    shown = ", ".join(known[:SHOWN])
    rest = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"There is: {shown}{rest}." if known else "There is none yet."


def tried(call: Callable[..., T], *given: Any, **named: Any) -> tuple[T | None, list[IpoError]]:
    """What a call returns, or nothing and the single faults for which it was refused.

    >>> tried(int, "7")
    (7, [])
    """
    try:
        return call(*given, **named), []
    except IpoError as error:
        return None, list(error.faults or (error,))


def raise_faults(faults: Sequence[IpoError]) -> None:
    """Raise all faults of one file in one go: one as itself, several as one error of the first one's type.

    Ten are shown and the rest counted; all stand in `.faults`.
    """
    if not faults:
        return
    first = faults[0]
    if len(faults) == 1:
        raise first
    lines = [f"{len(faults)} faults, none of the file was taken:"]
    lines += [f"  {number}. {fault}" for number, fault in enumerate(faults[:SHOWN], start=1)]
    if len(faults) > SHOWN:
        lines.append(f"  ... and {len(faults) - SHOWN} more.")
    kind = type(first) if type(first).__init__ is IpoError.__init__ else IpoError
    whole = kind("\n".join(lines))
    whole.__dict__ |= first.__dict__ | {"faults": tuple(faults)}
    raise whole
