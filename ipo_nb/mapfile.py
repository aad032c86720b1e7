"""The text of a map file: read strictly, edited in place so that nothing else in it changes, saved whole."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ipo_nb.errors import FileFault, IpoError, MapError
from ipo_nb.metrics import name_key, shown

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Edits",
    "Part",
    "edit_text",
    "new_text",
    "only_writer",
    "pair_key",
    "parse_map",
    "parse_text",
    "put_file",
    "read_text",
    "row_part",
]

Part = tuple[str, ...]  # what is saved by itself: ("title",), ("links", cause, effect), ("metrics", name)
Edits = dict[Part, tuple[Any, Any]]  # what stands in the file, what shall stand there; None is nothing
LARGEST_MAP = 5_000_000
DEEPEST = 30
TEXT_KEYS = {  # what is text however it looks, by section
    "": ("title", "cadence", "inventory", "objectives"),
    "data": ("file", "time", "units"),
    "links": ("cause", "effect", "sign", "why", "since"),
    "metrics": (
        *("name", "stage", "team", "owner", "unit", "better", "cadence"),
        *("aggregate", "objective", "formula", "definition"),
    ),
}
NUMBER = re.compile(r"-?(0|[1-9]\d{0,999})(\.\d+)?([eE][+-]?\d{1,3})?")
COLON = re.compile(r"\s*:")
CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
CUT_OFF = "the file ends in the middle", "It seems cut off: take it from a backup."
BARE_MARK = "a bare ? means a key", 'Write it in quotes, such as sign: "?".'
PROBLEMS = {  # what the YAML reader says, in plain words with a mend
    "that cannot start any": ("a tab or sign stands where a value should start", "Indent by spaces; quote text."),
    "end of stream": CUT_OFF,
    "stream end": CUT_OFF,
    "entries are not allowed": ("a bare - means a list entry", 'Write it in quotes, such as sign: "-".'),
    "keys are not allowed": BARE_MARK,
    "but found '?'": BARE_MARK,
    "values are not allowed": ("a second colon stands on the line", "Quote text that holds a colon."),
}


class _Lined(dict[str, Any]):
    """A mapping of a map file that knows the line of itself and of its keys."""

    __slots__ = ("line", "lines")

    line: int
    lines: dict[str, int]


class _Node(NamedTuple):
    """A piece of YAML text and where it stands: `text`, `list` or `map`."""

    kind: str
    value: Any  # the text; the nodes of a list; the (key, value) pairs of a map
    start: int
    end: int
    line: int
    is_open: bool  # plain text, or a collection in block style


class _Unread(Exception):
    """What is wrong with a YAML text, a mend, and the line."""


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
    except _Unread as error:
        wrong, fix, line = error.args
        raise MapError(f"The map cannot be read: {wrong}.", file=file, line=line, fix=fix) from None
    return data


def _check_suffix(file: Path) -> None:
    if file.suffix.lower() not in (".yml", ".yaml", ".json"):
        fix = "Name it map.yml or map.json."
        raise FileFault(f"The suffix {file.suffix!r} is of no map file.", file=file, value=file.suffix, fix=fix)


def read_text(file: Path) -> tuple[str, str]:
    """The text of a map file and its encoding."""
    _check_suffix(file)
    try:
        raw = file.read_bytes() if file.stat().st_size <= LARGEST_MAP else None
    except (OSError, ValueError) as error:
        fix = "See whether the name is right and the file may be read."
        raise FileFault(f"There is no map to read: {_reason(error)}.", file=file, fix=fix) from None
    if raw is None or not raw.strip():
        wrong = "is empty" if raw is not None else f"has more than {LARGEST_MAP:,} bytes"
        raise FileFault(f"The map file {wrong}.", file=file, fix="Take it from a backup, or begin a new one.")
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else encoding
    try:
        return raw.decode(encoding), encoding
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileFault("The map file is not UTF-8.", file=file, line=line, fix="Save it as UTF-8.") from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


@lru_cache(maxsize=4)  # the text that is read is the text that is edited when the map is saved
def _yaml_tree(text: str) -> _Node | None:
    """The tree of a YAML text, made from its events: no tags, aliases or second document, bounded depth."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    line = 1
    root: _Node | None = None
    waiting: list[tuple[Any, list[_Node]]] = []
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            _refuse_foreign(event, line, root, len(waiting))
            kind, node = type(event).__name__, None
            if kind in ("MappingStartEvent", "SequenceStartEvent"):
                waiting.append((event, []))
            elif kind == "ScalarEvent":
                at = event.start_mark.index
                end = at + len(text[at : event.end_mark.index].rstrip())
                node = _Node("text", _joined(event.value), at, end, line, event.style is None)
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                node = _collection(text, *waiting.pop(), event)
            if node and waiting:
                waiting[-1][1].append(node)
            elif node:
                root = node
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unread(*_problem(str(error.problem or error.context)), mark.line + 1 if mark else line) from None
    except _Unread:
        raise
    except Exception as error:  # ruamel lets characters that cannot be out as errors of many types
        line = text.count("\n", 0, error.position) + 1 if hasattr(error, "position") else line
        raise _Unread("it holds a character that YAML does not allow", "Retype it.", line) from None
    return root


