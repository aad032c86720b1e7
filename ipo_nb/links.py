"""Which metric is believed to move which, how late and why: the map of links, and the file that holds it."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from dataclasses import replace as changed
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, ClassVar

import pandas as pd

from ipo_nb.errors import Conflict, IpoError, MapError, UnknownLink, nearest, raise_faults, tried
from ipo_nb.mapfile import (
    SECTIONS,
    Part,
    check_suffix,
    edit_text,
    new_text,
    only_writer,
    parse_text,
    parts_of,
    put_file,
    read_text,
)
from ipo_nb.metrics import (
    CADENCE,
    CADENCES,
    TEXT,
    Entry,
    Inventory,
    Metric,
    Rule,
    Taken,
    finite_number,
    name_fault,
    name_key,
    names_of,
    number,
    one_line,
    shown,
    take_rows,
    text_fault,
    unless,
    whole_number,
)
from ipo_nb.results import Result, plain

__all__ = [
    *("DEFAULT_LAGS", "LONGEST_LAG", "PERIOD_WORDS", "DataSource", "IPOMap", "Link"),
    *("changed_twice", "neighbours", "path_beside", "reached", "write_map"),
]

DEFAULT_LAGS = (0, 8)
LONGEST_LAG = 400
PERIOD_WORDS = dict(zip(CADENCES, ("days", "weeks", "months", "quarters", "years"), strict=True))
LOOKALIKES = {"−": "-", "–": "-", "＋": "+", "－": "-", "": "?"}
DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
LONGEST_PATH = 8
MOST_PATHS = 500
MOST_STEPS = 20_000


def _tidy_lag(lag: Any) -> Any:
    ends = (lag, lag) if whole_number(lag) else lag
    return tuple(int(end) if whole_number(end) else end for end in ends) if isinstance(ends, list | tuple) else lag


def _lag_fault(lag: Any) -> str:
    if not (isinstance(lag, tuple) and len(lag) == 2 and all(map(whole_number, lag))):
        return "it is no lag window"
    if lag[0] > lag[1]:
        return "it ends before it starts"
    return "" if lag[0] >= 0 and lag[1] <= LONGEST_LAG else "it reaches too far"


END = Rule(name_fault, "the name of a metric", "Name a metric of the map.", one_line)
SIGN = Rule(
    unless(("+", "-", "?").__contains__, "it is no sign"),
    '"+" (both rise together), "-" (one rises, the other falls) or "?" (not claimed)',
    'Write it in quotes, such as sign: "-".',
    lambda value: LOOKALIKES.get(one_line(value), one_line(value)) if isinstance(value, str) else value,
)
LAG_WINDOW = f"two whole numbers of periods from 0 to {LONGEST_LAG}, the first not above the second"
LAG = Rule(_lag_fault, LAG_WINDOW, "Write it like lag: [0, 2].", _tidy_lag)
EFFECT_SIZE = "a number above 0, in units of the effect per unit of the cause"
SIZE = number(lambda value: finite_number(value) and value > 0, EFFECT_SIZE, float)
DAY = Rule(
    unless(lambda value: isinstance(value, str) and DATE.fullmatch(value) is not None, "it is no date"),
    "a date like 2024-03-01, 2024-03 or 2024",
    "Mend it, or leave it out.",
    lambda value: value.isoformat()[:10] if isinstance(value, dt.date) else value,
)


def _arrow(cause: Any, effect: Any) -> str:
    return f"{shown(cause)} -> {shown(effect)}"


@dataclass(frozen=True, slots=True)
class Link(Entry):
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

    cause: Annotated[str, END]
    effect: Annotated[str, END]
    sign: Annotated[str, SIGN] = "?"
    lag: Annotated[tuple[int, int], LAG] = DEFAULT_LAGS
    why: Annotated[str, TEXT] = ""
    matters: Annotated[float | None, SIZE] = None
    since: Annotated[str, DAY] = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    kind: ClassVar = MapError
    like: ClassVar = "{cause: Agents on shift, effect: Wait minutes}"
    called: ClassVar = "the link {cause} -> {effect}"


def _any_fault(values: Iterable[Any], *, lines: bool = False) -> str:
    return next(filter(None, (text_fault(value, empty=False, lines=lines) for value in values)), "")


def _path_fault(name: Any) -> str:
    if wrong := name_fault(name):
        return wrong
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    leaves = windows.drive or windows.root or posix.is_absolute() or ".." in (*windows.parts, *posix.parts)
    return "it leaves the folder of the map" if leaves else ""


def path_beside(path: Path | None, name: str, *, column: str = "file") -> Path:
    """A file named in a map file, which may not leave that file's folder; raises MapError where it does."""
    folder = Path() if path is None else Path(path).parent
    wrong = _path_fault(name)
    if not wrong and not (folder / name).resolve().is_relative_to(folder.resolve()):  # a link to elsewhere
        wrong = "it leaves the folder of the map"
    if wrong:
        message = f"The path {shown(name)} cannot stand: {wrong}."
        raise MapError(message, file=path, column=column, value=name, fix=str(PATH.mend))
    return folder / name


