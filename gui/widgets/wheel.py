"""Wheels and touchpads: which events each system sends for them, and what those mean."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

NOTCH = 60.0
"""Units that one notch of a wheel moves."""
LINES = 4.0
"""Steps that feel like a notch where Tk counts lines: on macOS, before version 8.7."""


def notches(delta: int, *, lines: bool) -> float:
    """How far a wheel has turned; touchpads and fine wheels send less than a notch."""
    return delta / (LINES if lines else 120.0)


def fingers(packed: int) -> tuple[int, int]:
    """How many pixels two fingers have moved to the right and down: two signed halves of one number (TIP 684)."""
    dx, dy = packed >> 16 & 0xFFFF, packed & 0xFFFF
    return (dx - 0x10000 if dx >= 0x8000 else dx, dy - 0x10000 if dy >= 0x8000 else dy)


def bind(
    widget: tk.Misc, on_pan: Callable[[float, float], object], on_zoom: Callable[[float, int, int], object]
) -> None:
    """Lets a widget pan by units, and with Control zoom by notches at a pixel.

    On X11 a wheel is buttons 4 and 5 and two fingers sideways are 6 and 7, for which Tk has no names, until Tk 8.7
    made them wheels as well.
    """
    lines = widget.tk.call("tk", "windowingsystem") == "aqua" and tk.TkVersion < 8.7

    def turned(event: tk.Event[tk.Misc], sideways: bool, zoom: bool) -> None:
        move(notches(event.delta, lines=lines), event, sideways, zoom)

    def pressed(event: tk.Event[tk.Misc], up: float, sideways: bool, zoom: bool) -> None:
        move(up, event, sideways, zoom)

    def pressed_any(event: tk.Event[tk.Misc]) -> None:
        if event.num in (6, 7):
            on_pan(NOTCH if event.num == 7 else -NOTCH, 0.0)

    def stroked(event: tk.Event[tk.Misc], zoom: bool) -> None:
        dx, dy = fingers(event.delta)
        if zoom:
            on_zoom(dy / NOTCH, event.x, event.y)
        else:
            on_pan(-dx, -dy)

    def move(up: float, event: tk.Event[tk.Misc], sideways: bool, zoom: bool) -> None:
        if zoom:
            on_zoom(up, event.x, event.y)
        else:
            on_pan(*(-up * NOTCH, 0.0) if sideways else (0.0, -up * NOTCH))

    for held, sideways, zoom in (("", False, False), ("Shift-", True, False), ("Control-", False, True)):
        widget.bind(f"<{held}MouseWheel>", partial(turned, sideways=sideways, zoom=zoom))
        for button, up in ((4, 1.0), (5, -1.0)):
            widget.bind(f"<{held}Button-{button}>", partial(pressed, up=up, sideways=sideways, zoom=zoom))
        if tk.TkVersion >= 8.7:
            widget.bind(f"<{held}TouchpadScroll>", partial(stroked, zoom=zoom))
    widget.bind("<Button>", pressed_any)
