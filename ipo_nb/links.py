"""Which metric is believed to move which, how late and why: the map of links, and the file that holds it."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from dataclasses import replace as changed
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from ipo_nb.errors import Conflict, InventoryError, IpoError, MapError, UnknownLink, nearest, raise_faults
from ipo_nb.mapfile import (
    Edits,
    Part,
    edit_text,
    new_text,
    only_writer,
    pair_key,
    parse_map,
    parse_text,
    put_file,
    read_text,
    row_part,
)
from ipo_nb.metrics import (
    CADENCES,
    Inventory,
    Metric,
    Rule,
    Taken,
    finite_number,
    name_key,
    row_faults,
    rule,
    shown,
    split_row,
    take_rows,
    text_fault,
    tidy_name,
    whole_number,
)
from ipo_nb.results import Result, plain

__all__ = [
    "DEFAULT_LAGS",
    "LONGEST_LAG",
    "PERIOD_WORDS",
    "DataSource",
    "IPOMap",
    "Link",
    "neighbours",
    "parse_map",
    "path_beside",
    "reached",
    "write_map",
]

DEFAULT_LAGS = (0, 8)
LONGEST_LAG = 400
PERIOD_WORDS = dict(zip(CADENCES, ("days", "weeks", "months", "quarters", "years"), strict=True))
SIGNS = ("+", "-", "?")
LOOKALIKES = {"−": "-", "–": "-", "＋": "+", "－": "-", "": "?"}
DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
LONGEST_PATH = 8
MOST_PATHS = 500
MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Link:
    """The belief that one metric moves another.

    Attributes
    ----------
    cause, effect : names of metrics.
    sign : `+` (both rise together), `-` (one rises, the other falls) or `?` (not claimed).
    lag : first and last period, in periods of the map, in which the effect may show; 0 is the same period.
    why : the story behind it.
    matters : the smallest effect worth knowing, in units of the effect per unit of the cause.
    since : the date when it became policy, such as `2024-03-01`, `2024-03` or `2024`.
    extra : whatever else the map file said about it.

    Raises
    ------
    MapError : a value cannot stand; says which, what was expected and one mend.

    >>> Link("Agents on shift", "Wait minutes", sign="-", lag=(0, 2)).lag
    (0, 2)
    """

    cause: str
    effect: str
    sign: str = "?"
    lag: tuple[int, int] = DEFAULT_LAGS
    why: str = ""
    matters: float | None = None
    since: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        tidy = _tidy_link({name: getattr(self, name) for name in LINK_RULES})
        raise_faults(_link_faults(tidy))
        for name, value in tidy.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """The link as in a map file; what says nothing is left out."""
        said = {"cause": self.cause, "effect": self.effect, "sign": self.sign, "lag": list(self.lag)}
        more = {"why": self.why, "matters": self.matters, "since": self.since}
        return said | {key: value for key, value in more.items() if value not in ("", None)} | dict(self.extra)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], **place: Any) -> Link:
        """A link from a row of a map file; unknown keys go to `extra`, `place` (file, line) into errors."""
        row, extra = split_row(cls, data)
        row = _tidy_link({"cause": "", "effect": ""} | row)
        raise_faults(_link_faults(row, **place))
        return cls(**row, extra=extra)


def _tidy_link(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same values in the form in which they are kept: one number as a lag window, a real minus as `-`."""
    tidy = dict(row)
    for name in ("cause", "effect", "sign"):
        if isinstance(tidy.get(name), str):
            tidy[name] = tidy_name(tidy[name])
            tidy[name] = LOOKALIKES.get(tidy[name], tidy[name]) if name == "sign" else tidy[name]
    lag = tidy.get("lag")
    ends = (lag, lag) if whole_number(lag) else lag
    if isinstance(ends, list | tuple):
        tidy["lag"] = tuple(int(end) if whole_number(end) else end for end in ends)
    if finite_number(tidy.get("matters")):
        tidy["matters"] = float(tidy["matters"])
    if isinstance(tidy.get("since"), dt.date):
        tidy["since"] = tidy["since"].isoformat()[:10]
    return tidy