PATH = Rule(_path_fault, "a file beside the map", "Put the file beside the map and write its name, such as series.csv.")
NAMES = Rule(_any_fault, "a name, or a list of names", "Mend it, or leave it out.", names_of)
GOALS = NAMES._replace(fault=lambda values: _any_fault(values, lines=True))


@dataclass(frozen=True, slots=True)
class DataSource(Entry):
    """Where the numbers of a map are.

    Attributes
    ----------
    file : the table of series, relative to the map file.
    time : the column, or columns, that say when; empty if the reader should find them.
    units : the columns that say which unit (site, ward) a row belongs to; empty if there is one.
    extra : whatever else the map file said about it.
    """

    file: Annotated[str, PATH]
    time: Annotated[tuple[str, ...], NAMES] = ()
    units: Annotated[tuple[str, ...], NAMES] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    kind: ClassVar = MapError
    called: ClassVar = "the data source {file}"

    def to_dict(self) -> dict[str, Any]:
        """The source as in a map file."""
        said = Entry.to_dict(self)
        return said | ({"time": self.time[0]} if len(self.time) == 1 else {})


def _version_fault(value: Any) -> str:
    return "" if value == 1 and not isinstance(value, bool) else f"nothing is known of maps of version {shown(value)}"


VERSION = Rule(_version_fault, "1", "Open it with a newer ipo_nb, or write ipo_map: 1.")
DATA = Rule(
    unless(lambda value: isinstance(value, DataSource), "it is no data source"),
    "file, time, units",
    "Write it like data: {file: series.csv, time: week}.",
    lambda value: DataSource.from_dict(value) if isinstance(value, Mapping) else value,
)


@dataclass(frozen=True, slots=True)
class _Head(Entry):
    """What a map file says beside metrics and links."""

    ipo_map: Annotated[int, VERSION] = 1
    title: Annotated[str, TEXT] = ""
    cadence: Annotated[str, CADENCE] = "weekly"
    objectives: Annotated[tuple[str, ...], GOALS] = ()
    inventory: Annotated[str, PATH] = ""
    data: Annotated[DataSource | None, DATA] = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    kind: ClassVar = MapError
    beside: ClassVar = SECTIONS
    called: ClassVar = "the map"


