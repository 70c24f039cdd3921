"""A plane of numbers as a table that draws only the cells in sight, however many there are."""

from __future__ import annotations

import math
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from typing import Final

import numpy as np

from gui.figures import number
from gui.theme import Look
from gui.widgets import wheel
from gui.widgets.toolkit import ctk

MEASURED: Final = 2000
"""Elements up to which all are written to find out how wide the columns must be."""
WIDEST: Final = len("-1.234e-308")
"""Letters of a number at most, where there are more."""
ROW: Final = 24
PAD: Final = 8
"""Units of a row's height, and left and right of a number."""

Cell = tuple[int, int]
"""Row and column."""

_MOVES: Final = {
    "<Up>": (-1, 0), "<Down>": (1, 0), "<Left>": (0, -1), "<Right>": (0, 1), "<Home>": (0, -math.inf),
    "<End>": (0, math.inf), "<Control-Home>": (-math.inf, -math.inf), "<Control-End>": (math.inf, math.inf),
}  # fmt: skip
"""Keys, and how many rows and columns they go."""


class Table(tk.Frame):
    """Numbers of rows and columns stay in sight; keys and clicks choose a cell, which its owner then marks.

    Args:
        on_choose: called with the row and the column the reader has chosen.

    Attributes:
        top, left: the first row and the first column in sight.
    """

    def __init__(self, master: tk.Misc, on_choose: Callable[[int, int], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_choose = on_choose
        self._look: Look | None = None
        self._plane = np.zeros((0, 0))
        self._chosen: Cell | None = None
        self._items: dict[Cell, int] = {}  # by the place on the screen
        self._written: dict[int, tuple[str, str]] = {}
        self._laid: object = None
        self._rows = self._columns = 1
        self.top = self.left = 0
        self.canvas = tk.Canvas(self, highlightthickness=1, borderwidth=0, takefocus=True, width=10, height=10)
        self.down = ctk.CTkScrollbar(self, orientation="vertical", command=self._scroll_down, width=12)
        self.across = ctk.CTkScrollbar(self, orientation="horizontal", command=self._scroll_across, height=12)
        self.grid_rowconfigure(0, weight=1)
        self.grid_columnconfigure(0, weight=1)
        self.canvas.grid(row=0, column=0, sticky="nsew")
        self.canvas.bind("<Configure>", lambda event: self._lay())
        self.canvas.bind("<ButtonPress-1>", self._pressed)
        wheel.bind(self.canvas, self._wheeled, lambda notches, x, y: None)
        for key, (rows, columns) in _MOVES.items():
            self.canvas.bind(key, lambda event, by=(rows, columns): self._move(*by))  # type: ignore[misc]
        for key, way in (("<Prior>", -1), ("<Next>", 1)):
            self.canvas.bind(key, lambda event, way=way: self._move(way * max(1, self._rows - 1), 0))  # type: ignore[misc]

    def show(self, plane: np.ndarray, chosen: Cell | None) -> None:
        """Another plane, of rows and columns."""
        if plane is not self._plane:
            self._plane, self._laid = plane, None
        self._chosen = chosen
        self._lay()
        if chosen is not None:
            self._see(*chosen)

    def dress(self, look: Look) -> None:
        self._look, self._laid = look, None
        self.configure(background=look["panel"])
        self.canvas.configure(
            background=look["panel"], highlightbackground=look["line"], highlightcolor=look["accent"]
        )  # fmt: skip
        for bar in (self.down, self.across):
            bar.configure(fg_color=look["panel"], button_color=look["line"], button_hover_color=look["edge"])
        self._lay()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell at a pixel of the canvas."""
        row, column = self.top + (y - self._high) // self._high, self.left + (x - self._edge) // self._wide
        inside = y >= self._high and x >= self._edge and row < self._plane.shape[0] and column < self._plane.shape[1]
        return (row, column) if inside else None

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom pixel of a cell."""
        left = self._edge + (column - self.left) * self._wide
        top = (row - self.top + 1) * self._high
        return left, top, left + self._wide, top + self._high

    # ── Drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _lay(self) -> None:
        """Makes the items for as many cells as there is room for, where that has changed."""
        look, width, height = self._look, self.canvas.winfo_width(), self.canvas.winfo_height()
        if look is None or width <= 1:
            return
        laid = (width, height)
        if laid == self._laid:
            self._draw()
            return
        self._laid = laid
        font = tkfont.Font(self, font=look.font(12, mono=True))
        letter = font.measure("0")
        self._high = max(look.px(ROW), font.metrics("linespace") + look.px(4))
        self._edge = letter * len(str(max(0, self._plane.shape[0] - 1))) + 2 * look.px(PAD)
        self._wide = letter * self._letters() + 2 * look.px(PAD)
        self._rows = max(1, (height - self._high) // self._high)
        self._columns = max(1, (width - self._edge) // self._wide)
        canvas = self.canvas
        canvas.delete("all")
        self._items, self._written = {}, {}
        self._band = canvas.create_rectangle(0, 0, 0, 0, width=0, fill=look["running_span"], state="hidden")
        canvas.create_line(self._edge, 0, self._edge, height, fill=look["line"])
        canvas.create_line(0, self._high, width, self._high, fill=look["line"])
        # One row and one column more than are whole, and before them their numbers.
        for row in range(-1, self._rows + 1):
            for column in range(-1, self._columns + 1):
                x = self._edge + (column + 1) * self._wide - look.px(PAD)
                if column < 0:
                    x = self._edge - look.px(PAD)
                y = (row + 1.5) * self._high
                if row >= 0 or column >= 0:
                    self._items[row, column] = canvas.create_text(x, y, anchor="e", font=font)
        self._ring = canvas.create_rectangle(0, 0, 0, 0, outline=look["accent"], width=look.px(2), state="hidden")
        self._draw()

    def _letters(self) -> int:
        """How many letters the widest number has, and no fewer than the number of its column."""
        plane, name = self._plane, len(str(max(0, self._plane.shape[1] - 1)))
        if not plane.size:
            return name
        if plane.dtype.kind == "b":
            return max(name, len(str(False)))
        if plane.dtype.kind in "iu":
            return max(name, len(str(plane.min())), len(str(plane.max())))
        if plane.size > MEASURED:
            return max(name, WIDEST)
        return max(name, *(len(text(x)) for x in plane.flat))

    def _draw(self) -> None:
        """Writes the cells in sight; those that say what they said are left alone."""
        look, (rows, columns) = self._look, self._plane.shape
        assert look is not None
        self.top = max(0, min(self.top, rows - self._rows))
        self.left = max(0, min(self.left, columns - self._columns))
        for (down, across), item in self._items.items():
            row, column = self.top + down, self.left + across
            said = ("", "text")
            if row < rows and column < columns:
                if down < 0 or across < 0:
                    named = row if across < 0 else column
                    chosen = self._chosen is not None and named == self._chosen[0 if across < 0 else 1]
                    said = (str(named), "text" if chosen else "quiet")
                else:
                    x = self._plane[row, column]
                    said = (text(x), "wrong" if not np.isfinite(x) else "quiet" if x == 0 else "text")
            if self._written.get(item) != said:
                self._written[item] = said
                self.canvas.itemconfigure(item, text=said[0], fill=look[said[1]])
        self._mark()
        self._bar(self.down, self.top, self._rows, rows, {"row": 0, "column": 1, "sticky": "ns"})
        self._bar(self.across, self.left, self._columns, columns, {"row": 1, "column": 0, "sticky": "ew"})

    def _mark(self) -> None:
        """The chosen cell, where it is in sight."""
        chosen = self._chosen
        seen = chosen is not None and chosen[0] >= self.top and chosen[1] >= self.left
        for item in (self._ring, self._band):
            self.canvas.itemconfigure(item, state="normal" if seen else "hidden")
            if chosen is not None and seen:
                self.canvas.coords(item, *self.box(*chosen))

    def _bar(self, bar: ctk.CTkScrollbar, first: int, seen: int, whole: int, place: dict[str, object]) -> None:
        """A scroll bar, where there is anything to scroll."""
        if seen >= whole:
            bar.grid_remove()
            return
        bar.grid(**place)
        bar.set(first / whole, min(1.0, (first + seen) / whole))

    # ── Moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _see(self, row: int, column: int) -> None:
        """Scrolls as little as brings a cell in sight."""
        if self._laid is not None:
            self._scroll(
                min(row, max(self.top, row - self._rows + 1)), min(column, max(self.left, column - self._columns + 1))
            )

    def _scroll(self, top: int, left: int) -> None:
        if self._laid is not None:
            self.top, self.left = top, left
            self._draw()

    def _wheeled(self, dx: float, dy: float) -> None:
        self._scroll(self.top + _away(3 * dy / wheel.NOTCH), self.left + _away(dx / wheel.NOTCH))

    def _scroll_down(self, how: str, by: str | float, what: str = "") -> None:
        self._scroll(_scrolled(self.top, self._rows, self._plane.shape[0], how, by, what), self.left)

    def _scroll_across(self, how: str, by: str | float, what: str = "") -> None:
        self._scroll(self.top, _scrolled(self.left, self._columns, self._plane.shape[1], how, by, what))

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.canvas.focus_set()
        cell = self.cell_at(event.x, event.y) if self._laid is not None else None
        if cell is not None:
            self._on_choose(*cell)

    def _move(self, rows: float, columns: float) -> str:
        (row, column), (height, width) = self._chosen or (0, 0), self._plane.shape
        if self._plane.size:
            self._on_choose(int(max(0, min(height - 1, row + rows))), int(max(0, min(width - 1, column + columns))))
        return "break"


def text(x: np.generic) -> str:
    """An element in a cell: whole numbers exactly, others with four significant digits."""
    return number(float(x)) if isinstance(x, np.floating) else str(x)


def _away(x: float) -> int:
    """A whole number, and no 0 for what is not 0."""
    return math.ceil(x) if x > 0 else math.floor(x)


def _scrolled(first: int, seen: int, whole: int, how: str, by: str | float, what: str) -> int:
    """The first row or column after what a scroll bar asks for."""
    if how == "moveto":
        return round(float(by) * whole)
    return first + int(by) * (seen if what == "pages" else 1)
