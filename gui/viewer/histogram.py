"""How the elements of a tensor spread: a bar for each stretch of their range."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from core import arrays
from gui.figures import number
from gui.theme import Look

MARGIN: Final = 16
BAR: Final = 10
"""Units around everything, and of a bar's width at least."""
MOST: Final = 80
"""Bars at most."""


class Histogram(tk.Canvas):
    """Bars over an axis that says the least and the greatest element; what is not finite is counted beside them.

    Args:
        on_point: called with what the bar stands for that is pointed at, or chosen by arrow keys; '' for none.
    """

    def __init__(self, master: tk.Misc, on_point: Callable[[str], object]) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True, width=10, height=10)
        self._on_point = on_point
        self._look: Look | None = None
        self._data = np.zeros(0)
        self._drawn: object = None
        self._ends = self._heights = (0, 0)
        self._chosen: int | None = None
        self.counts, self.edges = np.zeros(0, int), np.zeros(0)
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Motion>", lambda event: self._choose(self._bin_at(event.x)))
        self.bind("<Leave>", lambda event: self._choose(None))
        self.bind("<Left>", lambda event: self._move(-1))
        self.bind("<Right>", lambda event: self._move(1))
        self.bind("<ButtonPress-1>", lambda event: self.focus_set())

    def show(self, data: np.ndarray) -> None:
        """Other elements."""
        if data is not self._data:
            self._data, self._drawn = data, None
        self._draw()

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["panel"], highlightbackground=look["line"], highlightcolor=look["accent"])
        self._draw()

    def said(self, bin_: int | None) -> str:
        """One bar in words."""
        if bin_ is None or self._look is None:
            return ""
        low, high, count = self.edges[bin_], self.edges[bin_ + 1], int(self.counts[bin_])
        whole = self._data.dtype.kind in "iub" and high - low == 1
        stretch = number(round((low + high) / 2)) if whole else f"{number(float(low))} … {number(float(high))}"
        return self._look.words("viewer.bin", stretch=stretch, n=f"{count:,}", all=f"{self._data.size:,}")

    def _draw(self) -> None:
        look, width, height = self._look, self.winfo_width(), self.winfo_height()
        if look is None or width <= 1 or self._drawn == (width, height):
            return
        self._drawn = (width, height)
        self.delete("all")
        margin, font = look.px(MARGIN), tkfont.Font(self, font=look.font(11, mono=True))
        line = font.metrics("linespace")
        bins = max(1, min(MOST, (width - 2 * margin) // look.px(BAR)))
        if self._data.dtype.kind == "f":  # whole numbers get a bar each where there is room
            bins = min(bins, max(1, round(2 * self._data.size**0.5)))
        self.counts, self.edges = arrays.histogram(self._data, bins)
        base, top = height - margin - line - look.px(4), margin + line + look.px(4)
        self._ends, self._heights, self._chosen = (margin, width - margin), (top, base), None
        self._band = self.create_rectangle(0, 0, 0, 0, width=0, fill=look["halo"], state="hidden")
        found = arrays.extent(self._data)
        if found.low is not None and found.high is not None:
            self._bars(look, top, base)
            self._axis(look, base, found.low, found.high, font)
        odd = "   ".join(f"{count:,} {name}" for name, count in (("NaN", found.nan), ("Inf", found.inf)) if count)
        self.create_text(width - margin, margin, anchor="ne", text=odd, font=font, fill=look["wrong"], tags="odd")

    def _bars(self, look: Look, top: int, base: int) -> None:
        left, right = self._ends
        most = int(self.counts.max())
        said = look.words("viewer.most", n=f"{most:,}")
        self.create_line(left, top, right, top, fill=look["line"])
        self.create_text(left, top - look.px(3), anchor="sw", text=said, font=look.font(11), fill=look["quiet"])
        edges = np.linspace(left, right, len(self.counts) + 1).round().astype(int).tolist()
        for bin_, (count, start, end) in enumerate(zip(self.counts.tolist(), edges, edges[1:], strict=False)):
            if count:  # one element among a million is seen as well
                high = max(look.px(2), round((base - top) * count / most))
                self.create_rectangle(
                    start, base - high, end - 1, base, width=0, fill=look["value"], tags=("bar", f"bar{bin_}")
                )

    def _axis(self, look: Look, base: int, low: float, high: float, font: tkfont.Font) -> None:
        """The least and the greatest element below their ends, and zero where there is room between them."""
        left, right = self._ends
        ends, below, tick = (number(low), number(high)), base + look.px(5), base + look.px(4)
        self.create_line(left, base, right, base, fill=look["edge"])

        def say(x: float, text: str, anchor: Literal["nw", "n", "ne"]) -> None:
            self.create_text(x, below, anchor=anchor, text=text, font=font, fill=look["quiet"], tags="axis")

        if low == high:
            say((left + right) / 2, ends[0], "n")
            return
        say(left, ends[0], "nw")
        say(right, ends[1], "ne")
        first, last = float(self.edges[0]), float(self.edges[-1])
        if low < 0 < high:
            zero = left + (right - left) * -first / (last - first)
            self.create_line(zero, base, zero, tick, fill=look["edge"])
            free = look.px(12)
            if left + font.measure(ends[0]) + free < zero < right - font.measure(ends[1]) - free:
                say(zero, "0", "n")

    def _choose(self, bin_: int | None) -> None:
        """Marks a bar and says it."""
        if self._look is None or self._drawn is None:
            return
        self.itemconfigure(self._band, state="hidden" if bin_ is None else "normal")
        self.itemconfigure(f"bar{self._chosen}", fill=self._look["value"])
        self._chosen = bin_
        self.itemconfigure(f"bar{bin_}", fill=self._look["accent"])
        if bin_ is not None:
            left, wide = self._ends[0], (self._ends[1] - self._ends[0]) / len(self.counts)
            self.coords(self._band, left + bin_ * wide, self._heights[0], left + (bin_ + 1) * wide, self._heights[1])
        self._on_point(self.said(bin_))

    def _move(self, by: int) -> str:
        if len(self.counts):
            start = self._chosen if self._chosen is not None else -1 if by > 0 else len(self.counts)
            self._choose(max(0, min(len(self.counts) - 1, start + by)))
        return "break"

    def _bin_at(self, x: int) -> int | None:
        left, right = self._ends
        if not len(self.counts) or not left <= x < right:
            return None
        return int((x - left) * len(self.counts) / (right - left))
