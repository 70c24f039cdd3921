"""Where the window stands and how it is divided: as it was left, where the screen has room for that."""

from __future__ import annotations

import re
import tkinter as tk

Geometry = tuple[int, int, int, int]
"""Width, height, left and top, in pixels."""
Panes = tuple[int, int, int]
"""Widths of the left and the right side and height of the pages below the editor, in units."""

WIDE, MIDDLE, NARROW, HIGH = 1300, 900, 600, 700
"""Units of a window from which on its panels have more room."""
LEAST: Panes = (120, 120, 50)
CANVAS, EDITOR = 180, 90
"""Units that stay for the picture and for the editor."""
LESSON = (190, 90, 145)
"""Units of width that a lesson can be read in, and of height: at least, and where the window has not even twice that
for all it shows."""


def on_screen(kept: Geometry | None, opened: tuple[int, int], screen: tuple[int, int]) -> Geometry:
    """The window as it was left, or as it opens first; made smaller and moved so that the screen shows all of it."""
    width, height, left, top = kept or (*opened, 0, 0)
    width, height = min(width, screen[0]), min(height, screen[1])
    return width, height, max(0, min(left, screen[0] - width)), max(0, min(top, screen[1] - height))


def standing(window: tk.Tk) -> Geometry:
    """Where a window stands."""
    width, height, left, top = map(int, re.findall(r"-?\d+", tk.Tk.geometry(window)))
    return width, height, left, top


def lesson_height(high: float) -> int:
    """Units of height that a lesson keeps in a window of so many."""
    return LESSON[1] if high >= 420 else LESSON[2]


def keep_on_screen(window: tk.Tk) -> None:
    """Takes from a window's height what the frame around it has pushed beyond the lower edge of the screen."""
    beyond = window.winfo_rooty() + window.winfo_height() - window.winfo_screenheight()
    if 0 < beyond < window.winfo_height() // 2:
        tk.Tk.geometry(window, f"{window.winfo_width()}x{window.winfo_height() - beyond}")


def panes_for(wide: float, high: float, kept: Panes | None = None) -> Panes:
    """How a window of so many units is divided: as it was left, if that leaves room for the rest."""
    if kept is not None and kept[0] + kept[1] + CANVAS < wide and kept[2] + EDITOR < 0.8 * high:
        return kept
    sides = (
        (396, 340) if wide >= WIDE else (236, 256) if wide >= MIDDLE else (176, 196) if wide >= NARROW else (130, 190)
    )
    return (*sides, 150 if high >= HIGH else 110)
