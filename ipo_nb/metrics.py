"""What is measured: a metric with its stage, team and direction; the inventory of all; their formulas."""

from __future__ import annotations

import ast
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import MISSING, dataclass, field, replace
from functools import lru_cache
from operator import add, mul, neg, pos, sub, truediv
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self, get_type_hints

import numpy as np
import pandas as pd

from ipo_nb.errors import InventoryError, IpoError, UnknownMetric, nearest, raise_faults, tried
from ipo_nb.results import Receipt, Result, plain

__all__ = [
    *("AGGREGATES", "BETTER", "CADENCES", "STAGES", "CADENCE", "TEXT"),
    *("Entry", "Formula", "Inventory", "Metric", "Rule", "Taken"),
    *("finite_number", "name_fault", "name_key", "names_of", "number", "one_line", "shown"),
    *("take_rows", "text_fault", "unless", "whole_number"),
]

STAGES = ("input", "process", "outcome")
CADENCES = ("daily", "weekly", "monthly", "quarterly", "yearly")
BETTER = ("higher", "lower")
AGGREGATES = ("sum", "mean", "last")
LONGEST_NAME = 5_000
LONGEST_TEXT = 100_000


@lru_cache(maxsize=1 << 16)
def name_key(name: str) -> str:
    """What makes two names the same: NFKC form, case folded, spaces collapsed.

    >>> name_key("  Wait   MINUTES ") == name_key("wait minutes")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def one_line(value: Any) -> Any:
    """A name as it is kept: as written, but on one line and without spaces around it."""
    return re.sub(r"\s*[\t\r\n]+\s*", " ", value).strip() if isinstance(value, str) else value


def shown(value: Any) -> str:
    """A value as it stands in a message, long ones cut."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "...'"