def _lag_fault(lag: Any) -> str:
    if not (isinstance(lag, tuple) and len(lag) == 2 and all(map(whole_number, lag))):
        return "it is no lag window"
    if lag[0] > lag[1]:
        return "it ends before it starts"
    return "" if lag[0] >= 0 and lag[1] <= LONGEST_LAG else "it reaches too far"


END: Rule = (lambda value: text_fault(value, empty=False), "the name of a metric", "Name a metric of the map.")
LINK_RULES: dict[str, Rule] = {
    "cause": END,
    "effect": END,
    "sign": rule(
        lambda value: value in SIGNS,
        "it is no sign",
        '"+" (both rise together), "-" (one rises, the other falls) or "?" (not claimed)',
        'Write it in quotes, such as sign: "-".',
    ),
    "lag": (
        _lag_fault,
        f"two whole numbers of periods from 0 to {LONGEST_LAG}, the first not above the second",
        "Write it like lag: [0, 2].",
    ),
    "why": (lambda value: text_fault(value, lines=True), "text", "Retype it."),
    "matters": rule(
        lambda value: value is None or (finite_number(value) and value > 0),
        "it is no size",
        "a number above 0, in units of the effect per unit of the cause",
        "Mend it, or leave it out.",
    ),
    "since": rule(
        lambda value: value == "" or (isinstance(value, str) and bool(DATE.fullmatch(value))),
        "it is no date",
        "a date like 2024-03-01, 2024-03 or 2024",
        "Mend it, or leave it out.",
    ),
}


def _link_faults(row: Mapping[str, Any], **place: Any) -> list[IpoError]:
    """All that is wrong with the values of one link."""
    return row_faults(row, LINK_RULES, f"the link {_arrow(row['cause'], row['effect'])}", MapError, **place)


