"""A number changed without typing: its field is dragged sideways, or ↑ and ↓ are pressed in it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from math import floor, isfinite, log10

from gui.widgets.toolkit import ctk

CLICK = 4
"""Units that a press may move and still be a click, which puts the cursor in."""
STRIDE = 5
"""Units dragged for each step."""
MANY = 10
"""Steps at once with Shift."""


def step_of(value: float) -> float:
    """How much one step changes a number: a tenth, or the second digit of a large or a very small one."""
    size = abs(value)
    return 0.1 if size == 0 or 0.1 <= size < 10 or not isfinite(size) else 10.0 ** (floor(log10(size)) - 1)


def moved(start: float, steps: int) -> float:
    """A number some steps further, on a whole step, so that zero and one are met."""
    step = step_of(start)
    return start if not steps else float(f"{(round(start / step) + steps) * step:.6g}")


class Scrub:
    """Binds a field.

    Args:
        read: what the field says; None where that is no number to begin with.
        on_move: with the new number, as often as it changes.
        on_rest: the drag is over.
    """

    def __init__(
        self,
        entry: ctk.CTkEntry,
        *,
        read: Callable[[], float | None],
        on_move: Callable[[float], None],
        on_rest: Callable[[], None],
    ) -> None:
        self.scale = 1.0
        self._read, self._on_move, self._on_rest = read, on_move, on_rest
        self._pressed: tuple[int, float] | None = None
        self._steps: int | None = None  # None until the press has become a drag
        entry._entry.configure(cursor="sb_h_double_arrow")
        entry.bind("<ButtonPress-1>", self._press)
        entry.bind("<B1-Motion>", self._drag)
        entry.bind("<B1-Leave>", lambda event: self._hold())  # Tk's own would begin to scroll
        entry.bind("<ButtonRelease-1>", self._release)
        for key, way in (("Up", 1), ("Down", -1)):
            entry.bind(f"<{key}>", lambda event, way=way: self._press_key(way))
            entry.bind(f"<Shift-{key}>", lambda event, way=way: self._press_key(way * MANY))

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        start = self._read()
        self._pressed, self._steps = None if start is None else (event.x_root, start), None

    def _drag(self, event: tk.Event[tk.Misc]) -> str | None:
        if self._pressed is None:
            return None
        x, start = self._pressed
        across = (event.x_root - x) / self.scale
        if self._steps is None:
            if abs(across) <= CLICK:
                return "break"
            self._steps = 0
        steps = round(across / STRIDE) * (MANY if int(event.state) & 1 else 1)  # 1 is Shift
        if steps != self._steps:
            self._steps = steps
            self._on_move(moved(start, steps))
        return "break"

    def _hold(self) -> str | None:
        return "break" if self._pressed is not None else None

    def _release(self, event: tk.Event[tk.Misc]) -> None:
        dragged, self._pressed, self._steps = self._steps is not None, None, None
        if dragged:
            self._on_rest()

    def _press_key(self, steps: int) -> str:
        start = self._read()
        if start is not None:
            self._on_move(moved(start, steps))
            self._on_rest()
        return "break"