def _refuse_foreign(event: Any, line: int, root: _Node | None, depth: int) -> None:
    if root is not None and type(event).__name__ == "DocumentStartEvent":
        raise _Unread("a second document begins", "Keep one map to a file.", line)
    if getattr(event, "anchor", None) or getattr(event, "tag", None):
        fix = "Write the value itself, without & * or !."
        raise _Unread("anchors, aliases and tags are not taken", fix, line)
    if depth > DEEPEST:
        raise _Unread(f"it is nested more than {DEEPEST} deep", "Make it flatter.", line)


def _collection(text: str, start: Any, inside: list[_Node], end: Any) -> _Node:
    """A list or map of what was found inside; the keys of a map are text and stand there once."""
    at = start.start_mark.index
    is_map = type(start).__name__ == "MappingStartEvent"
    for number in range(1, len(inside), 2) if is_map else ():
        value, colon = inside[number], COLON.match(text, inside[number - 1].end)
        if value.start == value.end and colon:  # nothing stands there, and ruamel shows the next thing
            inside[number] = value._replace(start=colon.end(), end=colon.end())
    last = end.end_mark.index if start.flow_style else max((node.end for node in inside), default=at)
    place = at, last, start.start_mark.line + 1, not start.flow_style
    if not is_map:
        return _Node("list", tuple(inside), *place)
    seen: set[Any] = set()
    for key in inside[::2]:
        if key.kind != "text":
            raise _Unread("a list or map stands as a key", "Quote a key that holds [ or {.", key.line)
        if key.value in seen:
            raise _Unread(f"the key {shown(key.value)} stands there twice", "Keep one of them.", key.line)
        seen.add(key.value)
    return _Node("map", tuple(zip(inside[::2], inside[1::2], strict=True)), *place)