def whole_number(value: Any) -> bool:
    """Whether a value is a whole number, also as `2.0`; true and false are none."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | np.integer) or (isinstance(value, float) and value.is_integer())


def finite_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    return bool(-sys.float_info.max <= value <= sys.float_info.max)


def text_fault(value: Any, *, empty: bool = True, lines: bool = False) -> str:
    """Why a value cannot stand as text (of one line, or of several), or nothing if it can."""
    if not isinstance(value, str):
        return f"{value!r} is of type {type(value).__name__}, not text"
    if not empty and not any(unicodedata.category(mark)[0] not in "ZC" for mark in value):
        return "it is empty"
    longest = LONGEST_TEXT if lines else LONGEST_NAME
    if len(value) > longest:
        return f"it has {len(value):,} characters, more than {longest:,}"
    if value.isprintable():
        return ""
    allowed = "\t\r\n" if lines else ""
    odd = next((m for m in value if unicodedata.category(m) in ("Cc", "Cs") and m not in allowed), None)
    return "" if odd is None else f"it holds the control character U+{ord(odd):04X}"


class Rule(NamedTuple):
    """What a value of a row has to be."""

    fault: Callable[[Any], str]  # what is wrong with it, or nothing
    expected: str
    mend: str | Sequence[str]  # what to do about it; or the choices, of which the nearest is named
    tidy: Callable[[Any], Any] = lambda value: value  # the same value in the form in which it is kept


def unless(holds: Callable[[Any], bool], wrong: str) -> Callable[[Any], str]:
    """The fault of a rule with one way of being broken."""
    return lambda value: "" if holds(value) else wrong


class Entry:
    """What metrics, links and the like share: values that keep to rules, and unknown keys kept in `extra`."""

    __slots__ = ()
    rules: ClassVar[dict[str, Rule]]  # as the annotations of the fields have them
    kind: ClassVar[type[IpoError]]  # of the errors
    called: ClassVar[str]  # in messages, with values in their places
    like: ClassVar[str]  # what a right one looks like
    beside: ClassVar[Sequence[str]] = ()  # keys of a row that belong to others
    extra: Mapping[str, Any]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init__(self, *values: Any, extra: Mapping[str, Any], **named: Any) -> None: ...  # as the dataclass has it

    def __init_subclass__(cls) -> None:
        hints = get_type_hints(cls, include_extras=True)
        cls.rules = {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}

    def __post_init__(self) -> None:
        faults: list[IpoError] = []
        for name, (fault, expected, mend, tidy) in self.rules.items():
            value, default = getattr(self, name), self.__dataclass_fields__[name].default
            if default in ("", None) and (value is None or (isinstance(value, str) and value == "")):
                object.__setattr__(self, name, default)
                continue
            tidied, inner = tried(tidy, value)
            object.__setattr__(self, name, value := value if inner else tidied)
            faults += inner
            if wrong := "" if inner else fault(value):
                called = self.called.format(**{name: shown(getattr(self, name)) for name in self.rules})
                message = f"The {name} {shown(value)} of {called} cannot stand: {wrong}."
                fix = mend if isinstance(mend, str) else nearest(str(value), mend)
                faults.append(self.kind(message, column=name, value=value, expected=expected, fix=fix))
        raise_faults(faults)

    def to_dict(self) -> dict[str, Any]:
        """The row as in a map file; what says nothing is left out."""
        said = {name: _as_said(getattr(self, name)) for name in self.rules}
        return {key: value for key, value in said.items() if value not in ("", None, [])} | dict(self.extra)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: Any = None, line: int | None = None) -> Self:
        """An entry from a row; unknown keys go to `extra`, missing values are left out, file and line into errors."""
        said = {key: value for key, value in data.items() if key in cls.rules and pd.isna(value) is not True}
        needed = [name for name in cls.rules if cls.__dataclass_fields__[name].default is MISSING]
        extra = {str(key): deepcopy(data[key]) for key in data if key not in cls.rules and key not in cls.beside}
        try:
            return cls(**(dict.fromkeys(needed, "") | said), extra=extra)
        except IpoError as error:
            for fault in (error, *error.faults):
                fault.file, fault.line = file and str(file), getattr(data, "lines", {}).get(fault.column, line)
            raise


def _as_said(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value.to_dict() if isinstance(value, Entry) else value


Taken = list[tuple[Any, dict[str, Any]]]  # metrics or links, each with the file and line that it stands on


def take_rows(kind: type[Entry], rows: Iterable[Any], file: Path | None) -> tuple[Taken, list[IpoError]]:
    """What rows are as metrics or links (a `kind`), and all that is wrong with those that are none."""
    taken: Taken = []
    faults: list[IpoError] = []
    for number, row in enumerate(rows, start=1):
        place: dict[str, Any] = {} if isinstance(row, kind) else {"file": file, "line": getattr(row, "line", None)}
        wrong: list[IpoError] = []
        item: Entry | None = row if isinstance(row, kind) else None
        if isinstance(row, Mapping):
            item, wrong = tried(kind.from_dict, row, **place)
        elif item is None:
            message, expected = f"Entry {number} of the {kind.__name__.lower()}s is {shown(row)}.", kind.like
            wrong = [kind.kind(message, **place, value=row, expected=f"something like {expected}", fix="Write it so.")]
        faults += wrong
        taken += [(item, place)] if item else []
    return taken, faults


def name_fault(value: Any) -> str:
    """Why a value cannot stand as a name, or nothing if it can."""
    return text_fault(value, empty=False)


def names_of(value: Any) -> Any:
    """One name or a list of them as a tuple; nothing is none."""
    return tuple(value) if isinstance(value, list | tuple) else () if value is None or value == "" else (value,)


def _one_of(*choices: str) -> Rule:
    expected = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Rule(unless(choices.__contains__, "it is none of the values"), expected, choices)


def number(holds: Callable[[Any], bool], expected: str, kind: type) -> Rule:
    """The rule of a number, kept as a `kind`."""
    fault = unless(holds, "it is no such number")
    return Rule(fault, expected, "Mend it, or leave it empty.", lambda value: kind(value) if holds(value) else value)


NAME = Rule(name_fault, "a line of text", "Give it a name of its own.", one_line)
TEXT = Rule(lambda value: text_fault(value, lines=True), "text", "Mend it, or leave it empty.")
CADENCE = _one_of(*CADENCES)
TARGET = number(finite_number, "a finite number in the metric's unit", float)
CONTROL = number(
    lambda value: whole_number(value) and 0 <= value <= 3, "a whole number from 0 (not at all) to 3 (fully)", int
)
WINDOW = number(lambda value: whole_number(value) and 2 <= value <= 10_000, "a whole number of periods, 2 or more", int)


@dataclass(frozen=True, slots=True)
class Metric(Entry):
    """One thing that is measured.

    Attributes
    ----------
    name : as people write it; two names are the same if their `name_key` is.
    stage : `input` (a resource), `process` (an activity) or `outcome` (a strategic result).
    team, owner : who is judged on it, who keeps it.
    unit : what its numbers count, such as `minutes`.
    better : `higher`, `lower`, or empty where neither is better.
    cadence : how often it is measured; empty means as often as the map says.
    aggregate : `sum`, `mean` or `last`: how finer values become coarser ones.
    controllable : 0 (nobody in the team can move it) to 3 (the team sets it).
    objective : the strategic goal that it serves.
    target : the value to be reached, in `unit`.
    formula : an arithmetic identity, such as `answered / incoming`.
    window : periods over which the metric is a trailing average (2 or more).
    definition : how it is counted.
    extra : whatever else its source said about it.

    Raises
    ------
    InventoryError : a value cannot stand; says which, what was expected and one mend.

    >>> Metric("Wait minutes", "process", team="Support", better="lower").stage
    'process'
    """

    name: Annotated[str, NAME]
    stage: Annotated[str, _one_of(*STAGES)]
    team: Annotated[str, TEXT] = ""
    owner: Annotated[str, TEXT] = ""
    unit: Annotated[str, TEXT] = ""
    better: Annotated[str, _one_of(*BETTER)] = ""
    cadence: Annotated[str, CADENCE] = ""
    aggregate: Annotated[str, _one_of(*AGGREGATES)] = ""
    controllable: Annotated[int | None, CONTROL] = None
    objective: Annotated[str, TEXT] = ""
    target: Annotated[float | None, TARGET] = None
    formula: Annotated[str, TEXT] = ""
    window: Annotated[int | None, WINDOW] = None
    definition: Annotated[str, TEXT] = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    kind: ClassVar = InventoryError
    like: ClassVar = "{name: Wait minutes, stage: process}"
    called: ClassVar = "metric {name}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Inventory(Result):
    """All metrics of an organisation, in the order of their source.

    Attributes
    ----------
    metrics : the metrics; names are unique by `name_key`.
    receipt : what was decided while they were read.
    path : the file that they came from, if any; `write_inventory` saves edits there.
    """

    metrics: tuple[Metric, ...]
    receipt: Receipt = field(default_factory=Receipt.of)
    path: Path | None = None
    _past: Mapping[str, tuple[Metric | None, ...]] | None = None  # by key, as read from `path` and after each edit
    _index: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        raise_faults(_namesakes(self.metrics, [{"file": self.path}] * len(self.metrics)))
        index = {name_key(metric.name): place for place, metric in enumerate(self.metrics)}
        object.__setattr__(self, "metrics", tuple(self.metrics))
        object.__setattr__(self, "_index", index)

    @classmethod
    def of(cls, metrics: Sequence[Metric | Mapping[str, Any]], *, file: Path | None = None) -> Inventory:
        """An inventory of metrics, or of rows that become metrics; all faults told at once, with `file`.

        >>> Inventory.of([{"name": "Wait minutes", "stage": "process"}]).names
        ('Wait minutes',)
        """
        taken, faults = take_rows(Metric, metrics, file)
        found = tuple(metric for metric, _ in taken)
        raise_faults([*faults, *_namesakes(found, [place for _, place in taken])])
        return cls(found)

    def with_metric(self, metric: Metric, *, instead_of: str | None = None) -> Inventory:
        """This inventory with a metric added, or put in the place of its namesake (whose `extra` stays).

        Parameters
        ----------
        metric : what is said of it now.
        instead_of : the name that it had, where the edit renames it. Formulas and links that name it are not touched.

        Raises UnknownMetric where `instead_of` is no metric, InventoryError where the new name is taken.

        >>> inventory = Inventory.of([{"name": "Calls", "stage": "process"}, {"name": "Churn", "stage": "outcome"}])
        >>> inventory.with_metric(Metric("Calls taken", "process"), instead_of="Calls").names
        ('Calls taken', 'Churn')
        """
        name = metric.name if instead_of is None else instead_of
        if instead_of is None and name not in self:
            return self._edited((*self.metrics, metric))
        old = self[name]
        new = replace(metric, extra={**old.extra, **metric.extra})
        return self._edited(tuple(new if item is old else item for item in self.metrics))

    def without_metric(self, name: str) -> Inventory:
        """This inventory without a metric; raises UnknownMetric."""
        gone = self[name]
        return self._edited(tuple(item for item in self.metrics if item is not gone))

    def following(self, before: Inventory) -> Inventory:
        """This inventory as an edit of another: it keeps that one's file, and saving knows what has been edited."""
        return before._edited(self.metrics)

    def _edited(self, metrics: tuple[Metric, ...]) -> Inventory:
        """The same with other metrics; what it was read from, and each state since then, goes along."""
        after = replace(self, metrics=metrics)
        if self._past is None:
            return after
        states = {key: (self._at(key), after._at(key)) for key in {**self._index, **after._index}}
        past = {key: (*self._past.get(key, (None,)), now) for key, (before, now) in states.items() if before != now}
        return replace(after, _past={**self._past, **past})

    def _at(self, key: str) -> Metric | None:
        place = self._index.get(key)
        return None if place is None else self.metrics[place]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def table(self) -> pd.DataFrame:
        """One row per metric: all fields but `extra`."""
        rows = [[getattr(metric, column) for column in Metric.rules] for metric in self.metrics]
        kinds = {"controllable": "Int64", "window": "Int64", "target": "float64"}
        return pd.DataFrame(rows, columns=list(Metric.rules)).astype(kinds)

    @property
    def text(self) -> str:
        """How many metrics there are by stage, and of how many teams."""
        counts = [sum(metric.stage == stage for metric in self.metrics) for stage in STAGES]
        teams = len({name_key(metric.team) for metric in self.metrics if metric.team})
        words = _count(len(self.metrics), "metric"), _count(teams, "team")
        by_stage = [_count(n, word) for n, word in zip(counts, STAGES, strict=True)]
        return f"{words[0]} of {words[1]}: {by_stage[0]}, {by_stage[1]}, {by_stage[2]}."

    def to_dict(self) -> dict[str, Any]:
        """The metrics as in a map file."""
        return {"metrics": [plain(metric.to_dict()) for metric in self.metrics]}

    def formula(self, name: str) -> Formula | None:
        """The formula of a metric with its names understood; nothing if it has none."""
        metric = self[name]
        return Formula.parse(metric.formula, self.names) if metric.formula else None

    def __getitem__(self, name: str) -> Metric:
        place = self._index.get(name_key(name)) if isinstance(name, str) else None
        if place is None:
            raise UnknownMetric(str(name), known=self.names)
        return self.metrics[place]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name_key(name) in self._index

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)


