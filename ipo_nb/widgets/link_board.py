"""LinkBoard: draw the arrows of a map by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import pandas as pd

from ipo_nb.audit import audit_map
from ipo_nb.charts import map_chart
from ipo_nb.drawing import LANES, team_map
from ipo_nb.errors import BadOption, Conflict, IpoError, UnknownLink, nearest
from ipo_nb.evidence import Evidence
from ipo_nb.layout import order_lanes
from ipo_nb.links import IPOMap, Link, write_map
from ipo_nb.metrics import STAGES, Metric, name_key
from ipo_nb.reading import read_map
from ipo_nb.results import plain
from ipo_nb.widgets.board_view import board_view, team_part
from ipo_nb.widgets.window import SAVED, Unsaved, Window, arrow_name, module, style

__all__ = ["LinkBoard"]

MOST_BOXES = 100  # metrics from which a board opens by team
KEPT = 200  # edits that can be undone
T = TypeVar("T", Link, Metric)
Step = tuple[IPOMap, str, str]  # the map before an edit, the edit in words and as code
NO_FILE = "kept in this notebook; the map has no file yet (ipo.write_map gives it one)"


class LinkBoard(Window):
    """The map in three lanes: arrows are drawn, changed, deleted; a map that came from a file is saved there at once.

    Whatever the board does, its methods do as well; `.code` holds the lines that lead from the first map to this one.

    Parameters
    ----------
    ipo_map : the map to start from; the map as it stands is `.ipo_map`.
    evidence : what the data said of its links, shown on the arrows.
    suggestions : arrows that might be there, such as `screen.links()`: dotted, to be accepted or dismissed.
    team : show only the metrics of this team and those that they are linked to.
    outcome : light up what leads to this metric.

    Raises
    ------
    UnknownMetric, BadOption : an outcome or a team that the map does not have.
    """

    _esm = module("board.js", "link_board.js")
    _css = style("board.css")
    acts: ClassVar = (
        *("link", "change", "turn", "unlink", "move", "add_metric", "accept", "dismiss"),
        *("undo", "redo", "tidy", "show", "save"),
    )

    def __init__(
        self,
        ipo_map: IPOMap,
        evidence: Evidence | None = None,
        *,
        suggestions: Sequence[Link] = (),
        team: str = "",
        outcome: str = "",
    ) -> None:
        self.ipo_map, self.evidence = ipo_map, evidence
        self.suggestions = tuple(_spelt(link, ipo_map) for link in suggestions)
        self._past: list[Step] = []
        self._future: list[Step] = []
        self._lines: list[str] = []
        self._order: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self._chosen: dict[str, Any] = {}
        self._seen: tuple[int, int] | None = None  # the file as of when this map was last known to be what it holds
        self._unsaved = bool(ipo_map._past)
        self.team, self.outcome = self._known(team, outcome)
        super().__init__()

    # ---- what can be done; each act gives the words that are told ----------------------------------------

    def link(self, cause: str, effect: str, **said: Any) -> str:
        """Draw an arrow; an arrow that is there already is only chosen. `said` is what `ipo.Link` takes."""
        self._catch_up()
        link = _spelt(Link(cause, effect, **_taken(said)), self.ipo_map)
        name = arrow_name(link.cause, link.effect)
        self._choose("link", link.cause, link.effect)
        if self._has(cause, effect):
            self.redraw()
            return f"{name} is there already."
        return self._edit(lambda now: now.with_link(link), f"Linked {name}", f"with_link({_call(link)})")

    def change(self, cause: str, effect: str, **said: Any) -> str:
        """Say something else of an arrow: `sign`, `lag`, `why`, `matters`."""
        link = replace(self._newest(lambda now: now.link(cause, effect)), **_taken(said))
        done = f"Changed {', '.join(said)} of {arrow_name(link.cause, link.effect)}"
        return self._edit(lambda now: now.with_link(link), done, f"with_link({_call(replace(link, extra={}))})")

    def turn(self, cause: str, effect: str) -> str:
        """Turn an arrow round."""
        old = self._newest(lambda now: now.link(cause, effect))
        if self._has(effect, cause):
            said = f"{arrow_name(effect, cause)} is there already."
            raise BadOption(said, value=effect, fix="Delete one of the two.")
        new = replace(old, cause=old.effect, effect=old.cause)
        self._choose("link", new.cause, new.effect)
        words = f"without_link({cause!r}, {effect!r}).with_link({_call(new)})"
        return self._edit(lambda now: now.without_link(cause, effect).with_link(new), "Turned the arrow round", words)

    def unlink(self, cause: str, effect: str) -> str:
        """Delete an arrow."""
        gone = self._newest(lambda now: now.link(cause, effect))
        self._choose("metric", gone.cause)
        done = f"Deleted {arrow_name(gone.cause, gone.effect)}"
        return self._edit(lambda now: now.without_link(cause, effect), done, f"without_link({cause!r}, {effect!r})")

    def move(self, name: str, stage: str) -> str:
        """Put a metric into another lane."""
        metric = replace(self._newest(lambda now: now.metric(name)), stage=stage)
        self._choose("metric", metric.name)
        words = f"with_metric(replace(ipo_map.metric({name!r}), stage={stage!r}))  # from dataclasses import replace"
        return self._edit(lambda now: now.with_metric(metric), f"{metric.name} is now {_an(stage)}", words)

    def add_metric(self, name: str, stage: str, team: str = "") -> str:
        """Put another metric on the map."""
        self._catch_up()
        metric = Metric(name, stage, team=team)
        if metric.name in self.ipo_map.inventory:
            there = self.ipo_map.metric(metric.name).name
            raise BadOption(f"There is a metric called {there!r} already.", value=name, fix="Give it another name.")
        self._choose("metric", metric.name)
        words = f"with_metric(ipo.Metric({name!r}, {stage!r}{f', team={team!r}' if team else ''}))"
        return self._edit(lambda now: now.with_metric(metric), f"Added {metric.name}", words)

    def accept(self, cause: str, effect: str) -> str:
        """Put a suggested arrow on the map."""
        self._catch_up()
        link = self._suggested(cause, effect)
        self._choose("link", link.cause, link.effect)
        done = f"Accepted {arrow_name(link.cause, link.effect)}"
        return self._edit(lambda now: now.with_link(link), done, f"with_link({_call(link)})")

    def dismiss(self, cause: str, effect: str) -> str:
        """Take a suggested arrow from the board."""
        gone = self._suggested(cause, effect)
        self.suggestions = tuple(link for link in self.suggestions if link is not gone)
        self._choose("metric", gone.cause)
        self.redraw()
        return f"Dismissed {arrow_name(gone.cause, gone.effect)}; the map is as it was."

    def undo(self) -> str:
        """Take the last edit back."""
        self._catch_up()
        if not self._past:
            raise BadOption("There is nothing to undo.", fix="Only what was done on this board can be undone.")
        *past, (after, done, line) = self._past
        future = [*self._future, (self.ipo_map, done, line)]
        return self._put(after.following(self.ipo_map), f"Undone: {done}", past, future, self._lines[:-1])

    def redo(self) -> str:
        """Do again what was taken back."""
        self._catch_up()
        if not self._future:
            raise BadOption("There is nothing to do again.", fix="Only what was undone can be done again.")
        *future, (after, done, line) = self._future
        past = [*self._past, (self.ipo_map, done, line)]
        return self._put(after.following(self.ipo_map), f"Done again: {done}", past, future, [*self._lines, line])

    def tidy(self) -> str:
        """Order the lanes anew, so that arrows cross little."""
        self._order.clear()
        self.redraw()
        return "The lanes are ordered so that arrows cross little."

    def show(self, team: str | None = None, outcome: str | None = None) -> str:
        """Show one team's part of the map (all of it for an empty name), or what leads to one outcome."""
        known = self._known(team or "", outcome or "")
        self.team = self.team if team is None else known[0]
        self.outcome = self.outcome if outcome is None else known[1]
        self.redraw()
        return f"The board shows {self.team or 'all teams'}." if team is not None else ""

    def save(self) -> str:
        """Write the map to its file once more, where that failed before."""
        return self._save("Saved")

    # ---- what is shown -----------------------------------------------------------------------------------

    def picture(self) -> Any:
        return map_chart(self.ipo_map, self.evidence)

    def words(self) -> str:
        return self.ipo_map.text

    def rows(self) -> pd.DataFrame:
        return self.ipo_map.table

    def as_code(self) -> str:
        if not self._lines:
            return ""
        file = self.ipo_map.path
        saved = [] if file is None else [f"ipo.write_map(ipo_map, {file.name!r})"]
        return "\n".join([*self._lines, *saved])

    def drawn(self) -> Mapping[str, Any]:
        whole, inside = self.ipo_map, dict[str, tuple[str, ...]]()
        if not self.team and len(whole.metrics) > MOST_BOXES:
            whole, inside = team_map(whole)
        part = team_part(whole, self.team) if self.team else whole
        names = set(part.names)
        suggested = [link for link in self._open() if {link.cause, link.effect} <= names]
        evidence = None if inside else self.evidence
        order = self._ordered(part, suggested)
        seen = board_view(part, evidence, order=order, suggestions=suggested)
        findings = plain(audit_map(self.ipo_map).findings)
        teams = {name_key(m.team): m.team for m in reversed(self.ipo_map.metrics) if m.team.strip()}
        return {
            **seen,
            "title": self.ipo_map.title or "The map",
            "words": self.words(),
            "inside": {box: len(inside[box]) for box in inside},
            "box_team": {box: self.ipo_map.metric(found[0]).team for box, found in inside.items()},
            "findings": findings,
            "teams": sorted(teams.values()),
            "team": self.team,
            "outcome": self.outcome,
            "outcomes": [m.name for m in part.metrics if m.stage == "outcome"],
            "stages": [[stage, LANES[stage][0]] for stage in STAGES],
            "all": list(self.ipo_map.names),
            "undo": self._past[-1][1] if self._past else "",
            "redo": self._future[-1][1] if self._future else "",
            "chosen": self._chosen,
        }

    # ---- one truth: every edit is made on the newest map and goes to its file ----------------------------

    def _edit(self, edit: Callable[[IPOMap], IPOMap], done: str, line: str) -> str:
        lines = [*self._lines, f"ipo_map = ipo_map.{line}"]
        past = [*self._past, (self.ipo_map, done, lines[-1])][-KEPT:]
        return self._put(edit(self.ipo_map), done, past, [], lines)

    def _put(self, after: IPOMap, done: str, past: list[Step], future: list[Step], lines: list[str]) -> str:
        """Show another map and save it; where somebody else changed the same link in the file, all stays as it was."""
        kept = self.ipo_map, self._past, self._future, self._lines
        self.ipo_map, self._past, self._future, self._lines = after, past, future, lines
        try:
            return self._save(done)
        except Conflict:
            self.ipo_map, self._past, self._future, self._lines = kept
            self._seen, self._unsaved = None, False  # what the file holds is taken in before the next edit
            raise
        finally:
            self.redraw()

    def _save(self, done: str) -> str:
        path = self.ipo_map.path
        if path is None:
            return f"{done}; {NO_FILE}."
        try:
            write_map(self.ipo_map, path)
        except Conflict:
            raise
        except IpoError as fault:
            self._unsaved = True
            raise Unsaved(f"{done}, but not saved: {fault} It is kept in this notebook.", file=path) from fault
        self._seen = None if self._unsaved else _stamp(self.ipo_map)  # the file may hold what others wrote meanwhile
        self._unsaved = False
        return f"{done}. {SAVED}{path.name}."

    def _catch_up(self) -> None:
        """Take in what somebody else wrote to the file; what was done before that cannot be undone over it."""
        path, stamp = self.ipo_map.path, _stamp(self.ipo_map)
        if path is None or stamp is None or stamp == self._seen or self._unsaved:
            return
        newest, before = read_map(path), self.ipo_map
        self.ipo_map, self._seen = newest, stamp
        if newest.to_dict() != before.to_dict():
            self._past, self._future = [], []
            self.redraw()

    def _newest(self, part: Callable[[IPOMap], T]) -> T:
        """A link or metric as the file has it; raises Conflict where somebody else changed it since it was shown."""
        before = part(self.ipo_map)
        self._catch_up()
        now = part(self.ipo_map)
        if now != before:
            changes = [name for name in type(now).rules if getattr(now, name) != getattr(before, name)]
            said = [f"{name} is now {getattr(now, name)!r}" for name in changes]
            message = f"Somebody else changed this in the file meanwhile: {', '.join(said)}."
            raise Conflict(
                message, file=self.ipo_map.path, value=now, fix="It is shown now; do it again if still wanted."
            )
        return now

    # ---- small things ------------------------------------------------------------------------------------

    def _has(self, cause: str, effect: str) -> bool:
        try:
            return bool(self.ipo_map.link(cause, effect))
        except UnknownLink:
            return False

    def _open(self) -> list[Link]:
        """The suggestions that are not on the map, either way round."""
        drawn = {frozenset((link.cause, link.effect)) for link in self.ipo_map.links}
        return [
            link
            for link in self.suggestions
            if frozenset((link.cause, link.effect)) not in drawn
            and link.cause in self.ipo_map.inventory
            and link.effect in self.ipo_map.inventory
        ]

    def _suggested(self, cause: str, effect: str) -> Link:
        found = [link for link in self._open() if (link.cause, link.effect) == (cause, effect)]
        if not found:
            raise UnknownLink(cause, effect, known=[arrow_name(link.cause, link.effect) for link in self._open()])
        return found[0]

    def _choose(self, kind: str, *names: str) -> None:
        self._chosen = {"kind": kind, "names": list(names), "count": self._chosen.get("count", 0) + 1}

    def _known(self, team: str, outcome: str) -> tuple[str, str]:
        """A team and an outcome in the map's own spelling; raises where it has none of that name."""
        teams = {name_key(metric.team): metric.team for metric in reversed(self.ipo_map.metrics) if metric.team.strip()}
        if team and name_key(team) not in teams:
            raise BadOption(f"No metric is of the team {team!r}.", value=team, fix=nearest(team, [*teams.values()]))
        return teams[name_key(team)] if team else "", self.ipo_map.metric(outcome).name if outcome else ""

    def _ordered(self, part: IPOMap, suggested: Sequence[Link]) -> dict[str, list[str]]:
        """The order of the lanes, which an edit leaves as it was: a new metric comes last."""
        view = (self.team, "" if part is self.ipo_map else "part")
        lanes = {stage: [m.name for m in part.metrics if m.stage == stage] for stage in STAGES}
        if view not in self._order:
            self._order[view] = order_lanes(lanes, [(link.cause, link.effect) for link in (*part.links, *suggested)])
        before = {name: place for names in self._order[view].values() for place, name in enumerate(names)}
        late = len(part.metrics)
        self._order[view] = {stage: sorted(names, key=lambda n: before.get(n, late)) for stage, names in lanes.items()}
        return self._order[view]


