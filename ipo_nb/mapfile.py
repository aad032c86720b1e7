"""The text of a map file: read strictly, edited piece by piece so that nothing else in it changes, saved whole."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ipo_nb.errors import FileFault, MapError
from ipo_nb.metrics import name_key, shown

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    *("SECTIONS", "Part", "check_suffix", "edit_text", "new_text", "only_writer"),
    *("parse_map", "parse_text", "parts_of", "put_file", "read_text"),
]

Part = tuple[str, ...]  # what is saved by itself: ("title",), ("links", cause, effect), ("metrics", name)
SECTIONS = ("metrics", "links")
LARGEST_MAP = 5_000_000
DEEPEST = 30
TEXTS = {  # what is text however it looks, by section
    "": "title cadence inventory objectives",
    "data": "file time units",
    "links": "cause effect sign why since",
    "metrics": "name stage team owner unit better cadence aggregate objective formula definition",
}
TEXT_PATHS = {(section, key) if section else (key,) for section, keys in TEXTS.items() for key in keys.split()}
NUMBER = re.compile(r"-?(0|[1-9]\d{0,999})(\.\d+)?([eE][+-]?\d{1,3})?")
COLON = re.compile(r"\s*:")
CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
CUT_OFF = "the file ends in the middle", "It seems cut off: take it from a backup."
TOO_DEEP = f"it is nested more than {DEEPEST} deep", "Make it flatter."
OWN_STYLE = "it has a style of its own", "", None
ODD_SIGN = "it holds a character that YAML does not allow", "Retype it."
PROBLEMS = {  # what the YAML reader says, in plain words with a mend
    "cannot start any": ("a tab or sign stands where a value should start", "Indent by spaces; quote text."),
    "entries are not allowed": ("a bare - means a list entry", 'Write it in quotes, such as sign: "-".'),
    "expected node content": ("a bare sign stands where a value should", 'Write it in quotes, such as sign: "?".'),
    "values are not allowed": ("a second colon stands on the line", "Quote text that holds a colon."),
    "nesting depth": TOO_DEEP,
    "character escape": ODD_SIGN,
}


class _Place(NamedTuple):
    """Where a key of a map stands: line in the map, start; where its value starts, behind the colon, and ends."""

    line: int
    key: int
    start: int
    end: int


class _Row(dict[str, Any]):
    """A map in a map file that knows its line, its end in the text, and where its keys are."""

    __slots__ = ("end", "is_flow", "line", "part", "places")

    def __init__(self, line: int, is_flow: bool = False) -> None:
        self.line, self.is_flow, self.end = line, is_flow, 0
        self.part: Part = ()  # worked out once, where it is an entry
        self.places: dict[str, _Place] = {}

    @property
    def lines(self) -> dict[str, int]:
        """The lines of the keys."""
        return {key: self.line + place.line for key, place in self.places.items()}


class _Unread(Exception):
    """What is wrong with a text, a mend, and the line."""


def parse_map(path: Path | str) -> dict[str, Any]:
    """A map file as plain data, by its suffix YAML 1.2 (.yml, .yaml) or JSON (.json).

    Names, times and the like are text as written (`NO`, `010`, `1:30`); rows know their `line`.
    Raises FileFault where there is nothing to read, MapError where the text cannot stand.
    """
    file = Path(path)
    text, _ = read_text(file)
    if _beside(file).exists():  # a save was killed; what it left is of no use
        with only_writer(file), suppress(OSError):
            _beside(file).unlink()
    return parse_text(text, file)


def parse_text(text: str, file: Path) -> dict[str, Any]:
    """The text of a map file as plain data; raises MapError with its line."""
    try:
        data = _json_data(text) if file.suffix.lower() == ".json" else _yaml_data(text)
        if not isinstance(data, dict):
            raise _Unread("it holds no keys", "Start it with ipo_map: 1 and a list of links.", 1)
    except _Unread as error:
        wrong, fix, line = error.args
        raise MapError(f"The map cannot be read: {wrong}.", file=file, line=line, fix=fix) from None
    return data


def check_suffix(file: Path) -> None:
    """Refuse what is no map file by its name; raises FileFault."""
    if file.suffix.lower() not in (".yml", ".yaml", ".json"):
        fix = "Name it map.yml or map.json."
        raise FileFault(f"The suffix {file.suffix!r} is of no map file.", file=file, value=file.suffix, fix=fix)


def read_text(file: Path) -> tuple[str, str]:
    """The text of a map file and its encoding; raises FileFault."""
    check_suffix(file)
    try:
        raw = file.read_bytes() if file.stat().st_size <= LARGEST_MAP else None
    except (OSError, ValueError) as error:
        fix = "See whether the name is right and the file may be read."
        raise FileFault(f"There is no map to read: {_reason(error)}.", file=file, fix=fix) from None
    if raw is None or not raw.strip():
        wrong = "is empty" if raw is not None else f"has more than {LARGEST_MAP:,} bytes"
        raise FileFault(f"The map file {wrong}.", file=file, fix="Take it from a backup, or begin a new one.")
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        return raw.decode(encoding), encoding
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileFault("The map file is not UTF-8.", file=file, line=line, fix="Save it as UTF-8.") from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


# ---- YAML to data -------------------------------------------------------------------------------------------

KINDS = {"ScalarEvent": "text", "SequenceStartEvent": "list", "MappingStartEvent": "map"}
KINDS |= {"SequenceEndEvent": "end", "MappingEndEvent": "end"}
Event = tuple[str, Any]  # its kind, and what the YAML reader says of it


def _load(text: str, *above: str) -> Any:
    """A YAML text under some keys as data. Text stays text; elsewhere only what is surely one is a number."""
    events = _events(text)
    first = next(events, None)
    value = _value(text, events, first, above)[0] if first else None
    next(events, None)  # there is no more, or it is refused
    return value


def _events(text: str) -> Iterator[Event]:
    """What the YAML reader finds: no tags, no aliases, bounded depth."""
    import yaml  # type: ignore[import-untyped]

    depth = documents = 0
    try:
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            line = event.start_mark.line + 1
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise _Unread("a second document begins", "Keep one map to a file.", line)
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                fix = "Write the value itself, without & * or !."
                raise _Unread("anchors, aliases and tags are not taken", fix, line)
            if kind := KINDS.get(type(event).__name__):
                depth += {"text": 0, "end": -1}.get(kind, 1)
                if depth > DEEPEST:
                    raise _Unread(*TOO_DEEP, line)
                yield kind, event
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _problem(error, text) from None


def _problem(error: Any, text: str) -> _Unread:
    """What the YAML reader met, in a plain sentence with a mend and its line."""
    mark, body = getattr(error, "problem_mark", None), text.rstrip()
    if mark is None:
        at = getattr(error, "position", getattr(error, "start", 0))
        return _Unread(*ODD_SIGN, text.encode(errors="replace").count(b"\n", 0, at) + 1)
    line = min(mark.line, body.count("\n")) + 1
    problem = str(error.problem)
    words = next((words for sign, words in PROBLEMS.items() if sign in problem), None)
    if words is None and mark.index >= len(body):
        words = CUT_OFF
    fix = "See whether the indentation is even and text with : # [ ] { } is in quotes."
    return _Unread(*(words or (problem, fix)), line)


def _value(text: str, events: Iterator[Event], first: Event, path: tuple[str, ...]) -> tuple[Any, int]:
    """The value that some events begin with, and where in the text it ends."""
    kind, event = first
    at, end = event.start_mark.index, event.end_mark.index
    if kind == "text":
        end = at + len(text[at:end].rstrip())
        return event.value if event.style else _meant(event.value, path), end
    row, items = _Row(event.start_mark.line + 1, event.flow_style), []
    while (inner := next(events))[0] != "end":
        if kind == "map":
            end = _add_key(row, text, events, inner, path)
        else:
            item, end = _value(text, events, inner, path)
            items.append(item)
    row.end = inner[1].end_mark.index if event.flow_style else end
    return items if kind == "list" else row, row.end


def _add_key(row: _Row, text: str, events: Iterator[Event], first: Event, path: tuple[str, ...]) -> int:
    """Read a key of a map and its value into it; where it ends."""
    kind, event = first
    at, line = event.start_mark.index, event.start_mark.line + 1
    if kind != "text":
        raise _Unread("a list or map stands as a key", "Quote a key that holds [ or {.", line)
    key = event.value
    if key in row:
        raise _Unread(f"the key {shown(key)} stands there twice", "Keep one of them.", line)
    colon = COLON.match(text, event.end_mark.index)
    start = colon.end() if colon else event.end_mark.index
    row[key], end = _value(text, events, next(events), (*path, key))
    row.places[key] = _Place(line - row.line, at, start, max(start, end))
    return max(start, end)


def _meant(text: str, path: tuple[str, ...]) -> Any:
    """What a bare word is: text where a map wants text, else a number or constant if it is surely one."""
    folded = text.lower()
    if path in TEXT_PATHS and folded not in ("", "~", "null"):
        return text
    if folded in CONSTANTS:
        return CONSTANTS[folded]
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        return text
    return int(text) if text.lstrip("-").isdigit() else number


# ---- the pieces of a YAML map: each is read, kept and edited by itself ---------------------------------------

OPENING = re.compile(r"""(["']?)(metrics|links)\1\s*:\s*(#.*)?$""")
DASH = re.compile(r" *- ")


class _Piece(NamedTuple):
    """What is edited by itself, up to the end of its last line, and what stands between it and the next."""

    part: Part  # empty where nothing stands but what precedes the first key
    row: _Row  # an entry, or a map of one key
    body: str
    tail: str


def _cut(text: str) -> list[tuple[str, list[str]]]:
    """The lines before each key of a map and each entry of a section; first what precedes them all."""
    found: list[tuple[str, list[str]]] = [("", [])]
    section = dash = ""
    for line in re.findall(r".*\n|.+", text):
        entry = DASH.match(line) if section and not dash else None
        dash = entry[0] if entry else dash
        if dash and line.startswith(dash):
            found.append((section, [line]))
        elif line[0].isalnum() or line[0] in "_'\"":
            opening = OPENING.match(line)
            section, dash = opening[2] if opening else "", ""
            found.append(("", [line]))
        else:
            found[-1][1].append(line)
    return found


@lru_cache(maxsize=1 << 14)  # an edit leaves nearly all pieces as they were
def _piece(section: str, text: str) -> _Piece:
    data = _load(text, section) if section else _load(text)
    row = data[0] if section and isinstance(data, list) and len(data) == 1 else data
    if not isinstance(row, _Row) or (len(row) != 1 and not section):
        raise _Unread(*OWN_STYLE)
    end = _next_line(text, row.end - 1)
    row.part = row_part(section, row) if section else tuple(row)
    return _Piece(row.part, row, text[:end], text[end:])


@lru_cache(maxsize=4)  # what is read is what is edited when the map is saved
def _pieces(text: str) -> list[_Piece]:
    """A YAML map in pieces, each read by itself; raises _Unread where its style does not allow it."""
    (_, first), *cuts = _cut(text)
    before = "".join(first)
    if not cuts or _load(before) is not None:
        raise _Unread(*OWN_STYLE)
    return [_Piece((), _Row(1), before, ""), *(_piece(section, "".join(lines)) for section, lines in cuts)]


@lru_cache(maxsize=4)
def _yaml_data(text: str) -> Any:
    """A YAML text as data."""
    root, line = _Row(1), 0
    try:
        for part, row, body, tail in _pieces(text):
            if len(part) > 1 and isinstance(root[part[0]], list):
                root[part[0]].append(_moved(row, line))
            elif len(part) > 1 or root.keys() & row:
                return _load(text)
            for key, value in row.items() if len(part) == 1 else ():
                root[key] = [] if value is None and key in SECTIONS else _moved(value, line)
                root.places[key] = _Place(line, 0, 0, 0)
            line += body.count("\n") + tail.count("\n")
    except _Unread:  # a fault, or a style of its own
        return _load(text)
    return root


def _moved(value: Any, by: int) -> Any:
    """The same some lines further down."""
    if isinstance(value, list):
        return [_moved(item, by) for item in value]
    if not isinstance(value, _Row):
        return value
    row = _Row(value.line + by)
    row.update(value)
    row.places, row.part = value.places, value.part
    return row


PAIR = re.compile(r"\\u(d[89ab]\w\w)\\u(d[c-f]\w\w)", re.IGNORECASE)  # one sign as two halves, which YAML knows not


def _json_data(text: str) -> Any:
    """A JSON text as data, by the YAML reader, which knows lines; but JSON it must be."""
    data = _load(PAIR.sub(lambda pair: json.loads(f'"{pair[0]}"'), text))
    try:
        json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise _Unread(str(error).split(":")[0].lower(), "Mend it there.", getattr(error, "lineno", None)) from None
    return data


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


# ---- saving --------------------------------------------------------------------------------------------------


@contextmanager
def only_writer(file: Path) -> Iterator[None]:
    """Hold the file's folder, so that of two programs that save at once the second sees the first's work."""
    if fcntl is None:  # Windows, where a folder cannot be held: each save is still whole
        yield
        return
    try:
        folder = os.open(file.parent, os.O_RDONLY)
    except OSError as error:
        fix = "Make the folder first, or choose another."
        raise FileFault(f"Nothing can be saved there: {_reason(error)}.", file=file, fix=fix) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _beside(file: Path) -> Path:
    """Where a save is written before it is put in its place; also what a killed save leaves behind."""
    return file.with_name(f".{file.name}.saving")


def put_file(file: Path, content: bytes) -> None:
    """Write a file so that it is at any time either as it was or as it shall be; raises FileFault."""
    beside = _beside(file)
    try:
        with open(beside, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if file.exists():
            shutil.copymode(file, beside)
        os.replace(beside, file)
    except OSError as error:
        message = f"The file was not saved: {_reason(error)}. What was there before is untouched."
        raise FileFault(message, file=file, fix="See to the disk or the folder, then save again.") from None
    finally:
        with suppress(OSError):
            beside.unlink()


# ---- data to text --------------------------------------------------------------------------------------------

PLAIN_TEXT = re.compile(r"[^\W\d_]([\w ./()%&+'*=-]*[\w.)%])?")
WORDS_OF_YAML = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def row_part(section: str, row: Mapping[str, Any]) -> Part:
    """The part of a map that an entry of `metrics` or `links` is: two are the same if the keys of their names are."""
    if isinstance(row, _Row) and row.part:
        return row.part
    if section == "metrics":
        return section, name_key(str(row.get("name")))
    return section, name_key(str(row.get("cause"))), name_key(str(row.get("effect")))


def parts_of(data: Mapping[str, Any]) -> dict[Part, Any]:
    """The data of a map file part by part; what holds the entries is left empty."""
    parts: dict[Part, Any] = {(key,): value for key, value in data.items()}
    parts |= {(section,): [] for section in SECTIONS}
    return parts | {row_part(section, row): row for section in SECTIONS for row in data.get(section) or ()}


def _data_of(parts: Mapping[Part, Any]) -> dict[str, Any]:
    data = {part[0]: value for part, value in parts.items() if len(part) == 1}
    for section in SECTIONS:
        data[section] = [row for part, row in parts.items() if len(part) > 1 and part[0] == section]
    return {key: value for key, value in data.items() if value or key != "metrics"}


def new_text(parts: Mapping[Part, Any], file: Path, old: str = "") -> str:
    """A map file written anew; JSON indented as the old text was."""
    data = _data_of(parts)
    if file.suffix.lower() == ".json":
        indent = re.search(r"\n([ \t]+)\S", old)
        return json.dumps(data, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    return "".join(_key_text(key, value, _line_break(old)) for key, value in data.items())


def _key_text(key: str, value: Any, line_break: str) -> str:
    return f"{_flow(key)}:{_block(key, value, line_break)}{line_break}"


def _block(key: str, value: Any, line_break: str) -> str:
    """What stands behind the colon of a key of the map: entries and maps with a line for each."""
    lines = []
    if key in SECTIONS and isinstance(value, list):
        lines = [f"  - {_flow(row)}" for row in value]
    elif isinstance(value, Mapping):
        lines = [f"  {_flow(str(name))}: {_flow(item)}" for name, item in value.items()]
    return "".join(line_break + line for line in lines) or f" {_flow(value)}"


def _flow(value: Any) -> str:
    """A value as YAML on one line; text is quoted unless it cannot be taken for anything else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if PLAIN_TEXT.fullmatch(value) and value.isprintable() and value.lower() not in WORDS_OF_YAML:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(mark if mark.isprintable() else f"\\U{ord(mark):08x}" for mark in quoted)


# ---- edits ---------------------------------------------------------------------------------------------------


def edit_text(text: str, file: Path, parts: Mapping[Part, Any]) -> str:
    """The text of a map file so that it says these parts: edited in place where its style allows it, else anew."""
    if parts == parts_of(parse_text(text, file)):
        return text
    with suppress(_Unread, MapError, IndexError):  # a style of its own
        edited = "" if file.suffix.lower() == ".json" else _edited(text, parts)
        if edited and parts_of(parse_text(edited, file)) == parts:
            return edited
    return new_text(parts, file, text)


def _edited(text: str, parts: Mapping[Part, Any]) -> str:
    """A YAML map with edits in place; raises _Unread where its style leaves no place for them."""
    line_break, pieces, wanted = _line_break(text), _pieces(text), _data_of(parts)
    known = {piece.part for piece in pieces}
    new = [part for part in parts if part not in known]
    last = {part[0]: number for number, (part, *_) in enumerate(pieces) if len(part) > 1}
    first = 0 if pieces[1].part[0] in SECTIONS else 1
    out = []
    for number, piece in enumerate(pieces):
        section = piece.part[0] if len(piece.part) > 1 else ""
        kept = not piece.part or (len(piece.part) == 1 and piece.part[0] in last)  # the entries have lines of their own
        value = parts.get(piece.part) if section else wanted.get(piece.part[0]) if piece.part else None
        out.append(piece.body if kept else _edited_piece(piece, value, line_break))
        if number == last.get(section):
            dash = piece.body[: len(piece.body) - len(piece.body.lstrip(" -"))]
            out += [f"{dash}{_flow(parts[part])}{line_break}" for part in new if part[0] == section]
        elif number == first:
            out += [_key_text(part[0], parts[part], line_break) for part in new if part[0] not in SECTIONS]
        out.append(piece.tail)
    absent = [section for section in SECTIONS if wanted.get(section) and (section,) not in known]
    out = [lines for lines in (*out, *(_key_text(name, wanted[name], line_break) for name in absent)) if lines]
    return "".join(lines if lines.endswith("\n") else lines + line_break for lines in out[:-1]) + out[-1]


def _edited_piece(piece: _Piece, value: Any, line_break: str) -> str:
    key, old = piece.part[0], piece.row if len(piece.part) > 1 else piece.row[piece.part[0]]
    if value == old or (not value and not old):
        return piece.body
    if value is None:
        return ""
    if not isinstance(old, _Row) or not old or not isinstance(value, Mapping):
        return _edited_row(piece.body, piece.row, {key: _block(key, value, line_break)}, line_break)
    names = [name for name in {**old, **value} if name not in value or value[name] != old.get(name)]
    change = {name: f" {_flow(value[name])}" if name in value else None for name in names}
    return _edited_row(piece.body, old, change, line_break)


def _edited_row(text: str, row: _Row, change: Mapping[str, str | None], line_break: str) -> str:
    """A text with other values in a map of it; nothing takes a key away, new keys stand behind the last."""
    places = list(row.places.values())
    cuts: list[tuple[int, int, str]] = []  # from, to, what shall stand there
    for number, (key, place) in enumerate(row.places.items()):
        new, start = change.get(key, ""), text.rfind("\n", 0, place.key) + 1
        if new:
            cuts.append((place.start, place.end, new))
        elif new is None and row.is_flow and number:
            cuts.append((places[number - 1].end, place.end, ""))
        elif new is None and text[start : place.key].strip():  # the first of its map, on the line where that starts
            cuts.append((place.key, places[number + 1].key, ""))
        elif new is None:
            cuts.append((start, _next_line(text, place.end), ""))
    end = max((place.end for key, place in row.places.items() if change.get(key, "") is not None), default=0)
    at = end if row.is_flow else end + len(text[end : _next_line(text, end)].rstrip("\r\n"))
    column = places[0].key - text.rfind("\n", 0, places[0].key) - 1
    between = ", " if row.is_flow else line_break + " " * column
    added = "".join(f"{between}{_flow(key)}:{new}" for key, new in change.items() if key not in row and new)
    for start, end, new in sorted([*cuts, (at, at, added)], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _next_line(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
