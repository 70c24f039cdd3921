"""customtkinter, kept from copying its fonts into the reader's home folder at each start.

Its own font manager makes ``~/.fonts`` and copies three files there, or complains on standard error where it cannot.
Ours stands in its place before the package is imported, and lends the fonts to this process only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from gui import fonts


class FontManager:
    """What customtkinter asks of its own."""

    @staticmethod
    def init_font_manager() -> bool:
        return True

    @staticmethod
    def load_font(font_path: str) -> bool:
        return fonts.lend(Path(font_path))


_stand_in = ModuleType("customtkinter.windows.widgets.font.font_manager")
_stand_in.FontManager = FontManager  # type: ignore[attr-defined]
sys.modules.setdefault(_stand_in.__name__, _stand_in)

import customtkinter as ctk  # noqa: E402
from customtkinter.windows.widgets.scaling import ScalingTracker  # noqa: E402

__all__ = ["ScalingTracker", "ctk"]
