"""A bar for every leaf: how large its gradient is, on a scale of powers of ten, and what is odd about it."""

from __future__ import annotations

import math
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from functools import partial

from core.flow import Flow, flow, share
from core.playback import Playback
from gui import figures
from gui.theme import Look
from gui.widgets import wheel

ROW, TOP, BAR = 32, 11, 6
"""Units from one leaf to the next, down to its name, and of the height of its bar."""
MARGIN, SAID = 16, 120
"""Units left and right, and of width of the number."""


class FlowBars(tk.Frame):
    """Rows that scroll; a click on one, or Enter, chooses the leaf.

    Attributes:
        chosen: number of the row that Enter would choose; None before an arrow key was pressed.
    """

    def __init__(self, master: tk.Misc, *, on_leaf: Callable[[str], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_leaf = on_leaf
        self._look: Look | None = None
        self._rows: tuple[Flow, ...] = ()
        self._drawn: object = None
        self.chosen: int | None = None
        self.canvas = tk.Canvas(
            self, highlightthickness=1, borderwidth=0, height=60, yscrollincrement=1, takefocus=True
        )
        self.canvas.pack(fill="both", expand=True)
        self.canvas.bind("<Configure>", lambda event: self._draw())
        self.canvas.bind("<ButtonRelease-1>", self._clicked)
        wheel.bind(self.canvas, lambda dx, dy: self._scroll(dy), lambda notches, x, y: None)
        for key, way in (("<Up>", -1), ("<Down>", 1)):
            self.canvas.bind(key, partial(self._choose, way))
        self.canvas.bind("<Return>", lambda event: self._tell())
        self.canvas.bind("<FocusOut>", lambda event: self._let_go())

    def show(self, playback: Playback | None) -> None:
        self._rows = flow(playback) if playback is not None else ()
        self._draw()

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["panel"])
        self.canvas.configure(
            background=look["panel"], highlightbackground=look["panel"], highlightcolor=look["accent"]
        )
        self._draw()

    def _draw(self) -> None:
        look, width = self._look, self.canvas.winfo_width()
        if look is None or width <= 1:
            return
        drawn = (self._rows, width, look, self.chosen)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.canvas.delete("all")
        px = look.px
        if not self._rows:
            self.canvas.create_text(
                px(16), px(14), anchor="w", text=look.words("flow.none"), fill=look["quiet"], font=look.font(12)
            )
        largest = max((row.size for row in self._rows if row.size and math.isfinite(row.size)), default=1.0)
        letter = tkfont.Font(self, font=look.font(11, mono=True)).measure("0")
        room = max(6, (width - px(2 * MARGIN + SAID)) // letter)
        if self.chosen is not None and self.chosen < len(self._rows):
            top = px(ROW) * self.chosen
            self.canvas.create_rectangle(0, top, width, top + px(ROW - 2), width=0, fill=look["button"], tags="chosen")
        for number, row in enumerate(self._rows):
            self._row(look, row, px(ROW) * number + px(TOP), width - px(MARGIN), room, largest)
        self.canvas.configure(scrollregion=(0, 0, width, px(ROW) * len(self._rows) + px(4)))

    def _row(self, look: Look, row: Flow, y: float, right: float, room: int, largest: float) -> None:
        """The name, the size and what is odd about it; below them the bar."""
        left, colour = look.px(MARGIN), "wrong" if row.flag else "grad"
        name = row.name if len(row.name) <= room else f"…{row.name[1 - room :]}"  # the ends of names differ
        said = "None" if row.size is None else figures.number(row.size)
        text = f"{look.words(f'flow.{row.flag}')}  {said}" if row.flag else said
        mono, plain = look.font(11, mono=True), look.font(11)
        self.canvas.create_text(left, y, anchor="w", text=name, fill=look["text"], font=mono)
        self.canvas.create_text(
            right, y, anchor="e", text=text, fill=look["wrong" if row.flag else "quiet"], font=plain
        )
        part = share(row.size, largest)
        top = y + look.px(TOP - 2)
        self.canvas.create_rectangle(left, top, right, top + look.px(BAR), width=0, fill=look["button"])
        if part:
            end = left + max(2, (right - left) * part)
            self.canvas.create_rectangle(left, top, end, top + look.px(BAR), width=0, fill=look[colour], tags=("bar",))

    def _scroll(self, units: float) -> None:
        if self._look is not None and self.canvas.yview() != (0.0, 1.0):
            self.canvas.yview_scroll(self._look.px(round(units)), "units")

    def _choose(self, way: int, event: tk.Event[tk.Misc]) -> str:
        """The row above or below, brought into sight."""
        if self._rows and self._look is not None:
            self.chosen = 0 if self.chosen is None else min(max(0, self.chosen + way), len(self._rows) - 1)
            self._draw()
            row, high = self._look.px(ROW), self.canvas.winfo_height()
            top, seen = row * self.chosen, self.canvas.canvasy(0)
            if not seen <= top <= seen + high - row:
                self.canvas.yview_moveto(max(0, top - high // 2) / (row * len(self._rows)))
        return "break"

    def _tell(self) -> str:
        if self.chosen is not None and self.chosen < len(self._rows):
            self._on_leaf(self._rows[self.chosen].name)
        return "break"

    def _let_go(self) -> None:
        self.chosen = None
        self._draw()

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if self._look is not None:
            number = int(self.canvas.canvasy(event.y) // self._look.px(ROW))
            if 0 <= number < len(self._rows):
                self._on_leaf(self._rows[number].name)