def _count(number: int, word: str) -> str:
    plural = {"process": "processes"}.get(word, word + "s")
    return f"{number:,} {word if number == 1 else plural}"


def _namesakes(metrics: Sequence[Metric], places: Sequence[Mapping[str, Any]]) -> list[InventoryError]:
    """A fault for each metric that bears the name of an earlier one."""
    first: dict[str, str] = {}
    faults = []
    for metric, place in zip(metrics, places, strict=True):
        key = name_key(metric.name)
        if key in first:
            same = "stands there twice" if first[key] == metric.name else f"and {shown(first[key])} are the same name"
            message, fix = f"The metric {shown(metric.name)} {same}.", "Rename one of them, or remove it."
            expected = "names that differ by more than case, spaces or Unicode form"
            told = {**place, "column": "name", "value": metric.name, "expected": expected, "fix": fix}
            faults.append(InventoryError(message, **told))
        first.setdefault(key, metric.name)
    return faults


LOOKALIKES = str.maketrans("−–×·÷⁄∕", "--**///")
NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
LONGEST_FORMULA = 500
DEEPEST_FORMULA = 50
SIGNS: dict[Any, Any] = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv, ast.USub: neg, ast.UAdd: pos}


@dataclass(frozen=True, slots=True, repr=False)
class Formula:
    """An arithmetic identity over metrics: names, numbers, + - * / and brackets; nothing else is ever run.

    Attributes
    ----------
    text : as it was written.
    names : the metrics in it, in order of appearance.
    """

    text: str
    names: tuple[str, ...]
    _code: str  # the same in Python, its names as _0, _1, ...

    @classmethod
    def parse(cls, text: str, known_names: Sequence[str]) -> Formula:
        """Understand a formula; names may hold spaces and signs, and the longest known name wins.

        Raises InventoryError, saying where the formula stops making sense.

        >>> Formula.parse("1 - calls lost / incoming", ["Incoming", "Calls lost"]).names
        ('Calls lost', 'Incoming')
        """
        tokens = _tokens(text, tuple(known_names))
        names = tuple(dict.fromkeys(name for name, _ in tokens if name))
        if wrong := _formula_fault(tokens) or ("" if names else "it names no metric"):
            raise _unclear(text, wrong)
        return cls(text, names, " ".join(f"_{names.index(name)}" if name else sign for name, sign in tokens))

    def evaluate(self, columns: Mapping[str, pd.Series]) -> pd.Series:
        """The formula over columns of one index; a division by zero is missing."""
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise UnknownMetric(missing[0], known=list(columns))
        values = {f"_{place}": columns[name].astype("float64") for place, name in enumerate(self.names)}
        with np.errstate(all="ignore"):
            result = _worked_out(ast.parse(self._code, mode="eval").body, values)
        return pd.Series(result).replace([np.inf, -np.inf], np.nan)

    def __repr__(self) -> str:
        return f"<Formula: {self.text}>"


