"""What the reader prefers, kept between starts; '' and 0 follow the system."""

from __future__ import annotations

import contextlib
import json
import locale
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from core.files import write_whole
from core.layout import Direction
from gui.programs import REMEMBERED

SIZES = (100, 125, 150, 175, 200)
"""Percent of text and controls that can be chosen."""
SPEEDS = (0.5, 1, 2, 4, 8)
"""Steps a second that can be chosen."""
ASK_LIMIT = 1.0
"""Seconds the desktop may take to answer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Attributes:
    language: 'en' or 'zh'.
    theme: 'light' or 'dark'.
    size: percent of text and controls.
    motion: 'on' or 'off'.
    direction: where the picture reads, 'right' or 'down'.
    speed: steps a second while it plays.
    recent: programs opened lately, the last one first.
    """

    language: str = ""
    theme: str = ""
    size: int = 0
    motion: str = ""
    direction: Direction = "right"
    speed: float = 2
    recent: tuple[str, ...] = ()


def place() -> Path:
    """The file they are kept in."""
    import platformdirs

    return Path(platformdirs.user_config_dir("pullback", appauthor=False)) / "settings.json"


def load(path: Path) -> Settings:
    """The settings of an earlier start; what is missing or makes no sense follows the system."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(kept, dict):
        return Settings()
    known: dict[str, tuple[object, ...]] = {
        "language": ("en", "zh"), "theme": ("light", "dark"), "size": SIZES, "motion": ("on", "off"),
        "direction": ("right", "down"), "speed": SPEEDS,
    }  # fmt: skip
    chosen = {name: kept[name] for name in known if kept.get(name) in known[name]}
    recent = kept.get("recent")
    paths = tuple(path for path in recent if isinstance(path, str)) if isinstance(recent, list) else ()
    return Settings(**chosen, recent=paths[:REMEMBERED])


def save(settings: Settings, path: Path) -> None:
    """Keeps them; raises OSError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(settings), indent=1).encode())


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