def _arrow(cause: Any, effect: Any) -> str:
    return f"{shown(cause)} -> {shown(effect)}"


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where the numbers of a map are.

    Attributes
    ----------
    file : the table of series, relative to the map file.
    time : the column, or columns, that say when; empty if the reader should find them.
    units : the columns that say which unit (site, ward) a row belongs to; empty if there is one.
    extra : whatever else the map file said about it.
    """

    file: str
    time: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("time", "units"):
            object.__setattr__(self, name, _names(getattr(self, name)))
        for value in (self.file, *self.time, *self.units):
            if wrong := text_fault(value, empty=False):
                message = f"The data source {shown(value)} cannot stand: {wrong}."
                fix = "Write it like data: {file: series.csv, time: week}."
                raise MapError(message, column="data", value=value, expected="file, time, units", fix=fix)

    def to_dict(self) -> dict[str, Any]:
        """The source as in a map file."""
        time = self.time[0] if len(self.time) == 1 else list(self.time)
        said = {"file": self.file, "time": time, "units": list(self.units)}
        return {key: value for key, value in said.items() if value} | dict(self.extra)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DataSource:
        """A source from its part of a map file; unknown keys go to `extra`."""
        row, extra = split_row(cls, data)
        return cls(**({"file": ""} | row), extra=extra)


def _names(value: Any) -> tuple[Any, ...]:
    """One name or a list of them; nothing is none."""
    if isinstance(value, list | tuple):
        return tuple(value)
    return () if value is None or value == "" else (value,)


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class IPOMap(Result):
    """A metric system as people believe it to be: its metrics, and which moves which.

    Attributes
    ----------
    metrics : all metrics, linked or not.
    links : at most one per cause and effect.
    title : what the map is of.
    cadence : the period in which lags are counted.
    objectives : the strategic goals.
    data : where the numbers are, if the map says so.
    path : the file that the map was read from, if any; widgets save there.
    inventory_file : the file with the metrics, relative to the map file, if they are not in the map itself.
    extra : whatever else the map file said.
    warnings : what was read but not understood, in sentences.

    Raises
    ------
    MapError, InventoryError : something cannot stand; all faults are told at once.

    >>> ipo_map = IPOMap(
    ...     [{"name": "Agents", "stage": "input"}, {"name": "Wait", "stage": "process"}],
    ...     [{"cause": "agents", "effect": "wait", "sign": "-", "lag": [0, 2]}],
    ... )
    >>> ipo_map.children("Agents"), ipo_map.link("Agents", "Wait").sign
    (('Wait',), '-')
    """

    metrics: tuple[Metric, ...]
    links: tuple[Link, ...]
    title: str
    cadence: str
    objectives: tuple[str, ...]
    data: DataSource | None
    path: Path | None
    inventory_file: str
    extra: Mapping[str, Any]
    warnings: tuple[str, ...]
    _listed: Mapping[str, Metric]  # as the inventory file has them
    _past: Mapping[Part, tuple[Any, ...]]  # what each part was when it was read, and before each edit
    inventory: Inventory = field(init=False)
    _index: Mapping[tuple[str, str], Link] = field(init=False)
    _parents: Mapping[str, tuple[str, ...]] = field(init=False)
    _children: Mapping[str, tuple[str, ...]] = field(init=False)
    _contents: Mapping[str, tuple[str, ...]] = field(init=False)

    def __init__(
        self,
        metrics: Inventory | Iterable[Metric | Mapping[str, Any]] = (),
        links: Iterable[Link | Mapping[str, Any]] = (),
        *,
        title: str = "",
        cadence: str = "weekly",
        objectives: Iterable[str] = (),
        data: DataSource | Mapping[str, Any] | None = None,
        path: Path | str | None = None,
        inventory_file: str = "",
        extra: Mapping[str, Any] | None = None,
        warnings: Sequence[str] = (),
        _listed: Mapping[str, Metric] | None = None,
    ) -> None:
        file = None if path is None else Path(path)
        inventory, taken, faults = _taken(metrics, links, file)
        fitted, wrong = _fitted(taken, inventory)
        names = _names(objectives)
        source = DataSource.from_dict(data) if isinstance(data, Mapping) else data
        files = {"inventory": inventory_file, "data": source.file if source else ""}
        raise_faults([*_head_faults(title, cadence, names, files, file), *faults, *wrong])
        contents, unclear = _formula_contents(inventory)
        listed = inventory if inventory_file and _listed is None else ()
        put: dict[str, Any] = {
            "metrics": inventory.metrics,
            "links": tuple(fitted),
            "title": title,
            "cadence": cadence,
            "objectives": names,
            "data": source,
            "path": file,
            "inventory_file": inventory_file,
            "extra": dict(extra or {}),
            "warnings": tuple(dict.fromkeys((*warnings, *unclear))),
            "inventory": inventory,
            "_listed": _listed or {name_key(item.name): item for item in listed},
            "_past": {},
            "_index": {pair_key(link.cause, link.effect): link for link in fitted},
            "_parents": neighbours((link.effect, link.cause) for link in fitted),
            "_children": neighbours((link.cause, link.effect) for link in fitted),
            "_contents": contents,
        }
        for name, value in put.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all metrics, in order."""
        return self.inventory.names

    @property
    def table(self) -> pd.DataFrame:
        """One row per link: cause, effect, sign, lag_from, lag_to (periods), why, matters, since."""
        columns = ["cause", "effect", "sign", "lag_from", "lag_to", "why", "matters", "since"]
        rows = [[x.cause, x.effect, x.sign, *x.lag, x.why, x.matters, x.since] for x in self.links]
        return pd.DataFrame(rows, columns=columns).astype(
            {"lag_from": "int64", "lag_to": "int64", "matters": "float64"}
        )

    @property
    def text(self) -> str:
        """How many links there are between how many metrics, and what was not understood."""
        linked = {name for link in self.links for name in (link.cause, link.effect)}
        links = "1 link" if len(self.links) == 1 else f"{len(self.links):,} links"
        count = f"{links} between {len(linked):,} of {len(self.metrics):,} metrics"
        said = f"{self.title or 'This map'} has {count}, lags counted in {PERIOD_WORDS[self.cadence]}."
        return " ".join([said, *self.warnings])

    def metric(self, name: str) -> Metric:
        """A metric by name; raises UnknownMetric."""
        return self.inventory[name]

    def link(self, cause: str, effect: str) -> Link:
        """A link by its ends; raises UnknownLink."""
        found = self._index.get(pair_key(cause, effect))
        if found is None:
            raise UnknownLink(cause, effect, known=[f"{x.cause} -> {x.effect}" for x in self.links])
        return found

    def parents(self, name: str) -> tuple[str, ...]:
        """The metrics that are said to move this one."""
        return self._parents.get(self.metric(name).name, ())

    def children(self, name: str) -> tuple[str, ...]:
        """The metrics that this one is said to move."""
        return self._children.get(self.metric(name).name, ())

    def paths(self, source: str, target: str) -> list[tuple[str, ...]]:
        """The ways from one metric to another that pass no metric twice, shortest first.

        At most 8 links long and 500 in number, so that a dense map stays readable.
        """
        start, end = self.metric(source).name, self.metric(target).name
        away = reached([end], self._parents)
        found: list[tuple[str, ...]] = []
        ring: list[tuple[str, ...]] = [(start,)]
        for length in range(1, LONGEST_PATH + 1):
            longer = (
                (*path, child)
                for path in ring
                for child in self._children.get(path[-1], ())
                if child not in path and length + away.get(child, LONGEST_PATH) <= LONGEST_PATH
            )
            ring = list(islice(longer, MOST_STEPS))
            found += [path for path in ring if path[-1] == end]
            ring = [path for path in ring if path[-1] != end]
            if len(found) >= MOST_PATHS:
                break
        return found[:MOST_PATHS]

    def is_identity(self, link: Link) -> bool:
        """Whether a link is arithmetic: one end's formula, or a formula within it, contains the other end."""
        cause, effect = self.metric(link.cause).name, self.metric(link.effect).name
        return cause in self.parts(effect) or effect in self.parts(cause)

    def parts(self, name: str) -> tuple[str, ...]:
        """The metrics in a metric's formula, and in the formulas of those."""
        return self._contents.get(self.metric(name).name, ())

    def with_link(self, link: Link) -> IPOMap:
        """This map with a link added, or put in the place of the one with its ends (whose `extra` stays)."""
        key = pair_key(link.cause, link.effect)
        if old := self._index.get(key):
            link = changed(link, extra={**old.extra, **link.extra})
        return self._edited(self.inventory, tuple({**self._index, key: link}.values()))

    def without_link(self, cause: str, effect: str) -> IPOMap:
        """This map without a link; raises UnknownLink."""
        gone = self.link(cause, effect)
        return self._edited(self.inventory, tuple(link for link in self.links if link is not gone))

    def with_metric(self, metric: Metric) -> IPOMap:
        """This map with a metric added, or put in the place of its namesake (whose `extra` stays)."""
        if metric.name in self.inventory:
            metric = changed(metric, extra={**self.metric(metric.name).extra, **metric.extra})
        return self._edited(_overlaid(self.inventory, [metric]), self.links)

    def _edited(self, metrics: Inventory, links: tuple[Link, ...]) -> IPOMap:
        return IPOMap(metrics, links, **_head(self), path=self.path).following(self)

    def following(self, before: IPOMap) -> IPOMap:
        """This map as an edit of another: it keeps that one's file, and saving knows what has been edited."""
        after = IPOMap(self.inventory, self.links, **_head(self), path=before.path, _listed=before._listed)
        mine, theirs = _parts(_file_form(after)), _parts(_file_form(before))
        edited = [part for part in mine.keys() | theirs.keys() if mine.get(part) != theirs.get(part)]
        past = {part: (*before._past.get(part, ()), theirs.get(part)) for part in edited}
        object.__setattr__(after, "_past", {**before._past, **past})
        return after

    def to_dict(self) -> dict[str, Any]:
        """The map in the schema of its file, all metrics in place."""
        return _form(_head(self), self.metrics, self.links)

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        *,
        metrics: Inventory | Sequence[Metric] | None = None,
        path: Path | str | None = None,
    ) -> IPOMap:
        """A map from the schema of its file.

        Parameters
        ----------
        data : as `to_dict` gives it or a map file says it.
        metrics : what the inventory file holds, if there is one; metrics in `data` stand above those.
        path : the file that it was read from.
        """
        file = None if path is None else Path(path)
        if not isinstance(data, Mapping):
            fix = "Start the map with ipo_map: 1 and a list of links."
            raise MapError(f"The map is {shown(data)}.", file=file, value=data, fix=fix)
        head, own = _head_from(data, file), data.get("metrics")
        if head["inventory_file"] and metrics is None and not own:
            message = f"The metrics are in {shown(head['inventory_file'])}."
            fix = "Read the map with read_map, which reads both."
            raise MapError(message, file=file, column="inventory", fix=fix)
        listed = metrics if isinstance(metrics, Inventory) else Inventory.of(metrics or ())
        if listed.metrics and own:
            own = _overlaid(listed, Inventory.of(_rows(own, "metrics", file), file=file))
        index = {name_key(item.name): item for item in listed}
        ipo_map = cls(own or listed, data.get("links") or (), path=file, _listed=index, **head)
        if file is not None:
            past = {part: (value,) for part, value in _parts(_file_form(ipo_map)).items()}
            object.__setattr__(ipo_map, "_past", past)
        return ipo_map


