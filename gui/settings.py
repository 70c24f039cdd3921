"""What the reader prefers, kept between starts; '' and 0 follow the system."""

from __future__ import annotations

import contextlib
import json
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core import folders
from core.files import locked, read_text, set_aside, write_whole
from core.folders import why_not
from core.layout import Direction
from core.limits import Limits
from gui.placing import Geometry, Panes
from gui.programs import REMEMBERED
from gui.theme import MAPS

SIZES = (100, 125, 150, 175, 200)
"""Percent of text and controls that can be chosen."""
SPEEDS = (0.5, 1, 2, 4, 8)
"""Steps a second that can be chosen."""
MEMORY = (1024, 2048, 4096, 8192, 16384, 0)
"""MB that a program may hold, of which one can be chosen; 0 for no limit."""
TIME = (10, 60, 600, 0)
"""Seconds that a program may run, of which one can be chosen; 0 for no limit."""
OUTPUT = (1, 4, 16)
"""MB of output that can be chosen."""
ASK_LIMIT = 1.0
"""Seconds the desktop may take to answer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Attributes:
    language: 'en' or 'zh'.
    theme: 'light' or 'dark'.
    size: percent of text and controls.
    motion: 'on' or 'off'.
    colours: the map of tensors' elements, a name in ``gui.theme.MAPS``.
    direction: where the picture reads, 'right' or 'down'.
    speed: steps a second while it plays.
    recent: programs opened lately, the last one first.
    window: width, height, left and top in pixels, as it was left.
    panes: widths of the left and the right side and height of the pages below the editor, in units, as dragged.
    page: key of the title of the page that was shown there.
    lesson: id of the lesson that was open; '' for none.
    export: what was wished for at the last export; see ``gui.exporting.wishes``.
    memory, time, output: limits of programs, as in ``core.limits.Limits``.
    writes: whether programs may write files and use the network.
    """

    language: str = ""
    theme: str = ""
    size: int = 0
    motion: str = ""
    colours: str = "coolwarm"
    direction: Direction = "right"
    speed: float = 2
    recent: tuple[str, ...] = ()
    window: Geometry | None = None
    panes: Panes | None = None
    page: str = ""
    lesson: str = ""
    export: Mapping[str, object] = field(default_factory=dict)
    memory: int = Limits().memory
    time: int = 0
    output: int = Limits().output
    writes: bool = False

    @property
    def limits(self) -> Limits:
        """What programs are held to."""
        return Limits(self.memory, self.time, self.output, confined=not self.writes)


_CHOICES: dict[str, tuple[object, ...]] = {
    "language": ("en", "zh"), "theme": ("light", "dark"), "size": SIZES, "motion": ("on", "off"),
    "colours": tuple(MAPS), "direction": ("right", "down"), "speed": SPEEDS,
    "memory": MEMORY, "time": TIME, "output": OUTPUT, "writes": (False, True),
}  # fmt: skip


Said = tuple[str, dict[str, Any]] | None
"""Key of a text and its facts; None for nothing."""

FORMAT = 1
"""Of the file; one that says nothing of it has this."""
LARGEST = 1 << 20
"""Bytes of a file of settings that is read."""


def place() -> Path:
    """The file they are kept in."""
    return folders.settings() / "settings.json"


def usable(path: Path) -> tuple[Path | None, Said]:
    """The file, None where nothing can be kept; and what is to be said about it.

    A file that makes no sense is moved aside.
    """
    if reason := why_not(path.parent):
        return None, ("error.settings", {"reason": reason})
    try:
        if _newer(_read(path)):
            return path, ("settings.newer", {"name": path.name})
    except ValueError:
        return path, ("settings.damaged", {"name": set_aside(path)})
    except OSError:
        pass
    return path, None


def load(path: Path) -> Settings:
    """The settings of an earlier start; what is missing or makes no sense follows the system."""
    with contextlib.suppress(OSError, ValueError):
        return _understood(_read(path))
    return Settings()


def save(settings: Settings, path: Path) -> None:
    """Keeps what differs from what is kept already; raises OSError where that cannot be.

    What a newer version wrote stays; so does all of a file whose format is newer, and under another name one that is
    damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, object] = {}
    with locked(path):
        try:
            kept = _read(path)
        except FileNotFoundError:
            pass
        except ValueError:
            set_aside(path)
        if _newer(kept):
            return
        before, now = asdict(_understood(kept)), asdict(settings)
        changed = {name: value for name, value in now.items() if value != before[name]}
        write_whole(path, json.dumps(kept | changed, indent=1).encode())


def _newer(kept: dict[str, object]) -> bool:
    number = kept.get("format", FORMAT)
    return isinstance(number, int) and number > FORMAT


def _read(path: Path) -> dict[str, object]:
    """What a file holds; raises OSError, or ValueError where it is damaged."""
    try:
        kept = json.loads(read_text(path, LARGEST))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(kept, dict):
        raise ValueError("no settings")
    return kept


def _understood(kept: dict[str, object]) -> Settings:
    """What of it makes sense to this version."""
    chosen = {name: kept[name] for name, choices in _CHOICES.items() if _among(kept.get(name), choices)}
    recent, page, lesson, export = (kept.get(name) for name in ("recent", "page", "lesson", "export"))
    return Settings(
        **chosen,  # type: ignore[arg-type]
        recent=tuple(path for path in recent if isinstance(path, str))[:REMEMBERED] if isinstance(recent, list) else (),
        window=_numbers(kept.get("window"), 4),  # type: ignore[arg-type]
        panes=_numbers(kept.get("panes"), 3),  # type: ignore[arg-type]
        page=page if isinstance(page, str) else "",
        lesson=lesson if isinstance(lesson, str) else "",
        export=export if isinstance(export, dict) else {},
    )


def _among(kept: object, choices: tuple[object, ...]) -> bool:
    """Whether it is one of the choices; False is not 0."""
    return kept in choices and isinstance(kept, bool) == isinstance(choices[0], bool)


def _numbers(kept: object, count: int) -> tuple[int, ...] | None:
    """So many whole numbers below a million, the first ones above 0."""
    if not isinstance(kept, list) or len(kept) != count or not all(type(one) is int for one in kept):
        return None
    return tuple(kept) if min(kept[:2]) > 0 and max(map(abs, kept)) < 1_000_000 else None


# ── What the system says ──────────────────────────────────────────────────────────────────────────────────────────


def system_language() -> str:
    """Chinese where the computer speaks it, else English."""
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    name = next(filter(None, names), "") or locale.getlocale()[0] or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def system_theme() -> str:
    if sys.platform.startswith("linux"):
        # darkdetect asks gsettings too, but would wait for ever.
        return "dark" if "dark" in _gnome("color-scheme") else "light"
    import darkdetect  # comes with customtkinter

    return "dark" if darkdetect.theme() == "Dark" else "light"


def system_moves() -> bool:
    """Whether things may move: False where the desktop is told to keep still."""
    if sys.platform == "win32":
        import ctypes

        moves = ctypes.c_int(1)
        ctypes.windll.user32.SystemParametersInfoW(0x1042, 0, ctypes.byref(moves), 0)  # SPI_GETCLIENTAREAANIMATION
        return bool(moves.value)
    if sys.platform == "darwin":
        return _ask("defaults", "read", "com.apple.universalaccess", "reduceMotion") != "1"
    return _gnome("enable-animations") != "false"


def _gnome(key: str) -> str:
    return _ask("gsettings", "get", "org.gnome.desktop.interface", key)


def _ask(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ASK_LIMIT, stdin=subprocess.DEVNULL)
        return answer.stdout.strip()
    return ""