@dataclass(frozen=True, eq=False, repr=False, init=False)
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
    inventory: Inventory
    _head: _Head
    _contents: Mapping[str, tuple[str, ...]]  # of formulas
    _listed: Mapping[str, Metric]  # as the inventory file has them
    _past: Mapping[Part, tuple[Any, ...]] | None  # what was there before each edit since reading

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
    ) -> None:
        said = {"title": title, "cadence": cadence, "objectives": objectives, "inventory": inventory_file, "data": data}
        head, faults = tried(_Head.from_dict, said | dict(extra or {}), file=path)
        self._fill(head, faults, metrics, links, None if path is None else Path(path), warnings)

    def _fill(
        self, head: Any, faults: list[IpoError], metrics: Any, links: Any, path: Path | None, warnings: Sequence[str]
    ) -> None:
        """Put all that a map holds in its place, once nothing in it is wrong."""
        taken, wrong = take_rows(Link, _rows(links, "links", path), path)
        given, nameless = (metrics, []) if isinstance(metrics, Inventory) else tried(_inventory, metrics, path)
        fitted, unfit = ([], []) if given is None else _fitted(taken, given)  # without metrics no link can be judged
        raise_faults([*faults, *nameless, *wrong, *unfit])
        inventory = given or Inventory(())
        contents, unclear = _formula_contents(inventory)
        head = head or _Head()
        put = {name: getattr(head, name) for name in ("title", "cadence", "objectives", "data", "extra")}
        put |= {"metrics": inventory.metrics, "links": tuple(fitted), "path": path, "inventory_file": head.inventory}
        put |= {"warnings": tuple(dict.fromkeys((*warnings, *unclear))), "inventory": inventory, "_contents": contents}
        put |= {"_head": head, "_listed": _by_key(inventory) if head.inventory else {}, "_past": None}
        self.__dict__.update(put)

    @cached_property
    def _index(self) -> dict[Part, Link]:
        return {_link_part(link.cause, link.effect): link for link in self.links}

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        return neighbours((link.effect, link.cause) for link in self.links)

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        return neighbours((link.cause, link.effect) for link in self.links)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all metrics, in order."""
        return self.inventory.names

    @property
    def table(self) -> pd.DataFrame:
        """One row per link: cause, effect, sign, lag_from, lag_to (periods), why, matters, since."""
        columns = ["cause", "effect", "sign", "lag_from", "lag_to", "why", "matters", "since"]
        rows = [[x.cause, x.effect, x.sign, *x.lag, x.why, x.matters, x.since] for x in self.links]
        kinds = {"lag_from": "int64", "lag_to": "int64", "matters": "float64"}
        return pd.DataFrame(rows, columns=columns).astype(kinds)

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
        found = self._index.get(_link_part(cause, effect))
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
        part = _link_part(link.cause, link.effect)
        if old := self._index.get(part):
            link = changed(link, extra={**old.extra, **link.extra})
        return self._edited(self.inventory, {**self._index, part: link}.values())

    def without_link(self, cause: str, effect: str) -> IPOMap:
        """This map without a link; raises UnknownLink."""
        gone = self.link(cause, effect)
        return self._edited(self.inventory, [link for link in self.links if link is not gone])

    def with_metric(self, metric: Metric) -> IPOMap:
        """This map with a metric added, or put in the place of its namesake (whose `extra` stays)."""
        return self._edited(self.inventory.with_metric(metric), self.links)

    def with_inventory(self, inventory: Inventory) -> IPOMap:
        """This map with other metrics; raises MapError where a link would lose an end."""
        gone = [key for key in self._listed if key not in _by_key(inventory)]
        if gone:
            message = f"The metric {shown(self._listed[gone[0]].name)} stands in {self.inventory_file}."
            raise MapError(message, column="metrics", fix="Delete or rename it in that file.")
        return self._edited(inventory, self.links)

    def _edited(self, metrics: Inventory, links: Iterable[Link]) -> IPOMap:
        after = IPOMap.__new__(IPOMap)
        after._fill(self._head, [], metrics, links, self.path, self.warnings)
        return after.following(self)

    def following(self, before: IPOMap) -> IPOMap:
        """This map as an edit of another: it keeps that one's file, and saving knows what has been edited."""
        after = copy(self)
        after.__dict__.update(path=before.path, _listed=before._listed, _past=before._past)
        if before._past is not None:
            mine, theirs = _parts(after), _parts(before)
            edited = [part for part in {**theirs, **mine} if mine.get(part) != theirs.get(part)]
            past = {part: (*before._past.get(part, ()), theirs.get(part)) for part in edited}
            after.__dict__.update(_past={**before._past, **past})
        return after

    def without_file(self) -> IPOMap:
        """This map as if it had come from no file, so that no widget saves over it."""
        after = copy(self)
        after.__dict__.update(path=None, _past=None, inventory=changed(self.inventory, path=None, _past=None))
        return after

    def to_dict(self) -> dict[str, Any]:
        """The map in the schema of its file, all metrics in place."""
        rows = {name: [item.to_dict() for item in getattr(self, name)] for name in SECTIONS}
        said: dict[str, Any] = plain(self._head.to_dict() | rows)
        return said

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, metrics: Inventory | None = None, path: Path | str | None = None
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
        head, faults = tried(_Head.from_dict, data, file=file)
        own = data.get("metrics")
        if head and head.inventory and metrics is None and not own:
            message = f"The metrics are in {shown(head.inventory)}."
            fix = "Read the map with read_map, which reads both."
            raise MapError(message, file=file, column="inventory", fix=fix)
        listed = metrics or Inventory(())
        if listed.metrics and own:
            own = _overlaid(listed, _inventory(own, file))
        ipo_map = cls.__new__(cls)
        ipo_map._fill(head, faults, own or listed, data.get("links") or (), file, _strangers(data))
        ipo_map.__dict__.update(_listed=_by_key(listed), _past={} if file else None)
        return ipo_map