HEAD = ("title", "cadence", "objectives", "inventory_file", "data", "extra", "warnings")
MAP_KEYS = ("ipo_map", "title", "cadence", "objectives", "inventory", "data", "metrics", "links")


def _rows(value: Any, what: str, file: Path | None) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        message = f"The {what} are given as {type(value).__name__}."
        fix = "Put them in a list, one entry for each."
        raise MapError(message, file=file, column=what, value=value, expected=f"a list of {what}", fix=fix)
    return list(value)


def _taken(metrics: Any, links: Any, file: Path | None) -> tuple[Inventory, Taken, list[IpoError]]:
    """Metrics and links out of rows, and what is wrong with the rows of which none could be made."""
    found, faults = take_rows(Link, _rows(links, "links", file), "{cause: Agents on shift, effect: Wait minutes}", file)
    if isinstance(metrics, Inventory):
        return metrics, found, faults
    try:
        return Inventory.of(_rows(metrics, "metrics", file), file=file), found, faults
    except IpoError as error:  # without its metrics no link can be judged
        return Inventory(()), [], [*(error.faults or (error,)), *faults]


def _fitted(taken: Taken, inventory: Inventory) -> tuple[list[Link], list[IpoError]]:
    """The links with their metrics' own spelling; faults where one has no metric, one end, or a twin."""
    links: list[Link] = []
    faults: list[IpoError] = []
    seen: set[tuple[str, str]] = set()
    for link, place in taken:
        pair, ends = pair_key(link.cause, link.effect), (link.cause, link.effect)
        named = f"The link {_arrow(*ends)}"
        strangers = [name for name in dict.fromkeys(ends) if name not in inventory]
        wrong = [
            (f"names {shown(name)}, which is no metric of the inventory", name, nearest(name, inventory.names))
            for name in strangers
        ]
        if pair[0] == pair[1]:
            fix = "A metric's own past is always taken into account; remove the link."
            wrong.append(("leads from a metric to itself", ends[0], fix))
        elif pair in seen:
            wrong.append(("stands there twice", ends[0], "Keep one of them; its lag window may be as wide as both."))
        faults += [MapError(f"{named} {said}.", **place, value=name, fix=fix) for said, name, fix in wrong]
        if not wrong:
            spelt = inventory[ends[0]].name, inventory[ends[1]].name
            links.append(link if spelt == ends else changed(link, cause=spelt[0], effect=spelt[1]))
        seen.add(pair)
    return links, faults


