"""The three faces of every result: `.table`, `.text`, an HTML view of the two; and the receipt of a reading."""

from __future__ import annotations

import datetime as dt
import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

__all__ = ["Receipt", "Result", "escape", "guarded", "plain", "said_p", "spoken", "table_html", "unguarded"]

ROWS_SHOWN = 20
RUN = re.compile(r"'*[=+@\t\r-]")  # how a cell starts that a spreadsheet would run, or that was guarded against it


class _Faces(Protocol):
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def text(self) -> str: ...


class Result:
    """What all results share. A subclass is a frozen dataclass with a `table` and a `text`."""

    __slots__ = ()

    def _repr_html_(self: _Faces) -> str:
        return f'<div class="ipo-result"><p>{escape(self.text)}</p>{table_html(self.table)}</div>'

    def __repr__(self: _Faces) -> str:
        return f"<{type(self).__name__}: {self.text}>"

    def to_dict(self: _Faces) -> dict[str, Any]:
        """The result as JSON-ready values: `text`, and `table` as a list of rows; missing numbers are None."""
        return {"text": self.text, "table": plain(self.table.to_dict("records"))}


@dataclass(frozen=True, eq=False, repr=False)
class Receipt(Result):
    """What was decided while something was read, one row per decision.

    Attributes
    ----------
    table : columns `what` (the decision), `count` (how many values, rows or columns it touched), `detail`.
    """

    table: pd.DataFrame

    @classmethod
    def of(cls, decisions: Sequence[tuple[str, int, str]] = ()) -> Receipt:
        """A receipt from (what, count, detail) triples."""
        return cls(pd.DataFrame(list(decisions), columns=["what", "count", "detail"]))

    @property
    def text(self) -> str:
        if self.table.empty:
            return "Read as it stands."
        return " ".join(f"{row.what}: {row.detail}." for row in self.table.itertuples())

    def plus(self, other: Receipt) -> Receipt:
        """This receipt followed by another."""
        return Receipt(pd.concat([self.table, other.table], ignore_index=True))


def escape(text: object) -> str:
    """User text as HTML text: shown as written, run nowhere."""
    return html.escape(str(text), quote=True)


def guarded(text: str) -> str:
    """User text as a cell of a CSV: one that a spreadsheet would run as a formula gets an apostrophe in front.

    >>> guarded("=1+1"), guarded("Calls"), unguarded(guarded("'=1+1"))
    ("'=1+1", 'Calls', "'=1+1")
    """
    return f"'{text}" if RUN.match(text) else text


def unguarded(text: str) -> str:
    """A cell of a CSV as the text that it stood for before it was guarded."""
    return text[1:] if text.startswith("'") and RUN.match(text) else text


def spoken(value: float | None, *, signed: bool = False) -> str:
    """A number as it is read aloud: three significant digits, thousands marked, a real minus sign.

    >>> spoken(1234.5), spoken(-0.04567), spoken(2.0), spoken(None)
    ('1,234', '−0.0457', '2', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    size = abs(value)
    decimals = 0 if size >= 100 or size == 0 else min(2 - math.floor(math.log10(size)), 12)
    digits = f"{size:,.{decimals}f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    sign = "−" if value < 0 and float(digits.replace(",", "")) else "+" if signed and value > 0 else ""
    return sign + digits


def table_html(table: pd.DataFrame) -> str:
    """A table as escaped HTML, numbers to three significant digits, long tables cut with a count of the rest."""
    shown = table.head(ROWS_SHOWN)
    head = "".join(f"<th>{escape(name)}</th>" for name in shown.columns)
    rows = ["".join(f"<td>{escape(_cell(value))}</td>" for value in row) for row in shown.itertuples(index=False)]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    rest = f"<p>... and {len(table) - ROWS_SHOWN} more rows.</p>" if len(table) > ROWS_SHOWN else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else spoken(float(value))
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None or value is pd.NaT else str(value)


def plain(value: Any) -> Any:
    """Any value of a result as JSON-ready Python: no NumPy, no NaN, no periods, no paths.

    >>> plain({"lag": np.int64(2), "low": float("nan"), "week": pd.Period("2024-01", freq="M")})
    {'lag': 2, 'low': None, 'week': '2024-01'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, pd.DataFrame):
        return plain(value.to_dict("records"))
    if isinstance(value, pd.Series | np.ndarray | pd.Index):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Period | Path | dt.date):
        return str(value)
    return value


def said_p(value: float, letter: str) -> str:
    """A p- or q-value as it is read aloud.

    >>> said_p(0.0004, "q"), said_p(0.0213, "p")
    ('q < 0.001', 'p = 0.021')
    """
    return f"{letter} < 0.001" if value < 0.001 else f"{letter} = {value:.{3 if value < 0.1 else 2}f}"