def _link_part(cause: str, effect: str) -> Part:
    return "links", name_key(cause), name_key(effect)


def _by_key(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {name_key(metric.name): metric for metric in metrics}


def _rows(value: Any, what: str, file: Path | None) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        message = f"The {what} are given as {type(value).__name__}."
        fix = "Put them in a list, one entry for each."
        raise MapError(message, file=file, column=what, value=value, expected=f"a list of {what}", fix=fix)
    return list(value)


def _inventory(metrics: Any, file: Path | None) -> Inventory:
    return Inventory.of(_rows(metrics, "metrics", file), file=file)


def _fitted(taken: Taken, inventory: Inventory) -> tuple[list[Link], list[IpoError]]:
    """The links with their metrics' own spelling; faults where one has no metric, one end, or a twin."""
    links: list[Link] = []
    faults: list[IpoError] = []
    seen: set[Part] = set()
    for link, place in taken:
        part, ends = _link_part(link.cause, link.effect), (link.cause, link.effect)
        strangers = [name for name in dict.fromkeys(ends) if name not in inventory]
        wrong = [
            (f"names {shown(name)}, which is no metric of the inventory", name, nearest(name, inventory.names))
            for name in strangers
        ]
        if part[1] == part[2]:
            fix = "A metric's own past is always taken into account; remove the link."
            wrong.append(("leads from a metric to itself", ends[0], fix))
        elif part in seen:
            wrong.append(("stands there twice", ends[0], "Keep one of them; its lag window may be as wide as both."))
        named = f"The link {_arrow(*ends)}"
        faults += [MapError(f"{named} {said}.", **place, value=name, fix=fix) for said, name, fix in wrong]
        if not wrong:
            spelt = inventory[ends[0]].name, inventory[ends[1]].name
            links.append(link if spelt == ends else changed(link, cause=spelt[0], effect=spelt[1]))
        seen.add(part)
    return links, faults


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
        formula, wrong = tried(inventory.formula, metric.name)
        direct[metric.name] = formula.names if formula else ()
        unclear += [f"{metric.name}: {fault}" for fault in wrong]
    inside = {name: reached([name], direct) for name, names in direct.items() if names}
    return {name: tuple(part for part in parts if part != name) for name, parts in inside.items()}, unclear


def _parts(ipo_map: IPOMap, *, whole: bool = False) -> dict[Part, Any]:
    """What is edited, merged and saved one by one: the head, metrics that the inventory file does not hold, links.

    With `whole` all metrics, and no inventory file.
    """
    head = changed(ipo_map._head, inventory="") if whole else ipo_map._head
    listed = {} if whole else ipo_map._listed
    parts: dict[Part, Any] = {(key,): value for key, value in plain(head.to_dict()).items()}
    own = {key: metric for key, metric in _by_key(ipo_map.metrics).items() if listed.get(key) != metric}
    return parts | {("metrics", key): metric for key, metric in own.items()} | ipo_map._index


def _overlaid(listed: Inventory, own: Iterable[Metric]) -> Inventory:
    """An inventory with other metrics put in the place of their namesakes, or after them."""
    index = {name_key(item.name): item for item in own}
    merged = [index.pop(name_key(item.name), item) for item in listed]
    return changed(listed, metrics=(*merged, *index.values()))


def _strangers(data: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each key that nothing here understands; it is kept all the same."""
    sections: list[tuple[str, Sequence[str], Any]] = [
        ("the map", (*_Head.rules, *SECTIONS), [data]),
        ("data", tuple(DataSource.rules), [data.get("data")]),
        ("metrics", tuple(Metric.rules), data.get("metrics")),
        ("links", tuple(Link.rules), data.get("links")),
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
    check_suffix(real)
    with only_writer(real):
        beside = bool(ipo_map.inventory_file) and path_beside(real, ipo_map.inventory_file).is_file()
        ours, text, encoding = _parts(ipo_map, whole=not beside), "", "utf-8"
        try:
            text, encoding = read_text(real)
            merged = edit_text(text, real, _merged(ipo_map, ours, parse_text(text, real), real, replace))
        except IpoError:
            if real.exists() and not replace:
                raise
            merged = new_text({part: _row(value) for part, value in ours.items()}, real)
        if merged != text:
            put_file(real, merged.encode(encoding))
    return file


def _row(value: Any) -> Any:
    return plain(value.to_dict()) if isinstance(value, Entry) else value


def _said(part: Part, value: Any, file: Path | None = None) -> Any:
    """A part in the form in which it can be compared, from a map or from a row of its file."""
    if value is None or len(part) == 1:
        return value
    kind = Metric if part[0] == "metrics" else Link
    entry = value if isinstance(value, kind) else kind.from_dict(value, file=file, line=getattr(value, "line", None))
    return _row(entry) | dict(zip(("cause", "effect"), part[1:], strict=False) if kind is Link else ())


def _merged(
    ipo_map: IPOMap, ours: Mapping[Part, Any], data: Mapping[str, Any], file: Path, replace: bool
) -> dict[Part, Any]:
    """The parts of a file with this map's edits in them; raises Conflict where both sides changed the same."""
    for section, kind in zip(SECTIONS, (Metric, Link), strict=True):
        rows = _rows(data.get(section), section, file)
        raise_faults(take_rows(kind, [row for row in rows if not isinstance(row, Mapping)], file)[1])
    parts = parts_of(data)
    theirs = {part: row for part, row in parts.items() if len(part) > 1}
    theirs |= {(key,): value for key, value in _Head.from_dict(data, file=file).to_dict().items()}
    past = ipo_map._past if ipo_map.path and os.path.realpath(ipo_map.path) == str(file) else None
    clashes: list[tuple[Part, Any, Any]] = []
    for part in {**ours, **theirs} if past is None or replace else past:
        here, there = _said(part, ours.get(part)), _said(part, theirs.get(part), file)
        known = [_said(part, value) for value in (past or {}).get(part, (None,))]
        if here != there and not replace and there not in known:
            clashes.append((part, here, there))
        elif here is None:
            parts.pop(part, None)
        elif here != there and there and len(part) > 1:
            change = {key: value for key, value in here.items() if value != there.get(key)}
            gone = there.keys() - here.keys()
            parts[part] = {key: value for key, value in (parts[part] | change).items() if key not in gone}
        elif here != there:
            parts[part] = _row(ours[part])
    if clashes and past is None:
        links = sum(part[0] == "links" for part in theirs)
        message = f"The file holds another map, with {links:,} links, that this one was not read from."
        raise Conflict(message, file=file, fix="Choose another name, or say write_map(..., replace=True).")
    raise_faults([changed_twice(*clash, file) for clash in clashes])
    return parts


def changed_twice(part: Part, here: Any, there: Any, file: Path) -> Conflict:
    """The error of a part of a file that was changed both here and, by others, there."""
    name = {"links": "link ", "metrics": "metric "}.get(part[0], "") + " -> ".join(part[len(part) > 1 :])
    sides = [shown(side) if side is not None else "nothing" for side in (here, there)]
    message = f"The {name} was changed on both sides: here to {sides[0]}, in the file to {sides[1]}."
    fix = "Read the file again and make the change there, if it is still wanted."
    return Conflict(message, file=file, value={"here": here, "file": there}, fix=fix)