def _head_faults(
    title: Any, cadence: Any, objectives: Sequence[Any], files: Mapping[str, Any], path: Path | None
) -> list[IpoError]:
    """What is wrong with the title, cadence, objectives and file names of a map."""
    found: list[IpoError] = []
    for column, value in (("title", title), *(("objectives", item) for item in objectives)):
        if wrong := text_fault(value, empty=column == "title", lines=True):
            message = f"The {column} {shown(value)} cannot stand: {wrong}."
            found.append(MapError(message, file=path, column=column, value=value, expected="text"))
    if cadence not in CADENCES:
        message = f"The cadence {shown(cadence)} is not known."
        fix = nearest(str(cadence), CADENCES)
        found.append(MapError(message, file=path, column="cadence", value=cadence, fix=fix))
    for column, name in files.items():
        try:
            path_beside(path, name or ".", column=column)
        except MapError as error:
            found.append(error)
    return found


def path_beside(path: Path | None, name: str, *, column: str = "file") -> Path:
    """A file named in a map file, which may not leave that file's folder; raises MapError where it does."""
    folder = Path() if path is None else Path(path).parent
    wrong = text_fault(name, empty=False)
    if not wrong:
        windows, posix = PureWindowsPath(name), PurePosixPath(name)
        leaves = windows.drive or windows.root or posix.is_absolute() or ".." in (*windows.parts, *posix.parts)
        inside = not leaves and (folder / name).resolve().is_relative_to(folder.resolve())
        wrong = "" if inside else "it leaves the folder of the map"
    if wrong:
        message = f"The path {shown(name)} cannot stand: {wrong}."
        fix = "Put the file beside the map and write its name, such as series.csv."
        raise MapError(message, file=path, column=column, value=name, fix=fix)
    return folder / name