def _joined(text: str) -> str:
    """Text whose halves of one sign (surrogates, written as two escapes) are put together."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")


def _problem(problem: str) -> tuple[str, str]:
    """A plain sentence and a mend for what the YAML reader met."""
    unknown = problem.rstrip("."), "See whether the indentation is even and text with : # [ ] { } is in quotes."
    return next((words for sign, words in PROBLEMS.items() if sign in problem), unknown)


def _yaml_data(text: str) -> dict[str, Any]:
    root = _yaml_tree(text)
    if root is None or root.kind != "map":
        raise _Unread("it holds no keys", "Start it with ipo_map: 1 and a list of links.", 1)
    data: dict[str, Any] = _yaml_value(root)
    return data


def _yaml_value(node: _Node, *keys: str) -> Any:
    """A node under some keys as data. Text stays text; elsewhere only what is surely one is a number."""
    if node.kind == "list":
        return [_yaml_value(item, *keys) for item in node.value]
    if node.kind == "map":
        data = _Lined((key.value, _yaml_value(value, *keys, key.value)) for key, value in node.value)
        data.line, data.lines = node.line, {key.value: key.line for key, _ in node.value}
        return data
    text = node.value
    is_text = len(keys) < 3 and keys[-1:] and keys[-1] in TEXT_KEYS.get(keys[0] if keys[1:] else "", ())
    if not node.is_open or (is_text and text.lower() not in ("", "~", "null")):
        return text
    if text.lower() in CONSTANTS:
        return CONSTANTS[text.lower()]
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        return text
    return int(text) if text.lstrip("-").isdigit() else number


def _json_data(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
        json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        raise _Unread("it is nested too deep", "Make it flatter.", None) from None
    except json.JSONDecodeError as error:
        raise _Unread(f"{error.msg[0].lower()}{error.msg[1:]}", "Mend it there.", error.lineno) from None
    except UnicodeEncodeError:
        raise _Unread("it holds half a character", "Retype it.", None) from None
    except ValueError as error:
        raise _Unread(str(error).split(";")[0], "Mend it.", None) from None
    if not isinstance(data, dict):
        raise _Unread("it holds no keys", "Start it with an object that has links.", 1)
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, value in pairs:
        if name in data:
            raise ValueError(f"the key {shown(name)} stands there twice")
        data[name] = value
    return data


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


# ---- saving ------------------------------------------------------------------------------------------------


@contextmanager
def only_writer(file: Path) -> Iterator[None]:
    """Hold the file's folder, so that of two programs that save at once the second sees the first's work."""
    _check_suffix(file)
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
    """Write a file so that it is at any time either as it was or as it shall be."""
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
        message = f"The map was not saved: {_reason(error)}. What was there before is untouched."
        raise FileFault(message, file=file, fix="See to the disk or the folder, then save again.") from None
    finally:
        with suppress(OSError):
            beside.unlink()


# ---- data to text ------------------------------------------------------------------------------------------

PLAIN_TEXT = re.compile(r"[^\W\d_]([\w ./()%&+'*=-]*[\w.)%])?")
WORDS_OF_YAML = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def pair_key(cause: Any, effect: Any) -> tuple[str, str]:
    """What makes two links the same: the keys of their ends."""
    return name_key(str(cause)), name_key(str(effect))


def row_part(section: str, row: Mapping[str, Any]) -> Part:
    """The part of a map that an entry of `metrics` or `links` is."""
    if section == "metrics":
        return section, name_key(str(row.get("name")))
    return (section, *pair_key(row.get("cause"), row.get("effect")))


def new_text(form: Mapping[str, Any], file: Path, old: str = "") -> str:
    """A map file written anew; JSON indented as the old text was."""
    if file.suffix.lower() == ".json":
        indent = re.search(r"\n([ \t]+)\S", old)
        return json.dumps(form, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    lines = []
    for key, value in form.items():
        inside = [f"  - {_flow(item)}" for item in value] if key in ("metrics", "links") and value else []
        if isinstance(value, Mapping) and value:
            inside = [f"  {_flow(name)}: {_flow(item)}" for name, item in value.items()]
        lines += [f"{_flow(key)}:", *inside] if inside else [f"{_flow(key)}: {_flow(value)}"]
    return "".join(line + _line_break(old) for line in lines)


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
    return "".join(mark if mark.isprintable() else _escaped(mark) for mark in quoted)


def _escaped(mark: str) -> str:
    return f"\\u{ord(mark):04x}" if ord(mark) < 0x10000 else f"\\U{ord(mark):08x}"


# ---- edits in place: what is to change is cut out of the text, all else stays as it was written

Splice = tuple[int, int, str]  # from, to, what shall stand there


def edit_text(
    text: str, file: Path, edits: Edits, rows: Mapping[Part, Any], is_right: Callable[[dict[str, Any]], bool]
) -> str:
    """The text with its edits: in place where its style allows it, else the whole written anew.

    Parameters
    ----------
    rows : what new entries of `metrics` and `links` look like in full.
    is_right : whether data are what they should be after the edits.
    """
    if not edits:
        return text
    data = parse_text(text, file)
    root = None if file.suffix.lower() == ".json" else _yaml_tree(text)
    edited = _spliced(text, root, edits, rows) if root else None
    if edited is not None:
        with suppress(IpoError):  # a style not thought of here
            if is_right(parse_text(edited, file)):
                return edited
    return new_text(_applied(data, edits, rows), file, text)


def _applied(data: Mapping[str, Any], edits: Edits, rows: Mapping[Part, Any]) -> dict[str, Any]:
    """Map file data with edits, in the order of the file."""
    out = dict(data)
    for part, (_, here) in edits.items():
        if len(part) == 1:
            out.pop(part[0], None) if here is None else out.update({part[0]: here})
            continue
        section = list(out.get(part[0]) or ())
        place = next((n for n, row in enumerate(section) if row_part(part[0], row) == part), len(section))
        section[place : place + 1] = [] if here is None else [rows[part]]
        out[part[0]] = section
    return out


def _spliced(text: str, root: _Node, edits: Edits, rows: Mapping[Part, Any]) -> str | None:
    """A YAML map with edits in place; nothing where its style leaves no place for them."""
    if not root.is_open:
        return None
    keys = [key.value for key, _ in root.value]
    splices: list[Splice] = []  # of those at one place the first stands last
    for section in sorted(("metrics", "links"), key=lambda name: name in keys):
        wanted = {part: pair for part, pair in edits.items() if len(part) > 1 and part[0] == section}
        found = _list_splices(text, root, section, wanted, rows) if wanted else []
        if found is None:
            return None
        splices += found
    head = {part[0]: here for part, (_, here) in edits.items() if len(part) == 1}
    splices += _map_splices(text, root, head, 0 if keys[0] not in ("metrics", "links") else -1)
    for start, end, new in sorted(splices, key=lambda splice: splice[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _map_splices(text: str, node: _Node, wanted: Mapping[str, Any], after: int) -> list[Splice]:
    """The cuts that give a map its wanted values; nothing removes a key; new keys stand `after` one, or first."""
    places = {key.value: place for place, (key, _) in enumerate(node.value)}
    splices: list[Splice] = []
    added = []
    for name, value in wanted.items():
        if name in places and value is None:
            splices.append(_removal(text, node, places[name]))
        elif name in places:
            key, old = node.value[places[name]]
            splices += _value_splices(text, key, old, value)
        elif value is not None:
            added.append(f"{_flow(name)}: {_flow(value)}")
    if added and after < 0:
        at = _line_start(text, node.start)
        splices.append((at, at, "".join(item + _line_break(text) for item in added)))
    elif added:
        end = node.value[after][1].end
        indent = _line_break(text) + " " * (node.start - _line_start(text, node.start))
        at = _line_end(text, end) if node.is_open else end
        splices.append((at, at, "".join((indent if node.is_open else ", ") + item for item in added)))
    return splices


def _value_splices(text: str, key: _Node, value: _Node, new: Any) -> list[Splice]:
    """The cuts that put a new value to a key."""
    if value.kind == "map" and isinstance(new, Mapping) and value.value:
        old = _yaml_value(value, key.value)
        wanted = {name: new.get(name) for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)}
        return _map_splices(text, value, wanted, len(value.value) - 1)
    if value.kind != "text" and value.is_open:
        return [(key.end, value.end, f": {_flow(new)}")]
    return [(value.start, value.end, (" " if value.start == value.end else "") + _flow(new))]


def _removal(text: str, node: _Node, place: int) -> Splice:
    """The cut that takes a key out of a map, with its line where it has one of its own."""
    key, value = node.value[place]
    if not node.is_open and place:
        return node.value[place - 1][1].end, value.end, ""
    if len(node.value) > 1 and not place and (not node.is_open or text[key.start - 2 : key.start] == "- "):
        return key.start, node.value[1][0].start, ""
    return _line_start(text, key.start), _line_end(text, value.end, whole=True), ""


def _list_splices(text: str, root: _Node, section: str, wanted: Edits, rows: Mapping[Part, Any]) -> list[Splice] | None:
    """The cuts that change, remove and add entries of `metrics` or `links`."""
    key, node = next(((k, v) for k, v in root.value if k.value == section), (root, None))
    added = [rows[part] for part, (there, _) in wanted.items() if there is None]
    if node is None or not node.value or (node.kind == "text" and node.value.lower() in ("~", "null")):
        lines = "".join(f"{_line_break(text)}  - {_flow(row)}" for row in added)
        if node is not None:
            return [(key.end, node.end, f":{lines}")]
        at = _line_end(text, root.value[-1][1].end)
        return [(at, at, f"{_line_break(text)}{section}:{lines}")]
    if node.kind != "list" or not node.is_open:
        return None
    splices: list[Splice] = []
    last, prefix = key.end, ""
    for item in node.value:
        prefix = text[_line_start(text, item.start) : item.start]
        if not re.fullmatch(r" *- +", prefix) or not item.value:
            return None
        there, here = wanted.get(row_part(section, _yaml_value(item, section)), (None, None))
        if there is not None and here is None:
            splices.append((_line_start(text, item.start), _line_end(text, item.end, whole=True), ""))
            continue
        last = item.end
        if there is not None:
            values = {
                name: here.get(name) for name in dict.fromkeys((*there, *here)) if there.get(name) != here.get(name)
            }
            keys = [pair[0].value for pair in item.value]
            stays = max(place for place, name in enumerate(keys) if values.get(name, "") is not None)
            splices += _map_splices(text, item, values, stays)
    at = _line_end(text, last)
    is_open = node.value[-1].is_open
    lines = "".join(_line_break(text) + prefix + _entry(row, text, len(prefix), is_open) for row in added)
    return [(at, at, lines), *splices] if added else splices


def _entry(row: Mapping[str, Any], text: str, indent: int, is_open: bool) -> str:
    """A new entry in the style of the one before it: a line for each key, or one line."""
    if not is_open:
        return _flow(row)
    return (_line_break(text) + " " * indent).join(f"{_flow(name)}: {_flow(value)}" for name, value in row.items())


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int, *, whole: bool = False) -> int:
    """Where a line ends: before its line break, or with `whole` behind it."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end + 1 if whole else end - (text[end - 1 : end] == "\r")


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