def _taken(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says of a link, as a link takes it: whole numbers of lags, no size where none is given."""
    taken = dict(said)
    if "lag" in taken:
        taken["lag"] = tuple(taken["lag"])
    if taken.get("matters") == "":
        taken["matters"] = None
    return taken


def _call(link: Link) -> str:
    """The code that makes a link."""
    said = {name: getattr(link, name) for name in ("sign", "lag", "why", "matters", "since")}
    shown: dict[str, Any] = said | {"extra": dict(link.extra) or None}
    rest = [f"{name}={value!r}" for name, value in shown.items() if value not in ("", None)]
    return f"ipo.Link({', '.join([repr(link.cause), repr(link.effect), *rest])})"


def _spelt(link: Link, ipo_map: IPOMap) -> Link:
    """A link whose ends are spelt as the map spells them, where it has them."""
    known = [ipo_map.metric(name).name if name in ipo_map.inventory else name for name in (link.cause, link.effect)]
    return replace(link, cause=known[0], effect=known[1])


def _an(stage: str) -> str:
    return f"{'a' if stage == 'process' else 'an'} {stage}"


def _stamp(ipo_map: IPOMap) -> tuple[int, int] | None:
    """When the map's file was last written, and its size; nothing where there is none."""
    try:
        said = ipo_map.path.stat() if ipo_map.path else None
    except OSError:
        return None
    return (said.st_mtime_ns, said.st_size) if said else None