def neighbours(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """For each first of some pairs all the seconds, in order."""
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return {one: tuple(others) for one, others in found.items()}


def reached(starts: Iterable[str], ways: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """All that ways lead to from some names, these included, with the number of steps."""
    distance = dict.fromkeys(starts, 0)
    for name in (ring := list(distance)):  # the list grows while it is walked: nearest first
        for other in ways.get(name, ()):
            if other not in distance:
                distance[other] = distance[name] + 1
                ring.append(other)
    return distance


def _formula_contents(inventory: Inventory) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """For each metric with a formula all metrics in it, nested ones too; and the formulas not understood."""
    direct: dict[str, tuple[str, ...]] = {}
    unclear = []
    for metric in inventory:
        try:
            formula = inventory.formula(metric.name)
            direct[metric.name] = formula.names if formula else ()
        except InventoryError as error:
            unclear.append(f"{metric.name}: {error}")
    contents = {}
    for name, names in direct.items():
        if names:
            contents[name] = tuple(part for part in reached([name], direct) if part != name)
    return contents, unclear


def _head(ipo_map: IPOMap) -> dict[str, Any]:
    return {name: getattr(ipo_map, name) for name in HEAD}


def _form(head: Mapping[str, Any], metrics: Iterable[Metric], links: Iterable[Link]) -> dict[str, Any]:
    """A map in the schema of its file; what says nothing is left out."""
    said = {key: head[key] for key in ("title", "cadence", "objectives")}
    said |= {"inventory": head["inventory_file"], "data": head["data"] and head["data"].to_dict()}
    said |= {"metrics": [item.to_dict() for item in metrics]}
    said = {key: value for key, value in said.items() if value} | {"links": [link.to_dict() for link in links]}
    form: dict[str, Any] = plain({"ipo_map": 1} | said | dict(head["extra"]))
    return form


def _file_form(ipo_map: IPOMap) -> dict[str, Any]:
    """A map in the schema of its file; metrics that the inventory file holds as they are stay there."""
    own = [item for item in ipo_map.metrics if ipo_map._listed.get(name_key(item.name)) != item]
    return _form(_head(ipo_map), own, ipo_map.links)


def _parts(form: Mapping[str, Any]) -> dict[Part, Any]:
    """The parts of a map that are edited, merged and saved one by one, in a form that can be compared."""
    parts: dict[Part, Any] = {(key,): value for key, value in form.items() if key not in ("metrics", "links")}
    parts |= {row_part("metrics", row): row for row in form.get("metrics", ())}
    links = {row_part("links", row): dict(row) for row in form.get("links", ())}
    for row in links.values():
        del row["cause"], row["effect"]
    return parts | links


def _head_from(data: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """The fields of a map that are neither metrics nor links."""
    version, source = data.get("ipo_map", 1), data.get("data")
    lines = getattr(data, "lines", {})
    if version != 1 or isinstance(version, bool):
        place: dict[str, Any] = {"file": file, "line": lines.get("ipo_map"), "column": "ipo_map"}
        fix = "Open it with a newer ipo_nb, or write ipo_map: 1."
        raise MapError(f"The map says it is of version {shown(version)}.", **place, value=version, fix=fix)
    if not isinstance(source, Mapping | None):
        place = {"file": file, "line": lines.get("data"), "column": "data"}
        fix = "Write it like data: {file: series.csv, time: week}."
        raise MapError(f"The data source is {shown(source)}.", **place, value=source, fix=fix)
    said = {key: value for key, value in data.items() if value is not None}
    return {
        "title": said.get("title", ""),
        "cadence": said.get("cadence", "weekly"),
        "objectives": _names(said.get("objectives")),
        "inventory_file": said.get("inventory", ""),
        "data": None if source is None else DataSource.from_dict(source),
        "extra": {key: value for key, value in data.items() if key not in MAP_KEYS},
        "warnings": _strangers(data),
    }


def _overlaid(listed: Inventory, own: Iterable[Metric]) -> Inventory:
    """An inventory with other metrics put in the place of their namesakes, or after them."""
    index = {name_key(item.name): item for item in own}
    merged = [index.pop(name_key(item.name), item) for item in listed]
    return Inventory((*merged, *index.values()), receipt=listed.receipt, path=listed.path)


def _strangers(data: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each key that nothing here understands; it is kept all the same."""
    sections: list[tuple[str, Sequence[str], Any]] = [
        ("the map", MAP_KEYS, [data]),
        ("data", [item.name for item in fields(DataSource)][:-1], [data.get("data")]),
        ("metrics", [item.name for item in fields(Metric)][:-1], data.get("metrics") or ()),
        ("links", [item.name for item in fields(Link)][:-1], data.get("links") or ()),
    ]
    said = []
    for section, known, rows in sections:
        strange: dict[str, list[int | None]] = {}
        for row in rows if isinstance(rows, list | tuple) else ():
            for key in set(row) - set(known) if isinstance(row, Mapping) else ():
                strange.setdefault(str(key), []).append(getattr(row, "lines", {}).get(key))
        for key, lines in sorted(strange.items()):
            place = f" (line {lines[0]})" if lines[0] else ""
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            near = nearest(key, known)
            hint = f" {near}" if near.startswith("Did") else ""
            said.append(f"The key {shown(key)} in {section}{place}{more} is not known, and is kept.{hint}")
    return tuple(said)


def write_map(ipo_map: IPOMap, path: Path | str, *, replace: bool = False) -> Path:
    """Save a map; YAML or JSON by the suffix.

    The file is whole at any time (written beside it, then put in its place). In a file that is there
    already only what was edited changes: comments, order and unknown keys stay. What others changed there
    since the map was read is kept, link by link.

    Parameters
    ----------
    ipo_map : what to save.
    path : where; relative names in the map count from its folder.
    replace : put this map in the place of whatever the file holds.

    Returns the path. Raises Conflict where the same link was changed on both sides, or where the file holds
    a map that this one was not read from; FileFault where the disk refuses.
    """
    file = Path(path)
    real = Path(os.path.realpath(file))
    with only_writer(real):
        if not real.exists() or (replace and not _is_map(real)):
            put_file(real, new_text(_form_at(ipo_map, real), real).encode())
            return file
        text, encoding = read_text(real)
        merged = _merged(ipo_map, text, real, replace)
        if merged != text:
            put_file(real, merged.encode(encoding))
    return file


def _is_map(file: Path) -> bool:
    with suppress(IpoError):
        _normal(parse_text(read_text(file)[0], file), file)  # the folder is held: nothing else may ask for it
        return True
    return False


def _form_at(ipo_map: IPOMap, file: Path) -> dict[str, Any]:
    """The map as its file shall say it; all metrics in place where the inventory file is not beside it."""
    if ipo_map.inventory_file and path_beside(file, ipo_map.inventory_file).is_file():
        return _file_form(ipo_map)
    return _form(_head(ipo_map) | {"inventory_file": ""}, ipo_map.metrics, ipo_map.links)


def _normal(data: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """What a file says, in the form in which a map says it; whether links fit the metrics is not asked."""
    own, taken, faults = _taken(data.get("metrics") or (), data.get("links") or (), file)
    pairs = {pair_key(link.cause, link.effect) for link, _ in taken}
    if len(pairs) < len(taken):
        faults.append(MapError("A link stands there twice.", file=file, fix="Keep one of them."))
    raise_faults(faults)
    return _form(_head_from(data, file), own, [link for link, _ in taken])


def _merged(ipo_map: IPOMap, text: str, file: Path, ours_wins: bool) -> str:
    """The text of the file with this map's edits in it; raises Conflict where both sides changed the same."""
    theirs, form = _parts(_normal(parse_text(text, file), file)), _form_at(ipo_map, file)
    ours = _parts(form)
    was_read = ipo_map.path is not None and os.path.realpath(ipo_map.path) == str(file)
    edits: Edits = {}
    clashes: list[Part] = []
    for part in dict.fromkeys((*ours, *theirs)):
        here, there = ours.get(part), theirs.get(part)
        past = ipo_map._past.get(part, (None,))
        untouched = was_read and len(past) == 1 and here == past[0]
        if here == there or (untouched and not ours_wins):
            continue
        if ours_wins or there in past:
            edits[part] = (there, here)
        else:
            clashes.append(part)
    raise_faults(_conflicts(clashes, ours, theirs, file, was_read))
    after = {part: value for part, value in theirs.items() if part not in edits}
    after |= {part: here for part, (_, here) in edits.items() if here is not None}
    rows = {row_part(key, row): row for key in ("metrics", "links") for row in form.get(key, ())}
    return edit_text(text, file, edits, rows, lambda new: _parts(_normal(new, file)) == after)


def _conflicts(
    clashes: Sequence[Part], ours: Mapping[Part, Any], theirs: Mapping[Part, Any], file: Path, was_read: bool
) -> list[Conflict]:
    if clashes and not was_read:
        links = sum(part[0] == "links" for part in theirs)
        message = f"The file holds another map, with {links:,} links, that this one was not read from."
        fix = "Choose another name, or say write_map(..., replace=True)."
        return [Conflict(message, file=file, fix=fix)]
    found = []
    for part in clashes:
        here, there = ours.get(part), theirs.get(part)
        name = {"links": "link ", "metrics": "metric "}.get(part[0], "") + " -> ".join(part[len(part) > 1 :])
        sides = [shown(side) if side is not None else "nothing" for side in (here, there)]
        message = f"The {name} was changed on both sides: here to {sides[0]}, in the file to {sides[1]}."
        fix = "Read the map again and make the change there, if it is still wanted."
        found.append(Conflict(message, file=file, value={"here": here, "file": there}, fix=fix))
    return found
