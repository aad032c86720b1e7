"""A Study in, one offline HTML file out: no script runs, no request is made, and the file can be checked."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ipo_nb import drawing
from ipo_nb.errors import BadOption, FileFault
from ipo_nb.layout import TURNING
from ipo_nb.links import IPOMap
from ipo_nb.panel import Panel
from ipo_nb.report.page import installed, page_of
from ipo_nb.results import Result, escape, plain
from ipo_nb.study import Study, run_study

__all__ = ["Verification", "json_in_html", "render_report", "verify_report", "write_report"]

HERE = Path(__file__).parent
SLOT = '<meta name="ipo-nb-digest" content="{}">'
STAMP = re.compile(SLOT.format("(sha256-[0-9a-f]{64})?").encode())
MARK = b'<meta name="generator" content="ipo_nb'
HEAD_BYTES = 4096
DATA = re.compile(rb'<script type="application/json" id="results">(.*?)</script>', re.DOTALL)
TOLERANCE = 1e-6


def write_report(study: Study, path: str | Path) -> Path:
    """Write a study as one offline HTML file: what a manager needs first, then the evidence, then the method.

    The file makes no request, runs nothing, and carries its own digest and its numbers (see `verify_report`).
    The same study gives the same bytes. An earlier report at `path` is replaced in one step; any other file
    there is left alone.

    Parameters
    ----------
    study : what `run_study` returned.
    path : where the file goes; its folder must exist.

    Returns
    -------
    Path of the file.

    Raises
    ------
    FileFault : something that is not a report stands there, or the file cannot be written.
    """
    target = Path(path).resolve()
    try:
        _refuse_strangers(target)
        _replace_whole(target, render_report(study).encode("utf-8", "replace"))
    except OSError as error:
        raise FileFault(f"The report could not be written: {error.strerror or error}.", file=target) from error
    return target


def _refuse_strangers(target: Path) -> None:
    if not target.parent.is_dir():
        raise FileFault("There is no such folder.", file=target.parent, fix="Make it, or name another one.")
    if target.is_dir():
        raise FileFault("This is a folder.", file=target, fix="Name a file in it, such as report.html.")
    if target.exists():
        with target.open("rb") as file:
            ours = MARK in file.read(HEAD_BYTES)
        if not ours:
            raise FileFault(
                "A file that is not one of our reports stands here, and was left as it is.",
                file=target,
                fix="Name another file, or move that one away.",
            )


def _replace_whole(target: Path, content: bytes) -> None:
    """The whole file or the old one, whatever happens in between."""
    handle, name = tempfile.mkstemp(prefix=".ipo_nb-", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# ---- the page as text -----------------------------------------------------------------------------------------


def render_report(study: Study) -> str:
    """The page of a study as text, its digest filled in."""
    pages = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unturned,
    )
    pages.filters["words"] = _wording(study.ipo_map.names)
    style = _style()
    page = pages.get_template("report.html.j2").render(
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        data=Markup(json_in_html(_numbers(study))),
        generator=f"ipo_nb {installed('ipo_nb')}",
        slot=Markup(SLOT.format("")),
        **page_of(study),
    )
    return page.replace(SLOT.format(""), SLOT.format(_digest(page.encode("utf-8", "replace"))), 1)


def _unturned(value: Any) -> Any:
    """Text without the marks that turn what follows; markup of our own is clean already."""
    return value.translate(TURNING) if type(value) is str else value


def _digest(page: bytes) -> str:
    return f"sha256-{hashlib.sha256(page).hexdigest()}"


def json_in_html(value: Any) -> str:
    """JSON that can stand inside an HTML script element: nothing in it can close the element or start another.

    >>> json_in_html({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _style() -> str:
    """The style sheet, with the charts' palette as variables so that drawings follow a dark page."""
    light, dark = ("".join(f"--{name}:{pair[k]};" for name, pair in drawing.PALETTE.items()) for k in (0, 1))
    swaps = "".join(
        f'svg [{part}="{colours[0]}"]{{{part}:var(--{name})}}'
        for name, colours in drawing.PALETTE.items()
        for part in ("fill", "stroke")
    )
    sheet = (HERE / "report.css").read_text(encoding="utf-8")
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{swaps}\n{sheet}"


def _wording(names: Sequence[str]) -> Callable[[str], Markup]:
    """A filter for sentences: escaped, metric names in bold, and no name can turn the text around it."""
    longest_first = sorted((name.translate(TURNING) for name in names), key=len, reverse=True)
    known = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")

    def words(text: str) -> Markup:
        text = text.translate(TURNING).replace(" %", "\u00a0%")
        parts = known.split(text) if names else [text]
        marked = (f"<b><bdi>{escape(part)}</bdi></b>" if k % 2 else escape(part) for k, part in enumerate(parts))
        return Markup("".join(marked))

    return words


# ---- the numbers in the file, and whether they still stand --------------------------------------------------


def _numbers(study: Study) -> dict[str, Any]:
    """What the study found as plain values, without its sentences; ten digits, since the last ones vary by machine."""
    by_lag = [{"cause": p.cause, "effect": p.effect, "by_lag": p.table} for p in study.evidence.profiles.values()]
    return dict(_rounded(plain(study.to_dict() | {"profiles": by_lag})))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items() if key != "text"}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verification(Result):
    """Whether a report is still what was written and, given its inputs, whether they still give its numbers.

    Attributes
    ----------
    path : the report.
    table : one row per check: `check`, `passed`, `detail`.
    """

    path: Path
    table: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return bool(self.table["passed"].all())

    @property
    def text(self) -> str:
        """What each check found."""
        return " ".join(self.table["detail"])


def verify_report(path: str | Path, *, ipo_map: IPOMap | None = None, panel: Panel | None = None) -> Verification:
    """Check that nobody changed a report, and that its inputs still give its numbers.

    Parameters
    ----------
    path : a file made by `write_report`.
    ipo_map, panel : the map and the series it was made from; with both, the study is run again and every
        number compared (relative tolerance 1e-6).

    Returns
    -------
    Verification : `.ok`, and one row per check in `.table`.

    Raises
    ------
    FileFault : the file is missing or is not a report.
    BadOption : only one of map and series is given.
    """
    if (ipo_map is None) != (panel is None):
        raise BadOption("To run the study again takes the map and the series.", fix="Give both, or neither.")
    target = Path(path)
    page, stamp, data = _parts(target)
    intact = stamp == _digest(STAMP.sub(SLOT.format("").encode(), page, count=1)).encode()
    checks = [("untouched", intact, UNTOUCHED if intact else "The report was changed after it was written.")]
    if ipo_map is not None and panel is not None:
        checks += _run_again(page, data, run_study(ipo_map, panel))
    return Verification(target, pd.DataFrame(checks, columns=["check", "passed", "detail"]))


UNTOUCHED = (
    "The report is as it was written: its digest stands. Whoever edits a report can write a new digest as well;"
    " only running the study again rules that out."
)


def _parts(target: Path) -> tuple[bytes, bytes, bytes]:
    """The whole file, its digest, and its numbers."""
    try:
        page = target.read_bytes()
    except OSError as error:
        raise FileFault(f"The report cannot be read: {error.strerror or error}.", file=target) from error
    stamps, data = STAMP.findall(page), DATA.findall(page)
    if MARK not in page[:HEAD_BYTES] or len(stamps) != 1 or len(data) != 1:
        raise FileFault("This is not a report of ipo_nb.", file=target, fix="Name a file of write_report.")
    return page, stamps[0], data[0]


def _run_again(page: bytes, data: bytes, study: Study) -> list[tuple[str, bool, str]]:
    """The embedded numbers against those of a new run; then the page around them, if the software is the same."""
    try:
        told = _leaves(json.loads(data))
    except ValueError:
        return [("same numbers", False, "Its embedded numbers cannot be read.")]
    found = _leaves(_numbers(study))
    differing = [key for key in found | told if not _same(told.get(key), found.get(key))]
    if differing:
        where = f"{len(differing):,} of {len(found):,} values differ, the first at {differing[0]}"
        return [("same numbers", False, f"Run again, the study gives other numbers: {where}.")]
    checks = [("same numbers", True, f"Run again, the study gives the same {len(found):,} values.")]
    again = render_report(study).encode("utf-8", "replace")
    if again == page:
        return [*checks, ("same page", True, "The page around them is the same too, to the last byte.")]
    other = _software(page) != _software(again)
    detail = (
        "The page was made by other versions of the software, so that it cannot be compared word by word."
        if other
        else "The page around them is not what these numbers give: its words or drawings were changed."
    )
    return [*checks, ("same page", other, detail)]


def _software(page: bytes) -> bytes:
    return page[page.rfind(b"<caption>Software") : page.rfind(b"<script ")]


def _leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Every value by the path that leads to it."""
    if isinstance(value, Mapping):
        items = [(f"{key}.{name}".strip("."), item) for name, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{key}[{place}]", item) for place, item in enumerate(value)]
    else:
        return {key: value}
    return {path: leaf for name, item in items for path, leaf in _leaves(item, name).items()}


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=1e-12)
    return bool(one == two)
