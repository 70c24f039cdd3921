"""A plane of numbers as colours, blue below zero and red above, with a bar that says what they mean."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageTk

from core.arrays import Extent
from gui.figures import number
from gui.theme import Look
from gui.viewer import shades
from gui.viewer.table import Cell

LARGEST_CELL: Final = 48
THIN: Final = 24
"""Units of a side of one entry at most, and of a side of the whole at least."""
MARGIN: Final = 12
BAR: Final = 12
"""Units around everything, and of the bar's width."""


class HeatMap(tk.Canvas):
    """Its owner marks the entry that is chosen by a click or by arrow keys.

    Args:
        on_choose: called with the row and the column of the entry the reader has chosen.
        on_point: the same for the entry the pointer is over; None where it has left.

    Attributes:
        area: left, top, right and bottom pixel of the colours; None while there are none.
    """

    def __init__(
        self, master: tk.Misc, on_choose: Callable[[int, int], object], on_point: Callable[[Cell | None], object]
    ) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True, width=10, height=10)
        self._on_choose, self._on_point = on_choose, on_point
        self._look: Look | None = None
        self._plane = np.zeros((0, 0))
        self._extent = Extent()
        self._chosen: Cell | None = None
        self._drawn: object = None
        self._pictures: list[ImageTk.PhotoImage] = []  # Tk itself keeps no picture alive
        self.area: tuple[int, int, int, int] | None = None
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Motion>", lambda event: self._on_point(self.cell_at(event.x, event.y)))
        self.bind("<Leave>", lambda event: self._on_point(None))
        self.bind("<ButtonPress-1>", self._pressed)
        for key, by in (("<Up>", (-1, 0)), ("<Down>", (1, 0)), ("<Left>", (0, -1)), ("<Right>", (0, 1))):
            self.bind(key, lambda event, by=by: self._move(*by))  # type: ignore[misc]

    def show(self, plane: np.ndarray, extent: Extent, chosen: Cell | None) -> None:
        """Another plane; ``extent`` is what the colours reach over."""
        if plane is not self._plane or extent != self._extent:
            self._plane, self._extent, self._drawn = plane, extent, None
        self._chosen = chosen
        self._draw()

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["panel"], highlightbackground=look["line"], highlightcolor=look["accent"])
        self._draw()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The entry at a pixel: where several share it, the one whose colour it has."""
        if self.area is None:
            return None
        left, top, right, bottom = self.area
        if not (left <= x < right and top <= y < bottom):
            return None
        rows, columns = self._plane.shape
        return shades.entry_at(self._plane, x - left, y - top, right - left, bottom - top, (0, rows), (0, columns))

    def _draw(self) -> None:
        look, width, height = self._look, self.winfo_width(), self.winfo_height()
        if look is None or width <= 1:
            return
        if self._drawn != (width, height):
            self._drawn = (width, height)
            self.delete("all")
            self._pictures, self.area = [], None
            if self._plane.size:
                self._paint(look, width, height)
        self._mark(look)

    def _paint(self, look: Look, width: int, height: int) -> None:
        rows, columns = self._plane.shape
        margin, font = look.px(MARGIN), tkfont.Font(self, font=look.font(11, mono=True))
        said = max(map(font.measure, ("-1.234e-10", *self._ends())))
        room, tall = width - said - look.px(BAR) - 4 * margin, height - 2 * margin
        cell = min(look.px(LARGEST_CELL), room / columns, tall / rows)
        wide = max(1, min(room, max(look.px(THIN), round(columns * cell))))
        high = max(1, min(tall, max(look.px(THIN), round(rows * cell))))
        self.area = (margin, margin, margin + wide, margin + high)
        image = shades.image(self._plane, wide, high, (0, rows), (0, columns), look.palette, self._extent.size)
        self._place(image, margin, margin, look)
        self._legend(look, margin + wide + 2 * margin, margin, min(tall, look.px(180)), font)
        self._ring = self.create_rectangle(0, 0, 0, 0, outline=look["accent"], width=look.px(2), state="hidden")

    def _place(self, image: Image.Image, x: int, y: int, look: Look) -> None:
        self._pictures.append(ImageTk.PhotoImage(image, master=self))
        self.create_image(x, y, anchor="nw", image=self._pictures[-1])
        self.create_rectangle(x - 1, y - 1, x + image.width, y + image.height, outline=look["edge"])

    def _ends(self) -> list[str]:
        low, high = self._extent.low, self._extent.high
        if low is None or high is None:
            return []
        return [number(high), number(low) if low != high else ""]

    def _legend(self, look: Look, x: int, y: int, height: int, font: tkfont.Font) -> None:
        """The bar from the greatest number down to the least, zero between them, and what NaN looks like."""
        low, high, bar = self._extent.low, self._extent.high, look.px(BAR)
        right = x + bar + look.px(6)

        def say(at: float, text: str) -> None:
            self.create_text(right, at, anchor="w", text=text, font=font, fill=look["quiet"], tags="legend")

        if low is not None and high is not None:
            image = shades.scale(height, bar, low, high, look.palette).rotate(90, expand=True)
            self._place(image, x, y, look)
            half = font.metrics("linespace") / 2
            zero = y + height * high / (high - low) if low < 0 < high else None
            for at, text in zip((y + half, y + height - half), self._ends(), strict=True):
                if zero is None or abs(zero - at) > 2 * half:
                    say(at, text)
            if zero is not None:
                say(zero, "0")
                self.create_line(x + bar, zero, right - look.px(2), zero, fill=look["edge"])
            y += height + look.px(MARGIN)
        if self._extent.nan:
            sample = shades.image(np.full((1, 1), np.nan), bar, bar, (0, 1), (0, 1), look.palette)
            self._place(sample, x, y, look)
            say(y + bar / 2, "NaN")

    def _mark(self, look: Look) -> None:
        """A ring around the chosen entry, never too small to be seen."""
        if self.area is None:
            return
        shown = self._chosen is not None
        self.itemconfigure(self._ring, state="normal" if shown else "hidden")
        if self._chosen is not None:
            left, top, right, bottom = self.area
            wide, high = (right - left) / self._plane.shape[1], (bottom - top) / self._plane.shape[0]
            x, y = left + (self._chosen[1] + 0.5) * wide, top + (self._chosen[0] + 0.5) * high
            wide, high = max(wide, look.px(8)) / 2, max(high, look.px(8)) / 2
            self.coords(self._ring, x - wide, y - high, x + wide, y + high)

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        cell = self.cell_at(event.x, event.y)
        if cell is not None:
            self._on_choose(*cell)

    def _move(self, rows: int, columns: int) -> str:
        row, column = self._chosen or (0, 0)
        height, width = self._plane.shape
        if self._plane.size:
            self._on_choose(max(0, min(height - 1, row + rows)), max(0, min(width - 1, column + columns)))
        return "break"
