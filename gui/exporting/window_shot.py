"""The window as it stands on the screen."""

from __future__ import annotations

import io
import tkinter as tk
from pathlib import Path
from typing import Final

from PIL import Image, ImageGrab

from core.files import write_whole
from gui.exporting.exporter import Tell

SETTLE: Final = 150
"""Milliseconds in which the screen shows what was just drawn."""


def take(window: tk.Tk) -> Image.Image:
    """What the screen shows where a window stands; raises OSError where it lets nobody look."""
    left, top = window.winfo_rootx(), window.winfo_rooty()
    return ImageGrab.grab((left, top, left + window.winfo_width(), top + window.winfo_height()))


def save(picture: Image.Image, path: Path, tell: Tell) -> None:
    """Writes it as PNG; what came of it is told."""
    target = io.BytesIO()
    picture.convert("RGB").save(target, "PNG")
    try:
        write_whole(path, target.getvalue())
    except OSError as error:
        tell("error.file_write", wrong=True, name=path.name, reason=error.strerror)
    else:
        tell("export.saved", name=path.name)
