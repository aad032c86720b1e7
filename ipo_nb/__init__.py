"""From a list of metrics to a driver analysis that can be trusted: inputs, processes, outcomes.

Nothing heavy is loaded until it is used: each name in `__init__.pyi` is fetched from its room on first touch (PEP 562).
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

__version__ = "0.1.0"

_NAMES = Path(__file__).with_suffix(".pyi").read_text("utf-8")
_ROOM_OF = {name: room for room, name in re.findall(r"^from (\S+) import (\w+)", _NAMES, re.MULTILINE)}
_ROOMS = {room.name for room in iter_modules(__path__) if not room.name.startswith("_")}

__all__ = sorted(_ROOM_OF)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"ipo_nb.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'ipo_nb' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ROOM_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF, *_ROOMS})