def _worked_out(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Constant):
        return np.float64(float(str(node.value)))
    sides = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
    return SIGNS[type(node.op)](*(_worked_out(side, values) for side in sides))


@lru_cache(maxsize=8)
def _pattern(known_names: tuple[str, ...]) -> re.Pattern[str]:
    """What a formula is made of; a name stands as a whole word."""
    keys = sorted({key for key in map(name_key, known_names) if key}, key=len, reverse=True)
    edge = [(r"(?<!\w)" * key[0].isalnum(), r"(?!\w)" * key[-1].isalnum()) for key in keys]
    words = "|".join(before + re.escape(key) + after for key, (before, after) in zip(keys, edge, strict=True))
    return re.compile(rf"(?P<name>{words or '(?!)'})|(?P<number>{NUMBER})|(?P<sign>[-+*/()−–×·÷⁄∕])|(?P<space> )")


def _tokens(text: str, known_names: tuple[str, ...]) -> list[tuple[str, str]]:
    """A formula in pieces, each the name of a metric and nothing, or nothing and a number or sign of Python."""
    folded, spelt = name_key(text), {name_key(name): name for name in reversed(known_names)}
    tokens, at = [], 0
    while at < len(folded):
        found = _pattern(known_names).match(folded, at)
        if not found:
            word = re.split(r"\s*[+*/()−]|\s-\s", folded[at:])[0].strip()
            raise _unclear(text, f"{word!r} is no metric of the inventory", nearest(word, known_names))
        kind, piece, at = found.lastgroup, found.group(), found.end()
        if kind == "number":
            piece = repr(float(piece)).replace("inf", "1e999")
        if kind != "space":
            tokens.append((spelt[piece], "") if kind == "name" else ("", piece.translate(LOOKALIKES)))
    return tokens


def _formula_fault(tokens: Sequence[tuple[str, str]]) -> str:
    """Where the order of names, numbers and signs makes no sense; nothing where it does."""
    if len(tokens) > LONGEST_FORMULA:
        return f"it has {len(tokens):,} parts, more than {LONGEST_FORMULA}"
    depth, wants_value = 0, True
    for name, sign in tokens:
        starts = bool(name) or sign == "(" or sign not in "+-*/)"
        if starts and not wants_value:
            return f"no sign stands before {name or sign!r}"
        if not starts and wants_value and sign not in "+-":
            return f"nothing stands before {sign!r}"
        depth += (sign == "(") - (sign == ")")
        if not 0 <= depth <= DEEPEST_FORMULA:
            return "a bracket is closed that was not opened" if depth < 0 else "it is nested too deep"
        wants_value = not name and sign in "+-*/("
    return "it ends too early" if wants_value or depth else ""


def _unclear(text: str, wrong: str, hint: str = "") -> InventoryError:
    message = f"The formula {shown(text)} cannot be understood: {wrong}."
    expected, fix = "names of metrics, numbers, + - * / and brackets", hint or "Mend the formula or leave it empty."
    return InventoryError(message, column="formula", value=text, expected=expected, fix=fix)
